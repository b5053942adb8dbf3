/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The equation of Einsum as terms, and terms as views of operands. Axes are numbered: each letter
 * when it first comes up, behind them those that "..." stands for, aligned at the last one.
 * source: ONNX Einsum-12; numpy.einsum (the output when the equation names none) */
#include <ctype.h>
#include <string.h>

#include "ops/einsum.h"

/* Reads one term; *at goes behind it. */
static enum status read_term(const char *s, size_t len, size_t *at, struct einsum_term *t,
                             struct err *err)
{
    *t = (struct einsum_term){.dots = -1};
    for (; *at < len && s[*at] != ',' && s[*at] != '-'; ++*at) {
        char c = s[*at];
        if (c == ' ')
            continue;
        if (c == '.' && t->dots < 0 && len - *at >= 3 && memcmp(s + *at, "...", 3) == 0) {
            t->dots = (int8_t)t->n;
            *at += 2;
            continue;
        }
        if (!isascii(c) || !isalpha(c))
            return err_set(err, E_CORRUPT, "Einsum: the equation has byte 0x%02x at %zu",
                           (unsigned char)c, *at);
        if (t->n == TENSOR_RANK_MAX)
            return err_set(err, E_UNSUPPORTED, "Einsum: a term has more than %d labels",
                           TENSOR_RANK_MAX);
        t->labels[t->n++] = c;
    }
    return OK;
}

static int count_label(const struct einsum_term *t, int n, char label)
{
    int count = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < t[i].n; k++)
            count += t[i].labels[k] == label;
    return count;
}

/* Without "->": what "..." stands for, then every label that stands once, in order. */
static enum status implied_output(struct einsum_params *p, struct err *err)
{
    p->out = (struct einsum_term){.dots = -1};
    for (int i = 0; i < p->n; i++)
        if (p->in[i].dots >= 0)
            p->out.dots = 0;
    for (int c = 'A'; c <= 'z'; c++) {
        if (count_label(p->in, p->n, (char)c) != 1)
            continue;
        if (p->out.n == TENSOR_RANK_MAX)
            return err_set(err, E_UNSUPPORTED, "Einsum: the output has more than %d labels",
                           TENSOR_RANK_MAX);
        p->out.labels[p->out.n++] = (char)c;
    }
    return OK;
}

static enum status check_output(const struct einsum_params *p, struct err *err)
{
    for (int k = 0; k < p->out.n; k++) {
        char c = p->out.labels[k];
        if (count_label(p->in, p->n, c) == 0 || count_label(&p->out, 1, c) != 1)
            return err_set(err, E_CORRUPT,
                           "Einsum: label '%c' of the output comes twice, or from no input", c);
    }
    return OK;
}

enum status einsum_parse(const char *text, size_t len, struct einsum_params *p, struct err *err)
{
    size_t at = 0;
    enum status s = OK;
    for (p->n = 0; s == OK;) {
        if (p->n == EINSUM_OPERANDS)
            return err_set(err, E_UNSUPPORTED, "Einsum: more than %d operands", EINSUM_OPERANDS);
        s = read_term(text, len, &at, &p->in[p->n++], err);
        if (s == OK && at < len && text[at] == ',')
            at++;
        else
            break;
    }
    if (s != OK)
        return s;
    if (at == len)
        return implied_output(p, err);
    if (len - at < 2 || text[at + 1] != '>')
        return err_set(err, E_CORRUPT, "Einsum: the equation has a '-' without '>'");
    at += 2;
    s = read_term(text, len, &at, &p->out, err);
    if (s == OK && at != len)
        return err_set(err, E_CORRUPT, "Einsum: the equation goes on behind its output");
    return s == OK ? check_output(p, err) : s;
}

/* What the letters and "..." are numbered. */
struct names {
    int n;       /* letters */
    int dots;    /* dims of the longest "..." */
    char of[52]; /* the letter of axis i */
};

static int axis_of(struct names *names, char label)
{
    for (int i = 0; i < names->n; i++)
        if (names->of[i] == label)
            return i;
    names->of[names->n] = label;
    return names->n++;
}

