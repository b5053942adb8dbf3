/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Elementwise operators and reductions in the dtypes beyond float32; answers by hand. 16-bit floats
 * are written as their bits: 0x3c00 is 1, 0x4000 is 2, 0x4200 is 3, 0x4400 is 4 (float16); 0x3f80
 * is 1, 0x4000 is 2, 0x4040 is 3, 0x4080 is 4 (bfloat16). */
#include <math.h>
#include <string.h>

#include "support/op_case.h"

static const uint16_t f16_1234[] = {0x3c00, 0x4000, 0x4200, 0x4400};
static const uint16_t bf16_1234[] = {0x3f80, 0x4000, 0x4040, 0x4080};

/* Runs op on x[4] and the scalar y (when given); output 0 must be want[n] of `to`. */
static void binary_case(const char *op, enum dtype t, const void *x, const void *y, enum dtype to,
                        const void *want)
{
    struct op_case c;
    struct err err;
    case_begin(&c, op, 0);
    case_in(&c, t, CASE_DIMS(4), x);
    if (y)
        case_in(&c, t, CASE_SCALAR, y);
    ck_ok(case_run(&c, &err), &err);
    case_expect_shape(&c, 0, to, CASE_DIMS(4));
    ck_assert_msg(!memcmp(c.out[0].data, want, 4 * dtype_bytes(to)), "%s of %s", op, dtype_text(t));
    case_fini(&c);
}

START_TEST(sixteen_bit_floats_are_computed_in_float32)
{
    static const uint16_t one = 0x3c00, bone = 0x3f80;
    static const uint16_t plus[] = {0x4000, 0x4200, 0x4400, 0x4500};
    static const uint16_t bplus[] = {0x4000, 0x4040, 0x4080, 0x40a0};
    static const uint16_t minus[] = {0xbc00, 0xc000, 0xc200, 0xc400};
    static const uint8_t greater[] = {0, 1, 1, 1};
    binary_case("Add", DT_F16, f16_1234, &one, DT_F16, plus);
    binary_case("Add", DT_BF16, bf16_1234, &bone, DT_BF16, bplus);
    binary_case("Greater", DT_F16, f16_1234, &one, DT_BOOL, greater);
    binary_case("Neg", DT_F16, f16_1234, NULL, DT_F16, minus);
    binary_case("LeakyRelu", DT_F16, f16_1234, NULL, DT_F16, f16_1234);
    binary_case("Max", DT_BF16, bf16_1234, &bone, DT_BF16, bf16_1234);
}
END_TEST

/* More elements than a block, with a repeated operand on either side. */
START_TEST(long_runs_of_sixteen_bit_floats_cross_blocks)
{
    enum { N = 700 };
    static uint16_t x[N];
    static const uint16_t three = 0x4200;
    for (int i = 0; i < N; i++)
        x[i] = f32_to_f16((float)(i % 50));
    for (int side = 0; side < 2; side++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "Sub", 0);
        if (side)
            case_in(&c, DT_F16, CASE_SCALAR, &three);
        case_in(&c, DT_F16, CASE_DIMS(N), x);
        if (!side)
            case_in(&c, DT_F16, CASE_SCALAR, &three);
        ck_ok(case_run(&c, &err), &err);
        const uint16_t *y = c.out[0].data;
        for (int i = 0; i < N; i++)
            ck_assert_float_eq(f16_to_f32(y[i]), (float)(side ? 3 - i % 50 : i % 50 - 3));
        case_fini(&c);
    }
}
END_TEST

START_TEST(integers_of_every_width_wrap)
{
    static const uint8_t u8[] = {0, 1, 200, 255}, u8b = 100, u8y[] = {100, 101, 44, 99};
    static const int8_t i8[] = {-128, -1, 0, 127}, i8b = -1, i8y[] = {127, -2, -1, 126};
    static const int8_t i8q[] = {-128, 1, 0, -127};
    static const uint64_t u64[] = {0, 1, 2, UINT64_MAX}, u64b = 2, u64y[] = {2, 3, 4, 1};
    static const uint8_t less[] = {1, 1, 0, 0};
    binary_case("Add", DT_U8, u8, &u8b, DT_U8, u8y);
    binary_case("Add", DT_I8, i8, &i8b, DT_I8, i8y);
    binary_case("Div", DT_I8, i8, &i8b, DT_I8, i8q);
    binary_case("Add", DT_U64, u64, &u64b, DT_U64, u64y);
    binary_case("Less", DT_U64, u64, &u64b, DT_BOOL, less);
    binary_case("Min", DT_U64, u64, &u64[3], DT_U64, u64);
}
END_TEST

