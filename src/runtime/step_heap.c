/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pieces lie one after the other in each region; two neighbours are never both free. A free piece
 * stands in the list of its size class, so that taking one looks at a bounded number of pieces. */
#include "runtime/step_heap.h"

#include <string.h>

#include "base/checked.h"

enum {
    HEADER = 64,          /* bytes before a piece's own */
    TRIES_MAX = 16,       /* pieces of the wanted class that are looked at */
    GROW_MIN = 64 * 1024, /* bytes that the arena grows by at least */
    BYTES_MAX_SHIFT = 62, /* no piece has 2^62 bytes or more */
};

_Static_assert(sizeof(struct piece) <= HEADER, "the header fits before the aligned bytes");
_Static_assert(BYTES_MAX_SHIFT - 6 < PIECE_CLASSES, "every size has a class");

void *piece_data(struct piece *p)
{
    return (uint8_t *)p + HEADER;
}

/* bytes: a positive multiple of PIECE_ALIGN. */
static int class_of(uint64_t bytes)
{
    return 63 - __builtin_clzll(bytes / PIECE_ALIGN);
}

static void list_add(struct step_heap *h, struct piece *p)
{
    struct piece **list = &h->free[class_of(p->bytes)];
    p->holds = 0;
    p->prev = NULL;
    p->next = *list;
    if (*list)
        (*list)->prev = p;
    *list = p;
}

static void list_remove(struct step_heap *h, struct piece *p)
{
    if (p->prev)
        p->prev->next = p->next;
    else
        h->free[class_of(p->bytes)] = p->next;
    if (p->next)
        p->next->prev = p->prev;
}

/* All of a region as one free piece. */
static void add_region(struct step_heap *h, const struct region *r)
{
    struct piece *p = r->base;
    *p = (struct piece){.bytes = r->bytes - HEADER};
    list_add(h, p);
}

enum status step_heap_open(struct step_heap *h, struct arena *arena, struct err *err)
{
    enum status s = arena_reserve(arena, arena_bytes(arena), err);
    if (s != OK)
        return s;
    memset(h, 0, sizeof(*h));
    h->arena = arena;
    if (arena->region.bytes)
        add_region(h, &arena->region);
    return OK;
}

static struct piece *find(const struct step_heap *h, uint64_t bytes)
{
    int c = class_of(bytes), tries = TRIES_MAX;
    for (struct piece *p = h->free[c]; p && tries-- > 0; p = p->next)
        if (p->bytes >= bytes)
            return p;
    while (++c < PIECE_CLASSES)
        if (h->free[c])
            return h->free[c];
    return NULL;
}

/* By a quarter of what there is, so that growing stays rare; by no more than it takes where that is
 * refused. */
static enum status grow(struct step_heap *h, uint64_t bytes, struct err *err)
{
    const struct arena *a = h->arena;
    uint64_t need = bytes + HEADER, held = arena_bytes(a) + a->lent;
    uint64_t left = a->max > held ? a->max - held : 0;
    uint64_t want = MIN(MAX(MAX(arena_bytes(a) / 4, (uint64_t)GROW_MIN), need), left);
    struct region r;
    struct err ignored;
    enum status s = want > need ? arena_grow(h->arena, want, &r, &ignored) : E_NO_ROOM;
    if (s != OK)
        s = arena_grow(h->arena, need, &r, err);
    if (s == OK)
        add_region(h, &r);
    return s;
}

/* Makes what lies behind p's first `bytes` a free piece of its own, where it is large enough. */
static void cut(struct step_heap *h, struct piece *p, uint64_t bytes)
{
    if (p->bytes - bytes < HEADER + PIECE_ALIGN)
        return;
    struct piece *rest = (struct piece *)((uint8_t *)piece_data(p) + bytes);
    *rest = (struct piece){.bytes = p->bytes - bytes - HEADER, .before = p, .after = p->after};
    p->bytes = bytes;
    p->after = rest;
    struct piece *after = rest->after;
    if (after && !after->holds) {
        list_remove(h, after);
        rest->bytes += HEADER + after->bytes;
        rest->after = after->after;
    }
    if (rest->after)
        rest->after->before = rest;
    list_add(h, rest);
}

enum status step_heap_take(struct step_heap *h, uint64_t bytes, struct piece **out, struct err *err)
{
    uint64_t n;
    if (!checked_align(MAX(bytes, 1), PIECE_ALIGN, &n) || n >> BYTES_MAX_SHIFT)
        return err_set(err, E_TOO_LARGE, "a value of more than 2^%d bytes", BYTES_MAX_SHIFT);
    struct piece *p = find(h, n);
    if (!p) {
        enum status s = grow(h, n, err);
        if (s != OK)
            return s;
        p = find(h, n);
        ASSERT(p); /* the new region holds it */
    }
    list_remove(h, p);
    p->holds = 1;
    cut(h, p, n);
    h->used += HEADER + p->bytes;
    h->most = MAX(h->most, h->used);
    *out = p;
    return OK;
}

void step_heap_hold(struct piece *p)
{
    if (!p)
        return;
    ASSERT(p->holds > 0);
    p->holds++;
}

static void join_after(struct piece *p, struct piece *after)
{
    p->bytes += HEADER + after->bytes;
    p->after = after->after;
    if (p->after)
        p->after->before = p;
}

void step_heap_drop(struct step_heap *h, struct piece *p)
{
    if (!p)
        return;
    ASSERT(p->holds > 0);
    if (--p->holds)
        return;
    h->used -= HEADER + p->bytes;
    if (p->after && !p->after->holds) {
        list_remove(h, p->after);
        join_after(p, p->after);
    }
    if (p->before && !p->before->holds) {
        list_remove(h, p->before);
        p = p->before;
        join_after(p, p->after);
    }
    list_add(h, p);
}

void step_heap_trim(struct step_heap *h, struct piece *p, uint64_t bytes)
{
    uint64_t n, before = p->bytes;
    if (!checked_align(MAX(bytes, 1), PIECE_ALIGN, &n) || n >= p->bytes)
        return;
    cut(h, p, n);
    h->used -= before - p->bytes;
}
