# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""What a load takes over from those before it: the pages of evicted models, and what was proven of a
file's weights. Shown by counters, not by time."""
import json
import os
import random
import time
import unittest

import harness
import tiny_onnx
from test_10_scale import Client, compile_all

MIB = 1 << 20
FRESH = 'roost_memory_bytes_total{source="fresh"}'
RECYCLED = 'roost_memory_bytes_total{source="recycled"}'
UNLOADS = "roost_model_unloads_total"
HASHED = 'roost_blob_bytes_total{check="hashed"}'
KNOWN = 'roost_blob_bytes_total{check="known"}'
POOLED = 'roost_cache_used_bytes{tier="host",class="pooled"}'
SCRATCH = 'roost_cache_used_bytes{tier="host",class="scratch"}'
CAPACITY = 'roost_cache_capacity_bytes{tier="host"}'


class Recycled(harness.Case):
    def squares(self, sides):
        """A store of models y = k x with side * side * 4 bytes of weights."""
        store = self.store()
        compile_all(store.path, {f"w{k}": tiny_onnx.scaled_square(k + 1, side)
                                 for k, side in enumerate(sides)})
        return store

    def call(self, server, k, side):
        client = Client(server.port)
        status, body = client.post(f"w{k}", json.dumps([[1.0] * side]).encode())
        client.close()
        self.assertEqual(status, 200, body[:200])
        self.assertEqual(json.loads(body)["predictions"], [[float(k + 1)] * side])

    def grown(self, server, before):
        after = server.metrics()
        return {k: after[k] - before[k] for k in (FRESH, RECYCLED, UNLOADS)}

    def memory_for(self, store, side, models, **flags):
        """--memory that holds so many of the models and one worker's arena for them."""
        server = self.serve(store, workers=1, **flags)
        for k in range(3):
            self.call(server, k, side)
        size, arena = server.describe("w0").json()["bytes"], server.metrics()[SCRATCH]
        server.stop()
        return size, models * size + int(arena)

    def test_a_reload_is_made_of_the_pages_of_what_was_evicted(self):
        side, rounds = 512, 5
        store = self.squares([side] * 3)
        size, memory = self.memory_for(store, side, 2)
        server = self.serve(store, workers=1, memory=memory)
        for k in (0, 1, 2, 0, 1, 2):
            self.call(server, k, side)
        before = server.metrics()
        for _ in range(rounds):
            for k in range(3):
                self.call(server, k, side)
        grown = self.grown(server, before)
        self.assertEqual(grown[UNLOADS], 3 * rounds)
        self.assertGreaterEqual(grown[RECYCLED], 3 * rounds * size)  # and what workers take for plans
        self.assertEqual(grown[FRESH], 0)

    def test_without_recycling_pages_are_the_kernels_at_once(self):
        side = 512
        store = self.squares([side] * 3)
        size, memory = self.memory_for(store, side, 2, recycle="off")
        server = self.serve(store, workers=1, memory=memory, recycle="off")
        for k in (0, 1, 2, 0, 1, 2):
            self.call(server, k, side)
            self.assertEqual(server.metrics()[POOLED], 0)
        grown = server.metrics()
        self.assertEqual(grown[RECYCLED], 0)
        self.assertGreaterEqual(grown[FRESH], 6 * size)

    def test_what_is_kept_gives_way_to_a_larger_model(self):
        if harness.SANITIZED:
            self.skipTest("a sanitizer's shadow is resident too")
        small, large, last = 700, 1600, 8
        store = self.squares([small] * last + [large])
        server = self.serve(store, workers=1)
        for k in range(last):
            self.call(server, k, small)
        self.call(server, last, large)
        size, most = (server.describe(f"w{k}").json()["bytes"] for k in (0, last))
        memory = last // 2 * size + most + int(server.metrics()[SCRATCH])
        constant = server.rss_bytes() - server.used_bytes()
        server.stop()
        server = self.serve(store, workers=1, memory=memory)
        for k in range(last):
            self.call(server, k, small)
        for k in range(0, last, 2):  # islands between those that stay
            self.assertEqual(server.unload(f"w{k}").status, 200)
        self.assertGreaterEqual(server.metrics()[POOLED], last // 2 * size)
        self.call(server, last, large)
        self.assertEqual({server.state(f"w{k}") for k in range(1, last, 2)}, {"resident"})
        self.assertLess(server.metrics()[POOLED], size)
        self.assertLess(server.rss_bytes() - constant, memory + 2 * MIB)

    def test_resident_memory_follows_the_ledger_through_thousands_of_evictions(self):
        if harness.SANITIZED:
            self.skipTest("a sanitizer's shadow is resident too")
        draw = random.Random(20261129)
        sides = [draw.randrange(100, 800) for _ in range(40)]
        store = self.squares(sides)
        server = self.serve(store, workers=2, memory="12MiB")
        for _ in range(1500):  # until the heap has all it will want
            k = draw.randrange(40)
            self.call(server, k, sides[k])
        constant = server.rss_bytes() - server.used_bytes()
        self.assertLessEqual(constant, 64 * MIB)
        worst = 0
        for turn in range(5000):
            k = draw.randrange(40)
            self.call(server, k, sides[k])
            if turn % 100 == 0:
                used, capacity = server.used_bytes(), server.metrics()[CAPACITY]
                self.assertLessEqual(used, capacity)
                worst = max(worst, server.rss_bytes() - constant - used)
        after = server.metrics()
        evictions = after['roost_cache_evictions_total{tier="host",reason="room"}']
        self.assertGreater(evictions, 3000)
        recycled = after[RECYCLED] / (after[RECYCLED] + after[FRESH])
        print(f"{evictions:.0f} evictions, {100 * recycled:.1f} % of the memory recycled, resident at "
              f"most {worst / MIB:.2f} MiB above the ledger and {constant / MIB:.1f} MiB", flush=True)
        for k in range(40):
            server.unload(f"w{k}")
        self.assertGreater(server.metrics()[POOLED], 11 * MIB)
        worst = max(worst, abs(server.rss_bytes() - constant - server.used_bytes()))
        self.assertLess(worst, 2 * MIB)  # a page lost in each eviction would be 17 MiB
        self.assertGreater(recycled, 0.5)


class Known(harness.Case):
    SIDE = 300  # 360,000 bytes of weights, enough to be remembered

    def setUp(self):
        super().setUp()
        self.files = self.store()
        compile_all(self.files.path, {"w": tiny_onnx.scaled_square(1, self.SIDE)})

    def reload(self, server):
        """How many bytes the next load hashes, and how many it takes as known."""
        before = server.metrics()
        if server.state("w") == "resident":
            self.assertEqual(server.unload("w").status, 200)
        self.assertEqual(server.load("w").status, 200)
        after = server.metrics()
        return after[HASHED] - before[HASHED], after[KNOWN] - before[KNOWN]

    def test_weights_are_hashed_once_and_again_after_a_write(self):
        server = self.serve(self.files)
        first, known = self.reload(server)
        self.assertGreaterEqual(first, 4 * self.SIDE * self.SIDE)
        self.assertEqual(known, 0)
        # Two seconds after the file came, its times can tell the next write apart.
        harness.wait_until(lambda: self.reload(server) == (0, first), "the file to be known")
        path = self.files.path / "w.roost"
        data, times = bytearray(path.read_bytes()), path.stat()
        data[-1000] ^= 1
        path.write_bytes(data)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        self.assertEqual(server.unload("w").status, 200)
        reply = server.load("w")
        self.assertNotEqual(reply.status, 200)
        self.assertIn("SHA-256", reply.body.decode())

    def test_always_hashes_in_every_load(self):
        server = self.serve(self.files, verify="always")
        first, _ = self.reload(server)
        written = (self.files.path / "w.roost").stat().st_ctime
        harness.wait_until(lambda: time.time() > written + 4, "the file's times to be old enough")
        for _ in range(3):
            self.assertEqual(self.reload(server), (first, 0))


if __name__ == "__main__":
    unittest.main()
