/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The shared executor pool: one bounded queue, one worker per core. A job takes its place at
 * admission and keeps it while it waits for something else (a load); submitting an admitted job
 * never refuses, and jobs run in the order of their admission as far as they are ready. It knows
 * jobs, not models. */
#ifndef ROOST_EXEC_EXEC_H
#define ROOST_EXEC_EXEC_H

#include "base/lock.h"
#include "base/status.h"

struct exec;

/* What a worker thread has for itself. */
struct exec_worker {
    uint32_t index;
    void *local; /* made by config.local_new on the worker's thread */
};

/* Embedded in what is to run. Fields are exec's between exec_admit and run. */
struct exec_job {
    /* On a worker, without locks. The job's place in the queue is free again when it starts. */
    void (*run)(struct exec_job *job, struct exec_worker *w);
    uint64_t ticket;  /* order of admission; 0: holds no place (zero it before the first use) */
    uint32_t heap_at; /* place in the heap of ready jobs; UINT32_MAX when not in it */
    struct exec_job *next; /* the caller's, for exec_submit_all; exec only reads it */
};

struct exec_config {
    uint32_t workers;   /* 1..64 */
    uint32_t queue_max; /* admitted jobs that have not started; 4096 by default */
    /* Both run on the worker's thread; both may be NULL: no locals. A NULL result: exec_new fails
     * with E_NO_MEMORY. */
    void *(*local_new)(void *arg, uint32_t index);
    void (*local_free)(void *arg, void *local);
    /* Gives back what local holds only for speed; see exec_trim. May be NULL. */
    void (*local_trim)(void *arg, void *local);
    void *arg; /* borrowed; outlives the pool */
};

/* Starts the workers.  errors: E_NO_MEMORY; E_INTERNAL when a thread cannot be started */
enum status exec_new(const struct exec_config *c, struct exec **out, struct err *err) WARN_UNUSED;
/* Every admitted job must have run or been withdrawn. Joins the workers. */
void exec_free(struct exec **e);

/* Takes a place in the queue. The caller counts what is refused.
 * thread: any   locks: takes EXEC   blocks: no
 * errors: E_QUEUE_FULL at queue_max; E_DRAINING after exec_drain */
enum status exec_admit(struct exec *e, struct exec_job *job) WARN_UNUSED;
void exec_submit(struct exec *e, struct exec_job *job); /* job was admitted; never refuses */
/* The same for a list through next, of one job at least: all are ready before any runs, and workers
 * are woken once. */
void exec_submit_all(struct exec *e, struct exec_job *list);
/* Gives an admitted job's place back, submitted or not. True when it will not run; false when it
 * runs, ran or was withdrawn before. Who withdraws a job that another thread may submit settles
 * with it who does. */
bool exec_withdraw(struct exec *e, struct exec_job *job) WARN_UNUSED;

/* Calls part(arg, from, to) for ranges that together are [0, items), each item once: on the calling
 * worker and, while no job is ready, on workers that have nothing to do; at once alone when there
 * are none, or another worker shares already. Helpers stop taking ranges when a job is submitted.
 * Returns when every item is done.
 * thread: a worker of e, in a job's run   locks: takes EXEC   blocks: for helpers' last ranges */
typedef void exec_part_fn(void *arg, int64_t from, int64_t to);
void exec_share(struct exec *e, exec_part_fn *part, void *arg, int64_t items);
uint32_t exec_idle(struct exec *e); /* workers that wait for a job */

/* Every worker calls config.local_trim once, on its own thread: at once when it is idle, else when
 * its job ends.  thread: any   locks: takes EXEC   blocks: no */
void exec_trim(struct exec *e);

void exec_drain(struct exec *e);     /* admits nothing any more; what is admitted goes on */
uint32_t exec_depth(struct exec *e); /* admitted, not started */
uint32_t exec_busy(struct exec *e);  /* workers running a job */

#endif
