/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Blobs that lie apart: what a publish writes, and what a collection removes. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apart_case.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "metrics/metrics.h"
#include "support/support.h"

enum { HALF_HOUR_S = 30 * 60 };

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

/* As if the model had never been. */
static void forget_model(const char *name)
{
    char key[STORE_KEY_MAX];
    snprintf(key, sizeof(key), CATALOG_PUBLISHED "%s/current", name);
    ck_ok(store_delete(store, key, &err), &err);
    apart_delete_version(store, name, 1);
}

/* ---- publishing ---- */

START_TEST(what_a_tenant_has_is_not_written_again)
{
    struct catalog_version *all;
    struct catalog *c;
    struct buf file;
    size_t n;
    setup();
    ck_assert_uint_eq(apart_published(store, "acme/a", 1), 1);
    uint64_t before = metric_get(M_STORE_WRITTEN_BYTES);
    ck_assert_uint_eq(apart_published(store, "acme/b", 2), 1);
    uint64_t second = metric_get(M_STORE_WRITTEN_BYTES) - before;
    ck_assert_uint_ge(second, APART_OWN);
    ck_assert_uint_lt(second, APART_OWN + 4 * 4096);
    before += second;
    ck_assert_uint_eq(apart_published(store, "acme/a", 1), 2); /* the same once more: no blob */
    uint64_t again = metric_get(M_STORE_WRITTEN_BYTES) - before;
    ck_assert_uint_lt(again, 4 * 4096);
    before += again;
    ck_assert_uint_eq(apart_published(store, "other/b", 2), 1); /* another tenant brings all */
    ck_assert_uint_eq(metric_get(M_STORE_WRITTEN_BYTES) - before, second + APART_COMMON);
    ck_assert_int_eq(apart_count(&tree, "_roost/blobs/acme"), 3);
    ck_assert_int_eq(apart_count(&tree, "_roost/blobs/other"), 2);
    apart_published(store, "b", 2);
    ck_assert_int_eq(apart_count(&tree, "_roost/blobs/default"), 2);
    ck_assert_int_eq(apart_count(&tree, "_roost/models/acme/a"), 3); /* current, 1, 2 */
    apart_whole(store, "acme/a", 1);
    apart_whole(store, "acme/b", 2);
    apart_whole(store, "other/b", 2);
    apart_whole(store, "b", 2);
    /* A version's bytes are the artifact's. */
    apart_artifact(&file, 1);
    ck_assert_int_eq(catalog_new(store, 10, 100, &c), OK);
    ck_ok(catalog_versions(c, "acme/a", NULL, &all, &n, &err), &err);
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(all[0].bytes, file.len);
    alloc_free(all);
    catalog_free(&c);
    buf_fini(&file);
    teardown();
}
END_TEST

/* A bucket renews nothing: what says that a blob is young lies beside it. */
START_TEST(a_bucket_is_not_sent_again_what_it_has)
{
    struct cut_store bucket;
    struct catalog_gc_done done;
    uint64_t version;
    setup();
    apart_published(store, "acme/a", 1);
    apart_delete_version(store, "acme/a", apart_published(store, "acme/a", 2) - 1);
    apart_age(&tree, 25);
    cut_store_init(&bucket, store, true);
    uint64_t before = metric_get(M_STORE_WRITTEN_BYTES);
    ck_ok(apart_publish(&bucket.store, "acme/b", 1, &version, &err), &err);
    before = metric_get(M_STORE_WRITTEN_BYTES) - before;
    ck_assert_uint_lt(before, 2 * 4 * 4096); /* counted twice: here, and below */
    ck_assert_int_eq(apart_count(&tree, "_roost/blobs/acme"), 3 + 2);
    forget_model("acme/b");
    ck_ok(apart_gc(&bucket.store, &done, &err), &err);
    ck_assert_uint_eq(done.blobs, 0); /* renewed, though unused */
    apart_age(&tree, 25);
    ck_ok(apart_gc(&bucket.store, &done, &err), &err);
    ck_assert_uint_eq(done.blobs, 1);
    ck_assert_int_eq(apart_count(&tree, "_roost/blobs/acme"), 2 + 1);
    apart_whole(store, "acme/a", 2);
    teardown();
}
END_TEST

