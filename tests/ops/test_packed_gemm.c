/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.PackedGemm: what an artifact may not say of it, and one product by hand. */
#include <math.h>
#include <string.h>

#include "kernels/strassen.h"
#include "ops/op_list.h"
#include "support/support.h"

enum { OPERANDS = 4, COLUMNS = 18, LANES = 32, DEPTH = 2, ROWS = 3 };

struct fixture {
    float x[ROWS * DEPTH], w[LANES * DEPTH], b[LANES], sum[ROWS * COLUMNS], y[ROWS * COLUMNS];
    struct tensor t[OPERANDS], out;
    struct attr attrs[2];
    uint64_t params[OP_PARAMS_MAX / 8];
    bool bare; /* without B and sum, whose shapes say much the same as W's */
    struct err err;
};

static void fixture_init(struct fixture *f)
{
    *f = (struct fixture){
        .t = {{DT_F32, 2, {ROWS, DEPTH}, f->x},
              {DT_F32, 3, {2, DEPTH, 16}, f->w},
              {DT_F32, 1, {LANES}, f->b},
              {DT_F32, 2, {ROWS, COLUMNS}, f->sum}},
        .attrs = {{.key = ATTR_columns, .type = ATTR_INT, .count = 1, .i = COLUMNS},
                  {.key = ATTR_activation, .type = ATTR_INT, .count = 1, .i = ACT_RELU}}};
}

static const struct op *the_op(void)
{
    return op_by_name("roost", "PackedGemm");
}

static enum status prepare_and_infer(struct fixture *f)
{
    const int n = f->bare ? 2 : OPERANDS;
    const struct op_node node = {1, n, 1, {f->attrs, 2}};
    const struct tensor *in[] = {&f->t[0], &f->t[1], &f->t[2], &f->t[3]};
    struct tensor *out = &f->out;
    struct op_infer c = {.params = f->params, .n_in = n, .n_out = 1, .in = in, .out = &out};
    enum status s = the_op()->prepare(&node, f->params, &f->err);
    return s == OK ? the_op()->infer(&c, &f->err) : s;
}

START_TEST(product_bias_sum_and_activation_by_hand)
{
    struct fixture f;
    fixture_init(&f);
    for (int i = 0; i < ROWS * DEPTH; i++)
        f.x[i] = (float)(i - 2);
    for (int i = 0; i < LANES * DEPTH; i++)
        f.w[i] = (float)(i % 16);
    for (int i = 0; i < LANES; i++)
        f.b[i] = 1;
    for (int i = 0; i < ROWS * COLUMNS; i++)
        f.sum[i] = 0.5f;
    ck_ok(prepare_and_infer(&f), &f.err);
    ck_assert_int_eq(f.out.rank, 2);
    ck_assert_int_eq(f.out.dims[1], COLUMNS);
    f.out.data = f.y;
    const struct tensor *in[] = {&f.t[0], &f.t[1], &f.t[2], &f.t[3]};
    struct tensor *out = &f.out;
    const struct op_run run = {f.params, OPERANDS, 1, in, &out, NULL, NULL};
    ck_ok(the_op()->run(&run, &f.err), &f.err);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) {
            float v = (f.x[2 * i] + f.x[2 * i + 1]) * (float)(j % 16) + 1.5f;
            ck_assert(f.y[i * COLUMNS + j] == (v < 0 ? 0 : v));
        }
}
END_TEST

START_TEST(shapes_that_do_not_belong_together_are_refused)
{
    static const struct {
        int operand;
        struct tensor t;
    } bad[] = {
        {0, {DT_F32, 0, {0}, NULL}},
        {0, {DT_F32, 2, {ROWS, DEPTH + 1}, NULL}},
        {1, {DT_F32, 2, {DEPTH, LANES}, NULL}},
        {1, {DT_F32, 3, {1, DEPTH, 16}, NULL}},
        {1, {DT_F32, 3, {3, DEPTH, 16}, NULL}},
        {1, {DT_F32, 3, {2, DEPTH, 8}, NULL}},
        {1, {DT_F32, 3, {2, DEPTH - 1, 16}, NULL}},
        {1, {DT_F64, 3, {2, DEPTH, 16}, NULL}},
        {2, {DT_F32, 1, {COLUMNS}, NULL}},
        {2, {DT_F32, 1, {LANES + 1}, NULL}},
        {2, {DT_F32, 2, {1, LANES}, NULL}},
        {3, {DT_F32, 2, {ROWS, LANES}, NULL}},
        {3, {DT_F32, 1, {COLUMNS}, NULL}},
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct fixture f;
        fixture_init(&f);
        f.t[bad[i].operand] = bad[i].t;
        f.bare = bad[i].operand < 2;
        ck_assert_msg(prepare_and_infer(&f) != OK, "case %zu was taken", i);
        ck_assert_ptr_nonnull(strstr(f.err.msg, "PackedGemm: "));
    }
}
END_TEST

