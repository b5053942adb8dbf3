/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The thread that unloads what nobody used for its time to live (--ttl, or its tenant's). It looks
 * every EXPIRY_PERIOD_S; a node without such times has none. */
#ifndef ROOST_CLI_EXPIRY_H
#define ROOST_CLI_EXPIRY_H

#include "cache/cache.h"

enum { EXPIRY_PERIOD_S = 1 };

struct expiry; /* heap: a thread and what it works with */

/* *out stays NULL where nothing expires.  errors: E_NO_MEMORY; E_INTERNAL */
enum status expiry_start(struct cache *c, struct expiry **out, struct err *err) WARN_UNUSED;
void expiry_stop(struct expiry **e); /* NULL is fine */

#endif
