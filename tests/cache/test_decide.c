/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Decisions of more victims than one hold of the lock takes: what may happen between two holds.
 * The source frees at once what it is given between them, and that is where a test steps in. */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "cache/cache_priv.h"
#include "cache/policy/policy.h"
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 400, SMALL = 200, NAME = 32, SECOND = 1000000 };

static void name_of(int k, char out[NAME])
{
    snprintf(out, NAME, "m%d-5", k);
}

static bool is_there(struct fake *f, int k)
{
    char name[NAME];
    name_of(k, name);
    return fake_info(f, name).state == SLOT_RESIDENT;
}

/* A node full of models of 5 bytes, m0 the oldest. */
static struct fake *start(void)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    char name[NAME];
    metrics_reset();
    for (int k = 0; k < SMALL; k++) {
        name_of(k, name);
        client_touch(f, name);
    }
    return f;
}

static enum status load(struct fake *f, const char *name)
{
    struct client k;
    ck_assert_int_eq(client_pin(&k, f, name), PIN_WAITING);
    if (k.status == OK)
        client_unpin(&k, f);
    return k.status;
}

static uint64_t promised(struct fake *f)
{
    lock_take(&f->cache->lock);
    const uint64_t n = f->cache->promised;
    ck_assert(!f->cache->deciding);
    lock_release(&f->cache->lock);
    return n;
}

/* What a test does between the first two holds that evict. */
struct step {
    void (*take)(struct step *s, struct fake *f);
    int k;
    bool taken;
    uint64_t most; /* that drained at the same time */
    struct client client;
    pthread_t thread;
    struct fake *fake;
    struct err err;
};

static void between(struct fake *f, const struct fake_value *v)
{
    struct step *s = f->arg;
    uint64_t states[SLOT_STATE_COUNT];
    UNUSED(v);
    cache_counts(f->cache, states);
    s->most = MAX(s->most, states[SLOT_DRAINING]);
    if (s->taken || !s->take)
        return;
    s->taken = true;
    s->take(s, f);
}

static void step_in(struct fake *f, struct step *s)
{
    f->arg = s;
    f->unloaded = between;
}

static void pin(struct step *s, struct fake *f)
{
    char name[NAME];
    name_of(s->k, name);
    ck_assert_int_eq(client_pin(&s->client, f, name), PIN_READY);
}

START_TEST(the_oldest_go_some_in_each_hold)
{
    struct fake *f = start();
    struct step s = {0};
    step_in(f, &s);
    ck_assert_int_eq(load(f, "large-750"), OK);
    for (int k = 0; k < SMALL; k++)
        ck_assert_int_eq(is_there(f, k), k >= 150);
    ck_assert_uint_eq(s.most, CHOOSE_STRETCH);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 150);
    ck_assert_uint_eq(promised(f), 0);
    fake_free(f);
}
END_TEST

/* hazard looks long at each: eight of a sample go, and the next hold draws another. */
START_TEST(where_a_policy_looks_long_fewer_go_in_each_hold)
{
    const struct cache_config c = {
        .limit_bytes = LIMIT, .slots_max = SLOTS, .policy = &policy_hazard};
    struct fake *f = fake_new_with(FAKE_INLINE, &c);
    struct step s = {0};
    char name[NAME];
    metrics_reset();
    for (int k = 0; k < SMALL; k++) {
        name_of(k, name);
        client_touch(f, name);
    }
    step_in(f, &s);
    ck_assert_int_eq(load(f, "large-200"), OK);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 40);
    ck_assert_uint_gt(s.most, 0);
    ck_assert_uint_le(s.most, 8);
    fake_free(f);
}
END_TEST

/* Each victim is found among all of a tenant that has the most: ten at first, six at last. */
START_TEST(where_a_policy_is_told_of_many_fewer_go_in_each_hold)
{
    static const struct tenant_rule others = {.name = TENANT_OTHERS, .weight = 1};
    const struct cache_config c = {.limit_bytes = LIMIT,
                                   .slots_max = SLOTS,
                                   .policy = &policy_gdsf,
                                   .tenants = {.rules = &others, .n = 1}};
    struct fake *f = fake_new_with(FAKE_INLINE, &c);
    struct step s = {0};
    char name[NAME];
    metrics_reset();
    for (int k = 0; k < SMALL; k++) {
        snprintf(name, sizeof(name), "t%d/m%d-%d", k % 20, k / 20, LIMIT / SMALL);
        client_touch(f, name);
    }
    step_in(f, &s);
    ck_assert_int_eq(load(f, "large-500"), OK);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 100);
    ck_assert_uint_ge(s.most, NAMING_LOOKS * CHOOSE_STRETCH / 10);
    ck_assert_uint_le(s.most, NAMING_LOOKS * CHOOSE_STRETCH / 6 + 1);
    fake_free(f);
}
END_TEST

