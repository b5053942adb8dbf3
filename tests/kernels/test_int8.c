/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The kernels on bytes against their refs: every sum exact, at the extremes of both byte types,
 * over several blocks of terms, columns and channels; the scratch is exactly as long as asked for.
 */
#include <string.h>

#include "base/alloc.h"
#include "kernels/int8.h"
#include "kernels/kernels_priv.h"
#include "kernels_support.h"

enum { ROUNDS = 150, MAX_COUNT = 1 << 20 };

static uint8_t a[MAX_COUNT], b[MAX_COUNT], zero_a[2048], zero_b[2048];
static int32_t fast[MAX_COUNT], ref[MAX_COUNT];

/* Half of the rounds hold the extremes only. */
static void fill_bytes(uint64_t *seed, uint8_t *x, size_t n)
{
    bool extreme = random_int(seed, 0, 1);
    for (size_t i = 0; i < n; i++)
        x[i] = (uint8_t)(extreme ? random_int(seed, 0, 1) * 255 : random_int(seed, 0, 255));
}

static void fill_all(uint64_t *seed)
{
    fill_bytes(seed, a, 1 << 16);
    fill_bytes(seed, b, 1 << 16);
    fill_bytes(seed, zero_a, sizeof(zero_a));
    fill_bytes(seed, zero_b, sizeof(zero_b));
}

static struct bytes random_bytes(uint64_t *seed, const uint8_t *x, const uint8_t *zero, int64_t n)
{
    struct bytes v = {.data = x, .is_signed = random_int(seed, 0, 1)};
    v.zero = random_int(seed, 0, 2) ? zero : NULL;
    v.zeros = random_int(seed, 0, 1) ? 1 : n;
    return v;
}

static void check_gemm(struct gemm_i8 *g)
{
    uint64_t bytes = gemm_i8_scratch(g);
    g->scratch = alloc_aligned(64, bytes ? bytes : 1);
    ck_assert_ptr_nonnull(g->scratch);
    g->y = fast;
    gemm_i8(g);
    g->y = ref;
    gemm_i8_ref(g);
    alloc_free(g->scratch);
    ck_assert_msg(!memcmp(fast, ref, (size_t)(g->m * g->n) * sizeof(ref[0])), "%d x %d x %d, %d%d",
                  (int)g->m, (int)g->n, (int)g->k, g->a.is_signed, g->b.is_signed);
}

START_TEST(products_equal_ref)
{
    uint64_t seed = 3;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t k =
            random_int(&seed, 0, 3) ? random_int(&seed, 0, 70) : random_int(&seed, 250, 600);
        struct gemm_i8 g = {.m = random_int(&seed, 1, 40), .n = random_int(&seed, 1, 40), .k = k};
        fill_all(&seed);
        g.a = random_bytes(&seed, a, zero_a, g.m);
        g.b = random_bytes(&seed, b, zero_b, g.n);
        check_gemm(&g);
    }
}
END_TEST

START_TEST(products_of_several_blocks_equal_ref)
{
    uint64_t seed = 4;
    static const int64_t sizes[][3] = {{300, 3, 40}, {2, 700, 300}, {1, 1, 5000}};
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct gemm_i8 g = {.m = sizes[i][0], .n = sizes[i][1], .k = sizes[i][2]};
        fill_bytes(&seed, a, MAX_COUNT);
        fill_bytes(&seed, b, MAX_COUNT);
        fill_bytes(&seed, zero_b, sizeof(zero_b));
        g.a = random_bytes(&seed, a, zero_a, g.m);
        g.b = random_bytes(&seed, b, zero_b, g.n);
        check_gemm(&g);
    }
}
END_TEST

/* 255 * 255 * 33100 is more than an int32 holds. */
START_TEST(sums_wrap_as_int32_do)
{
    struct gemm_i8 g = {.m = 1, .n = 1, .k = 33100};
    memset(a, 255, (size_t)g.k);
    memset(b, 255, (size_t)g.k);
    g.a.data = a;
    g.b.data = b;
    check_gemm(&g);
    ck_assert_int_eq(fast[0], (int32_t)(uint32_t)(INT64_C(65025) * 33100));
}
END_TEST

static struct conv_i8 random_conv(uint64_t *seed)
{
    struct conv_i8 c = {.sizes = {.batch = 1, .groups = random_int(seed, 1, 2)}};
    struct conv *s = &c.sizes;
    int kind = (int)random_int(seed, 0, 3);
    int64_t channels = kind == 0 ? 1 : random_int(seed, 1, kind == 1 ? 300 : 60);
    s->in_c = s->groups * channels;
    s->out_c = s->groups * random_int(seed, 1, 5);
    for (int d = 0; d < 3; d++) {
        s->in[d] = s->out[d] = s->kernel[d] = s->stride[d] = s->dilation[d] = 1;
        if (d == 0 || kind == 1)
            continue;
        s->kernel[d] = random_int(seed, 1, kind == 3 && d == 2 ? 90 : 4);
        s->stride[d] = random_int(seed, 1, 3);
        s->dilation[d] = kind == 3 ? 1 : random_int(seed, 1, 2);
        s->pad[d] = random_int(seed, 0, 3);
        int64_t reach = (s->kernel[d] - 1) * s->dilation[d] + 1;
        s->in[d] = reach + random_int(seed, 0, 7);
        s->out[d] = (s->in[d] + s->pad[d] - reach) / s->stride[d] + 1;
    }
    c.x = random_bytes(seed, a, zero_a, 1);
    c.w = random_bytes(seed, b, zero_b, s->out_c / s->groups);
    return c;
}

