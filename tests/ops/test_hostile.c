/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every operator meets random attributes, dtypes, shapes and values, many of them extreme. Whatever
 * it accepts is run on buffers of exactly the planned size: the sanitizers are the judges.
 * Operators with a check of their own (trees) are proved by their own tests; those whose operands
 * random shapes never fit together (LSTM) meet changed fixtures in test_structure.c as well. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ops/op_list.h"
#include "support/support.h"
#include "tensor/text.h"

enum {
    SLICES = 16, /* of the operators; a test each */
    ROUNDS = 1000,
    ROUNDS_MAX = 20 * ROUNDS,
    OPERANDS = 9,
    RUN_BYTES = 1 << 16,
    LIST = 6,
    ATTR_KEYS = 120
};

static uint64_t seed = 1;

static uint64_t next(void)
{
    uint64_t z = seed += 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int64_t below(int64_t n)
{
    return (int64_t)(next() % (uint64_t)n);
}

static int64_t any_number(void)
{
    static const int64_t extreme[] = {INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, 0x80000000,
                                      -1,        0,         1,         1 << 20,   INT64_C(1) << 40};
    return below(4) ? below(7) - 2 : extreme[below(ARRAY_COUNT(extreme))];
}

/* One operator, its operands and everything they point to. */
struct trial {
    const struct op *op;
    struct attr attrs[8];
    int64_t lists[8][LIST];
    struct tensor in[OPERANDS], out[OPERANDS];
    void *data[OPERANDS];
    const struct tensor *in_ptr[OPERANDS];
    struct tensor *out_ptr[OPERANDS];
    int n_in, n_out;
};

/* One that an operator of the domain may have. */
static enum attr_key any_key(const struct op *op)
{
    bool ml = strcmp(op->domain, "ai.onnx.ml") == 0;
    if (!ml && op->code >= OP_CODE_top_k && op->code < OP_CODE_one_hot && below(2))
        return (enum attr_key)(ATTR_equation + below(20));
    return (enum attr_key)(ml ? ATTR_post_transform + below(64) : 1 + below(ATTR_KEYS));
}

static bool is_list(enum attr_key k)
{
    return k == ATTR_pads || k == ATTR_strides || k == ATTR_dilations || k == ATTR_kernel_shape ||
           k == ATTR_axes || k == ATTR_perm || k == ATTR_starts || k == ATTR_ends ||
           k == ATTR_split || k == ATTR_shape || k == ATTR_inputdimensions;
}

/* Half of all lists are as long as the input has spatial dims and hold small numbers. */
static void any_list(struct attr *a, int64_t *list, int spatial)
{
    bool tame = below(2) && spatial > 0 && spatial <= LIST / 2;
    a->count = (uint32_t)(tame ? spatial * (a->key == ATTR_pads ? 2 : 1) : below(LIST + 1));
    for (int k = 0; k < LIST; k++)
        list[k] = tame ? 1 + below(2) : any_number();
    a->ints = list;
}

/* What each input has as its last dim: FeatureVectorizer takes nothing else. */
static void columns_list(const struct trial *t, struct attr *a, int64_t *list)
{
    a->count = (uint32_t)t->n_in;
    for (int i = 0; i < t->n_in; i++)
        list[i] = t->in[i].rank ? t->in[i].dims[t->in[i].rank - 1] : 1;
}

/* The operators on blocks of 16 channels. */
static bool is_blocked(const struct op *op)
{
    return op->code >= OP_CODE_block_conv && op->code <= OP_CODE_block_scale;
}

/* Those of low precision; their check looks for numbers that are not finite, and nothing trusts it.
 */
static bool is_narrow(const struct op *op)
{
    return op->code >= OP_CODE_narrow_conv && op->code <= OP_CODE_narrow_scale;
}

/* Without one of these some operators accept nothing. */
static enum attr_key any_needed(const struct op *op)
{
    if (is_narrow(op) && below(8))
        return op->code == OP_CODE_narrow_gemm ? ATTR_columns : ATTR_block_form;
    if (is_blocked(op) && below(4))
        return below(3) ? op->code == OP_CODE_block_unpack ? ATTR_channels : ATTR_block_form
                        : ATTR_group;
    static const enum attr_key needed[] = {ATTR_kernel_shape, ATTR_kernel_shape, ATTR_size,
                                           ATTR_direction};
    return needed[below(ARRAY_COUNT(needed))];
}

static struct attr_list any_attrs(struct trial *t)
{
    static const char *const words[] = {"SAME_UPPER", "SAME_LOWER", "VALID",    "reflect", "edge",
                                        "",           "SOFTMAX",    "LOGISTIC", "L1",      "RBF",
                                        "LEFT",       "sum",        "none"};
    uint32_t n = (uint32_t)below(ARRAY_COUNT(t->attrs));
    for (uint32_t i = 0; i < n; i++) {
        struct attr *a = &t->attrs[i];
        memset(a, 0, sizeof(*a));
        a->key = i || below(2) ? any_key(t->op) : any_needed(t->op);
        bool text = a->key == ATTR_auto_pad || a->key == ATTR_mode ||
                    a->key == ATTR_post_transform || a->key == ATTR_norm ||
                    a->key == ATTR_kernel_type || a->key == ATTR_direction ||
                    a->key == ATTR_reduction || a->key == ATTR_approximate;
        a->type = is_list(a->key) ? ATTR_INTS : text ? ATTR_STRING : ATTR_INT;
        if (!below(10))
            a->type = (enum attr_type)(1 + below(4));
        any_list(a, t->lists[i], is_blocked(t->op) || is_narrow(t->op) ? 2 : t->in[0].rank - 2);
        if (a->key == ATTR_inputdimensions)
            columns_list(t, a, t->lists[i]);
        a->str = words[below(ARRAY_COUNT(words))];
        if (a->type == ATTR_STRING)
            a->count = (uint32_t)strlen(a->str);
        a->i = below(2) ? below(2) : any_number();
        if (a->key == ATTR_block_form || (a->key == ATTR_channels && below(2)))
            a->i = below(5);
        if (a->key == ATTR_columns && below(4))
            a->i = 1 + below(32);
        a->f = (float)below(3);
    }
    return (struct attr_list){t->attrs, n};
}

static void any_tensor(const struct op *op, struct tensor *x, const struct tensor *like)
{
    static const enum dtype types[] = {DT_F32,  DT_F32, DT_F32, DT_I64,  DT_I64,
                                       DT_BOOL, DT_I32, DT_F64, DT_U8,   DT_F16,
                                       DT_U64,  DT_I8,  DT_U32, DT_BF16, DT_STRING};
    bool strings = op->flags & OP_STRINGS; /* the last of the types */
    *x = (struct tensor){.dtype = types[below(ARRAY_COUNT(types) - !strings)]};
    if (like && below(2)) {
        *x = *like;
        x->data = NULL;
        if (below(2) && x->rank)
            x->dims[below(x->rank)] = 1 + below(3);
        return;
    }
    x->rank = (int)below(below(4) ? 5 : 9);
    for (int d = 0; d < x->rank; d++)
        x->dims[d] = below(20) ? 1 + below(4) : below(2) ? 0 : INT64_C(1) << below(40);
}

/* Blocks, and weights in one of the layouts that go with them, most of the time. */
static void any_blocks(struct trial *t)
{
    static const int8_t weights[][6] = {
        {1, 1, 3, 3, 16, 16}, {1, 3, 3, 2, 16, 0}, {2, 3, 1, 16, 0, 0}, {36, 1, 1, 16, 16, 0}};
    int64_t x[] = {1 + below(2), 1 + below(2), 1 + below(5), 1 + below(5), 16}, w[6],
            row[] = {16 * x[1]};
    int form = (int)below(4), rank = 0;
    if (!below(8))
        return;
    static const enum dtype types[] = {DT_F32, DT_F32, DT_U8, DT_BF16};
    tensor_set_shape(&t->in[0], types[t->op->code == OP_CODE_block_conv ? 0 : below(4)],
                     form == 1 && below(4) ? 4 : 5, x);
    for (; rank < 6 && weights[form][rank]; rank++)
        w[rank] = below(16) ? weights[form][rank] : 1 + below(3);
    if (t->op->code == OP_CODE_block_scale)
        tensor_set_shape(&t->in[1], DT_F32, 1, row);
    else if (t->n_in > 1)
        tensor_set_shape(&t->in[1], DT_F32, rank, w);
    if (t->n_in > 2 && below(2))
        tensor_set_shape(&t->in[2], DT_F32, 1, row);
}

/* The same for operators of low precision. */
static void any_narrow(struct trial *t)
{
    static const enum dtype types[] = {DT_U8, DT_BF16, DT_F32};
    const enum dtype type = types[below(3)], like = types[below(3)];
    const bool bytes = type == DT_U8, rows = t->op->code == OP_CODE_narrow_gemm;
    const bool depthwise = !rows && below(3) == 0;
    int64_t word = bytes ? 4 : 2, blocks = 1 + below(2), channels = 1 + below(20);
    int64_t x[] = {1 + below(2), depthwise ? blocks : (channels + 15) / 16, 1 + below(5),
                   1 + below(5), 16};
    int64_t w[] = {blocks, 1 + below(3), 1 + below(3), (channels + word - 1) / word, 16, word};
    int64_t row[] = {16 * blocks}, wide[] = {blocks, w[1], w[2], 16}, matrix[] = {x[2], channels};
    if (t->op->code == OP_CODE_narrow_scale)
        row[0] = 16 * x[1];
    if (!below(8))
        w[below(6)]++;
    tensor_set_shape(&t->in[0], type, rows ? 2 : 5, rows ? matrix : x);
    if (t->op->code == OP_CODE_narrow_scale)
        tensor_set_shape(&t->in[1], DT_F32, 1, row);
    else if (depthwise)
        tensor_set_shape(&t->in[1], DT_F32, 4, wide);
    else if (rows)
        tensor_set_shape(&t->in[1], bytes ? DT_I8 : DT_BF16, 4,
                         (const int64_t[]){blocks, w[3], w[4], w[5]});
    else
        tensor_set_shape(&t->in[1], bytes ? DT_I8 : DT_BF16, 6, w);
    for (int i = 2; i < t->n_in && i < 4; i++)
        tensor_set_shape(&t->in[i], DT_F32, 1, row);
    if (t->n_in > 4)
        t->in[4].dtype = like;
}

static struct text any_text(void)
{
    static const char *const words[] = {"", "1", "-2.5", "nan", "1e400", "word", "\xc3\x89tat"};
    const char *w = words[below(ARRAY_COUNT(words))];
    return (struct text){*w ? w : NULL, strlen(w)};
}

/* Every byte that a result's texts claim can be read. */
static void read_texts(const struct tensor *x)
{
    for (int64_t i = 0; x->data && x->dtype == DT_STRING && i < tensor_count(x); i++)
        ck_assert(text_valid(text_get(x, i).at, text_get(x, i).len));
}

/* Values for a tensor that is small enough to have them. */
static void *any_data(struct tensor *x)
{
    uint64_t bytes;
    if (!tensor_bytes(x, &bytes) || bytes > RUN_BYTES)
        return NULL;
    x->data = alloc_aligned(64, bytes ? bytes : 1);
    ck_assert_ptr_nonnull(x->data);
    for (int64_t i = 0; i < tensor_count(x); i++) {
        int64_t v = any_number();
        if (x->dtype == DT_F32)
            ((float *)x->data)[i] = (float)v;
        else if (x->dtype == DT_F64)
            ((double *)x->data)[i] = (double)v;
        else if (x->dtype == DT_BOOL)
            ((uint8_t *)x->data)[i] = (uint8_t)(v & 1);
        else if (x->dtype == DT_STRING)
            ((struct text *)x->data)[i] = any_text();
        else
            memcpy((uint8_t *)x->data + (size_t)i * dtype_bytes(x->dtype), &v,
                   dtype_bytes(x->dtype));
    }
    return x->data;
}

static bool setup(struct trial *t)
{
    t->n_in = t->op->in_min + (int)below(MIN(t->op->in_max, OPERANDS) - t->op->in_min + 1);
    t->n_out = t->op->out_min + (int)below(MIN(t->op->out_max, OPERANDS) - t->op->out_min + 1);
    for (int i = 0; i < t->n_in; i++)
        any_tensor(t->op, &t->in[i], i ? &t->in[0] : NULL);
    if (is_blocked(t->op))
        any_blocks(t);
    if (is_narrow(t->op))
        any_narrow(t);
    for (int i = 0; i < t->n_in; i++) {
        uint64_t bytes;
        bool shaped = is_blocked(t->op) || is_narrow(t->op);
        if (i == 1 && !shaped && t->in[0].rank > 1 && !below(3)) /* one element per channel */
            tensor_set_shape(&t->in[1], t->in[0].dtype, 1, &t->in[0].dims[1]);
        if (i > 1 && below(4) && !shaped) {
            t->in[i] = t->in[1];
            t->in[i].data = NULL;
        }
        if (!tensor_bytes(&t->in[i], &bytes))
            return false; /* callers never hand on a shape without a size */
        t->data[i] = below(8) ? any_data(&t->in[i]) : NULL;
        t->in_ptr[i] = below(12) ? &t->in[i] : NULL;
        if (is_narrow(t->op) && i == 2 && t->op->code != OP_CODE_narrow_scale &&
            (t->in[0].dtype != DT_U8) == (below(8) != 0))
            t->in_ptr[i] = NULL;
    }
    for (int i = 0; i < t->n_out; i++)
        t->out_ptr[i] = below(12) ? &t->out[i] : NULL;
    return true;
}

/* True when every operand has its data and every output is small enough. */
static bool runnable(struct trial *t, const struct op_infer *infer)
{
    uint64_t bytes;
    for (int i = 0; i < t->n_in; i++)
        if (t->in_ptr[i] && !t->in[i].data)
            return false;
    for (int i = 0; i < t->n_out; i++)
        if (t->out_ptr[i]) {
            ck_assert_msg(tensor_bytes(&t->out[i], &bytes), "%s let a shape pass", t->op->name);
            if (bytes > RUN_BYTES)
                return false;
        }
    return infer->scratch_bytes <= RUN_BYTES * 16 && infer->text_bytes <= RUN_BYTES * 16;
}

static void run(struct trial *t, const void *params, const struct op_infer *infer)
{
    struct err err;
    uint64_t bytes;
    void *scratch = alloc_aligned(64, infer->scratch_bytes + 1);
    ck_assert_ptr_nonnull(scratch);
    for (int i = 0; i < t->n_out; i++) {
        t->out[i].data = NULL;
        if (t->out_ptr[i] && tensor_bytes(&t->out[i], &bytes)) {
            bytes += i ? 0 : infer->text_bytes;
            t->out[i].data = alloc_aligned(64, bytes ? bytes : 1);
            ck_assert_ptr_nonnull(t->out[i].data);
        }
    }
    struct op_run r = {params, t->n_in, t->n_out, t->in_ptr, t->out_ptr, scratch, NULL};
    enum status s = t->op->run(&r, &err);
    ck_assert_msg(s == OK || s == E_BAD_INPUT || s == E_UNSUPPORTED, "%s: %s", t->op->name,
                  status_name(s));
    for (int i = 0; i < t->n_out; i++) {
        if (s == OK && t->out_ptr[i])
            read_texts(&t->out[i]);
        alloc_free(t->out[i].data);
    }
    alloc_free(scratch);
}

/* 1 when the operator ran. */
static int attempt(const struct op *op)
{
    struct trial t = {.op = op};
    _Alignas(8) uint8_t params[OP_PARAMS_MAX] = {0};
    struct err err;
    int ran = 0, versions = 0;
    while (versions < OP_SINCE_MAX && op->since[versions])
        versions++;
    if (setup(&t)) {
        struct op_node node = {op->since[below(versions)], t.n_in, t.n_out, any_attrs(&t)};
        enum status s = op->prepare ? op->prepare(&node, params, &err) : OK;
        struct op_infer infer = {
            .params = params, .n_in = t.n_in, .n_out = t.n_out, .in = t.in_ptr, .out = t.out_ptr};
        if (s == OK)
            s = op_infer_outputs(op, &infer, &err);
        if (s != OK && s != E_CORRUPT && s != E_BAD_INPUT && s != E_UNSUPPORTED)
            ck_abort_msg("%s: %s", op->name, status_name(s));
        if (s == OK && runnable(&t, &infer)) {
            run(&t, params, &infer);
            ran = 1;
        }
    }
    for (int i = 0; i < OPERANDS; i++)
        alloc_free(t.data[i]);
    return ran;
}

static bool is_particular(const struct op *op)
{
    static const char *const names[] = {
        "OneHot",        "ScatterND",        "LSTM",        "GRU",         "RNN",
        "ConvTranspose", "Resize",           "Upsample",    "QLinearConv", "QLinearMatMul",
        "ConvInteger",   "MatMulInteger",    "LinearBoost", "PackedGemm",  "RoiAlign",
        "GridSample",    "Col2Im",           "STFT",        "MaxUnpool",   "MelWeightMatrix",
        "Einsum",        "NonMaxSuppression"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strcmp(names[i], op->name) == 0)
            return true;
    return false;
}

START_TEST(nothing_that_is_accepted_leaves_its_buffers)
{
    size_t n;
    const struct op *const *all = op_table(&n);
    seed = (uint64_t)_i + 1;
    for (size_t i = (size_t)_i; i < n; i += SLICES) {
        if (all[i]->flags & OP_CONTROL)
            continue; /* the runtime runs it: tests/runtime */
        bool particular = all[i]->const_attrs || is_particular(all[i]);
        bool proved = all[i]->check && !is_narrow(all[i]);
        int ran = 0, limit = proved ? 0 : particular ? ROUNDS : ROUNDS_MAX;
        for (int round = 0; round < limit && (round < ROUNDS || !ran); round++)
            ran += attempt(all[i]);
        ck_assert_msg(proved || particular || ran > 0, "%s never ran", all[i]->name);
    }
}
END_TEST

Suite *suite_hostile(void)
{
    Suite *s = suite_create("hostile");
    TCase *t = tcase_create("hostile");
    tcase_add_loop_test(t, nothing_that_is_accepted_leaves_its_buffers, 0, SLICES);
    suite_add_tcase(s, t);
    return s;
}
