/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Which artifact a name gets, what a listing shows, and how long an unknown name is remembered. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "catalog/catalog.h"
#include "support/support.h"
#include "support/tree.h"

#define S UINT64_C(1000000)

static struct tree tree;
static struct store *store;
static struct catalog *catalog;
static struct err err;

static void setup(uint32_t negatives_max)
{
    tree_init(&tree);
    ck_ok(store_open(tree.path, &store, &err), &err);
    ck_assert_int_eq(catalog_new(store, negatives_max, 100, &catalog), OK);
}

static void teardown(void)
{
    catalog_free(&catalog);
    store_free(&store);
    tree_fini(&tree);
}

static void resolves_to(const char *name, const char *key, const char *version, bool raw)
{
    struct resolved r;
    ck_ok(catalog_resolve(store, name, &r, &err), &err);
    ck_assert_str_eq(r.key, key);
    ck_assert_str_eq(r.version, version);
    ck_assert(r.raw == raw);
    ck_assert_uint_eq(r.object.bytes, strlen(key));
    ck_assert_str_ne(r.object.tag, "");
}

static void resolves(const char *name, const char *key, const char *version)
{
    resolves_to(name, key, version, false);
}

static void resolves_raw(const char *name, const char *key, const char *version)
{
    resolves_to(name, key, version, true);
}

/* Every file holds its own key. */
static void put(const char *key)
{
    tree_text(&tree, key, key);
}

START_TEST(the_first_place_wins)
{
    setup(10);
    struct resolved r;
    ck_assert_int_eq(catalog_resolve(store, "acme/m", &r, &err), E_NOT_FOUND);
    put("acme/m.tar.gz");
    resolves_raw("acme/m", "acme/m.tar.gz", "");
    put("acme/m.json");
    resolves_raw("acme/m", "acme/m.json", "");
    put("acme/m.ubj");
    resolves_raw("acme/m", "acme/m.ubj", "");
    put("acme/m.onnx");
    resolves_raw("acme/m", "acme/m.onnx", "");
    put("acme/m.roost");
    resolves("acme/m", "acme/m.roost", "");
    put("acme/m/2/model.roost");
    put("acme/m/9/model.json");
    resolves_raw("acme/m", "acme/m/9/model.json", "9");
    put("acme/m/10/model.onnx");
    resolves_raw("acme/m", "acme/m/10/model.onnx", "10");
    put("acme/m/10/model.roost");
    put("acme/m/11/other.onnx");
    put("acme/m/012/model.roost");
    put("acme/m/x99/model.roost");
    resolves("acme/m", "acme/m/10/model.roost", "10");
    put("_roost/models/acme/m/7.roost");
    put("_roost/models/acme/m/8.roost");
    resolves("acme/m", "acme/m/10/model.roost", "10");
    tree_text(&tree, "_roost/models/acme/m/current", "7\n");
    resolves("acme/m", "_roost/models/acme/m/7.roost", "7");
    teardown();
}
END_TEST

/* Seconds behind the pointer, which is set at 1000. */
static void set_time(const char *key, int behind)
{
    const struct timespec t[2] = {{.tv_sec = 1000 + behind}, {.tv_sec = 1000 + behind}};
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", tree.path, key);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, t, 0), 0);
}

START_TEST(a_file_newer_than_the_pointer_is_a_new_version)
{
    static const char pointer[] = "_roost/models/acme/m/current", first[] = "acme/m.onnx",
                      published[] = "_roost/models/acme/m/7.roost",
                      second[] = "acme/m/3/model.onnx";
    setup(10);
    put(published);
    tree_text(&tree, pointer, "7\n");
    set_time(pointer, 0);
    put(first);
    for (int behind = -1; behind <= 0; behind++) { /* of one moment, the published one stays */
        set_time(first, behind);
        resolves("acme/m", published, "7");
    }
    set_time(first, 1);
    resolves_raw("acme/m", first, "");
    /* Of the files the first is compared, and that is the numbered one. */
    put(second);
    set_time(second, -1);
    resolves("acme/m", published, "7");
    set_time(second, 1);
    resolves_raw("acme/m", second, "3");
    /* A publish, or a rollback, sets the pointer again. */
    set_time(pointer, 2);
    resolves("acme/m", published, "7");
    teardown();
}
END_TEST

