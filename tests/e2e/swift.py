# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""OpenStack Swift with its s3api middleware on free ports of 127.0.0.1: one account, container and
object server on one folder, a proxy in front of them, and the memcached that s3api wants.

    with swift.Swift() as s:        # seconds; ends by the pids of what it started
        s.env                       # AWS_* for clients: key, secret, region, endpoint
        s.client().create_bucket(Bucket="models")

The packages' own configuration (/etc/swift/swift.conf) is read by Swift itself; nothing else of it
is used, and no service of the machine is touched."""

import atexit
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

PYTHON = "/usr/bin/python3"
KEY, SECRET, REGION = "test:tester", "testing", "us-east-1"
START_S = 240
ENDED_S = 20

RING_PORTS = {"account": None, "container": None, "object": None}

SERVER = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
devices = {folder}/devices
mount_check = false
swift_dir = {folder}
user = {user}
log_udp_host = 127.0.0.1
log_udp_port = {log_port}
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
allow_versions = false
conn_timeout = 30
node_timeout = 60
[{kind}-replicator]
[{kind}-updater]
[{kind}-auditor]
"""

PROXY = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
swift_dir = {folder}
user = {user}
log_udp_host = 127.0.0.1
log_udp_port = {log_port}
[pipeline:main]
pipeline = catch_errors proxy-logging cache s3api tempauth copy slo dlo proxy-logging proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
conn_timeout = 30
node_timeout = 60
recoverable_node_timeout = 60
error_suppression_interval = 0
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{cache_port}
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
max_bucket_listing = 10
location = {region}
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""


def missing():
    """What of it is not installed, or None."""
    for program in ("swift-proxy-server", "swift-account-server", "swift-container-server",
                    "swift-object-server", "swift-ring-builder", "memcached"):
        if not shutil.which(program, path="/usr/bin:/usr/sbin:/bin"):
            return f"{program} is missing: run scripts/setup test"
    return None


_shared = []


def shared():
    """One for all tests of this run, who keep to buckets of their own; it ends with the run."""
    if not _shared:
        _shared.append(Swift().__enter__())
        atexit.register(_shared[0].stop)
    return _shared[0]


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


class Swift:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="roost-swift-"))
        self.processes = []

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def _start(self):
        ports = free_ports(6)
        kinds = dict(zip(("account", "container", "object"), ports))
        proxy, cache, log = ports[3:]
        (self.folder / "devices/d1").mkdir(parents=True)
        user = subprocess.run(["id", "-un"], capture_output=True, text=True,
                              check=True).stdout.strip()
        facts = {"folder": self.folder, "user": user, "log_port": log, "cache_port": cache,
                 "region": REGION}
        self._run("memcached", "-l", "127.0.0.1", "-p", str(cache), "-u", user, "-m", "16", "-U",
                  "0")
        for kind, port in kinds.items():
            self._ring(kind, port)
            conf = self.folder / f"{kind}.conf"
            conf.write_text(SERVER.format(kind=kind, port=port, **facts))
            self._run(f"swift-{kind}-server", str(conf))
        conf = self.folder / "proxy.conf"
        conf.write_text(PROXY.format(port=proxy, **facts))
        self._run("swift-proxy-server", str(conf))
        self.endpoint = f"http://127.0.0.1:{proxy}"
        self.env = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
                    "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION,
                    "AWS_ENDPOINT_URL": self.endpoint, "AWS_EC2_METADATA_DISABLED": "true",
                    "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        self._wait()

    def _ring(self, kind, port):
        """One device, one replica."""
        builder = str(self.folder / f"{kind}.builder")
        for args in (("create", "4", "1", "1"),
                     ("add", f"r1z1-127.0.0.1:{port}/d1", "1"), ("rebalance",)):
            subprocess.run([PYTHON, shutil.which("swift-ring-builder"), builder, *args],
                           check=True, capture_output=True, cwd=self.folder)

    def _run(self, program, *args):
        path = shutil.which(program, path="/usr/bin:/usr/sbin:/bin")
        command = [path, *args] if program == "memcached" else [PYTHON, path, *args]
        # They leave the process group of whoever started them, but end with it, however it ends.
        command = ["/usr/bin/setpriv", "--pdeathsig", "TERM", *command]
        with open(self.folder / "log", "ab") as log:
            self.processes.append(subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, "PATH": "/usr/bin:/usr/sbin:/bin"}))

    def log_text(self):
        return (self.folder / "log").read_text(errors="replace")

    def _wait(self):
        """Until the proxy answers and everything behind it does: an object can be made."""
        made = False
        end = time.monotonic() + START_S
        while True:
            for p in self.processes:
                if p.poll() is not None:
                    raise AssertionError(f"{p.args} ended with {p.returncode}:\n{self.log_text()}")
            try:
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                    self.endpoint + "/", timeout=5)
            except urllib.error.HTTPError:
                pass  # an unsigned request is refused: it is there
            except OSError as e:
                if time.monotonic() > end:
                    raise AssertionError(f"Swift did not start: {e}\n{self.log_text()}") from e
                time.sleep(0.05)
                continue
            try:
                client = self.client()
                if not made:
                    client.create_bucket(Bucket="ready")
                    made = True
                client.put_object(Bucket="ready", Key="ready", Body=b"")
                return
            except Exception as e:
                if time.monotonic() > end:
                    raise AssertionError(f"Swift: {e}\n{self.log_text()}") from e
                time.sleep(0.05)

    def client(self):
        """boto3's, of the system's Python."""
        import boto3  # pylint: disable=import-outside-toplevel
        from botocore.config import Config  # pylint: disable=import-outside-toplevel
        return boto3.client("s3", endpoint_url=self.endpoint, region_name=REGION,
                            aws_access_key_id=KEY, aws_secret_access_key=SECRET,
                            config=Config(s3={"addressing_style": "path"}, proxies={},
                                          retries={"max_attempts": 0}))

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
