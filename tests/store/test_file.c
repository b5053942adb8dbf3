/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A directory as a store: what it gives, and that no key and no link leads out of it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "metrics/metrics.h"
#include "store/store.h"
#include "support/support.h"
#include "support/tree.h"

static struct tree tree;
static struct store *store;
static struct err err;

static void setup(void)
{
    char url[300];
    tree_init(&tree);
    snprintf(url, sizeof(url), "file://%s", tree.path);
    ck_ok(store_open(url, &store, &err), &err);
    memset(&err, 0, sizeof(err));
}

static void teardown(void)
{
    store_free(&store);
    ck_assert_ptr_null(store);
    tree_fini(&tree);
}

START_TEST(reads_exactly_the_range)
{
    char dst[4] = "";
    struct store_object o;
    setup();
    tree_text(&tree, "acme/churn.roost", "0123456789");
    ck_ok(store_stat(store, "acme/churn.roost", &o, &err), &err);
    ck_assert_uint_eq(o.bytes, 10);
    ck_assert_uint_gt(o.modified_ms, 0);
    uint64_t reads = metric_get(M_STORE_READS), bytes = metric_get(M_STORE_READ_BYTES);
    ck_ok(store_read(store, "acme/churn.roost", o.tag, 3, dst, 4, &err), &err);
    ck_assert_mem_eq(dst, "3456", 4);
    ck_ok(store_read(store, "acme/churn.roost", "", 6, dst, 4, &err), &err);
    ck_assert_mem_eq(dst, "6789", 4);
    ck_ok(store_read(store, "acme/churn.roost", o.tag, 10, dst, 0, &err), &err);
    ck_assert_uint_eq(metric_get(M_STORE_READS) - reads, 3);
    ck_assert_uint_eq(metric_get(M_STORE_READ_BYTES) - bytes, 8);
    teardown();
}
END_TEST

START_TEST(first_bytes_come_with_what_the_object_is)
{
    static const char *const endings[] = {".roost", ".onnx", NULL};
    uint8_t dst[4];
    struct store_first f = {.to = dst, .room = sizeof(dst)};
    struct store_object o;
    struct store_found found;
    setup();
    tree_text(&tree, "m.onnx", "0123456789");
    tree_text(&tree, "n.roost", "012");
    tree_text(&tree, "empty.roost", "");
    uint64_t reads = metric_get(M_STORE_READS);
    ck_ok(store_first(store, "m.onnx", &f, &err), &err);
    ck_assert_mem_eq(dst, "0123", f.n);
    ck_assert_uint_eq(f.object.bytes, 10);
    ck_ok(store_stat(store, "m.onnx", &o, &err), &err);
    ck_assert_str_eq(f.object.tag, o.tag);
    ck_ok(store_first(store, "n.roost", &f, &err), &err);
    ck_assert_uint_eq(f.n, 3);
    ck_ok(store_first(store, "empty.roost", &f, &err), &err);
    ck_assert_uint_eq(f.n, 0);
    ck_assert_uint_eq(metric_get(M_STORE_READS) - reads, 3);
    ck_assert_int_eq(store_first(store, "o", &f, &err), E_NOT_FOUND);
    ck_ok(store_find(store, "m", endings, &found, &err), &err);
    ck_assert_uint_eq(found.which, 1);
    ck_assert(found.looked && !store_is_far(store));
    ck_assert_str_eq(found.object.tag, o.tag);
    ck_assert_int_eq(store_find(store, "o", endings, &found, &err), E_NOT_FOUND);
    teardown();
}
END_TEST

START_TEST(a_range_beyond_the_end_is_an_error)
{
    static const struct {
        uint64_t off;
        size_t n;
    } cases[] = {{7, 4}, {11, 0}, {10, 1}, {UINT64_MAX, 4}, {UINT64_MAX - 3, 4}};
    char dst[4];
    setup();
    tree_text(&tree, "a.roost", "0123456789");
    uint64_t bytes = metric_get(M_STORE_READ_BYTES);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        ck_assert_int_eq(store_read(store, "a.roost", "", cases[i].off, dst, cases[i].n, &err),
                         E_STORE);
    ck_assert_ptr_nonnull(strstr(err.msg, "holds 10 bytes"));
    ck_assert_uint_eq(metric_get(M_STORE_READ_BYTES), bytes);
    teardown();
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
    struct store_object o;
    char c;
    setup();
    tree_text(&tree, "a.roost", "x");
    static const char *const keys[] = {"b.roost", "a/b/c.roost", "a.roost/b", "_roost/models/a/1"};
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        ck_assert_int_eq(store_stat(store, keys[i], &o, &err), E_NOT_FOUND);
        ck_assert_int_eq(store_read(store, keys[i], "", 0, &c, 1, &err), E_NOT_FOUND);
    }
    tree_text(&tree, "dir.roost/x", "x");
    ck_assert_int_eq(store_stat(store, "dir.roost", &o, &err), E_NOT_FOUND);
    teardown();
}
END_TEST

