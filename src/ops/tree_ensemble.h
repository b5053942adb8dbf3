/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operands and attributes of roost.TreeEnsemble, for those who write it.
 *
 *   X        float32[N, n_features]
 *   base     float32[n_groups]    where the margins start
 *   trees    int32[T, 3]          struct tree_head, T >= 1      (layouts: kernels/trees.h)
 *   nodes    int32[M, 3]          struct tree_node; left out when all trees are full
 *   sets     int32[W]             left out when no split is by category
 *   vectors  float32[V, n_groups] what leaves name; left out when each leaf holds one value
 *   labels   left out (see below)
 *   full     int32[F]             full trees; left out when there is none
 *
 * Attributes and output: ops/boost.h. */
#ifndef ROOST_OPS_TREE_ENSEMBLE_H
#define ROOST_OPS_TREE_ENSEMBLE_H

enum tree_operand {
    TREE_X,
    TREE_BASE,
    TREE_TREES,
    TREE_NODES,
    TREE_SETS,
    TREE_VECTORS,
    TREE_LABELS,
    TREE_FULL_TREES,
    TREE_OPERANDS
};

/* ai.onnx.ml's TreeEnsembleClassifier and TreeEnsembleRegressor stand in artifacts with the same
 * tables, and:
 *   labels   int64[C] or string[C] the classifier's classes
 * Attributes: n_features (rows may have more), n_groups, second_class, post_transform. */

#endif
