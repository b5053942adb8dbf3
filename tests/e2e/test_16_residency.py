# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""A node that starts again has its models in memory before anybody asks; and hints by hand."""
import json
import os
import unittest

import harness
import tiny_onnx
from test_10_scale import Client, compile_all

SIDE = 200  # 160,000 bytes of weights each
REFUSED = 'roost_refused_total{limit="prefetches"}'


class Case(harness.Case):
    def squares(self, n):
        store = self.store()
        compile_all(store.path, {f"w{k}": tiny_onnx.scaled_square(k + 1, SIDE) for k in range(n)})
        return store

    def call(self, server, k):
        client = Client(server.port)
        status, body = client.post(f"w{k}", json.dumps([[1.0] * SIDE]).encode())
        client.close()
        self.assertEqual(status, 200, body[:200])
        self.assertEqual(json.loads(body)["predictions"], [[float(k + 1)] * SIDE])

    def states(self, server, n):
        """The state of w0 to w<n>; None where the node has no record."""
        return [server.state(f"w{k}") for k in range(n)]

    def lines(self, path):
        return path.read_text().split("\n") if path.exists() else []

    def loaded(self, server):
        """Until the list was tried: its log line."""
        found = harness.wait_until(
            lambda: [line for line in server.log() if line.get("event") == "residency_loaded"],
            "the list to be loaded")
        return found[0]


class Residency(Case):
    def setUp(self):
        super().setUp()
        self.files = self.squares(4)
        self.list = self.files.path.parent / (self.files.path.name + ".residency")
        self.addCleanup(lambda: self.list.unlink(missing_ok=True))

    def start(self, **flags):
        return self.serve(self.files, residency=self.list, workers=1, **flags)

    def test_a_clean_stop_writes_the_list_and_a_start_loads_it(self):
        server = self.start()
        for k in (0, 1, 2, 0):
            self.call(server, k)
        server.stop()
        self.assertEqual(self.lines(self.list), ["roost residency 1", "w0", "w2", "w1", ""])
        server = self.start()
        line = self.loaded(server)
        self.assertEqual((line["models"], line["passed_over"]), (3, 0))
        self.assertEqual(self.states(server, 4), ["resident"] * 3 + [None])
        before = server.metrics()
        self.assertEqual(before['roost_cache_lookups_total{result="miss"}'], 0)
        for k in (0, 1, 2):
            self.call(server, k)
        self.assertEqual(server.metrics()['roost_cache_lookups_total{result="hit"}'], 3)

    def test_the_hottest_are_loaded_where_memory_became_less_and_the_order_is_the_old_one(self):
        server = self.start()
        for k in (3, 2, 1, 0):
            self.call(server, k)
        size = server.describe("w0").json()["bytes"]
        arena = int(server.metrics()['roost_cache_used_bytes{tier="host",class="scratch"}'])
        server.stop()
        server = self.start(memory=2 * size + arena)
        line = self.loaded(server)
        self.assertEqual((line["models"], line["passed_over"]), (2, 2))
        self.assertEqual(self.states(server, 2), ["resident"] * 2)
        self.assertEqual(server.metrics()['roost_cache_evictions_total{tier="host",reason="room"}'], 0)
        self.call(server, 3)  # takes the place of the colder one
        self.assertEqual(self.states(server, 2), ["resident", "absent"])

    def test_after_kill_9_the_list_of_some_seconds_before_is_loaded(self):
        server = self.start()
        for k in (1, 2):
            self.call(server, k)
        harness.wait_until(lambda: self.lines(self.list)[1:] == ["w2", "w1", ""], "the list")
        server.kill()
        server = self.start()
        self.assertEqual(self.loaded(server)["models"], 2)
        self.assertEqual(self.states(server, 4), [None, "resident", "resident", None])

    def test_what_is_no_list_is_said_and_left_until_the_next_one_is_written(self):
        self.list.write_text("something else\nw0\n")
        server = self.start()
        harness.wait_until(lambda: "residency_not_read" in server.log_text(), "the warning")
        self.call(server, 3)
        server.stop()
        self.assertEqual(self.lines(self.list)[1:], ["w3", ""])

    def test_bad_lines_and_models_that_are_gone_are_passed_over(self):
        self.list.write_text("roost residency 1\n../etc\nw1\n\ngone\nw2")
        server = self.start()
        line = self.loaded(server)
        self.assertEqual((line["models"], line["passed_over"], line["lines_skipped"]), (2, 1, 2))
        self.assertEqual(self.states(server, 3), [None, "resident", "resident"])

    def test_models_that_are_gone_count_against_nobodys_bound(self):
        gone = "".join(f"gone{k}\n" for k in range(5))
        self.list.write_text(f"roost residency 1\n{gone}w1\n")
        server = self.start(probes=1, probes_node=1)
        self.assertEqual(self.loaded(server)["passed_over"], 5)
        self.assertEqual(server.request("POST", "/models/w9/invoke", "{}").status, 404)  # looked for
        self.assertEqual(server.request("POST", "/models/w8/invoke", "{}").status, 429)

    def test_what_is_no_file_stops_the_start(self):
        os.mkfifo(self.list)
        done = harness.roost("serve", "--store", self.files.path, "--residency", self.list,
                             "--listen", "127.0.0.1:0")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("it is no regular file", done.stderr)

    def test_a_pin_that_no_longer_fits_is_said(self):
        server = self.start()
        for k in (0, 1):
            self.assertEqual(server.request("POST", f"/models/w{k}/pin").status, 200)
        server.stop()
        self.assertEqual(self.lines(self.list)[1:3], ["w0 pinned", "w1 pinned"])
        server = self.start(memory="600KiB")  # half of which one of them is
        line = self.loaded(server)
        self.assertEqual((line["models"], line["passed_over"]), (2, 0))
        lost = [e for e in server.log() if e["event"] == "residency_not_pinned"]
        self.assertEqual([(e["model"], e["status"]) for e in lost], [("w1", "E_FLOOR")])


