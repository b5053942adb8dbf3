/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How long a model stays idle between invocations: counts over idle times, four bins an octave from
 * 1 ms to three days, of one model and pooled over alike ones, and what follows from them for one
 * that has been idle for a while. */
#ifndef ROOST_CACHE_POLICY_LIFE_H
#define ROOST_CACHE_POLICY_LIFE_H

#include "base/base.h"

enum { LIFE_BINS = 112, LIFE_OWN_MAX = 64 };

/* One model's own idle times; old ones fade. */
struct life_own {
    uint8_t ended[LIFE_BINS]; /* idle times that ended in an invocation */
    uint8_t total;            /* their sum, at most LIFE_OWN_MAX */
};

/* Those of many models. An idle time is open until it ends or its model is evicted (censored: it
 * lasted at least that long). */
struct life_pool {
    double ended[LIFE_BINS], censored[LIFE_BINS];
    float hazard[LIFE_BINS]; /* chance that an idle time that reached the bin ends in it */
    double events;           /* sum of ended and censored since the last halving */
};

int life_bin(uint64_t idle_us);
uint64_t life_bin_begin_us(int bin); /* bin LIFE_BINS: where the last one ends */

void life_own_add(struct life_own *o, uint64_t idle_us);
/* by: +1 an idle time ended (was censored); -1 takes a censored one back that ended after all. */
void life_pool_end(struct life_pool *p, uint64_t idle_us);
void life_pool_censor(struct life_pool *p, uint64_t idle_us, int by);
void life_pool_refresh(struct life_pool *p); /* hazard from the counts; halves what grew large */

struct life_outlook {
    double rate;  /* per us: the best ratio of (chance of an invocation by then) to (expected time
                   * until it or until then), over all horizons */
    double worth; /* the most of (chance - price_per_us x that time) over all horizons; >= 0 */
};
/* What to expect of a model with these own idle times and this pool's beyond them, that has been
 * idle for idle_us. */
struct life_outlook life_look(const struct life_own *o, const struct life_pool *p, uint64_t idle_us,
                              double price_per_us);
/* Chance that an invocation comes within horizon_us from now. */
double life_soon(const struct life_own *o, const struct life_pool *p, uint64_t idle_us,
                 uint64_t horizon_us);

#endif
