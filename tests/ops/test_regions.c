/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators that read or fill regions of images: GridSample and RoiAlign against PyTorch's
 * grid_sample and torchvision's roi_align (1.13, 0.14), LpPool against LPPool2d, Col2Im against
 * fold; the rest by hand.
 *
 * Tolerance: rtol 1e-5, atol 1e-5: PyTorch computes places in float32, some 1e-7 of an image's
 * width, times a slope of at most 6 between neighbours. */
#include <math.h>
#include <string.h>

#include "support/op_case.h"

static const float powers[] = {0.0f,      1.0f,      2.828427f, 5.196152f, 8.0f,      11.18034f,
                               14.69694f, 18.52026f, 22.62742f, 27.0f,     31.62278f, 36.48287f};
static const float places[] = {-1.7f,  0.3f,  0.1f, -0.2f, 2.9f, 1.4f,
                               -0.99f, 0.98f, 0.5f, -3.3f, 1.2f, -1.1f};

static const struct {
    const char *mode, *padding;
    int align_corners;
    float want[6];
} sampled[] = {
    {"bilinear", "zeros", 0, {0.0f, 10.23334f, 0.0f, 6.236116f, 0.0f, 0.1818651f}},
    {"bilinear", "zeros", 1, {0.0f, 11.2106f, 0.0f, 22.4001f, 0.0f, 3.273575f}},
    {"bilinear", "border", 0, {14.58234f, 10.23334f, 36.48287f, 22.62742f, 4.01229f, 5.196152f}},
    {"bilinear", "border", 1, {12.38822f, 11.2106f, 36.48287f, 22.4001f, 3.420358f, 5.196152f}},
    {"bilinear",
     "reflection",
     0,
     {17.9275f, 10.23334f, 21.16467f, 22.62742f, 34.05283f, 5.196152f}},
    {"bilinear", "reflection", 1, {16.11866f, 11.2106f, 17.3608f, 22.4001f, 27.68229f, 5.774577f}},
    {"nearest", "zeros", 0, {0.0f, 14.69694f, 0.0f, 22.62742f, 0.0f, 0.0f}},
    {"nearest", "zeros", 1, {0.0f, 14.69694f, 0.0f, 22.62742f, 0.0f, 5.196152f}},
    {"nearest", "border", 0, {8.0f, 14.69694f, 36.48287f, 22.62742f, 2.828427f, 5.196152f}},
    {"nearest", "border", 1, {8.0f, 14.69694f, 36.48287f, 22.62742f, 2.828427f, 5.196152f}},
    {"nearest",
     "reflection",
     0,
     {11.18034f, 14.69694f, 22.62742f, 22.62742f, 31.62278f, 5.196152f}},
    {"nearest",
     "reflection",
     1,
     {11.18034f, 14.69694f, 22.62742f, 22.62742f, 31.62278f, 5.196152f}},
    {"bicubic", "zeros", 0, {-0.1160929f, 8.554475f, 0.0f, 6.828315f, 0.0f, 0.08134615f}},
    {"bicubic", "zeros", 1, {-0.4749021f, 9.770675f, 0.0f, 23.02977f, 0.0f, 3.085499f}},
    {"bicubic", "border", 0, {15.30859f, 8.455037f, 36.48286f, 23.63865f, 4.183705f, 4.415849f}},
    {"bicubic", "border", 1, {12.96304f, 9.722273f, 38.42284f, 22.45498f, 3.557708f, 4.638007f}},
    {"bicubic", "reflection", 0, {18.6643f, 8.455037f, 20.80637f, 24.49994f, 35.11136f, 3.065788f}},
    {"bicubic", "reflection", 1, {17.74486f, 9.451671f, 19.23884f, 22.61817f, 31.0478f, 5.042191f}},
};

