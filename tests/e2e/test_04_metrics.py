# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Every counter equals what happened. Each test drives one known sequence and compares all counters
of /metrics: those it names must have moved by exactly that much, all others not at all."""

import json
import subprocess

import harness

IRIS = [[5.1, 3.5, 1.4, 0.2]]
# What moves while a test asks again and again for a state.
ASKED = ("http_2xx", "http_4xx", "connections")

SHORT = {
    "compiles_ok": 'roost_compiles_total{result="ok"}',
    "compiles_failed": 'roost_compiles_total{result="failed"}',
    "compile_times": "roost_compile_duration_seconds_count",
    "compiles_cancelled": 'roost_compiles_total{result="cancelled"}',
    "hit": 'roost_cache_lookups_total{result="hit"}',
    "miss": 'roost_cache_lookups_total{result="miss"}',
    "joined": 'roost_cache_lookups_total{result="joined"}',
    "negative": "roost_catalog_negative_hits_total",
    "evict_room": 'roost_cache_evictions_total{tier="host",reason="room"}',
    "evict_unload": 'roost_cache_evictions_total{tier="host",reason="unload"}',
    "evict_ttl": 'roost_cache_evictions_total{tier="host",reason="ttl"}',
    "evict_transient": 'roost_cache_evictions_total{tier="host",reason="transient"}',
    "loads_ok": 'roost_model_loads_total{result="ok"}',
    "loads_failed": 'roost_model_loads_total{result="failed"}',
    "loads_not_found": 'roost_model_loads_total{result="not_found"}',
    "loads_refused": 'roost_model_loads_total{result="refused"}',
    "loads_cancelled": 'roost_model_loads_total{result="cancelled"}',
    "prefetched_used": 'roost_cache_prefetched_total{use="used"}',
    "prefetched_unused": 'roost_cache_prefetched_total{use="unused"}',
    "watch_lost": "roost_cache_watch_lost_total",
    "unloads": "roost_model_unloads_total",
    "store_reads": "roost_store_reads_total",
    "store_bytes": "roost_store_read_bytes_total",
    "store_writes": "roost_store_writes_total",
    "store_written": "roost_store_written_bytes_total",
    "write_backs_ok": 'roost_write_backs_total{result="ok"}',
    "write_backs_failed": 'roost_write_backs_total{result="failed"}',
    "write_backs_used": 'roost_write_backs_total{result="used"}',
    "publishes_ok": 'roost_publishes_total{result="ok"}',
    "publishes_dry_run": 'roost_publishes_total{result="dry_run"}',
    "publishes_failed": 'roost_publishes_total{result="failed"}',
    "memory_recycled": 'roost_memory_bytes_total{source="recycled"}',
    "memory_fresh": 'roost_memory_bytes_total{source="fresh"}',
    "blobs_hashed": 'roost_blob_bytes_total{check="hashed"}',
    "blobs_known": 'roost_blob_bytes_total{check="known"}',
    "shared": "roost_exec_shared_total",
    "http_1xx": 'roost_http_responses_total{class="1xx"}',
    "http_2xx": 'roost_http_responses_total{class="2xx"}',
    "http_4xx": 'roost_http_responses_total{class="4xx"}',
    "http_5xx": 'roost_http_responses_total{class="5xx"}',
    "connections": "roost_http_connections_total",
    "ran_hit": 'roost_request_duration_seconds_count{cache="hit"}',
    "ran_miss": 'roost_request_duration_seconds_count{cache="miss"}',
    "ran_joined": 'roost_request_duration_seconds_count{cache="joined"}',
    "queued": "roost_queue_duration_seconds_count",
    "inferred": "roost_infer_duration_seconds_count",
    "advice_lost": "roost_cache_advice_lost_total",
    "trace_recorded": "roost_trace_recorded_total",
    "trace_lost": "roost_trace_lost_total",
    "stage_queue": 'roost_model_load_duration_seconds_count{stage="queue"}',
    "stage_fetch": 'roost_model_load_duration_seconds_count{stage="fetch"}',
    "stage_verify": 'roost_model_load_duration_seconds_count{stage="verify"}',
    "stage_bind": 'roost_model_load_duration_seconds_count{stage="bind"}',
    "first_runs": 'roost_model_load_duration_seconds_count{stage="first_run"}',
    "aged": "roost_cache_age_at_eviction_seconds_count",
    "memory_mapped": 'roost_memory_bytes_total{source="mapped"}',
    "disk_hits": 'roost_disk_lookups_total{result="hit"}',
    "disk_misses": 'roost_disk_lookups_total{result="miss"}',
    "disk_written": "roost_disk_written_bytes_total",
    "disk_scrubbed": "roost_disk_scrubbed_bytes_total",
    "disk_corrupt": "roost_disk_corrupt_total",
    "disk_evictions": 'roost_cache_evictions_total{tier="disk",reason="room"}',
    "refused_disk": 'roost_refused_total{limit="disk"}',
}
for _limit in ("queue", "probes", "probes_node", "prefetches", "publishes", "publishes_per_tenant", "tenant_publish_max",
               "tenant_compile", "memory", "thrash", "never_fits", "arena", "steps", "reply",
               "http_memory", "head", "body", "slow_client", "idle", "connections", "deadline", "record_trace"):
    SHORT[f"refused_{_limit}"] = f'roost_refused_total{{limit="{_limit}"}}'


for _result in ("ok", "failed", "no_room", "cancelled"):
    SHORT[f"reloads_{_result}"] = f'roost_model_reloads_total{{result="{_result}"}}'
for _result in ("same", "changed", "gone", "failed"):
    SHORT[f"refresh_{_result}"] = f'roost_refresh_checks_total{{result="{_result}"}}'
for _kind in ("stat", "read", "list", "put", "delete", "begin", "part", "end", "abort", "credentials"):
    SHORT[f"s3_{_kind}"] = f'roost_s3_requests_total{{kind="{_kind}"}}'
for _reason in ("status", "slow_down", "connection", "stalled", "truncated", "protocol", "credentials"):
    SHORT[f"s3_retry_{_reason}"] = f'roost_s3_retries_total{{reason="{_reason}"}}'
for _reason in ("changed", "denied", "refused", "credentials", "timeout", "retries", "budget"):
    SHORT[f"s3_failure_{_reason}"] = f'roost_s3_failures_total{{reason="{_reason}"}}'
SHORT["s3_sent"] = "roost_s3_sent_bytes_total"
SHORT["s3_received"] = "roost_s3_received_bytes_total"


# Where memory comes from depends on what was freed before, workers" arenas among it; and whether weights
# are hashed again on how old their file is: tests/e2e/test_15_recycle.py stages both.
MEMORY = ("memory_recycled", "memory_fresh")
BLOBS = ("blobs_hashed", "blobs_known")


def is_counter(series):
    name = series.split("{")[0]
    return name.endswith(("_total", "_count"))


def cost_of(model):
    return json.loads(harness.roost("show", "--json", harness.compiled(model)).stdout)["cost"]


def sizes_of(model):
    """Bytes of an artifact's metadata and of its weights."""
    cost = cost_of(model)
    return cost["file_bytes"] - cost["weights_bytes"], cost["weights_bytes"]


