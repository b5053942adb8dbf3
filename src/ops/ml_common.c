/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Rows as float32 and the post transforms. Integers and doubles are rounded to float32 before any
 * arithmetic, as the outputs of ai.onnx.ml are float32 whatever comes in. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/ml.h"

bool ml_numeric(enum dtype t)
{
    return t == DT_F32 || t == DT_F64 || t == DT_I64 || t == DT_I32;
}

struct ml_rows ml_rows(const struct tensor *x)
{
    return x->rank == 1 ? (struct ml_rows){1, x->dims[0]}
                        : (struct ml_rows){x->dims[0], x->dims[1]};
}

enum status ml_matrix(const struct op_infer *c, const char *op, struct err *err)
{
    enum status s = op_operands(c, op, 1, err);
    if (s != OK)
        return s;
    if (!ml_numeric(c->in[0]->dtype))
        return op_no_kernel(op, 0, c->in[0], err);
    bool fits = c->in[0]->rank == 1 || c->in[0]->rank == 2;
    return fits ? OK : op_bad(op, 0, c->in[0], "rows of features, [N,F] or [F]", err);
}

float ml_get(const struct tensor *x, int64_t i)
{
    switch (x->dtype) {
    case DT_F32:
        return ((const float *)x->data)[i];
    case DT_I64:
        return (float)((const int64_t *)x->data)[i];
    case DT_I32:
        return (float)((const int32_t *)x->data)[i];
    default:
        return (float)tensor_get_f64(x, i);
    }
}

const float *ml_row(const struct tensor *x, int64_t columns, int64_t r, float *copy)
{
    if (x->dtype == DT_F32)
        return (const float *)x->data + r * columns;
    for (int64_t i = 0; i < columns; i++)
        copy[i] = ml_get(x, r * columns + i);
    return copy;
}

enum status ml_vector(const struct op_infer *c, const char *op, int i, enum dtype t,
                      struct err *err)
{
    const struct tensor *v = op_operand(c->in, c->n_in, i);
    char expected[32];
    snprintf(expected, sizeof(expected), "%s[n]", dtype_text(t));
    return !v || (v->dtype == t && v->rank == 1) ? OK : op_bad(op, i, v, expected, err);
}

int64_t ml_count(const struct tensor *const *in, int n_in, int i)
{
    const struct tensor *v = op_operand(in, n_in, i);
    return v ? tensor_count(v) : 0;
}

enum status ml_word(const struct op_node *node, enum attr_key k, const char *const *words, int *out,
                    struct err *err)
{
    const char *text;
    size_t len;
    enum status s = attr_string(&node->attrs, k, words[0], &text, &len, err);
    if (s != OK)
        return s;
    for (int i = 0; words[i]; i++)
        if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0) {
            *out = i;
            return OK;
        }
    return err_set(err, E_UNSUPPORTED, "attribute %s is '%.*s', which is not known", attr_name(k),
                   (int)MIN(len, 40), text);
}

enum status ml_text(const struct op_node *node, enum attr_key k, const char *def, struct text *out,
                    struct err *err)
{
    const char *text;
    size_t len;
    enum status s = attr_string(&node->attrs, k, def, &text, &len, err);
    if (s != OK)
        return s;
    if (!text_valid(text, len))
        return err_set(err, E_CORRUPT, "attribute %s is not UTF-8, or holds a NUL", attr_name(k));
    *out = (struct text){text, len};
    return OK;
}

const struct tensor *ml_labels_of(const struct tensor *const *in, int n_in, int ints, int strings)
{
    return op_operand(in, n_in, ml_count(in, n_in, strings) ? strings : ints);
}

enum status ml_labels(const struct op_infer *c, const char *op, int ints, int strings,
                      const struct tensor **out, struct err *err)
{
    enum status s = ml_vector(c, op, ints, DT_I64, err);
    if (s == OK)
        s = ml_vector(c, op, strings, DT_STRING, err);
    *out = ml_labels_of(c->in, c->n_in, ints, strings);
    return s == OK && !*out ? err_set(err, E_BAD_INPUT, "%s: it has no classes", op) : s;
}

