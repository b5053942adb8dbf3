/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* New versions found: threads of their own look up again what the names of resident models stand
 * for, those of models that are in use (cache_due), and where that has changed they have it loaded
 * beside what is there (cache/reload.h). No request waits for a look or for a load of that kind.
 *
 * A name that is not in the store any more changes nothing: what is resident goes on being served
 * until it leaves the memory, or somebody unloads it. Nor does a store that does not answer. What
 * cannot be loaded is tried again with the back-off of loads, or at once when it changed again. */
#ifndef ROOST_CATALOG_REFRESH_H
#define ROOST_CATALOG_REFRESH_H

#include <stdatomic.h>

#include "catalog/catalog.h"

enum { REFRESH_THREADS = 4 }; /* looks under way at once */

struct refresh; /* heap: threads, and the reloads that they began */

struct refresh_config {
    struct store *store; /* borrowed; outlive it */
    struct cache *cache;
    uint64_t refresh_us; /* a model is looked at once in that time; at least 1 */
};

/* errors: E_NO_MEMORY; E_INTERNAL (a thread cannot be started) */
enum status refresh_start(const struct refresh_config *c, struct refresh **out,
                          struct err *err) WARN_UNUSED;
/* After store_stop and loader_drain, so that what it waits for ends soon. NULL is fine.
 * blocks: until the reloads it began have ended */
void refresh_stop(struct refresh **r);

/* The name stands for something else from now on, by who has just changed it: has that loaded, and
 * waits until it is what calls of the name get or has failed. Returns at once where nothing is in
 * memory under the name, and soon once *cancelled is set; the reload then goes on.
 * thread: any but event, exec and loader   blocks: as long as the load takes */
void refresh_now(struct cache *c, const char *name, const atomic_bool *cancelled);

#endif
