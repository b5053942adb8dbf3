/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Conv and FusedConv as operators: shapes, pads, and hostile numbers. */
#include "support/op_case.h"

static const float ones[64] = {[0 ... 63] = 1};

static void conv_case(struct op_case *c, const int64_t *x, const int64_t *w)
{
    case_begin(c, "Conv", 0);
    case_in(c, DT_F32, x, ones);
    case_in(c, DT_F32, w, ones);
}

START_TEST(counts_the_covered_cells)
{
    /* 3x3 ones over a 4x4 image of ones, pad 1: the number of cells inside (by hand). */
    static const float want[] = {4, 6, 6, 4, 6, 9, 9, 6, 6, 9, 9, 6, 4, 6, 6, 4};
    struct op_case c;
    struct err err;
    conv_case(&c, CASE_DIMS(1, 1, 4, 4), CASE_DIMS(1, 1, 3, 3));
    CASE_INTS(&c, ATTR_pads, 1, 1, 1, 1);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(1, 1, 4, 4), want, 0, 0);
    case_fini(&c);
}
END_TEST

START_TEST(same_upper_pads_more_at_the_end)
{
    static const float want[] = {2, 2, 1}; /* kernel 2, in 3, pad 0 before, 1 after */
    struct op_case c;
    struct err err;
    conv_case(&c, CASE_DIMS(1, 1, 3), CASE_DIMS(1, 1, 2));
    case_str(&c, ATTR_auto_pad, "SAME_UPPER");
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(1, 1, 3), want, 0, 0);
    case_fini(&c);
}
END_TEST

START_TEST(fused_adds_the_fourth_operand_before_the_activation)
{
    static const float x[] = {1, -2, 3}, w[] = {2}, b[] = {1}, z[] = {-4, 2, -20};
    static const float want[] = {0, 0, 0};
    static const float want_leaky[] = {-0.5f, -0.5f, -6.5f}; /* slope 0.5 of -1, -1, -13 */
    for (int leaky = 0; leaky < 2; leaky++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "FusedConv", 0)->domain = "roost";
        case_in(&c, DT_F32, CASE_DIMS(1, 1, 3), x);
        case_in(&c, DT_F32, CASE_DIMS(1, 1, 1), w);
        case_in(&c, DT_F32, CASE_DIMS(1), b);
        case_in(&c, DT_F32, CASE_DIMS(1, 1, 3), z);
        case_int(&c, ATTR_activation, leaky ? ACT_LEAKY_RELU : ACT_RELU);
        case_float(&c, ATTR_act_low, 0.5f);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(1, 1, 3), leaky ? want_leaky : want, 0, 0);
        case_fini(&c);
    }
}
END_TEST

START_TEST(operands_that_do_not_go_together_are_named)
{
    static const struct {
        int64_t x[6], w[6], group;
        enum status want;
    } cases[] = {
        {{1, 2, 4, 4, -1}, {1, 1, 3, 3, -1}, 1, E_BAD_INPUT}, /* channels */
        {{1, 2, 4, 4, -1}, {1, 1, 3, 3, -1}, 2, E_BAD_INPUT}, /* outputs by group */
        {{1, 2, 4, -1}, {1, 2, 3, 3, -1}, 1, E_BAD_INPUT},    /* rank */
        {{1, 2, -1}, {1, 2, -1}, 1, E_BAD_INPUT},             /* nothing spatial */
        {{1, 1, 2, 2, -1}, {1, 1, 3, 3, -1}, 1, E_BAD_INPUT}, /* kernel larger than image */
        {{1, 1, 4, 4, -1}, {1, 1, 3, 0, -1}, 1, E_BAD_INPUT}, /* kernel of nothing */
        {{1, 1, 4, 4, -1}, {1, 1, 3, 3, -1}, 0, E_CORRUPT},
        {{1, 1, 4, 4, -1}, {1, 1, 3, 3, -1}, -1, E_CORRUPT},
        {{1, 1, 4, 4, -1}, {1, 1, 3, 3, -1}, INT64_MIN, E_CORRUPT},
        {{1, 1, 1, 1, 1, -1}, {1, 1, 1, 1, 1, -1}, 2, E_BAD_INPUT},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct op_case c;
        struct err err = {0};
        conv_case(&c, cases[i].x, cases[i].w);
        case_int(&c, ATTR_group, cases[i].group);
        ck_assert_msg(case_run(&c, &err) == cases[i].want, "case %zu: %s", i, err.msg);
        ck_assert_int_eq(err.code, cases[i].want);
        case_fini(&c);
    }
}
END_TEST

START_TEST(hostile_window_numbers_are_refused)
{
    static const struct {
        enum attr_key key;
        int64_t v[4];
        uint32_t n;
    } cases[] = {
        {ATTR_strides, {0, 1}, 2},           {ATTR_strides, {-1, 1}, 2},
        {ATTR_strides, {INT64_MAX, 1}, 2},   {ATTR_dilations, {0, 1}, 2},
        {ATTR_dilations, {1, INT64_MIN}, 2}, {ATTR_dilations, {1, 0x7fffffff}, 2},
        {ATTR_pads, {-1, 0, 0, 0}, 4},       {ATTR_pads, {INT64_MAX, 0, INT64_MAX, 0}, 4},
        {ATTR_pads, {0, 0, 0}, 3},           {ATTR_strides, {1}, 1},
        {ATTR_kernel_shape, {2, 2}, 2},      {ATTR_kernel_shape, {0, 3}, 2},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct op_case c;
        struct err err = {0};
        conv_case(&c, CASE_DIMS(1, 1, 4, 4), CASE_DIMS(1, 1, 3, 3));
        case_ints(&c, cases[i].key, cases[i].v, cases[i].n);
        enum status s = case_run(&c, &err);
        ck_assert_msg(s == E_CORRUPT || s == E_BAD_INPUT, "case %zu: %s", i, status_name(s));
        case_fini(&c);
    }
}
END_TEST

START_TEST(other_dtypes_and_missing_operands_are_named)
{
    struct op_case c;
    struct err err = {0};
    conv_case(&c, CASE_DIMS(1, 1, 4, 4), CASE_DIMS(1, 1, 3, 3));
    c.in[1].dtype = DT_F16;
    ck_assert_int_eq(case_run(&c, &err), E_UNSUPPORTED);
    ck_assert_str_eq(err.msg, "Conv: input 1 is float16[1,1,3,3]: no kernel for this dtype");
    conv_case(&c, CASE_DIMS(1, 1, 4, 4), CASE_DIMS(1, 1, 3, 3));
    c.left_out[1] = true;
    ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
    ck_assert_str_eq(err.msg, "Conv: input 1 is left out but required");
}
END_TEST

Suite *suite_conv(void)
{
    return SUITE("conv op", counts_the_covered_cells, same_upper_pads_more_at_the_end,
                 fused_adds_the_fourth_operand_before_the_activation,
                 operands_that_do_not_go_together_are_named, hostile_window_numbers_are_refused,
                 other_dtypes_and_missing_operands_are_named);
}
