/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* packed_f32 against its ref, at the CPU level in force: few rows and many, odd tails of rows and
 * columns, depths of several pieces, strides, all activations, units in any order.
 *
 * Tolerance: as gemm_f32's, 4 * 2^-24 * k for two orders of a sum of k products in [-1, 1], which
 * activations widen by a slope of at most 1.13 (Gelu's); and 4e-7 times what goes into an
 * activation, which vectors compute within 3e-7 of it. */
#include <stdlib.h>
#include <string.h>

#include "kernels/packed.h"
#include "kernels_support.h"

enum { M_MAX = 61, N_MAX = 75, K_MAX = 600, PAD = 7, ROUNDS = 600 };

static float x[M_MAX * (K_MAX + PAD)], b[K_MAX * N_MAX], w[(N_MAX + 16) * K_MAX];
static float bias[N_MAX + 16], sum[M_MAX * (N_MAX + PAD)];
static float fast[M_MAX * (N_MAX + PAD)], ref[M_MAX * (N_MAX + PAD)];

static struct epilogue any_epilogue(uint64_t *seed)
{
    return (struct epilogue){(enum activation)random_int(seed, 0, ACT_LAST), -0.3f, 0.6f};
}

static struct packed random_product(uint64_t *seed)
{
    struct packed p = {.m = random_int(seed, 1, random_int(seed, 0, 1) ? 5 : M_MAX),
                       .n = random_int(seed, 1, N_MAX),
                       .k = random_int(seed, 0, random_int(seed, 0, 1) ? 20 : K_MAX),
                       .x = x,
                       .w = w};
    p.ldx = p.k + random_int(seed, 0, PAD);
    p.ldy = p.n + random_int(seed, 0, PAD);
    p.ld_sum = random_int(seed, 0, 3) ? p.n + random_int(seed, 0, PAD) : 0;
    p.bias = random_int(seed, 0, 1) ? bias : NULL;
    p.sum = random_int(seed, 0, 1) ? sum : NULL;
    p.epilogue = any_epilogue(seed);
    return p;
}

static void pack(const struct packed *p)
{
    const struct packing packing = {
        .n = p->n, .k = p->k, .b = b, .row = p->n, .column = 1, .scale = 1, .to = w};
    pack_f32(&packing);
}

START_TEST(fast_equals_ref)
{
    uint64_t seed = 7;
    for (int round = 0; round < ROUNDS; round++) {
        struct packed p = random_product(&seed);
        random_fill(&seed, x, ARRAY_COUNT(x));
        random_fill(&seed, b, ARRAY_COUNT(b));
        random_fill(&seed, bias, ARRAY_COUNT(bias));
        random_fill(&seed, sum, ARRAY_COUNT(sum));
        random_fill(&seed, fast, ARRAY_COUNT(fast)); /* what lies between rows must stay */
        memcpy(ref, fast, sizeof(ref));
        pack(&p);
        p.y = fast;
        for (int64_t unit = packed_units(&p); unit-- > 0;)
            packed_f32(&p, unit, unit + 1);
        p.y = ref;
        packed_f32_ref(&p, 0, packed_units(&p));
        double within = 4 * 0x1p-24 * (double)(p.k + 1);
        expect_close(fast, ref, ARRAY_COUNT(ref), 4e-7, 1.13 * within + 4e-7 * (double)(p.k + 2));
    }
}
END_TEST

/* A product of row r with rows that pass it by: 1 in, k out, but where a NaN stands. */
START_TEST(the_result_may_stand_where_the_sum_does)
{
    uint64_t seed = 8;
    for (int round = 0; round < 60; round++) {
        struct packed p = random_product(&seed);
        random_fill(&seed, x, ARRAY_COUNT(x));
        random_fill(&seed, b, ARRAY_COUNT(b));
        random_fill(&seed, sum, ARRAY_COUNT(sum));
        memcpy(fast, sum, sizeof(fast));
        memcpy(ref, sum, sizeof(ref));
        pack(&p);
        p.ld_sum = p.ldy;
        p.sum = p.y = fast;
        packed_f32(&p, 0, packed_units(&p));
        p.sum = sum;
        p.y = ref;
        packed_f32_ref(&p, 0, packed_units(&p));
        double within = 4 * 0x1p-24 * (double)(p.k + 1);
        expect_close(fast, ref, ARRAY_COUNT(ref), 4e-7, 1.13 * within + 4e-7 * (double)(p.k + 2));
    }
}
END_TEST

START_TEST(a_nan_reaches_its_row_only)
{
    for (int64_t m = 1; m <= M_MAX; m++) {
        struct packed p = {.m = m, .n = 33, .k = 40, .x = x, .w = w, .y = fast};
        p.ldx = p.k;
        p.ldy = p.n;
        p.epilogue.act = m % 2 ? ACT_RELU : ACT_GELU;
        for (size_t i = 0; i < ARRAY_COUNT(x); i++)
            x[i] = 1;
        for (size_t i = 0; i < ARRAY_COUNT(b); i++)
            b[i] = 1;
        pack(&p);
        x[(m - 1) * p.ldx + 3] = NAN;
        for (size_t i = 0; i < ARRAY_COUNT(fast); i++)
            fast[i] = NAN; /* what was there before counts for nothing */
        packed_f32(&p, 0, packed_units(&p));
        for (int64_t i = 0; i < p.m * p.n; i++)
            ck_assert_msg(i / p.n == m - 1 ? isnan(fast[i]) : fast[i] == 40, "element %ld is %g",
                          (long)i, (double)fast[i]);
    }
}
END_TEST

START_TEST(infinities_pass_through_activations_as_in_ref)
{
    static const float values[] = {INFINITY, -INFINITY, NAN, 1e30f, -1e30f, 5.6f, -5.6f, 0, -0.0f};
    for (int act = 0; act <= ACT_LAST; act++)
        for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
            struct packed p = {.m = 1, .n = 16, .k = 1, .x = x, .w = w, .y = fast};
            p.ldx = p.ldy = 16;
            p.epilogue = (struct epilogue){(enum activation)act, -0.3f, 0.6f};
            x[0] = values[i];
            for (int j = 0; j < 16; j++)
                b[j] = 1;
            pack(&p);
            packed_f32(&p, 0, packed_units(&p));
            p.y = ref;
            packed_f32_ref(&p, 0, packed_units(&p));
            expect_close(fast, ref, 16, 4e-7, 1e-6);
        }
}
END_TEST

