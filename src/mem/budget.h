/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The byte ledger of one tier. Bytes are reserved before they are used and stay charged until they
 * are really free: reserved + resident + draining + scratch <= limit, always. A budget only counts;
 * who gives way when it is full is the cache's business. */
#ifndef ROOST_MEM_BUDGET_H
#define ROOST_MEM_BUDGET_H

#include "base/lock.h"
#include "base/status.h"

enum budget_class {
    BUDGET_RESERVED, /* promised to a load that has not finished */
    BUDGET_RESIDENT, /* held by loaded programs */
    BUDGET_DRAINING, /* of evicted programs, not yet free */
    BUDGET_SCRATCH,  /* workers' arenas */
    BUDGET_CLASS_COUNT
};

struct budget_usage {
    uint64_t limit;                    /* bytes */
    uint64_t used[BUDGET_CLASS_COUNT]; /* bytes */
    uint64_t peak;                     /* most bytes ever charged at once */
};

/* Embedded. All fields but the lock are guarded by it. */
struct budget {
    struct lock lock; /* LOCK_BUDGET */
    struct budget_usage usage;
};

void budget_init(struct budget *b, uint64_t limit_bytes);
void budget_fini(struct budget *b);
/* False, nothing charged, when the sum would pass the limit.  thread: any  locks: takes BUDGET */
bool budget_take(struct budget *b, enum budget_class c, uint64_t bytes) WARN_UNUSED;
void budget_give(struct budget *b, enum budget_class c, uint64_t bytes);
void budget_move(struct budget *b, enum budget_class from, enum budget_class to, uint64_t bytes);
void budget_read(struct budget *b, struct budget_usage *out);
uint64_t budget_free_bytes(struct budget *b);
/* A buf_charge_fn over the RESIDENT class: arg is the struct budget. */
bool budget_charge_buf(void *budget, int64_t delta);

#endif
