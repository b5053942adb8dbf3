# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Models with If, Loop and Scan: they answer what PyTorch, or the same algorithm in numpy, answers; and
one that never ends takes nothing from the others but its worker's time until its deadline."""

import importlib.util
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import harness
import tiny_onnx

EXPORT_S = 300
HAVE_ONNX = importlib.util.find_spec("onnx") is not None
HAVE_TORCH = importlib.util.find_spec("torch") is not None
IRIS = '{"instances": [[5.1, 3.5, 1.4, 0.2]]}'


@unittest.skipIf(not HAVE_ONNX, "python3-onnx is not installed")
class Answers(harness.Case):
    def check(self, *names):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="roost-control-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        subprocess.run([harness.ROOT / "scripts/export-control", folder, *names], check=True,
                       capture_output=True, timeout=EXPORT_S)
        done = harness.roost("verify", *(folder / name for name in names))
        self.assertIn(f"{len(names)} passed, 0 failed, 0 unsupported", done.stdout,
                      done.stdout + done.stderr)
        return folder

    def test_loops(self):
        self.check("loop-of-loops", "loop-that-grows", "loop-without-iterations")

    def test_scans(self):
        self.check("scan-along-axes", "scan-backwards", "scan-of-a-loop")

    def test_ifs_that_constants_decide_are_gone(self):
        folder = self.check("ifs-that-fold")
        shown = harness.roost("show", folder / "ifs-that-fold/model.onnx").stdout
        self.assertIn("Mul x 1", shown)
        self.assertNotIn("If x", shown)

    @unittest.skipIf(not HAVE_TORCH, "python3-torch is not installed")
    def test_scripted_modules(self):
        self.check("torch-for", "torch-while", "torch-if", "torch-for-in-for", "torch-slices")


class Bounds(harness.Case):
    def serve_loops(self, **flags):
        store = self.store("iris")
        for name, slices in (("endless", False), ("growing", True)):
            source = store.put(f"{name}.source", tiny_onnx.loop(keeps_slices=slices))
            done = harness.roost("compile", source, "-o", store.path / f"{name}.roost")
            self.assertEqual(done.returncode, 0, done.stderr)
        return self.serve(store, **flags)

    def test_an_endless_loop_ends_at_its_deadline_and_others_answer(self):
        server = self.serve_loops(workers=2, max_steps=10 ** 12)
        self.assertEqual(server.invoke("iris", IRIS).status, 200)
        endless = self.in_background(server.invoke, "endless", '{"instances": [1, -2]}',
                                     headers={"x-roost-timeout-ms": "3000"})
        answered = 0
        while not endless.done():
            self.assertEqual(server.invoke("iris", IRIS).status, 200)
            answered += 1
        self.assertEqual(endless.result().status, 504)
        self.assertGreater(answered, 0)
        self.assertEqual(server.invoke("iris", IRIS).status, 200)

    def test_slices_that_grow_end_at_the_arenas_maximum(self):
        server = self.serve_loops(arena_max="1MiB")
        body = json.dumps({"inputs": {"x": [1.0, -2.0], "n": 2 ** 62}})
        reply = server.invoke("growing", body)
        self.assertEqual(reply.status, 413, reply)
        body = json.dumps({"inputs": {"x": [1.0, -2.0], "n": 2}})
        reply = server.invoke("growing", body)
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(reply.json()["outputs"], {"y": [1.0, 2.0], "z": [[1.0, 2.0], [1.0, 2.0]]})
