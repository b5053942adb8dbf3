/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Equal: a == b.  source: ONNX Equal-1 (one-sided broadcast), Equal-13, Equal-19 (strings) */
#include "ops/binary.h"
#include "tensor/text.h"

static void equal_text(int64_t n, const void *a, int64_t sa, const void *b, int64_t sb, void *y)
{
    const struct text *x = a, *z = b;
    uint8_t *out = y;
    for (int64_t i = 0; i < n; i++)
        out[i] = text_same(x[i * sa], z[i * sb]);
}

static const struct binary_set set = {.op = "Equal",
                                      .f32 = equal_f32,
                                      .f64 = equal_f64,
                                      BINARY_INTEGERS(equal),
                                      .boolean = equal_bool,
                                      .string = equal_text,
                                      .to_bool = true};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return binary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return binary_run(ctx, &set, err);
}

const struct op op_equal = {
    .domain = "",
    .name = "Equal",
    .code = OP_CODE_equal,
    .since = {1, 7, 11, 13},
    .types = OP_ANY,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct binary_params),
    .prepare = binary_prepare,
    .infer = infer,
    .run = run,
};
