/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Samples stand in the order of their last invocation: each takes the next place when it is asked
 * for, and a Fenwick tree over the places' bytes gives the bytes that stand behind one. When the
 * places are used up, what is there is numbered anew. */
#include "cache/policy/curve.h"

#include <string.h>

#include "base/alloc.h"

enum { NONE = UINT32_MAX, BINS = CURVE_OCTAVES * CURVE_STEPS };

/* A sample that has grown too large keeps this part of what may hash into it. */
static const double KEEP = 0.75;

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t hash_of(const struct curve *c, uint32_t id)
{
    return mix(c->config.seed + (id + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15));
}

static void clear(struct curve *c)
{
    memset(c->buckets, 0xff, (c->mask + (size_t)1) * sizeof(*c->buckets));
    for (uint32_t i = 0; i < c->config.samples_max; i++)
        c->samples[i].next = i + 1 < c->config.samples_max ? i + 1 : NONE;
}

enum status curve_init(struct curve *c, const struct curve_config *config)
{
    ASSERT(config->samples_max >= 2);
    ASSERT(config->samples_max <= CURVE_SAMPLES_MAX);
    *c = (struct curve){.config = *config, .below = UINT64_MAX, .until_half = config->half_life};
    uint32_t buckets = 16;
    while (buckets < config->samples_max)
        buckets *= 2;
    c->mask = buckets - 1;
    c->places = 2 * config->samples_max;
    c->samples = alloc_zero(config->samples_max, sizeof(*c->samples));
    c->buckets = alloc_zero(buckets, sizeof(*c->buckets));
    c->order = alloc_zero(c->places + (size_t)1, sizeof(*c->order));
    c->bytes_at = alloc_zero(c->places + (size_t)1, sizeof(*c->bytes_at));
    if (!c->samples || !c->buckets || !c->order || !c->bytes_at) {
        curve_fini(c);
        return E_NO_MEMORY;
    }
    clear(c);
    return OK;
}

void curve_fini(struct curve *c)
{
    alloc_free(c->samples);
    alloc_free(c->buckets);
    alloc_free(c->order);
    alloc_free(c->bytes_at);
    *c = (struct curve){.places = 0};
}

/* ---- the order ---- */

/* Bytes modulo 2^64: what is taken off was added before. */
static void tree_add(struct curve *c, uint32_t place, uint64_t bytes)
{
    for (; place <= c->places; place += place & -place)
        c->bytes_at[place] += bytes;
}

/* Bytes at the first `place` places. */
static uint64_t tree_sum(const struct curve *c, uint32_t place)
{
    uint64_t sum = 0;
    for (; place; place -= place & -place)
        sum += c->bytes_at[place];
    return sum;
}

/* Numbers what is in the order from 1 on. */
static void renumber(struct curve *c)
{
    uint32_t n = 0;
    memset(c->bytes_at, 0, (c->places + (size_t)1) * sizeof(*c->bytes_at));
    for (uint32_t place = 1; place <= c->last; place++) {
        uint32_t i = c->order[place];
        c->order[place] = NONE;
        if (i == NONE)
            continue;
        c->order[++n] = i;
        c->samples[i].at = n;
        tree_add(c, n, c->samples[i].bytes);
    }
    c->last = n;
}

static void place_newest(struct curve *c, uint32_t i)
{
    if (c->last == c->places)
        renumber(c);
    c->samples[i].at = ++c->last;
    c->order[c->last] = i;
    tree_add(c, c->last, c->samples[i].bytes);
    c->total_bytes += c->samples[i].bytes;
}

static void unplace(struct curve *c, uint32_t i)
{
    const struct curve_sample *s = &c->samples[i];
    c->order[s->at] = NONE;
    tree_add(c, s->at, -s->bytes);
    c->total_bytes -= s->bytes;
}

/* ---- the sample ---- */

static uint32_t *bucket_of(const struct curve *c, uint64_t hash)
{
    return &c->buckets[hash & c->mask];
}

static uint32_t find(const struct curve *c, uint32_t id, uint64_t hash)
{
    uint32_t i = *bucket_of(c, hash);
    while (i != NONE && c->samples[i].id != id)
        i = c->samples[i].next;
    return i;
}

static void drop(struct curve *c, uint32_t i)
{
    uint32_t *at = bucket_of(c, hash_of(c, c->samples[i].id));
    while (*at != i)
        at = &c->samples[*at].next;
    *at = c->samples[i].next;
    unplace(c, i);
    c->samples[i].next = c->free;
    c->free = i;
    c->count--;
}

