/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The tiny world's source: what loads hold, and their steps from the first to the last. */
#include <string.h>

#include "support/support.h"
#include "tiny_world.h"

struct world_seen world_seen;
static char share_values[EACH];

/* ---- looking ---- */

int world_current(const struct world *w, int model)
{
    for (int i = 0; i < LOADS; i++)
        if (w->loads[i].stage && w->loads[i].current && w->loads[i].model == model)
            return i;
    return -1;
}

int world_refs(const struct world *w, int thing)
{
    int n = 0;
    for (int i = 0; i < LOADS; i++)
        for (int k = 0; w->loads[i].stage && k < EACH; k++)
            n += w->loads[i].things[k] == thing;
    return n;
}

static int load_of(const struct world *w, const struct slot *slot)
{
    for (int i = 0; i < LOADS; i++)
        if (w->loads[i].stage && w->loads[i].slot == slot)
            return i;
    WORLD_CHECK(w, !"a slot that the world knows");
    return -1;
}

static int find_thing(const struct world *w, int id)
{
    for (int t = 0; t < THINGS; t++)
        if (w->things[t].id == id && w->things[t].state <= FULL)
            return t;
    return -1;
}

void world_arrow(enum slot_state from, enum slot_state to)
{
    world_seen.arrows[from][to] = true;
}

/* ---- new versions ---- */

int world_heir(const struct world *w, int load)
{
    for (int i = 0; i < LOADS; i++)
        if (w->loads[i].stage && w->loads[i].before == load)
            return i;
    return -1;
}

/* The load leaves its chain. */
static void unchain(struct world *w, int load)
{
    int heir = world_heir(w, load);
    if (heir >= 0)
        w->loads[heir].before = w->loads[load].before;
    w->loads[load].before = -1;
}

void world_cancel_heirs(struct world *w, int load)
{
    int heir;
    while ((heir = world_heir(w, load)) >= 0) {
        unchain(w, heir);
        w->loads[heir].cancelled = true;
        world_seen.reload_cancelled++;
    }
}

/* The load, current, can no longer be pinned: its heir, if it has one, has the name. */
static void succeed(struct world *w, int load)
{
    int heir = world_heir(w, load);
    if (heir < 0)
        return;
    unchain(w, load);
    w->loads[load].current = false;
    w->loads[heir].current = true;
    w->failed[w->loads[load].model] = false;
    world_seen.succeeded++;
}

/* The load is ready: it replaces all before it. */
static void take_over(struct world *w, int load)
{
    struct load *l = &w->loads[load];
    int head = l->before;
    if (head < 0)
        return;
    while (w->loads[head].before >= 0) {
        int before = w->loads[head].before;
        w->loads[head].before = -1;
        w->loads[head].cancelled = true;
        world_seen.passed_over++;
        head = before;
    }
    l->before = -1;
    l->current = true;
    l->used = w->loads[head].used;
    w->loads[head].current = false;
    w->loads[head].stale = w->loads[head].stage < RESIDENT;
    if (w->loads[head].stage == RESIDENT && w->loads[head].pins) {
        world_arrow(SLOT_RESIDENT, SLOT_DRAINING);
        w->loads[head].stage = LEAVING;
    }
    world_seen.taken_over++;
}

/* ---- what loads hold ---- */

/* Nobody holds it any more: what was filled is freed with load, what was lost is no more. */
static void drop_things(struct world *w, int load)
{
    struct load *l = &w->loads[load];
    for (int k = 0; k < EACH; k++) {
        int t = l->things[k];
        if (t < 0)
            continue;
        struct thing *x = &w->things[t];
        l->things[k] = -1;
        if (x->state == FILLING && x->load == load) {
            x->state = LOST;
            l->lost_bytes += x->charged;
        }
        if (world_refs(w, t))
            continue;
        if (x->state == FULL) {
            x->state = DEAD;
            x->load = load;
            world_seen.died_with++;
        } else {
            x->id = -1;
        }
    }
}

/* Holds what l wants, as the cache is to do. */
static void take_things(struct world *w, int load)
{
    struct load *l = &w->loads[load];
    const struct tiny_model *m = &w->config->models[l->model];
    for (int k = 0; k < m->n; k++) {
        int t = find_thing(w, m->shares[k]);
        for (int i = 0; t < 0; i++) {
            WORLD_CHECK(w, i < THINGS);
            if (w->things[i].id < 0) {
                w->things[i] = (struct thing){.id = m->shares[k], .state = FILLING, .load = load};
                t = i;
            }
        }
        l->things[k] = t;
    }
}

