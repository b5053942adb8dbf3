/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A worker that does nothing but wait until the test lets it go. */
#ifndef ROOST_TESTS_BUSY_H
#define ROOST_TESTS_BUSY_H

#include "endpoint/endpoint_priv.h"
#include "support/support.h"

/* Embedded. */
struct busy {
    struct exec_job job;
    struct lock lock; /* LOCK_LOG; guards what follows */
    struct cond changed;
    bool running, hold, ended;
};

static inline void busy_run(struct exec_job *job, struct exec_worker *w)
{
    struct busy *b = CONTAINER_OF(job, struct busy, job);
    UNUSED(w);
    lock_take(&b->lock);
    b->running = true;
    cond_wake_all(&b->changed);
    while (b->hold)
        cond_wait(&b->changed, &b->lock, 0);
    b->ended = true;
    cond_wake_all(&b->changed);
    lock_release(&b->lock);
}

/* Returns when a worker is busy with it. */
static inline void busy_begin(struct busy *b, struct endpoint *e)
{
    *b = (struct busy){.job = {.run = busy_run}, .hold = true};
    lock_init(&b->lock, LOCK_LOG);
    cond_init(&b->changed);
    ck_assert_int_eq(exec_admit(e->exec, &b->job), OK);
    exec_submit(e->exec, &b->job);
    lock_take(&b->lock);
    while (!b->running)
        cond_wait(&b->changed, &b->lock, 0);
    lock_release(&b->lock);
}

static inline void busy_end(struct busy *b)
{
    lock_take(&b->lock);
    b->hold = false;
    cond_wake_all(&b->changed);
    while (!b->ended)
        cond_wait(&b->changed, &b->lock, 0);
    lock_release(&b->lock);
    cond_fini(&b->changed);
    lock_fini(&b->lock);
}

#endif
