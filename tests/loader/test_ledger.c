/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The ledger beside what the kernel says, over as many evictions as would show a page lost in each
 * hundredth. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "mem/pool.h"
#include "mem/process.h"
#include "mem/region.h"
#include "metrics/metrics.h"
#include "support/node.h"
#include "support/support.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static struct node node;

/* Bytes of the process beside those that the cache is charged for and the pool keeps. */
static int64_t base_bytes(void)
{
    struct process_usage p;
    struct budget_usage u;
    do
        cache_usage(node.cache, &u); /* a victim more than was needed may still be on its way */
    while (u.used[BUDGET_DRAINING] && !sched_yield());
    process_usage_read(&p);
    ck_assert_uint_eq(u.used[BUDGET_RESIDENT], region_live_bytes());
    return (int64_t)p.rss_bytes - (int64_t)(region_live_bytes() + pool_kept_bytes());
}

/* Models of 1 MiB and more in turn, half of which fit: each load evicts what it needs. The process
 * holds what the ledger and the pool say, to two in a hundred of the budget, and what it held
 * besides after the first rounds. */
START_TEST(memory_is_what_the_ledger_says_after_100000_evictions)
{
    enum { MODELS = 16, MIB = 1 << 20, BUDGET = 9 * MIB, EVICTIONS = 100000, EACH = 1000 };
    char name[MODELS][24], key[32];
    int64_t base = 0, most = INT64_MIN, least = INT64_MAX;
    if (SANITIZED) {
        puts("SKIP memory_is_what_the_ledger_says: a sanitizer's memory is resident too");
        return;
    }
    metrics_reset();
    node_init(&node, &(struct node_config){.backoff_us = 1, .memory_bytes = BUDGET});
    node.gate.settled = 1; /* hashed once */
    pool_set_limits(&(struct pool_limits){BUDGET, BUDGET, true});
    for (unsigned i = 0; i < MODELS; i++) {
        snprintf(name[i], sizeof(name[i]), "m%u", i);
        snprintf(key, sizeof(key), "%s.roost", name[i]);
        node_put_adder(&node, key, MIB / 4 + 4000 * i, 0);
    }
    for (unsigned k = 1; metric_get(M_EVICT_ROOM) < EVICTIONS; k++) {
        ck_assert_int_eq(order_load(&node, name[k % MODELS]), OK);
        if (k == EACH)
            base = base_bytes();
        if (k % EACH == 0) {
            most = MAX(most, base_bytes() - base);
            least = MIN(least, base_bytes() - base);
        }
    }
    node_evict_all(&node);
    printf("100000 evictions: resident memory is %.2f MiB below to %.2f MiB above the ledger and "
           "%.1f MiB\n",
           -(double)least / MIB, (double)most / MIB, (double)base / MIB);
    ck_assert_int_le(most, BUDGET / 50);
    ck_assert_int_ge(least, -BUDGET / 50);
    node_fini(&node);
}
END_TEST

Suite *suite_ledger(void)
{
    return SUITE_LONG("ledger", memory_is_what_the_ledger_says_after_100000_evictions);
}
