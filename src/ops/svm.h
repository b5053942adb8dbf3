/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The kernels of support vector machines.  source: ONNX ai.onnx.ml SVMRegressor-1; Chang and Lin,
 * "LIBSVM: a library for support vector machines" (2011) */
#ifndef ROOST_OPS_SVM_H
#define ROOST_OPS_SVM_H

#include "ops/ml.h"

enum svm_kernel_type { SVM_LINEAR, SVM_POLY, SVM_RBF, SVM_SIGMOID };

struct svm_kernel {
    enum svm_kernel_type type;
    float gamma, coef0, degree;
};

/* Reads attributes kernel_type and kernel_params.  errors: E_CORRUPT, E_UNSUPPORTED */
enum status svm_kernel_read(const struct op_node *node, struct svm_kernel *out,
                            struct err *err) WARN_UNUSED;
/* K(x, y) of two rows of n features, summed in double. */
double svm_kernel(const struct svm_kernel *k, const float *x, const float *y, int64_t n);
double svm_dot(const float *x, const float *y, int64_t n);

#endif
