/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pins that are given back while a slot's counts are gathered: every order of all steps, each of
 * which is one access to one word, for pins that were taken and given back at any gate before. */
#include <string.h>

#include "cache/cache_priv.h"
#include "support/support.h"

enum { GATES = 2, DROPS_MAX = 3, GATHER_STEPS = GATES + 2 };

/* One who gives a pin back at that gate. */
struct dropper {
    uint32_t gate;
    enum { HOLDS, SENT_ON, THROUGH } at;
};

/* What one order of steps has come to. */
struct course {
    uint32_t gathered_steps;
    uint32_t gathered;
    bool pinned; /* the gathering's answer */
    struct dropper drops[DROPS_MAX];
    int n, through, lasts;
};

struct played {
    struct gates gates;
    struct slot slot;
    uint64_t orders, left_to_last, nobody, sent_on;
};

static bool drop_step(struct played *p, struct dropper *d, struct course *k)
{
    bool here = d->at == HOLDS && pins_drop_here(&p->gates.all[d->gate], &p->slot);
    if (d->at == HOLDS && !here) {
        d->at = SENT_ON;
        return false;
    }
    bool last = !here && pins_drop_gathered(&p->slot);
    p->sent_on += !here;
    d->at = THROUGH;
    k->through++;
    return last;
}

static void gather_step(struct played *p, struct course *k)
{
    const uint32_t step = k->gathered_steps++;
    if (step == 0)
        pins_gather_begin(&p->slot);
    else if (step <= GATES)
        k->gathered += pins_gather_at(&p->gates.all[step - 1], &p->slot);
    else
        k->pinned = pins_gather_end(&p->slot, k->gathered);
}

/* All is through: who had to know did, and nobody else. */
static void expect_one_end(struct played *p, const struct course *k)
{
    ck_assert_int_eq(k->lasts, k->pinned);
    p->orders++;
    p->left_to_last += k->pinned;
    p->nobody += !k->pinned;
}

static void play(struct played *p, const struct course *from);

/* Takes one step, of the gathering (who: -1) or of a drop, all that may follow, and takes it back.
 */
static void play_from(struct played *p, const struct course *from, int who)
{
    struct course k = *from;
    uint32_t back[GATES];
    const uint32_t own = atomic_load(&p->slot.pins);
    for (int i = 0; i < GATES; i++)
        back[i] = atomic_load(&p->gates.all[i].pins[1].back);
    if (who < 0) {
        gather_step(p, &k);
        if (k.gathered_steps == GATHER_STEPS && !k.pinned)
            ck_assert_int_eq(k.through, k.n);
    } else if (drop_step(p, &k.drops[who], &k)) {
        k.lasts++;
        ck_assert_int_eq(k.through, k.n);
        ck_assert_uint_eq(k.gathered_steps, GATHER_STEPS);
    }
    play(p, &k);
    atomic_store(&p->slot.pins, own);
    for (int i = 0; i < GATES; i++)
        atomic_store(&p->gates.all[i].pins[1].back, back[i]);
}

static void play(struct played *p, const struct course *from)
{
    if (from->through == from->n && from->gathered_steps == GATHER_STEPS)
        expect_one_end(p, from);
    if (from->gathered_steps < GATHER_STEPS)
        play_from(p, from, -1);
    for (int i = 0; i < from->n; i++)
        if (from->drops[i].at != THROUGH)
            play_from(p, from, i);
}

static void play_all(struct played *p, uint32_t place)
{
    const struct course none = {.n = 0};
    ck_assert_int_eq(gates_init(&p->gates, GATES, 4), OK);
    for (uint32_t how = 0; how < 1 << (DROPS_MAX + 1); how++) { /* given back where, taken where */
        for (int n = 0; n <= DROPS_MAX; n++) {
            struct course k = none;
            memset(&p->slot, 0, sizeof(p->slot));
            p->slot.place = place;
            for (int i = 0; i < GATES; i++) { /* as counts are that are about to go round */
                atomic_store(&p->gates.all[i].pins[1].taken, UINT32_MAX - 3);
                atomic_store(&p->gates.all[i].pins[1].back, UINT32_MAX - 3);
            }
            pins_add(&p->gates.all[0], &p->slot, 5); /* some that are over */
            for (int i = 0; i < 5; i++)
                ck_assert(!pins_drop(&p->gates.all[how & 1], &p->slot));
            k.n = n;
            for (int i = 0; i < n; i++) {
                pins_add(&p->gates.all[(how >> DROPS_MAX) ^ (i & 1)], &p->slot, 1);
                k.drops[i].gate = how >> i & 1;
            }
            play(p, &k);
        }
    }
    gates_fini(&p->gates);
}

START_TEST(one_and_only_one_knows_that_nobody_pins_any_more)
{
    static struct played p;
    for (uint32_t place = 0; place < 2; place++) {
        p.orders = p.left_to_last = p.nobody = p.sent_on = 0;
        play_all(&p, place);
        ck_assert_uint_gt(p.orders, 10000);
        ck_assert_uint_gt(p.left_to_last, 0);
        ck_assert_uint_gt(p.nobody, 0);
        ck_assert_uint_gt(p.sent_on, 0);
    }
}
END_TEST

Suite *suite_gather(void)
{
    return SUITE("gather", one_and_only_one_knows_that_nobody_pins_any_more);
}
