/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* MatMul(Softmax(MatMul(Q, K') * scale + mask), V) becomes roost.Attention(Q, K, V, mask). Factors
 * on Q, on K and on the scores become its scale; transpositions of Q, K, V and of the result that
 * only bring heads outside of rows become its forms, so that none of them runs. */
#include "compiler/passes/edit.h"
#include "compiler/passes/passes.h"
#include "ops/attention.h"

/* What has been recognised. */
struct heads {
    int32_t q, k, v, mask;
    double scale;
    int64_t forms;
    struct node *last;
};

/* The operand of a Transpose by that perm, or ARTIFACT_NO_TENSOR. perm leaves the batch alone: it
 * is given for the last three dims. */
static int32_t untransposed(const struct view *v, int32_t value, const int64_t perm[3])
{
    const struct node *n = view_maker(v, value, "Transpose");
    int64_t is[TENSOR_RANK_MAX];
    int count, rank = view_rank(v, value);
    if (!n || !node_ints(v->g, n, ATTR_perm, -1, is, ARRAY_COUNT(is), &count) || count != rank ||
        rank < 3 || (rank == 4 && is[0] != 0))
        return ARTIFACT_NO_TENSOR;
    for (int i = 0; i < 3; i++)
        if (is[rank - 3 + i] != perm[i] + rank - 3)
            return ARTIFACT_NO_TENSOR;
    return n->in[0];
}

/* Takes a transposition off *value, and notes its form. */
static bool take_form(const struct view *v, int32_t *value, const int64_t perm[3], int64_t form,
                      int64_t *forms)
{
    int32_t from = untransposed(v, *value, perm);
    if (from == ARTIFACT_NO_TENSOR)
        return false;
    *value = from;
    *forms |= form;
    return true;
}

static void take_factor(const struct view *v, int32_t *value, double *scale)
{
    int32_t from;
    double factor;
    if (view_scaled(v, *value, &from, &factor)) {
        *value = from;
        *scale *= factor;
    }
}

static const int64_t rows_out[] = {1, 0, 2}, depth_out[] = {1, 2, 0}, depth_in[] = {0, 2, 1};

/* K stands transposed in the product. */
static void take_key(const struct view *v, struct heads *h)
{
    take_factor(v, &h->k, &h->scale);
    bool taken = take_form(v, &h->k, depth_out, ATTENTION_K_ROWS, &h->forms) ||
                 take_form(v, &h->k, depth_in, 0, &h->forms);
    if (!taken)
        h->forms |= ATTENTION_K_DEPTH;
    else
        take_factor(v, &h->k, &h->scale);
    if (taken && !(h->forms & ATTENTION_K_ROWS))
        take_form(v, &h->k, rows_out, ATTENTION_K_ROWS, &h->forms);
}

static bool read_once(const struct view *v, int32_t value)
{
    return v->u.count[value] == 1;
}

/* The MatMul behind the scores, whose factors are taken; NULL when there is none. */
static struct node *product_of(const struct view *v, int32_t scores, double *scale)
{
    int32_t from;
    double factor;
    for (int i = 0; i < 2 && read_once(v, scores) && view_scaled(v, scores, &from, &factor); i++) {
        *scale *= factor;
        scores = from;
    }
    return read_once(v, scores) ? view_maker(v, scores, "MatMul") : NULL;
}

/* Softmax's operand: a product, or a product plus a mask. */
static struct node *scores_of(const struct view *v, int32_t value, struct heads *h)
{
    const struct node *add = view_maker(v, value, "Add");
    h->mask = ARTIFACT_NO_TENSOR;
    h->scale = 1;
    struct node *n = product_of(v, value, &h->scale);
    for (int i = 0; i < 2 && !n && add && read_once(v, value); i++) {
        h->scale = 1;
        h->mask = add->in[1 - i];
        n = product_of(v, add->in[i], &h->scale);
    }
    bool fits = n && view_is_f32(v, n->out[0]) && probes_same_shape(&v->p, n->out[0], value) &&
                (h->mask == ARTIFACT_NO_TENSOR || view_is_f32(v, h->mask));
    return fits ? n : NULL;
}

/* Nothing broadcasts: all dims before the matrices are equal. */
static bool same_heads(const struct view *v, int32_t a, int32_t b)
{
    for (uint32_t i = 0; i < v->p.n; i++) {
        const struct tensor *x = &v->p.at[i].t[a], *y = &v->p.at[i].t[b];
        if (x->rank != y->rank || x->rank < 3 || x->rank > 4)
            return false;
        for (int d = 0; d < x->rank - 2; d++)
            if (x->dims[d] != y->dims[d])
                return false;
    }
    return true;
}

static bool is_softmax_of_rows(const struct view *v, const struct node *n)
{
    int rank = view_rank(v, n->in[0]);
    int64_t axis = node_int(n, ATTR_axis, n->version < 13 ? 1 : -1);
    return rank > 0 && (axis == -1 || axis == rank - 1);
}

static bool match(const struct view *v, struct node *last, struct heads *h)
{
    const struct node *softmax = view_maker(v, last->in[0], "Softmax");
    if (!softmax || !read_once(v, last->in[0]) || !is_softmax_of_rows(v, softmax))
        return false;
    struct node *product = scores_of(v, softmax->in[0], h);
    if (!product)
        return false;
    h->q = product->in[0];
    h->k = product->in[1];
    h->v = last->in[1];
    h->last = last;
    return view_is_f32(v, h->q) && view_is_f32(v, h->k) && view_is_f32(v, h->v) &&
           same_heads(v, h->q, h->k) && same_heads(v, h->q, h->v);
}

static enum status fuse(const struct view *v, struct heads *h)
{
    take_factor(v, &h->q, &h->scale);
    take_form(v, &h->q, rows_out, ATTENTION_Q_ROWS, &h->forms);
    take_factor(v, &h->q, &h->scale);
    take_key(v, h);
    take_form(v, &h->v, rows_out, ATTENTION_V_ROWS, &h->forms);
    struct node *after = uses_only(v->g, &v->u, h->last->out[0]);
    if (after && untransposed(v, after->out[0], rows_out) == h->last->out[0]) {
        h->forms |= ATTENTION_Y_ROWS;
        h->last = after;
    }
    const struct attr attrs[] = {
        {.key = ATTR_scale, .type = ATTR_FLOAT, .count = 1, .f = (float)h->scale},
        {.key = ATTR_forms, .type = ATTR_INT, .count = 1, .i = h->forms}};
    const int32_t in[] = {h->q, h->k, h->v, h->mask};
    const struct node_new as = {.domain = "roost",
                                .op = "Attention",
                                .opset = 1,
                                .in = in,
                                .n_in = h->mask == ARTIFACT_NO_TENSOR ? 3 : 4,
                                .attrs = attrs,
                                .n_attrs = ARRAY_COUNT(attrs)};
    return node_become(v->g, h->last, &as);
}

enum status pass_fuse_attention(struct graph *g, struct err *err)
{
    struct view v;
    enum status s = view_init(g, &v, err);
    if (s != OK)
        return s;
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++) {
        struct heads h = {.forms = 0};
        struct node *n = &g->nodes[i];
        if (n->n_in == 2 && n->n_out == 1 && view_maker(&v, n->out[0], "MatMul") &&
            match(&v, n, &h) && (s = fuse(&v, &h)) != OK)
            err_set(err, s, "no memory to fuse attention");
    }
    view_fini(&v);
    return s == OK ? pass_drop_dead(g, err) : s;
}
