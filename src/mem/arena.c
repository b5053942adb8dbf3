/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Reserving frees the old regions first: old and new are never held together, and the charge for
 * the old bytes is kept as part of the new ones. */
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

uint64_t arena_bytes(const struct arena *a)
{
    uint64_t n = a->region.bytes;
    for (uint32_t i = 0; i < a->n_more; i++)
        n += a->more[i].bytes;
    return n;
}

static void free_own(struct arena *a)
{
    region_fini(&a->region);
    while (a->n_more)
        region_fini(&a->more[--a->n_more]);
}

void arena_fini(struct arena *a)
{
    uint64_t held = arena_bytes(a);
    ASSERT(a->lent == 0);
    free_own(a);
    give(a, held);
}

/* Charges the step from `held` bytes to `want`. */
static enum status charge(struct arena *a, uint64_t held, uint64_t want, struct err *err)
{
    if (want > a->max)
        return err_set(err, E_TOO_LARGE,
                       "the run needs an arena of %" PRIu64 " bytes, --arena-max is %" PRIu64, want,
                       a->max);
    return a->charge ? a->charge->take(a->charge->arg, want - held, err) : OK;
}

enum status arena_reserve(struct arena *a, uint64_t bytes, struct err *err)
{
    uint64_t held = arena_bytes(a), want = MAX(region_round(bytes), held), total;
    if (bytes <= a->region.bytes)
        return OK;
    if (!checked_add(want, a->lent, &total))
        total = UINT64_MAX;
    enum status s = charge(a, held + a->lent, total, err);
    if (s != OK)
        return s;
    free_own(a);
    if (region_init(&a->region, want) != OK) {
        give(a, want);
        return err_set(err, E_NO_MEMORY, "no memory for an arena of %" PRIu64 " bytes", want);
    }
    return OK;
}

/* One more region, charged. */
static enum status add_region(struct arena *a, uint64_t bytes, struct region *out, struct err *err)
{
    uint64_t held = arena_bytes(a) + a->lent, total;
    if (!checked_add(held, region_round(bytes), &total))
        total = UINT64_MAX;
    enum status s = charge(a, held, total, err);
    if (s == OK && region_init(out, bytes) != OK) {
        give(a, total - held);
        return err_set(err, E_NO_MEMORY, "no memory for %" PRIu64 " bytes more of an arena", bytes);
    }
    return s;
}

enum status arena_grow(struct arena *a, uint64_t bytes, struct region *out, struct err *err)
{
    if (a->n_more == ARENA_MORE_MAX)
        return err_set(err, E_NO_ROOM, "the arena is in %d pieces already", ARENA_MORE_MAX + 1);
    enum status s = add_region(a, bytes, &a->more[a->n_more], err);
    if (s == OK)
        *out = a->more[a->n_more++];
    return s;
}

enum status arena_lend(struct arena *a, uint64_t bytes, struct region *out, struct err *err)
{
    enum status s = add_region(a, bytes, out, err);
    if (s == OK)
        a->lent += out->bytes;
    return s;
}

void arena_take_back(struct arena *a, struct region *r)
{
    uint64_t bytes = r->bytes;
    ASSERT(a->lent >= bytes);
    region_fini(r);
    a->lent -= bytes;
    give(a, bytes);
}
