/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Which versions there are: what was never current is none, whatever publishers that died left
 * behind, and no removal and no publish by another node makes a name lead to nothing. */
#include <string.h>

#include "apart_case.h"
#include "base/alloc.h"
#include "support/support.h"

static struct tree tree;
static struct store *store;
static struct catalog *catalog;
static struct err err;

static void setup(void)
{
    tree_init(&tree);
    ck_ok(store_open(tree.path, &store, &err), &err);
    ck_assert_int_eq(catalog_new(store, 10, 100, &catalog), OK);
}

static void teardown(void)
{
    catalog_free(&catalog);
    store_free(&store);
    tree_fini(&tree);
}

static uint64_t publish(const char *name, const char *text)
{
    return text_publish(catalog, name, text);
}

static void leads_to(const char *name, const char *version, const char *text)
{
    text_is(store, name, version, text);
}

START_TEST(what_was_never_current_is_no_version)
{
    struct catalog_version *all = NULL;
    size_t n = 0;
    uint64_t to = 0;
    setup();
    publish("m", "a");
    tree_text(&tree, "_roost/models/m/2.new", "");
    tree_text(&tree, "_roost/models/m/2.roost", "of a publisher that died");
    ck_assert_uint_eq(publish("m", "c"), 3);
    /* What is current is a version, though its publisher died before it could say so. */
    tree_text(&tree, "_roost/models/m/3.new", "");
    apart_age(&tree, 1);
    ck_ok(catalog_versions(catalog, "m", NULL, &all, &n, &err), &err);
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(all[0].n, 3);
    ck_assert(all[0].current && !all[1].current);
    ck_assert_uint_eq(all[1].n, 1);
    alloc_free(all);
    struct resolved r;
    ck_assert_int_eq(catalog_resolve(store, "m@2", &r, &err), E_NOT_FOUND);
    ck_assert_str_eq(err.msg, "model 'm' has no version 2");
    leads_to("m@1", "1", "a");
    leads_to("m@3", "3", "c");
    to = 2;
    ck_assert_int_eq(catalog_rollback(catalog, "m", &to, &err), E_NOT_FOUND);
    ck_assert_str_eq(err.msg, "'m' has no version 2");
    ck_assert_int_eq(catalog_delete_version(catalog, "m", 2, &err), E_NOT_FOUND);
    ck_assert_int_eq(catalog_delete_version(catalog, "m", 3, &err), E_EXISTS);
    ck_assert_int_eq(catalog_delete_orphan(catalog, "m", 3, &err), E_EXISTS);
    ck_assert_int_eq(catalog_delete_orphan(catalog, "m", 1, &err), E_NOT_FOUND);
    to = 0;
    ck_ok(catalog_rollback(catalog, "m", &to, &err), &err);
    ck_assert_uint_eq(to, 1);
    to = 3; /* it has been current */
    ck_ok(catalog_rollback(catalog, "m", &to, &err), &err);
    leads_to("m", "3", "c");
    teardown();
}
END_TEST

/* Of a publisher that had listed the versions long before. */
START_TEST(a_mark_that_came_too_late_is_nobodys)
{
    struct catalog_version *all = NULL;
    size_t n = 0;
    uint64_t to = 2;
    setup();
    for (int i = 0; i < 3; i++)
        publish("m", "a");
    apart_age(&tree, 1);
    tree_text(&tree, "_roost/models/m/2.new", "");
    ck_ok(catalog_versions(catalog, "m", NULL, &all, &n, &err), &err);
    ck_assert_uint_eq(n, 3);
    alloc_free(all);
    ck_assert_int_eq(catalog_delete_orphan(catalog, "m", 2, &err), E_NOT_FOUND);
    ck_ok(catalog_rollback(catalog, "m", &to, &err), &err);
    leads_to("m", "2", "a");
    teardown();
}
END_TEST

static void remove_2(void *arg)
{
    struct catalog *other;
    struct err ignored;
    UNUSED(arg);
    ck_assert_int_eq(catalog_new(store, 10, 100, &other), OK);
    (void)!catalog_delete_version(other, "m", 2, &ignored);
    catalog_free(&other);
}

