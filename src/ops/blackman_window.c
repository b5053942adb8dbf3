/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* BlackmanWindow: two cosines, periodic or symmetric.  source: ONNX BlackmanWindow-17 */
#include "ops/window_function.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    static const double c[] = {0.42, 0.5, 0.08};
    return window_function_prepare(node, "BlackmanWindow", c, params, err);
}

const struct op op_blackman_window = {
    .domain = "",
    .name = "BlackmanWindow",
    .code = OP_CODE_blackman_window,
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
