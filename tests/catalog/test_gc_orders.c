/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every order in which the steps of a collection can fall among those of a publish, and a death of
 * either at each of its steps: what was published is whole, and no orphan stays. */
#include <stdio.h>
#include <string.h>

#include "apart_case.h"
#include "base/alloc.h"
#include "support/support.h"

enum { STEPS_MAX = 500 };

static struct tree tree;
static struct store *store;
static struct err err;

static void setup(void)
{
    tree_init(&tree);
    ck_ok(store_open(tree.path, &store, &err), &err);
}

static void teardown(void)
{
    store_free(&store);
    tree_fini(&tree);
}

static struct cut_store cut;

/* A name with version 1; beside it an old blob that nobody refers to and that version 2 needs, and
 * one that nobody needs. */
static void prepare(bool bucket)
{
    setup();
    apart_published(store, "acme/m", 1);
    for (uint64_t own = 2; own <= 4; own++)
        apart_published(store, "acme/gone", own);
    apart_delete_version(store, "acme/gone", 1);
    apart_delete_version(store, "acme/gone", 2);
    apart_age(&tree, 25);
    cut_store_init(&cut, store, bucket);
}

static enum status count_renewals(void *arg, const char *entry, bool is_prefix,
                                  const struct store_object *o)
{
    UNUSED(is_prefix);
    UNUSED(o);
    *(int *)arg += strstr(entry, ".renewed") != NULL;
    return OK;
}

/* What lies beside the blobs of a bucket. */
static int renewals(void)
{
    int n = 0;
    ck_ok(store_list(store, "_roost/blobs/acme/", count_renewals, &n, &err), &err);
    return n;
}

/* Afterwards: the version that was published is whole, and once all is old what is not needed is
 * gone, and that alone. */
static void expect_all(uint64_t own)
{
    apart_whole(store, "acme/m", own);
    apart_age(&tree, 25);
    apart_collected(store);
    apart_whole(store, "acme/m", own);
    apart_whole(store, "acme/gone", 4);
    /* acme/m has version 1 too */
    ck_assert_int_eq(apart_count(&tree, "_roost/blobs/acme") - renewals(), own == 1 ? 3 : 4);
}

static void run_gc(void *arg)
{
    UNUSED(arg);
    apart_collected(store);
}

static void run_publish(void *arg)
{
    UNUSED(arg);
    apart_published(store, "acme/m", 2);
}

/* A collection before each step of a publish. */
static void collect_amid_publish(bool bucket)
{
    bool over = false;
    for (int at = 1; !over; at++) {
        uint64_t version = 0;
        ck_assert_int_lt(at, STEPS_MAX);
        prepare(bucket);
        cut.at = at;
        cut.hook = run_gc;
        ck_ok(apart_publish(&cut.store, "acme/m", 2, &version, &err), &err);
        ck_assert_uint_eq(version, 2);
        over = cut.hook != NULL;
        expect_all(2);
        teardown();
    }
}

START_TEST(a_collection_before_any_step_of_a_publish_takes_nothing_of_it)
{
    collect_amid_publish(false);
    collect_amid_publish(true);
}
END_TEST

static uint64_t stopped_us;

static uint64_t stopped_clock(void)
{
    return stopped_us;
}

/* A day passes, which a stopped process's clock shows and a suspended machine's does not; then a
 * collection. */
static void a_day_later(void *arg)
{
    const bool *shown = arg;
    stopped_us += *shown ? UINT64_C(25) * 3600 * 1000000 : 0;
    apart_age(&tree, 25);
    apart_collected(store);
}

static enum status publish_slowly(void)
{
    struct catalog *c;
    struct buf file;
    uint64_t version = 0;
    apart_artifact(&file, 2);
    ck_assert_int_eq(catalog_new(&cut.store, 10, 100, &c), OK);
    catalog_set_clock(c, stopped_clock);
    const struct store_source from = {.bytes = file.data, .n = file.len};
    enum status s = catalog_publish(c, "acme/m", &from, &version, &err);
    catalog_free(&c);
    buf_fini(&file);
    return s;
}

