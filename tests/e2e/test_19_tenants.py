# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Tenants on one node: a flood takes nothing of another's floor, ceilings and pins hold, and a model that
nobody uses goes. Shown by states, counters and answers, not by time."""
import concurrent.futures
import json
import subprocess
import tempfile
import unittest

import harness
import tiny_onnx
from test_10_scale import Client, compile_all

SIDE = 200  # 160,000 bytes of weights each
THREADS, ROUNDS = 4, 60
BODY = json.dumps([[1.0] * SIDE]).encode()
TTL = 'roost_cache_evictions_total{tier="host",reason="ttl"}'


class Tenants(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.store_of_all = harness.Store()
        tenants = {"calm": 4, "storm": 12, "other": 2}
        for tenant in tenants:
            (cls.store_of_all.path / tenant).mkdir()
        compile_all(cls.store_of_all.path, {f"{tenant}/m{k}": tiny_onnx.scaled_square(k + 1, SIDE)
                                            for tenant, n in tenants.items() for k in range(n)})
        server = harness.Server(cls.store_of_all, workers=1)
        assert server.invoke("calm/m0", BODY).status == 200
        cls.size = server.describe("calm/m0").json()["bytes"]
        cls.arena = int(server.metrics()['roost_cache_used_bytes{tier="host",class="scratch"}'])
        assert server.stop() == 0
        server.log_file.close()

    @classmethod
    def tearDownClass(cls):
        cls.store_of_all.free()

    def start(self, fit, tenants=None, **flags):
        """A server in whose memory so many models fit, besides one worker's arena."""
        file = tempfile.NamedTemporaryFile("w", suffix=".json", dir=harness._scratch())
        self.addCleanup(file.close)
        json.dump({} if tenants is None else {"tenants": tenants}, file)
        file.flush()
        return self.serve(self.store_of_all, workers=1, memory=fit * self.size + self.arena,
                          config=file.name, **flags)

    def call(self, server, name):
        reply = server.invoke(name, BODY)
        self.assertEqual(reply.status, 200, reply)
        factor = float(name.rsplit("m", 1)[1]) + 1
        self.assertEqual(reply.json()["predictions"], [[factor] * SIDE])

    def post(self, server, name, verb):
        return server.request("POST", f"/models/{name}/{verb}", port=server.admin_port)

    def tenant(self, server, name):
        all_of = server.get("/tenants", port=server.admin_port).json()["tenants"]
        return next(t for t in all_of if t["tenant"] == name)

    def flood(self, server, tenant, models):
        """Calls all models of the tenant again and again; how many of the calls were not answered for
        want of room."""
        def one(thread):
            client, refused = Client(server.port), 0
            for k in range(ROUNDS):
                status, _ = client.post(f"{tenant}/m{(k * 5 + thread) % models}", BODY)
                self.assertIn(status, (200, 503))
                refused += status == 503
            client.close()
            return refused
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(one, range(THREADS)))

    def test_a_two_tenant_flood_cannot_push_the_other_below_its_floor(self):
        floor = 3 * self.size
        server = self.start(6, {"calm": {"floor": floor}, "storm": {}})
        for k in range(4):
            self.call(server, f"calm/m{k}")
        refused = self.flood(server, "storm", 12)
        self.flood(server, "other", 2)
        # One was above the floor; it went first, and no other since.
        calm = self.tenant(server, "calm")
        self.assertEqual((calm["models"], calm["bytes"], calm["evictions"]), (3, floor, 1))
        self.assertEqual([server.state(f"calm/m{k}") for k in range(4)],
                         ["absent", "resident", "resident", "resident"])
        before = calm["hits"]
        for _ in range(20):
            for k in range(1, 4):
                self.call(server, f"calm/m{k}")
        calm = self.tenant(server, "calm")
        self.assertEqual((calm["hits"] - before, calm["misses"]), (60, 4))
        self.assertLess(refused, THREADS * ROUNDS)
        self.assertGreater(self.tenant(server, "storm")["evictions"], 12)

    def test_both_flood_and_both_keep_their_floors(self):
        floor = 2 * self.size
        server = self.start(6, {"calm": {"floor": floor}, "storm": {"floor": floor}})
        for tenant in ("calm", "storm"):
            for k in range(2):
                self.call(server, f"{tenant}/m{k}")
        floods = [self.in_background(self.flood, server, tenant, n)
                  for tenant, n in (("calm", 4), ("storm", 12))]
        least = floor
        while not all(f.done() for f in floods):
            held = [self.tenant(server, t)["bytes"] for t in ("calm", "storm")]
            least = min(least, *held)
        # A tenant's own misses take its own models too, and are its own from then on.
        self.assertGreaterEqual(least, floor)
        for f in floods:
            f.result()

    def test_without_rules_the_flood_takes_all(self):
        server = self.start(6)
        self.call(server, "calm/m0")
        self.flood(server, "storm", 12)
        self.assertEqual(server.state("calm/m0"), "absent")
        self.assertEqual([t["tenant"] for t in
                          server.get("/tenants", port=server.admin_port).json()["tenants"]], ["*"])
        self.assertFalse([s for s in server.metrics() if s.startswith("roost_tenant")])

    def test_a_ceiling_takes_of_the_tenants_own_and_is_named_where_a_model_is_larger(self):
        server = self.start(6, {"storm": {"ceiling": 2 * self.size}, "calm": {"ceiling": self.size - 1}})
        for k in range(3):
            self.call(server, f"storm/m{k}")
        self.assertEqual([server.state(f"storm/m{k}") for k in range(3)],
                         ["absent", "resident", "resident"])
        reply = server.load("calm/m0")
        self.assertEqual(reply.status, 507)
        self.assertIn("the ceiling of tenant 'calm' is", reply.error())
        self.assertEqual(server.invoke("calm/m0", BODY).status, 507)

    def test_metrics_and_ps_say_what_each_has(self):
        server = self.start(6, {"calm": {"floor": 2 * self.size, "weight": 3}})
        for name in ("calm/m0", "calm/m0", "storm/m0", "other/m0"):
            self.call(server, name)
        metrics = server.metrics()
        self.assertEqual(metrics['roost_tenant_bytes{tenant="calm"}'], self.size)
        self.assertEqual(metrics['roost_tenant_bytes{tenant="*"}'], 2 * self.size)
        self.assertEqual(metrics['roost_tenant_floor_bytes{tenant="calm"}'], 2 * self.size)
        self.assertEqual(metrics['roost_tenant_models{tenant="*"}'], 2)
        self.assertEqual(metrics['roost_tenant_lookups_total{tenant="calm",result="hit"}'], 1)
        self.assertEqual(metrics['roost_tenant_lookups_total{tenant="*",result="miss"}'], 2)
        self.assertEqual(metrics['roost_tenant_loads_total{tenant="calm"}'], 1)
        admin = f"127.0.0.1:{server.admin_port}"
        table = harness.roost("ps", "--tenants", "--server", admin).stdout.splitlines()
        self.assertEqual([line.split()[0] for line in table], ["TENANT", "calm", "*"])
        listed = json.loads(harness.roost("ps", "--tenants", "--json", "--server", admin).stdout)
        self.assertEqual(listed["tenants"][0]["weight"], 3)

    def test_what_is_pinned_stays_and_no_tenant_pins_more_than_its_floor(self):
        server = self.start(6, {"calm": {"floor": 2 * self.size}, "storm": {}})
        self.assertEqual(self.post(server, "calm/m0", "pin").status, 200)
        self.assertEqual(self.post(server, "calm/m1", "pin").status, 200)
        self.assertEqual(self.post(server, "calm/m1", "pin").status, 200)
        reply = self.post(server, "calm/m2", "pin")
        self.assertEqual(reply.status, 409)
        self.assertIn("tenant 'calm' would keep", reply.error())
        self.assertEqual(self.post(server, "storm/m0", "pin").status, 409)
        self.assertEqual(self.post(server, "unknown", "pin").status, 404)
        self.assertEqual(server.describe("calm/m0").json()["pinned"], True)
        self.assertEqual(server.describe("calm/m2").json()["pinned"], False)
        for k in range(4):
            self.call(server, f"calm/m{k}")
        self.flood(server, "storm", 12)
        self.assertEqual([server.state(f"calm/m{k}") for k in (0, 1)], ["resident"] * 2)
        self.assertEqual(self.tenant(server, "calm")["pinned_bytes"], 2 * self.size)
        self.assertEqual(self.post(server, "calm/m0", "unpin").status, 200)
        self.assertEqual(self.post(server, "nobody/knows", "unpin").status, 404)
        self.assertEqual(server.unload("calm/m1").status, 200)
        self.assertEqual(self.tenant(server, "calm")["pinned_bytes"], 0)

    def test_pins_by_hand(self):
        server = self.start(6)
        admin = f"127.0.0.1:{server.admin_port}"
        done = harness.roost("pin", "calm/m0", "--server", admin)
        self.assertEqual((done.returncode, done.stdout), (0, "calm/m0 is pinned\n"), done.stderr)
        self.assertIn("pinned", harness.roost("ps", "--server", admin).stdout)
        done = harness.roost("unpin", "calm/m0", "--server", admin)
        self.assertEqual((done.returncode, done.stdout), (0, "calm/m0 is not pinned\n"), done.stderr)
        self.assertIn("resident", harness.roost("ps", "--server", admin).stdout)

    def test_pins_survive_a_restart_with_a_residency_list(self):
        file = tempfile.NamedTemporaryFile(dir=harness._scratch())
        self.addCleanup(file.close)
        server = self.start(6, residency=file.name)
        self.assertEqual(self.post(server, "calm/m0", "pin").status, 200)
        self.call(server, "storm/m0")
        server.stop()
        server = self.start(6, residency=file.name)
        harness.wait_until(lambda: "residency_loaded" in server.log_text(), "the list to be loaded")
        self.assertEqual(server.state("storm/m0"), "resident")
        self.assertEqual(server.describe("calm/m0").json()["pinned"], True)
        self.assertEqual(server.describe("storm/m0").json()["pinned"], False)
        self.flood(server, "storm", 12)
        self.assertEqual(server.state("calm/m0"), "resident")

    def test_what_nobody_uses_for_its_time_to_live_goes(self):
        server = self.start(6, {"storm": {"ttl": "100ms"}})
        self.call(server, "calm/m0")
        self.call(server, "storm/m0")
        harness.wait_until(lambda: server.state("storm/m0") == "absent", "the model to expire")
        self.assertEqual(server.state("calm/m0"), "resident")
        self.assertEqual(server.metrics()[TTL], 1)
        self.call(server, "storm/m0")

    def test_rules_that_cannot_be_kept_stop_the_start(self):
        for tenants, words in (
                ({"calm": {"floor": "1MiB"}, "storm": {"floor": "1MiB"}}, "the floors are together more than"),
                ({"*": {"floor": 1}}, "can have no floor"),
                ({"calm": {"floor": 2, "ceiling": 1}}, "above its ceiling"),
                ({"calm": {"flor": 2}}, "unknown key 'flor'")):
            with tempfile.NamedTemporaryFile("w", dir=harness._scratch()) as file:
                json.dump({"tenants": tenants}, file)
                file.flush()
                done = subprocess.run([str(harness.BINARY), "serve", "--store",
                                       str(self.store_of_all.path), "--listen", "127.0.0.1:0", "--memory",
                                       "2000000", "--config", file.name], capture_output=True, text=True,
                                      timeout=harness.TIMEOUT_S, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
