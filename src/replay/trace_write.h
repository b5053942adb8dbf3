/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Invocations as the records of trace.h: names are given ids as they come, and written before their
 * first invocation. */
#ifndef ROOST_REPLAY_TRACE_WRITE_H
#define ROOST_REPLAY_TRACE_WRITE_H

#include "base/buf.h"
#include "base/map.h"
#include "replay/trace.h"

/* One invocation to be written. */
struct trace_call {
    uint64_t t_us;  /* from any beginning */
    uint64_t bytes; /* of the model; what is beyond the form's range is written as its end */
    uint32_t load_us, exec_us;
    char model[TRACE_MODEL_MAX + 1]; /* "tenant/model", or "model" of the tenant "default" */
};

/* Embedded; all zero is the beginning of a file. */
struct trace_writer {
    struct map models, tenants; /* id + 1 by name */
    uint32_t model_count, tenant_count;
    uint64_t last_us;
};

void trace_writer_fini(struct trace_writer *w);
/* Appends the file's header. */
enum status trace_write_header(struct buf *out) WARN_UNUSED; /* errors: E_NO_MEMORY */
/* By the time at which they came. */
void trace_sort(struct trace_call *calls, size_t n);
/* Appends c, and before it the names that were not written yet. One whose time is before that of
 * the last gets the last's.
 * errors: E_TOO_LARGE beyond POLICY_IDS_MAX models or TRACE_TENANTS tenants; E_NO_MEMORY. Then out
 * is to be cut to what it was, and w not to be used any more */
enum status trace_write(struct trace_writer *w, const struct trace_call *c,
                        struct buf *out) WARN_UNUSED;

#endif
