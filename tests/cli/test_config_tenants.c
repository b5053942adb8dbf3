/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The tenants' rules in the configuration file. */
#include <stdio.h>
#include <string.h>

#include "cli/config.h"
#include "support/support.h"

static enum status from_text(struct config *c, const char *text, struct err *err)
{
    config_defaults(c);
    return config_file(c, "roost.json", text, strlen(text), err);
}

START_TEST(a_file_gives_tenants_their_rules)
{
    struct config c;
    struct err err;
    struct tenant_rule rules[TENANT_RULES_MAX];
    ck_ok(from_text(&c,
                    "{\"ttl\": \"1h\", \"tenants\": {\n"
                    " \"acme\": {\"floor\": \"1GiB\", \"ceiling\": \"4GiB\", \"weight\": 2,\n"
                    "  \"ttl\": \"0s\", \"min-residency\": \"5s\"},\n"
                    " \"*\": {\"ceiling\": 1048576}, \"default\": {}}, \"workers\": 3}",
                    &err),
          &err);
    ck_assert_uint_eq(c.workers, 3);
    ck_assert_uint_eq(c.n_tenants, 3);
    config_rules(&c, rules);
    ck_assert_str_eq(rules[0].name, "acme");
    ck_assert_uint_eq(rules[0].floor_bytes, UINT64_C(1) << 30);
    ck_assert_uint_eq(rules[0].ceiling_bytes, UINT64_C(4) << 30);
    ck_assert_uint_eq(rules[0].weight, 2);
    ck_assert_uint_eq(rules[0].ttl_us, 0);
    ck_assert_uint_eq(rules[0].min_residency_us, 5000000);
    ck_assert_str_eq(rules[1].name, "*");
    ck_assert_uint_eq(rules[1].ceiling_bytes, 1 << 20);
    ck_assert_uint_eq(rules[1].ttl_us, UINT64_C(3600000000));
    ck_assert_uint_eq(rules[2].weight, 1);
    ck_assert_uint_eq(rules[2].min_residency_us, 0);
}
END_TEST

START_TEST(a_file_gives_tenants_their_limits)
{
    struct config c;
    struct err err;
    ck_ok(from_text(&c,
                    "{\"tenants\": {\n"
                    " \"acme\": {\"weight\": 3, \"publish-max\": \"1MiB\",\n"
                    "  \"compile-file-max\": \"2MiB\", \"compile-memory\": \"64MiB\",\n"
                    "  \"compile-time\": \"5s\", \"tensors-max\": 99},\n"
                    " \"*\": {\"publish-max\": 7, \"compile-memory\": \"auto\"}}}",
                    &err),
          &err);
    ck_assert_str_eq(c.limits[0].name, "acme");
    ck_assert_uint_eq(c.limits[0].publish_max, 1 << 20);
    ck_assert_uint_eq(c.limits[0].file_max, 2 << 20);
    ck_assert_uint_eq(c.limits[0].memory_bytes, 64 << 20);
    ck_assert_uint_eq(c.limits[0].time_us, 5000000);
    ck_assert_uint_eq(c.limits[0].tensors_max, 99);
    ck_assert_str_eq(c.limits[1].name, "*");
    ck_assert_uint_eq(c.limits[1].publish_max, 7);
    ck_assert_uint_eq(c.limits[1].file_max, 0);
    ck_assert_uint_eq(c.limits[1].memory_bytes, 0);
    ck_assert_uint_eq(c.tenants[0].weight, 3);
    ck_ok(config_tenants_check(&c, &err), &err);
}
END_TEST

