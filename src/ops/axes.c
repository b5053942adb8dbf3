/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Sets of axes; see axes.h. */
#include "ops/axes.h"

#include <inttypes.h>
#include <string.h>

enum status axes_prepare(const struct op_node *node, const char *op, bool by_attr, struct axes *a,
                         struct err *err)
{
    a->by_attr = by_attr;
    if (!by_attr)
        return OK;
    if (node->n_in > 1)
        return err_set(err, E_CORRUPT, "%s: %d inputs where axes is an attribute, expected 1", op,
                       node->n_in);
    int n = 0;
    enum status s = attr_ints(&node->attrs, ATTR_axes, a->axes, TENSOR_RANK_MAX, &n, err);
    a->n = n;
    return s;
}

enum status axes_mask(const struct axes *a, const char *op, int n_in,
                      const struct tensor *const *in, int rank, unsigned *mask, bool *given,
                      struct err *err)
{
    int64_t axes[TENSOR_RANK_MAX];
    int n = a->n;
    enum status s = OK;
    memcpy(axes, a->axes, sizeof(axes));
    if (!a->by_attr && n_in > 1 && in[1])
        s = op_values(op, 1, in[1], axes, TENSOR_RANK_MAX, &n, err);
    *given = n > 0;
    *mask = 0;
    for (int i = 0; i < n && s == OK; i++) {
        int axis;
        s = op_axis(op, axes[i], rank, false, &axis, err);
        if (s == OK && *mask & (1u << axis))
            return err_set(err, E_BAD_INPUT, "%s: axis %" PRId64 " comes twice", op, axes[i]);
        if (s == OK)
            *mask |= 1u << axis;
    }
    return s;
}
