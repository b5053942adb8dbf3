# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Models that are published to s3://: to a real S3 implementation (OpenStack Swift, which knows no
conditional writes), and to one that misbehaves while it is written to."""

import json
import math
import threading
import unittest

import faulty_s3
import harness
import swift
import tiny_onnx
from publish_case import LARGE_SIDE, ROW, BucketCase, PublishCase

KILLS = 20


class Swift(BucketCase):
    KIND = swift.Swift

    def test_versions_of_a_bucket(self):
        bucket = self.bucket()
        server = self.on(bucket)
        self.assertEqual(server.invoke("acme/m", [ROW]).status, 404)
        self.assertEqual(self.publish(server, "acme/m", b"no model").status, 400)
        self.assertEqual(self.keys(bucket), [])
        numbers = []
        for k in (3, 4, 5):
            numbers.append(self.published(server, "acme/m", tiny_onnx.add_constant(k)))
            self.assertEqual(self.adds(server, "acme/m"), k)
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertLess(numbers[-1], 1 << 53)
        self.assertEqual(list(self.versions(server, "acme/m").items()),
                         [(numbers[2], True), (numbers[1], False), (numbers[0], False)])
        self.assertEqual(self.adds(self.on(bucket), "acme/m"), 5)  # another node
        self.rollback(server, "acme/m")
        self.assertEqual(self.adds(server, "acme/m"), 4)
        self.rollback(server, "acme/m", numbers[0])
        self.assertEqual(self.adds(server, "acme/m"), 3)
        for version, status in ((numbers[0], 409), (numbers[2], 200), (numbers[2], 404)):
            reply = server.request("DELETE", f"/models/acme/m/versions/{version}",
                                   port=server.admin_port)
            self.assertEqual(reply.status, status, reply)
        self.assertEqual(list(self.versions(server, "acme/m")), [numbers[1], numbers[0]])
        self.assertGreater(self.published(server, "acme/m", tiny_onnx.add_constant(6)), numbers[2])
        now = server.metrics()
        self.assertGreaterEqual(now['roost_s3_requests_total{kind="put"}'], 8)
        # A version, and at each turn of the pointer the marks of the old and of the new one.
        self.assertEqual(now['roost_s3_requests_total{kind="delete"}'], 1 + 2 * (4 + 2) - 1)
        self.assertEqual({k: v for k, v in now.items() if "s3_failures" in k and v}, {})

    def test_push_and_rollback_from_a_terminal(self):
        bucket = self.bucket()
        server = self.on(bucket)
        env = {"ROOST_SERVER": f"127.0.0.1:{server.admin_port}"}
        for _ in range(2):
            done = harness.roost("push", harness.model_file("iris"), "acme/iris", env=env)
            self.assertEqual(done.returncode, 0, done.stderr)
        newest, oldest = self.versions(server, "acme/iris")
        done = harness.roost("rollback", "acme/iris", str(oldest), env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.versions(server, "acme/iris"), {newest: False, oldest: True})
        self.assertEqual(server.invoke("acme/iris", [[5.1, 3.5, 1.4, 0.2]]).status, 200)

    def test_of_two_nodes_that_publish_one_name_both_get_versions(self):
        bucket = self.bucket()
        nodes = [self.on(bucket), self.on(bucket)]

        def many(server, first):
            return {self.published(server, "m", tiny_onnx.add_constant(k)): k
                    for k in range(first, first + 3)}
        jobs = [self.in_background(many, n, first) for n, first in zip(nodes, (10, 20))]
        made = {**jobs[0].result(), **jobs[1].result()}
        self.assertEqual(len(made), 6)
        listed = self.versions(nodes[0], "m")
        self.assertEqual(set(listed), set(made))
        self.assertEqual(sum(listed.values()), 1)
        for version, k in made.items():  # each is its own content, whole
            self.rollback(nodes[0], "m", version)
            self.assertEqual(self.adds(nodes[0], "m"), k)

    def test_large_ones_are_sent_in_parts(self):
        bucket = self.bucket()
        server = self.on(bucket, memory="512MiB")
        body = tiny_onnx.scaled_square(7, LARGE_SIDE)
        self.published(server, "big", body)
        now = server.metrics()
        self.assertEqual(now['roost_s3_requests_total{kind="part"}'], 3)
        self.assertEqual(now['roost_s3_requests_total{kind="abort"}'], 0)
        blob, = [k for k in self.keys(bucket) if "/_roost/blobs/default/" in k]
        head = self.client.head_object(Bucket=bucket, Key=blob)
        self.assertTrue(head["ETag"].endswith('-3"'), head["ETag"])
        reply = self.on(bucket, memory="512MiB").invoke("big", [[1] * LARGE_SIDE])
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(set(reply.json()["predictions"][0]), {7})

    def test_a_bucket_is_not_sent_again_what_it_has_and_collected(self):
        bucket = self.bucket()
        server = self.on(bucket)
        body, sent = tiny_onnx.scaled_square(3, 200), "roost_store_written_bytes_total"
        first = self.published(server, "acme/m", body)
        before = server.metrics()[sent]
        self.assertGreater(before, 4 * 200 * 200)
        second = self.published(server, "acme/m", body)
        self.assertLess(server.metrics()[sent] - before, 20000)
        self.assertEqual(set(self.versions(server, "acme/m")), {first, second})
        self.assertEqual(len([k for k in self.keys(bucket) if "/_roost/blobs/acme/" in k]), 1)
        self.assertEqual([k for k in self.keys(bucket) if k.endswith(".new")], [])
        before = self.keys(bucket)
        done = harness.roost("gc", "--store", f"s3://{bucket}/models", "--older-than", "1h", env=self.s3.env)
        self.assertEqual((done.returncode, self.keys(bucket)), (0, before), done.stderr)  # it is young
        reply = self.on(bucket).invoke("acme/m", [[1] * 200])
        self.assertEqual(set(reply.json()["predictions"][0]), {3})

    def test_what_one_node_compiled_is_used_by_another(self):
        bucket = self.bucket()
        self.client.put_object(Bucket=bucket, Key="models/acme/m.onnx", Body=tiny_onnx.add_constant(2))
        env = {**self.s3.env, "ROOST_WRITE_BACK": "on"}
        for result in "ok", "used":
            server = self.serve(f"s3://{bucket}/models", env=env)
            self.assertEqual(self.adds(server, "acme/m"), 2)
            key = f'roost_write_backs_total{{result="{result}"}}'
            harness.wait_until(lambda: server.metrics()[key] == 1, "the write")
            self.assertEqual(server.metrics()['roost_compiles_total{result="ok"}'], result == "ok")
        self.assertEqual(len([k for k in self.keys(bucket) if "_roost/compiled/acme/" in k]), 1)

    def test_a_node_that_is_killed_leaves_the_old_version_or_the_new_one(self):
        self.check_kills(KILLS)

    def test_parts_of_a_node_that_was_killed_are_collected(self):
        self.check_a_kill_amid_parts()


class Faults(PublishCase):
    """Numbers are 1, 2, 3 here: the store knows conditional writes."""

    VERSION, POINTER = "_roost/models/m/1.roost", "_roost/models/m/current"
    PASSING = {
        "500": faulty_s3.status("500 Internal Server Error", "InternalError"),
        "503": faulty_s3.status("503 Slow Down", "SlowDown"),
        "reset": faulty_s3.reset, "truncated": faulty_s3.truncate, "silent": faulty_s3.silent,
        "endless head": faulty_s3.endless_head, "endless body": faulty_s3.endless_body,
        "no ETag": faulty_s3.no_tag, "no HTTP": faulty_s3.no_http, "slow": faulty_s3.slow,
    }

    def setUp(self):
        self.s3 = faulty_s3.Server()
        self.addCleanup(self.s3.stop)

    def on(self, **flags):
        return self.serve(f"s3://{faulty_s3.BUCKET}", env=self.s3.env, **{
            "s3_stall": "1s", "s3_timeout": "8s", "s3_retry_budget": 1000, **flags})

    def start_anew(self):
        self.s3.heal()
        for key in list(self.s3.objects):
            if key.startswith("_roost/models/"):
                self.s3.objects.pop(key)

    def test_one_bad_answer_is_not_noticed(self):
        for kind, fault in self.PASSING.items():
            for key in self.VERSION, self.POINTER:
                with self.subTest(kind=kind, key=key):
                    self.start_anew()
                    server = self.on()
                    self.s3.spoil(key, fault, method="PUT")
                    # What was done and whose answer was lost is not done twice.
                    self.assertEqual(self.published(server, "m", tiny_onnx.add_constant(2)), 1)
                    self.assertEqual(self.adds(server, "m"), 2)
                    self.assertEqual(list(self.versions(server, "m")), [1])
                    server.stop()

    def test_what_never_mends_is_an_error_that_may_be_retried(self):
        for kind in ("500", "503", "reset", "silent", "endless body"):
            for key in self.VERSION, self.POINTER:
                with self.subTest(kind=kind, key=key):
                    self.start_anew()
                    server = self.on(s3_retries=2, s3_timeout="3s")
                    self.s3.spoil(key, self.PASSING[kind], times=math.inf, method="PUT")
                    reply = self.publish(server, "m", tiny_onnx.add_constant(2))
                    # The version's own mark may tell that it was written, though no answer came.
                    done = reply.status == 201 and kind in ("reset", "endless body") and key == self.VERSION
                    if not done:
                        self.assertEqual(reply.status, 503, reply)
                        self.assertIn("retry-after", reply.headers)
                    # None, or the new one, whole.
                    reply = server.invoke("m", [ROW])
                    self.assertIn(reply.status, (200, 404) if key == self.POINTER or done else (404,), reply)
                    if reply.status == 200:
                        self.assertEqual(self.adds(server, "m"), 2)
                    self.s3.heal()
                    self.published(server, "m", tiny_onnx.add_constant(3))
                    self.assertEqual(self.adds(server, "m"), 3)
                    server.stop()

    def meeting(self, n):
        """A fault: an answer comes once n requests wait for one; and who was answered so."""
        together = threading.Barrier(n)
        met = []

        def meet(s3, c, answer):
            try:
                met.append(together.wait(harness.TIMEOUT_S))
            except threading.BrokenBarrierError:
                pass  # they did not come, and met tells
            return faulty_s3.well(s3, c, answer)
        return meet, met

    def test_versions_are_looked_at_together(self):
        for i in range(1, 9):
            self.s3.put(f"_roost/models/m/{i}.roost", bytes(8192))
        self.s3.put("_roost/models/m/current", b"8\n")
        meet, met = self.meeting(8)
        for i in range(1, 9):
            self.s3.spoil(f"_roost/models/m/{i}.roost", meet)
        self.assertEqual(list(self.versions(self.on(s3_retries=0, s3_stall="30s", s3_timeout="50s"), "m")), list(range(8, 0, -1)))
        self.assertEqual(len(met), 8)

    def test_blobs_of_one_load_are_asked_for_together(self):
        factors, side = [2.0 ** k for k in range(-6, 6)], 144
        server = self.on(link_threads=4, s3_retries=0, s3_stall="30s", s3_timeout="50s")
        self.published(server, "m", tiny_onnx.chain(factors, side))
        blobs = [k for k in self.s3.objects if k.startswith("_roost/blobs/") and "." not in k]
        self.assertEqual(len(blobs), len(factors))
        meet, met = self.meeting(4)
        for key in blobs:
            self.s3.spoil(key, meet)
        reply = server.invoke("m", [[1.0] * side])
        self.assertEqual(len(met), len(blobs))
        self.assertEqual(reply.json()["predictions"][0][0], 2.0 ** sum(range(-6, 6)))
        reads = [k for m, k, _ in self.s3.asked if m == "GET" and k in blobs]
        self.assertEqual(sorted(reads), sorted(blobs))

    def test_many_names_are_listed_together(self):
        data = harness.compiled("iris").read_bytes()
        here = self.store()
        for i in range(40):
            files = {f"t{i % 4}/m{i}.roost": data}
            if i % 2:
                files = {f"_roost/models/t{i % 4}/m{i}/1.roost": data, f"_roost/models/t{i % 4}/m{i}/current": b"1\n"}
            for key, content in files.items():
                self.s3.put(key, content)
                here.put(key, content)
        meet, met = self.meeting(8)
        for i in range(1, 33, 4):  # folders of published models, then the names' own pointers
            self.s3.spoil(f"_roost/models/t1/m{i}/", meet, method="LIST")
            self.s3.spoil(f"_roost/models/t1/m{i}/current", meet)

        def listed(store, env=None):
            done = harness.roost("ls", "--json", "--store", store, env=env)
            self.assertEqual(done.returncode, 0, done)
            return [(m["name"], m["version"], m["key"], m["bytes"]) for m in json.loads(done.stdout)["models"]]
        self.assertEqual(listed(f"s3://{faulty_s3.BUCKET}", {**self.s3.env, "ROOST_S3_RETRIES": "0"}), listed(here.path))
        self.assertEqual(len(met), 16)

    def test_a_refused_write_is_asked_once(self):
        server = self.on()
        self.s3.spoil(self.VERSION, faulty_s3.status("403 Forbidden", "AccessDenied"),
                      times=math.inf, method="PUT")
        reply = self.publish(server, "m", tiny_onnx.add_constant(2))
        self.assertEqual(reply.status, 503, reply)
        self.assertIn("denied", reply.error())
        self.assertEqual([k for m, k, _ in self.s3.asked if m == "PUT" and k == self.VERSION],
                         [self.VERSION])
        self.assertEqual(server.invoke("m", [ROW]).status, 404)

    def test_a_store_without_a_list_of_uploads_is_collected_and_one_that_denies_it_is_wrong(self):
        for line, code in (("501 Not Implemented", "NotImplemented"), ("405 No", "MethodNotAllowed"),
                           ("403 Forbidden", "AccessDenied")):
            with self.subTest(code):
                self.s3.spoil("_roost/", faulty_s3.status(line, code), times=math.inf, method="LIST")
                done = harness.roost("gc", "--store", f"s3://{faulty_s3.BUCKET}", env=self.s3.env)
                self.assertEqual(done.returncode, code == "AccessDenied")
                self.assertEqual("does not list uploads" in done.stderr, code != "AccessDenied")
                self.assertIn("removed 0 blobs", done.stderr)

    def test_without_conditional_writes_numbers_are_made_of_time_and_chance(self):
        self.s3.conditional = False
        nodes = [self.on(publishes_per_tenant=4) for _ in range(2)]
        jobs = [self.in_background(self.published, n, "m", tiny_onnx.add_constant(k))
                for k in range(2, 6) for n in nodes]
        made = [j.result() for j in jobs]
        self.assertEqual(len(set(made)), len(jobs))
        self.assertEqual(set(self.versions(nodes[0], "m")), set(made))

    def test_a_stop_does_not_wait_for_a_silent_store(self):
        server = self.on(s3_stall="10m", s3_timeout="10m", drain="100ms")
        self.s3.spoil(self.POINTER, faulty_s3.silent, times=math.inf, method="PUT")
        waiting = self.in_background(self.publish, server, "m", tiny_onnx.add_constant(2))
        harness.wait_until(lambda: any(m == "PUT" and k == self.POINTER
                                       for m, k, _ in self.s3.asked), "the request")
        self.assertEqual(server.stop(), 0)
        try:
            self.assertEqual(waiting.result().status, 503)
        except OSError:
            pass  # the connection went with the server


if __name__ == "__main__":
    unittest.main()
