/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The cache's inside: the slot, the tables and lists it stands in, and what its files call of each
 * other. All fields of all these structs are guarded by cache.lock unless they say otherwise; those
 * that a hit looks at (gate_priv.h) change only while all gates are closed.
 *
 * A slot stands in the table while it is `current`: what a pin of its name finds. One that a fresh
 * slot replaced is detached: only its load, its pins and its unload still know it, and it is freed
 * when they are through. */
#ifndef ROOST_CACHE_CACHE_PRIV_H
#define ROOST_CACHE_CACHE_PRIV_H

#include <stdatomic.h>

#include "cache/cache.h"
#include "cache/gate_priv.h"
#include "cache/policy/lru.h"
#include "cache/reload.h"
#include "cache/share_priv.h"
#include "cache/tenant_priv.h"
#include "cache/thrash.h"
#include "cache/watch.h"

enum { SLOT_STATE_COUNT = SLOT_FAILED + 1, CACHE_MAGIC = 0x43414348 };
#define PINS_LAST (1u << 31)

/* Who asked to be told when a slot's bytes are back. Heap; freed when told. */
struct drain_wait {
    struct drain_wait *next;
    cache_drained_fn *done;
    void *arg;
};

/* What is remembered of a model; a fresh slot inherits it from the one it replaces. A node has one
 * of each name that was ever asked for, so what few of them need lies elsewhere. */
struct record {
    uint64_t hits;
    uint64_t last_used_us; /* 0: never */
    uint32_t id;           /* in cache.ids; 0: none, nothing is told of it */
    uint32_t reload_us;    /* fetch and load, from the tier below: moving average; 0: unknown */
    uint64_t load_bytes;   /* the most that a load of this version took, as watchers know it: what
                            * others held then is not in it; 0: unknown */
    uint64_t misses, joined, loads, evictions;
    uint64_t loaded_us; /* 0: never */
    struct load_times last_load;
    uint64_t origin;         /* see cache_load_origin */
    uint64_t content;        /* see cache_load_content */
    uint64_t failed_content; /* of the last reload that failed; the back-off is for it alone */
    uint64_t looked_up_us;   /* by cache_due; 0: never */
    uint64_t evicted_us;     /* 0: never */
    uint64_t evicted_by;     /* EVICT_ROOM: hash of the name of the model it gave way to */
    uint64_t retry_at_us;    /* of a remembered failure */
    char *last_words;        /* heap; of last_error. NULL: there were none, or no memory for them */
    enum status last_error;  /* since the last good load; OK: none */
    uint32_t failures;       /* remembered ones in a row; decides the back-off */
    uint8_t evicted_why;     /* enum evict_why */
    bool known;              /* the model was resident once, or its load proved that it exists */
    char version[MODEL_VERSION_MAX + 1];
};

enum { SLOT_LINE = 64 }; /* bytes of a cache line, as which slots are laid out */

/* Heap; owned by the cache. What follows from a hit changes one line alone (which is all that a
 * decision reads of what is kept), and what a hit looks at is another, the last, which no hit
 * changes, so that it lies in all processors' caches: hence the order. Next to what hits look at,
 * in the next slot as well, are lines that are seldom written: processors fetch a line's neighbour
 * with it. Slots of common sizes begin with a line. */
