# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""What careless operators and unusual clients do, and what must not come of it."""

import json
import os
import select
import socket
import stat
import subprocess
import unittest.mock

import harness
import tiny_onnx as onnx

IRIS = {"instances": [[5.1, 3.5, 1.4, 0.2]]}
# What Java's HttpURLConnection sends when nobody chose an Accept.
JAVA_ACCEPT = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


class Operators(harness.Case):
    def test_compiling_into_a_pipe_leaves_the_pipe(self):
        pipe = self.store().path / "pipe"
        os.mkfifo(pipe)
        got = self.in_background(pipe.read_bytes)
        done = harness.roost("compile", harness.model_file("iris"), "-o", pipe)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(got.result(), harness.compiled("iris").read_bytes())
        self.assertTrue(stat.S_ISFIFO(pipe.lstat().st_mode))

    def test_a_shape_from_the_request_with_an_output_of_unknown_rank_is_refused_with_what_to_do(self):
        shape = onnx.port("s", [2], onnx.INT64)
        unranked = onnx.data(1, "y") + onnx.data(2, onnx.data(1, onnx.number(1, onnx.FLOAT)))
        model = onnx.model([onnx.node("Expand", ["x", "s"], ["y"])], [],
                           [onnx.port("x", ["N"]), shape], [unranked])
        store = self.store()
        done = harness.roost("compile", store.put("m.onnx", model), "-o", store.path / "m.roost")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("the shape of output 'y' depends on data", done.stderr)
        self.assertIn("export the model with the output's type and rank", done.stderr)

    def test_one_bad_pointer_hides_no_other_model(self):
        store = self.store("iris", "wine")
        store.put("_roost/models/broken/current", b"../2")
        for flags in [], ["--json"]:
            done = harness.roost("ls", "--store", store.path, *flags)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn("broken/current holds '../2'", done.stderr)
            self.assertIn("iris", done.stdout)
            self.assertIn("wine", done.stdout)
        names = [m["name"] for m in json.loads(done.stdout)["models"]]
        self.assertEqual(names, ["iris", "wine"])


    def test_a_flood_of_failures_is_counted_in_the_log(self):
        store = self.store()
        store.put("bad.roost", b"no artifact")
        server = self.serve(store)

        def told():
            self.assertEqual(server.invoke("bad", IRIS).status, 500)
            return [e for e in server.log() if e.get("left_out")]
        line = harness.wait_until(told, "a line that says how many were left out")[0]
        self.assertEqual(line["event"], "request_failed")
        self.assertGreater(line["left_out"], 0)

    def test_metrics_are_there_when_bodies_fill_the_memory(self):
        server = self.serve(self.store("iris"), http_memory="64KiB")
        with server.raw() as slow:
            slow.send(b"POST /models/iris/invoke HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n"
                      b"\r\n" + b" " * 65535)
            harness.wait_until(lambda: server.metrics()["roost_http_memory_bytes"] >= 65535,
                               "the body to arrive")
            self.assertEqual(server.invoke("iris", IRIS).status, 503)
            self.assertEqual(server.get("/metrics").status, 200)

    def test_a_closed_standard_error_is_no_other_file(self):
        port, store = harness.free_port(), self.store("iris")
        server = subprocess.Popen(
            ["sh", "-c", 'exec "$@" 2>&-', "sh", harness.BINARY, "serve", "--store", store.path,
             "--listen", f"127.0.0.1:{port}"], env=harness.clean_env())
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)

        def connects():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        harness.wait_until(connects, "the server's start")
        self.assertEqual(os.readlink(f"/proc/{server.pid}/fd/2"), "/dev/null")

    def asks(self, one, request):
        """The answer; None from a connection that was closed meanwhile."""
        try:
            return one.send(request).reply()
        except OSError:
            return None

    def test_connections_leave_descriptors_for_the_store(self):
        few = self.store().path / "few"
        few.write_text(f'#!/bin/sh\nulimit -n 96\nexec {harness.BINARY} "$@"\n', encoding="ascii")
        few.chmod(0o755)
        with unittest.mock.patch.object(harness, "BINARY", few):
            server = self.serve(self.store("iris"))
        self.assertIn("descriptors_few", [e["event"] for e in server.log()])
        crowd = [server.raw() for _ in range(96)]
        for one in crowd:
            self.addCleanup(one.close)
        # Some are answered by the limit on connections, in no order between the loops; then the crowd
        # is as large as it gets.
        answered, _, _ = select.select([one.socket for one in crowd], [], [], harness.TIMEOUT_S)
        self.assertTrue(answered, "nobody was refused")
        refused = next(one for one in crowd if one.socket is answered[0]).reply()
        self.assertEqual(refused.status, 503)
        self.assertIn("connections", refused.error())
        for name in "x-request-id", "server-timing", "x-roost-cache", "retry-after":
            self.assertIn(name, refused.headers)
        # Whoever of the others was let in is served, the store's file included.
        body = json.dumps(IRIS)
        request = ("POST /models/iris/invoke HTTP/1.1\r\nHost: x\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
        replies = [self.asks(one, request) for one in crowd if one.socket not in answered]
        served = [reply for reply in replies if reply and reply.status == 200]
        self.assertTrue(served, "nobody was served")
        self.assertEqual(served[0].headers["x-roost-cache"], "miss")


class Clients(harness.Case):
    def test_a_java_client_that_chose_no_accept_is_answered(self):
        server = self.serve(self.store("iris"))
        reply = server.invoke("iris", IRIS, headers={"accept": JAVA_ACCEPT})
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(reply.headers["content-type"], "application/json")

    def test_a_packed_body_is_named_as_such(self):
        server = self.serve(self.store("iris"))
        reply = server.invoke("iris", IRIS, headers={"content-encoding": "gzip"})
        self.assertEqual(reply.status, 415, reply)
        self.assertIn("Content-Encoding", reply.error())

    def test_an_empty_batch_gives_an_empty_answer(self):
        server = self.serve(self.store("iris"))
        reply = server.invoke("iris", {"instances": []})
        self.assertEqual((reply.status, reply.json()), (200, {"predictions": []}), reply)
