/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Nothing here looks at an operator's meaning but act_of, which knows the activations that fused
 * operators apply. */
#include "compiler/passes/edit.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

enum status uses_init(const struct graph *g, struct uses *u, struct err *err)
{
    size_t n = g->n_values;
    *u = (struct uses){alloc_zero(n, sizeof(*u->count)), alloc_zero(n, sizeof(*u->producer)),
                       alloc_zero(n, sizeof(*u->consumer))};
    if (!u->count || !u->producer || !u->consumer) {
        uses_fini(u);
        return err_set(err, E_NO_MEMORY, "no memory to rewrite %u nodes", g->n_nodes);
    }
    for (size_t i = 0; i < n; i++)
        u->producer[i] = u->consumer[i] = NO_NODE;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct node *node = &g->nodes[i];
        for (uint32_t k = 0; k < node->n_in && !node->dead; k++)
            if (node->in[k] != ARTIFACT_NO_TENSOR) {
                u->count[node->in[k]]++;
                u->consumer[node->in[k]] = (int32_t)i;
            }
        for (uint32_t k = 0; k < node->n_out && !node->dead; k++)
            if (node->out[k] != ARTIFACT_NO_TENSOR)
                u->producer[node->out[k]] = (int32_t)i;
    }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        u->count[g->outputs[i]]++;
    return OK;
}

void uses_fini(struct uses *u)
{
    alloc_free(u->count);
    alloc_free(u->producer);
    alloc_free(u->consumer);
    *u = (struct uses){0};
}

struct node *uses_only(const struct graph *g, const struct uses *u, int32_t value)
{
    /* A value that is also an output counts twice, so the one use is the consumer's. */
    if (u->count[value] != 1 || u->consumer[value] == NO_NODE)
        return NULL;
    struct node *n = &g->nodes[u->consumer[value]];
    return n->dead ? NULL : n;
}

bool node_is(const struct node *n, const char *name)
{
    return !*n->op->domain && strcmp(n->op->name, name) == 0;
}

int32_t node_in(const struct node *n, uint32_t i)
{
    return i < n->n_in ? n->in[i] : ARTIFACT_NO_TENSOR;
}

int64_t node_int(const struct node *n, enum attr_key k, int64_t def)
{
    struct attr_list l = {n->attrs, n->n_attrs};
    const struct attr *a = attr_find(&l, k);
    return a && a->type == ATTR_INT ? a->i : def;
}

float node_float(const struct node *n, enum attr_key k, float def)
{
    struct attr_list l = {n->attrs, n->n_attrs};
    const struct attr *a = attr_find(&l, k);
    return a && a->type == ATTR_FLOAT ? a->f : def;
}

static bool const_ints(struct graph *g, int32_t value, int64_t *out, size_t max, int *count)
{
    if (!value_is_const(g, value))
        return false;
    const struct tensor *t = &g->values[value].t;
    int64_t n = t->dtype == DT_I64 || t->dtype == DT_I32 ? tensor_count(t) : -1;
    if (n < 0 || n > (int64_t)max || graph_settle(g, value) != OK)
        return false;
    for (int64_t i = 0; i < n; i++)
        out[i] = tensor_get_i64(&g->values[value].t, i);
    *count = (int)n;
    return true;
}

bool node_ints(struct graph *g, const struct node *n, enum attr_key k, int operand, int64_t *out,
               size_t max, int *count)
{
    *count = 0;
    if (operand >= 0)
        return const_ints(g, node_in(n, (uint32_t)operand), out, max, count);
    struct attr_list l = {n->attrs, n->n_attrs};
    const struct attr *a = attr_find(&l, k);
    if (!a || a->type != ATTR_INTS || a->count > max)
        return false;
    memcpy(out, a->ints, a->count * sizeof(*out));
    *count = (int)a->count;
    return true;
}

bool value_is_const(const struct graph *g, int32_t value)
{
    return value != ARTIFACT_NO_TENSOR && g->values[value].kind == VALUE_CONST;
}

const float *value_floats(struct graph *g, int32_t value, int64_t count, enum status *s)
{
    *s = OK;
    if (!value_is_const(g, value) || g->values[value].t.dtype != DT_F32 ||
        tensor_count(&g->values[value].t) != count)
        return NULL;
    *s = graph_settle(g, value);
    return *s == OK ? g->values[value].t.data : NULL;
}

