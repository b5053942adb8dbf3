/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Bias, residual sum and activation in one pass over a row that is still in cache. Comparisons are
 * written so that a NaN passes through, as it does in the frameworks. */
#include <math.h>

#include "kernels/elementwise.h"
#include "kernels/kernels_priv.h"

MULTI_ISA(static, void, add_row, (float *y, float bias, const float *sum, int64_t n),
          (y, bias, sum, n))
{
    if (sum) {
        INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            y[i] = y[i] + bias + sum[i];
    } else if (bias != 0) {
        INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            y[i] += bias;
    }
}

MULTI_ISA(static, void, relu_row, (float *y, float bias, const float *sum, int64_t n),
          (y, bias, sum, n))
{
    if (sum) {
        INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            float v = y[i] + bias + sum[i];
            y[i] = v < 0 ? 0 : v;
        }
    } else {
        INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            float v = y[i] + bias;
            y[i] = v < 0 ? 0 : v;
        }
    }
}

MULTI_ISA(static, void, clip_row, (float *y, float low, float high, int64_t n), (y, low, high, n))
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        float v = y[i] < low ? low : y[i];
        y[i] = v > high ? high : v;
    }
}

MULTI_ISA(static, void, leaky_row, (float *y, float slope, int64_t n), (y, slope, n))
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        y[i] = y[i] < 0 ? y[i] * slope : y[i];
}

MULTI_ISA(static, void, hard_sigmoid_row, (float *y, float slope, float shift, int64_t n),
          (y, slope, shift, n))
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        float v = y[i] * slope + shift;
        v = v < 0 ? 0 : v;
        y[i] = v > 1 ? 1 : v;
    }
}

void epilogue_f32(const struct epilogue *e, float *y, float bias, const float *sum, int64_t n)
{
    if (e->act == ACT_RELU) {
        relu_row(y, bias, sum, n);
        return;
    }
    add_row(y, bias, sum, n);
    switch (e->act) {
    case ACT_CLIP:
        clip_row(y, e->low, e->high, n);
        break;
    case ACT_LEAKY_RELU:
        leaky_row(y, e->low, n);
        break;
    case ACT_SIGMOID:
        sigmoid_f32(n, y, y);
        break;
    case ACT_TANH:
        tanh_f32(n, y, y);
        break;
    case ACT_HARD_SIGMOID:
        hard_sigmoid_row(y, e->low, e->high, n);
        break;
    case ACT_HARD_SWISH:
        hard_swish_f32(n, y, y);
        break;
    case ACT_SILU:
        silu_f32(n, y, y);
        break;
    case ACT_GELU:
        gelu_f32(n, y, y);
        break;
    case ACT_GELU_TANH:
        gelu_tanh_f32(n, y, y);
        break;
    default:
        break;
    }
}

static double activate(const struct epilogue *e, double v)
{
    switch (e->act) {
    case ACT_RELU:
        return v < 0 ? 0 : v;
    case ACT_CLIP:
        v = v < (double)e->low ? (double)e->low : v;
        return v > (double)e->high ? (double)e->high : v;
    case ACT_LEAKY_RELU:
        return v < 0 ? v * (double)e->low : v;
    case ACT_SIGMOID:
        return 1 / (1 + exp(-v));
    case ACT_TANH:
        return tanh(v);
    case ACT_HARD_SIGMOID:
        v = v * (double)e->low + (double)e->high;
        return v < 0 ? 0 : v > 1 ? 1 : v;
    case ACT_HARD_SWISH:
        return v < -3 ? v * 0 : v > 3 ? v : v * (v / 6 + 0.5);
    case ACT_SILU:
        return v / (1 + exp(-v));
    case ACT_GELU:
        return 0.5 * v * (1 + erf(v * 0.70710678118654752));
    case ACT_GELU_TANH:
        return 0.5 * v * (1 + tanh(0.79788456080286536 * (v + 0.044715 * v * v * v)));
    default:
        return v;
    }
}

void epilogue_f32_ref(const struct epilogue *e, float *y, float bias, const float *sum, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)activate(e, (double)(y[i] + bias + (sum ? sum[i] : 0)));
}
