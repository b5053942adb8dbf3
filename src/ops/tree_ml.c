/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Margins block by block. Rows may be wider than the trees look. Integer features are converted to
 * float32; doubles are refused: rounded, they could fall on the other side of a threshold. */
#include "ops/tree_ml.h"

#include <inttypes.h>

#include "kernels/trees.h"
#include "ops/tree_proof.h"

enum status tree_ml_prepare(const struct op_node *node, void *params, struct err *err)
{
    struct tree_ml_params *p = params;
    int64_t features, groups, second;
    enum status s = attr_int(&node->attrs, ATTR_n_features, 0, &features, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_n_groups, 0, &groups, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_second_class, ML_SECOND_NONE, &second, err);
    if (s == OK)
        s = ml_post_read(node, &p->post, err);
    if (s != OK)
        return s;
    bool one_column = second != ML_SECOND_NONE;
    if (features < 1 || features > TREE_FEATURES_MAX || groups < 1 || groups > TREE_GROUPS_MAX ||
        second < 0 || second >= ML_SECOND_COUNT || (one_column && groups != 1))
        return err_set(err, E_CORRUPT,
                       "%" PRId64 " features, %" PRId64 " groups, second class %" PRId64, features,
                       groups, second);
    p->n_features = (uint32_t)features;
    p->n_groups = (uint32_t)groups;
    p->second = (enum ml_second)second;
    return ml_second_check("TreeEnsembleClassifier", p->second, p->post, err);
}

enum status tree_ml_check(const void *params, int n_in, const struct tensor *const *in,
                          struct err *err)
{
    const struct tree_ml_params *p = params;
    return tree_proof(in, n_in, p->n_features, p->n_groups, err);
}

enum status tree_ml_infer(struct op_infer *c, const char *op, struct err *err)
{
    const struct tree_ml_params *p = c->params;
    enum status s = ml_matrix(c, op, err);
    if (s == OK)
        s = op_operands(c, op, TREE_TREES + 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = c->in[TREE_X];
    if (x->dtype == DT_F64)
        return op_no_kernel(op, TREE_X, x, err);
    struct ml_rows m = ml_rows(x);
    char text[TENSOR_TEXT_MAX];
    if (m.columns < p->n_features || m.columns > TREE_FEATURES_MAX)
        return err_set(err, E_BAD_INPUT,
                       "%s: the features are %s, expected at least %" PRIu32 " columns", op,
                       tensor_text(x, text), p->n_features);
    uint64_t copied = x->dtype == DT_F32 ? 0 : (uint64_t)m.columns;
    c->scratch_bytes = sizeof(float) * TREE_ML_BLOCK * (copied + p->n_groups);
    return OK;
}

float *tree_ml_block(const struct op_run *c, int64_t from, int64_t rows)
{
    const struct tree_ml_params *p = c->params;
    const struct tensor *x = c->in[TREE_X];
    int64_t columns = ml_rows(x).columns;
    struct tree_table t = tree_table_of(c, p->n_features, p->n_groups, (uint32_t)columns);
    float *margins = c->scratch, *copy = margins + TREE_ML_BLOCK * (size_t)p->n_groups;
    const float *block = x->dtype == DT_F32 ? (const float *)x->data + from * columns : copy;
    for (int64_t i = 0; block == copy && i < rows * columns; i++)
        copy[i] = ml_get(x, from * columns + i);
    trees_margins(&t, block, rows, margins);
    return margins;
}
