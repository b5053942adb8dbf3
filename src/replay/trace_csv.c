/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One line of text into one invocation. */
#include <inttypes.h>
#include <string.h>

#include "cache/policy/policy.h"
#include "replay/trace_priv.h"

enum { FIELDS = 6 };

static enum status bad(const struct trace *t, struct err *err, const char *name, const char *was,
                       const char *expected)
{
    return err_set(err, E_CORRUPT, "%s: line %" PRIu64 ": %s is \"%.40s\"; expected %s", t->name,
                   t->line, name, was, expected);
}

/* Cuts line at its commas; false unless there are exactly FIELDS fields. */
static bool split(char *line, char *fields[FIELDS])
{
    int n = 0;
    fields[n++] = line;
    for (char *p = line; (p = strchr(p, ',')) != NULL;) {
        if (n == FIELDS)
            return false;
        *p++ = 0;
        fields[n++] = p;
    }
    return n == FIELDS;
}

static bool number(const char *p, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;
    if (!*p)
        return false;
    for (; *p; p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (digit > 9 || n > (max - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

/* The id of a name, new ones counting up. */
static enum status intern(struct trace *t, struct map *m, const char *name, uint32_t *count,
                          uint32_t max, uint32_t *id, struct err *err)
{
    uintptr_t known = (uintptr_t)map_get(m, name);
    if (known) {
        *id = (uint32_t)(known - 1);
        return OK;
    }
    if (*count == max)
        return err_set(err, E_TOO_LARGE, "%s: line %" PRIu64 ": more than %" PRIu32 " names",
                       t->name, t->line, max);
    /* The map holds ids, not memory: no pointer is ever followed. */
    enum status s = map_put(m, name, (void *)((uintptr_t)*count + 1));
    if (s != OK)
        return err_set(err, s, "%s: line %" PRIu64 ": out of memory", t->name, t->line);
    *id = (*count)++;
    return OK;
}

static enum status numbers(struct trace *t, char *const f[FIELDS], struct trace_record *r,
                           struct err *err)
{
    uint64_t load_us, exec_us;
    if (!number(f[0], TRACE_T_US_MAX, &r->t_us))
        return bad(t, err, "t_us", f[0], "a whole number of microseconds");
    if (!number(f[3], TRACE_BYTES_MAX, &r->bytes))
        return bad(t, err, "bytes", f[3], "a whole number from 1 to 2^42");
    if (!number(f[4], UINT32_MAX, &load_us))
        return bad(t, err, "load_us", f[4], "a whole number below 2^32");
    if (!number(f[5], UINT32_MAX, &exec_us))
        return bad(t, err, "exec_us", f[5], "a whole number below 2^32");
    r->load_us = (uint32_t)load_us;
    r->exec_us = (uint32_t)exec_us;
    return trace_check(t, r, err);
}

static enum status parse(struct trace *t, char *line, struct trace_record *r, struct err *err)
{
    char *f[FIELDS];
    uint32_t tenant;
    if (!split(line, f))
        return err_set(err, E_CORRUPT, "%s: line %" PRIu64 ": expected six fields, \"%s\"", t->name,
                       t->line, TRACE_HEADER);
    if (!*f[1] || strlen(f[1]) > TRACE_MODEL_MAX)
        return bad(t, err, "model", f[1], "a name of 1 to 257 bytes");
    if (strlen(f[2]) > TRACE_TENANT_MAX)
        return bad(t, err, "tenant", f[2], "a name of at most 128 bytes");
    enum status s = numbers(t, f, r, err);
    if (s == OK)
        s = intern(t, &t->models, f[1], &t->model_count, POLICY_IDS_MAX, &r->id, err);
    if (s == OK)
        s = intern(t, &t->tenants, f[2], &t->tenant_count, TRACE_TENANTS, &tenant, err);
    if (s == OK)
        r->tenant = (uint16_t)tenant;
    return s;
}

enum status trace_next_line(struct trace *t, struct trace_record *out, bool *more, struct err *err)
{
    const char *eol = memchr(t->data + t->at, '\n', t->end - t->at);
    if (!eol) {
        enum status s = trace_fill(t, TRACE_LINE_MAX, err);
        if (s != OK)
            return s;
        eol = memchr(t->data + t->at, '\n', t->end - t->at);
    }
    *more = t->at < t->end;
    if (!*more)
        return OK;
    char *line = t->data + t->at;
    size_t len = eol ? (size_t)(eol - line) : t->end - t->at;
    t->line++;
    if (len >= TRACE_LINE_MAX || memchr(line, 0, len))
        return err_set(err, E_CORRUPT, "%s: line %" PRIu64 ": expected text of less than %d bytes",
                       t->name, t->line, TRACE_LINE_MAX);
    t->at += MIN(len + 1, t->end - t->at);
    line[len] = 0;
    if (len && line[len - 1] == '\r')
        line[len - 1] = 0;
    *out = (struct trace_record){0};
    return parse(t, line, out, err);
}
