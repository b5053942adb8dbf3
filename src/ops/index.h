/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operands that hold places along an axis: the Gather and Scatter families. */
#ifndef ROOST_OPS_INDEX_H
#define ROOST_OPS_INDEX_H

#include "ops/ops_priv.h"

/* Operand i holds int64 or int32.  errors: E_BAD_INPUT */
enum status index_dtype(const struct op_infer *c, const char *op, int operand,
                        struct err *err) WARN_UNUSED;

/* Element i of t as a place 0 <= *out < extent; negative ones count from the end.
 * errors: E_BAD_INPUT */
enum status index_at(const char *op, const struct tensor *t, int64_t i, int64_t extent,
                     int64_t *out, struct err *err) WARN_UNUSED;

/* GatherND, ScatterND: tuple number i of t (its last dim holds the n elements of a tuple) as a flat
 * place among dims[0..n).  errors: E_BAD_INPUT */
enum status index_tuple(const char *op, const struct tensor *t, int64_t i, const int64_t *dims,
                        int64_t *out, struct err *err) WARN_UNUSED;

/* GatherElements, ScatterElements: indices of x's rank, on other axes at most as long as x.
 * errors: E_BAD_INPUT */
enum status index_beside(const char *op, const struct tensor *x, const struct tensor *index,
                         int axis, struct err *err) WARN_UNUSED;

/* Walks the elements of `index` beside x in order: at each, *place is where x has the element that
 * the index names.  Begin with walk zeroed but for op, x, index, axis. */
struct index_walk {
    const char *op;
    const struct tensor *x, *index;
    int axis;
    int64_t i, at[TENSOR_RANK_MAX];
};
enum status index_walk_next(struct index_walk *w, int64_t *place, struct err *err) WARN_UNUSED;

#endif
