/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Windows, spectra and the mel scale where the fixtures do not go: dtypes, edges, refusals. */
#include <math.h>
#include <string.h>

#include "support/op_case.h"

static const char *const windows[] = {"HannWindow", "HammingWindow", "BlackmanWindow"};

START_TEST(a_window_has_the_size_and_dtype_asked_for)
{
    static const int32_t size = 1, none = 0;
    static const double one = 1;
    for (size_t i = 0; i < ARRAY_COUNT(windows); i++) {
        struct op_case c;
        struct err err;
        case_begin(&c, windows[i], 17);
        case_in(&c, DT_I32, CASE_SCALAR, &size);
        case_int(&c, ATTR_output_datatype, DT_F64);
        case_int(&c, ATTR_periodic, 0);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F64, CASE_DIMS(1), &one, 0, 0);
        case_fini(&c);
        case_begin(&c, windows[i], 17);
        case_in(&c, DT_I32, CASE_SCALAR, &none);
        ck_ok(case_run(&c, &err), &err);
        case_expect_shape(&c, 0, DT_F32, CASE_DIMS(0));
        case_fini(&c);
    }
}
END_TEST

START_TEST(a_window_without_sense_is_refused)
{
    static const int64_t size = 4, less = -1, two[] = {1, 2};
    for (size_t i = 0; i < 4; i++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "HannWindow", 17);
        case_in(&c, DT_I64, i == 1 ? CASE_DIMS(2) : CASE_SCALAR,
                i == 0   ? &less
                : i == 1 ? two
                         : &size);
        case_int(&c, ATTR_output_datatype, i == 2 ? 8 : i == 3 ? INT64_MAX : 1);
        ck_assert_int_eq(case_run(&c, &err), i < 2 ? E_BAD_INPUT : E_UNSUPPORTED);
        ck_assert_msg(strstr(err.msg, i < 2 ? "HannWindow" : "output_datatype"), "%s", err.msg);
    }
}
END_TEST

/* [1, 2, 3], cut to two and filled to four; its one-sided half. */
START_TEST(a_transform_has_the_length_asked_for)
{
    static const double x[] = {1, 2, 3}, cut[] = {3, 0, -1, 0}, half[] = {6, 0, -2, -2, 2, 0};
    static const double whole[] = {6, 0, -2, -2, 2, 0, -2, 2};
    static const int64_t two = 2, four = 4, axis = 0;
    for (int form = 0; form < 3; form++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "DFT", form == 2 ? 20 : 17);
        case_in(&c, DT_F64, CASE_DIMS(3, 1), x);
        case_in(&c, DT_I64, CASE_SCALAR, form ? &four : &two);
        if (form == 2)
            case_in(&c, DT_I64, CASE_SCALAR, &axis);
        else
            case_int(&c, ATTR_axis, 0);
        case_int(&c, ATTR_onesided, form == 1);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F64,
                    form == 0   ? CASE_DIMS(2, 2)
                    : form == 1 ? CASE_DIMS(3, 2)
                                : CASE_DIMS(4, 2),
                    form == 0   ? cut
                    : form == 1 ? half
                                : whole,
                    1e-12, 1e-12);
        case_fini(&c);
    }
}
END_TEST

/* There and back, complex, along a middle axis of a length that is no power of two. */
START_TEST(the_inverse_undoes_a_transform)
{
    float x[2 * 5 * 3 * 2];
    for (size_t i = 0; i < ARRAY_COUNT(x); i++)
        x[i] = (float)(i * 7 % 11) - 5;
    struct op_case there, back;
    struct err err;
    case_begin(&there, "DFT", 17);
    case_in(&there, DT_F32, CASE_DIMS(2, 5, 3, 2), x);
    ck_ok(case_run(&there, &err), &err);
    case_begin(&back, "DFT", 17);
    case_in(&back, DT_F32, CASE_DIMS(2, 5, 3, 2), there.out[0].data);
    case_int(&back, ATTR_inverse, 1);
    ck_ok(case_run(&back, &err), &err);
    case_expect(&back, 0, DT_F32, CASE_DIMS(2, 5, 3, 2), x, 1e-5, 1e-5);
    case_fini(&there);
    case_fini(&back);
}
END_TEST

