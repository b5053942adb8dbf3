/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Jobs that become ready together. */
#include <sched.h>
#include <stdatomic.h>

#include "exec/exec.h"
#include "support/support.h"

enum { JOBS = 4000 }; /* so many that a worker wakes up before the last could be submitted alone */

struct batch_job {
    struct exec_job job;
    int number;
};

static struct batch_job jobs[JOBS];
static int ran[JOBS];
static atomic_int count;

static void note(struct exec_job *job, struct exec_worker *w)
{
    UNUSED(w);
    ran[atomic_load(&count)] = CONTAINER_OF(job, struct batch_job, job)->number;
    atomic_fetch_add(&count, 1);
}

static struct exec *pool_of_one(void)
{
    const struct exec_config c = {.workers = 1, .queue_max = JOBS};
    struct exec *e;
    struct err err;
    ck_ok(exec_new(&c, &e, &err), &err);
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct batch_job){.job = {.run = note}, .number = i};
        ck_assert_int_eq(exec_admit(e, &jobs[i].job), OK);
    }
    return e;
}

static void wait_ran(int n)
{
    while (atomic_load(&count) < n)
        sched_yield();
}

/* The worker is idle, and would take what it sees first: the one that came last. */
START_TEST(all_are_ready_before_any_runs)
{
    struct exec *e = pool_of_one();
    for (int i = 1; i < JOBS; i++)
        jobs[i].job.next = &jobs[i - 1].job;
    exec_submit_all(e, &jobs[JOBS - 1].job);
    wait_ran(JOBS);
    for (int i = 0; i < JOBS; i++)
        ck_assert_int_eq(ran[i], i);
    ck_assert_uint_eq(exec_depth(e), 0);
    exec_free(&e);
}
END_TEST

START_TEST(a_batch_of_one_and_one_behind_another_run_too)
{
    struct exec *e = pool_of_one();
    exec_submit_all(e, &jobs[0].job);
    for (int i = 1; i + 1 < JOBS - 1; i++)
        jobs[i].job.next = &jobs[i + 1].job;
    exec_submit_all(e, &jobs[1].job);
    wait_ran(JOBS - 1);
    ck_assert(exec_withdraw(e, &jobs[JOBS - 1].job)); /* in neither list */
    exec_free(&e);
    ck_assert_int_eq(count, JOBS - 1);
}
END_TEST

Suite *suite_batch(void)
{
    return SUITE("batch", all_are_ready_before_any_runs,
                 a_batch_of_one_and_one_behind_another_run_too);
}
