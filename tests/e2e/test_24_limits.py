# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""What a tenant may upload and have compiled: less than the node where its rule says so, for uploads and for
model files of the store alike, and said to be the tenant's limit."""
import json
import tempfile

import harness
import tiny_onnx
from test_09_sandbox import slow
from test_10_scale import compile_all
from test_21_publish import ONNX, REQUEST, Case

UPLOAD = 'roost_refused_total{limit="tenant_publish_max"}'
COMPILE = 'roost_refused_total{limit="tenant_compile"}'
BODY = 'roost_refused_total{limit="body"}'
MIB = 1 << 20
HEAVY = tiny_onnx.scaled_square(1, 1024)  # 4 MiB: more memory than the least that a compile may be given
SLOW = slow(1536, 4096)


class TenantsLimits(Case):
    def rules(self, tenants):
        file = tempfile.NamedTemporaryFile("w", suffix=".json", dir=harness._scratch())
        self.addCleanup(file.close)
        json.dump({"tenants": tenants}, file)
        file.flush()
        return file.name

    def start(self, tenants, store=None, **flags):
        return self.serve(store or self.store(), config=self.rules(tenants), **flags)

    def head(self, server, name, *lines):
        """Sends a head without a body."""
        raw = server.raw(server.admin_port)
        self.addCleanup(raw.close)
        text = "\r\n".join([f"PUT /models/{name} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""])
        return raw.send(text.encode())

    def refused(self, reply, status, words):
        self.assertEqual(reply.status, status, reply)
        self.assertIn(words, reply.error())

    def failed(self, server, name, words):
        """The model of the store cannot be loaded, for this reason, which is not told to who calls it."""
        reply = server.invoke(name, b"[[0]]")
        self.assertEqual(reply.status, 500, reply)
        self.assertIn("retry-after", reply.headers)
        self.assertNotIn("tenant", reply.error())
        self.assertIn(words, server.describe(name).json()["error"]["message"])

    def test_a_tenant_with_1_mib_is_refused_what_another_publishes(self):
        store = self.store()
        compile_all(store.path, {"large": HEAVY})
        artifact = (store.path / "large.roost").read_bytes()
        (store.path / "large.roost").unlink()
        server = self.start({"small": {"publish-max": "1MiB"}, "other": {}}, store, publish_max="8MiB")
        words = "the limit of its tenant, publish-max"
        for body in artifact, bytes(MIB + 1):
            self.refused(self.publish(server, "small/m", body), 413, words)
        self.refused(self.head(server, "small/m", f"Content-Length: {MIB + 1}").reply(), 413, words)
        streamed = self.head(server, "small/m", "Transfer-Encoding: chunked")
        streamed.send(4 * (b"40000\r\n" + bytes(0x40000) + b"\r\n"))
        self.refused(streamed.send(b"1\r\n").reply(), 413, words)
        self.assertEqual([server.metrics()[k] for k in (UPLOAD, BODY)], [4, 0])
        harness.wait_until(lambda: not self.uploads_open(server), "the upload to be dropped")
        self.assertEqual(self.files(store), [])
        for name in "other/m", "m":
            self.published(server, name, artifact)
        self.published(server, "small/iris", ONNX)
        # Beyond the node's it is the node's, whoever sends it.
        reply = self.head(server, "other/m", f"Content-Length: {(8 << 20) + 1}").reply()
        self.refused(reply, 413, "the node's limit, --publish-max")
        self.assertEqual([server.metrics()[k] for k in (UPLOAD, BODY)], [4, 1])

    def test_the_rule_of_all_others_is_for_each_without_its_own(self):
        server = self.start({"*": {"publish-max": "1KiB"}, "trusted": {}})
        for name in "m", "some/m", "other/m":
            self.refused(self.publish(server, name, ONNX), 413, "its tenant")
        self.published(server, "trusted/m", ONNX)

    def test_a_larger_model_file_is_not_compiled_for_it_and_an_artifact_is_taken(self):
        store = self.store()
        for name in "small/m", "other/m":
            store.put(f"{name}.onnx", ONNX)
        server = self.start({"small": {"compile-file-max": len(ONNX) - 1}}, store)
        words = f"at most {len(ONNX) - 1} are compiled for "
        self.failed(server, "small/m", words + "its tenant")
        self.refused(self.publish(server, "small/n", ONNX), 413, words + "this tenant")
        self.assertEqual(server.metrics()[COMPILE], 2)
        self.assertEqual(server.invoke("other/m", REQUEST).status, 200)
        self.published(server, "other/n", ONNX)
        self.published(server, "small/n", harness.compiled("iris").read_bytes())
        self.assertEqual(server.invoke("small/n", REQUEST).status, 200)

    def test_a_model_of_more_tensors_is_not_taken_for_it_in_any_form(self):
        artifact = harness.compiled("iris").read_bytes()
        store = self.store()
        for name in "small/m", "other/m":
            store.put(f"{name}.onnx", ONNX)
        store.put("small/own.roost", artifact)
        server = self.start({"small": {"tensors-max": 3}}, store)
        words = "tensors: at most 3 are taken for its tenant (tensors-max)"
        self.failed(server, "small/m", words)
        for body in ONNX, artifact:
            self.refused(self.publish(server, "small/n", body), 400, words)
            self.published(server, "other/n", body)
        self.assertEqual(server.metrics()[COMPILE], 3)
        self.assertEqual(server.invoke("other/m", REQUEST).status, 200)
        self.assertEqual(server.invoke("small/own", REQUEST).status, 200)  # it bounds no loads
        node = self.start({}, store, tensors_max=3)
        words = "tensors: at most 3 are taken (--tensors-max)"
        self.failed(node, "other/m", words)
        self.refused(self.publish(node, "other/n", artifact), 400, words)
        self.assertEqual(node.metrics()[COMPILE], 0)

    def test_a_compile_has_its_tenants_time(self):
        store = self.store()
        store.put("hasty/m.onnx", SLOW)
        server = self.start({"hasty": {"compile-time": "1s"}}, store, compile_time="3s")
        words = "it takes longer than the 1 s its tenant has"
        self.failed(server, "hasty/m", words)
        self.refused(self.publish(server, "hasty/n", SLOW), 400, words)
        self.assertEqual(server.metrics()[COMPILE], 2)
        self.refused(self.publish(server, "other/n", SLOW), 400, "it takes longer than the 3 s it has")
        self.assertEqual(server.metrics()[COMPILE], 2)

    def test_a_compile_has_its_tenants_memory(self):
        if harness.SANITIZED:
            self.skipTest("sanitizer builds have no memory limit")
        store = self.store()
        for name in "tight/m", "other/m":
            store.put(f"{name}.onnx", HEAVY)
        server = self.start({"tight": {"compile-memory": "16MiB"}}, store)
        words = "it needs more than the 16 MiB its tenant may use"
        self.failed(server, "tight/m", words)
        self.refused(self.publish(server, "tight/n", HEAVY), 400, words)
        self.assertEqual(server.metrics()[COMPILE], 2)
        self.assertEqual(server.load("other/m").status, 200)
        self.published(server, "other/n", HEAVY)
        self.published(server, "tight/small", ONNX)

    def test_what_all_compiles_may_use_is_bounded_and_shown(self):
        names = "roost_compile_memory_bytes", "roost_compile_memory_limit_bytes"
        store = self.store()
        store.put("acme/m.onnx", SLOW)
        server = self.start({"acme": {"compile-memory": "512MiB"}}, store, compile_memory="1GiB", compilers=2,
                            publishes=3, compile_time="10m", drain="1s")
        self.assertEqual([server.metrics()[n] for n in names], [0, 5 << 30])
        calls = [self.in_background(server.load, "acme/m"), self.in_background(self.publish, server, "n", SLOW)]
        harness.wait_until(lambda: server.metrics()[names[0]] == (512 + 1024) * MIB, "both compiles to begin")
        self.assertEqual(server.unload("acme/m").status, 200)
        harness.wait_until(lambda: server.metrics()[names[0]] == 1024 * MIB, "the load's to end")
        server.terminate()
        self.assertEqual([call.result().status for call in calls], [503, 503])
        self.assertEqual(server.process.wait(harness.TIMEOUT_S), 0)
        default = self.start({}, publishes=1, publish_max="1MiB", compile_file_max="2MiB")
        self.assertEqual(default.metrics()[names[1]], (1024 + 5 * 2 + 1024 + 5) * MIB)

    def test_a_file_that_gives_more_than_the_node_has_is_refused_at_the_start(self):
        path = self.rules({"good": {"publish-max": "1GiB"}, "acme": {"compile-time": "3m"}})
        for verb in ("serve",), ("serve", "--print-config"):
            done = harness.roost(*verb, "--config", path)
            self.assertEqual(done.returncode, 2, done)
            self.assertIn("tenants: acme: compile-time is 3m, more than the node's, which is 2m", done.stderr)
        done = harness.roost("serve", "--print-config", "--config", path, "--compile-time", "3m")
        self.assertEqual(json.loads(done.stdout)["tenants"]["acme"]["compile-time"], "3m")
        done = harness.roost("serve", "--config", path, "--compile-time", "3m", "--publish-max", "1MiB")
        self.assertEqual(done.returncode, 2, done)
        self.assertIn("good: publish-max is 1GiB, more than the node's, which is 1MiB", done.stderr)


if __name__ == "__main__":
    harness.unittest.main()
