/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Activations that frameworks spell out become one node, which a product before them can take in
 * later:
 *   Silu        x * Sigmoid(x)
 *   HardSwish   x * HardSigmoid(x) with 1/6 and 1/2;  x * Clip(x + 3, 0, 6) / 6 in any order
 *   Gelu        x/2 * (1 + Erf(x / sqrt 2));  x/2 * (1 + Tanh(0.7979 * (x + 0.0447 x^3)))
 * Constants are taken within a thousandth: models round them to what they compute in. */
#include <math.h>

#include "compiler/passes/edit.h"
#include "compiler/passes/passes.h"

enum { HARD_SWISH_OPSET = 14, GELU_OPSET = 20, CLIMB_MAX = 4 };

static enum status become_unary(const struct view *v, struct node *n, int32_t x, const char *domain,
                                const char *op, int opset)
{
    const struct node_new as = {.domain = domain, .op = op, .opset = opset, .in = &x, .n_in = 1};
    return node_become(v->g, n, &as);
}

/* ---- Silu, HardSwish ---- */

static bool is_sigmoid_of(const struct view *v, int32_t value, int32_t x)
{
    const struct node *n = view_maker(v, value, "Sigmoid");
    return n && n->in[0] == x && v->u.count[value] == 1;
}

static bool is_hard_sigmoid_of(const struct view *v, int32_t value, int32_t x)
{
    const struct node *n = view_maker(v, value, "HardSigmoid");
    return n && n->in[0] == x && v->u.count[value] == 1 &&
           fabsf(node_float(n, ATTR_alpha, 0.2f) - 1.0f / 6) < 1e-4f &&
           node_float(n, ATTR_beta, 0.5f) == 0.5f;
}

/* Clip(x + 3, 0, 6) */
static bool is_gate_of(const struct view *v, int32_t value, int32_t x)
{
    struct act act;
    const struct node *clip = view_maker(v, value, "Clip");
    if (!clip || v->u.count[value] != 1 || !act_of(v->g, clip, &act) || act.low != 0 ||
        act.high != 6)
        return false;
    const struct node *add = view_maker(v, clip->in[0], "Add");
    return add && value_near(v->g, node_other(add, x), 3);
}

/* Is `n`, a Mul, x times what `of` says? */
static bool is_x_times(const struct view *v, const struct node *n, int32_t *x,
                       bool (*of)(const struct view *, int32_t, int32_t))
{
    for (int i = 0; i < 2; i++)
        if (of(v, n->in[1 - i], n->in[i])) {
            *x = n->in[i];
            return true;
        }
    return false;
}

/* x * (gate / 6), or (x * gate) / 6. */
static bool is_hard_swish(const struct view *v, const struct node *n, int32_t *x)
{
    int32_t inner;
    double factor;
    for (int i = 0; i < 2 && node_is(n, "Mul"); i++)
        if (view_scaled(v, n->in[1 - i], &inner, &factor) && fabs(factor * 6 - 1) < 1e-3 &&
            is_gate_of(v, inner, n->in[i])) {
            *x = n->in[i];
            return true;
        }
    if (!view_scaled(v, n->out[0], &inner, &factor) || fabs(factor * 6 - 1) >= 1e-3)
        return false;
    const struct node *mul = view_maker(v, inner, "Mul");
    return mul && v->u.count[inner] == 1 && is_x_times(v, mul, x, is_gate_of);
}

static enum status try_swish(const struct view *v, struct node *n)
{
    int32_t x;
    if (!view_is_f32(v, n->out[0]))
        return OK;
    if (view_maker(v, n->out[0], "Mul")) {
        if (is_x_times(v, n, &x, is_sigmoid_of))
            return become_unary(v, n, x, "roost", "Silu", 1);
        if (is_x_times(v, n, &x, is_hard_sigmoid_of))
            return become_unary(v, n, x, "", "HardSwish", HARD_SWISH_OPSET);
    } else if (!view_maker(v, n->out[0], "Div")) {
        return OK;
    }
    return is_hard_swish(v, n, &x) ? become_unary(v, n, x, "", "HardSwish", HARD_SWISH_OPSET) : OK;
}

/* ---- Gelu ---- */

