# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Seeded traces for `roost replay`: each generator yields (seconds, model, tenant) in any order for a set of
models; sizes are drawn alike for all. Nothing here is measured traffic: the shapes are those that are known
to part policies."""
import random

# Loading costs a round trip, the bytes over the link, and some work per byte: almost linear in size.
ROUND_TRIP_US, LINK_BYTES_PER_US, BIND_US_PER_MB = 20_000, 400, 300
DAY = 86_400.0


def size(rng):
    """Bytes of a model: lognormal around 40 MB, from 50 KB to 2 GB."""
    return int(min(max(rng.lognormvariate(17.5, 1.2), 50e3), 2e9))


def load_us(n):
    return int(ROUND_TRIP_US + n / LINK_BYTES_PER_US + n / 1e6 * BIND_US_PER_MB)


def poisson(rng, rate, begin, end):
    """Times of a Poisson process."""
    t = begin + rng.expovariate(rate)
    while t < end:
        yield t
        t += rng.expovariate(rate)


def zipf_weights(n, exponent):
    w = [1 / (i + 1) ** exponent for i in range(n)]
    total = sum(w)
    return [x / total for x in w]


def zipf(rng, n=1500, requests=150_000):
    """Independent references by Zipf's law, exponent 0.9."""
    models = rng.sample(range(n), n)
    picks = rng.choices(models, zipf_weights(n, 0.9), k=requests)
    t = 0.0
    for m in picks:
        t += rng.expovariate(10)
        yield t, m, m % 50


def azure(rng, n=1200, days=2):
    """Function-like: rates over four decades, a day's rhythm, bursts; 30 % are timers, which fire on whole
    minutes as people set them."""
    for m in range(n):
        if rng.random() < 0.3:
            period = rng.choice([60, 300, 300, 600, 900, 1800, 3600, 3600, 7200, 21600, 86400])
            t = rng.choice([0, 0, rng.randrange(period // 60) * 60])
            while t < days * DAY:
                yield t + rng.random() * 2, m, m % 40
                t += period
            continue
        rate = 10 ** rng.uniform(-5.3, -1.7)
        bursty = rng.random() < 0.4
        for t in poisson(rng, rate / (4 if bursty else 1), 0, days * DAY):
            hour = t % DAY / 3600
            if rng.random() > (1.0 if 8 <= hour < 19 else 0.35):
                continue
            for k in range(rng.randint(1, 7) if bursty else 1):
                yield t + k * rng.expovariate(1 / 5), m, m % 40


def on_off(rng, tenants=120, days=2):
    """Tenants that work for a while, opening all their models at once, and then are gone for long."""
    for tenant in range(tenants):
        models = [tenant * 12 + i for i in range(rng.randint(3, 12))]
        weights = zipf_weights(len(models), 0.8)
        t = rng.expovariate(1 / 7200)
        busy = 10 ** rng.uniform(2.3, 3.8)
        away = busy * rng.uniform(3, 30)
        while t < days * DAY:
            end = t + rng.expovariate(1 / busy)
            for m in models:
                yield t + rng.expovariate(1), m, tenant
            for at in poisson(rng, 10 ** rng.uniform(-1.8, -0.6), t, min(end, days * DAY)):
                yield at, rng.choices(models, weights)[0], tenant
            t = end + rng.expovariate(1 / away)


def churn(rng, days=1, releases_per_hour=8):
    """Models are published twenty at a time, asked for at once and much at first, and less and less as they age."""
    releases = poisson(rng, releases_per_hour / 3600, -DAY, days * DAY)
    births = [release for release in releases for _ in range(20)]
    for m, birth in enumerate(births):
        if birth >= 0:
            yield birth + rng.expovariate(1 / 2), m, m % 60
        life, volume = 10 ** rng.uniform(3.0, 4.6), int(rng.paretovariate(0.9) * 4)
        for _ in range(min(volume, 3000)):
            t = birth + rng.expovariate(1 / life)
            if 0 <= t < days * DAY:
                yield t, m, m % 60


def scan(rng, n=1000, days=3):
    """Zipf's traffic by day; each night a job asks for every model once, in order."""
    models = rng.sample(range(n), n)
    weights = zipf_weights(n, 1.0)
    times = list(poisson(rng, 0.35, 0, days * DAY))
    for t, m in zip(times, rng.choices(models, weights, k=len(times))):
        yield t, m, m % 30
    for night in range(days):
        for i in range(n):
            yield night * DAY + 2 * 3600 + i * 0.22, i, i % 30


def storm(rng, n=1500, days=0.15):
    """Zipf's traffic, and twice for a while many models that are asked for once and never again."""
    models = rng.sample(range(n), n)
    weights = zipf_weights(n, 0.9)
    times = list(poisson(rng, 8, 0, days * DAY))
    for t, m in zip(times, rng.choices(models, weights, k=len(times))):
        yield t, m, m % 30
    once = n
    for begin in (0.25, 0.6):
        for t in poisson(rng, 2.5, begin * days * DAY, begin * days * DAY + 500):
            yield t, once, 30 + once % 5
            once += 1


def drift(rng, n=2000, requests=120_000):
    """Zipf's law over a window that moves through the models, so that favourites change."""
    window, t = 600, 0.0
    ranks = list(range(window))
    rng.shuffle(ranks)
    picks = rng.choices(ranks, zipf_weights(window, 0.8), k=requests)
    for i, r in enumerate(picks):
        t += rng.expovariate(5)
        yield t, (r + i * n // requests) % n, r % 20


def loop(rng, n=600, rounds=40):
    """All models in one fixed order, again and again: the worst there is for lru."""
    for i in range(rounds):
        for m in range(n):
            yield i * 3600 + m * 6 + rng.random(), m, m % 10


def flip(rng, n=800, requests=120_000):
    """Long phases that favour opposite rules: a loop, then what was asked for last comes again."""
    t, recent = 0.0, []
    for i in range(requests):
        t += rng.expovariate(5)
        if i // 15_000 % 2:
            m = i % n
        elif recent and rng.random() < 0.8:
            m = recent[-1 - min(int(rng.expovariate(1 / 25)), len(recent) - 1)]
        else:
            m = rng.randrange(n)
        recent.append(m)
        del recent[:-200]
        yield t, m, m % 10


# What policies were tuned on, and what they were only measured on.
TUNED = {"zipf": zipf, "azure": azure, "on_off": on_off, "churn": churn, "scan": scan, "storm": storm}
HELD_OUT = {"drift": drift, "loop": loop, "flip": flip}


def write(name, seed, path):
    """Writes the trace; the bytes of all models that it names."""
    rng = random.Random(f"{name}/{seed}")
    sizes = {}
    events = sorted({**TUNED, **HELD_OUT}[name](rng))
    with open(path, "w") as f:
        f.write("t_us,model,tenant,bytes,load_us,exec_us\n")
        for t, m, tenant in events:
            if m not in sizes:
                sizes[m] = size(rng)
            n = sizes[m]
            f.write(f"{int(t * 1e6)},m{m},t{tenant},{n},{load_us(n)},{1000 + n // 40000}\n")
    return sum(sizes.values())
