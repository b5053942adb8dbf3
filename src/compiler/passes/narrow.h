/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Low precision: what the late passes laid out in float32 computes in g->precision instead. Runs
 * once, behind all passes and a calibration, because it wants to know between which bounds values
 * lie. Convolutions and packed products with constant weights are worth it by their work; pools,
 * scales, Concat and views follow what they read, so that chains of them stay narrow; whatever else
 * reads a value gets it widened. Only the model's first block is looked at. */
#ifndef ROOST_COMPILER_PASSES_NARROW_H
#define ROOST_COMPILER_PASSES_NARROW_H

#include "compiler/passes/edit.h"
#include "kernels/narrow.h"

/* Between which bounds a value's elements lie, as far as anybody saw. low <= 0 <= high. */
struct range {
    float low, high;
    bool known;
};

/* Convolutions and products, and how many of them compute narrow. */
struct narrow_count {
    uint32_t layers, narrowed;
};

/* Which values' ranges narrow_graph would like to know: wanted[value] becomes 1. */
void narrow_wanted(const struct graph *g, uint8_t *wanted);
/* ranges: by value; NULL: none is known, so that PRECISION_INT8 changes nothing.
 * errors: as passes' */
enum status narrow_graph(struct graph *g, const struct range *ranges, struct narrow_count *count,
                         struct err *err) WARN_UNUSED;

/* ---- the parts ---- */

/* What a node does with narrow values. */
enum narrow_kind {
    NARROW_KEEP,    /* nothing: it reads and makes float32 */
    NARROW_LAYER,   /* a convolution or product */
    NARROW_RESCALE, /* roost.BlockScale, BlockAveragePool: with a scale of its own behind it */
    NARROW_PASS,    /* the same numbers in another place: views, layouts, BlockMaxPool */
    NARROW_JOIN,    /* Concat: the same for all of its operands */
    NARROW_TABLE,   /* Gather of a constant that nobody else reads, in bfloat16 */
};

/* What bytes of a value mean. */
struct scale {
    float scale;
    int32_t zero;
};

/* Embedded, for one call of narrow_graph. Arrays are by value index, of the values that there were
 * when it began. */
struct narrower {
    struct graph *g;
    struct view v;
    const struct range *seen;
    enum narrow_type type; /* of values: PRECISION_WEIGHTS_BF16 leaves them float32 */
    struct node *old;      /* heap; the nodes as they were */
    uint32_t n_old, n_values;
    uint8_t *take;       /* heap; by old node: enum narrow_kind, as what it is taken */
    struct range *range; /* heap; of int8: what is known, followed through NARROW_PASS */
    uint8_t *has;        /* heap; a taken node makes it narrow, if that is wanted */
    uint8_t *want;       /* heap; a taken node reads it narrow */
    uint32_t *group;     /* heap; the value whose scale it shares; itself */
    int32_t *narrow;     /* heap; the value in low precision, or ARTIFACT_NO_TENSOR */
    uint8_t *wide;       /* heap; is it there in float32? */
};

bool narrow_is(const struct node *n, const char *op); /* an operator of ours */
enum narrow_kind narrow_kind_of(const struct node *n);
/* Fills take, has, want, group and, of int8, range: which nodes compute narrow. */
void narrow_choose(struct narrower *b);
/* What bytes of a value mean; its range is known. */
struct scale narrow_scale_of(const struct narrower *b, int32_t value);

/* A layer's constants as the kernels of low precision read them. */
struct narrow_layer {
    int32_t w, scale, bias; /* values; the last two may be ARTIFACT_NO_TENSOR */
};
/* x: what bytes of the layer's operand mean; unused unless of int8.  errors: E_NO_MEMORY */
enum status narrow_weights(struct narrower *b, const struct node *n, const struct scale *x,
                           struct narrow_layer *out) WARN_UNUSED;
/* Can a layer's sums be held? Reads shapes only. */
bool narrow_fits(const struct narrower *b, const struct node *n);
/* y = scale * x + shift for bytes x: two new rows.  errors: E_NO_MEMORY */
enum status narrow_rows(struct narrower *b, const struct node *n, const struct scale *x,
                        int32_t out[2]) WARN_UNUSED;

#endif