START_TEST(grid_sample_equals_pytorch)
{
    for (size_t i = 0; i < ARRAY_COUNT(sampled); i++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "GridSample", 16);
        case_in(&c, DT_F32, CASE_DIMS(1, 1, 3, 4), powers);
        case_in(&c, DT_F32, CASE_DIMS(1, 2, 3, 2), places);
        case_str(&c, ATTR_mode, sampled[i].mode);
        case_str(&c, ATTR_padding_mode, sampled[i].padding);
        case_int(&c, ATTR_align_corners, sampled[i].align_corners);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(1, 1, 2, 3), sampled[i].want, 1e-5, 1e-5);
        case_fini(&c);
    }
}
END_TEST

START_TEST(grid_sample_takes_three_dims_and_any_dtype)
{
    static const float at[] = {-0.5f, 0.2f, 0.1f, 0.9f, -0.9f, 0.3f};
    static const double x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, want[] = {5.95, 2.652};
    static const int8_t small[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, near[] = {9, 8};
    for (int form = 0; form < 2; form++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "GridSample", 20);
        if (form)
            case_in(&c, DT_I8, CASE_DIMS(1, 1, 2, 2, 3), small);
        else
            case_in(&c, DT_F64, CASE_DIMS(1, 1, 2, 2, 3), x);
        case_in(&c, DT_F32, CASE_DIMS(1, 1, 1, 2, 3), at);
        case_str(&c, ATTR_mode, form ? "nearest" : "linear");
        ck_ok(case_run(&c, &err), &err);
        if (form)
            case_expect(&c, 0, DT_I8, CASE_DIMS(1, 1, 1, 1, 2), near, 0, 0);
        else
            case_expect(&c, 0, DT_F64, CASE_DIMS(1, 1, 1, 1, 2), want, 1e-6, 1e-6);
        case_fini(&c);
    }
}
END_TEST

/* Whatever the grid holds, only the input is read: the sanitizers are the judges. */
START_TEST(places_without_sense_read_something_inside)
{
    static const char *const modes[] = {"bilinear", "nearest", "bicubic"};
    static const char *const paddings[] = {"zeros", "border", "reflection"};
    static const float at[] = {NAN, 0, INFINITY, -INFINITY, 1e38f, -1e38f, 0, 1e20f};
    for (int i = 0; i < 18; i++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "GridSample", 16);
        case_in(&c, DT_F32, CASE_DIMS(1, 1, 3, 4), powers);
        case_in(&c, DT_F32, CASE_DIMS(1, 1, 4, 2), at);
        case_str(&c, ATTR_mode, modes[i % 3]);
        case_str(&c, ATTR_padding_mode, paddings[i / 3 % 3]);
        case_int(&c, ATTR_align_corners, i / 9);
        ck_ok(case_run(&c, &err), &err);
        case_fini(&c);
    }
}
END_TEST

