/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Writing one element of any dtype: the other side of tensor_get_f64 and tensor_get_i64. */
#ifndef ROOST_OPS_ELEMENT_H
#define ROOST_OPS_ELEMENT_H

#include "tensor/tensor.h"

/* Floats round; integers truncate toward zero and saturate, a NaN is 0; bool is v != 0. */
void element_set_f64(const struct tensor *y, int64_t i, double v);
/* Floats round; integers keep the low bits; bool is v != 0. */
void element_set_i64(const struct tensor *y, int64_t i, int64_t v);

#endif
