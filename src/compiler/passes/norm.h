/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A BatchNormalization whose operands are constant, as numbers. */
#ifndef ROOST_COMPILER_PASSES_NORM_H
#define ROOST_COMPILER_PASSES_NORM_H

#include "compiler/passes/edit.h"

/* Embedded; points to the graph's constants. */
struct norm {
    int64_t channels;
    const float *scale, *shift, *mean, *var;
    double epsilon;
};

/* False when n is in training, or its operands are not constant float32; *s is E_NO_MEMORY when
 * memory ran out, else OK. */
bool norm_read(struct graph *g, const struct node *n, struct norm *out, enum status *s);
/* y = x * factor + (shift - mean * factor) */
double norm_factor(const struct norm *n, int64_t channel);
/* Is output 0 all that anybody reads of it? */
bool norm_is_plain(const struct node *n, const struct uses *u);

#endif