static const struct {
    int half_pixel, samples;
    float want[32];
} aligned[] = {
    {0, 0, {10.00661f, 12.79186f, 25.91502f, 29.23874f, 75.27811f, 79.23682f, 96.40604f, 100.53f,
            4.708688f, 8.129717f, 22.40778f, 26.94749f, 43.02176f, 48.06627f, 66.1722f,  71.58071f,
            23.88034f, 24.90534f, 30.22019f, 31.28192f, 93.96828f, 95.25041f, 101.7431f, 103.0417f,
            2.45143f,  0.0f,      0.0f,      0.0f,      7.472804f, 0.0f,      0.0f,      0.0f}},
    {0, 2, {10.00661f, 12.79186f, 25.91502f, 29.23874f, 75.27811f, 79.23682f, 96.40604f, 100.53f,
            3.272939f, 11.70946f, 20.36674f, 47.71445f, 35.06718f, 77.75063f, 57.20297f, 122.6489f,
            23.94358f, 24.96514f, 30.22165f, 31.28192f, 93.99306f, 95.27431f, 101.7438f, 103.0417f,
            0.0f,      0.0f,      0.0f,      0.0f,      0.0f,      0.0f,      0.0f,      0.0f}},
    {1, 0, {4.35275f,  6.713983f, 18.94423f, 22.0943f,  66.71381f, 70.59592f, 87.49953f, 91.5578f,
            1.940993f, 5.491645f, 21.3213f,  33.92412f, 29.94586f, 44.50259f, 64.82716f, 93.02657f,
            14.26689f, 14.34139f, 15.18257f, 15.25779f, 81.39661f, 81.49661f, 82.60268f, 82.7029f,
            3.539405f, 0.0f,      0.0f,      0.0f,      11.02201f, 0.0f,      0.0f,      0.0f}},
    {1, 2, {4.35275f,  6.713983f, 18.94423f, 22.0943f,  66.71381f, 70.59592f, 87.49953f, 91.5578f,
            1.541055f, 5.86762f,  18.254f,   43.90569f, 17.4056f,  38.92634f, 54.61034f, 118.0619f,
            14.26689f, 14.34139f, 15.18257f, 15.25779f, 81.39661f, 81.49661f, 82.60268f, 82.70291f,
            13.74831f, 0.0f,      0.0f,      0.0f,      32.7982f,  0.0f,      0.0f,      0.0f}},
};
static const float image[] = {
    0.0f,      1.0f,      2.297397f, 3.737193f, 5.278032f, 6.898649f, 8.585815f, 10.33041f,
    12.12573f, 13.96661f, 15.84893f, 17.76934f, 19.72503f, 21.71361f, 23.73306f, 25.78158f,
    27.85762f, 29.95979f, 32.08685f, 34.23768f, 36.41129f, 38.60675f, 40.82322f, 43.05994f,
    45.31621f, 47.59135f, 49.88478f, 52.19592f, 54.52425f, 56.86927f, 59.23053f, 61.60757f,
    64.00001f, 66.40745f, 68.82953f, 71.26589f, 73.71622f, 76.18021f, 78.65755f, 81.14796f,
    83.65118f, 86.16695f, 88.69501f, 91.23515f, 93.78714f, 96.35075f, 98.92578f, 101.512f,
    104.1093f, 106.7174f, 109.3362f, 111.9655f, 114.6051f, 117.2549f, 119.9147f, 122.5844f,
    125.2638f, 127.9528f, 130.6513f, 133.359f};
static const float regions[] = {0.5f, 0.25f, 4.5f, 3.75f, -3.0f, -2.0f, 9.0f,  7.0f,
                                2.2f, 2.2f,  2.3f, 2.4f,  1.0f,  1.0f,  40.0f, 44.0f};
static const int64_t images[] = {0, 0, 0, 0};

static void roi_case(struct op_case *c, const float *rois, const int64_t *which)
{
    case_begin(c, "RoiAlign", 16);
    case_in(c, DT_F32, CASE_DIMS(1, 2, 5, 6), image);
    case_in(c, DT_F32, CASE_DIMS(4, 4), rois);
    case_in(c, DT_I64, CASE_DIMS(4), which);
    case_int(c, ATTR_output_height, 2);
    case_int(c, ATTR_output_width, 2);
    case_float(c, ATTR_spatial_scale, 0.8f);
}

START_TEST(roi_align_equals_torchvision)
{
    for (size_t i = 0; i < ARRAY_COUNT(aligned); i++) {
        struct op_case c;
        struct err err;
        roi_case(&c, regions, images);
        case_int(&c, ATTR_sampling_ratio, aligned[i].samples);
        case_str(&c, ATTR_coordinate_transformation_mode,
                 aligned[i].half_pixel ? "half_pixel" : "output_half_pixel");
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(4, 2, 2, 2), aligned[i].want, 1e-5, 1e-5);
        case_fini(&c);
    }
}
END_TEST

/* Four samples in the one bin; each gives the largest of its weighted neighbours. */
START_TEST(the_maximum_is_of_weighted_neighbours)
{
    static const float x[] = {1, 2, 3, 4}, roi[] = {0, 0, 1, 1}, want = 4 * 0.75f * 0.75f;
    static const int64_t first = 0;
    struct op_case c;
    struct err err;
    case_begin(&c, "RoiAlign", 10);
    case_in(&c, DT_F32, CASE_DIMS(1, 1, 2, 2), x);
    case_in(&c, DT_F32, CASE_DIMS(1, 4), roi);
    case_in(&c, DT_I64, CASE_DIMS(1), &first);
    case_int(&c, ATTR_sampling_ratio, 2);
    case_str(&c, ATTR_mode, "max");
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(1, 1, 1, 1), &want, 0, 0);
    case_fini(&c);
}
END_TEST

