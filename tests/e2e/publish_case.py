# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""What the tests of publishing to s3:// have in common (test_23_s3_publish.py, test_25_ceph.py)."""

import http.client
import json
import random
import re

import faulty_s3
import harness
import s3_server
import tiny_onnx

ROW = [1.0, 2.0, 3.0, 4.0]
SIDE = 160         # 102,400 bytes of weights: a blob of its own
LARGE_SIDE = 3000  # 36 MB of weights: sent in parts
STEPS_MAX = 24     # of a publish: its requests of the store, and a little more
DAY_S = 24 * 3600
CLEAN = re.compile(r"^models/_roost/(models/m/(current|\d+\.(roost|gone))|blobs/default/[0-9a-f]{64})$")
TRIES = 10         # to kill one in the midst of its parts


class PublishCase(harness.Case):
    def publish(self, server, name, body):
        return server.request("PUT", f"/models/{name}", body, port=server.admin_port)

    def published(self, server, name, body):
        reply = self.publish(server, name, body)
        self.assertEqual(reply.status, 201, reply)
        return int(reply.json()["version"])

    def versions(self, server, name):
        """{version: is it current}, the newest first."""
        reply = server.get(f"/models/{name}/versions", port=server.admin_port)
        self.assertEqual(reply.status, 200, reply)
        return {int(v["version"]): v["current"] for v in reply.json()["versions"]}

    def rollback(self, server, name, version=None):
        body = json.dumps({"version": version}).encode() if version else b""
        reply = server.request("POST", f"/models/{name}/rollback", body, port=server.admin_port)
        self.assertEqual(reply.status, 200, reply)

    def adds(self, server, name):
        """The constant that the model adds: which content answers."""
        reply = server.invoke(name, [ROW])
        self.assertEqual(reply.status, 200, reply)
        return round(reply.json()["predictions"][0][0] - ROW[0])


