/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Moves Transposes down the graph, so that those of a pair meet and cancel:
 *   - of two in a row one is left, with both permutations in one (drop_identity takes out one that
 *     moves nothing);
 *   - an element-wise operator of one operand runs before its operand's Transpose;
 *   - so does one of two operands when both are transposed in the same way, or when the other is a
 *     constant, which is then transposed the other way round once and for all;
 *   - a matrix's Transpose before Gemm becomes transA or transB.
 * Nothing moves when the Transpose has other readers: then it would run twice. */
#include <string.h>

#include "compiler/passes/edit.h"
#include "compiler/passes/passes.h"

struct turn {
    int64_t perm[TENSOR_RANK_MAX];
    int rank;
    int32_t from;
};

/* The value is made by a Transpose; reversal without perm is written out. */
static bool turn_of(const struct view *v, int32_t value, struct turn *t)
{
    const struct node *n = view_maker(v, value, "Transpose");
    struct attr_list l = {n ? n->attrs : NULL, n ? n->n_attrs : 0};
    const struct attr *perm = attr_find(&l, ATTR_perm);
    t->rank = n ? view_rank(v, value) : -1;
    if (t->rank < 1 || (perm && (perm->type != ATTR_INTS || perm->count != (uint32_t)t->rank)))
        return false;
    for (int i = 0; i < t->rank; i++)
        t->perm[i] = perm ? perm->ints[i] : t->rank - 1 - i;
    t->from = n->in[0];
    return true;
}

static bool read_once(const struct view *v, int32_t value)
{
    return v->u.count[value] == 1;
}

/* Makes n the Transpose of `from` by perm. */
static enum status become_turn(const struct view *v, struct node *n, int32_t from,
                               const int64_t *perm, int rank)
{
    int64_t *copy = graph_alloc(v->g, (size_t)rank * sizeof(*copy));
    if (!copy)
        return E_NO_MEMORY;
    memcpy(copy, perm, (size_t)rank * sizeof(*copy));
    const struct attr attr = {
        .key = ATTR_perm, .type = ATTR_INTS, .count = (uint32_t)rank, .ints = copy};
    const struct node_new as = {.domain = "",
                                .op = "Transpose",
                                .opset = 13,
                                .in = &from,
                                .n_in = 1,
                                .attrs = &attr,
                                .n_attrs = 1};
    return node_become(v->g, n, &as);
}

/* ---- two in a row ---- */

static enum status merge(const struct view *v, struct node *n)
{
    struct turn second, first;
    int64_t perm[TENSOR_RANK_MAX];
    if (!turn_of(v, n->out[0], &second) || !turn_of(v, n->in[0], &first) ||
        first.rank != second.rank)
        return OK;
    for (int i = 0; i < first.rank; i++)
        perm[i] = first.perm[second.perm[i]];
    return become_turn(v, n, first.from, perm, first.rank);
}

/* ---- down through element-wise operators ---- */

static bool is_unary(const struct node *n)
{
    static const char *const names[] = {
        "Relu",     "Sigmoid",  "Tanh", "LeakyRelu", "Erf",        "Exp",   "Log",  "Sqrt",
        "Neg",      "Abs",      "Clip", "HardSwish", "Gelu",       "Elu",   "Selu", "HardSigmoid",
        "Softplus", "Softsign", "Cast", "Mish",      "Reciprocal", "Floor", "Ceil", "Round"};
    if (strcmp(n->op->domain, "roost") == 0)
        return strcmp(n->op->name, "Silu") == 0;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (node_is(n, names[i]))
            return true;
    return false;
}

