/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* conv_transpose_f32 against its ref: 1 to 3 dims, groups, strides, dilations, pads, sizes that end
 * before and after the last product; the scratch is exactly as long as asked for.
 *
 * Tolerance: as for conv: sums of k = channels * kernel products of numbers in [-1,1) in another
 * order. */
#include "base/alloc.h"
#include "kernels/kernels_priv.h"
#include "kernels_support.h"

enum { ROUNDS = 400, MAX_COUNT = 1 << 19 };

static float x[MAX_COUNT], w[MAX_COUNT], bias[64], fast[MAX_COUNT], ref[MAX_COUNT];

static struct conv random_case(uint64_t *seed)
{
    struct conv c = {.batch = random_int(seed, 1, 2), .groups = random_int(seed, 1, 3)};
    int dims = (int)random_int(seed, 1, 3);
    c.in_c = c.groups * random_int(seed, 1, 5);
    c.out_c = c.groups * random_int(seed, 1, 5);
    for (int d = 0; d < 3; d++) {
        c.in[d] = c.out[d] = c.kernel[d] = c.stride[d] = c.dilation[d] = 1;
        if (d < 3 - dims)
            continue;
        c.kernel[d] = random_int(seed, 1, 4);
        c.stride[d] = random_int(seed, 1, 3);
        c.dilation[d] = random_int(seed, 1, 2);
        c.pad[d] = random_int(seed, 0, 3);
        c.in[d] = random_int(seed, 1, dims == 3 ? 5 : 12);
        int64_t full = (c.in[d] - 1) * c.stride[d] + (c.kernel[d] - 1) * c.dilation[d] + 1;
        int64_t out = full - c.pad[d] + random_int(seed, -3, 3);
        c.out[d] = MAX(out, 1);
    }
    c.x = x;
    c.w = w;
    c.bias = random_int(seed, 0, 1) ? bias : NULL;
    return c;
}

START_TEST(equals_its_ref)
{
    uint64_t seed = 5, bytes;
    random_fill(&seed, x, MAX_COUNT);
    random_fill(&seed, w, MAX_COUNT);
    random_fill(&seed, bias, ARRAY_COUNT(bias));
    for (int i = 0; i < ROUNDS; i++) {
        struct conv c = random_case(&seed);
        int64_t n = c.batch * c.out_c * conv_out_size(&c);
        int64_t k = c.in_c / c.groups * conv_kernel_size(&c);
        ck_assert_int_le(n, MAX_COUNT);
        ck_assert(conv_transpose_f32_scratch(&c, &bytes));
        c.scratch = alloc_aligned(64, bytes);
        ck_assert_ptr_nonnull(c.scratch);
        c.y = fast;
        conv_transpose_f32(&c);
        c.y = ref;
        conv_transpose_f32_ref(&c);
        alloc_free(c.scratch);
        expect_close(fast, ref, n, 4 * 0x1p-24 * (double)(k + 2), 4 * 0x1p-24 * (double)(k + 2));
    }
}
END_TEST

START_TEST(more_than_one_strip_adds_up)
{
    /* 3 * 9 rows of products at 2^18 floats: strips of 9709 of the 12100 positions. */
    struct conv c = {.batch = 1, .groups = 1, .in_c = 2, .out_c = 3, .x = x, .w = w};
    for (int d = 0; d < 3; d++) {
        c.kernel[d] = d ? 3 : 1;
        c.in[d] = c.out[d] = d ? 110 : 1;
        c.stride[d] = c.dilation[d] = 1;
        c.pad[d] = d ? 1 : 0;
    }
    uint64_t seed = 6, bytes;
    random_fill(&seed, x, MAX_COUNT);
    random_fill(&seed, w, MAX_COUNT);
    ck_assert(conv_transpose_f32_scratch(&c, &bytes));
    ck_assert_uint_lt(bytes, 27 * 12100 * sizeof(float));
    c.scratch = alloc_aligned(64, bytes);
    ck_assert_ptr_nonnull(c.scratch);
    c.y = fast;
    conv_transpose_f32(&c);
    c.y = ref;
    conv_transpose_f32_ref(&c);
    alloc_free(c.scratch);
    expect_close(fast, ref, 3 * 12100, 4 * 0x1p-24 * 20, 4 * 0x1p-24 * 20);
}
END_TEST

Suite *suite_conv_transpose(void)
{
    return SUITE("conv transpose", equals_its_ref, more_than_one_strip_adds_up);
}
