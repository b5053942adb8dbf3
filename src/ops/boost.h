/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the operators of boosted models share (roost.TreeEnsemble, roost.LinearBoost): they add up
 * margins, one a group, and turn each row's margins into what the model gives out.
 *
 *   X        float32[N, n_features]
 *   ->       float32[N, n_groups]; float32[N] for one group, and for BOOST_ARGMAX
 *
 * Attributes: n_features, n_groups, transform. */
#ifndef ROOST_OPS_BOOST_H
#define ROOST_OPS_BOOST_H

#include "ops/op.h"

/* What turns a row's margins into what is given out; the numbers stand in artifacts. */
enum boost_transform {
    BOOST_MARGINS = 0, /* as they are */
    BOOST_SIGMOID = 1,
    BOOST_EXP = 2,
    BOOST_HINGE = 3,   /* 1 above 0, otherwise 0 */
    BOOST_SOFTMAX = 4, /* over the groups */
    BOOST_ARGMAX = 5,  /* the first group with the greatest margin, as a float */
    BOOST_SORTED = 6,  /* the margins by rising value: quantiles that do not cross */
    BOOST_RISING = 7,  /* each group stands its softplus above the group before */
    BOOST_TRANSFORM_COUNT
};

/* The least distance of two groups under BOOST_RISING. source: XGBoost, kRtEps */
#define BOOST_RISING_STEP 1e-6f

struct boost_params {
    uint32_t n_features, n_groups;
    enum boost_transform transform;
};

/* Each gives `op` in its messages; X is operand 0. */
enum status boost_prepare(const struct op_node *node, const char *op, struct boost_params *p,
                          struct err *err) WARN_UNUSED;
enum status boost_infer(struct op_infer *c, const char *op, const struct boost_params *p,
                        struct err *err) WARN_UNUSED;

/* shapes:  x[rows][n_features] -> margins[rows][n_groups] */
typedef void boost_margins_fn(const void *model, const float *x, int64_t rows, float *margins);
/* All rows of operand 0 through `margins` and the transform, into output 0; by the run's team too
 * where they are enough: but for BOOST_ARGMAX, whose blocks of rows have one scratch.
 * model: read by several threads at once   row_work: of one row, in multiply-adds that take as long
 */
void boost_run(const struct op_run *c, const struct boost_params *p, boost_margins_fn *margins,
               const void *model, double row_work);

#endif
