# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""New versions of models that are in memory: under a steady load, from this node and from elsewhere, good
ones and bad ones, and calls of one version."""

import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import unittest

import harness
import s3_server
import swift
import tiny_onnx
from test_10_scale import compile_all
from test_21_publish import ROW, Case

AWS = "/usr/bin/aws"
PUBLISHES, CALLERS, CALLS_A_SECOND, CALLS_EACH = 20, 4, 200, 20
SIDE = 512
OK, FAILED, NO_ROOM = (f'roost_model_reloads_total{{result="{r}"}}' for r in ("ok", "failed", "no_room"))
CHANGED, GONE = (f'roost_refresh_checks_total{{result="{r}"}}' for r in ("changed", "gone"))


def artifacts(sources):
    """Compiled models' bytes by name."""
    with tempfile.TemporaryDirectory() as folder:
        compile_all(pathlib.Path(folder), sources)
        return {name: (pathlib.Path(folder) / f"{name}.roost").read_bytes() for name in sources}


def versions(count):
    """`count` artifacts; the k-th adds k to all that it is given."""
    made = artifacts({f"v{k}": tiny_onnx.add_constant(k) for k in range(1, count + 1)})
    return [made[f"v{k}"] for k in range(1, count + 1)]


def squares(count):
    """`count` artifacts of about a megabyte."""
    made = artifacts({f"s{k}": tiny_onnx.scaled_square(k, SIDE) for k in range(1, count + 1)})
    return [made[f"s{k}"] for k in range(1, count + 1)]


class Steady:
    """Calls of one model at a steady rate; each answer must be that of one version, whole."""

    def __init__(self, case, server, model):
        self.case, self.done, self.began = case, threading.Event(), time.monotonic()
        self.answered = [0] * CALLERS
        self.raws = [server.raw() for _ in range(CALLERS)]
        body = json.dumps([ROW]).encode()
        self.request = (f"POST /models/{model}/invoke HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n").encode() + body
        self.jobs = [case.in_background(self.call, raw, i) for i, raw in enumerate(self.raws)]

    def call(self, raw, first):
        seen, n = [], first
        while not self.done.is_set():
            reply = raw.send(self.request).reply()
            self.case.assertEqual(reply.status, 200, reply)
            self.case.assertEqual(reply.headers["x-roost-cache"], "hit", reply)
            answer = [round(y - x) for x, y in zip(ROW, reply.json()["predictions"][0])]
            self.case.assertEqual(answer, [int(reply.headers["x-roost-version"])] * len(ROW))
            seen.append(answer[0])
            self.answered[first] = len(seen)
            n += CALLERS
            self.done.wait(max(0.0, self.began + n / CALLS_A_SECOND - time.monotonic()))
        return seen

    def until_it_answered(self, calls):
        goal = sum(self.answered) + calls
        harness.wait_until(lambda: sum(self.answered) >= goal or any(j.done() for j in self.jobs), "the calls")

    def end(self):
        self.done.set()
        seen = [job.result() for job in self.jobs]
        for raw in self.raws:
            raw.close()
        return seen


