/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Uploads into the store, and what can be done to published versions, on threads of their own.
 *
 * An upload comes in chunks, each handed over with publish_step and answered before the next: so a
 * client is never read faster than the disk takes it, and no more than a chunk of it is in memory.
 * It goes into a file without a name. With the last chunk it is judged, and everything about it is
 * hostile until then: a raw model file is compiled in the sandbox, the artifact is proved as a load
 * would prove it, and runs once on its self-test sample, or on zeros where it has none. Only then
 * is it written to the store (catalog_publish). Whatever fails before leaves nothing. A model that
 * is in memory is then replaced by the new version before the call ends (refresh_now).
 *
 * What a run on zeros says is no refusal where it may hang on the values (an index, a shape, a loop
 * that does not end): it is a warning in the answer. A sample that fails, or gives other answers,
 * is a refusal.
 *
 * At most uploads_max uploads are under way, and tenant_uploads_max of one tenant; there is one
 * thread more than that, so that no step of an upload waits for a compile. Lists, rollbacks and
 * removals have one thread at a time: they wait for each other alone, and no upload for them. */
#ifndef ROOST_PUBLISH_PUBLISH_H
#define ROOST_PUBLISH_PUBLISH_H

#include <stdatomic.h>

#include "cache/cache.h"
#include "catalog/catalog.h"
#include "loader/loader.h"

enum { PUBLISH_CHUNK_BYTES = 64 * 1024 };

enum publish_verb {
    PUBLISH_UPLOAD,   /* reply: PUT /models/<name> */
    PUBLISH_VERSIONS, /* reply: GET /models/<name>/versions */
    PUBLISH_ROLLBACK, /* to .version; 0: to the one before the current */
    PUBLISH_DELETE,   /* .version */
};

struct publish_config {
    struct catalog *catalog; /* borrowed, as the rest; outlive the publisher */
    struct cache *cache; /* charged for what passes through memory; what is in memory is replaced
                          * after a publish */
    struct budget *http_memory;    /* charged for replies */
    struct compile_config compile; /* but for its threads */
    uint64_t arena_max, steps_max; /* of the run; steps_max 0: RUN_STEPS_DEFAULT */
    uint64_t run_us;               /* how long it may take */
    uint32_t uploads_max;          /* at least 1 */
    uint32_t tenant_uploads_max;   /* at least 1 */
    const char *dir;               /* of uploads under way; "": TMPDIR, or /tmp */
};

struct publisher;

/* One request. Heap; its owner's between publish_call_new and publish_call_free, but for the time
 * from each publish_step to its done. */
struct publish_call {
    char model[MODEL_NAME_MAX + 1];
    /* PUBLISH_UPLOAD: of all chunks together what its tenant may send, for the owner to see to;
     * UINT64_MAX: what anybody may. Set by publish_call_new. */
    uint64_t bytes_max;
    /* set by the owner before publish_step */
    uint64_t version;
    bool dry_run;     /* PUBLISH_UPLOAD: all but the writing */
    struct buf chunk; /* PUBLISH_UPLOAD: bytes behind those before; taken */
    bool last;        /* … and none follow. The other verbs have one step, which is their last */
    /* Called once for each step, on a publisher's thread. */
    void (*done)(struct publish_call *call);
    void *arg;

    /* set before done */
    enum status status; /* of this step; an upload that failed takes no more */
    struct err err;
    struct buf reply; /* of the last step, when OK: a JSON document; its owner frees it */

    /* the publisher's own */
    struct publisher *publisher;
    enum publish_verb verb;
    struct publish_call *next;
    struct publish_call *next_placed; /* under the publisher's lock */
    atomic_bool cancelled;
    bool placed;    /* counts among the uploads */
    bool over;      /* freed by the next thread that takes it */
    int fd;         /* the upload; -1: none yet */
    uint64_t bytes; /* of it so far */
};

/* errors: E_NO_MEMORY; E_INTERNAL (a thread cannot be started) */
enum status publisher_new(const struct publish_config *c, struct publisher **out,
                          struct err *err) WARN_UNUSED;
/* After all calls are freed.  blocks: until the threads ended */
void publisher_free(struct publisher **p);
/* How long an upload's last step may take at most, in this configuration. */
uint64_t publisher_last_us(const struct publisher *p);

/* Takes a place among the uploads.  owns: model borrowed until return   thread: any   blocks: no
 * errors: E_QUEUE_FULL, counted in M_REFUSED_PUBLISHES, or in M_REFUSED_TENANT_PUBLISHES where the
 *         tenant has all that it may have; E_BAD_INPUT where catalog_may_publish refuses the name
 * of an upload; E_NO_MEMORY */
enum status publish_call_new(struct publisher *p, enum publish_verb verb, const char *model,
                             struct publish_call **out, struct err *err) WARN_UNUSED;
/* The next step. done may be called before it returns.  thread: any   blocks: no
 * status:  OK; the model's fault, in words for who sent it: E_BAD_INPUT; larger than may be
 * compiled: E_TOO_LARGE; E_NEVER_FITS; E_NO_ROOM; E_NO_MEMORY; E_STORE; E_CANCELLED; E_IO.
 *          PUBLISH_ROLLBACK and PUBLISH_DELETE: those of
 *          catalog_rollback and catalog_delete_version; PUBLISH_VERSIONS: catalog_versions */
void publish_step(struct publish_call *call);
/* Nobody wants it any more: the step under way ends soon, and nothing is written to the store
 * unless that has begun.  thread: any   blocks: no */
void publish_cancel(struct publish_call *call);
/* Not while a step is under way. Sets *call NULL.  thread: any   blocks: no */
void publish_call_free(struct publish_call **call);

#endif
