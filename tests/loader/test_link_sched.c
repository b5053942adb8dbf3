/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Who gets the link next. */
#include "loader/link_sched.h"

#include <stdlib.h>

#include "support/support.h"

enum { N = 50, CHUNK = 4 };

static void init(struct link_sched *s, uint64_t ageing)
{
    link_sched_init(s, CHUNK, ageing);
    ck_assert_int_eq(link_sched_reserve(s, N), OK);
}

/* The next chunk is of t, with so many bytes. */
static void expect(struct link_sched *s, const struct link_transfer *t, uint64_t bytes)
{
    uint64_t got = 0;
    ck_assert_ptr_eq(link_sched_next(s, &got), t);
    ck_assert_uint_eq(got, bytes);
}

START_TEST(the_fewest_bytes_left_go_first_and_break_in)
{
    struct link_sched s;
    struct link_transfer large, small;
    init(&s, 0);
    link_sched_add(&s, &large, 10, 1, 0);
    expect(&s, &large, 4);
    link_sched_add(&s, &small, 5, 1, 0);
    expect(&s, &small, 4);
    expect(&s, &small, 1);
    expect(&s, &large, 4);
    expect(&s, &large, 2);
    ck_assert_ptr_null(link_sched_peek(&s));
    link_sched_fini(&s);
}
END_TEST

START_TEST(a_chunk_may_be_smaller_and_never_larger)
{
    struct link_sched s;
    struct link_transfer t;
    init(&s, 0);
    link_sched_add(&s, &t, 10, 1, 0);
    t.most_bytes = 3;
    expect(&s, &t, 3);
    t.most_bytes = 5;
    expect(&s, &t, 4);
    t.most_bytes = 0;
    expect(&s, &t, 3);
    ck_assert_ptr_null(link_sched_peek(&s));
    link_sched_fini(&s);
}
END_TEST

START_TEST(many_waiters_outweigh_bytes_and_anybody_outweighs_a_prefetch)
{
    struct link_sched s;
    struct link_transfer large, small, ahead;
    init(&s, 0);
    link_sched_add(&s, &large, 12, 1, 0);
    link_sched_add(&s, &small, 8, 1, 0);
    link_sched_add(&s, &ahead, 1, 0, 0);
    ck_assert_ptr_eq(link_sched_peek(&s), &small);
    link_sched_waiters(&s, &large, 2);
    expect(&s, &large, 4);
    link_sched_waiters(&s, &ahead, 1);
    expect(&s, &ahead, 1);
    link_sched_waiters(&s, &large, 0);
    expect(&s, &small, 4);
    link_sched_remove(&s, &small);
    link_sched_remove(&s, &small);
    expect(&s, &large, 4);
    link_sched_put_back(&s, &small);
    expect(&s, &small, 4);
    expect(&s, &large, 4);
    link_sched_fini(&s);
}
END_TEST

/* Of 100 bytes left, ageing 10 a second: what comes within 10 s may overtake, nothing after. */
START_TEST(ageing_bounds_who_may_overtake)
{
    struct link_sched s;
    struct link_transfer old, soon, late;
    init(&s, 10);
    link_sched_add(&s, &old, 100, 1, 0);
    link_sched_add(&s, &soon, 4, 1, 9000000);
    ck_assert_ptr_eq(link_sched_peek(&s), &soon);
    link_sched_remove(&s, &soon);
    link_sched_add(&s, &late, 4, 1, 9700000);
    ck_assert_ptr_eq(link_sched_peek(&s), &old);
    link_sched_fini(&s);
}
END_TEST

/* Where somebody always waits, what nobody waits for comes too, chunk by chunk. */
START_TEST(a_prefetch_has_a_turn_now_and_then)
{
    struct link_sched s;
    struct link_transfer asked, early, late;
    init(&s, 1);
    link_sched_add(&s, &asked, 1000 * CHUNK, 1, 0);
    link_sched_add(&s, &late, CHUNK, 0, 20000000);
    link_sched_add(&s, &early, 2 * CHUNK, 0, 0);
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < LINK_PREFETCH_TURN; i++)
            expect(&s, &asked, CHUNK);
        expect(&s, turn < 2 ? &early : &late, CHUNK);
    }
    for (int i = 0; i < 2 * LINK_PREFETCH_TURN; i++) /* there is none any more */
        expect(&s, &asked, CHUNK);
    link_sched_fini(&s);
}
END_TEST

static double key(const struct link_transfer *t)
{
    return (double)t->left_bytes / (t->waiters ? t->waiters : 1) + 1e-6 * (double)t->since_us;
}

/* The heap against a search of all, through every call. */
START_TEST(the_next_is_always_the_least_of_all)
{
    struct link_sched s;
    static struct link_transfer t[N];
    bool in[N] = {false};
    init(&s, 1);
    srand(3);
    int passed = 0; /* chunks in a row that went to others while there was a prefetch */
    for (uint64_t step = 0; step < 50000; step++) {
        int i = rand() % N;
        if (!in[i]) {
            link_sched_add(&s, &t[i], 1 + (uint64_t)rand() % 1000, (uint32_t)rand() % 4,
                           step * 1000000 + (uint64_t)i);
            in[i] = true;
        } else if (rand() % 2) {
            link_sched_waiters(&s, &t[i], (uint32_t)rand() % 4);
        } else if (rand() % 8 == 0) {
            link_sched_remove(&s, &t[i]);
            in[i] = false;
        }
        const struct link_transfer *next = link_sched_peek(&s);
        bool prefetch = false;
        for (int k = 0; k < N; k++)
            prefetch |= in[k] && !t[k].waiters;
        const bool turn = prefetch && passed == LINK_PREFETCH_TURN;
        for (int k = 0; k < N; k++)
            if (in[k] && (t[k].waiters > 0) == (next->waiters > 0))
                ck_assert(key(next) <= key(&t[k]) * (1 + 1e-12));
            else if (in[k])
                ck_assert((next->waiters > 0) != turn);
        uint64_t bytes, left = next ? next->left_bytes : 0;
        if (next && rand() % 2) {
            ck_assert_ptr_eq(link_sched_next(&s, &bytes), next);
            ck_assert_uint_eq(bytes, MIN(left, CHUNK));
            in[next - t] = left > CHUNK;
            passed = next->waiters && prefetch ? passed + 1 : 0;
        }
    }
    link_sched_fini(&s);
}
END_TEST

Suite *suite_link_sched(void)
{
    return SUITE("link_sched", the_fewest_bytes_left_go_first_and_break_in,
                 a_chunk_may_be_smaller_and_never_larger,
                 many_waiters_outweigh_bytes_and_anybody_outweighs_a_prefetch,
                 ageing_bounds_who_may_overtake, a_prefetch_has_a_turn_now_and_then,
                 the_next_is_always_the_least_of_all);
}