START_TEST(one_version_is_found_whatever_is_current)
{
    char name[MODEL_NAME_MAX + 1], longest[300] = "";
    struct resolved r;
    setup(10);
    put("_roost/models/acme/m/7.roost");
    put("_roost/models/acme/m/8.roost");
    tree_text(&tree, "_roost/models/acme/m/current", "8\n");
    put("acme/m/3/model.onnx");
    put("acme/m/4/model.roost");
    catalog_version_name("acme/m", 7, name);
    ck_assert_str_eq(name, "acme/m@7");
    resolves("acme/m@7", "_roost/models/acme/m/7.roost", "7");
    resolves("acme/m@8", "_roost/models/acme/m/8.roost", "8");
    resolves_raw("acme/m@3", "acme/m/3/model.onnx", "3");
    resolves("acme/m@4", "acme/m/4/model.roost", "4");
    ck_assert_int_eq(catalog_resolve(store, "acme/m@9", &r, &err), E_NOT_FOUND);
    ck_assert_int_eq(catalog_resolve(store, "acme/m@x", &r, &err), E_NOT_FOUND);
    memset(longest, 'a', 257);
    longest[128] = '/';
    catalog_version_name(longest, UINT64_C(999999999999999999), name);
    ck_assert_uint_eq(strlen(name), MODEL_NAME_MAX);
    ck_assert_int_eq(catalog_resolve(store, name, &r, &err), E_NOT_FOUND);
    teardown();
}
END_TEST

START_TEST(a_bad_pointer_is_an_error)
{
    static const char *const bad[] = {"",
                                      "\n",
                                      "x",
                                      "07",
                                      "-1",
                                      "1 2",
                                      "1/../2",
                                      "1234567890123456789",
                                      "999999999999999999999999999999999999"};
    struct resolved r;
    setup(10);
    put("m.roost");
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        tree_text(&tree, "_roost/models/m/current", bad[i]);
        ck_assert_int_eq(catalog_resolve(store, "m", &r, &err), E_CORRUPT);
        ck_assert_ptr_nonnull(strstr(err.msg, "_roost/models/m/current"));
    }
    tree_text(&tree, "_roost/models/m/current", "5");
    ck_assert_int_eq(catalog_resolve(store, "m", &r, &err), E_STORE);
    ck_assert_ptr_nonnull(strstr(err.msg, "version 5"));
    teardown();
}
END_TEST

START_TEST(an_unknown_name_is_remembered_longer_each_time)
{
    uint64_t now = 100 * S;
    setup(10);
    ck_assert(!catalog_known_absent(catalog, "m", now));
    static const uint64_t lasts[] = {1, 2, 4, 8, 16, 32, 60, 60};
    for (size_t i = 0; i < ARRAY_COUNT(lasts); i++) {
        catalog_note_absent(catalog, "m", now);
        ck_assert(catalog_known_absent(catalog, "m", now + lasts[i] * S - 1));
        now += lasts[i] * S;
        ck_assert(!catalog_known_absent(catalog, "m", now));
    }
    ck_assert_uint_eq(catalog_absent_count(catalog), 1);
    now += 61 * S; /* quiet for more than a minute: from the beginning */
    catalog_note_absent(catalog, "m", now);
    ck_assert(!catalog_known_absent(catalog, "m", now + S));
    catalog_note_absent(catalog, "m", now);
    catalog_note_present(catalog, "m");
    ck_assert(!catalog_known_absent(catalog, "m", now));
    catalog_note_present(catalog, "never seen");
    teardown();
}
END_TEST

START_TEST(the_oldest_is_forgotten_beyond_the_bound)
{
    char name[16];
    setup(100);
    for (int i = 0; i < 250; i++) {
        snprintf(name, sizeof(name), "m%d", i);
        catalog_note_absent(catalog, name, 1 * S);
        catalog_note_absent(catalog, "again", 1 * S);
    }
    ck_assert_uint_eq(catalog_absent_count(catalog), 100);
    ck_assert(!catalog_known_absent(catalog, "m150", 1 * S));
    ck_assert(catalog_known_absent(catalog, "m151", 1 * S));
    ck_assert(catalog_known_absent(catalog, "m249", 1 * S));
    ck_assert(catalog_known_absent(catalog, "again", 1 * S));
    teardown();
}
END_TEST

