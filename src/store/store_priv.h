/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the kinds of store offer store.c. */
#ifndef ROOST_STORE_STORE_PRIV_H
#define ROOST_STORE_STORE_PRIV_H

#include "store/store.h"

/* A directory, which has no options. errors: as store_open */
enum status file_store_open(const char *path, const struct store_options *o, struct store **out,
                            struct err *err) WARN_UNUSED;
/* What stands behind "s3://". errors: as store_open */
enum status s3_store_open(const char *rest, const struct store_options *o, struct store **out,
                          struct err *err) WARN_UNUSED;

/* store_find by a look at each. */
enum status store_find_by_looks(struct store *s, const char *stem, const char *const *endings,
                                struct store_found *out, struct err *err) WARN_UNUSED;

/* Is it one segment of a key? */
bool store_segment_valid(const char *s, size_t len);

#endif
