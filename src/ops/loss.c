/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Losses over x[n][classes][places...] and labels[n][places...], with an optional weight for each
 * class, in double. A label outside the classes is refused when the model runs, unless it is the
 * one to ignore.
 * source: ONNX NegativeLogLikelihoodLoss-13, SoftmaxCrossEntropyLoss-13 */
#include "ops/loss.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/element.h"

enum status loss_prepare(const struct op_node *node, void *params, struct err *err)
{
    static const char *const names[] = {"none", "sum", "mean"};
    struct loss_params *p = params;
    const char *how;
    size_t len;
    enum status s = attr_string(&node->attrs, ATTR_reduction, "mean", &how, &len, err);
    p->has_ignore = attr_find(&node->attrs, ATTR_ignore_index) != NULL;
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_ignore_index, 0, &p->ignore, err);
    if (s != OK)
        return s;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strlen(names[i]) == len && memcmp(names[i], how, len) == 0) {
            p->reduction = (enum loss_reduction)i;
            return OK;
        }
    return err_set(err, E_CORRUPT, "attribute reduction is not none, sum or mean");
}

static enum status labels_fit(const struct op_infer *ctx, const char *op, struct err *err)
{
    const struct tensor *x = ctx->in[0], *t = ctx->in[1];
    bool fits = (t->dtype == DT_I32 || t->dtype == DT_I64) && t->rank == x->rank - 1;
    for (int d = 0; d < t->rank && fits; d++)
        fits = t->dims[d] == x->dims[d ? d + 1 : 0];
    return fits ? OK : op_bad(op, 1, t, "integer labels of input 0's dims but the second", err);
}

enum status loss_infer(struct op_infer *ctx, const char *op, struct err *err)
{
    const struct loss_params *p = ctx->params;
    enum status s = op_operands(ctx, op, 2, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *w = ctx->n_in > 2 ? ctx->in[2] : NULL;
    if (!dtype_is_float(x->dtype))
        return op_no_kernel(op, 0, x, err);
    if (x->rank < 2)
        return op_bad(op, 0, x, "batch and classes", err);
    s = labels_fit(ctx, op, err);
    if (s == OK)
        s = op_same_dtype(ctx, op, 2, err);
    if (s == OK && w && (w->rank != 1 || w->dims[0] != x->dims[1]))
        s = op_bad(op, 2, w, "one weight per class", err);
    if (s == OK)
        s = op_output(ctx, 0, op, x->dtype, p->reduction == LOSS_NONE ? ctx->in[1]->rank : 0,
                      ctx->in[1]->dims, err);
    return s == OK ? op_output(ctx, 1, op, x->dtype, x->rank, x->dims, err) : s;
}

/* One place: classes stand `step` apart, from element `at` on. */
struct place {
    int64_t at, step, classes;
};

/* What to take off each score of a place to make it a logarithm of a probability. */
static double log_total(const struct tensor *x, const struct place *at)
{
    double most = -INFINITY, sum = 0;
    for (int64_t c = 0; c < at->classes; c++) {
        double v = tensor_get_f64(x, at->at + c * at->step);
        most = v > most || v != v ? v : most;
    }
    for (int64_t c = 0; c < at->classes; c++)
        sum += exp(tensor_get_f64(x, at->at + c * at->step) - most);
    return most + log(sum);
}

struct total {
    double loss, weight;
};

/* Adds place i to the total, and writes what stands by itself. */
static enum status one_place(const struct op_run *ctx, const struct place *at, int64_t i,
                             double off, struct total *t)
{
    const struct loss_params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *w = ctx->n_in > 2 ? ctx->in[2] : NULL;
    int64_t label = tensor_get_i64(ctx->in[1], i);
    double loss = 0, weight = 0;
    if (!p->has_ignore || label != p->ignore) {
        if (label < 0 || label >= at->classes)
            return E_BAD_INPUT;
        weight = w ? tensor_get_f64(w, label) : 1;
        loss = -(tensor_get_f64(x, at->at + label * at->step) - off) * weight;
    }
    t->loss += loss;
    t->weight += weight;
    if (p->reduction == LOSS_NONE)
        element_set_f64(ctx->out[0], i, loss);
    return OK;
}

enum status loss_run(const struct op_run *ctx, const char *op, bool scores, struct err *err)
{
    const struct loss_params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *logs = ctx->n_out > 1 ? ctx->out[1] : NULL;
    int64_t places = op_span(x->dims, 2, x->rank), classes = x->dims[1];
    struct total total = {0, 0};
    for (int64_t i = 0; i < tensor_count(ctx->in[1]); i++) {
        struct place at = {i / places * places * classes + i % places, places, classes};
        double off = scores ? log_total(x, &at) : 0;
        if (one_place(ctx, &at, i, off, &total) != OK)
            return err_set(err, E_BAD_INPUT,
                           "%s: label %" PRId64 " is not one of %" PRId64 " classes", op,
                           tensor_get_i64(ctx->in[1], i), classes);
        for (int64_t c = 0; logs && c < classes; c++) {
            int64_t k = at.at + c * places;
            element_set_f64(logs, k, tensor_get_f64(x, k) - off);
        }
    }
    if (p->reduction != LOSS_NONE)
        element_set_f64(ctx->out[0], 0,
                        p->reduction == LOSS_SUM ? total.loss : total.loss / total.weight);
    return OK;
}
