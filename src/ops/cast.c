/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Cast between any two numeric dtypes. Floats truncate toward zero and saturate where C leaves it
 * open; integers wrap to the narrower one, as in the frameworks; anything but 0 is true.
 * source: ONNX Cast-6, 9, 13 */
#include <inttypes.h>
#include <string.h>

#include "ops/ops_priv.h"

struct params {
    enum dtype to;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    int64_t to;
    enum status s = attr_int(&node->attrs, ATTR_to, 0, &to, err);
    if (s != OK)
        return s;
    if (to <= 0 || to > UINT16_MAX || !dtype_valid((unsigned)to))
        return err_set(err, E_UNSUPPORTED, "Cast: dtype number %" PRId64 " is not supported", to);
    p->to = (enum dtype)to;
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "Cast", 1, err);
    const struct tensor *x = ctx->in[0];
    return s == OK ? op_output(ctx, 0, "Cast", p->to, x->rank, x->dims, err) : s;
}

static void store_float(enum dtype to, void *y, int64_t i, double v)
{
    switch (to) {
    case DT_F32:
        ((float *)y)[i] = (float)v;
        break;
    case DT_F64:
        ((double *)y)[i] = v;
        break;
    case DT_F16:
        ((uint16_t *)y)[i] = f32_to_f16((float)v);
        break;
    default:
        ((uint16_t *)y)[i] = f32_to_bf16((float)v);
        break;
    }
}

static void store_int(enum dtype to, void *y, int64_t i, int64_t v)
{
    switch (dtype_bytes(to)) {
    case 1:
        ((uint8_t *)y)[i] = (uint8_t)v;
        break;
    case 2:
        ((uint16_t *)y)[i] = (uint16_t)v;
        break;
    case 4:
        ((uint32_t *)y)[i] = (uint32_t)v;
        break;
    default:
        ((uint64_t *)y)[i] = (uint64_t)v;
        break;
    }
}

/* A float as an integer of the target: saturated to its range. */
static int64_t saturate(enum dtype to, int64_t v)
{
    if (to == DT_U64)
        return MAX(v, 0);
    bool is_signed = to == DT_I8 || to == DT_I16 || to == DT_I32 || to == DT_I64;
    int bits = (int)dtype_bytes(to) * 8;
    int64_t max = is_signed ? (int64_t)(((uint64_t)1 << (bits - 1)) - 1)
                            : (int64_t)(((uint64_t)1 << bits) - 1);
    int64_t min = is_signed ? -max - 1 : 0;
    return MIN(MAX(v, min), max);
}

static void convert(const struct tensor *x, const struct tensor *y, int64_t i)
{
    bool from_float = dtype_is_float(x->dtype);
    if (y->dtype == DT_BOOL)
        ((uint8_t *)y->data)[i] =
            from_float ? tensor_get_f64(x, i) != 0 : tensor_get_i64(x, i) != 0;
    else if (dtype_is_float(y->dtype))
        store_float(y->dtype, y->data, i, tensor_get_f64(x, i));
    else if (from_float)
        store_int(y->dtype, y->data, i, saturate(y->dtype, tensor_get_i64(x, i)));
    else if (x->dtype == DT_U64)
        store_int(y->dtype, y->data, i, (int64_t)((const uint64_t *)x->data)[i]);
    else
        store_int(y->dtype, y->data, i, tensor_get_i64(x, i));
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    if (x->dtype == y->dtype) {
        op_copy(x, y);
        return OK;
    }
    int64_t n = tensor_count(x);
    for (int64_t i = 0; i < n; i++)
        convert(x, y, i);
    return OK;
}

const struct op op_cast = {
    .domain = "",
    .name = "Cast",
    .code = OP_CODE_cast,
    .since = {6, 9, 13},
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
