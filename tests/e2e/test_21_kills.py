# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""kill -9, again and again, while everything is in motion (kills.py), and while models are published
(publish_kills.py); scripts/soak does it longer."""

import os
import tempfile
import unittest

import harness
from kills import Kills
from publish_kills import PublishKills

COUNT = int(os.environ.get("ROOST_KILLS", "20"))
SEED = int(os.environ.get("ROOST_KILLS_SEED", "1"))


class Killed(harness.Case):
    def test_every_restart_serves_correctly(self):
        with tempfile.TemporaryDirectory(dir=harness._scratch()) as folder:
            kills = Kills(self, folder, SEED)
            for _ in range(COUNT):
                kills.kill_once()
            kills.end()
        self.assertGreater(kills.answers, 10 * COUNT)
        self.assertGreater(kills.changed, COUNT // 5)
        for what, times in kills.seen.items():
            self.assertGreater(times, 0, what)  # else there was nothing to be in the middle of
        print(f"{COUNT} kills, {kills.answers} answers, {kills.refused} refused for room, "
              f"{kills.changed} other stores, {kills.seen}", flush=True)

    def test_a_publish_that_is_killed_leaves_the_old_version_or_the_new(self):
        kills = PublishKills(self, SEED)
        for _ in range(COUNT):
            kills.kill_once()
        kills.end()
        self.assertGreater(kills.cut, COUNT)
        self.assertGreater(kills.published, COUNT)
        print(f"{COUNT} kills, {kills.published} versions, {kills.cut} publishes cut, {kills.new} of them seen as new",
              flush=True)


if __name__ == "__main__":
    unittest.main()
