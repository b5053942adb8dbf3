/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Errors, hashes, checked sizes and the lock ranks. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/hash.h"
#include "base/lock.h"
#include "support/support.h"

START_TEST(messages_hold_no_control_bytes)
{
    struct err err = {0};
    ck_assert_int_eq(err_set(&err, E_BAD_INPUT, "name '%s'", "a\r\nb\x7f"), E_BAD_INPUT);
    ck_assert_str_eq(err.msg, "name 'a??b?'");
    ck_assert_int_eq(err_prefix(&err, "row %d", 3), E_BAD_INPUT);
    ck_assert_str_eq(err.msg, "row 3: name 'a??b?'");
    char longer[1000];
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = 0;
    err_set(&err, E_CORRUPT, "%s", longer);
    err_prefix(&err, "%s", longer);
    ck_assert_uint_eq(strlen(err.msg), sizeof(err.msg) - 1);
}
END_TEST

START_TEST(every_status_has_its_words)
{
    for (int s = 0; s < STATUS_COUNT; s++) {
        ck_assert_uint_gt(strlen(status_name((enum status)s)), 1);
        ck_assert_uint_gt(strlen(status_text((enum status)s)), 1);
    }
    ck_assert_int_eq(status_class(E_QUEUE_FULL), STATUS_RETRY);
    ck_assert_int_eq(status_class(E_CORRUPT), STATUS_CORRUPT);
}
END_TEST

/* source: FIPS 180-4, "abc" */
START_TEST(sha256_is_sha256)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX];
    ck_assert_int_eq(sha256_once("abc", 3, digest), OK);
    sha256_hex(digest, hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

START_TEST(sizes_are_checked)
{
    uint64_t v = 7;
    ck_assert(!checked_add(UINT64_MAX, 1, &v));
    ck_assert(!checked_mul(UINT64_MAX / 2, 3, &v));
    ck_assert(!checked_align(UINT64_MAX - 3, 64, &v));
    ck_assert(checked_align(65, 64, &v) && v == 128);
    ck_assert(range_inside(10, 0, 10) && !range_inside(10, 1, 10));
    ck_assert(!range_inside(UINT64_MAX, 2, 10));
}
END_TEST

#ifdef ROOST_DEBUG
START_TEST(all_locks_of_one_kind_are_held_at_once)
{
    struct lock below, kind[3], above;
    lock_init(&below, LOCK_CACHE);
    lock_init(&above, LOCK_WATCH);
    for (size_t i = 0; i < ARRAY_COUNT(kind); i++)
        lock_init(&kind[i], LOCK_GATE);
    lock_take(&below);
    lock_take(&kind[0]);
    for (size_t i = 1; i < ARRAY_COUNT(kind); i++)
        lock_take_also(&kind[i]);
    for (size_t i = 0; i < ARRAY_COUNT(kind); i++)
        ck_assert_int_eq(pthread_mutex_trylock(&kind[i].mutex), EBUSY);
    lock_take(&above);
    lock_release(&above);
    for (size_t i = ARRAY_COUNT(kind) - 1; i > 0; i--)
        lock_release_also(&kind[i]);
    lock_release(&kind[0]);
    for (size_t i = 0; i < ARRAY_COUNT(kind); i++)
        lock_fini(&kind[i]);
    lock_release(&below);
    lock_fini(&above);
    lock_fini(&below);
}
END_TEST

START_TEST(taking_a_lock_of_lower_rank_aborts)
{
    struct lock low, high;
    lock_init(&low, LOCK_CACHE);
    lock_init(&high, LOCK_BUDGET);
    fclose(stderr);
    lock_take(&high);
    lock_take(&low);
}
END_TEST
#endif

Suite *suite_status(void)
{
    Suite *s =
        SUITE("status", all_locks_of_one_kind_are_held_at_once, messages_hold_no_control_bytes,
              every_status_has_its_words, sha256_is_sha256, sizes_are_checked);
#ifdef ROOST_DEBUG
    TCase *aborts = tcase_create("aborts");
    tcase_add_test_raise_signal(aborts, taking_a_lock_of_lower_rank_aborts, SIGABRT);
    suite_add_tcase(s, aborts);
#endif
    return s;
}
