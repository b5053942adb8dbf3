/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A store between the loader and the files that a test can close, break and corrupt. */
#ifndef ROOST_TESTS_GATE_H
#define ROOST_TESTS_GATE_H

#include <stdatomic.h>

#include "base/lock.h"
#include "store/store.h"

/* Embedded. The fields are set while nobody reads, or through the functions. */
struct gate {
    struct store store;
    struct store *under; /* borrowed */
    struct lock lock;    /* LOCK_REAPER; guards what follows */
    struct cond changed;
    bool closed;            /* reads wait */
    atomic_bool stat_fails; /* E_STORE; a hook may say so while others look */
    int settled;            /* what stat says of every object: 1 settled, -1 not, 0 what it is */
    uint32_t stalled;       /* reads that wait */
    uint32_t reads;         /* reads begun since gate_reset */
    uint32_t fail_at;       /* the n-th read is E_STORE; 0: none */
    uint32_t hook_at;       /* hook is called before the n-th read, without locks */
    void (*hook)(void *);   /* NULL: none */
    void *hook_arg;
    void (*put_hook)(void *);    /* NULL, or called with hook_arg before each put */
    char put_key[STORE_KEY_MAX]; /* of the put under way, for the hook: one at a time is */
    uint32_t flip_at;            /* the n-th read gives a flipped bit in … */
    uint64_t flip_bit;           /* … this bit of what it gives, modulo its length */
};

void gate_init(struct gate *g, struct store *under);
void gate_fini(struct gate *g);
void gate_reset(struct gate *g); /* forgets counts and faults; open */
void gate_close(struct gate *g);
void gate_open(struct gate *g);
void gate_wait_stalled(struct gate *g, uint32_t n); /* until n reads wait */
uint32_t gate_reads(struct gate *g);

#endif
