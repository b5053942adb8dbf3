/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Gemm, FusedGemm, MatMul and Linear with a constant matrix become roost.PackedGemm, whose matrix
 * is laid out for its kernel. The matrix must be nobody else's, or it would be there twice; that of
 * several products is laid out once. Gemm's factors go into the constants.
 *
 * --optimize speed cuts large products in quarters, which saves an eighth of the multiplications
 * and makes seven quarters of four (kernels/strassen.h). Sums of the operands cost time for each of
 * their numbers, so all sides must be long; of the rows, only those count that every item of a
 * batch has. */
#include <string.h>

#include "base/alloc.h"
#include "compiler/passes/edit.h"
#include "compiler/passes/passes.h"
#include "kernels/strassen.h"

enum {
    COLUMNS_MIN = 8,        /* with fewer, most of a panel would be padding */
    LEAN_SHARE = 16,        /* --optimize memory: padding is at most this part of the matrix, ... */
    LEAN_BYTES = 64 * 1024, /* ... or the matrix at most so large */
    BIAS = 2,
    SUM = 3,
};

/* A product that can be packed. */
struct product {
    bool by_column; /* W is [N][K] */
    float alpha, beta;
    int64_t n, k;
    int64_t rows; /* of each item of a batch; 1: not known */
};

/* Embedded, for one block of the graph. */
struct packer {
    struct view v;
    int32_t *made; /* heap; by value index, of the n_made values that there were: the matrix laid
                    * out, or ARTIFACT_NO_TENSOR */
    uint32_t n_made;
};

static bool is_ours(const struct node *n, const char *op)
{
    return strcmp(n->op->domain, "roost") == 0 && strcmp(n->op->name, op) == 0;
}

static bool is_gemm(const struct node *n)
{
    return node_is(n, "Gemm") || is_ours(n, "FusedGemm");
}

/* Does the padding pay? */
static bool is_wide(const struct graph *g, const struct product *p)
{
    int64_t extra = panel_count(p->n) * PANEL_COLUMNS - p->n, bytes;
    if (p->n < COLUMNS_MIN || p->k < 1 ||
        __builtin_mul_overflow(p->n * (int64_t)sizeof(float), p->k, &bytes))
        return false;
    return g->optimize != OPTIMIZE_MEMORY || extra <= p->n / LEAN_SHARE || bytes <= LEAN_BYTES;
}

/* Is the operand left out, or a constant row of n numbers? */
static bool is_bias(const struct graph *g, int32_t value, int64_t n)
{
    if (value == ARTIFACT_NO_TENSOR)
        return true;
    const struct tensor *t = &g->values[value].t;
    return value_is_const(g, value) && t->dtype == DT_F32 && t->rank >= 1 &&
           t->dims[t->rank - 1] == n && tensor_count(t) == n;
}

/* Rows of x that every item of a batch has; the first of several dims of rows is the batch. */
static int64_t item_rows(const struct packer *p, int32_t x)
{
    int64_t rows = 1, dim;
    for (int d = 1; d + 1 < view_rank(&p->v, x); d++) {
        dim = probes_dim(p->v.g, &p->v.p, x, d);
        if (dim > 0 && __builtin_mul_overflow(rows, dim, &rows))
            return 1;
    }
    return rows;
}

static bool is_cut(const struct graph *g, const struct product *p)
{
    return g->optimize == OPTIMIZE_SPEED && g->precision == PRECISION_FP32 &&
           strassen_pays(p->rows, p->n, p->k);
}

/* Reads what the node multiplies by; false when it is no product with a constant matrix, or one
 * whose bias PackedGemm cannot add. */