/* Another node removes version 2 before each step of its publish: what is current is there. */
START_TEST(a_publish_never_names_what_was_removed)
{
    bool over = false;
    for (int at = 1; !over; at++) {
        const struct store_source from = {.bytes = "second", .n = 6};
        struct cut_store cut;
        struct catalog *c;
        uint64_t n = 0;
        ck_assert_int_lt(at, 50);
        setup();
        publish("m", "first");
        cut_store_init(&cut, store, true);
        ck_assert_int_eq(catalog_new(&cut.store, 10, 100, &c), OK);
        cut.at = at;
        cut.hook = remove_2;
        ck_ok(catalog_publish(c, "m", &from, &n, &err), &err);
        ck_assert_uint_eq(n, 2);
        over = cut.hook != NULL;
        leads_to("m", "2", "second");
        catalog_free(&c);
        teardown();
    }
}
END_TEST

/* And the other way round: a publish before each step of a removal of what was current. */
static void publish_other(void *arg)
{
    UNUSED(arg);
    publish("m", "other");
}

static void remove_amid(bool orphan, uint64_t n, enum status want)
{
    bool over = false;
    for (int at = 1; !over; at++) {
        struct cut_store cut;
        struct catalog *c;
        struct store_object o;
        ck_assert_int_lt(at, 50);
        setup();
        publish("m", "first");
        tree_text(&tree, "_roost/models/m/1.new", ""); /* its publisher died then */
        apart_age(&tree, 25);
        cut_store_init(&cut, store, true);
        ck_assert_int_eq(catalog_new(&cut.store, 10, 100, &c), OK);
        cut.at = at;
        cut.hook = publish_other;
        enum status s = orphan ? catalog_delete_orphan(c, "m", n, &err)
                               : catalog_delete_version(c, "m", n, &err);
        over = cut.hook != NULL;
        ck_assert_msg(s == want || s == E_NOT_FOUND, "before step %d: %d", at, s);
        ck_ok(store_stat(store, "_roost/models/m/1.roost", &o, &err), &err);
        if (!over)
            leads_to("m", "2", "other");
        catalog_free(&c);
        teardown();
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
    (void)!store_delete(store, "_roost/models/m/2.roost", &ignored);
}

START_TEST(a_publish_whose_version_is_gone_says_so)
{
    enum status s = OK;
    for (int at = 1; s == OK; at++) {
        const struct store_source from = {.bytes = "second", .n = 6};
        struct cut_store cut;
        struct catalog *c;
        uint64_t n = 0;
        ck_assert_int_lt(at, 50);
        setup();
        publish("m", "first");
        cut_store_init(&cut, store, true);
        ck_assert_int_eq(catalog_new(&cut.store, 10, 100, &c), OK);
        cut.at = at;
        cut.hook = lose_2;
        s = catalog_publish(c, "m", &from, &n, &err);
        ck_assert_ptr_null(cut.hook);
        if (s != OK)
            ck_assert_str_eq(err.msg, "version 2 of 'm' was removed meanwhile");
        leads_to("m", s == OK ? "2" : "1", s == OK ? "second" : "first");
        catalog_free(&c);
        teardown();
    }
    ck_assert_int_eq(s, E_STORE);
}
END_TEST

START_TEST(a_list_ends_where_the_store_fails)
{
    enum status s = E_STORE;
    setup();
    for (uint64_t own = 1, n; own <= 4; own++)
        ck_ok(apart_publish(store, "acme/m", own, &n, &err), &err);
    for (int at = 1; s != OK; at++) {
        struct catalog_version *all = NULL;
        struct cut_store cut;
        struct catalog *c;
        size_t n;
        cut_store_init(&cut, store, true);
        cut.at = at;
        cut.dies = true;
        ck_assert_int_eq(catalog_new(&cut.store, 10, 100, &c), OK);
        s = catalog_versions(c, "acme/m", NULL, &all, &n, &err);
        ck_assert(s == E_STORE || s == OK);
        ck_assert_int_le(cut.steps, at + 1); /* it does not go on with the next version */
        alloc_free(all);
        catalog_free(&c);
    }
    teardown();
}
END_TEST

Suite *suite_versions(void)
{
    return SUITE("versions", what_was_never_current_is_no_version,
                 a_mark_that_came_too_late_is_nobodys, a_publish_never_names_what_was_removed,
                 no_removal_takes_what_becomes_or_was_current,
                 a_publish_whose_version_is_gone_says_so, a_list_ends_where_the_store_fails);
}
