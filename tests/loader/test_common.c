/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The list of common blobs: what is one, and when a node looks at it. Who shares by it:
 * test_shared.c. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loader/common.h"
#include "metrics/metrics.h"
#include "support/support.h"
#include "support/tree.h"

/* The line of a hash that begins with `first` and else is zeros. */
static void line_of(uint8_t first, char out[COMMON_LINE_BYTES + 1])
{
    snprintf(out, COMMON_LINE_BYTES + 1, "%02x%062d\n", first, 0);
}

static bool has(const struct common_set *s, uint8_t first)
{
    const uint8_t hash[SHA256_BYTES] = {first};
    return common_set_has(s, hash);
}

START_TEST(lines_in_any_order_are_a_set)
{
    static const uint8_t firsts[] = {9, 0xab, 1, 9, 255, 0};
    char text[sizeof(firsts) * COMMON_LINE_BYTES + 1];
    struct common_set *s;
    struct err err;
    for (size_t i = 0; i < sizeof(firsts); i++)
        line_of(firsts[i], text + i * COMMON_LINE_BYTES);
    ck_ok(common_parse(text, sizeof(text) - 1, &s, &err), &err);
    ck_assert_uint_eq(s->count, sizeof(firsts) - 1);
    for (int b = 0; b < 256; b++)
        ck_assert_int_eq(has(s, (uint8_t)b), memchr(firsts, b, sizeof(firsts)) != NULL);
    alloc_free(s);
    ck_ok(common_parse("", 0, &s, &err), &err);
    ck_assert(!has(s, 0));
    alloc_free(s);
}
END_TEST

START_TEST(anything_else_is_refused_whole)
{
    static const struct {
        size_t at; /* in the second of three lines ... */
        char c;    /* ... this is written */
    } faults[] = {{0, 'A'},  {0, ' '},   {63, 'g'}, {63, '\n'},  {64, ' '},
                  {64, '0'}, {64, '\r'}, {30, 0},   {31, '\xff'}};
    struct common_set *s = NULL;
    struct err err;
    char text[3 * COMMON_LINE_BYTES + 1];
    for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
        for (uint8_t k = 0; k < 3; k++)
            line_of(k, text + k * COMMON_LINE_BYTES);
        text[COMMON_LINE_BYTES + faults[i].at] = faults[i].c;
        ck_assert_int_eq(common_parse(text, sizeof(text) - 1, &s, &err), E_CORRUPT);
        ck_assert_str_eq(err.msg, "line 2 is no SHA-256");
    }
    for (uint8_t k = 0; k < 3; k++)
        line_of(k, text + k * COMMON_LINE_BYTES);
    for (size_t n = 0; n < sizeof(text) - 1; n++)
        if (n % COMMON_LINE_BYTES)
            ck_assert_int_eq(common_parse(text, n, &s, &err), E_CORRUPT);
    ck_assert_int_eq(common_parse(text, COMMON_FILE_MAX + 1, &s, &err), E_TOO_LARGE);
    ck_assert_ptr_null(s);
}
END_TEST

/* ---- looking ---- */

struct looking {
    struct tree tree;
    struct store *store;
    struct common common;
    uint64_t now_us;
};

static void looking_init(struct looking *l)
{
    struct err err;
    tree_init(&l->tree);
    ck_ok(store_open(l->tree.path, &l->store, &err), &err);
    common_init(&l->common);
    l->now_us = 1;
}

static void looking_fini(struct looking *l)
{
    common_fini(&l->common);
    store_free(&l->store);
    tree_fini(&l->tree);
}

/* Looks when it is due again. */
static void look_later(struct looking *l)
{
    l->now_us += COMMON_LOOK_US;
    common_look(&l->common, l->store, l->now_us);
}

static bool is_common(struct looking *l, uint8_t first)
{
    const uint8_t hash[SHA256_BYTES] = {first};
    return common_has(&l->common, hash);
}

static void publish(struct looking *l, uint8_t first)
{
    char line[COMMON_LINE_BYTES + 1];
    line_of(first, line);
    tree_text(&l->tree, COMMON_KEY, line);
}

