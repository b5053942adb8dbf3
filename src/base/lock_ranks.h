/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every lock of the program, in the order in which they may be taken: a thread that holds one may
 * only take one of a higher rank. Debug builds abort on a breach. */
#ifndef ROOST_BASE_LOCK_RANKS_H
#define ROOST_BASE_LOCK_RANKS_H

/* name, what it guards */
#define LOCK_TABLE(X)                                                                              \
    X(LOCK_RESIDENCY, "cli: a background thread's stop, and the load that it waits for")           \
    X(LOCK_SERVER, "http: the registry of connections")                                            \
    X(LOCK_PUBLISHER, "publish: the queue of uploads' next steps")                                 \
    X(LOCK_CATALOG, "catalog: negative names and resolutions")                                     \
    X(LOCK_REFRESH, "catalog: which names are looked up again, and who waits for that")            \
    X(LOCK_LOADER, "loader: the queue of loads")                                                   \
    X(LOCK_LINK, "loader: the transfers of one link")                                              \
    X(LOCK_CACHE, "cache: slots, recency, waiters")                                                \
    X(LOCK_GATE, "cache: hits, of some threads each; all of them: what is resident")               \
    X(LOCK_WATCH, "cache: what policies and other watchers know")                                  \
    X(LOCK_ADVISOR, "replay: what the advisor heard and says")                                     \
    X(LOCK_COMPILES, "loader: the queue of compiles")                                              \
    X(LOCK_REAPER, "loader: the queue of unloads")                                                 \
    X(LOCK_BEHIND, "loader: what is to be written to disk")                                        \
    X(LOCK_COMMON, "loader: which blobs all tenants share")                                        \
    X(LOCK_EXEC, "exec: the job queue and its tickets")                                            \
    X(LOCK_RECORDER, "replay: invocations that are to be recorded")                                \
    X(LOCK_LOOP, "http: one loop's mailbox")                                                       \
    X(LOCK_DISK, "disk: which files there are, and their line")                                    \
    X(LOCK_CREDENTIALS, "store: who asks an S3 store, and who renews it")                          \
    X(LOCK_S3, "store: connections to an S3 store at rest, and its retries")                       \
    X(LOCK_BLOBS, "artifact: which blobs were proven")                                             \
    X(LOCK_BUDGET, "mem: one budget's ledger")                                                     \
    X(LOCK_POOL, "mem: pages kept for the next regions")                                           \
    X(LOCK_LOG, "base: the log's rate limits")

enum lock_rank {
    LOCK_NONE,
#define X(name, what) name,
    LOCK_TABLE(X)
#undef X
        LOCK_RANK_COUNT
};

#endif
