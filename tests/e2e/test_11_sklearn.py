# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""scikit-learn models, written as ONNX by scripts/export-sklearn and scripts/export-estimators, answer
what scikit-learn answers; tree ensembles whose lists are broken are refused by name. Folders of other models with reference
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
       "mode": "BRANCH_MEMBER", "no-child": "root", "shared-child": "root",
       "short-list": "nodes_values has",
       "threshold": "not finite", "twice": "twice"}


@unittest.skipIf(MISSING, f"python3-{' python3-'.join(MISSING)} not installed")
class Sklearn(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="roost-sklearn-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        for script in ("export-sklearn", "export-estimators"):
            subprocess.run([harness.ROOT / "scripts" / script, cls.folder], check=True,
                           capture_output=True, timeout=300)

    def test_answers_are_the_frameworks(self):
        models = sorted(self.folder.glob("good-*"))
        self.assertGreater(len(models), 90)
        done = harness.roost("verify", *TOLERANCE, *models, timeout=300)
        self.assertIn(f"{len(models)} passed, 0 failed, 0 unsupported", done.stdout, done.stdout)

    def test_answers_through_the_server_are_the_frameworks(self):
        import numpy
        names = ["StandardScaler", "KMeans", "KNeighborsClassifier", "MLPRegressor", "OneHotEncoder",
                 "GaussianNB", "GradientBoostingClassifier", "Pipeline"]
        store = self.store()
        for name in names:
            store.add(name, self.folder / f"good-{name}/model.onnx")
        server = self.serve(store)
        for name in names:
            data = self.folder / f"good-{name}/test_data_set_0"
            rows = numpy.load(data / "input_0.npy")[:7]
            holes = [[None if v != v else v for v in row] for row in rows.tolist()]
            reply = server.invoke(name, {"instances": holes})
            self.assertEqual(reply.status, 200, reply)
            for i, out in enumerate(server.describe(name).json()["outputs"]):
                got = reply.json()["predictions"]
                got = [p[out["name"]] for p in got] if isinstance(got[0], dict) else got
                want = numpy.load(data / f"output_{i}.npy")[:7]
                with self.subTest(model=name, output=out["name"]):
                    numpy.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-4)

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
