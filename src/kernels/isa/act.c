/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Activations that take longer than what they follow, on a row of whole blocks that is still in the
 * first-level cache. */
#include "kernels/isa/act.h"
#include "kernels/act_priv.h"
#include "kernels/lanes.h"

#define EACH(value)                                                                                \
    for (int64_t i = 0; i < n; i++) {                                                              \
        float x = y[i];                                                                            \
        y[i] = value;                                                                              \
    }                                                                                              \
    break;

void ISA_NAME(act_row)(const struct epilogue *e, float *restrict y, int64_t n)
{
    n = n / BLOCK * BLOCK;
    switch (e->act) {
    case ACT_LEAKY_RELU:
        EACH(x < 0 ? x * e->low : x)
    case ACT_SIGMOID:
        EACH(lane_sigmoid(x))
    case ACT_TANH:
        EACH(lane_tanh(x))
    case ACT_SILU:
        EACH(x * lane_sigmoid(x))
    case ACT_GELU:
        for (int64_t i = 0; i < n; i += VEC)
            vec_store(y + i, vec_gelu(vec_load(y + i)));
        break;
    case ACT_GELU_TANH:
        EACH(lane_gelu_tanh(x))
    default:
        epilogue_f32(e, y, 0, NULL, n);
        break;
    }
}
