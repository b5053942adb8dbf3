/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One table of metrics (table.h), process-wide atomics behind it, and the Prometheus text. Counting
 * never locks. */
#ifndef ROOST_METRICS_METRICS_H
#define ROOST_METRICS_METRICS_H

#include "base/buf.h"
#include "metrics/table.h"

enum metric {
#define X(id, type, name, labels, help) id,
    METRIC_TABLE(X)
#undef X
        METRIC_COUNT
};

enum histogram {
#define X(id, name, labels, bounds, help) id,
    HISTOGRAM_TABLE(X)
#undef X
        HISTOGRAM_COUNT
};

enum tenant_metric {
#define X(id, type, name, labels, help) id,
    TENANT_METRIC_TABLE(X)
#undef X
        TENANT_METRIC_COUNT
};

/* What one tenant's rows say. */
struct tenant_metrics {
    const char *tenant; /* needs no escapes; borrowed */
    uint64_t values[TENANT_METRIC_COUNT];
};

/* thread: any   blocks: no */
void metric_add(enum metric m, uint64_t n);    /* counters; gauges that are never set */
void metric_set(enum metric m, int64_t value); /* gauges */
uint64_t metric_get(enum metric m);
void histogram_us(enum histogram h, uint64_t us); /* observes a duration given in µs, in seconds */
void histogram_s(enum histogram h, double seconds);
void metrics_reset(void); /* tests only: no other thread counts meanwhile */

/* The whole exposition, text format 0.0.4.  errors: E_NO_MEMORY */
enum status metrics_render(struct buf *out) WARN_UNUSED;
/* Appends the tenants' rows.  errors: E_NO_MEMORY */
enum status metrics_render_tenants(struct buf *out, const struct tenant_metrics *t,
                                   size_t n) WARN_UNUSED;

#endif
