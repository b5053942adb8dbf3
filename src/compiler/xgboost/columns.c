/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* From the file's feature_names to names by which requests may give the columns: one a column, all
 * different, of the bytes that names may have. Anything else leaves the columns without names, and
 * the model is none the worse for it. */
#include <stdlib.h>
#include <string.h>

#include "compiler/xgboost/model.h"

static int by_name(const void *a, const void *b, void *arg)
{
    return strcmp(columns_name(arg, *(const uint32_t *)a), columns_name(arg, *(const uint32_t *)b));
}

static bool usable(const struct columns *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (!signature_name_valid(columns_name(c, i)))
            return false;
    return true;
}

static bool distinct(const struct columns *c)
{
    for (uint32_t i = 1; i < c->count; i++)
        if (strcmp(columns_name(c, c->sorted[i - 1]), columns_name(c, c->sorted[i])) == 0)
            return false;
    return true;
}

enum status xgb_columns(const struct xgb_model *m, struct graph *g)
{
    uint32_t count = xgb_count(&m->column_at);
    if (!count || count != m->num_feature || m->columns_odd)
        return OK;
    uint32_t *at = graph_alloc(g, count * sizeof(*at));
    uint32_t *sorted = graph_alloc(g, count * sizeof(*sorted));
    char *texts = graph_alloc(g, m->columns.len);
    if (!at || !sorted || !texts)
        return E_NO_MEMORY;
    memcpy(at, m->column_at.data, count * sizeof(*at));
    memcpy(texts, m->columns.data, m->columns.len);
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = i;
    struct columns c = {count, texts, at, sorted};
    if (!usable(&c))
        return OK;
    qsort_r(sorted, count, sizeof(*sorted), by_name, &c);
    if (distinct(&c))
        g->columns = c;
    return OK;
}
