/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the loader's files share: one load as steps, and the reaper. */
#ifndef ROOST_LOADER_LOADER_PRIV_H
#define ROOST_LOADER_LOADER_PRIV_H

#include <stdatomic.h>

#include "loader/behind.h"
#include "loader/loader.h"
#include "runtime/program.h"

/* ---- load.c: one load, on a loader thread ---- */

/* What a load works with; borrowed. */
struct load_env {
    struct store *store;
    struct loader_resolver resolver;
    struct cache *cache;
    struct disk *disk; /* NULL: there is no disk tier */
    const atomic_bool *draining;
};

/* What it makes. */
struct load_result {
    struct program *program;
    char version[MODEL_VERSION_MAX + 1];
    struct load_times times;   /* queue_us: the wait for room; the caller adds its own */
    struct behind_job *behind; /* NULL: the disk tier has all of it */
};

/* Steps a load through. On an error nothing is held any more but the cache's reservation, which
 * cache_load_failed gives back. The failure is logged.
 * errors: those of the resolver, the store, artifact_page0_read, cache_load_reserve and
 * program_bind; E_DRAINING; E_CANCELLED */
enum status load_run(const struct load_env *env, struct slot *slot, const char *name,
                     struct load_result *out, struct err *err) WARN_UNUSED;

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
