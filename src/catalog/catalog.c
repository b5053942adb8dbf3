/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Names that proved unknown, remembered briefly, so that a client's typo in a loop costs the store
 * one look a second and later one a minute. The entries stand in a map and in a list by the time
 * they were last confirmed: its head is the oldest, which goes first beyond the bound. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/map.h"
#include "catalog/catalog_priv.h"

#define SECOND_US UINT64_C(1000000)

static const uint64_t absent_min_us = 1 * SECOND_US, absent_max_us = 60 * SECOND_US;

/* Heap, owned by the catalog; guarded by its lock. */
struct negative {
    struct negative *newer, *older;
    uint64_t until_us; /* unknown before this */
    uint64_t for_us;   /* how long that was to be */
    char name[MODEL_NAME_MAX + 1];
};

struct catalog {
    struct store *store; /* borrowed */
    uint64_t (*now_us)(void);
    uint32_t negatives_max;
    struct lock lock; /* LOCK_CATALOG; guards what follows */
    struct map by_name;
    struct negative *newest, *oldest;
    struct probes probes;
    uint64_t published; /* pointers that were flipped here */
    bool turn;          /* somebody has it */
    struct cond turn_free;
};

enum status catalog_new(struct store *store, uint32_t negatives_max, uint32_t probes_per_s,
                        struct catalog **out)
{
    struct catalog *c = alloc_zero(1, sizeof(*c));
    if (!c)
        return E_NO_MEMORY;
    c->store = store;
    c->now_us = clock_now_us;
    c->negatives_max = negatives_max;
    c->probes.rate = MAX(probes_per_s, 1);
    lock_init(&c->lock, LOCK_CATALOG);
    cond_init(&c->turn_free);
    *out = c;
    return OK;
}

void catalog_free(struct catalog **c)
{
    if (!*c)
        return;
    for (struct negative *n = (*c)->oldest, *next; n; n = next) {
        next = n->newer;
        alloc_free(n);
    }
    map_fini(&(*c)->by_name);
    cond_fini(&(*c)->turn_free);
    lock_fini(&(*c)->lock);
    alloc_free(*c);
    *c = NULL;
}

static void list_add(struct catalog *c, struct negative *n) REQUIRES(c->lock)
{
    n->newer = NULL;
    n->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = n;
    c->newest = n;
}

static void list_remove(struct catalog *c, struct negative *n) REQUIRES(c->lock)
{
    *(n->newer ? &n->newer->older : &c->newest) = n->older;
    *(n->older ? &n->older->newer : &c->oldest) = n->newer;
}

/* Takes the entry out; the caller frees it without the lock. NULL is fine. */
static struct negative *take_locked(struct catalog *c, struct negative *n) REQUIRES(c->lock)
{
    if (n) {
        list_remove(c, n);
        map_remove(&c->by_name, n->name);
    }
    return n;
}

bool catalog_known_absent(struct catalog *c, const char *name, uint64_t now_us)
{
    lock_take(&c->lock);
    const struct negative *n = map_get(&c->by_name, name);
    bool absent = n && now_us < n->until_us;
    lock_release(&c->lock);
    return absent;
}

void catalog_bound_node(struct catalog *c, uint32_t probes_per_s)
{
    c->probes.node_rate = probes_per_s;
}

enum probe catalog_may_probe(struct catalog *c, const char *name, uint64_t now_us)
{
    lock_take(&c->lock);
    enum probe may = probes_left(&c->probes, name, now_us);
    lock_release(&c->lock);
    return may;
}

void catalog_forgive(struct catalog *c, const char *name, uint64_t now_us)
{
    lock_take(&c->lock);
    probes_give_back(&c->probes, name, now_us);
    lock_release(&c->lock);
}

static void extend(struct negative *n, uint64_t now_us)
{
    bool forgotten = now_us > n->until_us + absent_max_us;
    n->for_us = n->for_us && !forgotten ? MIN(2 * n->for_us, absent_max_us) : absent_min_us;
    n->until_us = now_us + n->for_us;
}

/* Unless a pointer was flipped since `published` was read: the name may be there by now. */
static void note_absent(struct catalog *c, const char *name, uint64_t now_us, uint64_t published)
{
    size_t len = strlen(name);
    struct negative *fresh = len <= MODEL_NAME_MAX ? alloc_zero(1, sizeof(*fresh)) : NULL;
    struct negative *spare = fresh, *gone = NULL;
    if (fresh)
        memcpy(fresh->name, name, len + 1);
    lock_take(&c->lock);
    probes_spend(&c->probes, name, now_us);
    const bool still = c->published == published;
    struct negative *n = still ? map_get(&c->by_name, name) : NULL;
    if (n) {
        list_remove(c, n);
    } else if (still && fresh && map_put(&c->by_name, name, fresh) == OK) {
        n = fresh;
        spare = NULL;
    }
    if (n) {
        extend(n, now_us);
        list_add(c, n);
    }
    if (c->by_name.count > c->negatives_max)
        gone = take_locked(c, c->oldest);
    lock_release(&c->lock);
    alloc_free(spare);
    alloc_free(gone);
}

static uint64_t published_now(struct catalog *c)
{
    lock_take(&c->lock);
    uint64_t n = c->published;
    lock_release(&c->lock);
    return n;
}

void catalog_note_absent(struct catalog *c, const char *name, uint64_t now_us)
{
    note_absent(c, name, now_us, published_now(c));
}

void catalog_note_published(struct catalog *c, const char *name)
{
    lock_take(&c->lock);
    c->published++;
    lock_release(&c->lock);
    catalog_note_present(c, name);
}

void catalog_note_present(struct catalog *c, const char *name)
{
    lock_take(&c->lock);
    struct negative *gone = take_locked(c, map_get(&c->by_name, name));
    lock_release(&c->lock);
    alloc_free(gone);
}

size_t catalog_absent_count(struct catalog *c)
{
    lock_take(&c->lock);
    size_t n = c->by_name.count;
    lock_release(&c->lock);
    return n;
}

void catalog_set_clock(struct catalog *c, uint64_t (*now_us)(void))
{
    c->now_us = now_us;
}

uint64_t catalog_now_us(const struct catalog *c)
{
    return c->now_us();
}

struct store *catalog_store(struct catalog *c)
{
    return c->store;
}

void catalog_turn_take(struct catalog *c)
{
    lock_take(&c->lock);
    while (c->turn)
        cond_wait(&c->turn_free, &c->lock, 0);
    c->turn = true;
    lock_release(&c->lock);
}

void catalog_turn_give(struct catalog *c)
{
    lock_take(&c->lock);
    c->turn = false;
    cond_wake_one(&c->turn_free);
    lock_release(&c->lock);
}

static void note_found(struct catalog *c, const char *name)
{
    lock_take(&c->lock);
    probes_found(&c->probes, name);
    lock_release(&c->lock);
    catalog_note_present(c, name);
}

static enum status resolve(void *self, const char *name, bool look, struct resolved *out,
                           struct err *err)
{
    struct catalog *c = self;
    const uint64_t published = published_now(c);
    enum status s = look ? catalog_resolve(c->store, name, out, err)
                         : catalog_resolve_place(c->store, name, out, err);
    if (s == E_NOT_FOUND)
        note_absent(c, name, clock_now_us(), published);
    else if (s == OK)
        note_found(c, name);
    return s;
}

struct loader_resolver catalog_resolver(struct catalog *c)
{
    return (struct loader_resolver){resolve, c};
}
