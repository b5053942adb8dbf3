/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Between numbers and bytes; see int8.h. The clamp comes before the conversion to an integer, so
 * that no float is converted that an int32 cannot hold. */
#include <math.h>

#include "kernels/int8.h"
#include "kernels/kernels_priv.h"

/* The range of round(x) that saturation leaves alone. */
static float low_of(const struct to_bytes *q)
{
    return (float)((q->is_signed ? INT8_MIN : 0) - q->zero);
}

static float high_of(const struct to_bytes *q)
{
    return (float)((q->is_signed ? INT8_MAX : UINT8_MAX) - q->zero);
}

/* Both byte types are written through their bits. */
static inline uint8_t byte_of(float v, float low, float high, int32_t zero)
{
    v = v > low ? v : low; /* a NaN is not */
    v = v < high ? v : high;
    return (uint8_t)((int32_t)rintf(v) + zero);
}

MULTI_ISA(static, void, quantize, (const struct to_bytes *q, int64_t n, const float *x, uint8_t *y),
          (q, n, x, y))
{
    float low = low_of(q), high = high_of(q), scale = q->scale;
    int32_t zero = q->zero;
    for (int64_t i = 0; i < n; i++)
        y[i] = byte_of(x[i] / scale, low, high, zero);
}

MULTI_ISA(static, void, requantize,
          (const struct to_bytes *q, int64_t n, const int32_t *x, int32_t bias, uint8_t *y),
          (q, n, x, bias, y))
{
    float low = low_of(q), high = high_of(q), scale = q->scale;
    int32_t zero = q->zero;
    for (int64_t i = 0; i < n; i++) {
        int32_t sum = (int32_t)((uint32_t)x[i] + (uint32_t)bias);
        y[i] = byte_of((float)sum * scale, low, high, zero);
    }
}

void quantize_f32(const struct to_bytes *q, int64_t n, const float *x, void *y)
{
    quantize(q, n, x, y);
}

void requantize_i32(const struct to_bytes *q, int64_t n, const int32_t *x, int32_t bias, void *y)
{
    requantize(q, n, x, bias, y);
}

static void store_ref(const struct to_bytes *q, float v, void *y, int64_t i)
{
    int low = q->is_signed ? INT8_MIN : 0, high = q->is_signed ? INT8_MAX : UINT8_MAX, byte;
    double whole = nearbyint((double)v) + q->zero;
    if (isnan(v) || whole < low)
        byte = low;
    else
        byte = whole > high ? high : (int)whole;
    if (q->is_signed)
        ((int8_t *)y)[i] = (int8_t)byte;
    else
        ((uint8_t *)y)[i] = (uint8_t)byte;
}

void quantize_f32_ref(const struct to_bytes *q, int64_t n, const float *x, void *y)
{
    for (int64_t i = 0; i < n; i++)
        store_ref(q, x[i] / q->scale, y, i);
}

void requantize_i32_ref(const struct to_bytes *q, int64_t n, const int32_t *x, int32_t bias,
                        void *y)
{
    for (int64_t i = 0; i < n; i++)
        store_ref(q, (float)(int32_t)((uint32_t)x[i] + (uint32_t)bias) * q->scale, y, i);
}

/* Plain loops: each is its own specification. */
#define X(name, type, wide)                                                                        \
    MULTI_ISA(static, void, name##_one,                                                            \
              (int64_t n, const type *x, type zero, float scale, float *y),                        \
              (n, x, zero, scale, y))                                                              \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            y[i] = (float)((wide)x[i] - zero) * scale;                                             \
    }                                                                                              \
    void name(int64_t n, const void *px, const void *pz, const float *scale, int64_t step,         \
              float *y)                                                                            \
    {                                                                                              \
        const type *x = px, *zero = pz;                                                            \
        if (step == 0)                                                                             \
            name##_one(n, x, zero ? zero[0] : 0, scale[0], y);                                     \
        else                                                                                       \
            for (int64_t i = 0; i < n; i++)                                                        \
                y[i] = (float)((wide)x[i] - (zero ? zero[i] : 0)) * scale[i];                      \
    }
DEQUANTIZE(X)
#undef X
