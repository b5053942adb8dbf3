/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LinearClassifier. A model with one row of coefficients for two classes gives
 * the score of the second: it wins above 0.  source: ONNX ai.onnx.ml LinearClassifier-1 */
#include "ops/ml_linear.h"

enum operand { CLASSES = LINEAR_OPERANDS, CLASS_TEXTS, OPERANDS };
enum { LABEL, SCORES };

struct params {
    enum ml_post post;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return ml_post_read(node, &p->post, err);
}

/* Rows of coefficients: as many as intercepts, otherwise as classes. */
static int64_t targets_of(const struct tensor *const *in, int n_in, const struct tensor *labels)
{
    int64_t intercepts = ml_count(in, n_in, LINEAR_INTERCEPTS);
    return intercepts ? intercepts : tensor_count(labels);
}

static enum status infer(struct op_infer *c, struct err *err)
{
    const struct params *p = c->params;
    enum status s = op_operands(c, "LinearClassifier", LINEAR_COEFFICIENTS + 1, err);
    const struct tensor *labels = NULL;
    if (s == OK)
        s = ml_labels(c, "LinearClassifier", CLASSES, CLASS_TEXTS, &labels, err);
    if (s != OK)
        return s;
    int64_t classes = tensor_count(labels), targets = targets_of(c->in, c->n_in, labels);
    bool one = targets == 1 && classes == 2;
    if (classes < 1 || (targets != classes && !one))
        return err_set(err, E_BAD_INPUT, "LinearClassifier: %lld classes, %lld intercepts",
                       (long long)classes, (long long)targets);
    s = one ? ml_second_check("LinearClassifier", ML_SECOND_COMPLEMENT, p->post, err) : OK;
    if (s != OK)
        return s;
    int64_t dims[2] = {0, classes};
    uint64_t own = 0;
    s = ml_matrix(c, "LinearClassifier", err);
    if (s != OK)
        return s;
    dims[0] = ml_rows(c->in[LINEAR_X]).rows;
    s = op_output(c, LABEL, "LinearClassifier", labels->dtype, 1, dims, err);
    if (s == OK)
        s = op_output(c, SCORES, "LinearClassifier", DT_F32, 2, dims, err);
    if (s == OK &&
        __builtin_mul_overflow((uint64_t)dims[0] * sizeof(float), (uint64_t)targets, &own))
        s = err_set(err, E_BAD_INPUT, "LinearClassifier: the scores have no size");
    return s == OK ? ml_linear_infer(c, "LinearClassifier", targets, own, err) : s;
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct params *p = c->params;
    const struct tensor *labels = ml_labels_of(c->in, c->n_in, CLASSES, CLASS_TEXTS);
    int64_t n = tensor_count(labels), targets = targets_of(c->in, c->n_in, labels);
    int64_t rows = ml_rows(c->in[LINEAR_X]).rows;
    float *scores = c->scratch;
    float *out = c->n_out > SCORES && c->out[SCORES] ? c->out[SCORES]->data : NULL;
    ml_linear_run(c, targets, scores, scores + rows * targets);
    for (int64_t r = 0; r < rows; r++) {
        float *s = scores + r * targets;
        ml_label_put(labels, targets < n ? s[0] > 0 : ml_argmax(s, n), c->out[LABEL], r);
        if (out && targets < n)
            ml_second_apply(ML_SECOND_COMPLEMENT, p->post, s[0], out + r * n);
        else if (out) {
            ml_post_apply(p->post, s, n);
            for (int64_t k = 0; k < n; k++)
                out[r * n + k] = s[k];
        }
    }
    return OK;
}

static const struct tensor *classes(int n_in, const struct tensor *const *in, int out)
{
    return out == SCORES ? ml_labels_of(in, n_in, CLASSES, CLASS_TEXTS) : NULL;
}

static const enum attr_key consts[] = {ATTR_coefficients, ATTR_intercepts, ATTR_classlabels_ints,
                                       ATTR_classlabels_strings, ATTR_NONE};

const struct op op_linear_classifier = {
    .domain = "ai.onnx.ml",
    .name = "LinearClassifier",
    .code = OP_CODE_linear_classifier,
    .since = {1},
    .types = OP_T(F32) | OP_T(F64) | OP_T(I32) | OP_T(I64),
    .in_min = 2,
    .in_max = OPERANDS,
    .out_min = 1,
    .out_max = 2,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .const_attrs = consts,
    .prepare = prepare,
    .classes = classes,
    .infer = infer,
    .run = run,
};
