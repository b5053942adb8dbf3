/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A load's blobs: which of them others brought already, which are read, and where. What is read is
 * shared as soon as it is proven; only then does the load wait for what others read, so that no two
 * loads wait for each other. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "loader/loader_priv.h"

enum { TRIES_MAX = 3 }; /* of a load whose shares are lost */

/* A share's key names the content, its length, which a table of blobs may lie about, and the scope:
 * who knows a hash only has nothing. */
static enum status set_key(const struct run *r, const struct blob_record *b, struct share_want *w,
                           struct err *err)
{
    uint8_t text[SHA256_BYTES + sizeof(b->bytes) + SCOPE_TEXT_MAX];
    const size_t fixed = SHA256_BYTES + sizeof(b->bytes);
    const char *scope = blob_scope_text(&r->tier.scope, b->hash);
    const size_t n = strlen(scope);
    memcpy(text, b->hash, SHA256_BYTES);
    memcpy(text + SHA256_BYTES, &b->bytes, sizeof(b->bytes));
    memcpy(text + fixed, scope, n);
    if (sha256_once(text, fixed + n, w->key) != OK)
        return err_set(err, E_NO_MEMORY, "no memory to name a blob");
    w->bytes = bundle_blob_bytes(b);
    return OK;
}

/* The wants: one for each blob that can be shared. */
static enum status list_wants(struct run *r, struct load_need *need, struct err *err)
{
    struct weights *w = &r->weights;
    const uint32_t n = r->page0.n_blobs;
    w->wants = alloc_zero((size_t)n + 1, sizeof(w->wants[0]));
    w->homes = alloc_zero((size_t)n + 1, sizeof(w->homes[0]));
    if (!w->wants || !w->homes)
        return err_set(err, E_NO_MEMORY, "no memory for the blobs of %s", r->name);
    enum status s = OK;
    for (uint32_t i = 0; s == OK && i < n; i++) {
        struct blob_record b;
        s = artifact_read_blob(&r->reader, i, &b, err);
        if (s != OK || !bundle_shareable(&r->page0, &b))
            continue;
        if (!w->n_wants && !r->env->share_node) /* what has nothing to share asks for nothing */
            common_look(r->env->common, r->env->store, clock_now_us());
        s = set_key(r, &b, &w->wants[w->n_wants], err);
        w->homes[i] = BLOB_SHARED;
        need->bytes -= w->wants[w->n_wants++].bytes;
    }
    need->wants = w->wants;
    need->n_wants = w->n_wants;
    return s;
}

enum status weights_reserve(struct run *r, struct err *err)
{
    uint64_t bytes = program_bytes(&r->page0), arena = region_round(r->page0.cost.arena_fixed);
    if (bytes == UINT64_MAX || arena == UINT64_MAX || bytes < r->page0.blob_bytes)
        return err_set(err, E_CORRUPT, "page 0: its costs are beyond any memory");
    struct load_need need = {.bytes = bytes, .also_needed = arena};
    enum status s = list_wants(r, &need, err);
    if (s == OK)
        s = cache_load_reserve(r->env->cache, r->slot, &need, err);
    uint32_t k = 0;
    for (uint32_t i = 0; s == OK && i < r->page0.n_blobs; i++)
        if (r->weights.homes[i] == BLOB_SHARED && !r->weights.wants[k++].mine)
            r->weights.homes[i] = BLOB_ELSEWHERE;
    return s;
}

enum status weights_read(struct run *r, struct err *err)
{
    enum status s = bundle_new(&r->reader, r->weights.homes, &r->weights.bundle, err);
    if (s == OK)
        s = fetch_blobs(r, err);
    r->left_bytes = s == OK ? 0 : r->left_bytes;
    return s;
}

/* Lets others use what was read, and finds what they read. */
static enum share_wait join(struct run *r)
{
    struct weights *w = &r->weights;
    uint32_t part = 0, k = 0;
    bundle_publish(w->bundle);
    for (uint32_t i = 0; i < w->n_wants; i++)
        if (w->wants[i].mine)
            w->wants[i].value = &w->bundle->parts[part++];
    cache_load_filled(r->env->cache, r->slot, w->wants);
    enum share_wait wait = cache_load_await(r->env->cache, r->slot, w->wants);
    for (uint32_t i = 0; wait == SHARES_READY && i < r->page0.n_blobs; i++) {
        if (w->homes[i] == BLOB_OWN)
            continue;
        const struct blob_part *p = w->wants[k++].value;
        w->bundle->blobs[i] = p->base;
    }
    return wait;
}

static enum status start_over(struct run *r, struct err *err)
{
    weights_drop(r);
    cache_load_freed(r->env->cache, r->slot);
    enum status s = run_still_wanted(r, err);
    if (s == OK)
        s = weights_reserve(r, err);
    return s == OK ? weights_read(r, err) : s;
}

enum status weights_join(struct run *r, struct err *err)
{
    enum status s = OK;
    if (!r->weights.n_wants)
        return OK;
    for (int tries = 1; s == OK; tries++) {
        enum share_wait wait = join(r);
        if (wait == SHARES_READY)
            return OK;
        if (wait == SHARES_CANCELLED)
            return err_set(err, E_CANCELLED, "the load of %s was cancelled", r->name);
        if (tries == TRIES_MAX)
            return err_set(err, E_CANCELLED, "%s: %d loads that brought its blobs ended early",
                           r->name, tries);
        s = start_over(r, err);
    }
    return s;
}

void weights_announce_dead(const struct slot *slot)
{
    const struct share *at = NULL;
    void *part;
    while ((part = cache_dead(slot, &at)))
        blob_part_announce(part);
}

void weights_free_dead(const struct slot *slot)
{
    const struct share *at = NULL;
    void *part;
    while ((part = cache_dead(slot, &at)))
        blob_part_free(part);
}

void weights_drop(struct run *r)
{
    cache_load_let_go(r->env->cache, r->slot);
    weights_announce_dead(r->slot);
    bundle_free(&r->weights.bundle);
    weights_free_dead(r->slot);
    weights_fini(&r->weights);
}

void weights_fini(struct weights *w)
{
    alloc_free(w->wants);
    alloc_free(w->homes);
    *w = (struct weights){.bundle = w->bundle};
}
