# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Model files in the store that nobody compiled: invoked as they are, in every form, compiled once and
held while they are, and a hostile one is an error of its own alone."""
import io
import json
import os
import pathlib
import struct
import tarfile
import tempfile
import time

import harness
import tiny_onnx
from test_09_sandbox import filled, slow

ANSWER = json.loads((harness.MODELS / "iris" / "answer.json").read_text())
REQUEST = (harness.MODELS / "iris" / "request.json").read_bytes()
OK = 'roost_compiles_total{result="ok"}'
WRITE_BACK = {"ROOST_WRITE_BACK": "on"}
BACK = 'roost_write_backs_total{result="%s"}'
FAILED = 'roost_compiles_total{result="failed"}'
ONNX = (harness.MODELS / "iris" / "model.onnx").read_bytes()


def packed(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mtime = 1700000000.25  # a fraction: written as an extended header
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def xgboost_files():
    import numpy
    import xgboost

    rng = numpy.random.RandomState(1)
    x = rng.rand(200, 4).astype(numpy.float32)
    booster = xgboost.train({"max_depth": 3, "objective": "reg:squarederror"},
                            xgboost.DMatrix(x, x.sum(axis=1)), 5)
    rows = x[:3]
    want = booster.predict(xgboost.DMatrix(rows))
    return bytes(booster.save_raw("json")), bytes(booster.save_raw("ubj")), rows, want


class Raw(harness.Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=harness._scratch())
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name) / "tier"

    def put(self, store, key, data):
        store.put(key, data)

    def settle(self, store):
        """Until the files are old enough for their tags to name their content."""
        newest = max(p.stat().st_ctime for p in pathlib.Path(store.path).rglob("*.*"))
        harness.wait_until(lambda: time.time() > newest + 3, "the store to settle")

    def iris(self, server, model):
        reply = server.invoke(model, REQUEST)
        self.assertEqual(reply.status, 200, reply)
        self.assertClose(reply.json(), ANSWER)

    def test_files_beside_a_model_are_read_from_its_own_folder(self):
        store = self.store()
        weights = struct.pack("<4f", 1, 2, 3, 4)
        onnx = tiny_onnx.add_outside("parts/k.bin")
        self.put(store, "acme/m/2/model.onnx", onnx)
        self.put(store, "acme/m/2/parts/k.bin", weights)
        self.put(store, "plain.onnx", onnx)
        self.put(store, "parts/k.bin", weights)
        self.put(store, "lost/1/model.onnx", onnx)
        self.put(store, "out/1/model.onnx", tiny_onnx.add_outside("../k.bin"))
        self.put(store, "out/k.bin", weights)
        self.put(store, "odd/1/model.onnx", tiny_onnx.add_outside("a b.bin"))
        self.put(store, "odd/1/a b.bin", weights)
        self.put(store, "short/1/model.onnx", onnx)
        self.put(store, "short/1/parts/k.bin", weights[:-1])
        self.put(store, "large/1/model.onnx", onnx)
        self.put(store, "large/1/parts/k.bin", bytes(70000))
        self.settle(store)
        server = self.serve(store, disk=self.dir, compile_file_max="64KiB")
        for _ in range(2):  # compiled once: then the tier has it
            reply = server.invoke("acme/m", [[0, 0, 0, 0.5]])
            self.assertEqual((reply.status, reply.json()), (200, {"predictions": [[1, 2, 3, 4.5]]}))
            server.unload("acme/m")
        self.assertEqual(server.metrics()[OK], 1)
        for name, words in {"plain": "plain.onnx wants the file 'parts/k.bin' beside it: only beside NAME/N",
                            "lost": "wants the file 'parts/k.bin' beside it: it is not in the store",
                            "out": "../k.bin", "odd": "no object of a store has such a name",
                            "short": "parts/k.bin",
                            "large": "large/1/parts/k.bin holds 70000 bytes"}.items():
            reply = server.invoke(name, [[0, 0, 0, 0]])
            self.assertEqual((name, reply.status), (name, 500), reply)
            self.assertIn(words, server.log_text(), name)
        used = server.metrics()['roost_cache_used_bytes{tier="host",class="scratch"}']
        self.assertLess(used, 70000)

    def test_every_form_answers_and_is_compiled_once(self):
        store = self.store()
        self.put(store, "plain.onnx", ONNX)
        self.put(store, "acme/triton/1/model.onnx", b"an old version that is never read")
        self.put(store, "acme/triton/2/model.onnx", ONNX)
        self.put(store, "acme/triton/config.pbtxt", b'platform: "onnxruntime_onnx"')
        self.put(store, "acme/packed.tar.gz", packed([("model.onnx", ONNX)]))
        self.settle(store)
        names = ["plain", "acme/triton", "acme/packed"]
        for restart in range(2):
            server = self.serve(store, disk=self.dir, disk_limit="64MiB")
            for name in names:
                self.iris(server, name)
                server.unload(name)
                self.iris(server, name)
            self.assertEqual(server.metrics()[OK], 0 if restart else len(names))
            server.stop()

    def test_xgboost_files_answer_as_xgboost_does(self):
        as_json, as_ubj, rows, want = xgboost_files()
        store = self.store()
        self.put(store, "json.json", as_json)
        self.put(store, "ubj.ubj", as_ubj)
        self.put(store, "tar.tar.gz", packed([("xgboost-model", as_ubj)]))
        server = self.serve(store)
        body = json.dumps({"instances": rows.tolist()}).encode()
        for name in ("json", "ubj", "tar"):
            reply = server.invoke(name, body)
            self.assertEqual(reply.status, 200, reply)
            got = [v[0] if isinstance(v, list) else v for v in reply.json()["predictions"]]
            self.assertClose(got, want.tolist())

    def test_an_artifact_beside_it_is_taken_first(self):
        store = self.store("iris")
        self.put(store, "iris.onnx", b"never read")
        server = self.serve(store)
        self.iris(server, "iris")
        self.assertEqual(server.metrics()[OK], 0)

    def test_hostile_files_are_errors_of_their_own(self):
        store = self.store("iris")
        self.put(store, "bomb.onnx", filled([1 << 20, 1 << 20]))
        self.put(store, "slow.onnx", slow(1536, 4096))
        self.put(store, "pickle.json", b"\x80\x04cposix\nsystem\n")
        self.put(store, "two.tar.gz", packed([("a.onnx", ONNX), ("b.onnx", ONNX)]))
        self.put(store, "huge.onnx", b"\0" * (17 << 20))
        server = self.serve(store, disk=self.dir, compile_time="2s", compile_file_max="16MiB")
        reply = server.invoke("bomb", REQUEST)
        self.assertEqual(reply.status, 507, reply)
        words = {"slow": "takes longer than the 2 s", "pickle": "pickle", "two": "more than one file", "huge": "at most 16777216"}
        for name, word in words.items():
            reply = server.invoke(name, REQUEST)
            self.assertEqual(reply.status, 500, (name, reply))
            self.assertIn("retry-after", reply.headers)
            self.assertNotIn("store", reply.error())
            self.assertIn(word, server.describe(name).json()["error"]["message"])
            self.iris(server, "iris")
        self.assertEqual(server.metrics()[FAILED], len(words))

    def test_a_compile_is_given_up_when_the_server_ends(self):
        store = self.store("iris")
        self.put(store, "slow.onnx", slow(1536, 4096))
        server = self.serve(store, compile_time="10m", drain="1s")
        call = self.in_background(server.invoke, "slow", b"[[0]]")
        self.iris(server, "iris")
        harness.wait_until(lambda: server.state("slow") == "loading", "the compile to begin")
        server.terminate()
        self.assertEqual(call.result().status, 503)
        self.assertEqual(server.process.wait(harness.TIMEOUT_S), 0)

    def counts(self, server, want, *keys):
        """Nobody waits for a write-back but who counts them."""

        def counted():
            metrics = server.metrics()
            return [metrics[k] for k in keys] == want

        harness.wait_until(counted, f"{keys} to be {want}")

    def written(self, store):
        return sorted(store.path.glob("_roost/compiled/*/*.roost"))

    def test_what_is_written_back_is_compiled_by_one_node_for_all(self):
        store = self.store()
        self.put(store, "acme/m.onnx", ONNX)
        self.put(store, "plain.onnx", ONNX)
        self.settle(store)
        server = self.serve(store)
        self.iris(server, "plain")
        self.assertEqual(self.written(store), [])  # nobody asked for it
        server.stop()
        server = self.serve(store, env=WRITE_BACK)
        for name in "acme/m", "plain":
            self.iris(server, name)
        self.counts(server, [2, 2, 0], OK, BACK % "ok", BACK % "used")
        acme, default = self.written(store)
        self.assertEqual((acme.parent.name, default.parent.name), ("acme", "default"))
        self.assertEqual(acme.read_bytes(), harness.compiled("iris").read_bytes())
        version = server.describe("acme/m").json()["version"]
        other = self.serve(store, env=WRITE_BACK)  # another node
        for name in "acme/m", "plain":
            self.iris(other, name)
        self.counts(other, [0, 0, 2], OK, BACK % "ok", BACK % "used")
        self.assertEqual(other.describe("acme/m").json()["version"], version)
        other.stop()
        # One that is damaged is an error once, and made again.
        acme.write_bytes(acme.read_bytes()[:-1] + b"x" * 100)
        other = self.serve(store, env=WRITE_BACK, load_backoff="1ms", load_backoff_max="1ms")
        self.assertEqual(other.invoke("acme/m", REQUEST).status, 500)
        harness.wait_until(lambda: other.invoke("acme/m", REQUEST).status == 200, "the model")
        self.counts(other, [1, 1, 0], OK, BACK % "ok", BACK % "failed")
        self.assertEqual(acme.read_bytes(), harness.compiled("iris").read_bytes())
        # Another content is another name.
        self.put(store, "acme/m.onnx", tiny_onnx.add_constant(4))
        self.settle(store)
        other.unload("acme/m")
        reply = other.invoke("acme/m", [[1, 2, 3, 4]])
        self.assertEqual(reply.json()["predictions"], [[5, 6, 7, 8]])
        self.counts(other, [2, 2, 0], OK, BACK % "ok", BACK % "failed")
        self.assertEqual(len(self.written(store)), 3)

    def test_a_store_that_cannot_be_written_back_to_fails_no_load(self):
        store = self.store()
        self.put(store, "m.onnx", ONNX)
        (store.path / "_roost").mkdir()
        (store.path / "_roost/compiled").write_bytes(b"no folder")
        self.settle(store)
        server = self.serve(store, env=WRITE_BACK)
        self.iris(server, "m")
        self.counts(server, [1, 0], BACK % "failed", BACK % "ok")
        self.assertIn("write_back_failed", server.log_text())

    def test_a_list_of_the_store_has_them(self):
        store = self.store("iris")
        self.put(store, "raw.onnx", ONNX)
        done = harness.roost("ls", "--store", store.path)
        self.assertEqual(done.returncode, 0, done.stderr)
        text = done.stdout.decode() if isinstance(done.stdout, bytes) else done.stdout
        self.assertIn("raw", text)
        self.assertIn("iris", text)
