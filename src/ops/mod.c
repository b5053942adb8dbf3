/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Mod: the remainder of a / b. Integers have the divisor's sign, as in Python, or with fmod the
 * dividend's, as in C; floats need fmod; an integer is never divided by zero.
 * source: ONNX Mod-10, 13 */
#include "ops/binary.h"

struct params {
    struct binary_params binary; /* no legacy form */
    bool fmod;
};

static const struct binary_set python = {
    .op = "Mod", .f32 = fmod_f32, .f64 = fmod_f64, BINARY_INTEGERS(mod)};
static const struct binary_set c = {.op = "Mod",
                                    .f32 = fmod_f32,
                                    .f64 = fmod_f64,
                                    .i8 = rem_i8,
                                    .i16 = rem_i16,
                                    .i32 = rem_i32,
                                    .i64 = rem_i64,
                                    .u8 = mod_u8,
                                    .u16 = mod_u16,
                                    .u32 = mod_u32,
                                    .u64 = mod_u64};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return op_flag(node, ATTR_fmod, 0, &p->fmod, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = binary_infer(ctx, &python, err);
    if (s == OK && !p->fmod && dtype_is_float(ctx->in[0]->dtype))
        return op_bad("Mod", 0, ctx->in[0], "integers, because attribute fmod is 0", err);
    return s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *b = ctx->in[1];
    if (!dtype_is_float(b->dtype))
        for (int64_t i = 0; i < tensor_count(b); i++)
            if (tensor_get_i64(b, i) == 0)
                return err_set(err, E_BAD_INPUT, "Mod: an integer is divided by zero");
    return binary_run(ctx, p->fmod ? &c : &python, err);
}

const struct op op_mod = {
    .domain = "",
    .name = "Mod",
    .code = OP_CODE_mod,
    .since = {10, 13},
    .types = OP_NUMBERS,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
