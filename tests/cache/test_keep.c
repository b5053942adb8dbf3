/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Models that are kept, that are to stay a while, and that expire. */
#include <string.h>

#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 100, SECOND = 1000000 };

static const struct tenant_rule rules[] = {
    {.name = "a", .floor_bytes = 400, .weight = 1},
    {.name = "stays", .weight = 1, .min_residency_us = 10 * SECOND},
    {.name = "short", .weight = 1, .ttl_us = 2 * SECOND},
    {.name = "long", .weight = 1, .ttl_us = 20 * SECOND},
};
static const struct tenant_rules ruled = {.rules = rules, .n = ARRAY_COUNT(rules)};

static struct fake *start(void)
{
    struct fake *f = fake_new_ruled(FAKE_INLINE, LIMIT, SLOTS, &ruled);
    atomic_store(&f->now_us, SECOND);
    return f;
}

static void nothing(void *arg)
{
    UNUSED(arg);
}

static bool resident(struct fake *f, const char *name)
{
    return fake_info(f, name).state == SLOT_RESIDENT;
}

static enum status keep(struct fake *f, const char *name, struct err *err)
{
    struct client k;
    (void)!client_load(&k, f, name);
    ck_ok(k.status, &k.err);
    enum status s = cache_keep(f->cache, &k.pin, err);
    client_unpin(&k, f);
    return s;
}

static void pass_s(struct fake *f, uint64_t seconds)
{
    atomic_fetch_add(&f->now_us, seconds * SECOND);
}

START_TEST(what_is_kept_is_no_victim_until_it_may_go)
{
    struct fake *f = start();
    struct err err;
    ck_ok(keep(f, "a/1-300", &err), &err);
    ck_assert(fake_info(f, "a/1-300").kept);
    client_touch(f, "a/2-400");
    client_touch(f, "a/3-600");
    ck_assert(resident(f, "a/1-300"));
    ck_assert_int_eq(cache_scratch_take(f->cache, 701, &err), E_NO_ROOM);
    ck_ok(cache_unkeep(f->cache, "a/1-300", &err), &err);
    ck_assert(!fake_info(f, "a/1-300").kept);
    client_touch(f, "a/2-400");
    client_touch(f, "a/3-600");
    ck_assert(!resident(f, "a/1-300"));
    fake_free(f);
}
END_TEST

START_TEST(a_tenant_keeps_no_more_than_its_floor)
{
    struct fake *f = start();
    struct err err;
    ck_ok(keep(f, "a/1-300", &err), &err);
    ck_assert_int_eq(keep(f, "a/2-101", &err), E_FLOOR);
    ck_assert_msg(strstr(err.msg, "tenant 'a' would keep 401 bytes, and may keep 400"), "%s",
                  err.msg);
    ck_assert(!fake_info(f, "a/2-101").kept);
    ck_ok(keep(f, "a/3-100", &err), &err);
    ck_ok(keep(f, "a/3-100", &err), &err); /* again */
    ck_assert_int_eq(keep(f, "other/1-1", &err), E_FLOOR);
    ck_ok(cache_unkeep(f->cache, "a/1-300", &err), &err);
    ck_ok(keep(f, "a/2-101", &err), &err);
    fake_free(f);
}
END_TEST

START_TEST(a_share_of_kept_models_counts_once_and_whole)
{
    struct fake *f = start();
    struct err err;
    client_touch(f, "a/1-50+x200");
    client_touch(f, "a/2-50+x200");
    client_touch(f, "a/3-50+x200");
    ck_ok(keep(f, "a/1-50+x200", &err), &err);
    ck_ok(keep(f, "a/2-50+x200", &err), &err);
    ck_ok(keep(f, "a/3-50+x200", &err), &err);
    ck_assert_int_eq(keep(f, "a/4-10+x200+y41", &err), E_FLOOR); /* 200 + 3 * 50 + 51 */
    ck_ok(keep(f, "a/5-10+x200+z40", &err), &err);
    struct tenant_usage u[8];
    ck_assert_uint_eq(cache_tenants(f->cache, u, 8), 5);
    ck_assert_uint_eq(u[0].kept_bytes, 400);
    fake_free(f);
}
END_TEST

START_TEST(without_rules_half_of_the_budget_may_be_kept)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    struct err err;
    ck_ok(keep(f, "x/1-250", &err), &err);
    ck_ok(keep(f, "y/1-250", &err), &err);
    ck_assert_int_eq(keep(f, "z/1-1", &err), E_FLOOR);
    fake_free(f);
}
END_TEST

START_TEST(delete_takes_a_kept_model_and_the_next_load_is_not_kept)
{
    struct fake *f = start();
    struct err err;
    ck_ok(keep(f, "a/1-300", &err), &err);
    ck_ok(cache_unload(f->cache, "a/1-300", nothing, NULL, &err), &err);
    ck_assert(!resident(f, "a/1-300"));
    client_touch(f, "a/1-300");
    ck_assert(!fake_info(f, "a/1-300").kept);
    ck_ok(keep(f, "a/2-400", &err), &err);
    ck_assert_int_eq(cache_unkeep(f->cache, "unknown", &err), E_NOT_FOUND);
    ck_ok(cache_unkeep(f->cache, "a/1-300", &err), &err);
    fake_free(f);
}
END_TEST

