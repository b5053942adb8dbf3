/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How much of what is loaded was thrown out just before, and how fast loads are. Pure: time comes
 * in; whoever owns it serializes the calls. */
#ifndef ROOST_CACHE_THRASH_H
#define ROOST_CACHE_THRASH_H

#include "base/base.h"

enum {
    THRASH_SOON_US = 60000000, /* loaded again within it: better it had stayed */
    THRASH_PARTS = 6,          /* the window, in parts of … */
    THRASH_PART_US = 10000000,
    THRASH_WAIT_MAX_S = 60, /* the longest Retry-After */
};

/* Embedded; all zero is valid. */
struct thrash {
    struct {
        uint64_t turn;          /* which part of time it counts */
        uint64_t loaded, again; /* bytes; again: within THRASH_SOON_US of their eviction */
    } parts[THRASH_PARTS];
    double bytes, busy_us; /* fading: what was loaded, and the time that loads were under way */
    uint64_t end_us;       /* when the latest load ended */
};

/* A load of so many bytes ended that was asked for took_us ago. Two at a time share their time. */
void thrash_note(struct thrash *t, uint64_t now_us, uint64_t bytes, uint64_t took_us, bool again);
/* Bytes loaded again ÷ bytes loaded over the last minute, in millionths; 0 while fewer than `least`
 * were loaded. */
uint32_t thrash_ratio(const struct thrash *t, uint64_t now_us, uint64_t least);
/* What loading so many bytes takes, at the speed measured; 0: none was. */
uint64_t thrash_load_us(const struct thrash *t, uint64_t bytes);
/* The same for Retry-After: at least 1, at most THRASH_WAIT_MAX_S. */
uint32_t thrash_wait_s(const struct thrash *t, uint64_t bytes);

#endif
