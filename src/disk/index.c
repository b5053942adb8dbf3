/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Which files there are, in chains by a seeded hash, and the line in which those that nobody reads
 * wait for their eviction. A file's state changes only here, together with what it is charged as.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "disk/disk_priv.h"

uint64_t disk_charge(uint64_t bytes)
{
    uint64_t n;
    return checked_align(bytes, DISK_BLOCK, &n) ? n : UINT64_MAX;
}

uint64_t disk_mark(const struct disk_key *key)
{
    uint64_t mark;
    memcpy(&mark, key->digest, sizeof(mark));
    return mark ? mark : 1;
}

/* By the mark alone where there is no scope, so that a file is found by it too; scopes and digests
 * are hashes already. */
static uint32_t bucket_of(enum disk_kind kind, uint64_t mark)
{
    return (uint32_t)(hash_bytes(&mark, sizeof(mark)) + kind) % (uint32_t)DISK_BUCKETS;
}

uint32_t index_bucket(const struct disk_key *key)
{
    uint64_t scope;
    memcpy(&scope, key->scope, sizeof(scope));
    return bucket_of(key->kind, disk_mark(key) ^ scope);
}

const struct disk_entry *index_find_mark(const struct disk *d, enum disk_kind kind, uint64_t mark)
{
    const struct disk_entry *e = d->buckets[bucket_of(kind, mark)];
    while (e && (e->key.kind != kind || disk_mark(&e->key) != mark))
        e = e->next;
    return e;
}

static bool same_key(const struct disk_key *a, const struct disk_key *b)
{
    return a->kind == b->kind && memcmp(a->digest, b->digest, sizeof(a->digest)) == 0 &&
           memcmp(a->scope, b->scope, sizeof(a->scope)) == 0;
}

struct disk_entry *index_find(const struct disk *d, const struct disk_key *key)
{
    struct disk_entry *e = d->buckets[index_bucket(key)];
    while (e && !same_key(&e->key, key))
        e = e->next;
    return e;
}

void index_add(struct disk *d, struct disk_entry *e)
{
    struct disk_entry **bucket = &d->buckets[index_bucket(&e->key)];
    e->next = *bucket;
    *bucket = e;
    d->usage.files++;
}

void index_remove(struct disk *d, struct disk_entry *e)
{
    struct disk_entry **at = &d->buckets[index_bucket(&e->key)];
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    e->next = NULL;
    d->usage.files--;
}

void line_add(struct disk *d, struct disk_entry *e)
{
    e->in_line = true;
    e->newer = NULL;
    e->older = d->newest;
    *(d->newest ? &d->newest->newer : &d->oldest) = e;
    d->newest = e;
    d->idle_bytes += disk_charge(e->bytes);
}

void line_remove(struct disk *d, struct disk_entry *e)
{
    ASSERT(e->in_line);
    e->in_line = false;
    *(e->newer ? &e->newer->older : &d->newest) = e->older;
    *(e->older ? &e->older->newer : &d->oldest) = e->newer;
    e->newer = e->older = NULL;
    d->idle_bytes -= disk_charge(e->bytes);
}

void entry_publish(struct disk *d, struct disk_entry *e)
{
    ASSERT(e->state == ENTRY_WRITING);
    e->state = ENTRY_PRESENT;
    budget_move(&d->budget, BUDGET_RESERVED, BUDGET_RESIDENT, disk_charge(e->bytes));
    line_add(d, e);
}

void entry_leave(struct disk *d, struct disk_entry *e)
{
    ASSERT(e->state == ENTRY_PRESENT);
    if (e->in_line)
        line_remove(d, e);
    e->state = ENTRY_LEAVING;
    budget_move(&d->budget, BUDGET_RESIDENT, BUDGET_DRAINING, disk_charge(e->bytes));
}

void entry_stay(struct disk *d, struct disk_entry *e)
{
    ASSERT(e->state == ENTRY_LEAVING);
    e->state = ENTRY_PRESENT;
    budget_move(&d->budget, BUDGET_DRAINING, BUDGET_RESIDENT, disk_charge(e->bytes));
    if (!e->refs)
        line_add(d, e);
}

static void free_gone(struct disk *d, struct disk_entry *e)
{
    budget_give(&d->budget, BUDGET_DRAINING, disk_charge(e->bytes));
    alloc_free(e);
}

void entry_left(struct disk *d, struct disk_entry *e)
{
    ASSERT(e->state == ENTRY_LEAVING);
    index_remove(d, e);
    e->state = ENTRY_GONE;
    if (!e->refs)
        free_gone(d, e);
}

void entry_unref(struct disk *d, struct disk_entry *e)
{
    ASSERT(e->refs > 0);
    if (--e->refs)
        return;
    if (e->state == ENTRY_GONE)
        free_gone(d, e);
    else if (e->state == ENTRY_PRESENT && !e->in_line)
        line_add(d, e);
}