struct slot {
    uint64_t bytes;      /* its own, charged now, in the budget class of the state */
    struct holds *holds; /* what it shares; NULL: nothing, or no more */
    struct share *dead;  /* what died with it and is not free yet; unchanged while the source has
                          * it, and then read without the lock */
    uint64_t dead_bytes; /* of dead, charged as DRAINING */
    uint64_t transient_bytes; /* LOADING, DRAINING: part of cache.transient_bytes; 0: it is kept */
    struct waiter *first, *last; /* waiters, in the order they came */
    struct slot *after_next;     /* next in a list of struct after, or of chosen victims */
    struct lru_link link;        /* in cache.live or cache.idle; in none while DRAINING */
    struct tenant *tenant;       /* who is charged: the cache's once the slot is in the table */
    bool ahead;                  /* loaded for a hint, and nobody asked since */
    bool cold;                   /* LOADING: entered as the oldest, and nobody asked since */
    bool current;                /* stands in the table */
    bool cancelled;              /* LOADING: a DELETE came, or it was given up */
    bool stale;  /* LOADING: its heir was ready first: it leaves with those who wait */
    bool reload; /* it is or was an heir */
    bool wanted; /* LOADING: somebody asked that it be resident */
    bool kept;   /* no victim; only ever true while RESIDENT */
    struct record record;
    struct slot *left, *right;   /* children in the tree by name */
    struct slot *heir, *heir_of; /* see reload.h; both NULL once it cannot be pinned any more */
    struct drain_wait *drain_waits;
    uint32_t waiter_count; /* length of the list of waiters */
    uint32_t proven;       /* the last proof that looked at it, the low half of its number */
    struct slot *chain;    /* next in its bucket */
    uint64_t hash;         /* of name; never changes */
    void *value;           /* the source's, from cache_load_done to cache_drained */
    uint32_t place;        /* of its pins at each gate, while it is or may be pinned; 0: none */
    atomic_uint pins; /* how many, where it has no place or drains; see pins.c. With PINS_LAST: the
                       * last of them has to unload it */
    uint8_t state;    /* enum slot_state */
    atomic_bool ran;  /* an invocation did since the load */
    bool chosen;      /* by choose_victims, while it chooses */
    bool untold;      /* LOADING: watchers do not know of its miss yet */
    bool modest;      /* LOADING: for nobody but a hint, so it evicts nobody */
    bool guest;       /* current, and not counted among the records; see guest.c */
    char name[];      /* never changes: readable without the lock while the slot lives */
};

_Static_assert(offsetof(struct slot, link) % SLOT_LINE == 0 &&
                   offsetof(struct slot, record.misses) % SLOT_LINE == 0,
               "what a hit changes");
_Static_assert(offsetof(struct slot, chain) % SLOT_LINE == 0, "what a hit looks at");

/* What is allocated of a slot where tenants have rules; elsewhere the slot alone. */
struct mated_slot {
    struct lru_link mate; /* while in cache.live: among its tenant's, by recency */
    struct slot slot;
};

/* Records by name: a hash table for pins, a tree for pages in name order. */
struct table {
    struct slot **buckets; /* heap */
    size_t mask;           /* number of buckets - 1 */
    struct slot *root;     /* a treap: ordered by name, a heap by hash */
    uint32_t count;
};

/* Who waits for bytes; owned by who asked. */
struct room_wait {
    struct room_wait *next;
    uint64_t bytes;     /* all that is to be charged … */
    uint64_t promised;  /* … what of it is promised: all, but while it is open … */
    uint64_t own_bytes; /* … and what of it is the slot's own */
    enum budget_class class;
    struct slot *slot;        /* NULL: scratch */
    struct holds *holds;      /* until the slot has them; NULL: it shares nothing */
    struct share_want *wants; /* the caller's */
    bool queued;              /* false: granted, or withdrawn by a cancel */
    bool granted;
    bool open;   /* queued, while it is still being evicted for; see decide.c */
    bool beyond; /* refused: its tenant would have more than its ceiling */
};

/* Records by id. All zero is valid: there are none. */
struct ids {
    struct slot **slots; /* heap; NULL where an id is not used */
    uint32_t *freed;     /* heap; a stack of n_freed ids that came back */
    uint32_t used;       /* ids up to it were used */
    uint32_t n_freed;
    uint32_t max; /* room for ids below it */
};

