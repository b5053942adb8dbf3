/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What DFT and STFT share: lines of real or complex numbers, transformed in double. */
#ifndef ROOST_OPS_SPECTRUM_H
#define ROOST_OPS_SPECTRUM_H

#include "kernels/fft.h"
#include "ops/ops_priv.h"

struct spectrum {
    struct fft fft;
    double *line; /* n pairs */
};

/* Operand i is one integer.  errors: E_BAD_INPUT; what op_needs_data gives */
enum status spectrum_scalar(struct op_infer *c, const char *op, int i, int64_t *out,
                            struct err *err) WARN_UNUSED;
/* 1 <= n, and sets the scratch for lines of n.  errors: E_BAD_INPUT */
enum status spectrum_plan(struct op_infer *c, const char *op, int64_t n,
                          struct err *err) WARN_UNUSED;

void spectrum_begin(struct spectrum *s, int64_t n, bool inverse, void *scratch);
/* line[k] = element `at` of x, which has `parts` (1: real, 2) numbers, times scale. */
void spectrum_put(const struct spectrum *s, int64_t k, const struct tensor *x, int64_t at,
                  int parts, double scale);
void spectrum_zero(const struct spectrum *s, int64_t from);
/* Transforms the line; the first `count` results, scaled, go to y's pairs at, at + step, ... */
void spectrum_run(const struct spectrum *s, const struct tensor *y, int64_t at, int64_t step,
                  int64_t count);

#endif
