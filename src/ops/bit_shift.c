/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* BitShift: unsigned integers shifted left or right; a shift by the width or more gives 0.
 * source: ONNX BitShift-11 */
#include <string.h>

#include "ops/binary.h"

struct params {
    struct binary_params binary; /* no legacy form */
    bool right;
};

static const struct binary_set left = {.op = "BitShift",
                                       .u8 = shift_left_u8,
                                       .u16 = shift_left_u16,
                                       .u32 = shift_left_u32,
                                       .u64 = shift_left_u64};
static const struct binary_set right = {.op = "BitShift",
                                        .u8 = shift_right_u8,
                                        .u16 = shift_right_u16,
                                        .u32 = shift_right_u32,
                                        .u64 = shift_right_u64};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    const char *way;
    size_t len;
    enum status s = attr_string(&node->attrs, ATTR_direction, "", &way, &len, err);
    if (s != OK)
        return s;
    p->right = len == 5 && memcmp(way, "RIGHT", 5) == 0;
    if (!p->right && (len != 4 || memcmp(way, "LEFT", 4) != 0))
        return err_set(err, E_CORRUPT, "BitShift: attribute direction is neither LEFT nor RIGHT");
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return binary_infer(ctx, &left, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    return binary_run(ctx, p->right ? &right : &left, err);
}

const struct op op_bit_shift = {
    .domain = "",
    .name = "BitShift",
    .code = OP_CODE_bit_shift,
    .since = {11},
    .types = OP_UNSIGNED,
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
