/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* MaxPool and AveragePool differ in the kernel only. */
#ifndef ROOST_OPS_POOL_COMMON_H
#define ROOST_OPS_POOL_COMMON_H

#include "kernels/pool.h"
#include "ops/spatial.h"

struct pool_params {
    struct window window;
    bool count_pad;
    bool by_columns; /* Indices counts along columns */
};

/* What is common to both, and to the pools over a whole image. */
enum status pool_prepare(const struct op_node *node, const char *op, struct pool_params *p,
                         struct err *err) WARN_UNUSED;
enum status pool_infer(struct op_infer *ctx, const char *op, struct err *err) WARN_UNUSED;
enum status pool_run(const struct op_run *ctx, const char *op, void (*f)(const struct pool *),
                     struct err *err) WARN_UNUSED;

/* Refuses windows that are too many places all together.  errors: E_UNSUPPORTED */
enum status pool_bound_work(const char *op, const struct tensor *x, const struct placed_window *at,
                            struct err *err) WARN_UNUSED;

/* The window laid on x; p->x and p->y are left out. */
enum status pool_describe(const struct op_run *ctx, const char *op, struct pool *p,
                          struct err *err) WARN_UNUSED;

/* GlobalAveragePool, GlobalMaxPool. */
enum status pool_infer_global(struct op_infer *ctx, const char *op, struct err *err) WARN_UNUSED;

#endif
