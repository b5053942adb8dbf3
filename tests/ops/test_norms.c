/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Normalisations and losses: edges and refusals, by hand. Their ordinary answers are ONNX's own,
 * run by `roost verify`. */
#include <math.h>
#include <string.h>

#include "support/op_case.h"

static const float x8[] = {1, 3, 5, 7, 2, 2, 2, 2}, ones[] = {1, 1, 1, 1}, zeros[4];

START_TEST(layer_norm_gives_mean_and_inverse_deviation)
{
    static const float want[] = {-1, 1, -1, 1, 0, 0, 0, 0}, mean[] = {2, 6, 2, 2};
    struct op_case c;
    struct err err;
    case_begin(&c, "LayerNormalization", 17)->n_out = 3;
    case_in(&c, DT_F32, CASE_DIMS(4, 2), x8);
    case_in(&c, DT_F32, CASE_DIMS(2), ones);
    case_float(&c, ATTR_epsilon, 1e-12f);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(4, 2), want, 1e-6, 1e-6);
    case_expect(&c, 1, DT_F32, CASE_DIMS(4, 1), mean, 0, 0);
    case_expect_shape(&c, 2, DT_F32, CASE_DIMS(4, 1));
    ck_assert_float_eq_tol(((float *)c.out[2].data)[0], 1, 1e-6);
    case_fini(&c);
}
END_TEST

START_TEST(layer_norm_of_halves_and_doubles_equals_float32)
{
    double x64[8], one64[] = {1, 1, 1, 1};
    uint16_t x16[8], one16[] = {0x3c00, 0x3c00, 0x3c00, 0x3c00};
    for (int i = 0; i < 8; i++) {
        x64[i] = (double)x8[i];
        x16[i] = f32_to_f16(x8[i]);
    }
    struct op_case want, got;
    struct err err;
    case_begin(&want, "LayerNormalization", 17);
    case_in(&want, DT_F32, CASE_DIMS(2, 4), x8);
    case_in(&want, DT_F32, CASE_DIMS(4), ones);
    ck_ok(case_run(&want, &err), &err);
    for (int half = 0; half < 2; half++) {
        enum dtype t = half ? DT_F16 : DT_F64;
        case_begin(&got, "LayerNormalization", 17);
        case_in(&got, t, CASE_DIMS(2, 4), half ? (const void *)x16 : x64);
        case_in(&got, t, CASE_DIMS(4), half ? (const void *)one16 : one64);
        ck_ok(case_run(&got, &err), &err);
        for (int i = 0; i < 8; i++)
            ck_assert_double_eq_tol(tensor_get_f64(&got.out[0], i), tensor_get_f64(&want.out[0], i),
                                    half ? 1e-3 : 1e-6);
        case_fini(&got);
    }
    case_fini(&want);
}
END_TEST

START_TEST(a_scale_of_another_shape_is_refused)
{
    static const char *const names[] = {"LayerNormalization", "InstanceNormalization",
                                        "GroupNormalization"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct op_case c;
        struct err err;
        case_begin(&c, names[i], 21);
        case_in(&c, DT_F32, CASE_DIMS(2, 2, 2), x8);
        case_in(&c, DT_F32, CASE_DIMS(3), ones);
        case_in(&c, DT_F32, CASE_DIMS(3), zeros);
        if (i == 2)
            case_int(&c, ATTR_num_groups, 1);
        ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
        case_fini(&c);
    }
}
END_TEST

