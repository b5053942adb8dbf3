/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LabelEncoder, of numbers and strings: where a key stands its value, elsewhere the default. Its
 * first form has a list of strings: a string becomes its place, an integer the string there.
 * source: ONNX ai.onnx.ml LabelEncoder-1, LabelEncoder-2, LabelEncoder-4 */
#include <string.h>

#include "ops/lookup.h"
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
    KEYS_STRINGS,
    VALUES_STRINGS,
    CLASSES_STRINGS,
    OPERANDS
};

enum { WIDEST = sizeof(struct text) };

struct params {
    bool by_place; /* LabelEncoder-1 */
    float float_default;
    int64_t int_default;
    struct text string_default;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    p->by_place = node->version == 1;
    enum status s = attr_float(&node->attrs, ATTR_default_float, -0.0f, &p->float_default, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_default_int64, -1, &p->int_default, err);
    return s == OK ? ml_text(node, ATTR_default_string, "_Unused", &p->string_default, err) : s;
}

/* The one operand that is given. */
static const struct tensor *given(const struct tensor *const *in, int n_in, int first, int strings)
{
    for (int i = first; i < first + 3; i++)
        if (op_operand(in, n_in, i))
            return in[i];
    return op_operand(in, n_in, strings);
}

static bool encodable(enum dtype t)
{
    return ml_numeric(t) || t == DT_I16 || t == DT_STRING;
}

/* Keys and values as x is to be read: of the first form's list one is the other's place. */
struct table {
    const struct tensor *keys, *values; /* NULL: the place */
};

static struct table table_of(const struct params *p, const struct tensor *const *in, int n_in)
{
    const struct tensor *list = op_operand(in, n_in, CLASSES_STRINGS);
    if (p->by_place)
        return in[X]->dtype == DT_STRING ? (struct table){list, NULL} : (struct table){NULL, list};
    return (struct table){given(in, n_in, KEYS_INT64S, KEYS_STRINGS),
                          given(in, n_in, VALUES_INT64S, VALUES_STRINGS)};
}

static enum status check_pairs(const struct op_infer *c, const struct table *t, struct err *err)
{
    const struct tensor *x = c->in[X], *def = op_operand(c->in, c->n_in, DEFAULT_TENSOR);
    if (!t->keys || !t->values)
        return err_set(err, E_BAD_INPUT, "LabelEncoder: no %s", t->keys ? "values" : "keys");
    if (!encodable(x->dtype))
        return op_no_kernel("LabelEncoder", X, x, err);
    if (t->keys->dtype != x->dtype)
        return op_bad("LabelEncoder", X, x, dtype_text(t->keys->dtype), err);
    if (!encodable(t->values->dtype) || tensor_count(t->values) != tensor_count(t->keys))
        return err_set(err, E_BAD_INPUT, "LabelEncoder: %lld keys and %lld values of %s",
                       (long long)tensor_count(t->keys), (long long)tensor_count(t->values),
                       dtype_text(t->values->dtype));
    if (def && (def->dtype != t->values->dtype || tensor_count(def) != 1))
        return op_bad("LabelEncoder", DEFAULT_TENSOR, def, "one element like the values", err);
    return OK;
}

static enum status infer(struct op_infer *c, struct err *err)
{
    const struct params *p = c->params;
    enum status s = op_operands(c, "LabelEncoder", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = c->in[X];
    struct table t = table_of(p, c->in, c->n_in);
    if (!p->by_place)
        s = check_pairs(c, &t, err);
    else if (!t.keys && !t.values)
        s = err_set(err, E_BAD_INPUT, "LabelEncoder: it has no classes_strings");
    else if (x->dtype != DT_STRING && x->dtype != DT_I64)
        s = op_bad("LabelEncoder", X, x, "string or int64", err);
    else
        s = ml_vector(c, "LabelEncoder", CLASSES_STRINGS, DT_STRING, err);
    if (s != OK)
        return s;
    if (t.keys)
        c->scratch_bytes = lookup_scratch_bytes(tensor_count(x), t.keys);
    return op_output(c, 0, "LabelEncoder", t.values ? t.values->dtype : DT_I64, x->rank, x->dims,
                     err);
}

/* ---- the run ---- */

static void set_default(const struct op_run *c, uint8_t out[WIDEST])
{
    const struct params *p = c->params;
    const struct tensor *def = op_operand(c->in, c->n_in, DEFAULT_TENSOR);
    enum dtype t = c->out[0]->dtype;
    double f64 = (double)p->float_default;
    if (def)
        memcpy(out, def->data, dtype_bytes(t));
    else if (t == DT_STRING)
        memcpy(out, &p->string_default, sizeof(p->string_default));
    else if (t == DT_F32)
        memcpy(out, &p->float_default, sizeof(p->float_default));
    else if (t == DT_F64)
        memcpy(out, &f64, sizeof(f64));
    else
        memcpy(out, &p->int_default, sizeof(p->int_default)); /* little-endian: low bytes first */
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct tensor *x = c->in[X];
    const struct table t = table_of(c->params, c->in, c->n_in);
    size_t width = dtype_bytes(c->out[0]->dtype);
    uint8_t otherwise[WIDEST] = {0}, *to = c->out[0]->data;
    int64_t n = tensor_count(x);
    struct lookup l;
    set_default(c, otherwise);
    if (t.keys)
        lookup_begin(&l, t.keys, n, NULL, c->scratch);
    for (int64_t i = 0; i < n; i++, to += width) {
        int64_t k = t.keys ? lookup_find(&l, x, i) : tensor_get_i64(x, i);
        const void *from = t.values && k >= 0 && k < tensor_count(t.values)
                               ? (const uint8_t *)t.values->data + (size_t)k * width
                               : otherwise;
        memcpy(to, k >= 0 && !t.values ? (const void *)&k : from, width);
    }
    return OK;
}

static const enum attr_key consts[] = {
    ATTR_keys_int64s,     ATTR_keys_floats,   ATTR_keys_tensor,
    ATTR_values_int64s,   ATTR_values_floats, ATTR_values_tensor,
    ATTR_default_tensor,  ATTR_keys_strings,  ATTR_values_strings,
    ATTR_classes_strings, ATTR_NONE};

const struct op op_label_encoder = {
    .domain = "ai.onnx.ml",
    .name = "LabelEncoder",
    .code = OP_CODE_label_encoder,
    .since = {1, 2, 4},
    .types = OP_T(F32) | OP_T(F64) | OP_T(I16) | OP_T(I32) | OP_T(I64),
    .in_min = 1,
    .in_max = OPERANDS,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .const_attrs = consts,
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
