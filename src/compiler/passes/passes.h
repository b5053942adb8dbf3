/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The rewriting steps of a compile, each on its own. Every pass leaves a valid graph (topological
 * order, every operand defined) that computes the same outputs; dead nodes are gone when it
 * returns. All are deterministic. */
#ifndef ROOST_COMPILER_PASSES_H
#define ROOST_COMPILER_PASSES_H

#include "compiler/graph.h"

/* name, what it does */
#define PASS_TABLE(X)                                                                              \
    X(drop_dead, "removes what no output depends on")                                              \
    X(drop_identity, "removes Identity and Dropout")                                               \
    X(fold_constants, "computes what depends on constants only")                                   \
    X(fold_batch_norm, "folds BatchNormalization into the Conv or Gemm before it")                 \
    X(matmul_to_gemm, "turns MatMul + constant bias into Gemm")                                    \
    X(fuse_conv, "fuses Conv + bias + residual Add + activation")                                  \
    X(fuse_gemm, "fuses Gemm + bias + activation")

/* errors of all: E_NO_MEMORY; E_CORRUPT, E_UNSUPPORTED naming operator, node and opset */
#define X(name, what) enum status pass_##name(struct graph *g, struct err *err) WARN_UNUSED;
PASS_TABLE(X)
#undef X

/* All of them, in the table's order, and drop_dead once more at the end. */
enum status passes_run(struct graph *g, struct err *err) WARN_UNUSED;

#endif
