/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LabelEncoder from numbers to numbers: where a key stands its value, elsewhere the default; of two
 * equal keys the first counts, and NaN equals NaN. Few elements are looked up key by key; for more
 * the keys are put in order first, so that the work is (elements + keys) * log keys.
 * source: ONNX ai.onnx.ml LabelEncoder-2, LabelEncoder-4 */
#include <math.h>
#include <string.h>

#include "ops/ml.h"

enum operand {
    X,
    KEYS_INT64S,
    KEYS_FLOATS,
    KEYS_TENSOR,
    VALUES_INT64S,
    VALUES_FLOATS,
    VALUES_TENSOR,
    DEFAULT_TENSOR,
    OPERANDS
};

enum { FEW = 16, WIDEST = 8 };

struct params {
    float float_default;
    int64_t int_default;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = attr_float(&node->attrs, ATTR_default_float, -0.0f, &p->float_default, err);
    return s == OK ? attr_int(&node->attrs, ATTR_default_int64, -1, &p->int_default, err) : s;
}

/* The one operand that is given among three. */
static const struct tensor *given(const struct tensor *const *in, int n_in, int first)
{
    for (int i = first; i < first + 3; i++)
        if (ml_operand(in, n_in, i))
            return in[i];
    return NULL;
}

static bool encodable(enum dtype t)
{
    return ml_numeric(t) || t == DT_I16;
}

static enum status infer(struct op_infer *c, struct err *err)
{
    const struct tensor *keys = given(c->in, c->n_in, KEYS_INT64S);
    const struct tensor *values = given(c->in, c->n_in, VALUES_INT64S);
    const struct tensor *def = ml_operand(c->in, c->n_in, DEFAULT_TENSOR);
    enum status s = op_operands(c, "LabelEncoder", 1, err);
    if (s != OK)
        return s;
    if (!keys || !values)
        return err_set(err, E_BAD_INPUT, "LabelEncoder: no %s", keys ? "values" : "keys");
    const struct tensor *x = c->in[X];
    if (!encodable(x->dtype))
        return op_no_kernel("LabelEncoder", X, x, err);
    if (keys->dtype != x->dtype)
        return op_bad("LabelEncoder", X, x, dtype_text(keys->dtype), err);
    if (!encodable(values->dtype) || tensor_count(values) != tensor_count(keys))
        return err_set(err, E_BAD_INPUT, "LabelEncoder: %lld keys and %lld values of %s",
                       (long long)tensor_count(keys), (long long)tensor_count(values),
                       dtype_text(values->dtype));
    if (def && (def->dtype != values->dtype || tensor_count(def) != 1))
        return op_bad("LabelEncoder", DEFAULT_TENSOR, def, "one element like the values", err);
    if (tensor_count(x) > FEW)
        c->scratch_bytes = sizeof(int64_t) * (uint64_t)tensor_count(keys);
    return op_output(c, 0, "LabelEncoder", values->dtype, x->rank, x->dims, err);
}

/* ---- lookup ---- */

static int order(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (isnan(a) ? 1 : 0) - (isnan(b) ? 1 : 0);
    return a < b ? -1 : a > b;
}

/* Element i of a against element k of b. */
static int compare(const struct tensor *a, int64_t i, const struct tensor *b, int64_t k)
{
    if (dtype_is_float(a->dtype))
        return order(tensor_get_f64(a, i), tensor_get_f64(b, k));
    int64_t x = tensor_get_i64(a, i), y = tensor_get_i64(b, k);
    return x < y ? -1 : x > y;
}

static bool before(const struct tensor *keys, int64_t a, int64_t b)
{
    int by_key = compare(keys, a, keys, b);
    return by_key < 0 || (by_key == 0 && a < b);
}

static void sift(const struct tensor *keys, int64_t *at, int64_t from, int64_t n)
{
    for (int64_t child; (child = 2 * from + 1) < n; from = child) {
        if (child + 1 < n && before(keys, at[child], at[child + 1]))
            child++;
        if (!before(keys, at[from], at[child]))
            return;
        int64_t t = at[from];
        at[from] = at[child];
        at[child] = t;
    }
}

/* Heapsort: qsort may allocate. */
static void sort(const struct tensor *keys, int64_t *at, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        at[i] = i;
    for (int64_t i = n / 2; i-- > 0;)
        sift(keys, at, i, n);
    for (int64_t end = n - 1; end > 0; end--) {
        int64_t t = at[0];
        at[0] = at[end];
        at[end] = t;
        sift(keys, at, 0, end);
    }
}

/* The first key equal to element i, or -1. `at`: the keys in order, NULL: search them all. */
static int64_t find(const struct tensor *x, int64_t i, const struct tensor *keys, const int64_t *at)
{
    int64_t low = 0, high = tensor_count(keys);
    if (!at) {
        while (low < high && compare(x, i, keys, low) != 0)
            low++;
        return low < high ? low : -1;
    }
    int64_t n = high;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (compare(keys, at[middle], x, i) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && compare(keys, at[low], x, i) == 0 ? at[low] : -1;
}

/* ---- the run ---- */

static void store(enum dtype t, const struct params *p, uint8_t out[WIDEST])
{
    double f64 = (double)p->float_default;
    if (t == DT_F32)
        memcpy(out, &p->float_default, sizeof(p->float_default));
    else if (t == DT_F64)
        memcpy(out, &f64, sizeof(f64));
    else
        memcpy(out, &p->int_default, sizeof(p->int_default)); /* little-endian: low bytes first */
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct tensor *x = c->in[X], *keys = given(c->in, c->n_in, KEYS_INT64S);
    const struct tensor *values = given(c->in, c->n_in, VALUES_INT64S);
    const struct tensor *def = ml_operand(c->in, c->n_in, DEFAULT_TENSOR);
    size_t width = dtype_bytes(values->dtype);
    uint8_t otherwise[WIDEST] = {0}, *to = c->out[0]->data;
    int64_t n = tensor_count(x), *at = n > FEW ? c->scratch : NULL;
    if (def)
        memcpy(otherwise, def->data, width);
    else
        store(values->dtype, c->params, otherwise);
    if (at)
        sort(keys, at, tensor_count(keys));
    for (int64_t i = 0; i < n; i++, to += width) {
        int64_t k = find(x, i, keys, at);
        memcpy(to, k < 0 ? otherwise : (const uint8_t *)values->data + (size_t)k * width, width);
    }
    return OK;
}

static const enum attr_key consts[] = {ATTR_keys_int64s,    ATTR_keys_floats,   ATTR_keys_tensor,
                                       ATTR_values_int64s,  ATTR_values_floats, ATTR_values_tensor,
                                       ATTR_default_tensor, ATTR_NONE};

const struct op op_label_encoder = {
    .domain = "ai.onnx.ml",
    .name = "LabelEncoder",
    .code = OP_CODE_label_encoder,
    .since = {2, 4},
    .in_min = 1,
    .in_max = OPERANDS,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .const_attrs = consts,
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
