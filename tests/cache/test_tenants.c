/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Floors, ceilings and weights: who gives when room is needed, and who is refused. */
#include "cache/tenant.h"

#include <stdio.h>
#include <string.h>

#include "cache/cache_priv.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 100, SECOND = 1000000 };

static const struct tenant_rule floors[] = {
    {.name = "a", .floor_bytes = 400, .weight = 1},
    {.name = "b", .floor_bytes = 200, .weight = 1},
    {.name = "c", .ceiling_bytes = 300, .weight = 1},
    {.name = TENANT_OTHERS, .weight = 1},
};
static const struct tenant_rules ruled = {.rules = floors, .n = ARRAY_COUNT(floors)};

static struct fake *start(void)
{
    return fake_new_ruled(FAKE_INLINE, LIMIT, SLOTS, &ruled);
}

static void nothing(void *arg)
{
    UNUSED(arg);
}

static bool resident(struct fake *f, const char *name)
{
    return fake_info(f, name).state == SLOT_RESIDENT;
}

/* i: in the rules' order, others last. */
static struct tenant_usage usage_of(struct fake *f, size_t i)
{
    struct tenant_usage u[8];
    ck_assert_uint_gt(cache_tenants(f->cache, u, ARRAY_COUNT(u)), i);
    return u[i];
}

/* The status of an invocation of name that finds it not resident. */
static enum status miss(struct fake *f, const char *name, struct err *err)
{
    struct client k;
    ck_assert_int_eq(client_pin(&k, f, name), PIN_WAITING);
    *err = k.err;
    if (k.status == OK)
        client_unpin(&k, f);
    return k.status;
}

START_TEST(who_is_most_above_his_floor_gives_first)
{
    struct fake *f = start();
    client_touch(f, "b/1-150");
    client_touch(f, "b/2-150");
    client_touch(f, "a/1-300");
    client_touch(f, "a/2-400");
    client_touch(f, "d/1-100"); /* with this a has 300 above, b 100, d 100 */
    ck_assert(!resident(f, "a/1-300"));
    ck_assert(resident(f, "b/1-150"));
    ck_assert_uint_eq(usage_of(f, 0).bytes, 400);
    ck_assert_uint_eq(usage_of(f, 1).bytes, 300);
    ck_assert_uint_eq(usage_of(f, 3).bytes, 100);
    fake_free(f);
}
END_TEST

START_TEST(nobody_goes_below_his_floor_for_anothers_sake)
{
    struct fake *f = start();
    struct err err;
    client_touch(f, "a/1-200");
    client_touch(f, "a/2-200");
    client_touch(f, "b/1-200");
    client_touch(f, "d/1-300");
    client_touch(f, "d/2-300"); /* its own gives way, whatever is older */
    ck_assert(!resident(f, "d/1-300"));
    ck_assert_int_eq(miss(f, "e/1-500", &err), E_NO_ROOM);
    ck_assert(resident(f, "d/2-300"));
    ck_assert_int_eq(cache_scratch_take(f->cache, 500, &err), E_NO_ROOM);
    client_touch(f, "e/1-400");
    ck_assert(!resident(f, "d/2-300"));
    ck_assert(resident(f, "a/1-200"));
    ck_assert(resident(f, "a/2-200"));
    ck_assert(resident(f, "b/1-200"));
    fake_free(f);
}
END_TEST

START_TEST(a_model_too_large_to_leave_the_floor_whole_is_passed_over)
{
    struct fake *f = start();
    client_touch(f, "a/1-350"); /* without it a has 200 */
    client_touch(f, "a/2-100");
    client_touch(f, "a/3-100");
    client_touch(f, "b/1-200");
    client_touch(f, "d/1-100");
    client_touch(f, "e/1-250");
    ck_assert(resident(f, "a/1-350"));
    ck_assert(!resident(f, "a/2-100"));
    fake_free(f);
}
END_TEST

