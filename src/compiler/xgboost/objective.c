/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The objectives, with what predict() does to their margins (source: XGBoost 1.7 and 3.x,
 * src/objective: PredTransform and ProbToMargin of each). base_score is stored as a prediction, not
 * as a margin; binary:logitraw and multi-class store the margin itself. */
#include <math.h>
#include <string.h>

#include "compiler/xgboost/model.h"

static const struct xgb_objective objectives[] = {
    {"reg:squarederror", XGB_IDENTITY, TREE_MARGINS},
    {"reg:linear", XGB_IDENTITY, TREE_MARGINS}, /* the old name of the one above */
    {"reg:squaredlogerror", XGB_IDENTITY, TREE_MARGINS},
    {"reg:pseudohubererror", XGB_IDENTITY, TREE_MARGINS},
    {"reg:absoluteerror", XGB_IDENTITY, TREE_MARGINS},
    {"reg:quantileerror", XGB_IDENTITY, TREE_MARGINS},
    {"reg:logistic", XGB_LOGIT, TREE_SIGMOID},
    {"reg:gamma", XGB_LOG, TREE_EXP},
    {"reg:tweedie", XGB_LOG, TREE_EXP},
    {"binary:logistic", XGB_LOGIT, TREE_SIGMOID},
    {"binary:logitraw", XGB_IDENTITY, TREE_MARGINS},
    {"binary:hinge", XGB_IDENTITY, TREE_HINGE},
    {"count:poisson", XGB_LOG, TREE_EXP},
    {"survival:cox", XGB_LOG, TREE_EXP},
    {"survival:aft", XGB_LOG, TREE_EXP},
    {"multi:softmax", XGB_IDENTITY, TREE_ARGMAX},
    {"multi:softprob", XGB_IDENTITY, TREE_SOFTMAX},
    {"rank:pairwise", XGB_IDENTITY, TREE_MARGINS},
    {"rank:ndcg", XGB_IDENTITY, TREE_MARGINS},
    {"rank:map", XGB_IDENTITY, TREE_MARGINS},
};

const struct xgb_objective *xgb_objective(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(objectives); i++)
        if (strcmp(objectives[i].name, name) == 0)
            return &objectives[i];
    return NULL;
}

bool xgb_base_margin(enum xgb_link link, float stored, float *margin)
{
    if (!isfinite(stored))
        return false;
    switch (link) {
    case XGB_LOGIT:
        *margin = -logf(1.0f / stored - 1.0f);
        return stored > 0.0f && stored < 1.0f;
    case XGB_LOG:
        *margin = logf(stored);
        return stored > 0.0f;
    default:
        *margin = stored;
        return true;
    }
}
