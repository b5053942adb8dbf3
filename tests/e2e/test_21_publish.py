# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Models that are published over HTTP: every form of them, several at once, interrupted ones, hostile ones,
and what a node serves before, while and after."""
import json
import os
import pathlib
import threading

import harness
import test_17_threads
import tiny_onnx
from test_09_sandbox import slow
from test_10_scale import Client, compile_all
from test_19_raw import packed, xgboost_files

ANSWER = json.loads((harness.MODELS / "iris" / "answer.json").read_text())
REQUEST = (harness.MODELS / "iris" / "request.json").read_bytes()
ONNX = (harness.MODELS / "iris" / "model.onnx").read_bytes()
OK = 'roost_publishes_total{result="ok"}'
MAGIC = b"\x89ROO\r\n\x1a\n"
ROW = [1.0, 2.0, 3.0, 4.0]


class Case(harness.Case):
    def publish(self, server, name, body, query="", **kw):
        return server.request("PUT", f"/models/{name}{query}", body, port=server.admin_port, **kw)

    def published(self, server, name, body, **kw):
        reply = self.publish(server, name, body, **kw)
        self.assertEqual(reply.status, 201, reply)
        return reply.json()

    def versions(self, server, name):
        reply = server.get(f"/models/{name}/versions", port=server.admin_port)
        self.assertEqual(reply.status, 200, reply)
        return reply.json()["versions"]

    def files(self, store):
        return sorted(str(p.relative_to(store.path)) for p in store.path.rglob("*") if p.is_file())

    def adds(self, server, name):
        """The constant that the model adds: which content answers."""
        reply = server.invoke(name, [ROW])
        self.assertEqual(reply.status, 200, reply)
        return round(reply.json()["predictions"][0][0] - ROW[0])

    def uploads_open(self, server):
        """Files without a name that the server holds."""
        found = []
        for fd in pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir():
            try:
                found.append(os.readlink(fd))
            except OSError:
                pass
        return [link for link in found if "(deleted)" in link and "memfd" not in link]


class Publish(Case):
    def test_every_form_is_published_and_invoked(self):
        store = self.store()
        server = self.serve(store)
        as_json, as_ubj, rows, want = xgboost_files()
        artifact = harness.compiled("iris").read_bytes()
        for name, body in {"onnx": ONNX, "acme/packed": packed([("model.onnx", ONNX)]), "artifact": artifact}.items():
            with self.subTest(name):
                said = self.published(server, name, body)
                self.assertEqual((said["name"], said["version"], said["warnings"]), (name, "1", []))
                reply = server.invoke(name, REQUEST)
                self.assertEqual(reply.status, 200, reply)
                self.assertClose(reply.json(), ANSWER)
                shown = server.describe(name).json()
                for field in "version", "inputs", "outputs":
                    self.assertEqual(said[field], shown[field])
                self.assertEqual(said["cost"]["resident_bytes"], shown["bytes"] + shown["shared_bytes"])
                self.assertEqual((store.path / f"_roost/models/{name}/1.roost").read_bytes(), artifact)
                self.assertEqual(said["bytes"], len(artifact))
        for name, body in {"json": as_json, "ubj": as_ubj, "boxed": packed([("xgboost-model", as_ubj)])}.items():
            with self.subTest(name):
                self.published(server, name, body)
                reply = server.invoke(name, {"instances": rows.tolist()})
                self.assertEqual(reply.status, 200, reply)
                self.assertClose([p if isinstance(p, float) else p[0] for p in reply.json()["predictions"]],
                                 want.tolist(), 1e-4)
        self.assertEqual(server.metrics()[OK], 6)

    def test_a_dry_run_says_the_same_and_writes_nothing(self):
        store = self.store()
        server = self.serve(store)
        dry = self.publish(server, "iris", ONNX, "?dry_run=1")
        self.assertEqual(dry.status, 200, dry)
        self.assertEqual(self.files(store), [])
        self.assertEqual(server.invoke("iris", REQUEST).status, 404)
        said = self.published(server, "iris", ONNX)
        self.assertEqual(dry.json(), {**said, "version": None})
        self.assertEqual(self.publish(server, "iris", ONNX, "?dry_run=x").status, 400)

    def test_a_name_that_was_unknown_or_failed_is_served_at_once(self):
        store = self.store()
        server = self.serve(store, load_backoff="60s")
        self.assertEqual(server.invoke("m", [ROW]).status, 404)
        store.put("bad.roost", b"no artifact")
        self.assertEqual(server.invoke("bad", [ROW]).status, 500)
        for name in "m", "bad":
            self.published(server, name, tiny_onnx.add_constant(7))
            self.assertEqual(self.adds(server, name), 7)

    def test_under_load_no_call_fails_and_none_goes_back_to_an_older_version(self):
        server = self.serve(self.store(), workers=2)
        self.published(server, "m", tiny_onnx.add_constant(1))
        done, answers = threading.Event(), ([], [])

        def call(seen):
            client = Client(server.port)
            while not done.is_set():
                status, body = client.post("m", json.dumps([ROW]).encode())
                self.assertEqual(status, 200, body)
                seen.append(round(json.loads(body)["predictions"][0][0] - ROW[0]))
            client.close()
        callers = [self.in_background(call, seen) for seen in answers]
        try:
            for k in range(2, 8):
                self.assertEqual(self.published(server, "m", tiny_onnx.add_constant(k))["version"], str(k))
                self.assertEqual(self.adds(server, "m"), k)
                harness.wait_until(lambda k=k: all(c.done() or k in seen for c, seen in zip(callers, answers)),
                                   "both callers to see it")
        finally:
            done.set()
        for caller, seen in zip(callers, answers):
            caller.result()
            self.assertEqual(seen, sorted(seen))

    def test_of_two_publishers_both_get_versions_and_one_is_current(self):
        for nodes in 1, 2:  # on one node, and on two over one store
            with self.subTest(nodes=nodes):
                store = self.store()
                self.two_publishers([self.serve(store) for _ in range(nodes)])

    def two_publishers(self, servers):
        def many(server, first):
            return [(int(self.published(server, "m", tiny_onnx.add_constant(k))["version"]), k)
                    for k in range(first, first + 4)]
        jobs = [self.in_background(many, server, first) for server, first in ((servers[0], 10), (servers[-1], 20))]
        made = dict(jobs[0].result() + jobs[1].result())
        self.assertEqual(sorted(made), list(range(1, 9)))
        for server in servers:
            server.unload("m")  # what another node published since is served by the next load
            listed = self.versions(server, "m")
            self.assertEqual([int(v["version"]) for v in listed], list(range(8, 0, -1)))
            current = [int(v["version"]) for v in listed if v["current"]]
            self.assertEqual(len(current), 1)
            self.assertEqual(self.adds(server, "m"), made[current[0]])
        for version, k in made.items():  # each version is its own content, whole
            for server in servers:
                back = server.request("POST", "/models/m/rollback", json.dumps({"version": version}))
                self.assertEqual(back.status, 200, back)
                self.assertEqual(self.adds(server, "m"), k)

    def test_versions_are_listed_rolled_back_and_deleted(self):
        store = self.store()
        server = self.serve(store)
        for path in "/models/m/versions", "/models/acme/m/versions":
            self.assertEqual(server.get(path).status, 404)
        self.assertEqual(server.request("POST", "/models/acme/m/rollback").status, 404)
        for k in 1, 2, 3:
            self.published(server, "acme/m", tiny_onnx.add_constant(k))
        self.assertEqual(self.adds(server, "acme/m"), 3)
        back = server.request("POST", "/models/acme/m/rollback")
        self.assertEqual((back.status, back.json()), (200, {"name": "acme/m", "version": "2"}))
        self.assertEqual(self.adds(server, "acme/m"), 2)
        self.assertEqual(server.describe("acme/m").json()["version"], "2")
        back = server.request("POST", "/models/acme/m/rollback", '{"version": "1"}')
        self.assertEqual((back.status, self.adds(server, "acme/m")), (200, 1), back)
        gone = server.request("DELETE", "/models/acme/m/versions/1")
        self.assertEqual(gone.status, 409, gone)
        self.assertIn("is the current one", gone.error())
        self.assertEqual(server.request("DELETE", "/models/acme/m/versions/3").status, 200)
        self.assertEqual(server.request("DELETE", "/models/acme/m/versions/3").status, 404)
        listed = self.versions(server, "acme/m")
        self.assertEqual([(v["version"], v["current"]) for v in listed], [("2", False), ("1", True)])
        for v in listed:
            self.assertRegex(v["modified"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            self.assertGreater(v["bytes"], 4096)
        self.assertEqual(self.published(server, "acme/m", tiny_onnx.add_constant(9))["version"], "4")
        for body, status in ("[]", 400), ('{"version": 1.5}', 400), ('{"version": -1}', 400), ("x", 400), \
                ('{"version": 77}', 404), ("{}", 200):
            self.assertEqual(server.request("POST", "/models/acme/m/rollback", body).status, status, body)
        wrong = server.request("PUT", "/models/acme/m/versions/2", b"x")
        self.assertEqual((wrong.status, wrong.headers["allow"]), (405, "DELETE"))
        self.assertEqual(server.request("DELETE", "/models/acme/m/versions/0").status, 400)

    def test_a_tenant_and_a_model_of_one_name_do_not_meet(self):
        server = self.serve(self.store())
        for k, name in enumerate(("big/999999999999999999", "big/7", "big", "big/current.x")):
            self.assertEqual(self.published(server, name, tiny_onnx.add_constant(k))["version"], "1")
            self.assertEqual(self.adds(server, name), k)
        for name in "big/current", "big/1.roost", "big/2.gone", "big/2.new":
            reply = server.request("PUT", f"/models/{name}", ONNX)
            self.assertEqual(reply.status, 400, reply)
            self.assertIn(f"'{name}' is kept for versions", reply.error())
        self.assertEqual(self.published(server, "big", tiny_onnx.add_constant(9))["version"], "2")
        self.assertEqual(self.adds(server, "big"), 9)

    def test_publishing_is_management_alone(self):
        server = self.serve(self.store(), admin_listen=f"127.0.0.1:{harness.free_port()}")
        reply = server.request("PUT", "/models/m", ONNX)
        self.assertEqual(reply.status, 404, reply)
        self.published(server, "m", ONNX)

    def test_what_is_wrong_with_a_model_is_said(self):
        store = self.store()
        server = self.serve(store, compile_time="5s", max_steps=1000, memory="3MiB")
        artifact = bytearray(harness.compiled("iris").read_bytes())
        flipped = bytes(artifact[:5000]) + bytes([artifact[5000] ^ 1]) + bytes(artifact[5001:])
        tanks = tiny_onnx.model([tiny_onnx.node("Tank", ["x"], ["y"])], [], [tiny_onnx.port("x", ["N"])],
                                [tiny_onnx.port("y", ["N"])])
        large = tiny_onnx.scaled_square(1, 1024)
        compile_all(store.path, {"large": large})
        compiled = store.path / "large.roost"
        larger = compiled.read_bytes()
        compiled.unlink()
        for words, status, body in (
                ("the body is empty", 400, b""), ("no ONNX model", 400, b"garbage"),
                ("Tank", 400, tanks), ("page 0", 400, MAGIC), ("page 0", 400, MAGIC + bytes(5000)),
                ("", 400, flipped), ("page 0", 400, bytes(artifact[:-1])), ("page 0", 400, bytes(artifact) + b"x"),
                ("archive", 400, packed([("a", ONNX), ("b", ONNX)])), ("compiler", 400, slow(times=4096)),
                ("compiling it takes more than --memory", 507, large), ("--memory is 3145728", 507, larger)):
            with self.subTest(words=words, body=body[:16]):
                reply = self.publish(server, "m", body)
                self.assertEqual(reply.status, status, reply)
                self.assertIn(words, reply.error())
                self.assertNotIn("/proc/", reply.error())
        self.assertEqual(self.files(store), [])
        self.assertEqual(self.uploads_open(server), [])
        said = self.published(server, "endless", tiny_onnx.loop(False))
        self.assertRegex(said["warnings"][0], "does not run on zeros: .*1000")
        self.assertEqual(server.metrics()['roost_cache_used_bytes{tier="host",class="scratch"}'], 0)


class Limits(Case):
    def put(self, server, length, data=b"", more="", name="m"):
        raw = server.raw(server.admin_port)
        self.addCleanup(raw.close)
        head = f"PUT /models/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}\r\n{more}\r\n"
        return raw.send(head.encode() + data)

    def test_a_model_beyond_the_limit_is_refused_before_it_is_read_and_while(self):
        server = self.serve(self.store(), publish_max="1MiB")
        reply = self.put(server, "Content-Length: 1048577").reply()
        self.assertEqual(reply.status, 413, reply)
        chunk = b"40000\r\n" + bytes(0x40000) + b"\r\n"
        slow_one = self.put(server, "Transfer-Encoding: chunked", 4 * chunk)
        reply = slow_one.send(b"1\r\n").reply()
        self.assertEqual(reply.status, 413, reply)
        harness.wait_until(lambda: not self.uploads_open(server), "the upload to be dropped")
        self.published(server, "m", ONNX)

    def test_more_at_once_than_may_be_are_refused_and_versions_are_still_listed(self):
        server = self.serve(self.store(), publishes=1)
        self.published(server, "m", ONNX)
        first = self.put(server, f"Content-Length: {len(ONNX)}", more="Expect: 100-continue\r\n")
        self.assertEqual(first.reply().status, 100)  # it has the place
        first.send(ONNX[:100])
        refused = self.publish(server, "n", ONNX)
        self.assertEqual((refused.status, refused.headers["retry-after"]), (503, "1"), refused)
        self.assertIn("1 models are being published", refused.error())
        asked = self.put(server, "Content-Length: 99999", more="Expect: 100-continue\r\n").reply()
        self.assertEqual(asked.status, 503, asked)
        self.assertGreaterEqual(server.metrics()['roost_refused_total{limit="publishes"}'], 2)
        self.assertEqual(len(self.versions(server, "m")), 1)
        reply = first.send(ONNX[100:]).reply()
        self.assertEqual(reply.status, 201, reply)
        self.published(server, "m", ONNX)

    def test_a_tenant_leaves_places_to_others(self):
        server = self.serve(self.store(), publishes=3, publishes_per_tenant=2)
        head = f"Content-Length: {len(ONNX)}"
        held = [self.put(server, head, more="Expect: 100-continue\r\n", name=f"acme/{n}") for n in "ab"]
        for one in held:
            self.assertEqual(one.reply().status, 100)  # it has a place
            one.send(ONNX[:100])
        refused = self.publish(server, "acme/c", ONNX)
        self.assertEqual((refused.status, refused.headers["retry-after"]), (503, "1"), refused)
        self.assertIn("2 models of this tenant", refused.error())
        self.assertGreaterEqual(
            server.metrics()['roost_refused_total{limit="publishes_per_tenant"}'], 1)
        self.published(server, "other/c", ONNX)
        for one in held:
            self.assertEqual(one.send(ONNX[100:]).reply().status, 201)
        self.published(server, "acme/c", ONNX)

    def test_a_client_that_leaves_half_way_leaves_nothing(self):
        store = self.store()
        server = self.serve(store, publishes=1)
        for length, data in ((f"Content-Length: {3 << 20}", bytes(2 << 20)),
                             ("Transfer-Encoding: chunked", b"100000\r\n" + bytes(1 << 20) + b"\r\n")):
            raw = self.put(server, length, data)
            harness.wait_until(lambda: self.uploads_open(server), "the upload to begin")
            raw.close()
            harness.wait_until(lambda: not self.uploads_open(server), "the upload to be dropped")
            self.assertEqual(self.files(store), [])
        half = self.put(server, "Content-Length: 100", b"half")
        half.socket.shutdown(1)
        self.assertEqual(half.reply().status, 400)
        # The answer may come before the place is free again.
        harness.wait_until(lambda: self.publish(server, "m", ONNX).status == 201, "a place for the next upload")

    def test_a_large_upload_passes_through_little_memory(self):
        server = self.serve(self.store(), http_memory="1MiB")
        size = 48 << 20
        raw = self.put(server, f"Content-Length: {size}", MAGIC + bytes(size // 2 - 8))
        used = [server.metrics()["roost_http_memory_bytes"] for _ in range(5)]
        self.assertLessEqual(max(used), 1 << 20)
        reply = raw.send(bytes(size // 2)).reply()
        self.assertEqual(reply.status, 400, reply)
        self.assertIn("page 0", reply.error())
        self.assertEqual(server.metrics()["roost_http_memory_bytes"], 0)

    def test_a_client_that_sends_too_slowly_is_refused(self):
        server = self.serve(self.store(), body_grace="300ms")
        reply = self.put(server, "Content-Length: 1000000", bytes(1000)).reply()
        self.assertEqual(reply.status, 408, reply)
        harness.wait_until(lambda: not self.uploads_open(server), "the upload to be dropped")


class Loops(test_17_threads.Threads, Case):
    # Threads' own, which run where they stand.
    test_loads_and_evictions_cost_no_worker_and_no_event_loop_a_file_or_a_mapping = None
    test_the_store_is_not_listed_at_the_start = None

    def test_publishes_cost_no_event_loop_a_file(self):
        server = self.serve(self.store(), env=self.env)
        self.published(server, "m", ONNX)
        self.assertEqual(server.invoke("m", REQUEST).status, 200)
        _, since = self.called(0)
        for k in range(3):
            self.published(server, "m", ONNX)
        self.assertEqual(self.publish(server, "m", MAGIC + bytes(1 << 20)).status, 400)
        self.assertEqual(len(self.versions(server, "m")), 4)
        kinds, _ = self.called(since)
        self.assertGreater(kinds["publisher"]["open"], 10)
        # The heap may grow under what is read; a file is none of an event loop's business.
        self.assertEqual({k: v for k, v in kinds["loop"].items() if k in ("open", "pread")}, {})


class Verbs(Case):
    def run_verb(self, server, *args, code=0, **kw):
        done = harness.roost(*args, "--server", server.address, **kw)
        self.assertEqual(done.returncode, code, done)
        return done

    def test_push_versions_and_rollback(self):
        store = self.store()
        server = self.serve(store)
        model = harness.model_file("iris")
        done = self.run_verb(server, "push", model, "acme/iris", "--dry-run")
        self.assertRegex(done.stdout, "^acme/iris: can be published, .* resident\n$")
        self.assertEqual(self.files(store), [])
        done = self.run_verb(server, "push", model, "acme/iris")
        self.assertRegex(done.stdout, "^acme/iris: version 1, .* resident\n$")
        done = self.run_verb(server, "push", model, "acme/iris", "--compile-locally", "--json")
        self.assertEqual(json.loads(done.stdout)["version"], "2")
        done = self.run_verb(server, "push", harness.compiled("iris"), "acme/iris")
        self.assertIn("version 3", done.stdout)
        for n in 1, 2, 3:
            self.assertEqual((store.path / f"_roost/models/acme/iris/{n}.roost").read_bytes(),
                             harness.compiled("iris").read_bytes())
        listed = self.run_verb(server, "versions", "acme/iris").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in listed], ["VERSION", "3", "2", "1"])
        self.assertEqual([line.endswith("current") for line in listed[1:]], [True, False, False])
        self.assertEqual(self.run_verb(server, "rollback", "acme/iris").stdout,
                         "acme/iris is at version 2\n")
        self.run_verb(server, "rollback", "acme/iris", "3")
        versions = json.loads(self.run_verb(server, "versions", "acme/iris", "--json").stdout)
        self.assertEqual([v["version"] for v in versions["versions"] if v["current"]], ["3"])
        self.assertEqual(server.invoke("acme/iris", REQUEST).status, 200)

    def test_what_goes_wrong_is_said(self):
        store = self.store()
        server = self.serve(store, publish_max="100KiB", max_steps=1000)
        bad = store.put("bad.bin", b"garbage")
        self.assertIn("no ONNX model", self.run_verb(server, "push", bad, "m", code=1).stderr)
        large = store.put("large.bin", bytes(10 << 20))
        self.assertIn("HTTP 413", self.run_verb(server, "push", large, "m", code=1).stderr)
        empty = store.put("empty.bin", b"")
        self.assertIn("is empty", self.run_verb(server, "push", empty, "m", code=1).stderr)
        self.run_verb(server, "push", store.path / "none", "m", code=1)
        self.run_verb(server, "push", bad, "a/b/c", code=2)
        self.assertIn("roost push", self.run_verb(server, "versions", "m", code=1).stderr)
        self.run_verb(server, "rollback", "m", "x", code=2)
        self.run_verb(server, "rollback", "m", code=1)
        warned = self.run_verb(server, "push", store.put("loop.onnx", tiny_onnx.loop(False)), "endless")
        self.assertIn("warning: does not run on zeros", warned.stderr)


if __name__ == "__main__":
    harness.unittest.main()
