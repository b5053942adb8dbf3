/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Writing to a directory as a store: whole or not at all, whatever fails on the way, and who of
 * several writers wins. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "metrics/metrics.h"
#include "store/store.h"
#include "support/support.h"
#include "support/tree.h"

enum { LARGE = 3 * 1024 * 1024 + 17, WRITERS = 4, ROUNDS = 100 };

static struct tree tree;
static struct store *store;
static struct err err;

static void setup(void)
{
    tree_init(&tree);
    ck_ok(store_open(tree.path, &store, &err), &err);
    memset(&err, 0, sizeof(err));
}

static void teardown(void)
{
    store_free(&store);
    tree_fini(&tree);
}

static struct store_source text(const char *s)
{
    return (struct store_source){.bytes = s, .n = strlen(s)};
}

static void holds(const char *key, const char *want)
{
    struct store_object o;
    char got[64] = "";
    ck_ok(store_stat(store, key, &o, &err), &err);
    ck_assert_uint_eq(o.bytes, strlen(want));
    ck_ok(store_read(store, key, o.tag, 0, got, strlen(want), &err), &err);
    ck_assert_str_eq(got, want);
}

/* Files in the folder, unfinished ones among them. */
static int files_in(const char *folder)
{
    char path[512];
    DIR *d = opendir(tree_path(&tree, folder, path));
    int n = 0;
    ck_assert_ptr_nonnull(d);
    for (const struct dirent *e; (e = readdir(d));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

START_TEST(an_object_is_made_replaced_and_removed)
{
    struct store_source one = text("one"), two = text("second");
    struct store_object o;
    setup();
    uint64_t writes = metric_get(M_STORE_WRITES), bytes = metric_get(M_STORE_WRITTEN_BYTES);
    ck_ok(store_put(store, "a/b/c.roost", &one, &err), &err);
    holds("a/b/c.roost", "one");
    ck_ok(store_put(store, "a/b/c.roost", &two, &err), &err);
    holds("a/b/c.roost", "second");
    ck_assert_int_eq(store_put_new(store, "a/b/c.roost", &one, &err), E_EXISTS);
    holds("a/b/c.roost", "second");
    ck_ok(store_put_new(store, "top", &one, &err), &err);
    holds("top", "one");
    ck_assert_int_eq(files_in("a/b"), 1);
    ck_assert_uint_eq(metric_get(M_STORE_WRITES) - writes, 3);
    ck_assert_uint_eq(metric_get(M_STORE_WRITTEN_BYTES) - bytes, 12);
    ck_ok(store_delete(store, "a/b/c.roost", &err), &err);
    ck_assert_int_eq(store_stat(store, "a/b/c.roost", &o, &err), E_NOT_FOUND);
    ck_assert_int_eq(store_delete(store, "a/b/c.roost", &err), E_NOT_FOUND);
    ck_assert_int_eq(store_delete(store, "x/y/z", &err), E_NOT_FOUND);
    ck_assert_int_eq(store_delete(store, "a/b", &err), E_NOT_FOUND);
    teardown();
}
END_TEST

START_TEST(a_descriptor_is_copied_from_its_start)
{
    uint8_t *bytes = alloc_new(LARGE), *got = alloc_new(LARGE);
    setup();
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    tree_write(&tree, "source", bytes, LARGE);
    int fd = open(tree_path(&tree, "source", (char[512]){0}), O_RDONLY);
    ck_assert_int_eq(lseek(fd, 1000, SEEK_SET), 1000);
    const struct store_source from = {.fd = fd, .n = LARGE};
    ck_ok(store_put_new(store, "m/1.roost", &from, &err), &err);
    ck_ok(store_read(store, "m/1.roost", "", 0, got, LARGE, &err), &err);
    ck_assert_int_eq(memcmp(bytes, got, LARGE), 0);
    const struct store_source longer = {.fd = fd, .n = LARGE + 1};
    ck_assert_int_eq(store_put(store, "m/1.roost", &longer, &err), E_IO);
    ck_ok(store_read(store, "m/1.roost", "", 0, got, LARGE, &err), &err);
    ck_assert_int_eq(memcmp(bytes, got, LARGE), 0);
    ck_assert_int_eq(files_in("m"), 1);
    close(fd);
    alloc_free(bytes);
    alloc_free(got);
    teardown();
}
END_TEST

START_TEST(a_write_that_fails_leaves_what_was_there)
{
    const struct rlimit few = {100, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};
    char large[4096];
    struct store_source old = text("old"), from = {.bytes = large, .n = sizeof(large)};
    struct store_object o;
    setup();
    memset(large, 'x', sizeof(large));
    ck_ok(store_put(store, "m/current", &old, &err), &err);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &few), 0);
    ck_assert_int_eq(store_put(store, "m/current", &from, &err), E_STORE);
    ck_assert_int_eq(store_put_new(store, "m/2.roost", &from, &err), E_STORE);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
    ck_assert_ptr_nonnull(strstr(err.msg, "'m/2.roost' cannot be written"));
    holds("m/current", "old");
    ck_assert_int_eq(store_stat(store, "m/2.roost", &o, &err), E_NOT_FOUND);
    ck_assert_int_eq(files_in("m"), 1);
    /* The bytes come through a buffer of ours when they are read from a descriptor. */
    int64_t live = alloc_live();
    int fd = open(tree_path(&tree, "m/current", (char[512]){0}), O_RDONLY);
    const struct store_source file = {.fd = fd, .n = 3};
    alloc_fail_at(1);
    ck_assert_int_eq(store_put(store, "m/3.roost", &file, &err), E_NO_MEMORY);
    alloc_fail_at(0);
    ck_assert_int_eq(alloc_live(), live);
    ck_assert_int_eq(files_in("m"), 1);
    close(fd);
    teardown();
}
END_TEST

