/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The pool through its door. Order is staged with gates: a job that holds a worker until the test
 * lets it go. */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "exec/exec.h"
#include "metrics/metrics.h"
#include "support/support.h"

enum { JOBS_MAX = 64 };

/* Who ran, in order. */
struct tape {
    struct lock lock; /* LOCK_LOOP */
    struct cond changed;
    int ran[JOBS_MAX], count;
    int held;  /* gate jobs that hold a worker */
    bool open; /* the gates */
    int trims; /* calls of count_trim */
};

struct test_job {
    struct exec_job job;
    struct tape *tape;
    int number;
    uint32_t worker;
    void *local;
};

static void tape_init(struct tape *t)
{
    *t = (struct tape){.count = 0};
    lock_init(&t->lock, LOCK_LOOP);
    cond_init(&t->changed);
}

static void tape_fini(struct tape *t)
{
    cond_fini(&t->changed);
    lock_fini(&t->lock);
}

static void run_note(struct exec_job *job, struct exec_worker *w)
{
    struct test_job *j = CONTAINER_OF(job, struct test_job, job);
    struct tape *t = j->tape;
    lock_take(&t->lock);
    j->worker = w->index;
    j->local = w->local;
    t->ran[t->count++] = j->number;
    cond_wake_all(&t->changed);
    lock_release(&t->lock);
}

static void run_gate(struct exec_job *job, struct exec_worker *w)
{
    struct tape *t = CONTAINER_OF(job, struct test_job, job)->tape;
    lock_take(&t->lock);
    t->held++;
    cond_wake_all(&t->changed);
    while (!t->open)
        cond_wait(&t->changed, &t->lock, 0);
    lock_release(&t->lock);
    run_note(job, w);
}

static void open_gates(struct tape *t)
{
    lock_take(&t->lock);
    t->open = true;
    cond_wake_all(&t->changed);
    lock_release(&t->lock);
}

static void wait_held(struct tape *t, int n)
{
    lock_take(&t->lock);
    while (t->held < n)
        cond_wait(&t->changed, &t->lock, 0);
    lock_release(&t->lock);
}

static void wait_ran(struct tape *t, int n)
{
    lock_take(&t->lock);
    while (t->count < n)
        cond_wait(&t->changed, &t->lock, 0);
    lock_release(&t->lock);
}

static struct exec *pool(uint32_t workers, uint32_t queue_max)
{
    struct exec_config c = {.workers = workers, .queue_max = queue_max};
    struct exec *e;
    struct err err;
    ck_ok(exec_new(&c, &e, &err), &err);
    return e;
}

static struct test_job job_of(struct tape *t, int number)
{
    return (struct test_job){.job = {.run = run_note}, .tape = t, .number = number};
}

/* Occupies one worker until open_gates. */
static void hold_worker(struct exec *e, struct tape *t, struct test_job *gate)
{
    *gate = (struct test_job){.job = {.run = run_gate}, .tape = t, .number = -1};
    int held = t->held;
    ck_assert_int_eq(exec_admit(e, &gate->job), OK);
    exec_submit(e, &gate->job);
    wait_held(t, held + 1);
}

START_TEST(jobs_run_in_the_order_of_their_admission)
{
    enum { N = 20 };
    struct exec *e = pool(1, N);
    struct tape t;
    struct test_job gate, job[N];
    tape_init(&t);
    hold_worker(e, &t, &gate);
    for (int i = 0; i < N; i++) {
        job[i] = job_of(&t, i);
        ck_assert_int_eq(exec_admit(e, &job[i].job), OK);
    }
    ck_assert_uint_eq(exec_depth(e), N);
    ck_assert_uint_eq(exec_busy(e), 1);
    for (int i = N; i-- > 0;)
        exec_submit(e, &job[i * 7 % N].job);
    open_gates(&t);
    wait_ran(&t, N + 1);
    for (int i = 0; i < N; i++)
        ck_assert_int_eq(t.ran[i + 1], i);
    ck_assert_uint_eq(exec_depth(e), 0);
    exec_free(&e);
    tape_fini(&t);
}
END_TEST

