/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A line is built on the stack and written with one write(2), so lines of threads never mix. */
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/lock.h"

enum { LINE_MAX_BYTES = 2048, RATE_PLACES = 64, RATE_PER_S = 10 };

static enum log_level least_level = LOG_INFO;
static enum log_format line_format = LOG_LOGFMT;

/* Events seen in the present second, by hash of the event name; guarded by rate_lock. */
static struct {
    uint64_t second;
    uint32_t seen;
} rate[RATE_PLACES];
static struct lock rate_lock;
static pthread_once_t rate_once = PTHREAD_ONCE_INIT;

static void rate_setup(void)
{
    lock_init(&rate_lock, LOCK_LOG);
}

void log_setup(enum log_level least, enum log_format format)
{
    least_level = least;
    line_format = format;
}

/* *dropped: how many lines of its kind were left out before this one. */
static bool over_rate(const char *event, uint32_t *dropped)
{
    pthread_once(&rate_once, rate_setup);
    uint64_t second = clock_now_us() / 1000000u;
    size_t i = hash_name(event) % RATE_PLACES;
    lock_take(&rate_lock);
    *dropped = 0;
    if (rate[i].second != second) {
        rate[i].second = second;
        *dropped = rate[i].seen > RATE_PER_S ? rate[i].seen - RATE_PER_S : 0;
        rate[i].seen = 0;
    }
    bool over = rate[i].seen++ >= RATE_PER_S;
    lock_release(&rate_lock);
    return over;
}

struct line {
    char text[LINE_MAX_BYTES];
    size_t len; /* always leaves room for the newline */
};

static void put(struct line *l, const char *s)
{
    while (*s && l->len < LINE_MAX_BYTES - 8)
        l->text[l->len++] = *s++;
}

/* Quoted with JSON's escapes, which logfmt readers take too. */
static void put_quoted(struct line *l, const char *s)
{
    put(l, "\"");
    for (; *s && l->len < LINE_MAX_BYTES - 16; s++) {
        char esc[8] = {*s, 0};
        if (*s == '"' || *s == '\\')
            snprintf(esc, sizeof(esc), "\\%c", *s);
        else if ((unsigned char)*s < 0x20 || *s == 0x7f)
            snprintf(esc, sizeof(esc), "\\u%04x", (unsigned char)*s);
        put(l, esc);
    }
    put(l, "\"");
}

static bool is_plain(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s <= 0x20 || *s == '"' || *s == '=' || *s == '\\' || *s == 0x7f)
            return false;
    return true;
}

static void put_pair(struct line *l, const char *key, const char *str, int64_t num)
{
    bool json = line_format == LOG_JSON;
    if (l->len)
        put(l, json ? "," : " ");
    if (json) {
        put_quoted(l, key);
        put(l, ":");
    } else {
        put(l, key);
        put(l, "=");
    }
    if (!str) {
        char text[24];
        snprintf(text, sizeof(text), "%" PRId64, num);
        put(l, text);
    } else if (!json && *str && is_plain(str)) {
        put(l, str);
    } else {
        put_quoted(l, str);
    }
}

static void put_time(struct line *l)
{
    uint64_t ms = clock_wall_ms();
    time_t s = (time_t)(ms / 1000u);
    struct tm tm;
    char text[48];
    gmtime_r(&s, &tm);
    size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, sizeof(text) - n, ".%03uZ", (unsigned)(ms % 1000u));
    put_pair(l, "ts", text, 0);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    uint32_t dropped = 0;
    if (level < least_level || (level >= LOG_WARN && over_rate(event, &dropped)))
        return;
    struct line l = {.len = 0};
    put_time(&l);
    put_pair(&l, "level", names[level], 0);
    put_pair(&l, "event", event, 0);
    for (; fields->key; fields++)
        put_pair(&l, fields->key, fields->str, fields->num);
    if (dropped)
        put_pair(&l, "left_out", NULL, dropped);
    char out[LINE_MAX_BYTES + 4];
    int n = snprintf(out, sizeof(out), line_format == LOG_JSON ? "{%s}\n" : "%s\n",
                     (l.text[l.len] = 0, l.text));
    if (n > 0 && write(STDERR_FILENO, out, (size_t)n) < 0)
        return; /* stderr is gone: there is nowhere to say so */
}
