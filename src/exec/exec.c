/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One lock, one bounded heap, a few threads. What it keeps true: queued counts the admitted jobs
 * that have not started and never passes queue_max, so the heap's fixed array always has a place
 * for a submit; a job's ticket is 0 whenever it holds no place. */
#include "exec/exec.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/alloc.h"
#include "exec/heap.h"
#include "metrics/metrics.h"

/* Work that one worker shares with idle ones; lives on its stack while exec.share leads to it or
 * helpers remain. */
struct share {
    exec_part_fn *part;
    void *arg;
    int64_t items;
    int64_t cut;              /* a range is so large a part of the items that are left */
    atomic_int_fast64_t next; /* the first item that nobody took */
    atomic_bool recalled;     /* helpers are to leave: a job is ready */
    uint32_t helpers;         /* guarded by exec.lock */
};

/* One thread of the pool. */
struct worker {
    struct exec_worker self;
    struct exec *exec;
    pthread_t thread;
    uint64_t trims; /* of exec.trims, how many this worker has followed; its own thread only */
};

struct exec {
    struct exec_config config;
    struct lock lock;    /* LOCK_EXEC; guards all below but the workers' own fields */
    struct cond ready;   /* the heap got a job, or stopping was set */
    struct cond started; /* a worker came up, or could not */
    struct cond helped;  /* the last helper of a share is through */
    struct heap heap;    /* ready jobs */
    uint64_t next_ticket;
    uint64_t trims;  /* calls of exec_trim */
    uint32_t queued; /* admitted, not started */
    uint32_t busy;
    uint32_t idle;       /* workers that wait for a job */
    struct share *share; /* what idle workers may take part in; NULL: nothing */
    uint32_t up;         /* workers that made their local */
    uint32_t lame;       /* workers that could not */
    bool draining;       /* admits nothing */
    bool stopping;       /* workers end when nothing is ready */
    uint32_t threads;    /* started and to be joined; touched by exec_new and exec_free only */
    struct worker workers[];
};

/* Takes the next range. Ranges grow shorter, down to one item, so that all threads end at almost
 * the same time. False: nothing is left. */
