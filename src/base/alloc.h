/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The door through which all of our own heap memory comes. Every caller handles NULL; the tests
 * make the n-th call fail for all n. libevhtp, libevent and OpenSSL allocate outside it. */
#ifndef ROOST_BASE_ALLOC_H
#define ROOST_BASE_ALLOC_H

#include "base/base.h"

/* thread: any   locks: none   blocks: no   errors: NULL when memory is out */
void *alloc_new(size_t bytes) WARN_UNUSED;
void *alloc_zero(size_t count, size_t bytes) WARN_UNUSED;    /* checks count * bytes */
void *alloc_grow(void *p, size_t bytes) WARN_UNUSED;         /* realloc; on NULL p stays valid */
char *alloc_str(const char *s) WARN_UNUSED;                  /* a copy of s */
void *alloc_aligned(size_t align, size_t bytes) WARN_UNUSED; /* align: a power of two >= 8 */
void alloc_free(void *p);                                    /* NULL is fine */

/* For tests: from now on the n-th call (1 is the next) returns NULL, once; 0 switches it off. */
void alloc_fail_at(uint64_t n);
/* Calls seen since alloc_fail_at, so that a test knows when n went past the last one. */
uint64_t alloc_calls(void);
/* For memory that does not come from the heap (mem/region.h): counts as a call through the door and
 * says whether this one is to fail. */
bool alloc_refused(void);
/* Blocks now held through this door. */
int64_t alloc_live(void);

#endif