START_TEST(a_runs_arena_takes_many_as_a_load_does)
{
    struct fake *f = start();
    struct step s = {0};
    struct err err;
    step_in(f, &s);
    ck_ok(cache_scratch_take(f->cache, 500, &err), &err);
    for (int k = 0; k < SMALL; k++)
        ck_assert_int_eq(is_there(f, k), k >= 100);
    ck_assert_uint_eq(s.most, CHOOSE_STRETCH);
    cache_scratch_give(f->cache, 500);
    fake_free(f);
}
END_TEST

START_TEST(where_so_many_do_not_suffice_nobody_goes)
{
    struct fake *f = start();
    struct client pins[21];
    char name[NAME];
    for (int i = 0; i < 21; i++) {
        name_of(i * 9, name);
        ck_assert_int_eq(client_pin(&pins[i], f, name), PIN_READY);
    }
    ck_assert_int_eq(load(f, "large-900"), E_NO_ROOM);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 0);
    ck_assert_uint_eq(promised(f), 0);
    client_unpin(&pins[20], f);
    ck_assert_int_eq(load(f, "large-900"), OK);
    for (int k = 0; k < SMALL; k++)
        ck_assert_int_eq(is_there(f, k), k % 9 == 0 && k < 180);
    for (int i = 0; i < 20; i++)
        client_unpin(&pins[i], f);
    fake_free(f);
}
END_TEST

START_TEST(who_is_pinned_meanwhile_stays_and_the_next_one_goes)
{
    struct fake *f = start();
    struct step s = {.take = pin, .k = 149};
    step_in(f, &s);
    ck_assert_int_eq(load(f, "large-750"), OK);
    for (int k = 0; k < SMALL; k++)
        ck_assert_int_eq(is_there(f, k), k >= 151 || k == 149);
    client_unpin(&s.client, f);
    fake_free(f);
}
END_TEST

START_TEST(where_it_no_longer_suffices_what_was_promised_is_others)
{
    struct fake *f = start();
    struct step s = {.take = pin, .k = 199};
    struct err err;
    step_in(f, &s);
    ck_assert_int_eq(load(f, "large-1000"), E_NO_ROOM);
    ck_assert(is_there(f, 199));
    ck_assert_uint_eq(promised(f), 0);
    uint64_t gone = metric_get(M_EVICT_ROOM);
    ck_assert_uint_ge(gone, CHOOSE_STRETCH);
    ck_assert_uint_lt(gone, SMALL);
    ck_ok(cache_scratch_take(f->cache, 5 * gone, &err), &err);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), gone);
    cache_scratch_give(f->cache, 5 * gone);
    client_unpin(&s.client, f);
    ck_assert_int_eq(load(f, "large-1000"), OK);
    fake_free(f);
}
END_TEST

static void nothing(void *arg)
{
    UNUSED(arg);
}

static void delete_large(struct step *s, struct fake *f)
{
    ck_ok(cache_unload(f->cache, "large-750", nothing, NULL, &s->err), &s->err);
}

START_TEST(a_delete_in_between_ends_it)
{
    struct fake *f = start();
    struct step s = {.take = delete_large};
    step_in(f, &s);
    ck_assert_int_eq(load(f, "large-750"), E_CANCELLED);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), CHOOSE_STRETCH);
    ck_assert_uint_eq(promised(f), 0);
    fake_free(f);
}
END_TEST

START_TEST(a_delete_before_the_proof_evicts_nobody)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k;
    struct err err;
    client_touch(f, "small-900");
    ck_assert_int_eq(client_pin(&k, f, "large-800"), PIN_WAITING);
    const struct fake_call call = fake_next_load(f);
    struct room_wait r = {.bytes = 800, .class = BUDGET_RESERVED, .slot = call.slot};
    ck_ok(cache_unload(f->cache, "large-800", nothing, NULL, &err), &err);
    f->cache->deciding = true;
    ck_assert_int_eq(decide_many(f->cache, &r), ASKED_SETTLED);
    ck_assert_int_eq(room_await(f->cache, &r, &err), E_CANCELLED);
    ck_assert_int_eq(fake_info(f, "small-900").state, SLOT_RESIDENT);
    ck_assert_uint_eq(promised(f), 0);
    fake_fail_load(f, &call, E_CANCELLED);
    fake_free(f);
}
END_TEST

