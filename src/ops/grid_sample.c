/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* GridSample: the input read at places that a grid names, two or three spatial dims. Every place
 * becomes a few taps (index and weight) along each dim, once for all channels. A tap outside the
 * input is mended by the padding mode; a place that is no number counts as the middle of the input.
 *
 * Cubic taps are mended one by one, as PyTorch does; the other modes mend the place first.
 * source: ONNX GridSample-16, 20 (linear and cubic by their new names, three spatial dims) */
#include <math.h>
#include <string.h>

#include "ops/element.h"
#include "ops/ops_priv.h"

enum { GRID_DIMS_MAX = 3, GRID_TAPS_MAX = 4 };

enum mode { MODE_LINEAR, MODE_NEAREST, MODE_CUBIC };
enum padding { PADDING_ZEROS, PADDING_BORDER, PADDING_REFLECTION };

struct params {
    enum mode mode;
    enum padding padding;
    bool align_corners;
};

static enum status read_word(const struct op_node *node, enum attr_key k, const char *def,
                             const char *const *words, int n, int *out, struct err *err)
{
    const char *s;
    size_t len;
    enum status st = attr_string(&node->attrs, k, def, &s, &len, err);
    if (st != OK)
        return st;
    for (int i = 0; i < n; i++)
        if (strlen(words[i]) == len && memcmp(words[i], s, len) == 0) {
            *out = i;
            return OK;
        }
    return err_set(err, E_CORRUPT, "GridSample: attribute %s is '%.*s'", attr_name(k),
                   (int)MIN(len, 32u), s);
}

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    static const char *const old[] = {"bilinear", "nearest", "bicubic"};
    static const char *const new[] = {"linear", "nearest", "cubic"};
    static const char *const paddings[] = {"zeros", "border", "reflection"};
    struct params *p = params;
    const char *const *modes = node->version < 20 ? old : new;
    int mode = 0, padding = 0;
    enum status s = read_word(node, ATTR_mode, modes[0], modes, 3, &mode, err);
    if (s == OK)
        s = read_word(node, ATTR_padding_mode, "zeros", paddings, 3, &padding, err);
    p->mode = (enum mode)mode;
    p->padding = (enum padding)padding;
    return s == OK ? op_flag(node, ATTR_align_corners, 0, &p->align_corners, err) : s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "GridSample", 2, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *grid = ctx->in[1];
    int n = x->rank - 2;
    if (!dtype_is_float(x->dtype) && p->mode != MODE_NEAREST)
        return op_no_kernel("GridSample", 0, x, err);
    if (!dtype_is_float(grid->dtype))
        return op_no_kernel("GridSample", 1, grid, err);
    if (n != 2 && n != 3)
        return op_bad("GridSample", 0, x, "batch, channels and two or three spatial dims", err);
    if (grid->rank != x->rank || grid->dims[0] != x->dims[0] || grid->dims[n + 1] != n)
        return op_bad("GridSample", 1, grid, "a place for each output element of each batch", err);
    int64_t dims[TENSOR_RANK_MAX] = {x->dims[0], x->dims[1]};
    for (int d = 0; d < n; d++) {
        dims[d + 2] = grid->dims[d + 1];
        if (x->dims[d + 2] < 1 || x->dims[d + 2] > OP_EXTENT_MAX)
            return op_bad("GridSample", 0, x, "1 to 2147483647 elements in each spatial dim", err);
    }
    return op_output(ctx, 0, "GridSample", x->dtype, x->rank, dims, err);
}

/* Where x lands when it is thrown back at low and high until it lies between them. */
static double reflect(double x, double low, double high)
{
    double range = high - low, over = x < low ? low - x : x - high;
    if (range <= 0)
        return low;
    if (over <= 0)
        return x;
    double times = floor(over / range), rest = over - times * range;
    bool even = fmod(times, 2) == 0;
    return (x < low) == even ? low + rest : high - rest;
}

/* A place outside the input, mended as the padding mode says. */
static double mend(const struct params *p, double at, int64_t n)
{
    double last = (double)(n - 1);
    if (p->padding == PADDING_BORDER)
        return fmin(fmax(at, 0), last);
    if (p->padding == PADDING_REFLECTION)
        return p->align_corners ? reflect(at, 0, last) : reflect(at, -0.5, last + 0.5);
    return fmin(fmax(at, -4), last + 4); /* as far outside as it was: it reads zeros */
}

/* The element that a tap at i reads, or -1: a zero. */
static int64_t element_at(const struct params *p, double i, int64_t n)
{
    if (i >= 0 && i < (double)n)
        return (int64_t)i;
    if (p->padding == PADDING_ZEROS)
        return -1;
    return (int64_t)fmin(fmax(mend(p, i, n), 0), (double)(n - 1));
}

struct taps {
    int n;
    int64_t index[GRID_TAPS_MAX];
    double weight[GRID_TAPS_MAX];
};

