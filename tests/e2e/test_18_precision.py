# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Low precision: a convolutional network and a multi-layer perceptron in each precision. The error
that a compile reports is the one that this file computes from the answers of both artifacts; a
larger one than allowed leaves no artifact; what is wrong with calibration data is said."""

import json
import pathlib
import random
import shutil
import struct
import tempfile
import unittest

import harness
import tiny_onnx

GENERIC = {"ROOST_CPU": "generic"}  # what a compile measures with
PRECISIONS = ("bf16", "int8", "weights-bf16")


def npy(rows, descr="<f4", code="f"):
    """A matrix as a .npy file.  source: numpy.lib.format"""
    width = len(rows[0])
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({len(rows)}, {width}), }}"
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    flat = [v for row in rows for v in row]
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack(
        f"<{len(flat)}{code}", *flat)


def perceptron():
    """64 - 128 - 10, relu between, the same in every run."""
    rng = random.Random(5)
    sizes = {"w": (64, 128), "b": (128,), "v": (128, 10), "c": (10,)}
    count = lambda dims: dims[0] * (dims[1] if len(dims) > 1 else 1)
    constants = [tiny_onnx.tensor(n, d, [rng.gauss(0, 0.1) for _ in range(count(d))]) for n, d in sizes.items()]
    nodes = [tiny_onnx.node("Gemm", ["x", "w", "b"], ["h"]), tiny_onnx.node("Relu", ["h"], ["r"]),
             tiny_onnx.node("Gemm", ["r", "v", "c"], ["y"])]
    return tiny_onnx.model(nodes, constants, [tiny_onnx.port("x", ["N", 64])], [tiny_onnx.port("y", ["N", 10])])


def inputs(seed, rows=8, width=64):
    rng = random.Random(seed)
    return [[rng.uniform(-1, 1) for _ in range(width)] for _ in range(rows)]


class Precision(harness.Case):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="roost-precision-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        (self.dir / "mlp.onnx").write_bytes(perceptron())

    def data(self, *files):
        """A folder of calibration data: (name, bytes)."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.dir))
        for name, content in files:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    def two_sets(self):
        return self.data(("a.npy", npy(inputs(1))), ("test_data_set_0/input_0.npy", npy(inputs(2, rows=3))))

    def compile(self, model, *flags, out="out.roost"):
        return harness.roost("compile", model, "-o", self.dir / out, "--json", *flags)

    def made(self, model, *flags, out="out.roost"):
        done = self.compile(model, *flags, out=out)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def refused(self, model, *flags):
        done = self.compile(model, *flags, out="refused.roost")
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertFalse((self.dir / "refused.roost").exists(), "an artifact was written")
        return done.stderr

    def answers(self, artifact, files):
        """All numbers of all answers, row by row."""
        rows = []
        for f in files:
            done = harness.roost("run", self.dir / artifact, "-i", f, "--npy", "--accept", "json", env=GENERIC)
            self.assertEqual(done.returncode, 0, done.stderr)
            rows += json.loads(done.stdout)["predictions"]
        return rows

    def check_report(self, model, folder, files, precision, worst):
        report = self.made(model, "--precision", precision, "--calibrate", folder, out="narrow.roost")["precision"]
        self.made(model, "--optimize", "memory", out="wide.roost")
        want, got = self.answers("wide.roost", files), self.answers("narrow.roost", files)
        off = [abs(w - g) for a, b in zip(want, got) for w, g in zip(a, b)]
        largest = max(abs(w) for row in want for w in row)
        agreed = sum(max(range(len(a)), key=a.__getitem__) == max(range(len(b)), key=b.__getitem__)
                     for a, b in zip(want, got))
        self.assertEqual(report["type"], precision)
        self.assertGreater(report["narrowed"], 0)
        self.assertEqual(report["sets"], len(files))
        self.assertClose([report["error_max"], report["error_mean"], report["largest"]],
                         [max(off), sum(off) / len(off), largest], 2e-6 * largest)
        self.assertEqual([report["rows"], report["agreed"]], [len(want), agreed])
        self.assertGreater(max(off), 0, "nothing was rounded")
        self.assertLess(max(off) / largest, worst)
        return report

    def test_the_error_of_a_perceptron_is_the_reported_one(self):
        folder = self.two_sets()
        files = [folder / "a.npy", folder / "test_data_set_0/input_0.npy"]
        for precision, worst in zip(PRECISIONS, (0.02, 0.05, 0.02)):
            with self.subTest(precision):
                self.check_report(self.dir / "mlp.onnx", folder, files, precision, worst)

    def test_the_error_of_a_convolutional_network_is_the_reported_one(self):
        folder = harness.ROOT / "models/digits"
        files = [folder / "test_data_set_0/input_0.npy"]
        for precision, worst in zip(PRECISIONS, (0.05, 0.1, 0.05)):
            with self.subTest(precision):
                report = self.check_report(folder / "model.onnx", folder, files, precision, worst)
                self.assertEqual(report["agreed"], report["rows"])

    def test_a_larger_error_than_allowed_leaves_no_artifact(self):
        folder = self.two_sets()
        for precision in PRECISIONS:
            flags = ("--precision", precision, "--calibrate", folder)
            said = self.refused(self.dir / "mlp.onnx", *flags, "--max-error", "1e-6")
            self.assertIn(f"{precision} answers are off by", said)
            self.assertIn("--max-error allows 1e-06", said)
            self.made(self.dir / "mlp.onnx", *flags, "--max-error", "0.1")

    def test_the_same_data_give_the_same_bytes(self):
        folder = self.two_sets()
        copy = self.dir / "copy"
        shutil.copytree(folder, copy)
        for precision in PRECISIONS:
            for place, out in ((folder, "one.roost"), (copy, "two.roost")):
                self.made(self.dir / "mlp.onnx", "--precision", precision, "--calibrate", place, out=out)
            self.assertEqual((self.dir / "one.roost").read_bytes(), (self.dir / "two.roost").read_bytes())

    def test_other_data_give_other_scales(self):
        for seed, out in ((1, "one.roost"), (2, "two.roost")):
            self.made(self.dir / "mlp.onnx", "--precision", "int8", "--calibrate",
                      self.data(("a.npy", npy(inputs(seed)))), out=out)
        self.assertNotEqual((self.dir / "one.roost").read_bytes(), (self.dir / "two.roost").read_bytes())

    def test_what_has_no_layers_stays_and_says_so(self):
        model = harness.model_file("breast-cancer")
        done = harness.roost("compile", model, "-o", self.dir / "trees.roost", "--precision", "int8", "--calibrate",
                             model.parent)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("int8 in 0 of 0 layers: all is as in fp32", done.stdout)
        self.assertIn("error      at most 0,", done.stdout)

    def test_show_says_the_precision_and_the_error(self):
        report = self.made(self.dir / "mlp.onnx", "--precision", "int8", "--calibrate", self.two_sets())["precision"]
        shown = json.loads(harness.roost("show", self.dir / "out.roost", "--json").stdout)
        self.assertEqual(shown["provenance"]["precision"], report)
        plain = harness.roost("show", self.dir / "out.roost", "--layers").stdout
        self.assertIn("int8 in 2 of 2 layers", plain)
        self.assertIn("error      at most", plain)
        self.assertEqual(plain.count("  layer      int8"), 2)

    def test_bfloat16_needs_no_data_and_then_measures_nothing(self):
        for precision in ("bf16", "weights-bf16"):
            report = self.made(self.dir / "mlp.onnx", "--precision", precision)["precision"]
            self.assertEqual(report, {"type": precision, "layers": 2, "narrowed": 2, "sets": 0})

    def test_what_does_not_go_together_is_refused(self):
        mlp, folder = self.dir / "mlp.onnx", self.two_sets()
        self.assertIn("--precision int8 wants --calibrate", self.refused(mlp, "--precision", "int8"))
        self.assertIn("--max-error wants --calibrate", self.refused(mlp, "--precision", "bf16", "--max-error", "1"))
        self.assertIn("fp32 has no error to measure", self.refused(mlp, "--calibrate", folder))
        self.assertIn("fp32 has no error to measure", self.refused(mlp, "--max-error", "1"))
        self.assertIn("none of fp32, bf16", self.refused(mlp, "--precision", "fp16"))
        self.assertIn("no number from 0", self.refused(mlp, "--precision", "bf16", "--max-error", "-1"))

    def test_data_that_do_not_fit_are_named_with_what_was_expected(self):
        good = npy(inputs(1))
        cases = [
            ([("a.npy", npy(inputs(1, width=63)))], "set a.npy: input \"x\" came as float32[8,63], expected 64"),
            ([("a.npy", npy(inputs(1), "<f8", "d"))], "input \"x\" came as float64 of rank 2, expected float32"),
            ([("a.npy", good[:-5])], "a.npy"),
            ([("a.npy", b"")], "a.npy"),
            ([("test_data_set_0/input_0.pb", b"\xff\xff")], "input_0.pb"),
            ([("test_data_set_0/other.npy", good)], "input_0.pb is missing, and .npy too"),
            ([("a.npy", good), ("test_data_set_0/input_0.npy", good), ("test_data_set_0/input_1.npy", good)],
             "test_data_set_0 holds 2 inputs, the first set holds 1"),
            ([("test_data_set_0/input_0.npy", good), ("test_data_set_0/input_1.npy", good)],
             "test_data_set_0 holds 2 inputs, the model has 1"),
            ([("readme.txt", b"")], "holds neither test_data_set_*/ nor *.npy"),
        ]
        for files, words in cases:
            with self.subTest(words):
                said = self.refused(self.dir / "mlp.onnx", "--precision", "int8", "--calibrate", self.data(*files))
                self.assertIn(words, said)
        said = self.refused(self.dir / "mlp.onnx", "--precision", "int8", "--calibrate", self.dir / "nowhere")
        self.assertIn("No such file", said)


if __name__ == "__main__":
    unittest.main()
