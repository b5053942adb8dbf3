/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Open addressing with linear probing and backward-shift deletion: no tombstones, at most 3/4 full.
 * source: Knuth, TAOCP vol. 3, 6.4, Algorithm R */
#include "base/map.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

enum { FIRST_CAP = 16 };

void map_fini(struct map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        alloc_free(m->entries[i].key);
    alloc_free(m->entries);
    *m = (struct map){0};
}

/* The place of key, or the free place where it belongs. Needs cap > count. */
static size_t place(const struct map *m, const char *key, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);
    while (m->entries[i].key && (m->entries[i].hash != hash || strcmp(m->entries[i].key, key) != 0))
        i = (i + 1) & (m->cap - 1);
    return i;
}

void *map_get(const struct map *m, const char *key)
{
    if (!m->cap)
        return NULL;
    const struct map_entry *e = &m->entries[place(m, key, hash_name(key))];
    return e->key ? e->value : NULL;
}

static enum status grow(struct map *m)
{
    size_t cap = m->cap ? m->cap * 2 : FIRST_CAP;
    struct map next = {alloc_zero(cap, sizeof(struct map_entry)), m->count, cap};
    if (!next.entries)
        return E_NO_MEMORY;
    for (size_t i = 0; i < m->cap; i++)
        if (m->entries[i].key)
            next.entries[place(&next, m->entries[i].key, m->entries[i].hash)] = m->entries[i];
    alloc_free(m->entries);
    *m = next;
    return OK;
}

enum status map_put(struct map *m, const char *key, void *value)
{
    if ((m->count + 1) * 4 > m->cap * 3) {
        enum status s = grow(m);
        if (s != OK)
            return s;
    }
    uint64_t hash = hash_name(key);
    struct map_entry *e = &m->entries[place(m, key, hash)];
    if (!e->key) {
        char *copy = alloc_str(key);
        if (!copy)
            return E_NO_MEMORY;
        *e = (struct map_entry){copy, value, hash};
        m->count++;
    }
    e->value = value;
    return OK;
}

void *map_remove(struct map *m, const char *key)
{
    if (!m->cap)
        return NULL;
    size_t hole = place(m, key, hash_name(key));
    if (!m->entries[hole].key)
        return NULL;
    void *value = m->entries[hole].value;
    alloc_free(m->entries[hole].key);
    m->entries[hole].key = NULL;
    m->count--;
    size_t mask = m->cap - 1;
    for (size_t i = (hole + 1) & mask; m->entries[i].key; i = (i + 1) & mask) {
        size_t home = m->entries[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        m->entries[hole] = m->entries[i];
        m->entries[i].key = NULL;
        hole = i;
    }
    return value;
}

const struct map_entry *map_next(const struct map *m, size_t *i)
{
    while (*i < m->cap) {
        const struct map_entry *e = &m->entries[(*i)++];
        if (e->key)
            return e;
    }
    return NULL;
}
