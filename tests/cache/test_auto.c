/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* auto against lru on traces that change sides, and with what only a server does to it. */
#include "cache/policy/shadow.h"
#include "support/support.h"

enum { IDS = 60000, CAP = 50, STEP_US = 1000000 };

struct both {
    struct shadow lru, self;
    uint64_t now_us, lru_misses, misses;
};

static void both_init(struct both *b)
{
    struct policy_config c = {CAP, IDS, 1};
    *b = (struct both){0};
    ck_assert_int_eq(shadow_init(&b->lru, &policy_lru, &c), OK);
    ck_assert_int_eq(shadow_init(&b->self, &policy_auto, &c), OK);
}

static void both_fini(struct both *b)
{
    shadow_fini(&b->lru);
    shadow_fini(&b->self);
}

static void ask(struct both *b, uint32_t id)
{
    const struct policy_meta m = {.bytes = 1, .reload_us = 1000};
    b->now_us += STEP_US;
    b->lru_misses += !shadow_access(&b->lru, id, b->now_us, &m);
    b->misses += !shadow_access(&b->self, id, b->now_us, &m);
}

/* A loop over more than fits: lru never hits. */
static void loop(struct both *b, int rounds)
{
    for (int i = 0; i < rounds; i++)
        for (uint32_t id = 0; id < 2 * CAP; id++)
            ask(b, id);
}

/* Each model is asked for while 45 others are, and never again: lru misses first touches alone, and
 * whoever holds more than a few that will not come misses more. */
static uint32_t pass_by(struct both *b, uint32_t from, uint32_t models)
{
    for (uint32_t id = from; id < from + models; id++)
        for (uint32_t back = 0; back < 37; back += 9)
            ask(b, id - MIN(back, id - from));
    return from + models;
}

/* Favourites that move on: what was asked for often is soon asked for no more. */
static void drift(struct both *b, uint32_t from, uint32_t requests)
{
    static uint64_t x = 88172645463325252u;
    for (uint32_t i = 0; i < requests; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        uint32_t far = (uint32_t)(x >> 40) % 70, near = (uint32_t)(x >> 20) % 70;
        ask(b, from + i / 12 + MIN(far, near));
    }
}

START_TEST(it_comes_back_when_favourites_move_on)
{
    struct both b;
    both_init(&b);
    loop(&b, 60);
    drift(&b, 1000, 60000);
    struct both then = b;
    drift(&b, 7000, 60000);
    ck_assert_uint_le((b.misses - then.misses) * 100, (b.lru_misses - then.lru_misses) * 102);
    both_fini(&b);
}
END_TEST

START_TEST(auto_leaves_lru_and_comes_back)
{
    struct both b;
    both_init(&b);
    loop(&b, 60);
    ck_assert_uint_eq(b.lru_misses, 60 * 2 * CAP);
    ck_assert_uint_lt(b.misses, b.lru_misses * 3 / 4);
    uint32_t next = pass_by(&b, 1000, 3000);
    struct both then = b;
    pass_by(&b, next, 3000);
    ck_assert_uint_eq(b.lru_misses - then.lru_misses, 3000);
    ck_assert_uint_eq(b.misses - then.misses, 3000);
    ck_assert_uint_le(b.misses, b.lru_misses);
    both_fini(&b);
}
END_TEST

START_TEST(auto_is_lru_while_nothing_is_better)
{
    struct both b;
    both_init(&b);
    for (uint32_t i = 0, next = 0; i < 10; i++)
        next = pass_by(&b, next, 500);
    ck_assert_uint_eq(b.misses, b.lru_misses);
    both_fini(&b);
}
END_TEST

START_TEST(sides_that_change_faster_than_it_learns_cost_two_percent_at_most)
{
    struct both b;
    both_init(&b);
    for (uint32_t i = 0, next = 1000; i < 60; i++) {
        loop(&b, 1 + (int)(i % 7));
        next = pass_by(&b, next, 100 + 70 * (i % 5));
        drift(&b, 30000 + 400 * i, 4000);
        ck_assert_uint_le(b.misses * 100, b.lru_misses * 102);
    }
    both_fini(&b);
}
END_TEST

