/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A load's blobs: which of them others brought already, which are read, and where. What is read is
 * shared as soon as it is proven; only then does the load wait for what others read, so that no two
 * loads wait for each other. */
#include <inttypes.h>
#include <string.h>

#include "artifact/blobs.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "loader/loader_priv.h"
#include "loader/tier.h"

enum {
    CHUNK_BYTES = 4 * 1024 * 1024, /* between two looks at a cancel */
    TRIES_MAX = 3,                 /* of a load whose shares are lost */
};

/* Who may share a blob: the model's tenant, the part of its name before the slash; or everybody.
 * What is common has a scope of its own, which no tenant has for a name, so that nobody shares on
 * what was common once. */
static size_t scope_of(const struct run *r, const uint8_t hash[SHA256_BYTES],
                       char scope[MODEL_NAME_MAX])
{
    if (r->env->share_node)
        return 0;
    if (common_has(r->env->common, hash)) {
        scope[0] = '*';
        return 1;
    }
    const char *slash = strchr(r->name, '/');
    const size_t n = slash ? (size_t)(slash - r->name) : 0;
    memcpy(scope, r->name, n);
    return n;
}

/* A share's key names the content, its length, which a table of blobs may lie about, and the scope:
 * who knows a hash only has nothing. */
static enum status set_key(const struct run *r, const struct blob_record *b, struct share_want *w,
                           struct err *err)
{
    uint8_t text[SHA256_BYTES + sizeof(b->bytes) + MODEL_NAME_MAX];
    const size_t fixed = SHA256_BYTES + sizeof(b->bytes);
    memcpy(text, b->hash, SHA256_BYTES);
    memcpy(text + SHA256_BYTES, &b->bytes, sizeof(b->bytes));
    const size_t scope = scope_of(r, b->hash, (char *)text + fixed);
    if (sha256_once(text, fixed + scope, w->key) != OK)
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
    if (!r->env->share_node)
        common_look(r->env->common, r->env->store, clock_now_us());
    enum status s = list_wants(r, &need, err);
    if (s == OK)
        s = cache_load_reserve(r->env->cache, r->slot, &need, err);
    uint32_t k = 0;
    for (uint32_t i = 0; s == OK && i < r->page0.n_blobs; i++)
        if (r->weights.homes[i] == BLOB_SHARED && !r->weights.wants[k++].mine)
            r->weights.homes[i] = BLOB_ELSEWHERE;
    return s;
}

/* Blobs in a row that are read, in the blob area and in memory. */
struct stretch {
    uint32_t first, end; /* blobs; first == end: there is none */
    uint64_t off, bytes; /* with what lies between them, and behind the last up to the next */
    uint8_t *to;
};

/* The next stretch from blob `first` on. */
static enum status next_stretch(const struct run *r, uint32_t first, struct stretch *out,
                                struct err *err)
{
    const enum blob_home *homes = r->weights.homes;
    const uint32_t n = r->page0.n_blobs;
    struct blob_record from = {0}, behind = {.off = r->page0.blob_bytes};
    while (first < n && homes[first] == BLOB_ELSEWHERE)
        first++;
    uint32_t end = first;
    while (end < n && homes[end] != BLOB_ELSEWHERE)
        end++;
    enum status s = OK;
    if (first < n)
        s = artifact_read_blob(&r->reader, first, &from, err);
    if (s == OK && end < n)
        s = artifact_read_blob(&r->reader, end, &behind, err);
    if (s == OK && first < n)
        *out = (struct stretch){first, end, from.off, behind.off - from.off,
                                (uint8_t *)(uintptr_t)r->weights.bundle->blobs[first]};
    else
        *out = (struct stretch){.first = n, .end = n};
    return s;
}

/* Reads n bytes of the blob area, and hashes them where there is a check. */
static enum status read_chunk(struct run *r, uint64_t off, uint64_t n, uint8_t *to,
                              struct blob_check *check, struct err *err)
{
    enum status s = run_still_wanted(r, err);
    if (s == OK)
        s = run_read(r, r->page0.meta_bytes + off, to, (size_t)n, err);
    if (s != OK || !check)
        return s;
    uint64_t began_us = clock_now_us();
    s = blob_check_add(check, to, n, err);
    r->hash_us += clock_now_us() - began_us;
    return s;
}

