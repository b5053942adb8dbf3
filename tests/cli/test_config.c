/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The four sources of a setting, their order, and what a configuration file is refused for. */
#include "cli/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/support.h"

static int never_run(const struct args *a)
{
    UNUSED(a);
    return 0;
}

static const struct arg_option options[] = {
    {"config", 0, "FILE", ""},       {"memory", 0, "SIZE", ""}, {"listen", 0, "HOST:PORT", ""},
    {"insecure-admin", 0, NULL, ""}, {"workers", 'w', "N", ""}, {NULL, 0, NULL, NULL}};
static const struct verb verb = {"test", "", "", "", options, 0, 0, never_run, true};

static enum status from_text(struct config *c, const char *text, struct err *err)
{
    config_defaults(c);
    return config_file(c, "roost.json", text, strlen(text), err);
}

START_TEST(defaults_are_the_documented_ones)
{
    struct config c;
    config_defaults(&c);
    ck_assert_str_eq(c.listen, "127.0.0.1:8080");
    ck_assert_uint_eq(c.memory, 0);
    ck_assert_uint_eq(c.http_memory, 256u << 20);
    ck_assert_uint_eq(c.head_bytes, 16384);
    ck_assert_uint_eq(c.head_count, 100);
    ck_assert_uint_eq(c.head_timeout, 10000000);
    ck_assert_uint_eq(c.idle_timeout, 30000000);
    ck_assert_uint_eq(c.body_max, 64u << 20);
    ck_assert_uint_eq(c.body_rate, 65536);
    ck_assert_uint_eq(c.connections, 10000);
    ck_assert_uint_eq(c.negatives, 10000);
    ck_assert_uint_eq(c.queue, 4096);
    ck_assert_uint_eq(c.timeout, 60000000);
    ck_assert_uint_eq(c.cache_headers, 0); /* "on" stands first */
    ck_assert_uint_eq(c.insecure_admin, 0);
}
END_TEST

START_TEST(a_file_sets_strings_numbers_and_booleans)
{
    struct config c;
    struct err err;
    ck_ok(from_text(&c,
                    "{\"memory\": \"8GiB\", \"workers\": 3,\n \"insecure-admin\": true, "
                    "\"timeout\": \"250ms\", \"log-level\": \"warn\", \"cache-headers\": \"off\"}",
                    &err),
          &err);
    ck_assert_uint_eq(c.memory, UINT64_C(8) << 30);
    ck_assert_uint_eq(c.workers, 3);
    ck_assert_uint_eq(c.insecure_admin, 1);
    ck_assert_uint_eq(c.timeout, 250000);
    ck_assert_uint_eq(c.log_level, 2);
    ck_assert_uint_eq(c.cache_headers, 1);
}
END_TEST

START_TEST(a_bad_file_is_refused_with_its_line)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"{\n  \"store\": \"x\",\n  \"memry\": 1\n}", "roost.json line 3: unknown key 'memry'"},
        {"{\"memory\":\n\"lots\"}", "line 1: memory: 'lots' is no size"},
        {"{\n\"workers\": 1.5}", "line 2: workers: a whole number"},
        {"{\n\"workers\": 65}", "line 2: workers: '65' is not between auto and 64"},
        {"{\"workers\": -1}", "a whole number"},
        {"{\"workers\": 1e999}", "a whole number"},
        {"{\"workers\": null}", "a string, a number or a boolean"},
        {"{\"workers\": [1]}", "a string, a number or a boolean"},
        {"{\"workers\": 1,\n\n\"workers\": 2}", "line 3: key 'workers' stands there twice"},
        {"{\"workers\": 1", "this is not JSON"},
        {"{\n\"workers\": 1,\n,}", "line 3: this is not JSON"},
        {"{\n\"store\": \"\xb1\"}", "line 2: this is not UTF-8"},
        {"{\"store\": \"a\xe2\x82\"}", "this is not UTF-8"},
        {"[1]", "one object"},
        {"", "this is not JSON"},
        {"{}\n\nx", "line 3: text after"},
        {"{\"timeout\": 30}", "is no duration"},
        {"{\"body-max\": 0}", "is not between"},
        {"{\"\": 0}", "unknown key ''"},
        {"{\"log-format\": \"xml\"}", "'xml' is none of auto|logfmt|json"},
        {"{\"a\\\"\\\\\": {\"memory\": 1}}", "a string, a number"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config c;
        struct err err = {OK, ""};
        ck_assert_int_eq(from_text(&c, cases[i].text, &err), E_USAGE);
        ck_assert_msg(strstr(err.msg, cases[i].words), "%s\n%s", cases[i].text, err.msg);
    }
}
END_TEST