/* What died with the load, and only that, is given by the cache, and is free from now on. */
static void free_dead(struct world *w, int load)
{
    const struct share *at = NULL;
    const char *value;
    while ((value = cache_dead(w->loads[load].slot, &at))) {
        int found = -1;
        for (int t = 0; t < THINGS; t++)
            if (w->things[t].id == value - share_values && w->things[t].state == DEAD &&
                w->things[t].load == load)
                found = t;
        WORLD_CHECK(w, found >= 0); /* else it was freed twice, or under who uses it */
        w->things[found].id = -1;
    }
    for (int t = 0; t < THINGS; t++)
        WORLD_CHECK(w,
                    w->things[t].id < 0 || w->things[t].state != DEAD || w->things[t].load != load);
}

/* ---- the source ---- */

void world_source_load(void *self, struct slot *slot, const char *name)
{
    struct world *w = self;
    WORLD_CHECK(w, w->begun >= 0 && !w->loads[w->begun].slot);
    WORLD_CHECK(w, strcmp(name, world_names[w->loads[w->begun].model]) == 0);
    w->loads[w->begun].slot = slot;
}

/* What a load is to replace is no victim of its own; -1: it replaces nothing. */
static int spared_by(const struct world *w, int load)
{
    int spared = w->loads[load].before;
    while (spared >= 0 && w->loads[spared].before >= 0)
        spared = w->loads[spared].before;
    return spared;
}

/* Who goes for room is the longest unused of those that may. */
static void check_oldest(const struct world *w, const struct load *l)
{
    const struct event now = w->path[w->steps - 1];
    if (w->ending || (now.kind != EV_ASK && now.kind != EV_SCRATCH))
        return;
    const int spared = now.kind == EV_ASK ? spared_by(w, now.of) : -1;
    for (int i = 0; i < LOADS; i++)
        WORLD_CHECK(w, i == spared || w->loads[i].stage != RESIDENT || w->loads[i].pins ||
                           w->loads[i].used >= l->used);
}

void world_source_unload(void *self, struct slot *slot, void *value)
{
    struct world *w = self;
    int i = load_of(w, slot);
    struct load *l = &w->loads[i];
    WORLD_CHECK(w, value == l);
    WORLD_CHECK(w, !l->pins);
    WORLD_CHECK(w, l->stage == RESIDENT || l->stage == LEAVING);
    w->unloads++;
    check_oldest(w, l);
    if (l->stage == RESIDENT)
        world_arrow(SLOT_RESIDENT, SLOT_DRAINING);
    l->stage = DRAINING;
    drop_things(w, i);
    succeed(w, i);
    if (!w->ending)
        return;
    free_dead(w, i);
    l->stage = NONE;
    cache_drained(w->cache, slot);
}

/* ---- the source's steps of a load ---- */

static void end_badly(struct load *l, enum stage stage, enum status code)
{
    l->stage = stage;
    l->code = code;
}

/* Bytes that are free or coming, and promised to nobody. */
static int64_t unpromised(const struct world *w)
{
    uint64_t used[BUDGET_CLASS_COUNT], coming, promised;
    world_bytes(w, used, &coming, &promised);
    return (int64_t)(w->config->limit + coming - promised) -
           (int64_t)(used[0] + used[1] + used[2] + used[3]);
}

static bool may_go(const struct load *l)
{
    return l->stage == RESIDENT && !l->pins;
}

/* What evicting all that may go, but `spared`, would free. */
static int64_t evictable(const struct world *w, int spared)
{
    int64_t bytes = 0;
    for (int i = 0; i < LOADS; i++)
        bytes += i != spared && may_go(&w->loads[i])
                     ? (int64_t)w->config->models[w->loads[i].model].own
                     : 0;
    for (int t = 0; t < THINGS; t++) {
        bool leaves = w->things[t].id >= 0 && w->things[t].state == FULL;
        for (int i = 0; i < LOADS; i++)
            for (int k = 0; w->loads[i].stage && k < EACH; k++)
                leaves =
                    leaves && (w->loads[i].things[k] != t || (i != spared && may_go(&w->loads[i])));
        bytes += leaves;
    }
    return bytes;
}