START_TEST(a_floor_is_had_whoever_took_its_bytes_meanwhile)
{
    struct fake *f = start();
    client_touch(f, "d/1-500");
    client_touch(f, "d/2-500");
    client_touch(f, "a/1-400");
    ck_assert(!resident(f, "d/1-500"));
    ck_assert(resident(f, "d/2-500"));
    client_touch(f, "b/1-100");
    client_touch(f, "b/2-100");
    ck_assert(!resident(f, "d/2-500"));
    ck_assert(resident(f, "a/1-400"));
    ck_assert(resident(f, "b/1-100"));
    fake_free(f);
}
END_TEST

START_TEST(a_tenant_within_its_floor_gives_of_its_own_where_others_cannot)
{
    struct fake *f = start();
    struct err err;
    ck_ok(cache_scratch_take(f->cache, 500, &err), &err);
    client_touch(f, "b/1-200");
    client_touch(f, "a/1-150");
    client_touch(f, "a/2-150");
    client_touch(f, "a/3-100"); /* 400 is its floor, but runs hold half of the node */
    ck_assert(!resident(f, "a/1-150"));
    ck_assert(resident(f, "b/1-200"));
    cache_scratch_give(f->cache, 500);
    fake_free(f);
}
END_TEST

START_TEST(weights_divide_what_is_above_the_floors)
{
    static const struct tenant_rule rules[] = {
        {.name = "light", .floor_bytes = 100, .weight = 1},
        {.name = "heavy", .floor_bytes = 100, .weight = 3},
    };
    static const struct tenant_rules two = {.rules = rules, .n = 2};
    struct fake *f = fake_new_ruled(FAKE_INLINE, LIMIT, SLOTS, &two);
    char name[32];
    for (int round = 0; round < 5; round++)
        for (int i = 0; i < 10; i++) {
            snprintf(name, sizeof(name), "light/%d-100", i);
            client_touch(f, name);
            snprintf(name, sizeof(name), "heavy/%d-100", i);
            client_touch(f, name);
        }
    ck_assert_uint_eq(usage_of(f, 0).bytes, 300);
    ck_assert_uint_eq(usage_of(f, 1).bytes, 700);
    fake_free(f);
}
END_TEST

/* b had its models long ago, d comes now: the node is full, and each has 100 or more above its
 * floor. */
static struct fake *start_b_then_d(uint64_t seconds)
{
    struct fake *f = start();
    atomic_store(&f->now_us, SECOND);
    client_touch(f, "b/1-100");
    client_touch(f, "b/2-100");
    client_touch(f, "b/3-100");
    atomic_fetch_add(&f->now_us, seconds * SECOND);
    client_touch(f, "d/1-350");
    client_touch(f, "d/2-350");
    return f;
}

START_TEST(what_an_idle_tenant_has_above_its_floor_goes_first)
{
    struct fake *f = start_b_then_d(TENANT_IDLE_S + 1);
    client_touch(f, "a/1-100");
    ck_assert(!resident(f, "b/1-100"));
    ck_assert(resident(f, "d/1-350"));
    client_touch(f, "a/2-100"); /* b has its floor now */
    ck_assert(resident(f, "b/2-100"));
    ck_assert(!resident(f, "d/1-350"));
    fake_free(f);
}
END_TEST

START_TEST(a_tenant_is_idle_only_when_its_time_is_over)
{
    struct fake *f = start_b_then_d(TENANT_IDLE_S);
    client_touch(f, "a/1-100"); /* d has 700 above its floor, b 100 */
    ck_assert(resident(f, "b/1-100"));
    ck_assert(!resident(f, "d/1-350"));
    fake_free(f);
}
END_TEST

START_TEST(who_asks_is_not_idle)
{
    struct fake *f = start_b_then_d(TENANT_IDLE_S + 1);
    struct client k;
    (void)!client_load(&k, f, "b/4-100"); /* which is no invocation */
    ck_ok(k.status, &k.err);
    client_unpin(&k, f);
    ck_assert(resident(f, "b/1-100"));
    ck_assert(!resident(f, "d/1-350"));
    fake_free(f);
}
END_TEST

/* ---- ceilings ---- */

