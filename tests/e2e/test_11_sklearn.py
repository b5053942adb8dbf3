# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""scikit-learn models, written as ONNX by scripts/export-sklearn, answer what scikit-learn answers;
tree ensembles whose lists are broken are refused by name. Folders of other models with reference
answers, named by ROOST_TEST_MODELS (paths with colons between), must not fail."""

import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import harness

TOLERANCE = ("--rtol", 1e-3, "--atol", 1e-4)
MODELS = [p for p in os.environ.get("ROOST_TEST_MODELS", "").split(":") if p]
MISSING = [m for m in ("sklearn", "onnx") if importlib.util.find_spec(m) is None]
BAD = {"base": "base_values", "class": "class or target 3 of 3", "cycle": "cannot be reached",
       "feature": "feature is out of range", "long-modes": "nodes_modes has more",
       "mode": "BRANCH_NEQ", "no-child": "root", "shared-child": "root",
       "short-list": "nodes_values has", "strings": "classlabels_strings",
       "threshold": "not finite", "twice": "twice"}


@unittest.skipIf(MISSING, f"python3-{' python3-'.join(MISSING)} not installed")
class Sklearn(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="roost-sklearn-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        subprocess.run([harness.ROOT / "scripts/export-sklearn", cls.folder], check=True,
                       capture_output=True, timeout=300)

    def test_answers_are_the_frameworks(self):
        models = sorted(self.folder.glob("good-*"))
        self.assertGreater(len(models), 30)
        done = harness.roost("verify", *TOLERANCE, *models, timeout=300)
        self.assertIn(f"{len(models)} passed, 0 failed, 0 unsupported", done.stdout, done.stdout)

    def test_the_provenance_names_the_classes_of_columns(self):
        out = self.folder / "labels.roost"
        harness.roost("compile", self.folder / "good-forest-labels/model.onnx", "-o", out)
        shown = harness.roost("show", "--json", out)
        self.assertEqual(json.loads(shown.stdout)["provenance"]["classes"],
                         {"scores": [30, -4, 7]})

    def test_broken_trees_are_refused_by_name(self):
        self.assertEqual({p.name[4:] for p in self.folder.glob("bad-*")}, set(BAD))
        for name, words in BAD.items():
            done = harness.roost("compile", self.folder / f"bad-{name}/model.onnx", "-o",
                                 self.folder / "out.roost")
            self.assertEqual(done.returncode, 1, name)
            self.assertIn("TreeEnsembleClassifier", done.stderr)
            self.assertIn(words, done.stderr)


@unittest.skipUnless(MODELS, "ROOST_TEST_MODELS names no folders")
class Others(harness.Case):
    def test_no_model_fails(self):
        done = harness.roost("verify", *TOLERANCE, *MODELS, timeout=600)
        self.assertIn(" 0 failed,", done.stdout, done.stdout)
