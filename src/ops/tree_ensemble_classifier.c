/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* TreeEnsembleClassifier, its lists packed as tables (ops/tree_ensemble.h). Of
 * two classes with one column of weights the second wins above 0, or above 0.5 when the column is a
 * probability.  source: ONNX ai.onnx.ml TreeEnsembleClassifier-1, -3 */
#include <string.h>

#include "ops/tree_ml.h"

enum { LABEL, SCORES };

static enum status infer(struct op_infer *c, struct err *err)
{
    const struct tree_ml_params *p = c->params;
    const struct tensor *labels = op_operand(c->in, c->n_in, TREE_LABELS);
    enum status s = tree_ml_infer(c, "TreeEnsembleClassifier", err);
    if (s != OK)
        return s;
    int64_t classes = p->second ? 2 : p->n_groups;
    if (!labels || (labels->dtype != DT_I64 && labels->dtype != DT_STRING) || labels->rank != 1 ||
        labels->dims[0] != classes)
        return err_set(err, E_BAD_INPUT, "TreeEnsembleClassifier: no labels for %lld classes",
                       (long long)classes);
    int64_t dims[2] = {ml_rows(c->in[TREE_X]).rows, classes};
    s = op_output(c, LABEL, "TreeEnsembleClassifier", labels->dtype, 1, dims, err);
    return s == OK ? op_output(c, SCORES, "TreeEnsembleClassifier", DT_F32, 2, dims, err) : s;
}

/* One row: its label, and its scores in out[classes] (NULL: not wanted). */
static int64_t classify(const struct tree_ml_params *p, float *s, float *out)
{
    if (p->second) {
        bool probability = p->second == ML_SECOND_COMPLEMENT && p->post == ML_NONE;
        if (out)
            ml_second_apply(p->second, p->post, s[0], out);
        return s[0] > (probability ? 0.5f : 0.0f);
    }
    int64_t best = ml_argmax(s, p->n_groups);
    ml_post_apply(p->post, s, p->n_groups);
    if (out)
        memcpy(out, s, p->n_groups * sizeof(*out));
    return best;
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct tree_ml_params *p = c->params;
    const struct tensor *labels = c->in[TREE_LABELS];
    int64_t rows = c->out[LABEL]->dims[0];
    int64_t classes = p->second ? 2 : p->n_groups;
    float *scores = c->n_out > SCORES && c->out[SCORES] ? c->out[SCORES]->data : NULL;
    for (int64_t from = 0; from < rows; from += TREE_ML_BLOCK) {
        int64_t n = MIN(rows - from, TREE_ML_BLOCK);
        float *margins = tree_ml_block(c, from, n);
        for (int64_t i = 0; i < n; i++) {
            float *out = scores ? scores + (from + i) * classes : NULL;
            int64_t k = classify(p, margins + i * p->n_groups, out);
            ml_label_put(labels, k, c->out[LABEL], from + i);
        }
    }
    return OK;
}

static const struct tensor *classes(int n_in, const struct tensor *const *in, int out)
{
    return out == SCORES ? op_operand(in, n_in, TREE_LABELS) : NULL;
}

const struct op op_tree_ensemble_classifier = {
    .domain = "ai.onnx.ml",
    .name = "TreeEnsembleClassifier",
    .code = OP_CODE_tree_ensemble_classifier,
    .since = {1, 3},
    .types = OP_T(F32) | OP_T(I32) | OP_T(I64),
    .in_min = TREE_TREES + 1,
    .in_max = TREE_OPERANDS,
    .out_min = 1,
    .out_max = 2,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct tree_ml_params),
    .prepare = tree_ml_prepare,
    .check = tree_ml_check,
    .classes = classes,
    .infer = infer,
    .run = run,
};