/* How many dims "..." stands for in an operand; negative: the labels do not fit. */
static int dots_rank(const struct einsum_term *t, const struct tensor *x)
{
    int rest = x->rank - t->n;
    return t->dots < 0 && rest > 0 ? -1 : rest;
}

/* The axis of dim d of an operand (or of the output, of which "..." is as long as the longest). */
static int axis_at(struct names *names, const struct einsum_term *t, int dots, int d)
{
    if (t->dots < 0 || d < t->dots)
        return axis_of(names, t->labels[d]);
    if (d < t->dots + dots)
        return names->n + names->dots - dots + d - t->dots;
    return axis_of(names, t->labels[d - dots]);
}

static enum status number_axes(const struct einsum_params *p, const struct tensor *const *in,
                               struct names *names, struct err *err)
{
    char text[TENSOR_TEXT_MAX];
    *names = (struct names){0};
    for (int i = 0; i < p->n; i++) {
        int dots = dots_rank(&p->in[i], in[i]);
        if (dots < 0)
            return err_set(err, E_BAD_INPUT, "Einsum: input %d is %s, its term has %d labels", i,
                           tensor_text(in[i], text), p->in[i].n);
        names->dots = MAX(names->dots, dots);
        for (int k = 0; k < p->in[i].n; k++)
            axis_of(names, p->in[i].labels[k]);
    }
    return OK;
}

/* The length of every axis: dims of one label agree, or are 1. */
static enum status measure(const struct einsum_params *p, const struct tensor *const *in,
                           struct names *names, struct einsum *e, struct err *err)
{
    char text[TENSOR_TEXT_MAX];
    for (int i = 0; i < EINSUM_AXES; i++)
        e->dims[i] = 1;
    for (int i = 0; i < p->n; i++)
        for (int d = 0; d < in[i]->rank; d++) {
            int64_t *dim = &e->dims[axis_at(names, &p->in[i], dots_rank(&p->in[i], in[i]), d)];
            if (*dim != 1 && in[i]->dims[d] != 1 && *dim != in[i]->dims[d])
                return err_set(err, E_BAD_INPUT,
                               "Einsum: input %d is %s, whose dim %d is elsewhere %lld", i,
                               tensor_text(in[i], text), d, (long long)*dim);
            if (*dim == 1)
                *dim = in[i]->dims[d];
        }
    return OK;
}

static enum status view(const struct einsum_params *p, int i, const struct tensor *x,
                        struct names *names, struct einsum *e, struct err *err)
{
    struct einsum_view *v = &e->in[i];
    int64_t own[EINSUM_AXES];
    memset(v, 0, sizeof(*v));
    v->dtype = x->dtype;
    v->data = x->data;
    for (int d = 0; d < x->rank; d++) {
        int axis = axis_at(names, &p->in[i], dots_rank(&p->in[i], x), d);
        if (v->mask >> axis & 1 && own[axis] != x->dims[d])
            return op_bad("Einsum", i, x, "dims of one length under one label", err);
        own[axis] = x->dims[d];
        v->mask |= UINT64_C(1) << axis;
        if (x->dims[d] != 1)
            v->step[axis] += op_span(x->dims, d + 1, x->rank);
    }
    return OK;
}

enum status einsum_bind(const struct einsum_params *p, const struct tensor *const *in,
                        struct einsum *e, struct err *err)
{
    struct names names;
    enum status s = number_axes(p, in, &names, err);
    if (s == OK)
        s = measure(p, in, &names, e, err);
    for (int i = 0; i < p->n && s == OK; i++)
        s = view(p, i, in[i], &names, e, err);
    if (s != OK)
        return s;
    int dots = p->out.dots < 0 ? 0 : names.dots;
    e->n = p->n;
    e->n_out = p->out.n + dots;
    if (e->n_out > TENSOR_RANK_MAX)
        return err_set(err, E_UNSUPPORTED, "Einsum: the output has rank %d, at most %d", e->n_out,
                       TENSOR_RANK_MAX);
    for (int d = 0; d < e->n_out; d++)
        e->out[d] = axis_at(&names, &p->out, dots, d);
    return OK;
}
