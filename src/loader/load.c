/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One load, step by step. The bytes are hostile until the last step: nothing is allocated before
 * page 0 is proven, what is read never exceeds what was reserved (or, for the passing metadata,
 * LOADER_META_MAX), and the object must be the same from the first byte to the last. The metadata's
 * hash is checked before the cost is reserved, so that a damaged file evicts nobody. Whatever a
 * step made is undone in one place. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "artifact/blobs.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/log.h"
#include "loader/loader_priv.h"
#include "loader/tier.h"

enum {
    CHUNK_BYTES = 4 * 1024 * 1024, /* between two looks at a cancel */
    VERSION_HEX = 12,              /* of the content's hash, where a version has no number */
};

/* A load on its way. */
struct run {
    const struct load_env *env;
    struct slot *slot;
    const char *name;
    struct load_result *out;
    struct resolved at;
    struct artifact_page0 page0;
    uint8_t first[ARTIFACT_PAGE0_BYTES];
    uint8_t *meta; /* heap; page0.meta_bytes of them */
    struct artifact_reader reader;
    bool proven;         /* reader is open */
    bool head_from_disk; /* page 0 and the metadata are not the store's */
    bool fetched;        /* something is: the disk tier lacks it */
    struct region region;
    uint64_t hash_us; /* of read_blobs' time */
};

static enum status resolve(struct run *r, struct err *err)
{
    return r->env->resolver.resolve(r->env->resolver.self, r->name, &r->at, err);
}

static enum status read_at(struct run *r, uint64_t off, void *dst, size_t n, struct err *err)
{
    return store_read(r->env->store, r->at.key, r->at.object.tag, off, dst, n, err);
}

/* What page 0, in r->first, says of the object. */
static enum status check_page0(struct run *r, struct err *err)
{
    struct artifact_page0 *p = &r->page0;
    uint64_t have = r->at.object.bytes;
    enum status s = artifact_page0_read(r->first, sizeof(r->first), p, err);
    if (s != OK)
        return s;
    if (p->file_bytes != have)
        return err_set(err, E_CORRUPT, "page 0: says %" PRIu64 " bytes, the file holds %" PRIu64,
                       p->file_bytes, have);
    if (p->meta_bytes < sizeof(r->first) || !range_inside(p->meta_bytes, p->blob_bytes, have))
        return err_set(err, E_CORRUPT,
                       "page 0: %" PRIu64 " bytes of metadata and %" PRIu64
                       " of blobs are not in a file of %" PRIu64,
                       p->meta_bytes, p->blob_bytes, have);
    if (p->meta_bytes > LOADER_META_MAX || p->meta_raw_bytes > LOADER_META_MAX)
        return err_set(err, E_UNSUPPORTED,
                       "page 0: %" PRIu64 " bytes of metadata, %" PRIu64
                       " unpacked: at most %d are read",
                       p->meta_bytes, p->meta_raw_bytes, LOADER_META_MAX);
    return OK;
}

/* Page 0 and the metadata as the disk tier has them. False: it has none that fit the object. */
static bool read_head(struct run *r)
{
    struct err ignored;
    size_t n = 0;
    if (!r->env->disk ||
        tier_read_head(r->env->disk, r->at.key, &r->at.object, &r->meta, &n, &ignored) != OK)
        return false;
    if (n >= sizeof(r->first)) {
        memcpy(r->first, r->meta, sizeof(r->first));
        if (check_page0(r, &ignored) == OK && r->page0.meta_bytes == n)
            return true;
    }
    tier_drop_head(r->env->disk, r->at.key, &r->at.object);
    alloc_free(r->meta);
    r->meta = NULL;
    return false;
}

static enum status fetch_page0(struct run *r, struct err *err)
{
    uint64_t have = r->at.object.bytes;
    if (have < sizeof(r->first))
        return err_set(err, E_CORRUPT, "page 0: the file holds %" PRIu64 " bytes, not one page",
                       have);
    r->fetched = true;
    enum status s = read_at(r, 0, r->first, sizeof(r->first), err);
    return s == OK ? check_page0(r, err) : s;
}

static enum status read_page0(struct run *r, struct err *err)
{
    r->head_from_disk = read_head(r);
    return r->head_from_disk ? OK : fetch_page0(r, err);
}

static enum status read_meta(struct run *r, struct err *err)
{
    size_t n = (size_t)r->page0.meta_bytes, have = sizeof(r->first);
    if (r->head_from_disk)
        return OK;
    r->meta = alloc_new(n);
    if (!r->meta)
        return err_set(err, E_NO_MEMORY, "no memory for %zu bytes of metadata of %s", n, r->name);
    memcpy(r->meta, r->first, have);
    return n > have ? read_at(r, have, r->meta + have, n - have, err) : OK;
}

