/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Versions: which number a publish gets, what a name leads to before, while and after, and what
 * several who publish at once come to. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "apart_case.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "support/support.h"
#include "text_case.h"

#define S UINT64_C(1000000)

enum { PUBLISHERS = 4, ROUNDS = 25 };

START_TEST(a_publish_takes_the_next_number_and_the_name)
{
    text_setup();
    tree_text(&text.tree, "acme/m.roost", "plain");
    text_is("acme/m", "", "plain");
    ck_assert_uint_eq(text_publish("acme/m", "first"), 1);
    text_is("acme/m", "1", "first");
    ck_assert_uint_eq(text_publish("acme/m", "second"), 2);
    text_is("acme/m", "2", "second");
    text_teardown();
}
END_TEST

START_TEST(a_number_that_was_ever_used_is_passed_over)
{
    text_setup();
    tree_text(&text.tree, "m/7/model.onnx", "numbered folder");
    ck_assert_uint_eq(text_publish("m", "a"), 8);
    tree_text(&text.tree, "_roost/models/m/11.roost", "orphan of a publish that was interrupted");
    text_is("m", "8", "a");
    ck_assert_uint_eq(text_publish("m", "b"), 12);
    tree_text(&text.tree, "_roost/models/m/current", "20");
    ck_assert_uint_eq(text_publish("m", "c"), 21);
    tree_text(&text.tree, "_roost/models/m/current", "not a number");
    ck_assert_uint_eq(text_publish("m", "d"), 22);
    text_is("m", "22", "d");
    /* What was removed has had its number. */
    uint64_t to = 21;
    ck_ok(catalog_rollback(text.catalog, "m", &to, &text.err), &text.err);
    ck_ok(catalog_delete_version(text.catalog, "m", 22, &text.err), &text.err);
    ck_assert_uint_eq(text_publish("m", "e"), 23);
    text_teardown();
}
END_TEST

START_TEST(versions_are_listed_rolled_back_and_removed)
{
    struct catalog_version *all = NULL;
    size_t n = 0;
    uint64_t to = 0;
    text_setup();
    ck_assert_int_eq(catalog_versions(text.catalog, "m", NULL, &all, &n, &text.err), E_NOT_FOUND);
    ck_assert_int_eq(catalog_rollback(text.catalog, "m", &to, &text.err), E_NOT_FOUND);
    ck_assert_int_eq(catalog_delete_version(text.catalog, "m", 1, &text.err), E_NOT_FOUND);
    for (int i = 0; i < 11; i++)
        ck_assert_uint_eq(text_publish("m", i % 2 ? "odd" : "even one"), (uint64_t)i + 1);
    ck_ok(catalog_versions(text.catalog, "m", NULL, &all, &n, &text.err), &text.err);
    ck_assert_uint_eq(n, 11);
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_eq(all[i].n, n - i);
        ck_assert(all[i].current == (i == 0));
        ck_assert_uint_eq(all[i].bytes, all[i].n % 2 ? 8 : 3);
        ck_assert_uint_gt(all[i].modified_ms, 0);
    }
    alloc_free(all);
    ck_ok(catalog_rollback(text.catalog, "m", &to, &text.err), &text.err);
    ck_assert_uint_eq(to, 10);
    text_is("m", "10", "odd");
    to = 3;
    ck_ok(catalog_rollback(text.catalog, "m", &to, &text.err), &text.err);
    text_is("m", "3", "even one");
    ck_assert_int_eq(catalog_delete_version(text.catalog, "m", 3, &text.err), E_EXISTS);
    ck_ok(catalog_delete_version(text.catalog, "m", 2, &text.err), &text.err);
    to = 2;
    ck_assert_int_eq(catalog_rollback(text.catalog, "m", &to, &text.err), E_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(text.err.msg, "'m' has no version 2"));
    to = 0;
    ck_ok(catalog_rollback(text.catalog, "m", &to, &text.err), &text.err);
    ck_assert_uint_eq(to, 1);
    to = 0;
    ck_assert_int_eq(catalog_rollback(text.catalog, "m", &to, &text.err), E_NOT_FOUND);
    text_is("m", "1", "even one");
    text_teardown();
}
END_TEST

START_TEST(a_publish_that_fails_leaves_the_old_version)
{
    const struct rlimit few = {4, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};
    const struct store_source from = {.bytes = "a new version", .n = 13};
    uint64_t version = 77;
    text_setup();
    text_publish("m", "old");
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &few), 0);
    ck_assert_int_eq(catalog_publish(text.catalog, "m", &from, &version, &text.err), E_STORE);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
    ck_assert_uint_eq(version, 77);
    text_is("m", "1", "old");
    ck_assert_uint_eq(text_publish("m", "new"), 2);
    text_teardown();
}
END_TEST

