/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Elementwise kernels, one list of them: each comes with its `_ref` twin, but for those of the
 * mathematics library. y may be equal to an operand whose elements are as wide and whose step is 1;
 * no other overlap.
 *
 * unary_fn:   x[n] -> y[n]
 * binary_fn:  a[n] with step sa, b[n] with step sb (elements; 0 repeats one) -> y[n] */
#ifndef ROOST_KERNELS_ELEMENTWISE_H
#define ROOST_KERNELS_ELEMENTWISE_H

#include "base/base.h"

typedef void unary_fn(int64_t n, const void *x, void *y);
typedef void binary_fn(int64_t n, const void *a, int64_t sa, const void *b, int64_t sb, void *y);

/* name, element, in C: of one element x. A NaN stays one; relu keeps -0. */
#define UNARY_KERNELS(X)                                                                           \
    X(relu_f32, float, x < 0 ? 0 : x)                                                              \
    X(neg_f32, float, -x)                                                                          \
    X(abs_f32, float, fabsf(x))                                                                    \
    X(sqrt_f32, float, sqrtf(x))                                                                   \
    X(reciprocal_f32, float, 1 / x)                                                                \
    X(floor_f32, float, floorf(x))                                                                 \
    X(ceil_f32, float, ceilf(x))                                                                   \
    X(round_f32, float, rintf(x))                                                                  \
    X(sign_f32, float, x != x ? x : (float)((x > 0) - (x < 0)))                                    \
    X(hard_swish_f32, float, x *(x < -3 ? 0 : x > 3 ? 1 : x * (1.0f / 6) + 0.5f))                  \
    X(softsign_f32, float, x / (1 + fabsf(x)))                                                     \
    X(softsign_f64, double, x / (1 + fabs(x)))                                                     \
    X(relu_f64, double, x < 0 ? 0 : x)                                                             \
    X(neg_f64, double, -x)                                                                         \
    X(abs_f64, double, fabs(x))                                                                    \
    X(sqrt_f64, double, sqrt(x))                                                                   \
    X(reciprocal_f64, double, 1 / x)                                                               \
    X(floor_f64, double, floor(x))                                                                 \
    X(ceil_f64, double, ceil(x))                                                                   \
    X(round_f64, double, rint(x))                                                                  \
    X(sign_f64, double, x != x ? x : (double)((x > 0) - (x < 0)))                                  \
    X(hard_swish_f64, double, x *(x < -3 ? 0 : x > 3 ? 1 : x / 6 + 0.5))                           \
    X(neg_i32, int32_t, (int32_t)(0 - (uint32_t)x))                                                \
    X(neg_i64, int64_t, (int64_t)(0 - (uint64_t)x))                                                \
    X(abs_i32, int32_t, (int32_t)(x < 0 ? 0 - (uint32_t)x : (uint32_t)x))                          \
    X(abs_i64, int64_t, (int64_t)(x < 0 ? 0 - (uint64_t)x : (uint64_t)x))                          \
    X(sign_i32, int32_t, (x > 0) - (x < 0))                                                        \
    X(sign_i64, int64_t, (x > 0) - (x < 0))                                                        \
    X(not_bool, uint8_t, !x)