/* Depths that squares of 4 leave a rest of, or are too large for. */
START_TEST(a_side_of_any_order_packs_with_its_factor_and_zeros)
{
    uint64_t seed = 3;
    random_fill(&seed, b, ARRAY_COUNT(b));
    for (int64_t k = 1; k < 14; k++) {
        const struct packing rows = {
            .n = 35, .k = k, .b = b, .row = 35, .column = 1, .scale = -2, .to = w};
        struct packing columns = rows;
        pack_f32(&rows);
        for (int64_t i = 0; i < 3 * k * 16; i++) {
            int64_t j = i / (k * 16) * 16 + i % 16, d = i / 16 % k;
            ck_assert(w[i] == (j < 35 ? -2 * b[d * 35 + j] : 0));
        }
        columns.row = 1;
        columns.column = k + 2;
        pack_f32(&columns);
        for (int64_t i = 0; i < 3 * k * 16; i++) {
            int64_t j = i / (k * 16) * 16 + i % 16, d = i / 16 % k;
            ck_assert(w[i] == (j < 35 ? -2 * b[j * (k + 2) + d] : 0));
        }
    }
}
END_TEST

START_TEST(large_products_are_cut_into_blocks_of_rows)
{
    struct packed p = {.m = 1000, .n = 100, .k = 4096};
    ck_assert_int_eq(packed_units(&p), 21 * 4);
    p.m = 0;
    ck_assert_int_eq(packed_units(&p), 0);
}
END_TEST

Suite *suite_packed(void)
{
    return SUITE("packed", fast_equals_ref, the_result_may_stand_where_the_sum_does,
                 a_nan_reaches_its_row_only, infinities_pass_through_activations_as_in_ref,
                 a_side_of_any_order_packs_with_its_factor_and_zeros,
                 large_products_are_cut_into_blocks_of_rows);
}
