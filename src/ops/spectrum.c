/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* See spectrum.h. The inverse is divided by the length.  source: ONNX DFT-17, STFT-17 */
#include "ops/spectrum.h"

#include <string.h>

#include "base/checked.h"
#include "ops/element.h"

enum status spectrum_scalar(struct op_infer *c, const char *op, int i, int64_t *out,
                            struct err *err)
{
    int n = 1;
    enum status s = op_known(c, i, err);
    if (s == OK)
        s = op_values(op, i, c->in[i], out, 1, &n, err);
    return s == OK && n != 1 ? op_bad(op, i, c->in[i], "one integer", err) : s;
}

enum status spectrum_plan(struct op_infer *c, const char *op, int64_t n, struct err *err)
{
    uint64_t tables;
    if (n < 1 || n > OP_EXTENT_MAX || !fft_scratch(n, &tables) ||
        !checked_add(tables, 2 * (uint64_t)n * sizeof(double), &c->scratch_bytes))
        return err_set(err, E_BAD_INPUT, "%s: a transform of %lld elements, expected 1 to %lld", op,
                       (long long)n, (long long)OP_EXTENT_MAX);
    return OK;
}

void spectrum_begin(struct spectrum *s, int64_t n, bool inverse, void *scratch)
{
    s->line = scratch;
    s->fft = (struct fft){.n = n, .inverse = inverse, .scratch = s->line + 2 * n};
    fft_begin(&s->fft);
}

void spectrum_put(const struct spectrum *s, int64_t k, const struct tensor *x, int64_t at,
                  int parts, double scale)
{
    s->line[2 * k] = scale * tensor_get_f64(x, at * parts);
    s->line[2 * k + 1] = parts == 2 ? scale * tensor_get_f64(x, at * parts + 1) : 0;
}

void spectrum_zero(const struct spectrum *s, int64_t from)
{
    if (from < s->fft.n)
        memset(s->line + 2 * from, 0, 2 * (size_t)(s->fft.n - from) * sizeof(double));
}

void spectrum_run(const struct spectrum *s, const struct tensor *y, int64_t at, int64_t step,
                  int64_t count)
{
    double scale = s->fft.inverse ? (double)s->fft.n : 1;
    fft_f64(&s->fft, s->line);
    for (int64_t k = 0; k < count; k++, at += step) {
        element_set_f64(y, 2 * at, s->line[2 * k] / scale);
        element_set_f64(y, 2 * at + 1, s->line[2 * k + 1] / scale);
    }
}
