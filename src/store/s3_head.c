/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The few header lines of an answer that count. What cannot be read is as if it were not there: who
 * needs it says so. */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "store/s3_priv.h"

/* Digits at *p up to end into *out, at least one; *p moves behind them. */
static bool digits(const char **p, const char *end, uint64_t *out)
{
    const char *from = *p;
    uint64_t v = 0;
    for (; *p < end && **p >= '0' && **p <= '9'; ++*p) {
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(**p - '0'), &v))
            return false;
    }
    *out = v;
    return *p > from;
}

static bool byte(const char **p, const char *end, char c)
{
    if (*p >= end || **p != c)
        return false;
    ++*p;
    return true;
}

bool s3_content_range(const char *text, size_t n, struct s3_answer *a)
{
    const char *p = text, *end = text + n;
    uint64_t first = 1, last = 0, total = UINT64_MAX;
    if (n < 6 || strncasecmp(p, "bytes ", 6) != 0)
        return false;
    p += 6;
    bool all = byte(&p, end, '*');
    if (!all && (!digits(&p, end, &first) || !byte(&p, end, '-') || !digits(&p, end, &last) ||
                 first > last))
        return false;
    if (!byte(&p, end, '/') || (!byte(&p, end, '*') && !digits(&p, end, &total)) || p != end)
        return false;
    if (all ? total == UINT64_MAX : last >= total)
        return false;
    a->first = first;
    a->last = last;
    a->total = total;
    return true;
}

/* "Sun, 29 Nov 2026 10:15:00 GMT" */
static uint64_t http_date_ms(const char *text, size_t n)
{
    char copy[64];
    struct tm tm = {0};
    if (n >= sizeof(copy))
        return 0;
    memcpy(copy, text, n);
    copy[n] = 0;
    const char *rest = strptime(copy, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    time_t t = rest && !*rest ? timegm(&tm) : 0;
    return t > 0 ? (uint64_t)t * 1000 : 0;
}

/* The value of the line if it is that header; *n becomes its length without white space. */
static const char *value_of(const char *line, size_t *n, const char *name)
{
    size_t len = strlen(name), left = *n;
    if (left <= len || strncasecmp(line, name, len) != 0 || line[len] != ':')
        return NULL;
    const char *p = line + len + 1, *end = line + left;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    while (end > p && strchr(" \t\r\n", end[-1]))
        end--;
    *n = (size_t)(end - p);
    return p;
}

static void take_length(struct s3_answer *a, const char *v, size_t n)
{
    const char *p = v;
    a->has_length = digits(&p, v + n, &a->length) && p == v + n;
}

/* A region's name is put into messages: only what can be one. */
static void take_region(struct s3_answer *a, const char *v, size_t n)
{
    if (n >= sizeof(a->region))
        return;
    for (size_t i = 0; i < n; i++)
        if (!((v[i] >= 'a' && v[i] <= 'z') || (v[i] >= '0' && v[i] <= '9') || v[i] == '-'))
            return;
    memcpy(a->region, v, n);
    a->region[n] = 0;
}

/* A mark is compared with one of ours: only what can be one. */
static void take_mark(struct s3_answer *a, const char *v, size_t n)
{
    if (n != sizeof(a->mark) - 1)
        return;
    for (size_t i = 0; i < n; i++)
        if (!((v[i] >= '0' && v[i] <= '9') || (v[i] >= 'a' && v[i] <= 'f')))
            return;
    memcpy(a->mark, v, n);
    a->mark[n] = 0;
}

void s3_header(struct s3_answer *a, const char *line, size_t n)
{
    size_t len = n;
    const char *v;
    if (n > 5 && memcmp(line, "HTTP/", 5) == 0)
        *a = (struct s3_answer){.why = a->why}; /* one of several, as 100 Continue */
    else if ((v = value_of(line, &len, "etag"))) {
        if (!s3_tag(v, len, a->tag))
            a->tag[0] = 0;
    } else if ((v = value_of(line, &len, "content-length")))
        take_length(a, v, len);
    else if ((v = value_of(line, &len, "content-range")))
        a->has_range = s3_content_range(v, len, a);
    else if ((v = value_of(line, &len, "last-modified")))
        a->modified_ms = http_date_ms(v, len);
    else if ((v = value_of(line, &len, "x-amz-bucket-region")))
        take_region(a, v, len);
    else if ((v = value_of(line, &len, SIGV4_MARK_HEADER)))
        take_mark(a, v, len);
}
