/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Placing alone, on lifetimes made by hand and at random: nothing that lives together overlaps, the
 * lower bound is what it says, the best of the orders is kept, and large plans come to an end. */
#include "runtime/plan_priv.h"
#include "support/model.h"
#include "support/support.h"

enum { LARGE = 32768, ROUNDS = 300, ROOTS_MAX = 90 };

static struct plan_value values[LARGE];
static int32_t order[LARGE], late[LARGE], first[LARGE];
static uint32_t reach[LARGE];

static void fit(struct plan *pl, uint32_t n)
{
    *pl = (struct plan){
        .values = values, .order = order, .late = late, .by_first = first, .reach = reach};
    for (uint32_t i = 0; i < n; i++) {
        order[i] = (int32_t)i;
        values[i].root = (int32_t)i;
        values[i].off = UINT64_MAX;
    }
    plan_fit(pl, n);
}

static void root(uint32_t i, uint32_t from, uint32_t to, uint64_t blocks)
{
    values[i] = (struct plan_value){.first = from, .last = to, .bytes = blocks * PLAN_ALIGN};
}

static void expect_apart(const struct plan *pl, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct plan_value *a = &values[i];
        ck_assert_uint_le(a->off + a->bytes, pl->values_bytes);
        ck_assert_uint_eq(a->off % PLAN_ALIGN, 0);
        for (uint32_t k = 0; k < i; k++) {
            const struct plan_value *b = &values[k];
            bool together = a->first <= b->last && b->first <= a->last;
            ck_assert_msg(!together || a->off >= b->off + b->bytes || b->off >= a->off + a->bytes,
                          "roots %u and %u overlap", i, k);
        }
    }
}

static uint64_t live_bytes(uint32_t n, uint32_t steps)
{
    uint64_t most = 0;
    for (uint32_t s = 0; s < steps; s++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < n; i++)
            sum += values[i].first <= s && s <= values[i].last ? values[i].bytes : 0;
        most = MAX(most, sum);
    }
    return most;
}

START_TEST(random_lifetimes_never_overlap_and_the_bound_is_the_most_alive)
{
    uint64_t seed = 3;
    unsigned kept[FIT_ORDERS] = {0}, tight = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct plan pl;
        uint32_t n = 1 + (uint32_t)(draw_u64(&seed) % ROOTS_MAX), steps = n + 5;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t from = (uint32_t)(draw_u64(&seed) % n);
            uint32_t life = (uint32_t)(draw_u64(&seed) % (draw_u64(&seed) % 4 ? 4 : n + 1));
            root(i, from, MIN(from + life, steps - 1), draw_u64(&seed) % 20);
        }
        fit(&pl, n);
        expect_apart(&pl, n);
        ck_assert_uint_eq(pl.live_bytes, live_bytes(n, steps));
        ck_assert_uint_ge(pl.values_bytes, pl.live_bytes);
        uint64_t off = values[n / 2].off;
        fit(&pl, n);
        ck_assert_uint_eq(values[n / 2].off, off); /* the same lifetimes give the same places */
        kept[pl.placed_by]++;
        tight += pl.values_bytes == pl.live_bytes;
    }
    for (int i = 0; i < FIT_ORDERS; i++)
        ck_assert_msg(kept[i] > 0, "order %d was never the best", i);
    ck_assert_uint_gt(tight, ROUNDS / 2);
}
END_TEST

START_TEST(a_chain_stands_in_its_two_largest_neighbours)
{
    struct plan pl;
    uint64_t most = 0;
    for (uint32_t i = 0; i < 50; i++) {
        root(i, i, i + 1, 1 + i * 7 % 13);
        most = MAX(most, i ? values[i].bytes + values[i - 1].bytes : 0);
    }
    fit(&pl, 50);
    ck_assert_uint_eq(pl.live_bytes, most);
    ck_assert_uint_eq(pl.values_bytes, most);
    ck_assert_int_eq(pl.placed_by, FIT_BY_SIZE);
}
END_TEST

START_TEST(large_plans_end_and_hold_nothing_twice)
{
    struct plan pl;
    for (uint32_t i = 0; i < LARGE; i++)
        root(i, i, i + 2, 1 + i % 5);
    fit(&pl, LARGE);
    for (uint32_t i = 2; i < LARGE; i++)
        for (uint32_t k = i - 2; k < i; k++)
            ck_assert(values[i].off >= values[k].off + values[k].bytes ||
                      values[k].off >= values[i].off + values[i].bytes);
    ck_assert_uint_le(pl.values_bytes, 2 * pl.live_bytes);

    uint64_t sum = 0;
    for (uint32_t i = 0; i < LARGE; i++) {
        root(i, 0, LARGE, 1 + i % 5); /* all live at once: more questions than the bound allows */
        sum += values[i].bytes;
    }
    fit(&pl, LARGE);
    ck_assert_uint_eq(pl.live_bytes, sum);
    ck_assert_uint_eq(pl.values_bytes, sum);
}
END_TEST

START_TEST(nothing_to_place_takes_nothing)
{
    struct plan pl;
    fit(&pl, 0);
    ck_assert_uint_eq(pl.values_bytes, 0);
    ck_assert_uint_eq(pl.live_bytes, 0);
}
END_TEST

Suite *suite_fit(void)
{
    return SUITE("fit", random_lifetimes_never_overlap_and_the_bound_is_the_most_alive,
                 a_chain_stands_in_its_two_largest_neighbours,
                 large_plans_end_and_hold_nothing_twice, nothing_to_place_takes_nothing);
}
