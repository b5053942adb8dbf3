/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the loader's files share: one load as steps, and the reaper. */
#ifndef ROOST_LOADER_LOADER_PRIV_H
#define ROOST_LOADER_LOADER_PRIV_H

#include <stdatomic.h>

#include "loader/behind.h"
#include "loader/common.h"
#include "loader/compiles.h"
#include "loader/link_io.h"
#include "loader/loader.h"
#include "loader/opening.h"
#include "loader/tier.h"
#include "runtime/program.h"

/* ---- load.c: one load, on a loader thread ---- */

/* What a load works with; borrowed. */
struct load_env {
    struct store *store;
    struct loader_resolver resolver;
    struct cache *cache;
    struct disk *disk;                      /* NULL: there is no disk tier */
    struct link_io *store_link, *disk_link; /* the latter where there is a tier */
    const atomic_bool *draining;
    uint64_t chunk_bytes;  /* of one read; whole pages */
    bool share_node;       /* blobs are shared by all; else within a tenant ... */
    struct common *common; /* ... but for these */
    struct seen *seen;     /* objects that the disk tier may have */
    struct compile_config compile;
};

/* The blobs of one load; weights.c. Embedded; all zero to begin with. */
struct weights {
    struct bundle *bundle;    /* until the program has it */
    enum blob_home *homes;    /* heap; of each blob */
    struct share_want *wants; /* heap; n_wants: of the blobs that are not BLOB_OWN, in order */
    uint32_t n_wants;
};

/* A load on its way. */
struct run {
    const struct load_env *env;
    struct slot *slot;
    const char *name;
    struct load_result *out;
    struct resolved at;
    struct compiled *compiled;  /* what is read instead of the object; NULL: the object is */
    bool raw;                   /* it is to be compiled first: the steps end */
    bool written_back;          /* at is what some node compiled of it */
    bool told;                  /* the cache knows what content it is */
    struct store_first opening; /* its bytes are heap */
    struct artifact_page0 page0;
    uint8_t first[ARTIFACT_PAGE0_BYTES];
    uint8_t *meta; /* heap; page0.meta_bytes of them */
    struct artifact_reader reader;
    bool proven;         /* reader is open */
    uint32_t apart;      /* blobs from this one on have objects of their own (thin.h) */
    bool head_from_disk; /* page 0 and the metadata are not the store's */
    bool fetched;        /* something is: the disk tier lacks it */
    struct tier tier;    /* whose scope is that of what it shares, too */
    struct weights weights;
    uint64_t hash_us;    /* of the time that reading blobs takes */
    uint64_t left_bytes; /* of blobs to be read; UINT64_MAX: nobody knows yet */
};

/* Of the object that was resolved.  thread: any that may block   errors: those of store_read */
enum status run_read(const struct run *r, uint64_t off, void *dst, size_t n,
                     struct err *err) WARN_UNUSED;
/* How many wait for it, which has left_bytes to read; LINK_STOP: nobody wants it any more. Where
 * nobody waits it ends, unless what is there is worth to be kept: a chunk or less is missing, or no
 * more than half, or it was compiled for this load. */
uint32_t run_look(const struct run *r, uint64_t left_bytes);
/* errors: E_DRAINING; E_CANCELLED */
enum status run_still_wanted(const struct run *r, struct err *err) WARN_UNUSED;

/* What it makes. */
struct load_result {
    uint64_t since_us; /* set by the caller: when the load came */
    struct program *program;
    char version[MODEL_VERSION_MAX + 1];
    struct load_times times; /* queue_us: the wait for room; the caller adds its own */
    uint64_t origin; /* the head's mark (disk_has_mark); 0: the disk tier has no such file */
    struct behind_job *behind; /* NULL: the disk tier has all of it */
};

/* Steps a load through. job is where its compile stands: before it, zero but for what names it; or
 * done, and then the load begins with that. OK without a program: job->at is to be compiled, and
 * the load to be begun again. On an error nothing is held any more but the cache's reservation,
 * which cache_load_failed gives back. The failure is logged. errors: those of the resolver, the
 * store, artifact_page0_read, cache_load_reserve and program_bind; E_DRAINING; E_CANCELLED */
enum status load_run(const struct load_env *env, struct compile_job *job, struct load_result *out,
                     struct err *err) WARN_UNUSED;

/* One line in the log about a load that failed. */
void load_log_failure(const char *name, const char *key, const char *step, const struct err *err);

/* ---- weights.c: a load's blobs, in this order ---- */

/* errors: those of cache_load_reserve */
enum status weights_reserve(struct run *r, struct err *err) WARN_UNUSED;
/* Reads and proves what nobody else has or reads.  errors: those of fetch_blobs, bundle_new */
enum status weights_read(struct run *r, struct err *err) WARN_UNUSED;
/* Shares it, and waits for what others read; where one of those fails, starts over, a few times.
 * errors: as both; E_CANCELLED */
enum status weights_join(struct run *r, struct err *err) WARN_UNUSED;
/* A load failed: frees what it holds, and lets go of what it shares. */
void weights_drop(struct run *r);
void weights_fini(struct weights *w); /* all but the bundle */
/* Frees what died with a slot; announced before the program goes (bundle.h). */
void weights_announce_dead(const struct slot *slot);
void weights_free_dead(const struct slot *slot);

/* ---- fetch.c: the bytes of a load's blobs ---- */

/* Reads all blobs that lie in the bundle, and proves them as they come.
 * errors: those of store_read and blob_check; E_CANCELLED; E_DRAINING; E_NO_MEMORY */
enum status fetch_blobs(struct run *r, struct err *err) WARN_UNUSED;

/* ---- reaper.c: frees programs on its own thread ---- */

/* What is freed later. Each loaded program leaves one behind, made while its load could still
 * fail, so that unloading never needs memory. Heap; owned by the reaper. */
struct reap {
    struct reap *next;
    struct slot *slot;
    struct program *program;
};

/* Embedded. */
struct reaper {
    struct cache *cache;   /* borrowed; set before anything is reaped */
    struct behind *behind; /* as above: asked before a program is freed */
    struct lock lock;      /* LOCK_REAPER; guards what follows */
    struct cond changed;
    struct reap *first, *last; /* to free, in order */
    struct reap *spare;        /* one per loaded program */
    bool stopping;
    bool started; /* thread is to be joined; touched by start and fini only */
    pthread_t thread;
};

void reaper_init(struct reaper *r);
/* errors: E_INTERNAL */
enum status reaper_start(struct reaper *r, struct cache *cache, struct behind *behind,
                         struct err *err) WARN_UNUSED;
void reaper_fini(struct reaper *r); /* frees what is queued first */
/* Leaves a record for a program that is about to be published; owned by the reaper from now on. */
void reaper_add_spare(struct reaper *r, struct reap *spare);
/* thread: any   blocks: no */
void reaper_submit(struct reaper *r, struct slot *slot, struct program *p);

#endif
