/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Activations, remainders, shifts, triangles, running sums: edges and refusals, by hand. Their
 * ordinary answers are ONNX's own, run by `roost verify`. */
#include <math.h>
#include <string.h>

#include "support/op_case.h"

static const float four[] = {-2, -0.5f, 0, 3};

static void one_float(const char *op, enum attr_key k, float v, const float want[4])
{
    struct op_case c;
    struct err err;
    case_begin(&c, op, 0);
    case_in(&c, DT_F32, CASE_DIMS(4), four);
    if (k)
        case_float(&c, k, v);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(4), want, 1e-6, 1e-7);
    case_fini(&c);
}

START_TEST(activations_give_their_formulas)
{
    static const float celu[] = {-1.26424112f, -0.44239843f, 0, 3};
    static const float threshold[] = {0, 0, 0, 3}, shrink[] = {-2, 0, 0, 3};
    static const float softsign[] = {-2 / 3.0f, -1 / 3.0f, 0, 0.75f};
    static const float gelu[] = {-0.04550026f, -0.15426877f, 0, 2.99595031f};
    static const float mish[] = {-0.25250148f, -0.22074377f, 0, 2.98653500f};
    one_float("Celu", ATTR_alpha, 2, celu);
    one_float("ThresholdedRelu", ATTR_alpha, 2.5f, threshold);
    one_float("Shrink", ATTR_lambd, 1, shrink);
    one_float("Softsign", ATTR_NONE, 0, softsign);
    one_float("Gelu", ATTR_NONE, 0, gelu);
    one_float("Mish", ATTR_NONE, 0, mish);
}
END_TEST

START_TEST(a_nan_stays_one_in_every_activation)
{
    static const char *const names[] = {"Celu", "ThresholdedRelu", "Shrink",   "Elu",  "Selu",
                                        "Mish", "HardSigmoid",     "Softsign", "Gelu", "LeakyRelu"};
    static const double nan64 = NAN;
    static const uint16_t nan16 = 0x7e00;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        for (int half = 0; half < 2; half++) {
            struct op_case c;
            struct err err;
            case_begin(&c, names[i], 0);
            case_in(&c, half ? DT_F16 : DT_F64, CASE_SCALAR, half ? (const void *)&nan16 : &nan64);
            ck_ok(case_run(&c, &err), &err);
            ck_assert_msg(isnan(tensor_get_f64(&c.out[0], 0)), "%s", names[i]);
            case_fini(&c);
        }
}
END_TEST

START_TEST(remainders_follow_the_divisor_or_the_dividend)
{
    static const int32_t a[] = {-7, 7, -7, INT32_MIN}, b[] = {3, -3, -3, -1};
    static const int32_t python[] = {2, -2, -1, 0}, c_like[] = {-1, 1, -1, 0}, zero[] = {0};
    struct op_case c;
    struct err err;
    for (int fmod = 0; fmod < 2; fmod++) {
        case_begin(&c, "Mod", 13);
        case_in(&c, DT_I32, CASE_DIMS(4), a);
        case_in(&c, DT_I32, CASE_DIMS(4), b);
        case_int(&c, ATTR_fmod, fmod);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_I32, CASE_DIMS(4), fmod ? c_like : python, 0, 0);
        case_fini(&c);
    }
    case_begin(&c, "Mod", 13);
    case_in(&c, DT_I32, CASE_DIMS(4), a);
    case_in(&c, DT_I32, CASE_DIMS(1), zero);
    ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.msg, "zero"));
    case_fini(&c);
    case_begin(&c, "Mod", 13);
    case_in(&c, DT_F32, CASE_DIMS(4), four);
    case_in(&c, DT_F32, CASE_DIMS(4), four);
    ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT); /* floats need fmod */
    case_fini(&c);
}
END_TEST

START_TEST(shifts_beyond_the_width_give_zero)
{
    static const uint16_t a[] = {0x8001, 0x8001}, b[] = {1, 16}, left[] = {2, 0},
                          right[] = {0x4000, 0};
    struct op_case c;
    struct err err;
    for (int way = 0; way < 3; way++) {
        case_begin(&c, "BitShift", 11);
        case_in(&c, DT_U16, CASE_DIMS(2), a);
        case_in(&c, DT_U16, CASE_DIMS(2), b);
        case_str(&c, ATTR_direction, way == 0 ? "LEFT" : way == 1 ? "RIGHT" : "UP");
        if (way == 2) {
            ck_assert_int_eq(case_run(&c, &err), E_CORRUPT);
        } else {
            ck_ok(case_run(&c, &err), &err);
            case_expect_shape(&c, 0, DT_U16, CASE_DIMS(2));
            ck_assert_mem_eq(c.out[0].data, way ? right : left, sizeof(left));
        }
        case_fini(&c);
    }
}
END_TEST

