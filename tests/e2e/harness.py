# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""What the end-to-end tests drive the binary with; the standard library alone.

    class Example(harness.Case):
        def test_iris_answers(self):
            store = self.store()                      # a temporary folder
            store.add("iris")                         # models/iris, compiled once per run
            server = self.serve(store, memory="64MiB")    # port 0; ends with the test
            reply = server.invoke("iris", {"instances": [[5.1, 3.5, 1.4, 0.2]]})
            self.assertEqual(reply.status, 200, reply)
            self.assertEqual(server.metrics()['roost_cache_lookups_total{result="miss"}'], 1)

A test that fails shows the log of its servers. Nothing here sleeps to order things: `wait_until`
asks again until a condition holds, and a Gate holds loads where the test wants them.
"""

import concurrent.futures
import fcntl
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("ROOST_BINARY", ROOT / "build/dev/roost")).resolve()
MODELS = ROOT / "models"
TIMEOUT_S = 60
SANITIZED = "asan" in str(BINARY) or "tsan" in str(BINARY)


def roost(*args, stdin=b"", env=None, timeout=TIMEOUT_S):
    """Runs one verb to its end: .returncode, .stdout and .stderr as text."""
    done = subprocess.run([str(BINARY), *map(str, args)], input=stdin, capture_output=True,
                          env=clean_env(env), timeout=timeout, check=False)
    done.stdout = done.stdout.decode()
    done.stderr = done.stderr.decode()
    return done


def clean_env(extra=None):
    """The environment without any ROOST_ variable of the caller's, plus `extra`."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("ROOST_")}
    env.update(extra or {})
    return env


def wait_until(condition, what, timeout=TIMEOUT_S):
    """Asks until condition() is true and returns its value; fails the test after the timeout."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {timeout} s")
        time.sleep(0.005)


def free_port():
    """A port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def model_names():
    return sorted(p.name for p in MODELS.iterdir() if p.is_dir())


def model_file(name):
    """The model file in models/<name>/."""
    return next(p for p in sorted((MODELS / name).glob("model.*")))


_built = {}


def compiled(source):
    """The artifact of a model file (a path, or a name in models/), compiled once per run."""
    path = pathlib.Path(source) if os.sep in str(source) else model_file(source)
    if path not in _built:
        out = pathlib.Path(_scratch()) / f"{len(_built)}.roost"
        done = roost("compile", path, "-o", out)
        assert done.returncode == 0, done.stderr
        _built[path] = out
    return _built[path]


_scratch_dir = None


def _scratch():
    global _scratch_dir
    if _scratch_dir is None:
        _scratch_dir = tempfile.TemporaryDirectory(prefix="roost-e2e-")
    return _scratch_dir.name


class Store:
    """A folder that `roost serve --store` reads."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="roost-store-", dir=_scratch()))

    def add(self, name, source=None):
        """Puts models/<name> (or another model file or artifact) under the name. Returns its file."""
        source = name if source is None else source
        artifact = source if str(source).endswith(".roost") else compiled(source)
        return self.put(f"{name}.roost", pathlib.Path(artifact).read_bytes())

    def put(self, key, data):
        """Writes bytes under a key, whole or not at all."""
        path = self.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.write_bytes(data)
        part.rename(path)
        return path

    def remove(self, key):
        (self.path / key).unlink()

    def free(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Reply:
    """An HTTP answer: status, headers (lower case), body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def error(self):
        return self.json()["error"]

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:500]!r}>"


class Server:
    """A `roost serve` on a free port of 127.0.0.1. Flags are keywords: http_memory="1MiB"."""

    def __init__(self, store, env=None, **flags):
        args = [str(BINARY), "serve", "--store", str(getattr(store, "path", store))]
        flags.setdefault("listen", "127.0.0.1:0")
        flags.setdefault("log_format", "json")
        for key, value in flags.items():
            key = "--" + key.replace("_", "-")
            args += [key] if value is True else [f"{key}", str(value)]
        self.log_file = tempfile.NamedTemporaryFile(prefix="serve-", suffix=".log", dir=_scratch(),
                                                    delete=False)
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.log_file, env=clean_env(env))
        start = wait_until(self._started, "the server's start")
        self.port = int(start["address"].rsplit(":", 1)[1])
        self.admin_port = int(start["admin_address"].rsplit(":", 1)[1])
        self.address = f"127.0.0.1:{self.port}"

    def _started(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n"
                                 f"{self.log_text()}")
        return next((e for e in self.log() if e.get("event") == "listening"), None)

    def log_text(self):
        return pathlib.Path(self.log_file.name).read_text(errors="replace")

    def log(self):
        """The log's whole lines as dicts; what is not JSON (a sanitizer's report) is left out."""
        events = []
        for line in self.log_text().split("\n")[:-1]:
            try:
                events.append(json.loads(line))
            except ValueError:
                pass
        return events

    def request(self, method, path, body=None, headers=None, port=None, timeout=TIMEOUT_S):
        """One request on a connection of its own; the path goes out as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            got = connection.getresponse()
            return Reply(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
        finally:
            connection.close()

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def invoke(self, model, body, content_type="application/json", headers=None, **kw):
        """POST /models/<model>/invoke; a dict or list goes as JSON."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        headers = {"content-type": content_type, **(headers or {})}
        return self.request("POST", f"/models/{model}/invoke", body=body, headers=headers, **kw)

    def load(self, model, **kw):
        return self.request("POST", "/models", json.dumps({"model_name": model}),
                            {"content-type": "application/json"}, port=self.admin_port, **kw)

    def unload(self, model, **kw):
        return self.request("DELETE", f"/models/{model}", port=self.admin_port, **kw)

    def describe(self, model):
        return self.get(f"/models/{model}", port=self.admin_port)

    def state(self, model):
        """None where the node has no record. What was evicted is draining for a moment: that is waited out."""
        reply = wait_until(lambda: (r := self.describe(model)).status != 200 or r.json()["state"] != "draining" and r,
                           f"{model} to be drained")
        return None if reply is True else reply.json()["state"]

    def metrics(self):
        """Every series of /metrics by its whole name, as numbers."""
        reply = self.get("/metrics", port=self.admin_port)
        assert reply.status == 200, reply
        return parse_metrics(reply.body.decode())

    def used_bytes(self):
        """What the ledger says the server holds: the sum over all classes, kept pages among them."""
        return sum(v for k, v in self.metrics().items() if k.startswith("roost_cache_used_bytes"))

    def raw(self, port=None):
        return Raw(port or self.port)

    def rss_bytes(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1)) * 1024

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def kill(self):
        self.process.kill()
        self.process.wait(TIMEOUT_S)

    def stop(self, timeout=TIMEOUT_S):
        """SIGTERM, and the exit status."""
        if self.process.poll() is None:
            self.terminate()
        return self.process.wait(timeout)


