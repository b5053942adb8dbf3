/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Conv and roost.FusedConv are one convolution; the fused one has an epilogue and a fourth operand.
 */
#ifndef ROOST_OPS_CONV_COMMON_H
#define ROOST_OPS_CONV_COMMON_H

#include "ops/spatial.h"

struct conv_params {
    struct window window;
    int64_t group;
    struct epilogue epilogue;
};

enum status conv_prepare(const struct op_node *node, const char *op, struct conv_params *p,
                         struct err *err) WARN_UNUSED;
enum status conv_infer(struct op_infer *ctx, const char *op, struct err *err) WARN_UNUSED;
enum status conv_run(const struct op_run *ctx, const char *op, struct err *err) WARN_UNUSED;

#endif