struct cache {
    uint32_t magic;
    struct lock lock; /* LOCK_CACHE */
    struct gates gates;
    struct cache_config config;
    struct cache_source source;
    struct budget budget; /* has its own lock; charged only with cache.lock held */
    struct table table;
    struct share_table shares;
    struct lru live;                     /* LOADING and RESIDENT, by recency */
    struct lru idle;                     /* ABSENT and FAILED, by when they became so */
    uint64_t by_state[SLOT_STATE_COUNT]; /* slots, detached ones included */
    uint64_t coming;                     /* bytes that the source is freeing */
    uint64_t promised;                   /* to queued room_waits; <= free + coming */
    struct room_wait *room_first, *room_last;
    struct cond changed; /* a room_wait left the queue, a slot was drained, or deciding ended */
    bool deciding;       /* a decision of many victims is under way: others wait for its end */
    uint64_t decisions;  /* that ever began; their numbers */
    uint32_t stretch;    /* CHOOSE_STRETCH, but in tests; never changes */
    uint32_t guests;     /* of table.count: slots that are guests */
    uint64_t latest_us;  /* the latest now_us that came in; ages are measured from it */
    struct tenant_table tenants;
    struct watch watch; /* has its own lock; put to only with cache.lock held */
    struct ids ids;
    struct policy *policy;       /* NULL: lru; guarded by watch.lock */
    cache_foreseen_fn *foreseen; /* fixed before the watch's thread; NULL: nobody */
    void *foreseen_arg;
    uint32_t *named; /* heap; room for CHOOSE_STRETCH that policy names … */
    uint32_t *among; /* … and for CHOOSE_AMONG that it is to name some of */
    struct thrash thrash;
    uint64_t transient_bytes; /* of loads that are served and not kept */
};

/* ---- gate.c; gate_priv.h has the rest ---- */
/* What a pin that finds its model resident does, and whether it did; else nothing happened. */
bool gate_pin(struct cache *c, const char *name, struct pin *pin);
/* The same of an invocation, which counts as a hit and stamps recency; of that version only, or of
 * any (NULL). False also where a gate's notes are full just now. */
bool gate_hit(struct cache *c, const char *name, const char *version, uint64_t now_us,
              struct pin *pin);

/* CACHE, with all hits done that were before: to look at what hits change. Others go on hitting.
 * Released by lock_release(&c->lock). */
void gates_settle(struct cache *c) ACQUIRES(c->lock);
/* CACHE, all hits done, and none happens until gates_open. */
void gates_close(struct cache *c) ACQUIRES(c->lock);
void gates_open(struct cache *c) RELEASES(c->lock);

/* ---- lookup.c ---- */
/* What w is told of a lookup of s and, where it counts, what follows from it. */
void lookup_count(struct cache *c, struct slot *s, struct waiter *w, enum lookup how,
                  uint64_t now_us) REQUIRES(c->lock);
/* What follows from one that counts, but for the metric. */
void lookup_note(struct cache *c, struct slot *s, enum lookup how, uint64_t now_us)
    REQUIRES(c->lock);

/* ---- after.c: what was decided under the lock and is done after its release ---- */
struct after {
    struct slot *unload; /* handed to source.unload, in the order they came */
    struct slot *unload_last;
    struct slot *dead;          /* freed */
    struct share *shares;       /* freed */
    struct tenant *tenants;     /* freed */
    struct holds *holds;        /* freed */
    struct drain_wait *drained; /* called and freed */
    struct waiter *answer;      /* answered with status, err and pin */
    enum status status;
    const struct err *err; /* borrowed until after_run */
    struct pin pin;
};
void after_unload(struct after *a, struct slot *s);
void after_dead(struct after *a, struct slot *s);
void after_drained(struct after *a, struct drain_wait *list);
void after_run(struct after *a, struct cache *c); /* without locks */

/* ---- cache.c ---- */
/* One cache_pin on its way. */
struct pin_call {
    uint64_t now_us;
    struct waiter *w;
    struct pin *pin;
    struct err *err;
    struct slot *begin; /* set when its load is to be started */
    struct after after;
};
/* The second half of cache_pin, of what did not hit at its gate: whatever happened meanwhile, it
 * hits, loads, joins or is refused. Apart, so that one thread can take both steps of several. */
enum pin_result pin_closed(struct cache *c, const char *name, struct pin_call *p) WARN_UNUSED;

/* ---- table.c ---- */
enum status table_init(struct table *t, uint32_t slots_max) WARN_UNUSED;
void table_fini(struct table *t);
/* Says that table_find is about to look for it. Reads only what never changes: no lock is needed.
 */
void table_fetch(const struct table *t, uint64_t hash);
struct slot *table_find(const struct table *t, const char *name, uint64_t hash);
/* By the hash alone: to name a model, not to use it. NULL: no record. */
const struct slot *table_find_hash(const struct table *t, uint64_t hash);
void table_add(struct table *t, struct slot *s); /* no record of its name is there */
void table_remove(struct table *t, struct slot *s);
/* Calls visit on the records after `after` in name order until it returns false. */
typedef bool table_visit_fn(void *arg, const struct slot *s);
void table_walk(const struct table *t, const char *after, table_visit_fn *visit, void *arg);

