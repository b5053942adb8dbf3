/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Which part of a share's bytes each of its holders is charged. The parts always add up to the
 * bytes; how even they are is a matter of how many hold it, as nobody is to wait for the lock until
 * thousands of parts, and their tenants' ranks, were found anew:
 *
 * up to EVEN_MAX holders    bytes / holders each, the rest of the division the oldest one's
 * more, tenants have rules  the bytes are cut into units, and these stand in steps: the newest
 *                           holders have `light` units, the oldest a step more. Who comes takes
 *                           single steps from the newest of those that have more, who leaves gives
 *                           his to the oldest of those that have less; so each comes or goes at the
 *                           cost of a few others. A step is halved once a light part is only
 *                           STEPS_LEAST of them, and doubled at twice as many: then all are even,
 *                           and no part changes by it. At EVEN_MAX all are even too
 * more, but no rules        as if few: there is one tenant, and nobody keeps parts
 *
 * So a part in steps is within 1 / STEPS_LEAST of an even one; where units are too few for that the
 * oldest holders have one or two more than others, who may have none. What is not a whole number of
 * units, less than one byte of each, is the oldest holder's. */
#include "cache/cache_priv.h"

enum {
    EVEN_MAX = 8, /* a power of two: as units and steps are */
    STEPS_LEAST = 16,
    UNITS_MIN = EVEN_MAX,
    UNITS_MAX = 1 << 16,
    UNIT_BYTES = 64, /* at least, where that makes more than UNITS_MIN of them */
};

static uint32_t units_of(const struct share *x)
{
    uint32_t n = UNITS_MIN;
    while (n < UNITS_MAX && n < x->bytes / UNIT_BYTES / 2)
        n *= 2;
    return n;
}

static uint64_t even_part(const struct share *x, const struct hold *h)
{
    return x->bytes / x->refs + (h == x->first ? x->bytes % x->refs : 0);
}

uint64_t share_part(const struct share *x, const struct hold *h)
{
    if (!x->charged)
        return 0;
    if (!x->step)
        return even_part(x, h);
    return h->units * x->unit_bytes + (h == x->first ? x->rest : 0);
}

/* A heavy part is a step more than a light one, and a step no more than a STEPS_LEASTth of an even
 * part or one unit. Others of the same tenant, which stay, may lose the rests. */
uint64_t share_part_most(const struct share *x, uint32_t n)
{
    const uint64_t even = x->bytes / n + 1 + x->refs;
    return x->step ? even + x->bytes / n / STEPS_LEAST + x->unit_bytes + x->rest : even;
}

/* Are its parts in steps, were it charged? */
static bool in_steps(const struct share *x)
{
    return x->refs > EVEN_MAX && x->first->tenant->table;
}

/* Charges all holders their parts, or takes them back. Where all are of one tenant that is no walk;
 * else they are few, or loads that wait for the one that fills it. */
static void count_all(const struct share *x, bool more)
{
    void (*const count)(struct tenant *, uint64_t) = more ? tenant_charge : tenant_refund;
    if (!x->charged || !x->refs)
        return;
    if (!x->mixed) {
        count(x->first->tenant, x->bytes);
        return;
    }
    for (const struct hold *h = x->first; h; h = h->next)
        count(h->tenant, share_part(x, h));
}

/* ---- steps ---- */

/* Cuts the bytes into units and divides these among all that hold it now. */
static void cut(struct share *x)
{
    const uint32_t units = units_of(x);
    uint32_t steps = 1, i = 0;
    while (steps < units && steps < STEPS_LEAST * x->refs)
        steps *= 2;
    x->unit_bytes = x->bytes / units;
    x->rest = x->bytes % units;
    x->step = units / steps;
    x->light = steps / x->refs * x->step;
    x->heavy = NULL;
    for (struct hold *h = x->first; h; h = h->next, i++) {
        const bool heavy = i < steps % x->refs;
        h->units = x->light + (heavy ? x->step : 0);
        x->heavy = heavy ? h : x->heavy;
    }
}

static void move_bytes(struct tenant *from, struct tenant *to, uint64_t bytes)
{
    if (from == to)
        return;
    tenant_refund(from, bytes);
    tenant_charge(to, bytes);
}

static void move_step(struct share *x, struct hold *from, struct hold *to)
{
    from->units -= x->step;
    to->units += x->step;
    move_bytes(from->tenant, to->tenant, x->step * x->unit_bytes);
}

/* h, which has nothing and stands behind the newest, takes a light part. */
static void take_steps(struct share *x, struct hold *h)
{
    if (!x->heavy && x->step > 1 && x->light == STEPS_LEAST * x->step)
        x->step /= 2;
    while (h->units < x->light) {
        if (!x->heavy) { /* all others are, from now on */
            x->light -= x->step;
            x->heavy = h->prev;
            continue;
        }
        move_step(x, x->heavy, h);
        x->heavy = x->heavy->prev;
    }
}

/* h, which stands in the list no more and was not the oldest alone, gives away all that it has. */
static void give_steps(struct share *x, struct hold *h)
{
    while (h->units) {
        struct hold *to = x->heavy ? x->heavy->next : x->first;
        move_step(x, h, to);
        x->heavy = to;
        if (to == x->last) { /* all are: then none is */
            x->light += x->step;
            x->heavy = NULL;
        }
    }
    if (!x->heavy && x->light == 2 * STEPS_LEAST * x->step)
        x->step *= 2;
}

/* ---- who comes and goes ---- */

static void link_last(struct share *x, struct hold *h)
{
    h->prev = x->last;
    x->mixed |= x->last && x->last->tenant != h->tenant;
    *(x->last ? &x->last->next : &x->first) = h;
    x->last = h;
    x->refs++;
}

static void unlink_hold(struct share *x, struct hold *h)
{
    *(h->prev ? &h->prev->next : &x->first) = h->next;
    *(h->next ? &h->next->prev : &x->last) = h->prev;
    x->refs--;
    x->mixed &= x->refs > 1;
}

void share_join(struct share *x, struct hold *h)
{
    if (x->step) {
        link_last(x, h);
        take_steps(x, h);
        return;
    }
    count_all(x, false);
    link_last(x, h);
    if (x->charged && in_steps(x))
        cut(x);
    count_all(x, true);
}

void share_leave(struct share *x, struct hold *h)
{
    const bool oldest = h == x->first;
    if (!x->step) {
        count_all(x, false);
        unlink_hold(x, h);
        count_all(x, true);
        return;
    }
    if (x->heavy == h)
        x->heavy = h->prev;
    unlink_hold(x, h);
    if (oldest)
        move_bytes(h->tenant, x->first->tenant, x->rest);
    if (x->heavy == x->last) { /* h was the only light one */
        x->light += x->step;
        x->heavy = NULL;
    }
    give_steps(x, h);
    if (in_steps(x))
        return;
    count_all(x, false);
    x->step = 0;
    count_all(x, true);
}

void share_charge(struct share *x)
{
    x->charged = true;
    if (in_steps(x))
        cut(x);
    count_all(x, true);
}

void share_refund(struct share *x)
{
    count_all(x, false);
    x->charged = false;
    x->step = 0;
}
