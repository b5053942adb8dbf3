/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Reductions of a run of elements into accumulators; each comes with its `_ref` twin.
 *
 * reduce_fn:  step 0: y[0] takes in all of x[n];  step 1: y[i] takes in x[i].
 * The caller fills y with the kind's neutral element first. */
#ifndef ROOST_KERNELS_REDUCE_H
#define ROOST_KERNELS_REDUCE_H

#include "base/base.h"

typedef void reduce_fn(int64_t n, const void *x, void *y, int64_t step);

/* name, element, neutral element, what v adds to the accumulator a, two accumulators a and v made
 * one. Integers wrap; a NaN stays. */
#define REDUCE_KERNELS(X)                                                                          \
    REDUCE_OFTEN(X)                                                                                \
    REDUCE_SELDOM(X)
/* Those that networks run in their hot paths are compiled for every level, */
#define REDUCE_OFTEN(X)                                                                            \
    X(reduce_sum_f32, float, 0, a + v, a + v)                                                      \
    X(reduce_sum_f64, double, 0, a + v, a + v)                                                     \
    X(reduce_sum_i32, int32_t, 0, (int32_t)((uint32_t)a + (uint32_t)v),                            \
      (int32_t)((uint32_t)a + (uint32_t)v))                                                        \
    X(reduce_sum_i64, int64_t, 0, (int64_t)((uint64_t)a + (uint64_t)v),                            \
      (int64_t)((uint64_t)a + (uint64_t)v))                                                        \
    X(reduce_max_f32, float, -INFINITY, v > a || v != v ? v : a, v > a || v != v ? v : a)          \
    X(reduce_max_f64, double, -INFINITY, v > a || v != v ? v : a, v > a || v != v ? v : a)         \
    X(reduce_max_i32, int32_t, INT32_MIN, v > a ? v : a, v > a ? v : a)                            \
    X(reduce_max_i64, int64_t, INT64_MIN, v > a ? v : a, v > a ? v : a)                            \
    X(reduce_min_f32, float, INFINITY, v < a || v != v ? v : a, v < a || v != v ? v : a)           \
    X(reduce_min_f64, double, INFINITY, v < a || v != v ? v : a, v < a || v != v ? v : a)          \
    X(reduce_min_i32, int32_t, INT32_MAX, v < a ? v : a, v < a ? v : a)                            \
    X(reduce_min_i64, int64_t, INT64_MAX, v < a ? v : a, v < a ? v : a)                            \
    X(reduce_l1_f32, float, 0, a + fabsf(v), a + v)                                                \
    X(reduce_squares_f32, float, 0, a + v * v, a + v)
/* the others once. */
#define REDUCE_SELDOM(X)                                                                           \
    X(reduce_prod_f32, float, 1, a *v, a *v)                                                       \
    X(reduce_prod_f64, double, 1, a *v, a *v)                                                      \
    X(reduce_prod_i32, int32_t, 1, (int32_t)((uint32_t)a * (uint32_t)v),                           \
      (int32_t)((uint32_t)a * (uint32_t)v))                                                        \
    X(reduce_prod_i64, int64_t, 1, (int64_t)((uint64_t)a * (uint64_t)v),                           \
      (int64_t)((uint64_t)a * (uint64_t)v))                                                        \
    X(reduce_max_i8, int8_t, INT8_MIN, v > a ? v : a, v > a ? v : a)                               \
    X(reduce_min_i8, int8_t, INT8_MAX, v < a ? v : a, v < a ? v : a)                               \
    X(reduce_max_i16, int16_t, INT16_MIN, v > a ? v : a, v > a ? v : a)                            \
    X(reduce_min_i16, int16_t, INT16_MAX, v < a ? v : a, v < a ? v : a)                            \
    X(reduce_max_u8, uint8_t, 0, v > a ? v : a, v > a ? v : a)                                     \
    X(reduce_min_u8, uint8_t, UINT8_MAX, v < a ? v : a, v < a ? v : a)                             \
    X(reduce_max_u16, uint16_t, 0, v > a ? v : a, v > a ? v : a)                                   \
    X(reduce_min_u16, uint16_t, UINT16_MAX, v < a ? v : a, v < a ? v : a)                          \
    X(reduce_max_u32, uint32_t, 0, v > a ? v : a, v > a ? v : a)                                   \
    X(reduce_min_u32, uint32_t, UINT32_MAX, v < a ? v : a, v < a ? v : a)                          \
    X(reduce_max_u64, uint64_t, 0, v > a ? v : a, v > a ? v : a)                                   \
    X(reduce_min_u64, uint64_t, UINT64_MAX, v < a ? v : a, v < a ? v : a)                          \
    X(reduce_l1_f64, double, 0, a + fabs(v), a + v)                                                \
    X(reduce_l1_i32, int32_t, 0, (int32_t)((uint32_t)a + (v < 0 ? 0 - (uint32_t)v : (uint32_t)v)), \
      (int32_t)((uint32_t)a + (uint32_t)v))                                                        \
    X(reduce_l1_i64, int64_t, 0, (int64_t)((uint64_t)a + (v < 0 ? 0 - (uint64_t)v : (uint64_t)v)), \
      (int64_t)((uint64_t)a + (uint64_t)v))                                                        \
    X(reduce_squares_f64, double, 0, a + v * v, a + v)                                             \
    X(reduce_squares_i32, int32_t, 0, (int32_t)((uint32_t)a + (uint32_t)v * (uint32_t)v),          \
      (int32_t)((uint32_t)a + (uint32_t)v))                                                        \
    X(reduce_squares_i64, int64_t, 0, (int64_t)((uint64_t)a + (uint64_t)v * (uint64_t)v),          \
      (int64_t)((uint64_t)a + (uint64_t)v))

#define X(name, type, neutral, take, join) reduce_fn name, name##_ref;
REDUCE_KERNELS(X)
#undef X

/* Fills y[n] with the neutral element of f, which is one of the above or its ref. */
void reduce_begin(reduce_fn *f, int64_t n, void *y);

#endif
