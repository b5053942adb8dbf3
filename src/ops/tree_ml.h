/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What ai.onnx.ml's two tree ensembles share. */
#ifndef ROOST_OPS_TREE_ML_H
#define ROOST_OPS_TREE_ML_H

#include "ops/ml.h"
#include "ops/tree_ensemble.h"

enum { TREE_ML_BLOCK = 64 }; /* rows whose margins stand in scratch at a time */

struct tree_ml_params {
    uint32_t n_features, n_groups;
    enum ml_second second;
    enum ml_post post;
};

/* Each is one of the operator's functions, or the first part of it. */
enum status tree_ml_prepare(const struct op_node *node, void *params, struct err *err) WARN_UNUSED;
enum status tree_ml_check(const void *params, int n_in, const struct tensor *const *in,
                          struct err *err) WARN_UNUSED;
/* Proves the features; asks for the scratch of one block. */
enum status tree_ml_infer(struct op_infer *c, const char *op, struct err *err) WARN_UNUSED;
/* The margins of rows [from, from + rows), rows <= TREE_ML_BLOCK: [rows][n_groups] in scratch. */
float *tree_ml_block(const struct op_run *c, int64_t from, int64_t rows);

#endif