/* What the disk tier had was not what the store has: once more, from there. */
static enum status fetch_head(struct run *r, struct err *err)
{
    tier_drop_head(r->env->disk, r->at.key, &r->at.object);
    alloc_free(r->meta);
    r->meta = NULL;
    r->head_from_disk = false;
    enum status s = fetch_page0(r, err);
    return s == OK ? read_meta(r, err) : s;
}

static enum status open_reader(struct run *r, struct err *err)
{
    enum status s =
        artifact_reader_init(&r->reader, &r->page0, r->meta, (size_t)r->page0.meta_bytes, err);
    r->proven = s == OK;
    return s;
}

/* Proves hash and structure of the metadata; program_bind proves what it says. */
static enum status prove_meta(struct run *r, struct err *err)
{
    enum status s = open_reader(r, err);
    if (s != E_CORRUPT || !r->head_from_disk)
        return s;
    s = fetch_head(r, err);
    return s == OK ? open_reader(r, err) : s;
}

static enum status reserve(struct run *r, struct err *err)
{
    uint64_t bytes = program_bytes(&r->page0), arena = region_round(r->page0.cost.arena_fixed);
    if (bytes == UINT64_MAX || arena == UINT64_MAX || bytes < r->page0.blob_bytes)
        return err_set(err, E_CORRUPT, "page 0: its costs are beyond any memory");
    return cache_load_reserve(r->env->cache, r->slot, bytes, arena, err);
}

/* A load that nobody wants any more ends between two chunks. */
static enum status still_wanted(const struct run *r, struct err *err)
{
    if (atomic_load(r->env->draining))
        return err_set(err, E_DRAINING, "the server is draining: %s is not loaded", r->name);
    if (cache_load_cancelled(r->env->cache, r->slot))
        return err_set(err, E_CANCELLED, "the load of %s was cancelled", r->name);
    return OK;
}

/* Reads the chunk of the blobs at `off`, and hashes it where there is a check. */
static enum status read_chunk(struct run *r, uint64_t off, struct blob_check *check,
                              struct err *err)
{
    uint8_t *to = (uint8_t *)r->region.base + off;
    uint64_t n = MIN(r->page0.blob_bytes - off, (uint64_t)CHUNK_BYTES);
    enum status s = still_wanted(r, err);
    if (s == OK)
        s = read_at(r, r->page0.meta_bytes + off, to, (size_t)n, err);
    if (s != OK || !check)
        return s;
    uint64_t began_us = clock_now_us();
    s = blob_check_add(check, to, n, err);
    r->hash_us += clock_now_us() - began_us;
    return s;
}

/* The whole blob area from the store, front to back: each blob must be what its name says. Every
 * read is of the object that was resolved, or fails: so what is known of that object is known of
 * these bytes. */
static enum status fetch_blobs(struct run *r, struct err *err)
{
    struct blob_check check;
    enum status s = OK;
    bool known = blobs_known(&r->page0, r->at.object.tag);
    r->fetched = true;
    blob_check_init(&check, &r->reader);
    for (uint64_t off = 0; s == OK && off < r->page0.blob_bytes; off += CHUNK_BYTES)
        s = read_chunk(r, off, known ? NULL : &check, err);
    if (s == OK && !known)
        s = blob_check_end(&check, err);
    blob_check_fini(&check);
    if (s == OK && !known && r->at.object.settled)
        blobs_remember(&r->page0, r->at.object.tag);
    return s;
}

static enum status still_wanted_by(const void *run, struct err *err)
{
    return still_wanted(run, err);
}

/* One blob from the store, which always is hashed. */
static enum status fetch_blob(struct run *r, const struct blob_record *b, struct err *err)
{
    uint8_t *to = (uint8_t *)r->region.base + b->off, digest[SHA256_BYTES];
    struct sha256 h;
    enum status s = sha256_init(&h);
    if (s != OK)
        return err_set(err, s, "no memory to hash a blob of %s", r->name);
    r->fetched = true;
    for (uint64_t off = 0; s == OK && off < b->bytes; off += CHUNK_BYTES) {
        size_t n = (size_t)MIN(b->bytes - off, (uint64_t)CHUNK_BYTES);
        s = still_wanted(r, err);
        if (s == OK)
            s = read_at(r, r->page0.meta_bytes + b->off + off, to + off, n, err);
        if (s == OK)
            sha256_add(&h, to + off, n);
    }
    sha256_end(&h, digest);
    if (s == OK && memcmp(digest, b->hash, sizeof(digest)) != 0)
        s = err_set(err, E_CORRUPT, "a blob is not what its SHA-256 says");
    return s;
}

static enum status tiered_blob(struct run *r, const struct blob_record *b, struct err *err)
{
    const struct tier_going going = {still_wanted_by, r};
    uint8_t *to = (uint8_t *)r->region.base + b->off;
    enum status s = tier_read_blob(r->env->disk, b, to, blobs_hashed_always(), &going, err);
    return s == E_NOT_FOUND ? fetch_blob(r, b, err) : s;
}

