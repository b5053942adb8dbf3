/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* All operators. The numbers stand in artifacts: a number is never changed and never given to
 * another operator. Below 500: ai.onnx; 500-599: ai.onnx.ml; from 600: our own (domain roost).
 * To add one: a file ending in `const struct op op_<symbol>`, and one line here. */
#ifndef ROOST_OPS_OP_LIST_H
#define ROOST_OPS_OP_LIST_H

#include "ops/op.h"

/* symbol, number */
#define OP_LIST(X)                                                                                 \
    X(identity, 1)                                                                                 \
    X(relu, 2)                                                                                     \
    X(add, 3)                                                                                      \
    X(gemm, 4)                                                                                     \
    X(matmul, 5)                                                                                   \
    X(softmax, 6)                                                                                  \
    X(conv, 7)                                                                                     \
    X(reshape, 8)                                                                                  \
    X(flatten, 9)                                                                                  \
    X(fused_conv, 600)                                                                             \
    X(fused_gemm, 601)                                                                             \
    X(tree_ensemble, 602)

enum {
    OP_CODE_MAX = 699,
#define X(symbol, number) OP_CODE_##symbol = number,
    OP_LIST(X)
#undef X
};

#define X(symbol, number) extern const struct op op_##symbol;
OP_LIST(X)
#undef X

#endif
