# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""`roost show --graph`: pictures that any XML reader takes, whatever the model's names are."""

import json
import pathlib
import re
import tempfile
import xml.etree.ElementTree as xml

import harness
import tiny_onnx as onnx
from harness import roost

SVG = "{http://www.w3.org/2000/svg}"


def hostile(name):
    """y = relu(x) in which every name is `name`, with something behind it to tell them apart."""
    node = onnx.node("Relu", [name + "x"], [name + "y"]) + onnx.data(3, name)
    return onnx.model([node], [], [onnx.port(name + "x", [name, 4])],
                      [onnx.port(name + "y", [name, 4])])


class Graph(harness.Case):

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="roost-graph-")
        self.addCleanup(self.dir.cleanup)
        self.path = pathlib.Path(self.dir.name)

    def draw(self, model, name):
        """The picture's text, and what `show --json` says beside it."""
        out = self.path / name
        done = roost("show", model, "--json", "--graph", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        return out.read_text(encoding="utf-8"), json.loads(done.stdout)

    def panels(self, text):
        """Of each panel: its caption, and how many inputs, nodes and outputs it has."""
        root = xml.fromstring(text)
        found = []
        for panel in root.iter(SVG + "g"):
            if panel.get("class") == "graph":
                counts = [sum(g.get("class") == c for g in panel.iter(SVG + "g"))
                          for c in ("input", "node", "output")]
                found.append((panel.find(SVG + "text").text, *counts))
        return found

    def test_every_model_is_drawn_beside_its_source(self):
        for name in harness.model_names():
            text, known = self.draw(harness.model_file(name), f"{name}.svg")
            count = sum(known["operators"].values())
            ports = len(known["inputs"]), len(known["outputs"])
            source, compiled = self.panels(text)
            self.assertTrue(source[0].startswith("source: "), source)
            self.assertEqual((source[1], source[3]), ports)
            self.assertGreaterEqual(source[2], compiled[2])
            self.assertEqual(compiled[1:], (ports[0], count, ports[1]))
            self.assertTrue(compiled[0].startswith(f"compiled: {count} instruction"), compiled)
            again, _ = self.draw(harness.model_file(name), "again.svg")
            self.assertEqual(text, again)

    def test_an_artifact_is_drawn_alone(self):
        text, known = self.draw(harness.compiled("iris"), "iris.svg")
        count = sum(known["operators"].values())
        self.assertEqual(self.panels(text),
                         [(f"compiled: {count} instructions", 1, count, 1)])
        self.assertIn(">N\u00d74<", text)
        self.assertIn(">iris.roost<", self.draw_as("iris.roost"))

    def draw_as(self, name):
        path = self.path / name
        path.write_bytes(harness.compiled("iris").read_bytes())
        return self.draw(path, "named.svg")[0]

    def test_dot_holds_the_same_graph(self):
        text, known = self.draw(harness.model_file("iris"), "iris.dot")
        self.assertTrue(text.startswith("digraph model {"))
        self.assertEqual(text.count("subgraph cluster_"), 2)
        count = sum(known["operators"].values())
        self.assertEqual(len(re.findall(r"^    p1_\d+ \[label=", text, re.M)), count + 2)
        self.assertEqual(len(re.findall(r"^    p1_\d+ -> p1_\d+", text, re.M)), count + 1)

    def test_names_of_strangers_stay_words(self):
        for i, name in enumerate(("</text><script>alert(1)</script>", "\"];}evil[label=\"", "&amp;&#0;",
                                  "]]>", "<!--", "\\", "\\\"", "\u202egnp", "\ufffe\uffff", "'onload='x",
                                  "\U0001f600" * 60, "%s%n", "x" * 200)):
            model = self.path / f"{i}.onnx"
            model.write_bytes(hostile(name))
            text, _ = self.draw(model, f"{i}.svg")
            self.assertEqual([p[1:] for p in self.panels(text)], [(1, 1, 1)] * 2)
            root = xml.fromstring(text)
            tags = {e.tag[len(SVG):] for e in root.iter()}
            self.assertLessEqual(tags, {"svg", "style", "rect", "g", "text", "path"})
            for element in root.iter():
                for key, value in element.attrib.items():
                    self.assertIn(key, ("class", "x", "y", "d", "width", "height", "rx", "fill",
                                        "transform", "viewBox"))
                    self.assertNotIn("script", value)
            self.assertNotIn("\u202e", text)
            dot, _ = self.draw(model, f"{i}.dot")
            bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', dot)
            self.assertEqual(bare.count('"') % 2, 0)
            self.assertNotIn("evil", bare)
            self.assertEqual(len(re.findall(r"^    p[01]_\d+ ->", dot, re.M)), 4)

    def test_wrong_use_is_named(self):
        for args, words in (([harness.compiled("iris"), "--graph", self.path / "x.png"],
                             "neither in .svg nor in .dot"),
                            (["iris", "--graph", self.path / "x.svg"], "draws a file")):
            done = roost("show", *args, env={"ROOST_SERVER": "127.0.0.1:1"})
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr)
        done = roost("show", harness.compiled("iris"), "--graph", self.path / "no" / "x.svg")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(list(self.path.iterdir()), [])
