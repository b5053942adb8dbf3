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

/* Two batch elements, one channel: mean 2, variance 1; given are mean 1 and variance 3. */
static void batch_norm_case(struct op_case *c, int opset, int n_out)
{
    static const float x[] = {1, 3}, one[] = {1}, three[] = {3};
    case_begin(c, "BatchNormalization", opset)->n_out = n_out;
    case_in(c, DT_F32, CASE_DIMS(2, 1), x);
    for (int i = 0; i < 3; i++)
        case_in(c, DT_F32, CASE_DIMS(1), one);
    case_in(c, DT_F32, CASE_DIMS(1), three);
    case_float(c, ATTR_epsilon, 0);
    case_float(c, ATTR_momentum, 0.25f);
}

START_TEST(a_batch_norm_trains_where_its_version_says_so)
{
    static const struct {
        int opset, n_out, is_test, training; /* -1: the attribute is left out */
        bool trains;
    } forms[] = {
        {1, 1, -1, -1, false}, {6, 1, 0, -1, true},    {6, 1, 1, -1, false},
        {6, 5, -1, -1, true},  {7, 1, -1, -1, false},  {9, 5, -1, -1, true},
        {14, 3, -1, 1, true},  {15, 1, -1, -1, false}, {15, 1, -1, 1, true},
    };
    static const float own[] = {0, 2}, given[] = {1, 2.1547005f};
    static const float kept[][1] = {{0}, {1.75f}, {1.5f}, {2}, {1}};
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        struct op_case c;
        struct err err;
        batch_norm_case(&c, forms[i].opset, forms[i].n_out);
        if (forms[i].is_test >= 0)
            case_int(&c, ATTR_is_test, forms[i].is_test);
        if (forms[i].training >= 0)
            case_int(&c, ATTR_training_mode, forms[i].training);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(2, 1), forms[i].trains ? own : given, 1e-6, 0);
        for (int k = 1; k < forms[i].n_out; k++)
            case_expect(&c, k, DT_F32, CASE_DIMS(1), kept[k], 1e-6, 0);
        case_fini(&c);
    }
}
END_TEST

START_TEST(a_batch_norm_without_training_has_one_output)
{
    struct op_case c;
    struct err err;
    batch_norm_case(&c, 14, 3);
    ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.msg, "training"));
    case_fini(&c);
}
END_TEST

/* spatial = 0: statistics for every place of the image. */
START_TEST(a_batch_norm_by_place_and_in_other_floats)
{
    static const double x[] = {1, 2, 3, 4}, one[] = {1, 1}, mean[] = {1, 3}, zero[] = {0, 0};
    static const double want[] = {0, -1, 2, 1};
    static const uint16_t hx[] = {0x3c00, 0x4000}, h1[] = {0x3c00}, hy[] = {0x0000, 0x3c00};
    static const float f1[] = {1};
    struct op_case c;
    struct err err;
    case_begin(&c, "BatchNormalization", 7);
    case_in(&c, DT_F64, CASE_DIMS(2, 1, 2), x);
    case_in(&c, DT_F64, CASE_DIMS(1, 2), one);
    case_in(&c, DT_F64, CASE_DIMS(1, 2), zero);
    case_in(&c, DT_F64, CASE_DIMS(1, 2), mean);
    case_in(&c, DT_F64, CASE_DIMS(1, 2), one);
    case_int(&c, ATTR_spatial, 0);
    case_float(&c, ATTR_epsilon, 0);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F64, CASE_DIMS(2, 1, 2), want, 0, 0);
    case_fini(&c);
    case_begin(&c, "BatchNormalization", 15); /* half data, float32 statistics */
    case_in(&c, DT_F16, CASE_DIMS(2, 1), hx);
    case_in(&c, DT_F16, CASE_DIMS(1), h1);
    case_in(&c, DT_F32, CASE_DIMS(1), (const float[]){0});
    case_in(&c, DT_F32, CASE_DIMS(1), f1);
    case_in(&c, DT_F32, CASE_DIMS(1), f1);
    case_float(&c, ATTR_epsilon, 0);
    ck_ok(case_run(&c, &err), &err);
    case_expect_shape(&c, 0, DT_F16, CASE_DIMS(2, 1));
    ck_assert(!memcmp(c.out[0].data, hy, sizeof(hy)));
    case_fini(&c);
}
END_TEST

START_TEST(dropout_in_training_is_taken_with_ratio_0_only)
{
    static const float none = 0, some = 0.5f;
    static const uint8_t yes = 1;
    for (int way = 0; way < 8; way++) {
        struct op_case c;
        struct err err;
        bool zero = way & 1;
        case_begin(&c, "Dropout", 13)->blind = way & 2;
        case_in(&c, DT_F32, CASE_DIMS(6), x6);
        case_in(&c, DT_F32, CASE_SCALAR, zero ? &none : &some);
        if (way & 4)
            c.left_out[1] = true;
        case_in(&c, DT_BOOL, CASE_SCALAR, &yes);
        enum status s = case_run(&c, &err);
        ck_assert_int_eq(s, zero && !(way & 4) ? OK : E_UNSUPPORTED);
        if (s == OK)
            case_expect(&c, 0, DT_F32, CASE_DIMS(6), x6, 0, 0);
        case_fini(&c);
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
    return SUITE(
        "forms", clip_reads_attributes_before_11_and_operands_after,
        softmax_reads_a_matrix_before_13, add_6_broadcasts_on_request_from_an_axis,
        axes_stand_in_an_attribute_before_13, slice_1_takes_attributes,
        dropout_is_the_identity_and_its_mask_all_true,
        a_batch_norm_trains_where_its_version_says_so, a_batch_norm_without_training_has_one_output,
        a_batch_norm_by_place_and_in_other_floats, dropout_in_training_is_taken_with_ratio_0_only,
        the_last_window_of_ceil_mode_never_starts_in_the_padding,
        indices_count_planes_by_rows_or_by_columns,
        a_pool_that_covers_everything_everywhere_is_refused,
        gemm_takes_vectors_scalars_and_none_as_its_third_operand);
}
