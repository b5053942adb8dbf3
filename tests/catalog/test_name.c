/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The grammar of model names. */
#include <string.h>

#include "catalog/catalog.h"
#include "support/support.h"

START_TEST(good_names_have_one_spelling)
{
    static const struct {
        const char *text, *name;
    } cases[] = {{"churn", "churn"},
                 {"acme/churn", "acme/churn"},
                 {"default/churn", "churn"},
                 {"default", "default"},
                 {"default/default", "default"},
                 {"0", "0"},
                 {"A-b_c.d/9.9", "A-b_c.d/9.9"},
                 {"invoke", "invoke"},
                 {"invoke/x", "invoke/x"},
                 {"acme/invoked", "acme/invoked"},
                 {"defaults/x", "defaults/x"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char out[MODEL_NAME_MAX + 1];
        struct err err = {0};
        ck_ok(catalog_name(cases[i].text, strlen(cases[i].text), out, &err), &err);
        ck_assert_str_eq(out, cases[i].name);
    }
}
END_TEST

START_TEST(bad_names_name_the_rule)
{
    static const struct {
        const char *text, *rule;
    } cases[] = {{"", "empty segment"},
                 {"/", "empty segment"},
                 {"a/", "empty segment"},
                 {"/a", "empty segment"},
                 {"a//b", "more than two"},
                 {"a/b/c", "more than two"},
                 {"a/b/", "more than two"},
                 {"-a", "begin"},
                 {".a", "begin"},
                 {"_roost", "begin"},
                 {"a/..", "begin"},
                 {"a b", "character"},
                 {"a%2Fb", "character"},
                 {"a/b\n", "character"},
                 {"a\xc3\xa4", "character"},
                 {"acme/invoke", "kept for an action"},
                 {"default/load", "kept for an action"},
                 {"acme/versions", "kept for an action"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char out[MODEL_NAME_MAX + 1];
        struct err err = {0};
        ck_assert_int_eq(catalog_name(cases[i].text, strlen(cases[i].text), out, &err),
                         E_BAD_INPUT);
        ck_assert_msg(strstr(err.msg, cases[i].rule) != NULL, "'%s': %s", cases[i].text, err.msg);
    }
}
END_TEST

START_TEST(segments_end_at_128_bytes)
{
    char text[300], out[MODEL_NAME_MAX + 1];
    struct err err = {0};
    memset(text, 'a', sizeof(text));
    text[128] = '/';
    ck_ok(catalog_name(text, 128, out, &err), &err);
    ck_assert_int_eq(catalog_name(text + 129, 129, out, &err), E_BAD_INPUT);
    ck_ok(catalog_name(text, 257, out, &err), &err);
    ck_assert_uint_eq(strlen(out), 257);
    ck_assert_int_eq(catalog_name(text, 258, out, &err), E_BAD_INPUT);
}
END_TEST

START_TEST(a_nul_byte_is_no_name)
{
    char out[MODEL_NAME_MAX + 1];
    ck_assert_int_eq(catalog_name("a\0b", 3, out, NULL), E_BAD_INPUT);
}
END_TEST

START_TEST(the_verbs_are_kept)
{
    static const char *const words[] = {"invoke", "infer",    "ready",    "config",
                                        "stats",  "versions", "rollback", "load",
                                        "unload", "pin",      "unpin",    "prefetch"};
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        ck_assert(catalog_is_verb(words[i], strlen(words[i])));
    ck_assert(!catalog_is_verb("invok", 5));
    ck_assert(!catalog_is_verb("", 0));
    ck_assert(!catalog_is_verb("Invoke", 6));
}
END_TEST

START_TEST(names_of_versions_are_proved_too)
{
    static const struct {
        const char *text, *want; /* NULL: it is none */
    } cases[] = {{"m", "m"},
                 {"m@3", "m@3"},
                 {"acme/m@123", "acme/m@123"},
                 {"default/m@1", "m@1"},
                 {"m@", NULL},
                 {"m@03", NULL},
                 {"m@x", NULL},
                 {"@3", NULL},
                 {"m@3@4", NULL},
                 {"m/@3", NULL},
                 {"m@1234567890123456789", NULL}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char out[MODEL_NAME_MAX + 1];
        const char *text = cases[i].text, *want = cases[i].want;
        enum status s = catalog_slot_name(text, strlen(text), out);
        ck_assert_msg(s == (want ? OK : E_BAD_INPUT), "%s", text);
        if (want)
            ck_assert_str_eq(out, want);
    }
}
END_TEST

START_TEST(names_of_what_versions_lie_under_are_not_published)
{
    static const char *const kept[] = {"acme/current", "acme/1.roost", "acme/12.gone", "acme/3.new",
                                       "acme/999999999999999999.roost"};
    static const char *const fine[] = {"current",     "1.roost",     "acme/currents",
                                       "acme/1.onnx", "acme/01.new", "acme/x1.roost",
                                       "acme/1",      "acme"};
    struct err err;
    for (size_t i = 0; i < ARRAY_COUNT(kept); i++) {
        ck_assert_msg(!catalog_may_publish(kept[i], &err), "%s", kept[i]);
        ck_assert_int_eq(err.code, E_BAD_INPUT);
        ck_assert_ptr_nonnull(strstr(err.msg, kept[i]));
    }
    for (size_t i = 0; i < ARRAY_COUNT(fine); i++)
        ck_assert_msg(catalog_may_publish(fine[i], &err), "%s", fine[i]);
}
END_TEST

Suite *suite_name(void)
{
    return SUITE("name", good_names_have_one_spelling, bad_names_name_the_rule,
                 segments_end_at_128_bytes, a_nul_byte_is_no_name, the_verbs_are_kept,
                 names_of_versions_are_proved_too,
                 names_of_what_versions_lie_under_are_not_published);
}
