/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Maxima of windows over any element, with the place of each, and means of float64: plain loops,
 * which are their own specification. Only places inside the input are visited. */
#include <math.h>

#include "kernels/pool.h"
#include "tensor/tensor.h"

/* The places of one window inside the input: kernel places first..last of each dim; the place k
 * stands at at[d] + k * dilation[d]. */
struct inside {
    int64_t at[3], first[3], last[3];
};

static void look(const struct pool *p, const int64_t out[3], struct inside *w)
{
    for (int d = 0; d < 3; d++) {
        w->at[d] = out[d] * p->stride[d] - p->pad[d];
        pool_places(p, d, w->at[d], 0, p->in[d], &w->first[d], &w->last[d]);
    }
}

/* The element's index in its plane, as Indices counts it. */
static int64_t index_of(const struct pool *p, int64_t place, bool columns)
{
    if (!columns)
        return place;
    int64_t x = place % p->in[2], y = place / p->in[2] % p->in[1], z = place / p->in[2] / p->in[1];
    return (x * p->in[1] + y) * p->in[0] + z;
}

/* name, element, what is compared of an element v, what an empty window gives. The first of equals
 * is taken, a NaN before all. */
#define X(name, type, number, least)                                                               \
    static int64_t best_##name(const struct pool *p, const struct inside *w, const type *x)        \
    {                                                                                              \
        int64_t best = -1;                                                                         \
        double most = 0;                                                                           \
        for (int64_t i = w->first[0]; i < w->last[0]; i++)                                         \
            for (int64_t j = w->first[1]; j < w->last[1]; j++)                                     \
                for (int64_t k = w->first[2]; k < w->last[2]; k++) {                               \
                    int64_t z = w->at[0] + i * p->dilation[0], y = w->at[1] + j * p->dilation[1];  \
                    int64_t at = (z * p->in[1] + y) * p->in[2] + w->at[2] + k * p->dilation[2];    \
                    type v = x[at];                                                                \
                    double e = (double)(number);                                                   \
                    if (best >= 0 && !(e > most) && !(isnan(e) && !isnan(most)))                   \
                        continue;                                                                  \
                    best = at;                                                                     \
                    most = e;                                                                      \
                }                                                                                  \
        return best;                                                                               \
    }                                                                                              \
    void max_pool_any_##name(const struct pool *p, const void *px, void *py, int64_t *indices,     \
                             bool columns)                                                         \
    {                                                                                              \
        const type *x = px;                                                                        \
        type *y = py;                                                                              \
        int64_t out[3], size = p->in[0] * p->in[1] * p->in[2], n = 0;                              \
        for (int64_t plane = 0; plane < p->planes; plane++)                                        \
            for (out[0] = 0; out[0] < p->out[0]; out[0]++)                                         \
                for (out[1] = 0; out[1] < p->out[1]; out[1]++)                                     \
                    for (out[2] = 0; out[2] < p->out[2]; out[2]++, n++) {                          \
                        struct inside w;                                                           \
                        look(p, out, &w);                                                          \
                        int64_t best = best_##name(p, &w, x + plane * size);                       \
                        y[n] = best < 0 ? (type)(least) : x[plane * size + best];                  \
                        if (indices)                                                               \
                            indices[n] =                                                           \
                                plane * size + (best < 0 ? 0 : index_of(p, best, columns));        \
                    }                                                                              \
    }
MAX_POOL_ANY(X)
#undef X

/* The sum of a plane's places inside the window. */
static double sum_inside(const struct pool *p, const struct inside *w, const double *x)
{
    double sum = 0;
    for (int64_t i = w->first[0]; i < w->last[0]; i++)
        for (int64_t j = w->first[1]; j < w->last[1]; j++)
            for (int64_t k = w->first[2]; k < w->last[2]; k++) {
                int64_t z = w->at[0] + i * p->dilation[0], y = w->at[1] + j * p->dilation[1];
                sum += x[(z * p->in[1] + y) * p->in[2] + w->at[2] + k * p->dilation[2]];
            }
    return sum;
}

void average_pool_f64(const struct pool *p, const double *x, double *y)
{
    int64_t out[3], size = p->in[0] * p->in[1] * p->in[2], n = 0;
    for (int64_t plane = 0; plane < p->planes; plane++)
        for (out[0] = 0; out[0] < p->out[0]; out[0]++)
            for (out[1] = 0; out[1] < p->out[1]; out[1]++)
                for (out[2] = 0; out[2] < p->out[2]; out[2]++, n++) {
                    struct inside w;
                    double places = 1;
                    look(p, out, &w);
                    for (int d = 0; d < 3; d++)
                        places *= (double)pool_counted(p, d, out[d]);
                    y[n] = places > 0 ? sum_inside(p, &w, x + plane * size) / places : 0;
                }
}
