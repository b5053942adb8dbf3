# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Bad input through the whole server: refused by name, and nothing else suffers."""

import json

import harness
import tiny_onnx

IRIS = [[5.1, 3.5, 1.4, 0.2]]


class BadInput(harness.Case):
    def compiled_bytes(self, store, name, onnx):
        source = store.path / f"{name}.onnx"
        source.write_bytes(onnx)
        done = harness.roost("compile", source, "-o", store.path / f"{name}.roost")
        self.assertEqual(done.returncode, 0, done.stderr)
        source.unlink()

    def test_an_index_from_the_request_is_held_to_its_extent(self):
        store = self.store("iris")
        self.compiled_bytes(store, "rows", tiny_onnx.gather_rows(5))
        server = self.serve(store)
        self.assertEqual(server.invoke("rows", [0, 4, -5]).json(),
                         {"predictions": [[0.0, 0.0], [4.0, 4.0], [0.0, 0.0]]})
        for index in (5, -6, 2**31, -2**63, 2**63 - 1):
            reply = server.invoke("rows", [0, index])
            self.assertEqual(reply.status, 400, (index, reply))
            self.assertIn(str(index), reply.error())
        self.assertEqual(server.invoke("iris", IRIS).status, 200)

    def test_a_shape_from_the_request_is_taken_or_refused_by_name(self):
        store = self.store("iris")
        self.compiled_bytes(store, "reshape", tiny_onnx.model(
            [tiny_onnx.node("Relu", ["x"], ["r"]), tiny_onnx.node("Reshape", ["r", "s"], ["y"])], [],
            [tiny_onnx.port("x", ["N"]), tiny_onnx.port("s", ["R"], tiny_onnx.INT64)],
            [tiny_onnx.port("y", ["A", "B"])]))
        server = self.serve(store)

        def ask(shape):
            return server.invoke("reshape", {"inputs": {"x": [-1, 2, 3, 4, 5, 6], "s": shape}})

        self.assertEqual(ask([2, 3]).json(), {"outputs": {"y": [[0, 2, 3], [4, 5, 6]]}})
        self.assertEqual(ask([3, -1]).json(), {"outputs": {"y": [[0, 2], [3, 4], [5, 6]]}})
        for shape in ([4, 2], [-1, -1], [-2, -3], [2**62, 2**62], [-2**63, 3], [2**63 - 1, 0]):
            reply = ask(shape)
            self.assertEqual(reply.status, 400, (shape, reply))
            self.assertIn("Reshape", reply.error())
        self.assertEqual(ask([1] * 9).status, 400)
        reply = ask([6])
        self.assertEqual(reply.status, 400)
        self.assertIn('output "y" came out as float32[6]', reply.error())
        self.assertEqual(ask([6, 1]).status, 200)
        self.assertEqual(server.invoke("iris", IRIS).status, 200)

    def test_a_csv_row_of_the_wrong_width_is_named(self):
        server = self.serve(self.store("iris"))
        for body, words in (("1,2,3,4,5\n", "row 1"), ("1,2,3,4\n1,2,3\n", "row 2"),
                            ("1,2,3,4\n" + "1," * 5000 + "1\n", "row 2")):
            reply = server.invoke("iris", body, "text/csv")
            self.assertEqual(reply.status, 400, reply)
            self.assertIn(words, reply.error())
            self.assertIn("expected 4", reply.error())

    def test_a_damaged_artifact_costs_no_other_model_anything(self):
        store = self.store("iris", "wine")
        whole = (store.path / "wine.roost").read_bytes()
        for cut in (0, 1, 4095, 4096, len(whole) - 1):
            store.put(f"cut{cut}.roost", whole[:cut])
        for at in (0, 9, 40, 200, 4100, len(whole) - 70):
            store.put(f"flip{at}.roost", whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        server = self.serve(store)
        want = server.invoke("iris", IRIS).body
        bad = [p.stem for p in store.path.glob("[cf]*[0-9].roost")]
        self.assertEqual(len(bad), 11)
        for name in bad:
            reply = server.invoke(name, IRIS)
            self.assertEqual(reply.status, 500, (name, reply))
            self.assertIn("retry-after", reply.headers)
            self.assertNotIn("section", reply.error())
            self.assertEqual(server.state(name), "failed")
            self.assertTrue(server.describe(name).json()["error"]["message"])
            self.assertEqual(server.invoke("iris", IRIS).body, want)
        used = server.metrics()
        self.assertEqual(used['roost_cache_used_bytes{tier="host",class="reserved"}'], 0)
        self.assertEqual(used['roost_cache_models{tier="host",state="resident"}'], 1)

    def test_a_request_cut_at_every_byte_of_its_head_is_right(self):
        server = self.serve(self.store("iris"))
        body = json.dumps(IRIS).encode()
        request = (b"POST /models/iris/invoke?a=%%20b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n"
                   b"Content-Type: application/json\r\n\r\n" % len(body)) + body
        want = server.invoke("iris", IRIS).body
        head = request.index(b"\r\n\r\n") + 4
        with server.raw() as other:
            for cut in range(1, head + 1):
                with server.raw() as client:
                    client.send(request[:cut])
                    # Answered by a loop that has had the time to read the first part.
                    other.send(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
                    self.assertEqual(other.reply().status, 200)
                    client.send(request[cut:])
                    reply = client.reply()
                    self.assertEqual((reply.status, reply.body), (200, want), cut)