START_TEST(a_transform_without_sense_is_refused)
{
    static const float x[] = {1, 2, 3, 4, 5, 6};
    static const struct {
        int64_t dims[4], length, axis;
        int onesided, inverse;
        enum status status;
        const char *why;
    } rows[] = {
        {{1, 2, 3, -1}, 4, 1, 0, 0, E_BAD_INPUT, "[...,2]"},
        {{1, 3, 2, -1}, 0, 1, 0, 0, E_BAD_INPUT, "0 elements"},
        {{1, 3, 2, -1}, INT64_MAX, 1, 0, 0, E_BAD_INPUT, "elements"},
        {{1, 3, 2, -1}, 4, 2, 0, 0, E_BAD_INPUT, "another axis"},
        {{1, 3, 2, -1}, 4, 3, 0, 0, E_BAD_INPUT, "axis 3"},
        {{1, 3, 2, -1}, 4, 1, 1, 0, E_BAD_INPUT, "real"},
        {{1, 6, 1, -1}, 4, 1, 1, 1, E_UNSUPPORTED, "inverse and onesided"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "DFT", 17);
        case_in(&c, DT_F32, rows[i].dims, x);
        case_in(&c, DT_I64, CASE_SCALAR, &rows[i].length);
        case_int(&c, ATTR_axis, rows[i].axis);
        case_int(&c, ATTR_onesided, rows[i].onesided);
        case_int(&c, ATTR_inverse, rows[i].inverse);
        ck_assert_int_eq(case_run(&c, &err), rows[i].status);
        ck_assert_msg(strstr(err.msg, rows[i].why), "%s", err.msg);
    }
}
END_TEST

START_TEST(frames_without_sense_are_refused)
{
    static const float x[] = {1, 2, 3, 4, 5, 6}, window[] = {1, 1, 1};
    static const int64_t steps[] = {0, -1, 1, 1, 1}, lengths[] = {2, 2, 7, 0, 2};
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "STFT", 17);
        case_in(&c, DT_F32, CASE_DIMS(1, 6, 1), x);
        case_in(&c, DT_I64, CASE_SCALAR, &steps[i]);
        if (i == 4)
            case_in(&c, DT_F32, CASE_DIMS(3), window);
        else
            case_none(&c);
        case_in(&c, DT_I64, CASE_SCALAR, &lengths[i]);
        ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
        ck_assert_msg(strstr(err.msg, i == 4 ? "window" : "frames"), "%s", err.msg);
    }
}
END_TEST

/* Triangles that reach beyond the spectrum are cut off there. */
START_TEST(mel_bins_stay_inside_the_spectrum)
{
    static const int64_t bins = 4, length = 6, rate = 8000;
    static const float low = 0, high = 100000, below = -1;
    for (int form = 0; form < 2; form++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "MelWeightMatrix", 17);
        case_in(&c, DT_I64, CASE_SCALAR, &bins);
        case_in(&c, DT_I64, CASE_SCALAR, &length);
        case_in(&c, DT_I64, CASE_SCALAR, &rate);
        case_in(&c, DT_F32, CASE_SCALAR, form ? &below : &low);
        case_in(&c, DT_F32, CASE_SCALAR, &high);
        if (form) {
            ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
            ck_assert_msg(strstr(err.msg, "hertz"), "%s", err.msg);
        } else {
            ck_ok(case_run(&c, &err), &err);
            case_expect_shape(&c, 0, DT_F32, CASE_DIMS(4, 4));
        }
        case_fini(&c);
    }
}
END_TEST

Suite *suite_signal(void)
{
    return SUITE("signal", a_window_has_the_size_and_dtype_asked_for,
                 a_window_without_sense_is_refused, a_transform_has_the_length_asked_for,
                 the_inverse_undoes_a_transform, a_transform_without_sense_is_refused,
                 frames_without_sense_are_refused, mel_bins_stay_inside_the_spectrum);
}
