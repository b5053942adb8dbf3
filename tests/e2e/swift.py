# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""OpenStack Swift with its s3api middleware on free ports of 127.0.0.1: one account, container and
object server on one folder, a proxy in front of them, and the memcached that s3api wants.

    with swift.Swift() as s:        # seconds; ends by the pids of what it started
        s.env                       # AWS_* for clients: key, secret, region, endpoint
        s.client().create_bucket(Bucket="models")

The packages' own configuration (/etc/swift/swift.conf) is read by Swift itself; nothing else of it
is used, and no service of the machine is touched."""

import subprocess

from s3_server import REGION, Server, free_ports, which

PYTHON = "/usr/bin/python3"
KEY, SECRET = "test:tester", "testing"

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


class Swift(Server):
    NAME, KEY, SECRET, START_S = "swift", KEY, SECRET, 240
    PROGRAMS = ("swift-proxy-server", "swift-account-server", "swift-container-server",
                "swift-object-server", "swift-ring-builder", "memcached")

    def start(self):
        ports = free_ports(6)
        kinds = dict(zip(("account", "container", "object"), ports))
        proxy, cache, log = ports[3:]
        (self.folder / "devices/d1").mkdir(parents=True)
        user = subprocess.run(["id", "-un"], capture_output=True, text=True,
                              check=True).stdout.strip()
        facts = {"folder": self.folder, "user": user, "log_port": log, "cache_port": cache,
                 "region": REGION}
        self.run(which("memcached"), "-l", "127.0.0.1", "-p", str(cache), "-u", user, "-m", "16", "-U", "0")
        for kind, port in kinds.items():
            self._ring(kind, port)
            conf = self.folder / f"{kind}.conf"
            conf.write_text(SERVER.format(kind=kind, port=port, **facts))
            self.run(PYTHON, which(f"swift-{kind}-server"), str(conf))
        conf = self.folder / "proxy.conf"
        conf.write_text(PROXY.format(port=proxy, **facts))
        self.run(PYTHON, which("swift-proxy-server"), str(conf))
        self.endpoint = f"http://127.0.0.1:{proxy}"
        self.wait("the start", self.make_ready)

    def _ring(self, kind, port):
        """One device, one replica."""
        builder = str(self.folder / f"{kind}.builder")
        for args in (("create", "4", "1", "1"),
                     ("add", f"r1z1-127.0.0.1:{port}/d1", "1"), ("rebalance",)):
            subprocess.run([PYTHON, which("swift-ring-builder"), builder, *args],
                           check=True, capture_output=True, cwd=self.folder)
