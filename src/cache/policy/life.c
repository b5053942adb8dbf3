/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Life tables: the hazard of a bin is the share of the idle times that reached it and ended in it
 * (Kaplan and Meier's estimate, with evictions as censoring). A model's own table is shrunk
 * towards the pool's, as if it had seen PRIOR idle times of the pool's kind in each bin. Within a
 * bin, ends are taken as evenly spread. */
#include "cache/policy/life.h"

enum {
    OCTAVE_FIRST = 10, /* bins begin at 2^10 us; shorter idle times count as the first bin's */
    BITS = 2,          /* bins per octave: 2^BITS */
    POOL_HALVE = 20000,
};
/* The pool's own prior: a hazard per bin for ages that nobody reached yet, worth this many idle
 * times. */
static const double POOL_PRIOR = 2, POOL_HAZARD = 0.05;
static const float PRIOR = 1.0f;
/* Beyond this little chance of still being idle the horizon ends. */
static const float ALMOST_NONE = 0.02f;

int life_bin(uint64_t idle_us)
{
    if (idle_us < 1u << OCTAVE_FIRST)
        return 0;
    int octave = 63 - __builtin_clzll(idle_us);
    int part = (int)(idle_us >> (octave - BITS)) & ((1 << BITS) - 1);
    return MIN((octave - OCTAVE_FIRST) * (1 << BITS) + part, LIFE_BINS - 1);
}

uint64_t life_bin_begin_us(int bin)
{
    if (bin == 0)
        return 0;
    uint64_t octave = (uint64_t)1 << (OCTAVE_FIRST + bin / (1 << BITS));
    return octave + (octave >> BITS) * (uint64_t)(bin % (1 << BITS));
}

void life_own_add(struct life_own *o, uint64_t idle_us)
{
    if (o->total >= LIFE_OWN_MAX) {
        unsigned total = 0;
        for (int b = 0; b < LIFE_BINS; b++)
            total += o->ended[b] /= 2;
        o->total = (uint8_t)total;
    }
    o->ended[life_bin(idle_us)]++;
    o->total++;
}

void life_pool_end(struct life_pool *p, uint64_t idle_us)
{
    p->ended[life_bin(idle_us)]++;
    p->events++;
}

void life_pool_censor(struct life_pool *p, uint64_t idle_us, int by)
{
    double *c = &p->censored[life_bin(idle_us)];
    *c = MAX(*c + by, 0);
    p->events += by;
}

void life_pool_refresh(struct life_pool *p)
{
    bool halve = p->events > POOL_HALVE;
    double reached = 0;
    for (int b = LIFE_BINS - 1; b >= 0; b--) {
        if (halve) {
            p->ended[b] /= 2;
            p->censored[b] /= 2;
        }
        /* One that was censored in a bin saw about half of it. */
        double here = reached + p->ended[b] + p->censored[b] / 2;
        p->hazard[b] = (float)((p->ended[b] + POOL_PRIOR * POOL_HAZARD) / (here + POOL_PRIOR));
        reached += p->ended[b] + p->censored[b];
    }
    if (halve)
        p->events = reached;
}

/* A walk over the bins from an age on. */
struct walk {
    const struct life_own *own;
    const struct life_pool *pool;
    int bin;
    float reached; /* own idle times that reached bin */
    float alive;   /* chance of being still idle at its begin (or now, in the first) */
    float width;   /* us of the bin that lie ahead */
    float passed;  /* share of the bin that is over */
};

static struct walk walk_from(const struct life_own *o, const struct life_pool *p, uint64_t idle_us)
{
    struct walk w = {.own = o, .pool = p, .bin = life_bin(idle_us), .alive = 1};
    unsigned before = 0;
    for (int b = 0; b < w.bin; b++)
        before += o->ended[b];
    w.reached = (float)(o->total - before);
    float begin = (float)life_bin_begin_us(w.bin), end = (float)life_bin_begin_us(w.bin + 1);
    float age = (float)idle_us;
    w.passed = age < end ? (age - begin) / (end - begin) : 1;
    w.width = age < end ? end - age : end - begin;
    return w;
}

/* Chance, seen from the walk's begin, of an end in this bin; goes on to the next. */
static float walk_step(struct walk *w)
{
    float own = w->own->ended[w->bin];
    float hazard = (own + PRIOR * w->pool->hazard[w->bin]) / (w->reached + PRIOR);
    if (w->passed > 0) {
        float left = 1 - w->passed;
        hazard = hazard * left / (1 - hazard * w->passed + 1e-9f);
        w->passed = 0;
    }
    float ends = hazard * w->alive;
    w->alive -= ends;
    w->reached -= own;
    w->bin++;
    return ends;
}

static void walk_width(struct walk *w)
{
    w->width = (float)(life_bin_begin_us(w->bin + 1) - life_bin_begin_us(w->bin));
}

struct life_outlook life_look(const struct life_own *o, const struct life_pool *p, uint64_t idle_us,
                              double price_per_us)
{
    struct walk w = walk_from(o, p, idle_us);
    float chance = 0, time = 0, rate = 0, worth = 0, price = (float)price_per_us;
    while (w.bin < LIFE_BINS && w.alive > ALMOST_NONE) {
        float width = w.width, ends = walk_step(&w);
        time += width * (w.alive + ends / 2);
        chance += ends;
        rate = MAX(rate, chance / time);
        worth = MAX(worth, chance - price * time);
        walk_width(&w);
    }
    return (struct life_outlook){rate, worth};
}

double life_soon(const struct life_own *o, const struct life_pool *p, uint64_t idle_us,
                 uint64_t horizon_us)
{
    struct walk w = walk_from(o, p, idle_us);
    float chance = 0, left = (float)horizon_us;
    while (w.bin < LIFE_BINS && left > 0) {
        float width = w.width, ends = walk_step(&w);
        chance += left < width ? ends * left / width : ends;
        left -= width;
        walk_width(&w);
    }
    return chance;
}