START_TEST(beyond_its_ceiling_a_tenant_gives_of_its_own_though_bytes_are_free)
{
    struct fake *f = start();
    client_touch(f, "c/1-150");
    client_touch(f, "c/2-150");
    client_touch(f, "c/3-100");
    ck_assert(!resident(f, "c/1-150"));
    ck_assert_uint_eq(usage_of(f, 2).bytes, 250);
    ck_assert_uint_eq(usage_of(f, 2).counts.evictions, 1);
    fake_free(f);
}
END_TEST

START_TEST(beyond_its_ceiling_a_tenant_takes_from_nobody_else)
{
    struct fake *f = start();
    client_touch(f, "d/1-600"); /* the oldest, and the most above its floor */
    client_touch(f, "c/1-150");
    client_touch(f, "c/2-150");
    client_touch(f, "c/3-100");
    ck_assert(resident(f, "d/1-600"));
    ck_assert(!resident(f, "c/1-150"));
    fake_free(f);
}
END_TEST

START_TEST(beyond_its_ceiling_a_tenant_is_refused_while_its_own_are_in_use)
{
    struct fake *f = start();
    struct client k;
    struct err err;
    client_touch(f, "c/1-250");
    ck_assert_int_eq(client_pin(&k, f, "c/1-250"), PIN_READY);
    ck_assert_int_eq(miss(f, "c/2-100", &err), E_NO_ROOM);
    ck_assert_msg(strstr(err.msg, "tenant 'c' may have 300"), "%s", err.msg);
    client_unpin(&k, f);
    client_touch(f, "c/2-100");
    fake_free(f);
}
END_TEST

START_TEST(a_model_above_its_tenants_ceiling_never_fits)
{
    struct fake *f = start();
    struct err err;
    ck_assert_int_eq(miss(f, "c/1-301", &err), E_NEVER_FITS);
    ck_assert_msg(strstr(err.msg, "the ceiling of tenant 'c' is 300"), "%s", err.msg);
    client_touch(f, "a/1-301");
    fake_free(f);
}
END_TEST

START_TEST(a_hint_takes_nothing_beyond_the_ceiling)
{
    struct fake *f = start();
    struct client k;
    client_touch(f, "c/1-250");
    ck_assert_int_eq(client_hint(&k, f, "c/2-100", HINT_SOON), PIN_WAITING);
    ck_assert_int_eq(k.status, E_NO_ROOM);
    ck_assert(resident(f, "c/1-250"));
    fake_free(f);
}
END_TEST

START_TEST(what_is_promised_counts_against_the_ceiling)
{
    struct fake *f = fake_new_ruled(FAKE_MANUAL, LIMIT, SLOTS, &ruled);
    struct client k, l;
    struct err err;
    ck_assert_int_eq(client_pin(&k, f, "c/1-200"), PIN_WAITING);
    ck_assert_int_eq(client_pin(&l, f, "c/2-200"), PIN_WAITING);
    struct fake_call one = fake_next_load(f), two = fake_next_load(f);
    ck_ok(fake_reserve(f, &one, &err), &err);
    ck_assert_int_eq(fake_reserve(f, &two, &err), E_NO_ROOM);
    cache_load_failed(f->cache, two.slot, &err, 1);
    fake_fail_load(f, &one, E_CANCELLED);
    ck_assert_uint_eq(usage_of(f, 2).bytes, 0);
    ck_assert_int_eq(l.status, E_NO_ROOM);
    fake_free(f);
}
END_TEST

/* A load that waits for the bytes of what goes for it has them already, to its tenant's account. */
START_TEST(what_is_promised_is_the_tenants)
{
    struct fake *f = fake_new_ruled(FAKE_MANUAL, LIMIT, SLOTS, &ruled);
    const struct load_need need = {.bytes = 200};
    struct room_wait first, second;
    struct client d, k, l;
    struct err err;
    ck_assert_int_eq(client_pin(&d, f, "d/1-900"), PIN_WAITING);
    fake_load_next(f);
    client_unpin(&d, f);
    ck_assert_int_eq(client_pin(&k, f, "c/1-200"), PIN_WAITING);
    ck_assert_int_eq(client_pin(&l, f, "c/2-200"), PIN_WAITING);
    struct fake_call one = fake_next_load(f), two = fake_next_load(f);
    ck_ok(room_ask_load(f->cache, one.slot, &need, &first, &err), &err);
    ck_assert(first.queued);
    ck_assert_uint_eq(usage_of(f, 2).bytes, 200);
    ck_assert_int_eq(room_ask_load(f->cache, two.slot, &need, &second, &err), E_NO_ROOM);
    ck_assert_msg(strstr(err.msg, "tenant 'c' may have 300"), "%s", err.msg);
    cache_load_failed(f->cache, two.slot, &err, 1);
    fake_unload_next(f);
    ck_ok(room_await(f->cache, &first, &err), &err);
    ck_assert_uint_eq(usage_of(f, 2).bytes, 200);
    fake_finish_load(f, &one);
    client_unpin(&k, f);
    fake_free(f);
}
END_TEST

