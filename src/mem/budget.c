/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every change passes one place that keeps the sum at or below the limit. */
#include "mem/budget.h"

#include "base/checked.h"

void budget_init(struct budget *b, uint64_t limit_bytes)
{
    b->usage = (struct budget_usage){.limit = limit_bytes};
    lock_init(&b->lock, LOCK_BUDGET);
}

void budget_fini(struct budget *b)
{
    lock_fini(&b->lock);
}

static uint64_t sum(const struct budget_usage *u)
{
    uint64_t n = 0;
    for (int i = 0; i < BUDGET_CLASS_COUNT; i++)
        n += u->used[i];
    return n;
}

bool budget_take(struct budget *b, enum budget_class c, uint64_t bytes)
{
    uint64_t after;
    lock_take(&b->lock);
    bool fits = checked_add(sum(&b->usage), bytes, &after) && after <= b->usage.limit;
    if (fits) {
        b->usage.used[c] += bytes;
        b->usage.peak = MAX(b->usage.peak, after);
    }
    lock_release(&b->lock);
    return fits;
}

void budget_give(struct budget *b, enum budget_class c, uint64_t bytes)
{
    lock_take(&b->lock);
    ASSERT(b->usage.used[c] >= bytes);
    b->usage.used[c] -= bytes;
    lock_release(&b->lock);
}

void budget_move(struct budget *b, enum budget_class from, enum budget_class to, uint64_t bytes)
{
    lock_take(&b->lock);
    ASSERT(b->usage.used[from] >= bytes);
    b->usage.used[from] -= bytes;
    b->usage.used[to] += bytes;
    lock_release(&b->lock);
}

void budget_read(struct budget *b, struct budget_usage *out)
{
    lock_take(&b->lock);
    *out = b->usage;
    lock_release(&b->lock);
}

uint64_t budget_free_bytes(struct budget *b)
{
    struct budget_usage u;
    budget_read(b, &u);
    return u.limit - sum(&u);
}

bool budget_charge_buf(void *budget, int64_t delta)
{
    struct budget *b = budget;
    if (delta >= 0)
        return budget_take(b, BUDGET_RESIDENT, (uint64_t)delta);
    budget_give(b, BUDGET_RESIDENT, (uint64_t)-delta);
    return true;
}
