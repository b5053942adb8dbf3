/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One event a line on stderr: ts, level, event, then key=value with units in the key. No prose, no
 * secrets, no payloads. The same warning or error is written at most 10 times a second; the
 * next one then says in left_out how many were not. */
#ifndef ROOST_BASE_LOG_H
#define ROOST_BASE_LOG_H

#include "base/status.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
    const char *key; /* a literal; NULL ends the list */
    const char *str; /* borrowed until return; NULL: num counts */
    int64_t num;
};

static inline struct log_field log_str(const char *key, const char *value)
{
    return (struct log_field){key, value ? value : "", 0};
}

static inline struct log_field log_num(const char *key, int64_t value)
{
    return (struct log_field){key, NULL, value};
}

/* Set once at start, before threads. */
void log_setup(enum log_level least, enum log_format format);

/* thread: any   locks: takes LOCK_LOG   blocks: stderr */
void log_write(enum log_level level, const char *event, const struct log_field *fields);

#define LOG(level, event, ...)                                                                     \
    log_write(level, event, (const struct log_field[]){__VA_ARGS__, {NULL, NULL, 0}})

#endif
