/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A binary heap. Keys do not change with time, since all transfers age alike: only with waiters
 * and bytes left. The turn of prefetches comes now and then: it is searched for. */
#include "loader/link_sched.h"

#include "base/alloc.h"

static bool before(const struct link_transfer *a, const struct link_transfer *b)
{
    if ((a->waiters == 0) != (b->waiters == 0))
        return a->waiters != 0;
    if (a->key != b->key)
        return a->key < b->key;
    return a->since_us < b->since_us;
}

static void put(struct link_sched *s, size_t at, struct link_transfer *t)
{
    s->heap[at] = t;
    t->place = at;
}

static void sift(struct link_sched *s, size_t at)
{
    struct link_transfer *t = s->heap[at];
    for (; at > 1 && before(t, s->heap[at / 2]); at /= 2)
        put(s, at, s->heap[at / 2]);
    for (size_t child; (child = 2 * at) <= s->count; at = child) {
        if (child < s->count && before(s->heap[child + 1], s->heap[child]))
            child++;
        if (!before(s->heap[child], t))
            break;
        put(s, at, s->heap[child]);
    }
    put(s, at, t);
}

static void rank(const struct link_sched *s, struct link_transfer *t)
{
    t->key = (double)t->left_bytes / (double)MAX(t->waiters, 1) +
             s->ageing_bytes_per_us * (double)t->since_us;
}

void link_sched_init(struct link_sched *s, uint64_t chunk_bytes, uint64_t ageing_bytes_per_s)
{
    ASSERT(chunk_bytes > 0);
    *s = (struct link_sched){.chunk_bytes = chunk_bytes,
                             .ageing_bytes_per_us = (double)ageing_bytes_per_s / 1e6};
}

void link_sched_fini(struct link_sched *s)
{
    alloc_free(s->heap);
    s->heap = NULL;
}

enum status link_sched_reserve(struct link_sched *s, size_t transfers)
{
    if (transfers <= s->cap)
        return OK;
    struct link_transfer **heap =
        alloc_grow(s->heap, (transfers + 1) * sizeof(struct link_transfer *));
    if (!heap)
        return E_NO_MEMORY;
    s->heap = heap;
    s->cap = transfers;
    return OK;
}

void link_sched_add(struct link_sched *s, struct link_transfer *t, uint64_t bytes, uint32_t waiters,
                    uint64_t now_us)
{
    ASSERT(bytes > 0);
    *t = (struct link_transfer){.left_bytes = bytes, .since_us = now_us, .waiters = waiters};
    link_sched_put_back(s, t);
}

void link_sched_put_back(struct link_sched *s, struct link_transfer *t)
{
    ASSERT(s->count < s->cap);
    ASSERT(!t->place);
    rank(s, t);
    s->prefetches += !t->waiters;
    put(s, ++s->count, t);
    sift(s, s->count);
}

void link_sched_waiters(struct link_sched *s, struct link_transfer *t, uint32_t waiters)
{
    const bool was = !t->waiters;
    t->waiters = waiters;
    if (!t->place)
        return;
    s->prefetches = s->prefetches - was + !waiters;
    rank(s, t);
    sift(s, t->place);
}

void link_sched_remove(struct link_sched *s, struct link_transfer *t)
{
    size_t at = t->place;
    if (!at)
        return;
    struct link_transfer *last = s->heap[s->count--];
    t->place = 0;
    s->prefetches -= !t->waiters;
    if (last == t)
        return;
    put(s, at, last);
    sift(s, at);
}

static struct link_transfer *first_prefetch(const struct link_sched *s)
{
    struct link_transfer *first = NULL;
    for (size_t i = 1; i <= s->count; i++)
        if (!s->heap[i]->waiters && (!first || before(s->heap[i], first)))
            first = s->heap[i];
    return first;
}

struct link_transfer *link_sched_peek(const struct link_sched *s)
{
    if (s->prefetches && s->passed == LINK_PREFETCH_TURN)
        return first_prefetch(s);
    return s->count ? s->heap[1] : NULL;
}

struct link_transfer *link_sched_next(struct link_sched *s, uint64_t *bytes)
{
    struct link_transfer *t = link_sched_peek(s);
    if (!t)
        return NULL;
    s->passed = t->waiters && s->prefetches ? s->passed + 1 : 0;
    *bytes = MIN(t->left_bytes, s->chunk_bytes);
    if (t->most_bytes)
        *bytes = MIN(*bytes, t->most_bytes);
    t->left_bytes -= *bytes;
    if (t->left_bytes) {
        rank(s, t);
        sift(s, t->place);
    } else {
        link_sched_remove(s, t);
    }
    return t;
}
