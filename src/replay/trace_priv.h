/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The inside of a trace's reader: bytes come through one buffer. */
#ifndef ROOST_REPLAY_TRACE_PRIV_H
#define ROOST_REPLAY_TRACE_PRIV_H

#include "base/map.h"
#include "replay/trace.h"

struct trace {
    FILE *file;     /* owned */
    char name[128]; /* for messages; cut where longer */
    char *data;     /* heap: bytes read and not yet used stand at [at, end); [end] is writable */
    size_t at, end;
    bool ended;   /* nothing comes after what data holds */
    bool records; /* or text */
    bool cut;
    uint64_t line;              /* of text, or number of a record: the one read last, from 1 */
    uint64_t last_us;           /* t_us of the last invocation */
    struct map models, tenants; /* text: id + 1 by name */
    uint32_t model_count, tenant_count;
};

enum { TRACE_BUFFER = 1 << 16 };

/* Has data hold n bytes from `at`, or fewer at the end of the file.  errors: E_IO */
enum status trace_fill(struct trace *t, size_t n, struct err *err) WARN_UNUSED;
enum status trace_next_line(struct trace *t, struct trace_record *out, bool *more,
                            struct err *err) WARN_UNUSED;
enum status trace_next_record(struct trace *t, struct trace_record *out, bool *more,
                              struct err *err) WARN_UNUSED;
/* What both forms must keep: ranges, and time.  errors: E_CORRUPT */
enum status trace_check(struct trace *t, const struct trace_record *r, struct err *err) WARN_UNUSED;

#endif
