/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Whole pages straight from the kernel, so that what the ledger says is what the process holds: for
 * programs and for workers' arenas. Never for small objects. */
#ifndef ROOST_MEM_REGION_H
#define ROOST_MEM_REGION_H

#include "base/status.h"

enum { REGION_PAGE = 4096 };

/* Embedded; all zero is an empty region. */
struct region {
    void *base;     /* page-aligned; owned */
    uint64_t bytes; /* a multiple of REGION_PAGE; what the ledger is charged */
};

/* bytes rounded up as region_init will; UINT64_MAX on overflow. */
uint64_t region_round(uint64_t bytes);
/* Zeroed memory of at least bytes.  errors: E_NO_MEMORY   blocks: no (pages come on first touch) */
enum status region_init(struct region *r, uint64_t bytes) WARN_UNUSED;
void region_fini(struct region *r); /* the pages are the kernel's again on return */
/* Bytes of all regions now held, to set beside the ledger. */
uint64_t region_live_bytes(void);

#endif
