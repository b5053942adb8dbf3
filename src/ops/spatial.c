/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Windows over spatial dims. Every number is bounded by OP_EXTENT_MAX when it is read, so that the
 * sums and products below fit 63 bits.
 * source: ONNX Conv-11, MaxPool-12, AveragePool-11 (output shape and auto_pad) */
#include "ops/spatial.h"

#include <inttypes.h>
#include <string.h>

/* Reads one list; all its elements lie in [least, OP_EXTENT_MAX]. per: elements per dim. */
static enum status read_list(const struct op_node *node, enum attr_key key, int per, int64_t least,
                             struct window *w, int64_t *out, bool *given, struct err *err)
{
    int n;
    enum status s = attr_ints(&node->attrs, key, out, per * SPATIAL_MAX, &n, err);
    if (s != OK)
        return s;
    *given = n > 0;
    if (!*given)
        return OK;
    if (n % per != 0 || (w->n && n != per * w->n))
        return err_set(err, E_CORRUPT, "attribute %s has %d elements, which disagrees with others",
                       attr_name(key), n);
    w->n = n / per;
    for (int i = 0; i < n; i++)
        if (out[i] < least || out[i] > OP_EXTENT_MAX)
            return err_set(err, E_CORRUPT,
                           "attribute %s holds %" PRId64 ", expected %" PRId64 " to %" PRId64,
                           attr_name(key), out[i], least, OP_EXTENT_MAX);
    return OK;
}

static enum status read_auto_pad(const struct op_node *node, enum auto_pad *out, struct err *err)
{
    static const char *const names[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
    const char *s;
    size_t len;
    enum status st = attr_string(&node->attrs, ATTR_auto_pad, "NOTSET", &s, &len, err);
    if (st != OK)
        return st;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strlen(names[i]) == len && memcmp(names[i], s, len) == 0) {
            *out = (enum auto_pad)i;
            return OK;
        }
    return err_set(err, E_CORRUPT, "attribute auto_pad is not one that ONNX knows");
}

enum status window_read(const struct op_node *node, const char *op, struct window *w,
                        struct err *err)
{
    static const enum attr_key keys[] = {ATTR_kernel_shape, ATTR_strides, ATTR_dilations,
                                         ATTR_pads};
    int64_t *lists[] = {w->kernel, w->stride, w->dilation, w->pads};
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        const struct attr *a = attr_find(&node->attrs, keys[i]);
        bool pads = keys[i] == ATTR_pads, given;
        if (a && a->type == ATTR_INTS && a->count > (pads ? 2u : 1u) * SPATIAL_MAX)
            return err_set(err, E_UNSUPPORTED, "%s: more than %d spatial dims", op, SPATIAL_MAX);
        if (!pads)
            for (int d = 0; d < SPATIAL_MAX; d++)
                lists[i][d] = 1;
        enum status s =
            read_list(node, keys[i], pads ? 2 : 1, pads ? 0 : 1, w, lists[i], &given, err);
        if (s != OK)
            return s;
        if (keys[i] == ATTR_kernel_shape)
            w->has_kernel = given;
    }
    enum status s = op_flag(node, ATTR_ceil_mode, 0, &w->ceil_mode, err);
    return s == OK ? read_auto_pad(node, &w->auto_pad, err) : s;
}

/* One dim: fills out, pad and pad_end from in, kernel, stride, dilation. */
static bool place_dim(const struct window *w, struct placed_window *p, int d)
{
    int64_t reach = (p->kernel[d] - 1) * p->dilation[d] + 1, in = p->in[d], stride = p->stride[d];
    if (w->auto_pad == PAD_SAME_UPPER || w->auto_pad == PAD_SAME_LOWER) {
        p->out[d] = (in + stride - 1) / stride;
        int64_t total = MAX((p->out[d] - 1) * stride + reach - in, 0);
        int64_t small = total / 2, big = total - small;
        p->pad[d] = w->auto_pad == PAD_SAME_UPPER ? small : big;
        p->pad_end[d] = total - p->pad[d];
        return true;
    }
    if (w->auto_pad == PAD_VALID)
        p->pad[d] = p->pad_end[d] = 0;
    int64_t room = in + p->pad[d] + p->pad_end[d] - reach;
    if (room < 0)
        return false;
    p->out[d] = room / stride + 1;
    /* A last window that would start in the trailing padding is not counted. */
    if (w->ceil_mode && room % stride != 0 && p->out[d] * stride < in + p->pad[d])
        p->out[d]++;
    return true;
}

enum status window_place(const struct window *w, const char *op, const struct tensor *x,
                         const int64_t *kernel, struct placed_window *p, struct err *err)
{
    int n = x->rank - 2, lead = SPATIAL_MAX - n;
    if (x->rank > SPATIAL_MAX + 2)
        return err_set(err, E_UNSUPPORTED, "%s: more than %d spatial dims", op, SPATIAL_MAX);
    if (n < 1 || (w->n && n != w->n))
        return op_bad(op, 0, x, "batch, channels and the attributes' number of spatial dims", err);
    for (int d = 0; d < SPATIAL_MAX; d++) {
        int i = d - lead;
        p->in[d] = i < 0 ? 1 : x->dims[2 + i];
        p->kernel[d] = i < 0 ? 1 : kernel[i];
        p->stride[d] = i < 0 ? 1 : w->stride[i];
        p->dilation[d] = i < 0 ? 1 : w->dilation[i];
        p->pad[d] = i < 0 ? 0 : w->pads[i];
        p->pad_end[d] = i < 0 ? 0 : w->pads[n + i];
        if (p->in[d] > OP_EXTENT_MAX || p->kernel[d] < 1 || p->kernel[d] > OP_EXTENT_MAX)
            return op_bad(op, 0, x, "spatial extents from 1 to 2147483647", err);
        if (!place_dim(w, p, d))
            return err_set(err, E_BAD_INPUT,
                           "%s: spatial dim %d of the padded input is smaller than the kernel "
                           "(%" PRId64 " + %" PRId64 " + %" PRId64 ", kernel %" PRId64
                           ", dilation %" PRId64 ")",
                           op, i, p->in[d], p->pad[d], p->pad_end[d], p->kernel[d], p->dilation[d]);
    }
    return OK;
}

void window_dims(const struct placed_window *p, const struct tensor *x, int64_t channels,
                 int64_t dims[TENSOR_RANK_MAX])
{
    int n = x->rank - 2;
    dims[0] = x->dims[0];
    dims[1] = channels;
    for (int i = 0; i < n; i++)
        dims[2 + i] = p->out[SPATIAL_MAX - n + i];
}