START_TEST(a_published_name_is_unknown_no_more)
{
    text_setup();
    catalog_note_absent(text.catalog, "m", 100 * S);
    ck_assert(catalog_known_absent(text.catalog, "m", 100 * S));
    text_publish("m", "text");
    ck_assert(!catalog_known_absent(text.catalog, "m", 100 * S));
    text_teardown();
}
END_TEST

static void *publish_often(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct err e;
        uint64_t version = 0;
        const struct store_source from = {.bytes = arg, .n = 1};
        ck_assert_int_eq(catalog_publish(text.catalog, "m", &from, &version, &e), OK);
        ck_assert_uint_gt(version, 0);
    }
    return NULL;
}

/* Each publisher's text is one letter, so that each version shows whose it is. */
/* The answer to each write of a publish is lost in turn: that to the pointer's too. */
START_TEST(a_name_whose_publish_may_have_happened_is_unknown_no_more)
{
    const struct store_source from = {.bytes = "a", .n = 1};
    int lost_pointers = 0;
    enum status s = E_STORE;
    for (int at = 1; at < 50; at++) {
        struct cut_store cut;
        struct catalog *c;
        struct resolved r;
        uint64_t n = 0, now_us = clock_now_us();
        text_setup();
        cut_store_init(&cut, text.store, true);
        cut.at = at;
        cut.lost = true;
        ck_assert_int_eq(catalog_new(&cut.store, 10, 100, &c), OK);
        catalog_note_absent(c, "m", now_us);
        catalog_note_absent(c, "m@1", now_us);
        s = catalog_publish(c, "m", &from, &n, &text.err);
        const bool there = catalog_resolve(text.store, "m", &r, &text.err) == OK;
        ck_assert(there || s != OK);
        ck_assert(!there || !catalog_known_absent(c, "m", now_us));
        ck_assert(!there || !catalog_known_absent(c, "m@1", now_us));
        lost_pointers += there && s != OK;
        catalog_free(&c);
        text_teardown();
    }
    ck_assert_int_eq(s, OK);
    ck_assert_int_eq(lost_pointers, 1);
}
END_TEST

START_TEST(publishers_of_one_name_all_get_versions)
{
    static char letters[PUBLISHERS] = {'a', 'b', 'c', 'd'};
    pthread_t threads[PUBLISHERS];
    struct catalog_version *all = NULL;
    int times[PUBLISHERS] = {0}, current = 0;
    size_t n = 0;
    text_setup();
    for (int i = 0; i < PUBLISHERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, publish_often, &letters[i]), 0);
    for (int i = 0; i < PUBLISHERS; i++)
        pthread_join(threads[i], NULL);
    ck_ok(catalog_versions(text.catalog, "m", NULL, &all, &n, &text.err), &text.err);
    ck_assert_uint_eq(n, PUBLISHERS * ROUNDS);
    for (size_t i = 0; i < n; i++) {
        char key[64], letter = 0;
        snprintf(key, sizeof(key), "_roost/models/m/%d.roost", (int)all[i].n);
        ck_ok(store_read(text.store, key, "", 0, &letter, 1, &text.err), &text.err);
        times[letter - 'a']++;
        current += all[i].current;
    }
    for (int i = 0; i < PUBLISHERS; i++)
        ck_assert_int_eq(times[i], ROUNDS);
    ck_assert_int_eq(current, 1);
    alloc_free(all);
    text_teardown();
}
END_TEST

static atomic_bool enough;

static void *flip_all_the_time(void *arg)
{
    UNUSED(arg);
    while (!atomic_load(&enough)) {
        struct err e;
        uint64_t to = 1;
        const struct store_source from = {.bytes = "x", .n = 1};
        ck_assert_int_eq(catalog_rollback(text.catalog, "m", &to, &e), OK);
        ck_assert_int_eq(catalog_publish(text.catalog, "m", &from, &to, &e), OK);
    }
    return NULL;
}

START_TEST(a_name_resolves_while_its_pointer_flips)
{
    pthread_t flipper;
    text_setup();
    text_publish("m", "first");
    ck_assert_int_eq(pthread_create(&flipper, NULL, flip_all_the_time, NULL), 0);
    for (int i = 0; i < 3000; i++) {
        struct resolved r;
        ck_ok(catalog_resolve(text.store, "m", &r, &text.err), &text.err);
    }
    atomic_store(&enough, true);
    pthread_join(flipper, NULL);
    text_teardown();
}
END_TEST

