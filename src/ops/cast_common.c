/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Conversions between any two numeric dtypes; see cast_common.h. */
#include "ops/cast_common.h"

#include "ops/element.h"

static void convert(const struct tensor *x, const struct tensor *y, int64_t i)
{
    if (dtype_is_float(x->dtype))
        element_set_f64(y, i, tensor_get_f64(x, i));
    else if (x->dtype == DT_U64 && dtype_is_float(y->dtype))
        element_set_f64(y, i, (double)((const uint64_t *)x->data)[i]);
    else if (x->dtype == DT_U64)
        element_set_i64(y, i, (int64_t)((const uint64_t *)x->data)[i]);
    else
        element_set_i64(y, i, tensor_get_i64(x, i));
}

void cast_elements(const struct tensor *x, const struct tensor *y)
{
    if (x->dtype == y->dtype) {
        op_copy(x, y);
        return;
    }
    int64_t n = tensor_count(x);
    for (int64_t i = 0; i < n; i++)
        convert(x, y, i);
}
