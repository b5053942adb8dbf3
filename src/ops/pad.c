/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pad, of any dtype: constant, reflect, edge, wrap; negative pads cut. The modes that repeat the
 * input map every output index to an input index, one small table per dim walked at run time.
 * source: ONNX Pad-2 (attributes), Pad-11, 13 (operands), 18 (axes), 19 (wrap) */
#include <inttypes.h>
#include <string.h>

#include "kernels/strided.h"
#include "ops/ops_priv.h"

enum mode { MODE_CONSTANT, MODE_REFLECT, MODE_EDGE, MODE_WRAP };

struct params {
    bool by_attr;
    enum mode mode;
    float value;
    int32_t n; /* of pads, the attribute */
    int64_t pads[2 * TENSOR_RANK_MAX];
};

static enum status read_mode(const struct op_node *node, enum mode *out, struct err *err)
{
    static const char *const names[] = {"constant", "reflect", "edge", "wrap"};
    const char *s;
    size_t len;
    enum status st = attr_string(&node->attrs, ATTR_mode, "constant", &s, &len, err);
    if (st != OK)
        return st;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strlen(names[i]) == len && memcmp(names[i], s, len) == 0) {
            *out = (enum mode)i;
            return OK;
        }
    return err_set(err, E_UNSUPPORTED, "Pad: mode %.*s is not supported", (int)MIN(len, 32u), s);
}

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    p->by_attr = node->version < 11;
    enum status s = read_mode(node, &p->mode, err);
    if (s != OK || !p->by_attr) {
        if (s == OK && node->n_in < 2)
            return err_set(err, E_CORRUPT, "Pad: 1 input, expected 2 to 4");
        return s;
    }
    int n = 0;
    if (node->n_in != 1)
        return err_set(err, E_CORRUPT, "Pad: %d inputs before opset 11, expected 1", node->n_in);
    s = attr_float(&node->attrs, ATTR_value, 0, &p->value, err);
    if (s == OK)
        s = attr_ints(&node->attrs, ATTR_pads, p->pads, 2 * TENSOR_RANK_MAX, &n, err);
    p->n = n;
    return s;
}

/* Pads before and after each dim of the input. */
struct frame {
    int64_t before[TENSOR_RANK_MAX], after[TENSOR_RANK_MAX];
};

static enum status read_frame(const struct params *p, int n_in, const struct tensor *const *in,
                              struct frame *f, struct err *err)
{
    int64_t pads[2 * TENSOR_RANK_MAX], axes[TENSOR_RANK_MAX];
    const struct tensor *x = in[0], *which = op_operand(in, n_in, 3);
    int n = p->n, n_axes = x->rank;
    enum status s = OK;
    memcpy(pads, p->pads, sizeof(pads));
    for (int d = 0; d < TENSOR_RANK_MAX; d++)
        axes[d] = d;
    if (!p->by_attr)
        s = op_values("Pad", 1, in[1], pads, 2 * TENSOR_RANK_MAX, &n, err);
    if (s == OK && which)
        s = op_values("Pad", 3, which, axes, TENSOR_RANK_MAX, &n_axes, err);
    if (s != OK)
        return s;
    if (n != 2 * n_axes)
        return err_set(err, E_BAD_INPUT, "Pad: %d pads for %d axes, expected two for each", n,
                       n_axes);
    memset(f, 0, sizeof(*f));
    for (int i = 0; i < n_axes; i++) {
        int d;
        s = op_axis("Pad", axes[i], x->rank, false, &d, err);
        if (s != OK)
            return s;
        f->before[d] = pads[i];
        f->after[d] = pads[n_axes + i];
    }
    return OK;
}

