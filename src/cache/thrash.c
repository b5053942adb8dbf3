/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The ratio is over a ring of parts of time, so that it falls once the loads stop: what was refused
 * is tried again. */
#include "cache/thrash.h"

enum { MILLION = 1000000, US_PER_S = 1000000 };
static const double KEEP = 15.0 / 16; /* of the measured speed, at each load */

void thrash_note(struct thrash *t, uint64_t now_us, uint64_t bytes, uint64_t took_us, bool again)
{
    uint64_t turn = now_us / THRASH_PART_US + 1; /* 0: never */
    uint64_t since_us = now_us > t->end_us ? now_us - t->end_us : 0;
    size_t i = turn % THRASH_PARTS;
    if (t->parts[i].turn != turn) {
        t->parts[i].turn = turn;
        t->parts[i].loaded = t->parts[i].again = 0;
    }
    t->parts[i].loaded += bytes;
    t->parts[i].again += again ? bytes : 0;
    t->bytes = t->bytes * KEEP + (double)bytes;
    t->busy_us = t->busy_us * KEEP + (double)MIN(took_us, since_us);
    t->end_us = MAX(t->end_us, now_us);
}

uint32_t thrash_ratio(const struct thrash *t, uint64_t now_us, uint64_t least)
{
    uint64_t turn = now_us / THRASH_PART_US + 1, loaded = 0, again = 0;
    for (size_t i = 0; i < THRASH_PARTS; i++) {
        if (t->parts[i].turn + THRASH_PARTS <= turn)
            continue;
        loaded += t->parts[i].loaded;
        again += t->parts[i].again;
    }
    if (!loaded || loaded < least)
        return 0;
    return (uint32_t)((double)again / (double)loaded * MILLION);
}

uint64_t thrash_load_us(const struct thrash *t, uint64_t bytes)
{
    return t->bytes > 0 ? (uint64_t)((double)bytes * (t->busy_us / t->bytes)) : 0;
}

uint32_t thrash_wait_s(const struct thrash *t, uint64_t bytes)
{
    uint64_t s = thrash_load_us(t, bytes) / US_PER_S + 1;
    return (uint32_t)MIN(s, (uint64_t)THRASH_WAIT_MAX_S);
}
