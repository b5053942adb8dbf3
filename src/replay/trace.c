/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Opens a trace, tells its form, and keeps its bytes coming. */
#include "replay/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "replay/trace_priv.h"

enum status trace_fill(struct trace *t, size_t n, struct err *err)
{
    if (t->end - t->at >= n || t->ended)
        return OK;
    memmove(t->data, t->data + t->at, t->end - t->at);
    t->end -= t->at;
    t->at = 0;
    while (t->end < n && !t->ended) {
        size_t got = fread(t->data + t->end, 1, TRACE_BUFFER - t->end, t->file);
        t->end += got;
        if (got)
            continue;
        if (ferror(t->file))
            return err_set(err, E_IO, "%s: cannot read: %s", t->name, strerror(errno));
        t->ended = true;
    }
    return OK;
}

static enum status header(struct trace *t, struct err *err)
{
    static const char magic[] = TRACE_MAGIC, text[] = TRACE_HEADER;
    size_t len = sizeof(text) - 1;
    enum status s = trace_fill(t, len + 2, err);
    if (s != OK)
        return s;
    const char *p = t->data + t->at;
    size_t have = t->end - t->at;
    if (have >= TRACE_RECORD && memcmp(p, magic, sizeof(magic) - 1) == 0) {
        t->records = true;
        t->at += TRACE_RECORD;
        return OK;
    }
    if (have >= len && memcmp(p, text, len) == 0) {
        size_t eol = len + (have > len && p[len] == '\r');
        if (have == eol || p[eol] == '\n') {
            t->at += MIN(eol + 1, have);
            t->line = 1;
            return OK;
        }
    }
    return err_set(err, E_CORRUPT, "%s: line 1: expected the header \"%s\", or a recorded trace",
                   t->name, text);
}

enum status trace_open_stream(FILE *f, const char *name, struct trace **out, struct err *err)
{
    struct trace *t = alloc_zero(1, sizeof(*t));
    char *data = alloc_new(TRACE_BUFFER + 1);
    if (!t || !data) {
        alloc_free(t);
        alloc_free(data);
        fclose(f);
        return err_set(err, E_NO_MEMORY, "%.100s: out of memory", name);
    }
    t->file = f;
    t->data = data;
    for (size_t i = 0; i < sizeof(t->name) - 1 && name[i]; i++)
        t->name[i] = name[i];
    enum status s = header(t, err);
    if (s == OK)
        *out = t;
    else
        trace_free(&t);
    return s;
}

enum status trace_open(const char *path, struct trace **out, struct err *err)
{
    bool in = strcmp(path, "-") == 0;
    FILE *f = fopen(in ? "/dev/stdin" : path, "rbe");
    if (!f)
        return err_set(err, errno == ENOENT ? E_NOT_FOUND : E_IO, "%.150s: cannot open: %s", path,
                       strerror(errno));
    return trace_open_stream(f, in ? "standard input" : path, out, err);
}

void trace_free(struct trace **t)
{
    fclose((*t)->file);
    alloc_free((*t)->data);
    map_fini(&(*t)->models);
    map_fini(&(*t)->tenants);
    alloc_free(*t);
    *t = NULL;
}

enum status trace_check(struct trace *t, const struct trace_record *r, struct err *err)
{
    const char *what = t->records ? "record" : "line";
    if (r->t_us > TRACE_T_US_MAX)
        return err_set(err, E_CORRUPT, "%s: %s %" PRIu64 ": t_us is beyond 2^62", t->name, what,
                       t->line);
    if (r->t_us < t->last_us)
        return err_set(err, E_CORRUPT,
                       "%s: %s %" PRIu64 ": t_us %" PRIu64 " is before that of the one above, "
                       "%" PRIu64 "; expected a trace sorted by time",
                       t->name, what, t->line, r->t_us, t->last_us);
    if (r->bytes == 0 || r->bytes > TRACE_BYTES_MAX)
        return err_set(err, E_CORRUPT,
                       "%s: %s %" PRIu64 ": bytes is %" PRIu64 "; expected 1 to 2^42", t->name,
                       what, t->line, r->bytes);
    t->last_us = r->t_us;
    return OK;
}

enum status trace_next(struct trace *t, struct trace_record *out, bool *more, struct err *err)
{
    return t->records ? trace_next_record(t, out, more, err) : trace_next_line(t, out, more, err);
}

uint32_t trace_models(const struct trace *t)
{
    return t->model_count;
}

uint32_t trace_tenants(const struct trace *t)
{
    return t->tenant_count;
}

bool trace_cut(const struct trace *t)
{
    return t->cut;
}