START_TEST(bits_are_those_of_any_integer)
{
    static const int16_t a[] = {-1, 0x0f0f, 0x1234}, b[] = {0x00ff, 0x3333, -0x1235};
    static const int16_t want[][3] = {{0x00ff, 0x0303, 0},
                                      {-1, 0x3f3f, -1},
                                      {(int16_t)0xff00, 0x3c3c, -1},
                                      {0, (int16_t)0xf0f0, (int16_t)0xedcb}};
    static const char *const names[] = {"BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct op_case c;
        struct err err;
        case_begin(&c, names[i], 18);
        case_in(&c, DT_I16, CASE_DIMS(3), a);
        if (i < 3)
            case_in(&c, DT_I16, CASE_DIMS(3), b);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_I16, CASE_DIMS(3), want[i], 0, 0);
        case_fini(&c);
        c.in[0].dtype = c.in[1].dtype = DT_F16;
        ck_assert_int_eq(case_run(&c, &err), E_UNSUPPORTED);
    }
}
END_TEST

START_TEST(a_diagonal_far_outside_keeps_all_or_nothing)
{
    static const int64_t x[] = {1, 2, 3, 4}, none[4], far[] = {INT64_MAX, INT64_MIN};
    struct op_case c;
    struct err err;
    for (int upper = 0; upper < 2; upper++)
        for (int way = 0; way < 2; way++) {
            case_begin(&c, "Trilu", 14);
            case_in(&c, DT_I64, CASE_DIMS(2, 2), x);
            case_in(&c, DT_I64, CASE_SCALAR, &far[way]);
            case_int(&c, ATTR_upper, upper);
            ck_ok(case_run(&c, &err), &err);
            case_expect(&c, 0, DT_I64, CASE_DIMS(2, 2), upper == way ? x : none, 0, 0);
            case_fini(&c);
            case_begin(&c, "EyeLike", 9);
            case_in(&c, DT_I64, CASE_DIMS(2, 2), x);
            case_int(&c, ATTR_k, far[way]);
            ck_ok(case_run(&c, &err), &err);
            case_expect(&c, 0, DT_I64, CASE_DIMS(2, 2), none, 0, 0);
            case_fini(&c);
        }
}
END_TEST

START_TEST(running_sums_refuse_an_axis_outside_and_keep_their_bits)
{
    static const int64_t x[] = {INT64_MAX, 1, 5}, want[] = {0, INT64_MAX, INT64_MIN};
    static const int64_t axes[] = {-1, 1};
    struct op_case c;
    struct err err;
    for (int i = 0; i < 2; i++) {
        case_begin(&c, "CumSum", 14);
        case_in(&c, DT_I64, CASE_DIMS(3), x);
        case_in(&c, DT_I64, CASE_SCALAR, &axes[i]);
        case_int(&c, ATTR_exclusive, 1);
        if (i) {
            ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
        } else {
            ck_ok(case_run(&c, &err), &err);
            case_expect(&c, 0, DT_I64, CASE_DIMS(3), want, 0, 0);
        }
        case_fini(&c);
    }
}
END_TEST

START_TEST(log_sum_exp_does_not_overflow)
{
    static const float x[] = {1000, 1000, -INFINITY, -INFINITY, INFINITY, 1};
    static const float want[] = {1000.69315f, -INFINITY, INFINITY};
    static const int64_t axis = 1;
    struct op_case c;
    struct err err;
    case_begin(&c, "ReduceLogSumExp", 18);
    case_in(&c, DT_F32, CASE_DIMS(3, 2), x);
    case_in(&c, DT_I64, CASE_DIMS(1), &axis);
    case_int(&c, ATTR_keepdims, 0);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(3), want, 1e-6, 0);
    case_fini(&c);
}
END_TEST

START_TEST(determinants_need_pivots_and_squares)
{
    static const double x[] = {0, 2, 3, 0, 1, 2, 2, 4}, want[] = {-6, 0};
    struct op_case c;
    struct err err;
    case_begin(&c, "Det", 11);
    case_in(&c, DT_F64, CASE_DIMS(2, 2, 2), x);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F64, CASE_DIMS(2), want, 0, 0);
    case_fini(&c);
    case_begin(&c, "Det", 11);
    case_in(&c, DT_F64, CASE_DIMS(4, 2), x);
    ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
    case_fini(&c);
}
END_TEST

Suite *suite_elements(void)
{
    return SUITE("elements", activations_give_their_formulas, a_nan_stays_one_in_every_activation,
                 remainders_follow_the_divisor_or_the_dividend, shifts_beyond_the_width_give_zero,
                 bits_are_those_of_any_integer, a_diagonal_far_outside_keeps_all_or_nothing,
                 running_sums_refuse_an_axis_outside_and_keep_their_bits,
                 log_sum_exp_does_not_overflow, determinants_need_pivots_and_squares);
}
