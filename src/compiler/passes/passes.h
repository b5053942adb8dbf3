/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The rewriting steps of a compile, each on its own. Every pass leaves a valid graph (topological
 * order, every operand defined) that computes the same outputs; dead nodes are gone when it
 * returns. All are deterministic, and a pass that finds nothing to do leaves the graph as it was.
 * They read and write the graph's list of nodes alone, its values and its outputs: those of the
 * block in focus, which is the model itself or a body of If, Loop or Scan. */
#ifndef ROOST_COMPILER_PASSES_H
#define ROOST_COMPILER_PASSES_H

#include "compiler/graph.h"

/* name, what it does; in the order in which they run */
#define PASS_TABLE(X)                                                                              \
    X(drop_dead, "removes what no output depends on")                                              \
    X(drop_identity, "removes Identity, Dropout, and Transpose, Pad, Concat of nothing")           \
    X(fold_dims, "computes what depends on fixed dims only")                                       \
    X(fold_constants, "computes what depends on constants only")                                   \
    X(drop_same, "removes Cast, Reshape, Squeeze, Expand that keep dtype and shape")               \
    X(inline_if, "takes over the branch of an If whose condition is constant")                     \
    X(merge_views, "merges Reshape, Flatten, Squeeze and Unsqueeze in a row")                      \
    X(share, "computes equal nodes once and keeps equal constants once")                           \
    X(sink_transpose, "moves Transpose behind what is element-wise, so that pairs cancel")         \
    X(fold_pad, "folds Pad with zeros into the Conv or AveragePool after it")                      \
    X(fold_scale, "folds a constant factor or summand into the Conv, Gemm or Linear before it")    \
    X(fold_batch_norm, "folds BatchNormalization into the Conv or Gemm before it")                 \
    X(fuse_activation, "finds Silu, HardSwish and Gelu in what spells them out")                   \
    X(fuse_layer_norm, "finds LayerNormalization in what spells it out")                           \
    X(fuse_attention, "fuses MatMul, Softmax, MatMul with scale, mask and transpositions")         \
    X(matmul_to_gemm, "turns MatMul + constant bias into Gemm")                                    \
    X(fuse_conv, "fuses Conv + bias + residual Add + activation")                                  \
    X(fuse_gemm, "fuses Gemm + bias + activation")                                                 \
    X(fuse_linear, "fuses MatMul + constant bias + residual Add + activation, of any rank")        \
    X(fuse_scale, "fuses BatchNormalization + activation")
/* Those that run once, when the others find nothing more to do: they lay out what is left. */
#define PASS_LATE_TABLE(X)                                                                         \
    X(block_layout, "lays convolutions out in blocks of 16 channels, and what is between them")    \
    X(pack_gemm, "lays the constant matrices of products out in panels of 16 columns")             \
    X(fill_trees, "lays out trees of few levels as full ones, which take no pointers to walk")

/* errors of all: E_NO_MEMORY; E_CORRUPT, E_UNSUPPORTED naming operator, node and opset */
#define X(name, what) enum status pass_##name(struct graph *g, struct err *err) WARN_UNUSED;
PASS_TABLE(X)
PASS_LATE_TABLE(X)
#undef X

enum {
#define X(name, what) PASS_##name,
    PASS_TABLE(X) PASS_LATE_TABLE(X)
#undef X
        PASS_COUNT,
#define X(name, what) +1
    PASS_LATE = PASS_COUNT - (0 PASS_LATE_TABLE(X)), /* the first of those that run once */
#undef X
    PASS_ROUNDS_MAX = 4,
    PASS_STEPS_MAX = PASS_COUNT * (PASS_ROUNDS_MAX + 1),
};

_Static_assert(PASS_COUNT <= 64, "one bit of pass_options.off each");

struct pass {
    const char *name, *what;
    graph_block_fn *run;
};
extern const struct pass pass_table[PASS_COUNT];

/* What the passes did, one step after the other. Plain numbers, so that a compile in another
 * process can hand it over. */
struct pass_log {
    uint32_t n;
    struct pass_step {
        uint8_t pass, round; /* round counts from 1 */
        uint8_t changed;     /* 1: it rewrote something, though perhaps as many nodes are left */
        uint8_t zero;
        uint32_t before, after;
    } steps[PASS_STEPS_MAX];
};

/* All of PASS_TABLE, each for every block, in the table's order, again and again until a whole
 * round changes nothing, at most PASS_ROUNDS_MAX times; then those of PASS_LATE_TABLE, once. Bit k
 * of `off` leaves pass_table[k] out. log may be NULL. */
enum status passes_run(struct graph *g, uint64_t off, struct pass_log *log,
                       struct err *err) WARN_UNUSED;
/* "share,fuse_conv" or "all" as bits.  errors: E_USAGE */
enum status passes_named(const char *text, uint64_t *bits, struct err *err) WARN_UNUSED;

#endif
