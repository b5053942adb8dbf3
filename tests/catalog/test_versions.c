/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Which versions there are: what was never current is none, whatever publishers that died left
 * behind, and no removal and no publish by another node makes a name lead to nothing. */
#include <string.h>

#include "apart_case.h"
#include "base/alloc.h"
#include "support/support.h"
#include "text_case.h"

START_TEST(what_was_never_current_is_no_version)
{
    struct catalog_version *all = NULL;
    size_t n = 0;
    uint64_t to = 0;
    text_setup();
    text_publish("m", "a");
    tree_text(&text.tree, "_roost/models/m/2.new", "");
    tree_text(&text.tree, "_roost/models/m/2.roost", "of a publisher that died");
    ck_assert_uint_eq(text_publish("m", "c"), 3);
    /* What is current is a version, though its publisher died before it could say so. */
    tree_text(&text.tree, "_roost/models/m/3.new", "");
    apart_age(&text.tree, 1);
    ck_ok(catalog_versions(text.catalog, "m", NULL, &all, &n, &text.err), &text.err);
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(all[0].n, 3);
    ck_assert(all[0].current && !all[1].current);
    ck_assert_uint_eq(all[1].n, 1);
    alloc_free(all);
    struct resolved r;
    ck_assert_int_eq(catalog_resolve(text.store, "m@2", &r, &text.err), E_NOT_FOUND);
    ck_assert_str_eq(text.err.msg, "model 'm' has no version 2");
    text_is("m@1", "1", "a");
    text_is("m@3", "3", "c");
    to = 2;
    ck_assert_int_eq(catalog_rollback(text.catalog, "m", &to, &text.err), E_NOT_FOUND);
    ck_assert_str_eq(text.err.msg, "'m' has no version 2");
    ck_assert_int_eq(catalog_delete_version(text.catalog, "m", 2, &text.err), E_NOT_FOUND);
    ck_assert_int_eq(catalog_delete_version(text.catalog, "m", 3, &text.err), E_EXISTS);
    ck_assert_int_eq(catalog_delete_orphan(text.catalog, "m", 3, &text.err), E_EXISTS);
    ck_assert_int_eq(catalog_delete_orphan(text.catalog, "m", 1, &text.err), E_NOT_FOUND);
    to = 0;
    ck_ok(catalog_rollback(text.catalog, "m", &to, &text.err), &text.err);
    ck_assert_uint_eq(to, 1);
    to = 3; /* it has been current */
    ck_ok(catalog_rollback(text.catalog, "m", &to, &text.err), &text.err);
    text_is("m", "3", "c");
    text_teardown();
}
END_TEST

/* Of a publisher that had listed the versions long before. */
START_TEST(a_mark_that_came_too_late_is_nobodys)
{
    struct catalog_version *all = NULL;
    size_t n = 0;
    uint64_t to = 2;
    text_setup();
    for (int i = 0; i < 3; i++)
        text_publish("m", "a");
    apart_age(&text.tree, 1);
    tree_text(&text.tree, "_roost/models/m/2.new", "");
    ck_ok(catalog_versions(text.catalog, "m", NULL, &all, &n, &text.err), &text.err);
    ck_assert_uint_eq(n, 3);
    alloc_free(all);
    ck_assert_int_eq(catalog_delete_orphan(text.catalog, "m", 2, &text.err), E_NOT_FOUND);
    ck_ok(catalog_rollback(text.catalog, "m", &to, &text.err), &text.err);
    text_is("m", "2", "a");
    text_teardown();
}
END_TEST

static void remove_2(void *arg)
{
    struct catalog *other;
    struct err ignored;
    UNUSED(arg);
    ck_assert_int_eq(catalog_new(text.store, 10, 100, &other), OK);
    (void)!catalog_delete_version(other, "m", 2, &ignored);
    catalog_free(&other);
}

/* A second version of m, with `hook` before step `at` of its publish; *over: there are not so many.
 * Afterwards m leads to it where that went well, and to the first where it did not. */
