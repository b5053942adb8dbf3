# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""kill -9 in a loop, under load: what test_21_kills.py does some times and scripts/soak many times.

A server with a disk tier and a residency list, more models than fit into its memory and its tier, and
clients that ask for all of them without a pause. It is killed after a number of answers that is
drawn, none of them included, so that it dies in its start, in loads, evictions and writes.
Now and then it starts again with another store, in which the same names have other contents. What is asserted of each server: every answer is the
one of the content that was in the store when it started, nothing but 200 and "no room just now" is
answered, the ledgers of memory and disk are within their limits, and nothing in the tier is damaged."""

import http.client
import pathlib
import random
import threading
import time

import harness
import tiny_onnx
from test_10_scale import Client, compile_all

SIDE = 256
WEIGHTS = 4 * SIDE * SIDE
MODELS = 8         # w0 ...
STORES = 3         # the same names, other contents
MEMORY = 6 * WEIGHTS
DISK = 6 * WEIGHTS
CLIENTS = 4
ANSWERS_MAX = 60   # of all clients, before a kill
BODY = ("[[" + ",".join(["1"] * SIDE) + "]]").encode()
SETTLED_S = 4      # docs/disk.md: two seconds, and those that a clock of whole seconds hides
CORRUPT = "roost_disk_corrupt_total"
SEEN = {"evictions": 'roost_cache_evictions_total{tier="host",reason="room"}',
        "disk_evictions": 'roost_cache_evictions_total{tier="disk",reason="room"}',
        "disk_hits": 'roost_disk_lookups_total{result="hit"}',
        "disk_writes": "roost_disk_written_bytes_total"}


class Crowd:
    """Clients of one server, until stop()."""

    def __init__(self, server, wanted, seed):
        self.answers = self.refused = 0
        self.wrong = []
        self.port, self.wanted = server.port, wanted
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(random.Random(seed + k),))
                        for k in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _note(self, name, status, body):
        with self.lock:
            self.answers += status == 200
            self.refused += status == 503
            right = status == 503 or (status == 200 and self.wanted[name] in body)
            if not right:
                self.wrong.append(f"{name}: {status} {body[:60]!r}, expected {self.wanted[name][:10]!r}")

    def _run(self, rng):
        names = sorted(self.wanted)
        client = None
        try:
            client = Client(self.port)
            while not self.stopping.is_set():
                name = names[min(rng.randrange(len(names)), rng.randrange(len(names)))]
                self._note(name, *client.post(name, BODY))
        except (OSError, AssertionError, IndexError, http.client.HTTPException) as e:
            if not self.stopping.is_set():  # nobody had killed it
                with self.lock:
                    self.wrong.append(f"the connection ended: {e!r}")
        finally:
            if client:
                client.close()

    def stop(self):
        self.stopping.set()

    def join(self):
        for thread in self.threads:
            thread.join(harness.TIMEOUT_S)


class Kills:
    """test: the harness.Case whose servers these are."""

    def __init__(self, test, folder, seed):
        self.test, self.rng = test, random.Random(seed)
        folder = pathlib.Path(folder)
        self.tier, self.list = folder / "tier", folder / "residency"
        self.stores = [folder / f"store{k}" for k in range(STORES)]
        self.store = 0
        self.names = [f"w{k}" for k in range(MODELS)]
        self.answers = self.refused = self.changed = 0
        self.seen = dict.fromkeys(SEEN, 0)
        for k, store in enumerate(self.stores):
            store.mkdir()
            compile_all(store, {name: tiny_onnx.scaled_square(self._factor(n, k), SIDE)
                                for n, name in enumerate(self.names)})
        self._wait_settled()

    def _wait_settled(self):
        """Until the files are so old that the tier may know them by their times."""
        newest = max(path.stat().st_ctime for store in self.stores for path in store.iterdir())
        harness.wait_until(lambda: time.time() > newest + SETTLED_S, "the files to be old enough")

    @staticmethod
    def _factor(k, store):
        return 1 + k + 10 * (1 + store)

    def change_store(self):
        before, self.store = self.store, self.rng.choice([self.store, *range(STORES)])
        self.changed += self.store != before

    def wanted(self):
        """What must stand in the answers."""
        return {name: self._row(self._factor(k, self.store)) for k, name in enumerate(self.names)}

    @staticmethod
    def _row(factor):
        return ("[[" + ",".join([f"{factor}.0"] * SIDE) + "]]").encode()

    def serve(self):
        return self.test.serve(self.stores[self.store], disk=self.tier, disk_limit=DISK, residency=self.list,
                               memory=MEMORY, workers=2)

    def _sane(self, server):
        metrics = server.metrics()
        for tier, limit in (("host", MEMORY), ("disk", DISK)):
            # Not a sum of classes: those are not read in one moment.
            self.test.assertLessEqual(metrics[f'roost_cache_peak_bytes{{tier="{tier}"}}'], limit, tier)
        self.test.assertEqual(metrics[CORRUPT], 0)
        for what, series in SEEN.items():
            self.seen[what] += metrics[series]

    def _tier_is_within(self):
        """Of a server that ended: what one is writing and removing cannot be seen in one moment."""
        lying = sum((p.stat().st_size + 4095) // 4096 * 4096 for p in self.tier.iterdir() if p.name[0] in "bh")
        self.test.assertLessEqual(lying, DISK)

    def _list_is_whole(self):
        if self.list.exists():
            lines = self.list.read_text().split("\n")
            self.test.assertEqual((lines[0], lines[-1]), ("roost residency 1", ""))
            self.test.assertLessEqual(set(lines[1:-1]), set(self.names))

    def _until(self, server, count, end):
        """Serves so many answers, then calls end."""
        crowd = Crowd(server, self.wanted(), self.rng.randrange(1 << 30))
        try:
            harness.wait_until(lambda: crowd.answers >= count or crowd.wrong, "the answers")
            if count:
                self._sane(server)
        finally:
            crowd.stop()
            end()
            crowd.join()
        self.test.assertEqual(crowd.wrong, [])
        self.answers += crowd.answers
        self.refused += crowd.refused

    def kill_once(self):
        self.change_store()
        server = self.serve()
        self._until(server, self.rng.randrange(ANSWERS_MAX), server.kill)
        self._tier_is_within()
        self._list_is_whole()

    def end(self):
        """A last server answers for each model, and stops cleanly."""
        server = self.serve()
        self._until(server, ANSWERS_MAX, lambda: None)
        for name, want in self.wanted().items():
            reply = server.invoke(name, BODY)
            self.test.assertEqual(reply.status, 200, reply)
            self.test.assertIn(want, reply.body)
        self._sane(server)
        self.test.assertEqual(server.stop(), 0)
        self.test.assertEqual([p.name for p in self.tier.glob("new-*")], [])
        self._tier_is_within()
        self._list_is_whole()