static bool is_binary(const struct node *n)
{
    static const char *const names[] = {"Add", "Sub", "Mul", "Div", "Pow", "PRelu", "Min", "Max"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (node_is(n, names[i]))
            return n->n_in == 2 && n->version >= 7;
    return false;
}

/* The constant as it stands before the Transpose: dims are counted from the right. */
static bool turn_const(const struct view *v, int32_t value, const struct turn *t, int32_t *out,
                       enum status *s)
{
    struct tensor c = v->g->values[value].t, y = c;
    uint64_t bytes;
    if (!value_is_const(v->g, value) || c.rank > t->rank || c.dtype != DT_F32)
        return false;
    int64_t count = tensor_count(&c), steps[TENSOR_RANK_MAX], step = 1;
    int pad = t->rank - c.rank;
    y.rank = t->rank;
    for (int i = t->rank - 1; i >= 0; i--) { /* the constant's dims and steps, 1 and 0 in front */
        int64_t d = i < pad ? 1 : c.dims[i - pad];
        y.dims[t->perm[i]] = d;
        steps[t->perm[i]] = d == 1 ? 0 : step;
        step *= d;
    }
    *out = value;
    if (count == 1 && c.rank == 0)
        return true;
    *s = graph_settle(v->g, value);
    if (*s != OK || !tensor_bytes(&y, &bytes) || !(y.data = graph_alloc(v->g, bytes))) {
        *s = E_NO_MEMORY;
        return false;
    }
    const float *from = v->g->values[value].t.data;
    for (int64_t k = 0; k < count; k++) {
        int64_t at = 0, rest = k;
        for (int i = t->rank - 1; i >= 0; i--) {
            at += rest % y.dims[i] * steps[i];
            rest /= y.dims[i];
        }
        ((float *)y.data)[k] = from[at];
    }
    *s = graph_const(v->g, v->g->values[value].name, &y, out);
    return *s == OK;
}

/* The operator moves to where the Transpose stood, on operands that are not transposed, and a
 * Transpose stands where the operator was. */
static enum status swap(const struct view *v, struct node *turned, struct node *n,
                        const int32_t *in, const struct turn *t)
{
    int32_t *operands = graph_alloc(v->g, n->n_in * sizeof(*operands));
    int32_t made = turned->out[0];
    if (!operands)
        return E_NO_MEMORY;
    memcpy(operands, in, n->n_in * sizeof(*operands));
    turned->op = n->op;
    turned->version = n->version;
    turned->name = n->name;
    turned->attrs = n->attrs;
    turned->n_attrs = n->n_attrs;
    turned->n_in = n->n_in;
    turned->in = operands;
    return become_turn(v, n, made, t->perm, t->rank);
}

static enum status sink_unary(const struct view *v, struct node *n)
{
    struct turn t;
    int32_t in[OP_INPUTS_MAX];
    if (n->n_in < 1 || !turn_of(v, n->in[0], &t) || !read_once(v, n->in[0]))
        return OK;
    in[0] = t.from;
    for (uint32_t i = 1; i < n->n_in; i++) {
        if (n->in[i] != ARTIFACT_NO_TENSOR && !value_is_const(v->g, n->in[i]))
            return OK; /* it may be made after the Transpose */
        in[i] = n->in[i];
    }
    return swap(v, &v->g->nodes[v->u.producer[n->in[0]]], n, in, &t);
}

static bool same_turn(const struct turn *a, const struct turn *b)
{
    return a->rank == b->rank &&
           memcmp(a->perm, b->perm, (size_t)a->rank * sizeof(a->perm[0])) == 0;
}

static enum status sink_binary(const struct view *v, struct node *n)
{
    struct turn t[2];
    bool turned[2];
    int32_t in[2];
    enum status s = OK;
    for (int i = 0; i < 2; i++)
        turned[i] = turn_of(v, n->in[i], &t[i]) && read_once(v, n->in[i]) &&
                    probes_same_shape(&v->p, n->in[i], n->out[0]);
    int at = turned[0] ? 0 : 1;
    if (!turned[at] || n->in[0] == n->in[1])
        return OK;
    if (turned[1 - at]) {
        if (!same_turn(&t[0], &t[1]))
            return OK;
        in[0] = t[0].from;
        in[1] = t[1].from;
        at = v->u.producer[n->in[0]] > v->u.producer[n->in[1]] ? 0 : 1; /* both are made there */
    } else {
        in[at] = t[at].from;
        if (!turn_const(v, n->in[1 - at], &t[at], &in[1 - at], &s))
            return s;
    }
    struct node *slot = &v->g->nodes[v->u.producer[n->in[at]]];
    if (turned[1 - at])
        v->g->nodes[v->u.producer[n->in[1 - at]]].dead = true;
    return swap(v, slot, n, in, &t[at]);
}

/* ---- into Gemm ---- */

static enum status flip(const struct view *v, struct node *n, uint32_t operand, enum attr_key key)
{
    struct turn t;
    if (!turn_of(v, n->in[operand], &t) || t.rank != 2 || t.perm[0] != 1)
        return OK;
    struct attr *attrs = graph_alloc(v->g, (n->n_attrs + 1) * sizeof(*attrs));
    int32_t *in = graph_alloc(v->g, n->n_in * sizeof(*in));
    if (!attrs || !in)
        return E_NO_MEMORY;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n->n_attrs; i++)
        if (n->attrs[i].key != key)
            attrs[kept++] = n->attrs[i];
    attrs[kept++] =
        (struct attr){.key = key, .type = ATTR_INT, .count = 1, .i = !node_int(n, key, 0)};
    memcpy(in, n->in, n->n_in * sizeof(*in));
    in[operand] = t.from;
    n->in = in;
    n->attrs = attrs;
    n->n_attrs = kept;
    return OK;
}

static enum status sink(const struct view *v, struct node *n)
{
    if (n->dead || n->n_out != 1 || n->out[0] == ARTIFACT_NO_TENSOR || n->n_in < 1)
        return OK;
    if (node_is(n, "Transpose"))
        return merge(v, n);
    if (is_unary(n))
        return sink_unary(v, n);
    if (is_binary(n))
        return sink_binary(v, n);
    if (!node_is(n, "Gemm"))
        return OK;
    enum status s = flip(v, n, 0, ATTR_transA);
    return s == OK ? flip(v, n, 1, ATTR_transB) : s;
}

enum status pass_sink_transpose(struct graph *g, struct err *err)
{
    struct view v;
    enum status s = view_init(g, &v, err);
    if (s != OK)
        return s;
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++)
        if ((s = sink(&v, &g->nodes[i])) != OK)
            err_set(err, s, "no memory to move transpositions");
    view_fini(&v);
    return s == OK ? pass_drop_dead(g, err) : s;
}
