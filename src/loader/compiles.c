/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "loader/compiles.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "loader/loader_priv.h"
#include "loader/writeback.h"
#include "metrics/metrics.h"

enum { PUTS_MAX = 16 }; /* what is written back, at once: each is charged meanwhile */

void compiles_init(struct compiles *c)
{
    lock_init(&c->lock, LOCK_COMPILES);
    cond_init(&c->changed);
}

static bool same_tenant(const char *a, const char *b)
{
    const char *x = strchr(a, '/'), *y = strchr(b, '/');
    if (!x || !y)
        return x == y;
    return x - a == y - b && memcmp(a, b, (size_t)(x - a)) == 0;
}

/* The first turn from this one on that is behind all of the tenant's. */
static uint64_t next_turn(const struct compile_job *list, const char *name, uint64_t turn)
{
    for (const struct compile_job *j = list; j; j = j->next)
        if (j->turn >= turn && same_tenant(j->name, name))
            turn = j->turn + 1;
    return turn;
}

void compiles_submit(struct compiles *c, struct compile_job *job)
{
    lock_take(&c->lock);
    job->turn = next_turn(c->first, job->name, c->turn);
    struct compile_job **at = &c->first;
    while (*at && (*at)->turn <= job->turn)
        at = &(*at)->next;
    job->next = *at;
    *at = job;
    cond_wake_all(&c->changed); /* one may be in compiles_drain */
    lock_release(&c->lock);
}

/* NULL when it stops. */
static struct compile_job *next_job(struct compiles *c)
{
    lock_take(&c->lock);
    while (!c->first && !c->stopping)
        cond_wait(&c->changed, &c->lock, 0);
    struct compile_job *job = c->first;
    if (job) {
        c->first = job->next;
        c->turn = job->turn;
        c->running++;
    }
    lock_release(&c->lock);
    return job;
}

static void end_job(struct compiles *c)
{
    lock_take(&c->lock);
    c->running--;
    cond_wake_all(&c->changed);
    lock_release(&c->lock);
}

/* One compile under way. */
struct going {
    const struct load_env *env;
    const struct compile_job *job;
};

static enum status still_wanted(const void *arg, struct err *err)
{
    const struct going *g = arg;
    if (atomic_load(g->env->draining))
        return err_set(err, E_DRAINING, "the server is draining: %s is not compiled", g->job->name);
    if (cache_load_cancelled(g->env->cache, g->job->slot))
        return err_set(err, E_CANCELLED, "the load of %s was cancelled", g->job->name);
    return OK;
}

/* To the writer: neither the load nor the next compile waits for the store. */
static void hand_over(struct compiles *c, struct writeback *w)
{
    lock_take(&c->lock);
    const bool room = c->n_puts < PUTS_MAX;
    if (room) {
        struct writeback **end = &c->puts;
        while (*end)
            end = &(*end)->next;
        *end = w;
        c->n_puts++;
        cond_wake_all(&c->changed);
    }
    lock_release(&c->lock);
    if (!room)
        writeback_refuse(c->env, w);
}

static void run_job(struct compiles *c, struct compile_job *job)
{
    const struct going g = {c->env, job};
    const struct raw_going going = {job->name, still_wanted, &g};
    struct writeback *kept = NULL;
    struct err err = {.code = OK};
    uint64_t began_us = clock_now_us();
    enum status s = still_wanted(&g, &err);
    if (s == OK)
        s = raw_compile(c->env, &job->at, &going, &job->out, &err);
    uint64_t us = clock_now_us() - began_us;
    if (s == OK) {
        metric_add(M_COMPILES_OK, 1);
        histogram_us(H_COMPILE, us);
        LOG(LOG_INFO, "compiled", log_str("model", job->name), log_str("key", job->at.key),
            log_num("bytes", (int64_t)job->out.bytes), log_num("ms", (int64_t)(us / 1000)));
        kept = writeback_hold(c->env, job->name, &job->at, &job->out);
    } else {
        metric_add(s == E_CANCELLED || s == E_DRAINING ? M_COMPILES_CANCELLED : M_COMPILES_FAILED,
                   1);
    }
    job->done(job, s, &err);
    if (kept)
        hand_over(c, kept);
}

static void *run_all(void *arg)
{
    struct compiles *c = arg;
    struct compile_job *job;
    while ((job = next_job(c))) {
        run_job(c, job);
        end_job(c);
    }
    return NULL;
}

/* NULL when it stops. */
static struct writeback *next_put(struct compiles *c)
{
    lock_take(&c->lock);
    while (!c->puts && !c->stopping)
        cond_wait(&c->changed, &c->lock, 0);
    struct writeback *w = c->puts;
    if (w)
        c->puts = w->next;
    lock_release(&c->lock);
    return w;
}

static void *write_all(void *arg)
{
    struct compiles *c = arg;
    struct writeback *w;
    while ((w = next_put(c))) {
        writeback_put(c->env, w);
        lock_take(&c->lock);
        c->n_puts--;
        cond_wake_all(&c->changed);
        lock_release(&c->lock);
    }
    return NULL;
}

static enum status start_writer(struct compiles *c, struct err *err)
{
    if (pthread_create(&c->writer, NULL, write_all, c) != 0)
        return err_set(err, E_INTERNAL, "the writer of compiled models could not be started");
    c->writes = true;
    pthread_setname_np(c->writer, "compile-writer");
    return OK;
}

enum status compiles_start(struct compiles *c, const struct load_env *env, uint32_t threads,
                           struct err *err)
{
    c->env = env;
    c->threads = alloc_zero(threads, sizeof(*c->threads));
    if (!c->threads)
        return err_set(err, E_NO_MEMORY, "no memory for %u compilers", threads);
    while (c->started < threads) {
        char name[16];
        if (pthread_create(&c->threads[c->started], NULL, run_all, c) != 0)
            return err_set(err, E_INTERNAL, "compiler %u of %u could not be started",
                           c->started + 1, threads);
        snprintf(name, sizeof(name), "compiler-%u", c->started);
        pthread_setname_np(c->threads[c->started++], name);
    }
    return env->compile.write_back ? start_writer(c, err) : OK;
}

void compiles_drain(struct compiles *c)
{
    lock_take(&c->lock);
    while (c->started && (c->first || c->running || c->n_puts))
        cond_wait(&c->changed, &c->lock, 0);
    lock_release(&c->lock);
}

void compiles_fini(struct compiles *c)
{
    lock_take(&c->lock);
    c->stopping = true;
    cond_wake_all(&c->changed);
    lock_release(&c->lock);
    for (uint32_t i = 0; i < c->started; i++)
        pthread_join(c->threads[i], NULL);
    if (c->writes)
        pthread_join(c->writer, NULL);
    ASSERT(!c->first && !c->puts);
    alloc_free(c->threads);
    cond_fini(&c->changed);
    lock_fini(&c->lock);
}
