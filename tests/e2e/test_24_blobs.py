# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Weights that lie apart from their versions: written once for a tenant, read by every version, removed by
`roost gc` when no version needs them."""
import os
import time

import numpy

import harness
import tiny_onnx

WIDTH, LAST = 256, 40000  # floats: the network all have, and the layer that is each one's own
NETWORK_BYTES, LAST_BYTES = 4 * 5 * WIDTH * WIDTH, 4 * LAST
SMALL_BYTES = 5 * 4096  # a version without its blobs
WRITTEN = "roost_store_written_bytes_total"


def tune(k):
    """y = (x . W1 ... W5 summed) + own: the W are of every tune, `own` is of the k-th."""
    rng = numpy.random.default_rng(1)
    tensors, nodes, at = [], [], "x"
    for i in range(5):
        weights = rng.standard_normal((WIDTH, WIDTH)).astype("float32") / WIDTH ** 0.5
        tensors.append(tiny_onnx.tensor(f"w{i}", [WIDTH, WIDTH], weights.tobytes()))
        nodes.append(tiny_onnx.node("MatMul", [at, f"w{i}"], [f"h{i}"]))
        at = f"h{i}"
    own = numpy.random.default_rng(100 + k).standard_normal((WIDTH, LAST // WIDTH)).astype("float32")
    tensors.append(tiny_onnx.tensor("own", list(own.shape), own.tobytes()))
    nodes.append(tiny_onnx.node("MatMul", [at, "own"], ["y"]))
    return tiny_onnx.model(nodes, tensors, [tiny_onnx.port("x", ["N", WIDTH])],
                           [tiny_onnx.port("y", ["N", own.shape[1]])])


def age(store, hours):
    """Everything in the store was last written so long ago."""
    then = time.time() - 3600 * hours
    for path in store.path.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


class Blobs(harness.Case):
    ROW = [[((i * 7) % 13) / 13 for i in range(WIDTH)]]

    def publish(self, server, name, body):
        before = server.metrics()[WRITTEN]
        reply = server.request("PUT", f"/models/{name}", body, port=server.admin_port)
        self.assertEqual(reply.status, 201, reply)
        return reply.json(), server.metrics()[WRITTEN] - before

    def blobs(self, store, tenant):
        folder = store.path / "_roost/blobs" / tenant
        return {p.name: p.stat().st_size for p in folder.iterdir()} if folder.exists() else {}

    def answer(self, server, name):
        reply = server.invoke(name, {"instances": self.ROW})
        self.assertEqual(reply.status, 200, reply)
        return reply.body

    def artifact(self, k):
        """What the k-th tune compiles to."""
        folder = harness.Store()
        self.addCleanup(folder.free)
        folder.put("m.onnx", tune(k))
        made = folder.path / "m.roost"
        done = harness.roost("compile", folder.path / "m.onnx", "-o", made)
        self.assertEqual(done.returncode, 0, done.stderr)
        return made.read_bytes()

    def gc(self, store, *flags):
        done = harness.roost("gc", "--store", store.path, *flags)
        return done, done.stdout.decode() if isinstance(done.stdout, bytes) else done.stdout

    def test_what_a_tenant_has_is_not_written_again(self):
        store = self.store()
        server = self.serve(store)
        first, written = self.publish(server, "acme/a", tune(1))
        self.assertGreater(written, NETWORK_BYTES + LAST_BYTES)
        second, written = self.publish(server, "acme/b", tune(2))
        self.assertGreaterEqual(written, LAST_BYTES // WIDTH * WIDTH - 4 * WIDTH)
        self.assertLess(written, LAST_BYTES + SMALL_BYTES)
        again, written = self.publish(server, "acme/b", tune(2))
        self.assertLess(written, SMALL_BYTES)
        other, written = self.publish(server, "other/a", tune(1))
        self.assertGreater(written, NETWORK_BYTES)
        # The answers do not tell.
        self.assertEqual({**first, "name": "", "version": ""}, {**other, "name": "", "version": ""})
        self.assertEqual({**second, "version": ""}, {**again, "version": ""})
        self.assertEqual(first["bytes"], len(self.artifact(1)))
        versions = server.get("/models/acme/b/versions", port=server.admin_port).json()["versions"]
        self.assertEqual([v["bytes"] for v in versions], 2 * [second["bytes"]])
        self.assertEqual(len(self.blobs(store, "acme")), len(self.blobs(store, "other")) + 1)

    def test_an_answer_is_that_of_the_whole_artifact_from_store_and_disk(self):
        store, disk = self.store(), self.store()
        flags = {"disk": disk.path / "tier", "disk_limit": "64MiB"}
        server = self.serve(store, **flags)
        said, _ = self.publish(server, "acme/m", tune(3))
        whole = self.artifact(3)
        store.put("acme/whole.roost", whole)
        self.assertLess((store.path / "_roost/models/acme/m/1.roost").stat().st_size, SMALL_BYTES)
        want = self.answer(server, "acme/whole")
        self.assertEqual(self.answer(server, "acme/m"), want)
        for _ in range(2):
            server.unload("acme/m")
            server.unload("acme/whole")
            self.assertEqual(self.answer(server, "acme/m"), want)
        server.stop()
        self.assertEqual(self.answer(self.serve(store, **flags), "acme/m"), want)
        listed = harness.roost("ls", "--json", "--store", store.path).stdout
        self.assertEqual(str(listed).count(f'"bytes": {said["bytes"]}'), 2)

    def test_a_thin_file_is_refused_and_knowing_a_hash_gives_nothing(self):
        store = self.store()
        server = self.serve(store)
        self.publish(server, "acme/m", tune(4))
        thin = (store.path / "_roost/models/acme/m/1.roost").read_bytes()
        for name in "acme/n", "evil/n":
            reply = server.request("PUT", f"/models/{name}", thin, port=server.admin_port)
            self.assertEqual(reply.status, 400, reply)
            self.assertIn(f"{len(thin)} came", reply.error())
        store.put("evil/m.roost", thin)
        self.assertEqual(server.invoke("evil/m", {"instances": self.ROW}).status, 500)
        self.assertIn("page 0: says", server.describe("evil/m").json()["error"]["message"])

    def test_a_blob_that_is_missing_is_said_and_a_publish_heals_it(self):
        store = self.store()
        server = self.serve(store, load_backoff="1ms")
        self.publish(server, "acme/m", tune(5))
        want = self.answer(server, "acme/m")
        name = sorted(self.blobs(store, "acme"))[0]
        server.unload("acme/m")
        store.remove(f"_roost/blobs/acme/{name}")
        self.assertEqual(server.invoke("acme/m", {"instances": self.ROW}).status, 500)
        self.assertIn(f"_roost/blobs/acme/{name}", server.describe("acme/m").json()["error"]["message"])
        self.publish(server, "acme/other", tune(5))
        self.assertEqual(harness.wait_until(lambda: self.answer_or_none(server, "acme/m"), "an answer"), want)

    def answer_or_none(self, server, name):
        reply = server.invoke(name, {"instances": self.ROW})
        return reply.body if reply.status == 200 else None

    def test_gc_removes_what_no_version_needs(self):
        store = self.store()
        server = self.serve(store)
        for k in 6, 7:
            self.publish(server, "acme/m", tune(k))
        self.publish(server, "other/m", tune(6))
        before = self.blobs(store, "acme"), self.blobs(store, "other")
        reply = server.request("DELETE", "/models/acme/m/versions/1", port=server.admin_port)
        self.assertEqual(reply.status, 200, reply)
        store.put("_roost/models/acme/m/9.new", b"")
        (store.path / "_roost/models/acme/m/9.roost").write_bytes(
            (store.path / "_roost/models/acme/m/2.roost").read_bytes())
        done, said = self.gc(store)
        self.assertEqual((done.returncode, said), (0, ""))  # all of it is young
        age(store, 25)
        done, said = self.gc(store, "--dry-run")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(said.split()), 2)
        self.assertEqual((self.blobs(store, "acme"), self.blobs(store, "other")), before)
        done, again = self.gc(store, "--older-than", "24h")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(again, said)
        gone = before[0].keys() - self.blobs(store, "acme").keys()
        self.assertEqual(len(gone), 1)
        self.assertIn(f"_roost/blobs/acme/{gone.pop()}", said)
        self.assertIn("_roost/models/acme/m/9.roost", said)
        self.assertEqual(self.blobs(store, "other"), before[1])
        self.assertEqual(sorted(p.name for p in (store.path / "_roost/models/acme/m").iterdir()),
                         ["2.roost", "9.gone", "current"])
        server.unload("acme/m")
        self.answer(server, "acme/m")
        self.answer(server, "other/m")
        self.assertEqual(self.gc(store)[1], "")

    def test_gc_says_what_is_wrong(self):
        store = self.store()
        self.assertEqual(self.gc(store, "--older-than", "59m")[0].returncode, 2)
        self.assertEqual(self.gc(store, "--older-than", "soon")[0].returncode, 2)
        self.assertEqual(self.gc(store)[0].returncode, 0)
        store.put("_roost/blobs/acme/" + 64 * "0", b"nobody's")
        store.put("_roost/models/acme/m/1.roost", 4096 * b"x")
        age(store, 25)
        done, said = self.gc(store)
        self.assertEqual((done.returncode, said), (1, ""))
        self.assertIn("_roost/models/acme/m/1.roost", str(done.stderr))
        self.assertEqual(len(self.blobs(store, "acme")), 1)
