/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Resize and Upsample where the fixtures do not go: old forms, other dtypes, refusals. Answers by
 * hand. */
#include <math.h>
#include <string.h>

#include "support/op_case.h"

static const float x4[] = {1, 2, 3, 4}, twice[] = {1, 2};

START_TEST(upsample_reads_its_scales_where_the_version_has_them)
{
    static const float want[] = {1, 1, 2, 2, 3, 3, 4, 4}, linear[] = {1, 1.5f, 2, 2, 3, 3.5f, 4, 4};
    for (int form = 0; form < 4; form++) {
        struct op_case c;
        struct err err;
        int opset = form < 2 ? 7 : 9;
        case_begin(&c, "Upsample", opset);
        case_in(&c, DT_F32, CASE_DIMS(2, 2), x4);
        if (opset == 7)
            case_floats(&c, ATTR_scales, twice, 2);
        else
            case_in(&c, DT_F32, CASE_DIMS(2), twice);
        case_str(&c, ATTR_mode, form % 2 ? "linear" : "nearest");
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(2, 4), form % 2 ? linear : want, 0, 0);
        case_fini(&c);
    }
}
END_TEST

START_TEST(upsample_1_scales_height_and_width)
{
    static const float want[] = {1, 1, 2, 2, 3, 3, 4, 4};
    struct op_case c;
    struct err err;
    case_begin(&c, "Upsample", 6);
    case_in(&c, DT_F32, CASE_DIMS(1, 2, 1, 2), x4);
    case_float(&c, ATTR_height_scale, 1);
    case_float(&c, ATTR_width_scale, 2);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(1, 2, 1, 4), want, 0, 0);
    case_fini(&c);
    case_begin(&c, "Upsample", 6); /* without its scales */
    case_in(&c, DT_F32, CASE_DIMS(1, 2, 1, 2), x4);
    ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
    case_fini(&c);
}
END_TEST

/* Half-way values: integers lose their fraction. */
START_TEST(linear_computes_any_number)
{
    static const double d[] = {1, 2}, dwant[] = {1, 1.5, 2, 2};
    static const uint8_t u[] = {1, 254}, uwant[] = {1, 127, 254, 254};
    static const int64_t i[] = {-1, -2}, iwant[] = {-1, -1, -2, -2};
    static const uint16_t h[] = {0x3c00, 0x4000}, hwant[] = {0x3c00, 0x3e00, 0x4000, 0x4000};
    static const struct {
        enum dtype t;
        const void *x, *want;
    } cases[] = {{DT_F64, d, dwant}, {DT_U8, u, uwant}, {DT_I64, i, iwant}, {DT_F16, h, hwant}};
    static const float scale = 2;
    for (size_t k = 0; k < ARRAY_COUNT(cases); k++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "Resize", 13);
        case_in(&c, cases[k].t, CASE_DIMS(2), cases[k].x);
        case_none(&c);
        case_in(&c, DT_F32, CASE_DIMS(1), &scale);
        case_str(&c, ATTR_mode, "linear");
        case_str(&c, ATTR_coordinate_transformation_mode, "asymmetric");
        ck_ok(case_run(&c, &err), &err);
        case_expect_shape(&c, 0, cases[k].t, CASE_DIMS(4));
        ck_assert_msg(!memcmp(c.out[0].data, cases[k].want, 4 * dtype_bytes(cases[k].t)), "%s",
                      dtype_text(cases[k].t));
        case_fini(&c);
    }
}
END_TEST

START_TEST(nearest_moves_any_dtype)
{
    static const int8_t x[] = {1, 2, 3}, want[] = {1, 1, 2, 2, 3, 3};
    static const float scale = 2;
    struct op_case c;
    struct err err;
    case_begin(&c, "Resize", 13);
    case_in(&c, DT_I8, CASE_DIMS(3), x);
    case_none(&c);
    case_in(&c, DT_F32, CASE_DIMS(1), &scale);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_I8, CASE_DIMS(6), want, 0, 0);
    case_fini(&c);
}
END_TEST

START_TEST(a_ratio_is_kept_when_asked_for)
{
    static const int64_t sizes[] = {6, 8};
    for (int larger = 0; larger < 2; larger++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "Resize", 18);
        case_in(&c, DT_F32, CASE_DIMS(2, 2), x4);
        case_none(&c);
        case_none(&c);
        case_in(&c, DT_I64, CASE_DIMS(2), sizes);
        case_str(&c, ATTR_keep_aspect_ratio_policy, larger ? "not_smaller" : "not_larger");
        ck_ok(case_run(&c, &err), &err);
        case_expect_shape(&c, 0, DT_F32, larger ? CASE_DIMS(8, 8) : CASE_DIMS(6, 6));
        case_fini(&c);
    }
}
END_TEST

/* Five elements by 0.5 are two: the middle stays the middle, 0.25 inwards from both ends. */
START_TEST(a_length_cut_off_is_shared_by_both_ends)
{
    static const float x[] = {1, 2, 3, 4, 5}, half = 0.5f, want[] = {2, 4};
    struct op_case c;
    struct err err;
    case_begin(&c, "Resize", 19);
    case_in(&c, DT_F32, CASE_DIMS(5), x);
    case_none(&c);
    case_in(&c, DT_F32, CASE_DIMS(1), &half);
    case_str(&c, ATTR_mode, "linear");
    case_str(&c, ATTR_coordinate_transformation_mode, "half_pixel_symmetric");
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(2), want, 1e-6, 0);
    case_fini(&c);
}
END_TEST

START_TEST(scales_without_sense_are_refused)
{
    static const float bad[] = {0, -1, NAN, INFINITY, 1e30f};
    for (size_t i = 0; i <= ARRAY_COUNT(bad); i++) {
        float scales[] = {1, i < ARRAY_COUNT(bad) ? bad[i] : 2};
        struct op_case c;
        struct err err;
        case_begin(&c, "Resize", 10);
        case_in(&c, DT_F32, CASE_DIMS(2, 2), x4);
        case_in(&c, DT_F32, CASE_DIMS(2), scales);
        c.blind = i == ARRAY_COUNT(bad);
        ck_assert_int_eq(case_run(&c, &err), c.blind ? E_UNSUPPORTED : E_BAD_INPUT);
        ck_assert_msg(strstr(err.msg, c.blind ? "not known" : "scale"), "%s", err.msg);
        case_fini(&c);
    }
}
END_TEST

START_TEST(antialias_is_refused_by_name)
{
    struct op_case c;
    struct err err;
    case_begin(&c, "Resize", 18);
    case_in(&c, DT_F32, CASE_DIMS(2, 2), x4);
    case_none(&c);
    case_in(&c, DT_F32, CASE_DIMS(2), twice);
    case_str(&c, ATTR_mode, "linear");
    case_int(&c, ATTR_antialias, 1);
    ck_assert_int_eq(case_run(&c, &err), E_UNSUPPORTED);
    ck_assert_msg(strstr(err.msg, "antialias") != NULL, "%s", err.msg);
    case_fini(&c);
}
END_TEST

Suite *suite_resize(void)
{
    return SUITE("resize", a_length_cut_off_is_shared_by_both_ends,
                 upsample_reads_its_scales_where_the_version_has_them, nearest_moves_any_dtype,
                 upsample_1_scales_height_and_width, linear_computes_any_number,
                 a_ratio_is_kept_when_asked_for, scales_without_sense_are_refused,
                 antialias_is_refused_by_name);
}