START_TEST(regions_without_sense_are_refused)
{
    static const float bad[] = {NAN, INFINITY, 1e30f};
    static const int64_t other[] = {0, 0, 1, 0};
    for (size_t i = 0; i <= ARRAY_COUNT(bad); i++) {
        float rois[16] = {0};
        struct op_case c;
        struct err err;
        memcpy(rois, regions, sizeof(rois));
        if (i < ARRAY_COUNT(bad))
            rois[6] = bad[i];
        roi_case(&c, rois, i < ARRAY_COUNT(bad) ? images : other);
        ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
        ck_assert_msg(strstr(err.msg, i < ARRAY_COUNT(bad) ? "region 1" : "index 1"), "%s",
                      err.msg);
        case_fini(&c);
    }
}
END_TEST

/* A region two billion wide over a small image: only samples over the image are visited. */
START_TEST(a_huge_region_takes_no_longer_than_the_image)
{
    float rois[16] = {-2e9f, -2e9f, 2e9f, 2e9f};
    struct op_case c;
    struct err err;
    roi_case(&c, rois, images);
    ck_ok(case_run(&c, &err), &err);
    case_fini(&c);
}
END_TEST

START_TEST(unpooled_elements_go_where_they_came_from)
{
    static const float x[] = {5, 6, 7, 8};
    static const int64_t index[] = {0, 3, 9, -1}, beyond[] = {0, 3, 9, 16};
    static const float want[] = {5, 0, 0, 6, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 8};
    for (int form = 0; form < 2; form++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "MaxUnpool", 9);
        case_in(&c, DT_F32, CASE_DIMS(1, 1, 2, 2), x);
        case_in(&c, DT_I64, CASE_DIMS(1, 1, 2, 2), form ? beyond : index);
        CASE_INTS(&c, ATTR_kernel_shape, 2, 2);
        CASE_INTS(&c, ATTR_strides, 2, 2);
        if (form) {
            ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
            ck_assert_msg(strstr(err.msg, "index 16"), "%s", err.msg);
        } else {
            ck_ok(case_run(&c, &err), &err);
            case_expect(&c, 0, DT_F32, CASE_DIMS(1, 1, 4, 4), want, 0, 0);
        }
        case_fini(&c);
    }
}
END_TEST

static const float ramp[] = {-7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8};

START_TEST(lp_pools_equal_pytorch)
{
    static const float three[] = {8.406118f, 7.047299f, 5.748897f, 3.530348f, 3.530348f,
                                  4.514358f, 7.047299f, 8.406118f, 9.816659f};
    static const float two[] = {9.899495f, 6.480741f, 8.124039f, 11.74734f};
    for (int p = 2; p <= 3; p++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "LpPool", p == 2 ? 1 : 11); /* 2 is the default */
        case_in(&c, DT_F32, CASE_DIMS(1, 1, 4, 4), ramp);
        CASE_INTS(&c, ATTR_kernel_shape, 2, 2);
        if (p == 3)
            case_int(&c, ATTR_p, 3);
        else
            CASE_INTS(&c, ATTR_strides, 2, 2);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, p == 3 ? CASE_DIMS(1, 1, 3, 3) : CASE_DIMS(1, 1, 2, 2),
                    p == 3 ? three : two, 1e-5, 1e-5);
        case_fini(&c);
    }
}
END_TEST

