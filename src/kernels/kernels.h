/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pure compute. Kernels take pointers, sizes and strides; they allocate nothing, lock nothing, know
 * no model and check nothing: whoever calls them has proved sizes and indices. Every fast kernel
 * has a plain twin `_ref` of the same signature, which is its specification; tests/kernels compares
 * the two. Pointers of different operands may be equal only where a kernel says so.
 *
 * thread: any   locks: none   blocks: no */
#ifndef ROOST_KERNELS_KERNELS_H
#define ROOST_KERNELS_KERNELS_H

#include "base/base.h"

/* What can follow a convolution or a product in the same pass. The numbers stand in artifacts. */
enum activation {
    ACT_NONE = 0,
    ACT_RELU = 1,
    ACT_CLIP = 2,       /* to [low, high] */
    ACT_LEAKY_RELU = 3, /* slope low below 0 */
    ACT_SIGMOID = 4,
    ACT_TANH = 5,
    ACT_HARD_SIGMOID = 6, /* low * x + high, kept in [0, 1] */
    ACT_HARD_SWISH = 7,   /* x times x / 6 + 0.5, kept in [0, 1] */
    ACT_SILU = 8,         /* x times sigmoid(x) */
    ACT_GELU = 9,
    ACT_GELU_TANH = 10,
    ACT_LAST = ACT_GELU_TANH
};

struct epilogue {
    enum activation act;
    float low, high;
};

/* y[n] = act(y[n] + bias + sum[n]), in place. sum may be NULL. NaN passes through. */
void epilogue_f32(const struct epilogue *e, float *y, float bias, const float *sum, int64_t n);
void epilogue_f32_ref(const struct epilogue *e, float *y, float bias, const float *sum, int64_t n);

/* y[m][n] = alpha * op(a)[m][k] op(b)[k][n] (+ y when accumulate), row-major with leading
 * dimensions lda, ldb, ldy; op transposes. With k = 0 the product is 0.
 * Sums run in an order of the kernel's choosing. */
struct gemm {
    int64_t m, n, k;
    const float *a, *b;
    float *y;
    int64_t lda, ldb, ldy;
    float alpha;
    bool trans_a, trans_b, accumulate;
};
void gemm_f32(const struct gemm *g);
void gemm_f32_ref(const struct gemm *g);
/* Names the threading of the BLAS that is linked: 0 is the serial build we ask for. */
int gemm_blas_threading(void);
/* Names the processor family whose kernels BLAS runs: "SkylakeX". OPENBLAS_CORETYPE overrides the
 * choice; where the user left it unset, the process's environment holds our choice. */
const char *gemm_blas_core(void);

/* Convolution over up to three spatial dims (fewer: leading ones are 1, stride 1, pad 0).
 * shapes: x[batch][in_c][in...], w[out_c][in_c/groups][kernel...], bias[out_c] or NULL,
 *         sum like y or NULL -> y[batch][out_c][out...] = act(conv + bias + sum)
 * Positions outside x count as 0. out is given: the caller derived it from pads at both ends. */
struct conv {
    int64_t batch, groups, in_c, out_c;
    int64_t in[3], out[3], kernel[3], stride[3], dilation[3], pad[3]; /* pad: leading */
    const float *x, *w, *bias, *sum;
    float *y;
    void *scratch; /* conv_f32_scratch bytes, 64-byte aligned */
    struct epilogue epilogue;
};
/* False when the bytes do not fit 63 bits. Reads sizes only. */
bool conv_f32_scratch(const struct conv *c, uint64_t *bytes) WARN_UNUSED;
void conv_f32(const struct conv *c);
void conv_f32_ref(const struct conv *c);

/* Transposed convolution: every element of x spreads over a kernel's places of y.
 * shapes: x[batch][in_c][in...], w[in_c][out_c/groups][kernel...], bias[out_c] or NULL
 *         -> y[batch][out_c][out...]; input position i, kernel place k land at
 *         i * stride + k * dilation - pad; what lands outside y is dropped. No sum, no activation.
 * scratch: conv_transpose_f32_scratch bytes, 64-byte aligned; false and sizes as above. */
bool conv_transpose_f32_scratch(const struct conv *c, uint64_t *bytes) WARN_UNUSED;
void conv_transpose_f32(const struct conv *c);
void conv_transpose_f32_ref(const struct conv *c);

/* Softmax (or its logarithm) of x[outer][n][inner] along n; y may be x. */
void softmax_f32(int64_t outer, int64_t n, int64_t inner, const float *x, float *y, bool log);
void softmax_f32_ref(int64_t outer, int64_t n, int64_t inner, const float *x, float *y, bool log);

#endif
