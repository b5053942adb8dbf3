/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Token buckets on a clock that the test owns. */
#include "catalog/probes.h"
#include "support/support.h"

enum { S = 1000000 };

static struct probes p;

START_TEST(a_second_of_tokens_then_as_many_a_second)
{
    p = (struct probes){.rate = 10};
    for (int i = 0; i < 10; i++) {
        ck_assert(probes_left(&p, "acme/x", 5 * S));
        probes_spend(&p, "acme/x", 5 * S);
    }
    ck_assert(!probes_left(&p, "acme/other", 5 * S));
    ck_assert(!probes_left(&p, "acme/x", 5 * S + S / 10 - 1));
    ck_assert(probes_left(&p, "acme/x", 5 * S + S / 10));
    probes_spend(&p, "acme/x", 5 * S + S / 10);
    ck_assert(!probes_left(&p, "acme/x", 5 * S + S / 10));
    for (int i = 0; i < 10; i++)
        probes_spend(&p, "acme/x", 60 * S);
    ck_assert(!probes_left(&p, "acme/x", 60 * S));
}
END_TEST

START_TEST(debts_are_bounded_by_a_second)
{
    p = (struct probes){.rate = 10};
    for (int i = 0; i < 1000; i++)
        probes_spend(&p, "x", 9 * S);
    ck_assert(!probes_left(&p, "y", 10 * S));
    ck_assert(probes_left(&p, "y", 10 * S + S / 10));
}
END_TEST

START_TEST(tenants_have_their_own_and_clocks_may_stand_still)
{
    int spent = 0;
    p = (struct probes){.rate = 1};
    probes_spend(&p, "a/x", 7 * S);
    ck_assert(!probes_left(&p, "a/y", 7 * S));
    ck_assert(!probes_left(&p, "a/y", 6 * S));
    for (int t = 0; t < 4; t++) {
        char name[4] = {'b', (char)('a' + t), '/', 0};
        spent += !probes_left(&p, name, 7 * S);
    }
    ck_assert_int_le(spent, 1); /* at most one shares the place of "a", by its hash */
}
END_TEST

Suite *suite_probes(void)
{
    return SUITE("probes", a_second_of_tokens_then_as_many_a_second, debts_are_bounded_by_a_second,
                 tenants_have_their_own_and_clocks_may_stand_still);
}