static bool read_product(const struct packer *p, const struct node *n, struct product *out)
{
    const struct graph *g = p->v.g;
    bool gemm = is_gemm(n), linear = is_ours(n, "Linear");
    if (!gemm && !linear && !(node_is(n, "MatMul") && n->n_in == 2))
        return false;
    const int32_t w = node_in(n, 1);
    if (!value_is_const(g, w) || g->values[w].t.rank != 2 || g->values[w].t.dtype != DT_F32 ||
        !view_is_f32(&p->v, n->in[0]) || view_rank(&p->v, n->in[0]) < 1)
        return false;
    const int64_t *dims = g->values[w].t.dims;
    out->by_column = (gemm || linear) && node_int(n, ATTR_transB, 0);
    out->alpha = gemm ? node_float(n, ATTR_alpha, 1) : 1;
    out->beta = gemm ? node_float(n, ATTR_beta, 1) : 1;
    out->n = dims[!out->by_column];
    out->k = dims[out->by_column];
    out->rows = item_rows(p, n->in[0]);
    return !(gemm && node_int(n, ATTR_transA, 0)) && is_wide(g, out) &&
           is_bias(g, node_in(n, BIAS), out->n);
}

static bool reads(const struct node *n, int32_t value)
{
    for (uint32_t k = 0; k < n->n_in; k++)
        if (n->in[k] == value)
            return true;
    return false;
}

/* Constants belong to all blocks of the model. */
static bool read_elsewhere(const struct graph *g, int32_t value)
{
    for (uint32_t i = 0; i < g->n_blocks; i++) {
        const struct graph_block b = graph_block_at(g, i);
        for (uint32_t k = 0; i != g->focus && k < b.n_nodes; k++)
            if (reads(&b.nodes[k], value))
                return true;
        for (uint32_t k = 0; k < b.n_outputs; k++)
            if (b.outputs[k] == value)
                return true;
    }
    return false;
}

/* Do only products that can be packed alike read the matrix? Then none of it stays as it was. */
static bool is_free(const struct packer *p, int32_t w, const struct product *as)
{
    const struct graph *g = p->v.g;
    if (read_elsewhere(g, w))
        return false;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct node *n = &g->nodes[i];
        struct product other;
        for (uint32_t k = 0; k < n->n_in; k++)
            if (n->in[k] == w && (k != 1 || !read_product(p, n, &other) ||
                                  other.by_column != as->by_column || other.alpha != as->alpha))
                return false;
    }
    return true;
}

/* Memory of the graph's for a constant of that shape. */
static enum status room_for(struct graph *g, struct tensor *t)
{
    uint64_t bytes;
    t->data = tensor_bytes(t, &bytes) ? graph_alloc(g, bytes) : NULL;
    return t->data ? OK : E_NO_MEMORY;
}

/* Fills t, whose dims say how. */
static enum status fill(struct graph *g, const struct packing *packing, struct tensor *t)
{
    struct packing to = *packing;
    float *part;
    enum status s = room_for(g, t);
    to.to = t->data;
    if (s != OK || t->rank == 3) {
        if (s == OK)
            pack_f32(&to);
        return s;
    }
    part = alloc_new((size_t)t->dims[1] * PANEL_COLUMNS * (size_t)t->dims[2] * sizeof(*part));
    if (!part)
        return E_NO_MEMORY;
    strassen_pack(&to, part);
    alloc_free(part);
    return OK;
}

static enum status lay_out(struct packer *p, int32_t w, const struct product *as, int32_t *out)
{
    struct graph *g = p->v.g;
    struct tensor t = {
        .dtype = DT_F32, .rank = 3, .dims = {panel_count(as->n), as->k, PANEL_COLUMNS}};
    if (is_cut(g, as))
        t = (struct tensor){
            .dtype = DT_F32,
            .rank = 4,
            .dims = {STRASSEN_SIDES, panel_count(as->n) / 2, as->k / 2, PANEL_COLUMNS}};
    if (p->made[w] != ARTIFACT_NO_TENSOR) {
        *out = p->made[w];
        return OK;
    }
    enum status s = graph_settle(g, w);
    if (s != OK)
        return s;
    const struct packing packing = {.n = as->n,
                                    .k = as->k,
                                    .b = g->values[w].t.data,
                                    .row = as->by_column ? 1 : as->n,
                                    .column = as->by_column ? as->k : 1,
                                    .scale = as->alpha};
    s = fill(g, &packing, &t);
    if (s != OK)
        return s;
    s = graph_const(g, g->values[w].name, &t, out);
    p->made[w] = *out;
    return s;
}