START_TEST(who_publishes_brings_all_bytes)
{
    struct resolved r;
    struct catalog *c;
    struct buf file;
    uint64_t version = 0;
    setup();
    apart_published(store, "acme/a", 1);
    ck_ok(catalog_resolve(store, "acme/a", &r, &err), &err);
    apart_artifact(&file, 1);
    ck_assert_uint_lt(r.object.bytes, file.len);
    const struct store_source thin = {.bytes = file.data, .n = r.object.bytes};
    ck_assert_int_eq(catalog_new(store, 10, 100, &c), OK);
    ck_assert_int_eq(catalog_publish(c, "acme/b", &thin, &version, &err), E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.msg, "who publishes brings all blobs"));
    ck_assert_int_eq(catalog_publish(c, "evil/b", &thin, &version, &err), E_CORRUPT);
    ck_assert_int_eq(catalog_resolve(store, "acme/b", &r, &err), E_NOT_FOUND);
    catalog_free(&c);
    buf_fini(&file);
    teardown();
}
END_TEST

static uint64_t slow_us;
static uint64_t slow_clock(void)
{
    return slow_us += UINT64_C(1000000) * (HALF_HOUR_S + 1);
}

START_TEST(a_publish_that_took_too_long_is_none)
{
    const struct store_source text = {.bytes = "text", .n = 4};
    struct resolved r;
    struct catalog *c;
    uint64_t version = 0;
    setup();
    ck_assert_int_eq(catalog_new(store, 10, 100, &c), OK);
    catalog_set_clock(c, slow_clock);
    ck_assert_int_eq(catalog_publish(c, "m", &text, &version, &err), E_STORE);
    ck_assert_ptr_nonnull(strstr(err.msg, "more than 30 minutes"));
    ck_assert_int_eq(catalog_resolve(store, "m", &r, &err), E_NOT_FOUND);
    catalog_free(&c);
    teardown();
}
END_TEST

/* ---- collecting ---- */

START_TEST(what_is_old_and_unused_goes_and_nothing_else)
{
    struct catalog_gc_done done;
    setup();
    for (uint64_t i = 1; i <= 3; i++)
        apart_published(store, "acme/a", i);
    apart_published(store, "acme/b", 4);
    apart_published(store, "a", 1);
    apart_published(store, "other/a", 1);
    apart_published(store, "other/a", 5);
    apart_delete_version(store, "acme/a", 1);
    apart_delete_version(store, "other/a", 1);
    done = apart_collected(store); /* all of it is young */
    ck_assert_uint_eq(done.blobs + done.used + done.versions, 0);
    apart_age(&tree, 25);
    apart_published(store, "acme/c", 6); /* renews what it shares */
    tree_text(&tree, "_roost/blobs/acme/notes.txt", "somebody's");
    const struct catalog_gc dry = {
        .now_ms = clock_wall_ms(), .older_ms = 24 * 3600 * 1000, .dry_run = true};
    struct catalog *c;
    ck_assert_int_eq(catalog_new(store, 10, 100, &c), OK);
    ck_ok(catalog_gc(c, &dry, &done, &err), &err);
    ck_assert_uint_eq(done.blobs, 2);
    struct catalog_gc soon = dry;
    soon.older_ms = CATALOG_GC_LEAST_MS - 1;
    ck_assert_int_eq(catalog_gc(c, &soon, &done, &err), E_USAGE);
    catalog_free(&c);
    done = apart_collected(store);
    ck_assert_uint_eq(done.blobs, 2); /* the own ones of acme/a 1 and other/a 1 */
    ck_assert_uint_eq(done.bytes, 2 * APART_OWN);
    ck_assert_uint_eq(done.used, 3 + 2 + 2); /* but for acme's common one, which is young */
    ck_assert_uint_eq(done.versions, 0);
    ck_assert_int_eq(apart_count(&tree, "_roost/blobs/acme"), 5 + 1);
    ck_assert_int_eq(apart_count(&tree, "_roost/blobs/other"), 2);
    apart_whole(store, "acme/a", 3);
    apart_whole(store, "acme/b", 4);
    apart_whole(store, "acme/c", 6);
    apart_whole(store, "a", 1);
    apart_whole(store, "other/a", 5);
    done = apart_collected(store);
    ck_assert_uint_eq(done.blobs, 0);
    teardown();
}
END_TEST

