/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Buckets by the bits of the number of nanoseconds: its octave and the nine bits after the first.
 */
#include "base/alloc.h"
#include "replay/replay_priv.h"

enum { BITS = 9, BUCKETS = (64 - BITS + 1) << BITS };

static size_t bucket(uint64_t ns)
{
    if (ns < 1u << BITS)
        return ns;
    int octave = 63 - __builtin_clzll(ns);
    return ((size_t)(octave - BITS + 1) << BITS) + ((ns >> (octave - BITS)) & ((1u << BITS) - 1));
}

static double middle_us(size_t b)
{
    if (b < 1u << BITS)
        return (double)b / 1e3;
    int shift = (int)(b >> BITS) - 1;
    double low = (double)((b & ((1u << BITS) - 1)) + (1u << BITS));
    return (low + 0.5) * (double)((uint64_t)1 << shift) / 1e3;
}

enum status waits_init(struct waits *w)
{
    *w = (struct waits){.buckets = alloc_zero(BUCKETS, sizeof(*w->buckets))};
    return w->buckets ? OK : E_NO_MEMORY;
}

void waits_fini(struct waits *w)
{
    alloc_free(w->buckets);
    w->buckets = NULL;
}

void waits_add(struct waits *w, double us)
{
    w->count++;
    if (us <= 0) {
        w->none++;
        return;
    }
    w->sum_us += us;
    w->buckets[bucket((uint64_t)MIN(us * 1e3 + 0.5, 9e18))]++;
}

double waits_percentile_us(const struct waits *w, double share)
{
    double exact = share * (double)w->count;
    uint64_t rank = (uint64_t)exact, seen = w->none;
    rank += (double)rank < exact;
    if (rank <= seen)
        return 0;
    for (size_t b = 0; b < BUCKETS; b++) {
        seen += w->buckets[b];
        if (seen >= rank)
            return middle_us(b);
    }
    return 0;
}
