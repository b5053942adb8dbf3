/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A million steps of loads, pins, reloads, failures and DELETEs of models that share, drawn from a
 * seed, beside a model of them that is as plain as can be: no lists, no counts kept, everything
 * found by looking through all there is. After each step the ledger, the states and what is shared
 * are compared; victims are those of the model, or the ledger differs. What is unloaded is free at
 * once, so that every step is over when it returns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/cache_priv.h"
#include "metrics/metrics.h"
#include "support/model.h"
#include "support/support.h"

enum {
    STEPS = 1000000,
    LIMIT = 900,
    MODELS = 16,
    SHARES = 10,
    EACH_MAX = 4, /* shares of one model */
    LOADS = 40,   /* instances of models at once */
    RECORDS = 200,
    WAITERS = 4, /* of one load */
};

#define CHECK(x) /* ck_assert writes to a pipe each time */                                        \
    do {                                                                                           \
        if (!(x))                                                                                  \
            ck_abort_msg("step %d: %s", now, #x);                                                  \
    } while (0)

enum stage { NONE, BEGUN, RESERVED, FILLED, RESIDENT, LEAVING /* drains, pinned */ };

/* One share, as the model sees it. */
struct thing {
    bool used;
    int id;
    enum { FILLING, FULL, LOST } state;
    int filler; /* instance; while FILLING */
};

/* One slot. */
struct load {
    enum stage stage;
    int model, pins, waiting;
    int used_at; /* step */
    bool current, cancelled;
    bool stale;           /* a later version was ready first */
    int heir_of;          /* instance that it is to replace; -1: none */
    int things[EACH_MAX]; /* from RESERVED on: places in `things` */
    struct slot *slot;
    struct share_want wants[EACH_MAX];
    struct waiter waiters[WAITERS];
};

static struct {
    uint64_t own;
    int n;
    int ids[EACH_MAX];
    char name[16];
} models[MODELS];

static uint64_t share_bytes[SHARES];
static struct load loads[LOADS];
static struct thing things[RECORDS];
static struct cache *cache;
static struct slot *begun; /* by the source, in a pin */
static uint64_t seed;
static int now, answers;
static enum status answer;
static struct {
    uint64_t started_over, evicted, refused, ended, joined, replaced, overtaken, succeeded;
} seen;

static int draw(int n)
{
    return (int)(draw_u64(&seed) % (uint64_t)n);
}

/* ---- the source ---- */

static void source_load(void *self, struct slot *slot, const char *name)
{
    UNUSED(self);
    UNUSED(name);
    begun = slot;
}

static void source_unload(void *self, struct slot *slot, void *value)
{
    const struct share *at = NULL;
    UNUSED(self);
    UNUSED(value);
    while (cache_dead(slot, &at))
        ;
    cache_drained(cache, slot);
}

static void done(struct waiter *w, enum status s, const struct pin *pin, const struct err *err)
{
    UNUSED(w);
    UNUSED(pin);
    UNUSED(err);
    answers++;
    answer = s;
}

/* ---- the model's account ---- */

static bool holds(const struct load *l)
{
    return l->stage >= RESERVED;
}

static int refs(int thing)
{
    int n = 0;
    for (int i = 0; i < LOADS; i++)
        for (int k = 0; holds(&loads[i]) && k < models[loads[i].model].n; k++)
            n += loads[i].things[k] == thing;
    return n;
}

/* Things that nobody holds are no more. */
static void sweep(void)
{
    for (int t = 0; t < RECORDS; t++)
        if (things[t].used && !refs(t))
            things[t].used = false;
}

static int find(int id)
{
    for (int t = 0; t < RECORDS; t++)
        if (things[t].used && things[t].id == id && things[t].state != LOST)
            return t;
    return -1;
}

static void expected(uint64_t used[BUDGET_CLASS_COUNT])
{
    memset(used, 0, BUDGET_CLASS_COUNT * sizeof(used[0]));
    for (int i = 0; i < LOADS; i++) {
        const struct load *l = &loads[i];
        if (l->stage == RESERVED || l->stage == FILLED)
            used[BUDGET_RESERVED] += models[l->model].own;
        if (l->stage == RESIDENT)
            used[BUDGET_RESIDENT] += models[l->model].own;
        if (l->stage == LEAVING)
            used[BUDGET_DRAINING] += models[l->model].own;
    }
    for (int t = 0; t < RECORDS; t++)
        if (things[t].used && things[t].state != LOST)
            used[things[t].state == FULL ? BUDGET_RESIDENT : BUDGET_RESERVED] +=
                share_bytes[things[t].id];
}

static uint64_t free_bytes(void)
{
    uint64_t used[BUDGET_CLASS_COUNT];
    expected(used);
    return LIMIT - used[BUDGET_RESERVED] - used[BUDGET_RESIDENT] - used[BUDGET_DRAINING];
}

/* The one that is current, of l and those that it is to replace. */
static struct load *head(struct load *l)
{
    while (l->heir_of >= 0)
        l = &loads[l->heir_of];
    return l;
}

static struct load *heir(const struct load *l)
{
    for (int i = 0; i < LOADS; i++)
        if (loads[i].stage && loads[i].heir_of == l - loads)
            return &loads[i];
    return NULL;
}

/* The longest unused that may go for l. */
static struct load *oldest(struct load *l)
{
    struct load *o = NULL;
    for (int i = 0; i < LOADS; i++)
        if (loads[i].stage == RESIDENT && !loads[i].pins && &loads[i] != head(l) &&
            (!o || loads[i].used_at < o->used_at))
            o = &loads[i];
    return o;
}

/* l is in no chain any more; who comes after it is in its place. */
static void unchain(struct load *l)
{
    struct load *h = heir(l);
    if (h)
        h->heir_of = l->heir_of;
    if (h && l->heir_of < 0) {
        h->current = l->current;
        seen.succeeded++;
    }
    l->heir_of = -1;
}

static void gone(struct load *l)
{
    unchain(l);
    l->stage = NONE;
    sweep();
}

static void cancel_heirs(const struct load *l)
{
    struct load *h;
    while ((h = heir(l))) {
        unchain(h);
        h->cancelled = true;
    }
}

/* Goes with those who pin it. */
static void drain(struct load *l)
{
    if (l->pins)
        l->stage = LEAVING;
    else
        gone(l);
}

/* h is ready: it stands where the one before it stood, and all before it leave. */
static void take_over(struct load *h)
{
    struct load *old = head(h);
    for (struct load *k; (k = heir(old)) != h;) {
        unchain(k);
        k->cancelled = true;
        seen.overtaken++;
    }
    h->heir_of = -1;
    h->used_at = old->used_at;
    h->current = true;
    old->current = false;
    seen.replaced++;
    if (old->stage == RESIDENT)
        drain(old);
    else
        old->stale = true;
}

/* Holds what l needs and makes room for it by evicting the oldest; false, and all as it was, when
 * there is not enough. */
static bool expect_reserve(struct load *l)
{
    static struct load loads_before[LOADS];
    static struct thing things_before[RECORDS];
    memcpy(loads_before, loads, sizeof(loads));
    memcpy(things_before, things, sizeof(things));
    uint64_t evicted = 0;
    for (int k = 0; k < models[l->model].n; k++) {
        int t = find(models[l->model].ids[k]);
        for (int i = 0; t < 0; i++)
            if (!things[i].used) {
                t = i;
                things[t] =
                    (struct thing){true, models[l->model].ids[k], FILLING, (int)(l - loads)};
            }
        l->things[k] = t;
    }
    l->stage = RESERVED;
    /* what it takes is counted by now: it fits once nothing is over the limit */
    for (;;) {
        uint64_t used[BUDGET_CLASS_COUNT];
        expected(used);
        if (used[0] + used[1] + used[2] <= LIMIT)
            break;
        struct load *o = oldest(l);
        if (!o) {
            memcpy(loads, loads_before, sizeof(loads));
            memcpy(things, things_before, sizeof(things));
            return false;
        }
        gone(o);
        evicted++;
    }
    seen.evicted += evicted;
    return true;
}

/* ---- comparing ---- */

static struct load *current(int model)
{
    for (int i = 0; i < LOADS; i++)
        if (loads[i].stage && loads[i].current && loads[i].model == model)
            return &loads[i];
    return NULL;
}

static void compare_model(int model, uint64_t *parts)
{
    static const enum slot_state states[] = {SLOT_ABSENT,  SLOT_LOADING,  SLOT_LOADING,
                                             SLOT_LOADING, SLOT_RESIDENT, SLOT_DRAINING};
    const struct load *l = current(model);
    struct slot_info info = {.state = SLOT_ABSENT};
    (void)cache_info(cache, models[model].name, &info);
    CHECK(info.state == states[l ? l->stage : NONE]);
    uint64_t alone = 0, shared = 0;
    if (l && holds(l))
        alone = models[model].own;
    for (int k = 0; l && holds(l) && k < models[model].n; k++)
        if (things[l->things[k]].state != LOST)
            *(refs(l->things[k]) > 1 ? &shared : &alone) += share_bytes[models[model].ids[k]];
    CHECK(info.bytes == alone);
    CHECK(info.shared_bytes == shared);
    CHECK(info.part_bytes >= (l && holds(l) ? models[model].own : 0));
    *parts += info.part_bytes;
}

static void compare(void)
{
    struct budget_usage u;
    struct share_usage shared;
    uint64_t used[BUDGET_CLASS_COUNT], count = 0, bytes = 0, saved = 0;
    expected(used);
    cache_usage(cache, &u);
    CHECK(memcmp(used, u.used, sizeof(used)) == 0);
    for (int t = 0; t < RECORDS; t++) {
        int n = things[t].used ? refs(t) : 0;
        if (n < 2)
            continue;
        count++;
        bytes += share_bytes[things[t].id];
        saved += share_bytes[things[t].id] * (uint64_t)(n - 1);
    }
    cache_share_usage(cache, &shared);
    CHECK(shared.count == count && shared.bytes == bytes && shared.saved_bytes == saved);
}

/* All of it, and that the parts of all models are what is charged. */
static void compare_all(void)
{
    uint64_t parts = 0, used[BUDGET_CLASS_COUNT];
    bool detached = false;
    for (int i = 0; i < LOADS; i++)
        detached = detached || (loads[i].stage && !loads[i].current);
    for (int m = 0; m < MODELS; m++)
        compare_model(m, &parts);
    expected(used);
    CHECK(detached || parts == used[0] + used[1] + used[2]);
}

/* ---- the steps ---- */

static struct load *unused(void)
{
    for (int i = 0; i < LOADS; i++)
        if (loads[i].stage == NONE)
            return &loads[i];
    return NULL;
}

static void reload(int model)
{
    struct load *l = current(model), *at = unused();
    if (!at)
        return;
    const bool can = l && l->stage != LEAVING && !l->cancelled;
    struct waiter w = {.done = done}, *kept = can ? &at->waiters[0] : &w;
    begun = NULL;
    *kept = w;
    CHECK(cache_reload(cache, models[model].name, NULL, (uint64_t)now, kept) == can);
    CHECK((begun != NULL) == can);
    if (!can)
        return;
    for (struct load *h; (h = heir(l));)
        l = h;
    at->model = model;
    at->stage = BEGUN;
    at->pins = 0;
    at->waiting = 1;
    at->used_at = now;
    at->current = at->cancelled = at->stale = false;
    at->heir_of = (int)(l - loads);
    at->slot = begun;
}

static void pin(int model)
{
    struct load *l = current(model);
    struct pin p;
    struct err err;
    bool fresh = !l || l->stage == LEAVING || l->cancelled;
    if (fresh) {
        struct load *at = unused();
        if (!at)
            return;
        if (l)
            l->current = false;
        *at = (struct load){.stage = BEGUN, .model = model, .current = true, .heir_of = -1};
        l = at;
    } else if (l->stage != RESIDENT && l->waiting == WAITERS) {
        return;
    }
    struct waiter *w = &l->waiters[l->waiting];
    *w = (struct waiter){.done = done, .counts = true};
    begun = NULL;
    enum pin_result r = cache_pin(cache, models[model].name, (uint64_t)now, w, &p, &err);
    l->used_at = now;
    if (!fresh && l->stage == RESIDENT) {
        CHECK(r == PIN_READY);
        l->pins++;
        return;
    }
    CHECK(r == PIN_WAITING && (begun != NULL) == fresh);
    l->waiting++;
    seen.joined += !fresh;
    if (fresh)
        l->slot = begun;
}

static void end(struct load *l, enum status status)
{
    struct err err;
    const int waiting = l->waiting;
    answers = 0;
    cache_load_let_go(cache, l->slot);
    for (int t = 0; t < RECORDS; t++)
        if (things[t].used && things[t].state == FILLING && holds(l) &&
            things[t].filler == (int)(l - loads))
            things[t].state = LOST;
    gone(l);
    err_set(&err, l->cancelled ? E_CANCELLED : status, "ended");
    cache_load_failed(cache, l->slot, &err, (uint64_t)now);
    CHECK(answers == waiting && (!waiting || answer == err.code));
    seen.ended++;
}

static void reserve(struct load *l)
{
    struct err err;
    const int n = models[l->model].n;
    for (int k = 0; k < n; k++) {
        l->wants[k] = (struct share_want){.bytes = share_bytes[models[l->model].ids[k]]};
        l->wants[k].key[0] = (uint8_t)(models[l->model].ids[k] + 1);
    }
    const struct load_need need = {models[l->model].own, 0, l->wants, (uint32_t)n};
    enum status s = cache_load_reserve(cache, l->slot, &need, &err);
    if (l->cancelled) {
        CHECK(s == E_CANCELLED);
        end(l, s);
        return;
    }
    const bool fits = expect_reserve(l);
    CHECK(s == (fits ? OK : E_NO_ROOM));
    for (int k = 0; fits && k < n; k++) {
        const struct thing *t = &things[l->things[k]];
        bool again = false; /* the same share, the second time */
        for (int j = 0; j < k; j++)
            again = again || l->things[j] == l->things[k];
        CHECK(l->wants[k].mine == (t->state == FILLING && t->filler == l - loads && !again));
    }
    seen.refused += !fits;
    if (!fits)
        end(l, s);
}

static void fill(struct load *l)
{
    for (int k = 0; k < models[l->model].n; k++) {
        struct thing *t = &things[l->things[k]];
        if (t->state != FILLING || t->filler != l - loads)
            continue;
        t->state = FULL;
        l->wants[k].value = &share_bytes[t->id];
    }
    cache_load_filled(cache, l->slot, l->wants);
    l->stage = FILLED;
}

static void finish(struct load *l)
{
    struct load_times t = {0};
    const int waiting = l->waiting;
    answers = 0;
    if (l->cancelled) {
        gone(l);
    } else {
        if (l->heir_of >= 0)
            take_over(l);
        l->stage = RESIDENT;
        l->pins = waiting;
        if (l->stale)
            drain(l);
    }
    l->waiting = 0;
    cache_load_done(cache, l->slot, l, "1", &t, (uint64_t)now);
    CHECK(answers == waiting);
}

/* Waits where the wait is over at once. */
static void await(struct load *l)
{
    bool filling = false, lost = false;
    for (int k = 0; k < models[l->model].n; k++) {
        filling = filling || things[l->things[k]].state == FILLING;
        lost = lost || things[l->things[k]].state == LOST;
    }
    if (filling && !lost && !l->cancelled)
        return;
    enum share_wait wait = cache_load_await(cache, l->slot, l->wants);
    CHECK(wait == (l->cancelled ? SHARES_CANCELLED : lost ? SHARES_LOST : SHARES_READY));
    for (int k = 0; !filling && !lost && k < models[l->model].n; k++)
        CHECK(l->wants[k].value == &share_bytes[models[l->model].ids[k]]);
    if (l->cancelled && (filling || lost || draw(2))) {
        end(l, E_CANCELLED);
    } else if (lost) {
        cache_load_let_go(cache, l->slot);
        l->stage = BEGUN;
        sweep();
        cache_load_freed(cache, l->slot);
        seen.started_over++;
    } else {
        finish(l);
    }
}

static void unpin(struct load *l)
{
    if (!l->pins)
        return;
    l->pins--;
    bool leaves = l->stage == LEAVING && !l->pins;
    if (leaves)
        gone(l);
    cache_unpin(cache, &(struct pin){.slot = l->slot, .value = l});
}

static void count(void *arg)
{
    UNUSED(arg);
}

static void delete (int model)
{
    struct load *l = current(model);
    struct err err;
    enum status s = cache_unload(cache, models[model].name, count, NULL, &err);
    CHECK(s == (l ? OK : E_NOT_FOUND));
    if (!l)
        return;
    cancel_heirs(l);
    if (l->stage < RESIDENT)
        l->cancelled = true;
    else
        drain(l);
}

static void go_on(struct load *l)
{
    if (l->stage != NONE && l->stage < RESIDENT && draw(12) == 0)
        end(l, E_CANCELLED);
    else if (l->stage == BEGUN)
        reserve(l);
    else if (l->stage == RESERVED)
        fill(l);
    else if (l->stage == FILLED)
        await(l);
    else if (l->stage == RESIDENT || l->stage == LEAVING)
        unpin(l);
}

/* One that is there, if there is any. */
static struct load *some(void)
{
    int i = draw(LOADS);
    for (int n = 0;
         n < LOADS && (!loads[i].stage || (loads[i].stage == RESIDENT && !loads[i].pins)); n++)
        i = (i + 1) % LOADS;
    return &loads[i];
}

static void make_models(void)
{
    for (int i = 0; i < SHARES; i++)
        share_bytes[i] = 20 + (uint64_t)draw(100);
    for (int m = 0; m < MODELS; m++) {
        models[m].own = 10 + (uint64_t)draw(100);
        models[m].n = draw(EACH_MAX + 1);
        for (int k = 0; k < models[m].n; k++)
            models[m].ids[k] = draw(SHARES); /* one twice in a model, now and then */
        snprintf(models[m].name, sizeof(models[m].name), "m%d", m);
    }
}

static void end_all(void)
{
    for (int i = 0; i < LOADS; i++) {
        struct load *l = &loads[i];
        if (l->stage != NONE && l->stage < RESIDENT)
            end(l, E_CANCELLED);
        while (l->pins)
            unpin(l);
    }
    for (int m = 0; m < MODELS; m++)
        if (current(m))
            delete (m);
    compare();
    CHECK(free_bytes() == LIMIT);
}

static void run(uint32_t at_once, uint64_t first)
{
    const struct cache_config config = {
        .limit_bytes = LIMIT, .backoff_min_us = 1, .backoff_max_us = 1, .slots_max = MODELS * 2};
    const struct cache_source source = {source_load, source_unload, NULL};
    seed = first;
    memset(&seen, 0, sizeof(seen));
    make_models();
    ck_assert_int_eq(cache_new(&config, &source, &cache), OK);
    cache->stretch = at_once;
    for (now = 1; now <= STEPS; now++) {
        int op = draw(100);
        if (op < 25)
            pin(draw(MODELS));
        else if (op < 28)
            delete (draw(MODELS));
        else if (op < 32)
            reload(draw(MODELS));
        else
            go_on(some());
        compare();
        if (now % 16 == 0)
            compare_all();
    }
    end_all();
    cache_free(&cache);
    ck_assert_uint_gt(seen.evicted, STEPS / 100);
    ck_assert_uint_gt(seen.started_over, STEPS / 5000);
    ck_assert_uint_gt(seen.refused, STEPS / 1000);
    ck_assert_uint_gt(seen.joined, STEPS / 1000);
    ck_assert_uint_gt(seen.replaced, STEPS / 1000);
    ck_assert_uint_gt(seen.overtaken, STEPS / 20000);
    ck_assert_uint_gt(seen.succeeded, STEPS / 1000);
}

START_TEST(a_million_steps_equal_the_model)
{
    run(CHOOSE_STRETCH, 11);
}
END_TEST

START_TEST(so_do_they_where_victims_go_one_by_one)
{
    run(1, 12);
}
END_TEST

Suite *suite_share_random(void)
{
    return SUITE_SERIAL("share_random", a_million_steps_equal_the_model,
                        so_do_they_where_victims_go_one_by_one);
}
