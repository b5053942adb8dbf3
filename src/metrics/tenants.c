/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The text of the tenants' table: the only labels that come from outside, bounded by the number of
 * rules. */
#include <inttypes.h>
#include <string.h>

#include "metrics/metrics.h"

static const struct {
    const char *type, *name, *labels, *help;
} rows[TENANT_METRIC_COUNT] = {
#define X(id, type, name, labels, help) {#type, name, labels, help},
    TENANT_METRIC_TABLE(X)
#undef X
};

static enum status head(struct buf *out, int row)
{
    if (row && strcmp(rows[row - 1].name, rows[row].name) == 0)
        return OK;
    return buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", rows[row].name, rows[row].help,
                      rows[row].name, rows[row].type[0] == 'C' ? "counter" : "gauge");
}

enum status metrics_render_tenants(struct buf *out, const struct tenant_metrics *t, size_t n)
{
    enum status s = OK;
    for (int row = 0; s == OK && row < TENANT_METRIC_COUNT; row++) {
        s = head(out, row);
        for (size_t i = 0; s == OK && i < n; i++)
            s = buf_printf(out, "%s{tenant=\"%s\"%s%s} %" PRIu64 "\n", rows[row].name, t[i].tenant,
                           *rows[row].labels ? "," : "", rows[row].labels, t[i].values[row]);
    }
    return s;
}