/* ---- slot.c ---- */
/* ruled: tenants have rules. NULL: no memory. Without locks, as slot_free. */
struct slot *slot_new(const char *name, uint64_t hash, bool ruled);
void slot_free(struct slot *s, bool ruled); /* NULL is fine */
static inline struct lru_link *slot_mate(struct slot *s)
{
    return &CONTAINER_OF(s, struct mated_slot, slot)->mate;
}
/* Changes of recency: of a slot in cache.live, and of it among its tenant's. */
void slot_touch(struct cache *c, struct slot *s) REQUIRES(c->lock); /* becomes the newest */
void slot_sink(struct cache *c, struct slot *s) REQUIRES(c->lock);  /* becomes the oldest */
/* Becomes the next newer one than old, of the same tenant. */
void slot_follow(struct cache *c, struct slot *s, struct slot *old) REQUIRES(c->lock);
/* The only place where a state changes: asserts the arrow, moves the bytes and the list. */
void slot_to(struct cache *c, struct slot *s, enum slot_state to) REQUIRES(c->lock);
/* s, RESIDENT, is about to leave. by: hash of a model's name, or 0. */
void slot_note_evicted(struct cache *c, struct slot *s, enum evict_why why, uint64_t by)
    REQUIRES(c->lock);
/* s, which is new, stands in its list and is counted. */
void slot_begin(struct cache *c, struct slot *s) REQUIRES(c->lock);
/* Makes s the current slot of its name, which has none. */
void slot_name(struct cache *c, struct slot *s) REQUIRES(c->lock);
/* Both: makes s, ABSENT and new, the current slot of its name. */
void slot_enter(struct cache *c, struct slot *s) REQUIRES(c->lock);
void slot_detach(struct cache *c, struct slot *s) REQUIRES(c->lock);
/* Forgets an ABSENT or FAILED slot for good. */
void slot_drop(struct cache *c, struct slot *s, struct after *a) REQUIRES(c->lock);
/* Hands a DRAINING slot without pins to the source. */
void slot_unload(struct cache *c, struct slot *s, struct after *a) REQUIRES(c->lock);
/* s, RESIDENT, drains, with those who pin it, and is kept no more. */
void slot_drain(struct cache *c, struct slot *s, enum evict_why why, struct after *a)
    REQUIRES(c->lock);
/* The last failure that r remembers; code OK: none. */
void record_failure(const struct record *r, struct err *out);

/* ---- choose.c: who gives way ---- */
/* What one hold of the lock may choose and evict: so many models that share nothing. What a model
 * shares is work too. And how many it may look at, for each that it may evict. */
enum { CHOOSE_STRETCH = 64, SHARES_A_MODEL = 4, LOOK_STRETCH = 8 };
/* The same where a policy names them: it looks at them in no order of memory, and some policies
 * take as long for one as an eviction takes (looks_cost). What it may look at in one of its calls,
 * and of how many of a tenant's it is told. */
enum { NAMING_LOOKS = 3, CHOOSE_LOOKS = 96, CHOOSE_AMONG = 64 };
/* Where more tenants than that have models, those that may not go are all looked at in one hold. */
enum { CHOOSE_TENANTS = 1024 };
static inline uint32_t slot_work(const struct slot *s)
{
    return 1 + (s->holds ? s->holds->n / SHARES_A_MODEL : 0);
}
/* What is to be made free, and who is to go for it. */
struct choice {
    uint64_t bytes, have; /* needed; what is there, and what those chosen free */
    struct turn turn;     /* set by who asks, but for `all` */
    struct slot *first, *last;
    uint32_t work;  /* that those chosen are */
    uint32_t looks; /* for the policy and by it, those that cost counted as many */
    bool whole;     /* in this hold, however many are looked at */
    bool any;       /* some went since it began at the oldest; see decide.c */
    bool unworthy;  /* the policy says that they are worth more than whom they go for */
};
enum chosen {
    CHOSEN_ENOUGH,
    CHOSEN_MANY,    /* not enough, and more than are to be chosen in one hold */
    CHOSEN_TOO_FEW, /* nothing else may go */
};
enum status choose_init(struct cache *c) WARN_UNUSED; /* errors: E_NO_MEMORY */
void choose_fini(struct cache *c);                    /* after watch_fini */
/* Resident, neither pinned nor kept? */
bool choose_evictable(const struct cache *c, const struct slot *s) REQUIRES(c->lock);
/* The longest unused that is evictable, whoever's; NULL: none. */
struct slot *choose_oldest(const struct cache *c) REQUIRES(c->lock);
/* Chooses until x->have reaches x->bytes and the asker keeps to his ceiling, as far as x->turn.all
 * allows. Nobody has gone then. by: whose load it is for, or NULL. */
