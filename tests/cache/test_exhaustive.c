/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every order of events in worlds of two models (tiny_world.h), searched breadth first. A state is
 * reached again by taking its events again in a fresh world, since a cache cannot be copied; states
 * with the same key are one. After each new one all that must hold is checked, and that everybody
 * is served when everybody goes on. The number of states of a world is bounded, so that it ends in
 * some seconds. ROOST_EXHAUSTIVE=N sets another bound, with CK_DEFAULT_TIMEOUT=0 for a large one: a
 * million take minutes, and are all there are of two of the worlds. Under ASan the bound is a
 * fifth: a state costs five times as much there, and the same events lead to it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "support/support.h"
#include "tiny_world.h"

enum { STATES = LESS_UNDER_ASAN(15000, 3000), NODES_MAX = 1 << 23 };

/* A state, by how it is reached. */
struct node {
    uint32_t from; /* the node before */
    struct event event;
};

struct search {
    const struct world_config *config;
    uint32_t max; /* states */
    struct node *nodes;
    uint32_t count;
    uint64_t *keys; /* hashes of keys; open addressing, 0: free */
    size_t mask;
    uint64_t steps;
    bool whole;
};

static struct world world;

#define DATA_EVENTS                                                                                \
    [EV_PIN] = true, [EV_LATE] = true, [EV_UNPIN_FAR] = true, [EV_DELETE] = true,                  \
    [EV_WITHDRAW] = true, [EV_LET_GO] = true

static const struct world_config worlds[] = {
    {.name = "one at a time",
     .limit = 1,
     .slots_max = 2,
     .clients = 3,
     .models = {{.own = 1}, {.own = 1}},
     .events = {DATA_EVENTS, [EV_FAIL_UNKNOWN] = true, [EV_FAIL_CORRUPT] = true}},
    {.name = "pins in one count",
     .limit = 2,
     .slots_max = 2,
     .clients = 3,
     .one_count = true,
     .models = {{.own = 1}, {.own = 1}},
     .events = {DATA_EVENTS, [EV_RELOAD] = true}},
    {.name = "room for one, and scratch",
     .limit = 3,
     .slots_max = 2,
     .clients = 2,
     .models = {{.own = 2}, {.own = 2}},
     .events = {DATA_EVENTS, [EV_SCRATCH] = true}},
    {.name = "hints",
     .limit = 2,
     .slots_max = 2,
     .clients = 2,
     .models = {{.own = 1}, {.own = 2}},
     .events = {[EV_PIN] = true,
                [EV_LOAD] = true,
                [EV_SOON] = true,
                [EV_COLD] = true,
                [EV_DELETE] = true}},
    {.name = "one share",
     .limit = 2,
     .slots_max = 2,
     .clients = 2,
     .models = {{.own = 1, .n = 1, .shares = {0}}, {.own = 1, .n = 1, .shares = {0}}},
     .events = {DATA_EVENTS}},
    {.name = "two shares",
     .limit = 3,
     .slots_max = 2,
     .clients = 2,
     .models = {{.own = 1, .n = 2, .shares = {0, 1}}, {.own = 1, .n = 1, .shares = {1}}},
     .events = {DATA_EVENTS}},
    {.name = "a share and scratch",
     .limit = 3,
     .slots_max = 2,
     .clients = 2,
     .models = {{.own = 1, .n = 1, .shares = {0}}, {.own = 2, .n = 1, .shares = {0}}},
     .events = {[EV_PIN] = true, [EV_SCRATCH] = true}},
    {.name = "new versions",
     .limit = 2,
     .slots_max = 2,
     .clients = 3,
     .models = {{.own = 1}, {.own = 1}},
     .events = {DATA_EVENTS, [EV_RELOAD] = true, [EV_FAIL_CORRUPT] = true}},
    {.name = "new versions that share",
     .limit = 4,
     .slots_max = 2,
     .clients = 2,
     .models = {{.own = 1, .n = 1, .shares = {0}}, {.own = 2, .n = 1, .shares = {0}}},
     .events = {DATA_EVENTS, [EV_RELOAD] = true}},
    {.name = "one record of two",
     .limit = 3,
     .slots_max = 1,
     .clients = 2,
     .models = {{.own = 1}, {.own = 2}},
     .events = {DATA_EVENTS, [EV_FAIL_UNKNOWN] = true}},
    {.name = "one record, and one that never fits",
     .limit = 2,
     .slots_max = 1,
     .clients = 2,
     .models = {{.own = 1}, {.own = 3}},
     .events = {DATA_EVENTS, [EV_FAIL_UNKNOWN] = true}},
};

/* ---- which states are known ---- */

static bool is_new(struct search *s, const struct world *w)
{
    uint8_t key[KEY_MAX];
    uint64_t hash = hash_bytes(key, world_key(w, key));
    size_t at = hash & s->mask;
    hash |= !hash;
    for (; s->keys[at]; at = (at + 1) & s->mask)
        if (s->keys[at] == hash)
            return false;
    s->keys[at] = hash;
    return true;
}

