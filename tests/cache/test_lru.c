/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The order of src/cache/policy/lru.c. */
#include "cache/policy/lru.h"
#include "support/support.h"

enum { N = 4 };

/* Checks that l holds exactly the links k[order[i]], oldest first. */
static void expect(const struct lru *l, const struct lru_link *k, const int *order, int n)
{
    const struct lru_link *at = NULL;
    for (int i = 0; i < n; i++) {
        at = lru_next(l, at);
        ck_assert_ptr_eq(at, &k[order[i]]);
    }
    ck_assert_ptr_null(lru_next(l, at));
}

START_TEST(an_empty_order_has_no_oldest)
{
    struct lru l;
    lru_init(&l);
    ck_assert_ptr_null(lru_next(&l, NULL));
}
END_TEST

START_TEST(the_order_is_that_of_the_last_touch)
{
    struct lru l;
    struct lru_link k[N];
    lru_init(&l);
    for (int i = 0; i < N; i++)
        lru_add(&l, &k[i]);
    expect(&l, k, (const int[]){0, 1, 2, 3}, 4);
    lru_touch(&l, &k[3]);
    expect(&l, k, (const int[]){0, 1, 2, 3}, 4);
    lru_touch(&l, &k[0]);
    expect(&l, k, (const int[]){1, 2, 3, 0}, 4);
    lru_touch(&l, &k[2]);
    expect(&l, k, (const int[]){1, 3, 0, 2}, 4);
    lru_remove(&k[1]);
    lru_remove(&k[2]);
    expect(&l, k, (const int[]){3, 0}, 2);
    lru_remove(&k[3]);
    lru_remove(&k[0]);
    expect(&l, k, NULL, 0);
}
END_TEST

Suite *suite_lru(void)
{
    return SUITE("lru", an_empty_order_has_no_oldest, the_order_is_that_of_the_last_touch);
}
