/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Output position -> input positions and weights, along one dim, in double. Every index is inside
 * the input whatever the numbers are.
 * source: ONNX Resize-11, 13, 18, 19 (half_pixel_symmetric); Upsample-9 and Resize-10 as ONNX
 * Runtime has them: asymmetric, nearest rounds down when enlarging and up when shrinking */
#include <math.h>

#include "ops/resize.h"

static double place(const struct resize_params *p, const struct resize_dim *d, int64_t i)
{
    double x = (double)i, in = (double)d->in, out = (double)d->out;
    switch (p->place) {
    case PLACE_PYTORCH_HALF_PIXEL:
        return d->out > 1 ? (x + 0.5) / d->scale - 0.5 : 0;
    case PLACE_ALIGN_CORNERS:
        return d->out > 1 ? x * (in - 1) / (out - 1) : 0;
    case PLACE_ASYMMETRIC:
        return x / d->scale;
    case PLACE_TF_HALF_PIXEL:
        return (x + 0.5) / d->scale;
    case PLACE_TF_CROP:
        return d->out > 1 ? d->start * (in - 1) + x * (d->end - d->start) * (in - 1) / (out - 1)
                          : 0.5 * (d->start + d->end) * (in - 1);
    case PLACE_SYMMETRIC: /* what rounding the length cut off is shared by both ends */
        return in / 2 * (1 - out / (in * d->scale)) + (x + 0.5) / d->scale - 0.5;
    default:
        return (x + 0.5) / d->scale - 0.5;
    }
}

/* A whole number inside the input; what is no number is its beginning. */
static int64_t inside(double at, int64_t n)
{
    if (!(at > 0))
        return 0;
    return at >= (double)(n - 1) ? n - 1 : (int64_t)at;
}

static double nearest(const struct resize_params *p, const struct resize_dim *d, double at)
{
    switch (p->round) {
    case ROUND_PREFER_CEIL:
        return floor(at + 0.5);
    case ROUND_FLOOR:
        return floor(at);
    case ROUND_CEIL:
        return ceil(at);
    case ROUND_SIMPLE:
        return d->scale < 1 ? ceil(at) : floor(at);
    default:
        return ceil(at - 0.5);
    }
}

static void cubic(double a, double t, double w[4])
{
    for (int i = 0; i < 4; i++) {
        double s = fabs(t - (i - 1));
        if (s <= 1)
            w[i] = ((a + 2) * s - (a + 3)) * s * s + 1;
        else
            w[i] = ((a * s - 5 * a) * s + 8 * a) * s - 4 * a;
    }
}

int resize_tap_count(const struct resize_params *p)
{
    return p->mode == RESIZE_NEAREST ? 1 : p->mode == RESIZE_LINEAR ? 2 : 4;
}

bool resize_taps(const struct resize_params *p, const struct resize_dim *d, int64_t i,
                 int64_t index[RESIZE_TAPS_MAX], float weight[RESIZE_TAPS_MAX])
{
    double at = place(p, d, i), w[RESIZE_TAPS_MAX] = {1}, total = 0;
    int n = resize_tap_count(p);
    if (p->place == PLACE_TF_CROP && !(at >= 0 && at <= (double)(d->in - 1)))
        return false;
    double first = p->mode == RESIZE_NEAREST ? nearest(p, d, at) : floor(at);
    if (!isfinite(first))
        first = at = 0;
    if (p->mode == RESIZE_LINEAR) {
        w[0] = 1 - (at - first);
        w[1] = at - first;
    } else if (p->mode == RESIZE_CUBIC) {
        cubic((double)p->cubic, at - first, w);
        first -= 1;
    }
    for (int k = 0; k < n; k++) {
        bool outside = first + k < 0 || first + k > (double)(d->in - 1);
        if (outside && p->exclude_outside && p->mode == RESIZE_CUBIC)
            w[k] = 0;
        total += w[k];
        index[k] = inside(first + k, d->in);
    }
    for (int k = 0; k < n; k++)
        weight[k] = (float)(p->exclude_outside && total != 0 ? w[k] / total : w[k]);
    return true;
}
