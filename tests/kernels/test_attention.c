/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Attention against its ref, which works in double.
 *
 * Tolerance: a score is a sum of at most 20 products below 1, so within 20 * 20 * 2^-24 of its
 * magnitude, 2.4e-5 after scaling by up to 2; the exponential carries that over to the weights, and
 * results are weighted means of numbers below 1: 5e-5 absolutely. */
#include "base/alloc.h"
#include "kernels/attention.h"
#include "kernels_support.h"

enum { MAX_COUNT = 1 << 16 };

static float q[MAX_COUNT], k[MAX_COUNT], v[MAX_COUNT], mask[MAX_COUNT], fast[MAX_COUNT],
    ref[MAX_COUNT];

static struct attention_part lay(uint64_t *seed, const float *data, const struct attention *a,
                                 int64_t rows, int64_t width)
{
    if (random_int(seed, 0, 1)) /* heads inside of rows */
        return (struct attention_part){data, a->heads * rows * width, width, a->heads * width};
    return (struct attention_part){data, a->heads * rows * width, rows * width, width};
}

static struct attention random_case(uint64_t *seed)
{
    struct attention a = {.batch = random_int(seed, 1, 2), .heads = random_int(seed, 1, 5)};
    a.rows = random_int(seed, 1, 40);
    a.columns = random_int(seed, 1, 40);
    a.depth = random_int(seed, 0, 20);
    a.width = random_int(seed, 1, 20);
    a.scale = random_int(seed, 0, 1) ? 0.25f : 2;
    a.k_by_depth = random_int(seed, 0, 1);
    a.q = lay(seed, q, &a, a.rows, a.depth);
    a.k = lay(seed, k, &a, a.columns, a.depth);
    if (a.k_by_depth) {
        a.k.head = a.depth * a.columns;
        a.k.row = a.columns;
    }
    a.v = lay(seed, v, &a, a.columns, a.width);
    a.y = lay(seed, NULL, &a, a.rows, a.width);
    if (random_int(seed, 0, 2)) { /* any of its dims may be 1 */
        int64_t step = 1;
        a.mask.data = mask;
        a.mask_column = random_int(seed, 0, 1);
        step *= a.mask_column ? a.columns : 1;
        a.mask.row = random_int(seed, 0, 1) ? step : 0;
        step *= a.mask.row ? a.rows : 1;
        a.mask.head = random_int(seed, 0, 1) ? step : 0;
        step *= a.mask.head ? a.heads : 1;
        a.mask.item = random_int(seed, 0, 1) ? step : 0;
    }
    return a;
}

/* Part by part, the last one first; the rooms of those that come later are left alone. */
static void run_fast(struct attention *a)
{
    enum { UNTOUCHED = 0x5a };
    uint64_t bytes;
    ck_assert(attention_f32_scratch(a, &bytes));
    const int64_t parts = attention_parts(a);
    uint8_t *scratch = a->scratch = alloc_aligned(64, bytes ? bytes : 1);
    ck_assert_ptr_nonnull(scratch);
    memset(scratch, UNTOUCHED, bytes);
    a->out = fast;
    for (int64_t i = parts; i-- > 0;) {
        bool left_alone = true;
        attention_f32(a, i, i + 1);
        for (uint64_t at = 0; at < bytes / (uint64_t)parts * (uint64_t)i; at++)
            left_alone = left_alone && scratch[at] == UNTOUCHED;
        ck_assert(left_alone);
    }
    alloc_free(scratch);
}

START_TEST(fast_equals_ref)
{
    uint64_t seed = 21;
    random_fill(&seed, q, MAX_COUNT);
    random_fill(&seed, k, MAX_COUNT);
    random_fill(&seed, v, MAX_COUNT);
    random_fill(&seed, mask, MAX_COUNT);
    for (int round = 0; round < 300; round++) {
        struct attention a = random_case(&seed);
        size_t count = (size_t)(a.batch * a.heads * a.rows * a.width);
        run_fast(&a);
        a.out = ref;
        attention_f32_ref(&a);
        expect_close(fast, ref, count, 0, 5e-5);
    }
}
END_TEST

/* Blocks end inside of the rows. */
START_TEST(rows_are_cut_into_blocks)
{
    struct attention a = {.batch = 1, .heads = 1, .rows = 50, .columns = 3000, .depth = 4};
    a.width = 2;
    a.scale = 1;
    a.q = (struct attention_part){q, 0, 0, 4};
    a.k = (struct attention_part){k, 0, 0, 4};
    a.v = (struct attention_part){v, 0, 0, 2};
    a.y = (struct attention_part){NULL, 0, 0, 2};
    uint64_t seed = 22, bytes;
    random_fill(&seed, q, MAX_COUNT);
    random_fill(&seed, k, MAX_COUNT);
    random_fill(&seed, v, MAX_COUNT);
    ck_assert(attention_f32_scratch(&a, &bytes));
    ck_assert_uint_lt(bytes, 50 * 3000 * sizeof(float));
    run_fast(&a);
    a.out = ref;
    attention_f32_ref(&a);
    expect_close(fast, ref, 100, 0, 5e-5);
    a.rows = 1100; /* and when there are many rows of few */
    a.columns = 5;
    run_fast(&a);
    a.out = ref;
    attention_f32_ref(&a);
    expect_close(fast, ref, 2200, 0, 5e-5);
    a.columns = INT64_MAX / 8;
    ck_assert(!attention_f32_scratch(&a, &bytes));
    a.batch = a.heads = INT64_MAX; /* of nothing */
    ck_assert_int_eq(attention_parts(&a), ATTENTION_PARTS);
}
END_TEST

START_TEST(what_is_masked_has_no_part)
{
    struct attention a = {.batch = 1, .heads = 1, .rows = 1, .columns = 20, .depth = 1, .width = 1};
    a.scale = 1;
    a.q = a.k = a.v = a.y = (struct attention_part){q, 0, 0, 1};
    a.v.data = v;
    a.mask.data = mask;
    a.mask_column = 1;
    for (int i = 0; i < 20; i++) {
        q[i] = 1;
        v[i] = (float)i;
        mask[i] = i == 7 ? 0 : -INFINITY;
    }
    run_fast(&a);
    ck_assert_float_eq(fast[0], 7);
}
END_TEST

Suite *suite_attention(void)
{
    return SUITE("attention", fast_equals_ref, rows_are_cut_into_blocks,
                 what_is_masked_has_no_part);
}
