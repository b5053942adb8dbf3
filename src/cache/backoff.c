/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Which failed loads are remembered, and for how long. A failure in a row doubles the time, up to
 * the maximum. E_NEVER_FITS waits the minimum each time: finding it out again costs one small read,
 * and a smaller model may have been published meanwhile. */
#include "cache/cache_priv.h"

enum { US_PER_S = 1000000, RETRY_SOON_S = 1 };

bool backoff_remembers(enum status code)
{
    switch (code) {
    case E_NOT_FOUND:
    case E_CANCELLED:
    case E_DRAINING:
    case E_NO_ROOM:
    case E_THRASH:
    case E_NO_MEMORY:
        return false;
    default:
        return true;
    }
}

static uint64_t delay_us(const struct cache_config *config, uint32_t failures)
{
    uint64_t us = MIN(config->backoff_min_us, config->backoff_max_us);
    for (uint32_t i = 1; i < failures && us < config->backoff_max_us; i++)
        us = us > config->backoff_max_us / 2 ? config->backoff_max_us : us * 2;
    return us;
}

void backoff_note(const struct cache_config *config, struct record *r, enum status code,
                  uint64_t now_us)
{
    if (code != E_NEVER_FITS && r->failures < UINT32_MAX)
        r->failures++;
    r->retry_at_us = now_us + delay_us(config, code == E_NEVER_FITS ? 1 : r->failures);
}

uint32_t backoff_retry_after_s(enum status code, uint64_t retry_at_us, uint64_t now_us)
{
    if (code == OK || code == E_NOT_FOUND || code == E_NEVER_FITS)
        return 0;
    if (!backoff_remembers(code) || retry_at_us <= now_us)
        return RETRY_SOON_S;
    uint64_t s = (retry_at_us - now_us + US_PER_S - 1) / US_PER_S;
    return (uint32_t)MIN(s, UINT32_MAX);
}
