/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Status names and the err record. A message never holds control bytes, so it can stand in a log
 * line, a header or a JSON string after ordinary escaping. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const char *text;
    enum status_class class;
} table[STATUS_COUNT] = {
#define X(name, class, text) {#name, text, class},
    STATUS_TABLE(X)
#undef X
};

_Noreturn void assert_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "assertion failed: %s at %s:%d\n", what, file, line);
    abort();
}

const char *status_name(enum status s)
{
    ASSERT((unsigned)s < STATUS_COUNT);
    return table[s].name;
}

const char *status_text(enum status s)
{
    ASSERT((unsigned)s < STATUS_COUNT);
    return table[s].text;
}

enum status_class status_class(enum status s)
{
    ASSERT((unsigned)s < STATUS_COUNT);
    return table[s].class;
}

static void clean(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
}

void err_fill(struct err *err, enum status code, const char *fmt, ...)
{
    if (!err)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    clean(err->msg);
    err->code = code;
}

enum status err_prefix(struct err *err, const char *fmt, ...)
{
    if (!err)
        return E_INTERNAL;
    char old[sizeof(err->msg)];
    memcpy(old, err->msg, sizeof(old));
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(err->msg))
        snprintf(err->msg + n, sizeof(err->msg) - (size_t)n, ": %s", old);
    clean(err->msg);
    return err->code;
}
