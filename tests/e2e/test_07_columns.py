# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Requests by the framework's own names of columns: JSON objects and CSV with a header answer what
the same rows by position answer."""

import json

import harness
import tiny_onnx

HEADER = "text/csv; header=present"


def recorded(name):
    folder = harness.MODELS / name
    rows = json.loads((folder / "request.json").read_text())["instances"]
    return rows, json.loads((folder / "answer.json").read_text())["predictions"]


class Columns(harness.Case):
    MODELS = ("breast-cancer", "diabetes")

    def setUp(self):
        self.server = self.serve(self.store(*self.MODELS, "iris"))

    def names(self, model):
        self.server.load(model)
        return self.server.describe(model).json()["inputs"][0]["columns"]

    def answer(self, model, body, content_type="application/json"):
        reply = self.server.invoke(model, body, content_type, {"accept": "application/json"})
        self.assertEqual(reply.status, 200, reply)
        return reply.json()["predictions"]

    def refused(self, model, body, words, content_type="application/json"):
        reply = self.server.invoke(model, body, content_type)
        self.assertEqual(reply.status, 400, reply)
        self.assertIn(words, reply.error())

    def test_names_are_told(self):
        self.assertEqual(self.names("diabetes"),
                         ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"])
        shown = harness.roost("show", harness.model_file("diabetes"))
        self.assertIn("age, sex, bmi", shown.stdout)
        self.server.load("iris")
        self.assertNotIn("columns", self.server.describe("iris").json()["inputs"][0])

    def test_objects_in_any_order_answer_as_rows(self):
        for model in self.MODELS:
            names = self.names(model)
            rows, expected = recorded(model)
            objects = [dict(zip(names, row)) for row in rows]
            turned = [dict(reversed(o.items())) for o in objects]
            with self.subTest(model=model):
                self.assertClose(self.answer(model, {"instances": objects}), expected)
                self.assertClose(self.answer(model, turned), expected)

    def test_a_header_in_any_order_answers_as_rows(self):
        for model in self.MODELS:
            names = self.names(model)
            rows, expected = recorded(model)
            for order in (range(len(names)), range(len(names) - 1, -1, -1)):
                text = ",".join(names[i] for i in order) + "\n"
                text += "".join(",".join(repr(row[i]) for i in order) + "\n" for row in rows)
                self.assertClose(self.answer(model, text, HEADER), expected)

    def test_what_does_not_come_is_missing(self):
        rows, _ = recorded("diabetes")
        names = self.names("diabetes")
        holes = [[None if i % 3 == 0 else v for i, v in enumerate(row)] for row in rows]
        expected = self.answer("diabetes", holes)
        objects = [{n: v for n, v in zip(names, row) if v is not None} for row in holes]
        self.assertEqual(self.answer("diabetes", objects), expected)
        kept = [i for i in range(len(names)) if i % 3]
        text = ",".join(names[i] for i in kept) + "\n"
        text += "".join(",".join(repr(row[i]) for i in kept) + "\n" for row in rows)
        self.assertEqual(self.answer("diabetes", text, HEADER), expected)

    def test_wrong_names_are_refused(self):
        self.refused("diabetes", '[{"agee": 1}]', "no column 'agee'")
        self.refused("diabetes", '[{"age": 1, "age": 2}]', "'age' came twice")
        self.refused("diabetes", "age,agee\n1,2\n", "no column 'agee'", HEADER)
        self.refused("diabetes", "age,age\n1,2\n", "'age' came twice", HEADER)
        self.refused("iris", '[{"age": 1}]', "no input 'age'")

    def test_a_table_of_one_column_inputs(self):
        """As converters from scikit-learn write the columns of a data frame."""
        store = self.store()
        path = store.path.parent / "table.onnx"
        path.write_bytes(tiny_onnx.model(
            [tiny_onnx.node("Add", ["age", "income"], ["y"])], [],
            [tiny_onnx.port("age", ["N", 1]), tiny_onnx.port("income", ["N", 1])],
            [tiny_onnx.port("y", ["N", 1])]))
        store.add("table", path)
        self.server = self.serve(store)
        want = [[11.0], [22.0]]
        arrays = [{"income": [10], "age": [1]}, {"age": [2], "income": [20]}]
        self.assertClose(self.answer("table", {"instances": arrays}), want)
        bare = [{"income": 10, "age": 1}, {"age": 2, "income": 20}]
        self.assertClose(self.answer("table", {"instances": bare}), want)
        self.assertClose(self.answer("table", "income,age\n10,1\n20,2\n", HEADER), want)
        self.assertClose(self.answer("table", "1,10\n2,20\n", "text/csv"), want)
        self.refused("table", "income\n10\n", "input 'age' is missing", HEADER)
