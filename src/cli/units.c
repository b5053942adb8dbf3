/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Numbers with units. Only whole numbers are read, so that every value has an exact spelling and
 * nothing passes through a double. */
#include "cli/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* Rising; the text of a value takes the highest that divides it. Decimal ones are only read. */
static const struct unit sizes[] = {{"B", 1},
                                    {"KiB", UINT64_C(1) << 10},
                                    {"MiB", UINT64_C(1) << 20},
                                    {"GiB", UINT64_C(1) << 30},
                                    {"TiB", UINT64_C(1) << 40}};
static const struct unit decimal_sizes[] = {
    {"kB", 1000}, {"MB", 1000000}, {"GB", 1000000000}, {"TB", UINT64_C(1000000000000)}};
static const struct unit durations[] = {
    {"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"h", UINT64_C(3600000000)}};

/* The digits at the start of text; *rest is what follows. False without digits or on overflow. */
static bool digits(const char *text, uint64_t *n, const char **rest)
{
    uint64_t v = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++)
        if (!checked_mul(v, 10, &v) || !checked_add(v, (uint64_t)(*p - '0'), &v))
            return false;
    *n = v;
    *rest = p;
    return p != text;
}

static const struct unit *find(const struct unit *units, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    return NULL;
}

enum status units_size(const char *text, uint64_t *bytes, struct err *err)
{
    uint64_t n;
    const char *rest;
    if (digits(text, &n, &rest)) {
        const struct unit *u = *rest ? find(sizes, ARRAY_COUNT(sizes), rest) : &sizes[0];
        if (!u)
            u = find(decimal_sizes, ARRAY_COUNT(decimal_sizes), rest);
        if (u && checked_mul(n, u->factor, bytes))
            return OK;
    }
    return err_set(err, E_USAGE, "'%.40s' is no size: write a whole number with B, KiB, MiB or GiB",
                   text);
}

enum status units_duration(const char *text, uint64_t *us, struct err *err)
{
    uint64_t n;
    const char *rest;
    if (digits(text, &n, &rest)) {
        const struct unit *u = find(durations, ARRAY_COUNT(durations), rest);
        if (!u && !*rest && n == 0)
            u = &durations[0];
        if (u && checked_mul(n, u->factor, us))
            return OK;
    }
    return err_set(err, E_USAGE, "'%.40s' is no duration: write a whole number with ms, s, m or h",
                   text);
}

enum status units_count(const char *text, uint64_t *n, struct err *err)
{
    const char *rest;
    if (digits(text, n, &rest) && !*rest)
        return OK;
    return err_set(err, E_USAGE, "'%.40s' is no whole number", text);
}

static const char *exact(const struct unit *units, size_t count, uint64_t n, char *out)
{
    size_t i = n ? count - 1 : 0;
    while (i > 0 && n % units[i].factor)
        i--;
    snprintf(out, UNITS_TEXT_MAX, "%" PRIu64 "%s", n / units[i].factor, units[i].name);
    return out;
}

const char *units_size_text(uint64_t bytes, char out[UNITS_TEXT_MAX])
{
    return exact(sizes, ARRAY_COUNT(sizes), bytes, out);
}

const char *units_duration_text(uint64_t us, char out[UNITS_TEXT_MAX])
{
    return exact(durations, ARRAY_COUNT(durations), us, out);
}

/* Three digits that matter at most, one after the point below 10. */
static const char *rounded(const struct unit *units, size_t count, uint64_t n, char *out)
{
    size_t i = count - 1;
    while (i > 0 && n < units[i].factor)
        i--;
    double v = (double)n / (double)units[i].factor;
    snprintf(out, UNITS_TEXT_MAX, i > 0 && v < 9.95 ? "%.1f %s" : "%.0f %s", v, units[i].name);
    return out;
}

const char *units_size_human(uint64_t bytes, char out[UNITS_TEXT_MAX])
{
    return rounded(sizes, ARRAY_COUNT(sizes), bytes, out);
}

const char *units_duration_human(uint64_t us, char out[UNITS_TEXT_MAX])
{
    return rounded(durations, ARRAY_COUNT(durations), us, out);
}