START_TEST(a_job_that_waits_for_something_holds_up_nobody)
{
    struct exec *e = pool(1, 4);
    struct tape t;
    struct test_job waits, ready;
    tape_init(&t);
    waits = job_of(&t, 1);
    ready = job_of(&t, 2);
    ck_assert_int_eq(exec_admit(e, &waits.job), OK);
    ck_assert_int_eq(exec_admit(e, &ready.job), OK);
    exec_submit(e, &ready.job);
    wait_ran(&t, 1);
    ck_assert_int_eq(t.ran[0], 2);
    ck_assert_uint_eq(exec_depth(e), 1);
    exec_submit(e, &waits.job);
    wait_ran(&t, 2);
    exec_free(&e);
    tape_fini(&t);
}
END_TEST

START_TEST(a_full_queue_refuses_at_once_and_a_place_comes_back)
{
    struct exec *e = pool(1, 2);
    struct tape t;
    struct test_job gate, a, b, c;
    tape_init(&t);
    hold_worker(e, &t, &gate); /* what runs holds no place */
    a = job_of(&t, 1);
    b = job_of(&t, 2);
    c = job_of(&t, 3);
    ck_assert_int_eq(exec_admit(e, &a.job), OK);
    ck_assert_int_eq(exec_admit(e, &b.job), OK);
    ck_assert_int_eq(exec_admit(e, &c.job), E_QUEUE_FULL);
    ck_assert(exec_withdraw(e, &a.job));
    ck_assert_int_eq(exec_admit(e, &c.job), OK);
    exec_submit(e, &c.job);
    exec_submit(e, &b.job);
    ck_assert_int_eq(exec_admit(e, &a.job), E_QUEUE_FULL);
    open_gates(&t);
    wait_ran(&t, 3);
    ck_assert_int_eq(t.ran[1], 2);
    ck_assert_int_eq(t.ran[2], 3);
    exec_free(&e);
    tape_fini(&t);
}
END_TEST

START_TEST(a_withdrawn_job_does_not_run)
{
    struct exec *e = pool(1, 4);
    struct tape t;
    struct test_job gate, early, late, last;
    tape_init(&t);
    hold_worker(e, &t, &gate);
    early = job_of(&t, 1);
    late = job_of(&t, 2);
    last = job_of(&t, 3);
    ck_assert(!exec_withdraw(e, &early.job));
    ck_assert_int_eq(exec_admit(e, &early.job), OK);
    ck_assert_int_eq(exec_admit(e, &late.job), OK);
    ck_assert_int_eq(exec_admit(e, &last.job), OK);
    ck_assert(exec_withdraw(e, &early.job));
    ck_assert(!exec_withdraw(e, &early.job));
    exec_submit(e, &late.job);
    exec_submit(e, &last.job);
    ck_assert(exec_withdraw(e, &late.job));
    ck_assert(!exec_withdraw(e, &gate.job));
    open_gates(&t);
    wait_ran(&t, 2);
    ck_assert_int_eq(t.ran[1], 3);
    ck_assert(!exec_withdraw(e, &last.job));
    exec_free(&e);
    ck_assert_int_eq(t.count, 2);
    tape_fini(&t);
}
END_TEST

START_TEST(after_drain_nothing_is_admitted_and_what_was_goes_on)
{
    struct exec *e = pool(1, 4);
    struct tape t;
    struct test_job gate, a, b;
    tape_init(&t);
    hold_worker(e, &t, &gate);
    a = job_of(&t, 1);
    b = job_of(&t, 2);
    ck_assert_int_eq(exec_admit(e, &a.job), OK);
    exec_drain(e);
    ck_assert_int_eq(exec_admit(e, &b.job), E_DRAINING);
    exec_submit(e, &a.job);
    open_gates(&t);
    wait_ran(&t, 2);
    ck_assert_int_eq(t.ran[1], 1);
    exec_free(&e);
    tape_fini(&t);
}
END_TEST

/* ---- what workers have for themselves ---- */

