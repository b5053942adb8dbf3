/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What may happen in the tiny world, what must hold in it, and when two of them are the same. */
#include "tiny_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

static const char *const event_names[EV_COUNT] = {
    [EV_PIN] = "pin",
    [EV_LATE] = "late-pin",
    [EV_LOAD] = "load",
    [EV_SOON] = "hint",
    [EV_COLD] = "cold-hint",
    [EV_RELOAD] = "reload",
    [EV_DELETE] = "delete",
    [EV_WITHDRAW] = "withdraw",
    [EV_UNPIN] = "unpin",
    [EV_UNPIN_FAR] = "unpin-far",
    [EV_ASK] = "ask",
    [EV_ASKED] = "asked",
    [EV_FILL] = "fill",
    [EV_AWAIT] = "await",
    [EV_LET_GO] = "let-go",
    [EV_FREED] = "freed",
    [EV_FAIL_UNKNOWN] = "fail-unknown",
    [EV_FAIL_CORRUPT] = "fail-corrupt",
    [EV_FAIL] = "fail",
    [EV_DONE] = "done",
    [EV_DRAINED] = "drained",
    [EV_TICK] = "tick",
    [EV_SCRATCH] = "scratch",
    [EV_SCRATCH_ASKED] = "scratch-asked",
    [EV_SCRATCH_GIVE] = "scratch-give",
};

void world_fail(const struct world *w, const char *what, int line)
{
    char text[4096];
    int at = snprintf(text, sizeof(text), "%s: %s (line %d) after", w->config->name, what, line);
    for (int i = 0; i < w->steps; i++)
        at += snprintf(text + at, sizeof(text) - (size_t)at, " %s:%d", event_names[w->path[i].kind],
                       w->path[i].of);
    ck_abort_msg("%s", text);
    abort();
}

/* ---- what may happen ---- */

struct events {
    const struct world *world;
    struct event *out;
    int n;
};

static void add(struct events *e, enum event_kind kind, int of)
{
    WORLD_CHECK(e->world, e->n < EVENTS_MAX);
    e->out[e->n++] = (struct event){(uint8_t)kind, (uint8_t)of};
}

/* Only where the world's configuration has it. */
static void may(struct events *e, enum event_kind kind, int of)
{
    if (e->world->config->events[kind])
        add(e, kind, of);
}

/* What the source must do next for a load, in one or another way, whatever the configuration. */
static void add_source(struct events *e, int load)
{
    const struct load *l = &e->world->loads[load];
    bool filling = false, lost = false;
    for (int k = 0; k < EACH; k++)
        if (l->things[k] >= 0) {
            filling = filling || e->world->things[l->things[k]].state == FILLING;
            lost = lost || e->world->things[l->things[k]].state == LOST;
        }
    if (l->stage == BEGUN)
        add(e, EV_ASK, load);
    if (l->stage == ASKED && !l->room.queued)
        add(e, EV_ASKED, load);
    if (l->stage == GRANTED)
        add(e, EV_FILL, load);
    if (l->stage == FILLED && (!filling || lost || l->cancelled))
        add(e, EV_AWAIT, load);
    if (l->stage == READY)
        add(e, EV_DONE, load);
    if (l->stage == ENDING)
        add(e, EV_LET_GO, load);
    if (l->stage == LET_GO && l->code == OK)
        add(e, EV_FREED, load);
    if (l->stage == LET_GO)
        add(e, EV_FAIL, load);
    if (l->stage == DRAINING)
        add(e, EV_DRAINED, load);
}

static void add_load(struct events *e, int load)
{
    const struct load *l = &e->world->loads[load];
    add_source(e, load);
    if (l->pins)
        add(e, EV_UNPIN, load);
    if (l->pins)
        may(e, EV_UNPIN_FAR, load);
    if (l->stage == BEGUN) {
        may(e, EV_FAIL_UNKNOWN, load);
        may(e, EV_FAIL_CORRUPT, load);
    }
    if (l->stage == GRANTED || l->stage == FILLED || l->stage == READY)
        may(e, EV_LET_GO, load);
}

static void add_model(struct events *e, int model)
{
    const struct world *w = e->world;
    bool idle = false, place = false;
    for (uint32_t k = 0; k < w->config->clients; k++)
        idle = idle || w->clients[k].state == IDLE;
    for (int i = 0; i < LOADS; i++)
        place = place || !w->loads[i].stage;
    for (int kind = EV_PIN; idle && place && kind <= EV_COLD; kind++)
        may(e, (enum event_kind)kind, model);
    int i = world_current(w, model);
    if (i >= 0 && w->loads[i].drain_waits < 2)
        may(e, EV_DELETE, model);
    if (i >= 0 && idle && place && w->loads[i].stage <= RESIDENT && !w->loads[i].cancelled)
        may(e, EV_RELOAD, model);
}

