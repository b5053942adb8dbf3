/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A layer's constants, from the layouts of float32 (kernels/blocked.h, kernels/packed.h) to those
 * of low precision (kernels/narrow.h). Bytes count from their zero point: the bias makes up for it.
 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "compiler/passes/narrow.h"

enum { BIAS = 2 };

/* The weights as a matrix [out][in][places]. Channels behind the last are 0. */
struct dense {
    float *w; /* heap */
    int64_t groups, out, in, places, rows, columns;
    bool product, depthwise;
};

/* Sizes off the float32 layout; w is NULL. */
static struct dense sizes_of(const struct node *n, const struct tensor *w)
{
    struct dense d = {.product = narrow_is(n, "PackedGemm"), .groups = 1, .rows = 1, .columns = 1};
    const int64_t form = node_int(n, ATTR_block_form, BLOCK_DIRECT);
    d.depthwise = !d.product && form == BLOCK_DEPTHWISE;
    d.out = w->dims[0] * BLOCK_LANES;
    if (d.product) {
        d.in = w->dims[1];
    } else {
        const int at = form == BLOCK_DIRECT ? 2 : 1;
        d.rows = w->dims[at];
        d.columns = w->dims[at + 1];
        d.in = form == BLOCK_DIRECT  ? w->dims[1] * BLOCK_LANES
               : form == BLOCK_PLAIN ? w->dims[3]
                                     : 1;
    }
    d.places = d.rows * d.columns;
    return d;
}

bool narrow_fits(const struct narrower *b, const struct node *n)
{
    const struct dense d = sizes_of(n, &b->g->values[n->in[1]].t);
    int64_t most = d.depthwise ? NARROW_FLOAT_TERMS_MAX : NARROW_TERMS_MAX;
    return b->type != NARROW_U8 || (d.in <= most && d.places <= most && d.in * d.places <= most);
}

/* Where float32 layouts hold the weight of output channel o, input channel i and place p. */
static int64_t place_of(const struct node *n, const struct dense *d, int64_t o, int64_t i,
                        int64_t p)
{
    const int64_t block = o / BLOCK_LANES, lane = o % BLOCK_LANES;
    const int64_t in_blocks = block_count(d->in);
    if (d->product || node_int(n, ATTR_block_form, BLOCK_DIRECT) != BLOCK_DIRECT)
        return ((block * d->places + p) * d->in + i) * BLOCK_LANES + lane;
    int64_t in = (block * in_blocks + i / BLOCK_LANES) * d->places + p;
    return (in * BLOCK_LANES + i % BLOCK_LANES) * BLOCK_LANES + lane;
}

/* Lanes of the last block that no weight reads are none: words of them would be multiplied. */
static void trim(const struct node *n, struct dense *d, const float *w)
{
    const int64_t least = (block_count(d->in) - 1) * BLOCK_LANES + 1, in = d->in;
    const struct dense whole = *d;
    bool any = false;
    for (int64_t i = in - 1; !any && i >= least; i--) {
        for (int64_t o = 0; !any && o < d->out; o++)
            for (int64_t p = 0; !any && p < d->places; p++)
                any = w[place_of(n, &whole, o, i, p)] != 0;
        d->in = any ? i + 1 : i;
    }
}

static enum status unpack(struct graph *g, const struct node *n, struct dense *d)
{
    enum status s = graph_settle(g, n->in[1]);
    if (s != OK)
        return s;
    const float *w = g->values[n->in[1]].t.data;
    *d = sizes_of(n, &g->values[n->in[1]].t);
    const struct dense whole = *d;
    if (!d->product && !d->depthwise)
        trim(n, d, w);
    d->w = alloc_new((size_t)(d->out * d->in * d->places) * sizeof(float));
    if (!d->w)
        return E_NO_MEMORY;
    float *to = d->w;
    for (int64_t o = 0; o < d->out; o++)
        for (int64_t i = 0; i < d->in; i++)
            for (int64_t p = 0; p < d->places; p++)
                *to++ = w[place_of(n, &whole, o, i, p)];
    return OK;
}

static enum status room_for(struct graph *g, struct tensor *t)
{
    uint64_t bytes;
    t->data = tensor_bytes(t, &bytes) ? graph_alloc(g, bytes) : NULL;
    return t->data ? OK : E_NO_MEMORY;
}

/* A constant of one number per output lane. */
static enum status new_row(struct graph *g, const char *name, int64_t n, int32_t *value,
                           float **data)
{
    struct tensor t = {.dtype = DT_F32, .rank = 1, .dims = {n}};
    enum status s = room_for(g, &t);
    *data = t.data;
    return s == OK ? graph_const(g, name, &t, value) : s;
}

/* float32 depthwise weights hold the integers of more than a byte, as long as their sums are exact:
 * 2^24 by the terms and 255. */
