/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Quantized operators beyond ONNX's reference cases (fixtures_structure.h): scales by row, column,
 * channel and batch, groups, 16-bit floats, and operands that do not go together. Expected values
 * are worked out by hand from the formulas of the specification. */
#include <math.h>
#include <string.h>

#include "support/op_case.h"

static const float one = 1, half = 0.5f, quarter = 0.25f;
static const uint8_t u0 = 0, u1 = 1;
static const int8_t i0 = 0;

START_TEST(a_matrix_of_rows_and_columns_with_their_own_scales)
{
    static const uint8_t a[] = {1, 2, 3, 4}, az[] = {0, 1};
    static const int8_t b[] = {1, -1, 2, 3}, bz[] = {0, 1};
    static const float as[] = {1, 2}, bs[] = {0.5f, 1};
    /* sums: [1*1+2*2, 1*-2+2*2] = [5, 2]; [2*1+3*2, 2*-2+3*2] = [8, 2]
     * scaled: [2.5, 2]; [8, 4]; halves to even, then + 1 */
    static const uint8_t want[] = {3, 3, 9, 5};
    struct op_case c;
    struct err err;
    case_begin(&c, "QLinearMatMul", 10);
    case_in(&c, DT_U8, CASE_DIMS(2, 2), a);
    case_in(&c, DT_F32, CASE_DIMS(2), as);
    case_in(&c, DT_U8, CASE_DIMS(2), az);
    case_in(&c, DT_I8, CASE_DIMS(2, 2), b);
    case_in(&c, DT_F32, CASE_DIMS(2), bs);
    case_in(&c, DT_I8, CASE_DIMS(2), bz);
    case_in(&c, DT_F32, CASE_SCALAR, &one);
    case_in(&c, DT_U8, CASE_SCALAR, &u1);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_U8, CASE_DIMS(2, 2), want, 0, 0);
    case_fini(&c);
}
END_TEST

/* Two matrices on the left, each with its own zero points by row, share one on the right. */
START_TEST(zero_points_of_every_matrix)
{
    static const uint8_t a[] = {1, 2, 3, 4, 5, 6, 7, 8}, az[] = {0, 1, 2, 3};
    static const uint8_t b[] = {1, 0, 0, 1};
    static const int32_t each[] = {1, 2, 2, 3, 3, 4, 4, 5}, shared[] = {1, 2, 2, 3, 5, 6, 6, 7};
    for (int way = 0; way < 2; way++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "MatMulInteger", 10);
        case_in(&c, DT_U8, CASE_DIMS(2, 2, 2), a);
        case_in(&c, DT_U8, CASE_DIMS(2, 2), b);
        case_in(&c, DT_U8, way ? CASE_DIMS(2) : CASE_DIMS(2, 2, 1), az);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_I32, CASE_DIMS(2, 2, 2), way ? shared : each, 0, 0);
        case_fini(&c);
    }
}
END_TEST

static void conv_case(struct op_case *c, const uint8_t *x, const int8_t *w, const float *ws,
                      const int8_t *wz, const int32_t *bias)
{
    case_begin(c, "QLinearConv", 10);
    case_in(c, DT_U8, CASE_DIMS(1, 2, 1, 3), x);
    case_in(c, DT_F32, CASE_SCALAR, &half);
    case_in(c, DT_U8, CASE_SCALAR, &u1);
    case_in(c, DT_I8, CASE_DIMS(2, 1, 1, 2), w);
    case_in(c, DT_F32, CASE_DIMS(2), ws);
    case_in(c, DT_I8, CASE_DIMS(2), wz);
    case_in(c, DT_F32, CASE_SCALAR, &quarter);
    case_in(c, DT_U8, CASE_SCALAR, &u1);
    case_in(c, DT_I32, CASE_DIMS(2), bias);
    case_int(c, ATTR_group, 2);
    CASE_INTS(c, ATTR_pads, 0, 1, 0, 0);
}

START_TEST(groups_with_a_scale_zero_point_and_bias_for_each_channel)
{
    static const uint8_t x[] = {1, 2, 3, 4, 5, 6};
    static const int8_t w[] = {1, 2, 3, 4}, wz[] = {0, 1};
    static const float ws[] = {1, 0.5f};
    static const int32_t bias[] = {-1, 10};
    /* Less their zero points: x = [0 0 1 2], [0 3 4 5] with the padding; w = [1 2], [2 3].
     * sums: [0 2 5] - 1, [9 18 23] + 10; times 2 and 1; plus 1 */
    static const uint8_t want[] = {0, 3, 9, 20, 29, 34};
    struct op_case c;
    struct err err;
    conv_case(&c, x, w, ws, wz, bias);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_U8, CASE_DIMS(1, 2, 1, 3), want, 0, 0);
    case_fini(&c);
}
END_TEST

START_TEST(a_scale_for_the_last_axis_and_for_the_first)
{
    static const int8_t x[] = {1, 2, 3, 4, 5, 6};
    static const float scale[] = {1, 10, 100};
    static const float last[] = {1, 20, 300, 4, 50, 600}, first[] = {1, 2, 3, 40, 50, 60};
    static const int8_t back[] = {1, 2, 3, 4, 5, 6};
    for (int axis = -2; axis < 0; axis++) {
        struct op_case c, d;
        struct err err;
        const float *want = axis == -1 ? last : first;
        case_begin(&c, "DequantizeLinear", 13);
        case_in(&c, DT_I8, CASE_DIMS(2, 3), x);
        case_in(&c, DT_F32, axis == -1 ? CASE_DIMS(3) : CASE_DIMS(2), scale);
        case_int(&c, ATTR_axis, axis);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(2, 3), want, 0, 0);
        case_begin(&d, "QuantizeLinear", 13);
        case_in(&d, DT_F32, CASE_DIMS(2, 3), want);
        case_in(&d, DT_F32, axis == -1 ? CASE_DIMS(3) : CASE_DIMS(2), scale);
        case_in(&d, DT_I8, axis == -1 ? CASE_DIMS(3) : CASE_DIMS(2), (const int8_t[3]){0});
        case_int(&d, ATTR_axis, axis);
        ck_ok(case_run(&d, &err), &err);
        case_expect(&d, 0, DT_I8, CASE_DIMS(2, 3), back, 0, 0);
        case_fini(&c);
        case_fini(&d);
    }
}
END_TEST

