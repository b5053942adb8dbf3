/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the process holds as the kernel and the heap allocator see it, to set beside the ledger. */
#ifndef ROOST_MEM_PROCESS_H
#define ROOST_MEM_PROCESS_H

#include "base/base.h"

struct process_usage {
    uint64_t rss_bytes;       /* resident set */
    uint64_t allocated_bytes; /* jemalloc's stats.allocated; 0 without jemalloc */
    uint64_t resident_bytes;  /* jemalloc's stats.resident; 0 without jemalloc */
    uint32_t open_fds;
};

/* What cannot be read is 0.  thread: any   blocks: /proc */
void process_usage_read(struct process_usage *out);
/* Sets the process's gauges, before a scrape. */
void process_gauges(void);

#endif
