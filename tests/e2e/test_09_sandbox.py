# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Model files that mean harm are an error message of `roost compile` and nothing else."""

import json
import os
import pathlib
import signal
import struct
import subprocess
import tempfile

import harness
import tiny_onnx as onnx
from harness import MODELS, SANITIZED, roost

INT64 = 7


def filled(dims):
    """y = a tensor of zeros with these dims, which the compiler would compute: a bomb of a few bytes."""
    shape = struct.pack(f"<{len(dims)}q", *dims)
    shape = (onnx.number(1, len(dims)) + onnx.number(2, INT64) + onnx.data(8, "shape") +
             onnx.data(9, shape))
    return onnx.model([onnx.node("ConstantOfShape", ["shape"], ["zeros"]),
                       onnx.node("ReduceSum", ["zeros"], ["sum"]),
                       onnx.node("Add", ["x", "sum"], ["y"])], [shape],
                      [onnx.port("x", ["N", 1])], [onnx.port("y", ["N", 1])])


def slow(side=1536, times=64):
    """y = x . W^times: all products but the last are the compiler's work."""
    names = ["w"] + [f"w{i}" for i in range(times)]
    nodes = [onnx.node("MatMul", [a, "w"], [b]) for a, b in zip(names, names[1:])]
    return onnx.model(nodes + [onnx.node("MatMul", ["x", names[-1]], ["y"])],
                      [onnx.tensor("w", [side, side], bytes(4 * side * side))],
                      [onnx.port("x", ["N", side])], [onnx.port("y", ["N", side])])


def status_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines())


def children_of(pid):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            if f"\nPPid:\t{pid}\n" in path.read_text():
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found


def alive(pid):
    try:
        return status_of(pid)["State"][0] not in "ZX"
    except OSError:
        return False


