/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The n-th allocation fails, for all n: an error, no leak, and the cache goes on. */
#include "base/alloc.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 3 };

static void nothing(void *arg)
{
    UNUSED(arg);
}

/* Pins, loads, joins, hits, evicts, unloads; every step may be refused for want of memory only. */
static void drive(struct fake *f)
{
    static const char *const names[] = {"a-600",   "b-600", "a-600", "c-400",
                                        "missing", "d-100", "b-600"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct client k, joined;
        struct err err;
        client_pin(&k, f, names[i]);
        if (k.status == OK) {
            ck_assert_int_eq(client_pin(&joined, f, names[i]), PIN_READY);
            client_unpin(&joined, f);
            client_unpin(&k, f);
        } else {
            ck_assert(k.status == E_NO_MEMORY || k.status == E_NOT_FOUND);
            ck_assert_uint_eq(k.err.msg[0] != '\0', 1);
        }
        if (i % 3 == 0) {
            enum status s = cache_unload(f->cache, names[i], nothing, NULL, &err);
            ck_assert(s == OK || s == E_NO_MEMORY || s == E_NOT_FOUND);
        }
    }
}

START_TEST(each_failing_allocation_is_an_error_and_leaks_nothing)
{
    int64_t before = alloc_live();
    uint64_t n = 0, calls;
    do {
        struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
        n++;
        alloc_fail_at(n);
        drive(f);
        calls = alloc_calls();
        alloc_fail_at(0);
        ck_assert_int_eq(client_touch(f, "z-1000"), LOOKUP_MISS);
        fake_free(f);
        ck_assert_int_eq(alloc_live(), before);
    } while (calls >= n);
    ck_assert_uint_gt(n, 10);
}
END_TEST

START_TEST(a_cache_without_memory_is_an_error)
{
    int64_t before = alloc_live();
    struct cache_source source = {0};
    struct cache_config config = {.limit_bytes = LIMIT, .slots_max = SLOTS};
    for (uint64_t n = 1; n <= 2; n++) {
        struct cache *c = NULL;
        alloc_fail_at(n);
        ck_assert_int_eq(cache_new(&config, &source, &c), E_NO_MEMORY);
        alloc_fail_at(0);
        ck_assert_int_eq(alloc_live(), before);
    }
}
END_TEST

Suite *suite_memory(void)
{
    return SUITE("memory", each_failing_allocation_is_an_error_and_leaks_nothing,
                 a_cache_without_memory_is_an_error);
}
