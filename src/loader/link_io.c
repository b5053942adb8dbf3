/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A link's threads. Chunks of one transfer are handed out in order, so all before the first that is
 * still under way is there. */
#include "loader/link_io.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum status link_io_init(struct link_io *l, uint32_t threads, uint32_t jobs_max,
                         uint64_t chunk_bytes)
{
    ASSERT(threads > 0);
    *l = (struct link_io){.threads = threads, .jobs_max = jobs_max};
    lock_init(&l->lock, LOCK_LINK);
    cond_init(&l->work);
    link_sched_init(&l->sched, chunk_bytes, LINK_AGEING_BYTES_PER_S);
    l->thread = alloc_zero(threads, sizeof(l->thread[0]));
    return l->thread ? link_sched_reserve(&l->sched, jobs_max) : E_NO_MEMORY;
}

/* ---- a link's threads ---- */

static void stop(struct link_io *l, struct link_job *job) REQUIRES(l->lock)
{
    job->stopped = true;
    link_sched_remove(&l->sched, &job->transfer);
    cond_wake_all(&job->changed);
}

/* Asks all transfers that are queued how many wait for them. */
static void look(struct link_io *l) REQUIRES(l->lock)
{
    for (struct link_job *job = l->first; job; job = job->next) {
        struct link_transfer *t = &job->transfer;
        if (!t->place)
            continue;
        uint32_t waiters = job->look(job->arg, t->left_bytes);
        if (waiters == LINK_STOP)
            stop(l, job);
        else if (waiters != t->waiters)
            link_sched_waiters(&l->sched, t, waiters);
    }
}

/* Where the job's next chunk ends. */
static void bound(struct link_job *job)
{
    if (job->piece && job->transfer.left_bytes)
        job->transfer.most_bytes = job->piece(job->arg, job->bytes - job->transfer.left_bytes);
}

/* The next chunk is t's to read, n bytes; false: there is none. */
static bool take_chunk(struct link_io *l, struct link_thread *t, uint64_t *n) REQUIRES(l->lock)
{
    look(l);
    struct link_transfer *next = link_sched_next(&l->sched, n);
    if (!next)
        return false;
    t->job = CONTAINER_OF(next, struct link_job, transfer);
    t->at = t->job->bytes - next->left_bytes - *n;
    t->job->flying++;
    bound(t->job);
    return true;
}

/* How many bytes from the beginning are there. */
static uint64_t in_order(const struct link_io *l, const struct link_job *job) REQUIRES(l->lock)
{
    uint64_t ready = job->bytes - job->transfer.left_bytes;
    for (uint32_t i = 0; job->flying && i < l->threads; i++)
        if (l->thread[i].job == job)
            ready = MIN(ready, l->thread[i].at);
    return ready;
}

/* Wakes the job's owner where what it waits for came: bytes, or the end of what is under way. */
static void tell(const struct link_io *l, struct link_job *job) REQUIRES(l->lock)
{
    if (job->failed || job->stopped || !job->flying || in_order(l, job) > job->seen)
        cond_wake_all(&job->changed);
}

static void end_chunk(struct link_io *l, struct link_thread *t, enum status s,
                      const struct err *err) REQUIRES(l->lock)
{
    struct link_job *job = t->job;
    t->job = NULL;
    job->flying--;
    if (s != OK && !job->failed) {
        job->failed = true;
        job->err = *err;
        link_sched_remove(&l->sched, &job->transfer);
    }
    tell(l, job);
}

static void *carry(void *arg)
{
    struct link_thread *t = arg;
    struct link_io *l = t->link;
    uint64_t n = 0;
    lock_take(&l->lock);
    while (!l->stopping) {
        if (!take_chunk(l, t, &n)) {
            cond_wait(&l->work, &l->lock, 0);
            continue;
        }
        struct link_job *job = t->job;
        const uint64_t at = t->at;
        struct err err;
        lock_release(&l->lock);
        enum status s = job->read(job->arg, at, n, &err);
        lock_take(&l->lock);
        end_chunk(l, t, s, &err);
    }
    lock_release(&l->lock);
    return NULL;
}

enum status link_io_start(struct link_io *l, const char *name, struct err *err)
{
    while (l->started < l->threads) {
        struct link_thread *t = &l->thread[l->started];
        char text[16];
        t->link = l;
        if (pthread_create(&t->thread, NULL, carry, t) != 0)
            return err_set(err, E_INTERNAL, "%s %u of %u could not be started", name,
                           l->started + 1, l->threads);
        snprintf(text, sizeof(text), "%s-%u", name, l->started++);
        pthread_setname_np(t->thread, text);
    }
    return OK;
}

void link_io_fini(struct link_io *l)
{
    if (!l->jobs_max)
        return;
    lock_take(&l->lock);
    ASSERT(!l->first);
    l->stopping = true;
    cond_wake_all(&l->work);
    lock_release(&l->lock);
    for (uint32_t i = 0; i < l->started; i++)
        pthread_join(l->thread[i].thread, NULL);
    link_sched_fini(&l->sched);
    cond_fini(&l->work);
    lock_fini(&l->lock);
    alloc_free(l->thread);
    *l = (struct link_io){0};
}

/* ---- for loads ---- */

void link_io_submit(struct link_io *l, struct link_job *job)
{
    ASSERT(job->bytes > 0);
    job->flying = 0;
    job->seen = 0;
    job->stopped = job->failed = false;
    cond_init(&job->changed);
    lock_take(&l->lock);
    ASSERT(l->jobs < l->jobs_max);
    l->jobs++;
    job->prev = NULL;
    job->next = l->first;
    if (l->first)
        l->first->prev = job;
    l->first = job;
    link_sched_add(&l->sched, &job->transfer, job->bytes, 0, job->since_us);
    bound(job);
    lock_release(&l->lock);
    cond_wake_all(&l->work); /* who wakes finds the lock free */
}

enum status link_io_await(struct link_io *l, struct link_job *job, uint64_t seen, uint64_t *ready,
                          struct err *err)
{
    enum status s = OK;
    ASSERT(seen < job->bytes);
    lock_take(&l->lock);
    job->seen = seen;
    while (!job->failed && !job->stopped && (*ready = in_order(l, job)) <= seen)
        cond_wait(&job->changed, &l->lock, 0);
    if (job->failed) {
        s = job->err.code;
        *err = job->err;
    } else if (job->stopped) {
        s = err_set(err, E_CANCELLED, "a transfer was stopped");
    }
    lock_release(&l->lock);
    return s;
}

void link_io_end(struct link_io *l, struct link_job *job)
{
    lock_take(&l->lock);
    link_sched_remove(&l->sched, &job->transfer);
    while (job->flying)
        cond_wait(&job->changed, &l->lock, 0);
    *(job->prev ? &job->prev->next : &l->first) = job->next;
    if (job->next)
        job->next->prev = job->prev;
    l->jobs--;
    lock_release(&l->lock);
    cond_fini(&job->changed);
}
