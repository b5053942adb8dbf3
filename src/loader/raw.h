/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Model files that nobody compiled. The first load of one has it compiled, in a child that is held
 * (sandbox/sandbox.h), and what comes of it is kept in the disk tier under the object, its tag and
 * this compiler; from then on it is loaded like any artifact, from there. Without a disk tier, or
 * where that has no room, it is compiled for each load.
 *
 * What passes through memory meanwhile, the model file and the artifact, is charged to the budget
 * as scratch; what the child uses is its own (compile_config). What comes back is hostile until the
 * load has proved it, as everything is that is loaded. */
#ifndef ROOST_LOADER_RAW_H
#define ROOST_LOADER_RAW_H

#include "disk/disk.h"
#include "loader/loader.h"

struct load_env;

/* A compiled artifact that can be read. Embedded; all zero: there is none. */
struct compiled {
    bool open;
    struct disk_file file; /* kept in the disk tier; entry NULL: it is not */
    int fd;                /* else a file without a name, or -1 */
    uint64_t bytes;
    uint64_t charged_bytes; /* of the file without a name */
};

/* The key of what it compiles to in the disk tier. False: it has none, as for tier_head_key. */
bool raw_key(const struct load_env *env, const struct resolved *at,
             struct disk_key *key) WARN_UNUSED;
/* Is it compiled already? Then *out is open.  thread: loader   blocks: disk */
bool raw_find(const struct load_env *env, const struct resolved *at, struct compiled *out);

/* For whom, and whether still: asked between two chunks, and while the child runs; what is not OK
 * ends the compile. */
struct raw_going {
    const char *model;
    enum status (*on)(const void *arg, struct err *err);
    const void *arg;
};

/* Reads the model file and has it compiled.
 * thread: compiler   blocks: disk, network, and as long as the child takes
 * errors: those of store_read, cache_scratch_take and sandbox_compile, but E_UNSUPPORTED beyond any
 * limit of compile_config or of the model's tenant; going's */
enum status raw_compile(const struct load_env *env, const struct resolved *at,
                        const struct raw_going *going, struct compiled *out,
                        struct err *err) WARN_UNUSED;

/* Exactly [off, off + n) of it.  blocks: disk   errors: E_CORRUPT; E_IO */
enum status compiled_read(const struct compiled *c, uint64_t off, void *dst, size_t n,
                          struct err *err) WARN_UNUSED;
/* What was read did not prove itself: the disk tier's copy goes, so that the next load compiles. */
void compiled_drop(const struct load_env *env, const struct resolved *at, struct compiled *c);
void compiled_fini(const struct load_env *env, struct compiled *c); /* all zero is fine */

#endif
