/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Scales and zero points; see quant.h. */
#include <inttypes.h>

#include "ops/quant.h"

enum status quant_byte(const struct op_infer *c, const char *op, int i, struct err *err)
{
    enum dtype t = c->in[i]->dtype;
    return t == DT_I8 || t == DT_U8 ? OK : op_no_kernel(op, i, c->in[i], err);
}

const struct tensor *quant_operand(int n, const struct tensor *const *all, int i)
{
    return i < n ? all[i] : NULL;
}

enum status quant_count(const struct op_infer *c, const char *op, int i, enum dtype t, int64_t many,
                        struct err *err)
{
    const struct tensor *x = quant_operand(c->n_in, c->in, i);
    char text[TENSOR_TEXT_MAX];
    if (!x || (x->dtype == t && (tensor_count(x) == 1 || tensor_count(x) == many)))
        return OK;
    return err_set(err, E_BAD_INPUT,
                   "%s: input %d is %s, expected %s with one or %" PRId64 " elements", op, i,
                   tensor_text(x, text), dtype_text(t), many);
}

static int64_t only(const struct tensor *t, int64_t i)
{
    return tensor_count(t) == 1 ? 0 : i;
}

float quant_scale(const struct tensor *scale, int64_t i)
{
    return (float)tensor_get_f64(scale, only(scale, i));
}

int32_t quant_zero(const struct tensor *t, int64_t i)
{
    return t ? (int32_t)tensor_get_i64(t, only(t, i)) : 0;
}

struct bytes quant_bytes(const struct tensor *x, const struct tensor *zero)
{
    struct bytes b = {.data = x->data, .is_signed = x->dtype == DT_I8};
    b.zero = zero ? zero->data : NULL;
    b.zeros = zero ? tensor_count(zero) : 1;
    return b;
}