enum { CUT_ITEMS = 2, CUT_ROWS = 5, CUT_DEPTH = 4, CUT_COLUMNS = 32 };

/* Items of ones and a NaN, times a cut matrix of ones. */
START_TEST(a_cut_product_keeps_items_apart)
{
    static float x[CUT_ITEMS * CUT_ROWS * CUT_DEPTH], b[CUT_DEPTH * CUT_COLUMNS];
    static float w[7 * CUT_DEPTH * CUT_COLUMNS / 4], part[CUT_DEPTH * CUT_COLUMNS / 4];
    static float y[CUT_ITEMS * CUT_ROWS * CUT_COLUMNS], scratch[256];
    struct fixture f;
    fixture_init(&f);
    f.bare = true;
    f.attrs[0].i = CUT_COLUMNS;
    f.t[0] = (struct tensor){DT_F32, 3, {CUT_ITEMS, CUT_ROWS, CUT_DEPTH}, x};
    f.t[1] = (struct tensor){DT_F32, 4, {7, 1, CUT_DEPTH / 2, 16}, w};
    for (size_t i = 0; i < ARRAY_COUNT(x); i++)
        x[i] = 1;
    for (size_t i = 0; i < ARRAY_COUNT(b); i++)
        b[i] = 1;
    x[0] = NAN;
    const struct packing packing = {CUT_COLUMNS, CUT_DEPTH, b, CUT_COLUMNS, 1, 1, w};
    strassen_pack(&packing, part);
    ck_ok(prepare_and_infer(&f), &f.err);
    f.out.data = y;
    const struct tensor *in[] = {&f.t[0], &f.t[1]};
    struct tensor *out = &f.out;
    const struct op_run run = {f.params, 2, 1, in, &out, scratch, NULL};
    ck_ok(the_op()->run(&run, &f.err), &f.err);
    ck_assert(isnan(y[0]));
    for (size_t i = ARRAY_COUNT(y) / CUT_ITEMS; i < ARRAY_COUNT(y); i++)
        ck_assert(y[i] == CUT_DEPTH);
}
END_TEST

START_TEST(cut_weights_that_do_not_belong_are_refused)
{
    static const int64_t bad[][4] = {{6, 1, 2, 16}, {8, 1, 2, 16}, {7, 2, 2, 16},
                                     {7, 1, 3, 16}, {7, 1, 2, 8},  {7, 0, 2, 16}};
    for (size_t i = 0; i <= ARRAY_COUNT(bad); i++) {
        struct fixture f;
        fixture_init(&f);
        f.bare = true;
        f.attrs[0].i = i == ARRAY_COUNT(bad) ? 16 : 32; /* half a panel */
        f.t[0] = (struct tensor){DT_F32, 3, {1, 2, 4}, NULL};
        f.t[1] = (struct tensor){DT_F32, 4, {7, 1, 2, 16}, NULL};
        for (int d = 0; d < 4 && i < ARRAY_COUNT(bad); d++)
            f.t[1].dims[d] = bad[i][d];
        ck_assert_msg(prepare_and_infer(&f) != OK, "case %zu was taken", i);
    }
}
END_TEST

START_TEST(columns_and_activations_out_of_range_are_refused)
{
    static const int64_t columns[] = {INT64_MIN, -1, 0, 16, 33, INT64_MAX};
    struct fixture f;
    for (size_t i = 0; i < ARRAY_COUNT(columns); i++) {
        fixture_init(&f);
        f.attrs[0].i = columns[i];
        f.bare = true;
        ck_assert_msg(prepare_and_infer(&f) != OK, "%lld columns were taken",
                      (long long)columns[i]);
    }
    fixture_init(&f);
    f.attrs[1].i = ACT_LAST + 1;
    ck_assert_int_ne(prepare_and_infer(&f), OK);
}
END_TEST

Suite *suite_packed_gemm(void)
{
    return SUITE("packed_gemm", product_bias_sum_and_activation_by_hand,
                 shapes_that_do_not_belong_together_are_refused, a_cut_product_keeps_items_apart,
                 cut_weights_that_do_not_belong_are_refused,
                 columns_and_activations_out_of_range_are_refused);
}
