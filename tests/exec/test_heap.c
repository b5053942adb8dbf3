/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The heap of ready jobs against a sorted array. */
#include <stdlib.h>
#include <string.h>

#include "exec/heap.h"
#include "support/support.h"

enum { JOBS = 200, ROUNDS = 200 };

static void shuffle(uint32_t *at, uint32_t n, unsigned *seed)
{
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = (uint32_t)rand_r(seed) % i, t = at[i - 1];
        at[i - 1] = at[j];
        at[j] = t;
    }
}

START_TEST(jobs_leave_by_ticket_whatever_was_removed)
{
    static struct exec_job jobs[JOBS];
    struct heap h;
    unsigned seed = 11;
    ck_assert_int_eq(heap_init(&h, JOBS), OK);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t order[JOBS], n = 1 + (uint32_t)rand_r(&seed) % JOBS;
        for (uint32_t i = 0; i < n; i++) {
            order[i] = i;
            jobs[i] = (struct exec_job){.ticket = i + 1, .heap_at = HEAP_NOWHERE};
        }
        shuffle(order, n, &seed);
        for (uint32_t i = 0; i < n; i++)
            heap_push(&h, &jobs[order[i]]);
        shuffle(order, n, &seed);
        uint32_t gone = (uint32_t)rand_r(&seed) % (n + 1);
        for (uint32_t i = 0; i < gone; i++)
            heap_remove(&h, &jobs[order[i]]);
        uint64_t last = 0;
        for (uint32_t i = gone; i < n; i++) {
            struct exec_job *job = heap_pop(&h);
            ck_assert_ptr_nonnull(job);
            ck_assert_uint_gt(job->ticket, last);
            ck_assert_uint_eq(job->heap_at, HEAP_NOWHERE);
            last = job->ticket;
        }
        ck_assert_ptr_null(heap_pop(&h));
    }
    heap_fini(&h);
}
END_TEST

Suite *suite_heap(void)
{
    return SUITE("heap", jobs_leave_by_ticket_whatever_was_removed);
}
