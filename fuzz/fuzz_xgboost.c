/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The XGBoost readers on any bytes: the first byte chooses the syntax ('u': UBJSON, otherwise
 * JSON), the rest is the model. What is accepted must pass the operator's own proof but for the
 * depth of its trees, and is run on three rows; names of columns must be found. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "compiler/graph.h"

enum { FEATURES_MAX = 64, ROWS = 3, PREDICTIONS_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The tensors of the graph's one node, the features in front. */
struct operands {
    struct tensor features, out;
    const struct tensor *in[OP_INPUTS_MAX];
    uint64_t params[OP_PARAMS_MAX / 8];
};

static void run(const struct node *node, struct operands *o)
{
    float x[ROWS * FEATURES_MAX], out[PREDICTIONS_MAX], scratch[PREDICTIONS_MAX];
    struct err err = {0};
    struct tensor *outs[] = {&o->out};
    struct op_infer infer = {
        .params = o->params, .n_in = (int)node->n_in, .n_out = 1, .in = o->in, .out = outs};
    o->features.dims[0] = ROWS;
    o->features.data = x;
    for (int i = 0; i < ROWS * FEATURES_MAX; i++)
        x[i] = i % 5 == 3 ? NAN : (float)(i % 7) - 1.5f;
    if (node->op->infer(&infer, &err) != OK)
        abort();
    if (tensor_count(&o->out) > PREDICTIONS_MAX || infer.scratch_bytes > sizeof(scratch))
        return;
    o->out.data = out;
    struct op_run ctx = {o->params, (int)node->n_in, 1, o->in, outs, scratch, NULL};
    if (node->op->run(&ctx, &err) != OK)
        abort();
}

static void follow(const struct graph *g)
{
    const struct node *node = &g->nodes[0];
    struct operands o = {.features = g->values[node->in[0]].t};
    struct err err = {0};
    struct op_node n = {
        node->version, (int)node->n_in, (int)node->n_out, {node->attrs, node->n_attrs}};
    o.in[0] = &o.features;
    for (uint32_t i = 1; i < node->n_in; i++)
        o.in[i] = node->in[i] == ARTIFACT_NO_TENSOR ? NULL : &g->values[node->in[i]].t;
    if (node->op->prepare(&n, o.params, &err) != OK)
        abort();
    enum status s = node->op->check ? node->op->check(o.params, (int)node->n_in, o.in, &err) : OK;
    if (s != OK && !strstr(err.msg, "deep"))
        abort();
    if (s == OK && o.features.dims[1] <= FEATURES_MAX)
        run(node, &o);
    for (uint32_t i = 0; i < g->columns.count; i++)
        if (columns_find(&g->columns, columns_name(&g->columns, i), 0) != i)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct graph *g;
    struct err err = {0};
    if (!n || graph_new(&g) != OK)
        return 0;
    enum status s = data[0] == 'u' ? xgboost_read_ubj(data + 1, n - 1, g, &err)
                                   : xgboost_read_json(data + 1, n - 1, g, &err);
    if (s == OK)
        follow(g);
    else if (!err.msg[0])
        abort();
    graph_free(&g);
    return 0;
}
