/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The rank check: each thread keeps the locks it holds; taking one whose rank is not above the
 * highest held is a bug that aborts in debug builds (ROOST_DEBUG). */
#include "base/lock.h"

#include <errno.h>
#include <time.h>

enum { HELD_MAX = 8 };

#ifdef ROOST_DEBUG
static _Thread_local const struct lock *held[HELD_MAX];
static _Thread_local int held_count;

static void note_take(const struct lock *l)
{
    for (int i = 0; i < held_count; i++)
        ASSERT(held[i]->rank < l->rank);
    ASSERT(held_count < HELD_MAX);
    held[held_count++] = l;
}

static void note_also(const struct lock *l)
{
    ASSERT(held_count && held[held_count - 1]->rank == l->rank && held[held_count - 1] != l);
}

static void note_release(const struct lock *l)
{
    int i = held_count - 1;
    while (i >= 0 && held[i] != l)
        i--;
    ASSERT(i >= 0);
    for (; i + 1 < held_count; i++)
        held[i] = held[i + 1];
    held_count--;
}

void lock_assert_held(const struct lock *l)
{
    bool found = false;
    for (int i = 0; i < held_count; i++)
        found = found || held[i] == l;
    ASSERT(found);
}
#else
static void note_take(const struct lock *l)
{
    UNUSED(l);
}

static void note_also(const struct lock *l)
{
    UNUSED(l);
}

static void note_release(const struct lock *l)
{
    UNUSED(l);
}

void lock_assert_held(const struct lock *l)
{
    UNUSED(l);
}
#endif

void lock_init(struct lock *l, enum lock_rank rank)
{
    ASSERT(rank > LOCK_NONE && rank < LOCK_RANK_COUNT);
    pthread_mutexattr_t attr;
    l->rank = rank;
    int e = pthread_mutexattr_init(&attr);
    ASSERT(e == 0);
    e = pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
    ASSERT(e == 0);
    e = pthread_mutex_init(&l->mutex, &attr);
    ASSERT(e == 0);
    pthread_mutexattr_destroy(&attr);
}

void lock_fini(struct lock *l)
{
    int e = pthread_mutex_destroy(&l->mutex);
    ASSERT(e == 0);
}

static void take(struct lock *l)
{
    int e = pthread_mutex_lock(&l->mutex);
    ASSERT(e == 0);
}

static void release(struct lock *l)
{
    int e = pthread_mutex_unlock(&l->mutex);
    ASSERT(e == 0);
}

void lock_take(struct lock *l) NO_LOCK_ANALYSIS
{
    note_take(l);
    take(l);
}

bool lock_try(struct lock *l) NO_LOCK_ANALYSIS
{
    int e = pthread_mutex_trylock(&l->mutex);
    ASSERT(e == 0 || e == EBUSY);
    if (e == 0)
        note_take(l);
    return e == 0;
}

void lock_release(struct lock *l) NO_LOCK_ANALYSIS
{
    note_release(l);
    release(l);
}

void lock_take_also(struct lock *l) NO_LOCK_ANALYSIS
{
    note_also(l);
    take(l);
}

void lock_release_also(struct lock *l) NO_LOCK_ANALYSIS
{
    note_also(l);
    release(l);
}

void cond_init(struct cond *c)
{
    pthread_condattr_t attr;
    int e = pthread_condattr_init(&attr);
    ASSERT(e == 0);
    e = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    ASSERT(e == 0);
    e = pthread_cond_init(&c->cond, &attr);
    ASSERT(e == 0);
    pthread_condattr_destroy(&attr);
}

void cond_fini(struct cond *c)
{
    int e = pthread_cond_destroy(&c->cond);
    ASSERT(e == 0);
}

bool cond_wait(struct cond *c, struct lock *l, uint64_t until_us) NO_LOCK_ANALYSIS
{
    lock_assert_held(l);
    if (!until_us)
        return pthread_cond_wait(&c->cond, &l->mutex) == 0;
    struct timespec t = {.tv_sec = (time_t)(until_us / 1000000u),
                         .tv_nsec = (long)(until_us % 1000000u) * 1000};
    return pthread_cond_timedwait(&c->cond, &l->mutex, &t) != ETIMEDOUT;
}

void cond_wake_one(struct cond *c)
{
    pthread_cond_signal(&c->cond);
}

void cond_wake_all(struct cond *c)
{
    pthread_cond_broadcast(&c->cond);
}
