# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Every verb, its output in both forms, and its exit status."""

import json
import os
import pathlib
import pty
import socket
import subprocess
import tempfile

import harness
from harness import MODELS, roost

VERBS = ["serve", "compile", "verify", "show", "run", "ls", "ps", "load", "unload", "bench", "replay",
         "version"]


class Plain(harness.Case):
    """What needs no server."""

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="roost-cli-")
        self.addCleanup(self.dir.cleanup)
        self.path = pathlib.Path(self.dir.name)

    def fails(self, code, words, *args, **kw):
        done = roost(*args, **kw)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertTrue(done.stderr.startswith("roost: "), done.stderr)
        self.assertIn(words, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done

    def works(self, *args, **kw):
        done = roost(*args, **kw)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_help_names_every_verb_and_each_has_its_own(self):
        overview = self.works("help")
        self.assertEqual(overview, self.works())
        for verb in VERBS:
            self.assertIn(f"\n  {verb} ", overview)
            text = self.works(verb, "--help")
            self.assertIn(f"usage: roost {verb}", text)
            self.assertEqual(text, self.works("help", verb))

    def test_wrong_usage_is_2_and_names_the_next_command(self):
        self.fails(2, "unknown verb 'srve'; `roost help`", "srve")
        self.fails(2, "unknown option '--prot'; see `roost serve --help`", "serve", "--prot", "1")
        self.fails(2, "usage: roost compile", "compile")
        self.fails(2, "-o OUT.roost", "compile", harness.model_file("iris"))
        self.fails(2, "unknown format", "compile", "x", "-o", "y", "--format", "tf")
        self.fails(2, "unknown pass", "compile", "x", "-o", "y", "--without", "no_such")
        self.fails(2, "--seconds", "bench", harness.compiled("iris"), "--seconds", "0")
        self.fails(2, "segment", "show", "a/b/c", env={"ROOST_SERVER": "127.0.0.1:1"})

    def test_compile_explains_itself(self):
        made = self.path / "explained.roost"
        text = self.works("compile", harness.model_file("iris"), "-o", made, "--explain")
        for word in ("drop_dead", "fuse_gemm", "weights", "arena", "FLOP", "alive at once"):
            self.assertIn(word, text)
        out = json.loads(self.works("compile", harness.model_file("iris"), "-o", made, "--explain",
                                    "--json"))
        last = out["passes"][-1]
        self.assertFalse(last["changed"])
        self.assertEqual(last["nodes_after"], out["instructions"])
        self.assertGreater(out["estimate"]["flops"], 0)
        self.assertGreaterEqual(out["estimate"]["plan_ratio"], 1)
        plain = json.loads(self.works("compile", harness.model_file("iris"), "-o", made, "--explain",
                                      "--without", "all", "--json"))
        self.assertEqual(plain["passes"], [])
        self.assertGreater(plain["instructions"], out["instructions"])
        row = self.works("run", made, "--csv", stdin=b"5.1,3.5,1.4,0.2\n")
        same = self.works("run", harness.compiled("iris"), "--csv", stdin=b"5.1,3.5,1.4,0.2\n")
        for got, want in zip(row.split(","), same.split(","), strict=True):  # sums in another order
            self.assertAlmostEqual(float(got), float(want), delta=1e-5 * abs(float(want)))

    def test_compile_is_deterministic_and_whole_or_not_at_all(self):
        one, two = self.path / "1.roost", self.path / "2.roost"
        out = json.loads(self.works("compile", harness.model_file("iris"), "-o", one, "--json"))
        self.works("compile", harness.model_file("iris"), "-o", two)
        self.assertEqual(one.read_bytes(), two.read_bytes())
        self.assertEqual(out["bytes"], len(one.read_bytes()))
        bad = self.path / "bad.onnx"
        bad.write_bytes(b"\x08\x07\x12")
        self.fails(1, "bad.onnx", "compile", bad, "-o", self.path / "bad.roost")
        self.fails(1, "missing.onnx", "compile", self.path / "missing.onnx", "-o", "x.roost")
        self.assertEqual(sorted(p.name for p in self.path.iterdir()),
                         ["1.roost", "2.roost", "bad.onnx"])

    def test_show_a_file(self):
        text = self.works("show", harness.compiled("iris"))
        self.assertIn("x float32[N,4]", text)
        self.assertIn("Softmax x 1", text)
        known = json.loads(self.works("show", "--json", harness.compiled("iris")))
        self.assertEqual(known["inputs"], [{"name": "x", "dtype": "float32", "shape": ["N", 4]}])
        self.assertEqual(known["operators"]["Softmax"], 1)
        self.assertEqual(known["cost"]["file_bytes"],
                         harness.compiled("iris").stat().st_size)
        self.assertEqual(known["provenance"]["source"]["format"], "onnx")

    def test_run_a_file(self):
        answer = json.loads((MODELS / "iris/answer.json").read_text())
        request = MODELS / "iris/request.json"
        for what in (harness.compiled("iris"), harness.model_file("iris")):
            self.assertClose(json.loads(self.works("run", what, "-i", request)), answer)
        rows = self.works("run", harness.compiled("iris"), "--csv", stdin=b"5.1,3.5,1.4,0.2\n")
        self.assertClose([float(x) for x in rows.split(",")], answer["predictions"][0])
        rows = self.works("run", harness.compiled("iris"), "-i", request, "--accept", "csv")
        self.assertEqual(len(rows.splitlines()), 3)
        self.fails(1, "x", "run", harness.compiled("iris"), stdin=b'{"instances": [[1, 2]]}')

    def test_ls(self):
        store = self.store("iris")
        store.add("acme/churn", "wine")
        names = [row.split()[0] for row in self.works("ls", "--store", store.path).splitlines()]
        self.assertEqual(names, ["MODEL", "acme/churn", "iris"])
        rows = json.loads(self.works("ls", "--store", store.path, "--json"))["models"]
        self.assertEqual([r["name"] for r in rows], ["acme/churn", "iris"])
        self.assertEqual(rows[1]["bytes"], harness.compiled("iris").stat().st_size)
        self.assertEqual(names[1:], [r.split()[0] for r in self.works(
            "ls", env={"ROOST_STORE": str(store.path)}).splitlines()[1:]])
        self.fails(1, "--store", "ls", "--store", self.path / "nowhere")
        empty = roost("ls", "--store", self.path)
        self.assertEqual((empty.returncode, empty.stdout), (0, ""))
        self.assertIn("roost compile", empty.stderr)

    def test_bench(self):
        out = json.loads(self.works("bench", harness.compiled("iris"), "--seconds", "1", "--batch",
                                    "2", "--json"))
        self.assertEqual(out["batch"], 2)
        self.assertGreater(out["runs"], 0)
        self.assertGreater(out["median_us"], 0)
        self.assertLessEqual(out["median_us"], out["p90_us"])
        self.assertLessEqual(out["p90_us"], out["p99_us"])
        self.assertGreater(out["resident_bytes"], 0)
        store = self.store("iris")
        text = self.works("bench", "iris", "--store", store.path, "--seconds", "1")
        for word in ("median", "p90", "p99", "load", "resident"):
            self.assertIn(word, text)

    def test_version(self):
        self.assertTrue(self.works("version").startswith("roost 0."))
        self.assertEqual(self.works("version"), self.works("--version"))
        self.assertIn("roost", json.loads(self.works("version", "--json")))

    def test_no_blas_is_loaded_beside_the_serial_one_inside(self):
        linked = subprocess.run(["ldd", str(harness.BINARY)], capture_output=True, text=True,
                                check=True).stdout
        self.assertIn("libc.so", linked)
        self.assertNotIn("blas", linked.lower())
        self.assertIn("SINGLE_THREADED", self.works("version"))

    def test_no_server_is_69(self):
        nobody = f"127.0.0.1:{harness.free_port()}"
        for args in (["ps"], ["load", "iris"], ["unload", "iris"], ["show", "iris"],
                     ["run", "iris", "-i", MODELS / "iris/request.json"]):
            done = self.fails(69, nobody, *args, "--server", nobody)
            self.assertIn("`roost serve`", done.stderr)

    def test_serve_refuses_what_cannot_work(self):
        self.fails(1, "--store", "serve", "--store", self.path / "nowhere", "--listen",
                   "127.0.0.1:0")
        self.fails(2, "--listen", "serve", "--store", self.path, "--listen")
        self.fails(2, "loopback", "serve", "--store", self.path, "--listen", "0.0.0.0:0")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.fails(1, str(port), "serve", "--store", self.path, "--listen", f"127.0.0.1:{port}")

    def test_a_terminal_gets_a_progress_bar_for_what_lasts(self):
        ours, theirs = pty.openpty()
        args = [str(harness.BINARY), "bench", str(harness.compiled("iris")), "--seconds", "2"]
        done = subprocess.run(args, stdout=subprocess.PIPE, stderr=theirs, check=False,
                              env=harness.clean_env({"TERM": "xterm"}))
        os.close(theirs)
        drawn = os.read(ours, 65536)
        os.close(ours)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(drawn, rb"running \[#+\.+\] 1/2 1 s")
        self.assertTrue(drawn.endswith(b"\r\x1b[K"), drawn)  # and it is gone at the end
        self.assertEqual(roost(*args[1:]).stderr, "")         # nothing without a terminal

    def test_a_terminal_gets_colours_unless_no_color_is_set(self):
        def on_terminal(env):
            ours, theirs = pty.openpty()
            subprocess.run([str(harness.BINARY), "nonsense"], stdout=theirs, stderr=theirs,
                           env=harness.clean_env(env), check=False)
            os.close(theirs)
            text = os.read(ours, 4096)
            os.close(ours)
            return text
        self.assertIn(b"\x1b[", on_terminal({"TERM": "xterm", "NO_COLOR": ""}))
        self.assertNotIn(b"\x1b", on_terminal({"TERM": "xterm", "NO_COLOR": "1"}))
        self.assertNotIn("\x1b", roost("nonsense").stderr)


class Verify(harness.Case):
    """`roost verify` on good, wrong and impossible folders."""

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="roost-verify-")
        self.addCleanup(self.dir.cleanup)
        self.path = pathlib.Path(self.dir.name)

    def copy(self, name):
        """models/<name>'s model and reference data, in a folder of our own."""
        to = self.path / name
        for file in [harness.model_file(name), *(MODELS / name).glob("test_data_set_0/*")]:
            target = to / file.relative_to(MODELS / name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
        return to

    def verify(self, *args):
        done = roost("verify", *args)
        return done.returncode, done.stdout.splitlines()

    def test_every_model_passes(self):
        code, lines = self.verify(*(MODELS / n for n in harness.model_names()))
        self.assertEqual(code, 0, lines)
        self.assertEqual([x.split()[0] for x in lines[:-1]], ["PASS"] * 5)
        self.assertEqual(lines[-1], "5 passed, 0 failed, 0 unsupported")

    def test_a_wrong_element_is_named(self):
        folder = self.copy("iris")
        file = folder / "test_data_set_0/output_0.npy"
        data = bytearray(file.read_bytes())
        data[-1] ^= 0x40  # the last float's exponent
        file.write_bytes(data)
        code, lines = self.verify(folder)
        self.assertEqual(code, 1)
        self.assertRegex(lines[0], r"^FAIL .*output_0: 1 of \d+ elements differ, worst at \[\d+,2\]")
        self.assertEqual(lines[-1], "0 passed, 1 failed, 0 unsupported")

    def test_tolerance_decides(self):
        folder = self.copy("iris")
        self.assertEqual(self.verify(folder, "--rtol", "0", "--atol", "0.1")[0], 0)
        self.assertEqual(roost("verify", folder, "--rtol", "-1").returncode, 2)
        self.assertEqual(roost("verify", folder, "--atol", "x").returncode, 2)

    def test_folders_without_data_or_model_fail(self):
        no_set = self.copy("iris")
        for file in (no_set / "test_data_set_0").iterdir():
            file.unlink()
        (no_set / "test_data_set_0").rmdir()
        no_output = self.copy("wine")
        (no_output / "test_data_set_0/output_0.npy").unlink()
        no_input = self.copy("diabetes")
        (no_input / "test_data_set_0/input_0.npy").unlink()
        empty = self.path / "empty"
        empty.mkdir()
        code, lines = self.verify(no_set, no_output, no_input, empty, MODELS / "iris")
        self.assertEqual(code, 1)
        self.assertIn("test_data_set_", lines[0])
        self.assertIn("output_", lines[1])
        self.assertIn("input_0", lines[2])
        self.assertIn("no model", lines[3])
        self.assertEqual(lines[-1], "1 passed, 4 failed, 0 unsupported")

    def test_wrong_shape_or_dtype_fails(self):
        folder = self.copy("iris")
        file = folder / "test_data_set_0/output_0.npy"
        file.write_bytes(file.read_bytes().replace(b"'<f4'", b"'<i4'"))
        code, lines = self.verify(folder)
        self.assertEqual(code, 1)
        self.assertRegex(lines[0], r"got float32\[\d+,3\], expected int32\[\d+,3\]")

    def test_json(self):
        done = roost("verify", "--json", MODELS / "iris", MODELS / "wine")
        out = json.loads(done.stdout)
        self.assertEqual((out["passed"], out["failed"], out["unsupported"]), (2, 0, 0))
        self.assertEqual(out["results"][0]["result"], "PASS")

    def test_an_artifact_is_verified_as_it_is(self):
        folder = self.copy("iris")
        (folder / "model.onnx").unlink()
        (folder / "model.roost").write_bytes(harness.compiled("iris").read_bytes())
        self.assertEqual(self.verify(folder)[0], 0)


class Asking(harness.Case):
    """The verbs that ask a server."""

    def setUp(self):
        self.server = self.serve(self.store("iris", "wine"))
        self.env = {"ROOST_SERVER": self.server.address}

    def works(self, *args, **kw):
        done = roost(*args, env=self.env, **kw)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_load_run_ps_show_unload(self):
        empty = roost("ps", env=self.env)
        self.assertEqual((empty.returncode, empty.stdout), (0, ""))
        self.assertIn("roost run", empty.stderr)
        self.assertEqual(self.works("load", "wine"), "wine is loaded\n")
        self.assertEqual(self.works("load", "wine"), "wine was loaded already\n")
        done = roost("run", "iris", "--times", "-i", MODELS / "iris/request.json", env=self.env)
        self.assertClose(json.loads(done.stdout),
                         json.loads((MODELS / "iris/answer.json").read_text()))
        self.assertRegex(done.stderr, r"^miss  queue;dur=")
        rows = [line.split() for line in self.works("ps").splitlines()]
        self.assertEqual([r[0] for r in rows], ["MODEL", "iris", "wine"])
        self.assertEqual([r[1] for r in rows[1:]], ["resident", "resident"])
        known = json.loads(self.works("ps", "--json"))["models"]
        self.assertEqual([m["modelName"] for m in known], ["iris", "wine"])
        self.assertGreater(known[0]["bytes"], 0)
        self.assertIn("resident", self.works("show", "iris"))
        self.assertEqual(json.loads(self.works("show", "iris", "--json"))["state"], "resident")
        self.assertEqual(self.works("unload", "wine"), "wine is unloaded\n")
        self.assertNotIn("wine", self.works("ps"))
        self.assertIn("wine", self.works("ps", "--all"))

    def test_many_models_are_listed_over_pages(self):
        store = harness.Store()
        self.addCleanup(store.free)
        names = [f"tenant-{i % 7}/model-{i:03}" for i in range(230)]
        for name in names:
            store.add(name, "wine")
        server = self.serve(store)
        for name in names:
            self.assertEqual(server.load(name).status, 200)
        known = json.loads(roost("ps", "--json", "--server", server.address).stdout)["models"]
        self.assertEqual([m["modelName"] for m in known], sorted(names))

    def test_what_the_server_refuses_is_1_with_its_words(self):
        request = MODELS / "iris/request.json"
        for args, words in ((["run", "nope", "-i", request], "`roost ls`"),
                            (["load", "nope"], "`roost ls`"),
                            (["unload", "iris"], "`roost ps`"),
                            (["show", "nope"], "nope"),
                            (["run", "wine", "-i", request], "HTTP 400")):
            done = roost(*args, env=self.env)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(words, done.stderr)
