/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Places along an axis, each checked against its extent when it is used.
 * source: ONNX GatherElements-13, GatherND-13, ScatterElements-18, ScatterND-18 */
#include "ops/index.h"

#include <inttypes.h>

enum status index_dtype(const struct op_infer *c, const char *op, int operand, struct err *err)
{
    const struct tensor *t = c->in[operand];
    return t->dtype == DT_I64 || t->dtype == DT_I32 ? OK
                                                    : op_bad(op, operand, t, "int64 or int32", err);
}

enum status index_at(const char *op, const struct tensor *t, int64_t i, int64_t extent,
                     int64_t *out, struct err *err)
{
    int64_t at = tensor_get_i64(t, i);
    if (at < -extent || at >= extent)
        return err_set(err, E_BAD_INPUT,
                       "%s: index %" PRId64 " at position %" PRId64
                       " is outside an axis of %" PRId64,
                       op, at, i, extent);
    *out = at < 0 ? at + extent : at;
    return OK;
}

enum status index_tuple(const char *op, const struct tensor *t, int64_t i, const int64_t *dims,
                        int64_t *out, struct err *err)
{
    int n = (int)t->dims[t->rank - 1];
    int64_t place = 0;
    for (int d = 0; d < n; d++) {
        int64_t at;
        enum status s = index_at(op, t, i * n + d, dims[d], &at, err);
        if (s != OK)
            return s;
        place = place * dims[d] + at;
    }
    *out = place;
    return OK;
}

enum status index_beside(const char *op, const struct tensor *x, const struct tensor *index,
                         int axis, struct err *err)
{
    if (index->rank != x->rank)
        return op_bad(op, 1, index, "indices of input 0's rank", err);
    for (int d = 0; d < x->rank; d++)
        if (d != axis && index->dims[d] > x->dims[d])
            return op_bad(op, 1, index, "indices no longer than input 0 beside the axis", err);
    return OK;
}

enum status index_walk_next(struct index_walk *w, int64_t *place, struct err *err)
{
    const struct tensor *x = w->x;
    int64_t along, flat = 0;
    enum status s = index_at(w->op, w->index, w->i++, x->dims[w->axis], &along, err);
    if (s != OK)
        return s;
    for (int d = 0; d < x->rank; d++)
        flat = flat * x->dims[d] + (d == w->axis ? along : w->at[d]);
    *place = flat;
    for (int d = x->rank - 1; d >= 0 && ++w->at[d] == w->index->dims[d]; d--)
        w->at[d] = 0;
    return OK;
}