/* Is there room for the load, which has taken its things by now? */
static bool room_for(const struct world *w, int load)
{
    const struct load *l = &w->loads[load];
    int64_t need = (int64_t)w->config->models[l->model].own;
    bool queue = w->scratch_state == SCRATCH_ASKED && w->scratch.queued;
    for (int k = 0; k < EACH; k++)
        if (l->things[k] >= 0)
            need +=
                w->things[l->things[k]].state == FILLING && w->things[l->things[k]].load == load;
    for (int i = 0; i < LOADS; i++)
        queue = queue || (w->loads[i].stage == ASKED && w->loads[i].room.queued);
    uint64_t used[BUDGET_CLASS_COUNT], coming, promised;
    world_bytes(w, used, &coming, &promised);
    const bool at_once =
        !queue && used[0] + used[1] + used[2] + used[3] + (uint64_t)need <= w->config->limit;
    return at_once || (!l->modest && unpromised(w) + evictable(w, spared_by(w, load)) >= need);
}

static void ask(struct world *w, int load)
{
    struct load *l = &w->loads[load];
    const struct tiny_model *m = &w->config->models[l->model];
    struct err err;
    for (int k = 0; k < m->n; k++) {
        l->wants[k] = (struct share_want){.bytes = 1};
        l->wants[k].key[0] = (uint8_t)(m->shares[k] + 1);
    }
    const bool fits = m->own + (uint64_t)m->n <= w->config->limit;
    const struct world before = *w;
    if (fits && !l->cancelled)
        take_things(w, load);
    const bool room = fits && (l->cancelled || room_for(w, load));
    l->asked_at = ++w->order;
    const struct load_need need = {m->own, 0, l->wants, (uint32_t)m->n};
    enum status s = room_ask_load(w->cache, l->slot, &need, &l->room, &err);
    if (s != OK) {
        WORLD_CHECK(w, s == (fits ? E_NO_ROOM : E_NEVER_FITS) && (!room || l->slot->guest));
        WORLD_CHECK(w, !w->unloads); /* a refusal evicts nobody */
        world_seen.no_record += fits && l->slot->guest;
        world_seen.refused += fits;
        world_seen.never_fits += !fits;
        world_seen.hint_refused += fits && l->modest;
        *w = before;
        end_badly(l, LET_GO, s);
        return;
    }
    WORLD_CHECK(w, room);
    WORLD_CHECK(w, !w->unloads || !l->modest); /* a hint evicts nobody */
    world_seen.evicted += (uint64_t)w->unloads;
    for (int k = 0; !l->cancelled && k < m->n; k++)
        WORLD_CHECK(w, l->wants[k].mine == (w->things[l->things[k]].state == FILLING &&
                                            w->things[l->things[k]].load == load));
    l->stage = ASKED;
    world_seen.queued += l->room.queued;
}

static void asked(struct world *w, int load)
{
    struct load *l = &w->loads[load];
    struct err err;
    enum status s = room_await(w->cache, &l->room, &err);
    WORLD_CHECK(w, s == (l->charged ? OK : E_CANCELLED));
    WORLD_CHECK(w, l->charged || l->cancelled);
    world_seen.withdrawn_from_queue += !l->charged;
    if (s == OK)
        l->stage = w->config->models[l->model].n ? GRANTED : READY;
    else
        end_badly(l, ENDING, s);
}

static void fill(struct world *w, int load)
{
    struct load *l = &w->loads[load];
    for (int k = 0; k < w->config->models[l->model].n; k++) {
        struct thing *x = &w->things[l->things[k]];
        if (x->state != FILLING || x->load != load)
            continue;
        x->state = FULL;
        l->wants[k].value = &share_values[x->id];
    }
    cache_load_filled(w->cache, l->slot, l->wants);
    l->stage = FILLED;
}