enum chosen choose_some(struct cache *c, const struct slot *by, struct choice *x) WARN_UNUSED
    REQUIRES(c->lock);
/* The same without those that are to stay or, where that is too few, with them. */
enum chosen choose_victims(struct cache *c, const struct slot *by, struct choice *x) WARN_UNUSED
    REQUIRES(c->lock);

/* ---- guest.c: new names where all records are in use ---- */
enum { GUESTS_MAX = 1024 };
/* May fresh, of a name without a record, have one, as a guest where all are in use? False where no
 * other could make place for it. */
bool guest_admit(struct cache *c, struct slot *fresh) REQUIRES(c->lock);
/* The model of s exists: if it is a guest, another record goes for it, the oldest that is not in
 * use before any that is. False: none can. */
bool guest_settle(struct cache *c, struct slot *s, struct after *a) REQUIRES(c->lock);
/* The same, of those that are not in use. False: all are, and s stays a guest … */
bool guest_settle_idle(struct cache *c, struct slot *s, struct after *a) REQUIRES(c->lock);
/* … for which one may be evicted? True also of who is no guest. */
bool guest_may_settle(struct cache *c, const struct slot *s) REQUIRES(c->lock);
enum status guest_refused(const struct cache *c, struct err *err); /* E_NO_ROOM */
/* Does a load that ended so say that its model exists? */
bool guest_proven(enum status code);

/* ---- ahead.c: what is loaded before it is asked for ---- */
void ahead_begins(struct slot *s, enum hint hint); /* the load of s, by its first waiter */
void ahead_asked(struct slot *s);                  /* an invocation found s, loading or resident */
void ahead_leaves(struct slot *s);                 /* s is no longer resident */
/* Tells c->foreseen, some at a time.  thread: cache-watch   locks: takes WATCH and CACHE */
void ahead_look(struct cache *c, uint64_t now_us);

/* ---- refuse.c ---- */
uint32_t refuse_ratio(const struct cache *c) REQUIRES(c->lock); /* of struct thrash, now */
/* Must a load that takes so many bytes wait for calmer times? */
bool refuse_load(struct cache *c, uint64_t bytes) REQUIRES(c->lock);
uint32_t refuse_wait_s(struct cache *c, uint64_t bytes) REQUIRES(c->lock);      /* Retry-After */
enum status refuse_set(const struct cache *c, uint64_t bytes, struct err *err); /* E_THRASH */
/* s, whose bytes are known, was loaded. */
void refuse_note_loaded(struct cache *c, const struct slot *s, const struct load_times *t)
    REQUIRES(c->lock);

/* ---- room.c ---- */
uint64_t room_unpromised(struct cache *c) REQUIRES(c->lock); /* free or coming, for anybody */
/* by: whose load s gives way to; NULL: a run's arena, or a new record. */
void room_evict(struct cache *c, struct slot *s, const struct slot *by, struct after *a)
    REQUIRES(c->lock);
/* Who goes when a record of a model of t is to be made; NULL: nobody may. */
struct slot *room_oldest_victim(struct cache *c, struct tenant *t) REQUIRES(c->lock);
void room_grant(struct cache *c) REQUIRES(c->lock); /* after bytes came back */
/* s is no longer among the loads that are served and not kept, if it was. */
void room_transient_ends(struct cache *c, struct slot *s) REQUIRES(c->lock);
void room_withdraw(struct cache *c, const struct slot *s) REQUIRES(c->lock);
/* cache_load_reserve and cache_scratch_take in two halves: what is asked is decided at once, and
 * room_await only waits for it. r stays in place from the first OK until the second half. Apart, so
 * that one thread can take every step of several loads.  blocks: the second, while r->queued */
