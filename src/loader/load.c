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

#include "base/alloc.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "cache/reload.h"
#include "loader/loader_priv.h"
#include "loader/thin.h"
#include "loader/tier.h"
#include "loader/writeback.h"

enum { VERSION_HEX = 12 }; /* of the content's hash, where a version has no number */

uint64_t resolved_content(const struct resolved *at)
{
    const uint64_t parts[] = {hash_name(at->key), hash_name(at->object.tag)};
    return hash_bytes(parts, sizeof(parts));
}

/* Before anything of it is believed: a version that is corrupt is known by it too. */
static void tell_content(struct run *r)
{
    if (r->told)
        return;
    r->told = true;
    cache_load_content(r->env->cache, r->slot, resolved_content(&r->at));
}

/* Nothing to do where the model was compiled just now: it is that file that is loaded. */
static enum status resolve(struct run *r, struct err *err)
{
    if (r->compiled->open)
        return OK;
    enum status s = r->env->resolver.resolve(r->env->resolver.self, r->name, false, &r->at, err);
    if (s == OK && r->at.looked)
        tell_content(r);
    return s;
}

static enum status find_compiled(struct run *r, struct err *err)
{
    UNUSED(err);
    if (!r->at.raw || r->compiled->open || raw_find(r->env, &r->at, r->compiled))
        return OK;
    r->written_back = writeback_find(r->env, r->name, &r->at);
    r->raw = !r->written_back;
    return OK;
}

enum status run_read(const struct run *r, uint64_t off, void *dst, size_t n, struct err *err)
{
    if (r->compiled->open)
        return compiled_read(r->compiled, off, dst, n, err);
    const size_t have = opening_copy(r, off, dst, n);
    if (have && have == n)
        return OK;
    return store_read(r->env->store, r->at.key, r->at.object.tag, off + have, (uint8_t *)dst + have,
                      n - have, err);
}

static uint64_t artifact_bytes(const struct run *r)
{
    return r->compiled->open ? r->compiled->bytes : r->at.object.bytes;
}

/* May large blobs of it lie apart? */
static bool may_be_thin(const struct run *r)
{
    return !r->compiled->open && strncmp(r->at.key, THIN_VERSIONS, strlen(THIN_VERSIONS)) == 0;
}

/* What page 0, in r->first, says of the object. */
static enum status check_page0(struct run *r, struct err *err)
{
    struct artifact_page0 *p = &r->page0;
    uint64_t have = artifact_bytes(r);
    enum status s = artifact_page0_read(r->first, sizeof(r->first), p, err);
    if (s != OK)
        return s;
    if (p->file_bytes != have && (!may_be_thin(r) || p->file_bytes < have))
        return err_set(err, E_CORRUPT, "page 0: says %" PRIu64 " bytes, the file holds %" PRIu64,
                       p->file_bytes, have);
    if (p->meta_bytes < sizeof(r->first) || p->meta_bytes > have ||
        !range_inside(p->meta_bytes, p->blob_bytes, p->file_bytes))
        return err_set(err, E_CORRUPT,
                       "page 0: %" PRIu64 " bytes of metadata and %" PRIu64
                       " of blobs are not in a file of %" PRIu64,
                       p->meta_bytes, p->blob_bytes, have);
    if (p->meta_bytes > LOADER_META_MAX || p->meta_raw_bytes > LOADER_META_MAX)
        return err_set(err, E_UNSUPPORTED,
                       "page 0: %" PRIu64 " bytes of metadata, %" PRIu64
                       " unpacked: at most %d are read",
                       p->meta_bytes, p->meta_raw_bytes, LOADER_META_MAX);
    r->left_bytes = p->blob_bytes;
    return OK;
}

