# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Models over strings, written by scripts/export-strings: they answer what scikit-learn answers, in
JSON, in the V2 form and in CSV, and what is no text is refused by name."""

import csv
import importlib.util
import io
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import harness

MISSING = [m for m in ("sklearn", "onnx") if importlib.util.find_spec(m) is None]
CLASSES = ["cheap", "fair", "très cher"]


@unittest.skipIf(MISSING, f"python3-{' python3-'.join(MISSING)} not installed")
class Strings(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="roost-strings-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        subprocess.run([harness.ROOT / "scripts/export-strings", cls.folder], check=True,
                       capture_output=True, timeout=300)

    def arrays(self, model, side):
        """The data set as lists, texts as str."""
        import onnx
        from onnx import numpy_helper
        out = []
        for path in sorted((self.folder / model / "test_data_set_0").glob(f"{side}_*.pb")):
            tensor = onnx.TensorProto.FromString(path.read_bytes())
            array = numpy_helper.to_array(tensor)
            if tensor.data_type == onnx.TensorProto.STRING:
                texts = [t.decode() for t in tensor.string_data]
                array = numpy_helper.np.array(texts, dtype=object).reshape(array.shape)
            out.append(array.tolist())
        return out

    def served(self, *models):
        store = self.store()
        for name in models:
            store.add(name, self.folder / name / "model.onnx")
        return self.serve(store)

    def test_answers_are_the_frameworks(self):
        models = sorted(self.folder.iterdir())
        self.assertGreaterEqual(len(models), 10)
        done = harness.roost("verify", "--rtol", 1e-4, "--atol", 1e-5, *models)
        self.assertIn(f"{len(models)} passed, 0 failed, 0 unsupported", done.stdout, done.stdout)

    def test_json_and_v2(self):
        server = self.served("mixed")
        s, x = self.arrays("mixed", "input")
        label, scores = self.arrays("mixed", "output")
        reply = server.invoke("mixed", {"instances": [{"S": a, "X": b} for a, b in zip(s, x)]})
        self.assertEqual(reply.status, 200, reply)
        got = reply.json()["predictions"]
        self.assertEqual([p["label"] for p in got], label)
        self.assertClose([p["scores"] for p in got], scores, 1e-4)
        reply = server.invoke("mixed", {"inputs": {"X": x, "S": s}})
        self.assertEqual(reply.json()["outputs"]["label"], label)
        flat = [t for row in s for t in row]
        reply = server.invoke("mixed", {"inputs": [
            {"name": "S", "datatype": "BYTES", "shape": [len(s), 2], "data": flat},
            {"name": "X", "datatype": "FP32", "shape": [len(x), 2], "data": x}]})
        self.assertEqual(reply.status, 200, reply)
        first = reply.json()["outputs"][0]
        self.assertEqual((first["name"], first["datatype"], first["shape"]),
                         ("label", "BYTES", [len(s)]))
        self.assertEqual(first["data"], label)

    def test_csv(self):
        server = self.served("mixed")
        s, x = self.arrays("mixed", "input")
        label, scores = self.arrays("mixed", "output")
        for newline in ("\n", "\r\n"):
            text = io.StringIO()
            csv.writer(text, lineterminator=newline).writerows([*a, *b] for a, b in zip(s, x))
            reply = server.invoke("mixed", text.getvalue().encode(), content_type="text/csv")
            self.assertEqual(reply.status, 200, reply)
            rows = list(csv.reader(io.StringIO(reply.body.decode())))
            self.assertEqual([r[0] for r in rows], label)
            self.assertClose([[float(v) for v in r[1:]] for r in rows], scores, 1e-4)

    def test_runs_whose_shape_the_texts_decide(self):
        server = self.served("normalizer")
        for words, want in ((["The", "CAT", "on", "ÉTÉ"], ["cat", "été"]), (["a", "THE"], [""]),
                            (["Ж" * 1000], ["ж" * 1000])):
            reply = server.invoke("normalizer", {"inputs": {"S": words}})
            self.assertEqual(reply.status, 200, reply)
            self.assertEqual(reply.json()["outputs"]["y"], want)

    def test_the_signature_says_strings_and_classes(self):
        server = self.served("mixed", "svc")
        self.assertEqual(server.load("mixed").status, 200)
        self.assertEqual(server.load("svc").status, 200)
        known = server.describe("mixed").json()
        self.assertEqual([(p["name"], p["datatype"]) for p in known["inputs"]],
                         [("S", "BYTES"), ("X", "FP32")])
        self.assertEqual([(p["name"], p["datatype"], p.get("classes")) for p in known["outputs"]],
                         [("label", "BYTES", None), ("scores", "FP32", CLASSES)])
        self.assertEqual(server.describe("svc").json()["outputs"][1]["classes"], CLASSES)
        shown = json.loads(harness.roost("show", "--json", self.folder / "mixed/model.onnx").stdout)
        self.assertEqual(shown["inputs"][0]["dtype"], "string")
        self.assertEqual(shown["outputs"][1]["classes"], CLASSES)
        self.assertEqual(shown["provenance"]["classes"], {"scores": CLASSES})

    def test_what_is_no_text_is_refused_by_name(self):
        server = self.served("one-hot-error", "label-decoder")
        cases = [(b'{"instances": [["red", 7]]}', "input 'S': a number or a boolean came"),
                 (b'{"instances": [["red", null]]}', "expected string"),
                 (b'{"instances": [["red", "\xff"]]}', "not UTF-8"),
                 (b'{"instances": [["red", "\\u0000"]]}', "input 'S': JSON at byte"),
                 (b'{"instances": [["red", "\\ud800"]]}', "input 'S': JSON at byte"),
                 (b'{"instances": [["red", "S"], ["red"]]}', "input 'S'"),
                 (b'{"instances": [["mauve", "S"]]}', "'mauve', which is no category")]
        for body, words in cases:
            reply = server.invoke("one-hot-error", body)
            self.assertEqual(reply.status, 400, body)
            self.assertIn(words, reply.error(), body)
        reply = server.invoke("one-hot-error", b'"red","S', content_type="text/csv")
        self.assertEqual(reply.status, 400)
        self.assertIn("row 1, column 2: its quote is not closed", reply.error())
        reply = server.invoke("one-hot-error", b"\x93NUMPY", content_type="application/x-npy")
        self.assertEqual(reply.status, 400)
        self.assertIn("input 'S' is of strings", reply.error())
        reply = server.invoke("label-decoder", {"instances": [0]},
                              headers={"accept": "application/x-npy"})
        self.assertEqual(reply.status, 400)
        self.assertIn("output 'y' is of strings", reply.error())

    def test_large_texts_are_bounded_by_the_body_and_the_memory_for_bodies(self):
        server = self.served("one-hot-ignore")
        long = "x" * (4 << 20)
        reply = server.invoke("one-hot-ignore", {"instances": [[long, "S"]]})
        self.assertEqual(reply.status, 200, reply)
        many = b"[" + b",".join([b'["",""]'] * 300000) + b"]"
        reply = server.invoke("one-hot-ignore", many)
        self.assertEqual(reply.status, 200, reply.status)
        store = self.store()
        store.add("one-hot-ignore", self.folder / "one-hot-ignore/model.onnx")
        small = self.serve(store, http_memory="6MiB")
        self.assertEqual(small.invoke("one-hot-ignore", many).status, 503)
        self.assertEqual(small.invoke("one-hot-ignore", [["red", "S"]]).status, 200)
