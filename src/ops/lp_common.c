/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* See lp.h.  source: ONNX LpPool-1, 2; GlobalLpPool-1, 2 */
#include <math.h>

#include "ops/lp.h"

enum status lp_read(const struct op_node *node, const char *op, double *p, struct err *err)
{
    float f = 2;
    int64_t i = 2;
    enum status s = node->version < 2 ? attr_float(&node->attrs, ATTR_p, 2, &f, err)
                                      : attr_int(&node->attrs, ATTR_p, 2, &i, err);
    if (s != OK)
        return s;
    *p = node->version < 2 ? (double)f : (double)i;
    if (!(*p >= 1) || !isfinite(*p))
        return err_set(err, E_CORRUPT, "%s: attribute p is %g, expected at least 1", op, *p);
    return OK;
}

double lp_part(double p, double v)
{
    if (p == 2)
        return v * v;
    return p == 1 ? fabs(v) : pow(fabs(v), p);
}

double lp_norm(double p, double sum)
{
    if (p == 2)
        return sqrt(sum);
    return p == 1 ? sum : pow(sum, 1 / p);
}
