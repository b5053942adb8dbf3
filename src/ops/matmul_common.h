/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* numpy's matrix product, as MatMul and its forms on bytes share it: batches broadcast; a vector
 * stands as a row on the left, as a column on the right. */
#ifndef ROOST_OPS_MATMUL_COMMON_H
#define ROOST_OPS_MATMUL_COMMON_H

#include "kernels/gemm_any.h"
#include "ops/ops_priv.h"

/* Both operands as matrices, and the broadcast batch dims before them. */
struct product {
    int64_t m, n, k;
    int batch_rank;
    int64_t batch[TENSOR_RANK_MAX];
    struct tensor a, b; /* the batch dims of each, as shapes */
};

/* errors: E_BAD_INPUT; a and b are operands 0 and `right` */
enum status product_describe(const char *op, const struct tensor *a, const struct tensor *b,
                             int right, struct product *p, struct err *err) WARN_UNUSED;
/* The output's rank and dims. */
int product_dims(const struct product *p, const struct tensor *a, const struct tensor *b,
                 int64_t dims[TENSOR_RANK_MAX]);
/* The flat matrix number in an operand whose batch dims are t, for batch number i. */
int64_t product_matrix(const struct product *p, const struct tensor *t, int64_t i);

/* The kernel of a dtype that is neither float32 nor converted to it; NULL: none. */
gemm_any_fn *gemm_any_of(enum dtype t);

#endif
