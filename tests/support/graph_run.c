/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every value gets its own memory: slow and plain. */
#include "support/graph_run.h"

#include <string.h>

#include "base/alloc.h"
#include "compiler/passes/eval.h"

static enum status run_node(struct graph *g, const struct node *n, struct tensor *t,
                            struct err *err)
{
    struct eval e;
    enum status s = eval_infer(g, n, t, &e, err);
    for (uint32_t i = 0; s == OK && i < n->n_out; i++) {
        uint64_t bytes = 0;
        if (!e.out[i])
            continue;
        ASSERT(tensor_bytes(e.out[i], &bytes));
        e.out[i]->data = alloc_aligned(64, bytes + 1);
        ASSERT(e.out[i]->data);
    }
    return s == OK ? eval_run(g, &e, err) : s;
}

enum status graph_run(struct graph *g, const struct tensor *in, struct tensor *out, struct err *err)
{
    struct tensor *t = alloc_zero(g->n_values, sizeof(*t));
    enum status s = OK;
    ASSERT(t);
    for (uint32_t i = 0; i < g->n_values; i++)
        if (g->values[i].kind == VALUE_CONST) {
            ASSERT(graph_settle(g, (int32_t)i) == OK);
            t[i] = g->values[i].t;
        }
    for (uint32_t i = 0; i < g->n_inputs; i++)
        t[g->inputs[i]] = in[i];
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++)
        if (!g->nodes[i].dead)
            s = run_node(g, &g->nodes[i], t, err);
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        uint64_t bytes = 0;
        out[i] = t[g->outputs[i]];
        if (!out[i].data || !tensor_bytes(&out[i], &bytes))
            continue;
        void *copy = alloc_new(bytes);
        ASSERT(copy);
        memcpy(copy, out[i].data, bytes);
        out[i].data = copy;
    }
    for (uint32_t i = 0; i < g->n_values; i++)
        if (g->values[i].kind == VALUE_COMPUTED)
            alloc_free(t[i].data);
    alloc_free(t);
    return s;
}

float test_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u; /* source: Numerical Recipes, 7.1 */
    return (float)(*state >> 8) / 8388608.0f - 1.0f;
}

void test_fill(float *p, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = test_random(&seed);
}

void graph_inputs(const struct graph *g, int64_t symbol, uint32_t seed, struct tensor *in)
{
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        uint64_t bytes = 0;
        in[i] = g->values[g->inputs[i]].t;
        for (int d = 0; d < in[i].rank; d++)
            if (in[i].dims[d] < 0)
                in[i].dims[d] = symbol;
        ASSERT(tensor_bytes(&in[i], &bytes) && in[i].dtype == DT_F32);
        in[i].data = alloc_new(bytes);
        ASSERT(in[i].data);
        test_fill(in[i].data, bytes / sizeof(float), seed + i);
    }
}

void tensors_free(struct tensor *t, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        alloc_free(t[i].data);
}

uint32_t graph_count(const struct graph *g, const char *op)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        n += !g->nodes[i].dead && strcmp(g->nodes[i].op->name, op) == 0;
    return n;
}
