# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""What a server says of its own cache: where a model's bytes are, why it left, and where its last cold
start spent its time."""

import json
import pathlib
import random
import tempfile
import time

import harness
import tiny_onnx
from harness import roost
from test_10_scale import compile_all

SIDE = 256
ROW = [[1] * SIDE]


class Records(harness.Case):
    def squares(self, count):
        store = self.store()
        compile_all(store.path, {f"w{k}": tiny_onnx.scaled_square(k + 1, SIDE) for k in range(count)})
        return store

    def settle(self, store):
        """Files that were changed a moment ago have no name in the disk tier yet (base/file_tag.h)."""
        last = max(p.stat().st_ctime for p in store.path.glob("*.roost"))
        harness.wait_until(lambda: time.time() > last + 3, "the files to be old enough")

    def ask(self, server, k):
        reply = server.invoke(f"w{k}", ROW)
        self.assertEqual(reply.status, 200, reply)
        return reply

    def described(self, server, k):
        return server.describe(f"w{k}").json()

    def heads(self, folder):
        return len([p for p in (pathlib.Path(folder.name) / "tier").iterdir() if p.name.startswith("h-")])

    def test_where_a_model_is_and_for_whom_it_went(self):
        folder = tempfile.TemporaryDirectory(dir=harness._scratch())
        self.addCleanup(folder.cleanup)
        store = self.squares(2)
        self.settle(store)
        probe = self.serve(store)
        self.ask(probe, 0)
        held = self.described(probe, 0)["bytes"]
        # Room for one model and the arena of a run.
        server = self.serve(store, memory=2 * held - 4096, workers=1, disk=pathlib.Path(folder.name) / "tier")
        self.ask(server, 0)
        first = self.described(server, 0)
        self.assertEqual((first["state"], first["tier"], first["evicted"]), ("resident", "memory", None))
        self.assertLess(first["age_s"], 60)
        # Each is on the disk before it makes way: one that goes before it is written there is not written.
        harness.wait_until(lambda: self.heads(folder) == 1, "w0 to be written")
        self.ask(server, 1)
        harness.wait_until(lambda: self.described(server, 1)["tier"] == "memory", "w1")
        self.assertEqual(server.state("w0"), "absent")
        gone = self.described(server, 0)
        self.assertEqual((gone["state"], gone["age_s"]), ("absent", None))
        self.assertEqual((gone["evicted"]["why"], gone["evicted"]["by"]), ("room", "w1"))
        harness.wait_until(lambda: self.heads(folder) == 2, "w1 to be written")
        self.ask(server, 0)
        harness.wait_until(lambda: self.described(server, 1)["tier"] == "disk", "w1 to be on the disk")
        self.assertEqual(self.described(server, 1)["evicted"]["by"], "w0")
        shown = roost("ps", "--all", "--server", server.address)
        self.assertIn("room, for w0", shown.stdout)
        self.assertRegex(shown.stdout, r"w1 +absent +disk ")
        self.assertRegex(roost("show", "w1", "--server", server.address).stdout, r"room")

    def test_a_cold_start_is_split(self):
        server = self.serve(self.squares(1))
        self.assertEqual(server.load("w0").status, 200)
        load = self.described(server, 0)["last_load"]
        self.assertEqual(sorted(load), ["bind_ms", "fetch_ms", "first_run_ms", "queue_ms", "verify_ms"])
        self.assertIsNone(load["first_run_ms"])
        self.ask(server, 0)
        load = self.described(server, 0)["last_load"]
        for stage in ("fetch_ms", "verify_ms", "bind_ms", "first_run_ms"):
            self.assertGreater(load[stage], 0, stage)
        self.ask(server, 0)
        self.assertEqual(self.described(server, 0)["last_load"], load)  # a later run changes nothing

    def test_a_deleted_model_says_so(self):
        server = self.serve(self.squares(1))
        self.ask(server, 0)
        self.assertEqual(server.unload("w0").status, 200)
        evicted = self.described(server, 0)["evicted"]
        self.assertEqual((evicted["why"], evicted["by"]), ("unload", None))
        listed = json.loads(server.get("/models").body)["models"]
        self.assertEqual(listed[0]["evicted"]["why"], "unload")
        self.assertEqual(listed[0]["tier"], "store")


class Recording(harness.Case):
    """`serve --record-trace`: what a server did is what a replay of its own trace says."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=harness._scratch())
        self.addCleanup(folder.cleanup)
        self.trace = pathlib.Path(folder.name) / "trace"

    def squares(self, count):
        store = self.store()
        compile_all(store.path, {f"w{k}": tiny_onnx.scaled_square(k + 1, SIDE) for k in range(count)})
        return store

    def replayed(self, memory):
        done = roost("replay", self.trace, "--memory", int(memory), "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_a_replay_says_what_the_server_did(self):
        store = self.squares(5)
        probe = self.serve(store)
        probe.invoke("w0", ROW)
        held = probe.describe("w0").json()["bytes"]
        server = self.serve(store, memory=3 * held + held // 2, workers=1, loaders=1, record_trace=self.trace)
        order = random.Random(5)
        for _ in range(150):
            self.assertEqual(server.invoke(f"w{min(order.randrange(5), order.randrange(5))}", ROW).status, 200)
        harness.wait_until(lambda: server.metrics()["roost_trace_recorded_total"] == 150, "all to be recorded")
        now = server.metrics()
        memory = 3 * held + held // 2 - now['roost_cache_used_bytes{tier="host",class="scratch"}']
        hits = now['roost_cache_lookups_total{result="hit"}']
        self.assertGreater(hits, 30)
        self.assertGreater(now['roost_cache_evictions_total{tier="host",reason="room"}'], 10)
        said = self.replayed(memory)
        self.assertEqual((said["requests"], said["models"], said["tenants"]), (150, 5, 1))
        self.assertEqual(round(said["hit_rate"] * 150), hits)
        self.assertEqual(said["evictions"], now['roost_cache_evictions_total{tier="host",reason="room"}'])
        self.assertGreater(said["miss_cost_ms"], 0)
        self.assertEqual(now["roost_trace_lost_total"], 0)

    def test_a_killed_server_leaves_what_it_wrote(self):
        server = self.serve(self.squares(1), record_trace=self.trace)
        for _ in range(10):
            self.assertEqual(server.invoke("w0", ROW).status, 200)
        harness.wait_until(lambda: server.metrics()["roost_trace_recorded_total"] == 10, "all to be recorded")
        server.kill()
        self.assertEqual(self.replayed(1 << 30)["requests"], 10)
        cut = self.trace.read_bytes()[:-5]
        self.trace.write_bytes(cut)
        self.assertEqual(self.replayed(1 << 30)["requests"], 9)

    def test_it_stops_at_its_limit_and_says_so(self):
        server = self.serve(self.squares(1), record_trace=self.trace, record_trace_limit="1KiB")
        for _ in range(60):
            self.assertEqual(server.invoke("w0", ROW).status, 200)
        harness.wait_until(lambda: server.metrics()['roost_refused_total{limit="record_trace"}'] > 0, "the limit")
        self.assertEqual(server.invoke("w0", ROW).status, 200)
        server.stop()
        self.assertIn("trace_ended", server.log_text())
        self.assertLessEqual(self.trace.stat().st_size, 1024)
        self.assertGreater(self.replayed(1 << 30)["requests"], 20)

    def test_a_trace_that_cannot_be_written_is_no_start(self):
        done = roost("serve", "--store", self.store().path, "--listen", "127.0.0.1:0", "--record-trace",
                     self.trace / "none")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot be written", done.stderr)


class Advice(harness.Case):
    """GET /cache and `roost cache advise`: what more memory would bring."""

    def squares(self, count):
        store = self.store()
        compile_all(store.path, {f"w{k}": tiny_onnx.scaled_square(k + 1, SIDE) for k in range(count)})
        return store

    def looped(self, rounds, **flags):
        """A server that has room for three of four models that are asked for in turn: lru never hits."""
        store = self.squares(4)
        probe = self.serve(store)
        probe.invoke("w0", ROW)
        held = probe.describe("w0").json()["bytes"]
        server = self.serve(store, memory=3 * held + held // 2, workers=1, loaders=1, **flags)
        for n in range(rounds):
            self.assertEqual(server.invoke(f"w{n % 4}", ROW).status, 200)
        return server

    def advice(self, server):
        reply = server.get("/cache")
        self.assertEqual(reply.status, 200, reply)
        return reply.json()

    def looked_back(self, server, invocations):
        """Now and then the advisor looks back; what it says when it knows of all of them."""
        said = self.advice(server)
        regret = said["regret"] or {}
        return said if (said["invocations"], regret.get("invocations")) == (invocations, invocations) else None

    def test_a_loop_wants_a_third_more(self):
        server = self.looped(60)
        self.assertEqual(server.metrics()['roost_cache_lookups_total{result="hit"}'], 0)
        said = harness.wait_until(lambda: self.looked_back(server, 60), "the advisor to look back at all of it",
                                  timeout=120)
        curve = {p["of"]: p for p in said["curve"]}
        self.assertEqual(curve[1]["hit_rate"], 0)
        self.assertEqual(curve[1]["memory_bytes"], said["memory_bytes"])
        self.assertAlmostEqual(curve[1.25]["hit_rate"], 56 / 60, places=3)
        self.assertGreater(curve[1]["miss_cost_ms"], curve[1.25]["miss_cost_ms"])
        now = server.metrics()
        self.assertEqual(now['roost_cache_hit_rate{of="1"}'], 0)
        self.assertAlmostEqual(now['roost_cache_hit_rate{of="1.25"}'], 56 / 60, places=3)
        # With foresight two of three loads in a loop are saved, at least.
        regret = said["regret"]
        self.assertEqual((regret["invocations"], regret["hits"]), (60, 0))
        self.assertGreater(regret["ratio"], 0.3)
        self.assertLess(regret["bound_cost_ms"], regret["miss_cost_ms"])
        self.assertAlmostEqual(now["roost_cache_regret_ratio"], regret["ratio"], places=3)
        self.assertEqual(sorted(p["policy"] for p in said["policies"]), ["gdsf", "hazard", "lru"])
        shown = roost("cache", "advise", "--server", server.address)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertRegex(shown.stdout, r"would raise the hit rate from 0\.0 % to 93\.3 %")
        self.assertRegex(shown.stdout, r"regret 0\.\d\d")
        self.assertEqual(json.loads(roost("cache", "advise", "--json", "--server", server.address).stdout)["curve"],
                         self.advice(server)["curve"])

    def test_before_any_traffic(self):
        server = self.serve(self.squares(1))
        said = self.advice(server)
        self.assertEqual((said["policy"], said["invocations"], said["regret"]), ("lru", 0, None))
        self.assertEqual(roost("cache", "advise", "--server", server.address).stdout, "There was no traffic yet.\n")
        self.assertEqual(roost("cache", "what", "--server", server.address).returncode, 2)

    def test_it_can_be_off(self):
        server = self.serve(self.squares(1), advice="off")
        self.assertEqual(server.invoke("w0", ROW).status, 200)
        reply = server.get("/cache")
        self.assertEqual(reply.status, 404)
        self.assertIn("--advice off", reply.error())