class Reload(Case):
    def replace(self, store, key, data):
        """As a tool that writes beside and renames."""
        path = store.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / ".new").write_bytes(data)
        os.rename(path.parent / ".new", path)

    def until_it_adds(self, server, name, k):
        harness.wait_until(lambda: self.adds(server, name) == k, f"version {k} of {name}")

    def test_a_steady_load_through_twenty_publishes(self):
        server = self.serve(self.store(), workers=2)
        every = versions(PUBLISHES + 1)
        self.published(server, "m", every[0])
        self.assertEqual(self.adds(server, "m"), 1)
        load = Steady(self, server, "m")
        try:
            for k, artifact in enumerate(every[1:], 2):
                self.assertEqual(self.published(server, "m", artifact)["version"], str(k))
                self.assertEqual(self.adds(server, "m"), k)  # the node that published has it at once
                load.until_it_answered(CALLS_EACH)
        finally:
            seen = load.end()
        for one in seen:
            self.assertEqual(one, sorted(one))
        self.assertGreaterEqual(sum(map(len, seen)), PUBLISHES * CALLS_EACH)
        now = server.metrics()
        self.assertEqual(now[OK], PUBLISHES)
        self.assertEqual(now['roost_cache_lookups_total{result="miss"}'], 1)
        self.assertEqual(server.describe("m").json()["evictions"], PUBLISHES)

    def test_a_file_that_is_replaced_is_found_and_taken_over(self):
        store = self.store()
        server = self.serve(store, refresh="400ms")
        one, two = versions(2)
        store.put("m.roost", one)
        store.put("raw.onnx", tiny_onnx.add_constant(1))
        for name in "m", "raw":
            self.assertEqual(self.adds(server, name), 1)
        self.replace(store, "m.roost", two)
        self.replace(store, "raw.onnx", tiny_onnx.add_constant(2))
        for name in "m", "raw":
            self.until_it_adds(server, name, 2)
            shown = server.describe(name).json()
            self.assertEqual((shown["misses"], shown["joined"], shown["loads"]), (1, 0, 2))
        self.assertEqual(server.metrics()[CHANGED], 2)
        told = [e["model"] for e in server.log() if e.get("event") == "model_reloaded"]
        self.assertEqual(sorted(told), ["m", "raw"])

    def test_what_another_node_publishes_is_found_and_rolled_back(self):
        store = self.store()
        here, there = (self.serve(store, refresh="400ms") for _ in range(2))
        for k, artifact in enumerate(versions(2), 1):
            self.published(there, "m", artifact)
            self.until_it_adds(here, "m", k)
        self.assertEqual(there.request("POST", "/models/m/rollback").status, 200)
        self.until_it_adds(here, "m", 1)
        self.assertEqual(here.describe("m").json()["misses"], 1)

    def test_what_is_replaced_after_its_first_call_is_found_without_another(self):
        store = self.store()
        server = self.serve(store, refresh="200ms")
        one, two = versions(2)
        store.put("m.roost", one)
        self.assertEqual(self.adds(server, "m"), 1)
        self.replace(store, "m.roost", two)
        harness.wait_until(lambda: server.metrics()[CHANGED] == 1, "the look")
        harness.wait_until(lambda: self.adds(server, "m") == 2, "the new version")

    def test_each_use_is_followed_by_a_look(self):
        store = self.store()
        server = self.serve(store, refresh="100ms")
        store.put("m.roost", versions(1)[0])
        for k in range(5):  # that models nobody uses have none: tests/cache/test_reload.c
            before = server.metrics()['roost_refresh_checks_total{result="same"}']
            self.assertEqual(self.adds(server, "m"), 1)
            harness.wait_until(
                lambda: server.metrics()['roost_refresh_checks_total{result="same"}'] > before, "a look")

    def test_a_bad_version_leaves_the_old_one_until_a_good_one_comes(self):
        store = self.store()
        server = self.serve(store, refresh="200ms", load_backoff="60s", load_backoff_max="60s")
        one, two = versions(2)
        store.put("m.roost", one)
        self.assertEqual(self.adds(server, "m"), 1)
        self.replace(store, "m.roost", two[:5000] + bytes([two[5000] ^ 1]) + two[5001:])

        def failed():
            self.assertEqual(self.adds(server, "m"), 1)
            return server.describe("m").json()["error"]
        error = harness.wait_until(failed, "the failure")
        self.assertEqual(error["status"], "corrupt")
        self.assertGreater(error["retry_in_s"], 30)
        self.assertEqual(server.state("m"), "resident")
        self.assertEqual(server.metrics()[FAILED], 1)
        kept = [e for e in server.log() if e.get("event") == "old_version_kept"]
        self.assertEqual([(e["model"], e["status"]) for e in kept], [("m", "E_CORRUPT")])
        self.replace(store, "m.roost", two)  # it does not wait for the back-off
        self.until_it_adds(server, "m", 2)
        self.assertIsNone(server.describe("m").json()["error"])
        self.assertEqual(server.metrics()[FAILED], 1)

    def test_a_name_that_left_the_store_is_served_from_memory(self):
        store = self.store()
        server = self.serve(store, refresh="100ms")
        store.put("m.roost", versions(1)[0])
        self.assertEqual(self.adds(server, "m"), 1)
        store.remove("m.roost")

        def gone():
            self.assertEqual(self.adds(server, "m"), 1)
            return server.metrics()[GONE]
        harness.wait_until(gone, "a look")
        self.assertEqual(server.unload("m").status, 200)
        self.assertEqual(server.invoke("m", [ROW]).status, 404)

    def square(self, server, want):
        reply = server.invoke("s", {"instances": [[1.0] * SIDE]})
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(reply.json()["predictions"][0][0], float(want))
        return reply

    def test_what_does_not_fit_beside_the_old_one(self):
        one, two = squares(2)
        for reload in "keep", "evict":
            with self.subTest(reload):
                server = self.serve(self.store(), reload=reload, memory="1900KiB", share="tenant")
                self.published(server, "s", one)
                self.square(server, 1)
                self.published(server, "s", two)
                self.square(server, 1 if reload == "keep" else 2)
                self.assertEqual(server.metrics()[NO_ROOM], 1 if reload == "keep" else 0)
                kept = [e["status"] for e in server.log() if e.get("event") == "old_version_kept"]
                self.assertEqual(kept, ["E_NO_ROOM"] if reload == "keep" else [])
                server.stop()

    def test_a_pinned_model_stays_pinned(self):
        server = self.serve(self.store())
        one, two = versions(2)
        self.published(server, "m", one)
        self.assertEqual(server.request("POST", "/models/m/pin").status, 200)
        self.published(server, "m", two)
        self.assertEqual(self.adds(server, "m"), 2)
        self.assertTrue(server.describe("m").json()["pinned"])

    def version(self, server, name, version):
        reply = server.invoke(name, [ROW], headers={"x-roost-version": version})
        if reply.status == 200:
            self.assertEqual(reply.headers["x-roost-version"], version)
            return round(reply.json()["predictions"][0][0] - ROW[0])
        return reply.status

    def test_one_version_is_invoked(self):
        store = self.store()
        server = self.serve(store)
        for artifact in versions(3):
            self.published(server, "acme/m", artifact)
        self.assertEqual(self.adds(server, "acme/m"), 3)
        self.assertEqual([self.version(server, "acme/m", v) for v in ("1", "2", "3", "4", "03", "x")],
                         [1, 2, 3, 404, 404, 404])
        self.assertEqual(self.adds(server, "acme/m"), 3)
        self.assertIsNone(server.state("acme/m@3"))
        names = [m["modelName"] for m in server.get("/models").json()["models"]]
        self.assertEqual(names, ["acme/m", "acme/m@1", "acme/m@2"])  # the current one is there once
        page = server.get("/models?limit=2").json()
        rest = server.get(f"/models?limit=2&next_page_token={page['nextPageToken'].replace('@', '%40')}").json()
        self.assertEqual([m["modelName"] for m in rest["models"]], ["acme/m@2"])
        self.assertEqual(server.request("POST", "/models/acme/m/rollback", '{"version": 1}').status, 200)
        self.assertEqual(self.adds(server, "acme/m"), 1)
        self.assertEqual(server.request("DELETE", "/models/acme/m/versions/2").status, 200)
        self.assertEqual(self.version(server, "acme/m", "2"), 404)
        self.assertEqual(self.version(server, "acme/m", "3"), 3)
        self.assertEqual(server.invoke("acme/m", [ROW], headers={"x-roost-version": "1" * 64}).status, 400)

    def test_one_version_of_what_was_not_published_here(self):
        store = self.store()
        server = self.serve(store)
        one, two = versions(2)
        store.put("n/1/model.roost", one)
        store.put("n/2/model.onnx", tiny_onnx.add_constant(2))
        self.assertEqual([self.version(server, "n", v) for v in ("1", "2", "3")], [1, 2, 404])
        store.put("plain.roost", two)
        content = server.invoke("plain", [ROW]).headers["x-roost-version"]
        self.assertRegex(content, "^[0-9a-f]{12}$")
        self.assertEqual(self.version(server, "plain", content), 2)
        self.assertEqual(self.version(server, "plain", "f" * 12), 404)


