/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Calibration data on their way, the ranges that come of values, and what an error is. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/calibration.h"
#include "compiler/precision.h"
#include "compiler/ranges.h"
#include "support/support.h"

static struct tensor row_of(enum dtype t, int64_t n, void *data)
{
    return (struct tensor){.dtype = t, .rank = 2, .dims = {1, n}, .data = data};
}

/* Two sets: a row of three floats, and one of two int64. */
static void two_sets(struct buf *out)
{
    struct calibration_writer w = {.sets = 0};
    float f[3] = {1, 2, 3};
    int64_t i[2] = {-7, 7};
    const struct tensor a = row_of(DT_F32, 3, f), b = row_of(DT_I64, 2, i);
    struct err err;
    for (int k = 0; k < 2; k++) {
        ck_ok(calibration_set(&w, k ? "second" : "first", &err), &err);
        ck_ok(calibration_add(&w, &a, &err), &err);
        ck_ok(calibration_add(&w, &b, &err), &err);
        f[0] = 10;
    }
    ck_ok(calibration_finish(&w, out, &err), &err);
    calibration_writer_fini(&w);
}

START_TEST(what_was_written_is_read)
{
    struct buf bytes = {0};
    struct calibration c;
    struct tensor t;
    struct err err;
    two_sets(&bytes);
    ck_ok(calibration_open(&c, bytes.data, bytes.len, &err), &err);
    ck_assert_uint_eq(c.sets, 2);
    ck_assert_uint_eq(c.inputs, 2);
    ck_assert_str_eq(calibration_name(&c, 1), "second");
    calibration_input(&c, 0, 0, &t);
    ck_assert_int_eq(t.dtype, DT_F32);
    ck_assert_int_eq(t.dims[1], 3);
    ck_assert(((const float *)t.data)[0] == 1);
    calibration_input(&c, 1, 0, &t);
    ck_assert(((const float *)t.data)[0] == 10);
    calibration_input(&c, 1, 1, &t);
    ck_assert_int_eq(tensor_get_i64(&t, 0), -7);
    buf_fini(&bytes);
}
END_TEST

START_TEST(whatever_is_cut_short_is_refused)
{
    struct buf bytes = {0};
    struct calibration c;
    struct err err;
    two_sets(&bytes);
    for (size_t n = 0; n + 48 < bytes.len; n++) { /* 48: what pads the last tensor */
        uint8_t *copy = malloc(n + 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, bytes.data, n);
        ck_assert_int_eq(calibration_open(&c, copy, n, &err), E_CORRUPT);
        free(copy);
    }
    buf_fini(&bytes);
}
END_TEST

START_TEST(sets_hold_as_many_inputs_as_the_first)
{
    struct calibration_writer w = {.sets = 0};
    float f = 0;
    const struct tensor t = row_of(DT_F32, 1, &f);
    struct buf out = {0};
    struct err err;
    ck_assert_int_eq(calibration_finish(&w, &out, &err), E_BAD_INPUT);
    ck_ok(calibration_set(&w, "one", &err), &err);
    ck_ok(calibration_add(&w, &t, &err), &err);
    ck_ok(calibration_set(&w, "two", &err), &err);
    ck_assert_int_eq(calibration_finish(&w, &out, &err), E_BAD_INPUT);
    ck_assert_str_eq(err.msg, "two holds 0 inputs, the first set holds 1");
    ck_assert_int_eq(calibration_set(&w, "three", &err), E_BAD_INPUT);
    calibration_writer_fini(&w);
}
END_TEST

/* ---- ranges ---- */

static struct range range_of(float *x, int64_t n)
{
    static const uint8_t wanted[] = {1, 0};
    struct ranges r;
    const struct tensor t = row_of(DT_F32, n, x);
    ck_assert_int_eq(ranges_init(&r, wanted, 2), OK);
    ranges_see(&r, 0, &t);
    ranges_see(&r, 1, &t);
    ranges_see(&r, 2, &t); /* beyond what there is */
    ck_assert(!ranges_of(&r, 1).known);
    const struct range out = ranges_of(&r, 0);
    ranges_fini(&r);
    return out;
}

START_TEST(a_range_holds_0_and_all_that_was_seen)
{
    float even[64], zeros[8] = {0};
    for (int i = 0; i < 64; i++)
        even[i] = 2 + (float)i / 8;
    const struct range r = range_of(even, 64), z = range_of(zeros, 8);
    ck_assert(r.known && z.known);
    ck_assert(r.low == 0);
    ck_assert_float_eq_tol(r.high, even[63], 0.2f);
    ck_assert(z.low == 0 && z.high == 0);
}
END_TEST

