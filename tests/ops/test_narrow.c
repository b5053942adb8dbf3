/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The operators of low precision: what an artifact may not say of them, and one product of each
 * type by hand. */
#include <math.h>
#include <string.h>

#include "kernels/blocked.h"
#include "ops/op_list.h"
#include "support/support.h"
#include "tensor/tensor.h"

enum { OPERANDS = 5, ATTRS = 4, LANES = 16, WORDS = 2 };

/* A product of one row of bytes: x[1][8], 16 columns of which 10 count. */
struct fixture {
    uint8_t x[8];
    int8_t w[WORDS * LANES * 4];
    float scale[LANES], b[LANES], z[10], y[10];
    struct tensor t[OPERANDS], out;
    struct attr attrs[ATTRS];
    uint64_t params[OP_PARAMS_MAX / 8];
    int n_in;
    struct err err;
};

static void fixture_init(struct fixture *f)
{
    *f =
        (struct fixture){.t = {{DT_U8, 2, {1, 8}, f->x},
                               {DT_I8, 4, {1, WORDS, LANES, 4}, f->w},
                               {DT_F32, 1, {LANES}, f->scale},
                               {DT_F32, 1, {LANES}, f->b},
                               {DT_F32, 2, {1, 10}, f->z}},
                         .attrs = {{.key = ATTR_columns, .type = ATTR_INT, .count = 1, .i = 10},
                                   {.key = ATTR_y_type, .type = ATTR_INT, .count = 1, .i = DT_F32},
                                   {.key = ATTR_y_scale, .type = ATTR_FLOAT, .count = 1, .f = 0.5f},
                                   {.key = ATTR_y_zero, .type = ATTR_INT, .count = 1, .i = 3}},
                         .n_in = OPERANDS};
    for (int i = 0; i < LANES; i++) {
        f->scale[i] = 0.5f;
        f->b[i] = 1;
    }
}

static const struct op *product(void)
{
    return op_by_name("roost", "NarrowGemm");
}

static enum status infer(struct fixture *f, const struct op *op)
{
    const struct op_node node = {1, f->n_in, 1, {f->attrs, ATTRS}};
    const struct tensor *in[] = {&f->t[0], &f->t[1], &f->t[2], &f->t[3], &f->t[4]};
    struct tensor *out = &f->out;
    struct op_infer c = {.params = f->params, .n_in = f->n_in, .n_out = 1, .in = in, .out = &out};
    enum status s = op->prepare(&node, f->params, &f->err);
    return s == OK ? op->infer(&c, &f->err) : s;
}

START_TEST(a_product_of_bytes_by_hand)
{
    struct fixture f;
    fixture_init(&f);
    for (int i = 0; i < 8; i++)
        f.x[i] = (uint8_t)(i + 1);
    for (int i = 0; i < WORDS * LANES * 4; i++) /* channel 4 * word + i % 4 times the column */
        f.w[i] = (int8_t)(i / 4 % LANES);
    for (int i = 0; i < 10; i++)
        f.z[i] = 0.25f;
    ck_ok(infer(&f, product()), &f.err);
    ck_assert_int_eq(f.out.dtype, DT_F32);
    ck_assert_int_eq(f.out.dims[1], 10);
    f.out.data = f.y;
    const struct tensor *in[] = {&f.t[0], &f.t[1], &f.t[2], &f.t[3], &f.t[4]};
    struct tensor *out = &f.out;
    const struct op_run run = {f.params, OPERANDS, 1, in, &out, NULL, NULL};
    ck_ok(product()->check(f.params, OPERANDS, in, &f.err), &f.err);
    ck_ok(product()->run(&run, &f.err), &f.err);
    for (int j = 0; j < 10; j++) /* 36 j scaled, bias and addend */
        ck_assert(f.y[j] == (float)(36 * j) * 0.5f + 1 + 0.25f);
}
END_TEST