int world_events(const struct world *w, struct event out[EVENTS_MAX])
{
    struct events e = {w, out, 0};
    bool in_backoff = false;
    for (int m = 0; m < MODELS; m++) {
        add_model(&e, m);
        in_backoff = in_backoff || (w->failed[m] && w->now < w->retry_at[m]);
    }
    for (int k = 0; k < CLIENTS; k++)
        if (w->clients[k].state == WAITING)
            may(&e, EV_WITHDRAW, k);
    for (int i = 0; i < LOADS; i++)
        add_load(&e, i);
    if (in_backoff)
        add(&e, EV_TICK, 0);
    if (w->scratch_state == SCRATCH_NONE)
        may(&e, EV_SCRATCH, 0);
    if (w->scratch_state == SCRATCH_ASKED && !w->scratch.queued)
        add(&e, EV_SCRATCH_ASKED, 0);
    if (w->scratch_state == SCRATCH_HELD)
        add(&e, EV_SCRATCH_GIVE, 0);
    return e.n;
}

/* ---- what must hold ---- */

void world_bytes(const struct world *w, uint64_t used[BUDGET_CLASS_COUNT], uint64_t *coming,
                 uint64_t *promised)
{
    static const enum budget_class class_of[] = {
        [RESIDENT] = BUDGET_RESIDENT, [LEAVING] = BUDGET_DRAINING, [DRAINING] = BUDGET_DRAINING};
    memset(used, 0, BUDGET_CLASS_COUNT * sizeof(used[0]));
    *coming = 0;
    *promised = w->scratch_state == SCRATCH_ASKED && w->scratch.queued ? w->scratch.bytes : 0;
    for (int i = 0; i < LOADS; i++) {
        const struct load *l = &w->loads[i];
        const uint64_t own = w->config->models[l->model].own;
        if (l->stage >= RESIDENT)
            used[class_of[l->stage]] += own;
        else if (l->stage)
            used[BUDGET_RESERVED] += l->lost_bytes + (l->charged ? own : 0);
        *coming += l->stage == DRAINING ? own : 0;
        *promised += l->stage == ASKED && l->room.queued ? l->room.bytes : 0;
    }
    for (int t = 0; t < THINGS; t++) {
        const struct thing *x = &w->things[t];
        if (x->id < 0)
            continue;
        used[BUDGET_RESERVED] += x->state == FILLING && x->charged;
        used[BUDGET_RESIDENT] += x->state == FULL;
        used[BUDGET_DRAINING] += x->state == DEAD;
        *coming += x->state == DEAD;
    }
    used[BUDGET_SCRATCH] = w->scratch_state == SCRATCH_HELD ||
                           (w->scratch_state == SCRATCH_ASKED && w->scratch.granted);
}

/* Nobody waits for room that is there. */
static void check_queue(struct world *w, uint64_t free_bytes)
{
    const struct room_wait *first = NULL;
    int asked_at = 0;
    for (int i = 0; i < LOADS; i++) {
        const struct load *l = &w->loads[i];
        if (l->stage == ASKED && l->room.queued && (!first || l->asked_at < asked_at)) {
            first = &l->room;
            asked_at = l->asked_at;
        }
    }
    if (w->scratch_state == SCRATCH_ASKED && w->scratch.queued &&
        (!first || w->scratch_asked_at < asked_at))
        first = &w->scratch;
    WORLD_CHECK(w, !first || first->bytes > free_bytes);
}

static void check_bytes(struct world *w)
{
    struct budget_usage u;
    uint64_t used[BUDGET_CLASS_COUNT], coming, promised, sum = 0;
    world_bytes(w, used, &coming, &promised);
    cache_usage(w->cache, &u);
    for (int i = 0; i < BUDGET_CLASS_COUNT; i++) {
        WORLD_CHECK(w, u.used[i] == used[i]);
        sum += used[i];
    }
    WORLD_CHECK(w, sum <= w->config->limit);
    check_queue(w, w->config->limit - sum);
    lock_take(&w->cache->lock);
    WORLD_CHECK(w, w->cache->coming == coming);
    WORLD_CHECK(w, w->cache->promised == promised);
    WORLD_CHECK(w, w->config->limit - sum + coming >= promised);
    lock_release(&w->cache->lock);
}