START_TEST(convolutions_equal_ref)
{
    uint64_t seed = 5, bytes;
    int cut = 0, plain = 0;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        struct conv_i8 c = random_conv(&seed);
        int64_t places = conv_kernel_size(&c.sizes), channels = c.sizes.in_c / c.sizes.groups;
        int64_t n = c.sizes.out_c / c.sizes.groups * conv_out_size(&c.sizes);
        fill_all(&seed);
        ck_assert_int_lt(channels * conv_in_size(&c.sizes), 1 << 16);
        cut += places * channels > EXACT_TERMS;
        plain += places > EXACT_TERMS;
        ck_assert(conv_i8_scratch(&c, &bytes));
        c.scratch = alloc_aligned(64, bytes ? bytes : 1);
        ck_assert_ptr_nonnull(c.scratch);
        c.y = fast;
        conv_i8(&c);
        c.y = ref;
        conv_i8_ref(&c);
        alloc_free(c.scratch);
        ck_assert_msg(!memcmp(fast, ref, (size_t)n * sizeof(ref[0])), "round %d", round);
    }
    ck_assert_int_gt(cut, ROUNDS / 8);
    ck_assert_int_gt(plain, 3);
}
END_TEST

START_TEST(a_scratch_without_a_size_is_refused)
{
    struct conv_i8 c = {.sizes = {.batch = 1, .groups = 1, .in_c = INT64_C(1) << 40, .out_c = 1}};
    uint64_t bytes;
    for (int d = 0; d < 3; d++) {
        c.sizes.in[d] = c.sizes.out[d] = INT64_C(1) << 30;
        c.sizes.kernel[d] = c.sizes.stride[d] = c.sizes.dilation[d] = 1;
    }
    ck_assert(!conv_i8_scratch(&c, &bytes));
}
END_TEST

/* Halves, both ends, beyond both ends, what is no number. */
static const float odd[] = {0.5f,      1.5f, -0.5f, -1.5f,  126.5f, 127.5f, 254.5f,
                            255.5f,    1e9f, -1e9f, -1e30f, 1e30f,  NAN,    INFINITY,
                            -INFINITY, 0,    -0.0f, 3.2f,   -128.5, 2.5f,   -127.5f};

START_TEST(rounding_and_saturation_equal_ref)
{
    static const float scales[] = {1, 0.1f, -2, 0, INFINITY, NAN};
    static float x[1000];
    static int32_t sums[1000];
    uint64_t seed = 6;
    random_fill(&seed, x, ARRAY_COUNT(x));
    for (size_t i = 0; i < ARRAY_COUNT(x); i++) {
        x[i] = i < ARRAY_COUNT(odd) ? odd[i] : x[i] * 300;
        sums[i] = (int32_t)random_next(&seed) >> (i % 24);
    }
    for (size_t i = 0; i < 2 * ARRAY_COUNT(scales); i++)
        for (int zero = -128; zero < 256; zero += 37) {
            struct to_bytes q = {.scale = scales[i / 2], .zero = zero, .is_signed = i % 2};
            if (zero < (q.is_signed ? -128 : 0) || zero > (q.is_signed ? 127 : 255))
                continue;
            quantize_f32(&q, ARRAY_COUNT(x), x, a);
            quantize_f32_ref(&q, ARRAY_COUNT(x), x, b);
            ck_assert_msg(!memcmp(a, b, ARRAY_COUNT(x)), "scale %g zero %d", (double)q.scale, zero);
            requantize_i32(&q, ARRAY_COUNT(x), sums, 77, a);
            requantize_i32_ref(&q, ARRAY_COUNT(x), sums, 77, b);
            ck_assert_msg(!memcmp(a, b, ARRAY_COUNT(x)), "sums, scale %g", (double)q.scale);
        }
}
END_TEST

START_TEST(halves_go_to_the_even_number_before_the_zero_point_is_added)
{
    static const float x[] = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -200, 200};
    static const int8_t want[] = {1, 3, 3, 1, -1, -128, 127};
    struct to_bytes q = {.scale = 1, .zero = 1, .is_signed = true};
    int8_t y[ARRAY_COUNT(x)];
    quantize_f32(&q, ARRAY_COUNT(x), x, y);
    for (size_t i = 0; i < ARRAY_COUNT(x); i++)
        ck_assert_int_eq(y[i], want[i]);
}
END_TEST

START_TEST(bytes_become_numbers)
{
    static const uint8_t u[] = {0, 128, 255}, uz[] = {128, 0, 255};
    static const int8_t s[] = {-128, 0, 127};
    static const int32_t w[] = {INT32_MIN, 7, INT32_MAX}, wz[] = {INT32_MAX, 0, INT32_MIN};
    static const float scale[] = {0.5f, 2, 4};
    float y[3];
    dequantize_u8(3, u, uz, scale, 0, y);
    expect_close(y, (const float[]){-64, 0, 63.5f}, 3, 0, 0);
    dequantize_u8(3, u, uz, scale, 1, y);
    expect_close(y, (const float[]){-64, 256, 0}, 3, 0, 0);
    dequantize_i8(3, s, NULL, scale, 1, y);
    expect_close(y, (const float[]){-64, 0, 508}, 3, 0, 0);
    dequantize_i32(3, w, wz, scale, 1, y);
    expect_close(y, (const float[]){-2147483648.0f, 14, 17179869184.0f}, 3, 0, 0);
}
END_TEST

Suite *suite_int8(void)
{
    return SUITE("int8", products_equal_ref, products_of_several_blocks_equal_ref,
                 sums_wrap_as_int32_do, convolutions_equal_ref, a_scratch_without_a_size_is_refused,
                 rounding_and_saturation_equal_ref,
                 halves_go_to_the_even_number_before_the_zero_point_is_added, bytes_become_numbers);
}