/* ---- tenants without a rule ---- */

START_TEST(the_rule_for_others_holds_for_each_of_them)
{
    static const struct tenant_rule rules[] = {
        {.name = TENANT_OTHERS, .ceiling_bytes = 300, .weight = 1},
        {.name = "default", .weight = 1},
    };
    static const struct tenant_rules two = {.rules = rules, .n = 2};
    struct fake *f = fake_new_ruled(FAKE_INLINE, LIMIT, SLOTS, &two);
    client_touch(f, "x/1-200");
    client_touch(f, "y/1-200");
    client_touch(f, "x/2-200");
    client_touch(f, "without-400");
    ck_assert(!resident(f, "x/1-200"));
    ck_assert(resident(f, "y/1-200"));
    const struct tenant_usage mine = usage_of(f, 0), others = usage_of(f, 1);
    ck_assert_str_eq(mine.rule.name, "default");
    ck_assert_uint_eq(mine.bytes, 400);
    ck_assert_str_eq(others.rule.name, TENANT_OTHERS);
    ck_assert_uint_eq(others.bytes, 400);
    ck_assert_uint_eq(others.models, 2);
    ck_assert_uint_eq(others.counts.misses, 3);
    ck_assert_uint_eq(others.counts.loads, 3);
    ck_assert_uint_eq(others.counts.evictions, 1);
    fake_free(f);
}
END_TEST

START_TEST(tenants_without_a_rule_go_with_their_last_record)
{
    struct fake *f = start();
    struct err err;
    ck_assert_int_eq(miss(f, "x/missing-1", &err), OK);
    for (int i = 0; i < 500; i++) {
        char name[40];
        snprintf(name, sizeof(name), "t%d/m-100", i);
        client_touch(f, name);
    }
    uint32_t tenants = 0;
    for (const struct tenant *t = f->cache->tenants.all; t; t = t->next)
        tenants++;
    ck_assert_uint_le(tenants, SLOTS + 3);
    ck_assert_uint_eq(usage_of(f, 3).counts.misses, 501);
    fake_free(f);
}
END_TEST

START_TEST(a_new_record_takes_the_place_of_one_whose_turn_it_is)
{
    struct fake *f = fake_new_ruled(FAKE_INLINE, LIMIT, 4, &ruled);
    struct client k;
    struct err err;
    client_touch(f, "a/1-200");
    client_touch(f, "a/2-200");
    client_touch(f, "b/1-200");
    client_touch(f, "d/1-100");
    client_touch(f, "d/2-100");
    ck_assert(resident(f, "a/1-200"));
    ck_assert(!resident(f, "d/1-100"));
    ck_assert_int_eq(client_pin(&k, f, "d/2-100"), PIN_READY);
    struct client l;
    ck_assert_int_eq(client_pin(&l, f, "e/1-1"), PIN_FAILED); /* the rest is floors */
    ck_assert_int_eq(l.status, E_NO_ROOM);
    client_unpin(&k, f);
    ck_assert_int_eq(miss(f, "a/3-100", &err), OK);
    fake_free(f);
}
END_TEST

