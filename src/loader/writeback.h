/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What this node compiled of a raw model file, in the store, so that the other nodes need not
 * compile it again (compile_config.write_back, --write-back). It lies at
 * _roost/compiled/<tenant>/<h>.roost: h is made of the file's key and tag, of this compiler and of
 * its options, as the disk tier's key is (raw_key), and so an artifact that is there is the right
 * one for ever. The tenant is the model's own: nobody's file leads to another tenant's artifact.
 * What is found is loaded, and proved, as any artifact is. */
#ifndef ROOST_LOADER_WRITEBACK_H
#define ROOST_LOADER_WRITEBACK_H

#include "loader/raw.h"

/* Is it there? Then *at is the artifact instead of the file. What the store says else is as if it
 * were not there. thread: loader   blocks: disk, network */
bool writeback_find(const struct load_env *env, const char *name, struct resolved *at);
/* What is to be written, kept while the load goes on with what was compiled. Heap. */
struct writeback {
    struct writeback *next;
    struct compiled of;
    char key[STORE_KEY_MAX];
    char name[MODEL_NAME_MAX + 1]; /* the model's, for the log */
};
/* Holds what was compiled, c, of at. NULL: nothing is to be written, or can be, which is logged and
 * counted, and nobody else's. */
struct writeback *writeback_hold(const struct load_env *env, const char *name,
                                 const struct resolved *at, const struct compiled *c);
/* Writes it, and frees it. A failure is logged and counted.  blocks: disk, network */
void writeback_put(const struct load_env *env, struct writeback *w);
/* Frees it as one that failed: too many wait. */
void writeback_refuse(const struct load_env *env, struct writeback *w);
/* The artifact at `key` did not prove itself: it goes, so that the next load compiles. */
void writeback_drop(const struct load_env *env, const char *key);

#endif
