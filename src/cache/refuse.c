/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Cold work that is refused because models are being loaded again that were only just thrown out:
 * one more load would cost another soon. What is resident or being loaded is served as ever, and so
 * is what fits into free bytes. */
#include <inttypes.h>

#include "cache/cache_priv.h"
#include "metrics/metrics.h"

enum { LEAST_TURN = 4 }; /* the last minute's loads count once they are this part of the budget */

uint32_t refuse_ratio(const struct cache *c)
{
    lock_assert_held(&c->lock);
    return thrash_ratio(&c->thrash, c->latest_us, c->config.limit_bytes / LEAST_TURN);
}

/* Was even the longest unused that may go used just now? */
static bool all_recent(const struct cache *c) REQUIRES(c->lock)
{
    const struct slot *s = choose_oldest(c);
    if (!s)
        return false;
    uint64_t since_us = MAX(s->record.last_used_us, s->record.loaded_us);
    return c->latest_us - MIN(since_us, c->latest_us) < THRASH_SOON_US;
}

bool refuse_load(struct cache *c, uint64_t bytes)
{
    lock_assert_held(&c->lock);
    if (!c->config.thrash_ratio || !bytes || bytes <= room_unpromised(c))
        return false;
    return refuse_ratio(c) >= c->config.thrash_ratio && all_recent(c);
}

/* After what is ahead: bytes of loads under way, and of those that wait for room. */
uint32_t refuse_wait_s(struct cache *c, uint64_t bytes)
{
    struct budget_usage u;
    lock_assert_held(&c->lock);
    budget_read(&c->budget, &u);
    return thrash_wait_s(&c->thrash, u.used[BUDGET_RESERVED] + c->promised + bytes);
}

enum status refuse_set(const struct cache *c, uint64_t bytes, struct err *err)
{
    return err_set(err, E_THRASH,
                   "no room for %" PRIu64 " bytes of %" PRIu64
                   " but by what was used within a minute, and much is being loaded again",
                   bytes, c->config.limit_bytes);
}

void refuse_note_loaded(struct cache *c, const struct slot *s, const struct load_times *t)
{
    lock_assert_held(&c->lock);
    const struct record *r = &s->record;
    bool gave_way = r->evicted_us && r->evicted_why != EVICT_UNLOAD && r->evicted_why != EVICT_TTL;
    bool again = gave_way && c->latest_us - r->evicted_us < THRASH_SOON_US;
    thrash_note(&c->thrash, c->latest_us, r->load_bytes, load_whole_us(t), again);
}
