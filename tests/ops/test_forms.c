/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Forms of operators that newer opsets no longer have; answers by hand, from the specification of
 * the version named beside each. */
#include <math.h>
#include <string.h>

#include "support/op_case.h"

static const float x6[] = {-3, -1, 0, 1, 2, 5};

START_TEST(clip_reads_attributes_before_11_and_operands_after)
{
    static const float low = -1, high = 2, want[] = {-1, -1, 0, 1, 2, 2},
                       open[] = {-3, -1, 0, 1, 2, 2};
    static const int64_t ints[] = {-5, 7}, ilow = -2, iwant[] = {-2, 7};
    struct op_case c;
    struct err err;
    case_begin(&c, "Clip", 6);
    case_in(&c, DT_F32, CASE_DIMS(6), x6);
    case_float(&c, ATTR_min, -1);
    case_float(&c, ATTR_max, 2);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(6), want, 0, 0);
    case_fini(&c);
    for (int given = 0; given < 2; given++) {
        case_begin(&c, "Clip", 13);
        case_in(&c, DT_F32, CASE_DIMS(6), x6);
        if (given)
            case_in(&c, DT_F32, CASE_SCALAR, &low);
        else
            case_none(&c);
        case_in(&c, DT_F32, CASE_SCALAR, &high);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(6), given ? want : open, 0, 0);
        case_fini(&c);
    }
    case_begin(&c, "Clip", 12);
    case_in(&c, DT_I64, CASE_DIMS(2), ints);
    case_in(&c, DT_I64, CASE_SCALAR, &ilow);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_I64, CASE_DIMS(2), iwant, 0, 0);
    case_fini(&c);
}
END_TEST

START_TEST(softmax_reads_a_matrix_before_13)
{
    static const float zeros[8], eighth[] = {[0 ... 7] = 0.125f}, half[] = {[0 ... 7] = 0.5f};
    for (int opset = 11; opset <= 13; opset += 2) {
        struct op_case c;
        struct err err;
        case_begin(&c, "Softmax", opset);
        case_in(&c, DT_F32, CASE_DIMS(1, 2, 2, 2), zeros);
        case_int(&c, ATTR_axis, 1); /* all of 2x2x2 at 11, the dim alone at 13 */
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(1, 2, 2, 2), opset < 13 ? eighth : half, 1e-6, 0);
        case_fini(&c);
    }
}
END_TEST

START_TEST(add_6_broadcasts_on_request_from_an_axis)
{
    static const float a[] = {0, 0, 0, 0, 0, 0, 0, 0}, b[] = {1, 2};
    static const float want[] = {1, 1, 2, 2, 1, 1, 2, 2}, suffix[] = {1, 2, 1, 2, 1, 2, 1, 2};
    for (int with_axis = 0; with_axis < 2; with_axis++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "Add", 6);
        case_in(&c, DT_F32, CASE_DIMS(2, 2, 2), a);
        case_in(&c, DT_F32, CASE_DIMS(2), b);
        ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT); /* not asked for */
        case_int(&c, ATTR_broadcast, 1);
        if (with_axis)
            case_int(&c, ATTR_axis, 1);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(2, 2, 2), with_axis ? want : suffix, 0, 0);
        case_fini(&c);
    }
}
END_TEST

START_TEST(axes_stand_in_an_attribute_before_13)
{
    static const int64_t axis = 0;
    static const float x[] = {1, 2};
    for (int opset = 11; opset <= 13; opset += 2) {
        struct op_case c;
        struct err err;
        case_begin(&c, "Unsqueeze", opset);
        case_in(&c, DT_F32, CASE_DIMS(2), x);
        if (opset < 13)
            CASE_INTS(&c, ATTR_axes, 0);
        else
            case_in(&c, DT_I64, CASE_DIMS(1), &axis);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(1, 2), x, 0, 0);
        case_fini(&c);
    }
}
END_TEST

START_TEST(slice_1_takes_attributes)
{
    static const float x[] = {0, 1, 2, 3, 4, 5}, want[] = {1, 2, 4, 5};
    struct op_case c;
    struct err err;
    case_begin(&c, "Slice", 9);
    case_in(&c, DT_F32, CASE_DIMS(2, 3), x);
    CASE_INTS(&c, ATTR_starts, 1);
    CASE_INTS(&c, ATTR_ends, INT64_MAX);
    CASE_INTS(&c, ATTR_axes, 1);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(2, 2), want, 0, 0);
    case_fini(&c);
}
END_TEST

START_TEST(dropout_is_the_identity_and_its_mask_all_true)
{
    static const uint8_t mask[] = {1, 1, 1, 1, 1, 1};
    static const float ones[] = {1, 1, 1, 1, 1, 1};
    for (int opset = 7; opset <= 13; opset += 3) {
        struct op_case c;
        struct err err;
        case_begin(&c, "Dropout", opset)->n_out = 2;
        case_in(&c, DT_F32, CASE_DIMS(6), x6);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(6), x6, 0, 0);
        if (opset < 10)
            case_expect(&c, 1, DT_F32, CASE_DIMS(6), ones, 0, 0);
        else
            case_expect(&c, 1, DT_BOOL, CASE_DIMS(6), mask, 0, 0);
        case_fini(&c);
    }
}
END_TEST

