/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Between which bounds values lie: of each value that is asked for a histogram, over any number of
 * runs, and the bounds out of it that cost least when bytes stand for what lies between them. */
#ifndef ROOST_COMPILER_RANGES_H
#define ROOST_COMPILER_RANGES_H

#include "compiler/passes/narrow.h"

struct histogram; /* heap */

/* Embedded; all zero is empty. */
struct ranges {
    struct histogram **at; /* heap; by index; NULL: nothing seen yet */
    const uint8_t *wanted; /* borrowed; by index: values that are not wanted are not looked at */
    uint32_t n;
    bool out_of_memory; /* something was not counted */
};

/* errors: E_NO_MEMORY */
enum status ranges_init(struct ranges *r, const uint8_t *wanted, uint32_t n) WARN_UNUSED;
void ranges_fini(struct ranges *r);
/* Counts the elements of a float32 tensor; others are passed over. */
void ranges_see(struct ranges *r, uint32_t index, const struct tensor *t);
/* Not known when nothing was seen, or something that is not finite. */
struct range ranges_of(const struct ranges *r, uint32_t index);

#endif
