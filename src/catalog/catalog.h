/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Names -> versions -> artifacts. A name resolves to the first of: _roost/models/<name>/current
 * (whose text is the version n of _roost/models/<name>/<n>.roost); the highest
 * <name>/<n>/model.roost; <name>.roost. Names that proved unknown are remembered, 1 s growing to 60
 * s, 10,000 at most. */
#ifndef ROOST_CATALOG_CATALOG_H
#define ROOST_CATALOG_CATALOG_H

#include "loader/loader.h"

struct catalog;

enum status catalog_new(struct store *store, uint32_t negatives_max,
                        struct catalog **out) WARN_UNUSED;
void catalog_free(struct catalog **c);

/* Proves `model` or `tenant/model`, and writes the one spelling that the node uses: `default/x` is
 * `x`. errors: E_BAD_INPUT naming the rule that was broken */
enum status catalog_name(const char *text, size_t len, char out[MODEL_NAME_MAX + 1],
                         struct err *err) WARN_UNUSED;
/* Is this one of the words that never name a model's second segment (invoke, load, …)? */
bool catalog_is_verb(const char *segment, size_t len);

/* Is the name remembered as unknown at now_us?  thread: any   locks: takes CATALOG   blocks: no */
bool catalog_known_absent(struct catalog *c, const char *name, uint64_t now_us);
/* The loader's resolver; remembers E_NOT_FOUND.  thread: loader   blocks: disk, network */
struct loader_resolver catalog_resolver(struct catalog *c);

/* Every invocable name of the store in name order, for `roost ls`.  blocks: disk, network */
typedef enum status catalog_list_fn(void *arg, const char *name, const struct resolved *r);
enum status catalog_list(struct store *store, catalog_list_fn *fn, void *arg,
                         struct err *err) WARN_UNUSED;

#endif
