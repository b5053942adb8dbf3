/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ConvInteger and QLinearConv are one convolution of bytes; what follows the int32 sums differs. */
#ifndef ROOST_OPS_QUANT_CONV_H
#define ROOST_OPS_QUANT_CONV_H

#include "ops/conv_common.h"
#include "ops/quant.h"

/* Which operands stand where. */
struct int_conv {
    const char *op;
    int x, w, x_zero, w_zero;
};

/* Proves X, W and their zero points (one for x; one, or one for each output channel, for w), sets
 * c's sizes, the output's dims, and the scratch that one group needs.
 * errors: E_BAD_INPUT, E_UNSUPPORTED */
enum status int_conv_infer(struct op_infer *ctx, const struct int_conv *o, struct conv_i8 *c,
                           int64_t dims[TENSOR_RANK_MAX], struct err *err) WARN_UNUSED;
/* All sizes and no pointers.  errors: none after int_conv_infer */
enum status int_conv_begin(const struct op_run *ctx, const struct int_conv *o, struct conv_i8 *c,
                           struct err *err) WARN_UNUSED;
/* Sets x and w to those of one image and group. */
void int_conv_at(const struct op_run *ctx, const struct int_conv *o, const int64_t image_group[2],
                 struct conv_i8 *c);

#endif
