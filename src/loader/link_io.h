/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The threads that read from one tier, store or disk, for the loads of the tier above. A load hands
 * in a transfer, whose memory is reserved, and waits for its bytes in order, so that it can hash
 * what is there while more arrives. The threads take chunks, whose turn it is is link_sched.h's
 * business, several of one transfer at the same time. Before each chunk all queued transfers are
 * asked how many wait for them: so a join moves a transfer forward, a prefetch that somebody joins
 * becomes one like any other, and what nobody wants any more reads nothing. */
#ifndef ROOST_LOADER_LINK_IO_H
#define ROOST_LOADER_LINK_IO_H

#include "base/lock.h"
#include "loader/link_sched.h"

enum {
    LINK_CHUNK_BYTES = 4 * 1024 * 1024, /* by default; a round trip is little beside it */
    LINK_AGEING_BYTES_PER_S = 64 << 20, /* a sixteenth of 1 GiB/s, as replay has it */
    LINK_STOP = INT32_MAX,              /* what look says of a transfer that is to end */
};

/* One transfer. Embedded, in its owner's memory; the link's from submit to end. */
struct link_job {
    uint64_t bytes;    /* set by the owner: > 0 */
    uint64_t since_us; /* set by the owner: when its load came; it ages from then on */
    /* Reads [at, at + n) of the transfer to its place. On a link's thread, on several at once.
     * blocks: disk | network */
    enum status (*read)(void *arg, uint64_t at, uint64_t n, struct err *err);
    /* How many wait; 0: a prefetch; LINK_STOP. left_bytes: not handed out yet. Called under the
     * link's lock: may take CACHE and what ranks behind it.  blocks: no */
    uint32_t (*look)(void *arg, uint64_t left_bytes);
    /* Bytes of the transfer from `at` on that are one request where they lie: a chunk ends there,
     * so that the next request is sent before that one is answered. NULL: chunks are cut by size
     * alone.  Called under the link's lock: takes none   blocks: no */
    uint64_t (*piece)(void *arg, uint64_t at);
    void *arg;
    /* what follows is the link's, under its lock */
    struct link_transfer transfer;
    struct link_job *prev, *next;
    struct cond changed; /* bytes arrived, or it is to end */
    uint32_t flying;     /* chunks under way */
    uint64_t seen;       /* the owner waits for more than these bytes */
    bool stopped, failed;
    struct err err; /* of the first chunk that failed */
};

/* A thread of a link, and what it reads. */
struct link_thread {
    struct link_io *link;
    struct link_job *job; /* NULL: it reads nothing */
    uint64_t at;          /* where its chunk begins */
    pthread_t thread;
};

/* Embedded. */
struct link_io {
    struct lock lock; /* LOCK_LINK; guards what follows */
    struct cond work; /* a transfer was queued, or stopping was set */
    struct link_sched sched;
    struct link_job *first; /* all that were submitted and not ended */
    uint32_t jobs, jobs_max;
    bool stopping;
    uint32_t threads, started;  /* started: to be joined; touched by start and fini only */
    struct link_thread *thread; /* heap; `threads` of them */
};

/* jobs_max: transfers at one time. chunk_bytes: whole pages.  errors: E_NO_MEMORY; link_io_fini
 * cleans up */
enum status link_io_init(struct link_io *l, uint32_t threads, uint32_t jobs_max,
                         uint64_t chunk_bytes) WARN_UNUSED;
/* Threads are called name-0, name-1, …  errors: E_INTERNAL */
enum status link_io_start(struct link_io *l, const char *name, struct err *err) WARN_UNUSED;
void link_io_fini(struct link_io *l); /* nothing is submitted any more; all zero is fine */

/* thread: loader   locks: takes LINK, then CACHE   blocks: no */
void link_io_submit(struct link_io *l, struct link_job *job);
/* Waits until more than the first `seen` bytes of the transfer are there; *ready says how many.
 * blocks: until then   errors: E_CANCELLED when look said LINK_STOP; that of the chunk that failed.
 *         Others of its chunks may still be under way until link_io_end */
enum status link_io_await(struct link_io *l, struct link_job *job, uint64_t seen, uint64_t *ready,
                          struct err *err) WARN_UNUSED;
/* Ends the transfer, all of it there or not: nobody writes to its memory any more.
 * blocks: until its chunks under way are through */
void link_io_end(struct link_io *l, struct link_job *job);

#endif