static void pack_depthwise(const struct dense *d, const struct scale *x, float *scale,
                           int64_t *sums, float *to)
{
    float most = x ? (float)MIN((1 << 24) / UINT8_MAX / d->places, (int64_t)4095) : 1;
    for (int64_t o = 0; o < d->out; o++) {
        float top = 0;
        for (int64_t p = 0; p < d->places; p++)
            top = MAX(top, fabsf(d->w[o * d->places + p]));
        float step = isnormal(top / most) ? top / most : 1;
        for (int64_t p = 0; p < d->places; p++) {
            float w = d->w[o * d->places + p], q = x ? rintf(w / step) : w;
            to[(o / BLOCK_LANES * d->places + p) * BLOCK_LANES + o % BLOCK_LANES] = q;
            if (x)
                sums[o] += (int64_t)q;
        }
        if (x)
            scale[o] = step;
    }
}

static void pack_words(const struct dense *d, enum narrow_type x, float *scale, int64_t *sums,
                       void *to)
{
    const struct narrow_packing p = {.x = x,
                                     .out = d->out,
                                     .in = d->in,
                                     .places = d->places,
                                     .w = d->w,
                                     .w_out = d->in * d->places,
                                     .w_in = d->places,
                                     .scale = scale,
                                     .sums = sums,
                                     .to = to};
    if (x == NARROW_U8)
        narrow_weight_scales(&p, scale);
    narrow_pack(&p);
}

static struct tensor shape_for(const struct dense *d, enum narrow_type x)
{
    const int64_t word = narrow_word(x), words = narrow_words(x, d->in), out = block_count(d->out);
    const enum dtype dtype = x == NARROW_U8 ? DT_I8 : DT_BF16;
    if (d->depthwise)
        return (struct tensor){
            .dtype = DT_F32, .rank = 4, .dims = {out, d->rows, d->columns, BLOCK_LANES}};
    if (d->product)
        return (struct tensor){.dtype = dtype, .rank = 4, .dims = {out, words, BLOCK_LANES, word}};
    return (struct tensor){
        .dtype = dtype, .rank = 6, .dims = {out, d->rows, d->columns, words, BLOCK_LANES, word}};
}

/* b' = b - scale * zero * sums, and scale' = x's scale * scale */
static void settle_rows(const struct scale *x, int64_t n, const int64_t *sums, const float *bias,
                        float *scale, float *to)
{
    for (int64_t o = 0; o < n; o++) {
        scale[o] *= x->scale;
        to[o] = (float)((bias ? (double)bias[o] : 0) -
                        (double)scale[o] * (double)x->zero * (double)sums[o]);
    }
}

static enum status pack(struct narrower *b, const struct node *n, const struct scale *x,
                        const struct dense *d, struct narrow_layer *out)
{
    struct graph *g = b->g;
    const char *name = g->values[n->in[1]].name;
    const bool bytes = b->type == NARROW_U8;
    struct tensor w = shape_for(d, b->type);
    int64_t *sums = alloc_zero((size_t)d->out, sizeof(*sums));
    float *scale = NULL, *bias = NULL;
    enum status s = sums ? room_for(g, &w) : E_NO_MEMORY;
    if (s == OK && bytes)
        s = new_row(g, "", d->out, &out->scale, &scale);
    if (s == OK && bytes)
        s = new_row(g, "", d->out, &out->bias, &bias);
    if (s == OK && bytes && node_in(n, BIAS) != ARTIFACT_NO_TENSOR)
        s = graph_settle(g, node_in(n, BIAS));
    if (s == OK && d->depthwise)
        pack_depthwise(d, bytes ? x : NULL, scale, sums, w.data);
    else if (s == OK)
        pack_words(d, b->type, scale, sums, w.data);
    if (s == OK && bytes) {
        const int32_t old = node_in(n, BIAS);
        settle_rows(x, d->out, sums, old == ARTIFACT_NO_TENSOR ? NULL : g->values[old].t.data,
                    scale, bias);
    }
    alloc_free(sums);
    return s == OK ? graph_const(g, name, &w, &out->w) : s;
}

enum status narrow_weights(struct narrower *b, const struct node *n, const struct scale *x,
                           struct narrow_layer *out)
{
    struct dense d;
    *out = (struct narrow_layer){.scale = ARTIFACT_NO_TENSOR, .bias = node_in(n, BIAS)};
    enum status s = unpack(b->g, n, &d);
    if (s != OK)
        return s;
    s = pack(b, n, x, &d, out);
    alloc_free(d.w);
    return s;
}

enum status narrow_rows(struct narrower *b, const struct node *n, const struct scale *x,
                        int32_t out[2])
{
    struct graph *g = b->g;
    int64_t lanes = tensor_count(&g->values[n->in[1]].t);
    float *scale, *shift;
    enum status s = graph_settle(g, n->in[1]);
    if (s == OK)
        s = graph_settle(g, n->in[2]);
    if (s == OK)
        s = new_row(g, "", lanes, &out[0], &scale);
    if (s == OK)
        s = new_row(g, "", lanes, &out[1], &shift);
    if (s != OK)
        return s;
    const float *old[2] = {g->values[n->in[1]].t.data, g->values[n->in[2]].t.data};
    for (int64_t i = 0; i < lanes; i++) {
        scale[i] = old[0][i] * x->scale;
        shift[i] = (float)((double)old[1][i] - (double)scale[i] * (double)x->zero);
    }
    return OK;
}
