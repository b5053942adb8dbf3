# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""What the tests of publishing to s3:// have in common (test_23_s3_publish.py, test_25_ceph.py)."""

import json
import unittest

import harness

ROW = [1.0, 2.0, 3.0, 4.0]


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


class BucketCase(PublishCase):
    """On a real S3 server: KIND is its module."""

    KIND = None

    @classmethod
    def setUpClass(cls):
        why = cls.KIND.missing()
        if why:
            raise unittest.SkipTest(why)
        cls.s3 = cls.KIND.shared()
        cls.client = cls.s3.client()

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