static enum status publish_amid(int at, void (*hook)(void *), bool *over)
{
    const struct store_source from = {.bytes = "second", .n = 6};
    struct cut_store cut;
    struct catalog *c;
    uint64_t n = 0;
    ck_assert_int_lt(at, 50);
    text_setup();
    text_publish("m", "first");
    cut_store_init(&cut, text.store, true);
    ck_assert_int_eq(catalog_new(&cut.store, 10, 100, &c), OK);
    cut.at = at;
    cut.hook = hook;
    enum status s = catalog_publish(c, "m", &from, &n, &text.err);
    *over = cut.hook != NULL;
    text_is("m", s == OK ? "2" : "1", s == OK ? "second" : "first");
    catalog_free(&c);
    text_teardown();
    return s;
}

/* Another node removes version 2 before each step of its publish: what is current is there. */
START_TEST(a_publish_never_names_what_was_removed)
{
    bool over = false;
    for (int at = 1; !over; at++)
        ck_ok(publish_amid(at, remove_2, &over), &text.err);
}
END_TEST

/* And the other way round: a publish before each step of a removal of what was current. */
static void publish_other(void *arg)
{
    UNUSED(arg);
    text_publish("m", "other");
}

static void remove_amid(bool orphan, uint64_t n, enum status want)
{
    bool over = false;
    for (int at = 1; !over; at++) {
        struct cut_store cut;
        struct catalog *c;
        struct store_object o;
        ck_assert_int_lt(at, 50);
        text_setup();
        text_publish("m", "first");
        tree_text(&text.tree, "_roost/models/m/1.new", ""); /* its publisher died then */
        apart_age(&text.tree, 25);
        cut_store_init(&cut, text.store, true);
        ck_assert_int_eq(catalog_new(&cut.store, 10, 100, &c), OK);
        cut.at = at;
        cut.hook = publish_other;
        enum status s = orphan ? catalog_delete_orphan(c, "m", n, &text.err)
                               : catalog_delete_version(c, "m", n, &text.err);
        over = cut.hook != NULL;
        ck_assert_msg(s == want || s == E_NOT_FOUND, "before step %d: %d", at, s);
        ck_ok(store_stat(text.store, "_roost/models/m/1.roost", &o, &text.err), &text.err);
        if (!over)
            text_is("m", "2", "other");
        catalog_free(&c);
        text_teardown();
    }
}

START_TEST(no_removal_takes_what_becomes_or_was_current)
{
    remove_amid(true, 1, E_EXISTS);
    remove_amid(false, 2, E_EXISTS);
}
END_TEST

/* Whoever it was. */
static void lose_2(void *arg)
{
    struct err ignored;
    UNUSED(arg);
    (void)!store_delete(text.store, "_roost/models/m/2.roost", &ignored);
}

START_TEST(a_publish_whose_version_is_gone_says_so)
{
    enum status s = OK;
    bool over = false;
    for (int at = 1; s == OK; at++) {
        s = publish_amid(at, lose_2, &over);
        ck_assert(!over);
    }
    ck_assert_int_eq(s, E_STORE);
    ck_assert_str_eq(text.err.msg, "version 2 of 'm' was removed meanwhile");
}
END_TEST

START_TEST(a_list_ends_where_the_store_fails)
{
    enum status s = E_STORE;
    text_setup();
    for (uint64_t own = 1, n; own <= 4; own++)
        ck_ok(apart_publish(text.store, "acme/m", own, &n, &text.err), &text.err);
    for (int at = 1; s != OK; at++) {
        struct catalog_version *all = NULL;
        struct cut_store cut;
        struct catalog *c;
        size_t n;
        cut_store_init(&cut, text.store, true);
        cut.at = at;
        cut.dies = true;
        ck_assert_int_eq(catalog_new(&cut.store, 10, 100, &c), OK);
        s = catalog_versions(c, "acme/m", NULL, &all, &n, &text.err);
        ck_assert(s == E_STORE || s == OK);
        ck_assert_int_le(cut.steps, at + 1); /* it does not go on with the next version */
        alloc_free(all);
        catalog_free(&c);
    }
    text_teardown();
}
END_TEST

Suite *suite_versions(void)
{
    return SUITE("versions", what_was_never_current_is_no_version,
                 a_mark_that_came_too_late_is_nobodys, a_publish_never_names_what_was_removed,
                 no_removal_takes_what_becomes_or_was_current,
                 a_publish_whose_version_is_gone_says_so, a_list_ends_where_the_store_fails);
}
