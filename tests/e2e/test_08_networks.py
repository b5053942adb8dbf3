# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""torchvision's networks and small sequence models with random weights, as torch exports them at three
opsets, answer what PyTorch answers at batch 1 and 4: rtol 1e-3, atol 1e-5 of the output's scale.

The networks of most weights, whose operators are the same at all three opsets, take one opset unless
ROOST_TEST_OPSETS names others (11,13,17: all of them for all networks)."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import harness

OPSETS = os.environ.get("ROOST_TEST_OPSETS", "")
EXPORT_S = 600
STATIC = ["bert_mini", "efficientnet_b0", "lstm", "gru", "shufflenet_v2_x0_5", "swin_mini", "vit_mini",
          "yolo_mini"]
RTOL, ATOL_OF_SCALE = 1e-3, 1e-5


def scale_of(folder):
    """The largest magnitude of each data set's answer; the smallest of those."""
    import numpy
    answers = [numpy.load(p) for p in sorted(folder.glob("test_data_set_*/output_0.npy"))]
    batches = [1] if folder.name.endswith("-static") else [1, 4]
    assert [len(a) for a in answers] == batches, f"{folder}: batches {[len(a) for a in answers]}"
    return min(float(numpy.abs(a).max()) for a in answers)


@unittest.skipIf(importlib.util.find_spec("torchvision") is None,
                 "python3-torchvision is not installed")
@unittest.skipIf(harness.SANITIZED, "BLAS is not instrumented, and a sanitizer takes an hour")
class Networks(harness.Case):
    def check(self, network, *options, opsets="11,13,17"):
        opsets = OPSETS or opsets
        folder = pathlib.Path(tempfile.mkdtemp(prefix="roost-networks-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        subprocess.run([harness.ROOT / "scripts/export-networks", folder, "--networks", network,
                        "--opsets", opsets, *options],
                       check=True, capture_output=True, timeout=EXPORT_S)
        models = sorted(folder.iterdir())
        self.assertEqual(len(models), len(opsets.split(",")))
        for model in models:
            with self.subTest(model.name):
                done = harness.roost("verify", "--rtol", RTOL, "--atol",
                                     f"{ATOL_OF_SCALE * scale_of(model):.3g}", model,
                                     timeout=EXPORT_S)
                self.assertIn("1 passed, 0 failed, 0 unsupported", done.stdout,
                              done.stdout + done.stderr)

    def test_alexnet(self):
        self.check("alexnet", opsets="11")

    def test_bert_mini(self):
        self.check("bert_mini")

    def test_convnext_mini(self):
        self.check("convnext_mini")

    def test_convnext_tiny(self):
        self.check("convnext_tiny", opsets="11")

    def test_densenet121(self):
        self.check("densenet121")

    def test_efficientnet_b0(self):
        self.check("efficientnet_b0")

    def test_googlenet(self):
        self.check("googlenet")

    def test_gru(self):
        self.check("gru")

    def test_inception_v3(self):
        self.check("inception_v3")

    def test_lstm(self):
        self.check("lstm")

    def test_mnasnet0_5(self):
        self.check("mnasnet0_5")

    def test_mobilenet_v2(self):
        self.check("mobilenet_v2")

    def test_mobilenet_v3_small(self):
        self.check("mobilenet_v3_small")

    def test_regnet_y_400mf(self):
        self.check("regnet_y_400mf")

    def test_resnet18(self):
        self.check("resnet18")

    def test_resnet18_with_batch_norms_that_we_fold(self):
        self.check("resnet18", "--keep-batch-norm", opsets="13")

    def test_resnet50(self):
        self.check("resnet50")

    def test_rnn_relu(self):
        self.check("rnn_relu")

    def test_shufflenet_v2_x0_5(self):
        self.check("shufflenet_v2_x0_5")

    def test_squeezenet1_1(self):
        self.check("squeezenet1_1")

    def test_swin_mini(self):
        self.check("swin_mini")

    def test_swin_t(self):
        self.check("swin_t", opsets="13")

    def test_transformer(self):
        self.check("transformer")

    def test_vgg16(self):
        self.check("vgg16", opsets="17")

    def test_vit_b_32(self):
        self.check("vit_b_32", opsets="17")

    def test_vit_mini(self):
        self.check("vit_mini")

    def test_yolo_mini(self):
        self.check("yolo_mini")

    def test_fixed_batch(self):
        for network in STATIC:
            self.check(network, "--static", opsets="13")
