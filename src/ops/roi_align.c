/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* RoiAlign: each region of the image, cut into bins, and each bin's mean (or maximum) of samples
 * read between four neighbours. A sample more than one element outside reads 0; only samples that
 * read something are visited, whatever the regions say, so the work is bounded by the image.
 *
 * `max` takes the largest of a sample's four weighted neighbours, not of its sum, as ONNX's
 * reference and ONNX Runtime do.
 * source: ONNX RoiAlign-10 (output_half_pixel), 16 (coordinate_transformation_mode), 22 */
#include <math.h>
#include <string.h>

#include "ops/element.h"
#include "ops/index.h"

enum { SAMPLES_MAX = 64 }; /* a side of a bin, when the attribute fixes it */

struct params {
    int64_t height, width, samples; /* samples 0: as many as the bin has elements, a side */
    float scale;
    bool half_pixel, max;
};

static enum status one_of_two(const struct op_node *node, enum attr_key k, const char *def,
                              const char *other, bool *is_other, struct err *err)
{
    const char *s;
    size_t len;
    enum status st = attr_string(&node->attrs, k, def, &s, &len, err);
    if (st != OK)
        return st;
    *is_other = strlen(other) == len && memcmp(s, other, len) == 0;
    if (!*is_other && (strlen(def) != len || memcmp(s, def, len) != 0))
        return err_set(err, E_CORRUPT, "RoiAlign: attribute %s is '%.*s'", attr_name(k),
                       (int)MIN(len, 32u), s);
    return OK;
}

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    bool whole = true; /* not half_pixel */
    enum status s = attr_int(&node->attrs, ATTR_output_height, 1, &p->height, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_output_width, 1, &p->width, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_sampling_ratio, 0, &p->samples, err);
    if (s == OK)
        s = attr_float(&node->attrs, ATTR_spatial_scale, 1, &p->scale, err);
    if (s == OK)
        s = one_of_two(node, ATTR_mode, "avg", "max", &p->max, err);
    if (s == OK && node->version >= 16)
        s = one_of_two(node, ATTR_coordinate_transformation_mode, "half_pixel", "output_half_pixel",
                       &whole, err);
    p->half_pixel = !whole;
    if (s != OK)
        return s;
    if (p->height < 1 || p->width < 1 || p->samples < 0 || p->samples > SAMPLES_MAX ||
        !isfinite(p->scale))
        return err_set(err, E_CORRUPT,
                       "RoiAlign: output %lld by %lld, sampling_ratio %lld, expected at least 1 by "
                       "1, 0 to %d",
                       (long long)p->height, (long long)p->width, (long long)p->samples,
                       SAMPLES_MAX);
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "RoiAlign", 3, err);
    if (s == OK)
        s = op_same_dtype(ctx, "RoiAlign", 1, err);
    if (s == OK)
        s = index_dtype(ctx, "RoiAlign", 2, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *rois = ctx->in[1], *batch = ctx->in[2];
    if (!dtype_is_float(x->dtype))
        return op_no_kernel("RoiAlign", 0, x, err);
    if (x->rank != 4 || x->dims[2] < 1 || x->dims[3] < 1 || x->dims[2] > OP_EXTENT_MAX ||
        x->dims[3] > OP_EXTENT_MAX)
        return op_bad("RoiAlign", 0, x, "[batch,channels,height,width]", err);
    if (rois->rank != 2 || rois->dims[1] != 4)
        return op_bad("RoiAlign", 1, rois, "[regions,4]", err);
    if (batch->rank != 1 || batch->dims[0] != rois->dims[0])
        return op_bad("RoiAlign", 2, batch, "one batch index for each region", err);
    int64_t dims[] = {rois->dims[0], x->dims[1], p->height, p->width};
    if (__builtin_mul_overflow((uint64_t)dims[1], sizeof(double), &ctx->scratch_bytes))
        return op_bad("RoiAlign", 0, x, "fewer channels", err);
    return op_output(ctx, 0, "RoiAlign", x->dtype, 4, dims, err);
}

/* One dim of a region, in float32 as the reference computes it: bins of `bin` elements from `start`
 * on, `grid` samples in each. */
struct side {
    float start, bin;
    double grid;
    int64_t n; /* elements of the image */
};

static void lay_side(const struct params *p, float low, float high, int64_t bins, int64_t n,
                     struct side *out)
{
    float offset = p->half_pixel ? 0.5f : 0;
    float start = low * p->scale - offset, length = high * p->scale - offset - start;
    if (!p->half_pixel)
        length = fmaxf(length, 1);
    out->start = start;
    out->bin = length / (float)bins;
    out->grid = p->samples ? (double)p->samples : (double)ceilf(length / (float)bins);
    out->n = n;
}

static float sample_at(const struct side *s, int64_t bin, int64_t i)
{
    return s->start + (float)bin * s->bin + ((float)i + 0.5f) * s->bin / (float)s->grid;
}

/* The samples of a bin that may lie within one element of the image: [*first, *last). */
static void bin_samples(const struct side *s, int64_t bin, int64_t *first, int64_t *last)
{
    double at = (double)s->start + (double)bin * (double)s->bin;
    double step = (double)s->bin / s->grid;
    *first = 0;
    *last = 0;
    if (!(s->grid >= 1))
        return;
    double low = 0, high = s->grid;
    if (step > 0) { /* three more at both ends, for what rounding does */
        low = fmax(low, floor((-1 - at) / step) - 3);
        high = fmin(high, ceil(((double)s->n - at) / step) + 3);
    }
    if (low < high) {
        *first = (int64_t)low;
        *last = (int64_t)high;
    }
}