/* Likewise, by the mathematics library: these have one form, and no twin. */
#define MATH_KERNELS(X)                                                                            \
    X(log_f32, float, logf(x))                                                                     \
    X(sin_f32, float, sinf(x))                                                                     \
    X(cos_f32, float, cosf(x))                                                                     \
    X(softplus_f32, float, x > 20 ? x : log1pf(expf(x)))                                           \
    X(tan_f32, float, tanf(x))                                                                     \
    X(tan_f64, double, tan(x))                                                                     \
    X(asin_f32, float, asinf(x))                                                                   \
    X(asin_f64, double, asin(x))                                                                   \
    X(acos_f32, float, acosf(x))                                                                   \
    X(acos_f64, double, acos(x))                                                                   \
    X(atan_f32, float, atanf(x))                                                                   \
    X(atan_f64, double, atan(x))                                                                   \
    X(sinh_f32, float, sinhf(x))                                                                   \
    X(sinh_f64, double, sinh(x))                                                                   \
    X(cosh_f32, float, coshf(x))                                                                   \
    X(cosh_f64, double, cosh(x))                                                                   \
    X(asinh_f32, float, asinhf(x))                                                                 \
    X(asinh_f64, double, asinh(x))                                                                 \
    X(acosh_f32, float, acoshf(x))                                                                 \
    X(acosh_f64, double, acosh(x))                                                                 \
    X(atanh_f32, float, atanhf(x))                                                                 \
    X(atanh_f64, double, atanh(x))                                                                 \
    X(mish_f32, float, x *tanhf(x > 20 ? x : log1pf(expf(x))))                                     \
    X(mish_f64, double, x *tanh(x > 40 ? x : log1p(exp(x))))                                       \
    X(gelu_f64, double, 0.5 * x * (1 + erf(x * 0.70710678118654752)))                              \
    X(gelu_tanh_f64, double,                                                                       \
      0.5 * x * (1 + tanh(0.79788456080286536 * (x + 0.044715 * x * x * x))))                      \
    X(exp_f64, double, exp(x))                                                                     \
    X(log_f64, double, log(x))                                                                     \
    X(sin_f64, double, sin(x))                                                                     \
    X(cos_f64, double, cos(x))                                                                     \
    X(softplus_f64, double, x > 40 ? x : log1p(exp(x)))                                            \
    X(tanh_f64, double, tanh(x))                                                                   \
    X(erf_f64, double, erf(x))                                                                     \
    X(sigmoid_f64, double, 1 / (1 + exp(-x)))                                                      \
    X(silu_f64, double, x / (1 + exp(-x)))

/* name, in C: of one float x, by lanes.h and by the C library. They differ by what lanes.h says. */
#define LANE_KERNELS(X)                                                                            \
    X(exp_f32, lane_exp(x), exp(x))                                                                \
    X(tanh_f32, lane_tanh(x), tanh(x))                                                             \
    X(erf_f32, lane_erf(x), erf(x))                                                                \
    X(sigmoid_f32, lane_sigmoid(x), 1 / (1 + exp(-x)))                                             \
    X(silu_f32, x *lane_sigmoid(x), x / (1 + exp(-x)))                                             \
    X(gelu_f32, lane_gelu(x), 0.5 * x * (1 + erf(x * 0.70710678118654752)))                        \
    X(gelu_tanh_f32, lane_gelu_tanh(x),                                                            \
      0.5 * x * (1 + tanh(0.79788456080286536 * (x + 0.044715 * x * x * x))))

/* name, operands' element, result's element, in C: of elements a and b. Integers wrap. min and
 * max give NaN when either is NaN. */
