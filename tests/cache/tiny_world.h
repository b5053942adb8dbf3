/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A world small enough to be searched whole: two models around one cache, a source, three clients,
 * one worker that takes scratch, and a clock that two ticks tell apart. Everything that any thread
 * of a server could do next is one `event`; one thread takes them in any order. Nothing blocks: a
 * load's request for room is taken in its two halves, and what would wait is no event until it
 * would not.
 *
 * Beside the cache the world keeps an account of its own, by what it was told and did: who is
 * loaded how far, pins and waits for what, which bytes are held. world_check compares the two. A
 * difference, a wrong answer or one too many ends the test with the events that led there. */
#ifndef ROOST_TESTS_TINY_WORLD_H
#define ROOST_TESTS_TINY_WORLD_H

#include "cache/cache_priv.h"
#include "cache/reload.h"

enum {
    MODELS = 2,
    CLIENTS = 3,
    LOADS = 4,  /* slots at once, those included that a fresh one replaced */
    EACH = 2,   /* shares of a model */
    THINGS = 8, /* shares at once, the lost ones included */
    EVENTS_MAX = 64,
    KEY_MAX = 160,
    PATH_MAX_EVENTS = 120,
};

/* What may happen, by whom. */
enum event_kind {
    /* clients and operators; of a model */
    EV_PIN,
    EV_LATE,   /* the same, of one that did not hit at its gate before what happened last */
    EV_LOAD,   /* as POST /models: not counted */
    EV_SOON,   /* a hint */
    EV_COLD,   /* a hint */
    EV_RELOAD, /* the name stands for other content from now on */
    EV_DELETE,
    /* of a client */
    EV_WITHDRAW,
    /* of a load; the source */
    EV_UNPIN,
    EV_UNPIN_FAR, /* at another gate than pins are taken at */
    EV_ASK,
    EV_ASKED, /* the request for room returns */
    EV_FILL,
    EV_AWAIT,
    EV_LET_GO,
    EV_FREED, /* starts over */
    EV_FAIL_UNKNOWN,
    EV_FAIL_CORRUPT,
    EV_FAIL,
    EV_DONE,
    EV_DRAINED,
    /* of nobody */
    EV_TICK,
    EV_SCRATCH,
    EV_SCRATCH_ASKED,
    EV_SCRATCH_GIVE,
    EV_COUNT
};

struct event {
    uint8_t kind, of;
};

struct tiny_model {
    uint64_t own; /* bytes */
    int n;
    int shares[EACH]; /* of one byte each, by number */
};

struct world_config {
    const char *name;
    uint64_t limit;
    uint32_t slots_max;
    uint32_t clients; /* <= CLIENTS */
    bool one_count;   /* no slot has counts of its pins at the gates */
    struct tiny_model models[MODELS];
    bool events[EV_COUNT]; /* those besides what the source must do */
};

enum stage {
    NONE,
    BEGUN,
    ASKED,
    GRANTED,
    FILLED,
    READY,
    ENDING, /* failed; holds what it held */
    LET_GO, /* failed; holds nothing but its bytes */
    RESIDENT,
    LEAVING,  /* drains, and is pinned */
    DRAINING, /* the source has it */
};

/* A share, by the world's account. */
struct thing {
    int id; /* -1: none */
    enum { FILLING, FULL, LOST, DEAD } state;
    int load;     /* who fills it, or with whom it died */
    bool charged; /* since its filler has room */
};

/* A slot that is or was being loaded. */
struct load {
    enum stage stage;
    int model, pins, waiting, drain_waits;
    bool far;         /* a pin was given back far from where it was taken */
    int used;         /* order of the last stamp */
    int asked_at;     /* order of its request */
    enum status code; /* of ENDING and LET_GO; OK: a share was lost */
    bool current, cancelled, modest, charged;
    bool stale;       /* a later version was ready before it */
    int before;       /* the load that it is to replace; -1: none */
    int things[EACH]; /* -1: none */
    uint64_t lost_bytes;
    struct slot *slot;
    struct share_want wants[EACH];
    struct room_wait room;
};

struct tiny_client {
    struct waiter waiter;
    struct world *world;
    int load; /* that it waits for or pins */
    enum { IDLE, WAITING, HOLDING } state;
};

struct world {
    const struct world_config *config;
    struct cache *cache;
    struct load loads[LOADS];
    struct thing things[THINGS];
    struct tiny_client clients[CLIENTS];
    struct room_wait scratch;
    enum { SCRATCH_NONE, SCRATCH_ASKED, SCRATCH_HELD } scratch_state;
    int scratch_asked_at;
    bool failed[MODELS];       /* its record is FAILED ... */
    uint64_t retry_at[MODELS]; /* ... until then */
    uint64_t now;
    int order, order_cold; /* of stamps: the newest, the oldest */
    int begun;             /* load that the source was just given; -1: none */
    int unloads;           /* calls of unload in this event */
    bool ending;           /* the world ends: what is unloaded is free at once */
    struct event path[PATH_MAX_EVENTS];
    int steps;
};

/* What a search came by; never reset. */
struct world_seen {
    bool arrows[SLOT_STATE_COUNT][SLOT_STATE_COUNT];
    uint64_t queued, withdrawn_from_queue, kept_after_cancel, replaced, lost, started_over, refused,
        evicted, hint_refused, no_record, never_fits, joined, died_with, hit, late_hit, taken_over,
        passed_over, succeeded, reload_failed, reload_cancelled;
};
extern struct world_seen world_seen;

void world_begin(struct world *w, const struct world_config *config);
/* What may happen next, in a fixed order. */
int world_events(const struct world *w, struct event out[EVENTS_MAX]);
void world_step(struct world *w, struct event e);
/* All that holds at any time. */
void world_check(struct world *w);
/* Equal for worlds in which the same may happen from now on. Returns its length. */
size_t world_key(const struct world *w, uint8_t key[KEY_MAX]);
/* Everybody goes on with what is begun: nobody may be left waiting. Then the world ends. */
void world_settle(struct world *w);

/* ---- what the world's files share ---- */
extern const char *const world_names[MODELS];
int world_current(const struct world *w, int model); /* the load of its slot; -1: none */
int world_refs(const struct world *w, int thing);
int world_heir(const struct world *w, int load); /* what is to replace it; -1: nothing */
void world_cancel_heirs(struct world *w, int load);
/* What is to be charged, what of it is coming back, and what the queue was promised. */
void world_bytes(const struct world *w, uint64_t used[BUDGET_CLASS_COUNT], uint64_t *coming,
                 uint64_t *promised);
void world_arrow(enum slot_state from, enum slot_state to); /* was taken */
void world_source_load(void *world, struct slot *slot, const char *name);
void world_source_unload(void *world, struct slot *slot, void *value);
void world_load_step(struct world *w, enum event_kind kind, int load);
/* Ends the test with the events so far. */
_Noreturn void world_fail(const struct world *w, const char *what, int line);
#define WORLD_CHECK(w, x)                                                                          \
    do {                                                                                           \
        if (!(x))                                                                                  \
            world_fail(w, #x, __LINE__);                                                           \
    } while (0)

#endif