/* As many listings as memory allows hashes: the same ones go. */
START_TEST(a_tenant_of_many_blobs_is_collected_in_slices)
{
    enum { TUNES = 20 };
    struct catalog_gc_done done;
    struct catalog *c;
    setup();
    for (uint64_t i = 1; i <= TUNES; i++)
        apart_published(store, "acme/a", i);
    for (uint64_t i = 1; i < TUNES; i += 2)
        apart_delete_version(store, "acme/a", i);
    apart_age(&tree, 25);
    const struct catalog_gc o = {
        .now_ms = clock_wall_ms(), .older_ms = CATALOG_GC_LEAST_MS, .blobs_max = 8};
    ck_assert_int_eq(catalog_new(store, 10, 100, &c), OK);
    ck_ok(catalog_gc(c, &o, &done, &err), &err);
    ck_assert_uint_eq(done.blobs, TUNES / 2);
    ck_assert_uint_eq(done.used, TUNES / 2 + 1);
    catalog_free(&c);
    apart_whole(store, "acme/a", TUNES);
    teardown();
}
END_TEST

START_TEST(a_version_that_cannot_be_read_keeps_its_tenants_blobs)
{
    static uint8_t page[8192];
    struct catalog_gc_done done;
    setup();
    for (uint64_t i = 1; i <= 2; i++) {
        apart_published(store, "acme/a", i);
        apart_published(store, "a", i);
    }
    apart_delete_version(store, "acme/a", 1);
    apart_delete_version(store, "a", 1);
    memset(page, 7, sizeof(page));
    tree_write(&tree, "_roost/models/acme/b/3.roost", page, sizeof(page));
    apart_age(&tree, 25);
    ck_assert_int_eq(apart_gc(store, &done, &err), E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.msg, "_roost/models/acme/b/3.roost"));
    ck_assert_uint_eq(done.failed, 1);
    ck_assert_uint_eq(done.blobs, 1); /* the other tenant's */
    ck_assert_int_eq(apart_count(&tree, "_roost/blobs/acme"), 3);
    ck_assert_int_eq(apart_count(&tree, "_roost/blobs/default"), 2);
    teardown();
}
END_TEST

START_TEST(what_dead_writers_left_goes)
{
    char path[512];
    setup();
    apart_published(store, "acme/a", 1);
    tree_text(&tree, "_roost/blobs/acme/.put-0123456789abcdef", "half");
    tree_text(&tree, "_roost/models/acme/a/.put-0123456789abcdef", "half");
    apart_collected(store);
    ck_assert_int_ne(access(tree_path(&tree, "_roost/blobs/acme/.put-0123456789abcdef", path), 0),
                     0);
    ck_assert_int_eq(apart_count(&tree, "_roost/models/acme/a"), 2);
    teardown();
}
END_TEST

START_TEST(marks_of_removed_versions_go_when_a_higher_number_stands)
{
    struct catalog_gc_done done;
    setup();
    for (uint64_t i = 1; i <= 4; i++)
        apart_published(store, "acme/a", i);
    apart_delete_version(store, "acme/a", 1);
    apart_delete_version(store, "acme/a", 3);
    apart_collected(store); /* they are young */
    ck_assert_int_eq(apart_count(&tree, "_roost/models/acme/a"), 5);
    apart_age(&tree, 25);
    done = apart_collected(store);
    ck_assert_uint_eq(done.versions, 0);
    ck_assert_int_eq(apart_count(&tree, "_roost/models/acme/a"), 3); /* 2, 4 and the pointer */
    ck_assert_uint_eq(apart_published(store, "acme/a", 5), 5);
    apart_published(store, "acme/b", 1);
    apart_published(store, "acme/b", 2);
    tree_text(&tree, "_roost/models/acme/b/current", "1");
    apart_delete_version(store, "acme/b", 2);
    apart_age(&tree, 25);
    apart_collected(store);
    ck_assert_uint_eq(apart_published(store, "acme/b", 6), 3); /* the highest keeps its mark */
    teardown();
}
END_TEST