static void search_init(struct search *s, const struct world_config *config)
{
    const char *bound = getenv("ROOST_EXHAUSTIVE");
    uint32_t max = bound ? (uint32_t)strtoul(bound, NULL, 10) : STATES;
    size_t keys = 64;
    max = max && max < NODES_MAX ? max : NODES_MAX;
    while (keys < (size_t)max * 2)
        keys *= 2;
    *s = (struct search){.config = config, .max = max, .mask = keys - 1};
    s->nodes = calloc(max, sizeof(s->nodes[0]));
    s->keys = calloc(keys, sizeof(s->keys[0]));
    ck_assert_ptr_nonnull(s->nodes);
    ck_assert_ptr_nonnull(s->keys);
}

static void search_fini(struct search *s)
{
    free(s->nodes);
    free(s->keys);
}

/* ---- the search ---- */

static void reach(struct search *s, uint32_t node)
{
    struct event path[PATH_MAX_EVENTS];
    int n = 0;
    for (; node; node = s->nodes[node].from)
        path[n++] = s->nodes[node].event;
    world_begin(&world, s->config);
    s->steps += (uint64_t)n;
    while (n)
        world_step(&world, path[--n]);
}

static void expand(struct search *s, uint32_t node)
{
    struct event events[EVENTS_MAX];
    reach(s, node);
    const int n = world_events(&world, events);
    for (int i = 0; i < n && s->count < s->max; i++) {
        if (i)
            reach(s, node);
        world_step(&world, events[i]);
        world_check(&world);
        if (is_new(s, &world))
            s->nodes[s->count++] = (struct node){node, events[i]};
        world_settle(&world);
    }
    if (!n)
        world_settle(&world);
}

/* Of the state that was found last. */
static uint32_t depth(const struct search *s)
{
    uint32_t n = 0;
    for (uint32_t node = s->count - 1; node; node = s->nodes[node].from)
        n++;
    return n;
}

static void search(struct search *s)
{
    const int64_t live = alloc_live();
    uint32_t at = 0;
    world_begin(&world, s->config);
    s->count = is_new(s, &world);
    world_settle(&world);
    for (; at < s->count && s->count < s->max; at++)
        expand(s, at);
    s->whole = at == s->count;
    ck_assert_int_eq(alloc_live(), live);
}

static void search_world(const struct world_config *config)
{
    struct search s;
    search_init(&s, config);
    search(&s);
    printf("%-38s %8u states%s, %3u events deep, %10" PRIu64 " steps\n", s.config->name, s.count,
           s.whole ? ", all of them" : "", depth(&s), s.steps);
    search_fini(&s);
}

/* From each state to each other one, and whether slot.c has that arrow. */
static const bool legal[SLOT_STATE_COUNT][SLOT_STATE_COUNT] = {
    /* to: ABSENT, LOADING, RESIDENT, DRAINING, FAILED */
    [SLOT_ABSENT] = {0, 1, 0, 0, 0},   [SLOT_LOADING] = {1, 0, 1, 1, 1},
    [SLOT_RESIDENT] = {0, 0, 0, 1, 0}, [SLOT_DRAINING] = {1, 0, 0, 0, 0},
    [SLOT_FAILED] = {0, 1, 0, 0, 0},
};

START_TEST(every_order_of_events_keeps_what_always_holds)
{
    const struct world_seen *seen = &world_seen;
    for (size_t i = 0; i < ARRAY_COUNT(worlds); i++)
        search_world(&worlds[i]);
    for (int from = 0; from < SLOT_STATE_COUNT; from++)
        for (int to = 0; to < SLOT_STATE_COUNT; to++)
            ck_assert_msg(seen->arrows[from][to] == legal[from][to], "from %s to %s",
                          slot_state_text(from), slot_state_text(to));
    /* what is easily missed */
    ck_assert_uint_gt(seen->queued, 0);
    ck_assert_uint_gt(seen->withdrawn_from_queue, 0);
    ck_assert_uint_gt(seen->kept_after_cancel, 0);
    ck_assert_uint_gt(seen->replaced, 0);
    ck_assert_uint_gt(seen->lost, 0);
    ck_assert_uint_gt(seen->started_over, 0);
    ck_assert_uint_gt(seen->refused, 0);
    ck_assert_uint_gt(seen->evicted, 0);
    ck_assert_uint_gt(seen->hint_refused, 0);
    ck_assert_uint_gt(seen->no_record, 0);
    ck_assert_uint_gt(seen->never_fits, 0);
    ck_assert_uint_gt(seen->joined, 0);
    ck_assert_uint_gt(seen->died_with, 0);
    ck_assert_uint_gt(seen->hit, 0);
    ck_assert_uint_gt(seen->late_hit, 0);
    ck_assert_uint_gt(seen->taken_over, 0);
    ck_assert_uint_gt(seen->passed_over, 0);
    ck_assert_uint_gt(seen->succeeded, 0);
    ck_assert_uint_gt(seen->reload_failed, 0);
    ck_assert_uint_gt(seen->reload_cancelled, 0);
}
END_TEST

Suite *suite_exhaustive(void)
{
    return SUITE_SERIAL("exhaustive", every_order_of_events_keeps_what_always_holds);
}
