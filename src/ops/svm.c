/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Sums are taken in double: scores near a decision should fall where the framework's do. */
#include "ops/svm.h"

#include <math.h>

enum { PARAMS = 3 };

enum status svm_kernel_read(const struct op_node *node, struct svm_kernel *out, struct err *err)
{
    static const char *const words[] = {"LINEAR", "POLY", "RBF", "SIGMOID", NULL};
    const struct attr *a = attr_find(&node->attrs, ATTR_kernel_params);
    int word = 0;
    enum status s = ml_word(node, ATTR_kernel_type, words, &word, err);
    if (s != OK)
        return s;
    out->type = (enum svm_kernel_type)word;
    if (!a || (a->type == ATTR_FLOATS && a->count == 0))
        return OK;
    if (a->type != ATTR_FLOATS || a->count != PARAMS)
        return err_set(err, E_CORRUPT, "attribute kernel_params is not three floats");
    out->gamma = a->floats[0];
    out->coef0 = a->floats[1];
    out->degree = a->floats[2];
    return OK;
}

double svm_dot(const float *x, const float *y, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)y[i];
    return sum;
}

static double distance(const float *x, const float *y, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)x[i] - (double)y[i];
        sum += d * d;
    }
    return sum;
}

double svm_kernel(const struct svm_kernel *k, const float *x, const float *y, int64_t n)
{
    double gamma = (double)k->gamma, coef0 = (double)k->coef0;
    switch (k->type) {
    case SVM_POLY:
        return pow(gamma * svm_dot(x, y, n) + coef0, (double)k->degree);
    case SVM_RBF:
        return exp(-gamma * distance(x, y, n));
    case SVM_SIGMOID:
        return tanh(gamma * svm_dot(x, y, n) + coef0);
    default:
        return svm_dot(x, y, n);
    }
}
