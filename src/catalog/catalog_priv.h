/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the catalog's files share. */
#ifndef ROOST_CATALOG_CATALOG_PRIV_H
#define ROOST_CATALOG_CATALOG_PRIV_H

#include "catalog/catalog.h"

/* A published version: a decimal of 1 to 18 digits without a leading zero. False for other text. */
bool version_parse(const char *s, size_t len, uint64_t *n) WARN_UNUSED;

/* The number that _roost/models/<name>/current holds.  errors: E_NOT_FOUND; E_STORE; E_CORRUPT */
enum status pointer_read(struct store *store, const char *name, uint64_t *n,
                         struct err *err) WARN_UNUSED;

struct store *catalog_store(struct catalog *c);
/* One at a time changes pointers and removes versions: what one looked at still holds when it acts.
 * Who has the turn may block on the store, so it is no lock.  locks: takes CATALOG */
void catalog_turn_take(struct catalog *c);
void catalog_turn_give(struct catalog *c);

/* Bytes of the ending that makes a file one model, artifact or not; 0: it has none. */
size_t catalog_ending(const char *file, size_t len);

/* Where published models' pointers and versions lie. */
#define CATALOG_PUBLISHED "_roost/models/"

#endif
