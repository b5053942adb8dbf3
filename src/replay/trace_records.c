/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Recorded records. Names prove that ids are dense; replay does not keep them. */
#include <inttypes.h>
#include <string.h>

#include "cache/policy/policy.h"
#include "replay/trace_priv.h"

_Static_assert(sizeof(struct trace_record) == TRACE_RECORD, "the layout on disk");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records are read as they lie");

/* Takes the n bytes that follow; false when the file ends before. */
static enum status take(struct trace *t, size_t n, void *out, bool *whole, struct err *err)
{
    enum status s = trace_fill(t, n, err);
    *whole = s == OK && t->end - t->at >= n;
    if (!*whole) {
        t->cut = t->cut || t->end > t->at;
        return s;
    }
    if (out)
        memcpy(out, t->data + t->at, n);
    t->at += n;
    return OK;
}

static enum status named(struct trace *t, const struct trace_record *r, bool *whole,
                         struct err *err)
{
    bool model = r->flags == TRACE_MODEL;
    uint32_t id = model ? r->id : r->tenant, *count = model ? &t->model_count : &t->tenant_count;
    uint32_t most = model ? TRACE_MODEL_MAX : TRACE_TENANT_MAX;
    if (id != *count)
        return err_set(err, E_CORRUPT,
                       "%s: record %" PRIu64 ": names %s %" PRIu32 "; expected %" PRIu32, t->name,
                       t->line, model ? "model" : "tenant", id, *count);
    if (*count == (model ? (uint32_t)POLICY_IDS_MAX : (uint32_t)TRACE_TENANTS))
        return err_set(err, E_TOO_LARGE, "%s: record %" PRIu64 ": too many names", t->name,
                       t->line);
    if (r->bytes > most || (model && r->bytes == 0))
        return err_set(err, E_CORRUPT,
                       "%s: record %" PRIu64 ": a name of %" PRIu64 " bytes; expected at most %u",
                       t->name, t->line, r->bytes, most);
    size_t padded = ((size_t)r->bytes + TRACE_RECORD - 1) / TRACE_RECORD * TRACE_RECORD;
    enum status s = take(t, padded, NULL, whole, err);
    if (s == OK && *whole)
        ++*count;
    else if (s == OK)
        t->cut = true;
    return s;
}

static enum status check(struct trace *t, const struct trace_record *r, struct err *err)
{
    if (r->flags)
        return err_set(err, E_CORRUPT, "%s: record %" PRIu64 ": unknown flags 0x%x", t->name,
                       t->line, r->flags);
    if (r->id >= t->model_count || r->tenant >= t->tenant_count)
        return err_set(err, E_CORRUPT,
                       "%s: record %" PRIu64 ": model %" PRIu32 " of tenant %u has no name yet",
                       t->name, t->line, r->id, r->tenant);
    return trace_check(t, r, err);
}

enum status trace_next_record(struct trace *t, struct trace_record *out, bool *more,
                              struct err *err)
{
    enum status s;
    do {
        t->line++;
        s = take(t, TRACE_RECORD, out, more, err);
        if (s != OK || !*more)
            return s;
        if (out->flags != TRACE_MODEL && out->flags != TRACE_TENANT)
            return check(t, out, err);
        s = named(t, out, more, err);
    } while (s == OK && *more);
    return s;
}
