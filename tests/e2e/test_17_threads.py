# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Who may wait for a disk or for the kernel's memory: loaders, their links, and the reaper. A hot model is called all
the while that models are loaded and evicted around it, and no worker and no event loop opens or reads a
file, or maps or unmaps memory."""
import collections
import json
import pathlib
import re
import subprocess
import tempfile
import threading
import unittest

import harness
import tiny_onnx
from test_10_scale import Client, compile_all

SIDE, COLD, LOADS = 256, 30, 60
BODY = json.dumps([[1.0] * SIDE]).encode()


def calls_library():
    out = pathlib.Path(harness._scratch()) / "calls.so"
    if not out.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(out),
                        str(harness.ROOT / "tests/e2e/calls.c"), "-ldl"], check=True)
    return out


class Threads(harness.Case):
    def setUp(self):
        super().setUp()
        if harness.SANITIZED:
            self.skipTest("a preloaded library and a sanitizer's runtime exclude each other")
        self.calls = tempfile.NamedTemporaryFile(prefix="calls-", dir=harness._scratch())
        self.addCleanup(self.calls.close)
        self.env = {"LD_PRELOAD": str(calls_library()), "ROOST_TEST_CALLS": self.calls.name}

    def called(self, since):
        """{thread's kind: {call: times}} of the lines from `since` on, and how many lines there are."""
        lines = pathlib.Path(self.calls.name).read_text().splitlines()
        kinds = collections.defaultdict(collections.Counter)
        for line in lines[since:]:
            thread, call = line.rsplit(" ", 1)
            kinds[re.sub(r"-\d+$", "", thread)][call] += 1
        return kinds, len(lines)

    def test_the_store_is_not_listed_at_the_start(self):
        store = self.store()
        store.add("iris")
        server = self.serve(store, env=self.env)
        self.assertEqual(server.invoke("iris", [[5.1, 3.5, 1.4, 0.2]]).status, 200)
        kinds, seen = self.called(0)
        self.assertEqual({k: c["list"] for k, c in kinds.items() if c["list"]}, {})
        store.put("other/1/readme", b"")  # a folder of a name is: what versions has it?
        self.assertEqual(server.invoke("other", [[1]]).status, 404)
        self.assertGreater(self.called(seen)[0]["loader"]["list"], 0)  # it would be seen

    def storm(self, recycle):
        store = self.store()
        compile_all(store.path, {f"w{k}": tiny_onnx.scaled_square(k + 1, SIDE) for k in range(COLD)})
        server = self.serve(store, workers=2, env=self.env)
        client = Client(server.port)
        self.assertEqual(client.post("w0", BODY)[0], 200)
        size = server.describe("w0").json()["bytes"]
        arena = int(server.metrics()['roost_cache_used_bytes{tier="host",class="scratch"}'])
        server.stop()
        server = self.serve(store, workers=2, env=self.env, recycle=recycle,
                            memory=6 * size + 4 * arena)
        clients = [Client(server.port) for _ in range(2)]
        for k in range(COLD):  # until arenas, plans and the heap are what they will be
            for client in clients:
                self.assertEqual(client.post(f"w{k}", BODY)[0], 200)
        over, answered = threading.Event(), [0, 0]
        hot = [self.in_background(self.call_hot, server, over, answered, k) for k in range(2)]
        try:
            # Of their arenas, when those grew: each worker is seen, and has what it will have.
            harness.wait_until(lambda: self.mapped("worker-") == 2, "both workers to have run")
            _, since = self.called(0)
            for k in range(LOADS):
                self.assertIn(server.load(f"w{1 + k % (COLD - 1)}").status, (200, 409))
                if k % 10 == 0:
                    had = list(answered)
                    harness.wait_until(lambda had=had: all(a > b for a, b in zip(answered, had)), "the hot calls")
        finally:
            over.set()
        for h in hot:
            h.result()
        return self.called(since)[0]

    def mapped(self, kind):
        """How many threads whose names begin so have mapped memory."""
        lines = pathlib.Path(self.calls.name).read_text().splitlines()
        return len({line for line in lines if line.startswith(kind) and line.endswith(" mmap")})

    def call_hot(self, server, over, answered, k):
        client = Client(server.port)
        while not over.is_set():
            status, body = client.post("w0", BODY)
            self.assertEqual(status, 200, body[:200])
            answered[k] += 1
        client.close()

    def test_loads_and_evictions_cost_no_worker_and_no_event_loop_a_file_or_a_mapping(self):
        for recycle in ("on", "off"):
            with self.subTest(recycle=recycle):
                kinds = self.storm(recycle)
                self.assertGreater(kinds["loader"]["pread"], 10)  # the calls are seen at all
                if recycle == "off":
                    self.assertGreater(kinds["reaper"]["munmap"], 5)
                for calls in kinds.values():
                    calls.pop("heap", None)
                files = ("loader", "reaper", "store-link", "disk-link")
                self.assertEqual({k: dict(v) for k, v in kinds.items() if v and k not in files}, {})


if __name__ == "__main__":
    unittest.main()
