/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* CategoryMapper: strings to integers, or integers to strings, by two lists of equal length.
 * source: ONNX ai.onnx.ml CategoryMapper-1 */
#include "ops/lookup.h"
#include "ops/ml.h"

enum operand { X, CATS_INT64S, CATS_STRINGS, OPERANDS };

struct params {
    int64_t int_default;
    struct text string_default;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = attr_int(&node->attrs, ATTR_default_int64, -1, &p->int_default, err);
    return s == OK ? ml_text(node, ATTR_default_string, "_Unused", &p->string_default, err) : s;
}

static enum status infer(struct op_infer *c, struct err *err)
{
    enum status s = op_operands(c, "CategoryMapper", OPERANDS, err);
    if (s == OK)
        s = ml_vector(c, "CategoryMapper", CATS_INT64S, DT_I64, err);
    if (s == OK)
        s = ml_vector(c, "CategoryMapper", CATS_STRINGS, DT_STRING, err);
    if (s != OK)
        return s;
    const struct tensor *x = c->in[X];
    if (x->dtype != DT_STRING && x->dtype != DT_I64)
        return op_bad("CategoryMapper", X, x, "string or int64", err);
    if (c->in[CATS_INT64S]->dims[0] != c->in[CATS_STRINGS]->dims[0])
        return op_bad("CategoryMapper", CATS_STRINGS, c->in[CATS_STRINGS], "as many as cats_int64s",
                      err);
    c->scratch_bytes = lookup_scratch_bytes(tensor_count(x), c->in[CATS_INT64S]);
    return op_output(c, 0, "CategoryMapper", x->dtype == DT_STRING ? DT_I64 : DT_STRING, x->rank,
                     x->dims, err);
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct params *p = c->params;
    const struct tensor *x = c->in[X], *ints = c->in[CATS_INT64S], *texts = c->in[CATS_STRINGS];
    bool from_text = x->dtype == DT_STRING;
    int64_t n = tensor_count(x);
    struct lookup l;
    lookup_begin(&l, from_text ? texts : ints, n, NULL, c->scratch);
    for (int64_t i = 0; i < n; i++) {
        int64_t k = lookup_find(&l, x, i);
        if (from_text)
            ((int64_t *)c->out[0]->data)[i] = k < 0 ? p->int_default : tensor_get_i64(ints, k);
        else
            ((struct text *)c->out[0]->data)[i] = k < 0 ? p->string_default : text_get(texts, k);
    }
    return OK;
}

static const enum attr_key consts[] = {ATTR_cats_int64s, ATTR_cats_strings, ATTR_NONE};

const struct op op_category_mapper = {
    .domain = "ai.onnx.ml",
    .name = "CategoryMapper",
    .code = OP_CODE_category_mapper,
    .since = {1},
    .types = OP_T(I64),
    .in_min = OPERANDS,
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
