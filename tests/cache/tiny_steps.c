/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The tiny world's clients, its worker and its clock, and how one step is taken: each calls the
 * cache, and notes what must follow. */
#include <string.h>

#include "support/support.h"
#include "tiny_world.h"

enum { GATES = 2, GATE = 1, FAR_GATE = 2 };

const char *const world_names[MODELS] = {"a", "b"};

/* ---- clients ---- */

static void done(struct waiter *waiter, enum status s, const struct pin *pin, const struct err *err)
{
    struct tiny_client *k = CONTAINER_OF(waiter, struct tiny_client, waiter);
    struct world *w = k->world;
    struct load *l = &w->loads[k->load];
    WORLD_CHECK(w, k->state == WAITING);
    WORLD_CHECK(w, (s == OK) == (pin != NULL));
    WORLD_CHECK(w, s == l->code);
    WORLD_CHECK(w, s == OK || err->code == s);
    WORLD_CHECK(w, s != OK || (pin->slot == l->slot && pin->value == l));
    k->state = s == OK ? HOLDING : IDLE;
    l->waiting--;
    l->pins += s == OK;
}

static void drained(void *arg)
{
    struct load *l = arg;
    l->drain_waits--;
}

static void begin_load(struct world *w, int model, enum hint hint)
{
    int old = world_current(w, model), i = 0;
    while (w->loads[i].stage)
        i++;
    if (old >= 0) {
        w->loads[old].current = false;
        world_seen.replaced++;
    }
    w->loads[i] = (struct load){.stage = BEGUN,
                                .model = model,
                                .current = true,
                                .modest = hint != HINT_NONE,
                                .before = -1,
                                .things = {-1, -1}};
    w->loads[i].used = hint == HINT_COLD ? --w->order_cold : ++w->order;
    w->begun = i;
    world_arrow(w->failed[model] ? SLOT_FAILED : SLOT_ABSENT, SLOT_LOADING);
    w->failed[model] = false;
}

/* Can a pin go into what is current? */
static bool joinable(const struct world *w, int load)
{
    return load >= 0 && w->loads[load].stage <= RESIDENT && !w->loads[load].cancelled;
}

static void expect_refusal(struct world *w, int model, enum pin_result r, const struct err *err)
{
    WORLD_CHECK(w, r == PIN_FAILED);
    if (w->failed[model] && w->now < w->retry_at[model])
        return;
    WORLD_CHECK(w, err->code == E_NO_ROOM); /* no record is free */
    WORLD_CHECK(w, w->config->slots_max < MODELS);
}

/* late: it was at its gate before, and did not hit. */
static enum pin_result ask(struct world *w, int model, bool late, struct tiny_client *k,
                           struct pin *p, struct err *err)
{
    struct pin_call call = {.now_us = w->now, .w = &k->waiter, .pin = p, .err = err};
    return late ? pin_closed(w->cache, world_names[model], &call)
                : cache_pin(w->cache, world_names[model], w->now, &k->waiter, p, err);
}

static void pin(struct world *w, int model, bool counts, enum hint hint, bool late)
{
    struct tiny_client *k = w->clients;
    struct pin p;
    struct err err;
    int i = world_current(w, model);
    const bool joins = joinable(w, i);
    const bool in_backoff = i < 0 && w->failed[model] && w->now < w->retry_at[model];
    const struct world before = *w;
    while (k->state != IDLE)
        k++;
    k->waiter = (struct waiter){.done = done, .counts = counts, .hint = hint};
    if (!joins && !in_backoff)
        begin_load(w, model, hint);
    i = joins ? i : w->begun;
    k->load = i;
    k->state = WAITING;
    enum pin_result r = ask(w, model, late, k, &p, &err);
    if (r == PIN_FAILED) {
        WORLD_CHECK(w, !joins);
        *w = before;
        expect_refusal(w, model, r, &err);
        return;
    }
    struct load *l = &w->loads[i];
    WORLD_CHECK(w, !in_backoff);
    WORLD_CHECK(w, l->slot); /* its load was begun */
    if (l->stage == RESIDENT) {
        world_seen.hit += !late;
        world_seen.late_hit += late;
        WORLD_CHECK(w, r == PIN_READY && p.slot == l->slot && p.value == l);
        k->state = HOLDING;
        l->pins++;
    } else {
        WORLD_CHECK(w, r == PIN_WAITING);
        l->waiting++;
        l->modest &= hint != HINT_NONE;
        world_seen.joined += joins;
    }
    WORLD_CHECK(w, k->waiter.lookup == (!joins                 ? LOOKUP_MISS
                                        : l->stage == RESIDENT ? LOOKUP_HIT
                                                               : LOOKUP_JOINED));
    if (counts)
        l->used = ++w->order;
}