static struct policy *create(uint64_t cap)
{
    struct policy_config c = {cap, 2 * CAP + 1, 1};
    struct policy *p = NULL;
    ck_assert_int_eq(policy_auto.create(&c, &p), OK);
    return p;
}

/* A real cache that misses all the time, as if its owner let nothing stay: whatever the shadows
 * say, it costs more than lru would. */
START_TEST(a_real_cost_beyond_lrus_forces_lru)
{
    struct policy *p = create(CAP);
    const struct policy_meta m = {.bytes = 1, .reload_us = 1000};
    for (uint64_t i = 0; i < 20000; i++) {
        uint32_t id = i % 2 ? 2 * CAP : (uint32_t)(i / 2 % (2ull * CAP)); /* lru hits every other */
        policy_auto.access(p, id, i * STEP_US, &m, false);
        ck_assert(policy_auto.admit(p, id, i * STEP_US, NULL, 0));
    }
    policy_auto.free(&p);
}
END_TEST

/* The first call for a model comes before anybody knows its bytes; it is inserted when they are. */
START_TEST(bytes_that_come_with_the_load_count_then)
{
    struct policy *p = create(2);
    uint32_t out[4];
    for (uint32_t id = 0; id < 3; id++) {
        policy_auto.access(p, id, id, &(struct policy_meta){.bytes = 0, .reload_us = 1000}, false);
        ck_assert(policy_auto.admit(p, id, id, NULL, 0));
        policy_auto.insert(p, id, id, &(struct policy_meta){.bytes = 1, .reload_us = 1000});
    }
    /* The shadow holds two: the first has left it. */
    struct policy_need need = {.bytes = 1, .now_us = 10};
    ck_assert_uint_eq(policy_auto.victims(p, &need, out, 4), 1);
    ck_assert_uint_eq(out[0], 0);
    policy_auto.free(&p);
}
END_TEST

START_TEST(a_smaller_tier_holds_less)
{
    struct policy *p = create(10);
    uint32_t out[16];
    for (uint32_t id = 0; id < 10; id++) {
        policy_auto.access(p, id, id, &(struct policy_meta){.bytes = 1, .reload_us = 1000}, false);
        policy_auto.insert(p, id, id, &(struct policy_meta){.bytes = 1, .reload_us = 1000});
    }
    policy_auto.access(p, 0, 20, &(struct policy_meta){.bytes = 1, .reload_us = 1000}, true);
    policy_auto.resize(p, 4);
    struct policy_need need = {.bytes = 6, .now_us = 30};
    ck_assert_uint_eq(policy_auto.victims(p, &need, out, 16), 6);
    for (uint32_t i = 0; i < 6; i++)
        ck_assert_uint_eq(out[i], i + 1);
    policy_auto.free(&p);
}
END_TEST

START_TEST(another_version_is_a_miss)
{
    struct both b;
    both_init(&b);
    const struct policy_meta one = {.bytes = 1, .reload_us = 1000},
                             two = {.bytes = 2, .reload_us = 1000};
    ck_assert(!shadow_access(&b.lru, 0, 1, &one));
    ck_assert(shadow_access(&b.lru, 0, 2, &one));
    ck_assert(!shadow_access(&b.lru, 0, 3, &two));
    ck_assert_uint_eq(b.lru.used_bytes, 2);
    ck_assert(shadow_access(&b.lru, 0, 4, &two));
    shadow_forget(&b.lru, 0);
    ck_assert_uint_eq(b.lru.used_bytes, 0);
    ck_assert_uint_eq(b.lru.evictions, 0);
    ck_assert(!shadow_has(&b.lru, 0));
    both_fini(&b);
}
END_TEST

Suite *suite_auto(void)
{
    return SUITE_SERIAL("auto", it_comes_back_when_favourites_move_on,
                        auto_leaves_lru_and_comes_back, auto_is_lru_while_nothing_is_better,
                        sides_that_change_faster_than_it_learns_cost_two_percent_at_most,
                        a_real_cost_beyond_lrus_forces_lru,
                        bytes_that_come_with_the_load_count_then, a_smaller_tier_holds_less,
                        another_version_is_a_miss);
}
