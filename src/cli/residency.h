/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The list of resident models, kept in a file, so that a node that starts again has its models in
 * memory before anybody asks for them. It is written when it changed, every few seconds and at the
 * end of a clean stop, whole or not at all: a node that was killed finds the list of some seconds
 * before.
 *
 * At the start the models are loaded one after the other, the one used last first, as hints: they
 * take free bytes, evict nobody, and come to stand in the old order behind whatever is asked for
 * meanwhile. What cannot be loaded is passed over, what cannot be pinned any more is logged; names
 * that are unknown by now count against nobody's bound. Until all were tried the file stays as it
 * was.
 *
 * The file is text: a first line that names the format, then a model's name a line, hottest first;
 * those that are pinned (cache_keep) before the others and with " pinned" behind the name, so that
 * they find room and are pinned again.
 */
#ifndef ROOST_CLI_RESIDENCY_H
#define ROOST_CLI_RESIDENCY_H

#include "base/buf.h"
#include "endpoint/endpoint.h"

enum { RESIDENCY_PERIOD_S = 5 };

struct residency; /* heap: a thread and what it works with */

struct residency_config {
    const char *path;    /* borrowed until residency_stop */
    uint32_t models_max; /* longer lists are not read */
    struct endpoint *endpoint;
    struct catalog *catalog;
    struct cache *cache;
};

/* Begins to load what the file names; returns at once.  errors: E_USAGE: it is no regular file;
 * E_NO_MEMORY; E_INTERNAL */
enum status residency_start(const struct residency_config *c, struct residency **out,
                            struct err *err) WARN_UNUSED;
/* Once no load is under way any more and none can begin. Writes the list and frees.  blocks: disk
 */
void residency_stop(struct residency **r);

/* Calls fn with each name of a list. Lines that are no model's name are counted in *skipped.
 * errors: E_CORRUPT: the first line is not that of a list */
typedef void residency_fn(void *arg, const char *name, bool pinned);
enum status residency_read(const void *bytes, size_t n, residency_fn *fn, void *arg,
                           uint64_t *skipped, struct err *err) WARN_UNUSED;
/* Appends the list of what is resident in c now.  errors: E_NO_MEMORY */
enum status residency_write(struct cache *c, struct buf *out) WARN_UNUSED;

#endif