struct locals {
    atomic_int made, freed;
    int refuse_at; /* index of the worker that gets none; -1: none */
};

static void *make_local(void *arg, uint32_t index)
{
    struct locals *l = arg;
    if ((int)index == l->refuse_at)
        return NULL;
    uint32_t *local = alloc_new(sizeof(*local));
    if (!local)
        return NULL;
    *local = index;
    atomic_fetch_add(&l->made, 1);
    return local;
}

static void free_local(void *arg, void *local)
{
    struct locals *l = arg;
    atomic_fetch_add(&l->freed, 1);
    alloc_free(local);
}

START_TEST(each_worker_has_its_own_local)
{
    enum { WORKERS = 3 };
    struct locals l = {.refuse_at = -1};
    struct exec_config c = {.workers = WORKERS,
                            .queue_max = 8,
                            .local_new = make_local,
                            .local_free = free_local,
                            .arg = &l};
    struct exec *e;
    struct err err;
    struct tape t;
    struct test_job gates[WORKERS];
    tape_init(&t);
    ck_ok(exec_new(&c, &e, &err), &err);
    ck_assert_int_eq(l.made, WORKERS);
    for (int i = 0; i < WORKERS; i++)
        hold_worker(e, &t, &gates[i]);
    ck_assert_uint_eq(exec_busy(e), WORKERS);
    open_gates(&t);
    wait_ran(&t, WORKERS);
    uint32_t seen = 0;
    for (int i = 0; i < WORKERS; i++) {
        ck_assert_uint_eq(*(uint32_t *)gates[i].local, gates[i].worker);
        seen |= 1u << gates[i].worker;
    }
    ck_assert_uint_eq(seen, (1u << WORKERS) - 1);
    exec_free(&e);
    ck_assert_int_eq(l.freed, WORKERS);
    tape_fini(&t);
}
END_TEST

START_TEST(a_worker_without_memory_fails_the_start)
{
    int64_t before = alloc_live();
    for (int refused = 0; refused < 3; refused++) {
        struct locals l = {.refuse_at = refused};
        struct exec_config c = {.workers = 3,
                                .queue_max = 8,
                                .local_new = make_local,
                                .local_free = free_local,
                                .arg = &l};
        struct exec *e = NULL;
        struct err err;
        ck_assert_int_eq(exec_new(&c, &e, &err), E_NO_MEMORY);
        ck_assert_int_eq(l.made, 2);
        ck_assert_int_eq(l.freed, 2);
        ck_assert_int_eq(alloc_live(), before);
    }
}
END_TEST

START_TEST(each_failing_allocation_is_an_error_and_leaks_nothing)
{
    int64_t before = alloc_live();
    uint64_t n = 0, calls;
    do {
        struct locals l = {.refuse_at = -1};
        struct exec_config c = {.workers = 2,
                                .queue_max = 8,
                                .local_new = make_local,
                                .local_free = free_local,
                                .arg = &l};
        struct exec *e = NULL;
        struct err err;
        alloc_fail_at(++n);
        enum status s = exec_new(&c, &e, &err);
        calls = alloc_calls();
        alloc_fail_at(0);
        ck_assert_int_eq(s, calls >= n ? E_NO_MEMORY : OK);
        exec_free(&e);
        ck_assert_int_eq(alloc_live(), before);
    } while (calls >= n);
    ck_assert_uint_eq(n, 5);
}
END_TEST

/* ---- races ---- */

enum { RACERS = 3, RACES = 2000, RACE_QUEUE = 16 };

struct race_job {
    struct exec_job job;
    atomic_int ran;
};

struct racer {
    struct exec *exec;
    struct race_job *jobs;
    unsigned seed;
    uint32_t withdrawn, refused;
    pthread_t thread;
};

static void run_race(struct exec_job *job, struct exec_worker *w)
{
    UNUSED(w);
    atomic_fetch_add(&CONTAINER_OF(job, struct race_job, job)->ran, 1);
}

