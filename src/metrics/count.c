/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Counters and gauges as atomics by table row. In a file without their names and texts, so that
 * libroost, which only counts, does without those. */
#include <stdatomic.h>

#include "metrics/metrics.h"

static atomic_uint_fast64_t values[METRIC_COUNT];

void metric_add(enum metric m, uint64_t n)
{
    atomic_fetch_add_explicit(&values[m], n, memory_order_relaxed);
}

void metric_set(enum metric m, int64_t value)
{
    atomic_store_explicit(&values[m], (uint64_t)value, memory_order_relaxed);
}

uint64_t metric_get(enum metric m)
{
    return atomic_load_explicit(&values[m], memory_order_relaxed);
}
