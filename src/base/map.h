/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A hash map from names to pointers. Hashing is seeded per process, so that names from outside
 * cannot be chosen to collide. Not thread-safe: the owner's lock guards it. */
#ifndef ROOST_BASE_MAP_H
#define ROOST_BASE_MAP_H

#include "base/status.h"

struct map_entry {
    char *key;     /* heap, owned by the map; NULL: free place */
    void *value;   /* borrowed: the map never frees it */
    uint64_t hash; /* of key */
};

/* Embedded; all zero is a valid empty map. */
struct map {
    struct map_entry *entries; /* heap; cap places, open addressing, linear probing */
    size_t count;              /* keys held */
    size_t cap;                /* a power of two, or 0 */
};

void map_fini(struct map *m);
void *map_get(const struct map *m, const char *key); /* NULL when absent */
/* Sets or replaces. errors: E_NO_MEMORY, map unchanged */
enum status map_put(struct map *m, const char *key, void *value) WARN_UNUSED;
void *map_remove(struct map *m, const char *key); /* the value, NULL when absent */
/* Walks all entries: start with *i = 0, ends with NULL. The map must not change meanwhile. */
const struct map_entry *map_next(const struct map *m, size_t *i);

#endif
