# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Whatever policy says who gives way, every answer is right and the ledger holds; and where loads undo each
other, cold work is refused."""

import concurrent.futures
import json
import pathlib
import random

import harness
import tiny_onnx
from test_10_scale import Client, compile_all

SIDE = 200  # 160,000 bytes of weights each
MODELS, FIT, THREADS, REQUESTS = 12, 4, 3, 400


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        self.files = self.store()
        compile_all(self.files.path, {f"w{k}": tiny_onnx.scaled_square(k + 1, SIDE) for k in range(MODELS)})
        server = self.serve(self.files, workers=1)
        self.call(Client(server.port), 0)
        self.size = server.describe("w0").json()["bytes"]
        self.arena = int(server.metrics()['roost_cache_used_bytes{tier="host",class="scratch"}'])
        server.stop()

    def call(self, client, k):
        status, body = client.post(f"w{k}", json.dumps([[1.0] * SIDE]).encode())
        if status == 200:
            self.assertEqual(json.loads(body)["predictions"], [[float(k + 1)] * SIDE])
        return status

    def memory(self, models, workers=1):
        return models * self.size + workers * self.arena

    def threads_of(self, server):
        tasks = pathlib.Path(f"/proc/{server.process.pid}/task")
        return {(t / "comm").read_text().strip() for t in tasks.iterdir()}


class Flood(Case):
    def flood(self, server, seed):
        """Calls small numbers most; how often each status came."""
        draw, client, seen = random.Random(seed), Client(server.port), {}
        for _ in range(REQUESTS):
            status = self.call(client, min(draw.randrange(MODELS), draw.randrange(MODELS)))
            seen[status] = seen.get(status, 0) + 1
        client.close()
        return seen

    def served(self, policy):
        server = self.serve(self.files, policy=policy, memory=self.memory(FIT, THREADS), workers=THREADS)
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            seen = list(pool.map(lambda seed: self.flood(server, seed), range(THREADS)))
        m = server.metrics()
        good = sum(s.get(200, 0) for s in seen)
        self.assertEqual({status for s in seen for status in s} - {200, 503}, set())
        self.assertGreater(good, THREADS * REQUESTS * 0.9)  # 503: all that could go was pinned
        found = [m[f'roost_cache_lookups_total{{result="{how}"}}'] for how in ("hit", "miss", "joined")]
        self.assertEqual(sum(found), THREADS * REQUESTS)
        self.assertGreater(found[0], 0)
        self.assertGreater(m['roost_cache_evictions_total{tier="host",reason="room"}'], 0)
        self.assertEqual(m["roost_cache_watch_lost_total"], 0)
        self.assertLessEqual(m['roost_cache_peak_bytes{tier="host"}'], m['roost_cache_capacity_bytes{tier="host"}'])
        self.assertGreater(m['roost_cache_thrash_ratio{tier="host"}'], 0)
        self.assertIn("cache-watch", self.threads_of(server))
        self.keeps_what_is_asked_for_most(server, found[0])
        return m

    def keeps_what_is_asked_for_most(self, server, hits):
        """Of calls one after the other: beside others, how many find a model does not hang on the cache alone."""
        self.assertEqual(set(self.flood(server, THREADS)), {200})
        hits = server.metrics()['roost_cache_lookups_total{result="hit"}'] - hits
        self.assertGreater(hits, REQUESTS / 4)

    def test_lru_serves_and_keeps_all_it_loads(self):
        m = self.served("lru")
        self.assertEqual(m['roost_cache_evictions_total{tier="host",reason="transient"}'], 0)

    def test_hazard_serves(self):
        self.served("hazard")

    def test_gdsf_serves(self):
        self.served("gdsf")

    def test_auto_serves(self):
        self.served("auto")


class Thrash(Case):
    def in_turn(self, server, times):
        client = Client(server.port)
        seen = [self.call(client, k % 2) for k in range(times)]
        client.close()
        return seen

    def test_cold_work_is_refused_where_loads_undo_each_other_and_hot_work_is_not(self):
        server = self.serve(self.files, memory=self.memory(1), workers=1, thrash=50)
        seen = self.in_turn(server, 12)
        self.assertEqual(set(seen), {200, 503})
        m = server.metrics()
        self.assertEqual(m['roost_refused_total{limit="thrash"}'], seen.count(503))
        self.assertGreaterEqual(m['roost_cache_thrash_ratio{tier="host"}'], 0.5)
        there = 0 if server.state("w0") == "resident" else 1
        refused = server.invoke(f"w{1 - there}", json.dumps([[1.0] * SIDE]))
        self.assertEqual(refused.status, 503)
        self.assertGreaterEqual(int(refused.headers["retry-after"]), 1)
        self.assertIn("loaded again", refused.error())
        self.assertEqual(server.invoke(f"w{there}", json.dumps([[1.0] * SIDE])).status, 200)
        self.assertEqual(server.load(f"w{1 - there}").status, 200)  # what an operator asks for

    def test_without_a_threshold_all_is_served(self):
        server = self.serve(self.files, memory=self.memory(1), workers=1)
        self.assertEqual(set(self.in_turn(server, 12)), {200})
