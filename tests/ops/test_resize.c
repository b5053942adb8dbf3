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
    return SUITE("resize", upsample_reads_its_scales_where_the_version_has_them,
                 nearest_moves_any_dtype, a_ratio_is_kept_when_asked_for,
                 scales_without_sense_are_refused, antialias_is_refused_by_name);
}
