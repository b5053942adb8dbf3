/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How much work one run of an operator is, as its shapes tell: an estimate for people, not a price.
 */
#ifndef ROOST_OPS_FLOPS_H
#define ROOST_OPS_FLOPS_H

#include "ops/op.h"

/* One node whose outputs are inferred. in[], out[]: NULL when left out. */
struct op_shapes {
    const void *params; /* what prepare made */
    int n_in, n_out;
    const struct tensor *const *in;
    struct tensor *const *out;
};

/* Operations: two for each multiply-add of a convolution, a product or a recurrent network, else
 * one for each element of the largest operand. Views and what shapes alone decide are no work.
 * Stops at UINT64_MAX. */
uint64_t op_flops(const struct op *op, const struct op_shapes *s);

#endif