class Sandbox(harness.Case):

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="roost-sandbox-")
        self.addCleanup(self.dir.cleanup)
        self.path = pathlib.Path(self.dir.name)
        self.out = self.path / "out.roost"

    def write(self, name, data):
        path = self.path / name
        path.write_bytes(data)
        return path

    def refused(self, words, *args):
        done = roost("compile", "-o", self.out, *args)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertFalse(self.out.exists())

    def test_the_artifact_is_the_same_without(self):
        for name in harness.model_names():
            files = []
            for mode in ("on", "off"):
                files.append(self.path / f"{name}.{mode}")
                done = roost("compile", harness.model_file(name), "-o", files[-1], "--json",
                             "--sandbox", mode)
                self.assertEqual(done.returncode, 0, done.stderr)
                said = json.loads(done.stdout)["sandbox"]
                self.assertEqual(said == "off", mode == "off")
                if mode == "on" and not SANITIZED:
                    self.assertIn("limits of memory and time, seccomp", said)
            self.assertEqual(files[0].read_bytes(), files[1].read_bytes())

    def test_a_pipe_and_standard_input_are_read_too(self):
        model = harness.model_file("iris")
        done = roost("compile", "-", "-o", self.out, stdin=model.read_bytes())
        self.assertEqual(done.returncode, 0, done.stderr)
        fifo = self.path / "model.onnx"
        os.mkfifo(fifo)
        with subprocess.Popen(["cp", str(model), str(fifo)]) as writer:
            done = roost("compile", fifo, "-o", self.path / "fifo.roost")
            self.assertEqual((done.returncode, writer.wait()), (0, 0), done.stderr)
        self.assertEqual(self.out.read_bytes(), (self.path / "fifo.roost").read_bytes())

    def test_wrong_options_are_named(self):
        for option, value, words in (("--sandbox", "maybe", "neither on nor off"),
                                     ("--compile-memory", "1MiB", "at least 16MiB"),
                                     ("--compile-memory", "x", "--compile-memory"),
                                     ("--compile-time", "0", "at least"),
                                     ("--compile-time", "5", "--compile-time")):
            for verb in (["compile", "-o", self.out], ["show"], ["bench"], ["run"], ["verify"]):
                done = roost(*verb, harness.model_file("iris"), option, value)
                self.assertEqual(done.returncode, 2, (verb, option, value, done.stderr))
                self.assertIn(words, done.stderr)

    def test_a_bomb_is_not_lit(self):
        """Sizes that no file holds: refused, or left to a run, whose memory has a bound of its own."""
        for i, dims in enumerate(([1 << 40], [1 << 31, 8], [1 << 10, 1 << 10, 1 << 10])):
            done = roost("compile", self.write(f"bomb{i}.onnx", filled(dims)), "-o", self.out)
            self.assertIn(done.returncode, (0, 1), done.stderr)
            self.assertNotIn("crashed", done.stderr)
            self.assertNotIn("system call", done.stderr)
        self.out.unlink(missing_ok=True)
        self.refused("bomb.onnx: ", self.write("bomb.onnx", filled([1 << 40, 1 << 40])))

    def test_a_declared_size_takes_no_memory(self):
        lie = (onnx.number(1, 1 << 50) + onnx.number(2, 1) + onnx.data(8, "w") + onnx.data(9, b""))
        model = onnx.model([onnx.node("Add", ["x", "w"], ["y"])], [lie], [onnx.port("x", ["N", 1])],
                           [onnx.port("y", ["N", 1])])
        self.refused("lie.onnx", self.write("lie.onnx", model))

    def test_what_needs_more_memory_than_it_may_use_is_refused(self):
        if SANITIZED:
            self.skipTest("sanitizer builds have no memory limit")
        model = self.write("wide.onnx", onnx.scaled_square(2, 2500))  # 25 MB of weights
        self.refused("it needs more than the 16 MiB it may use", model, "--compile-memory", "16MiB")
        done = roost("compile", model, "-o", self.out)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_what_takes_too_long_is_refused(self):
        model = self.write("slow.onnx", slow())
        self.refused("it takes longer than the 0.1 s it has", model, "--compile-time", "100ms")

    def test_deep_nesting_is_refused(self):
        deep = b""
        for _ in range(20000):
            deep = onnx.data(7, deep)
        self.refused("deep.onnx", self.write("deep.onnx", deep))
        self.refused("deep.json", self.write("deep.json", b'{"learner":' + b"[" * 1000000))
        self.refused("deep.ubj", self.write("deep.ubj", b"{L\0\0\0\0\0\0\0\x07learner" + b"[" * 1000000))

    def test_the_child_can_reach_nothing_and_ends_with_its_parent(self):
        model = self.write("slow.onnx", slow(times=400))
        args = [str(harness.BINARY), "compile", str(model), "-o", str(self.out)]
        with subprocess.Popen(args, env=harness.clean_env()) as parent:
            def confined():
                for child in children_of(parent.pid):
                    now = status_of(child)  # the last guard: of sanitizers, that its rights are gone
                    if now["Seccomp"] == "2" or SANITIZED and int(now["CapEff"], 16) == 0:
                        return child
                self.assertIsNone(parent.poll(), "it compiled before it was looked at")
                return None
            child = harness.wait_until(confined, "a confined child")
            status = status_of(child)
            self.assertEqual(status["NoNewPrivs"], "1")
            self.assertEqual(int(status["CapEff"], 16), 0)
            self.assertEqual(int(status["CapPrm"], 16), 0)
            self.assertEqual(status["Threads"], "1")
            if os.geteuid() == 0:
                held = sorted(os.listdir(f"/proc/{child}/fd"), key=int)
                self.assertEqual(held, ["0", "1", "2", "3", "4"])
            parent.send_signal(signal.SIGKILL)
        harness.wait_until(lambda: not alive(child), "the child's end")

    def test_nobody_can_compile(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to become somebody else")
        os.chmod(self.path, 0o777)
        model = self.write("model.onnx", harness.model_file("iris").read_bytes())
        model.chmod(0o644)
        try:
            done = subprocess.run([str(harness.BINARY), "compile", str(model), "-o", str(self.out),
                                   "--json"], capture_output=True, env=harness.clean_env(),
                                  user=65534, group=65534, extra_groups=[], check=False)
        except PermissionError:
            self.skipTest("the binary is not readable for others")
        self.assertEqual(done.returncode, 0, done.stderr)
        if not SANITIZED:
            self.assertIn("limits of memory and time, seccomp", json.loads(done.stdout)["sandbox"])

    def test_the_other_verbs_compile_in_it_too(self):
        model = self.write("model.onnx", harness.model_file("iris").read_bytes())
        for args in (["show", model], ["run", model], ["bench", model]):
            done = roost(*args, "--compile-time", "1us", stdin=b"{}")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("the compiler was stopped", done.stderr)
        done = roost("verify", self.path, "--compile-time", "1us")
        self.assertEqual(done.stdout.splitlines()[-1], "0 passed, 1 failed, 0 unsupported")
        self.assertEqual(roost("verify", MODELS / "iris", "--sandbox", "off").returncode, 0)

    def test_weights_in_other_files_are_read(self):
        try:
            import numpy
            import onnx as framework
            from onnx import helper, numpy_helper
        except ImportError:
            self.skipTest("python3-onnx is not installed")
        weights = numpy.arange(64 * 64, dtype=numpy.float32).reshape(64, 64) / 4096
        bias = numpy.arange(64, dtype=numpy.float32)
        graph = helper.make_graph(
            [helper.make_node("Gemm", ["x", "w", "b"], ["y"])], "layer",
            [helper.make_tensor_value_info("x", framework.TensorProto.FLOAT, ["N", 64])],
            [helper.make_tensor_value_info("y", framework.TensorProto.FLOAT, ["N", 64])],
            [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")])
        opsets = [helper.make_opsetid("", 13)]
        rows = numpy.ones((1, 64), numpy.float32)
        request = json.dumps({"instances": rows.tolist()}).encode()
        want = json.loads(json.dumps((rows @ weights + bias).tolist()))
        for i, extra in enumerate(({"location": "weights.bin"}, {"all_tensors_to_one_file": False})):
            folder = self.path / str(i)
            folder.mkdir()
            model = helper.make_model(graph, opset_imports=opsets)
            framework.save_model(model, str(folder / "model.onnx"), save_as_external_data=True,
                                 size_threshold=0, **extra)
            self.assertEqual(len(list(folder.iterdir())), 3 if i else 2)
            files = []
            for mode in ("on", "off"):
                files.append(folder / f"{mode}.roost")
                done = roost("compile", folder / "model.onnx", "-o", files[-1], "--sandbox", mode)
                self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(files[0].read_bytes(), files[1].read_bytes())
            for path in (folder / "model.onnx", files[0]):
                done = roost("run", path, stdin=request)
                self.assertClose(json.loads(done.stdout)["predictions"], want, 1e-4)
            done = roost("compile", "-", "-o", self.out, stdin=(folder / "model.onnx").read_bytes())
            self.assertEqual(done.returncode, 1)
            self.assertIn("did not come with the model", done.stderr)
        (folder / "b").unlink()
        self.refused("the file 'b' beside it: No such file", folder / "model.onnx")
        (folder / "b").symlink_to("w")
        self.refused("the file 'b' beside it: it is a link", folder / "model.onnx")

    def test_the_childs_verb_is_for_roost_alone(self):
        done = roost("compile-child")
        self.assertEqual(done.returncode, 2)
        self.assertIn("started by roost itself", done.stderr)
        self.assertNotIn("compile-child", roost("help").stdout)


if __name__ == "__main__":
    harness.main()