/* How often x is a factor of the value, and the constants' product; false when there is another. */
static bool powers_of(const struct view *v, int32_t value, int32_t x, int depth, double *factor,
                      int *power)
{
    double c;
    if (value == x) {
        ++*power;
        return true;
    }
    if (value_scalar(v->g, value, &c)) {
        *factor *= c;
        return true;
    }
    const struct node *pow = view_maker(v, value, "Pow"), *mul = view_maker(v, value, "Mul");
    if (pow && pow->in[0] == x && value_near(v->g, pow->in[1], 3)) {
        *power += 3;
        return true;
    }
    return mul && depth > 0 && powers_of(v, mul->in[0], x, depth - 1, factor, power) &&
           powers_of(v, mul->in[1], x, depth - 1, factor, power);
}

static bool is_cubic(const struct view *v, int32_t value, int32_t x)
{
    double factor = 1;
    int power = 0;
    return powers_of(v, value, x, 3, &factor, &power) && power == 3 &&
           fabs(factor - 0.044715) < 1e-4;
}

/* The x of Tanh's operand: 0.7979 * (x + 0.0447 x^3). */
static bool tanh_of(const struct view *v, int32_t value, int32_t *x)
{
    int32_t sum;
    double factor;
    if (!view_scaled(v, value, &sum, &factor) || fabs(factor - 0.7978846) > 1e-3)
        return false;
    const struct node *add = view_maker(v, sum, "Add");
    for (int i = 0; i < 2 && add; i++)
        if (is_cubic(v, add->in[1 - i], add->in[i])) {
            *x = add->in[i];
            return true;
        }
    return false;
}

static bool erf_of(const struct view *v, int32_t value, int32_t *x)
{
    double factor;
    return view_scaled(v, value, x, &factor) && fabs(factor - 0.70710678) < 1e-3;
}

/* Multiplies what `cur` is multiplied by next into *factor; x counts once. */
static struct node *climb(const struct view *v, int32_t cur, int32_t x, double *factor, int *power)
{
    struct node *n = uses_only(v->g, &v->u, cur);
    double c;
    if (!n || n->n_in != 2 || n->version < 7)
        return NULL;
    int32_t other = node_other(n, cur);
    if (node_is(n, "Div") && n->in[0] == cur && value_scalar(v->g, other, &c) && c != 0) {
        *factor /= c;
        return n;
    }
    bool mul = node_is(n, "Mul") && other != ARTIFACT_NO_TENSOR;
    int32_t from;
    if (mul && view_scaled(v, other, &from, &c) && from == x && other != x) {
        *factor *= c;
        ++*power;
        return n;
    }
    return mul && powers_of(v, other, x, 1, factor, power) ? n : NULL;
}

/* From Erf or Tanh up: + 1, times x, times a half, in any order. */
static enum status try_gelu(const struct view *v, struct node *n)
{
    static const struct attr by_tanh = {
        .key = ATTR_approximate, .type = ATTR_STRING, .count = 4, .str = "tanh"};
    bool erf = node_is(n, "Erf"), tanh = node_is(n, "Tanh");
    int32_t x;
    if (!(erf && erf_of(v, n->in[0], &x)) && !(tanh && tanh_of(v, n->in[0], &x)))
        return OK;
    struct node *add = uses_only(v->g, &v->u, n->out[0]);
    if (!add || !view_maker(v, add->out[0], "Add") ||
        !value_near(v->g, node_other(add, n->out[0]), 1))
        return OK;
    double factor = 1;
    int power = 0;
    struct node *at = add;
    for (int i = 0; i < CLIMB_MAX && at; i++) {
        at = climb(v, at->out[0], x, &factor, &power);
        if (!at || power != 1 || fabs(factor - 0.5) > 1e-3)
            continue;
        if (!view_is_f32(v, x) || !probes_same_shape(&v->p, x, at->out[0]))
            return OK;
        const struct node_new as = {.op = "Gelu",
                                    .domain = "",
                                    .opset = GELU_OPSET,
                                    .in = &x,
                                    .n_in = 1,
                                    .attrs = &by_tanh,
                                    .n_attrs = tanh};
        return node_become(v->g, at, &as);
    }
    return OK;
}

enum status pass_fuse_activation(struct graph *g, struct err *err)
{
    struct view v;
    enum status s = view_init(g, &v, err);
    if (s != OK)
        return s;
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++) {
        struct node *n = &g->nodes[i];
        if (n->n_in < 1 || n->n_out < 1 || n->out[0] == ARTIFACT_NO_TENSOR)
            continue;
        s = try_swish(&v, n);
        if (s == OK)
            s = try_gelu(&v, n);
        if (s != OK)
            err_set(err, s, "no memory to fuse activations");
    }
    view_fini(&v);
    return s == OK ? pass_drop_dead(g, err) : s;
}
