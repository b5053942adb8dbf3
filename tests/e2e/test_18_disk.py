# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""A server with a disk tier: what it finds again after any end, whom it shares its folder with, and that
a tier that is full or damaged is nobody's failure. Shown by counters and answers, not by time."""
import os
import pathlib
import random
import resource
import tempfile
import unittest

import harness
import tiny_onnx
from test_10_scale import Client, compile_all

READS = "roost_store_read_bytes_total"
HITS = 'roost_disk_lookups_total{result="hit"}'
WRITTEN = "roost_disk_written_bytes_total"
REFUSED = 'roost_refused_total{limit="disk"}'
CORRUPT = "roost_disk_corrupt_total"
CAPACITY = 'roost_cache_capacity_bytes{tier="disk"}'
USED = [f'roost_cache_used_bytes{{tier="disk",class="{c}"}}' for c in ("reserved", "resident", "draining")]
SIDE = 256
WEIGHTS = 4 * SIDE * SIDE
KILLS = 20


class Disk(harness.Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=harness._scratch())
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name) / "tier"

    def squares(self, count):
        store = self.store()
        compile_all(store.path, {f"w{k}": tiny_onnx.scaled_square(k + 1, SIDE) for k in range(count)})
        old = os.stat(store.path).st_mtime - 60
        for path in pathlib.Path(store.path).glob("*.roost"):
            os.utime(path, (old, old))
        return store

    def call(self, server, k):
        client = Client(server.port)
        status, body = client.post(f"w{k}", ("[[" + ",".join(["1"] * SIDE) + "]]").encode())
        client.close()
        self.assertEqual(status, 200, body[:200])
        self.assertIn(f"{k + 1}", body.decode())

    def filled(self, server, count):
        """The tier has the weights of so many models."""
        harness.wait_until(lambda: server.metrics()[WRITTEN] >= count * WEIGHTS, "the tier to be filled")

    def test_a_model_comes_back_from_the_disk(self):
        store = self.squares(2)
        server = self.serve(store, disk=self.dir, disk_limit="8MiB")
        self.assertEqual(server.metrics()[CAPACITY], 8 << 20)
        for k in range(2):
            self.call(server, k)
        self.filled(server, 2)
        read = server.metrics()[READS]
        self.assertEqual(server.unload("w0").status, 200)
        self.call(server, 0)
        after = server.metrics()
        self.assertLess(after[READS] - read, WEIGHTS / 4)
        self.assertGreater(after[HITS], 0)
        self.assertEqual(self.dir.stat().st_mode & 0o777, 0o700)

    def test_it_is_there_after_kill_9_at_any_moment(self):
        store = self.squares(8)
        rng = random.Random(3)
        for _ in range(KILLS):
            server = self.serve(store, disk=self.dir, disk_limit="2MiB", memory="64MiB")
            for k in rng.sample(range(8), rng.randrange(1, 6)):
                self.call(server, k)
            server.kill()
            server.stop()
        server = self.serve(store, disk=self.dir, disk_limit="2MiB")
        for k in range(8):
            self.call(server, k)
        metrics = server.metrics()
        self.assertLessEqual(sum(metrics[u] for u in USED), 2 << 20)
        self.assertEqual(metrics[CORRUPT], 0)
        lying = sum((p.stat().st_size + 4095) // 4096 * 4096 for p in self.dir.iterdir() if p.name[0] in "bhn")
        self.assertLessEqual(lying, 2 << 20)

    def test_a_folder_has_one_owner(self):
        store = self.squares(1)
        self.serve(store, disk=self.dir)
        second = harness.roost("serve", "--store", store.path, "--listen", "127.0.0.1:0", "--disk", self.dir)
        self.assertEqual(second.returncode, 2, second.stderr)
        self.assertIn("another process", second.stderr)

    def test_a_folder_for_everybody_is_refused(self):
        store = self.squares(1)
        self.dir.mkdir()
        self.dir.chmod(0o755)
        refused = harness.roost("serve", "--store", store.path, "--listen", "127.0.0.1:0", "--disk", self.dir)
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn("700", refused.stderr)

    def test_a_full_or_damaged_tier_fails_nobody(self):
        store = self.squares(3)
        self.dir.mkdir(mode=0o700)
        (self.dir / "README").write_text("mine")
        server = self.serve(store, disk=self.dir, disk_limit="1MiB", verify="always")
        for k in range(3):
            self.call(server, k)
        self.filled(server, 3)
        for path in self.dir.glob("b-*"):
            path.chmod(0o600)
            with open(path, "r+b") as f:
                f.write(b"\xff\xff")
        for k in range(3):
            self.assertEqual(server.unload(f"w{k}").status, 200)
            self.call(server, k)
        self.filled(server, 6)
        self.assertEqual((self.dir / "README").read_text(), "mine")

    def test_a_limit_of_file_sizes_is_no_end(self):
        store = self.squares(1)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (WEIGHTS // 2, hard))
        try:
            server = self.serve(store, disk=self.dir)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        self.call(server, 0)
        # Before it is unloaded: what leaves is not written any more.
        harness.wait_until(lambda: server.metrics()[REFUSED] > 0, "a refusal")
        self.assertEqual(server.unload("w0").status, 200)
        self.call(server, 0)


if __name__ == "__main__":
    unittest.main()
