/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operands and attributes of roost.TreeEnsemble, for those who write it.
 *
 *   X        float32[N, n_features]
 *   base     float32[n_groups]    where the margins start
 *   trees    int32[T, 3]          struct tree_head, T >= 1      (layouts: kernels/trees.h)
 *   nodes    int32[M, 3]          struct tree_node
 *   sets     int32[W]             left out when no split is by category
 *   ->       float32[N, n_groups]; float32[N] for one group, and for TREE_ARGMAX
 *
 * Attributes: n_features, n_groups, transform. */
#ifndef ROOST_OPS_TREE_ENSEMBLE_H
#define ROOST_OPS_TREE_ENSEMBLE_H

/* What turns a row's margins into what is given out; the numbers stand in artifacts. */
enum tree_transform {
    TREE_MARGINS = 0, /* as they are */
    TREE_SIGMOID = 1,
    TREE_EXP = 2,
    TREE_HINGE = 3,   /* 1 above 0, otherwise 0 */
    TREE_SOFTMAX = 4, /* over the groups */
    TREE_ARGMAX = 5,  /* the first group with the greatest margin, as a float */
    TREE_TRANSFORM_COUNT
};

enum tree_operand { TREE_X, TREE_BASE, TREE_TREES, TREE_NODES, TREE_SETS, TREE_OPERANDS };

/* ai.onnx.ml's TreeEnsembleClassifier and TreeEnsembleRegressor stand in artifacts with the same
 * tables, and:
 *   vectors  float32[V, n_groups]  what leaves name; left out when each leaf holds one value
 *   labels   int64[C]              the classifier's classes
 * Attributes: n_features (rows may have more), n_groups, second_class, post_transform. */
enum { TREE_VECTORS = TREE_OPERANDS, TREE_LABELS, TREE_ML_OPERANDS };

#endif