class Bucket(s3_server.OnServer, Case):
    """The same from a bucket, with the tool that people use."""

    KIND = swift.Swift

    @classmethod
    def setUpClass(cls):
        if not os.access(AWS, os.X_OK):
            raise unittest.SkipTest(f"there is no {AWS}")
        super().setUpClass()

    def aws(self, *args):
        env = {**os.environ, **self.s3.env, "PATH": "/usr/bin:/bin", "AWS_CONFIG_FILE": "/nonexistent"}
        done = subprocess.run([AWS, "--endpoint-url", self.s3.endpoint, *map(str, args)], env=env,
                              capture_output=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_an_upload_is_served_and_a_second_one_takes_over(self):
        folder = self.store()
        for k, artifact in enumerate(versions(2), 1):
            folder.put(f"{k}.roost", artifact)
        self.aws("s3", "mb", "s3://reload")
        server = self.serve("s3://reload", env=self.s3.env, refresh="1s")
        self.aws("s3", "cp", folder.path / "1.roost", "s3://reload/acme/m.roost")
        self.assertEqual(self.adds(server, "acme/m"), 1)
        self.aws("s3", "cp", folder.path / "2.roost", "s3://reload/acme/m.roost")
        harness.wait_until(lambda: self.adds(server, "acme/m") == 2, "the second upload")
        shown = server.describe("acme/m").json()
        self.assertEqual((shown["misses"], shown["joined"]), (1, 0))
        self.assertEqual(server.metrics()[CHANGED], 1)


if __name__ == "__main__":
    unittest.main()