static bool next_range(struct share *s, int_fast64_t *from, int_fast64_t *to)
{
    *from = atomic_load_explicit(&s->next, memory_order_relaxed);
    do {
        if (*from >= s->items)
            return false;
        *to = *from + MAX((s->items - *from) / s->cut, 1);
    } while (!atomic_compare_exchange_weak_explicit(&s->next, from, *to, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static void take_parts(struct share *s, const bool helper)
{
    int_fast64_t from, to;
    while (!(helper && atomic_load_explicit(&s->recalled, memory_order_relaxed)) &&
           next_range(s, &from, &to))
        s->part(s->arg, from, to);
}

/* Is there something left of the share that this worker could take? */
static bool may_help(const struct exec *e) REQUIRES(e->lock)
{
    const struct share *s = e->share;
    return s && !e->heap.count && !atomic_load_explicit(&s->recalled, memory_order_relaxed) &&
           atomic_load_explicit(&s->next, memory_order_relaxed) < s->items;
}

static void help(struct exec *e) REQUIRES(e->lock)
{
    struct share *s = e->share;
    bool first = s->helpers++ == 0;
    lock_release(&e->lock);
    if (first)
        metric_add(M_SHARED, 1);
    take_parts(s, true);
    lock_take(&e->lock);
    if (--s->helpers == 0)
        cond_wake_all(&e->helped);
}

/* Waits until there is a job or the pool stops; trims and helps whenever that is asked for
 * meanwhile. */
static void wait_ready(struct worker *w) REQUIRES(w->exec->lock)
{
    struct exec *e = w->exec;
    for (;;) {
        if (w->trims != e->trims) {
            w->trims = e->trims;
            lock_release(&e->lock);
            e->config.local_trim(e->config.arg, w->self.local);
            lock_take(&e->lock);
        } else if (e->heap.count || e->stopping) {
            return;
        } else if (may_help(e)) {
            help(e);
        } else {
            e->idle++;
            cond_wait(&e->ready, &e->lock, 0);
            e->idle--;
        }
    }
}

/* The next job, taken from the queue; NULL when the pool stops. */
static struct exec_job *next_job(struct worker *w)
{
    struct exec *e = w->exec;
    lock_take(&e->lock);
    wait_ready(w);
    struct exec_job *job = heap_pop(&e->heap);
    if (job) {
        job->ticket = 0;
        e->queued--;
        e->busy++;
    }
    lock_release(&e->lock);
    return job;
}

static void work(struct worker *w)
{
    struct exec *e = w->exec;
    struct exec_job *job;
    while ((job = next_job(w))) {
        job->run(job, &w->self); /* job is its owner's again: not touched any more */
        lock_take(&e->lock);
        e->busy--;
        lock_release(&e->lock);
    }
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct exec *e = w->exec;
    const struct exec_config *c = &e->config;
    if (c->local_new)
        w->self.local = c->local_new(c->arg, w->self.index);
    bool ok = !c->local_new || w->self.local;
    lock_take(&e->lock);
    *(ok ? &e->up : &e->lame) += 1;
    cond_wake_all(&e->started);
    lock_release(&e->lock);
    if (!ok)
        return NULL;
    work(w);
    if (c->local_free)
        c->local_free(c->arg, w->self.local);
    return NULL;
}

static bool start_thread(struct exec *e)
{
    struct worker *w = &e->workers[e->threads];
    *w = (struct worker){.self = {.index = e->threads}, .exec = e};
    if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
        return false;
    char name[16];
    snprintf(name, sizeof(name), "worker-%u", w->self.index);
    pthread_setname_np(w->thread, name);
    e->threads++;
    return true;
}

static enum status start_all(struct exec *e, struct err *err)
{
    while (e->threads < e->config.workers)
        if (!start_thread(e))
            return err_set(err, E_INTERNAL, "worker %u of %u could not be started", e->threads,
                           e->config.workers);
    lock_take(&e->lock);
    while (e->up + e->lame < e->threads)
        cond_wait(&e->started, &e->lock, 0);
    uint32_t lame = e->lame;
    lock_release(&e->lock);
    if (lame)
        return err_set(err, E_NO_MEMORY, "%u of %u workers had no memory to start", lame,
                       e->config.workers);
    return OK;
}

enum status exec_new(const struct exec_config *config, struct exec **out, struct err *err)
{
    ASSERT(config->workers > 0);
    struct exec *e = alloc_zero(1, sizeof(*e) + config->workers * sizeof(struct worker));
    if (!e)
        return err_set(err, E_NO_MEMORY, "no memory for %u workers", config->workers);
    e->config = *config;
    lock_init(&e->lock, LOCK_EXEC);
    cond_init(&e->ready);
    cond_init(&e->started);
    cond_init(&e->helped);
    e->next_ticket = 1;
    enum status s = heap_init(&e->heap, config->queue_max);
    s = s == OK ? start_all(e, err)
                : err_set(err, s, "no memory for a queue of %u jobs", config->queue_max);
    if (s != OK) {
        exec_free(&e);
        return s;
    }
    *out = e;
    return OK;
}

void exec_free(struct exec **exec)
{
    struct exec *e = *exec;
    if (!e)
        return;
    lock_take(&e->lock);
    ASSERT(!e->queued);
    e->stopping = true;
    cond_wake_all(&e->ready);
    lock_release(&e->lock);
    for (uint32_t i = 0; i < e->threads; i++)
        pthread_join(e->workers[i].thread, NULL);
    heap_fini(&e->heap);
    cond_fini(&e->helped);
    cond_fini(&e->started);
    cond_fini(&e->ready);
    lock_fini(&e->lock);
    alloc_free(e);
    *exec = NULL;
}

enum status exec_admit(struct exec *e, struct exec_job *job)
{
    enum status s = OK;
    lock_take(&e->lock);
    if (e->draining) {
        s = E_DRAINING;
    } else if (e->queued == e->config.queue_max) {
        s = E_QUEUE_FULL;
    } else {
        e->queued++;
        job->ticket = e->next_ticket++;
        job->heap_at = HEAP_NOWHERE;
    }
    lock_release(&e->lock);
    return s;
}

static void make_ready(struct exec *e, struct exec_job *job) REQUIRES(e->lock)
{
    ASSERT(job->ticket);
    ASSERT(job->heap_at == HEAP_NOWHERE);
    heap_push(&e->heap, job);
    if (e->share)
        atomic_store_explicit(&e->share->recalled, true, memory_order_relaxed);
}

void exec_submit(struct exec *e, struct exec_job *job)
{
    lock_take(&e->lock);
    make_ready(e, job);
    lock_release(&e->lock);
    cond_wake_one(&e->ready); /* who wakes finds the lock free */
}

void exec_submit_all(struct exec *e, struct exec_job *list)
{
    lock_take(&e->lock);
    const bool several = list->next != NULL;
    for (struct exec_job *job = list; job; job = job->next)
        make_ready(e, job);
    lock_release(&e->lock);
    if (several)
        cond_wake_all(&e->ready);
    else
        cond_wake_one(&e->ready);
}

bool exec_withdraw(struct exec *e, struct exec_job *job)
{
    lock_take(&e->lock);
    bool held = job->ticket != 0;
    if (held) {
        if (job->heap_at != HEAP_NOWHERE)
            heap_remove(&e->heap, job);
        job->ticket = 0;
        e->queued--;
    }
    lock_release(&e->lock);
    return held;
}

enum { PARTS = 4 }; /* of what is left for each thread, a range is one */

void exec_share(struct exec *e, exec_part_fn *part, void *arg, int64_t items)
{
    struct share s = {.part = part, .arg = arg, .items = items};
    lock_take(&e->lock);
    bool offer = items > 1 && e->idle && !e->share && !e->heap.count;
    if (offer) {
        s.cut = (int64_t)(e->idle + 1) * PARTS;
        e->share = &s;
        cond_wake_all(&e->ready);
    }
    lock_release(&e->lock);
    if (!offer) {
        part(arg, 0, items);
        return;
    }
    take_parts(&s, false);
    lock_take(&e->lock);
    e->share = NULL;
    while (s.helpers)
        cond_wait(&e->helped, &e->lock, 0);
    lock_release(&e->lock);
}

void exec_trim(struct exec *e)
{
    if (!e->config.local_trim)
        return;
    lock_take(&e->lock);
    e->trims++;
    cond_wake_all(&e->ready);
    lock_release(&e->lock);
}

void exec_drain(struct exec *e)
{
    lock_take(&e->lock);
    e->draining = true;
    lock_release(&e->lock);
}

static uint32_t read_locked(struct exec *e, const uint32_t *count)
{
    lock_take(&e->lock);
    uint32_t n = *count;
    lock_release(&e->lock);
    return n;
}

uint32_t exec_depth(struct exec *e)
{
    return read_locked(e, &e->queued);
}

uint32_t exec_busy(struct exec *e)
{
    return read_locked(e, &e->busy);
}

uint32_t exec_idle(struct exec *e)
{
    return read_locked(e, &e->idle);
}
