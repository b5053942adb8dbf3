/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The set of plans; see plan_set.h. Books do not move when the arena grows; only where the values
 * begin does, and then the plan is attached anew. */
#include "runtime/plan_set.h"

#include "base/checked.h"

static void drop(struct plan_set *set, struct plan_entry *e)
{
    e->serial = 0;
    if (e->book.bytes)
        arena_take_back(set->arena, &e->book);
}

void plan_set_clear(struct plan_set *set)
{
    for (int i = 0; i < PLAN_SET_MAX; i++)
        drop(set, &set->entries[i]);
}

static bool same_shapes(const struct plan_entry *e, const struct program *p,
                        const struct plan_shapes *shapes)
{
    const struct tensor *had = e->stepwise ? e->steps.tensors : e->plan.tensors;
    for (int i = 0; i < p->signature.n_inputs; i++)
        if (e->staged[i] != shapes->staged[i] || !shape_same(&had[p->inputs[i]], &shapes->in[i]))
            return false;
    return true;
}

static struct plan_entry *find(struct plan_set *set, const struct program *p,
                               const struct plan_shapes *shapes)
{
    for (int i = 0; i < PLAN_SET_MAX; i++) {
        struct plan_entry *e = &set->entries[i];
        if (e->serial == p->serial && (p->stepwise || same_shapes(e, p, shapes)))
            return e;
    }
    return NULL;
}

/* An empty entry, or else the one that was not used for longest. */
static struct plan_entry *oldest(struct plan_set *set)
{
    struct plan_entry *old = &set->entries[0];
    for (int i = 1; i < PLAN_SET_MAX; i++) {
        struct plan_entry *e = &set->entries[i];
        if (old->serial && (!e->serial || e->used < old->used))
            old = e;
    }
    return old;
}

static uint64_t book_bytes(const struct program *p)
{
    uint64_t steps = stepper_book_bytes(p);
    return p->stepwise ? steps : MAX(steps, plan_book_bytes(p));
}

/* Gives the entry a book, and makes the others together as small as they must be. */
static enum status give_book(struct plan_set *set, struct plan_entry *e, uint64_t bytes,
                             struct err *err)
{
    uint64_t others = 0;
    if (e->book.bytes != region_round(bytes))
        drop(set, e);
    e->serial = 0;
    for (int i = 0; i < PLAN_SET_MAX; i++)
        others += &set->entries[i] == e ? 0 : set->entries[i].book.bytes;
    while (others > set->books_max) {
        struct plan_entry *most = NULL;
        for (int i = 0; i < PLAN_SET_MAX; i++) {
            struct plan_entry *o = &set->entries[i];
            if (o != e && o->book.bytes && (!most || o->used < most->used))
                most = o;
        }
        others -= most->book.bytes;
        drop(set, most);
    }
    return e->book.bytes ? OK : arena_lend(set->arena, bytes, &e->book, err);
}

/* Plans without the shapes that could be kept: the entry is not yet one of the set. */
static enum status make(struct plan_set *set, struct plan_entry *e, const struct program *p,
                        const struct plan_shapes *shapes, struct err *err)
{
    set->needs = region_round(book_bytes(p));
    enum status s = give_book(set, e, book_bytes(p), err);
    if (s != OK)
        return s;
    set->needs = UINT64_MAX;
    e->stepwise = p->stepwise;
    if (!p->stepwise) {
        s = plan_make(&e->plan, p, shapes, e->book.base, err);
        e->stepwise = e->plan.stepwise;
    }
    if (s != OK)
        return s;
    if (e->stepwise) {
        stepper_init(&e->steps, p, e->book.base);
        for (int i = 0; i < p->signature.n_inputs; i++)
            e->steps.tensors[p->inputs[i]] = shapes->in[i];
    }
    for (int i = 0; i < p->signature.n_inputs; i++)
        e->staged[i] = shapes->staged[i];
    e->values = NULL;
    set->made++;
    return OK;
}

/* Makes the arena's region large enough for the plan's values, and tells the plan where it is. */
static enum status attach(struct plan_set *set, struct plan_entry *e, struct err *err)
{
    struct arena *a = set->arena;
    if (e->stepwise)
        return OK;
    uint64_t bytes = MAX(e->plan.values_bytes + e->plan.scratch_bytes, 1);
    if (!checked_add(e->book.bytes, region_round(bytes), &set->needs))
        set->needs = UINT64_MAX;
    enum status s = arena_reserve(a, bytes, err);
    if (s != OK || e->values == a->region.base)
        return s;
    e->values = a->region.base;
    plan_attach(&e->plan, e->values);
    return OK;
}

static bool keeps_others(const struct plan_set *set, const struct plan_entry *e)
{
    for (int i = 0; i < PLAN_SET_MAX; i++)
        if (&set->entries[i] != e && set->entries[i].book.bytes)
            return true;
    return false;
}

static enum status make_attached(struct plan_set *set, struct plan_entry *e,
                                 const struct program *p, const struct plan_shapes *shapes,
                                 struct err *err)
{
    enum status s = make(set, e, p, shapes, err);
    return s == OK ? attach(set, e, err) : s;
}

enum status plan_set_get(struct plan_set *set, const struct program *p,
                         const struct plan_shapes *shapes, struct plan_entry **out, struct err *err)
{
    struct plan_entry *const had = find(set, p, shapes), *const e = had ? had : oldest(set);
    struct err own;
    enum status s = had ? attach(set, e, &own) : make_attached(set, e, p, shapes, &own);
    if ((s == E_TOO_LARGE || s == E_NO_ROOM) && set->needs <= set->arena->max &&
        keeps_others(set, e)) {
        plan_set_clear(set); /* the books of others must not be what does not fit */
        s = make_attached(set, e, p, shapes, &own);
    }
    if (s != OK) {
        drop(set, e);
        if (err)
            *err = own;
        return s;
    }
    e->serial = p->serial;
    e->used = ++set->asks;
    *out = e;
    return OK;
}
