/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.LinearBoost: XGBoost's linear booster. A margin is base + sum of x * weight over the
 * columns in order, each term rounded, as XGBoost adds them; a missing value (NaN) adds nothing.
 * source: XGBoost src/gbm/gblinear.cc, GBLinear::Pred
 *
 *   X        float32[N, n_features]
 *   base     float32[n_groups]              base_score's margin and the bias
 *   weights  float32[n_features, n_groups] */
#include <math.h>
#include <string.h>

#include "ops/boost.h"
#include "ops/ops_priv.h"

enum operand { X, BASE, WEIGHTS };

struct table {
    const struct boost_params *params;
    const float *base, *weights;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return boost_prepare(node, "LinearBoost", params, err);
}

static enum status infer(struct op_infer *c, struct err *err)
{
    const struct boost_params *p = c->params;
    enum status s = op_operands(c, "LinearBoost", WEIGHTS + 1, err);
    for (int i = BASE; s == OK && i <= WEIGHTS; i++)
        s = op_only(c, "LinearBoost", i, DT_F32, err);
    if (s != OK)
        return s;
    const struct tensor *base = c->in[BASE], *weights = c->in[WEIGHTS];
    if (base->rank != 1 || base->dims[0] != p->n_groups)
        return op_bad("LinearBoost", BASE, base, "one number a group", err);
    if (weights->rank != 2 || weights->dims[0] != p->n_features || weights->dims[1] != p->n_groups)
        return op_bad("LinearBoost", WEIGHTS, weights, "a row of groups a feature", err);
    return boost_infer(c, "LinearBoost", p, err);
}

static void margins(const void *model, const float *x, int64_t rows, float *out)
{
    const struct table *t = model;
    const uint32_t features = t->params->n_features, groups = t->params->n_groups;
    for (int64_t r = 0; r < rows; r++, x += features, out += groups) {
        memcpy(out, t->base, groups * sizeof(*out));
        for (uint32_t f = 0; f < features; f++) {
            const float *w = t->weights + (size_t)f * groups;
            for (uint32_t g = 0; !isnan(x[f]) && g < groups; g++)
                out[g] += x[f] * w[g];
        }
    }
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct boost_params *p = c->params;
    const struct table t = {p, c->in[BASE]->data, c->in[WEIGHTS]->data};
    boost_run(c, p, margins, &t, (double)p->n_features * p->n_groups);
    return OK;
}

const struct op op_linear_boost = {
    .domain = "roost",
    .name = "LinearBoost",
    .code = OP_CODE_linear_boost,
    .since = {1},
    .types = OP_T(F32),
    .in_min = WEIGHTS + 1,
    .in_max = WEIGHTS + 1,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct boost_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
