/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The elementwise kernels, made from the lists in elementwise.h. The fast form has one plain loop
 * per pair of steps, which the compiler vectorises; the ref form is the same expression with the
 * steps spelled out, compiled once for the plain target. What calls the mathematics library has
 * that form alone. */
#include "kernels/elementwise.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels_priv.h"

#define PLAIN(name, type, value)                                                                   \
    void name(int64_t n, const void *px, void *py)                                                 \
    {                                                                                              \
        const type *in = px;                                                                       \
        type *y = py;                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            type x = in[i];                                                                        \
            y[i] = (type)(value);                                                                  \
        }                                                                                          \
    }
MATH_KERNELS(PLAIN)

#define PLAIN_BINARY(name, type, result, value)                                                    \
    void name(int64_t n, const void *pa, int64_t sa, const void *pb, int64_t sb, void *py)         \
    {                                                                                              \
        const type *x = pa, *z = pb;                                                               \
        result *y = py;                                                                            \
        for (int64_t i = 0; i < n; i++) {                                                          \
            type a = x[i * sa], b = z[i * sb];                                                     \
            y[i] = (result)(value);                                                                \
        }                                                                                          \
    }
MATH_BINARY_KERNELS(PLAIN_BINARY)

#define X(name, type, value)                                                                       \
    MULTI_ISA(SHARED, void, name, (int64_t n, const void *px, void *py), (n, px, py))              \
    {                                                                                              \
        const type *in = px;                                                                       \
        type *y = py;                                                                              \
        INDEPENDENT                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                          \
            type x = in[i];                                                                        \
            y[i] = (type)(value);                                                                  \
        }                                                                                          \
    }                                                                                              \
    PLAIN(name##_ref, type, value)
UNARY_KERNELS(X)
#undef X

#define X(name, type, result, value)                                                               \
    MULTI_ISA(SHARED, void, name,                                                                  \
              (int64_t n, const void *pa, int64_t sa, const void *pb, int64_t sb, void *py),       \
              (n, pa, sa, pb, sb, py))                                                             \
    {                                                                                              \
        const type *x = pa, *z = pb;                                                               \
        result *y = py;                                                                            \
        if (sa == 1 && sb == 1) {                                                                  \
            INDEPENDENT                                                                            \
            for (int64_t i = 0; i < n; i++) {                                                      \
                type a = x[i], b = z[i];                                                           \
                y[i] = (result)(value);                                                            \
            }                                                                                      \
        } else if (sa == 1 && sb == 0 && n > 0) {                                                  \
            type b = z[0];                                                                         \
            INDEPENDENT                                                                            \
            for (int64_t i = 0; i < n; i++) {                                                      \
                type a = x[i];                                                                     \
                y[i] = (result)(value);                                                            \
            }                                                                                      \
        } else if (sa == 0 && sb == 1 && n > 0) {                                                  \
            type a = x[0];                                                                         \
            INDEPENDENT                                                                            \
            for (int64_t i = 0; i < n; i++) {                                                      \
                type b = z[i];                                                                     \
                y[i] = (result)(value);                                                            \
            }                                                                                      \
        } else {                                                                                   \
            name##_ref(n, pa, sa, pb, sb, py);                                                     \
        }                                                                                          \
    }                                                                                              \
    PLAIN_BINARY(name##_ref, type, result, value)
BINARY_KERNELS(X)
#undef X

MULTI_ISA(SHARED, void, clip_f32, (int64_t n, const float *x, float *y, float low, float high),
          (n, x, y, low, high))
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        float v = x[i] < low ? low : x[i];
        y[i] = v > high ? high : v;
    }
}

void clip_f32_ref(int64_t n, const float *x, float *y, float low, float high)
{
    for (int64_t i = 0; i < n; i++) {
        float v = x[i] < low ? low : x[i];
        y[i] = v > high ? high : v;
    }
}

MULTI_ISA(SHARED, void, leaky_relu_f32, (int64_t n, const float *x, float *y, float slope),
          (n, x, y, slope))
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] < 0 ? x[i] * slope : x[i];
}

void leaky_relu_f32_ref(int64_t n, const float *x, float *y, float slope)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] < 0 ? x[i] * slope : x[i];
}

void elu_f32(int64_t n, const float *x, float *y, float alpha)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] < 0 ? alpha * expm1f(x[i]) : x[i];
}

void elu_f32_ref(int64_t n, const float *x, float *y, float alpha)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(x[i] < 0 ? (double)alpha * expm1((double)x[i]) : (double)x[i]);
}

MULTI_ISA(SHARED, void, affine_f32, (int64_t n, const float *x, float *y, float scale, float shift),
          (n, x, y, scale, shift))
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] * scale + shift;
}

void affine_f32_ref(int64_t n, const float *x, float *y, float scale, float shift)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] * scale + shift;
}

/* Two words: an element of 16 bytes. */
struct wide {
    uint64_t low, high;
};

#define SELECT(type)                                                                               \
    do {                                                                                           \
        const type *a = ab[0], *b = ab[1];                                                         \
        type *out = y;                                                                             \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = c[i * steps[0]] ? a[i * steps[1]] : b[i * steps[2]];                          \
    } while (0)

void select_any(int64_t n, const int64_t steps[3], const uint8_t *c, const void *const ab[2],
                int width, void *y)
{
    switch (width) {
    case 16:
        SELECT(struct wide);
        break;
    case 8:
        SELECT(uint64_t);
        break;
    case 4:
        SELECT(uint32_t);
        break;
    case 2:
        SELECT(uint16_t);
        break;
    default:
        SELECT(uint8_t);
        break;
    }
}

void select_any_ref(int64_t n, const int64_t steps[3], const uint8_t *c, const void *const ab[2],
                    int width, void *y)
{
    for (int64_t i = 0; i < n; i++) {
        int side = c[i * steps[0]] ? 0 : 1;
        memcpy((uint8_t *)y + i * width, (const uint8_t *)ab[side] + i * steps[side + 1] * width,
               (size_t)width);
    }
}
