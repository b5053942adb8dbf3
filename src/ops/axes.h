/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A set of axes that stands in an attribute in old opsets and in operand 1 in new ones: Squeeze,
 * Unsqueeze and the reductions. */
#ifndef ROOST_OPS_AXES_H
#define ROOST_OPS_AXES_H

#include "ops/ops_priv.h"

struct axes {
    bool by_attr;
    int32_t n; /* of the attribute; 0 when there is none */
    int64_t axes[TENSOR_RANK_MAX];
};

/* by_attr says where this version keeps them.  errors: E_CORRUPT */
enum status axes_prepare(const struct op_node *node, const char *op, bool by_attr, struct axes *a,
                         struct err *err) WARN_UNUSED;

/* The axes as a mask of dims of a shape of `rank`; *given is false when there are none.
 * errors: E_BAD_INPUT (outside, twice); E_UNSUPPORTED (value not known) */
enum status axes_mask(const struct axes *a, const char *op, int n_in,
                      const struct tensor *const *in, int rank, unsigned *mask, bool *given,
                      struct err *err) WARN_UNUSED;

#endif