START_TEST(no_link_and_no_file_is_a_way)
{
    struct store_source one = text("one");
    struct tree outside;
    char path[512];
    setup();
    tree_init(&outside);
    ck_assert_int_eq(symlink(outside.path, tree_path(&tree, "way", path)), 0);
    ck_assert_int_eq(store_put(store, "way/m.roost", &one, &err), E_STORE);
    ck_assert_int_ne(store_delete(store, "way/m.roost", &err), OK);
    tree_text(&tree, "file", "x");
    ck_assert_int_eq(store_put(store, "file/m.roost", &one, &err), E_STORE);
    /* A link at the end is replaced, not followed. */
    tree_text(&outside, "target", "untouched");
    ck_assert_int_eq(
        symlink(tree_path(&outside, "target", (char[512]){0}), tree_path(&tree, "link", path)), 0);
    ck_assert_int_eq(store_put_new(store, "link", &one, &err), E_EXISTS);
    ck_ok(store_put(store, "link", &one, &err), &err);
    holds("link", "one");
    struct stat st;
    ck_assert_int_eq(stat(tree_path(&outside, "target", path), &st), 0);
    ck_assert_int_eq(st.st_size, 9);
    static const char *const bad[] = {"", "../x", "a/../b", ".put-1", "/etc/x", "a//b"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        ck_assert_int_eq(store_put(store, bad[i], &one, &err), E_BAD_INPUT);
        ck_assert_int_eq(store_put_new(store, bad[i], &one, &err), E_BAD_INPUT);
        ck_assert_int_eq(store_delete(store, bad[i], &err), E_BAD_INPUT);
    }
    tree_fini(&outside);
    teardown();
}
END_TEST

static enum status count_entry(void *arg, const char *name, bool is_prefix,
                               const struct store_object *o)
{
    UNUSED(name);
    UNUSED(is_prefix);
    UNUSED(o);
    ++*(int *)arg;
    return OK;
}

START_TEST(what_a_dead_writer_left_is_swept_and_a_live_one_is_left_alone)
{
    struct store_source one = text("one");
    struct stat st;
    char path[512];
    int listed = 0;
    setup();
    tree_text(&tree, "m/.put-00000000000000d0", "half of it");
    tree_text(&tree, "m/.put-00000000000000d1", "half of it");
    int live = open(tree_path(&tree, "m/.put-00000000000000d1", path), O_RDONLY);
    ck_assert_int_eq(flock(live, LOCK_EX), 0);
    ck_ok(store_list(store, "m/", count_entry, &listed, &err), &err);
    ck_assert_int_eq(listed, 0);
    ck_ok(store_put(store, "m/current", &one, &err), &err);
    ck_assert_int_ne(stat(tree_path(&tree, "m/.put-00000000000000d0", path), &st), 0);
    ck_assert_int_eq(stat(tree_path(&tree, "m/.put-00000000000000d1", path), &st), 0);
    close(live);
    ck_ok(store_put(store, "m/current", &one, &err), &err);
    ck_assert_int_eq(files_in("m"), 1);
    teardown();
}
END_TEST

/* ---- several at once ---- */

static atomic_int made;
static pthread_barrier_t round_begins;

static void *make_new(void *arg)
{
    struct err e;
    struct store_source mine = text("made");
    UNUSED(arg);
    for (int i = 0; i < ROUNDS; i++) {
        char key[32];
        snprintf(key, sizeof(key), "race/%d", i);
        pthread_barrier_wait(&round_begins);
        enum status s = store_put_new(store, key, &mine, &e);
        ck_assert(s == OK || s == E_EXISTS);
        if (s == OK)
            atomic_fetch_add(&made, 1);
    }
    return NULL;
}

/* Last written so long ago. */
static void age(const char *key, int seconds)
{
    char path[512];
    const time_t then = time(NULL) - seconds;
    const struct timespec t[2] = {{.tv_sec = then}, {.tv_sec = then}};
    ck_assert_int_eq(utimensat(AT_FDCWD, tree_path(&tree, key, path), t, 0), 0);
}