static enum slot_state state_of(const struct load *l)
{
    return l->stage < RESIDENT    ? SLOT_LOADING
           : l->stage == RESIDENT ? SLOT_RESIDENT
                                  : SLOT_DRAINING;
}

static void check_shares(struct world *w)
{
    struct share_usage u;
    uint64_t count = 0, saved = 0;
    for (int t = 0; t < THINGS; t++) {
        int n = w->things[t].id >= 0 ? world_refs(w, t) : 0;
        count += n > 1;
        saved += n > 1 ? (uint64_t)n - 1 : 0;
    }
    cache_share_usage(w->cache, &u);
    WORLD_CHECK(w, u.count == count && u.bytes == count && u.saved_bytes == saved);
    WORLD_CHECK(w, !u.waits);
}

/* What anybody may see of one model. Returns its part of what is charged. */
static uint64_t check_model(struct world *w, int model, uint64_t by_state[SLOT_STATE_COUNT])
{
    struct slot_info info;
    bool there = cache_info(w->cache, world_names[model], &info);
    int i = world_current(w, model);
    if (i < 0) {
        enum slot_state s = w->failed[model] ? SLOT_FAILED : SLOT_ABSENT;
        WORLD_CHECK(w, there ? info.state == s : !w->failed[model]);
        WORLD_CHECK(w, !there || (!info.bytes && !info.pins && !info.waiters));
        by_state[s] += there;
        return 0;
    }
    const struct load *l = &w->loads[i];
    WORLD_CHECK(w, there && info.state == state_of(l));
    WORLD_CHECK(w, info.pins == (uint32_t)l->pins && info.waiters == (uint32_t)l->waiting);
    WORLD_CHECK(w, info.bytes <= w->config->limit);
    by_state[info.state]++;
    return info.part_bytes;
}

static void check_slots(struct world *w)
{
    uint64_t want[SLOT_STATE_COUNT] = {0}, got[SLOT_STATE_COUNT], parts = 0, coming, promised;
    uint64_t used[BUDGET_CLASS_COUNT];
    bool detached = false;
    for (int m = 0; m < MODELS; m++)
        parts += check_model(w, m, want);
    for (int i = 0; i < LOADS; i++) {
        const struct load *l = &w->loads[i];
        if (!l->stage || l->current)
            continue;
        detached = true;
        want[state_of(l)]++;
    }
    cache_counts(w->cache, got);
    WORLD_CHECK(w, memcmp(want, got, sizeof(want)) == 0);
    world_bytes(w, used, &coming, &promised);
    WORLD_CHECK(w, detached || parts == used[0] + used[1] + used[2]);
}

void world_check(struct world *w)
{
    struct slot_info page[MODELS + 1];
    check_bytes(w);
    check_slots(w);
    check_shares(w);
    size_t n = cache_list(w->cache, "", page, ARRAY_COUNT(page));
    WORLD_CHECK(w, n - w->cache->guests <= w->config->slots_max);
    WORLD_CHECK(w, n < 2 || strcmp(page[0].name, page[1].name) < 0);
    for (int i = 0; i < LOADS; i++)
        for (int k = 0; w->loads[i].stage && k < EACH; k++)
            if (w->loads[i].things[k] >= 0) /* nobody holds what is being freed */
                WORLD_CHECK(w, w->things[w->loads[i].things[k]].state != DEAD);
}

/* ---- when two worlds are the same ---- */

enum { LOAD_KEY = 14 };

/* How many loads stand before this one in an order. */
static uint8_t used_rank(const struct world *w, int load)
{
    uint8_t n = 0;
    for (int i = 0; i < LOADS; i++)
        n += w->loads[i].stage && w->loads[i].stage <= RESIDENT &&
             w->loads[i].used < w->loads[load].used;
    return n;
}

static uint8_t asked_rank(const struct world *w, int asked_at)
{
    uint8_t n =
        w->scratch_state == SCRATCH_ASKED && w->scratch.queued && w->scratch_asked_at < asked_at;
    for (int i = 0; i < LOADS; i++)
        n += w->loads[i].stage == ASKED && w->loads[i].room.queued &&
             w->loads[i].asked_at < asked_at;
    return n;
}

static uint8_t thing_key(const struct world *w, int load, int k)
{
    int t = w->loads[load].things[k];
    if (t < 0)
        return 0;
    const struct thing *x = &w->things[t];
    return (uint8_t)(1 | x->state << 1 | (x->state == FILLING && x->load == load) << 3 |
                     x->charged << 4);
}

