/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* strassen_f32 against packed_f32_ref of the same matrices, at the CPU level in force: even and odd
 * rows, fewer and more than one unit has, columns and depths of several units, strides, all
 * activations, items in any order, a sum in its result's place.
 *
 * Tolerance: numbers are in [-1, 1]; sums of the left quarters are at most 3 and those of the right
 * ones 4, so that a product of k / 2 steps is off by at most 12 * 2^-24 for each, and what a result
 * adds up is four such products: 24 * 2^-24 * k; activations as in test_packed.c. */
#include <stdlib.h>
#include <string.h>

#include "kernels/strassen.h"
#include "kernels_support.h"

enum { M_MAX = 141, N_MAX = 160, K_MAX = 900, PAD = 7, ROUNDS = 300 };

static float x[M_MAX * (K_MAX + PAD)], b[K_MAX * N_MAX], w[N_MAX * K_MAX];
static float sides[N_MAX * K_MAX / 4 * STRASSEN_SIDES], part[N_MAX * K_MAX / 4];
static float bias[N_MAX], sum[M_MAX * (N_MAX + PAD)];
static float fast[M_MAX * (N_MAX + PAD)], ref[M_MAX * (N_MAX + PAD)];
static float scratch[4 * (M_MAX / 2) * (K_MAX / 2)];

static struct packed random_product(uint64_t *seed)
{
    struct packed p = {.m = random_int(seed, 1, random_int(seed, 0, 1) ? 9 : M_MAX),
                       .n = 32 * random_int(seed, 1, N_MAX / 32),
                       .k = 2 * random_int(seed, 1, random_int(seed, 0, 1) ? 20 : K_MAX / 2),
                       .x = x,
                       .w = w};
    p.ldx = p.k + random_int(seed, 0, PAD);
    p.ldy = p.n + random_int(seed, 0, PAD);
    p.ld_sum = random_int(seed, 0, 3) ? p.n + random_int(seed, 0, PAD) : 0;
    p.bias = random_int(seed, 0, 1) ? bias : NULL;
    p.sum = random_int(seed, 0, 1) ? sum : NULL;
    p.epilogue = (struct epilogue){(enum activation)random_int(seed, 0, ACT_LAST), -0.3f, 0.6f};
    return p;
}

/* Both layouts of the same matrix, which stands by rows or by columns. */
static void pack(const struct packed *p, bool by_column)
{
    struct packing packing = {.n = p->n,
                              .k = p->k,
                              .b = b,
                              .row = by_column ? 1 : p->n,
                              .column = by_column ? p->k : 1,
                              .scale = 1,
                              .to = w};
    pack_f32(&packing);
    packing.to = sides;
    strassen_pack(&packing, part);
}

static void run_backwards(struct packed p, float *y)
{
    struct strassen s = {p, scratch};
    s.product.w = sides;
    s.product.y = y;
    for (int phase = 0; phase < STRASSEN_PHASES; phase++)
        for (int64_t item = strassen_items(&s, phase); item-- > 0;)
            strassen_f32(&s, phase, item, item + 1);
}

static void fill(uint64_t *seed)
{
    random_fill(seed, x, ARRAY_COUNT(x));
    random_fill(seed, b, ARRAY_COUNT(b));
    random_fill(seed, bias, ARRAY_COUNT(bias));
    random_fill(seed, sum, ARRAY_COUNT(sum));
    random_fill(seed, fast, ARRAY_COUNT(fast)); /* what lies between rows must stay */
    memcpy(ref, fast, sizeof(ref));
}

static double within(const struct packed *p)
{
    return 1.13 * 24 * 0x1p-24 * (double)(p->k + 1) + 4e-7 * (double)(p->k + 2);
}

START_TEST(fast_equals_the_plain_product)
{
    uint64_t seed = 11;
    for (int round = 0; round < ROUNDS; round++) {
        struct packed p = random_product(&seed);
        uint64_t bytes;
        ck_assert(strassen_can(p.n, p.k) && strassen_scratch(p.m, p.k, &bytes));
        ck_assert_uint_le(bytes, sizeof(scratch));
        fill(&seed);
        pack(&p, random_int(&seed, 0, 1));
        run_backwards(p, fast);
        p.y = ref;
        packed_f32_ref(&p, 0, packed_units(&p));
        expect_close(fast, ref, ARRAY_COUNT(ref), 4e-7, within(&p));
    }
}
END_TEST

START_TEST(the_result_may_stand_where_the_sum_does)
{
    uint64_t seed = 12;
    for (int round = 0; round < 20; round++) {
        struct packed p = random_product(&seed);
        fill(&seed);
        pack(&p, false);
        p.sum = ref;
        p.ld_sum = p.ldy;
        memcpy(sum, ref, sizeof(sum));
        run_backwards((struct packed){.m = p.m,
                                      .n = p.n,
                                      .k = p.k,
                                      .x = x,
                                      .bias = p.bias,
                                      .sum = fast,
                                      .ldx = p.ldx,
                                      .ld_sum = p.ldy,
                                      .ldy = p.ldy,
                                      .epilogue = p.epilogue},
                      fast);
        p.sum = sum;
        p.y = ref;
        packed_f32_ref(&p, 0, packed_units(&p));
        expect_close(fast, ref, ARRAY_COUNT(ref), 4e-7, within(&p));
    }
}
END_TEST

START_TEST(only_halves_of_whole_panels_can_be_cut)
{
    uint64_t bytes;
    ck_assert(strassen_can(32, 2));
    ck_assert(!strassen_can(48, 2));
    ck_assert(!strassen_can(32, 3));
    ck_assert(!strassen_can(0, 2));
    ck_assert(!strassen_can(32, 0));
    ck_assert(!strassen_scratch(INT64_MAX, INT64_MAX, &bytes));
    ck_assert(strassen_scratch(1, 8, &bytes) && bytes == 0);
    ck_assert(strassen_scratch(7, 10, &bytes) && bytes == 4 * 3 * 5 * sizeof(float));
}
END_TEST

Suite *suite_strassen(void)
{
    return SUITE("strassen", fast_equals_the_plain_product, the_result_may_stand_where_the_sum_does,
                 only_halves_of_whole_panels_can_be_cut);
}
