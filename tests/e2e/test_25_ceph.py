# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Models in a bucket of a second real S3 server, Ceph's object gateway, whose PUT knows If-None-Match. What
Ceph does itself is asked first, by another client than ours, as all else hangs on it."""

import threading
import unittest

import ceph
import faulty_s3
import harness
import tiny_onnx
from publish_case import LARGE_SIDE, ROW, BucketCase

KILLS = 20
PAGE = 1000          # entries that a listing is asked for at once
FAILURES, RETRIES = "roost_s3_failures_total", "roost_s3_retries_total"


class Ceph(BucketCase):
    KIND = ceph.Ceph

    def troubles(self, server):
        """Requests that did not go well the first time."""
        return {k: v for k, v in server.metrics().items() if k.startswith((FAILURES, RETRIES)) and v}

    def if_absent(self, operation, **asked):
        """Was it written?"""
        def add(request, **_):
            request.headers.add_header("If-None-Match", "*")
        client = self.s3.client()
        client.meta.events.register(f"before-sign.s3.{operation}", add)
        call = {"PutObject": client.put_object, "CompleteMultipartUpload": client.complete_multipart_upload}
        try:
            call[operation](**asked)
            return True
        except client.exceptions.ClientError as e:
            self.assertEqual(e.response["Error"]["Code"], "PreconditionFailed")
            return False

    def test_what_ceph_does_with_conditions(self):
        bucket, writers = self.bucket(), 6
        for n in range(8):
            start, at = threading.Barrier(writers), {"Bucket": bucket, "Key": f"k{n}"}

            def write(k, start=start, at=at):
                start.wait(harness.TIMEOUT_S)
                return self.if_absent("PutObject", Body=b"%d" % k, **at)
            jobs = [self.in_background(write, k) for k in range(writers)]
            won = [k for k, job in enumerate(jobs) if job.result()]
            self.assertEqual(len(won), 1, won)  # of several at once
            self.assertEqual(self.client.get_object(**at)["Body"].read(), b"%d" % won[0])
        # The end of an upload in parts passes over the condition. Were it otherwise, docs/publishing.md
        # would say too little.
        at = {"Bucket": bucket, "Key": "k0"}
        upload = self.client.create_multipart_upload(**at)["UploadId"]
        tag = self.client.upload_part(PartNumber=1, UploadId=upload, Body=b"parts", **at)["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
        self.assertTrue(self.if_absent("CompleteMultipartUpload", UploadId=upload, MultipartUpload=parts, **at))
        self.assertEqual(self.client.get_object(**at)["Body"].read(), b"parts")

    def test_versions_of_a_bucket(self):
        bucket = self.bucket()
        server = self.on(bucket)
        self.assertEqual(server.invoke("acme/m", [ROW]).status, 404)
        self.assertEqual(self.publish(server, "acme/m", b"no model").status, 400)
        for n, k in enumerate((3, 4, 5), 1):  # Ceph refuses what is there, so numbers are 1, 2, 3
            self.assertEqual(self.published(server, "acme/m", tiny_onnx.add_constant(k)), n)
            self.assertEqual(self.adds(server, "acme/m"), k)
        self.assertEqual(list(self.versions(server, "acme/m").items()), [(3, True), (2, False), (1, False)])
        self.assertEqual(self.adds(self.on(bucket), "acme/m"), 5)  # another node
        self.rollback(server, "acme/m")
        self.assertEqual(self.adds(server, "acme/m"), 4)
        self.rollback(server, "acme/m", 1)
        self.assertEqual(self.adds(server, "acme/m"), 3)
        for version, status in ((1, 409), (3, 200), (3, 404)):
            reply = server.request("DELETE", f"/models/acme/m/versions/{version}", port=server.admin_port)
            self.assertEqual(reply.status, status, reply)
        self.assertEqual(list(self.versions(server, "acme/m")), [2, 1])
        self.assertEqual(self.published(server, "acme/m", tiny_onnx.add_constant(6)), 4)  # not 3 again
        self.assertEqual(self.troubles(server), {})

    def test_of_two_nodes_that_publish_one_name_both_get_versions(self):
        """A store may have one of several writers come again (409 while others write), so retries for an
        answer's status are no trouble here."""
        bucket, each = self.bucket(), 6
        nodes = [self.on(bucket), self.on(bucket)]

        def many(server, first):
            return {self.published(server, "m", tiny_onnx.add_constant(k)): k for k in range(first, first + each)}
        jobs = [self.in_background(many, n, first) for n, first in zip(nodes, (100, 200))]
        made = {**jobs[0].result(), **jobs[1].result()}
        self.assertEqual(len(made), 2 * each)  # no number was given twice
        listed = self.versions(nodes[0], "m")
        self.assertEqual(set(listed), set(made))
        self.assertEqual(sum(listed.values()), 1)
        self.assertEqual(self.adds(self.on(bucket), "m"), made[max(listed, key=listed.get)])
        for version, k in made.items():  # each is its own content, whole
            self.rollback(nodes[0], "m", version)
            self.assertEqual(self.adds(nodes[0], "m"), k)
        self.assertEqual(set(self.troubles(nodes[0])) - {RETRIES + '{reason="status"}'}, set())

    def test_large_ones_are_sent_in_parts(self):
        bucket = self.bucket()
        server = self.on(bucket, memory="512MiB")
        self.assertEqual(self.published(server, "big", tiny_onnx.scaled_square(7, LARGE_SIDE)), 1)
        now = server.metrics()
        self.assertEqual(now['roost_s3_requests_total{kind="part"}'], 3)
        self.assertEqual(now['roost_s3_requests_total{kind="end"}'], 1)
        self.assertEqual(self.troubles(server), {})
        blob, = [k for k in self.keys(bucket) if "/_roost/blobs/default/" in k]
        head = self.client.head_object(Bucket=bucket, Key=blob)
        self.assertTrue(head["ETag"].endswith('-3"'), head["ETag"])
        other = self.on(bucket, memory="512MiB")
        reply = other.invoke("big", [[1] * LARGE_SIDE])
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(set(reply.json()["predictions"][0]), {7})
        self.assertEqual(self.troubles(other), {})

    def test_a_node_that_is_killed_leaves_the_old_version_or_the_new_one(self):
        self.check_kills(KILLS)

    def test_parts_of_a_node_that_was_killed_are_collected(self):
        self.check_a_kill_amid_parts()

    def test_an_answer_that_is_lost_is_told_from_another_publisher(self):
        """Ceph has done what it was asked for when its answer is spoilt, and refuses the second try."""
        bucket = self.bucket()
        between = faulty_s3.Server(upstream=self.s3.endpoint, env=self.s3.env)
        self.addCleanup(between.stop)
        between.bucket = bucket
        faults = {"reset": faulty_s3.reset, "no ETag": faulty_s3.no_tag,
                  "500": faulty_s3.status("500 Internal Server Error", "InternalError")}
        server = self.serve(f"s3://{bucket}", env=between.env)
        for n, (kind, fault) in enumerate(faults.items(), 1):
            with self.subTest(kind=kind):
                version = f"_roost/models/m/{n}.roost"
                between.spoil(version, fault, method="PUT")
                self.assertEqual(self.published(server, "m", tiny_onnx.add_constant(n)), n)
                asked = [m for m, k, _ in between.asked if k == version]
                self.assertEqual(asked[:3], ["PUT", "PUT", "HEAD"])  # whose is it?
                self.assertEqual(self.adds(server, "m"), n)
        self.assertEqual(list(self.versions(server, "m")), [3, 2, 1])

    def test_a_bucket_in_front_of_the_host(self):
        bucket = self.bucket()
        env = {**self.s3.env, "AWS_ENDPOINT_URL": self.s3.endpoint.replace("127.0.0.1", "localhost"),
               "NO_PROXY": "localhost", "no_proxy": "localhost"}
        server = self.serve(f"s3://{bucket}/models", env=env, s3_style="host")
        self.assertEqual(self.published(server, "m", tiny_onnx.add_constant(1)), 1)
        self.assertEqual(self.adds(self.on(bucket), "m"), 1)
        harness.wait_until(lambda: '"PUT /models/_roost/models/m/1.roost HTTP/1.1" 200' in self.s3.requests(),
                           "the request in Ceph's log")

    def test_a_new_version_of_another_node_takes_over(self):
        bucket = self.bucket()
        here, there = self.on(bucket, refresh="1s"), self.on(bucket)
        self.published(there, "m", tiny_onnx.add_constant(1))
        self.assertEqual(self.adds(here, "m"), 1)
        self.published(there, "m", tiny_onnx.add_constant(2))
        harness.wait_until(lambda: self.adds(here, "m") == 2, "the new version")
        shown = here.describe("m").json()
        self.assertEqual((shown["misses"], shown["joined"]), (1, 0))  # no call waited

    def test_prefixes_with_bytes_that_need_encoding(self):
        bucket = self.bucket()
        iris, row = harness.compiled("iris").read_bytes(), [[5.1, 3.5, 1.4, 0.2]]
        for prefix in ("a b", "p+q&r=s", "süß/%41/~x'()*!", "<&>\"", "a//b"):
            with self.subTest(prefix=prefix):
                for key in ("acme/iris.roost", "acme/many/3/model.roost", "acme/many/12/model.roost"):
                    self.client.put_object(Bucket=bucket, Key=f"{prefix}/{key}", Body=iris)
                server = self.serve(f"s3://{bucket}/{prefix}", env=self.s3.env)
                self.assertEqual(server.invoke("acme/iris", row).status, 200)
                self.assertEqual(server.invoke("acme/many", row).status, 200)
                self.assertEqual(server.describe("acme/many").json()["version"], "12")
                self.assertEqual(self.published(server, "m", tiny_onnx.add_constant(1)), 1)
                self.assertEqual(self.adds(server, "m"), 1)
                server.stop()

    def test_more_versions_than_a_page_holds(self):
        bucket = self.bucket()
        numbers = range(1, PAGE + 6)
        jobs = [self.in_background(self.client.put_object, Bucket=bucket, Body=b"-",
                                   Key=f"models/_roost/models/m/{n}.roost") for n in numbers]
        for job in jobs:
            job.result()
        server = self.on(bucket)
        self.assertEqual(list(self.versions(server, "m")), sorted(numbers, reverse=True))
        self.assertEqual(self.published(server, "m", tiny_onnx.add_constant(1)), len(numbers) + 1)

    def test_more_names_than_are_looked_at_that_begin_alike(self):
        bucket = self.bucket()
        iris, row = harness.compiled("iris").read_bytes(), [[5.1, 3.5, 1.4, 0.2]]
        for i in range(120):  # a look at endings takes a hundred
            self.client.put_object(Bucket=bucket, Key=f"m.{i}.roost", Body=b"-")
        self.client.put_object(Bucket=bucket, Key="m.roost", Body=iris)  # behind all of them
        self.assertEqual(self.serve(f"s3://{bucket}", env=self.s3.env).invoke("m", row).status, 200)

    def test_what_is_wrong_is_said_without_secrets(self):
        bucket = self.bucket()
        for env, url, words in (({"AWS_SECRET_ACCESS_KEY": "not-the-secret"}, f"s3://{bucket}", "denied"),
                                ({"AWS_ACCESS_KEY_ID": "nobody"}, f"s3://{bucket}", "denied"),
                                ({}, "s3://no-such-bucket", "no such bucket")):
            with self.subTest(url=url, env=list(env)):
                server = self.serve(url, env={**self.s3.env, **env}, s3_retries=1)
                reply = server.invoke("m", [ROW])
                self.assertEqual(reply.status, 503, reply)
                text = reply.error() + server.log_text()
                self.assertIn(words, text.lower())
                for secret in (ceph.SECRET, ceph.KEY, "not-the-secret", "Signature="):
                    self.assertNotIn(secret, text)
                server.stop()


if __name__ == "__main__":
    unittest.main()