START_TEST(a_global_norm_is_of_each_plane)
{
    static const double want[] = {22, 14};
    static const double x[] = {-7, -6, -5, -4, 2, 3, 4, 5};
    struct op_case c;
    struct err err;
    case_begin(&c, "GlobalLpPool", 2);
    case_in(&c, DT_F64, CASE_DIMS(1, 2, 2, 2), x);
    case_int(&c, ATTR_p, 1);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F64, CASE_DIMS(1, 2, 1, 1), want, 1e-12, 0);
    case_fini(&c);
    case_begin(&c, "GlobalLpPool", 1);
    case_in(&c, DT_F64, CASE_DIMS(1, 2, 2, 2), x);
    case_float(&c, ATTR_p, 0.5f);
    ck_assert_int_eq(case_run(&c, &err), E_CORRUPT);
}
END_TEST

START_TEST(columns_become_images_as_fold_makes_them)
{
    static const int64_t three[] = {3, 3}, four[] = {4, 4}, two[] = {2, 2};
    static const float want[] = {0.0f,  5.0f,  5.0f,  10.0f, 30.0f, 20.0f, 10.0f, 25.0f, 15.0f,
                                 16.0f, 37.0f, 21.0f, 42.0f, 94.0f, 52.0f, 26.0f, 57.0f, 31.0f};
    static const float dilated[] = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 30.0f, 0.0f, 20.0f,
                                    0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 25.0f, 0.0f, 15.0f};
    float x[32];
    for (int i = 0; i < 32; i++)
        x[i] = (float)i;
    for (int form = 0; form < 3; form++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "Col2Im", 18);
        case_in(&c, DT_F32, form ? CASE_DIMS(1, 4, 4) : CASE_DIMS(1, 8, 4), x);
        case_in(&c, DT_I64, CASE_DIMS(2), form ? four : three);
        case_in(&c, DT_I64, CASE_DIMS(2), two);
        if (form) {
            CASE_INTS(&c, ATTR_dilations, 2, 2);
            CASE_INTS(&c, ATTR_pads, 1, 1, 1, 1);
            CASE_INTS(&c, ATTR_strides, form, form);
        }
        if (form == 1) { /* nine blocks of stride 1 fit, four came */
            ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
        } else {
            ck_ok(case_run(&c, &err), &err);
            case_expect(&c, 0, DT_F32, form ? CASE_DIMS(1, 1, 4, 4) : CASE_DIMS(1, 2, 3, 3),
                        form ? dilated : want, 0, 0);
        }
        case_fini(&c);
    }
}
END_TEST

START_TEST(the_middle_is_kept)
{
    static const int32_t x[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const int32_t rows[] = {0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0};
    static const int64_t shape[] = {2, 3}, tall = 5, wrong[] = {1, 2, 3};
    static const int32_t middle[] = {1, 2, 3, 5, 6, 7};
    struct op_case c;
    struct err err;
    case_begin(&c, "CenterCropPad", 18);
    case_in(&c, DT_I32, CASE_DIMS(2, 4), x);
    case_in(&c, DT_I64, CASE_DIMS(2), shape);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_I32, CASE_DIMS(2, 3), middle, 0, 0);
    case_fini(&c);
    case_begin(&c, "CenterCropPad", 18);
    case_in(&c, DT_I32, CASE_DIMS(2, 4), x);
    case_in(&c, DT_I64, CASE_DIMS(1), &tall);
    CASE_INTS(&c, ATTR_axes, -2);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_I32, CASE_DIMS(5, 4), rows, 0, 0);
    case_fini(&c);
    case_begin(&c, "CenterCropPad", 18);
    case_in(&c, DT_I32, CASE_DIMS(2, 4), x);
    case_in(&c, DT_I64, CASE_DIMS(3), wrong);
    ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
}
END_TEST

Suite *suite_regions(void)
{
    return SUITE("regions", grid_sample_equals_pytorch, grid_sample_takes_three_dims_and_any_dtype,
                 places_without_sense_read_something_inside, roi_align_equals_torchvision,
                 the_maximum_is_of_weighted_neighbours, regions_without_sense_are_refused,
                 a_huge_region_takes_no_longer_than_the_image,
                 unpooled_elements_go_where_they_came_from, lp_pools_equal_pytorch,
                 a_global_norm_is_of_each_plane, columns_become_images_as_fold_makes_them,
                 the_middle_is_kept);
}