/* Two neighbours of a sample along one side. False: it reads 0. */
struct pair {
    int64_t low, high;
    float part; /* of high */
};

static bool find_pair(const struct side *s, float at, struct pair *out)
{
    if (!(at >= -1 && at <= (float)s->n))
        return false;
    at = fmaxf(at, 0);
    out->low = MIN((int64_t)at, s->n - 1);
    out->high = MIN(out->low + 1, s->n - 1);
    out->part = out->low == out->high ? 0 : at - (float)out->low;
    return true;
}

/* Takes one sample of every channel into sums. */
static void take(const struct op_run *ctx, int64_t image, const struct pair *y,
                 const struct pair *x, double *sums)
{
    const struct params *p = ctx->params;
    const struct tensor *in = ctx->in[0];
    int64_t w = in->dims[3], size = in->dims[2] * w, from = image * in->dims[1] * size;
    int64_t at[] = {y->low * w + x->low, y->low * w + x->high, y->high * w + x->low,
                    y->high * w + x->high};
    float part[] = {(1 - y->part) * (1 - x->part), (1 - y->part) * x->part, y->part * (1 - x->part),
                    y->part * x->part};
    for (int64_t c = 0; c < in->dims[1]; c++, from += size)
        for (int k = 0; k < 4; k++) {
            double v = in->dtype == DT_F32 ? (double)((const float *)in->data)[from + at[k]]
                                           : tensor_get_f64(in, from + at[k]);
            v *= (double)part[k];
            sums[c] = !p->max ? sums[c] + v : v > sums[c] || isnan(v) ? v : sums[c];
        }
}

/* Every sample of the bin; true when one of them lies outside. */
static bool take_bin(const struct op_run *ctx, int64_t image, const struct side sides[2],
                     const int64_t bin[2], double *sums)
{
    int64_t first[2], last[2];
    bool outside = false;
    for (int d = 0; d < 2; d++) {
        bin_samples(&sides[d], bin[d], &first[d], &last[d]);
        outside |= (double)(last[d] - first[d]) < sides[d].grid;
    }
    for (int64_t i = first[0]; i < last[0]; i++) {
        struct pair y, x;
        bool inside = find_pair(&sides[0], sample_at(&sides[0], bin[0], i), &y);
        outside |= !inside;
        for (int64_t k = first[1]; inside && k < last[1]; k++) {
            if (find_pair(&sides[1], sample_at(&sides[1], bin[1], k), &x))
                take(ctx, image, &y, &x, sums);
            else
                outside = true;
        }
    }
    return outside;
}

static void one_bin(const struct op_run *ctx, int64_t roi, int64_t image,
                    const struct side sides[2], const int64_t bin[2])
{
    const struct params *p = ctx->params;
    const struct tensor *y = ctx->out[0];
    int64_t channels = y->dims[1];
    double *sums = ctx->scratch, count = fmax(sides[0].grid * sides[1].grid, 1);
    bool none = !(sides[0].grid >= 1 && sides[1].grid >= 1);
    for (int64_t c = 0; c < channels; c++)
        sums[c] = p->max && !none ? -HUGE_VAL : 0;
    bool outside = take_bin(ctx, image, sides, bin, sums);
    for (int64_t c = 0; c < channels; c++) {
        int64_t at = ((roi * channels + c) * p->height + bin[0]) * p->width + bin[1];
        double v = sums[c];
        if (p->max)
            v = outside && v < 0 ? 0 : v;
        else
            v /= count;
        element_set_f64(y, at, v);
    }
}

static enum status one_roi(const struct op_run *ctx, int64_t roi, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    int64_t image = 0, bin[2];
    float corner[4];
    enum status s = index_at("RoiAlign", ctx->in[2], roi, x->dims[0], &image, err);
    if (s != OK)
        return s;
    for (int k = 0; k < 4; k++) {
        corner[k] = (float)tensor_get_f64(ctx->in[1], roi * 4 + k);
        if (!(fabsf(corner[k] * p->scale) <= (float)OP_EXTENT_MAX))
            return err_set(err, E_BAD_INPUT, "RoiAlign: region %lld has a corner at %g",
                           (long long)roi, (double)corner[k]);
    }
    struct side sides[2];
    lay_side(p, corner[1], corner[3], p->height, x->dims[2], &sides[0]);
    lay_side(p, corner[0], corner[2], p->width, x->dims[3], &sides[1]);
    for (bin[0] = 0; bin[0] < p->height; bin[0]++)
        for (bin[1] = 0; bin[1] < p->width; bin[1]++)
            one_bin(ctx, roi, image, sides, bin);
    return OK;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    enum status s = OK;
    if (tensor_count(ctx->out[0]) == 0)
        return OK;
    for (int64_t i = 0; i < ctx->in[1]->dims[0] && s == OK; i++)
        s = one_roi(ctx, i, err);
    return s;
}

const struct op op_roi_align = {
    .domain = "",
    .name = "RoiAlign",
    .code = OP_CODE_roi_align,
    .since = {10, 16, 22},
    .types = OP_FLOATS,
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