START_TEST(numbers_that_no_attribute_may_have)
{
    static const struct attr bad[] = {
        {.key = ATTR_y_scale, .type = ATTR_FLOAT, .count = 1, .f = 0},
        {.key = ATTR_y_scale, .type = ATTR_FLOAT, .count = 1, .f = -1},
        {.key = ATTR_y_scale, .type = ATTR_FLOAT, .count = 1, .f = INFINITY},
        {.key = ATTR_y_scale, .type = ATTR_FLOAT, .count = 1, .f = NAN},
        {.key = ATTR_x_scale, .type = ATTR_FLOAT, .count = 1, .f = 1e-40f},
        {.key = ATTR_z_zero, .type = ATTR_INT, .count = 1, .i = 256},
        {.key = ATTR_x_zero, .type = ATTR_INT, .count = 1, .i = -1},
        {.key = ATTR_y_type, .type = ATTR_INT, .count = 1, .i = DT_I8},
        {.key = ATTR_y_type, .type = ATTR_INT, .count = 1, .i = INT64_C(1) << 32},
    };
    static const char *const ops[] = {"NarrowGemm", "NarrowConv", "NarrowScale",
                                      "BlockAveragePool"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        for (size_t k = 0; k < ARRAY_COUNT(ops); k++) {
            struct fixture f;
            fixture_init(&f);
            f.attrs[3] = bad[i];
            f.attrs[2].f = bad[i].key == ATTR_y_scale ? bad[i].f : 1;
            f.attrs[1].i = bad[i].key == ATTR_y_type ? bad[i].i : DT_F32;
            ck_assert_int_eq(infer(&f, op_by_name("roost", ops[k])), E_CORRUPT);
            ck_assert_ptr_nonnull(strstr(f.err.msg, attr_name(bad[i].key)));
        }
}
END_TEST

START_TEST(operands_that_do_not_belong_together)
{
    static const struct {
        int operand;
        struct tensor t;
    } bad[] = {
        {0, {DT_U8, 2, {1, 9}, NULL}},          /* another number of words */
        {0, {DT_BF16, 2, {1, 8}, NULL}},        /* int8 weights beside bfloat16 */
        {0, {DT_I8, 2, {1, 8}, NULL}},          /* no kernel */
        {0, {DT_U8, 2, {1, 65536}, NULL}},      /* sums would not fit */
        {1, {DT_I8, 4, {2, 2, 16, 4}, NULL}},   /* a panel too many */
        {1, {DT_I8, 4, {1, 2, 16, 2}, NULL}},   /* another word */
        {1, {DT_BF16, 4, {1, 2, 16, 4}, NULL}}, /* bfloat16 weights beside bytes */
        {2, {DT_F32, 1, {10}, NULL}},           /* no whole panel */
        {3, {DT_F32, 1, {32}, NULL}},           {3, {DT_BF16, 1, {16}, NULL}},
        {4, {DT_F32, 2, {1, 11}, NULL}},        {4, {DT_I32, 2, {1, 10}, NULL}},
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct fixture f;
        fixture_init(&f);
        f.t[bad[i].operand] = bad[i].t;
        enum status s = infer(&f, product());
        ck_assert_msg(s == E_BAD_INPUT || s == E_UNSUPPORTED, "case %zu: %s", i, status_name(s));
        ck_assert_ptr_nonnull(strstr(f.err.msg, "NarrowGemm: "));
    }
    struct fixture f;
    fixture_init(&f);
    f.n_in = 2; /* bytes without scales */
    ck_assert_int_eq(infer(&f, product()), E_BAD_INPUT);
}
END_TEST

START_TEST(scales_that_are_not_finite_are_corrupt)
{
    for (int k = 2; k < 4; k++) {
        struct fixture f;
        fixture_init(&f);
        const struct tensor *in[] = {&f.t[0], &f.t[1], &f.t[2], &f.t[3], &f.t[4]};
        ck_ok(product()->check(f.params, OPERANDS, in, &f.err), &f.err);
        ((float *)f.t[k].data)[15] = k == 2 ? NAN : INFINITY;
        ck_assert_int_eq(product()->check(f.params, OPERANDS, in, &f.err), E_CORRUPT);
        f.t[k].data = NULL; /* what is no constant is not looked at */
        ck_ok(product()->check(f.params, OPERANDS, in, &f.err), &f.err);
    }
}
END_TEST

/* Depthwise sums are float32, exact up to so many terms; direct ones int32. */
START_TEST(convolutions_whose_sums_would_not_fit)
{
    static const struct {
        struct tensor w;
        bool deep, fits;
    } cases[] = {
        {{DT_F32, 4, {1, 20, 25, 16}, NULL}, true, true},
        {{DT_F32, 4, {1, 20, 26, 16}, NULL}, true, false},
        {{DT_I8, 6, {1, 60, 60, 4, 16, 4}, NULL}, false, true},
        {{DT_I8, 6, {1, 64, 64, 4, 16, 4}, NULL}, false, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture f;
        fixture_init(&f);
        f.n_in = 3;
        f.attrs[0] = (struct attr){
            .key = ATTR_block_form, .type = ATTR_INT, .count = 1, .i = cases[i].deep ? 2 : 0};
        f.t[0] = (struct tensor){DT_U8, 5, {1, 1, 64, 64, 16}, NULL};
        f.t[1] = cases[i].w;
        ck_assert_int_eq(infer(&f, op_by_name("roost", "NarrowConv")),
                         cases[i].fits ? OK : E_UNSUPPORTED);
    }
}
END_TEST

/* Planes of up to four bytes, read as they are. */
START_TEST(planes_that_a_word_holds)
{
    static const struct {
        struct tensor x, w;
        enum status want;
    } cases[] = {
        {{DT_U8, 4, {1, 3, 9, 9}, NULL}, {DT_I8, 6, {1, 3, 3, 1, 16, 4}, NULL}, OK},
        {{DT_U8, 4, {1, 4, 9, 9}, NULL}, {DT_I8, 6, {1, 3, 3, 1, 16, 4}, NULL}, OK},
        {{DT_U8, 4, {1, 5, 9, 9}, NULL}, {DT_I8, 6, {1, 3, 3, 1, 16, 4}, NULL}, E_BAD_INPUT},
        {{DT_U8, 4, {1, 0, 9, 9}, NULL}, {DT_I8, 6, {1, 3, 3, 1, 16, 4}, NULL}, E_BAD_INPUT},
        {{DT_U8, 4, {1, 5, 9, 9}, NULL}, {DT_I8, 6, {1, 3, 3, 2, 16, 4}, NULL}, E_BAD_INPUT},
        {{DT_U8, 5, {1, 1, 9, 9, 16}, NULL}, {DT_I8, 6, {1, 3, 3, 1, 16, 4}, NULL}, E_BAD_INPUT},
        {{DT_BF16, 4, {1, 3, 9, 9}, NULL}, {DT_BF16, 6, {1, 3, 3, 2, 16, 2}, NULL}, E_UNSUPPORTED},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture f;
        fixture_init(&f);
        f.n_in = 3;
        f.attrs[0] =
            (struct attr){.key = ATTR_block_form, .type = ATTR_INT, .count = 1, .i = BLOCK_PLAIN};
        f.t[0] = cases[i].x;
        f.t[1] = cases[i].w;
        ck_assert_msg(infer(&f, op_by_name("roost", "NarrowConv")) == cases[i].want, "case %zu: %s",
                      i, f.err.msg);
    }
}
END_TEST

Suite *suite_narrow(void)
{
    Suite *s = suite_create("narrow");
    TCase *t = tcase_create("narrow");
    tcase_add_test(t, a_product_of_bytes_by_hand);
    tcase_add_test(t, numbers_that_no_attribute_may_have);
    tcase_add_test(t, operands_that_do_not_belong_together);
    tcase_add_test(t, scales_that_are_not_finite_are_corrupt);
    tcase_add_test(t, convolutions_whose_sums_would_not_fit);
    tcase_add_test(t, planes_that_a_word_holds);
    suite_add_tcase(s, t);
    return s;
}