START_TEST(clip_keeps_every_bit_of_its_dtype)
{
    static const uint64_t u[] = {0, 1, UINT64_MAX - 1, UINT64_MAX}, low = 1, uy[] = {1, 1, 0, 0};
    static const double d[] = {-1e300, 0.1, NAN, 1e300}, dlow = 0, dwant[] = {0, 0.1, NAN, 1e300};
    uint64_t want[4] = {uy[0], uy[1], u[2], u[3]};
    struct op_case c;
    struct err err;
    binary_case("Clip", DT_U64, u, &low, DT_U64, want);
    case_begin(&c, "Clip", 13);
    case_in(&c, DT_F64, CASE_DIMS(4), d);
    case_in(&c, DT_F64, CASE_SCALAR, &dlow);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F64, CASE_DIMS(4), dwant, 0, 0);
    case_fini(&c);
}
END_TEST

START_TEST(powers_of_integers_are_exact_and_wrap)
{
    static const int64_t a[] = {3, -2, 0, -1}, n[] = {39, 3, 0, -3};
    static const int64_t want[] = {INT64_C(4052555153018976267), -8, 1, -1};
    static const float fn[] = {0.5f, 2, 0.5f, -0.5f};
    static const int64_t b[] = {4, 3, 4, 16}, mixed[] = {2, 9, 2, 0};
    struct op_case c;
    struct err err;
    case_begin(&c, "Pow", 15);
    case_in(&c, DT_I64, CASE_DIMS(4), a);
    case_in(&c, DT_I64, CASE_DIMS(4), n);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_I64, CASE_DIMS(4), want, 0, 0);
    case_fini(&c);
    case_begin(&c, "Pow", 15);
    case_in(&c, DT_I64, CASE_DIMS(4), b);
    case_in(&c, DT_F32, CASE_DIMS(4), fn);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_I64, CASE_DIMS(4), mixed, 0, 0);
    case_fini(&c);
}
END_TEST

static void reduce_case(const char *op, enum dtype t, const void *x, const void *want)
{
    static const int64_t axis = 1;
    struct op_case c;
    struct err err;
    case_begin(&c, op, 18);
    case_in(&c, t, CASE_DIMS(2, 2), x);
    case_in(&c, DT_I64, CASE_DIMS(1), &axis);
    case_int(&c, ATTR_keepdims, 0);
    ck_ok(case_run(&c, &err), &err);
    case_expect_shape(&c, 0, t, CASE_DIMS(2));
    ck_assert_msg(!memcmp(c.out[0].data, want, 2 * dtype_bytes(t)), "%s of %s", op, dtype_text(t));
    case_fini(&c);
}

START_TEST(reductions_keep_their_dtype)
{
    static const uint16_t sums[] = {0x4200, 0x4700}, bsums[] = {0x4040, 0x40e0};
    static const uint16_t means[] = {0x3e00, 0x4300};
    static const uint8_t u8[] = {3, 200, 9, 4}, u8max[] = {200, 9}, flags[] = {1, 0, 1, 1};
    static const uint8_t all[] = {0, 1};
    static const int32_t i32[] = {-3, 4, 1, -2}, norms[] = {5, 2}, ones[] = {7, 3};
    static const uint64_t u64[] = {UINT64_MAX, 2, 3, 4}, u64sum[] = {1, 7};
    static const double d[] = {3, 4, 6, 8}, dnorm[] = {5, 10};
    reduce_case("ReduceSum", DT_F16, f16_1234, sums);
    reduce_case("ReduceSum", DT_BF16, bf16_1234, bsums);
    reduce_case("ReduceMean", DT_F16, f16_1234, means);
    reduce_case("ReduceMax", DT_U8, u8, u8max);
    reduce_case("ReduceMin", DT_BOOL, flags, all);
    reduce_case("ReduceL2", DT_I32, i32, norms);
    reduce_case("ReduceL1", DT_I32, i32, ones);
    reduce_case("ReduceSum", DT_U64, u64, u64sum);
    reduce_case("ReduceL2", DT_F64, d, dnorm);
}
END_TEST