/* How many stand before it in its chain. */
static int heir_depth(const struct world *w, int load)
{
    int n = 0;
    for (; w->loads[load].before >= 0; load = w->loads[load].before)
        n++;
    return n;
}

static void load_key(const struct world *w, int load, uint8_t key[LOAD_KEY])
{
    const struct load *l = &w->loads[load];
    memset(key, 0, LOAD_KEY);
    if (!l->stage)
        return;
    key[0] = (uint8_t)l->stage;
    key[1] = (uint8_t)l->model;
    key[2] = (uint8_t)(l->pins | l->far << 4);
    key[3] = (uint8_t)l->waiting;
    key[4] = (uint8_t)l->drain_waits;
    key[5] =
        (uint8_t)(l->current | l->cancelled << 1 | l->modest << 2 | l->charged << 3 |
                  (l->current && l->slot->record.known) << 4 | (l->current && l->slot->guest) << 5);
    key[6] = l->stage == ENDING || l->stage == LET_GO ? (uint8_t)l->code : 0;
    key[7] = l->stage <= RESIDENT ? used_rank(w, load) : 0;
    key[8] = l->stage == ASKED && l->room.queued ? (uint8_t)(1 + asked_rank(w, l->asked_at)) : 0;
    key[9] = (uint8_t)l->lost_bytes;
    key[13] = (uint8_t)(heir_depth(w, load) | l->stale << 4);
    for (int k = 0; k < EACH; k++)
        key[10 + k] = thing_key(w, load, k);
    for (int t = 0; t < THINGS; t++)
        if (w->things[t].id >= 0 && w->things[t].state == DEAD && w->things[t].load == load)
            key[12] = (uint8_t)(key[12] | 1 << w->things[t].id);
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, LOAD_KEY);
}

size_t world_key(const struct world *w, uint8_t key[KEY_MAX])
{
    struct slot_info info;
    size_t n = 0;
    for (int i = 0; i < LOADS; i++, n += LOAD_KEY)
        load_key(w, i, key + n);
    qsort(key, LOADS, LOAD_KEY, by_bytes);
    for (int m = 0; m < MODELS; m++) {
        bool there = world_current(w, m) < 0 && cache_info(w->cache, world_names[m], &info);
        key[n++] =
            (uint8_t)(there | w->failed[m] << 1 | (w->failed[m] && w->now < w->retry_at[m]) << 2);
    }
    key[n++] = (uint8_t)w->scratch_state;
    key[n++] = w->scratch_state == SCRATCH_ASKED && w->scratch.queued
                   ? (uint8_t)(1 + asked_rank(w, w->scratch_asked_at))
                   : 0;
    return n;
}

/* ---- the end ---- */

/* The next step that the source owes for what drains or failed; false: none. */
static bool free_next(struct world *w)
{
    for (int i = 0; i < LOADS; i++) {
        if (w->loads[i].stage != DRAINING && w->loads[i].stage != LET_GO)
            continue;
        world_step(
            w, (struct event){w->loads[i].stage == DRAINING ? EV_DRAINED : EV_FAIL, (uint8_t)i});
        return true;
    }
    return false;
}

/* The next step of anybody who has begun something; false: all is quiet. */
static bool go_on(struct world *w)
{
    struct event out[EVENTS_MAX];
    struct events e = {w, out, 0};
    for (int i = 0; i < LOADS && !e.n; i++) {
        add_source(&e, i);
        if (w->loads[i].pins)
            add(&e, EV_UNPIN, i);
    }
    if (!e.n && w->scratch_state == SCRATCH_ASKED && !w->scratch.queued)
        add(&e, EV_SCRATCH_ASKED, 0);
    if (!e.n && w->scratch_state == SCRATCH_HELD)
        add(&e, EV_SCRATCH_GIVE, 0);
    if (e.n)
        world_step(w, out[0]);
    return e.n != 0;
}

void world_settle(struct world *w)
{
    while (free_next(w))
        ;
    for (int i = 0; i < LOADS; i++) /* for room nobody waits longer than that, least for a pin */
        WORLD_CHECK(w, w->loads[i].stage != ASKED || !w->loads[i].room.queued);
    WORLD_CHECK(w, w->scratch_state != SCRATCH_ASKED || !w->scratch.queued);
    while (go_on(w))
        ;
    for (int k = 0; k < CLIENTS; k++)
        WORLD_CHECK(w, w->clients[k].state == IDLE);
    for (int i = 0; i < LOADS; i++)
        WORLD_CHECK(w, !w->loads[i].stage || w->loads[i].stage == RESIDENT);
    world_check(w);
    w->ending = true;
    cache_free(&w->cache);
}
