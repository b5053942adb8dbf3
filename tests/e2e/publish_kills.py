# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""kill -9 in a loop, in the midst of publishes: what test_21_kills.py does some times and scripts/soak
many times.

A node takes uploads of some names without a pause, artifacts and model files that it compiles, and is
killed at a moment that is drawn. What is asserted of the next one on the same store: each name is
served, with the content that was acknowledged last or the one that was being published, whole; every
version that was acknowledged is listed, one is current, and that is the one which is served; and the
next publish is taken. In the end `roost gc` leaves no orphan, and each version that is left answers as the
content that it was made of."""

import http.client
import json
import os
import random
import re
import threading
import time

import harness
import tiny_onnx
from test_10_scale import compile_all

SIDE = 160      # 102,400 bytes of weights: a blob of its own
CONTENTS = 8
NAMES = ("m", "acme/m", "acme/n")
PUBLISHES_MAX = 6   # of all names, that are acknowledged before a kill
LATER_S = 0.04      # how long after the last of them it is, at most
BODY = json.dumps([[1.0] * SIDE])
FILES = re.compile(r"^(current|\d+\.(roost|new|gone))$")  # new: of one that was interrupted
CLEAN = re.compile(r"^_roost/(models/.+/(current|\d+\.(roost|gone))|blobs/[^/]+/[0-9a-f]{64})$")


class Name:
    """What is known of one name: its contents are numbers, and answer as such."""

    def __init__(self):
        self.acknowledged = self.tried = None   # the content of the last 201, and one under way
        self.made = {}                          # content by version, of those that were acknowledged


class PublishKills:
    """test: the harness.Case whose servers these are."""

    def __init__(self, test, seed):
        self.test, self.rng = test, random.Random(seed)
        self.store = test.store()
        self.names = {name: Name() for name in NAMES}
        self.sources = [tiny_onnx.scaled_square(k, SIDE) for k in range(1, CONTENTS + 1)]
        made = test.store()
        compile_all(made.path, {str(k): source for k, source in enumerate(self.sources)})
        self.artifacts = [(made.path / f"{k}.roost").read_bytes() for k in range(CONTENTS)]
        self.published = self.cut = self.new = 0
        self.server = None

    def _put(self, name, content, as_source):
        """Publishes and notes it; a node that is killed meanwhile answers with an OSError."""
        known = self.names[name]
        known.tried = content
        body = (self.sources if as_source else self.artifacts)[content]
        reply = self.server.request("PUT", f"/models/{name}", body, port=self.server.admin_port)
        self.test.assertEqual(reply.status, 201, reply)
        version = int(reply.json()["version"])
        self.test.assertNotIn(version, known.made, "a number was given out twice")
        known.made[version] = content
        known.acknowledged, known.tried = content, None

    def _publish_until_killed(self, name, seed, acknowledged):
        rng = random.Random(seed)
        try:
            while True:
                self._put(name, rng.randrange(CONTENTS), rng.random() < 0.3)
                acknowledged.release()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            acknowledged.release()  # nobody waits for one that failed

    def kill_once(self):
        self.check()
        acknowledged = threading.Semaphore(0)
        jobs = [self.test.in_background(self._publish_until_killed, name, self.rng.random(), acknowledged)
                for name in NAMES]
        for _ in range(self.rng.randrange(PUBLISHES_MAX)):
            acknowledged.acquire()
        threading.Event().wait(self.rng.random() * LATER_S)  # to be in the midst of the next ones
        self.server.kill()
        for job in jobs:
            job.result()
        self.cut += sum(known.tried is not None for known in self.names.values())

    def _serves(self, name):
        """The content that answers; None for a name that is unknown."""
        reply = self.server.invoke(name, BODY)
        if reply.status == 404:
            return None
        self.test.assertEqual(reply.status, 200, reply)
        row, = reply.json()["predictions"]
        self.test.assertEqual(row, [row[0]] * SIDE)
        return round(row[0]) - 1

    def _versions(self, name):
        """[(number, is it current)], the newest first."""
        reply = self.server.get(f"/models/{name}/versions", port=self.server.admin_port)
        self.test.assertIn(reply.status, (200, 404), reply)
        listed = reply.json()["versions"] if reply.status == 200 else []
        return [(int(v["version"]), v["current"]) for v in listed]

    def _check_name(self, name, known):
        serves, listed = self._serves(name), self._versions(name)
        self.test.assertIn(serves, (known.acknowledged, known.tried), name)
        self.test.assertEqual(listed, sorted(listed, reverse=True))
        self.test.assertLessEqual(set(known.made), {v for v, _ in listed}, f"{name}: versions are gone")
        current = [v for v, is_current in listed if is_current]
        self.test.assertEqual(len(current), 0 if serves is None else 1, listed)
        if serves is not None:
            self.test.assertEqual(known.made.get(current[0], serves), serves)
            self.new += known.tried is not None and serves == known.tried != known.acknowledged
        known.acknowledged, known.tried = serves, None

    def check(self):
        """Starts the next server, which finds all as it should be, and takes a publish."""
        self.server = self.test.serve(self.store, workers=1)
        for name, known in self.names.items():
            self._check_name(name, known)
        self._publish_one(self.rng.choice(NAMES))

    def _publish_one(self, name):
        """It is taken and served, and what a killed one left unfinished beside it is gone."""
        content = self.rng.randrange(CONTENTS)
        self._put(name, content, False)
        self.test.assertEqual(self._serves(name), content)
        for path in (self.store.path / "_roost/models" / name).iterdir():
            self.test.assertRegex(path.name, FILES)

    def _contents(self, name, known):
        """The contents of the versions that are left; each answers as what it was made of."""
        found = set()
        for version, _ in self._versions(name):
            reply = self.server.request("POST", f"/models/{name}/rollback", json.dumps({"version": version}),
                                        port=self.server.admin_port)
            self.test.assertEqual(reply.status, 200, reply)
            content = self._serves(name)  # one that was never acknowledged is whole as well
            self.test.assertIn(content, range(CONTENTS))
            self.test.assertEqual(known.made.get(version, content), content, f"{name}, version {version}")
            found.add(content)
        return found

    def _remove_old(self, name, known):
        """Removes all versions but the newest two, so that contents are left that nobody needs."""
        for version, _ in self._versions(name)[2:]:
            reply = self.server.request("DELETE", f"/models/{name}/versions/{version}", port=self.server.admin_port)
            self.test.assertEqual(reply.status, 200, reply)
            known.made.pop(version, None)

    def _collect(self):
        """A collection of everything that is a day old, which all is."""
        then = time.time() - 25 * 3600
        for path in self.store.path.rglob("*"):
            if path.is_file():
                os.utime(path, (then, then))
        done = harness.roost("gc", "--store", self.store.path)
        self.test.assertEqual(done.returncode, 0, done.stderr)
        for path in self.store.path.rglob("*"):
            if path.is_file():
                self.test.assertRegex(str(path.relative_to(self.store.path)), CLEAN)

    def end(self):
        self.check()
        needed = {}  # contents by tenant, each of which has one blob
        self.published = sum(len(known.made) for known in self.names.values())
        for name, known in self.names.items():
            self._publish_one(name)
            self._remove_old(name, known)
        self._collect()
        for name, known in self.names.items():
            self.test.assertLessEqual(set(known.made), {v for v, _ in self._versions(name)}, name)
            needed.setdefault(name.rpartition("/")[0] or "default", set()).update(self._contents(name, known))
        blobs = {folder.name: len(list(folder.iterdir())) for folder in (self.store.path / "_roost/blobs").iterdir()}
        self.test.assertEqual(blobs, {tenant: len(contents) for tenant, contents in needed.items()})
        self.test.assertEqual(self.server.stop(), 0)