/* A new version is loaded beside what is there, behind those that are under way. */
static void reload(struct world *w, int model)
{
    struct tiny_client *k = w->clients;
    int last = world_current(w, model), i = 0;
    while (k->state != IDLE)
        k++;
    while (w->loads[i].stage)
        i++;
    for (int heir; (heir = world_heir(w, last)) >= 0;)
        last = heir;
    w->loads[i] = (struct load){
        .stage = BEGUN, .model = model, .before = last, .waiting = 1, .things = {-1, -1}};
    w->loads[i].used = ++w->order;
    w->begun = i;
    world_arrow(SLOT_ABSENT, SLOT_LOADING);
    k->waiter = (struct waiter){.done = done};
    k->load = i;
    k->state = WAITING;
    WORLD_CHECK(w, cache_reload(w->cache, world_names[model], NULL, w->now, &k->waiter));
    WORLD_CHECK(w, w->loads[i].slot); /* its load was begun */
}

static void delete (struct world *w, int model)
{
    struct err err;
    int i = world_current(w, model);
    struct load *l = i < 0 ? NULL : &w->loads[i];
    if (l) {
        l->drain_waits++;
        world_cancel_heirs(w, i);
    }
    if (l && l->stage < RESIDENT)
        l->cancelled = true;
    if (l && l->stage == RESIDENT && l->pins) {
        world_arrow(SLOT_RESIDENT, SLOT_DRAINING);
        l->stage = LEAVING;
    }
    enum status s = cache_unload(w->cache, world_names[model], drained, l, &err);
    WORLD_CHECK(w, s == (l ? OK : E_NOT_FOUND));
}

static void withdraw(struct world *w, int client)
{
    struct tiny_client *k = &w->clients[client];
    WORLD_CHECK(w, cache_cancel_wait(w->cache, &k->waiter));
    WORLD_CHECK(w, !cache_cancel_wait(w->cache, &k->waiter));
    w->loads[k->load].waiting--;
    k->state = IDLE;
}

static void unpin(struct world *w, int load, bool far)
{
    struct load *l = &w->loads[load];
    int k = 0;
    while (w->clients[k].state != HOLDING || w->clients[k].load != load)
        k++;
    w->clients[k].state = IDLE;
    l->pins--;
    l->far |= far;
    gate_take(far ? FAR_GATE : GATE);
    cache_unpin(w->cache, &(struct pin){l->slot, l});
    gate_take(GATE);
    WORLD_CHECK(w, l->stage != LEAVING || l->pins);
}

/* ---- a worker ---- */

static void take_scratch(struct world *w)
{
    struct err err;
    w->scratch_asked_at = ++w->order;
    enum status s = room_ask_scratch(w->cache, 1, &w->scratch, &err);
    WORLD_CHECK(w, s == OK || (s == E_NO_ROOM && !w->unloads));
    w->scratch_state = s == OK ? SCRATCH_ASKED : SCRATCH_NONE;
}

static void scratch_asked(struct world *w)
{
    struct err err;
    WORLD_CHECK(w, room_await(w->cache, &w->scratch, &err) == OK);
    w->scratch_state = SCRATCH_HELD;
}

static void give_scratch(struct world *w)
{
    w->scratch_state = SCRATCH_NONE;
    cache_scratch_give(w->cache, 1);
}

/* ---- one step ---- */