enum status room_ask_load(struct cache *c, struct slot *slot, const struct load_need *need,
                          struct room_wait *r, struct err *err) WARN_UNUSED;
enum status room_ask_scratch(struct cache *c, uint64_t bytes, struct room_wait *r,
                             struct err *err) WARN_UNUSED;
enum status room_await(struct cache *c, struct room_wait *r, struct err *err) WARN_UNUSED;
/* How a request was decided. */
enum asked {
    ASKED_SETTLED, /* granted, queued or cancelled */
    ASKED_REFUSED,
    ASKED_MANY, /* not yet: it takes more than one hold of the lock */
};
struct turn room_turn(const struct room_wait *r);
/* Grants r now, queues it, refuses it and then nobody has gone, or finds that it is a decision of
 * many victims. */
enum asked room_decide(struct cache *c, struct room_wait *r, struct after *a) WARN_UNUSED
    REQUIRES(c->lock);
void room_enqueue(struct cache *c, struct room_wait *r) REQUIRES(c->lock); /* promised nothing */
void room_unqueue(struct cache *c, struct room_wait *r) REQUIRES(c->lock);
/* Evicts those chosen for r. */
void room_carry_out(struct cache *c, const struct room_wait *r, struct choice *x, struct after *a)
    REQUIRES(c->lock);
/* r, whose load the policy thinks unworthy, is served and not kept, if it may be. */
void room_transient_begins(struct cache *c, const struct room_wait *r) REQUIRES(c->lock);

/* ---- decide.c: decisions of many victims ---- */
/* c->deciding is the caller's, and is over on return. Never gives ASKED_MANY. */
enum asked decide_many(struct cache *c, struct room_wait *r) WARN_UNUSED;
/* Closes the gates while nobody else decides.  blocks: until then */
void decide_close(struct cache *c) ACQUIRES(c->lock);

/* ---- share.c; share_priv.h has the rest ---- */
/* s, LOADING, owns h and holds all that is wanted from now on. Gives the bytes of what was absent.
 */
uint64_t shares_hold(struct cache *c, struct slot *s, struct holds *h, struct share_want *wants,
                     struct after *a) REQUIRES(c->lock);
/* s holds nothing any more. What it was to fill is FAILED, and its bytes are s's own; what nobody
 * holds any more is dead, charged as DRAINING, and counted in s->dead_bytes. */
void shares_let_go(struct cache *c, struct slot *s, struct after *a) REQUIRES(c->lock);
/* The source freed what died with s. */
void shares_buried(struct cache *c, struct slot *s, struct after *a) REQUIRES(c->lock);

/* ---- tenant.c, turn.c, keep.c; tenant_priv.h has the rest ---- */
/* s, which brought a tenant from tenant_new, belongs to the one of that name from now on. */
void tenant_join(struct cache *c, struct slot *s, struct after *a) REQUIRES(c->lock);
void tenant_leave(struct cache *c, struct slot *s, struct after *a) REQUIRES(c->lock);
/* Who gives next, as the decision stands; NULL: nobody can or, beyond his ceiling, the asker
 * cannot.
 */
struct tenant *turn_tenant(const struct cache *c, const struct turn *turn) REQUIRES(c->lock);
/* Before anything else of a decision. */
void turn_begin(struct cache *c, struct turn *turn) REQUIRES(c->lock);
/* May s be chosen, where it is its tenant's turn? The filter of every order of victims. Under
 * c->lock, which it asserts: through a policy's callback no analysis sees it. */
bool turn_may_go(const struct cache *c, const struct turn *turn, const struct slot *s);
/* Does s leave its tenant its floor, or is that no matter, as far as its own bytes go? */
bool turn_leaves_floor(const struct turn *turn, const struct slot *s);
/* Chooses s, which leaves its shares (shares_leave), and says how many bytes that frees. False, and
 * nothing happened: its tenant would have less than its floor, for another's sake. */
bool turn_take(struct turn *turn, struct slot *s, uint64_t *freed);
/* s is about to stand elsewhere in its lists, or not at all: who was to go on behind it goes on
 * behind the one before it. */
