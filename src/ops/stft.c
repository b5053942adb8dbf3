/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* STFT: Fourier transforms of frames of a signal, frame_step apart, each times a window.
 * source: ONNX STFT-17 */
#include "ops/spectrum.h"

struct params {
    bool onesided;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return op_flag(node, ATTR_onesided, 1, &p->onesided, err);
}

struct frames {
    int64_t step, n, count, bins;
    const struct tensor *window; /* NULL: all ones */
};

static const struct tensor *operand(const struct op_infer *c, int i)
{
    return i < c->n_in ? c->in[i] : NULL;
}

static enum status describe(struct op_infer *c, struct frames *f, struct err *err)
{
    const struct params *p = c->params;
    const struct tensor *x = c->in[0], *length = operand(c, 3);
    f->window = operand(c, 2);
    enum status s = spectrum_scalar(c, "STFT", 1, &f->step, err);
    if (s == OK && length)
        s = spectrum_scalar(c, "STFT", 3, &f->n, err);
    if (s != OK)
        return s;
    if (f->window && (f->window->rank != 1 || !dtype_is_float(f->window->dtype)))
        return op_bad("STFT", 2, f->window, "a window", err);
    if (!length && !f->window)
        return err_set(err, E_BAD_INPUT, "STFT: a window or a frame_length is wanted");
    if (!length)
        f->n = f->window->dims[0];
    if (f->window && f->window->dims[0] != f->n)
        return op_bad("STFT", 2, f->window, "a window as long as a frame", err);
    if (f->step < 1 || f->n < 1 || f->n > x->dims[1])
        return err_set(err, E_BAD_INPUT,
                       "STFT: frames of %lld, %lld apart, in a signal of %lld elements",
                       (long long)f->n, (long long)f->step, (long long)x->dims[1]);
    f->count = (x->dims[1] - f->n) / f->step + 1;
    f->bins = p->onesided ? f->n / 2 + 1 : f->n;
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    struct frames f = {0};
    enum status s = op_operands(ctx, "STFT", 2, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (!dtype_is_float(x->dtype))
        return op_no_kernel("STFT", 0, x, err);
    if (x->rank != 3 || (x->dims[2] != 1 && x->dims[2] != 2))
        return op_bad("STFT", 0, x, "[batch,length,1] or [batch,length,2]", err);
    if (p->onesided && x->dims[2] != 1)
        return op_bad("STFT", 0, x, "real numbers where onesided is 1", err);
    s = describe(ctx, &f, err);
    if (s == OK)
        s = spectrum_plan(ctx, "STFT", f.n, err);
    int64_t dims[] = {x->dims[0], f.count, f.bins, 2};
    return s == OK ? op_output(ctx, 0, "STFT", x->dtype, 4, dims, err) : s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    struct op_infer again = {.params = ctx->params,
                             .n_in = ctx->n_in,
                             .n_out = ctx->n_out,
                             .in = ctx->in,
                             .out = ctx->out};
    struct spectrum line;
    struct frames f = {0};
    enum status s = describe(&again, &f, err);
    if (s == OK && (f.count != y->dims[1] || f.bins != y->dims[2]))
        return err_set(err, E_BAD_INPUT, "STFT: the frames are not those that were planned");
    if (s != OK || tensor_count(y) == 0)
        return s;
    int parts = (int)x->dims[2];
    spectrum_begin(&line, f.n, false, ctx->scratch);
    for (int64_t b = 0; b < x->dims[0]; b++)
        for (int64_t i = 0; i < f.count; i++) {
            int64_t from = b * x->dims[1] + i * f.step;
            for (int64_t k = 0; k < f.n; k++)
                spectrum_put(&line, k, x, from + k, parts,
                             f.window ? tensor_get_f64(f.window, k) : 1);
            spectrum_run(&line, y, (b * f.count + i) * f.bins, 1, f.bins);
        }
    return OK;
}

const struct op op_stft = {
    .domain = "",
    .name = "STFT",
    .code = OP_CODE_stft,
    .since = {17},
    .types = OP_FLOATS,
    .in_min = 2,
    .in_max = 4,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