START_TEST(a_tenants_models_are_no_versions_of_its_namesake)
{
    text_setup();
    ck_assert_uint_eq(text_publish("big/999999999999999999", "a tenant's"), 1);
    ck_assert_uint_eq(text_publish("big/7", "a tenant's"), 1);
    ck_assert_uint_eq(text_publish("big", "its namesake"), 1);
    text_is("big", "1", "its namesake");
    text_is("big/7", "1", "a tenant's");
    text_teardown();
}
END_TEST

START_TEST(numbers_end_where_they_can_be_read)
{
    uint64_t n = 0;
    const struct store_source from = {.bytes = "x", .n = 1};
    text_setup();
    tree_text(&text.tree, "_roost/models/m/999999999999999998.roost", "an orphan");
    ck_assert_uint_eq(text_publish("m", "the last"), 999999999999999999);
    text_is("m", "999999999999999999", "the last");
    ck_assert_int_eq(catalog_publish(text.catalog, "m", &from, &n, &text.err), E_STORE);
    ck_assert_str_eq(text.err.msg, "'m' has the last version there can be");
    text_is("m", "999999999999999999", "the last");
    ck_assert_int_eq(apart_count(&text.tree, "_roost/models/m"),
                     3); /* two versions and the pointer */
    text_teardown();
}
END_TEST

START_TEST(a_removed_number_is_not_given_out_again)
{
    uint64_t to = 1;
    text_setup();
    text_publish("m", "a");
    text_publish("m", "b");
    ck_ok(catalog_rollback(text.catalog, "m", &to, &text.err), &text.err);
    /* A publisher that dies before it wrote its version, and what a collector does to it. */
    tree_text(&text.tree, "_roost/models/m/3.new", "");
    ck_ok(catalog_delete_version(text.catalog, "m", 2, &text.err), &text.err);
    ck_ok(store_delete(text.store, "_roost/models/m/3.new", &text.err), &text.err);
    ck_assert_uint_eq(text_publish("m", "c"), 3);
    text_teardown();
}
END_TEST

START_TEST(a_list_that_nobody_waits_for_ends)
{
    struct catalog_version *all = NULL;
    size_t n = 0;
    atomic_bool cancelled = true;
    text_setup();
    text_publish("m", "a");
    ck_assert_int_eq(catalog_versions(text.catalog, "m", &cancelled, &all, &n, &text.err),
                     E_CANCELLED);
    ck_assert_ptr_null(all);
    atomic_store(&cancelled, false);
    ck_ok(catalog_versions(text.catalog, "m", &cancelled, &all, &n, &text.err), &text.err);
    alloc_free(all);
    text_teardown();
}
END_TEST

static void publish_m(void *arg)
{
    uint64_t version = 0;
    const struct store_source from = {.bytes = "x", .n = 1};
    ck_ok(catalog_publish(arg, "m", &from, &version, &text.err), &text.err);
}

START_TEST(a_look_from_before_a_publish_makes_no_name_unknown)
{
    struct cut_store cut;
    struct catalog *c;
    struct resolved r;
    bool over = false, missed = false;
    for (int at = 1; !over; at++) {
        ck_assert_int_lt(at, 50);
        text_setup();
        cut_store_init(&cut, text.store, true);
        ck_assert_int_eq(catalog_new(&cut.store, 10, 100, &c), OK);
        struct loader_resolver resolver = catalog_resolver(c);
        cut.at = at;
        cut.hook = publish_m;
        cut.arg = c;
        enum status s = resolver.resolve(resolver.self, "m", true, &r, &text.err);
        over = cut.hook != NULL;
        ck_assert(s == OK || s == E_NOT_FOUND);
        missed = missed || (s == E_NOT_FOUND && !over);
        ck_assert_int_eq(catalog_known_absent(c, "m", clock_now_us()), over);
        catalog_free(&c);
        text_teardown();
    }
    ck_assert(missed); /* or no step was the one */
}
END_TEST

Suite *suite_publish(void)
{
    return SUITE(
        "publish", a_publish_takes_the_next_number_and_the_name,
        a_number_that_was_ever_used_is_passed_over, versions_are_listed_rolled_back_and_removed,
        a_publish_that_fails_leaves_the_old_version, a_published_name_is_unknown_no_more,
        a_name_whose_publish_may_have_happened_is_unknown_no_more,
        publishers_of_one_name_all_get_versions, a_name_resolves_while_its_pointer_flips,
        a_tenants_models_are_no_versions_of_its_namesake, numbers_end_where_they_can_be_read,
        a_removed_number_is_not_given_out_again, a_list_that_nobody_waits_for_ends,
        a_look_from_before_a_publish_makes_no_name_unknown);
}