static void take(struct world *w, struct event e)
{
    switch ((enum event_kind)e.kind) {
    case EV_PIN:
        pin(w, e.of, true, HINT_NONE, false);
        break;
    case EV_LATE:
        pin(w, e.of, true, HINT_NONE, true);
        break;
    case EV_LOAD:
        pin(w, e.of, false, HINT_NONE, false);
        break;
    case EV_SOON:
        pin(w, e.of, false, HINT_SOON, false);
        break;
    case EV_COLD:
        pin(w, e.of, false, HINT_COLD, false);
        break;
    case EV_RELOAD:
        reload(w, e.of);
        break;
    case EV_DELETE:
        delete (w, e.of);
        break;
    case EV_WITHDRAW:
        withdraw(w, e.of);
        break;
    case EV_UNPIN:
        unpin(w, e.of, false);
        break;
    case EV_UNPIN_FAR:
        unpin(w, e.of, true);
        break;
    case EV_TICK:
        w->now++;
        break;
    case EV_SCRATCH:
        take_scratch(w);
        break;
    case EV_SCRATCH_ASKED:
        scratch_asked(w);
        break;
    case EV_SCRATCH_GIVE:
        give_scratch(w);
        break;
    default:
        world_load_step(w, (enum event_kind)e.kind, e.of);
    }
}

/* Was granted just now: its bytes are charged, and nobody who asked before still waits. */
static void note_granted(struct world *w, const struct room_wait *r, int asked_at)
{
    WORLD_CHECK(w, r->granted);
    for (int i = 0; i < LOADS; i++)
        WORLD_CHECK(w, w->loads[i].stage != ASKED || !w->loads[i].room.queued ||
                           w->loads[i].asked_at > asked_at);
    WORLD_CHECK(w, w->scratch_state != SCRATCH_ASKED || !w->scratch.queued ||
                       w->scratch_asked_at > asked_at);
}

static void note_grants(struct world *w)
{
    for (int i = 0; i < LOADS; i++) {
        struct load *l = &w->loads[i];
        if (l->stage != ASKED || l->charged || !l->room.granted)
            continue;
        l->charged = true;
        note_granted(w, &l->room, l->asked_at);
        for (int t = 0; t < THINGS; t++)
            if (w->things[t].id >= 0 && w->things[t].state == FILLING && w->things[t].load == i)
                w->things[t].charged = true;
    }
    if (w->scratch_state == SCRATCH_ASKED && !w->scratch.queued)
        note_granted(w, &w->scratch, w->scratch_asked_at);
}

/* Where records are few, another model's may have gone for a new one. */
static void note_records(struct world *w)
{
    struct slot_info info;
    for (int m = 0; w->config->slots_max < MODELS && m < MODELS; m++) {
        bool there = cache_info(w->cache, world_names[m], &info);
        w->failed[m] = w->failed[m] && there && info.state == SLOT_FAILED;
        int i = world_current(w, m);
        if (i >= 0 && !there)
            w->loads[i].current = false;
    }
}

void world_step(struct world *w, struct event e)
{
    WORLD_CHECK(w, w->steps < PATH_MAX_EVENTS);
    w->path[w->steps++] = e;
    w->unloads = 0;
    w->begun = -1;
    take(w, e);
    note_grants(w);
    note_records(w);
}

void world_begin(struct world *w, const struct world_config *config)
{
    const struct cache_config c = {.limit_bytes = config->limit,
                                   .backoff_min_us = 1,
                                   .backoff_max_us = 1,
                                   .slots_max = config->slots_max};
    const struct cache_source source = {world_source_load, world_source_unload, w};
    memset(w, 0, sizeof(*w));
    w->config = config;
    w->now = 1;
    for (int t = 0; t < THINGS; t++)
        w->things[t].id = -1;
    for (int k = 0; k < CLIENTS; k++)
        w->clients[k].world = w;
    ck_assert_int_eq(cache_new(&c, &source, &w->cache), OK);
    gates_fini(&w->cache->gates);
    ck_assert_int_eq(gates_init(&w->cache->gates, GATES, config->slots_max), OK);
    if (config->one_count)
        w->cache->gates.places.max = 1;
    gate_take(GATE);
}
