/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One operator at a time; see op_case.h. */
#include "support/op_case.h"
#include "tensor/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { NEWEST = 1000 };

struct op_case *case_begin(struct op_case *c, const char *name, int opset)
{
    memset(c, 0, sizeof(*c));
    c->name = name;
    c->opset = opset;
    return c;
}

static int rank_of(const int64_t *dims)
{
    int n = 0;
    while (dims[n] != -1)
        n++;
    return n;
}

void case_in(struct op_case *c, enum dtype t, const int64_t *dims, const void *data)
{
    ck_assert_int_lt(c->n_in, CASE_OPERANDS);
    struct tensor *x = &c->in[c->n_in++];
    tensor_set_shape(x, t, rank_of(dims), dims);
    x->data = (void *)(uintptr_t)data;
}

void case_none(struct op_case *c)
{
    c->left_out[c->n_in++] = true;
}

static struct attr *attr_next(struct op_case *c, enum attr_key k, enum attr_type t)
{
    ck_assert_uint_lt(c->n_attrs, CASE_ATTRS);
    struct attr *a = &c->attrs[c->n_attrs++];
    a->key = k;
    a->type = t;
    a->count = 1;
    return a;
}

void case_int(struct op_case *c, enum attr_key k, int64_t v)
{
    attr_next(c, k, ATTR_INT)->i = v;
}

void case_float(struct op_case *c, enum attr_key k, float v)
{
    attr_next(c, k, ATTR_FLOAT)->f = v;
}

void case_str(struct op_case *c, enum attr_key k, const char *v)
{
    struct attr *a = attr_next(c, k, ATTR_STRING);
    a->str = v;
    a->count = (uint32_t)strlen(v);
}

void case_ints(struct op_case *c, enum attr_key k, const int64_t *v, uint32_t n)
{
    struct attr *a = attr_next(c, k, ATTR_INTS);
    int64_t *list = c->lists[c->n_attrs - 1];
    ck_assert_uint_le(n, CASE_LIST);
    if (n)
        memcpy(list, v, n * sizeof(v[0]));
    a->ints = list;
    a->count = n;
}

void case_floats(struct op_case *c, enum attr_key k, const float *v, uint32_t n)
{
    struct attr *a = attr_next(c, k, ATTR_FLOATS);
    a->floats = v;
    a->count = n;
}

static enum status prepare(const struct op *op, const struct op_case *c, void *params,
                           struct err *err)
{
    struct op_node node = {.version = op_version(op, c->opset ? c->opset : NEWEST),
                           .n_in = c->n_in,
                           .n_out = c->n_out ? c->n_out : 1,
                           .attrs = {c->attrs, c->n_attrs}};
    ck_assert_msg(node.version > 0, "%s has no form at opset %d", c->name, c->opset);
    if (c->n_in < op->in_min || c->n_in > op->in_max || node.n_out < op->out_min ||
        node.n_out > op->out_max)
        return err_set(err, E_CORRUPT, "operand count");
    return op->prepare ? op->prepare(&node, params, err) : OK;
}

/* Heap of the operator's own size, so that a sanitizer sees what goes beyond it. */
static void *filled(uint64_t bytes)
{
    void *p = alloc_aligned(64, bytes ? bytes : 1);
    ck_assert_ptr_nonnull(p);
    memset(p, 0xa5, bytes ? bytes : 1);
    return p;
}

static bool is_small(const struct op_case *c, int n_out)
{
    uint64_t bytes, left = c->bytes_max;
    for (int i = 0; i < n_out; i++) {
        ck_assert_msg(tensor_bytes(&c->out[i], &bytes), "%s let a shape pass", c->name);
        if (bytes > left)
            return false;
        left -= bytes;
    }
    return c->scratch_bytes <= left;
}

enum status case_run(struct op_case *c, struct err *err)
{
    const struct op *op = op_by_name(c->domain ? c->domain : "", c->name);
    ck_assert_msg(op != NULL, "no operator %s", c->name);
    _Alignas(8) uint8_t params[OP_PARAMS_MAX] = {0};
    const struct tensor *in[CASE_OPERANDS];
    struct tensor seen[CASE_OPERANDS], *out[CASE_OPERANDS];
    int n_out = c->n_out ? c->n_out : 1;
    enum status s = prepare(op, c, params, err);
    if (s != OK)
        return s;
    for (int i = 0; i < c->n_in; i++) {
        seen[i] = c->in[i];
        seen[i].data = c->blind ? NULL : seen[i].data;
        in[i] = c->left_out[i] ? NULL : &seen[i];
    }
    for (int i = 0; i < n_out; i++)
        out[i] = &c->out[i];
    struct op_infer infer = {
        .params = params, .n_in = c->n_in, .n_out = n_out, .in = in, .out = out};
    s = op_infer_outputs(op, &infer, err);
    c->needs_data = infer.needs_data;
    if (s != OK)
        return s;
    c->scratch_bytes = infer.scratch_bytes;
    if (c->bytes_max && !is_small(c, n_out))
        return err_set(err, E_UNSUPPORTED, "larger than the test wants");
    for (int i = 0; i < n_out; i++) {
        uint64_t bytes;
        ck_assert(tensor_bytes(&c->out[i], &bytes));
        c->out[i].data = filled(bytes + (i ? 0 : infer.text_bytes));
    }
    for (int i = 0; i < c->n_in; i++)
        seen[i].data = c->in[i].data;
    void *scratch = filled(infer.scratch_bytes);
    struct op_run run = {params, c->n_in, n_out, in, out, scratch, NULL};
    s = op->run(&run, err);
    alloc_free(scratch);
    return s;
}

void case_fini(struct op_case *c)
{
    for (int i = 0; i < CASE_OPERANDS; i++) {
        alloc_free(c->out[i].data);
        c->out[i].data = NULL;
    }
}

void case_expect_shape(const struct op_case *c, int i, enum dtype t, const int64_t *dims)
{
    struct tensor want = {0};
    char got_text[TENSOR_TEXT_MAX], want_text[TENSOR_TEXT_MAX];
    tensor_set_shape(&want, t, rank_of(dims), dims);
    ck_assert_str_eq(tensor_text(&c->out[i], got_text), tensor_text(&want, want_text));
}

void case_expect(const struct op_case *c, int i, enum dtype t, const int64_t *dims,
                 const void *want, double rtol, double atol)
{
    case_expect_shape(c, i, t, dims);
    struct tensor w = c->out[i];
    w.data = (void *)(uintptr_t)want;
    for (int64_t k = 0; k < tensor_count(&w); k++) {
        double x = tensor_get_f64(&c->out[i], k), y = tensor_get_f64(&w, k);
        bool same = x == y || (isnan(x) && isnan(y));
        if (t == DT_STRING && !text_same(text_get(&c->out[i], k), text_get(&w, k)))
            ck_abort_msg("%s output %d[%ld]: '%.*s', expected '%.*s'", c->name, i, (long)k,
                         (int)text_get(&c->out[i], k).len, text_get(&c->out[i], k).at,
                         (int)text_get(&w, k).len, text_get(&w, k).at);
        if (!dtype_is_float(t))
            same = tensor_get_i64(&c->out[i], k) == tensor_get_i64(&w, k);
        if (!same && !(dtype_is_float(t) && fabs(x - y) <= atol + rtol * fabs(y)))
            ck_abort_msg("%s output %d[%ld]: %.9g, expected %.9g", c->name, i, (long)k, x, y);
    }
}
