/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Histograms, and the text of all. A histogram's buckets are kept apart and summed when
 * they are rendered, so that observing is two relaxed additions. */
#include "metrics/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum metric_type { COUNTER, GAUGE, GAUGE_MILLIONTHS };

/* Small CPU models answer in 100 µs, cold ones in seconds: finer below than the OTel HTTP bounds.
 */
static const double BOUNDS_LATENCY[] = {0.0001, 0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                        0.05,   0.1,    0.25,   0.5,   1,      2.5,   5,    10};
static const double BOUNDS_AGE[] = {1, 5, 15, 60, 300, 900, 3600, 14400, 86400};

enum { BOUNDS_MAX = 16 };

static const struct {
    enum metric_type type;
    const char *name, *labels, *help;
} rows[METRIC_COUNT] = {
#define X(id, type, name, labels, help) {type, name, labels, help},
    METRIC_TABLE(X)
#undef X
};

static const struct {
    const char *name, *labels, *help;
    const double *bounds;
    int n_bounds;
} histograms[HISTOGRAM_COUNT] = {
#define X(id, name, labels, bounds, help) {name, labels, help, bounds, (int)ARRAY_COUNT(bounds)},
    HISTOGRAM_TABLE(X)
#undef X
};

static struct {
    atomic_uint_fast64_t bucket[BOUNDS_MAX + 1]; /* not cumulative; the last one is +Inf */
    atomic_uint_fast64_t sum_ns;
} observed[HISTOGRAM_COUNT];

void histogram_s(enum histogram h, double seconds)
{
    int i = 0;
    while (i < histograms[h].n_bounds && seconds > histograms[h].bounds[i])
        i++;
    atomic_fetch_add_explicit(&observed[h].bucket[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&observed[h].sum_ns, (uint64_t)llround(seconds * 1e9),
                              memory_order_relaxed);
}

void histogram_us(enum histogram h, uint64_t us)
{
    histogram_s(h, (double)us / 1e6);
}

void metrics_reset(void)
{
    for (int i = 0; i < METRIC_COUNT; i++)
        metric_set((enum metric)i, 0);
    for (int h = 0; h < HISTOGRAM_COUNT; h++) {
        for (int i = 0; i <= BOUNDS_MAX; i++)
            atomic_store(&observed[h].bucket[i], 0);
        atomic_store(&observed[h].sum_ns, 0);
    }
}

/* HELP and TYPE once per name: rows of one name stand together in the table. */
static enum status head(struct buf *out, const char *name, const char *before, const char *help,
                        const char *type)
{
    if (before && strcmp(before, name) == 0)
        return OK;
    return buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static enum status render_value(struct buf *out, enum metric m)
{
    const char *labels = rows[m].labels;
    enum status s = head(out, rows[m].name, m ? rows[m - 1].name : NULL, rows[m].help,
                         rows[m].type == COUNTER ? "counter" : "gauge");
    if (s == OK)
        s = buf_printf(out, *labels ? "%s{%s} " : "%s%s ", rows[m].name, labels);
    if (s == OK && rows[m].type == GAUGE_MILLIONTHS)
        return buf_printf(out, "%.6g\n", (double)(int64_t)metric_get(m) / 1e6);
    return s == OK ? buf_printf(out, "%" PRId64 "\n", (int64_t)metric_get(m)) : s;
}

static enum status render_histogram(struct buf *out, enum histogram h)
{
    const char *name = histograms[h].name, *labels = histograms[h].labels;
    const char *comma = *labels ? "," : "";
    enum status s =
        head(out, name, h ? histograms[h - 1].name : NULL, histograms[h].help, "histogram");
    uint64_t total = 0;
    for (int i = 0; s == OK && i < histograms[h].n_bounds; i++) {
        total += atomic_load_explicit(&observed[h].bucket[i], memory_order_relaxed);
        s = buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", name, labels, comma,
                       histograms[h].bounds[i], total);
    }
    total +=
        atomic_load_explicit(&observed[h].bucket[histograms[h].n_bounds], memory_order_relaxed);
    if (s == OK)
        s = buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma, total);
    const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";
    double sum = (double)atomic_load_explicit(&observed[h].sum_ns, memory_order_relaxed) / 1e9;
    if (s == OK)
        s = buf_printf(out, "%s_sum%s%s%s %.9g\n%s_count%s%s%s %" PRIu64 "\n", name, open, labels,
                       close, sum, name, open, labels, close, total);
    return s;
}

enum status metrics_render(struct buf *out)
{
    enum status s = OK;
    for (int m = 0; s == OK && m < METRIC_COUNT; m++)
        s = render_value(out, (enum metric)m);
    for (int h = 0; s == OK && h < HISTOGRAM_COUNT; h++)
        s = render_histogram(out, (enum histogram)h);
    return s;
}