/* The bias for all columns of all panels; left out when it is, or counts for nothing. */
static enum status lay_out_bias(struct graph *g, int32_t bias, const struct product *as,
                                int32_t *out)
{
    *out = ARTIFACT_NO_TENSOR;
    if (bias == ARTIFACT_NO_TENSOR || as->beta == 0)
        return OK;
    struct tensor t = {.dtype = DT_F32, .rank = 1, .dims = {panel_count(as->n) * PANEL_COLUMNS}};
    enum status s = graph_settle(g, bias);
    if (s == OK)
        s = room_for(g, &t);
    if (s != OK)
        return s;
    const float *from = g->values[bias].t.data;
    for (int64_t i = 0; i < t.dims[0]; i++)
        ((float *)t.data)[i] = i < as->n ? as->beta * from[i] : 0;
    return graph_const(g, g->values[bias].name, &t, out);
}

static enum status rewrite(struct packer *p, struct node *n, const struct product *as)
{
    static const enum attr_key kept[] = {ATTR_activation, ATTR_act_low, ATTR_act_high};
    struct graph *g = p->v.g;
    int32_t in[] = {n->in[0], ARTIFACT_NO_TENSOR, ARTIFACT_NO_TENSOR, node_in(n, SUM)};
    struct attr attrs[1 + ARRAY_COUNT(kept)] = {
        {.key = ATTR_columns, .type = ATTR_INT, .count = 1, .i = as->n}};
    uint32_t n_attrs = 1;
    for (size_t i = 0; i < ARRAY_COUNT(kept); i++) {
        const struct attr_list l = {n->attrs, n->n_attrs};
        const struct attr *a = attr_find(&l, kept[i]);
        if (a)
            attrs[n_attrs++] = *a;
    }
    enum status s = lay_out(p, n->in[1], as, &in[1]);
    if (s == OK)
        s = lay_out_bias(g, node_in(n, BIAS), as, &in[2]);
    const struct node_new to = {.domain = "roost",
                                .op = "PackedGemm",
                                .opset = 1,
                                .in = in,
                                .n_in = in[3] != ARTIFACT_NO_TENSOR   ? 4
                                        : in[2] != ARTIFACT_NO_TENSOR ? 3
                                                                      : 2,
                                .attrs = attrs,
                                .n_attrs = n_attrs};
    return s == OK ? node_become(g, n, &to) : s;
}

/* Which nodes can be packed is decided before the first of them changes. */
static enum status pack_all(struct packer *p)
{
    struct graph *g = p->v.g;
    uint8_t *yes = alloc_zero(MAX(g->n_nodes, 1), 1);
    enum status s = yes ? OK : E_NO_MEMORY;
    struct product as;
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++)
        yes[i] = read_product(p, &g->nodes[i], &as) && is_free(p, g->nodes[i].in[1], &as);
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++)
        if (yes[i] && read_product(p, &g->nodes[i], &as))
            s = rewrite(p, &g->nodes[i], &as);
    alloc_free(yes);
    return s;
}

enum status pass_pack_gemm(struct graph *g, struct err *err)
{
    struct packer p = {.n_made = g->n_values};
    enum status s = view_init(g, &p.v, err);
    if (s != OK)
        return s;
    p.made = alloc_zero(MAX(p.n_made, 1), sizeof(*p.made));
    for (uint32_t i = 0; p.made && i < p.n_made; i++)
        p.made[i] = ARTIFACT_NO_TENSOR;
    s = p.made ? pack_all(&p) : E_NO_MEMORY;
    if (s != OK)
        err_set(err, s, "no memory to lay out %u nodes", g->n_nodes);
    alloc_free(p.made);
    view_fini(&p.v);
    return s == OK ? pass_drop_dead(g, err) : s;
}
