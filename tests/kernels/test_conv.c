/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* conv_f32 against its ref: all three ways, 1 to 3 dims, groups, strides, dilations, pads, odd
 * widths, with and without bias, sum and activation; the scratch is exactly as long as asked for.
 *
 * Tolerance: as for gemm: sums of k = channels * kernel products of numbers in [-1,1) in another
 * order, 4 * 2^-24 * (k + 2); the activations do not enlarge a difference (slopes are at most 1).
 */
#include <string.h>

#include "base/alloc.h"
#include "kernels/kernels_priv.h"
#include "kernels_support.h"

enum { ROUNDS = 600, MAX_COUNT = 1 << 16 };

static float x[MAX_COUNT], w[MAX_COUNT], bias[64], sum[MAX_COUNT], fast[MAX_COUNT], ref[MAX_COUNT];

static void random_spatial(uint64_t *seed, struct conv *c, int d)
{
    c->kernel[d] = random_int(seed, 1, 4);
    c->stride[d] = random_int(seed, 1, 3);
    c->dilation[d] = random_int(seed, 1, 3);
    c->pad[d] = random_int(seed, 0, 3);
    int64_t reach = (c->kernel[d] - 1) * c->dilation[d] + 1, pad_end = random_int(seed, 0, 3);
    c->in[d] = random_int(seed, 1, 11);
    if (c->in[d] + c->pad[d] + pad_end < reach)
        c->in[d] = reach;
    c->out[d] = (c->in[d] + c->pad[d] + pad_end - reach) / c->stride[d] + 1;
}

static struct conv random_conv(uint64_t *seed)
{
    struct conv c = {.batch = random_int(seed, 1, 2), .groups = random_int(seed, 1, 3)};
    int dims = (int)random_int(seed, 1, 3), kind = (int)random_int(seed, 0, 2);
    int64_t per_group = kind == 0 ? 1 : random_int(seed, 1, 6);
    c.in_c = c.groups * per_group;
    c.out_c = c.groups * random_int(seed, 1, 6);
    for (int d = 0; d < 3; d++) {
        c.in[d] = c.out[d] = c.kernel[d] = c.stride[d] = c.dilation[d] = 1;
        if (d < 3 - dims)
            continue;
        if (kind == 1) /* pointwise */
            c.in[d] = c.out[d] = random_int(seed, 1, 9);
        else
            random_spatial(seed, &c, d);
    }
    c.x = x;
    c.w = w;
    c.bias = random_int(seed, 0, 1) ? bias : NULL;
    c.sum = random_int(seed, 0, 2) ? NULL : sum;
    c.epilogue = (struct epilogue){(enum activation)random_int(seed, ACT_NONE, ACT_LAST), 0, 0};
    if (c.epilogue.act == ACT_CLIP)
        c.epilogue = (struct epilogue){ACT_CLIP, -0.5f, 0.75f};
    if (c.epilogue.act == ACT_LEAKY_RELU)
        c.epilogue.low = 0.1f;
    return c;
}

static void run_fast(struct conv *c)
{
    uint64_t bytes;
    ck_assert(conv_f32_scratch(c, &bytes));
    c->scratch = alloc_aligned(64, bytes ? bytes : 1);
    ck_assert_ptr_nonnull(c->scratch);
    c->y = fast;
    conv_f32(c);
    alloc_free(c->scratch);
}

START_TEST(fast_equals_ref)
{
    uint64_t seed = 7;
    int seen[3] = {0};
    random_fill(&seed, x, MAX_COUNT);
    random_fill(&seed, w, MAX_COUNT);
    random_fill(&seed, bias, ARRAY_COUNT(bias));
    random_fill(&seed, sum, MAX_COUNT);
    for (int round = 0; round < ROUNDS; round++) {
        struct conv c = random_conv(&seed);
        int64_t k = c.in_c / c.groups * conv_kernel_size(&c);
        int64_t n = c.batch * c.out_c * conv_out_size(&c);
        if (n > MAX_COUNT || c.batch * c.in_c * conv_in_size(&c) > MAX_COUNT)
            continue;
        seen[conv_f32_way(&c)]++;
        run_fast(&c);
        c.y = ref;
        conv_f32_ref(&c);
        expect_close(fast, ref, (size_t)n, 0, 4 * 0x1p-24 * (double)(k + 2));
    }
    for (int way = 0; way < 3; way++)
        ck_assert_int_gt(seen[way], ROUNDS / 20);
}
END_TEST

START_TEST(an_image_of_several_strips_equals_ref)
{
    struct conv c = {.batch = 1, .groups = 1, .in_c = 40, .out_c = 3};
    int64_t side = 39;
    for (int d = 0; d < 3; d++) {
        c.in[d] = c.out[d] = d ? side : 1;
        c.kernel[d] = d ? 3 : 1;
        c.stride[d] = c.dilation[d] = 1;
        c.pad[d] = d ? 1 : 0;
    }
    uint64_t seed = 9, bytes;
    random_fill(&seed, x, MAX_COUNT);
    random_fill(&seed, w, MAX_COUNT);
    c.x = x;
    c.w = w;
    ck_assert(conv_f32_scratch(&c, &bytes));
    ck_assert_uint_lt(bytes, (uint64_t)(40 * 9 * side * side) * sizeof(float));
    run_fast(&c);
    c.y = ref;
    conv_f32_ref(&c);
    expect_close(fast, ref, (size_t)(3 * side * side), 0, 4 * 0x1p-24 * 362);
}
END_TEST

START_TEST(a_scratch_without_a_size_is_refused)
{
    struct conv c = {.batch = 1, .groups = 1, .in_c = INT64_C(1) << 40, .out_c = 1};
    for (int d = 0; d < 3; d++)
        c.in[d] = c.out[d] = c.kernel[d] = c.stride[d] = c.dilation[d] = INT64_C(1) << 20;
    uint64_t bytes;
    ck_assert(!conv_f32_scratch(&c, &bytes));
}
END_TEST

Suite *suite_conv(void)
{
    return SUITE("conv", fast_equals_ref, an_image_of_several_strips_equals_ref,
                 a_scratch_without_a_size_is_refused);
}