START_TEST(the_resolver_remembers_and_forgets)
{
    struct resolved r;
    setup(10);
    struct loader_resolver resolver = catalog_resolver(catalog);
    ck_assert_int_eq(resolver.resolve(resolver.self, "m", true, &r, &err), E_NOT_FOUND);
    ck_assert_uint_eq(catalog_absent_count(catalog), 1);
    put("m.roost");
    ck_ok(resolver.resolve(resolver.self, "m", true, &r, &err), &err);
    ck_assert_uint_eq(catalog_absent_count(catalog), 0);
    teardown();
}
END_TEST

struct listing {
    char text[1024];
    int left;
};

static enum status note(void *arg, const char *name, const struct resolved *r)
{
    struct listing *l = arg;
    size_t used = strlen(l->text);
    snprintf(l->text + used, sizeof(l->text) - used, "%s=%s;", name, r->version);
    return l->left-- == 0 ? E_CANCELLED : OK;
}

static void fill(void)
{
    put("z.roost");
    put("a.roost");
    put("a.onnx");
    put("raw.onnx");
    put("notes.txt");
    put("acme/churn.roost");
    put("acme/deep/3/model.roost");
    put("acme/deep/x/y.roost");
    put("acme/invoke.roost");
    put("default/hidden.roost");
    put("plain/4/model.roost");
    put("plain/5/other");
    put("_roost/models/a/12.roost");
    tree_text(&tree, "_roost/models/a/current", "12");
    put("_roost/models/pub/one/1.roost");
    tree_text(&tree, "_roost/models/pub/one/current", "1");
    put("_roost/models/unfinished/1.roost");
}

START_TEST(a_listing_shows_what_resolves)
{
    struct listing l = {.left = -1};
    setup(10);
    fill();
    ck_ok(catalog_list(store, note, &l, &err), &err);
    ck_assert_str_eq(l.text, "a=12;acme/churn=;acme/deep=3;plain=4;pub/one=1;raw=;z=;");
    l = (struct listing){.left = 1};
    ck_assert_int_eq(catalog_list(store, note, &l, &err), E_CANCELLED);
    ck_assert_str_eq(l.text, "a=12;acme/churn=;");
    tree_text(&tree, "_roost/models/a/current", "?");
    l = (struct listing){.left = -1};
    ck_assert_int_eq(catalog_list(store, note, &l, &err), E_CORRUPT);
    ck_assert_str_eq(l.text, "acme/churn=;acme/deep=3;plain=4;pub/one=1;raw=;z=;");
    teardown();
}
END_TEST

START_TEST(without_memory_nothing_leaks)
{
    struct listing l;
    setup(10);
    fill();
    int64_t live = alloc_live();
    for (uint64_t n = 1;; n++) {
        l = (struct listing){.left = -1};
        alloc_fail_at(n);
        enum status s = catalog_list(store, note, &l, &err);
        bool past = alloc_calls() < n;
        alloc_fail_at(0);
        ck_assert_int_eq(alloc_live(), live);
        ck_assert_int_eq(s, past ? OK : E_NO_MEMORY);
        if (past)
            break;
        ck_assert_int_eq(err.code, E_NO_MEMORY);
    }
    for (uint64_t n = 1; n <= 3; n++) {
        alloc_fail_at(n);
        catalog_note_absent(catalog, "x", 1 * S);
        alloc_fail_at(0);
        ck_assert(!catalog_known_absent(catalog, "x", 1 * S));
    }
    catalog_note_absent(catalog, "x", 1 * S);
    ck_assert(catalog_known_absent(catalog, "x", 1 * S));
    catalog_free(&catalog);
    ck_assert_int_eq(alloc_live(), 1); /* the store */
    alloc_fail_at(1);
    ck_assert_int_eq(catalog_new(store, 1, 100, &catalog), E_NO_MEMORY);
    alloc_fail_at(0);
    teardown();
}
END_TEST

Suite *suite_catalog(void)
{
    return SUITE("catalog", the_first_place_wins, a_file_newer_than_the_pointer_is_a_new_version,
                 one_version_is_found_whatever_is_current, a_bad_pointer_is_an_error,
                 an_unknown_name_is_remembered_longer_each_time,
                 the_oldest_is_forgotten_beyond_the_bound, the_resolver_remembers_and_forgets,
                 a_listing_shows_what_resolves, without_memory_nothing_leaks);
}
