/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The discrete Fourier transform of any length in n log n steps, in double. */
#ifndef ROOST_KERNELS_FFT_H
#define ROOST_KERNELS_FFT_H

#include "base/base.h"

/* One length and direction, with the tables that go with it. Complex numbers are pairs: real part,
 * imaginary part. */
struct fft {
    int64_t n; /* at least 1 */
    bool inverse;
    void *scratch; /* fft_scratch bytes, 64-byte aligned; belongs to this transform */
};
/* False when the bytes do not fit 63 bits. */
bool fft_scratch(int64_t n, uint64_t *bytes) WARN_UNUSED;
/* Fills the tables in scratch: once, before any transform. */
void fft_begin(const struct fft *f);
void fft_begin_ref(const struct fft *f);
/* x[n] = sum over k of x[k] exp(-2 pi i k j / n) for each j, in place; + when inverse. Not scaled.
 */
void fft_f64(const struct fft *f, double *x);
void fft_f64_ref(const struct fft *f, double *x);

#endif
