/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators whose operands decide shapes or places: wrong numbers are refused, unknown ones are
 * named, and an index from the data never leaves its axis. */
#include <string.h>

#include "support/op_case.h"

static const float x6[] = {0, 1, 2, 3, 4, 5};

/* One operator on float32[2,3] with one int64 vector as operand 1. */
static enum status with_vector(const char *op, const int64_t *v, int64_t n, bool blind,
                               struct op_case *c, struct err *err)
{
    const int64_t dims[] = {n, -1};
    case_begin(c, op, 13);
    case_in(c, DT_F32, CASE_DIMS(2, 3), x6);
    case_in(c, DT_I64, dims, v);
    c->blind = blind;
    return case_run(c, err);
}

START_TEST(a_value_that_decides_the_shape_must_be_known)
{
    static const char *const ops[] = {"Reshape", "Expand", "Tile", "Unsqueeze",
                                      "Squeeze", "Pad",    "Split"};
    static const int64_t v[] = {1, 1, 1, 1};
    for (size_t i = 0; i < ARRAY_COUNT(ops); i++) {
        struct op_case c;
        struct err err = {0};
        enum status s = with_vector(ops[i], v, 2, true, &c, &err);
        ck_assert_msg(s == E_UNSUPPORTED && c.needs_data && strstr(err.msg, "is not known"),
                      "%s: %s", ops[i], err.msg);
        case_fini(&c);
    }
}
END_TEST

/* As numpy.pad with mode "wrap". */
START_TEST(a_wrapped_border_goes_round_as_often_as_it_takes)
{
    static const int64_t pads[] = {-1, 4, 0, 2};
    static const float want[] = {5, 3, 4, 5, 3, 4, 5, 3, 4};
    struct op_case c;
    struct err err;
    case_begin(&c, "Pad", 19);
    case_in(&c, DT_F32, CASE_DIMS(2, 3), x6);
    case_in(&c, DT_I64, CASE_DIMS(4), pads);
    case_str(&c, ATTR_mode, "wrap");
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(1, 9), want, 0, 0);
    case_fini(&c);
}
END_TEST

START_TEST(wrong_numbers_are_refused)
{
    static const struct {
        const char *op;
        int64_t v[4], n;
    } cases[] = {
        {"Reshape", {4, 2}, 2},
        {"Reshape", {-1, -1}, 2},
        {"Reshape", {-2, 3}, 2},
        {"Reshape", {INT64_MAX, INT64_MAX}, 2},
        {"Reshape", {-1, 4}, 2},
        {"Reshape", {-1, 0, 0}, 3},
        {"Expand", {4, 3}, 2},
        {"Expand", {-1, 3}, 2},
        {"Expand", {INT64_MAX, 2, 3}, 3},
        {"Tile", {-1, 1}, 2},
        {"Tile", {INT64_MAX, INT64_MAX}, 2},
        {"Tile", {1}, 1},
        {"Unsqueeze", {0, 0}, 2},
        {"Unsqueeze", {5, 0}, 2},
        {"Unsqueeze", {INT64_MIN}, 1},
        {"Squeeze", {0}, 1},
        {"Squeeze", {2}, 1},
        {"Pad", {0, 0, 0}, 3},
        {"Pad", {-3, 0, 0, 0}, 4},
        {"Pad", {INT64_MAX, 0, 0, 0}, 4},
        {"Split", {1}, 1},
        {"Split", {-1}, 1},
        {"ReduceSum", {2}, 1},
        {"ReduceSum", {1, -1}, 2},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct op_case c;
        struct err err = {0};
        enum status s = with_vector(cases[i].op, cases[i].v, cases[i].n, false, &c, &err);
        ck_assert_msg(s == E_BAD_INPUT && strstr(err.msg, cases[i].op), "case %zu: %s %s", i,
                      status_name(s), err.msg);
        case_fini(&c);
    }
}
END_TEST