START_TEST(no_other_text_is_a_key)
{
    static const char *const bad[] = {"",       "/",    "/etc/passwd", "a//b", "a/",      "../a",
                                      "a/../b", ".",    "a/.b",        "-a",   "a b",     "a\n",
                                      "a/..",   "a\\b", "a%2e",        "~",    "\xc3\xa4"};
    char longest[STORE_KEY_MAX + 1];
    struct store_object o;
    char c;
    setup();
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        ck_assert_int_eq(store_stat(store, bad[i], &o, &err), E_BAD_INPUT);
        ck_assert_int_eq(store_read(store, bad[i], "", 0, &c, 1, &err), E_BAD_INPUT);
        ck_assert(!store_key_valid(bad[i]));
    }
    memset(longest, 'a', sizeof(longest));
    longest[STORE_KEY_MAX] = 0;
    ck_assert(!store_key_valid(longest));
    longest[STORE_KEY_MAX - 1] = 0;
    ck_assert(store_key_valid(longest));
    ck_assert_int_eq(store_stat(store, longest, &o, &err), E_NOT_FOUND);
    ck_assert(store_key_valid("_roost/models/acme/churn-2.0/current"));
    teardown();
}
END_TEST

START_TEST(links_and_pipes_are_refused)
{
    char path[512], target[512];
    struct store_object o;
    setup();
    tree_text(&tree, "real/secret.roost", "x");
    ck_assert_int_eq(symlink(tree_path(&tree, "real", target), tree_path(&tree, "way", path)), 0);
    ck_assert_int_eq(symlink("real/secret.roost", tree_path(&tree, "link.roost", path)), 0);
    ck_assert_int_eq(symlink("/etc/hostname", tree_path(&tree, "out.roost", path)), 0);
    ck_assert_int_eq(mkfifo(tree_path(&tree, "pipe.roost", path), 0600), 0);
    ck_assert_int_ne(store_stat(store, "way/secret.roost", &o, &err), OK);
    static const char *const refused[] = {"link.roost", "out.roost", "pipe.roost"};
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
        ck_assert_int_eq(store_stat(store, refused[i], &o, &err), E_STORE);
    ck_ok(store_stat(store, "real/secret.roost", &o, &err), &err);
    teardown();
}
END_TEST

START_TEST(a_replaced_file_has_another_tag)
{
    struct store_object before, after;
    char dst[8], path[512];
    setup();
    tree_text(&tree, "a.roost", "old text");
    ck_ok(store_stat(store, "a.roost", &before, &err), &err);
    tree_text(&tree, "b.roost", "new text");
    ck_assert_int_eq(
        rename(tree_path(&tree, "b.roost", path), tree_path(&tree, "a.roost", (char[512]){0})), 0);
    UNUSED(path);
    ck_assert_int_eq(store_read(store, "a.roost", before.tag, 0, dst, 8, &err), E_CHANGED);
    ck_assert_ptr_nonnull(strstr(err.msg, "changed"));
    ck_ok(store_stat(store, "a.roost", &after, &err), &err);
    ck_assert_str_ne(before.tag, after.tag);
    ck_ok(store_read(store, "a.roost", after.tag, 0, dst, 8, &err), &err);
    ck_assert_mem_eq(dst, "new text", 8);
    teardown();
}
END_TEST

/* The destination is the file itself, mapped: filling it writes the file during the read, which is
 * the one way to stage that without a race. */
