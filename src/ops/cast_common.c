/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Conversions between any two dtypes; see cast_common.h. */
#include "ops/cast_common.h"

#include "ops/element.h"
#include "ops/half.h"

static void convert(const struct tensor *x, const struct tensor *y, int64_t i)
{
    if (dtype_is_float(x->dtype))
        element_set_f64(y, i, tensor_get_f64(x, i));
    else if (x->dtype == DT_U64 && dtype_is_float(y->dtype))
        element_set_f64(y, i, (double)((const uint64_t *)x->data)[i]);
    else if (x->dtype == DT_U64)
        element_set_i64(y, i, (int64_t)((const uint64_t *)x->data)[i]);
    else
        element_set_i64(y, i, tensor_get_i64(x, i));
}

enum status cast_infer(struct op_infer *ctx, const char *op, enum dtype to, struct err *err)
{
    const struct tensor *x = ctx->in[0];
    if (to == DT_STRING && x->dtype != DT_STRING && !cast_text_bytes(x, &ctx->text_bytes))
        return op_bad(op, 0, x, "fewer numbers", err);
    return op_output(ctx, 0, op, to, x->rank, x->dims, err);
}

enum status cast_elements(const char *op, const struct tensor *x, const struct tensor *y,
                          struct err *err)
{
    if (x->dtype == y->dtype) {
        op_copy(x, y);
        return OK;
    }
    if (x->dtype == DT_STRING)
        return cast_from_text(op, x, y, err);
    if (y->dtype == DT_STRING) {
        cast_to_text(x, y);
        return OK;
    }
    const int64_t n = tensor_count(x);
    if (x->dtype == DT_F32 && dtype_is_half(y->dtype))
        half_store(y->dtype, n, x->data, y->data);
    else if (y->dtype == DT_F32 && dtype_is_half(x->dtype))
        half_load(x->dtype, n, x->data, y->data);
    else
        for (int64_t i = 0; i < n; i++)
            convert(x, y, i);
    return OK;
}