START_TEST(what_drains_already_cannot_be_kept)
{
    struct fake *f = start();
    struct client k;
    struct err err;
    client_touch(f, "a/1-300");
    ck_assert_int_eq(client_pin(&k, f, "a/1-300"), PIN_READY);
    ck_ok(cache_unload(f->cache, "a/1-300", nothing, NULL, &err), &err);
    ck_assert_int_eq(cache_keep(f->cache, &k.pin, &err), E_CANCELLED);
    client_unpin(&k, f);
    fake_free(f);
}
END_TEST

START_TEST(a_young_model_goes_only_if_nothing_else_can)
{
    struct fake *f = start();
    client_touch(f, "stays/1-400");
    pass_s(f, 2);
    client_touch(f, "other/1-500");
    client_touch(f, "stays/2-300"); /* of stays/1, which is most over, or of other/1 */
    ck_assert(resident(f, "stays/1-400"));
    ck_assert(!resident(f, "other/1-500"));
    client_touch(f, "stays/3-600"); /* there are only such */
    ck_assert(!resident(f, "stays/1-400"));
    ck_assert(resident(f, "stays/2-300"));
    pass_s(f, 11);
    client_touch(f, "other/1-500");
    ck_assert(!resident(f, "stays/2-300"));
    fake_free(f);
}
END_TEST

START_TEST(what_nobody_used_for_its_time_to_live_goes)
{
    struct fake *f = start();
    struct client k;
    struct err err;
    metrics_reset();
    ck_assert(cache_expires(f->cache));
    client_touch(f, "long/1-10");
    client_touch(f, "a/1-10");
    client_touch(f, "short/1-10");
    client_touch(f, "short/2-10");
    pass_s(f, 1);
    client_touch(f, "short/2-10");
    pass_s(f, 1);
    ck_assert_uint_eq(cache_expire(f->cache, atomic_load(&f->now_us)), 1);
    ck_assert(!resident(f, "short/1-10"));
    ck_assert(resident(f, "short/2-10"));
    ck_assert_int_eq(client_pin(&k, f, "short/2-10"), PIN_READY);
    pass_s(f, 18);
    ck_assert_uint_eq(cache_expire(f->cache, atomic_load(&f->now_us)), 1); /* one is in use */
    ck_assert(!resident(f, "long/1-10"));
    ck_assert(resident(f, "a/1-10"));
    client_unpin(&k, f);
    ck_assert_uint_eq(cache_expire(f->cache, atomic_load(&f->now_us)), 1);
    ck_assert_uint_eq(metric_get(M_EVICT_TTL), 3);
    ck_assert_uint_eq(fake_info(f, "long/1-10").evictions, 1);
    ck_assert_int_eq(fake_info(f, "long/1-10").evicted_why, EVICT_TTL);
    ck_ok(keep(f, "a/1-10", &err), &err);
    fake_free(f);
}
END_TEST

/* One that was loaded for a hint has a time of its own from then on, though nobody used it. */
START_TEST(what_nobody_used_yet_lives_from_its_load)
{
    struct fake *f = start();
    struct client k;
    pass_s(f, 100);
    ck_assert_int_eq(client_hint(&k, f, "short/1-10", HINT_SOON), PIN_WAITING);
    ck_ok(k.status, &k.err);
    client_unpin(&k, f);
    pass_s(f, 1);
    ck_assert_uint_eq(cache_expire(f->cache, atomic_load(&f->now_us)), 0);
    pass_s(f, 1);
    ck_assert_uint_eq(cache_expire(f->cache, atomic_load(&f->now_us)), 1);
    fake_free(f);
}
END_TEST

START_TEST(a_time_to_live_for_all_spares_what_is_kept)
{
    static const struct tenant_rules all = {.ttl_us = 5 * SECOND};
    struct fake *f = fake_new_ruled(FAKE_INLINE, LIMIT, SLOTS, &all);
    struct err err;
    atomic_store(&f->now_us, SECOND);
    ck_ok(keep(f, "x/1-100", &err), &err);
    client_touch(f, "x/2-100");
    ck_assert_uint_eq(cache_expire(f->cache, 5 * SECOND), 0);
    ck_assert_uint_eq(cache_expire(f->cache, 6 * SECOND), 1);
    ck_assert(resident(f, "x/1-100"));
    ck_ok(cache_unkeep(f->cache, "x/1-100", &err), &err);
    ck_assert_uint_eq(cache_expire(f->cache, 6 * SECOND), 1);
    fake_free(f);
    f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    ck_assert(!cache_expires(f->cache));
    fake_free(f);
}
END_TEST

Suite *suite_keep(void)
{
    return SUITE(
        "keep", what_is_kept_is_no_victim_until_it_may_go, a_tenant_keeps_no_more_than_its_floor,
        a_share_of_kept_models_counts_once_and_whole, without_rules_half_of_the_budget_may_be_kept,
        delete_takes_a_kept_model_and_the_next_load_is_not_kept, what_drains_already_cannot_be_kept,
        a_young_model_goes_only_if_nothing_else_can, what_nobody_used_for_its_time_to_live_goes,
        what_nobody_used_yet_lives_from_its_load, a_time_to_live_for_all_spares_what_is_kept);
}