static void await(struct world *w, int load)
{
    struct load *l = &w->loads[load];
    bool lost = false;
    for (int k = 0; k < EACH; k++)
        lost = lost || (l->things[k] >= 0 && w->things[l->things[k]].state == LOST);
    enum share_wait wait = cache_load_await(w->cache, l->slot, l->wants);
    WORLD_CHECK(w, wait == (l->cancelled ? SHARES_CANCELLED : lost ? SHARES_LOST : SHARES_READY));
    world_seen.lost += wait == SHARES_LOST;
    if (wait != SHARES_READY) {
        end_badly(l, ENDING, wait == SHARES_LOST ? OK : E_CANCELLED);
        return;
    }
    for (int k = 0; k < w->config->models[l->model].n; k++)
        WORLD_CHECK(w, l->wants[k].value == &share_values[w->things[l->things[k]].id]);
    l->stage = READY;
}

static void let_go(struct world *w, int load)
{
    struct load *l = &w->loads[load];
    cache_load_let_go(w->cache, l->slot);
    drop_things(w, load);
    end_badly(l, LET_GO, l->stage == ENDING ? l->code : E_NO_MEMORY);
}

/* All that the load had is free. */
static void give_back(struct world *w, int load)
{
    struct load *l = &w->loads[load];
    free_dead(w, load);
    l->charged = false;
    l->lost_bytes = 0;
}

static void freed(struct world *w, int load)
{
    give_back(w, load);
    w->loads[load].stage = BEGUN;
    cache_load_freed(w->cache, w->loads[load].slot);
    world_seen.started_over++;
}

static void load_failed(struct world *w, int load, enum status code)
{
    struct load *l = &w->loads[load];
    struct err err;
    const bool remembered =
        !l->cancelled && (code == E_CORRUPT || code == E_STORE || code == E_NEVER_FITS);
    world_arrow(SLOT_LOADING, remembered ? SLOT_FAILED : SLOT_ABSENT);
    if (remembered && l->current) {
        w->failed[l->model] = true;
        w->retry_at[l->model] = w->now + 1;
    }
    give_back(w, load);
    l->code = l->cancelled ? E_CANCELLED : code; /* whatever the source says */
    world_seen.reload_failed += l->before >= 0;
    if (l->current)
        succeed(w, load);
    unchain(w, load);
    err_set(&err, code, "failed");
    cache_load_failed(w->cache, l->slot, &err, w->now);
    WORLD_CHECK(w, !l->waiting && !l->drain_waits); /* everybody was told */
    l->stage = NONE;
}

static void finish(struct world *w, int load)
{
    struct load *l = &w->loads[load];
    const struct load_times t = {0};
    l->code = l->cancelled ? E_CANCELLED : OK;
    l->stage = RESIDENT;
    if (!l->cancelled)
        take_over(w, load);
    if (l->cancelled) { /* there is no arrow to RESIDENT */
        world_arrow(SLOT_LOADING, SLOT_DRAINING);
        l->stage = LEAVING;
        world_seen.kept_after_cancel++;
    } else {
        world_arrow(SLOT_LOADING, SLOT_RESIDENT);
        if (l->stale && l->waiting) {
            world_arrow(SLOT_RESIDENT, SLOT_DRAINING);
            l->stage = LEAVING;
        }
    }
    cache_load_done(w->cache, l->slot, l, "1", &t, w->now);
    WORLD_CHECK(w, !l->waiting);
    WORLD_CHECK(w, l->stage == (l->cancelled ? DRAINING
                                : l->stale   ? (l->pins ? LEAVING : DRAINING)
                                             : RESIDENT));
}

static void drain(struct world *w, int load)
{
    struct load *l = &w->loads[load];
    free_dead(w, load);
    world_arrow(SLOT_DRAINING, SLOT_ABSENT);
    cache_drained(w->cache, l->slot);
    WORLD_CHECK(w, !l->drain_waits);
    l->stage = NONE;
}

void world_load_step(struct world *w, enum event_kind kind, int load)
{
    static void (*const steps[EV_COUNT])(struct world *, int) = {
        [EV_ASK] = ask,       [EV_ASKED] = asked, [EV_FILL] = fill,   [EV_AWAIT] = await,
        [EV_LET_GO] = let_go, [EV_FREED] = freed, [EV_DONE] = finish, [EV_DRAINED] = drain};
    const enum status code = w->loads[load].code;
    if (steps[kind])
        steps[kind](w, load);
    else
        load_failed(w, load,
                    kind == EV_FAIL_UNKNOWN   ? E_NOT_FOUND
                    : kind == EV_FAIL_CORRUPT ? E_CORRUPT
                    : code == OK              ? E_STORE
                                              : code);
}
