/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Work for several threads at once, where each piece of it waits for a store that is far. */
#ifndef ROOST_CATALOG_MANY_H
#define ROOST_CATALOG_MANY_H

#include "store/store.h"

enum { MANY_THREADS = 16 };

/* How many are worth while: one where a look costs next to nothing. */
uint32_t many_threads(const struct store *store);
/* Calls fn(arg) on the caller's thread and on up to `threads` - 1 others, MANY_THREADS at most, and
 * returns when all of these calls have; where no thread can be started there is the caller's alone.
 * fn returns when nothing is left to be done.  thread: any   blocks: as fn does */
void many_run(uint32_t threads, void (*fn)(void *arg), void *arg);

#endif
