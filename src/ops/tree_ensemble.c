/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.TreeEnsemble: boosted trees as data. check proves the tables once, when a program is bound
 * (tree_proof.c); run then follows them without looking. */
#include "ops/tree_ensemble.h"

#include "kernels/trees.h"
#include "ops/boost.h"
#include "ops/ops_priv.h"
#include "ops/tree_proof.h"

/* Multiply-adds that take as long as a row in a tree of six levels. */
#define TREE_WORK 150.0

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return boost_prepare(node, "TreeEnsemble", params, err);
}

static enum status check(const void *params, int n_in, const struct tensor *const *in,
                         struct err *err)
{
    const struct boost_params *p = params;
    if (n_in > TREE_LABELS && in[TREE_LABELS])
        return err_set(err, E_CORRUPT, "TreeEnsemble: it has no labels");
    return tree_proof(in, n_in, p->n_features, p->n_groups, err);
}

static enum status infer(struct op_infer *c, struct err *err)
{
    enum status s = op_operands(c, "TreeEnsemble", TREE_TREES + 1, err);
    return s == OK ? boost_infer(c, "TreeEnsemble", c->params, err) : s;
}

static void margins(const void *model, const float *x, int64_t rows, float *out)
{
    trees_margins(model, x, rows, out);
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct boost_params *p = c->params;
    struct tree_table t = tree_table_of(c, p->n_features, p->n_groups, p->n_features);
    boost_run(c, p, margins, &t, TREE_WORK * t.n_trees);
    return OK;
}

const struct op op_tree_ensemble = {
    .domain = "roost",
    .name = "TreeEnsemble",
    .code = OP_CODE_tree_ensemble,
    .since = {1},
    .types = OP_T(F32),
    .in_min = TREE_TREES + 1,
    .in_max = TREE_OPERANDS,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct boost_params),
    .prepare = prepare,
    .check = check,
    .infer = infer,
    .run = run,
};