static void *race_main(void *arg)
{
    struct racer *r = arg;
    for (int i = 0; i < RACES; i++) {
        struct race_job *j = &r->jobs[i];
        j->job.run = run_race;
        if (exec_admit(r->exec, &j->job) != OK) {
            r->refused++;
            atomic_store(&j->ran, 1);
            continue;
        }
        int how = rand_r(&r->seed) % 4;
        if (how)
            exec_submit(r->exec, &j->job);
        if (how < 2 && exec_withdraw(r->exec, &j->job)) {
            r->withdrawn++;
            ck_assert_int_eq(atomic_fetch_add(&j->ran, 1), 0);
        }
    }
    return NULL;
}

START_TEST(each_job_runs_once_or_is_withdrawn_once)
{
    static struct race_job jobs[RACERS][RACES];
    struct racer racers[RACERS];
    struct exec *e = pool(2, RACE_QUEUE);
    uint32_t withdrawn = 0;
    for (unsigned i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.exec = e, .jobs = jobs[i], .seed = i + 1};
        ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, race_main, &racers[i]), 0);
    }
    for (unsigned i = 0; i < RACERS; i++) {
        pthread_join(racers[i].thread, NULL);
        withdrawn += racers[i].withdrawn;
    }
    while (exec_depth(e) || exec_busy(e))
        sched_yield();
    exec_free(&e);
    for (int i = 0; i < RACERS; i++)
        for (int k = 0; k < RACES; k++)
            ck_assert_int_eq(jobs[i][k].ran, 1);
    ck_assert_uint_gt(withdrawn, 0);
}
END_TEST

static void count_trim(void *arg, void *local)
{
    struct tape *t = arg;
    UNUSED(local);
    lock_take(&t->lock);
    t->trims++;
    cond_wake_all(&t->changed);
    lock_release(&t->lock);
}

static void wait_trims(struct tape *t, int n)
{
    lock_take(&t->lock);
    while (t->trims < n)
        cond_wait(&t->changed, &t->lock, 0);
    lock_release(&t->lock);
}

START_TEST(an_idle_worker_trims_at_once_and_a_busy_one_when_its_job_ends)
{
    struct tape t;
    struct test_job gate;
    struct exec *e;
    struct err err;
    tape_init(&t);
    const struct exec_config c = {
        .workers = 2, .queue_max = 4, .local_trim = count_trim, .arg = &t};
    ck_ok(exec_new(&c, &e, &err), &err);
    hold_worker(e, &t, &gate);
    exec_trim(e);
    wait_trims(&t, 1);
    ck_assert_int_eq(t.trims, 1);
    open_gates(&t);
    wait_trims(&t, 2);
    exec_free(&e);
    ck_assert_int_eq(t.trims, 2);
    tape_fini(&t);
}
END_TEST

/* ---- sharing ---- */

enum { ITEMS = 64 };

/* A job that shares ITEMS items; each counts who ran it. */
struct shared_job {
    struct exec_job job;
    struct exec *exec;
    atomic_int times[ITEMS];
    int64_t range[ITEMS]; /* the items of the range that each was in */
    atomic_int inside;    /* threads in a part that waits */
    int wanted;           /* until so many are inside */
    bool alone;           /* nobody is to be waited for before */
    atomic_bool done;
};

static void count_part(void *arg, int64_t from, int64_t to)
{
    struct shared_job *s = arg;
    atomic_fetch_add(&s->inside, 1);
    while (atomic_load(&s->inside) < s->wanted)
        sched_yield();
    for (int64_t i = from; i < to; i++) {
        atomic_fetch_add(&s->times[i], 1);
        s->range[i] = to - from;
    }
}

static void run_shared(struct exec_job *job, struct exec_worker *w)
{
    struct shared_job *s = CONTAINER_OF(job, struct shared_job, job);
    UNUSED(w);
    while (!s->alone && !exec_idle(s->exec))
        sched_yield();
    exec_share(s->exec, count_part, s, ITEMS);
    atomic_store(&s->done, true);
}

