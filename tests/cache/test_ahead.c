/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What is loaded before it is asked for: timers' models, into free bytes; and what came of it. */
#include <stdio.h>
#include <string.h>

#include "cache/cache_priv.h"
#include "cache/policy/policy.h"
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 100, SECOND_US = 1000000, PERIOD_US = 60 * SECOND_US, HEARD_MAX = 8 };

struct heard {
    char names[HEARD_MAX][MODEL_NAME_MAX + 1];
    size_t n;
};

static void hear(void *arg, const char *name, uint64_t now_us)
{
    struct heard *h = arg;
    UNUSED(now_us);
    if (h->n < HEARD_MAX)
        snprintf(h->names[h->n++], sizeof(h->names[0]), "%s", name);
}

static void nothing(void *arg)
{
    UNUSED(arg);
}

/* A model that was asked for once a minute, twenty times, and is gone; foreseen is h's. */
static struct fake *with_a_timer(const struct policy_ops *ops, struct heard *h)
{
    const struct cache_config c = {.limit_bytes = LIMIT, .slots_max = SLOTS, .policy = ops};
    struct err err;
    metrics_reset();
    memset(h, 0, sizeof(*h));
    struct fake *f = fake_new_with(FAKE_INLINE, &c);
    f->cache->foreseen = hear; /* as cache_start does, without its thread: the clock is ours */
    f->cache->foreseen_arg = h;
    for (int i = 0; i < 20; i++) {
        atomic_fetch_add(&f->now_us, PERIOD_US);
        client_touch(f, "timer-400");
        tell_all(f->cache);
    }
    ck_assert_int_eq(cache_unload(f->cache, "timer-400", nothing, NULL, &err), OK);
    tell_all(f->cache);
    return f;
}

static uint64_t after_last(struct fake *f, uint64_t us)
{
    return atomic_load(&f->now_us) + us;
}

START_TEST(a_timer_is_foreseen_when_it_is_due_and_fits)
{
    const struct policy_ops *const all[] = {&policy_hazard, &policy_auto};
    struct heard h;
    struct fake *f = with_a_timer(all[_i], &h);
    ahead_look(f->cache, after_last(f, 10 * SECOND_US));
    ck_assert_uint_eq(h.n, 0); /* 50 seconds to go */
    ahead_look(f->cache, after_last(f, 52 * SECOND_US));
    ck_assert_uint_ge(h.n, 1);
    ck_assert_str_eq(h.names[0], "timer-400");
    h.n = 0;
    client_touch(f, "other-900"); /* there is no room any more */
    ahead_look(f->cache, after_last(f, 52 * SECOND_US));
    ck_assert_uint_eq(h.n, 0);
    ck_assert_int_eq(fake_info(f, "other-900").state, SLOT_RESIDENT);
    fake_free(f);
}
END_TEST

START_TEST(what_is_resident_is_not_foreseen)
{
    struct heard h;
    struct client k;
    struct fake *f = with_a_timer(&policy_hazard, &h);
    ck_assert_int_eq(client_hint(&k, f, "timer-400", HINT_SOON), PIN_WAITING);
    client_unpin(&k, f);
    tell_all(f->cache);
    ahead_look(f->cache, after_last(f, 52 * SECOND_US));
    ck_assert_uint_eq(h.n, 0);
    fake_free(f);
}
END_TEST

START_TEST(lru_foresees_nothing)
{
    struct heard h = {.n = 0};
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    f->cache->foreseen = hear;
    f->cache->foreseen_arg = &h;
    client_touch(f, "timer-400");
    ahead_look(f->cache, after_last(f, 60 * SECOND_US));
    ck_assert_uint_eq(h.n, 0);
    fake_free(f);
}
END_TEST

static void hint(struct fake *f, const char *name)
{
    struct client k;
    ck_assert_int_eq(client_hint(&k, f, name, HINT_SOON), PIN_WAITING);
    ck_assert_int_eq(k.status, OK);
    client_unpin(&k, f);
}

START_TEST(it_is_counted_what_came_of_a_hint)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    metrics_reset();
    hint(f, "a-400");
    hint(f, "b-400");
    client_touch(f, "a-400");
    client_touch(f, "a-400");
    tell_all(f->cache);
    ck_assert_uint_eq(metric_get(M_AHEAD_USED), 1);
    client_touch(f, "c-1000"); /* both go */
    ck_assert_uint_eq(metric_get(M_AHEAD_USED), 1);
    ck_assert_uint_eq(metric_get(M_AHEAD_UNUSED), 1);
    fake_free(f);
}
END_TEST

/* Under auto too, what was loaded before anybody asked does not go before what is as old. */
START_TEST(what_enters_cold_goes_first_and_what_is_hinted_last)
{
    const struct cache_config c = {
        .limit_bytes = LIMIT, .slots_max = SLOTS, .policy = &policy_auto};
    struct fake *f = fake_new_with(FAKE_INLINE, &c);
    struct client k;
    client_touch(f, "a-300");
    hint(f, "b-300");
    ck_assert_int_eq(client_hint(&k, f, "c-300", HINT_COLD), PIN_WAITING);
    client_unpin(&k, f);
    client_touch(f, "d-300");
    ck_assert_int_eq(fake_info(f, "c-300").state, SLOT_ABSENT);
    client_touch(f, "e-300");
    ck_assert_int_eq(fake_info(f, "a-300").state, SLOT_ABSENT);
    ck_assert_int_eq(fake_info(f, "b-300").state, SLOT_RESIDENT);
    fake_free(f);
}
END_TEST

Suite *suite_ahead(void)
{
    Suite *s = suite_create("ahead");
    TCase *t = tcase_create("ahead");
    tcase_add_loop_test(t, a_timer_is_foreseen_when_it_is_due_and_fits, 0, 2);
    tcase_add_test(t, what_is_resident_is_not_foreseen);
    tcase_add_test(t, lru_foresees_nothing);
    tcase_add_test(t, it_is_counted_what_came_of_a_hint);
    tcase_add_test(t, what_enters_cold_goes_first_and_what_is_hinted_last);
    suite_add_tcase(s, t);
    return s;
}