/* A proof leaves a slot that is nobody's in the list while it lets go of the lock. */
START_TEST(who_looks_at_all_between_two_holds_passes_the_place_of_a_proof)
{
    static const struct tenant_rule some[] = {{.name = "a", .weight = 1, .floor_bytes = 100},
                                              {.name = "b", .weight = 1, .ttl_us = SECOND}};
    const struct tenant_rules rules = {.rules = some, .n = ARRAY_COUNT(some)};
    struct fake *f = fake_new_ruled(FAKE_INLINE, LIMIT, SLOTS, &rules);
    struct slot place = {.state = SLOT_ABSENT};
    struct tenant_usage usage[3];
    struct client k;
    struct err err;
    client_touch(f, "a/1-10");
    client_touch(f, "b/1-10");
    gates_close(f->cache);
    lru_add(&f->cache->live, &place.link);
    lru_sink(&f->cache->live, &place.link);
    gates_open(f->cache);
    ck_assert_int_eq(client_pin(&k, f, "a/1-10"), PIN_READY);
    ck_ok(cache_keep(f->cache, &k.pin, &err), &err);
    client_unpin(&k, f);
    ck_assert_uint_eq(cache_tenants(f->cache, usage, ARRAY_COUNT(usage)), ARRAY_COUNT(usage));
    ck_assert_uint_eq(usage[0].models + usage[1].models + usage[2].models, 2);
    ck_assert_uint_eq(cache_expire(f->cache, 100 * SECOND), 1);
    ck_assert_int_eq(load(f, "a/2-900"), OK);
    gates_close(f->cache);
    lru_remove(&place.link);
    gates_open(f->cache);
    fake_free(f);
}
END_TEST

static void pin_there(struct step *s, struct fake *f)
{
    char name[NAME];
    name_of(s->k, name);
    ck_assert(cache_pin_resident(f->cache, name, &s->client.pin));
}

START_TEST(what_expires_goes_some_in_each_hold)
{
    static const struct tenant_rules all = {.ttl_us = 5 * SECOND};
    struct fake *f = fake_new_ruled(FAKE_INLINE, LIMIT, SLOTS, &all);
    struct step s = {.take = pin_there, .k = 190};
    char name[NAME];
    atomic_store(&f->now_us, SECOND);
    for (int k = 0; k < SMALL; k++) {
        name_of(k, name);
        client_touch(f, name);
    }
    step_in(f, &s);
    ck_assert_uint_eq(cache_expire(f->cache, 6 * SECOND), SMALL - 1);
    for (int k = 0; k < SMALL; k++)
        ck_assert_int_eq(is_there(f, k), k == 190);
    ck_assert_uint_eq(s.most, CHOOSE_STRETCH);
    client_unpin(&s.client, f);
    ck_assert_uint_eq(cache_expire(f->cache, 11 * SECOND), 1);
    fake_free(f);
}
END_TEST

static void *take_scratch(void *arg)
{
    struct step *s = arg;
    if (cache_scratch_take(s->fake->cache, 5, &s->err) == OK)
        cache_scratch_give(s->fake->cache, 5);
    return NULL;
}

/* The turns given to it order nothing: they let the thread be early, could it be. */
static void ask_too(struct step *s, struct fake *f)
{
    s->fake = f;
    ck_assert_int_eq(pthread_create(&s->thread, NULL, take_scratch, s), 0);
    for (int i = 0; i < 20000; i++)
        sched_yield();
}

START_TEST(who_asks_in_between_takes_nothing_from_it)
{
    struct fake *f = start();
    struct step s = {.take = ask_too};
    step_in(f, &s);
    ck_assert_int_eq(load(f, "large-1000"), OK); /* all that there is */
    pthread_join(s.thread, NULL);
    fake_free(f);
}
END_TEST

START_TEST(those_that_are_to_stay_go_once_nothing_else_is_left)
{
    static const struct tenant_rule stay = {
        .name = TENANT_OTHERS, .weight = 1, .min_residency_us = 20 * SECOND};
    const struct tenant_rules rules = {.rules = &stay, .n = 1};
    struct fake *f = fake_new_ruled(FAKE_INLINE, LIMIT, SLOTS, &rules);
    struct step s = {.take = pin, .k = 149};
    char name[NAME];
    for (int k = 0; k < SMALL; k++) {
        atomic_store(&f->now_us, k < 150 ? 1 : 30 * SECOND);
        name_of(k, name);
        client_touch(f, name);
    }
    step_in(f, &s);
    ck_assert_int_eq(load(f, "large-750"), OK);
    for (int k = 0; k < SMALL; k++)
        ck_assert_int_eq(is_there(f, k), k >= 151 || k == 149);
    client_unpin(&s.client, f);
    fake_free(f);
}
END_TEST