class BucketCase(s3_server.OnServer, PublishCase):
    """On a real S3 server."""

    def bucket(self):
        """Of this test's own."""
        name = self.id().rsplit(".", 1)[1].replace("_", "-")[5:60].strip("-")
        self.client.create_bucket(Bucket=name)
        return name

    def on(self, bucket, **flags):
        return self.serve(f"s3://{bucket}/models", env=self.s3.env, **flags)

    def keys(self, bucket):
        found = []
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            found += [o["Key"] for o in page.get("Contents", [])]
        return sorted(k for k in found if not k.endswith("_roost/probe"))

    def uploads(self, bucket):
        """Keys of those in parts that nobody ended."""
        listed = self.client.list_multipart_uploads(Bucket=bucket)
        self.assertFalse(listed["IsTruncated"])
        return sorted(u["Key"] for u in listed.get("Uploads", []))

    def collect(self, bucket, *options, older_s=2 * DAY_S):
        """`roost gc`, when all is so much older."""
        between = faulty_s3.Server(upstream=self.s3.endpoint, env=self.s3.env)
        self.addCleanup(between.stop)
        between.bucket, between.older_s = bucket, older_s
        done = harness.roost("gc", "--store", f"s3://{bucket}/models", *options, env=between.env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    # ---- kill -9 ----

    def _multiplies(self, server):
        """The factor of the model that answers, whole."""
        reply = server.invoke("m", [[1] * SIDE])
        self.assertEqual(reply.status, 200, reply)
        row, = reply.json()["predictions"]
        self.assertEqual(row, [row[0]] * SIDE)
        return round(row[0])

    def _publish_and_kill(self, server, factor, steps):
        """The version, had it been acknowledged before."""
        def asked():
            return sum(v for n, v in server.metrics().items() if n.startswith("roost_s3_requests"))
        before = asked()
        job = self.in_background(self.publish, server, "m", tiny_onnx.scaled_square(factor, SIDE))
        # Requests of the store are its steps: it dies before, in and behind each of them.
        harness.wait_until(lambda: job.done() or asked() - before >= steps, "a step")
        server.kill()
        try:
            reply = job.result()
        except (OSError, http.client.HTTPException):
            return None
        self.assertEqual(reply.status, 201, reply)
        return int(reply.json()["version"])

    def check_kills(self, count):
        """A node that is killed leaves the old version or the new one, and what is left behind goes."""
        bucket, rng = self.bucket(), random.Random(5)
        server, made = self.on(bucket), {}  # made: factors by version, of those acknowledged
        made[self.published(server, "m", tiny_onnx.scaled_square(1, SIDE))] = 1
        is_one_of, cut, new = {1}, 0, 0
        for factor in range(2, 2 + count):
            now = self._multiplies(server)
            self.assertIn(now, is_one_of)
            new += len(is_one_of) == 2 and now == factor - 1
            version = self._publish_and_kill(server, factor, rng.randrange(STEPS_MAX))
            if version:
                self.assertNotIn(version, made)
                made[version] = factor
            is_one_of = {factor} if version else {now, factor}
            cut += version is None
            server = self.on(bucket)
        self.assertIn(self._multiplies(server), is_one_of)
        self.assertGreater(cut, count // 2)
        self._check_what_is_left(bucket, server, made, count + 1)
        print(f"{count} kills, {cut} publishes cut, {new} of them seen as new", flush=True)

    def _check_what_is_left(self, bucket, server, made, factor_max):
        last = self.published(server, "m", tiny_onnx.scaled_square(factor_max + 1, SIDE))
        made[last] = factor_max + 1
        self.assertLessEqual(set(made), set(self.versions(server, "m")))
        self.collect(bucket)
        left = self.versions(server, "m")
        self.assertLessEqual(set(made), set(left))
        found = {}
        for version in left:  # one that was never acknowledged is whole as well
            self.rollback(server, "m", version)
            found[version] = self._multiplies(server)
        self.assertEqual({v: found[v] for v in made}, made)
        self.assertLessEqual(set(found.values()), set(range(1, factor_max + 2)))
        keys = self.keys(bucket)
        self.assertEqual([k for k in keys if not CLEAN.match(k)], [])
        self.assertEqual(len([k for k in keys if "/blobs/" in k]), len(set(found.values())))
        self.assertEqual(self.uploads(bucket), [])

    def check_a_kill_amid_parts(self):
        """Its parts go with the next collection, and nobody else's do."""
        bucket, body = self.bucket(), tiny_onnx.scaled_square(7, LARGE_SIDE)
        for _ in range(TRIES):
            server = self.on(bucket, memory="512MiB")
            job = self.in_background(self.publish, server, "m", body)
            harness.wait_until(
                lambda s=server, j=job: j.done() or s.metrics()['roost_s3_requests_total{kind="part"}'] > 1, "a part")
            server.kill()
            self.assertIsInstance(job.exception(), (OSError, http.client.HTTPException))
            if self.uploads(bucket):
                break
        mine = self.uploads(bucket)
        self.assertRegex(" ".join(mine), "^models/_roost/blobs/default/[0-9a-f]{64}$")
        others = ["_roost/blobs/default/x", "models/_roosts/x", "models/acme/x.roost"]
        for key in others:
            self.client.create_multipart_upload(Bucket=bucket, Key=key)
        everybodys = sorted(mine + others)
        self.assertIn(" 0 uploads", self.collect(bucket, older_s=DAY_S - 600).stderr)  # they are young
        self.assertEqual(self.uploads(bucket), everybodys)
        done = self.collect(bucket, "--dry-run")
        self.assertEqual((done.stdout, self.uploads(bucket)), (mine[0][len("models/"):] + "\n", everybodys))
        done = self.collect(bucket)
        self.assertEqual((done.stdout, self.uploads(bucket)), (mine[0][len("models/"):] + "\n", others))
        self.assertIn(" 1 uploads that were never ended", done.stderr)
        server = self.on(bucket, memory="512MiB")
        self.published(server, "m", body)
        self.assertEqual(set(server.invoke("m", [[1] * LARGE_SIDE]).json()["predictions"][0]), {7})
