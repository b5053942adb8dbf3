/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Command lines: options anywhere, values in both spellings, and errors that name the argument. */
#include "cli/args.h"

#include <string.h>

#include "support/support.h"

static int never_run(const struct args *a)
{
    UNUSED(a);
    return 0;
}

static const struct arg_option options[] = {
    {"out", 'o', "FILE", "Where to write."}, {"json", 0, NULL, "As JSON."}, {NULL, 0, NULL, NULL}};
static const struct verb verb = {"test", "IN", "Tests.", "", options, 1, 2, never_run, false};

START_TEST(options_may_stand_anywhere)
{
    const char *argv[] = {"-o", "a", "in", "--json", "--out=b", "--", "-x"};
    struct args a;
    struct err err;
    ck_ok(args_parse(&verb, 7, argv, &a, &err), &err);
    ck_assert_int_eq(a.n_operands, 2);
    ck_assert_str_eq(a.operands[0], "in");
    ck_assert_str_eq(a.operands[1], "-x");
    ck_assert_str_eq(args_get(&a, "out"), "b");
    ck_assert(args_on(&a, "json"));
    ck_assert_ptr_null(args_get(&a, "nothing"));
}
END_TEST

START_TEST(wrong_lines_are_usage_errors)
{
    static const struct {
        const char *argv[4];
        int argc;
        const char *words;
    } cases[] = {
        {{"in", "--jsn"}, 2, "unknown option '--jsn'"},
        {{"in", "-x"}, 2, "unknown option '-x'"},
        {{"in", "-oout"}, 2, "unknown option '-oout'"},
        {{"in", "-o"}, 2, "a value is missing after '-o'"},
        {{"--json"}, 1, "usage: roost test IN"},
        {{"a", "b", "c"}, 3, "unexpected argument 'c'"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const char *argv[4];
        struct args a;
        struct err err = {OK, ""};
        memcpy(argv, cases[i].argv, sizeof(argv));
        ck_assert_int_eq(args_parse(&verb, cases[i].argc, argv, &a, &err), E_USAGE);
        ck_assert_msg(strstr(err.msg, cases[i].words), "%s", err.msg);
    }
}
END_TEST

START_TEST(a_single_dash_is_an_operand_and_help_wins)
{
    const char *argv[] = {"-"}, *help[] = {"--help", "--nonsense"};
    struct args a;
    struct err err;
    ck_ok(args_parse(&verb, 1, argv, &a, &err), &err);
    ck_assert_int_eq(a.n_operands, 1);
    ck_ok(args_parse(&verb, 2, help, &a, &err), &err);
    ck_assert(a.help);
}
END_TEST

START_TEST(a_switch_can_be_switched_off)
{
    const char *argv[] = {"in", "--json=off"};
    struct args a;
    struct err err;
    ck_ok(args_parse(&verb, 2, argv, &a, &err), &err);
    ck_assert(!args_on(&a, "json"));
}
END_TEST

START_TEST(help_lists_every_option)
{
    struct buf text = {0};
    ck_assert_int_eq(args_help(&verb, &text), OK);
    ck_assert_int_eq(buf_terminate(&text), OK);
    ck_assert(strstr((char *)text.data, "usage: roost test IN [options]"));
    ck_assert(strstr((char *)text.data, "  -o, --out FILE"));
    ck_assert(strstr((char *)text.data, "  --json"));
    buf_fini(&text);
}
END_TEST

Suite *suite_args(void)
{
    return SUITE("args", options_may_stand_anywhere, wrong_lines_are_usage_errors,
                 a_single_dash_is_an_operand_and_help_wins, a_switch_can_be_switched_off,
                 help_lists_every_option);
}
