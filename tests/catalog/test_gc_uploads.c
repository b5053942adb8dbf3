/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A collection and uploads in parts that nobody ended: the old ones go, and only those. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "support/support.h"
#include "support/tree.h"

enum { HOUR_MS = 60 * 60 * 1000, UPLOADS = 4 };

/* A directory that has uploads, as a bucket may. */
static struct bucket {
    struct store store;
    struct store *under;
    const char *key[UPLOADS];
    uint64_t began_ms[UPLOADS];
    enum status abort[UPLOADS]; /* what aborting it comes to */
    bool gone[UPLOADS];
    enum status list;
} bucket;

static enum status bucket_list(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
                               struct err *err)
{
    UNUSED(s);
    return store_list(bucket.under, prefix, fn, arg, err);
}

static enum status bucket_uploads(struct store *s, const char *prefix, store_upload_fn *fn,
                                  void *arg, struct err *err)
{
    UNUSED(s);
    ck_assert_str_eq(prefix, "_roost/");
    enum status st = OK;
    for (int i = 0; st == OK && i < UPLOADS; i++) {
        const struct store_upload u = {
            .key = bucket.key[i], .id = "id", .began_ms = bucket.began_ms[i]};
        st = bucket.gone[i] ? OK : fn(arg, &u);
    }
    return bucket.list == OK ? st : err_set(err, bucket.list, "no list");
}

static enum status bucket_abort(struct store *s, const struct store_upload *u, struct err *err)
{
    UNUSED(s);
    for (int i = 0; i < UPLOADS; i++)
        if (strcmp(u->key, bucket.key[i]) == 0) {
            bucket.gone[i] = bucket.abort[i] == OK;
            return bucket.abort[i] == OK ? OK : err_set(err, bucket.abort[i], "no abort");
        }
    ck_abort_msg("no such upload");
}

static const struct store_ops as_bucket = {
    .list = bucket_list, .uploads = bucket_uploads, .abort = bucket_abort};

static struct tree tree;
static char gone[256];

static void note_gone(void *arg, const char *key, uint64_t bytes)
{
    size_t n = strlen(gone);
    UNUSED(arg);
    UNUSED(bytes);
    snprintf(gone + n, sizeof(gone) - n, "%s;", key);
}

static enum status collect(bool dry_run, struct catalog_gc_done *done, struct err *err)
{
    const struct catalog_gc o = {.now_ms = 100 * (uint64_t)HOUR_MS,
                                 .older_ms = 2 * HOUR_MS,
                                 .dry_run = dry_run,
                                 .gone = note_gone};
    struct catalog *c;
    gone[0] = 0;
    ck_assert_int_eq(catalog_new(&bucket.store, 1, 1, &c), OK);
    enum status s = catalog_gc(c, &o, done, err);
    catalog_free(&c);
    return s;
}

static void setup(void)
{
    struct err err;
    tree_init(&tree);
    bucket =
        (struct bucket){.store.ops = &as_bucket,
                        .key = {"_roost/a", "_roost/b", "_roost/c", "_roost/d"},
                        /* just old enough; old; younger by a hair; nobody knows */
                        .began_ms = {98 * (uint64_t)HOUR_MS, 1, 98 * (uint64_t)HOUR_MS + 1, 0}};
    ck_ok(store_open(tree.path, &bucket.under, &err), &err);
}

static void teardown(void)
{
    store_free(&bucket.under);
    tree_fini(&tree);
}

START_TEST(old_uploads_go_and_young_ones_stay)
{
    struct catalog_gc_done done;
    struct err err;
    setup();
    ck_ok(collect(true, &done, &err), &err);
    ck_assert_uint_eq(done.uploads, 2);
    ck_assert_str_eq(gone, "_roost/a;_roost/b;");
    ck_assert(!bucket.gone[0] && !bucket.gone[1]);
    ck_ok(collect(false, &done, &err), &err);
    ck_assert_uint_eq(done.uploads, 2);
    ck_assert_str_eq(gone, "_roost/a;_roost/b;");
    ck_assert(bucket.gone[0] && bucket.gone[1] && !bucket.gone[2] && !bucket.gone[3]);
    ck_ok(collect(false, &done, &err), &err);
    ck_assert_uint_eq(done.uploads, 0);
    teardown();
}
END_TEST

START_TEST(one_that_ends_meanwhile_is_no_failure_and_one_that_stays_is)
{
    struct catalog_gc_done done;
    struct err err;
    setup();
    bucket.abort[0] = E_NOT_FOUND;
    ck_ok(collect(false, &done, &err), &err);
    ck_assert_str_eq(gone, "_roost/b;");
    bucket.gone[1] = false;
    bucket.abort[0] = E_STORE;
    ck_assert_int_eq(collect(false, &done, &err), E_STORE);
    ck_assert_str_eq(err.msg, "_roost/a: no abort");
    ck_assert_uint_eq(done.failed, 1);
    ck_assert_str_eq(gone, "_roost/b;"); /* the others go all the same */
    teardown();
}
END_TEST

START_TEST(a_store_that_does_not_tell_them_is_a_failure)
{
    struct catalog_gc_done done;
    struct err err;
    setup();
    bucket.list = E_STORE;
    ck_assert_int_eq(collect(false, &done, &err), E_STORE);
    ck_assert_ptr_nonnull(strstr(err.msg, "uploads in parts: no list"));
    ck_assert_uint_eq(done.failed, 1);
    ck_assert(!done.uploads_unknown);
    teardown();
}
END_TEST

START_TEST(a_store_that_knows_no_such_list_is_none)
{
    struct catalog_gc_done done;
    struct err err;
    setup();
    bucket.list = E_UNSUPPORTED;
    ck_ok(collect(false, &done, &err), &err);
    ck_assert_uint_eq(done.failed, 0);
    ck_assert(done.uploads_unknown);
    teardown();
}
END_TEST

Suite *suite_gc_uploads(void)
{
    return SUITE("gc_uploads", old_uploads_go_and_young_ones_stay,
                 one_that_ends_meanwhile_is_no_failure_and_one_that_stays_is,
                 a_store_that_does_not_tell_them_is_a_failure,
                 a_store_that_knows_no_such_list_is_none);
}
