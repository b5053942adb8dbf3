/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Who gives way, beside a model that is as plain as can be: it looks through all tenants for each
 * victim and through all models for each tenant's oldest, in one go. Seeded steps of invocations,
 * loads that nobody invokes, arenas and time that passes; after each that may evict, the same
 * models are resident, whether the cache takes all victims in one hold of its lock or one at a
 * time. */
#include <stdio.h>
#include <string.h>

#include "cache/cache_priv.h"
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/model.h"
#include "support/support.h"

enum {
    LIMIT = 3000,
    SLOTS = 200,
    STEPS = 12000,
    TENANTS = 7, /* four with rules */
    EACH = 14,   /* models of a tenant */
    HELD = 6,    /* pins at once */
    SECOND = 1000000,
    NAME = 32,
};

#define CHECK(x) /* ck_assert writes to a pipe each time */                                        \
    do {                                                                                           \
        if (!(x))                                                                                  \
            ck_abort_msg("stretch %u, step %d: %s", stretch, now, #x);                             \
    } while (0)

static const struct tenant_rule rules[] = {
    {.name = "a", .floor_bytes = 500, .weight = 1},
    {.name = "b", .floor_bytes = 300, .weight = 2},
    {.name = "c", .ceiling_bytes = 900, .weight = 1},
    {.name = "d", .weight = 2, .min_residency_us = 20 * SECOND},
    {.name = TENANT_OTHERS, .weight = 1},
};

static const struct tenant_rule everyone = {.weight = 1};

struct plain {
    char name[NAME];
    uint64_t bytes, loaded_us;
    int used_at; /* step */
    int pins;
    bool resident, seen, going;
};

static struct {
    struct plain models[EACH];
    const struct tenant_rule *rule;
    uint64_t last_us, leaving;
    int number; /* 0: not there yet */
    bool through;
} tenants[TENANTS];

static struct fake *fake;
static uint64_t seed, scratch, now_us;
static int now, came;
static uint32_t stretch;
static bool ruled;
static struct {
    struct client client;
    struct plain *model; /* NULL: none */
} held[HELD];
static struct {
    uint64_t victims, many, refused;
} tally;

static int draw(int n)
{
    return (int)(draw_u64(&seed) % (uint64_t)n);
}

/* ---- the plain model ---- */

/* One tenant where there are no rules: of all models. */
static int tenants_there(void)
{
    return ruled ? TENANTS : 1;
}

static struct plain *model_at(int tenant, int i)
{
    return ruled ? &tenants[tenant].models[i] : &tenants[i / EACH].models[i % EACH];
}

static int models_of_one(void)
{
    return ruled ? EACH : TENANTS * EACH;
}

static uint64_t used_by(int tenant)
{
    uint64_t bytes = 0;
    for (int i = 0; i < models_of_one(); i++)
        bytes += model_at(tenant, i)->resident ? model_at(tenant, i)->bytes : 0;
    return bytes;
}

static uint64_t would_have(int tenant, int asker, uint64_t bytes)
{
    return used_by(tenant) + (tenant == asker ? bytes : 0) - tenants[tenant].leaving;
}

static bool over_ceiling(int asker, uint64_t bytes)
{
    uint64_t most = asker < 0 ? 0 : tenants[asker].rule->ceiling_bytes;
    return most && would_have(asker, asker, bytes) > most;
}

static bool is_idle(int tenant, int asker)
{
    uint64_t last_us = tenants[tenant].last_us;
    return tenant != asker && now_us > last_us &&
           now_us - last_us > TENANT_IDLE_S * (uint64_t)SECOND;
}

/* -1: nobody. */
static int turn(int asker, uint64_t bytes)
{
    int best = -1;
    double most = 0;
    if (over_ceiling(asker, bytes))
        return tenants[asker].through ? -1 : asker;
    for (int t = 0; t < tenants_there(); t++) {
        const struct tenant_rule *rule = tenants[t].rule;
        uint64_t has = would_have(t, asker, bytes);
        if (tenants[t].through || !tenants[t].number || (t != asker && has <= rule->floor_bytes))
            continue;
        double over = ((double)has - (double)rule->floor_bytes) / (double)rule->weight;
        bool idle = is_idle(t, asker), best_idle = best >= 0 && is_idle(best, asker);
        bool later = best >= 0 && tenants[t].number > tenants[best].number;
        if (best < 0 || idle > best_idle ||
            (idle == best_idle && (over > most || (over == most && later)))) {
            best = t;
            most = over;
        }
    }
    return best;
}

static struct plain *oldest(int tenant, bool all)
{
    struct plain *o = NULL;
    for (int i = 0; i < models_of_one(); i++) {
        struct plain *m = model_at(tenant, i);
        bool stays = !all && now_us - m->loaded_us < tenants[tenant].rule->min_residency_us;
        if (m->resident && !m->pins && !m->seen && !stays && (!o || m->used_at < o->used_at))
            o = m;
    }
    if (o)
        o->seen = true;
    return o;
}

static void begin(void)
{
    for (int t = 0; t < TENANTS; t++) {
        tenants[t].leaving = 0;
        tenants[t].through = false;
        for (int i = 0; i < EACH; i++)
            tenants[t].models[i].seen = tenants[t].models[i].going = false;
    }
}

static int finish(void)
{
    int n = 0;
    for (int t = 0; t < TENANTS; t++)
        for (int i = 0; i < EACH; i++) {
            n += tenants[t].models[i].going;
            tenants[t].models[i].resident &= !tenants[t].models[i].going;
        }
    begin();
    return n;
}

static bool choose(int asker, uint64_t bytes, bool all)
{
    uint64_t have = LIMIT - scratch;
    begin();
    for (int t = 0; t < tenants_there(); t++)
        have -= used_by(t);
    while (have < bytes || over_ceiling(asker, bytes)) {
        int t = turn(asker, bytes);
        if (t < 0)
            return false;
        struct plain *m = oldest(t, all);
        uint64_t has = would_have(t, asker, bytes), floor = tenants[t].rule->floor_bytes;
        if (!m) {
            tenants[t].through = true;
        } else if (t == asker || has - floor >= m->bytes) {
            m->going = true;
            have += m->bytes;
            tenants[t].leaving += m->bytes;
        }
    }
    return true;
}

/* False: nobody went. */
static bool make_room(int asker, uint64_t bytes)
{
    bool good = choose(asker, bytes, !ruled) || (ruled && choose(asker, bytes, true));
    if (!good) {
        begin();
        tally.refused++;
        return false;
    }
    int n = finish();
    tally.victims += (uint64_t)n;
    tally.many += n > 3;
    return true;
}

/* ---- the steps ---- */

static void compare(void)
{
    for (int t = 0; t < TENANTS; t++)
        for (int i = 0; i < EACH; i++) {
            const struct plain *m = &tenants[t].models[i];
            CHECK((fake_info(fake, m->name).state == SLOT_RESIDENT) == m->resident);
        }
}

static void let_go(int i)
{
    if (!held[i].model)
        return;
    client_unpin(&held[i].client, fake);
    held[i].model->pins--;
    held[i].model = NULL;
}

static void invoke(int t, struct plain *m)
{
    const int at = draw(HELD), asker = ruled ? t : 0;
    const bool hit = m->resident, counts = draw(8);
    let_go(at);
    if (!tenants[t].number)
        tenants[t].number = ++came;
    if (counts)
        tenants[asker].last_us = now_us;
    const enum pin_result r = (counts ? client_pin : client_load)(&held[at].client, fake, m->name);
    CHECK(r == (hit ? PIN_READY : PIN_WAITING));
    if (counts || !hit)
        m->used_at = now;
    if (!hit) {
        bool good = make_room(asker, m->bytes);
        CHECK(held[at].client.status == (good ? OK : E_NO_ROOM));
        m->resident = good;
        m->loaded_us = now_us;
        compare();
        if (!good)
            return;
    }
    held[at].model = m;
    m->pins++;
    if (draw(4))
        let_go(at);
}

static void arena(void)
{
    struct err err;
    if (scratch) {
        cache_scratch_give(fake->cache, scratch);
        scratch = 0;
        return;
    }
    const uint64_t bytes = (uint64_t)(1 + draw(2200));
    const bool good = make_room(-1, bytes);
    CHECK(cache_scratch_take(fake->cache, bytes, &err) == (good ? OK : E_NO_ROOM));
    scratch = good ? bytes : 0;
    compare();
}

static void make_models(void)
{
    memset(tenants, 0, sizeof(tenants));
    for (int t = 0; t < TENANTS; t++) {
        tenants[t].rule = ruled ? &rules[t < 4 ? t : 4] : &everyone;
        tenants[t].number = t < 4 ? ++came : 0;
        for (int i = 0; i < EACH; i++) {
            struct plain *m = &tenants[t].models[i];
            m->bytes = (uint64_t)(i == 0 ? 800 : i < 3 ? 400 : 10 + 10 * draw(6));
            snprintf(m->name, NAME, "%c/m%d-%d", 'a' + t + (t > 3), i, (int)m->bytes);
        }
    }
}

static void run(uint32_t at_once)
{
    static const struct tenant_rules with = {.rules = rules, .n = ARRAY_COUNT(rules)};
    const struct tenant_rules none = {0};
    fake = fake_new_ruled(FAKE_INLINE, LIMIT, SLOTS, ruled ? &with : &none);
    fake->cache->stretch = stretch = at_once;
    seed = 5;
    now_us = 1;
    came = 0;
    scratch = 0;
    memset(&tally, 0, sizeof(tally));
    make_models();
    for (now = 1; now <= STEPS; now++) {
        if (draw(40) == 0) {
            arena(); /* which brings no time with it */
            continue;
        }
        const int t = draw(TENANTS);
        now_us += (uint64_t)draw(draw(200) ? 2 * SECOND : 500 * SECOND);
        atomic_store(&fake->now_us, now_us);
        invoke(t, &tenants[t].models[draw(EACH)]);
    }
    for (int i = 0; i < HELD; i++)
        let_go(i);
    if (scratch)
        cache_scratch_give(fake->cache, scratch);
    fake_free(fake);
    ck_assert_uint_gt(tally.victims, STEPS / 10);
    ck_assert_uint_gt(tally.many, STEPS / 100);
    ck_assert_uint_gt(tally.refused, 10);
}

static void run_all(bool with_rules)
{
    static const uint32_t at_once[] = {CHOOSE_STRETCH, 1, 2, 3, 7};
    ruled = with_rules;
    for (size_t i = 0; i < ARRAY_COUNT(at_once); i++)
        run(at_once[i]);
}

START_TEST(victims_are_the_oldest_however_many_go_at_once)
{
    run_all(false);
}
END_TEST

START_TEST(with_rules_they_are_those_of_the_plain_model)
{
    run_all(true);
}
END_TEST

Suite *suite_decide_random(void)
{
    return SUITE_SERIAL("decide_random", victims_are_the_oldest_however_many_go_at_once,
                        with_rules_they_are_those_of_the_plain_model);
}
