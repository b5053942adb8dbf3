# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""What the S3 servers have in common that the tests start themselves (swift.py, ceph.py): processes on
free ports of 127.0.0.1, whose files are all in one folder, and which end by their pids."""

import atexit
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

REGION = "us-east-1"
ENDED_S = 20
PATH = "/usr/bin:/usr/sbin:/bin"


def which(program):
    """Of the system's own programs."""
    return shutil.which(program, path=PATH)


def free_ports(n):
    """n different ports on which nothing listens now: all are held until all are known."""
    held = []
    for _ in range(n):
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        held.append(s)
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


class OnServer:
    """What a test case on a real S3 server is, too: KIND is the server's class."""

    KIND = None

    @classmethod
    def setUpClass(cls):
        why = cls.KIND.missing()
        if why:
            raise unittest.SkipTest(why)
        cls.s3 = cls.KIND.shared()
        cls.client = cls.s3.client()


class Server:
    """A kind has NAME, KEY, SECRET, START_S, PROGRAMS, and start(), which sets the endpoint."""

    _shared = None

    @classmethod
    def missing(cls):
        """What of it is not installed, or None."""
        for program in cls.PROGRAMS:
            if not which(program):
                return f"{program} is missing: run scripts/setup test"
        return None

    @classmethod
    def shared(cls):
        """One for all tests of this run, who keep to buckets of their own; it ends with the run."""
        if not cls._shared:
            cls._shared = cls().__enter__()
            atexit.register(cls._shared.stop)
        return cls._shared

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"roost-{self.NAME}-"))
        self.processes = []
        self.endpoint = None

    def __enter__(self):
        self.until = time.monotonic() + self.START_S
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def env(self):
        """AWS_* for clients."""
        return {"AWS_ACCESS_KEY_ID": self.KEY, "AWS_SECRET_ACCESS_KEY": self.SECRET,
                "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}

    def client(self):
        """boto3's, of the system's Python."""
        import boto3  # pylint: disable=import-outside-toplevel
        from botocore.config import Config  # pylint: disable=import-outside-toplevel
        return boto3.client("s3", endpoint_url=self.endpoint, region_name=REGION,
                            aws_access_key_id=self.KEY, aws_secret_access_key=self.SECRET,
                            config=Config(s3={"addressing_style": "path"}, proxies={},
                                          retries={"max_attempts": 0}))

    def run(self, *command, env=None):
        """Starts a process of the server."""
        # They leave the process group of whoever started them, but end with it, however it ends.
        command = ["/usr/bin/setpriv", "--pdeathsig", "TERM", *command]
        with open(self.folder / "log", "ab") as log:
            self.processes.append(subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, "PATH": PATH, **(env or {})}))

    def log_text(self):
        return (self.folder / "log").read_text(errors="replace")

    def fail(self, what):
        raise AssertionError(f"{self.NAME}: {what}\n{self.log_text()}")

    def wait(self, what, done):
        """Until done() answers something true and raises nothing; every process must go on."""
        why = "not yet"
        while True:
            for p in self.processes:
                if p.poll() is not None:
                    self.fail(f"{p.args} ended with {p.returncode}")
            try:
                if done():
                    return
            except Exception as e:  # whatever a server that is not yet there makes of a request
                why = e
            if time.monotonic() > self.until:
                self.fail(f"{what} took too long: {why}")
            time.sleep(0.05)

    def make_ready(self):
        """A bucket, and an object in it: all that is behind the endpoint is there. Each may have been
        made by a try whose answer did not come."""
        client = self.client()
        if "ready" not in {b["Name"] for b in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket="ready")
        client.put_object(Bucket="ready", Key="ready", Body=b"")
        return True

    def stop(self):
        for p in self.processes:
            if p.poll() is None:
                p.terminate()
        for p in self.processes:
            try:
                p.wait(ENDED_S)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait(ENDED_S)
        shutil.rmtree(self.folder, ignore_errors=True)