START_TEST(a_change_is_seen_by_the_next_look_that_is_due)
{
    struct looking l;
    looking_init(&l);
    common_look(&l.common, l.store, l.now_us);
    ck_assert(!is_common(&l, 5)); /* there is no object */
    publish(&l, 5);
    common_look(&l.common, l.store, l.now_us + COMMON_LOOK_US - 1);
    ck_assert(!is_common(&l, 5));
    look_later(&l);
    ck_assert(is_common(&l, 5));
    ck_assert_int_eq(metric_get(M_COMMON_BLOBS), 1);
    const uint64_t reads = metric_get(M_STORE_READS);
    look_later(&l);
    ck_assert_uint_eq(metric_get(M_STORE_READS), reads); /* the same object */
    publish(&l, 6);
    look_later(&l);
    ck_assert(is_common(&l, 6) && !is_common(&l, 5));
    looking_fini(&l);
}
END_TEST

START_TEST(what_cannot_be_read_leaves_what_was_known)
{
    struct looking l;
    char path[512];
    looking_init(&l);
    publish(&l, 5);
    common_look(&l.common, l.store, l.now_us);
    tree_text(&l.tree, COMMON_KEY, "no hash\n");
    const uint64_t reads = metric_get(M_STORE_READS);
    look_later(&l);
    look_later(&l);
    ck_assert(is_common(&l, 5));
    ck_assert_uint_eq(metric_get(M_STORE_READS), reads + 1); /* it is looked at once */
    ck_assert_int_eq(remove(tree_path(&l.tree, COMMON_KEY, path)), 0);
    look_later(&l);
    ck_assert(!is_common(&l, 5));
    looking_fini(&l);
}
END_TEST

START_TEST(without_memory_it_is_tried_again)
{
    struct looking l;
    const int64_t live = alloc_live();
    looking_init(&l);
    publish(&l, 5);
    for (uint64_t n = 1; n <= 2; n++) {
        alloc_fail_at(n);
        look_later(&l);
        alloc_fail_at(0);
        ck_assert(!is_common(&l, 5));
    }
    look_later(&l);
    ck_assert(is_common(&l, 5));
    looking_fini(&l);
    ck_assert_int_eq(alloc_live(), live);
}
END_TEST

START_TEST(what_is_larger_than_any_list_is_not_read)
{
    struct looking l;
    char path[512];
    looking_init(&l);
    publish(&l, 5);
    common_look(&l.common, l.store, l.now_us);
    const uint64_t reads = metric_get(M_STORE_READS);
    ck_assert_int_eq(
        truncate(tree_path(&l.tree, COMMON_KEY, path), (off_t)COMMON_FILE_MAX + COMMON_LINE_BYTES),
        0);
    look_later(&l);
    ck_assert_uint_eq(metric_get(M_STORE_READS), reads);
    ck_assert(is_common(&l, 5));
    looking_fini(&l);
}
END_TEST

/* Who looks while another one's first look is under way. */
struct late {
    struct looking *l;
    atomic_bool begun;
    bool found;
};

static void *look_late(void *arg)
{
    struct late *late = arg;
    atomic_store(&late->begun, true);
    common_look(&late->l->common, late->l->store, late->l->now_us);
    late->found = is_common(late->l, 5);
    return NULL;
}

/* The first look of another thread, held by hand between its begin and its end. Who came meanwhile
 * knows what it found; if he did not wait, the spin lets him be seen in most rounds. */
START_TEST(the_first_look_is_waited_for)
{
    enum { ROUNDS = 100, SPINS = 20000 };
    char line[COMMON_LINE_BYTES + 1];
    line_of(5, line);
    for (int round = 0; round < ROUNDS; round++) {
        struct looking l;
        struct late late = {.l = &l};
        struct common_set *set;
        struct err err;
        pthread_t thread;
        looking_init(&l);
        ck_ok(common_parse(line, COMMON_LINE_BYTES, &set, &err), &err);
        l.common.looking = true;
        ck_assert_int_eq(pthread_create(&thread, NULL, look_late, &late), 0);
        while (!atomic_load(&late.begun))
            sched_yield();
        for (atomic_int i = 0; atomic_load(&i) < SPINS;)
            atomic_fetch_add(&i, 1);
        lock_take(&l.common.lock);
        l.common.set = set;
        l.common.look_us = l.now_us + COMMON_LOOK_US;
        l.common.looking = false;
        cond_wake_all(&l.common.looked);
        lock_release(&l.common.lock);
        pthread_join(thread, NULL);
        ck_assert(late.found);
        looking_fini(&l);
    }
}
END_TEST

Suite *suite_common(void)
{
    return SUITE("common", lines_in_any_order_are_a_set, anything_else_is_refused_whole,
                 a_change_is_seen_by_the_next_look_that_is_due,
                 what_cannot_be_read_leaves_what_was_known, without_memory_it_is_tried_again,
                 what_is_larger_than_any_list_is_not_read, the_first_look_is_waited_for);
}
