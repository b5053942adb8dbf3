/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The objectives, with what predict() does to their margins. base_score is stored as a prediction,
 * not as a margin; binary:logitraw and multi-class store the margin itself.
 * source: XGBoost 1.7 to 3.4, src/objective: PredTransform and ProbToMargin of each; pull request
 * 12386 (3.4: reg:quantileerror gives its quantiles sorted) */
#include <math.h>
#include <string.h>

#include "compiler/xgboost/model.h"

#define PROBABILITY_LEAST 1e-6f /* kRtEps: what clamped probabilities keep from 0 and 1 */

static const struct xgb_objective objectives[] = {
    {"reg:squarederror", XGB_IDENTITY, BOOST_MARGINS},
    {"reg:linear", XGB_IDENTITY, BOOST_MARGINS}, /* the old name of the one above */
    {"reg:squaredlogerror", XGB_IDENTITY, BOOST_MARGINS},
    {"reg:pseudohubererror", XGB_IDENTITY, BOOST_MARGINS},
    {"reg:absoluteerror", XGB_IDENTITY, BOOST_MARGINS},
    {"reg:quantileerror", XGB_IDENTITY, BOOST_SORTED}, /* in order from 3.4 on */
    {"reg:expectileerror", XGB_RISING, BOOST_RISING},  /* 3.3 and later */
    {"reg:logistic", XGB_LOGIT, BOOST_SIGMOID},
    {"reg:gamma", XGB_LOG, BOOST_EXP},
    {"reg:tweedie", XGB_LOG, BOOST_EXP},
    {"binary:logistic", XGB_LOGIT, BOOST_SIGMOID},
    {"binary:logitraw", XGB_IDENTITY, BOOST_MARGINS},
    {"binary:hinge", XGB_IDENTITY, BOOST_HINGE},
    {"count:poisson", XGB_LOG, BOOST_EXP},
    {"survival:cox", XGB_LOG, BOOST_EXP},
    {"survival:aft", XGB_LOG, BOOST_EXP},
    {"multi:softmax", XGB_IDENTITY, BOOST_ARGMAX},
    {"multi:softprob", XGB_IDENTITY, BOOST_SOFTMAX},
    {"rank:pairwise", XGB_IDENTITY, BOOST_MARGINS},
    {"rank:ndcg", XGB_IDENTITY, BOOST_MARGINS},
    {"rank:map", XGB_IDENTITY, BOOST_MARGINS},
};

const struct xgb_objective *xgb_objective(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(objectives); i++)
        if (strcmp(objectives[i].name, name) == 0)
            return &objectives[i];
    return NULL;
}

enum boost_transform xgb_transform(const struct xgb_objective *o, const int64_t version[3])
{
    bool before_3_4 = version[0] < 3 || (version[0] == 3 && version[1] < 4);
    return o->transform == BOOST_SORTED && before_3_4 ? BOOST_MARGINS : o->transform;
}

static bool one_margin(enum xgb_link link, float *base, bool clamp)
{
    float stored = *base;
    switch (link) {
    case XGB_LOGIT:
        if (clamp && stored >= 0.0f && stored <= 1.0f)
            stored = fminf(fmaxf(stored, PROBABILITY_LEAST), 1.0f - PROBABILITY_LEAST);
        *base = -logf(1.0f / stored - 1.0f);
        return stored > 0.0f && stored < 1.0f;
    case XGB_LOG:
        *base = logf(stored);
        return stored > 0.0f;
    default:
        return true;
    }
}

bool xgb_base_margins(enum xgb_link link, float *base, uint32_t n, bool clamp, uint32_t *at)
{
    for (*at = 0; *at < n; ++*at)
        if (!isfinite(base[*at]) || !one_margin(link, &base[*at], clamp))
            return false;
    /* What rise() of ops/boost.c adds up, taken apart again: from the last on, so that the one
     * before still stands as it was stored. */
    for (*at = n - 1; link == XGB_RISING && *at > 0; --*at) {
        float rise = base[*at] - base[*at - 1] - BOOST_RISING_STEP;
        if (!(rise > 0.0f))
            return false;
        base[*at] = rise + logf(-expm1f(-rise));
    }
    return true;
}