/* Lowers what hashes into the sample until there is room in it. */
static void thin(struct curve *c)
{
    while (c->count == c->config.samples_max) {
        c->below = (uint64_t)((double)c->below * KEEP);
        for (uint32_t place = 1; place <= c->last; place++) {
            uint32_t i = c->order[place];
            if (i != NONE && hash_of(c, c->samples[i].id) >= c->below)
                drop(c, i);
        }
    }
}

static void enter(struct curve *c, uint32_t id, uint64_t bytes, uint64_t hash)
{
    if (c->count == c->config.samples_max)
        thin(c);
    if (hash >= c->below)
        return;
    uint32_t i = c->free, *bucket = bucket_of(c, hash);
    c->free = c->samples[i].next;
    c->samples[i] = (struct curve_sample){.bytes = bytes, .id = id, .next = *bucket};
    *bucket = i;
    c->count++;
    place_newest(c, i);
}

/* ---- the curve ---- */

static double bin_begin(int bin)
{
    double octave = (double)(UINT64_C(1) << (bin / CURVE_STEPS));
    return octave * (1 + (double)(bin % CURVE_STEPS) / CURVE_STEPS);
}

/* The last bin that begins at or below x. */
static int bin_of(double x)
{
    if (x < 1)
        return 0;
    if (x >= (double)(UINT64_C(1) << (CURVE_OCTAVES - 1)) * 2)
        return BINS - 1;
    int octave = 63 - __builtin_clzll((uint64_t)x);
    double part = x / (double)(UINT64_C(1) << octave) - 1;
    return octave * CURVE_STEPS + MIN((int)(part * CURVE_STEPS), CURVE_STEPS - 1);
}

static void sum_add(struct curve_sum *s, double count, double cost_us)
{
    s->count += count;
    s->cost_us += count * cost_us;
}

static void halve(struct curve_sum *s)
{
    s->count /= 2;
    s->cost_us /= 2;
}

static void fade(struct curve *c)
{
    if (!c->config.half_life || --c->until_half)
        return;
    c->until_half = c->config.half_life;
    halve(&c->all);
    halve(&c->seen);
    for (int i = 0; i < BINS; i++)
        halve(&c->bins[i]);
}

void curve_access(struct curve *c, uint32_t id, uint64_t bytes, uint64_t cost_us)
{
    uint64_t hash = hash_of(c, id);
    fade(c);
    sum_add(&c->all, 1, (double)cost_us);
    if (hash >= c->below)
        return;
    double scale = 0x1p64 / (double)c->below; /* of one of the sample */
    sum_add(&c->seen, scale, (double)cost_us);
    uint32_t i = find(c, id, hash);
    if (i == NONE) {
        enter(c, id, bytes, hash);
        return;
    }
    struct curve_sample *s = &c->samples[i];
    if (s->bytes == bytes) {
        uint64_t behind = c->total_bytes - tree_sum(c, s->at);
        double distance = (double)behind * scale + (double)bytes;
        sum_add(&c->bins[bin_of(distance)], scale, (double)cost_us);
    }
    unplace(c, i);
    s->bytes = bytes;
    place_newest(c, i);
}

void curve_renew(struct curve *c, uint32_t id, uint64_t bytes)
{
    const uint32_t i = find(c, id, hash_of(c, id));
    if (i == NONE)
        return;
    struct curve_sample *s = &c->samples[i];
    tree_add(c, s->at, bytes - s->bytes);
    c->total_bytes += bytes - s->bytes;
    s->bytes = bytes;
}

void curve_forget(struct curve *c, uint32_t id)
{
    uint32_t i = find(c, id, hash_of(c, id));
    if (i != NONE)
        drop(c, i);
}

static double clamp(double x, double most)
{
    return x < 0 ? 0 : MIN(x, most);
}

/* Distances are spread evenly over each bin. */
void curve_at(const struct curve *c, uint64_t memory_bytes, struct curve_point *out)
{
    *out = (struct curve_point){0, 0};
    if (c->all.count <= 0)
        return;
    double memory = (double)memory_bytes;
    int last = bin_of(memory);
    struct curve_sum hits = {c->all.count - c->seen.count, c->all.cost_us - c->seen.cost_us};
    for (int i = 0; i <= last; i++) {
        double begin = bin_begin(i), end = bin_begin(i + 1);
        double part = i < last ? 1 : clamp((memory - begin) / (end - begin), 1);
        hits.count += part * c->bins[i].count;
        hits.cost_us += part * c->bins[i].cost_us;
    }
    out->hit_rate = memory_bytes ? clamp(hits.count, c->all.count) / c->all.count : 0;
    double missed_us = c->all.cost_us - (memory_bytes ? hits.cost_us : 0);
    out->miss_cost_us = clamp(missed_us, c->all.cost_us) / c->all.count;
}
