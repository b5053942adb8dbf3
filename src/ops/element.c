/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One element of any dtype; see element.h. */
#include "ops/element.h"

#include <math.h>

static void set_float(enum dtype to, void *y, int64_t i, double v)
{
    switch (to) {
    case DT_F32:
        ((float *)y)[i] = (float)v;
        break;
    case DT_F64:
        ((double *)y)[i] = v;
        break;
    case DT_F16:
        ((uint16_t *)y)[i] = f32_to_f16((float)v);
        break;
    default:
        ((uint16_t *)y)[i] = f32_to_bf16((float)v);
        break;
    }
}

static void set_bits(enum dtype to, void *y, int64_t i, uint64_t v)
{
    switch (dtype_bytes(to)) {
    case 1:
        ((uint8_t *)y)[i] = (uint8_t)v;
        break;
    case 2:
        ((uint16_t *)y)[i] = (uint16_t)v;
        break;
    case 4:
        ((uint32_t *)y)[i] = (uint32_t)v;
        break;
    default:
        ((uint64_t *)y)[i] = v;
        break;
    }
}

/* A float as the bits of an integer dtype. */
static uint64_t saturated(enum dtype to, double v)
{
    bool is_signed = to == DT_I8 || to == DT_I16 || to == DT_I32 || to == DT_I64;
    int bits = (int)dtype_bytes(to) * 8;
    if (isnan(v))
        return 0;
    if (!is_signed)
        return v <= 0 ? 0 : v >= ldexp(1, bits) ? UINT64_MAX : (uint64_t)v;
    uint64_t max = ((uint64_t)1 << (bits - 1)) - 1;
    if (v >= ldexp(1, bits - 1))
        return max;
    return v < -ldexp(1, bits - 1) ? ~max : (uint64_t)(int64_t)v;
}

void element_set_f64(const struct tensor *y, int64_t i, double v)
{
    if (y->dtype == DT_BOOL)
        ((uint8_t *)y->data)[i] = v != 0;
    else if (dtype_is_float(y->dtype))
        set_float(y->dtype, y->data, i, v);
    else
        set_bits(y->dtype, y->data, i, saturated(y->dtype, v));
}

void element_set_i64(const struct tensor *y, int64_t i, int64_t v)
{
    if (y->dtype == DT_BOOL)
        ((uint8_t *)y->data)[i] = v != 0;
    else if (dtype_is_float(y->dtype))
        set_float(y->dtype, y->data, i, (double)v);
    else
        set_bits(y->dtype, y->data, i, (uint64_t)v);
}
