/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* source: Williams, "Algorithm 232: Heapsort", CACM 7(6), 1964 */
#include "exec/heap.h"

#include "base/alloc.h"

enum status heap_init(struct heap *h, uint32_t max)
{
    *h = (struct heap){.jobs = alloc_zero(max, sizeof(struct exec_job *)), .max = max};
    return h->jobs ? OK : E_NO_MEMORY;
}

void heap_fini(struct heap *h)
{
    alloc_free(h->jobs);
    *h = (struct heap){0};
}

static void put(struct heap *h, uint32_t at, struct exec_job *job)
{
    h->jobs[at] = job;
    job->heap_at = at;
}

/* Moves the hole at `at` up or down to where job belongs, and puts it there. */
static void settle(struct heap *h, uint32_t at, struct exec_job *job)
{
    while (at && h->jobs[(at - 1) / 2]->ticket > job->ticket) {
        put(h, at, h->jobs[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (uint32_t child; (child = 2 * at + 1) < h->count; at = child) {
        if (child + 1 < h->count && h->jobs[child + 1]->ticket < h->jobs[child]->ticket)
            child++;
        if (h->jobs[child]->ticket > job->ticket)
            break;
        put(h, at, h->jobs[child]);
    }
    put(h, at, job);
}

void heap_push(struct heap *h, struct exec_job *job)
{
    ASSERT(h->count < h->max);
    settle(h, h->count++, job);
}

void heap_remove(struct heap *h, struct exec_job *job)
{
    uint32_t at = job->heap_at;
    ASSERT(at < h->count);
    ASSERT(h->jobs[at] == job);
    struct exec_job *last = h->jobs[--h->count];
    if (at < h->count)
        settle(h, at, last);
    job->heap_at = HEAP_NOWHERE;
}

struct exec_job *heap_pop(struct heap *h)
{
    if (!h->count)
        return NULL;
    struct exec_job *job = h->jobs[0];
    heap_remove(h, job);
    return job;
}
