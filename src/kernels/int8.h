/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Arithmetic on 8-bit integers with scales and zero points: to and from float32, and products whose
 * sums are int32 (modulo 2^32, as two's complement adds).
 *
 * The products run on the float32 kernels and are exact: a byte less its zero point is at most 255
 * in magnitude, so the sums of EXACT_TERMS products stay below 2^24, where float32 holds every
 * integer and any order of adding gives the same; longer sums are cut, and the parts added as
 * int32. */
#ifndef ROOST_KERNELS_INT8_H
#define ROOST_KERNELS_INT8_H

#include "kernels/kernels.h"

enum { EXACT_TERMS = 256 }; /* 255 * 255 * 256 < 2^24 */

/* Bytes and what in them means 0. */
struct bytes {
    const void *data; /* int8_t or uint8_t */
    bool is_signed;
    const void *zero; /* of the same type; NULL: 0 */
    int64_t zeros;    /* 1: one for all; else one for each row (a), column (b), channel (w) */
};

/* y[m][n] = sum over k of (a[m][k] - zero) * (b[k][n] - zero), all row-major and dense. */
struct gemm_i8 {
    int64_t m, n, k;
    struct bytes a, b;
    int32_t *y;
    void *scratch; /* gemm_i8_scratch bytes, 64-byte aligned */
};
uint64_t gemm_i8_scratch(const struct gemm_i8 *g); /* bounded; reads sizes only */
void gemm_i8(const struct gemm_i8 *g);
void gemm_i8_ref(const struct gemm_i8 *g);

/* One group of one image of a convolution: positions outside x count as its zero point.
 * shapes: x[in_c/groups][in...], w[out_c/groups][in_c/groups][kernel...] -> y[out_c/groups][out...]
 * sizes: no pointer of it is read, nor batch, sum and epilogue. */
struct conv_i8 {
    struct conv sizes;
    struct bytes x, w; /* both of this group */
    int32_t *y;
    void *scratch; /* conv_i8_scratch bytes, 64-byte aligned */
};
/* False when the bytes do not fit 63 bits. Reads sizes only. */
bool conv_i8_scratch(const struct conv_i8 *c, uint64_t *bytes) WARN_UNUSED;
void conv_i8(const struct conv_i8 *c);
void conv_i8_ref(const struct conv_i8 *c);

/* What turns numbers into bytes: y = saturate(round(x) + zero), halves to even; a NaN gives the
 * least byte. */
struct to_bytes {
    float scale;
    int32_t zero;
    bool is_signed;
};
/* of x / scale */
void quantize_f32(const struct to_bytes *q, int64_t n, const float *x, void *y);
void quantize_f32_ref(const struct to_bytes *q, int64_t n, const float *x, void *y);
/* of (float)(x + bias) * scale */
void requantize_i32(const struct to_bytes *q, int64_t n, const int32_t *x, int32_t bias, void *y);
void requantize_i32_ref(const struct to_bytes *q, int64_t n, const int32_t *x, int32_t bias,
                        void *y);

/* y = (float)(x - zero) * scale, with one scale and zero point for all (step 0) or one for each
 * element (step 1). zero is of x's type; NULL: 0. */
typedef void dequantize_fn(int64_t n, const void *x, const void *zero, const float *scale,
                           int64_t step, float *y);
/* name, element, what holds every difference of two */
#define DEQUANTIZE(X)                                                                              \
    X(dequantize_u8, uint8_t, int32_t)                                                             \
    X(dequantize_i8, int8_t, int32_t)                                                              \
    X(dequantize_i32, int32_t, int64_t)
#define X(name, type, wide) dequantize_fn name;
DEQUANTIZE(X)
#undef X

#endif