START_TEST(deep_nesting_and_zero_bytes_never_reach_the_parser)
{
    char deep[400];
    struct config c;
    struct err err;
    memset(deep, '[', sizeof(deep));
    ck_assert_int_eq(config_file(&c, "f", deep, sizeof(deep), &err), E_USAGE);
    ck_assert(strstr(err.msg, "nests deeper"));
    ck_assert_int_eq(config_file(&c, "f", "{}\0{}", 5, &err), E_USAGE);
    ck_assert(strstr(err.msg, "zero byte"));
    ck_assert_int_eq(config_file(&c, "f", "{\"a\\", 4, &err), E_USAGE);
}
END_TEST

START_TEST(flags_win_over_environment_over_file_over_defaults)
{
    char path[] = "/tmp/roost-config-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    static const char text[] = "{\"memory\": \"1MiB\", \"listen\": \"file:1\", \"workers\": 1}";
    ck_assert_int_eq(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
    close(fd);
    const char *env[] = {"ROOST_LISTEN=env:1", "ROOST_WORKERS=2", "ROOST_INSECURE_ADMIN=1", NULL};
    const char *argv[] = {"--config", path, "-w", "3"};
    struct args a;
    struct err err;
    struct config c;
    ck_ok(args_parse(&verb, 4, argv, &a, &err), &err);
    enum status s = config_load(&c, &a, env, &err);
    unlink(path);
    ck_ok(s, &err);
    ck_assert_uint_eq(c.memory, 1u << 20);   /* file over default */
    ck_assert_str_eq(c.listen, "env:1");     /* environment over file */
    ck_assert_uint_eq(c.workers, 3);         /* flag over environment */
    ck_assert_uint_eq(c.insecure_admin, 1);  /* environment over default */
    ck_assert_uint_eq(c.connections, 10000); /* default */
}
END_TEST

START_TEST(a_bad_source_is_named)
{
    struct args a;
    struct err err;
    struct config c;
    const char *none[] = {NULL}, *bad_env[] = {"ROOST_MEMORY=much", NULL};
    const char *argv[] = {"--memory", "more"};
    ck_ok(args_parse(&verb, 0, argv, &a, &err), &err);
    ck_assert_int_eq(config_load(&c, &a, bad_env, &err), E_USAGE);
    ck_assert(strstr(err.msg, "environment variable ROOST_MEMORY"));
    ck_ok(args_parse(&verb, 2, argv, &a, &err), &err);
    ck_assert_int_eq(config_load(&c, &a, none, &err), E_USAGE);
    ck_assert(strstr(err.msg, "option --memory"));
    const char *file[] = {"--config", "/nonexistent/roost.json"};
    ck_ok(args_parse(&verb, 2, file, &a, &err), &err);
    ck_assert_int_eq(config_load(&c, &a, none, &err), E_NOT_FOUND);
}
END_TEST

START_TEST(what_is_printed_reads_back_the_same)
{
    struct config a, b;
    struct err err;
    struct buf text = {0}, again = {0};
    ck_ok(from_text(&a, "{\"store\":\"/x \\\"y\\\"\",\"memory\":12345,\"workers\":7}", &err), &err);
    ck_assert_int_eq(config_print(&a, &text), OK);
    config_defaults(&b);
    ck_ok(config_file(&b, "printed", (char *)text.data, text.len, &err), &err);
    ck_assert_int_eq(config_print(&b, &again), OK);
    ck_assert_mem_eq(&a, &b, sizeof(a));
    ck_assert_uint_eq(text.len, again.len);
    buf_fini(&text);
    buf_fini(&again);
}
END_TEST

START_TEST(the_automatic_budget_is_less_than_the_machine)
{
    uint64_t bytes = config_memory_auto();
    ck_assert_uint_gt(bytes, 1u << 20);
    ck_assert_uint_lt(bytes, (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
}
END_TEST

Suite *suite_config(void)
{
    return SUITE(
        "config", defaults_are_the_documented_ones, a_file_sets_strings_numbers_and_booleans,
        a_bad_file_is_refused_with_its_line, deep_nesting_and_zero_bytes_never_reach_the_parser,
        flags_win_over_environment_over_file_over_defaults, a_bad_source_is_named,
        what_is_printed_reads_back_the_same, the_automatic_budget_is_less_than_the_machine);
}