/* Blob after blob, from the disk tier or else from the store; nobody reads what lies between two.
 * *any is false, and nothing was read, where the tier has none of them. */
static enum status read_blobs_tiered(struct run *r, bool *any, struct err *err)
{
    enum status s = OK;
    struct blob_record b;
    *any = false;
    for (uint32_t i = 0; s == OK && !*any && i < r->page0.n_blobs; i++) {
        s = artifact_read_blob(&r->reader, i, &b, err);
        *any = s == OK && tier_has_blob(r->env->disk, &b);
    }
    for (uint32_t i = 0; s == OK && *any && i < r->page0.n_blobs; i++) {
        s = artifact_read_blob(&r->reader, i, &b, err);
        if (s == OK)
            s = tiered_blob(r, &b, err);
    }
    return s;
}

static enum status read_blobs(struct run *r, struct err *err)
{
    enum status s = region_init(&r->region, program_bytes(&r->page0));
    if (s != OK)
        return err_set(err, s, "no memory for the %" PRIu64 " bytes of %s",
                       program_bytes(&r->page0), r->name);
    bool any = false;
    if (r->env->disk)
        s = read_blobs_tiered(r, &any, err);
    return s == OK && !any ? fetch_blobs(r, err) : s;
}

static enum status bind(struct run *r, struct err *err)
{
    enum status s = program_bind(&r->reader, &r->region, &r->out->program, err);
    if (s == OK)
        r->region = (struct region){0}; /* the program's now */
    return s;
}

static void set_version(struct run *r)
{
    char hex[SHA256_HEX];
    sha256_hex(r->page0.hash, hex);
    snprintf(r->out->version, sizeof(r->out->version), "%s", r->at.version);
    if (!*r->at.version)
        snprintf(r->out->version, sizeof(r->out->version), "%.*s", VERSION_HEX, hex);
}

/* What a step's time counts as. */
enum stage { WAIT, FETCH, VERIFY, STAGE_COUNT };

static const struct {
    const char *name;
    enum stage stage;
    enum status (*run)(struct run *r, struct err *err);
} steps[] = {
    {"resolve", FETCH, resolve},   {"page0", FETCH, read_page0}, {"meta", FETCH, read_meta},
    {"prove", VERIFY, prove_meta}, {"reserve", WAIT, reserve},   {"blobs", FETCH, read_blobs},
    {"bind", VERIFY, bind},
};

/* Unknown names and cancelled loads are every day's; the rest is for the operator. */
static void log_failure(const struct run *r, const char *step, const struct err *err)
{
    enum log_level level = err->code == E_NOT_FOUND                              ? LOG_DEBUG
                           : err->code == E_CANCELLED || err->code == E_DRAINING ? LOG_INFO
                                                                                 : LOG_WARN;
    LOG(level, "load_failed", log_str("model", r->name), log_str("step", step),
        log_str("status", status_name(err->code)), log_str("key", r->at.key),
        log_str("error", err->msg));
}

/* Runs all steps; *step is the one that failed. */
static enum status run_steps(struct run *r, const char **step, struct err *err)
{
    uint64_t us[STAGE_COUNT] = {0};
    enum status s = OK;
    for (size_t i = 0; s == OK && i < ARRAY_COUNT(steps); i++) {
        uint64_t began_us = clock_now_us();
        *step = steps[i].name;
        s = still_wanted(r, err);
        if (s == OK)
            s = steps[i].run(r, err);
        us[steps[i].stage] += clock_now_us() - began_us;
    }
    r->out->times = (struct load_times){us[WAIT], us[FETCH] - r->hash_us, us[VERIFY] + r->hash_us};
    return s;
}

/* What is to be written to the disk tier; NULL without memory for it: then it is not. The metadata
 * goes with it. */
static struct behind_job *job_of(struct run *r)
{
    struct behind_job *job = alloc_zero(1, sizeof(*job));
    if (!job)
        return NULL;
    job->program = r->out->program;
    job->head = r->meta;
    job->head_bytes = (size_t)r->page0.meta_bytes;
    job->has_key = tier_head_key(r->at.key, &r->at.object, &job->head_key);
    r->meta = NULL;
    return job;
}

enum status load_run(const struct load_env *env, struct slot *slot, const char *name,
                     struct load_result *out, struct err *err)
{
    struct run r = {.env = env, .slot = slot, .name = name, .out = out};
    const char *step = "";
    enum status s = run_steps(&r, &step, err);
    if (r.proven)
        artifact_reader_fini(&r.reader);
    if (s == OK && env->disk && r.fetched)
        out->behind = job_of(&r);
    alloc_free(r.meta);
    if (s == OK) {
        set_version(&r);
        return OK;
    }
    log_failure(&r, step, err);
    program_free(&out->program);
    region_fini(&r.region);
    return s;
}
