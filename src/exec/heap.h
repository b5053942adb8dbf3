/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A binary min-heap of jobs by ticket, over an array of fixed size. A job knows its place in it, so
 * that it can be taken from the middle. The owner's lock guards it. */
#ifndef ROOST_EXEC_HEAP_H
#define ROOST_EXEC_HEAP_H

#include "exec/exec.h"

#define HEAP_NOWHERE UINT32_MAX /* heap_at of a job that is in no heap */

/* Embedded. */
struct heap {
    struct exec_job **jobs; /* heap memory, owned; max places */
    uint32_t count, max;
};

enum status heap_init(struct heap *h, uint32_t max) WARN_UNUSED; /* errors: E_NO_MEMORY */
void heap_fini(struct heap *h);
void heap_push(struct heap *h, struct exec_job *job); /* count < max */
struct exec_job *heap_pop(struct heap *h);            /* the smallest ticket; NULL when empty */
void heap_remove(struct heap *h, struct exec_job *job);

#endif
