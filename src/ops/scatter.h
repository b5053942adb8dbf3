/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What Scatter, ScatterElements and ScatterND share: how an update meets what stands there. */
#ifndef ROOST_OPS_SCATTER_H
#define ROOST_OPS_SCATTER_H

#include "ops/index.h"

enum reduction { REDUCE_NONE, REDUCE_ADD, REDUCE_MUL, REDUCE_MAX, REDUCE_MIN };

struct scatter_params {
    int64_t axis;
    enum reduction reduction;
};

/* Reads axis and reduction.  errors: E_CORRUPT */
enum status scatter_prepare(const struct op_node *node, void *params, struct err *err) WARN_UNUSED;

/* Operands are there, the updates have the data's dtype, which the reduction knows; sets output 0.
 * errors: E_BAD_INPUT, E_UNSUPPORTED */
enum status scatter_infer(struct op_infer *ctx, const char *op, struct err *err) WARN_UNUSED;

/* to[n] = to[n] (reduction) from[n], of dtype t. */
void scatter_update(enum reduction r, enum dtype t, void *to, const void *from, int64_t n);

/* Scatter and ScatterElements are one operator. */
enum status scatter_elements_infer(struct op_infer *ctx, const char *op,
                                   struct err *err) WARN_UNUSED;
enum status scatter_elements_run(const struct op_run *ctx, const char *op,
                                 struct err *err) WARN_UNUSED;

#endif
