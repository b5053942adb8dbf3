# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""s3:// that misbehaves: each invocation ends with the right answer or with an error that may be
retried, no model is ever half there, and once the store is well again so is the node."""

import math
import pathlib
import random
import shutil
import subprocess
import tempfile

import faulty_s3
import harness
import s3_server
import swift
import tiny_onnx

IRIS = [[5.1, 3.5, 1.4, 0.2]]
STORE = f"s3://{faulty_s3.BUCKET}"

# Faults of one answer after which the next is well: the invocation does not notice.
PASSING = {
    "truncated": faulty_s3.truncate, "reset": faulty_s3.reset, "slow": faulty_s3.slow,
    "silent": faulty_s3.silent,
    "500": faulty_s3.status("500 Internal Server Error", "InternalError"),
    "503": faulty_s3.status("503 Slow Down", "SlowDown"),
    "429": faulty_s3.status("429 Too Many Requests", "TooManyRequests"),
    "longer": faulty_s3.longer, "shorter": faulty_s3.shorter, "huge": faulty_s3.huge,
    "other range": faulty_s3.other_range, "other total": faulty_s3.other_total,
    "other ETag": faulty_s3.other_tag, "no ETag": faulty_s3.no_tag,
    "endless body": faulty_s3.endless_body, "endless head": faulty_s3.endless_head,
    "no HTTP": faulty_s3.no_http,
}
# What retrying does not mend. The status that clients see, and words of the log.
FINAL = {
    "403": (faulty_s3.status("403 Forbidden", "AccessDenied"), 503, "denied (HTTP 403 AccessDenied)"),
    "smaller": (faulty_s3.smaller, 500, "page 0: says"),
    "changed": (faulty_s3.changing, 503, "changed while it was read"),
    "corrupt": (faulty_s3.corrupt, 500, "corrupt"),
}


class Faults(s3_server.OnServer, harness.Case):
    """Against Swift, behind the server that misbehaves."""

    KIND = swift.Swift

    def setUp(self):
        self.between = faulty_s3.Server(upstream=self.s3.endpoint, env=self.s3.env)
        self.addCleanup(self.between.stop)
        self.between.bucket = self.id().rsplit(".", 1)[1].replace("_", "-")[:60].strip("-")
        self.client.create_bucket(Bucket=self.between.bucket)
        self.data = harness.compiled("iris").read_bytes()
        self.want = None

    def put(self, key, data):
        self.client.put_object(Bucket=self.between.bucket, Key=key, Body=data)

    def on(self, **flags):
        flags = {"s3_stall": "1s", "s3_timeout": "60s", "s3_retry_budget": 1000, "load_backoff": "1ms",
                 "load_backoff_max": "1ms", **flags}
        server = self.serve(f"s3://{self.between.bucket}", env=self.between.env, **flags)
        self.put("well.roost", self.data)
        reply = server.invoke("well", IRIS)
        self.assertEqual(reply.status, 200, reply)
        self.want = reply.json()
        return server

    def invoke_all(self, server, names):
        futures = {n: self.in_background(server.invoke, n, IRIS) for n in names}
        return {n: f.result() for n, f in futures.items()}

    def name_of(self, kind):
        return "m-" + kind.replace(" ", "-")

    def add(self, kinds, method="GET", times=1, ending=".roost"):
        """Models, and what goes wrong with each: when its bytes, its head or its name's endings
        are asked for."""
        data = self.data if ending == ".roost" else harness.model_file("iris").read_bytes()
        for kind, fault in kinds.items():
            name = self.name_of(kind)
            self.put(name + ending, data)
            self.between.spoil(name if method == "LIST" else name + ending, fault, times, method)

    def check_right(self, replies):
        for name, reply in replies.items():
            self.assertEqual((name, reply.status), (name, 200), reply)
            self.assertEqual(reply.json(), self.want)

    def test_one_bad_answer_is_not_noticed(self):
        server = self.on()
        self.add(PASSING)
        self.check_right(self.invoke_all(server, map(self.name_of, PASSING)))
        now = server.metrics()
        for reason in ("status", "slow_down", "connection", "stalled", "truncated", "protocol"):
            self.assertGreater(now[f'roost_s3_retries_total{{reason="{reason}"}}'], 0, reason)
        self.assertEqual({k: v for k, v in now.items() if "s3_failures" in k and v}, {})

    def test_what_is_asked_for_again_is_in_the_log(self):
        server = self.on()
        self.add({"503": PASSING["503"]})
        self.check_right(self.invoke_all(server, [self.name_of("503")]))
        told, = [e for e in server.log() if e["event"] == "store_retry"]
        self.assertEqual((told["level"], told["tries"]), ("warn", 1))
        self.assertIn("(HTTP 503 SlowDown)", told["error"])

    def test_one_bad_answer_to_a_listing_is_not_noticed(self):
        server = self.on()
        kinds = {k: PASSING[k] for k in ("500", "503", "429", "silent", "truncated", "reset",
                                         "no HTTP", "endless head", "endless body")}
        self.add(kinds, method="LIST")
        self.check_right(self.invoke_all(server, map(self.name_of, kinds)))

    def test_one_bad_answer_to_a_head_is_not_noticed(self):  # a model file's: an artifact's is read
        server = self.on()
        kinds = {k: PASSING[k] for k in ("500", "503", "429", "silent", "no ETag", "no HTTP",
                                         "endless head")}
        self.add(kinds, method="HEAD", ending=".onnx")
        self.check_right(self.invoke_all(server, map(self.name_of, kinds)))
        self.assertGreater(sum(m == "HEAD" for m, _, _ in self.between.asked), 2 * len(kinds) - 1)

    def test_truncated_again_and_again_goes_on_at_its_byte(self):
        server = self.on(s3_retries=20)
        self.add({"truncated": faulty_s3.truncate}, times=9)
        self.check_right(self.invoke_all(server, ["m-truncated"]))
        ranges = [r for m, k, r in self.between.asked if m == "GET" and k == "m-truncated.roost"]
        self.assertGreater(len({r.split("-")[0] for r in ranges}), 5, ranges)

    def test_what_never_mends_is_an_error_that_may_be_retried(self):
        server = self.on(s3_retries=2, s3_timeout="4s")
        kinds = {k: v for k, v in PASSING.items() if k not in ("slow", "other ETag")}
        self.add(kinds, times=math.inf)
        replies = self.invoke_all(server, map(self.name_of, kinds))
        for name, reply in replies.items():
            if name == "m-truncated":  # halves of halves: it may even arrive
                self.assertIn(reply.status, (200, 503), reply)
                continue
            self.assertEqual((name, reply.status), (name, 503), reply)
            self.assertIn("retry-after", reply.headers)
            self.assertNotEqual(server.state(name), "resident")
        now = server.metrics()
        self.assertGreater(now['roost_s3_failures_total{reason="retries"}'], 0)
        # The bytes of an endless answer are not read for ever.
        self.assertLess(now["roost_s3_received_bytes_total"], 64 << 20)
        self.between.heal()
        self.check_right(self.settled(server, map(self.name_of, kinds)))

    def test_what_is_final_is_asked_once(self):
        server = self.on(s3_stall="60s", s3_timeout="60s")
        self.add({k: f for k, (f, _, _) in FINAL.items()}, times=math.inf)
        for kind, (_, status, words) in FINAL.items():
            name = self.name_of(kind)
            reply = server.invoke(name, IRIS)
            self.assertEqual((kind, reply.status), (kind, status), reply)
            self.assertIn(words, server.log_text())
            self.assertNotEqual(server.state(name), "resident")
            gets = [r for m, k, r in self.between.asked if m == "GET" and k == f"{name}.roost"]
            begun = 4 if kind == "changed" else 1  # a load begins anew three times
            self.assertEqual(len(gets), begun * len(set(gets)), gets)
        self.assertNotIn("secret words", server.log_text())
        self.between.heal()
        self.check_right(self.settled(server, map(self.name_of, FINAL)))

    def settled(self, server, names):
        """Answers once the back-off of a failed load is over."""
        return {n: harness.wait_until(
            lambda n=n: (r := server.invoke(n, IRIS)).status == 200 and r, n) for n in names}

    def replaced(self, server, key, old, method):
        """The object becomes another one when it was asked for once, and half of it was read."""
        self.put(key, old)
        other = harness.model_file if key.endswith(".onnx") else harness.compiled

        def replace(s, c, a):
            self.put(key, other("wine").read_bytes())
            return (faulty_s3.well if method == "HEAD" else faulty_s3.truncate)(s, c, a)
        self.between.spoil(key, replace, method=method)
        name = key.split(".")[0]
        reply = server.invoke(name, [[0] * 13])  # the load began anew
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(server.invoke(name, IRIS).status, 400)

    def test_an_object_replaced_while_it_is_read(self):
        server = self.on()
        self.replaced(server, "m.roost", self.data, "GET")
        self.replaced(server, "n.onnx", harness.model_file("iris").read_bytes(), "HEAD")

    def test_an_object_that_is_gone_between_the_pointer_and_its_bytes(self):
        server = self.on()
        self.put("_roost/models/p/current", b"1")
        self.put("_roost/models/p/2.roost", self.data)

        def flip(s, c, a):
            self.put("_roost/models/p/current", b"2")
            return faulty_s3.well(s, c, a)
        self.between.spoil("_roost/models/p/1.roost", flip)  # which is not there
        self.check_right(self.invoke_all(server, ["p"]))
        self.put("_roost/models/q/current", b"7")  # and neither is this, nor will it be
        self.assertEqual(server.invoke("q", IRIS).status, 503)

    def large(self, names):
        """Models that are more than one read."""
        with tempfile.NamedTemporaryFile(suffix=".onnx") as f:
            f.write(tiny_onnx.scaled_square(1.5, 768))
            f.flush()
            data = harness.compiled(f.name).read_bytes()
        for name in names:
            self.put(f"{name}.roost", data)

    def check_large(self, replies):
        for name, reply in replies.items():
            self.assertEqual((name, reply.status), (name, 200), reply)
            self.assertEqual(reply.json(), {"predictions": [[1.5] * 768]})

    def test_parts_of_an_object_are_not_mixed_with_anothers(self):
        server = self.on()
        self.large(["l"])
        self.between.spoil("l.roost", faulty_s3.other_tag)  # the first part; then If-Match fails
        self.check_large({"l": server.invoke("l", [[1] * 768])})
        self.assertIn("changed while it was read", server.log_text())

    def test_a_storm_of_faults_leaves_only_right_answers(self):
        server = self.on(s3_retries=50, loaders=4, s3_timeout="60s")
        draw = random.Random(7)
        faults = [f for k, f in PASSING.items() if k not in ("silent", "endless head", "other ETag")]
        small, large = [f"s{i}" for i in range(30)], [f"l{i}" for i in range(6)]
        self.large(large)
        for name in small + large:
            if name in small:
                self.put(f"{name}.roost", self.data)
            self.between.spoil(f"{name}.roost", draw.choice(faults), draw.randrange(5))
            self.between.spoil(name, PASSING[draw.choice(["500", "503", "truncated", "no HTTP"])],
                          draw.randrange(3), "LIST")
        waiting = {n: self.in_background(server.invoke, n, [[1] * 768]) for n in large}
        self.check_right(self.invoke_all(server, small))
        self.check_large({n: f.result() for n, f in waiting.items()})

    def test_a_stop_does_not_wait_for_a_silent_store(self):
        server = self.on(s3_stall="10m", s3_timeout="10m", drain="100ms")
        self.add({"silent": faulty_s3.silent}, times=math.inf)
        waiting = self.in_background(server.invoke, "m-silent", IRIS)
        harness.wait_until(lambda: any(k == "m-silent.roost" and m == "GET"
                                       for m, k, _ in self.between.asked), "the request")
        self.assertEqual(server.stop(), 0)
        try:
            self.assertEqual(waiting.result().status, 503)
        except OSError:
            pass  # the connection went with the server


class Tls(harness.Case):
    def openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=self.folder)

    def setUp(self):
        if not shutil.which("openssl"):
            self.skipTest("openssl is missing: run scripts/setup test")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="roost-tls-"))
        self.addCleanup(shutil.rmtree, self.folder)
        for ca in ("ours", "other"):
            self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                         "-nodes", "-days", "2", "-subj", f"/CN={ca}", "-keyout", f"{ca}.key",
                         "-out", f"{ca}.pem")

    def certificate(self, name, host):
        """Of a server at that address, by the authority that is ours."""
        (self.folder / "ext").write_text(f"subjectAltName={host}\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-subj", "/CN=s3", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ours.pem", "-CAkey", "ours.key",
                     "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", f"{name}.crt")
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

    def ask(self, tls, **flags):
        s3 = faulty_s3.Server(tls)
        self.addCleanup(s3.stop)
        s3.put("iris.roost", harness.compiled("iris").read_bytes())
        server = self.serve(STORE, env=s3.env, s3_retries=0, **flags)
        reply = server.invoke("iris", IRIS)
        return reply.status, server.log_text(), s3.asked

    def test_certificates_are_verified(self):
        good = self.certificate("good", "IP:127.0.0.1")
        status, log, asked = self.ask(good, s3_ca=self.folder / "ours.pem")
        self.assertEqual(status, 200, log)
        for tls, ca in ((good, ""), (good, self.folder / "other.pem"),
                        (self.certificate("elsewhere", "IP:127.0.0.2"), self.folder / "ours.pem")):
            status, log, asked = self.ask(tls, s3_ca=ca)
            self.assertEqual((status, asked), (503, []))
            self.assertIn("certificate", log)
