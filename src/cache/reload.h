/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A new version beside the old one. While a model is resident (or being loaded), what its name
 * stands for now can be loaded into a slot of its own, its heir:
 *
 *     current:  RESIDENT  what pins of the name find
 *     heir:     LOADING   no pin finds it; it reserves and evicts as any load, but never evicts
 *                         what it is to replace
 *
 * The heir's load ended well: it is current from then on, with the record, the recency and the keep
 * of the old one, which drains as its pins end. Badly: the old one goes on as if nothing had been,
 * and the failure stands in its record. Should the old one leave first (evicted, expired), the heir
 * has the name at once and pins join it. DELETE cancels it. An heir may have an heir: the name
 * changed again. Whichever is ready first replaces all before it.
 *
 * Nobody who pins waits for an heir, and nobody is refused because of one. */
#ifndef ROOST_CACHE_RELOAD_H
#define ROOST_CACHE_RELOAD_H

#include "cache/cache.h"

/* What made somebody ask for a reload: contents as given to cache_load_content. */
struct reload_cause {
    uint64_t seen;  /* of what is resident, as cache_due said */
    uint64_t found; /* of what the name stands for now */
};

/* Loads what the name stands for now beside what is there. True: w->done is called once, when that
 * load ends: on OK with a pin of the new version. w is not counted, and may be withdrawn. False,
 * and w is not called: nothing is resident or loading under the name, so that the next pin loads it
 * anyway (a failure that was remembered is forgotten), or there is no memory for the record.
 * why NULL: whatever is there is to be replaced. Else also false where that is no longer what was
 * seen, is being replaced already, or where loading what was found failed and is to be tried later.
 * thread: any   locks: takes CACHE   blocks: no */
bool cache_reload(struct cache *c, const char *name, const struct reload_cause *why,
                  uint64_t now_us, struct waiter *w) WARN_UNUSED;

/* What a load was resolved to, in 64 bits that mean nothing to the cache: equal while the name
 * stands for the same.  thread: loader   locks: takes CACHE   blocks: no */
void cache_load_content(struct cache *c, struct slot *slot, uint64_t content);

/* A model whose name is to be looked up again. */
struct due_model {
    char name[MODEL_NAME_MAX + 1]; /* in: behind which the search goes on, "" for the first; out */
    uint64_t content;              /* of what is resident */
};
enum due {
    DUE_FOUND,   /* d is one; it counts as looked at now */
    DUE_GO_ON,   /* none among those that were looked at; d->name says how far that was */
    DUE_THROUGH, /* none behind d->name */
};
/* Searches, in name order, for a resident model that an invocation asked for since it was loaded or
 * last looked at, or less than refresh_us before that (as the one that it was loaded for), and for
 * which that was long enough ago: between 3/4 of refresh_us and all of it, drawn anew each time, so
 * that models that came together part. One that is being replaced is not due.  thread: any   locks:
 * takes CACHE   blocks: no */
enum due cache_due(struct cache *c, struct due_model *d, uint64_t refresh_us,
                   uint64_t now_us) WARN_UNUSED;

#endif
