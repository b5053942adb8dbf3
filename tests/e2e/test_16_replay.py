# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""`roost replay` against simulations that are written here as plainly as can be."""

import json
import math
import pathlib
import random
import struct
import tempfile

import harness
from harness import roost

HEADER = "t_us,model,tenant,bytes,load_us,exec_us\n"
CHUNK = 4 << 20
AGEING = 16
LINK = 100_000_000


def random_trace(seed, requests=600, models=25):
    rng = random.Random(seed)
    sizes = [rng.choice([1 << 16, 1 << 20, 3 << 20, 9 << 20, 20 << 20]) + rng.randrange(1000) for _ in range(models)]
    t, rows = 0, []
    for _ in range(requests):
        t += rng.choice([0, 1000, 30_000, 400_000, rng.randrange(1_000_000)])
        m = min(int(rng.expovariate(0.15)), models - 1)
        rows.append((t, f"m{m}", f"t{m % 4}", sizes[m], 5000 + sizes[m] // 300, 10))
    return rows, sum(sizes)


def lru_figures(rows, memory):
    """Misses fill at once; a dict is the order, the oldest first."""
    resident, used, hits, hit_bytes, cost, evictions, tenants = {}, 0, 0, 0, 0, 0, {}
    for _, model, tenant, size, load, _ in rows:
        seen = tenants.setdefault(tenant, [0, 0])
        seen[1] += 1
        if model in resident:
            resident[model] = resident.pop(model)
            hits += 1
            hit_bytes += size
            seen[0] += 1
            continue
        cost += load
        if size > memory:
            continue
        while used + size > memory:
            used -= resident.pop(next(iter(resident)))
            evictions += 1
        resident[model] = size
        used += size
    rates = [h / n for h, n in tenants.values()]
    squares = sum(r * r for r in rates)
    return {"hit_rate": hits / len(rows), "byte_hit_rate": hit_bytes / sum(r[3] for r in rows),
            "miss_cost_ms": cost / 1e3, "evictions": evictions,
            "jain": sum(rates) ** 2 / (len(rates) * squares) if squares else 1}


def bound_cost(rows, memory):
    """PFOO-L: idle intervals by saving ÷ (bytes x length), as many as memory x requests has room for."""
    last, intervals = {}, []
    for i, (_, model, _, size, load, _) in enumerate(rows):
        if model in last and size <= memory:
            intervals.append((size * (i - last[model]), load))
        last[model] = i
    left, cost = memory * len(rows), sum(r[4] for r in rows)
    for area, load in sorted(intervals, key=lambda x: -x[1] / x[0]):
        cost -= load * min(1, left / area)
        left -= area
        if left <= 0:
            break
    return cost / 1e3


class Timed:
    """An lru cache whose loads take time; `srpt` by chunks or `shared4`."""

    def __init__(self, memory, scheduler):
        self.memory, self.scheduler = memory, scheduler
        self.resident, self.used = {}, 0    # bytes by model, the oldest first
        self.loads, self.started = {}, []   # [left, since, arrivals] by model; models
        self.chunk, self.now, self.waits = None, 0.0, []

    def room(self, model, size):
        """Makes room among what is resident and not being loaded."""
        free = [m for m in self.resident if m not in self.loads]
        if self.used - sum(self.resident[m] for m in free) + size > self.memory:
            return False
        for m in free:
            if self.used + size <= self.memory:
                break
            self.used -= self.resident.pop(m)
        self.resident[model] = size
        self.used += size
        return True

    def start(self, model):
        if model not in self.started and self.room(model, self.loads[model][3]):
            self.started.append(model)
        return model in self.started

    def end(self, model):
        load = self.loads.pop(model)
        self.started.remove(model)
        self.waits += [self.now - at for at in load[2]]

    def step(self, until):
        """Goes to the next event that is not after `until`; False when there is none."""
        rate = LINK / 1e6
        if self.scheduler == "shared4":
            for m in [m for m in self.loads if m not in self.started]:
                if len(self.started) == 4 or not self.start(m):
                    break
            if not self.started:
                return False
            share = rate / len(self.started)
            first = min(self.started, key=lambda m: self.loads[m][0])
            ends = self.now + self.loads[first][0] / share
            move = (min(ends, until) - self.now) * share
            for m in self.started:
                self.loads[m][0] -= move
            self.now = min(ends, until)
            if ends > until:
                return False
            self.end(first)
            return True
        if self.chunk is None:
            def key(m):
                left, since, arrivals, _ = self.loads[m]
                return left / len(arrivals) + int(LINK / AGEING) / 1e6 * since
            for m in sorted(self.loads, key=key):
                if self.start(m):
                    size = min(CHUNK, self.loads[m][0])
                    self.loads[m][0] -= size
                    self.chunk = (m, self.now + size / rate)
                    break
        if self.chunk is None or self.chunk[1] > until:
            return False
        m, self.now = self.chunk
        self.chunk = None
        if self.loads[m][0] == 0:
            self.end(m)
        return True

    def run(self, rows):
        for t, model, _, size, _, _ in rows:
            while self.step(t):
                pass
            self.now = t
            if model in self.resident:
                self.resident[model] = self.resident.pop(model)
            if model in self.loads:
                self.loads[model][2].append(t)
            elif model in self.resident:
                self.waits.append(0)
            else:
                self.loads[model] = [size, t, [t], size]
        while self.step(math.inf if self.scheduler == "srpt" else 1e15):
            pass
        waits = sorted(self.waits)
        rank = [waits[math.ceil(q * len(waits)) - 1] / 1e3 for q in (0.5, 0.99)]
        return {"wait_mean_ms": sum(waits) / len(waits) / 1e3, "wait_p50_ms": rank[0], "wait_p99_ms": rank[1]}


class Replay(harness.Case):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="roost-replay-")
        self.addCleanup(self.dir.cleanup)
        self.path = pathlib.Path(self.dir.name) / "trace"

    def write(self, rows):
        self.path.write_text(HEADER + "".join(",".join(map(str, r)) + "\n" for r in rows))

    def replay(self, memory, *args):
        done = roost("replay", self.path, "--memory", memory, "--link", LINK, "--json", *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def same(self, got, want, relative, what):
        for key, value in want.items():
            self.assertTrue(math.isclose(got[key], value, rel_tol=relative, abs_tol=2e-6),
                            f"{what}: {key} is {got[key]}, expected {value}")

    def test_figures_are_those_of_a_plain_simulation(self):
        for seed in range(8):
            rows, total = random_trace(seed)
            self.write(rows)
            for share in (0.05, 0.3, 0.7, 1):
                memory = int(total * share)
                what = f"seed {seed}, {share}"
                self.same(self.replay(memory), lru_figures(rows, memory), 1e-8, what)
                self.same(self.replay(memory, "--policy", "bound"), {"miss_cost_ms": bound_cost(rows, memory)},
                          1e-6, what)

    def test_waits_are_those_of_a_plain_simulation(self):
        for seed in range(8):
            rows, total = random_trace(seed)
            self.write(rows)
            for share in (0.4, 1):
                for scheduler in ("srpt", "shared4"):
                    want = Timed(int(total * share), scheduler).run(rows)
                    self.assertGreater(want["wait_p99_ms"], 0)
                    self.same(self.replay(int(total * share), "--scheduler", scheduler), want, 1.1e-3,
                              f"seed {seed}, {share}, {scheduler}")

    def test_all_policies_stand_in_one_table(self):
        self.write(random_trace(1)[0])
        runs = self.replay("64MiB", "--policy", "all")
        self.assertEqual([r["policy"] for r in runs], ["lru", "hazard", "gdsf", "auto", "bound"])
        for r in runs:
            one = self.replay("64MiB", "--policy", r["policy"])
            self.assertEqual(one, r)
            self.assertGreaterEqual(r["miss_cost_ms"], runs[-1]["miss_cost_ms"])
        self.assertIsNone(runs[-1]["wait_mean_ms"])
        text = roost("replay", self.path, "--memory", "64MiB", "--policy", "all").stdout
        self.assertEqual(len(text.splitlines()), 3 + len(runs), text)

    def test_records_give_the_figures_of_the_text(self):
        rows = random_trace(2)[0]
        self.write(rows)
        want = self.replay("64MiB")
        data, models, tenants = b"ROOSTTR1" + bytes(24), {}, {}

        def record(t, model, tenant, flags, size, load=0, run=0):
            return struct.pack("<QIHHQII", t, model, tenant, flags, size, load, run)

        def name(text):
            return text.encode() + bytes(-len(text) % 32)
        for t, model, tenant, size, load, run in rows:
            if tenant not in tenants:
                tenants[tenant] = len(tenants)
                data += record(t, 0, tenants[tenant], 2, len(tenant)) + name(tenant)
            if model not in models:
                models[model] = len(models)
                data += record(t, models[model], 0, 1, len(model)) + name(model)
            data += record(t, models[model], tenants[tenant], 0, size, load, run)
        self.path.write_bytes(data)
        self.assertEqual(self.replay("64MiB"), want)
        self.path.write_bytes(data + bytes(7))
        done = roost("replay", self.path, "--memory", "64MiB")
        self.assertEqual(done.returncode, 0)
        self.assertIn("ends inside a record", done.stderr)

    def test_standard_input_is_a_trace(self):
        done = roost("replay", "-", "--memory", "1MiB", "--json", stdin=(HEADER + "1,a,,5,1000,1\n").encode())
        self.assertEqual(json.loads(done.stdout)["miss_cost_ms"], 1)

    def test_a_bad_trace_or_option_is_refused_by_name(self):
        self.path.write_text(HEADER + "5,a,x,1,1,1\n4,a,x,1,1,1\n")
        for code, words, args in [
                (1, "line 3: t_us 4 is before", [self.path, "--memory", "1MiB"]),
                (1, "no such", [self.path.with_name("none"), "--memory", "1MiB"]),
                (2, "--memory SIZE is needed", [self.path]),
                (2, "expected lru, hazard, gdsf, auto, bound or all", [self.path, "--memory", "1MiB", "--policy", "x"]),
                (2, "expected srpt or shared4", [self.path, "--memory", "1MiB", "--scheduler", "x"]),
                (2, "--memory", [self.path, "--memory", "0"]),
                (2, "name a file", ["-", "--memory", "1MiB", "--policy", "all"])]:
            done = roost("replay", *args)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(words.lower(), done.stderr.lower())
            self.assertEqual(done.stdout, "")
