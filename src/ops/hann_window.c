/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* HannWindow: half a raised cosine, periodic or symmetric.  source: ONNX HannWindow-17 */
#include "ops/window_function.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    static const double c[] = {0.5, 0.5, 0};
    return window_function_prepare(node, "HannWindow", c, params, err);
}

const struct op op_hann_window = {
    .domain = "",
    .name = "HannWindow",
    .code = OP_CODE_hann_window,
    .since = {17},
    .types = OP_T(I32) | OP_T(I64),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct window_function_params),
    .prepare = prepare,
    .infer = window_function_infer,
    .run = window_function_run,
};