START_TEST(groups_scale_by_group_before_21_and_by_channel_after)
{
    static const float scale[] = {1, 2}, by_channel[] = {-1, 1, -2, 2, 0, 0, 0, 0};
    static const float x[] = {1, 3, 5, 7, 2, 2, 2, 2};
    struct op_case c;
    struct err err;
    for (int opset = 18; opset <= 21; opset += 3) {
        case_begin(&c, "GroupNormalization", opset);
        case_in(&c, DT_F32, CASE_DIMS(2, 2, 2), x);
        case_in(&c, DT_F32, CASE_DIMS(2), scale);
        case_in(&c, DT_F32, CASE_DIMS(2), zeros);
        case_int(&c, ATTR_num_groups, 2);
        case_float(&c, ATTR_epsilon, 1e-12f);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(2, 2, 2), by_channel, 1e-6, 1e-6);
        case_fini(&c);
    }
    for (int opset = 18; opset <= 21; opset += 3) { /* one group of two channels */
        case_begin(&c, "GroupNormalization", opset);
        case_in(&c, DT_F32, CASE_DIMS(2, 2, 2), x);
        case_in(&c, DT_F32, opset == 18 ? CASE_DIMS(1) : CASE_DIMS(2), scale);
        case_in(&c, DT_F32, opset == 18 ? CASE_DIMS(1) : CASE_DIMS(2), zeros);
        case_int(&c, ATTR_num_groups, 1);
        ck_ok(case_run(&c, &err), &err);
        float third = ((float *)c.out[0].data)[2]; /* (5 - 4) / sqrt(5), by 1 or by 2 */
        ck_assert_float_eq_tol(third, (opset == 18 ? 1 : 2) / sqrtf(5), 1e-5);
        case_fini(&c);
    }
}
END_TEST

START_TEST(a_line_of_zeros_has_no_norm_and_stays)
{
    static const float x[] = {3, 4, 0, 0}, want[] = {0.6f, 0.8f, 0, 0};
    struct op_case c;
    struct err err;
    case_begin(&c, "LpNormalization", 1);
    case_in(&c, DT_F32, CASE_DIMS(2, 2), x);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(2, 2), want, 1e-6, 0);
    case_fini(&c);
    case_begin(&c, "LpNormalization", 1);
    case_in(&c, DT_F32, CASE_DIMS(2, 2), x);
    case_int(&c, ATTR_p, 3);
    ck_assert_int_eq(case_run(&c, &err), E_CORRUPT);
    case_fini(&c);
}
END_TEST

START_TEST(a_label_outside_the_classes_is_refused_unless_ignored)
{
    static const int64_t labels[] = {1, -7};
    static const float loss = 3; /* -x[0][1] */
    static const float x[] = {-1, -3, -5, -7};
    struct op_case c;
    struct err err;
    for (int ignore = 0; ignore < 2; ignore++) {
        case_begin(&c, "NegativeLogLikelihoodLoss", 13);
        case_in(&c, DT_F32, CASE_DIMS(2, 2), x);
        case_in(&c, DT_I64, CASE_DIMS(2), labels);
        if (ignore) {
            case_int(&c, ATTR_ignore_index, -7);
            ck_ok(case_run(&c, &err), &err);
            case_expect(&c, 0, DT_F32, CASE_SCALAR, &loss, 0, 0);
        } else {
            ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
            ck_assert_ptr_nonnull(strstr(err.msg, "-7"));
        }
        case_fini(&c);
    }
}
END_TEST

START_TEST(large_scores_do_not_overflow_their_softmax)
{
    static const int64_t label = 0;
    static const float x[] = {1000, 1000}, loss = 0.69314718f,
                       logs[] = {-0.69314718f, -0.69314718f};
    struct op_case c;
    struct err err;
    case_begin(&c, "SoftmaxCrossEntropyLoss", 13)->n_out = 2;
    case_in(&c, DT_F32, CASE_DIMS(1, 2), x);
    case_in(&c, DT_I64, CASE_DIMS(1), &label);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_SCALAR, &loss, 1e-6, 0);
    case_expect(&c, 1, DT_F32, CASE_DIMS(1, 2), logs, 1e-6, 0);
    case_fini(&c);
}
END_TEST

Suite *suite_norms(void)
{
    return SUITE(
        "norms", layer_norm_gives_mean_and_inverse_deviation,
        layer_norm_of_halves_and_doubles_equals_float32, a_scale_of_another_shape_is_refused,
        groups_scale_by_group_before_21_and_by_channel_after, a_line_of_zeros_has_no_norm_and_stays,
        a_label_outside_the_classes_is_refused_unless_ignored,
        large_scores_do_not_overflow_their_softmax);
}