static size_t count_versions(const char *name)
{
    struct catalog_version *all = NULL;
    struct catalog *c;
    size_t n = 0;
    ck_assert_int_eq(catalog_new(store, 10, 100, &c), OK);
    ck_ok(catalog_versions(c, name, NULL, &all, &n, &err), &err);
    alloc_free(all);
    catalog_free(&c);
    return n;
}

/* A publisher stands still before each of its steps, but for the one that sets the pointer: its
 * last look comes right before that. It goes well, or there is no second version; never one that
 * was not current and that nothing tells from others. */
static void stand_still_amid_publish(bool bucket, bool shown)
{
    int steps, refused = 0;
    prepare(bucket);
    ck_ok(publish_slowly(), &err);
    steps = cut.steps;
    teardown();
    for (int at = 1; at <= steps; at++) {
        if (at == steps - 1)
            continue;
        prepare(bucket);
        cut.at = at;
        cut.hook = a_day_later;
        cut.arg = &shown;
        enum status s = publish_slowly();
        ck_assert_ptr_null(cut.hook);
        ck_assert_msg(s == OK || s == E_STORE, "%s", err.msg);
        ck_assert_uint_eq(count_versions("acme/m"), s == OK ? 2 : 1);
        refused += s != OK;
        expect_all(s == OK ? 2 : 1);
        teardown();
    }
    ck_assert_int_ge(refused, 3);
}

START_TEST(a_publisher_that_stood_still_leaves_no_version_that_was_never_current)
{
    for (int i = 0; i < 4; i++)
        stand_still_amid_publish(i & 1, i & 2);
}
END_TEST

START_TEST(a_publish_before_any_step_of_a_collection_loses_nothing)
{
    bool over = false;
    for (int at = 1; !over; at++) {
        struct catalog_gc_done done;
        ck_assert_int_lt(at, STEPS_MAX);
        prepare(false);
        cut.at = at;
        cut.hook = run_publish;
        ck_ok(apart_gc(&cut.store, &done, &err), &err);
        over = cut.hook != NULL;
        if (over)
            apart_published(store, "acme/m", 2);
        expect_all(2);
        teardown();
    }
}
END_TEST

/* The process that publishes, or collects, dies before each of its steps. */
START_TEST(whoever_dies_leaves_names_whole_and_the_next_collection_no_orphan)
{
    bool over = false;
    for (int at = 1; !over; at++) {
        uint64_t version = 0;
        struct resolved r;
        ck_assert_int_lt(at, STEPS_MAX);
        prepare(at % 2);
        cut.at = at;
        cut.dies = true;
        over = apart_publish(&cut.store, "acme/m", 2, &version, &err) == OK && cut.steps < at;
        ck_ok(catalog_resolve(store, "acme/m", &r, &err), &err);
        const bool is_new = strcmp(r.version, "2") == 0;
        ck_assert(is_new || strcmp(r.version, "1") == 0);
        expect_all(is_new ? 2 : 1);
        ck_assert_int_le(apart_count(&tree, "_roost/models/acme/m"), 3);
        apart_published(store, "acme/m", 5); /* and the name is as good as before */
        apart_whole(store, "acme/m", 5);
        teardown();
    }
}
END_TEST

START_TEST(a_collection_that_dies_is_gone_on_with)
{
    bool over = false;
    for (int at = 1; !over; at++) {
        struct catalog_gc_done done;
        ck_assert_int_lt(at, STEPS_MAX);
        prepare(false);
        cut.at = at;
        cut.dies = true;
        over = apart_gc(&cut.store, &done, &err) == OK && cut.steps < at;
        apart_published(store, "acme/m", 2);
        expect_all(2);
        teardown();
    }
}
END_TEST

Suite *suite_gc_orders(void)
{
    return SUITE("gc_orders", a_collection_before_any_step_of_a_publish_takes_nothing_of_it,
                 a_publish_before_any_step_of_a_collection_loses_nothing,
                 a_publisher_that_stood_still_leaves_no_version_that_was_never_current,
                 whoever_dies_leaves_names_whole_and_the_next_collection_no_orphan,
                 a_collection_that_dies_is_gone_on_with);
}