static double cubic_weight(double s)
{
    const double a = -0.75; /* as PyTorch's bicubic */
    s = fabs(s);
    return s <= 1 ? ((a + 2) * s - (a + 3)) * s * s + 1 : ((a * s - 5 * a) * s + 8 * a) * s - 4 * a;
}

/* The taps along a dim of n elements, for a grid value g. */
static void find_taps(const struct params *p, double g, int64_t n, struct taps *t)
{
    double size = (double)n, at;
    at = p->align_corners ? (g + 1) / 2 * (size - 1) : ((g + 1) * size - 1) / 2;
    if (!isfinite(at))
        at = isnan(at) ? (size - 1) / 2 : at > 0 ? 0x1p62 : -0x1p62;
    if (p->mode == MODE_NEAREST)
        at = rint(at);
    if (p->mode != MODE_CUBIC || p->padding == PADDING_ZEROS || fabs(at) > OP_EXTENT_MAX)
        at = mend(p, at, n);
    double first = floor(at);
    t->n = p->mode == MODE_NEAREST ? 1 : p->mode == MODE_LINEAR ? 2 : 4;
    if (p->mode == MODE_CUBIC)
        first -= 1;
    for (int k = 0; k < t->n; k++) {
        double away = fabs(at - (first + k));
        t->index[k] = element_at(p, p->mode == MODE_NEAREST ? rint(at) : first + k, n);
        t->weight[k] = p->mode == MODE_NEAREST  ? 1
                       : p->mode == MODE_LINEAR ? 1 - away
                                                : cubic_weight(away);
    }
}

/* All taps of one place: offsets into a channel, and products of weights. */
struct place {
    int n;
    int64_t at[GRID_TAPS_MAX * GRID_TAPS_MAX * GRID_TAPS_MAX];
    double weight[GRID_TAPS_MAX * GRID_TAPS_MAX * GRID_TAPS_MAX];
};

/* The grid names the last dim first. */
static void find_place(const struct params *p, const struct tensor *x, const struct tensor *grid,
                       int64_t i, struct place *out)
{
    int dims = x->rank - 2;
    *out = (struct place){.n = 1, .at = {0}, .weight = {1}};
    for (int d = 0; d < dims; d++) {
        struct taps t;
        struct place before = *out;
        find_taps(p, tensor_get_f64(grid, i * dims + dims - 1 - d), x->dims[d + 2], &t);
        out->n = 0;
        for (int b = 0; b < before.n; b++)
            for (int k = 0; k < t.n; k++) {
                if (t.index[k] < 0)
                    continue;
                out->at[out->n] = before.at[b] * x->dims[d + 2] + t.index[k];
                out->weight[out->n++] = before.weight[b] * t.weight[k];
            }
    }
}

static void read_f32(const struct place *p, const float *x, float *y)
{
    double sum = 0;
    for (int k = 0; k < p->n; k++)
        sum += p->weight[k] * (double)x[p->at[k]];
    *y = (float)sum;
}

static void read_any(const struct place *p, const struct tensor *x, int64_t from,
                     const struct tensor *y, int64_t to)
{
    double sum = 0;
    for (int k = 0; k < p->n; k++)
        sum += p->weight[k] * tensor_get_f64(x, from + p->at[k]);
    element_set_f64(y, to, sum);
}

static void read_nearest(const struct place *p, const struct tensor *x, int64_t from,
                         const struct tensor *y, int64_t to)
{
    size_t width = dtype_bytes(x->dtype);
    uint8_t *at = (uint8_t *)y->data + (size_t)to * width;
    if (p->n == 0)
        memset(at, 0, width);
    else
        memcpy(at, (const uint8_t *)x->data + (size_t)(from + p->at[0]) * width, width);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    if (tensor_count(y) == 0)
        return OK;
    int64_t channels = x->dims[1], size = op_span(x->dims, 2, x->rank);
    int64_t places = op_span(y->dims, 2, y->rank);
    for (int64_t b = 0; b < x->dims[0]; b++)
        for (int64_t i = 0; i < places; i++) {
            struct place at;
            find_place(p, x, ctx->in[1], b * places + i, &at);
            for (int64_t c = b * channels; c < (b + 1) * channels; c++) {
                if (p->mode == MODE_NEAREST)
                    read_nearest(&at, x, c * size, y, c * places + i);
                else if (x->dtype == DT_F32)
                    read_f32(&at, (const float *)x->data + c * size,
                             (float *)y->data + c * places + i);
                else
                    read_any(&at, x, c * size, y, c * places + i);
            }
        }
    return OK;
}

const struct op op_grid_sample = {
    .domain = "",
    .name = "GridSample",
    .code = OP_CODE_grid_sample,
    .since = {16, 20, 22},
    .types = OP_FLOATS,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
