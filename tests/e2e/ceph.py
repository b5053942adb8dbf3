# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Ceph's object gateway on free ports of 127.0.0.1, with a whole cluster of one node behind it: a monitor,
one OSD that keeps all in memory, and radosgw. Its PUT knows If-None-Match.

    with ceph.Ceph() as s:          # seconds; ends by the pids of what it started
        s.env                       # AWS_* for clients: key, secret, region, endpoint
        s.client().create_bucket(Bucket="models")

Nothing of the machine's own configuration or services is read or touched."""

import subprocess
import time
import uuid

from s3_server import PATH, Server, free_ports, which

KEY, SECRET = "roost-tester", "s/e+c=r~e%41&t;"  # signing must not depend on what a secret holds
START_S = 240
MEMORY = 4 << 30  # the most that all objects may take

# Nobody but these processes can know the ports' owner is who it says, so they do not ask each other (auth);
# one copy of everything; and whatever waits for others to join in does not.
CONFIG = """[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms mon service mode = crc
ms mon cluster mode = crc
paxos propose interval = 0.05
paxos min wait = 0.01
mon allow pool size one = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = {memory}
run dir = {folder}
admin socket = {folder}/$name.$pid.asok
log file = {folder}/$name.log
mon data = {folder}/mon
osd data = {folder}/osd
keyring = {folder}/keyring
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw data = {folder}/rgw
rgw dns name = localhost
rgw run sync thread = false
"""

class Ceph(Server):
    NAME, KEY, SECRET, START_S = "ceph", KEY, SECRET, START_S
    PROGRAMS = ("monmaptool", "ceph-mon", "ceph-osd", "ceph", "radosgw-admin", "radosgw")

    def start(self):
        v2, v1, port = free_ports(3)
        fsid, osd = uuid.uuid4(), uuid.uuid4()
        self.conf = self.folder / "ceph.conf"
        self.conf.write_text(CONFIG.format(folder=self.folder, fsid=fsid, v2=v2, v1=v1, port=port, memory=MEMORY))
        for name in ("mon", "osd", "rgw"):
            (self.folder / name).mkdir()
        self._do("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]",
                 self.folder / "monmap")
        self._do("ceph-mon", "--mkfs", "-i", "a", "--monmap", self.folder / "monmap")
        self._run("ceph-mon", "-i", "a", "-f")
        self._do("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", osd)
        self._do("ceph", "osd", "new", osd)
        self._run("ceph-osd", "-i", "0", "-f")
        self._do("radosgw-admin", "user", "create", "--uid", "tester", "--display-name", "tester",
                 "--access-key", KEY, "--secret-key", SECRET)
        self._run("radosgw", "-n", "client.admin", "-f")
        self.endpoint = f"http://127.0.0.1:{port}"
        self.wait("the start", self.make_ready)

    def requests(self):
        """Request lines and answers, and more."""
        return (self.folder / "client.admin.log").read_text(errors="replace")

    def _command(self, program, args):
        conf = () if program == "monmaptool" else ("-c", str(self.conf))
        return [which(program), *conf, *map(str, args)]

    def _run(self, program, *args):
        self.run(*self._command(program, args), env={"CEPH_ARGS": ""})

    def _do(self, program, *args):
        """To its end."""
        with open(self.folder / "log", "ab") as log:
            try:
                done = subprocess.run(self._command(program, args), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                      cwd=self.folder, env={"PATH": PATH, "HOME": str(self.folder)}, check=False,
                                      timeout=max(1, self.until - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.fail(f"{program} {args[0]} took too long")
        if done.returncode:
            self.fail(f"{program} {args} ended with {done.returncode}")
