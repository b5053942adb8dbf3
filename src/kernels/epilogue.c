/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Bias, residual sum and activation in one pass over a row that is still in cache. Comparisons are
 * written so that a NaN passes through, as it does in the frameworks. */
#include <math.h>

#include "kernels/kernels_priv.h"

MULTI_ISA
static void add_row(float *y, float bias, const float *sum, int64_t n)
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

MULTI_ISA
static void relu_row(float *y, float bias, const float *sum, int64_t n)
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

MULTI_ISA
static void clip_row(float *y, float low, float high, int64_t n)
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        float v = y[i] < low ? low : y[i];
        y[i] = v > high ? high : v;
    }
}

MULTI_ISA
static void leaky_row(float *y, float slope, int64_t n)
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        y[i] = y[i] < 0 ? y[i] * slope : y[i];
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
        for (int64_t i = 0; i < n; i++)
            y[i] = 1 / (1 + expf(-y[i]));
        break;
    case ACT_TANH:
        for (int64_t i = 0; i < n; i++)
            y[i] = tanhf(y[i]);
        break;
    default:
        break;
    }
}

static float activate(const struct epilogue *e, float v)
{
    switch (e->act) {
    case ACT_RELU:
        return v < 0 ? 0 : v;
    case ACT_CLIP:
        v = v < e->low ? e->low : v;
        return v > e->high ? e->high : v;
    case ACT_LEAKY_RELU:
        return v < 0 ? v * e->low : v;
    case ACT_SIGMOID:
        return 1 / (1 + expf(-v));
    case ACT_TANH:
        return tanhf(v);
    default:
        return v;
    }
}

void epilogue_f32_ref(const struct epilogue *e, float *y, float bias, const float *sum, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = activate(e, y[i] + bias + (sum ? sum[i] : 0));
}
