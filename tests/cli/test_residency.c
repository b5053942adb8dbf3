/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The residency list: what is written of a cache, what is read of a file. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/residency.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 1000 };

static void add_name(void *arg, const char *name, bool pinned)
{
    char *all = arg;
    strcat(all, name);
    strcat(all, pinned ? "!" : "");
    strcat(all, " ");
}

static void nothing(void *arg)
{
    UNUSED(arg);
}

START_TEST(what_is_written_is_resident_and_the_hottest_comes_first)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    struct client k;
    struct buf text = {0};
    static const char *const names[] = {"b-10", "a-10", "c-10", "gone-10", "b-10"};
    for (uint64_t i = 0; i < ARRAY_COUNT(names); i++) {
        atomic_store(&f->now_us, 100 + i);
        client_touch(f, names[i]);
    }
    ck_assert_int_eq(client_load(&k, f, "never-used-10"), PIN_WAITING);
    client_unpin(&k, f);
    struct err err;
    ck_assert_int_eq(client_load(&k, f, "never-used-10"), PIN_READY);
    ck_assert_int_eq(cache_keep(f->cache, &k.pin, &err), OK);
    client_unpin(&k, f);
    ck_assert_int_eq(cache_unload(f->cache, "gone-10", nothing, NULL, &err), OK);
    ck_assert_int_eq(residency_write(f->cache, &text), OK);
    ck_assert_int_eq(buf_terminate(&text), OK);
    ck_assert_str_eq((char *)text.data,
                     "roost residency 1\nnever-used-10 pinned\nb-10\nc-10\na-10\n");
    buf_fini(&text);
    fake_free(f);
}
END_TEST

/* More than one page of the cache's list. */
START_TEST(a_long_list_is_whole)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    struct buf text = {0};
    struct err err;
    uint64_t skipped;
    char all[4096] = "", want[4096] = "";
    for (uint64_t i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof(name), "m%03u-1", (unsigned)(199 - i));
        atomic_store(&f->now_us, 1000 - i);
        client_touch(f, name);
        add_name(want, name, false);
    }
    ck_assert_int_eq(residency_write(f->cache, &text), OK);
    ck_assert_int_eq(residency_read(text.data, text.len, add_name, all, &skipped, &err), OK);
    ck_assert_uint_eq(skipped, 0);
    ck_assert_str_eq(all, want);
    buf_fini(&text);
    fake_free(f);
}
END_TEST

START_TEST(what_is_read_is_names_and_the_rest_is_counted)
{
    static const struct {
        const char *text;
        enum status status;
        const char *names;
        uint64_t skipped;
    } cases[] = {
        {"roost residency 1\n", OK, "", 0},
        {"roost residency 1\na pinned\nt/b pinned\nc", OK, "a! t/b! c ", 0},
        {"roost residency 1\n pinned\na  pinned\na pinned pinned\nb Pinned\npinned\n", OK,
         "pinned ", 4},
        {"roost residency 1\na\nt/b\n", OK, "a t/b ", 0},
        {"roost residency 1\na\nt/b", OK, "a t/b ", 0},
        {"roost residency 1\ndefault/a\n", OK, "a ", 0},
        {"roost residency 1\n\n../a\na b\na/b/c\na/invoke\n\xff\n-a\nok\r\nz\n", OK, "z ", 8},
        {"roost residency 1", E_CORRUPT, "", 0},
        {"roost residency 2\na\n", E_CORRUPT, "", 0},
        {"", E_CORRUPT, "", 0},
        {"a\n", E_CORRUPT, "", 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char names[256] = "";
        struct err err;
        uint64_t skipped;
        enum status s =
            residency_read(cases[i].text, strlen(cases[i].text), add_name, names, &skipped, &err);
        ck_assert_msg(s == cases[i].status, "case %zu: %s", i, status_name(s));
        ck_assert_str_eq(names, cases[i].names);
        ck_assert_uint_eq(skipped, cases[i].skipped);
    }
}
END_TEST

START_TEST(without_memory_nothing_is_written_or_lost)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    client_touch(f, "a-10");
    for (uint64_t n = 1;; n++) {
        struct buf text = {0};
        alloc_fail_at(n);
        enum status s = residency_write(f->cache, &text);
        bool reached = alloc_calls() >= n;
        alloc_fail_at(0);
        buf_fini(&text);
        ck_assert_int_eq(s, reached ? E_NO_MEMORY : OK);
        if (!reached)
            break;
    }
    fake_free(f);
}
END_TEST

Suite *suite_residency(void)
{
    return SUITE("residency", what_is_written_is_resident_and_the_hottest_comes_first,
                 a_long_list_is_whole, what_is_read_is_names_and_the_rest_is_counted,
                 without_memory_nothing_is_written_or_lost);
}
