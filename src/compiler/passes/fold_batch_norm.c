/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* y = (conv(x) - mean) * a + shift with a = scale / sqrt(var + epsilon) is a convolution with the
 * weights times a, per output channel, and the bias (b - mean) * a + shift; the same holds for the
 * columns of Gemm. Computed in double and stored as float32, so that folding rounds once.
 * Only where the product has no other reader and all of it is constant. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "compiler/passes/norm.h"
#include "compiler/passes/passes.h"

/* How the weights of the node before it lie: `outer` rows of `channels` runs of `inner` numbers. */
struct weights {
    int64_t outer, inner;
};

bool norm_read(struct graph *g, const struct node *n, struct norm *out, enum status *s)
{
    *s = OK;
    if (n->n_in != 5 || node_int(n, ATTR_training_mode, 0) || !node_int(n, ATTR_spatial, 1) ||
        (n->version < 7 && !node_int(n, ATTR_is_test, 0)) || !value_is_const(g, n->in[1]))
        return false;
    int64_t c = tensor_count(&g->values[n->in[1]].t);
    const float *p[4] = {NULL};
    for (uint32_t i = 0; i < 4 && *s == OK; i++)
        if (!(p[i] = value_floats(g, n->in[i + 1], c, s)))
            return false;
    *out = (struct norm){c, p[0], p[1], p[2], p[3], (double)node_float(n, ATTR_epsilon, 1e-5f)};
    return true;
}

double norm_factor(const struct norm *n, int64_t channel)
{
    return (double)n->scale[channel] / sqrt((double)n->var[channel] + n->epsilon);
}

bool norm_is_plain(const struct node *n, const struct uses *u)
{
    for (uint32_t i = 1; i < n->n_out; i++)
        if (n->out[i] != ARTIFACT_NO_TENSOR && u->count[n->out[i]])
            return false;
    return n->n_out >= 1 && n->out[0] != ARTIFACT_NO_TENSOR;
}

bool norm_is_linear(const struct node *n)
{
    return strcmp(n->op->domain, "roost") == 0 && strcmp(n->op->name, "Linear") == 0 &&
           n->n_in <= 3 && node_int(n, ATTR_activation, ACT_NONE) == ACT_NONE;
}

/* The layout of the weights of a Conv, Gemm or Linear with that many output channels. */
static bool read_weights(const struct graph *g, const struct node *n, int64_t channels,
                         struct weights *out)
{
    if (n->n_in < 2 || !value_is_const(g, n->in[1]))
        return false;
    const struct tensor *w = &g->values[n->in[1]].t;
    int64_t count = tensor_count(w);
    if (node_is(n, "Conv")) {
        *out = (struct weights){1, channels ? count / channels : 0};
        return w->rank >= 3 && w->dims[0] == channels;
    }
    if (!(node_is(n, "Gemm") || norm_is_linear(n)) || w->rank != 2 ||
        node_float(n, ATTR_beta, 1.0f) != 1.0f || node_float(n, ATTR_alpha, 1.0f) != 1.0f)
        return false;
    bool trans = node_int(n, ATTR_transB, 0) != 0;
    *out = trans ? (struct weights){1, w->dims[1]} : (struct weights){w->dims[0], 1};
    return w->dims[trans ? 0 : 1] == channels;
}

static float *new_const(struct graph *g, const char *name, const struct tensor *like,
                        int32_t *index)
{
    struct tensor t = *like;
    uint64_t bytes;
    if (!tensor_bytes(&t, &bytes) || !(t.data = graph_alloc(g, bytes)))
        return NULL;
    return graph_const(g, name, &t, index) == OK ? t.data : NULL;
}

static enum status scale_weights(struct graph *g, struct node *n, const struct norm *norm,
                                 const struct weights *lay)
{
    enum status s;
    const struct tensor *old = &g->values[n->in[1]].t;
    const float *from = value_floats(g, n->in[1], tensor_count(old), &s);
    if (!from)
        return s;
    float *to = new_const(g, g->values[n->in[1]].name, &g->values[n->in[1]].t, &n->in[1]);
    if (!to)
        return E_NO_MEMORY;
    for (int64_t o = 0; o < lay->outer; o++)
        for (int64_t c = 0; c < norm->channels; c++) {
            double a = norm_factor(norm, c);
            for (int64_t i = 0; i < lay->inner; i++, from++, to++)
                *to = (float)((double)*from * a);
        }
    return OK;
}

/* bias: NULL for none. The node gets it as operand 2. */
static enum status shift_bias(struct graph *g, struct node *n, const struct norm *norm,
                              const float *bias)
{
    struct tensor t = {.dtype = DT_F32, .rank = 1, .dims = {norm->channels}};
    int32_t index, *in = graph_alloc(g, 3 * sizeof(*in));
    float *to = in ? new_const(g, "", &t, &index) : NULL;
    if (!to)
        return E_NO_MEMORY;
    for (int64_t c = 0; c < norm->channels; c++) {
        double b = bias ? (double)bias[c] : 0;
        to[c] =
            (float)((b - (double)norm->mean[c]) * norm_factor(norm, c) + (double)norm->shift[c]);
    }
    memcpy(in, (int32_t[]){n->in[0], n->in[1], index}, 3 * sizeof(*in));
    n->in = in;
    n->n_in = 3;
    return OK;
}

/* Gemm's C may also be a column. */
static bool is_row(const struct tensor *t)
{
    return t->rank > 0 && t->dims[t->rank - 1] == tensor_count(t);
}

enum status norm_fold(struct graph *g, const struct uses *u, struct node *n, int32_t made,
                      const struct norm *norm)
{
    struct weights lay;
    enum status s = OK;
    if (made == ARTIFACT_NO_TENSOR || u->producer[made] == NO_NODE || uses_only(g, u, made) != n)
        return OK;
    struct node *before = &g->nodes[u->producer[made]];
    if (before->dead || before->out[0] != made || !read_weights(g, before, norm->channels, &lay) ||
        g->values[before->in[1]].t.dtype != DT_F32)
        return OK;
    int32_t b = node_in(before, 2);
    const float *bias = b == ARTIFACT_NO_TENSOR ? NULL : value_floats(g, b, norm->channels, &s);
    if (s != OK || (b != ARTIFACT_NO_TENSOR && (!bias || !is_row(&g->values[b].t))))
        return s;
    s = scale_weights(g, before, norm, &lay);
    if (s == OK)
        s = shift_bias(g, before, norm, bias);
    if (s != OK)
        return s;
    before->out[0] = n->out[0];
    n->dead = true;
    u->producer[n->out[0]] = u->producer[made];
    return OK;
}

static enum status fold(struct graph *g, const struct uses *u, struct node *bn)
{
    struct norm norm;
    enum status s = OK;
    int32_t made = bn->n_in ? bn->in[0] : ARTIFACT_NO_TENSOR;
    if (!norm_is_plain(bn, u) || !norm_read(g, bn, &norm, &s))
        return s;
    return norm_fold(g, u, bn, made, &norm);
}

enum status pass_fold_batch_norm(struct graph *g, struct err *err)
{
    struct uses u;
    enum status s = uses_init(g, &u, err);
    if (s != OK)
        return s;
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++)
        if (node_is(&g->nodes[i], "BatchNormalization"))
            s = fold(g, &u, &g->nodes[i]);
    uses_fini(&u);
    graph_compact(g);
    return s == OK ? OK : err_set(err, s, "no memory to fold BatchNormalization");
}
