/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Writing to a bucket. A PUT makes an object whole or not at all, and one that is sent again
 * replaces what the first one made by the same. One that may only make (fresh) carries the
 * condition If-None-Match: *, and so a second try is refused where the first one did its work and
 * only its answer was lost: therefore each object is marked by who wrote it, and looked at before
 * the refusal is believed.
 *
 * Not every store knows that condition: some say so (501), some pass over it. So before the first
 * fresh write a small object is written under that condition until it must be refused; a store
 * that does not refuse has no fresh writes at all. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/s3_priv.h"

/* Its content is nothing to anybody. */
static const char probe_key[] = "_roost/probe";

void s3_mark(char out[S3_MARK_MAX])
{
    snprintf(out, S3_MARK_MAX, "%016" PRIx64 "%016" PRIx64, s3_draw(UINT64_MAX),
             s3_draw(UINT64_MAX));
}

enum status s3_whose(struct s3_store *s, const struct s3_request *r, const char *key,
                     const char *mark, struct err *err)
{
    struct s3_request look;
    struct s3_answer a;
    const enum status exists = err_set(err, E_EXISTS, "'%.120s' is in the store already", key);
    if (r->sent < 2)
        return exists;
    s3_request_init(s, &look, key, 0);
    enum status st = s3_send(s, &look, &a, err);
    if (st == E_NOT_FOUND)
        return err_set(err, E_STORE, "'%.120s' is not there, though it was written", key);
    if (st != OK)
        return st;
    return strcmp(a.mark, mark) == 0 ? OK : exists;
}

static enum status put_at_once(struct s3_store *s, const char *key, const struct store_source *from,
                               bool fresh, struct err *err)
{
    struct s3_request r;
    struct s3_answer a;
    s3_request_init(s, &r, key, from->n);
    r.kind = S3_PUT;
    r.from = from;
    r.n = (size_t)from->n;
    r.fresh = fresh;
    s3_mark(r.mark);
    enum status st = s3_send(s, &r, &a, err);
    return st == E_EXISTS ? s3_whose(s, &r, key, r.mark, err) : st;
}

typedef enum status put_fn(struct s3_store *s, const char *key, const struct store_source *from,
                           bool fresh, struct err *err);

static put_fn *const ways[] = {[S3_AT_ONCE] = put_at_once, [S3_IN_PARTS] = s3_put_parts};

/* Does the store leave alone what is there? OK, or E_UNSUPPORTED. */
static enum status spares(struct s3_store *s, enum s3_way way, struct err *err)
{
    const struct store_source probe = {.bytes = "\n", .n = 1};
    enum status st = E_EXISTS;
    if (atomic_load(&s->spares[way]) == S3_UNKNOWN) {
        /* The first may make it; then the second must not. */
        st = ways[way](s, probe_key, &probe, true, err);
        if (st == OK)
            st = ways[way](s, probe_key, &probe, true, err);
        if (st == OK || st == E_EXISTS || st == E_UNSUPPORTED)
            atomic_store(&s->spares[way], st == E_EXISTS ? S3_YES : S3_NO);
        else
            return st;
    }
    return atomic_load(&s->spares[way]) == S3_YES
               ? OK
               : err_set(err, E_UNSUPPORTED, "%.80s takes no writes under a condition",
                         s->store.url);
}

enum status s3_put(struct store *store, const char *key, const struct store_source *from,
                   bool fresh, struct err *err)
{
    struct s3_store *s = s3_of(store);
    enum s3_way way = from->n > 2 * (uint64_t)s->o.part_bytes ? S3_IN_PARTS : S3_AT_ONCE;
    enum status st = fresh ? spares(s, S3_AT_ONCE, err) : OK;
    if (st == OK && fresh && way == S3_IN_PARTS)
        st = spares(s, way, err);
    return st == OK ? ways[way](s, key, from, fresh, err) : st;
}

/* A bucket answers the same whether there was one or not. */
enum status s3_remove(struct store *store, const char *key, struct err *err)
{
    struct s3_store *s = s3_of(store);
    struct s3_request r;
    struct s3_answer a;
    s3_request_init(s, &r, key, 0);
    r.kind = S3_DELETE;
    return s3_send(s, &r, &a, err);
}