/* The padded extent of one dim. */
static enum status pad_dim(const struct params *p, int64_t dim, int64_t before, int64_t after,
                           int64_t *out, struct err *err)
{
    int64_t limit = OP_EXTENT_MAX;
    bool ok = before >= -limit && before <= limit && after >= -limit && after <= limit &&
              dim <= INT64_MAX - 2 * limit;
    if (ok) {
        *out = dim + before + after;
        ok = *out >= 0 && (before >= 0 || -before <= dim) && (after >= 0 || -after <= dim);
    }
    if (ok && p->mode == MODE_REFLECT) /* one mirror image at most, as the specification says */
        ok = before < MAX(dim, 1) && after < MAX(dim, 1);
    if (ok && (p->mode == MODE_EDGE || p->mode == MODE_WRAP))
        ok = dim > 0 || *out == 0;
    return ok ? OK
              : err_set(err, E_BAD_INPUT,
                        "Pad: pads %" PRId64 " and %" PRId64 " do not fit a dim of %" PRId64,
                        before, after, dim);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "Pad", p->by_attr ? 1 : 2, err);
    struct frame f;
    if (s == OK)
        s = op_known(ctx, 1, err);
    if (s == OK)
        s = op_known(ctx, 3, err);
    if (s == OK)
        s = read_frame(p, ctx->n_in, ctx->in, &f, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *value = op_operand(ctx->in, ctx->n_in, 2);
    if (value && (value->dtype != x->dtype || tensor_count(value) != 1))
        return op_bad("Pad", 2, value, "one element of input 0's dtype", err);
    if (p->by_attr && x->dtype != DT_F32)
        return op_no_kernel("Pad", 0, x, err);
    int64_t dims[TENSOR_RANK_MAX];
    for (int d = 0; d < x->rank && s == OK; d++)
        s = pad_dim(p, x->dims[d], f.before[d], f.after[d], &dims[d], err);
    return s == OK ? op_output(ctx, 0, "Pad", x->dtype, x->rank, dims, err) : s;
}

/* Copies the part of the input that the output keeps to its place. */
static void copy_inside(const struct tensor *x, const struct tensor *y, const struct frame *f)
{
    struct strided s = {.rank = 0};
    int64_t from = 0, to = 0;
    for (int d = 0; d < x->rank; d++) {
        int64_t src = op_span(x->dims, d + 1, x->rank), dst = op_span(y->dims, d + 1, y->rank);
        int64_t cut = MAX(-f->before[d], 0), lead = MAX(f->before[d], 0);
        from += cut * src;
        to += lead * dst;
        strided_dim(&s, MIN(x->dims[d] - cut, y->dims[d] - lead), src, dst);
        if (s.dims[d] <= 0)
            return;
    }
    int width = (int)dtype_bytes(x->dtype);
    strided_copy(&s, (const uint8_t *)x->data + from * width, (uint8_t *)y->data + to * width,
                 width);
}

static void fill(const struct tensor *y, const void *value)
{
    struct strided s = {.rank = 0};
    strided_dim(&s, tensor_count(y), 0, 1);
    strided_copy(&s, value, y->data, (int)dtype_bytes(y->dtype));
}

/* The input index that stands at output index i of a dim. */
static int64_t source_index(enum mode mode, int64_t i, int64_t dim)
{
    if (mode == MODE_EDGE)
        return i < 0 ? 0 : MIN(i, dim - 1);
    if (mode == MODE_WRAP)
        return (i % dim + dim) % dim;
    i = i < 0 ? -i : i;
    return i < dim ? i : 2 * (dim - 1) - i;
}

static void repeat(const struct tensor *x, const struct tensor *y, const struct frame *f,
                   enum mode mode)
{
    size_t width = dtype_bytes(x->dtype);
    int64_t index[TENSOR_RANK_MAX] = {0}, n = tensor_count(y);
    for (int64_t i = 0; i < n; i++) {
        int64_t at = 0;
        for (int d = 0; d < x->rank; d++)
            at = at * x->dims[d] + source_index(mode, index[d] - f->before[d], x->dims[d]);
        memcpy((uint8_t *)y->data + (size_t)i * width,
               (const uint8_t *)x->data + (size_t)at * width, width);
        for (int d = x->rank - 1; d >= 0 && ++index[d] == y->dims[d]; d--)
            index[d] = 0;
    }
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *y = ctx->out[0],
                        *value = op_operand(ctx->in, ctx->n_in, 2);
    struct frame f;
    enum status s = read_frame(p, ctx->n_in, ctx->in, &f, err);
    for (int d = 0; d < x->rank && s == OK; d++) {
        int64_t dim = 0;
        s = pad_dim(p, x->dims[d], f.before[d], f.after[d], &dim, err);
        if (s == OK && dim != y->dims[d])
            return err_set(err, E_BAD_INPUT, "Pad: the pads are not those that were planned");
    }
    if (s != OK || tensor_count(y) == 0)
        return s;
    if (p->mode != MODE_CONSTANT) {
        repeat(x, y, &f, p->mode);
        return OK;
    }
    static const uint64_t zero[2]; /* 0, or the empty text */
    fill(y, p->by_attr ? (const void *)&p->value : value ? value->data : zero);
    copy_inside(x, y, &f);
    return OK;
}

const struct op op_pad = {
    .domain = "",
    .name = "Pad",
    .code = OP_CODE_pad,
    .since = {2, 11, 13, 18, 19},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 4,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