class Prefetch(Case):
    def prefetch(self, server, name):
        return server.request("POST", f"/models/{name}/prefetch")

    def test_a_hint_loads_and_is_not_counted_as_a_lookup(self):
        server = self.serve(self.squares(1))
        reply = self.prefetch(server, "w0")
        self.assertEqual((reply.status, reply.json()), (202, {"modelName": "w0"}))
        harness.wait_until(lambda: server.state("w0") == "resident", "the model")
        self.assertEqual(server.metrics()['roost_cache_lookups_total{result="miss"}'], 0)
        self.call(server, 0)
        self.assertEqual(server.metrics()['roost_cache_lookups_total{result="hit"}'], 1)
        self.assertEqual(self.prefetch(server, "w0").status, 202)

    def test_a_hint_evicts_nobody(self):
        store = self.squares(2)
        server = self.serve(store, workers=1)
        self.call(server, 0)
        size = server.describe("w0").json()["bytes"]
        arena = int(server.metrics()['roost_cache_used_bytes{tier="host",class="scratch"}'])
        server.stop()
        server = self.serve(store, workers=1, memory=size + arena)
        self.call(server, 0)
        self.assertEqual(self.prefetch(server, "w1").status, 202)
        harness.wait_until(
            lambda: server.metrics()['roost_model_loads_total{result="refused"}'] == 1, "the refusal")
        self.assertEqual(self.states(server, 2), ["resident", "absent"])
        self.assertEqual(server.describe("w1").json()["error"]["status"], "no room just now")

    def test_beyond_the_limit_a_hint_is_refused_for_now(self):
        gate = self.gate("w0")
        store = self.squares(2)
        server = self.serve(store, env=gate.env, prefetches=1)
        self.assertEqual(self.prefetch(server, "w0").status, 202)
        reply = self.prefetch(server, "w1")
        self.assertEqual(reply.status, 503)
        self.assertIn("1 models are being prefetched", reply.error())
        self.assertEqual(reply.headers["retry-after"], "1")
        self.assertEqual(server.metrics()[REFUSED], 1)
        gate.open()
        harness.wait_until(lambda: server.state("w0") == "resident", "the first")

    def test_names_methods_and_listeners(self):
        server = self.serve(self.squares(0), admin_listen=f"127.0.0.1:{harness.free_port()}")
        admin = server.admin_port
        self.assertEqual(server.request("POST", "/models/x/prefetch", port=server.port).status, 404)
        self.assertEqual(server.request("GET", "/models/x/prefetch", port=admin).status, 405)
        self.assertEqual(server.request("POST", "/models/a%2Fb/prefetch", port=admin).status, 400)
        self.assertEqual(server.request("POST", "/models/unknown/prefetch", port=admin).status, 202)
        harness.wait_until(
            lambda: server.metrics()['roost_model_loads_total{result="not_found"}'] == 1, "the load")
        harness.wait_until(
            lambda: server.request("POST", "/models/unknown/prefetch", port=admin).status == 404,
            "the name to be remembered as unknown")


if __name__ == "__main__":
    unittest.main()