/* Page 0 and the metadata as the disk tier has them. False: it has none that fit the object. */
static bool read_head(struct run *r)
{
    struct err ignored;
    size_t n = 0;
    if (!r->env->disk || r->compiled->open || !*r->at.object.tag ||
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
    enum status s = opening_read(r, err);
    if (s != OK)
        return s;
    if (!r->compiled->open)
        tell_content(r);
    uint64_t have = artifact_bytes(r);
    if (have < sizeof(r->first))
        return err_set(err, E_CORRUPT, "page 0: the file holds %" PRIu64 " bytes, not one page",
                       have);
    r->fetched = true;
    s = run_read(r, 0, r->first, sizeof(r->first), err);
    return s == OK ? check_page0(r, err) : s;
}

static enum status read_page0(struct run *r, struct err *err)
{
    enum status s = opening_look(r, err);
    if (s != OK)
        return s;
    r->head_from_disk = read_head(r);
    if (r->head_from_disk)
        tell_content(r);
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
    return n > have ? run_read(r, have, r->meta + have, n - have, err) : OK;
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
    return s == OK ? thin_first(&r->reader, artifact_bytes(r), &r->apart, err) : s;
}

/* Proves hash and structure of the metadata; program_bind proves what it says. */
static enum status prove_meta(struct run *r, struct err *err)
{
    enum status s = open_reader(r, err);
    if (s != E_CORRUPT || !r->head_from_disk)
        return s;
    if (r->proven)
        artifact_reader_fini(&r->reader);
    r->proven = false;
    s = fetch_head(r, err);
    return s == OK ? open_reader(r, err) : s;
}

_Static_assert((int)LINK_STOP == (int)CACHE_LOAD_CANCELLED, "one word for both");

uint32_t run_look(const struct run *r, uint64_t left_bytes)
{
    const uint64_t worth_keeping = MAX(r->page0.blob_bytes / 2, r->env->chunk_bytes);
    if (atomic_load(r->env->draining))
        return LINK_STOP;
    const bool kept = r->compiled->open || left_bytes <= worth_keeping;
    return cache_load_look(r->env->cache, r->slot, !kept);
}

/* A load that nobody wants any more ends between two steps, or two chunks. */
enum status run_still_wanted(const struct run *r, struct err *err)
{
    if (run_look(r, r->left_bytes) != LINK_STOP)
        return OK;
    if (atomic_load(r->env->draining))
        return err_set(err, E_DRAINING, "the server is draining: %s is not loaded", r->name);
    return err_set(err, E_CANCELLED, "the load of %s was cancelled", r->name);
}

static enum status bind(struct run *r, struct err *err)
{
    return program_bind(&r->reader, &r->weights.bundle, &r->out->program, err);
}

static void set_version(struct run *r)
{
    char hex[SHA256_HEX];
    sha256_hex(r->page0.hash, hex);
    snprintf(r->out->version, sizeof(r->out->version), "%s", r->at.version);
    if (!*r->at.version)
        snprintf(r->out->version, sizeof(r->out->version), "%.*s", VERSION_HEX, hex);
}

/* Where the disk tier has it, or will. */
static void set_origin(struct run *r)
{
    struct disk_key key;
    bool has = r->env->disk && (r->compiled->open ? raw_key(r->env, &r->at, &key)
                                                  : tier_head_key(r->at.key, &r->at.object, &key));
    if (has)
        r->out->origin = disk_mark(&key);
}

/* What a step's time counts as; what only waits is what is left of the whole. */
enum stage { WAIT, FETCH, VERIFY, BIND, STAGE_COUNT };

static const struct {
    const char *name;
    enum stage stage;
    enum status (*run)(struct run *r, struct err *err);
} steps[] = {
    {"resolve", FETCH, resolve},    {"compiled", FETCH, find_compiled},
    {"page0", FETCH, read_page0},   {"meta", FETCH, read_meta},
    {"prove", VERIFY, prove_meta},  {"reserve", WAIT, weights_reserve},
    {"blobs", FETCH, weights_read}, {"join", WAIT, weights_join},
    {"bind", BIND, bind},
};

/* Unknown names and cancelled loads are every day's; the rest is for the operator. */
void load_log_failure(const char *name, const char *key, const char *step, const struct err *err)
{
    enum log_level level = err->code == E_NOT_FOUND                              ? LOG_DEBUG
                           : err->code == E_CANCELLED || err->code == E_DRAINING ? LOG_INFO
                                                                                 : LOG_WARN;
    LOG(level, "load_failed", log_str("model", name), log_str("step", step),
        log_str("status", status_name(err->code)), log_str("key", key), log_str("error", err->msg));
}

/* Runs all steps; *step is the one that failed. */
static enum status run_steps(struct run *r, const char **step, struct err *err)
{
    uint64_t us[STAGE_COUNT] = {0};
    enum status s = OK;
    for (size_t i = 0; s == OK && !r->raw && i < ARRAY_COUNT(steps); i++) {
        uint64_t began_us = clock_now_us();
        *step = steps[i].name;
        s = run_still_wanted(r, err);
        if (s == OK)
            s = steps[i].run(r, err);
        /* What was there when the name was resolved is no more: that tells of it, not of the name.
         */
        if (s == E_NOT_FOUND && i > 0)
            s = err->code = E_CHANGED;
        us[steps[i].stage] += clock_now_us() - began_us;
    }
    struct load_times *t = &r->out->times; /* of what begins anew, too */
    t->fetch_us = load_time(t->fetch_us + us[FETCH] - r->hash_us);
    t->verify_us = load_time(t->verify_us + us[VERIFY] + r->hash_us);
    t->bind_us = load_time(t->bind_us + us[BIND]);
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
    job->tier = r->tier;
    job->head = r->meta;
    job->head_bytes = (size_t)r->page0.meta_bytes;
    job->has_key = tier_head_key(r->at.key, &r->at.object, &job->head_key);
    r->meta = NULL;
    return job;
}

/* What a load that came to its end leaves behind. What was compiled is in the tier as a whole. */
static void settle(struct run *r)
{
    if (r->env->disk && r->fetched && !r->compiled->open)
        r->out->behind = job_of(r);
    weights_fini(&r->weights);
    set_version(r);
    set_origin(r);
}

/* What did not prove itself, and was only kept: the next load makes it anew. */
static void drop_corrupt(struct run *r)
{
    compiled_drop(r->env, &r->at, r->compiled);
    if (r->written_back)
        writeback_drop(r->env, r->at.key);
}

enum status load_run(const struct load_env *env, struct compile_job *job, struct load_result *out,
                     struct err *err)
{
    struct run r = {.env = env,
                    .slot = job->slot,
                    .name = job->name,
                    .out = out,
                    .at = job->at,
                    .compiled = &job->out,
                    .left_bytes = UINT64_MAX,
                    .tier = {.disk = env->disk}};
    const char *step = "";
    blob_scope_init(&r.tier.scope, env->share_node ? NULL : env->common, job->name);
    enum status s = run_steps(&r, &step, err);
    if (r.proven)
        artifact_reader_fini(&r.reader);
    if (s == OK && r.raw)
        job->at = r.at;
    else if (s == OK)
        settle(&r);
    alloc_free(r.meta);
    opening_fini(&r);
    if (s == E_CORRUPT)
        drop_corrupt(&r);
    if (!r.raw)
        compiled_fini(env, &job->out);
    if (s == OK)
        return OK;
    load_log_failure(r.name, r.at.key, step, err);
    weights_drop(&r);
    return s;
}
