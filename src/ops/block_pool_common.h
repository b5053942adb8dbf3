/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pools of blocked tensors: those of pool_common.h with a kernel of their own. A pool over the
 * whole image has no kernel_shape. */
#ifndef ROOST_OPS_BLOCK_POOL_COMMON_H
#define ROOST_OPS_BLOCK_POOL_COMMON_H

#include "ops/blocked_common.h"
#include "ops/pool_common.h"

enum status block_pool_prepare(const struct op_node *node, const char *op, struct pool_params *p,
                               struct err *err) WARN_UNUSED;
enum status block_pool_infer(struct op_infer *ctx, const char *op, struct err *err) WARN_UNUSED;
enum status block_pool_run(const struct op_run *ctx, const char *op,
                           void (*f)(const struct block_pool *), struct err *err) WARN_UNUSED;

#endif