#define BINARY_KERNELS(X)                                                                          \
    X(add_f32, float, float, a + b)                                                                \
    X(sub_f32, float, float, a - b)                                                                \
    X(mul_f32, float, float, a *b)                                                                 \
    X(div_f32, float, float, a / b)                                                                \
    X(min_f32, float, float, a < b || a != a ? a : b)                                              \
    X(max_f32, float, float, a > b || a != a ? a : b)                                              \
    X(prelu_f32, float, float, a < 0 ? a * b : a)                                                  \
    X(add_f64, double, double, a + b)                                                              \
    X(sub_f64, double, double, a - b)                                                              \
    X(mul_f64, double, double, a *b)                                                               \
    X(div_f64, double, double, a / b)                                                              \
    X(min_f64, double, double, a < b || a != a ? a : b)                                            \
    X(max_f64, double, double, a > b || a != a ? a : b)                                            \
    X(prelu_f64, double, double, a < 0 ? a * b : a)                                                \
    X(add_i32, int32_t, int32_t, (int32_t)((uint32_t)a + (uint32_t)b))                             \
    X(sub_i32, int32_t, int32_t, (int32_t)((uint32_t)a - (uint32_t)b))                             \
    X(mul_i32, int32_t, int32_t, (int32_t)((uint32_t)a * (uint32_t)b))                             \
    X(min_i32, int32_t, int32_t, a < b ? a : b)                                                    \
    X(max_i32, int32_t, int32_t, a > b ? a : b)                                                    \
    X(add_i64, int64_t, int64_t, (int64_t)((uint64_t)a + (uint64_t)b))                             \
    X(sub_i64, int64_t, int64_t, (int64_t)((uint64_t)a - (uint64_t)b))                             \
    X(mul_i64, int64_t, int64_t, (int64_t)((uint64_t)a * (uint64_t)b))                             \
    X(min_i64, int64_t, int64_t, a < b ? a : b)                                                    \
    X(max_i64, int64_t, int64_t, a > b ? a : b)                                                    \
    X(equal_f32, float, uint8_t, a == b)                                                           \
    X(less_f32, float, uint8_t, a < b)                                                             \
    X(less_equal_f32, float, uint8_t, a <= b)                                                      \
    X(greater_f32, float, uint8_t, a > b)                                                          \
    X(greater_equal_f32, float, uint8_t, a >= b)                                                   \
    X(equal_f64, double, uint8_t, a == b)                                                          \
    X(less_f64, double, uint8_t, a < b)                                                            \
    X(less_equal_f64, double, uint8_t, a <= b)                                                     \
    X(greater_f64, double, uint8_t, a > b)                                                         \
    X(greater_equal_f64, double, uint8_t, a >= b)                                                  \
    X(equal_i32, int32_t, uint8_t, a == b)                                                         \
    X(less_i32, int32_t, uint8_t, a < b)                                                           \
    X(less_equal_i32, int32_t, uint8_t, a <= b)                                                    \
    X(greater_i32, int32_t, uint8_t, a > b)                                                        \
    X(greater_equal_i32, int32_t, uint8_t, a >= b)                                                 \
    X(equal_i64, int64_t, uint8_t, a == b)                                                         \
    X(less_i64, int64_t, uint8_t, a < b)                                                           \
    X(less_equal_i64, int64_t, uint8_t, a <= b)                                                    \
    X(greater_i64, int64_t, uint8_t, a > b)                                                        \
    X(greater_equal_i64, int64_t, uint8_t, a >= b)                                                 \
    X(equal_bool, uint8_t, uint8_t, !a == !b)                                                      \
    X(and_bool, uint8_t, uint8_t, a &&b)                                                           \
    X(or_bool, uint8_t, uint8_t, a || b)                                                           \
    X(xor_bool, uint8_t, uint8_t, !a != !b)

/* Likewise, by the mathematics library: these have one form, and no twin. */
#define MATH_BINARY_KERNELS(X)                                                                     \
    X(pow_f32, float, float, powf(a, b))                                                           \
    X(pow_f64, double, double, pow(a, b))                                                          \
    X(fmod_f32, float, float, fmodf(a, b))                                                         \
    X(fmod_f64, double, double, fmod(a, b))

#define X(name, type, value) unary_fn name, name##_ref;
UNARY_KERNELS(X)
#undef X
#define X(name, type, value) unary_fn name;
MATH_KERNELS(X)
#undef X
#define X(name, value, exact) unary_fn name, name##_ref;
LANE_KERNELS(X)
#undef X
#define X(name, type, result, value) binary_fn name, name##_ref;
BINARY_KERNELS(X)
#undef X
#define X(name, type, result, value) binary_fn name;
MATH_BINARY_KERNELS(X)
#undef X

/* Kernels with numbers of their own; y may be x. */
void clip_f32(int64_t n, const float *x, float *y, float low, float high);
void clip_f32_ref(int64_t n, const float *x, float *y, float low, float high);
void leaky_relu_f32(int64_t n, const float *x, float *y, float slope);
void leaky_relu_f32_ref(int64_t n, const float *x, float *y, float slope);
void elu_f32(int64_t n, const float *x, float *y, float alpha);
void elu_f32_ref(int64_t n, const float *x, float *y, float alpha);
/* y = x * scale + shift, all n by the same two numbers: one channel of a normalisation. */
void affine_f32(int64_t n, const float *x, float *y, float scale, float shift);
void affine_f32_ref(int64_t n, const float *x, float *y, float scale, float shift);

/* y[i] = c[i * steps[0]] ? a[i * steps[1]] : b[i * steps[2]], elements of `width` bytes. */
void select_any_ref(int64_t n, const int64_t steps[3], const uint8_t *c, const void *const ab[2],
                    int width, void *y);
void select_any(int64_t n, const int64_t steps[3], const uint8_t *c, const void *const ab[2],
                int width, void *y);

#endif