START_TEST(what_is_old_is_removed_unless_it_was_renewed)
{
    const struct store_source one = text("one");
    char path[512];
    setup();
    const uint64_t hour_ago_ms = clock_wall_ms() - 3600 * 1000;
    ck_assert_int_eq(store_renew(store, "a/b", &err), E_NOT_FOUND);
    ck_assert_int_eq(store_delete_old(store, "a/b", hour_ago_ms, &err), E_NOT_FOUND);
    ck_ok(store_put(store, "a/b", &one, &err), &err);
    ck_assert_int_eq(store_delete_old(store, "a/b", hour_ago_ms, &err), E_EXISTS);
    age("a/b", 3500);
    ck_assert_int_eq(store_delete_old(store, "a/b", hour_ago_ms, &err), E_EXISTS);
    age("a/b", 3700);
    ck_ok(store_renew(store, "a/b", &err), &err);
    ck_assert_int_eq(store_delete_old(store, "a/b", hour_ago_ms, &err), E_EXISTS);
    holds("a/b", "one");
    age("a/b", 3700);
    ck_ok(store_delete_old(store, "a/b", hour_ago_ms, &err), &err);
    ck_assert_int_eq(files_in("a"), 0);
    /* Neither folders nor links are objects. */
    ck_ok(store_put(store, "a/b/c", &one, &err), &err);
    ck_assert_int_eq(store_renew(store, "a/b", &err), E_NOT_FOUND);
    ck_assert_int_eq(symlink("b/c", tree_path(&tree, "a/link", path)), 0);
    ck_assert_int_ne(store_renew(store, "a/link", &err), OK);
    ck_assert_int_ne(store_delete_old(store, "a/link", UINT64_MAX, &err), OK);
    holds("a/b/c", "one");
    ck_assert_int_eq(files_in("a"), 2);
    teardown();
}
END_TEST

START_TEST(a_sweep_removes_what_dead_writers_left_there)
{
    const struct store_source one = text("one");
    setup();
    ck_ok(store_put(store, "a/b", &one, &err), &err);
    tree_text(&tree, "a/.put-0123456789abcdef", "half");
    tree_text(&tree, "a/c/.put-0123456789abcdef", "half");
    ck_ok(store_sweep(store, "a/", &err), &err);
    ck_assert_int_eq(files_in("a"), 2); /* b, and the folder c */
    ck_assert_int_eq(files_in("a/c"), 1);
    ck_ok(store_sweep(store, "nowhere/", &err), &err);
    ck_assert_int_eq(store_sweep(store, "../", &err), E_BAD_INPUT);
    teardown();
}
END_TEST

START_TEST(of_several_who_make_one_key_one_does)
{
    pthread_t threads[WRITERS];
    setup();
    pthread_barrier_init(&round_begins, NULL, WRITERS);
    for (int i = 0; i < WRITERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, make_new, NULL), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&round_begins);
    ck_assert_int_eq(atomic_load(&made), ROUNDS);
    ck_assert_int_eq(files_in("race"), ROUNDS);
    teardown();
}
END_TEST

static atomic_bool enough;

static void *replace_all_the_time(void *arg)
{
    struct err e;
    char *text_of_one = arg;
    struct store_source mine = {.bytes = text_of_one, .n = 40000};
    while (!atomic_load(&enough))
        ck_assert_int_eq(store_put(store, "m/current", &mine, &e), OK);
    return NULL;
}

START_TEST(a_reader_beside_writers_sees_one_of_them_whole)
{
    static char texts[2][40000], got[40000];
    pthread_t threads[2];
    setup();
    for (int i = 0; i < 2; i++)
        memset(texts[i], 'a' + i, sizeof(texts[i]));
    const struct store_source first = {.bytes = texts[0], .n = sizeof(texts[0])};
    ck_ok(store_put(store, "m/current", &first, &err), &err);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, replace_all_the_time, texts[i]), 0);
    for (int i = 0; i < ROUNDS; i++) {
        /* What was replaced since it was opened may be refused as changed; never is it mixed. */
        enum status s = store_read(store, "m/current", "", 0, got, sizeof(got), &err);
        ck_assert(s == OK || s == E_CHANGED);
        if (s == OK)
            ck_assert(memcmp(got, texts[got[0] - 'a'], sizeof(got)) == 0);
    }
    atomic_store(&enough, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(files_in("m"), 1);
    teardown();
}
END_TEST

Suite *suite_put(void)
{
    return SUITE(
        "put", an_object_is_made_replaced_and_removed, a_descriptor_is_copied_from_its_start,
        a_write_that_fails_leaves_what_was_there, no_link_and_no_file_is_a_way,
        what_a_dead_writer_left_is_swept_and_a_live_one_is_left_alone,
        what_is_old_is_removed_unless_it_was_renewed, a_sweep_removes_what_dead_writers_left_there,
        of_several_who_make_one_key_one_does, a_reader_beside_writers_sees_one_of_them_whole, );
}