START_TEST(softmax_and_arg_max_take_every_number)
{
    static const double d[] = {0, 0, 0, 0}, quarter[] = {0.25, 0.25, 0.25, 0.25};
    static const uint16_t zeros[4], quarters[] = {0x3400, 0x3400, 0x3400, 0x3400};
    static const uint8_t u8[] = {3, 255, 9, 255};
    static const uint64_t u64[] = {1, UINT64_MAX, UINT64_MAX - 1, 0};
    static const int64_t first = 1, last = 3;
    struct op_case c;
    struct err err;
    binary_case("Softmax", DT_F64, d, NULL, DT_F64, quarter);
    binary_case("Softmax", DT_F16, zeros, NULL, DT_F16, quarters);
    for (int way = 0; way < 3; way++) {
        case_begin(&c, "ArgMax", 13);
        case_in(&c, way == 2 ? DT_U64 : DT_U8, CASE_DIMS(4), way == 2 ? (const void *)u64 : u8);
        case_int(&c, ATTR_keepdims, 0);
        case_int(&c, ATTR_select_last_index, way == 1);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_I64, CASE_SCALAR, way == 1 ? &last : &first, 0, 0);
        case_fini(&c);
    }
}
END_TEST

static void product_case(const char *op, enum dtype t, const void *a, const void *b, const void *c,
                         const void *want)
{
    struct op_case k;
    struct err err;
    case_begin(&k, op, 13);
    case_in(&k, t, CASE_DIMS(2, 2), a);
    case_in(&k, t, CASE_DIMS(2, 2), b);
    if (c) {
        case_in(&k, t, CASE_DIMS(2), c);
        case_int(&k, ATTR_transB, 1);
    }
    ck_ok(case_run(&k, &err), &err);
    case_expect(&k, 0, t, CASE_DIMS(2, 2), want, 0, 0);
    case_fini(&k);
}

START_TEST(products_of_integers_are_exact_and_wrap)
{
    static const int64_t a[] = {INT64_C(1) << 62, 1, -3, 4}, b[] = {2, 5, 7, -1}, c[] = {10, -20};
    static const int64_t want[] = {INT64_MIN + 7, (INT64_C(1) << 62) - 1, 22, -19};
    static const int64_t plus_c[] = {INT64_MIN + 15, -(INT64_C(1) << 62) - 21, 24, -45};
    static const uint32_t ua[] = {0x80000000, 1, 3, 4}, ub[] = {2, 5, 7, 1}, uc[] = {10, 20};
    static const uint32_t uwant[] = {7, 0x80000001, 34, 19};
    static const uint32_t uplus[] = {15, 0x80000015, 36, 45};
    product_case("MatMul", DT_I64, a, b, NULL, want);
    product_case("Gemm", DT_I64, a, b, c, plus_c);
    product_case("MatMul", DT_U32, ua, ub, NULL, uwant);
    product_case("Gemm", DT_U32, ua, ub, uc, uplus);
}
END_TEST

START_TEST(gemm_of_doubles_and_integers_has_its_factors)
{
    static const double a[] = {1, 2, 3, 4}, b[] = {1, 0, 0, 1}, c[] = {10, 20};
    static const double want[] = {5.5, 11, 6.5, 12};
    static const int32_t ia[] = {1, 2, 3, 4}, ib[] = {1, 0, 0, 1}, ic[] = {10, 20};
    static const int32_t iwant[] = {5, 11, 6, 12};
    for (int way = 0; way < 2; way++) {
        struct op_case k;
        struct err err;
        enum dtype t = way ? DT_I32 : DT_F64;
        case_begin(&k, "Gemm", 13);
        case_in(&k, t, CASE_DIMS(2, 2), way ? (const void *)ia : a);
        case_in(&k, t, CASE_DIMS(2, 2), way ? (const void *)ib : b);
        case_in(&k, t, CASE_DIMS(2), way ? (const void *)ic : c);
        case_float(&k, ATTR_alpha, 0.5f);
        case_float(&k, ATTR_beta, 0.5f);
        ck_ok(case_run(&k, &err), &err);
        case_expect(&k, 0, t, CASE_DIMS(2, 2), way ? (const void *)iwant : want, 0, 0);
        case_fini(&k);
    }
}
END_TEST