void turn_moves(const struct cache *c, const struct slot *s);
/* The next of t that may go, the longest unused first; NULL: t is through, or turn->looks are. */
struct slot *turn_oldest(const struct cache *c, struct turn *turn, struct tenant *t)
    REQUIRES(c->lock);
void turn_unnamed(struct turn *turn, struct tenant *t); /* the policy names nothing more of t */
/* The choice is over; those who were taken stay, or are about to go. */
void turn_end(struct cache *c, struct turn *turn) REQUIRES(c->lock);
/* s, which is not, is kept from now on: RESIDENT, or a load that is about to be. */
void keep_begin(struct cache *c, struct slot *s) REQUIRES(c->lock);
/* s is not kept any more; nothing to do is fine. */
void keep_end(struct cache *c, struct slot *s) REQUIRES(c->lock);

/* ---- tell.c: what watchers hear ---- */
enum status ids_init(struct ids *ids, uint32_t slots_max) WARN_UNUSED;
void ids_fini(struct ids *ids);
struct slot *ids_find(const struct ids *ids, uint32_t id); /* NULL: not used */
/* Before a record is made, without locks: `records` have been so far. */
void tell_reserve(struct cache *c, uint32_t records);
void tell_record(struct cache *c, struct slot *s) REQUIRES(c->lock); /* s is current from now on */
void tell_forgotten(struct cache *c, struct slot *s) REQUIRES(c->lock);
void tell(struct cache *c, struct slot *s, enum watch_kind kind) REQUIRES(c->lock);
void tell_lookup(struct cache *c, struct slot *s, enum lookup how) REQUIRES(c->lock);
/* A load of s is about to take so many bytes, shares that it fills included. Of a guest watchers
 * hear once it has a record, and this is called again. */
void tell_bytes(struct cache *c, struct slot *s, uint64_t bytes) REQUIRES(c->lock);
/* Watchers know of all that happened so far, but for what was lost.
 * locks: takes CACHE, and WATCH after it */
void tell_all(struct cache *c);
/* s is RESIDENT, loaded in took_us; changed: with another version than it had before. */
void tell_loaded(struct cache *c, struct slot *s, bool changed, uint64_t took_us) REQUIRES(c->lock);

/* ---- reload.c: heirs ---- */
struct slot *heir_head(struct slot *s); /* the current slot of s's chain */
/* s, current, cannot be pinned any more: its heir has the name. Nothing to do is fine. */
void heir_succeeds(struct cache *c, struct slot *s) REQUIRES(c->lock);
void heirs_cancel(struct cache *c, struct slot *s) REQUIRES(c->lock);
/* h, LOADING, is ready: it has the name, and all before it leave with those who use them. */
void heir_takes_over(struct cache *c, struct slot *h, struct after *a) REQUIRES(c->lock);
/* There is no room for h, if it is an heir: what it replaces leaves first, where the operator wants
 * that. False: nothing happened. */
bool heir_makes_way(struct cache *c, struct slot *h, struct after *a) REQUIRES(c->lock);
/* h is no heir any more. Its failure is remembered with what is resident; gives the words to be
 * freed. */
char *heir_failed(struct cache *c, struct slot *h, enum status code, char *words, uint64_t now_us)
    REQUIRES(c->lock);

/* ---- load.c ---- */
/* A failing load's bytes, and those of what died with it, are free. */
void load_give_back(struct cache *c, struct slot *s, struct after *a) REQUIRES(c->lock);

/* ---- waiters.c ---- */
void waiters_add(struct slot *s, struct waiter *w);
void waiters_remove(struct slot *s, struct waiter *w);
/* Moves all waiters of s to a, pinned when status is OK. err and a stay valid until after_run. */
void waiters_answer(struct cache *c, struct slot *s, enum status status, const struct err *err,
                    struct after *a) REQUIRES(c->lock);

/* ---- backoff.c ---- */
/* Is this failure the model's own, so that a load is not tried again at once? */
bool backoff_remembers(enum status code);
/* Notes in r until when a remembered failure is not tried again. */
void backoff_note(const struct cache_config *config, struct record *r, enum status code,
                  uint64_t now_us);
/* Seconds for Retry-After; 0: the same call fails again. */
uint32_t backoff_retry_after_s(enum status code, uint64_t retry_at_us, uint64_t now_us);

#endif