/* Longer than a block, there and back. */
START_TEST(sixteen_bit_floats_cross_blocks)
{
    enum { N = 600 };
    static uint16_t x[N];
    static uint8_t want[N];
    static const uint16_t two = 0x4000;
    for (int i = 0; i < N; i++) {
        want[i] = (uint8_t)(i % 251);
        x[i] = f32_to_f16((float)(2 * (i % 251)));
    }
    struct op_case c, d;
    struct err err;
    case_begin(&c, "QuantizeLinear", 19);
    case_in(&c, DT_F16, CASE_DIMS(N), x);
    case_in(&c, DT_F16, CASE_SCALAR, &two);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_U8, CASE_DIMS(N), want, 0, 0);
    case_begin(&d, "DequantizeLinear", 19);
    case_in(&d, DT_U8, CASE_DIMS(N), want);
    case_in(&d, DT_F16, CASE_SCALAR, &two);
    ck_ok(case_run(&d, &err), &err);
    case_expect_shape(&d, 0, DT_F16, CASE_DIMS(N));
    ck_assert(!memcmp(d.out[0].data, x, sizeof(x)));
    case_fini(&c);
    case_fini(&d);
}
END_TEST

START_TEST(a_range_of_one_number_has_a_scale)
{
    static const float x[][2] = {{0, 0}, {NAN, 0}, {5, 255}};
    static const float scales[] = {1, 1, 1};
    static const uint8_t want[][2] = {{0, 0}, {0, 0}, {5, 255}};
    for (size_t i = 0; i < ARRAY_COUNT(x); i++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "DynamicQuantizeLinear", 11);
        case_in(&c, DT_F32, CASE_DIMS(2), x[i]);
        c.n_out = 3;
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_U8, CASE_DIMS(2), want[i], 0, 0);
        case_expect(&c, 1, DT_F32, CASE_SCALAR, &scales[i], 0, 0);
        case_expect(&c, 2, DT_U8, CASE_SCALAR, &u0, 0, 0);
        case_fini(&c);
    }
}
END_TEST

static void refused(struct op_case *c, enum status want, const char *word)
{
    struct err err = {0};
    enum status s = case_run(c, &err);
    ck_assert_msg(s == want && strstr(err.msg, word), "%s: %s: %s", c->name, status_name(s),
                  err.msg);
    case_fini(c);
}

START_TEST(operands_that_do_not_go_together_are_refused)
{
    static const float x[6] = {0}, scale[3] = {1, 1, 1};
    static const uint8_t b[6] = {0};
    static const int32_t bias[3] = {0};
    struct op_case c;
    case_begin(&c, "QuantizeLinear", 13);
    case_in(&c, DT_F32, CASE_DIMS(3, 2), x);
    case_in(&c, DT_F32, CASE_DIMS(3), scale); /* axis 1 has two */
    refused(&c, E_BAD_INPUT, "one or 2 elements");
    case_begin(&c, "QuantizeLinear", 13);
    case_in(&c, DT_F32, CASE_DIMS(2, 3), x);
    case_in(&c, DT_F32, CASE_DIMS(3), scale);
    case_in(&c, DT_I8, CASE_SCALAR, &i0);
    case_int(&c, ATTR_axis, 5);
    refused(&c, E_BAD_INPUT, "axis 5");
    case_begin(&c, "DequantizeLinear", 13);
    case_in(&c, DT_U8, CASE_DIMS(2, 3), b);
    case_in(&c, DT_F32, CASE_DIMS(3), scale);
    case_in(&c, DT_U8, CASE_SCALAR, &u0);
    refused(&c, E_BAD_INPUT, "as many elements as the scale");
    case_begin(&c, "DequantizeLinear", 13);
    case_in(&c, DT_I64, CASE_DIMS(0), b);
    case_in(&c, DT_F32, CASE_SCALAR, &one);
    refused(&c, E_UNSUPPORTED, "int64");
    case_begin(&c, "MatMulInteger", 10);
    case_in(&c, DT_U8, CASE_DIMS(2, 3), b);
    case_in(&c, DT_I8, CASE_DIMS(3, 2), b);
    case_in(&c, DT_I8, CASE_SCALAR, &i0);
    refused(&c, E_BAD_INPUT, "expected uint8");
    conv_case(&c, b, (const int8_t *)b, scale, (const int8_t *)b, bias);
    c.in[8].dims[0] = 3;
    refused(&c, E_BAD_INPUT, "one element per output channel");
    conv_case(&c, b, (const int8_t *)b, scale, (const int8_t *)b, bias);
    c.in[4].dims[0] = 3;
    refused(&c, E_BAD_INPUT, "one or 2 elements");
}
END_TEST

Suite *suite_quant(void)
{
    return SUITE("quant", a_matrix_of_rows_and_columns_with_their_own_scales,
                 zero_points_of_every_matrix,
                 groups_with_a_scale_zero_point_and_bias_for_each_channel,
                 a_scale_for_the_last_axis_and_for_the_first, sixteen_bit_floats_cross_blocks,
                 a_range_of_one_number_has_a_scale, operands_that_do_not_go_together_are_refused);
}