/* 2 / (1 + 1 * 2^2)^1 */
START_TEST(local_response_takes_every_float)
{
    static const double x = 2;
    static const uint16_t hx = 0x4000; /* 2 in both halves */
    for (int way = 0; way < 3; way++) {
        struct op_case k;
        struct err err;
        enum dtype t = way == 0 ? DT_F64 : way == 1 ? DT_F16 : DT_BF16;
        case_begin(&k, "LRN", 13);
        case_in(&k, t, CASE_DIMS(1, 1), way ? (const void *)&hx : &x);
        case_int(&k, ATTR_size, 1);
        case_float(&k, ATTR_alpha, 1);
        case_float(&k, ATTR_beta, 1);
        ck_ok(case_run(&k, &err), &err);
        case_expect_shape(&k, 0, t, CASE_DIMS(1, 1));
        double got = tensor_get_f64(&k.out[0], 0);
        ck_assert_msg(fabs(got - 0.4) < (way ? 2e-3 : 1e-15), "%s: %.17g", dtype_text(t), got);
        case_fini(&k);
    }
}
END_TEST

START_TEST(floats_of_two_kinds_do_not_go_together)
{
    static const float f[4] = {0};
    struct op_case k;
    struct err err;
    case_begin(&k, "MatMul", 13);
    case_in(&k, DT_F16, CASE_DIMS(2, 2), f);
    case_in(&k, DT_F32, CASE_DIMS(2, 2), f);
    ck_assert_int_eq(case_run(&k, &err), E_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.msg, "expected float16"));
    case_fini(&k);
}
END_TEST

/* Casts x[8], and every one of `want` must come out. */
static void cast_case(enum dtype from, const void *x, enum dtype to, const void *want)
{
    struct op_case c;
    struct err err;
    case_begin(&c, "Cast", 13);
    case_in(&c, from, CASE_DIMS(8), x);
    case_int(&c, ATTR_to, to);
    ck_ok(case_run(&c, &err), &err);
    case_expect_shape(&c, 0, to, CASE_DIMS(8));
    ck_assert_msg(!memcmp(c.out[0].data, want, 8 * dtype_bytes(to)), "%s to %s", dtype_text(from),
                  dtype_text(to));
    case_fini(&c);
}

START_TEST(casts_of_sixteen_bit_floats_round_to_even)
{
    /* Halves between two neighbours, up and down, of each kind; what is too large for float16; the
     * least of float16. */
    static const float x[8] = {1,     -0.0f,         0x1.01p0f,  0x1.03p0f,
                               65520, 0x1.002002p0f, 0x1.002p0f, 0x1p-24f};
    static const uint16_t bf16[8] = {0x3f80, 0x8000, 0x3f80, 0x3f82,
                                     0x4780, 0x3f80, 0x3f80, 0x3380};
    static const uint16_t f16[8] = {0x3c00, 0x8000, 0x3c04, 0x3c0c, 0x7c00, 0x3c01, 0x3c00, 0x0001};
    static const float of_bf16[8] = {1, -0.0f, 1, 0x1.04p0f, 65536, 1, 1, 0x1p-24f};
    static const float of_f16[8] = {1,        -0.0f,      0x1.01p0f, 0x1.03p0f,
                                    INFINITY, 0x1.004p0f, 1,         0x1p-24f};
    cast_case(DT_F32, x, DT_BF16, bf16);
    cast_case(DT_F32, x, DT_F16, f16);
    cast_case(DT_BF16, bf16, DT_F32, of_bf16);
    cast_case(DT_F16, f16, DT_F32, of_f16);
}
END_TEST

Suite *suite_dtypes(void)
{
    return SUITE("dtypes", sixteen_bit_floats_are_computed_in_float32,
                 long_runs_of_sixteen_bit_floats_cross_blocks, integers_of_every_width_wrap,
                 clip_keeps_every_bit_of_its_dtype, powers_of_integers_are_exact_and_wrap,
                 reductions_keep_their_dtype, softmax_and_arg_max_take_every_number,
                 products_of_integers_are_exact_and_wrap,
                 gemm_of_doubles_and_integers_has_its_factors, local_response_takes_every_float,
                 floats_of_two_kinds_do_not_go_together, casts_of_sixteen_bit_floats_round_to_even);
}