static void share_once(struct shared_job *s, uint32_t workers)
{
    const struct exec_config c = {.workers = workers, .queue_max = 8};
    struct err err;
    ck_ok(exec_new(&c, &s->exec, &err), &err);
    s->job.run = run_shared;
    ck_assert_int_eq(exec_admit(s->exec, &s->job), OK);
    exec_submit(s->exec, &s->job);
    while (!atomic_load(&s->done))
        sched_yield();
    exec_free(&s->exec);
    for (int i = 0; i < ITEMS; i++)
        ck_assert_int_eq(atomic_load(&s->times[i]), 1);
}

/* A range does not end before two threads are in one: nobody alone would come through. Each item
 * runs once, in a range that is no longer than the one before. */
START_TEST(idle_workers_take_shorter_and_shorter_parts)
{
    static struct shared_job s = {.wanted = 2};
    uint64_t before = metric_get(M_SHARED);
    share_once(&s, 2);
    ck_assert_uint_eq(metric_get(M_SHARED), before + 1);
    ck_assert_int_eq(s.range[0], ITEMS / 8);
    for (int i = 1; i < ITEMS; i++)
        ck_assert_int_le(s.range[i], s.range[i - 1]);
    ck_assert_int_eq(s.range[ITEMS - 1], 1);
}
END_TEST

START_TEST(a_worker_without_idle_ones_beside_it_works_alone)
{
    static struct shared_job s = {.alone = true};
    uint64_t before = metric_get(M_SHARED);
    share_once(&s, 1);
    ck_assert_int_eq(atomic_load(&s.inside), 1); /* one range of all */
    ck_assert_uint_eq(metric_get(M_SHARED), before);
}
END_TEST

/* Many shares, one after the other and at once, while other jobs come and go. */
START_TEST(shares_and_jobs_do_not_lose_each_other)
{
    enum { SHARES = 200 };
    static struct shared_job shares[SHARES];
    struct exec *e;
    struct tape t;
    struct test_job jobs[JOBS_MAX];
    const struct exec_config c = {.workers = 3, .queue_max = SHARES + JOBS_MAX};
    struct err err;
    tape_init(&t);
    ck_ok(exec_new(&c, &e, &err), &err);
    for (int i = 0; i < SHARES; i++) {
        shares[i] = (struct shared_job){.exec = e, .alone = true};
        shares[i].job.run = run_shared;
        ck_assert_int_eq(exec_admit(e, &shares[i].job), OK);
        exec_submit(e, &shares[i].job);
        if (i % 4 == 0) {
            struct test_job *j = &jobs[i / 4];
            *j = (struct test_job){.job = {.run = run_note}, .tape = &t, .number = i};
            ck_assert_int_eq(exec_admit(e, &j->job), OK);
            exec_submit(e, &j->job);
        }
    }
    for (int i = 0; i < SHARES; i++)
        while (!atomic_load(&shares[i].done))
            sched_yield();
    exec_free(&e);
    ck_assert_int_eq(t.count, SHARES / 4);
    for (int i = 0; i < SHARES; i++)
        for (int k = 0; k < ITEMS; k++)
            ck_assert_int_eq(atomic_load(&shares[i].times[k]), 1);
    tape_fini(&t);
}
END_TEST

Suite *suite_exec(void)
{
    return SUITE("exec", jobs_run_in_the_order_of_their_admission,
                 a_job_that_waits_for_something_holds_up_nobody,
                 a_full_queue_refuses_at_once_and_a_place_comes_back, a_withdrawn_job_does_not_run,
                 after_drain_nothing_is_admitted_and_what_was_goes_on,
                 each_worker_has_its_own_local, a_worker_without_memory_fails_the_start,
                 each_failing_allocation_is_an_error_and_leaks_nothing,
                 each_job_runs_once_or_is_withdrawn_once,
                 an_idle_worker_trims_at_once_and_a_busy_one_when_its_job_ends,
                 idle_workers_take_shorter_and_shorter_parts,
                 a_worker_without_idle_ones_beside_it_works_alone,
                 shares_and_jobs_do_not_lose_each_other);
}