START_TEST(a_lone_outlier_is_cut_off)
{
    static float x[1000000];
    for (int i = 0; i < 1000000; i++)
        x[i] = (float)(i % 1000) / 1000 - 0.5f;
    x[77] = 4;
    const struct range r = range_of(x, 1000000);
    ck_assert(r.known && r.high < 3.5f && r.high > 0.4f);
    ck_assert_float_eq_tol(r.low, -0.5f, 0.1f);
}
END_TEST

START_TEST(what_is_no_number_has_no_range)
{
    float nan[3] = {1, NAN, 2}, infinite[2] = {-INFINITY, 0};
    ck_assert(!range_of(nan, 3).known);
    ck_assert(!range_of(infinite, 2).known);
}
END_TEST

START_TEST(the_order_of_the_data_does_not_matter)
{
    static const uint8_t wanted[] = {1};
    float small[4] = {0.1f, -0.2f, 0.3f, 0.05f}, large[4] = {9, -3, 2, 1};
    const struct tensor s = row_of(DT_F32, 4, small), l = row_of(DT_F32, 4, large);
    struct range got[2];
    for (int k = 0; k < 2; k++) {
        struct ranges r;
        ck_assert_int_eq(ranges_init(&r, wanted, 1), OK);
        ranges_see(&r, 0, k ? &s : &l);
        ranges_see(&r, 0, k ? &l : &s);
        got[k] = ranges_of(&r, 0);
        ranges_fini(&r);
    }
    ck_assert(got[0].low == got[1].low && got[0].high == got[1].high);
}
END_TEST

/* ---- errors ---- */

START_TEST(errors_are_counted_by_element_and_rows_by_their_first_class)
{
    float want[6] = {1, 2, 3, -8, 0, 1}, got[6] = {1, 2, 2.5f, -8, 2, 1};
    const struct tensor a = {.dtype = DT_F32, .rank = 2, .dims = {2, 3}, .data = want};
    const struct tensor b = {.dtype = DT_F32, .rank = 2, .dims = {2, 3}, .data = got};
    struct comparison c = {0};
    comparison_add(&c, &a, &b);
    ck_assert(c.worst == 2 && c.sum == 2.5 && c.largest == 8);
    ck_assert_uint_eq(c.count, 6);
    ck_assert_uint_eq(c.rows, 2);
    ck_assert_uint_eq(c.agreed, 1);
}
END_TEST

START_TEST(what_is_no_number_is_off_without_bound)
{
    float want[2] = {NAN, INFINITY}, got[2] = {NAN, INFINITY};
    const struct tensor a = {.dtype = DT_F32, .rank = 1, .dims = {2}, .data = want};
    struct tensor b = {.dtype = DT_F32, .rank = 1, .dims = {2}, .data = got};
    struct comparison c = {0};
    comparison_add(&c, &a, &b);
    ck_assert(c.worst == 0 && c.rows == 0);
    got[0] = 1;
    comparison_add(&c, &a, &b);
    ck_assert(isinf(c.worst));
    c = (struct comparison){0};
    b.dims[0] = 1;
    comparison_add(&c, &a, &b);
    ck_assert(isinf(c.worst));
}
END_TEST

START_TEST(labels_agree_or_do_not)
{
    int64_t want[3] = {1, 2, 3}, got[3] = {1, 2, 4};
    const struct tensor a = {.dtype = DT_I64, .rank = 1, .dims = {3}, .data = want};
    const struct tensor b = {.dtype = DT_I64, .rank = 1, .dims = {3}, .data = got};
    struct comparison c = {0};
    comparison_add(&c, &a, &b);
    ck_assert_uint_eq(c.rows, 3);
    ck_assert_uint_eq(c.agreed, 2);
    ck_assert_uint_eq(c.count, 0);
}
END_TEST

Suite *suite_calibration(void)
{
    Suite *s = suite_create("calibration");
    TCase *t = tcase_create("data");
    tcase_add_test(t, what_was_written_is_read);
    tcase_add_test(t, whatever_is_cut_short_is_refused);
    tcase_add_test(t, sets_hold_as_many_inputs_as_the_first);
    tcase_add_test(t, a_range_holds_0_and_all_that_was_seen);
    tcase_add_test(t, a_lone_outlier_is_cut_off);
    tcase_add_test(t, what_is_no_number_has_no_range);
    tcase_add_test(t, the_order_of_the_data_does_not_matter);
    tcase_add_test(t, errors_are_counted_by_element_and_rows_by_their_first_class);
    tcase_add_test(t, what_is_no_number_is_off_without_bound);
    tcase_add_test(t, labels_agree_or_do_not);
    suite_add_tcase(s, t);
    return s;
}
