/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Weights in the order in which the kernels read them (kernels/blocked.h). */
#include "base/checked.h"
#include "compiler/passes/block.h"

enum { PLACES = 36 };

/* Where the weight of output channel o, input channel i (of its group) and kernel place p goes. */
static int64_t place_of(const struct block_shape *s, enum block_form form, int64_t o, int64_t i,
                        int64_t p)
{
    const int64_t places = s->kernel[0] * s->kernel[1], per_group = s->in_c / s->group;
    int64_t block = o / BLOCK_LANES, lane = o % BLOCK_LANES;
    if (form == BLOCK_DEPTHWISE)
        return (block * places + p) * BLOCK_LANES + lane;
    if (form == BLOCK_PLAIN)
        return ((block * places + p) * per_group + i) * BLOCK_LANES + lane;
    int64_t in = block * block_count(per_group) + i / BLOCK_LANES;
    if (form == BLOCK_WINOGRAD) /* of place 0; the others follow at one distance */
        return (in * BLOCK_LANES + i % BLOCK_LANES) * BLOCK_LANES + lane;
    return ((in * places + p) * BLOCK_LANES + i % BLOCK_LANES) * BLOCK_LANES + lane;
}

static struct tensor shape_for(const struct block_shape *s, enum block_form form)
{
    const int64_t out = block_count(s->out_c), in = block_count(s->in_c / s->group);
    const int64_t rows = s->kernel[0], columns = s->kernel[1];
    switch (form) {
    case BLOCK_PLAIN:
        return (struct tensor){
            .dtype = DT_F32, .rank = 5, .dims = {out, rows, columns, s->in_c, BLOCK_LANES}};
    case BLOCK_DEPTHWISE:
        return (struct tensor){
            .dtype = DT_F32, .rank = 4, .dims = {out, rows, columns, BLOCK_LANES}};
    case BLOCK_WINOGRAD:
        return (struct tensor){
            .dtype = DT_F32, .rank = 5, .dims = {PLACES, out, in, BLOCK_LANES, BLOCK_LANES}};
    default:
        return (struct tensor){
            .dtype = DT_F32, .rank = 6, .dims = {out, in, rows, columns, BLOCK_LANES, BLOCK_LANES}};
    }
}

static void fill(const struct block_shape *s, enum block_form form, const float *w, float *to,
                 int64_t step)
{
    const int64_t places = s->kernel[0] * s->kernel[1], per_group = s->in_c / s->group;
    for (int64_t o = 0; o < s->out_c; o++)
        for (int64_t i = 0; i < per_group; i++, w += places) {
            float u[PLACES];
            if (form == BLOCK_WINOGRAD)
                block_winograd_weights(w, u);
            int64_t n = form == BLOCK_WINOGRAD ? PLACES : places;
            for (int64_t p = 0; p < n; p++)
                if (form == BLOCK_WINOGRAD)
                    to[place_of(s, form, o, i, 0) + p * step] = u[p];
                else
                    to[place_of(s, form, o, i, p)] = w[p];
        }
}

/* Zeroed memory of the graph's for a constant of that shape. */
static enum status room_for(struct graph *g, struct tensor *t)
{
    uint64_t bytes;
    if (!tensor_bytes(t, &bytes) || !(t->data = graph_alloc(g, bytes)))
        return E_NO_MEMORY;
    float *to = t->data;
    for (int64_t i = 0; i < tensor_count(t); i++)
        to[i] = 0;
    return OK;
}

enum status block_weights(struct graph *g, int32_t w, const struct block_shape *shape,
                          enum block_form form, int32_t *out)
{
    enum status s = graph_settle(g, w);
    struct tensor t = shape_for(shape, form);
    if (s == OK)
        s = room_for(g, &t);
    if (s != OK)
        return s;
    fill(shape, form, g->values[w].t.data, t.data, tensor_count(&t) / PLACES);
    return graph_const(g, g->values[w].name, &t, out);
}

enum status block_row(struct graph *g, int32_t row, int32_t *out)
{
    enum status s = graph_settle(g, row);
    int64_t n = tensor_count(&g->values[row].t);
    struct tensor t = {.dtype = DT_F32, .rank = 1, .dims = {block_count(n) * BLOCK_LANES}};
    if (s == OK)
        s = room_for(g, &t);
    if (s != OK)
        return s;
    const float *from = g->values[row].t.data;
    for (int64_t i = 0; i < n; i++)
        ((float *)t.data)[i] = from[i];
    return graph_const(g, g->values[row].name, &t, out);
}