void ml_label_put(const struct tensor *labels, int64_t k, const struct tensor *y, int64_t i)
{
    size_t width = dtype_bytes(labels->dtype);
    memcpy((uint8_t *)y->data + (size_t)i * width,
           (const uint8_t *)labels->data + (size_t)k * width, width);
}

enum status ml_post_read(const struct op_node *node, enum ml_post *out, struct err *err)
{
    static const char *const words[] = {"NONE",         "LOGISTIC", "SOFTMAX",
                                        "SOFTMAX_ZERO", "PROBIT",   NULL};
    int word = 0;
    enum status s = ml_word(node, ATTR_post_transform, words, &word, err);
    *out = (enum ml_post)word;
    return s;
}

static float logistic(float x)
{
    float v = 1 / (1 + expf(-fabsf(x)));
    return x < 0 ? 1 - v : v;
}

/* The quantile of the normal distribution: Winitzki's approximation of the inverse error function,
 * made exact by Newton's steps on erf. Outside (0, 1): infinities at the ends, NaN beyond.
 * source: Winitzki, "A handy approximation for the error function and its inverse" (2008) */
static float probit(float p)
{
    const double pi = 3.14159265358979323846, a = 0.147;
    double y = 2 * (double)p - 1;
    if (!(y > -1 && y < 1))
        return y == 1 ? INFINITY : y == -1 ? -INFINITY : NAN;
    double ln = log1p(-y * y), half = 2 / (pi * a) + ln / 2;
    double x = copysign(sqrt(sqrt(half * half - ln / a) - half), y);
    for (int i = 0; i < 3; i++)
        x -= (erf(x) - y) / (2 / sqrt(pi) * exp(-x * x));
    return (float)(sqrt(2) * x);
}

/* A softmax in which what is 0 stays 0. */
static void softmax_zero(float *s, int64_t n)
{
    const float zero = 1e-7f; /* what counts as 0 */
    float top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++)
        top = fmaxf(top, s[i]);
    for (int64_t i = 0; i < n; i++) {
        bool counts = fabsf(s[i]) > zero;
        s[i] = counts ? expf(s[i] - top) : 0;
        sum += s[i];
    }
    for (int64_t i = 0; i < n && sum > 0; i++)
        s[i] /= sum;
}

void ml_post_apply(enum ml_post post, float *s, int64_t n)
{
    switch (post) {
    case ML_LOGISTIC:
        for (int64_t i = 0; i < n; i++)
            s[i] = logistic(s[i]);
        return;
    case ML_PROBIT:
        for (int64_t i = 0; i < n; i++)
            s[i] = probit(s[i]);
        return;
    case ML_SOFTMAX:
        softmax_f32(1, n, 1, s, s, false);
        return;
    case ML_SOFTMAX_ZERO:
        softmax_zero(s, n);
        return;
    default:
        return;
    }
}

enum status ml_second_check(const char *op, enum ml_second second, enum ml_post post,
                            struct err *err)
{
    if (second == ML_SECOND_NONE || post == ML_NONE || post == ML_LOGISTIC)
        return OK;
    return err_set(err, E_UNSUPPORTED,
                   "%s: one column of scores for two classes with a post transform that is not "
                   "NONE or LOGISTIC; export the model with a column for each class",
                   op);
}

void ml_second_apply(enum ml_second second, enum ml_post post, float s, float out[2])
{
    if (post == ML_LOGISTIC) {
        out[0] = logistic(-s);
        out[1] = logistic(s);
        return;
    }
    out[0] = second == ML_SECOND_COMPLEMENT ? 1 - s : -s;
    out[1] = s;
}

int64_t ml_argmax(const float *s, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (s[i] > s[best])
            best = i;
    return best;
}
