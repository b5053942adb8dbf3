/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A BatchNormalization that no Conv or Gemm before it can take in [-> activation] becomes
 * roost.ScaleShift(X, scale, shift): its four rows are two, computed once in double, and the
 * activation runs on each channel while it is in the cache. */
#include "compiler/passes/norm.h"
#include "compiler/passes/passes.h"

static float *new_row(struct graph *g, int64_t n, int32_t *index)
{
    struct tensor t = {.dtype = DT_F32, .rank = 1, .dims = {n}};
    uint64_t bytes;
    if (!tensor_bytes(&t, &bytes) || !(t.data = graph_alloc(g, bytes)))
        return NULL;
    return graph_const(g, "", &t, index) == OK ? t.data : NULL;
}

static enum status fuse(struct graph *g, const struct uses *u, struct node *bn,
                        const struct norm *norm)
{
    int32_t in[3] = {bn->in[0], 0, 0};
    float *scale = new_row(g, norm->channels, &in[1]);
    float *shift = scale ? new_row(g, norm->channels, &in[2]) : NULL;
    if (!shift)
        return E_NO_MEMORY;
    for (int64_t c = 0; c < norm->channels; c++) {
        double a = norm_factor(norm, c);
        scale[c] = (float)a;
        shift[c] = (float)((double)norm->shift[c] - (double)norm->mean[c] * a);
    }
    struct act act = {ACT_NONE, 0, 0};
    struct node *last = uses_only(g, u, bn->out[0]);
    bool takes = last && last->in[0] == bn->out[0] && last->n_out == 1 && act_of(g, last, &act);
    const struct node none = {.n_attrs = 0};
    bn->dead = takes;
    bn->n_out = 1;
    return node_become_fused(g, takes ? last : bn, "ScaleShift", &none, in, 3, &act);
}

enum status pass_fuse_scale(struct graph *g, struct err *err)
{
    struct view v;
    enum status s = view_init(g, &v, err);
    if (s != OK)
        return s;
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++) {
        struct node *n = &g->nodes[i];
        struct norm norm;
        if (!n->dead && node_is(n, "BatchNormalization") && n->n_in == 5 &&
            view_is_f32(&v, n->in[0]) && view_rank(&v, n->in[0]) >= 2 && norm_is_plain(n, &v.u) &&
            norm_read(g, n, &norm, &s))
            s = fuse(g, &v.u, n, &norm);
        if (s != OK)
            err_set(err, s, "no memory to fuse BatchNormalization");
    }
    view_fini(&v);
    graph_compact(g);
    return s;
}
