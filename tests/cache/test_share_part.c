/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The parts of a share: whoever comes and goes, in whatever order, they add up to its bytes, each
 * tenant is charged those of its holds, and none is far from an even one. */
#include <stdlib.h>
#include <string.h>

#include "cache/cache_priv.h"
#include "support/model.h"
#include "support/support.h"

enum {
    TENANTS = 40,
    HOLDS = 3000,
    STEPS = 60000,
    EVEN = 8,
    FAR = 16 /* 1 / FAR of an even part */
};

static struct tenant_table table;
static struct tenant_sum sum;
static struct tenant tenants[TENANTS];
static struct hold holds[HOLDS];
static bool in[HOLDS];
static struct share share;
static uint64_t seed;

static void begin(uint64_t bytes, bool ruled, bool charged)
{
    memset(holds, 0, sizeof(holds));
    memset(in, 0, sizeof(in));
    memset(tenants, 0, sizeof(tenants));
    memset(&table, 0, sizeof(table));
    memset(&sum, 0, sizeof(sum));
    for (int i = 0; i < TENANTS; i++) {
        tenants[i].sum = &sum;
        tenants[i].table = ruled ? &table : NULL;
    }
    share = (struct share){.bytes = bytes, .charged = charged};
}

/* Everything, by walking all that there is. least, most: of the parts but for what rests. */
static void check(void)
{
    uint64_t all = 0, of[TENANTS] = {0};
    uint32_t n = 0;
    const uint64_t bytes = share.charged ? share.bytes : 0, rest = share.step ? share.rest : 0;
    for (const struct hold *h = share.first; h; h = h->next, n++) {
        const uint64_t part = share_part(&share, h), even = bytes / share.refs;
        all += part;
        of[h->tenant - tenants] += part;
        if (part > even + even / FAR + rest + share.unit_bytes + share.refs ||
            part + even / FAR + rest + share.unit_bytes < even)
            ck_abort_msg("one of %u has %lu of %lu", share.refs, part, bytes);
        if (share.refs <= EVEN && part != even + (h == share.first ? bytes % share.refs : 0))
            ck_abort_msg("one of %u has %lu of %lu", share.refs, part, bytes);
    }
    if (n != share.refs || (n && all != bytes))
        ck_abort_msg("%u of %u have %lu of %lu", n, share.refs, all, bytes);
    for (int i = 0; i < TENANTS; i++)
        if (tenants[i].used_bytes != of[i])
            ck_abort_msg("a tenant has %lu, not %lu", tenants[i].used_bytes, of[i]);
}

static void flip(uint32_t i)
{
    struct hold *h = &holds[i];
    in[i] = !in[i];
    if (!in[i]) {
        share_leave(&share, h);
        *h = (struct hold){0};
        return;
    }
    *h = (struct hold){.share = &share, .tenant = &tenants[i % TENANTS]};
    share_join(&share, h);
}

/* One that is in, or is not, as far as there is one. */
static uint32_t some(bool which, uint32_t most)
{
    uint32_t i = (uint32_t)(draw_u64(&seed) % most);
    for (uint32_t n = 0; n < most && in[i] != which; n++)
        i = (i + 1) % most;
    return i;
}

/* Grows and shrinks between 0 and most, now mostly one and now mostly the other. */
static void wander(uint64_t bytes, uint32_t most)
{
    begin(bytes, true, true);
    uint64_t bias = 70;
    for (int step = 0; step < STEPS; step++) {
        if (draw_u64(&seed) % 400 == 0)
            bias = 30 + draw_u64(&seed) % 41;
        flip(some(draw_u64(&seed) % 100 >= bias, most));
        if (most < 100 || step % 16 == 0)
            check();
    }
    while (share.refs) {
        flip(some(true, most));
        check();
    }
}

START_TEST(parts_add_up_whoever_comes_and_goes)
{
    seed = 7;
    wander(1, 30);
    wander(100, 30);
    wander(70000, 12);
    wander(1 << 20, 60);
    wander(1000003, 300);
    wander(500000003, HOLDS);
}
END_TEST

/* Loads and victims by turns, as on a full node: nothing drifts. */
START_TEST(nor_do_they_drift_where_one_comes_as_another_goes)
{
    begin(10000019, true, true);
    for (uint32_t i = 0; i < 1000; i++)
        flip(i);
    for (uint32_t i = 0; i < 30000; i++) {
        flip((1000 + i) % 2000);
        flip(i % 2000);
        if (i % 64 == 0)
            check();
    }
    check();
}
END_TEST

/* However many hold it, who comes or goes changes the parts of few. */
START_TEST(few_parts_change_with_each)
{
    static uint64_t before[HOLDS];
    uint32_t most = 0;
    begin(10000019, true, true);
    for (uint32_t i = 0; i < 2 * HOLDS; i++) {
        for (uint32_t k = 0; k < HOLDS; k++)
            before[k] = in[k] ? share_part(&share, &holds[k]) : 0;
        flip(i % HOLDS);
        uint32_t changed = 0;
        for (uint32_t k = 0; k < HOLDS; k++)
            changed += before[k] != (in[k] ? share_part(&share, &holds[k]) : 0);
        most = MAX(most, changed);
    }
    ck_assert_uint_le(most, 2 * FAR + 2);
    check();
}
END_TEST

/* What a tenant may lose is counted before anybody goes. */
START_TEST(nobody_loses_more_than_was_counted)
{
    seed = 11;
    begin(122 * 8192 - 1, true, true); /* the most that can rest of units */
    for (uint32_t i = 0; i < 400; i++)
        flip(i);
    while (share.refs > 1) {
        const uint32_t i = some(true, 400);
        const struct tenant *t = holds[i].tenant;
        const uint64_t had = t->used_bytes, most = share_part_most(&share, share.refs);
        flip(i);
        ck_assert_uint_le(had, t->used_bytes + most);
    }
    flip(some(true, 400));
    check();
}
END_TEST

/* Those who wait while it is not charged yet, and whom the load that fills it leaves behind. */
START_TEST(what_many_wait_for_is_charged_and_given_back_whole)
{
    begin(100003, true, false);
    for (uint32_t i = 0; i < 100; i++)
        flip(i);
    check();
    share_charge(&share);
    check();
    ck_assert_uint_eq(sum.bytes, 100003);
    flip(100);
    flip(3);
    check();
    share_refund(&share);
    check();
    ck_assert_uint_eq(sum.bytes, 0);
    for (uint32_t i = 0; i < 101; i++)
        if (in[i])
            flip(i);
}
END_TEST

/* Without rules nobody keeps parts: they are even, however many there are. */
START_TEST(without_rules_they_are_even)
{
    begin(1000003, false, true);
    for (uint32_t i = 0; i < 10 * TENANTS; i += TENANTS)
        flip(i);
    ck_assert_uint_eq(share_part(&share, &holds[0]), 100003);
    ck_assert_uint_eq(share_part(&share, &holds[TENANTS]), 100000);
    ck_assert_uint_eq(sum.bytes, 1000003);
    check();
}
END_TEST

Suite *suite_share_part(void)
{
    return SUITE("share_part", parts_add_up_whoever_comes_and_goes,
                 nor_do_they_drift_where_one_comes_as_another_goes, few_parts_change_with_each,
                 nobody_loses_more_than_was_counted,
                 what_many_wait_for_is_charged_and_given_back_whole, without_rules_they_are_even);
}
