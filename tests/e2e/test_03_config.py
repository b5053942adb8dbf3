# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Where a setting comes from, and that each reaches the place it is for."""

import json
import pathlib
import tempfile

import harness
from harness import roost


class Config(harness.Case):
    def file(self, text):
        f = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False)
        f.write(text if isinstance(text, str) else json.dumps(text))
        f.close()
        self.addCleanup(pathlib.Path(f.name).unlink)
        return f.name

    def printed(self, *args, env=None):
        done = roost("serve", "--print-config", *args, env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_flag_over_environment_over_file_over_default(self):
        path = self.file({"memory": "1GiB", "workers": 2, "queue": 7})
        env = {"ROOST_CONFIG": path, "ROOST_WORKERS": "3", "ROOST_MEMORY": "2GiB"}
        got = self.printed("--memory", "4GiB", env=env)
        self.assertEqual((got["memory"], got["workers"], got["queue"], got["connections"]),
                         ("4GiB", 3, 7, 10000))
        self.assertEqual(self.printed(env=env)["memory"], "2GiB")
        self.assertEqual(self.printed("--config", path)["memory"], "1GiB")
        self.assertEqual(self.printed()["memory"], "auto")

    def test_what_is_printed_is_a_configuration_file(self):
        first = self.printed("--memory", "3GiB", "--insecure-admin", "--listen", "[::1]:0")
        self.assertEqual(self.printed("--config", self.file(first)), first)

    def test_bad_settings_end_with_2_and_their_source(self):
        cases = ((["--config", self.file('{\n\n "memroy": 1}')], None, "line 3: unknown key"),
                 (["--workers", "65"], None, "--workers"),
                 ([], {"ROOST_QUEUE": "-1"}, "ROOST_QUEUE"))
        for args, env, words in cases:
            done = roost("serve", *args, env=env)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr)

    def test_settings_reach_the_server(self):
        store = self.store("iris")
        server = self.serve(store, env={"ROOST_MEMORY": "96MiB"}, workers=3, body_max="1KiB",
                            cache_headers="off", head_bytes="1KiB", head_count="5")
        self.assertEqual(server.metrics()['roost_cache_capacity_bytes{tier="host"}'], 96 << 20)
        self.assertEqual(server.metrics()["roost_exec_workers"], 3)
        self.assertEqual(server.invoke("iris", b"[" + b" " * 2000 + b"]").status, 413)
        self.assertEqual(server.get("/ping", headers={"x-a": "b" * 1100}).status, 431)
        self.assertEqual(server.get("/ping", headers={f"x-{i}": "b" for i in range(8)}).status, 431)
        reply = server.invoke("iris", [[5.1, 3.5, 1.4, 0.2]])
        self.assertEqual(reply.status, 200)
        self.assertNotIn("x-roost-cache", reply.headers)
        self.assertIn("server-timing", reply.headers)

    def test_management_has_its_own_listener(self):
        server = self.serve(self.store("iris"), admin_listen=f"127.0.0.1:{harness.free_port()}")
        self.assertNotEqual(server.port, server.admin_port)
        self.assertEqual(server.get("/metrics").status, 404)
        self.assertEqual(server.get("/metrics", port=server.admin_port).status, 200)
        self.assertEqual(server.invoke("iris", [[5.1, 3.5, 1.4, 0.2]]).status, 200)
        self.assertEqual(server.invoke("iris", [[5.1, 3.5, 1.4, 0.2]],
                                       port=server.admin_port).status, 404)
        self.assertEqual(server.load("iris").status, 409)

    def test_descriptors_are_raised_to_the_hard_limit(self):
        server = self.serve(self.store())
        limits = pathlib.Path(f"/proc/{server.process.pid}/limits").read_text()
        soft, hard = next(x for x in limits.splitlines() if "open files" in x).split()[3:5]
        self.assertEqual(soft, hard)
