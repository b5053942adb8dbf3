/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Reductions over a set of axes. */
#ifndef ROOST_OPS_REDUCE_H
#define ROOST_OPS_REDUCE_H

#include "kernels/reduce.h"
#include "ops/axes.h"

/* What follows when all elements have been taken in; integers truncate. */
enum reduce_finish { REDUCE_PLAIN, REDUCE_MEAN, REDUCE_ROOT, REDUCE_LOG };

/* The kernels of one operator; NULL: no kernel for that dtype. float16 and bfloat16 go through f32,
 * in a scratch of float32 accumulators. Sums of unsigned integers are those of signed ones. */
struct reduce_set {
    const char *op;
    reduce_fn *f32, *f64, *i32, *i64, *u32, *u64;
    reduce_fn *i8, *i16, *u8, *u16, *boolean;
    enum reduce_finish finish;
    bool needs_some; /* no value exists for no elements (max, min): refused */
};

struct reduce_params {
    struct axes axes;
    bool keep, noop;
};

/* by_attr: this version keeps axes in an attribute. */
enum status reduce_prepare(const struct op_node *node, const char *op, bool by_attr, void *params,
                           struct err *err) WARN_UNUSED;
enum status reduce_infer(struct op_infer *ctx, const struct reduce_set *set,
                         struct err *err) WARN_UNUSED;
/* For operators with a walk of their own: the output's shape with all dims kept.
 * errors: E_BAD_INPUT when the axes are not those that were planned */
enum status reduce_kept(const struct op_run *ctx, const struct reduce_set *set, struct tensor *full,
                        struct err *err) WARN_UNUSED;
enum status reduce_run(const struct op_run *ctx, const struct reduce_set *set,
                       struct err *err) WARN_UNUSED;

#endif
