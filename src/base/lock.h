/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Mutexes with a rank (lock_ranks.h) and condition variables on the monotonic clock. Whoever finds
 * a mutex taken looks again for about a microsecond before it sleeps: what is done under a lock is
 * short. */
#ifndef ROOST_BASE_LOCK_H
#define ROOST_BASE_LOCK_H

#include <pthread.h>

#include "base/base.h"
#include "base/lock_ranks.h"

/* Embedded. */
struct CAPABILITY("mutex") lock {
    pthread_mutex_t mutex;
    enum lock_rank rank; /* fixed at lock_init */
};

/* Embedded. */
struct cond {
    pthread_cond_t cond;
};

void lock_init(struct lock *l, enum lock_rank rank);
void lock_fini(struct lock *l);
void lock_take(struct lock *l) ACQUIRES(*l);
/* The same where nobody has it; false: somebody has.  blocks: no */
bool lock_try(struct lock *l) WARN_UNUSED TRY_ACQUIRES(*l);
void lock_release(struct lock *l) RELEASES(*l);
/* One more of the rank of the lock taken last: for who takes all of a kind, always in one order,
 * while everybody else takes one of them. Released before that one. */
void lock_take_also(struct lock *l) ACQUIRES(*l);
void lock_release_also(struct lock *l) RELEASES(*l);
/* Debug builds abort unless the calling thread holds l. */
void lock_assert_held(const struct lock *l);

void cond_init(struct cond *c);
void cond_fini(struct cond *c);
/* Waits with l released, holds it again on return. False when until_us (CLOCK_MONOTONIC, 0: no
 * limit) passed. Wake-ups may be spurious. */
bool cond_wait(struct cond *c, struct lock *l, uint64_t until_us) REQUIRES(*l);
void cond_wake_one(struct cond *c);
void cond_wake_all(struct cond *c);

#endif
