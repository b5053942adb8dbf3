/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The Gather and Scatter families and OneHot where the fixtures do not go: indices outside, old
 * forms, reductions of every kind. Answers by hand. */
#include <string.h>

#include "support/op_case.h"

static const float x4[] = {1, 2, 3, 4};

/* name(x, index): refused for what the index holds. */
static void refuse_index(const char *name, int64_t index, bool updates)
{
    struct op_case c;
    struct err err;
    case_begin(&c, name, 18);
    case_in(&c, DT_F32, CASE_DIMS(4), x4);
    case_in(&c, DT_I64, CASE_DIMS(1), &index);
    if (updates)
        case_in(&c, DT_F32, strcmp(name, "ScatterND") ? CASE_DIMS(1) : CASE_SCALAR, x4);
    ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
    ck_assert_msg(strstr(err.msg, name) && strstr(err.msg, "outside an axis of 4"), "%s", err.msg);
    case_fini(&c);
}

START_TEST(an_index_outside_its_axis_is_refused)
{
    static const int64_t outside[] = {4, -5, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < ARRAY_COUNT(outside); i++) {
        refuse_index("GatherElements", outside[i], false);
        refuse_index("GatherND", outside[i], false);
        refuse_index("Scatter", outside[i], true);
        refuse_index("ScatterElements", outside[i], true);
        refuse_index("ScatterND", outside[i], true);
    }
}
END_TEST

START_TEST(scatter_reduces_twice_named_places_in_order)
{
    static const struct {
        const char *how;
        float want[4];
    } rows[] = {{"none", {1, 9, 3, 4}},
                {"add", {1, 16, 3, 4}},
                {"mul", {1, 90, 3, 4}},
                {"max", {1, 9, 3, 4}},
                {"min", {1, 2, 3, 4}}};
    static const int64_t twice[] = {1, -3};
    static const float updates[] = {5, 9};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "ScatterElements", 18);
        case_in(&c, DT_F32, CASE_DIMS(4), x4);
        case_in(&c, DT_I64, CASE_DIMS(2), twice);
        case_in(&c, DT_F32, CASE_DIMS(2), updates);
        case_str(&c, ATTR_reduction, rows[i].how);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(4), rows[i].want, 0, 0);
        case_fini(&c);
    }
}
END_TEST

START_TEST(small_integers_wrap_when_they_are_added)
{
    static const int8_t x[] = {127, -128}, updates[] = {1, -1}, want[] = {-128, 127};
    static const int64_t at[] = {0, 1};
    struct op_case c;
    struct err err;
    case_begin(&c, "ScatterND", 18);
    case_in(&c, DT_I8, CASE_DIMS(2), x);
    case_in(&c, DT_I64, CASE_DIMS(2, 1), at);
    case_in(&c, DT_I8, CASE_DIMS(2), updates);
    case_str(&c, ATTR_reduction, "add");
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_I8, CASE_DIMS(2), want, 0, 0);
    case_fini(&c);
}
END_TEST

START_TEST(one_hot_9_counts_no_index_from_the_end)
{
    static const int64_t index[] = {-1, 1, 3}, depth = 3;
    static const float values[] = {0, 5};
    static const float want9[] = {0, 0, 0, 0, 5, 0, 0, 0, 0},
                       want11[] = {0, 0, 5, 0, 5, 0, 0, 0, 0};
    for (int opset = 9; opset <= 11; opset += 2) {
        struct op_case c;
        struct err err;
        case_begin(&c, "OneHot", opset);
        case_in(&c, DT_I64, CASE_DIMS(3), index);
        case_in(&c, DT_I64, CASE_SCALAR, &depth);
        case_in(&c, DT_F32, CASE_DIMS(2), values);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(3, 3), opset == 9 ? want9 : want11, 0, 0);
        case_fini(&c);
    }
}
END_TEST

START_TEST(one_hot_says_when_its_depth_is_not_known)
{
    static const int64_t index[] = {0}, depth = 3, none = 0;
    struct op_case c;
    struct err err;
    for (int known = 0; known < 2; known++) {
        case_begin(&c, "OneHot", 11);
        case_in(&c, DT_I64, CASE_DIMS(1), index);
        case_in(&c, DT_I64, CASE_SCALAR, known ? &none : &depth);
        case_in(&c, DT_F32, CASE_DIMS(2), x4);
        c.blind = !known;
        ck_assert_int_eq(case_run(&c, &err), known ? E_BAD_INPUT : E_UNSUPPORTED);
        ck_assert_msg(strstr(err.msg, known ? "at least 1" : "is not known"), "%s", err.msg);
        case_fini(&c);
    }
}
END_TEST

Suite *suite_index(void)
{
    return SUITE("index", an_index_outside_its_axis_is_refused,
                 scatter_reduces_twice_named_places_in_order,
                 small_integers_wrap_when_they_are_added, one_hot_9_counts_no_index_from_the_end,
                 one_hot_says_when_its_depth_is_not_known);
}