bool value_scalar(struct graph *g, int32_t value, double *out)
{
    if (!value_is_const(g, value) || tensor_count(&g->values[value].t) != 1 ||
        graph_settle(g, value) != OK)
        return false;
    *out = tensor_get_f64(&g->values[value].t, 0);
    return true;
}

/* Clip's bounds stand in attributes before version 11, in constant operands since. */
static bool clip_bounds(struct graph *g, const struct node *n, struct act *out)
{
    double low = -INFINITY, high = INFINITY;
    if (n->version < 11) {
        low = (double)node_float(n, ATTR_min, -INFINITY);
        high = (double)node_float(n, ATTR_max, INFINITY);
    } else {
        int32_t min = node_in(n, 1), max = node_in(n, 2);
        if (min != ARTIFACT_NO_TENSOR && !value_scalar(g, min, &low))
            return false;
        if (max != ARTIFACT_NO_TENSOR && !value_scalar(g, max, &high))
            return false;
    }
    *out = (struct act){ACT_CLIP, (float)low, (float)high};
    return low <= high; /* NaN and crossed bounds stay with Clip's own rules */
}

/* Gelu's two forms; another spelling is none of ours. */
static enum activation gelu_kind(const struct node *n)
{
    struct attr_list l = {n->attrs, n->n_attrs};
    const struct attr *how = attr_find(&l, ATTR_approximate);
    if (!how || (how->type == ATTR_STRING && how->count == 4 && memcmp(how->str, "none", 4) == 0))
        return ACT_GELU;
    bool by_tanh = how->type == ATTR_STRING && how->count == 4 && !memcmp(how->str, "tanh", 4);
    return by_tanh ? ACT_GELU_TANH : ACT_NONE;
}

bool act_of(struct graph *g, const struct node *n, struct act *out)
{
    *out = (struct act){ACT_NONE, 0, 0};
    if (strcmp(n->op->domain, "roost") == 0 && strcmp(n->op->name, "Silu") == 0)
        out->kind = ACT_SILU;
    if (node_is(n, "Gelu"))
        out->kind = gelu_kind(n);
    if (node_is(n, "HardSwish"))
        out->kind = ACT_HARD_SWISH;
    if (node_is(n, "HardSigmoid"))
        *out = (struct act){ACT_HARD_SIGMOID, node_float(n, ATTR_alpha, 0.2f),
                            node_float(n, ATTR_beta, 0.5f)};
    if (node_is(n, "Relu"))
        out->kind = ACT_RELU;
    else if (node_is(n, "Sigmoid"))
        out->kind = ACT_SIGMOID;
    else if (node_is(n, "Tanh"))
        out->kind = ACT_TANH;
    else if (node_is(n, "LeakyRelu"))
        *out = (struct act){ACT_LEAKY_RELU, node_float(n, ATTR_alpha, 0.01f), 0};
    else if (node_is(n, "Clip"))
        return clip_bounds(g, n, out);
    return out->kind != ACT_NONE;
}

enum status node_become_fused(struct graph *g, struct node *at, const char *op,
                              const struct node *base, const int32_t *in, uint32_t n_in,
                              const struct act *act)
{
    uint32_t n = base->n_attrs;
    const struct op *fused = op_by_name("roost", op);
    struct attr *attrs = graph_alloc(g, (n + 3) * sizeof(*attrs));
    int32_t *operands = graph_alloc(g, n_in * sizeof(*in));
    ASSERT(fused);
    if (!attrs || !operands)
        return E_NO_MEMORY;
    memcpy(operands, in, n_in * sizeof(*in));
    if (n)
        memcpy(attrs, base->attrs, n * sizeof(*attrs));
    attrs[n++] =
        (struct attr){.key = ATTR_activation, .type = ATTR_INT, .count = 1, .i = act->kind};
    bool two = act->kind == ACT_CLIP || act->kind == ACT_HARD_SIGMOID;
    if (two || act->kind == ACT_LEAKY_RELU)
        attrs[n++] =
            (struct attr){.key = ATTR_act_low, .type = ATTR_FLOAT, .count = 1, .f = act->low};
    if (two)
        attrs[n++] =
            (struct attr){.key = ATTR_act_high, .type = ATTR_FLOAT, .count = 1, .f = act->high};
    at->op = fused;
    at->version = fused->since[0];
    at->in = operands;
    at->n_in = n_in;
    at->attrs = attrs;
    at->n_attrs = n;
    return OK;
}
