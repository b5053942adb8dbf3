# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Every model in models/ answers what its framework answered, in each form of body."""

import csv
import io
import json
import struct

import harness


def recorded(name):
    folder = harness.MODELS / name
    return (json.loads((folder / "request.json").read_text()),
            json.loads((folder / "answer.json").read_text()))


def rows_of(instances):
    """Each instance as one flat row."""
    def flat(value):
        return [x for v in value for x in flat(v)] if isinstance(value, list) else [value]
    return [flat(i) for i in instances]


def npy_of(instances):
    """A version 1.0 .npy file of float32."""
    shape, inner = [], instances
    while isinstance(inner, list):
        shape.append(len(inner))
        inner = inner[0]
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {tuple(shape)!r}, }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    values = [x for row in rows_of(instances) for x in row]
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
            + struct.pack(f"<{len(values)}f", *values))


def read_npy(data):
    """Header text and the float32 values of a .npy file."""
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:16]
    length, = struct.unpack_from("<H", data, 8)
    values = data[10 + length:]
    return data[10:10 + length].decode(), struct.unpack(f"<{len(values) // 4}f", values)


class Models(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.names = harness.model_names()

    def setUp(self):
        self.server = self.serve(self.store(*self.names))

    def test_there_are_five(self):
        self.assertEqual(self.names, ["breast-cancer", "diabetes", "digits", "iris", "wine"])

    def test_json(self):
        for name in self.names:
            request, answer = recorded(name)
            for cache in ("miss", "hit"):
                with self.subTest(model=name, cache=cache):
                    reply = self.server.invoke(name, request)
                    self.assertEqual(reply.status, 200, reply)
                    self.assertEqual(reply.headers["content-type"].split(";")[0],
                                     "application/json")
                    self.assertEqual(reply.headers["x-roost-cache"], cache)
                    self.assertClose(reply.json(), answer)

    def test_a_bare_array_means_instances(self):
        for name in self.names:
            request, answer = recorded(name)
            with self.subTest(model=name):
                reply = self.server.invoke(name, request["instances"])
                self.assertEqual(reply.status, 200, reply)
                self.assertClose(reply.json(), answer)

    def test_inputs_by_name_and_the_v2_form(self):
        for name in self.names:
            request, answer = recorded(name)
            self.assertEqual(self.server.load(name).status, 200)
            known = self.server.describe(name).json()
            port, out = known["inputs"][0], known["outputs"][0]["name"]
            with self.subTest(model=name, form="inputs"):
                reply = self.server.invoke(name, {"inputs": {port["name"]: request["instances"]}})
                self.assertEqual(reply.status, 200, reply)
                self.assertClose(reply.json(), {"outputs": {out: answer["predictions"]}})
            shape = [len(request["instances"])] + port["shape"][1:]
            data = [x for row in rows_of(request["instances"]) for x in row]
            with self.subTest(model=name, form="v2"):
                reply = self.server.invoke(name, {"id": "a-1", "inputs": [
                    {"name": port["name"], "datatype": "FP32", "shape": shape, "data": data}]})
                self.assertEqual(reply.status, 200, reply)
                body = reply.json()
                self.assertEqual((body["id"], body["model_name"]), ("a-1", name))
                self.assertEqual(body["outputs"][0]["datatype"], "FP32")
                got = body["outputs"][0]["data"]
                self.assertClose(got, [x for r in rows_of(answer["predictions"]) for x in r])

    def test_csv(self):
        for name in self.names:
            request, answer = recorded(name)
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(rows_of(request["instances"]))
            with self.subTest(model=name):
                reply = self.server.invoke(name, text.getvalue(), "text/csv")
                self.assertEqual(reply.status, 200, reply)
                self.assertEqual(reply.headers["content-type"].split(";")[0], "text/csv")
                got = [[float(x) for x in row] for row in csv.reader(
                    io.StringIO(reply.body.decode())) if row]
                self.assertClose(got, rows_of(answer["predictions"]))

    def test_npy(self):
        for name in self.names:
            request, answer = recorded(name)
            with self.subTest(model=name):
                reply = self.server.invoke(name, npy_of(request["instances"]), "application/x-npy")
                self.assertEqual(reply.status, 200, reply)
                self.assertEqual(reply.headers["content-type"], "application/x-npy")
                header, values = read_npy(reply.body)
                self.assertIn("'descr': '<f4'", header)
                self.assertClose(list(values),
                                 [x for r in rows_of(answer["predictions"]) for x in r])

    def test_the_recorded_answers_could_fail(self):
        """A wrong number in the request changes the answer by more than the tolerance."""
        request, answer = recorded("iris")
        request["instances"][0][2] += 0.5
        reply = self.server.invoke("iris", request)
        with self.assertRaises(AssertionError):
            self.assertClose(reply.json(), answer)
