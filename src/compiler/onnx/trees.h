/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The attributes of ai.onnx.ml's tree ensembles, and the tables that are made of them. */
#ifndef ROOST_COMPILER_ONNX_TREES_H
#define ROOST_COMPILER_ONNX_TREES_H

#include "compiler/onnx/onnx_priv.h"

enum {
    ONNX_TREES_FIRST = ATTR_base_values, /* attributes from here to ... */
    ONNX_TREES_LAST = ATTR_target_weights,
    ONNX_TREES_ATTRS = 3, /* what packing adds: n_features, n_groups, second_class */
};

/* What is kept of the node while its attributes are read; lists point into graph memory. */
struct onnx_trees {
    bool regressor; /* otherwise a classifier */
    bool average;   /* aggregate_function */
    bool logistic;  /* post_transform: the scores are margins */
    int64_t n_targets;
    struct tensor labels; /* int64 or string classes; rank 0: none */
    struct attr lists[ONNX_TREES_LAST - ONNX_TREES_FIRST + 1];
    struct wire modes; /* the message of nodes_modes */
};

/* Takes an attribute that concerns the trees; *taken says so.  errors: E_CORRUPT, E_UNSUPPORTED */
enum status onnx_trees_take(struct onnx_reader *r, struct onnx_trees *t, const struct onnx_attr *a,
                            bool *taken, struct err *err) WARN_UNUSED;
/* Lays the trees out as constants: operands behind in[TREE_X] (ops/tree_ensemble.h) and attributes.
 * errors: E_CORRUPT (names tree and node), E_UNSUPPORTED; E_NO_MEMORY */
enum status onnx_trees_pack(struct onnx_reader *r, const struct onnx_trees *t, int32_t *in,
                            uint32_t *n_in, struct attr attrs[ONNX_TREES_ATTRS],
                            struct err *err) WARN_UNUSED;

#endif