START_TEST(a_gather_index_beyond_its_axis_is_refused_at_run_time)
{
    static const struct {
        int64_t index;
        enum status want;
    } cases[] = {{0, OK},
                 {1, OK},
                 {-2, OK},
                 {2, E_BAD_INPUT},
                 {-3, E_BAD_INPUT},
                 {INT64_MAX, E_BAD_INPUT},
                 {INT64_MIN, E_BAD_INPUT}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct op_case c;
        struct err err = {0};
        enum status s = with_vector("Gather", &cases[i].index, 1, true, &c, &err);
        ck_assert_msg(s == cases[i].want, "index %ld: %s", (long)cases[i].index, status_name(s));
        if (s != OK)
            ck_assert_ptr_nonnull(strstr(err.msg, "outside an axis of 2"));
        case_fini(&c);
    }
}
END_TEST

START_TEST(an_integer_is_never_divided_by_zero)
{
    static const int64_t a[] = {7, -7, INT64_MIN}, b[] = {2, 2, -1}, zero[] = {1, 0, 1};
    static const int64_t want[] = {3, -3, INT64_MIN};
    struct op_case c;
    struct err err;
    for (int bad = 0; bad < 2; bad++) {
        case_begin(&c, "Div", 0);
        case_in(&c, DT_I64, CASE_DIMS(3), a);
        case_in(&c, DT_I64, CASE_DIMS(3), bad ? zero : b);
        ck_assert_int_eq(case_run(&c, &err), bad ? E_BAD_INPUT : OK);
        if (!bad)
            case_expect(&c, 0, DT_I64, CASE_DIMS(3), want, 0, 0);
        case_fini(&c);
    }
}
END_TEST

START_TEST(a_rank_beyond_eight_is_unsupported)
{
    static const int64_t axes[] = {0, 1, 2, 3, 4, 5, 6};
    struct op_case c;
    struct err err;
    ck_assert_int_eq(with_vector("Unsqueeze", axes, 7, false, &c, &err), E_UNSUPPORTED);
    case_begin(&c, "Gather", 0);
    case_in(&c, DT_F32, CASE_DIMS(1, 1, 1, 1, 1, 1, 1, 1), x6);
    case_in(&c, DT_I64, CASE_DIMS(1, 1), axes);
    ck_assert_int_eq(case_run(&c, &err), E_UNSUPPORTED);
}
END_TEST

START_TEST(operands_that_do_not_broadcast_name_both)
{
    struct op_case c;
    struct err err;
    case_begin(&c, "Mul", 0);
    case_in(&c, DT_F32, CASE_DIMS(2, 3), x6);
    case_in(&c, DT_F32, CASE_DIMS(2), x6);
    ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
    ck_assert_str_eq(err.msg, "Mul: float32[2,3] and float32[2] do not broadcast");
    case_begin(&c, "MatMul", 0);
    case_in(&c, DT_F32, CASE_DIMS(2, 3), x6);
    case_in(&c, DT_F32, CASE_DIMS(2, 3), x6);
    ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
    case_begin(&c, "Concat", 0);
    case_in(&c, DT_F32, CASE_DIMS(2, 3), x6);
    case_in(&c, DT_F32, CASE_DIMS(3, 2), x6);
    case_int(&c, ATTR_axis, 1);
    ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
}
END_TEST

START_TEST(an_empty_tensor_goes_through)
{
    static const char *const ops[] = {"Relu", "Softmax", "Transpose", "GlobalAveragePool", "LRN"};
    for (size_t i = 0; i < ARRAY_COUNT(ops); i++) {
        struct op_case c;
        struct err err;
        case_begin(&c, ops[i], 0);
        case_in(&c, DT_F32, CASE_DIMS(0, 3, 2), x6);
        if (strcmp(ops[i], "LRN") == 0)
            case_int(&c, ATTR_size, 3);
        ck_ok(case_run(&c, &err), &err);
        ck_assert_int_eq(tensor_count(&c.out[0]), 0);
        case_fini(&c);
    }
}
END_TEST

Suite *suite_shapes(void)
{
    return SUITE("shapes", a_value_that_decides_the_shape_must_be_known,
                 a_wrapped_border_goes_round_as_often_as_it_takes, wrong_numbers_are_refused,
                 a_gather_index_beyond_its_axis_is_refused_at_run_time,
                 an_integer_is_never_divided_by_zero, a_rank_beyond_eight_is_unsupported,
                 operands_that_do_not_broadcast_name_both, an_empty_tensor_goes_through);
}
