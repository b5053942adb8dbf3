/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* TreeEnsembleRegressor, its lists packed as tables (ops/tree_ensemble.h).
 * source: ONNX ai.onnx.ml TreeEnsembleRegressor-1, -3 */
#include <string.h>

#include "ops/tree_ml.h"

static enum status infer(struct op_infer *c, struct err *err)
{
    const struct tree_ml_params *p = c->params;
    enum status s = tree_ml_infer(c, "TreeEnsembleRegressor", err);
    if (s != OK)
        return s;
    if (op_operand(c->in, c->n_in, TREE_LABELS))
        return err_set(err, E_CORRUPT, "TreeEnsembleRegressor: it has no labels");
    int64_t dims[2] = {ml_rows(c->in[TREE_X]).rows, p->n_groups};
    return op_output(c, 0, "TreeEnsembleRegressor", DT_F32, 2, dims, err);
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct tree_ml_params *p = c->params;
    int64_t rows = c->out[0]->dims[0];
    float *y = c->out[0]->data;
    for (int64_t from = 0; from < rows; from += TREE_ML_BLOCK) {
        int64_t n = MIN(rows - from, TREE_ML_BLOCK);
        float *margins = tree_ml_block(c, from, n);
        for (int64_t i = 0; i < n; i++)
            ml_post_apply(p->post, margins + i * p->n_groups, p->n_groups);
        memcpy(y + from * p->n_groups, margins, (size_t)n * p->n_groups * sizeof(*y));
    }
    return OK;
}

const struct op op_tree_ensemble_regressor = {
    .domain = "ai.onnx.ml",
    .name = "TreeEnsembleRegressor",
    .code = OP_CODE_tree_ensemble_regressor,
    .since = {1, 3},
    .types = OP_T(F32) | OP_T(I32) | OP_T(I64),
    .in_min = TREE_TREES + 1,
    .in_max = TREE_OPERANDS,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct tree_ml_params),
    .prepare = tree_ml_prepare,
    .check = tree_ml_check,
    .infer = infer,
    .run = run,
};