START_TEST(what_has_no_time_is_not_old)
{
    struct catalog_gc_done done;
    struct cut_store timeless;
    static const char lone[] = "_roost/blobs/acme/lone";
    setup();
    for (uint64_t own = 1; own <= 2; own++)
        apart_published(store, "acme/a", own);
    apart_delete_version(store, "acme/a", 1);
    tree_text(&tree, "_roost/models/acme/a/3.new", "");
    tree_text(&tree, "_roost/models/acme/a/3.roost", "of a publisher that died");
    tree_text(&tree, lone, "");
    apart_age(&tree, 25);
    cut_store_init(&timeless, store, true);
    timeless.timeless = true;
    ck_ok(apart_gc(&timeless.store, &done, &err), &err);
    ck_assert_uint_eq(done.blobs + done.versions, 0);
    /* Nor where the listing had one and the look before the removal has none. */
    ck_assert_int_eq(store_delete_old(&timeless.store, lone, clock_wall_ms(), &err), E_EXISTS);
    timeless.timeless = false;
    ck_ok(store_delete_old(&timeless.store, lone, clock_wall_ms(), &err), &err);
    done = apart_collected(store);
    ck_assert_uint_eq(done.blobs, 1);
    ck_assert_uint_eq(done.versions, 1);
    teardown();
}
END_TEST

/* What was current once is no orphan, whoever died while it became so. */
START_TEST(a_version_that_was_current_stays)
{
    struct catalog_gc_done done;
    struct catalog *c;
    uint64_t to = 1;
    setup();
    apart_published(store, "m", 1);
    apart_published(store, "m", 2);
    tree_text(&tree, "_roost/models/m/2.new", ""); /* its publisher died after the flip */
    ck_assert_int_eq(catalog_new(store, 10, 100, &c), OK);
    ck_ok(catalog_rollback(c, "m", &to, &err), &err);
    catalog_free(&c);
    apart_age(&tree, 25);
    done = apart_collected(store);
    ck_assert_uint_eq(done.versions, 0);
    tree_text(&tree, "_roost/models/m/1.new", "");
    apart_age(&tree, 25);
    const struct catalog_gc dry = {
        .now_ms = clock_wall_ms(), .older_ms = CATALOG_GC_LEAST_MS, .dry_run = true};
    ck_assert_int_eq(catalog_new(store, 10, 100, &c), OK);
    ck_ok(catalog_gc(c, &dry, &done, &err), &err);
    catalog_free(&c);
    ck_assert_uint_eq(done.versions + done.blobs, 0);
    done = apart_collected(store); /* current: the mark goes alone */
    ck_assert_uint_eq(done.versions + done.blobs, 0);
    ck_assert_int_eq(apart_count(&tree, "_roost/models/m"), 3);
    apart_whole(store, "m", 1);
    teardown();
}
END_TEST

Suite *suite_gc(void)
{
    return SUITE(
        "gc", what_a_tenant_has_is_not_written_again, a_bucket_is_not_sent_again_what_it_has,
        who_publishes_brings_all_bytes, a_publish_that_took_too_long_is_none,
        what_is_old_and_unused_goes_and_nothing_else, a_tenant_of_many_blobs_is_collected_in_slices,
        a_version_that_cannot_be_read_keeps_its_tenants_blobs, what_dead_writers_left_goes,
        what_has_no_time_is_not_old, marks_of_removed_versions_go_when_a_higher_number_stands,
        a_version_that_was_current_stays);
}
