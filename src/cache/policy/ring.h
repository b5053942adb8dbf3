/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* An order over dense ids, oldest first, in two arrays of indices: it may grow and move, which
 * links of pointers (lru.h) may not. */
#ifndef ROOST_CACHE_POLICY_RING_H
#define ROOST_CACHE_POLICY_RING_H

#include "base/status.h"

enum { RING_NONE = UINT32_MAX };

struct ring_link {
    uint32_t older, newer; /* places; place 0 is the ends, id stands at id + 1 */
};

/* Embedded; all zero is valid and has room for no id. */
struct ring {
    struct ring_link *links; /* heap; ids + 1 of them; an id outside points nowhere: {0, 0} and is
                              * not the ends' neighbour */
    uint32_t ids;
};

void ring_fini(struct ring *r);
enum status ring_reserve(struct ring *r, uint32_t ids) WARN_UNUSED; /* errors: E_NO_MEMORY */
void ring_add(struct ring *r, uint32_t id);    /* as the newest; not in it yet */
void ring_sink(struct ring *r, uint32_t id);   /* as the oldest; not in it yet */
void ring_remove(struct ring *r, uint32_t id); /* is in it */
bool ring_has(const struct ring *r, uint32_t id);
/* The next newer id after id (RING_NONE: the oldest); RING_NONE at the end. */
uint32_t ring_next(const struct ring *r, uint32_t id);

#endif