START_TEST(a_batch_norm_that_trains_is_refused)
{
    static const float one[] = {1};
    struct op_case c;
    struct err err;
    for (int form = 0; form < 3; form++) {
        case_begin(&c, "BatchNormalization", form == 0 ? 6 : form == 1 ? 14 : 9);
        case_in(&c, DT_F32, CASE_DIMS(1, 1), one);
        for (int i = 0; i < 4; i++)
            case_in(&c, DT_F32, CASE_DIMS(1), one);
        if (form == 0)
            case_int(&c, ATTR_is_test, 0);
        else if (form == 1)
            case_int(&c, ATTR_training_mode, 1);
        else
            c.n_out = 3;
        ck_assert_int_eq(case_run(&c, &err), E_UNSUPPORTED);
        ck_assert_ptr_nonnull(strstr(err.msg, "training"));
    }
}
END_TEST

START_TEST(the_last_window_of_ceil_mode_never_starts_in_the_padding)
{
    /* PyTorch: max_pool1d(torch.arange(1., 6.), 2, 2, pad, 1, True) has 3 elements without padding
     * and 3 with padding 1: a fourth window would start in the padding. */
    static const float x[] = {1, 2, 3, 4, 5}, want[] = {2, 4, 5}, padded[] = {1, 3, 5};
    struct op_case c;
    struct err err;
    for (int pad = 0; pad < 2; pad++) {
        case_begin(&c, "MaxPool", 12);
        case_in(&c, DT_F32, CASE_DIMS(1, 1, 5), x);
        CASE_INTS(&c, ATTR_kernel_shape, 2);
        CASE_INTS(&c, ATTR_strides, 2);
        CASE_INTS(&c, ATTR_pads, pad, pad);
        case_int(&c, ATTR_ceil_mode, 1);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(1, 1, 3), pad ? padded : want, 0, 0);
        case_fini(&c);
    }
}
END_TEST

START_TEST(indices_count_planes_by_rows_or_by_columns)
{
    static const uint8_t x[] = {1, 9, 2, 3, 4, 5, 0, 0, 0, 7, 7, 6}, want[] = {9, 7};
    static const int64_t rows[] = {1, 9}, columns[] = {2, 7};
    struct op_case c;
    struct err err;
    for (int order = 0; order < 2; order++) {
        case_begin(&c, "MaxPool", 12)->n_out = 2;
        case_in(&c, DT_U8, CASE_DIMS(1, 2, 2, 3), x);
        CASE_INTS(&c, ATTR_kernel_shape, 2, 3);
        case_int(&c, ATTR_storage_order, order);
        ck_ok(case_run(&c, &err), &err);
        case_expect_shape(&c, 0, DT_U8, CASE_DIMS(1, 2, 1, 1));
        ck_assert_mem_eq(c.out[0].data, want, 2);
        case_expect(&c, 1, DT_I64, CASE_DIMS(1, 2, 1, 1), order ? columns : rows, 0, 0);
        case_fini(&c);
    }
}
END_TEST

START_TEST(a_pool_that_covers_everything_everywhere_is_refused)
{
    struct op_case c;
    struct err err;
    case_begin(&c, "MaxPool", 12);
    case_in(&c, DT_F32, CASE_DIMS(1, 1, 1 << 20), NULL);
    CASE_INTS(&c, ATTR_kernel_shape, 1 << 30);
    CASE_INTS(&c, ATTR_pads, 1 << 30, 1 << 30);
    ck_assert_int_eq(case_run(&c, &err), E_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.msg, "2^35"));
    case_fini(&c);
}
END_TEST

START_TEST(gemm_takes_vectors_scalars_and_none_as_its_third_operand)
{
    static const float a[] = {1, 2, 3, 4}, b[] = {1, 0, 0, 1}, row[] = {10, 20}, column[] = {1, 2};
    static const float none[] = {2, 4, 6, 8}, with_row[] = {7, 14, 11, 18};
    static const float with_column[] = {2.5f, 4.5f, 7, 9};
    for (int form = 0; form < 3; form++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "Gemm", form ? 13 : 11);
        case_in(&c, DT_F32, CASE_DIMS(2, 2), a);
        case_in(&c, DT_F32, CASE_DIMS(2, 2), b);
        if (form == 1)
            case_in(&c, DT_F32, CASE_DIMS(2), row);
        if (form == 2)
            case_in(&c, DT_F32, CASE_DIMS(2, 1), column);
        case_float(&c, ATTR_alpha, 2);
        case_float(&c, ATTR_beta, 0.5f);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(2, 2),
                    form == 0   ? none
                    : form == 1 ? with_row
                                : with_column,
                    0, 0);
        case_fini(&c);
    }
}
END_TEST

Suite *suite_forms(void)
{
    return SUITE("forms", clip_reads_attributes_before_11_and_operands_after,
                 softmax_reads_a_matrix_before_13, add_6_broadcasts_on_request_from_an_axis,
                 axes_stand_in_an_attribute_before_13, slice_1_takes_attributes,
                 dropout_is_the_identity_and_its_mask_all_true, a_batch_norm_that_trains_is_refused,
                 the_last_window_of_ceil_mode_never_starts_in_the_padding,
                 indices_count_planes_by_rows_or_by_columns,
                 a_pool_that_covers_everything_everywhere_is_refused,
                 gemm_takes_vectors_scalars_and_none_as_its_third_operand);
}
