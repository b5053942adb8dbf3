/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Growth frees the old region first: old and new are never held together, and the charge for the
 * old bytes is kept as part of the new one. */
#include "mem/arena.h"

#include <inttypes.h>

#include "base/checked.h"

void *bump_take(struct bump *b, uint64_t bytes, uint64_t align)
{
    uint64_t start;
    if (!checked_align(b->used, align, &start) || !range_inside(start, bytes, b->bytes))
        return NULL;
    b->used = start + bytes;
    return b->base + start;
}

void arena_init(struct arena *a, uint64_t max_bytes, const struct arena_charge *charge)
{
    *a = (struct arena){.max = max_bytes, .charge = charge};
}

static void give(struct arena *a, uint64_t bytes)
{
    if (a->charge && bytes)
        a->charge->give(a->charge->arg, bytes);
}

void arena_fini(struct arena *a)
{
    uint64_t held = a->region.bytes;
    region_fini(&a->region);
    give(a, held);
}

enum status arena_reserve(struct arena *a, uint64_t bytes, struct err *err)
{
    if (bytes <= a->region.bytes)
        return OK;
    uint64_t want = region_round(bytes);
    if (want > a->max)
        return err_set(err, E_TOO_LARGE,
                       "the run needs an arena of %" PRIu64 " bytes, --arena-max is %" PRIu64,
                       bytes, a->max);
    uint64_t held = a->region.bytes;
    if (a->charge) {
        enum status s = a->charge->take(a->charge->arg, want - held, err);
        if (s != OK)
            return s;
    }
    region_fini(&a->region);
    if (region_init(&a->region, want) != OK) {
        give(a, want);
        return err_set(err, E_NO_MEMORY, "no memory for an arena of %" PRIu64 " bytes", want);
    }
    return OK;
}
