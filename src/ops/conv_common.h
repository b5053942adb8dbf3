/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Conv and roost.FusedConv are one convolution; the fused one has an epilogue and a fourth operand.
 * The convolutions of bytes share how it is described. */
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
/* Channels, groups and kernel extents of X and W go together.  errors: E_BAD_INPUT */
enum status conv_weights(const struct conv_params *p, const char *op, const struct tensor *x,
                         const struct tensor *w, struct err *err) WARN_UNUSED;
/* Sizes of the convolution, once conv_weights has agreed; pointers stay NULL.
 * errors: as window_place */
enum status conv_describe(const struct conv_params *p, const char *op, const struct tensor *x,
                          const struct tensor *w, struct conv *c, struct err *err) WARN_UNUSED;
/* The output's dims; rank is that of x. */
void conv_dims(const struct conv *c, int rank, int64_t dims[TENSOR_RANK_MAX]);
enum status conv_infer(struct op_infer *ctx, const char *op, struct err *err) WARN_UNUSED;
enum status conv_run(const struct op_run *ctx, const char *op, struct err *err) WARN_UNUSED;

#endif
