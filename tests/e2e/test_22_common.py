# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Weights that an operator publishes as common, and those that he does not, across two tenants."""

import unittest

import harness
import tiny_onnx
from test_10_scale import compile_all

SIDE = 256
WEIGHTS = 4 * SIDE * SIDE
SHARED = 'roost_shared_blobs{tier="host"}'
SAVED = 'roost_shared_saved_bytes{tier="host"}'
NAMES = ("a/public", "b/public", "a/own", "b/own")


class Common(harness.Case):
    def setUp(self):
        super().setUp()
        self.files = self.store()
        folder = self.files.path
        for tenant in ("a", "b"):
            (folder / tenant).mkdir()
            compile_all(folder / tenant, {"public": tiny_onnx.scaled_square(2, SIDE),
                                          "own": tiny_onnx.scaled_square(3, SIDE)})

    def common(self, *args, code=0):
        done = harness.roost("common", *args, "--store", self.files.path)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def calls(self, server):
        for name in NAMES:
            reply = server.invoke(name, {"instances": [[1.0] * SIDE]})
            self.assertEqual(reply.status, 200, reply)
            factor = 2.0 if name.endswith("public") else 3.0
            self.assertEqual(reply.json()["predictions"], [[factor] * SIDE])

    def test_two_tenants_share_what_was_published_and_nothing_else(self):
        server = self.serve(self.files)
        self.calls(server)
        self.assertEqual(server.metrics()[SHARED], 0)
        server.stop()
        said = self.common("add", self.files.path / "a/public.roost")
        self.assertEqual(said, "1 added, 1 blobs are common\n")
        server = self.serve(self.files)
        self.calls(server)
        metrics = server.metrics()
        self.assertEqual((metrics[SHARED], metrics[SAVED]), (1, WEIGHTS))
        self.assertEqual(metrics["roost_common_blobs"], 1)
        self.assertEqual(server.describe("b/public").json()["shared_bytes"], WEIGHTS)
        self.assertEqual(server.describe("b/own").json()["shared_bytes"], 0)

    def test_who_knows_a_hash_has_nothing(self):
        whole = (self.files.path / "a/own.roost").read_bytes()
        forged = whole[:-WEIGHTS] + bytes(WEIGHTS)  # the table names what is not there
        self.files.put("b/forged.roost", forged)
        self.files.put("b/again.roost", forged)
        disk = self.files.path / "tier"
        server = self.serve(self.files, disk=disk)
        call = {"instances": [[1.0] * SIDE]}
        self.assertEqual(server.invoke("b/forged", call).status, 500)
        self.assertEqual(server.invoke("a/own", call).status, 200)
        harness.wait_until(lambda: any(disk.glob("b-*")), "the blob in the disk tier")
        self.assertEqual(server.invoke("b/again", call).status, 500)
        self.assertEqual(server.request("DELETE", "/models/a/own").status, 200)
        self.assertEqual(server.invoke("a/own", call).status, 200)
        self.assertGreater(server.metrics()['roost_disk_lookups_total{result="hit"}'], 0)

    def test_the_list_is_added_to_taken_from_and_printed(self):
        self.assertEqual(self.common("list"), "")
        public, own = (self.files.path / f"a/{name}.roost" for name in ("public", "own"))
        self.common("add", public)
        one = self.common("list")
        self.assertRegex(one, r"^[0-9a-f]{64}\n$")
        self.assertEqual(self.common("add", public, own), "1 added, 2 blobs are common\n")
        two = self.common("list").splitlines()
        self.assertEqual(two, sorted(two))
        self.assertIn(one.strip(), two)
        self.assertEqual(self.common("remove", one.strip()), "1 removed, 1 blobs are common\n")
        self.assertEqual(self.common("remove", public), "0 removed, 1 blobs are common\n")
        self.assertEqual(self.common("remove", own), "1 removed, 0 blobs are common\n")
        self.assertEqual(self.common("list"), "")

    def test_writers_at_once_lose_nothing(self):
        compile_all(self.files.path, {f"w{k}": tiny_onnx.scaled_square(k + 10, SIDE) for k in range(8)})
        files = [self.files.path / f"w{k}.roost" for k in range(8)]
        for _ in range(3):
            for job in [self.in_background(self.common, "add", file) for file in files]:
                job.result()
            self.assertEqual(len(self.common("list").splitlines()), len(files))
            for job in [self.in_background(self.common, "remove", file) for file in files]:
                job.result()
            self.assertEqual(self.common("list"), "")

    def test_what_is_no_artifact_no_hash_or_no_list_changes_nothing(self):
        public = self.files.path / "a/public.roost"
        self.common("add", public)
        before = self.common("list")
        self.assertIn("cannot open", self.common("add", self.files.path / "none.roost", code=1))
        self.files.put("bad.roost", b"no artifact")
        self.assertIn("bad.roost: it is no artifact", self.common("add", public, self.files.path / "bad.roost", code=1))
        self.assertIn("no SHA-256", self.common("remove", "G" * 64, code=1))
        self.assertIn("expected add, remove or list", self.common("publish", public, code=2))
        self.assertIn("takes files", self.common("add", code=2))
        self.assertEqual(self.common("list"), before)
        self.files.put("_roost/common", b"something else")
        self.assertIn("_roost/common: line 1 is no SHA-256", self.common("add", public, code=1))
        server = self.serve(self.files)
        self.calls(server)
        self.assertEqual(server.metrics()[SHARED], 0)
        self.assertIn("common_not_read", server.log_text())


if __name__ == "__main__":
    unittest.main()