def reads_before_room(model):
    """What a load reads before it asks for room: page 0, then the rest of the metadata."""
    meta, _ = sizes_of(model)
    return {"store_reads": 1 + (meta > 4096), "store_bytes": meta}


def reads_of(*models):
    """What loading these models once reads from the store."""
    weights = [sizes_of(m)[1] for m in models]
    return plus({"store_reads": sum(w > 0 for w in weights), "store_bytes": sum(weights),
                 BLOBS[0]: sum(weights)},
                *(reads_before_room(m) for m in models))


def loaded(*models):
    """Loads that went well."""
    n = len(models)
    return {"loads_ok": n, "stage_queue": n, "stage_fetch": n, "stage_verify": n, "stage_bind": n,
            **reads_of(*models)}


def ran(**how):
    """Invocations that ran and were answered 200, each on its own connection; a miss is, or is before,
    the first run after its load."""
    n = sum(how.values())
    return {**how, **{f"ran_{k}": v for k, v in how.items()}, "queued": n, "inferred": n,
            "first_runs": how.get("miss", 0), "http_2xx": n, "connections": n}


def plus(*parts):
    total = {}
    for part in parts:
        for key, value in part.items():
            total[key] = total.get(key, 0) + value
    return total


class Counters(harness.Case):
    def serve(self, store, env=None, **flags):
        return super().serve(store, env, refresh="0s", **flags)  # nobody looks at the store meanwhile

    def counting(self, server, held=0):
        return Counting(self, server, held)

    def test_the_table_is_whole(self):
        server = self.serve(self.store())
        counters = {name for name in server.metrics() if is_counter(name)}
        self.assertEqual(counters, set(SHORT.values()))

    def test_hits_misses_and_a_load(self):
        server = self.serve(self.store("iris", "wine"))
        with self.counting(server) as c:
            self.assertEqual(server.load("wine").status, 200)
            for _ in range(3):
                self.assertEqual(server.invoke("iris", IRIS).status, 200)
        c.expect(ran(miss=1, hit=2), loaded("iris", "wine"), http_2xx=1, connections=1)
        now = server.metrics()
        self.assertEqual(now['roost_cache_models{tier="host",state="resident"}'], 2)
        held = sum(server.describe(m).json()["bytes"] for m in ("iris", "wine"))
        self.assertEqual(now['roost_cache_used_bytes{tier="host",class="resident"}'], held)
        self.assertEqual(now['roost_cache_used_bytes{tier="host",class="reserved"}'], 0)
        self.assertEqual(now["roost_ready"], 1)
        self.assertEqual(now["roost_exec_queue_depth"], 0)

    def test_unknown_names(self):
        server = self.serve(self.store())
        with self.counting(server) as c:
            self.assertEqual(server.invoke("nope", IRIS).status, 404)
            self.assertEqual(server.invoke("nope", IRIS).status, 404)
            self.assertEqual(server.invoke("not%20a%20name", IRIS).status, 400)
        c.expect(miss=1, loads_not_found=1, negative=1, http_4xx=3, connections=3)

    def test_probing_for_names(self):
        server = self.serve(self.store("iris"), probes=1)
        with self.counting(server) as c:
            for name, status in (("a/1", 404), ("a/2", 429), ("b/1", 404), ("iris", 200)):
                reply = server.invoke(name, IRIS)
                self.assertEqual(reply.status, status, (name, reply))
        c.expect(ran(miss=1), loaded("iris"), miss=2, loads_not_found=2, refused_probes=1,
                 http_4xx=3, connections=3)

    def test_probing_for_names_of_made_up_tenants(self):
        server = self.serve(self.store("iris"), probes_node=2)
        with self.counting(server) as c:
            for name, status in (("iris", 200), ("a/1", 404), ("b/1", 404), ("c/1", 429), ("nope", 404), ("iris", 200)):
                reply = server.invoke(name, IRIS)
                self.assertEqual(reply.status, status, (name, reply))
        c.expect(ran(miss=1), ran(hit=1), loaded("iris"), miss=3, loads_not_found=3, refused_probes_node=1,
                 http_4xx=4, connections=4)

    def test_a_corrupt_artifact(self):
        store = self.store()
        store.put("bad.roost", b"\0" * 5000)
        server = self.serve(store, load_backoff="60s")
        with self.counting(server) as c:
            for _ in range(2):
                reply = server.invoke("bad", IRIS)
                self.assertEqual(reply.status, 500)
                self.assertIn("retry-after", reply.headers)
        c.expect(miss=1, loads_failed=1, store_reads=1, store_bytes=4096, http_5xx=2, connections=2)
        self.assertEqual(server.metrics()['roost_cache_models{tier="host",state="failed"}'], 1)

    def test_client_faults_run_nothing(self):
        server = self.serve(self.store("iris"))
        self.assertEqual(server.load("iris").status, 200)
        with self.counting(server) as c:
            self.assertEqual(server.invoke("iris", [[1, 2]]).status, 400)
            self.assertEqual(server.invoke("iris", "x", "text/plain").status, 415)
            self.assertEqual(server.invoke("iris", IRIS, headers={"accept": "a/b"}).status, 406)
            self.assertEqual(server.get("/models/iris/invoke").status, 405)
            self.assertEqual(server.get("/nowhere").status, 404)
        c.expect(hit=1, queued=1, http_4xx=5, connections=5)

    def test_unload(self):
        server = self.serve(self.store("iris"))
        with self.counting(server) as c:
            self.assertEqual(server.load("iris").status, 200)
            self.assertEqual(server.load("iris").status, 409)
            self.assertEqual(server.unload("iris").status, 200)
            self.assertEqual(server.unload("iris").status, 404)
        c.expect(loaded("iris"), evict_unload=1, unloads=1, http_2xx=2, http_4xx=2, connections=4)
        now = server.metrics()
        self.assertEqual(now['roost_cache_used_bytes{tier="host",class="resident"}'], 0)
        self.assertEqual(now['roost_cache_models{tier="host",state="absent"}'], 1)

    def test_eviction_for_room(self):
        held = {}
        probe = self.serve(self.store("iris", "diabetes"))
        for model in ("iris", "diabetes"):
            probe.load(model)
            held[model] = probe.describe(model).json()["bytes"]
        server = self.serve(self.store("iris", "diabetes"), memory=max(held.values()) + 8192)
        with self.counting(server) as c:
            self.assertEqual(server.load("iris").status, 200)
            self.assertEqual(server.load("diabetes").status, 200)
            self.assertEqual(server.load("iris").status, 200)
        c.expect(loaded("iris", "diabetes", "iris"), evict_room=2, unloads=2, aged=2, http_2xx=3,
                 connections=3)

    def test_what_can_never_fit(self):
        server = self.serve(self.store("diabetes"), memory=8192)
        with self.counting(server) as c:
            self.assertEqual(server.invoke("diabetes", [[0] * 10]).status, 507)
        c.expect(reads_before_room("diabetes"), miss=1, loads_refused=1, refused_never_fits=1,
                 http_5xx=1, connections=1)

    def test_joining_a_load(self):
        gate = self.gate("iris")
        server = self.serve(self.store("iris"), env=gate.env)
        with self.counting(server) as c:
            waiting = [self.in_background(server.invoke, "iris", IRIS) for _ in range(5)]
            harness.wait_until(lambda: server.describe("iris").status == 200
                               and server.describe("iris").json()["waiters"] == 5, "five waiters")
            gate.open()
            how = sorted(w.result().headers["x-roost-cache"] for w in waiting)
        self.assertEqual(how, ["joined"] * 4 + ["miss"])
        c.expect(ran(miss=1, joined=4), loaded("iris"), ignore=ASKED)

    def test_cancelling_a_load(self):
        gate = self.gate("iris")
        server = self.serve(self.store("iris"), env=gate.env, loops=1)
        with self.counting(server) as c:
            waiting = self.in_background(server.invoke, "iris", IRIS)
            harness.wait_until(lambda: server.state("iris") == "loading", "the load")
            with server.raw() as unload:
                unload.send(b"DELETE /models/iris HTTP/1.1\r\nHost: localhost\r\n\r\n")
                # One loop: once it answers this, it has read that.
                self.assertEqual(server.get("/ping").status, 200)
                gate.open()
                self.assertEqual(unload.reply().status, 200)
            self.assertEqual(waiting.result().status, 503)
        # The load ends between two reads, at the first look after the gate opened.
        c.expect(miss=1, loads_cancelled=1, http_5xx=1,
                 ignore=("store_reads", "store_bytes", *ASKED))

    def test_a_full_queue(self):
        gate = self.gate("iris")
        server = self.serve(self.store("iris", "wine"), env=gate.env, queue=1)
        self.assertEqual(server.load("wine").status, 200)
        before = server.metrics()[SHORT["store_reads"]]
        waiting = self.in_background(server.invoke, "iris", IRIS)
        harness.wait_until(lambda: server.metrics()[SHORT["store_reads"]] > before, "the read")
        with self.counting(server, held=1) as c:
            reply = server.invoke("wine", [[0] * 13])
            self.assertEqual((reply.status, reply.headers["retry-after"]), (503, "1"))
        gate.open()
        self.assertEqual(waiting.result().status, 200)
        c.expect(refused_queue=1, http_5xx=1, connections=1)

    def test_no_room_beside_a_load(self):
        gate = self.gate("iris", start=sizes_of("iris")[0])  # its bytes are reserved, then it waits
        both = sum(cost_of(m)["resident_bytes"] for m in ("iris", "diabetes"))
        server = self.serve(self.store("iris", "diabetes"), env=gate.env, memory=both - 4096)
        waiting = self.in_background(server.load, "iris")
        harness.wait_until(lambda: server.metrics()[
            'roost_cache_used_bytes{tier="host",class="reserved"}'] > 0, "the reservation")
        with self.counting(server, held=1) as c:
            self.assertEqual(server.invoke("diabetes", [[0] * 10]).status, 503)
        gate.open()
        self.assertEqual(waiting.result().status, 200)
        c.expect(reads_before_room("diabetes"), miss=1, loads_refused=1, refused_memory=1,
                 http_5xx=1, connections=1)

    def test_a_shape_beyond_the_arena(self):
        server = self.serve(self.store("iris"), arena_max="64KiB")
        self.assertEqual(server.load("iris").status, 200)
        with self.counting(server) as c:
            reply = server.invoke("iris", IRIS * 5000)
            self.assertEqual(reply.status, 413)
        c.expect(hit=1, queued=1, refused_arena=1, http_4xx=1, connections=1)

    def test_a_run_beyond_its_steps(self):
        server = self.serve(self.store("iris"), max_steps=1)
        self.assertEqual(server.load("iris").status, 200)
        with self.counting(server) as c:
            reply = server.invoke("iris", IRIS)
            self.assertEqual(reply.status, 504)
            self.assertIn("--max-steps", reply.error())
        c.expect(hit=1, queued=1, refused_steps=1, http_5xx=1, connections=1)

    def test_a_reply_beyond_its_bound(self):
        server = self.serve(self.store("iris"), reply_max="1KiB")
        self.assertEqual(server.invoke("iris", IRIS).status, 200)
        with self.counting(server) as c:
            reply = server.invoke("iris", IRIS * 100)
            self.assertEqual(reply.status, 413, reply)
        c.expect(hit=1, queued=1, refused_reply=1, http_4xx=1, connections=1)

    def test_a_body_beyond_http_memory(self):
        server = self.serve(self.store("iris"), http_memory="64KiB")
        with self.counting(server) as c:
            self.assertEqual(server.invoke("iris", b" " * 200000).status, 503)
        c.expect(refused_http_memory=1, http_5xx=1, connections=1)

    def test_head_and_body_limits(self):
        server = self.serve(self.store("iris"), body_max="1KiB")
        with self.counting(server) as c:
            self.assertEqual(server.invoke("iris", b" " * 1025).status, 413)
            self.assertEqual(server.get("/ping", headers={"x-a": "b" * 20000}).status, 431)
            self.assertEqual(server.get("/ping").status, 200)
        c.expect(refused_body=1, refused_head=1, http_4xx=2, http_2xx=1, connections=3)

    def test_slow_and_idle_clients(self):
        server = self.serve(self.store("iris"), head_timeout="1s", idle_timeout="2s")
        with self.counting(server) as c:
            with server.raw() as slow, server.raw() as idle:
                slow.send(b"GET /ping HT")
                self.assertEqual(slow.reply().status, 408)
                self.assertIsNone(idle.reply())
        c.expect(refused_slow_client=1, refused_idle=1, http_4xx=1, connections=2)

    def test_a_deadline_that_passes_while_loading(self):
        gate = self.gate("iris")
        server = self.serve(self.store("iris"), env=gate.env)
        with self.counting(server) as c:
            reply = server.invoke("iris", IRIS, headers={"x-roost-timeout-ms": "500"})
            self.assertEqual(reply.status, 504)
        gate.open()
        c.expect(miss=1, refused_deadline=1, http_5xx=1, connections=1, ignore=("store_reads",))

    def test_too_many_connections(self):
        server = self.serve(self.store("iris"), connections=3)
        with self.counting(server) as c:
            held = [harness.wait_until(lambda: self.accepted(server), "a place") for _ in range(3)]
            with server.raw() as one_more:
                self.assertEqual(one_more.reply().status, 503)
            for connection in held:
                connection.close()
            harness.wait_until(lambda: self.is_taken(server), "the three to be gone")
        # A connection that has just ended may still count: then a place is asked for again.
        c.expect(ignore=("refused_connections", "http_5xx", *ASKED))
        refused = c.moved[SHORT["refused_connections"]]
        self.assertGreaterEqual(refused, 1)
        self.assertEqual(refused, c.moved[SHORT["http_5xx"]])
        self.assertEqual(refused + c.moved[SHORT["http_2xx"]], c.moved[SHORT["connections"]])

    @staticmethod
    def accepted(server):
        """A connection that the server has taken and answered on; None when it was turned away."""
        connection = server.raw().send(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
        if connection.reply().status == 200:
            return connection
        connection.close()
        return None

    @staticmethod
    def is_taken(server):
        """Two places at once are enough for the scrapes that follow."""
        with server.raw() as beside:
            beside.send(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
            return beside.reply().status == 200 and server.get("/ping").status == 200

    def test_expect_100_continue(self):
        server = self.serve(self.store("iris"))
        self.assertEqual(server.load("iris").status, 200)
        body = json.dumps(IRIS).encode()
        with self.counting(server) as c:
            with server.raw() as r:
                r.send(b"POST /models/iris/invoke HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                       b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
                self.assertEqual(r.reply().status, 100)
                self.assertEqual(r.send(body).reply().status, 200)
        c.expect(ran(hit=1), http_1xx=1, first_runs=1)

    def test_promtool_has_nothing_to_say(self):
        server = self.serve(self.store("iris"))
        for _ in range(2):
            self.assertEqual(server.invoke("iris", IRIS).status, 200)
        reply = server.get("/metrics")
        self.assertEqual(reply.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        done = subprocess.run(["promtool", "check", "metrics"], input=reply.body,
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    def test_the_allocator_and_the_process_are_reported(self):
        server = self.serve(self.store("iris"))
        now = server.metrics()
        self.assertLess(abs(now["process_resident_memory_bytes"] - server.rss_bytes()), 4 << 20)
        self.assertGreater(now["process_open_fds"], 3)
        if harness.SANITIZED:
            self.assertEqual(now["roost_allocator_allocated_bytes"], 0)
        else:
            self.assertGreater(now["roost_allocator_allocated_bytes"], 0)
            self.assertGreaterEqual(now["roost_allocator_resident_bytes"],
                                    now["roost_allocator_allocated_bytes"])


class Counting:
    """Two scrapes around a sequence; they and what they themselves count are taken out. A request is
    observed after its answer is written, so a scrape counts only once no connection is left but its
    own and the `held` ones that the test keeps."""

    def __init__(self, case, server, held=0):
        self.case, self.server, self.held, self.moved = case, server, held, None
        self.scrapes = 0

    def settled(self):
        now = self.server.metrics()
        self.scrapes += 1
        return now if now["roost_http_connections"] == 1 + self.held else None

    def __enter__(self):
        self.before = harness.wait_until(self.settled, "the connections before")
        self.scrapes = 0
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            after = harness.wait_until(self.settled, "the connections after")
            self.moved = {k: after[k] - self.before[k] for k in after if is_counter(k)}
            # Every scrape but the last has been answered, the one before the sequence among them.
            self.moved[SHORT["http_2xx"]] -= self.scrapes
            self.moved[SHORT["connections"]] -= self.scrapes
            self.moved[SHORT[BLOBS[0]]] += self.moved.pop(SHORT[BLOBS[1]])

    def expect(self, *parts, ignore=(), **more):
        ignore = (*ignore, *MEMORY)
        want = {name: 0 for name in self.moved}
        for key, value in plus(*parts, more).items():
            want[SHORT[key]] += value
        for key in ignore:
            want[SHORT[key]] = self.moved[SHORT[key]]
        self.case.assertEqual({k: v for k, v in self.moved.items() if v != want[k]},
                              {k: v for k, v in want.items() if v != self.moved[k]})
