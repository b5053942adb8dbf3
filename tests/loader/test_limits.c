/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Whose limits a model has, and that they are never wider than the node's. */
#include "loader/limits.h"
#include "support/support.h"

static const struct tenant_limits rules[] = {{.name = "acme", .publish_max = 1},
                                             {.name = "*", .publish_max = 2},
                                             {.name = "default", .publish_max = 3},
                                             {.name = "acme2"}};
static const struct limits_table all = {rules, ARRAY_COUNT(rules)};

START_TEST(a_model_has_the_limits_of_its_tenant)
{
    static const struct {
        const char *model;
        uint64_t want;
    } cases[] = {{"acme/m", 1}, {"acme2/m", 0}, {"acm/m", 2},    {"acme3/m", 2},   {"default", 3},
                 {"acme", 3},   {"*/m", 2},     {"acme/m@3", 1}, {"acme2/acme", 0}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        ck_assert_msg(tenant_limits_of(&all, cases[i].model)->publish_max == cases[i].want, "%s",
                      cases[i].model);
}
END_TEST

START_TEST(without_a_rule_there_is_no_limit)
{
    const struct limits_table none = {NULL, 0}, one = {rules, 1};
    ck_assert_uint_eq(tenant_limits_of(&none, "acme/m")->publish_max, 0);
    ck_assert_uint_eq(tenant_limits_of(&one, "acme/m")->publish_max, 1);
    ck_assert_uint_eq(tenant_limits_of(&one, "other/m")->publish_max, 0);
}
END_TEST

START_TEST(the_less_of_both_holds)
{
    bool tenants;
    const struct tenant_limits none = {.file_max = 0}, some = {.file_max = 10};
    ck_assert_uint_eq(limits_file_max(&none, 20, &tenants), 20);
    ck_assert(!tenants);
    ck_assert_uint_eq(limits_file_max(&some, 20, &tenants), 10);
    ck_assert(tenants);
    ck_assert_uint_eq(limits_file_max(&some, 10, &tenants), 10);
    ck_assert(!tenants);
    ck_assert_uint_eq(limits_file_max(&some, 5, &tenants), 5);
    ck_assert(!tenants);
}
END_TEST

START_TEST(a_compile_takes_what_the_node_says_or_what_the_file_asks_for)
{
    const uint64_t mib = 1 << 20;
    ck_assert_uint_eq(limits_memory(64 * mib, 1000 * mib), 64 * mib);
    ck_assert_uint_eq(limits_memory(1, 1), 16 * mib);
    ck_assert_uint_eq(limits_memory(0, 3 * mib), (1024 + 5 * 3) * mib);
    ck_assert_uint_eq(limits_memory(0, UINT64_MAX), UINT64_MAX >> 1);
}
END_TEST

START_TEST(tensors_beyond_the_less_of_both_are_refused)
{
    const struct tenant_limits none = {.file_max = 1}, some = {.tensors_max = 10};
    struct err err = {.code = OK};
    bool tenants = true;
    ck_ok(limits_tensors(&none, 0, UINT64_MAX, &tenants, &err), &err);
    ck_ok(limits_tensors(&none, 20, 20, &tenants, &err), &err);
    ck_ok(limits_tensors(&some, 20, 10, &tenants, &err), &err);
    ck_assert(!tenants);
    ck_assert_int_eq(limits_tensors(&none, 20, 21, &tenants, &err), E_TOO_LARGE);
    ck_assert(!tenants);
    ck_assert_str_eq(err.msg, "the model holds 21 tensors: at most 20 are taken (--tensors-max)");
    ck_assert_int_eq(limits_tensors(&some, 20, 11, &tenants, &err), E_TOO_LARGE);
    ck_assert(tenants);
    ck_assert_str_eq(
        err.msg, "the model holds 11 tensors: at most 10 are taken for its tenant (tensors-max)");
    ck_assert_int_eq(limits_tensors(&some, 5, 6, &tenants, &err), E_TOO_LARGE);
    ck_assert(!tenants);
    ck_assert_int_eq(limits_tensors(&some, 0, 11, &tenants, &err), E_TOO_LARGE);
    ck_assert(tenants);
}
END_TEST

Suite *suite_limits(void)
{
    return SUITE("limits", a_model_has_the_limits_of_its_tenant, without_a_rule_there_is_no_limit,
                 the_less_of_both_holds, tensors_beyond_the_less_of_both_are_refused,
                 a_compile_takes_what_the_node_says_or_what_the_file_asks_for);
}
