/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Tenants by chance: hundreds of thousands of seeded steps of invocations, hints, DELETEs, runs'
 * arenas, kept and expiring models, over tenants with floors, ceilings and weights. After each step
 * every tenant's bytes are counted again from its models, and nobody who lost a model for another's
 * sake has less than its floor. Then how fairly tenants fare who want the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/policy/policy.h"
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/model.h"
#include "support/support.h"

enum {
    LIMIT = 2000,
    SLOTS = 200,
    STEPS = 100000,
    TENANTS = 5, /* the last one has no rule */
    EACH = 10,   /* models of a tenant */
    HELD = 4,    /* pins at once */
    SECOND = 1000000,
    NAME = 64,
};

static const struct tenant_rule rules[] = {
    {.name = "a", .floor_bytes = 500, .weight = 1},
    {.name = "b", .floor_bytes = 300, .weight = 2, .ttl_us = 50 * SECOND},
    {.name = "c", .floor_bytes = 200, .ceiling_bytes = 600, .weight = 1},
    {.name = "d", .weight = 3, .min_residency_us = 20 * SECOND},
    {.name = TENANT_OTHERS, .ceiling_bytes = 900, .weight = 1},
};

#define CHECK(x) /* ck_assert writes to a pipe each time */                                        \
    do {                                                                                           \
        if (!(x))                                                                                  \
            ck_abort_msg("step %d: %s", now, #x);                                                  \
    } while (0)

static struct fake *fake;
static uint64_t seed;
static int now;
static char names[TENANTS][EACH][NAME];
static struct client held[HELD];
static bool holds[HELD];
static uint64_t scratch;
static struct tenant_usage before[TENANTS], after[TENANTS];
static uint64_t lost; /* models for another's sake */

static int draw(int n)
{
    return (int)(draw_u64(&seed) % (uint64_t)n);
}

/* mixed: models of different tenants have shares in common. */
static void name_all(bool mixed)
{
    for (int t = 0; t < TENANTS; t++)
        for (int m = 0; m < EACH; m++) {
            int n =
                snprintf(names[t][m], NAME, "%c/m%d-%d", t < 4 ? 'a' + t : 'z', m, 20 + 13 * m + t);
            for (int k = 0; k < m % 3; k++) {
                int id = (mixed ? 0 : t * 5) + (m + 2 * k) % 5;
                n += snprintf(names[t][m] + n, (size_t)(NAME - n), "+%c%d", 'A' + id, 10 + 7 * id);
            }
        }
}

static void read_usage(struct tenant_usage *out)
{
    CHECK(cache_tenants(fake->cache, out, TENANTS) == TENANTS);
}

static int tenant_of(const char *name)
{
    return *name == 'z' ? TENANTS - 1 : *name - 'a';
}

/* What a kept model holds, by its name, and no other of its tenant does that was counted before:
 * what they share is named by a letter. */
static uint64_t kept_besides(const char *name, uint32_t *counted)
{
    uint64_t bytes = strtoull(strchr(name, '-') + 1, NULL, 10);
    for (const char *at = strchr(name, '+'); at; at = strchr(at + 1, '+')) {
        const uint32_t bit = 1u << (at[1] - 'A');
        bytes += *counted & bit ? 0 : strtoull(at + 2, NULL, 10);
        *counted |= bit;
    }
    return bytes;
}

/* Bytes, models and kept ones by what each model says of itself. */
static void check_account(bool mixed)
{
    static struct slot_info all[SLOTS];
    uint64_t bytes[TENANTS] = {0}, kept[TENANTS] = {0}, models[TENANTS] = {0};
    uint32_t counted[TENANTS] = {0};
    size_t n = cache_list(fake->cache, "", all, SLOTS);
    for (size_t i = 0; i < n; i++) {
        const int t = tenant_of(all[i].name);
        bytes[t] += all[i].part_bytes;
        models[t] += all[i].state == SLOT_RESIDENT;
        CHECK(!all[i].kept || all[i].state == SLOT_RESIDENT);
        kept[t] += all[i].kept ? kept_besides(all[i].name, &counted[t]) : 0;
    }
    for (int t = 0; t < TENANTS; t++) {
        CHECK(bytes[t] == after[t].bytes);
        CHECK(models[t] == after[t].models);
        CHECK(kept[t] == after[t].kept_bytes);
        CHECK(mixed || !rules[t].ceiling_bytes || after[t].bytes <= rules[t].ceiling_bytes);
        CHECK(mixed || after[t].kept_bytes <= rules[t].floor_bytes);
    }
}

/* asker: whose load it was; -1: a run's arena. */
static void check_floors(int asker)
{
    for (int t = 0; t < TENANTS; t++) {
        uint64_t gone = after[t].counts.evictions - before[t].counts.evictions;
        if (t == asker || !gone)
            continue;
        CHECK(after[t].bytes >= rules[t].floor_bytes);
        lost += gone;
    }
}

static void load(const char *name)
{
    int at = draw(HELD);
    if (holds[at]) {
        client_unpin(&held[at], fake);
        holds[at] = false;
    }
    struct client *k = &held[at];
    if (draw(8))
        (void)!client_pin(k, fake, name);
    else
        (void)!client_hint(k, fake, name, draw(2) ? HINT_SOON : HINT_COLD);
    CHECK(k->status == OK || k->status == E_NO_ROOM);
    holds[at] = k->status == OK;
    if (holds[at] && draw(3)) {
        client_unpin(k, fake);
        holds[at] = false;
    }
}

static void keep(const char *name)
{
    struct err err;
    struct pin pin;
    if (!cache_pin_resident(fake->cache, name, &pin))
        return;
    enum status s = cache_keep(fake->cache, &pin, &err);
    CHECK(s == OK || s == E_FLOOR);
    cache_unpin(fake->cache, &pin);
}

static void nothing(void *arg)
{
    UNUSED(arg);
}

static void arena(void)
{
    struct err err;
    if (scratch) {
        cache_scratch_give(fake->cache, scratch);
        scratch = 0;
        return;
    }
    uint64_t bytes = (uint64_t)(1 + draw(400));
    if (cache_scratch_take(fake->cache, bytes, &err) == OK)
        scratch = bytes;
}

/* One step; whose load it was, -1 for an arena, -2 where models go for nobody's sake. */
static int step(void)
{
    struct err err;
    int t = draw(TENANTS), what = draw(40);
    const char *name = names[t][draw(EACH)];
    atomic_fetch_add(&fake->now_us, (uint64_t)draw(SECOND));
    if (what < 30) {
        load(name);
        return t;
    }
    if (what < 33) {
        arena();
        return -1;
    }
    if (what < 35)
        keep(name);
    else if (what < 38)
        (void)!cache_unkeep(fake->cache, name, &err);
    else if (what < 39 && !fake_info(fake, name).pins)
        (void)!cache_unload(fake->cache, name, nothing, NULL, &err);
    else
        (void)!cache_expire(fake->cache, atomic_load(&fake->now_us));
    return -2;
}

static void run(bool mixed, const struct policy_ops *policy)
{
    const struct cache_config config = {.limit_bytes = LIMIT,
                                        .slots_max = SLOTS,
                                        .policy = policy,
                                        .tenants = {.rules = rules, .n = TENANTS}};
    fake = fake_new_with(FAKE_INLINE, &config);
    seed = 20261129;
    lost = 0;
    name_all(mixed);
    read_usage(after);
    for (now = 0; now < STEPS; now++) {
        memcpy(before, after, sizeof(before));
        int asker = step();
        read_usage(after);
        check_account(mixed);
        if (asker >= -1)
            check_floors(asker);
    }
    CHECK(lost > STEPS / 100);
    for (int i = 0; i < HELD; i++)
        if (holds[i])
            client_unpin(&held[i], fake);
    memset(holds, 0, sizeof(holds));
    if (scratch)
        cache_scratch_give(fake->cache, scratch);
    scratch = 0;
    fake_free(fake);
}

START_TEST(nobody_loses_what_its_floor_keeps_for_anothers_sake)
{
    run(false, NULL);
}
END_TEST

START_TEST(nor_where_tenants_share)
{
    run(true, NULL);
}
END_TEST

START_TEST(nor_under_a_policy_that_names_victims)
{
    run(false, &policy_gdsf);
}
END_TEST

/* ---- fairness ---- */

enum { RIVALS = 4, RIVAL_MODELS = 20, REQUESTS = 40000 };

/* Hit rates of tenants who ask for one of their own models of 50 bytes each, one of them so many
 * times as often as each of the others. */
static void compete(int times, double rate[RIVALS])
{
    static const struct tenant_rule equal[] = {{.name = "r0", .weight = 1},
                                               {.name = "r1", .weight = 1},
                                               {.name = "r2", .weight = 1},
                                               {.name = "r3", .weight = 1}};
    static const struct tenant_rules four = {.rules = equal, .n = RIVALS};
    struct fake *f = fake_new_ruled(FAKE_INLINE, LIMIT, SLOTS, &four);
    struct tenant_usage u[RIVALS + 1];
    char name[NAME];
    seed = 7;
    for (int i = 0; i < REQUESTS; i++) {
        int t = draw(times + RIVALS - 1);
        t = t < times ? 0 : t - times + 1;
        snprintf(name, sizeof(name), "r%d/%d-50", t, draw(RIVAL_MODELS));
        client_touch(f, name);
    }
    ck_assert_uint_eq(cache_tenants(f->cache, u, RIVALS + 1), RIVALS + 1);
    for (int i = 0; i < RIVALS; i++)
        rate[i] = (double)u[i].counts.hits / (double)(u[i].counts.hits + u[i].counts.misses);
    fake_free(f);
}

static double jain(const double x[RIVALS])
{
    double sum = 0, squares = 0;
    for (int i = 0; i < RIVALS; i++) {
        sum += x[i];
        squares += x[i] * x[i];
    }
    return sum * sum / (RIVALS * squares);
}

/* Each has room for half of its models, so half of what it asks for is there. */
START_TEST(who_wants_the_same_gets_the_same_and_a_flood_changes_nothing)
{
    double equal[RIVALS], flood[RIVALS];
    compete(1, equal);
    compete(20, flood);
    ck_assert_double_ge(jain(equal), 0.999);
    ck_assert_double_ge(jain(flood), 0.99);
    for (int i = 1; i < RIVALS; i++)
        ck_assert_double_ge(flood[i], 0.95 * equal[i]);
}
END_TEST

Suite *suite_tenants_random(void)
{
    return SUITE_SERIAL("tenants_random", nobody_loses_what_its_floor_keeps_for_anothers_sake,
                        nor_where_tenants_share, nor_under_a_policy_that_names_victims,
                        who_wants_the_same_gets_the_same_and_a_flood_changes_nothing);
}