START_TEST(a_change_during_the_read_is_seen)
{
    char path[512], text[8192];
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    setup();
    memset(text, 'x', sizeof(text));
    tree_write(&tree, "a.roost", text, sizeof(text));
    tree_path(&tree, "a.roost", path);
    int fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    char *map = mmap(NULL, sizeof(text), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(map, MAP_FAILED);
    ck_assert_int_eq(futimens(fd, old), 0);
    map[0] = 'y';
    struct stat st;
    ck_assert_int_eq(fstat(fd, &st), 0);
    if (st.st_mtim.tv_sec == 1000) {
        printf("SKIP a_change_during_the_read_is_seen: this file system does not stamp mapped "
               "writes\n");
    } else {
        /* Unmapped and mapped anew, so that the next write faults and stamps again. */
        ck_assert_int_eq(munmap(map, sizeof(text)), 0);
        ck_assert_int_eq(fsync(fd), 0);
        map = mmap(NULL, sizeof(text), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        ck_assert_ptr_ne(map, MAP_FAILED);
        ck_assert_int_eq(futimens(fd, old), 0);
        ck_assert_int_eq(store_read(store, "a.roost", "", 0, map, 4096, &err), E_CHANGED);
        ck_assert_ptr_nonnull(strstr(err.msg, "changed"));
    }
    ck_assert_int_eq(munmap(map, sizeof(text)), 0);
    close(fd);
    teardown();
}
END_TEST

struct listing {
    char text[512];
    int left; /* entries until fn says stop; negative: never */
};

static enum status note(void *arg, const char *name, bool is_prefix, const struct store_object *o)
{
    struct listing *l = arg;
    char one[64];
    ck_assert_int_eq(is_prefix, o == NULL);
    snprintf(one, sizeof(one), " %s%s ", name, is_prefix ? "/" : "");
    strncat(l->text, one, sizeof(l->text) - strlen(l->text) - 1);
    return l->left-- == 0 ? E_CANCELLED : OK;
}

START_TEST(listing_shows_what_can_be_asked_for)
{
    struct listing l = {.left = -1};
    char path[512];
    setup();
    tree_text(&tree, "a.roost", "x");
    tree_text(&tree, "t/b.roost", "x");
    tree_text(&tree, ".hidden", "x");
    tree_text(&tree, "with space", "x");
    ck_assert_int_eq(symlink("a.roost", tree_path(&tree, "link.roost", path)), 0);
    ck_ok(store_list(store, "", note, &l, &err), &err);
    ck_assert_ptr_nonnull(strstr(l.text, " a.roost "));
    ck_assert_ptr_nonnull(strstr(l.text, " t/ "));
    ck_assert_uint_eq(strlen(l.text), strlen(" a.roost  t/ "));
    l = (struct listing){.left = -1};
    ck_ok(store_list(store, "t/", note, &l, &err), &err);
    ck_assert_str_eq(l.text, " b.roost ");
    l = (struct listing){.left = -1};
    ck_ok(store_list(store, "none/", note, &l, &err), &err);
    ck_ok(store_list(store, "a.roost/", note, &l, &err), &err);
    ck_assert_str_eq(l.text, "");
    l = (struct listing){.left = 0};
    ck_assert_int_eq(store_list(store, "", note, &l, &err), E_CANCELLED);
    ck_assert_int_eq(store_list(store, "t", note, &l, &err), E_BAD_INPUT);
    ck_assert_int_eq(store_list(store, "../", note, &l, &err), E_BAD_INPUT);
    teardown();
}
END_TEST

START_TEST(opening_says_what_is_wrong)
{
    struct store *s = NULL;
    setup();
    ck_assert_int_eq(store_open("gs://bucket/x", &s, &err), E_USAGE);
    ck_assert_ptr_nonnull(strstr(err.msg, "file:// (a directory), s3:// (a bucket)"));
    ck_assert_int_eq(store_open("", &s, &err), E_USAGE);
    ck_assert_int_eq(store_open("/nowhere/at/all", &s, &err), E_NOT_FOUND);
    ck_assert_int_eq(store_open("file:///etc/hostname", &s, &err), E_NOT_FOUND);
    ck_assert_ptr_null(s);
    ck_ok(store_open(tree.path, &s, &err), &err);
    ck_assert_int_eq(strncmp(s->url, "file:///", 8), 0);
    store_free(&s);
    int64_t live = alloc_live();
    alloc_fail_at(1);
    ck_assert_int_eq(store_open(tree.path, &s, &err), E_NO_MEMORY);
    alloc_fail_at(0);
    ck_assert_int_eq(alloc_live(), live);
    teardown();
}
END_TEST

Suite *suite_file(void)
{
    return SUITE("file", reads_exactly_the_range, first_bytes_come_with_what_the_object_is,
                 a_range_beyond_the_end_is_an_error, what_is_not_there_is_not_found,
                 no_other_text_is_a_key, links_and_pipes_are_refused,
                 a_replaced_file_has_another_tag, a_change_during_the_read_is_seen,
                 listing_shows_what_can_be_asked_for, opening_says_what_is_wrong);
}
