/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Token buckets on a clock that the test owns. */
#include <stdio.h>

#include "catalog/probes.h"
#include "support/support.h"

enum { S = 1000000 };

static struct probes p;

START_TEST(a_second_of_tokens_then_as_many_a_second)
{
    p = (struct probes){.rate = 10};
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(probes_left(&p, "acme/x", 5 * S), PROBE_MAY);
        probes_spend(&p, "acme/x", 5 * S);
    }
    ck_assert_int_eq(probes_left(&p, "acme/other", 5 * S), PROBE_TENANT);
    ck_assert_int_eq(probes_left(&p, "acme/x", 5 * S + S / 10 - 1), PROBE_TENANT);
    ck_assert_int_eq(probes_left(&p, "acme/x", 5 * S + S / 10), PROBE_MAY);
    probes_spend(&p, "acme/x", 5 * S + S / 10);
    ck_assert_int_eq(probes_left(&p, "acme/x", 5 * S + S / 10), PROBE_TENANT);
    for (int i = 0; i < 10; i++)
        probes_spend(&p, "acme/x", 60 * S);
    ck_assert_int_eq(probes_left(&p, "acme/x", 60 * S), PROBE_TENANT);
}
END_TEST

START_TEST(debts_are_bounded_by_a_second)
{
    p = (struct probes){.rate = 10};
    for (int i = 0; i < 1000; i++)
        probes_spend(&p, "x", 9 * S);
    ck_assert_int_eq(probes_left(&p, "y", 10 * S), PROBE_TENANT);
    ck_assert_int_eq(probes_left(&p, "y", 10 * S + S / 10), PROBE_MAY);
}
END_TEST

START_TEST(tenants_have_their_own_and_clocks_may_stand_still)
{
    int spent = 0;
    p = (struct probes){.rate = 1};
    probes_spend(&p, "a/x", 7 * S);
    ck_assert_int_eq(probes_left(&p, "a/y", 7 * S), PROBE_TENANT);
    ck_assert_int_eq(probes_left(&p, "a/y", 6 * S), PROBE_TENANT);
    for (int t = 0; t < 4; t++) {
        char name[4] = {'b', (char)('a' + t), '/', 0};
        spent += probes_left(&p, name, 7 * S) != PROBE_MAY;
    }
    ck_assert_int_le(spent, 1); /* at most one shares the place of "a", by its hash */
}
END_TEST

/* Whoever makes up a tenant for each name has no more than the node's. */
START_TEST(made_up_tenants_together_have_the_nodes_tokens)
{
    int asked = 0;
    char name[16];
    p = (struct probes){.rate = 10, .node_rate = 30};
    for (int t = 0; t < 1000; t++) {
        snprintf(name, sizeof(name), "t%d/x", t);
        if (probes_left(&p, name, 7 * S) != PROBE_MAY)
            continue;
        probes_spend(&p, name, 7 * S);
        asked++;
    }
    ck_assert_int_eq(asked, 30);
    ck_assert_int_eq(probes_left(&p, "never/x", 7 * S), PROBE_NODE);
    ck_assert_int_eq(probes_left(&p, "never/x", 7 * S + S / 30 + 1), PROBE_MAY);
    probes_spend(&p, "never/x", 7 * S + S / 30 + 1);
    ck_assert_int_eq(probes_left(&p, "never/x", 7 * S + S / 30 + 1), PROBE_NODE);
    probes_give_back(&p, "never/x", 7 * S + S / 30 + 1);
    ck_assert_int_eq(probes_left(&p, "never/x", 7 * S + S / 30 + 1), PROBE_MAY);
}
END_TEST

START_TEST(a_tenant_that_has_models_is_bound_by_its_own_alone)
{
    p = (struct probes){.rate = 10, .node_rate = 5};
    probes_found(&p, "acme/here");
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(probes_left(&p, "acme/x", 7 * S), PROBE_MAY);
        probes_spend(&p, "acme/x", 7 * S);
    }
    ck_assert_int_eq(probes_left(&p, "acme/x", 7 * S), PROBE_TENANT);
    /* Whoever shares the place of "acme", by its hash, is refused for that; not all do. */
    int by_node = 0;
    for (char name[] = "a/x"; name[0] <= 'z'; name[0]++) {
        const enum probe left = probes_left(&p, name, 7 * S);
        ck_assert_int_ne(left, PROBE_MAY);
        by_node += left == PROBE_NODE;
    }
    ck_assert_int_gt(by_node, 0);
}
END_TEST

Suite *suite_probes(void)
{
    return SUITE("probes", a_second_of_tokens_then_as_many_a_second, debts_are_bounded_by_a_second,
                 tenants_have_their_own_and_clocks_may_stand_still,
                 made_up_tenants_together_have_the_nodes_tokens,
                 a_tenant_that_has_models_is_bound_by_its_own_alone);
}
