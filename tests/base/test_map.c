/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The map against an array of flags, over a seeded run of insertions and removals. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"
#include "support/support.h"

enum { NAMES = 500, STEPS = 50000 };

START_TEST(it_holds_exactly_what_was_put)
{
    static bool held[NAMES];
    static int values[NAMES];
    struct map m = {0};
    unsigned seed = 3;
    size_t count = 0;
    for (int step = 0; step < STEPS; step++) {
        int k = rand_r(&seed) % NAMES;
        char name[32];
        snprintf(name, sizeof(name), "model-%d", k);
        ck_assert_ptr_eq(map_get(&m, name), held[k] ? &values[k] : NULL);
        if (rand_r(&seed) % 2) {
            ck_assert_int_eq(map_put(&m, name, &values[k]), OK);
            count += held[k] ? 0 : 1;
            held[k] = true;
        } else {
            ck_assert_ptr_eq(map_remove(&m, name), held[k] ? &values[k] : NULL);
            count -= held[k] ? 1 : 0;
            held[k] = false;
        }
        ck_assert_uint_eq(m.count, count);
    }
    size_t seen = 0, i = 0;
    for (const struct map_entry *e; (e = map_next(&m, &i)); seen++)
        ck_assert(held[(int *)e->value - values]);
    ck_assert_uint_eq(seen, count);
    map_fini(&m);
}
END_TEST

START_TEST(a_failed_put_changes_nothing)
{
    struct map m = {0};
    int64_t before = alloc_live();
    int value;
    for (uint64_t n = 1; n <= 2; n++) {
        alloc_fail_at(n);
        ck_assert_int_eq(map_put(&m, "a", &value), E_NO_MEMORY);
        alloc_fail_at(0);
        ck_assert_ptr_null(map_get(&m, "a"));
        ck_assert_uint_eq(m.count, 0);
        map_fini(&m);
        ck_assert_int_eq(alloc_live(), before);
    }
}
END_TEST

Suite *suite_map(void)
{
    return SUITE("map", it_holds_exactly_what_was_put, a_failed_put_changes_nothing);
}
