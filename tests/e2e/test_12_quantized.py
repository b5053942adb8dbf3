# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Quantized networks in both forms in which tools write them (operators on bytes; quantize and
dequantize around float operators), quantized while they run, and as PyTorch exports its fake
quantization: they answer what numpy, or PyTorch, computes, at batch 1 and 3. Where every bit is
determined the answer is the same in every bit; else it is within two quanta."""

import importlib.util
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import harness

EXPORT_S = 300


@unittest.skipIf(importlib.util.find_spec("onnx") is None, "python3-onnx is not installed")
class Quantized(harness.Case):
    def check(self, name):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="roost-quantized-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        subprocess.run([harness.ROOT / "scripts/export-quantized", folder, name], check=True,
                       capture_output=True, timeout=EXPORT_S)
        model = folder / name
        self.assertEqual(len(list(model.glob("test_data_set_*"))), 2)
        done = harness.roost("verify", "--rtol", 0, "--atol", (model / "atol").read_text().strip(),
                             model)
        self.assertIn("1 passed, 0 failed, 0 unsupported", done.stdout, done.stdout + done.stderr)

    def test_operators_on_signed_bytes(self):
        self.check("qoperator-u8s8")

    def test_operators_on_unsigned_bytes(self):
        self.check("qoperator-u8u8")

    def test_float_operators_between_quantize_and_dequantize(self):
        self.check("qdq-exact")

    def test_a_scale_for_each_channel(self):
        self.check("qdq-per-channel")

    def test_quantized_while_it_runs(self):
        self.check("dynamic")

    @unittest.skipIf(importlib.util.find_spec("torch") is None, "python3-torch is not installed")
    def test_fake_quantization_of_pytorch(self):
        self.check("torch-qat")
