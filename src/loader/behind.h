/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Writes what loads fetched from the store into the disk tier, on a thread of its own and behind
 * their backs: a load is published first, and its program's memory is where the bytes come from.
 * Whoever frees a program asks here before. What does not fit into the queue is not written; the
 * next load of it comes again. */
#ifndef ROOST_LOADER_BEHIND_H
#define ROOST_LOADER_BEHIND_H

#include <stdatomic.h>

#include "base/lock.h"
#include "loader/tier.h"
#include "runtime/program.h"

enum {
    BEHIND_MAX = 64,                   /* programs in the queue */
    BEHIND_META_MAX = 64 * 1024 * 1024 /* bytes of metadata that wait in it */
};

/* One program to be written. Heap; the queue's. */
struct behind_job {
    struct behind_job *next;
    const struct program *program; /* lives until it is written or behind_forget returned */
    struct tier tier;              /* where it goes */
    uint8_t *head;                 /* heap: page 0 and the metadata */
    size_t head_bytes;
    bool has_key; /* head_key is set: the head is written too */
    struct disk_key head_key;
};

/* Embedded. */
struct behind {
    struct disk *disk; /* borrowed; NULL: nothing is written */
    struct lock lock;  /* LOCK_BEHIND; guards what follows */
    struct cond changed;
    struct behind_job *first, *last;
    uint32_t count;
    uint64_t meta_bytes;
    const struct program *running; /* of the job under way */
    atomic_bool cancelled;         /* it is to end; also read without the lock */
    bool stopping;
    bool started; /* thread is to be joined; start and fini only */
    pthread_t thread;
};

void behind_init(struct behind *b);
/* errors: E_INTERNAL */
enum status behind_start(struct behind *b, struct disk *d, struct err *err) WARN_UNUSED;
/* Drops what waits, ends what is under way.  blocks: until its next chunk is on disk */
void behind_fini(struct behind *b);
/* Takes the job; frees it where it is not to be done.  thread: loader   blocks: no */
void behind_submit(struct behind *b, struct behind_job *job);
void behind_job_free(struct behind_job *job);
/* p is about to be freed.  thread: reaper   blocks: until a chunk of it is on disk */
void behind_forget(struct behind *b, const struct program *p);
/* Until all that was submitted is written or dropped; for tests. */
void behind_settle(struct behind *b);

#endif