/* check: NULL where the bytes are known. */
static enum status read_stretch(struct run *r, const struct stretch *x, struct blob_check *check,
                                struct err *err)
{
    enum status s = check ? blob_check_seek(check, x->first, err) : OK;
    for (uint64_t at = 0; s == OK && at < x->bytes; at += CHUNK_BYTES)
        s = read_chunk(r, x->off + at, MIN(x->bytes - at, (uint64_t)CHUNK_BYTES), x->to + at, check,
                       err);
    return s == OK && check ? blob_check_end(check, x->end, err) : s;
}

/* Bytes of blobs that are there already, or on their way. */
static uint64_t elsewhere_bytes(const struct weights *w)
{
    uint64_t n = 0;
    for (uint32_t k = 0; k < w->n_wants; k++)
        n += w->wants[k].mine ? 0 : w->wants[k].bytes;
    return n;
}

/* ---- over the disk tier ---- */

static enum status still_wanted(const void *run, struct err *err)
{
    return run_still_wanted(run, err);
}

/* One blob from the store, which always is hashed. */
static enum status fetch_blob(struct run *r, uint32_t i, const struct blob_record *b, uint8_t *to,
                              struct err *err)
{
    struct stretch x = {i, i + 1, b->off, b->bytes, to};
    struct blob_check check;
    r->fetched = true;
    blob_check_init(&check, &r->reader);
    enum status s = read_stretch(r, &x, &check, err);
    blob_check_fini(&check);
    return s;
}

static enum status tiered_blob(struct run *r, uint32_t i, struct err *err)
{
    const struct tier_going going = {still_wanted, r};
    uint8_t *to = (uint8_t *)(uintptr_t)r->weights.bundle->blobs[i];
    struct blob_record b;
    enum status s = artifact_read_blob(&r->reader, i, &b, err);
    if (s != OK)
        return s;
    s = tier_read_blob(r->env->disk, &b, to, blobs_hashed_always(), &going, err);
    return s == E_NOT_FOUND ? fetch_blob(r, i, &b, to, err) : s;
}

/* Does the tier have one of the blobs that are to be read? */
static enum status find_in_tier(const struct run *r, bool *any, struct err *err)
{
    enum status s = OK;
    *any = false;
    for (uint32_t i = 0; r->env->disk && s == OK && !*any && i < r->page0.n_blobs; i++) {
        struct blob_record b;
        if (r->weights.homes[i] == BLOB_ELSEWHERE)
            continue;
        s = artifact_read_blob(&r->reader, i, &b, err);
        *any = s == OK && tier_has_blob(r->env->disk, &b);
    }
    return s;
}

/* Blob after blob, from the disk tier or else from the store; nobody reads what lies between two.
 */
static enum status read_tiered(struct run *r, struct err *err)
{
    enum status s = OK;
    for (uint32_t i = 0; s == OK && i < r->page0.n_blobs; i++)
        if (r->weights.homes[i] != BLOB_ELSEWHERE)
            s = tiered_blob(r, i, err);
    return s;
}

/* The bytes come from a store: each blob must be what its name says. Every read is of the object
 * that was resolved, or fails: so what is known of that object is known of these bytes. All of it
 * is known once all of it was read in one load. */
static enum status read_stored(struct run *r, struct err *err)
{
    struct blob_check check;
    struct stretch x;
    const uint64_t elsewhere = MIN(elsewhere_bytes(&r->weights), r->page0.blob_bytes);
    bool known = blobs_known_part(&r->page0, r->at.object.tag, r->page0.blob_bytes - elsewhere);
    blob_check_init(&check, &r->reader);
    enum status s = next_stretch(r, 0, &x, err);
    while (s == OK && x.first < x.end) {
        r->fetched = true;
        s = read_stretch(r, &x, known ? NULL : &check, err);
        if (s == OK)
            s = next_stretch(r, x.end, &x, err);
    }
    blob_check_fini(&check);
    if (s == OK && !known && !elsewhere && r->at.object.settled)
        blobs_remember(&r->page0, r->at.object.tag);
    return s;
}

enum status weights_read(struct run *r, struct err *err)
{
    bool any = false;
    enum status s = bundle_new(&r->reader, r->weights.homes, &r->weights.bundle, err);
    if (s == OK)
        s = find_in_tier(r, &any, err);
    if (s != OK)
        return s;
    return any ? read_tiered(r, err) : read_stored(r, err);
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