def parse_metrics(text):
    series = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            series[name] = float(value)
    return series


class Raw:
    """A TCP connection for bytes that no client library would send."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)
        return self

    def _more(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return data

    def reply(self):
        """The next answer, by its Content-Length; None when the server closed instead."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {}
        for line in lines[1:]:
            key, value = line.split(":", 1)
            headers[key.lower()] = value.strip()
        length = 0 if 100 <= status < 200 else int(headers.get("content-length", 0))
        while len(self.buffer) < length:
            if not self._more():
                raise AssertionError(f"the body ended after {len(self.buffer)} of {length} bytes")
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Reply(status, headers, body)

    def closed(self):
        """Waits for the server to close; what it still sent is in .buffer."""
        try:
            while self._more():
                pass
        except ConnectionResetError:
            pass
        return True

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Gate:
    """Holds reads of a store key that contains `word`, from offset `start` on, until open()."""

    def __init__(self, word, start=0):
        self.path = pathlib.Path(tempfile.mkstemp(prefix="gate-", dir=_scratch())[1])
        self.file = open(self.path, "w", encoding="ascii")
        self.env = {"LD_PRELOAD": str(_gate_library()), "ROOST_TEST_GATE": str(self.path),
                    "ROOST_TEST_GATE_WORD": word, "ROOST_TEST_GATE_FROM": str(start)}
        self.shut()

    def shut(self):
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def open(self):
        fcntl.flock(self.file, fcntl.LOCK_UN)


def _gate_library():
    out = pathlib.Path(_scratch()) / "gate.so"
    if not out.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(out),
                        str(ROOT / "tests/e2e/gate.c"), "-ldl"], check=True)
    return out


class Case(unittest.TestCase):
    """A test case whose servers and stores end with it."""

    maxDiff = None

    def run(self, result=None):
        self.opened_at_end = []
        with concurrent.futures.ThreadPoolExecutor(64) as self.pool:
            return super().run(result)

    def store(self, *models):
        store = Store()
        self.addCleanup(store.free)
        for name in models:
            store.add(name)
        return store

    def serve(self, store, env=None, **flags):
        server = Server(store, env=env, **flags)
        self.addCleanup(self._end, server)
        return server

    def gate(self, word, start=0):
        """Pass gate.env as the server's env. The gate opens by itself when the test ends."""
        if SANITIZED:
            self.skipTest("a preloaded gate and a sanitizer's runtime exclude each other")
        gate = Gate(word, start)
        self.opened_at_end.append(gate)
        return gate

    def in_background(self, call, *args, **kw):
        """Runs call in a thread: a Future whose result() is its value."""
        return self.pool.submit(call, *args, **kw)

    def _end(self, server):
        for gate in self.opened_at_end:
            gate.open()
        if server.process.poll() is None:
            server.stop()
        server.log_file.close()
        if server.process.returncode not in (0, -signal.SIGKILL) or self._is_red():
            print(f"--- log of {self.id()}'s server, which ended with "
                  f"{server.process.returncode}\n{server.log_text()}---", flush=True)
        self.assertIn(server.process.returncode, (0, -signal.SIGKILL))

    def _is_red(self):
        result = getattr(self._outcome, "result", None)
        if not result:
            return False
        return any(getattr(test, "test_case", test) is self
                   for test, _ in result.failures + result.errors)

    def assertClose(self, got, want, tolerance=1e-5, where="answer"):
        """Nested lists and dicts equal up to tolerance, relative above 1."""
        if isinstance(want, dict):
            self.assertEqual(sorted(got), sorted(want), where)
            for key in want:
                self.assertClose(got[key], want[key], tolerance, f"{where}.{key}")
        elif isinstance(want, list):
            self.assertIsInstance(got, list, where)
            self.assertEqual(len(got), len(want), where)
            for i, (g, w) in enumerate(zip(got, want)):
                self.assertClose(g, w, tolerance, f"{where}[{i}]")
        elif isinstance(want, float):
            self.assertLessEqual(abs(got - want), tolerance * max(1.0, abs(want)),
                                 f"{where}: got {got}, expected {want}")
        else:
            self.assertEqual(got, want, where)
