/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Store -> disk tier -> memory, on its own threads: resolve, page 0, metadata and its proof,
 * reserve, blobs, bind. A thread steps a load through; the blobs of larger ones are read by the
 * threads of two links (link_io.h), of the store and of the disk, in the order of what is left ÷
 * who waits. A load that nobody waits for any more ends at its next step or chunk. Raw model files
 * are compiled first, on threads of their own (raw.h). Values are struct program. One more thread,
 * the reaper, frees evicted programs. Implements the cache's source. A load that
 * fails gives everything back, is told to the cache and is logged here: one line with the model,
 * the status and the section at fault. */
#ifndef ROOST_LOADER_LOADER_H
#define ROOST_LOADER_LOADER_H

#include "cache/cache.h"
#include "disk/disk.h"
#include "loader/limits.h"
#include "store/store.h"

/* Where a name's artifact lies, or the raw model file that it is to be compiled from. */
struct resolved {
    bool raw;
    bool looked; /* the object was looked at; else it may be gone, and `object` is all zero or what
                  * a listing said of it. Raw ones always are. */
    char key[STORE_KEY_MAX];
    char version[MODEL_VERSION_MAX + 1];
    struct store_object object;
};

/* What a name stands for, in 64 bits: equal while it is the same object with the same content, and
 * within this process only. */
uint64_t resolved_content(const struct resolved *at);

/* Name -> object, asked on loader threads; the catalog implements it. */
struct loader_resolver {
    /* look: out->looked is wanted; else a store that is far need not be asked for what the first
     * read of the object tells.  errors: E_NOT_FOUND; E_STORE; E_CORRUPT */
    enum status (*resolve)(void *self, const char *name, bool look, struct resolved *out,
                           struct err *err);
    void *self;
};

struct loader;

/* Bytes of metadata that pass through memory in a load. */
enum { LOADER_META_MAX = 64 * 1024 * 1024 };

/* How raw model files are compiled. */
struct compile_config {
    uint64_t memory_bytes, time_us; /* of a child; 0: sandbox.h's defaults */
    uint64_t model_max;             /* bytes of a model file */
    uint64_t tensors_max;           /* of what is compiled or published; 0: any number */
    struct limits_table tenants;    /* less than these; outlives who has the configuration */
    uint32_t optimize;              /* enum optimize of compiler/graph.h */
    uint32_t threads;               /* at least 1: so many at once */
    bool write_back;                /* what is compiled is written to the store too: writeback.h */
    bool bare;                      /* in this process, not held; for tests */
};

struct loader_config {
    uint32_t threads;      /* loads under way at once, each on one; at least 1 */
    uint32_t link_threads; /* of each link; at least 1 */
    uint64_t
        chunk_bytes; /* of one read of a link, rounded up to whole pages; 0: LINK_CHUNK_BYTES */
    bool share_node; /* blobs are shared by all models of the node; else by those of one tenant, and
                      * those that loader/common.h knows by all */
    struct compile_config compile;
};

/* The loader needs its cache and the cache its source: loader_new first, loader_source for
 * cache_new, loader_start last; the cache asks for nothing before that.  errors: E_NO_MEMORY */
enum status loader_new(struct store *store, const struct loader_resolver *r,
                       const struct loader_config *config, struct loader **out) WARN_UNUSED;
/* Before loader_start: loads look in the tier first, and what they fetched is written to it behind
 * them. d outlives the loader. */
void loader_use_disk(struct loader *l, struct disk *d);
/* Until nothing waits to be written to the tier; for tests. */
void loader_settle_disk(struct loader *l);
struct cache_source loader_source(struct loader *l);
/* errors: E_INTERNAL when a thread cannot be started; loader_free cleans up */
enum status loader_start(struct loader *l, struct cache *cache, struct err *err) WARN_UNUSED;
/* No loads any more: those queued, those under way (at their next step or chunk) and those to come
 * fail with E_DRAINING. Called when no request waits any more, after server_drain. The reaper goes
 * on. blocks: until no load is left */
void loader_drain(struct loader *l);
void loader_free(struct loader **l); /* after loader_drain and cache_free; joins all threads */

#endif