START_TEST(without_rules_the_oldest_of_all_goes)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    client_touch(f, "a/1-100");
    client_touch(f, "b/1-450");
    client_touch(f, "b/2-450");
    client_touch(f, "b/3-100");
    ck_assert(!resident(f, "a/1-100"));
    const struct tenant_usage all = usage_of(f, 0);
    ck_assert_str_eq(all.rule.name, TENANT_OTHERS);
    ck_assert_uint_eq(all.bytes, 1000);
    ck_assert_uint_eq(all.counts.misses, 4);
    fake_free(f);
}
END_TEST

/* ---- what is shared ---- */

START_TEST(a_share_is_its_tenants_once_and_divided_where_tenants_share)
{
    struct fake *f = start();
    client_touch(f, "a/1-10+x90");
    client_touch(f, "a/2-10+x90");
    ck_assert_uint_eq(usage_of(f, 0).bytes, 110);
    client_touch(f, "b/1-10+x90");
    ck_assert_uint_eq(usage_of(f, 0).bytes, 80);
    ck_assert_uint_eq(usage_of(f, 1).bytes, 40);
    ck_assert_int_eq(cache_unload(f->cache, "a/1-10+x90", nothing, NULL, NULL), OK);
    ck_assert_uint_eq(usage_of(f, 0).bytes, 55);
    ck_assert_uint_eq(usage_of(f, 1).bytes, 55);
    ck_assert_int_eq(cache_unload(f->cache, "a/2-10+x90", nothing, NULL, NULL), OK);
    ck_assert_uint_eq(usage_of(f, 0).bytes, 0);
    ck_assert_uint_eq(usage_of(f, 1).bytes, 100);
    fake_free(f);
}
END_TEST

/* ---- rules ---- */

START_TEST(rules_that_cannot_be_kept_are_refused)
{
    static const struct {
        struct tenant_rule rules[3];
        const char *words;
    } cases[] = {
        {{{.name = "a", .floor_bytes = 600}, {.name = "b", .floor_bytes = 401}},
         "with 'b' the floors are together more than the 1000"},
        {{{.name = "a", .floor_bytes = 2, .ceiling_bytes = 1}}, "is above its ceiling, 1"},
        {{{.name = TENANT_OTHERS, .floor_bytes = 1}}, "can have no floor"},
        {{{.name = "a", .floor_bytes = UINT64_MAX}, {.name = "b", .floor_bytes = 2}}, "with 'a'"},
    };
    struct err err;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct tenant_rules r = {.rules = cases[i].rules, .n = 3};
        ck_assert_int_eq(tenants_check(&r, LIMIT, &err), E_USAGE);
        ck_assert_msg(strstr(err.msg, cases[i].words), "%s", err.msg);
    }
    ck_ok(tenants_check(&ruled, 600, &err), &err);
    ck_assert_int_eq(tenants_check(&ruled, 599, &err), E_USAGE);
}
END_TEST

Suite *suite_tenants(void)
{
    return SUITE(
        "tenants", who_is_most_above_his_floor_gives_first,
        nobody_goes_below_his_floor_for_anothers_sake,
        a_model_too_large_to_leave_the_floor_whole_is_passed_over,
        a_floor_is_had_whoever_took_its_bytes_meanwhile,
        a_tenant_within_its_floor_gives_of_its_own_where_others_cannot,
        weights_divide_what_is_above_the_floors, what_an_idle_tenant_has_above_its_floor_goes_first,
        a_tenant_is_idle_only_when_its_time_is_over, who_asks_is_not_idle,
        beyond_its_ceiling_a_tenant_gives_of_its_own_though_bytes_are_free,
        beyond_its_ceiling_a_tenant_takes_from_nobody_else,
        beyond_its_ceiling_a_tenant_is_refused_while_its_own_are_in_use,
        a_model_above_its_tenants_ceiling_never_fits, a_hint_takes_nothing_beyond_the_ceiling,
        what_is_promised_counts_against_the_ceiling, what_is_promised_is_the_tenants,
        the_rule_for_others_holds_for_each_of_them,
        tenants_without_a_rule_go_with_their_last_record,
        a_new_record_takes_the_place_of_one_whose_turn_it_is, without_rules_the_oldest_of_all_goes,
        a_share_is_its_tenants_once_and_divided_where_tenants_share,
        rules_that_cannot_be_kept_are_refused);
}
