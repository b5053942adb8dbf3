/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pools and local response normalisation against their refs.
 *
 * Tolerance: a maximum is one of the inputs: exact. A mean sums at most 64 numbers of [-1,1) in
 * float32, the ref in double: 64 * 2^-24 absolute, doubled. The normalisation adds squares (all
 * positive, relative 25 * 2^-24) and takes a power below 1, which shrinks that: 1e-5 relative. */
#include "kernels/pool.h"

#include <string.h>

#include "kernels_support.h"

enum { MAX_COUNT = 1 << 15 };

static float x[MAX_COUNT], fast[MAX_COUNT], ref[MAX_COUNT];

static struct pool random_pool(uint64_t *seed)
{
    struct pool p = {.planes = random_int(seed, 1, 4), .x = x};
    int dims = (int)random_int(seed, 1, 3);
    p.count_pad = random_int(seed, 0, 1);
    for (int d = 0; d < 3; d++) {
        p.in[d] = p.out[d] = p.kernel[d] = p.stride[d] = p.dilation[d] = 1;
        if (d < 3 - dims)
            continue;
        p.kernel[d] = random_int(seed, 1, 4);
        p.stride[d] = random_int(seed, 1, 3);
        p.dilation[d] = random_int(seed, 1, 2);
        p.pad[d] = random_int(seed, 0, 2);
        p.pad_end[d] = random_int(seed, 0, 2);
        int64_t reach = (p.kernel[d] - 1) * p.dilation[d] + 1;
        p.in[d] = random_int(seed, 1, 9);
        p.in[d] = MAX(p.in[d], reach - p.pad[d] - p.pad_end[d]);
        int64_t room = p.in[d] + p.pad[d] + p.pad_end[d] - reach;
        p.out[d] = room / p.stride[d] + 1;
        if (random_int(seed, 0, 1) && p.out[d] * p.stride[d] < p.in[d] + p.pad[d])
            p.out[d]++; /* as ceil_mode: the last window reaches beyond the padding */
    }
    return p;
}

START_TEST(fast_equals_ref)
{
    uint64_t seed = 21;
    for (int round = 0; round < 500; round++) {
        struct pool p = random_pool(&seed), q = p;
        size_t n = (size_t)(p.planes * p.out[0] * p.out[1] * p.out[2]);
        random_fill(&seed, x, MAX_COUNT);
        if (round % 4 == 0)
            x[round % 7] = NAN;
        p.y = fast;
        q.y = ref;
        max_pool_f32(&p);
        max_pool_f32_ref(&q);
        expect_close(fast, ref, n, 0, 0);
        average_pool_f32(&p);
        average_pool_f32_ref(&q);
        expect_close(fast, ref, n, 0, 128 * 0x1p-24);
    }
}
END_TEST

START_TEST(maxima_of_any_element_equal_those_of_floats_and_stand_where_they_say)
{
    static int64_t indices[MAX_COUNT];
    static double wide[MAX_COUNT], got[MAX_COUNT];
    uint64_t seed = 22;
    for (int round = 0; round < 200; round++) {
        struct pool p = random_pool(&seed);
        int64_t size = p.in[0] * p.in[1] * p.in[2], n = p.planes * p.out[0] * p.out[1] * p.out[2];
        random_fill(&seed, x, MAX_COUNT);
        for (int i = 0; i < MAX_COUNT; i++)
            wide[i] = (double)x[i];
        p.y = ref;
        max_pool_f32_ref(&p);
        max_pool_any_f32(&p, x, fast, indices, false);
        max_pool_any_f64(&p, wide, got, NULL, false);
        for (int64_t i = 0; i < n; i++) {
            ck_assert_msg(fast[i] == ref[i] && got[i] == (double)ref[i], "round %d", round);
            ck_assert(isinf(ref[i]) || x[indices[i]] == ref[i]);
            ck_assert_int_eq(indices[i] / size, i / (n / p.planes));
        }
    }
}
END_TEST

START_TEST(an_absurd_window_costs_no_more_than_its_input)
{
    int64_t huge = 0x7fffffff;
    struct pool p = {.planes = 1, .x = x, .y = fast, .count_pad = true};
    for (int d = 0; d < 3; d++) {
        p.in[d] = 2;
        p.out[d] = 1;
        p.kernel[d] = p.pad[d] = p.pad_end[d] = huge;
        p.stride[d] = huge;
        p.dilation[d] = 1;
    }
    for (int i = 0; i < 8; i++)
        x[i] = (float)i;
    p.pad[0] = p.pad[1] = p.pad[2] = huge / 2;
    max_pool_f32(&p);
    ck_assert_float_eq(fast[0], 7);
    average_pool_f32(&p);
    ck_assert_float_ge(fast[0], 0);
}
END_TEST

/* A loop over the kernel's places, or over those between two windows, would take minutes here. */
START_TEST(windows_far_apart_cost_no_more_than_their_input)
{
    int64_t huge = 0x7fffffff;
    struct pool p = {.planes = 1, .x = x, .y = fast};
    for (int d = 0; d < 3; d++) {
        p.in[d] = d ? 50 : 1;
        p.out[d] = d ? 2 : 1;
        p.kernel[d] = d ? huge : 1;
        p.pad[d] = p.pad_end[d] = d ? huge - 10 : 0;
        p.stride[d] = d ? huge : 1;
        p.dilation[d] = 1;
    }
    for (int i = 0; i < 2500; i++)
        x[i] = (float)i;
    max_pool_f32(&p); /* the first window sees ten of each dim, the second the rest */
    ck_assert_float_eq(fast[0], 9 * 50 + 9);
    ck_assert_float_eq(fast[1], 9 * 50 + 49);
    ck_assert_float_eq(fast[2], 49 * 50 + 9);
    ck_assert_float_eq(fast[3], 2499);
    average_pool_f32(&p);
    ck_assert_float_eq(fast[0], 4.5f * 50 + 4.5f);
    ck_assert_float_eq(fast[3], 29.5f * 50 + 29.5f);
}
END_TEST

START_TEST(normalisation_equals_ref)
{
    uint64_t seed = 23;
    for (int round = 0; round < 100; round++) {
        struct lrn l = {.batch = random_int(&seed, 1, 2), .channels = random_int(&seed, 1, 12)};
        l.size = random_int(&seed, 1, 600);
        l.window = random_int(&seed, 1, 25);
        l.alpha = 0.5f;
        l.beta = round % 2 ? 0.75f : 0.6f;
        l.bias = 1;
        l.x = x;
        random_fill(&seed, x, MAX_COUNT);
        l.y = fast;
        lrn_f32(&l);
        l.y = ref;
        lrn_f32_ref(&l);
        expect_close(fast, ref, (size_t)(l.batch * l.channels * l.size), 1e-5, 0);
    }
}
END_TEST

Suite *suite_pool(void)
{
    return SUITE("pool", fast_equals_ref,
                 maxima_of_any_element_equal_those_of_floats_and_stand_where_they_say,
                 an_absurd_window_costs_no_more_than_its_input,
                 windows_far_apart_cost_no_more_than_their_input, normalisation_equals_ref);
}
