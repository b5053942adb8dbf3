/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The queue of compiles and its threads, apart from the loaders': a compile takes seconds, and no
 * load of an artifact waits behind one. Tenants take turns: who has many models to compile makes
 * nobody else wait for more than the compiles under way and one of each other tenant. */
#ifndef ROOST_LOADER_COMPILES_H
#define ROOST_LOADER_COMPILES_H

#include <pthread.h>

#include "base/lock.h"
#include "loader/raw.h"

/* A load whose model is to be compiled first. Embedded in it. */
struct compile_job {
    struct compile_job *next;
    uint64_t turn; /* of its tenant: jobs of one turn are of different ones */
    struct slot *slot;
    const char *name;    /* borrowed until done */
    struct resolved at;  /* set by who submits */
    struct compiled out; /* set before done on OK; its owner ends it */
    /* Called once on a compiler thread, without locks. */
    void (*done)(struct compile_job *job, enum status s, const struct err *err);
};

/* Embedded. */
struct compiles {
    const struct load_env *env; /* borrowed; set before anything is submitted */
    struct lock lock;           /* LOCK_COMPILES; guards what follows */
    struct cond changed;
    struct compile_job *first; /* by turn, then as they came */
    uint64_t turn;             /* of the last job that was begun */
    uint32_t running;          /* jobs under way */
    struct writeback *puts;    /* to be written, as they came */
    uint32_t n_puts;           /* those, and the one under way */
    bool stopping;
    uint32_t started; /* to be joined; touched by start and fini only */
    pthread_t *threads;
    bool writes; /* likewise: writer is to be joined */
    pthread_t writer;
};

void compiles_init(struct compiles *c);
/* errors: E_INTERNAL; E_NO_MEMORY */
enum status compiles_start(struct compiles *c, const struct load_env *env, uint32_t threads,
                           struct err *err) WARN_UNUSED;
/* Until none is under way, nor anything of theirs is being written. Nothing is submitted any more.
 * blocks: for the store, which ends when it is stopped */
void compiles_drain(struct compiles *c);
/* Nothing is submitted or waits any more. */
void compiles_fini(struct compiles *c);
void compiles_submit(struct compiles *c, struct compile_job *job); /* thread: any   blocks: no */

#endif
