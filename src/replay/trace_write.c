/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "replay/trace_write.h"

#include <stdlib.h>
#include <string.h>

#include "cache/policy/policy.h"

static const char no_tenant[] = "default";

void trace_writer_fini(struct trace_writer *w)
{
    map_fini(&w->models);
    map_fini(&w->tenants);
    *w = (struct trace_writer){.last_us = 0};
}

enum status trace_write_header(struct buf *out)
{
    char head[TRACE_RECORD] = TRACE_MAGIC;
    return buf_add(out, head, sizeof(head));
}

static enum status add_name(const struct trace_record *r, const char *name, struct buf *out)
{
    size_t n = (size_t)r->bytes, rest = (TRACE_RECORD - n % TRACE_RECORD) % TRACE_RECORD;
    enum status s = buf_add(out, r, sizeof(*r));
    if (s == OK)
        s = buf_add(out, name, n);
    return s == OK ? buf_zeros(out, rest) : s;
}

/* The id of a name, which is written when it is new. r: what names it, but for the id's place. */
static enum status id_of(struct map *known, const char *name, struct trace_record *r,
                         uint32_t *count, uint32_t *id, struct buf *out)
{
    uintptr_t have = (uintptr_t)map_get(known, name);
    bool model = r->flags == TRACE_MODEL;
    if (have) {
        *id = (uint32_t)(have - 1);
        return OK;
    }
    if (*count == (model ? (uint32_t)POLICY_IDS_MAX : (uint32_t)TRACE_TENANTS))
        return E_TOO_LARGE;
    enum status s = map_put(known, name, (void *)((uintptr_t)*count + 1));
    if (s != OK)
        return s;
    *id = (*count)++;
    if (model)
        r->id = *id;
    else
        r->tenant = (uint16_t)*id;
    r->bytes = strlen(name);
    return add_name(r, name, out);
}

static int by_time(const void *a, const void *b)
{
    const struct trace_call *x = a, *y = b;
    return (x->t_us > y->t_us) - (x->t_us < y->t_us);
}

void trace_sort(struct trace_call *calls, size_t n)
{
    if (n)
        qsort(calls, n, sizeof(*calls), by_time);
}

static void tenant_of(const char *model, char out[TRACE_MODEL_MAX + 1])
{
    const char *slash = strchr(model, '/');
    const char *from = slash ? model : no_tenant;
    size_t n = slash ? (size_t)(slash - model) : sizeof(no_tenant) - 1;
    memcpy(out, from, n);
    out[n] = 0;
}

enum status trace_write(struct trace_writer *w, const struct trace_call *c, struct buf *out)
{
    char tenant[TRACE_MODEL_MAX + 1];
    uint32_t id = 0, tenant_id = 0;
    struct trace_record name = {.flags = TRACE_TENANT};
    tenant_of(c->model, tenant);
    enum status s = id_of(&w->tenants, tenant, &name, &w->tenant_count, &tenant_id, out);
    name = (struct trace_record){.flags = TRACE_MODEL};
    if (s == OK)
        s = id_of(&w->models, c->model, &name, &w->model_count, &id, out);
    if (s != OK)
        return s;
    w->last_us = MAX(w->last_us, c->t_us);
    const struct trace_record r = {.t_us = w->last_us,
                                   .id = id,
                                   .tenant = (uint16_t)tenant_id,
                                   .bytes = MIN(MAX(c->bytes, 1), TRACE_BYTES_MAX),
                                   .load_us = c->load_us,
                                   .exec_us = c->exec_us};
    return buf_add(out, &r, sizeof(r));
}
