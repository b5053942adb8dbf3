/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The specification of the pools and of local response normalisation. */
#include <math.h>

#include "kernels/pool.h"

/* What one window holds. */
struct seen {
    float max;
    double sum;
    int64_t inside, padded; /* places inside x; places inside x or its padding */
};

static void look(const struct pool *p, const float *plane, const int64_t out[3],
                 const int64_t place[3], struct seen *s)
{
    int64_t index = 0;
    bool inside = true, padded = true;
    for (int d = 0; d < 3; d++) {
        int64_t at = out[d] * p->stride[d] - p->pad[d] + place[d] * p->dilation[d];
        inside = inside && at >= 0 && at < p->in[d];
        padded = padded && at < p->in[d] + p->pad_end[d];
        index = index * p->in[d] + at;
    }
    s->padded += padded;
    if (!inside)
        return;
    float v = plane[index];
    s->inside++;
    s->sum += (double)v;
    s->max = v > s->max || v != v ? v : s->max;
}

static struct seen window(const struct pool *p, const float *plane, const int64_t out[3])
{
    struct seen s = {-INFINITY, 0, 0, 0};
    int64_t k[3];
    for (k[0] = 0; k[0] < p->kernel[0]; k[0]++)
        for (k[1] = 0; k[1] < p->kernel[1]; k[1]++)
            for (k[2] = 0; k[2] < p->kernel[2]; k[2]++)
                look(p, plane, out, k, &s);
    return s;
}

static void pool_ref(const struct pool *p, bool max)
{
    int64_t in_size = p->in[0] * p->in[1] * p->in[2], out[3];
    float *y = p->y;
    for (int64_t plane = 0; plane < p->planes; plane++)
        for (out[0] = 0; out[0] < p->out[0]; out[0]++)
            for (out[1] = 0; out[1] < p->out[1]; out[1]++)
                for (out[2] = 0; out[2] < p->out[2]; out[2]++) {
                    struct seen s = window(p, p->x + plane * in_size, out);
                    int64_t n = p->count_pad ? s.padded : s.inside;
                    *y++ = max ? s.max : n ? (float)(s.sum / (double)n) : 0;
                }
}

void max_pool_f32_ref(const struct pool *p)
{
    pool_ref(p, true);
}

void average_pool_f32_ref(const struct pool *p)
{
    pool_ref(p, false);
}

void lrn_f32_ref(const struct lrn *l)
{
    for (int64_t i = 0; i < l->batch * l->channels * l->size; i++) {
        int64_t c = i / l->size % l->channels;
        int64_t low = MAX(0, c - (l->window - 1) / 2);
        int64_t high = MIN(l->channels, c + l->window / 2 + 1);
        double sum = 0;
        for (int64_t k = low; k < high; k++) {
            double v = (double)l->x[i + (k - c) * l->size];
            sum += v * v;
        }
        l->y[i] = (float)((double)l->x[i] /
                          pow((double)l->bias + (double)l->alpha / (double)l->window * sum,
                              (double)l->beta));
    }
}
