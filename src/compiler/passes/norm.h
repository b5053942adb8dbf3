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

/* roost.Linear without activation and residual. */
bool norm_is_linear(const struct node *n);
/* Folds n, which computes `norm` of the value `made` and nothing else, into the Conv, Gemm or
 * Linear that makes that value for n alone. Leaves all as it is when there is none. errors:
 * E_NO_MEMORY */
enum status norm_fold(struct graph *g, const struct uses *u, struct node *n, int32_t made,
                      const struct norm *norm) WARN_UNUSED;

#endif
