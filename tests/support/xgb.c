/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "support/xgb.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"

enum status xgb_graph(const void *bytes, size_t n, bool ubj, struct graph **g, struct err *err)
{
    enum status s = graph_new(g);
    if (s != OK)
        return err_set(err, s, "no memory for a graph");
    s = ubj ? xgboost_read_ubj(bytes, n, *g, err) : xgboost_read_json(bytes, n, *g, err);
    if (s != OK)
        graph_free(g);
    return s;
}

enum { OPERANDS_MAX = 8 };

/* Proves the tables and infers the shapes; params and tensors stay with the caller. */
static enum status prove(const struct graph *g, void *params, const struct tensor **in,
                         struct tensor *out, uint64_t *scratch, struct err *err)
{
    const struct node *node = &g->nodes[0];
    struct op_node n = {
        node->version, (int)node->n_in, (int)node->n_out, {node->attrs, node->n_attrs}};
    enum status s = node->op->prepare(&n, params, err);
    if (s == OK && node->op->check)
        s = node->op->check(params, (int)node->n_in, in, err);
    struct op_infer infer = {
        .params = params, .n_in = (int)node->n_in, .n_out = 1, .in = in, .out = &out};
    if (s == OK)
        s = node->op->infer(&infer, err);
    *scratch = infer.scratch_bytes;
    return s;
}

float *xgb_predict(const struct graph *g, const float *x, int64_t rows, int64_t *n, struct err *err)
{
    const struct node *node = &g->nodes[0];
    const struct tensor *in[OPERANDS_MAX] = {0};
    struct tensor features = g->values[node->in[0]].t, out = {0};
    uint64_t params[OP_PARAMS_MAX / 8] = {0}, scratch;
    features.dims[0] = rows;
    features.data = (void *)x;
    for (uint32_t i = 0; i < node->n_in; i++)
        in[i] = !i                                  ? &features
                : node->in[i] == ARTIFACT_NO_TENSOR ? NULL
                                                    : &g->values[node->in[i]].t;
    if (prove(g, params, in, &out, &scratch, err) != OK)
        return NULL;
    *n = tensor_count(&out);
    out.data = malloc((size_t)*n * sizeof(float) + 1);
    void *scratch_bytes = malloc(scratch + 1);
    struct tensor *outs[] = {&out};
    struct op_run run = {params, (int)node->n_in, 1, in, outs, scratch_bytes, NULL};
    enum status s = node->op->run(&run, err);
    free(scratch_bytes);
    if (s == OK)
        return out.data;
    free(out.data);
    return NULL;
}

char *xgb_json(const struct xgb_text *t)
{
    char info[256] = "", *text = NULL;
    for (int i = 0; i < t->n_trees; i++)
        snprintf(info + strlen(info), sizeof(info) - strlen(info), "%s%d", i ? "," : "",
                 t->groups > 1 ? i % t->groups : 0);
    int n = asprintf(
        &text,
        "{\"learner\":{\"attributes\":{},\"feature_names\":[],\"feature_types\":[],"
        "\"gradient_booster\":{\"model\":{\"gbtree_model_param\":{\"num_trees\":\"%d\","
        "\"size_leaf_vector\":\"0\"},\"tree_info\":[%s],\"trees\":[%s]},\"name\":\"gbtree\"},"
        "\"learner_model_param\":{\"base_score\":\"%s\",\"num_class\":\"%d\",\"num_feature\":"
        "\"%d\",\"num_target\":\"1\"},\"objective\":{\"name\":\"%s\"}},\"version\":[1,7,4]}",
        t->n_trees, info, t->trees, t->base_score, t->groups > 1 ? t->groups : 0, t->features,
        t->objective);
    return n < 0 ? NULL : text;
}