START_TEST(the_version_it_replaces_makes_way_where_all_others_do_not_suffice)
{
    const struct cache_config config = {
        .limit_bytes = LIMIT, .slots_max = SLOTS, .reload_evicts = true};
    struct fake *f = fake_new_with(FAKE_INLINE, &config);
    struct client k;
    char name[NAME];
    f->cache->stretch = 1;
    client_touch(f, "x-700");
    for (int i = 0; i < 60; i++) {
        name_of(i, name);
        client_touch(f, name);
    }
    metrics_reset();
    ck_assert(client_reload(&k, f, "x-700", NULL));
    ck_assert_int_eq(k.status, OK);
    client_unpin(&k, f);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 0);
    for (int i = 0; i < 60; i++)
        ck_assert(is_there(f, i));
    fake_free(f);
}
END_TEST

/* Of two that were proven one is pinned meanwhile: then the old version goes for the new one. */
START_TEST(it_makes_way_too_where_what_was_proven_is_pinned_meanwhile)
{
    const struct cache_config config = {
        .limit_bytes = LIMIT, .slots_max = SLOTS, .reload_evicts = true};
    struct fake *f = fake_new_with(FAKE_INLINE, &config);
    struct step s = {.take = pin_there, .k = 94};
    struct client k;
    char name[NAME];
    client_touch(f, "x-500");
    for (int i = 0; i < 95; i++) {
        name_of(i, name);
        client_touch(f, name);
    }
    client_touch(f, "x-500");
    step_in(f, &s);
    ck_assert(client_reload(&k, f, "x-500", NULL)); /* 25 are free, and all 95 are to go */
    ck_assert_int_eq(k.status, OK);
    client_unpin(&k, f);
    client_unpin(&s.client, f);
    ck_assert_uint_eq(promised(f), 0);
    fake_free(f);
}
END_TEST

/* 100 models of 4 bytes that share 500, m0 the oldest. */
static struct fake *start_shared(const char *share)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    char name[NAME];
    metrics_reset();
    for (int k = 0; k < 100; k++) {
        snprintf(name, NAME, "m%d-4+%s", k, share);
        client_touch(f, name);
    }
    return f;
}

START_TEST(what_many_share_is_free_once_the_last_of_them_goes)
{
    struct fake *f = start_shared("x500");
    struct client k;
    ck_assert_int_eq(client_pin(&k, f, "m99-4+x500"), PIN_READY);
    ck_assert_int_eq(load(f, "large-600"), E_NO_ROOM);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 0);
    client_unpin(&k, f);
    ck_assert_int_eq(load(f, "large-600"), OK);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 100);
    fake_free(f);
}
END_TEST

static void pin_plain(struct step *s, struct fake *f)
{
    ck_assert_int_eq(client_pin(&s->client, f, "p-300"), PIN_READY);
}

START_TEST(who_is_refused_in_between_may_have_been_the_last_to_hold_something)
{
    struct fake *f = start_shared("x100");
    struct step s = {.take = pin_plain};
    client_touch(f, "p-300");
    step_in(f, &s);
    ck_assert_int_eq(load(f, "large-850+x100"), E_NO_ROOM);
    ck_assert_uint_eq(fake_used(f, BUDGET_RESIDENT) + fake_used(f, BUDGET_DRAINING),
                      300 + (100 - metric_get(M_EVICT_ROOM)) * 4 +
                          (metric_get(M_EVICT_ROOM) < 100 ? 100 : 0));
    client_unpin(&s.client, f);
    ck_assert_int_eq(load(f, "large-850+x100"), OK);
    fake_free(f);
}
END_TEST

Suite *suite_decide(void)
{
    return SUITE("decide", the_oldest_go_some_in_each_hold, a_runs_arena_takes_many_as_a_load_does,
                 where_so_many_do_not_suffice_nobody_goes,
                 who_is_pinned_meanwhile_stays_and_the_next_one_goes,
                 where_it_no_longer_suffices_what_was_promised_is_others,
                 a_delete_in_between_ends_it, a_delete_before_the_proof_evicts_nobody,
                 who_looks_at_all_between_two_holds_passes_the_place_of_a_proof,
                 what_expires_goes_some_in_each_hold,
                 where_a_policy_looks_long_fewer_go_in_each_hold,
                 where_a_policy_is_told_of_many_fewer_go_in_each_hold,
                 who_asks_in_between_takes_nothing_from_it,
                 those_that_are_to_stay_go_once_nothing_else_is_left,
                 the_version_it_replaces_makes_way_where_all_others_do_not_suffice,
                 it_makes_way_too_where_what_was_proven_is_pinned_meanwhile,
                 what_many_share_is_free_once_the_last_of_them_goes,
                 who_is_refused_in_between_may_have_been_the_last_to_hold_something);
}