START_TEST(no_tenant_has_more_than_the_node)
{
    static const struct {
        const char *text, *words; /* NULL: it is good */
    } cases[] = {
        {"{\"publish-max\": \"2MiB\", \"tenants\": {\"a\": {}, \"b\": {\"publish-max\": "
         "\"3MiB\"}}}",
         "tenants: b: publish-max is 3MiB, more than the node's, which is 2MiB"},
        {"{\"tenants\": {\"*\": {\"compile-file-max\": \"3GiB\"}}}",
         "tenants: *: compile-file-max is 3GiB"},
        {"{\"tenants\": {\"a\": {\"compile-time\": \"3m\"}}}", "tenants: a: compile-time is 3m"},
        {"{\"tenants\": {\"a\": {\"compile-memory\": \"2GiB\"}}, \"compile-memory\": \"1GiB\"}",
         "tenants: a: compile-memory is 2GiB, more than the node's, which is 1GiB"},
        {"{\"tenants\": {\"a\": {\"tensors-max\": 8}}, \"tensors-max\": 7}",
         "tenants: a: tensors-max is 8, more than the node's, which is 7"},
        {"{\"tenants\": {\"a\": {\"compile-memory\": \"9999GiB\"}}}", NULL},
        {"{\"publish-max\": 9, \"tenants\": {\"a\": {\"publish-max\": 9}}}", NULL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config c;
        struct err err = {OK, ""};
        const char *words = cases[i].words;
        ck_ok(from_text(&c, cases[i].text, &err), &err);
        ck_assert_int_eq(config_tenants_check(&c, &err), words ? E_USAGE : OK);
        ck_assert_msg(!words || strstr(err.msg, words), "%s\n%s", cases[i].text, err.msg);
    }
}
END_TEST

START_TEST(bad_rules_are_refused_with_their_line)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"{\n\"tenants\": 3}", "line 2: tenants: an object of tenants"},
        {"{\"tenants\": {\n\"acme\": 3}}", "line 2: tenants: acme: an object was expected"},
        {"{\"tenants\": {\"acme\": {\n\"flor\": 1}}}",
         "line 2: tenants: acme: unknown key 'flor'; a tenant has floor"},
        {"{\"memory\": 5,\n\"tenants\": {\"a\": {\"floor\": 1},\n\n\"b\": {\"weight\": 1,\n"
         "\"ceiling\": \"x\"}}}",
         "line 5: tenants: b: ceiling: 'x' is no size"},
        {"{\"tenants\": {\"a\": {\"weight\": 0}}}", "weight: '0' is not between 1 and"},
        {"{\"tenants\": {\"a\": {\"weight\": 1000001}}}", "is not between"},
        {"{\"tenants\": {\"a\": {\"publish-max\": {}}}}", "a: publish-max: a string, a number"},
        {"{\"tenants\": {\"a\": {\"publish-max\": 0}}}", "publish-max: '0' is not between 1B and"},
        {"{\"tenants\": {\"a\": {\"compile-time\": \"1ms\"}}}", "'1ms' is not between 1s and"},
        {"{\"tenants\": {\"a\": {\"tensors-max\": 0}}}", "'0' is not between 1 and 131072"},
        {"{\"tenants\": {\"a\": {\"tensors-max\": 131073}}}", "'131073' is not between"},
        {"{\"tenants\": {\"a\": {\"tensors-max\": \"1MiB\"}}}", "tensors-max: '1MiB' is no"},
        {"{\"tenants\": {\"a\": {\"compile-file-max\": \"auto\"}}}", "'auto' is no size"},
        {"{\"tenants\": {\"a\": {\"publish-max\": 1,\n\"publish-max\": 1}}}",
         "line 2: tenants: a: key 'publish-max' stands there twice"},
        {"{\"tenants\": {\"a\": {\"ttl\": {}}}}", "ttl: a string, a number or a boolean"},
        {"{\"tenants\": {\"a\": {\"ttl\": 30}}}", "is no duration"},
        {"{\"tenants\": {\"a\": {\"floor\": 1,\n\"floor\": 1}}}",
         "line 2: tenants: a: key 'floor' stands there twice"},
        {"{\"tenants\": {\"a\": {},\n\"a\": {}}}", "line 2: tenants: 'a' stands there twice"},
        {"{\"tenants\": {\"a/b\": {}}}", "'a/b' is no name of a tenant"},
        {"{\"tenants\": {\"\": {}}}", "'' is no name of a tenant"},
        {"{\"tenants\": {\"**\": {}}}", "'**' is no name"},
        {"{\"tenants\": {}, \n\"tenants\": {}}", "line 2: key 'tenants' stands there twice"},
        {"{\"tenants\": {\"a\": {}},\n\"memry\": 1}", "line 2: unknown key 'memry'"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config c;
        struct err err = {OK, ""};
        ck_assert_int_eq(from_text(&c, cases[i].text, &err), E_USAGE);
        ck_assert_msg(strstr(err.msg, cases[i].words), "%s\n%s", cases[i].text, err.msg);
    }
}
END_TEST

START_TEST(there_are_no_more_rules_than_the_limit)
{
    struct config c;
    struct err err;
    struct buf text = {0};
    ck_assert_int_eq(buf_str(&text, "{\"tenants\": {"), OK);
    for (int i = 0; i <= TENANT_RULES_MAX; i++)
        ck_assert_int_eq(buf_printf(&text, "%s\n\"t%d\": {\"floor\": 1}", i ? "," : "", i), OK);
    ck_assert_int_eq(buf_str(&text, "}}"), OK);
    ck_assert_int_eq(buf_terminate(&text), OK);
    ck_assert_int_eq(from_text(&c, (const char *)text.data, &err), E_USAGE);
    ck_assert_msg(strstr(err.msg, "line 258: tenants: more than 256 tenants"), "%s", err.msg);
    buf_fini(&text);
}
END_TEST

START_TEST(what_is_printed_is_read_again)
{
    struct config c, d;
    struct err err;
    struct buf one = {0}, two = {0};
    ck_ok(
        from_text(&c,
                  "{\"tenants\": {\"acme\": {\"floor\": \"1GiB\", \"weight\": 2, \"ttl\": \"90s\"},"
                  " \"*\": {\"min-residency\": \"1500ms\", \"publish-max\": \"3KiB\","
                  " \"compile-file-max\": 1000, \"compile-memory\": \"1GiB\","
                  " \"compile-time\": \"90s\"}}}",
                  &err),
        &err);
    ck_assert_int_eq(config_print(&c, &one), OK);
    ck_assert_int_eq(buf_terminate(&one), OK);
    ck_ok(from_text(&d, (const char *)one.data, &err), &err);
    ck_assert_int_eq(memcmp(&c.tenants, &d.tenants, 2 * sizeof(c.tenants[0])), 0);
    ck_assert_int_eq(memcmp(&c.limits, &d.limits, 2 * sizeof(c.limits[0])), 0);
    ck_assert_uint_eq(d.n_tenants, 2);
    ck_assert_int_eq(config_print(&d, &two), OK);
    ck_assert_int_eq(buf_terminate(&two), OK);
    ck_assert_str_eq((char *)one.data, (char *)two.data);
    buf_fini(&one);
    buf_fini(&two);
}
END_TEST

Suite *suite_config_tenants(void)
{
    return SUITE("config_tenants", a_file_gives_tenants_their_rules,
                 a_file_gives_tenants_their_limits, no_tenant_has_more_than_the_node,
                 bad_rules_are_refused_with_their_line, there_are_no_more_rules_than_the_limit,
                 what_is_printed_is_read_again);
}
