/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* From an upload to a proved artifact. The blobs are mapped from the upload's own file, which
 * nobody else can open, so what is charged to --memory is what a program takes beside them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "metrics/metrics.h"
#include "publish/publish_priv.h"
#include "sandbox/sandbox.h"

/* What is wrong with a model is its sender's fault here, whatever it would be in a load. */
static enum status blame(enum status s, struct err *err)
{
    if (s == E_CORRUPT || s == E_UNSUPPORTED || s == E_TOO_LARGE)
        return err->code = E_BAD_INPUT;
    return s;
}

static enum status read_exactly(int fd, void *to, size_t n, struct err *err)
{
    uint8_t *p = to;
    for (size_t got = 0; got < n;) {
        ssize_t more = pread(fd, p + got, n - got, (off_t)got);
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0)
            return err_set(err, E_IO, "the upload cannot be read: %s",
                           more ? strerrordesc_np(errno) : "it ends early");
        got += (size_t)more;
    }
    return OK;
}

/* ---- a raw model file ---- */

/* Who charges the artifact to --memory, and why that was refused. */
struct charged {
    struct cache *cache;
    uint64_t bytes; /* held */
    uint64_t asked; /* when it was refused */
    struct err why; /* code OK: it was not */
};

static bool charge(void *arg, int64_t delta)
{
    struct charged *c = arg;
    if (delta < 0)
        cache_scratch_give(c->cache, (uint64_t)-delta);
    else if (cache_scratch_take(c->cache, (uint64_t)delta, &c->why) != OK) {
        c->asked = c->bytes + (uint64_t)delta;
        return false;
    }
    c->bytes += (uint64_t)delta;
    return true;
}

/* A later try is refused again where the artifact alone, as it grows, is more than --memory. */
static enum status refused(const struct charged *c, struct err *err)
{
    struct budget_usage usage;
    cache_usage(c->cache, &usage);
    if (c->asked > usage.limit)
        return err_set(err, E_NEVER_FITS,
                       "compiling it takes more than --memory, which is %" PRIu64
                       ": send the artifact that `roost compile` makes of it",
                       usage.limit);
    *err = c->why;
    return err->code;
}

static bool is_cancelled(void *cancelled)
{
    return atomic_load((const atomic_bool *)cancelled);
}

static enum status check_size(const struct publish_call *call, const struct tenant_limits *tenant,
                              uint64_t node_max, struct err *err)
{
    bool tenants;
    const uint64_t most = limits_file_max(tenant, node_max, &tenants);
    if (call->bytes <= most)
        return OK;
    metric_add(M_REFUSED_TENANT_COMPILE, tenants);
    return err_set(err, E_TOO_LARGE,
                   "the model file holds %" PRIu64 " bytes: at most %" PRIu64 " are compiled%s",
                   call->bytes, most, tenants ? " for this tenant" : "");
}

static enum status compile(const struct publish_config *c, struct publish_call *call,
                           struct judged *out, struct err *err)
{
    const struct compile_config *how = &c->compile;
    const struct tenant_limits *tenant = tenant_limits_of(&how->tenants, call->model);
    struct charged charged = {.cache = c->cache};
    struct sandbox_result made = {.program = NULL};
    struct sandbox_job job = {.options = {.optimize = (enum optimize)how->optimize},
                              .limits = {how->memory_bytes, how->time_us},
                              .tenant = {tenant->memory_bytes, tenant->time_us},
                              .bare = how->bare,
                              .unproven = true,
                              .cancelled = is_cancelled,
                              .cancelled_arg = &call->cancelled};
    enum status s = check_size(call, tenant, how->model_max, err);
    if (s != OK)
        return s;
    s = intake_reopen(call->fd, &job.model_fd, err);
    if (s != OK)
        return s;
    buf_init_charged(&made.artifact, 0, charge, &charged);
    s = blame(sandbox_compile(&job, &made, err), err);
    close(job.model_fd);
    if (s == E_NO_MEMORY && charged.why.code != OK)
        return refused(&charged, err);
    if (s != OK)
        return s;
    s = intake_open(c->dir, &out->fd, err);
    if (s == OK)
        s = intake_add(out->fd, made.artifact.data, made.artifact.len, err);
    out->bytes = made.artifact.len;
    sandbox_result_fini(&made);
    return s;
}

/* ---- an artifact ---- */

static enum status check_cost(const struct publish_config *c, const struct artifact_page0 *p0,
                              uint64_t bytes, struct err *err)
{
    struct budget_usage usage;
    uint64_t needs = program_bytes(p0), arena = p0->cost.arena_fixed, all;
    if (p0->file_bytes != bytes)
        return err_set(err, E_CORRUPT, "page 0: says %" PRIu64 " bytes, %" PRIu64 " came",
                       p0->file_bytes, bytes);
    if (p0->meta_bytes > LOADER_META_MAX || p0->meta_raw_bytes > LOADER_META_MAX)
        return err_set(err, E_UNSUPPORTED,
                       "page 0: %" PRIu64 " bytes of metadata, %" PRIu64
                       " unpacked: at most %d are read",
                       p0->meta_bytes, p0->meta_raw_bytes, LOADER_META_MAX);
    cache_usage(c->cache, &usage);
    if (!checked_add(needs, arena, &all) || all > usage.limit)
        return err_set(err, E_NEVER_FITS,
                       "the model needs %" PRIu64 " bytes and an arena of %" PRIu64
                       ": --memory is %" PRIu64,
                       needs, arena, usage.limit);
    if (arena > c->arena_max)
        return err_set(err, E_NEVER_FITS,
                       "the model needs an arena of %" PRIu64 " bytes: --arena-max is %" PRIu64,
                       arena, c->arena_max);
    return OK;
}

/* Bytes that a program takes beside its mapped blobs, while it is bound. */
static uint64_t unmapped_bytes(const struct artifact_page0 *p0)
{
    const uint64_t all = program_bytes(p0);
    return all - MIN(all, p0->blob_bytes) + p0->meta_bytes + p0->meta_raw_bytes;
}

/* A file is opened by a path here, which says nothing to who sent the bytes. */
static void drop_path(const char *path, struct err *err)
{
    size_t n = strlen(path);
    if (strncmp(err->msg, path, n) == 0 && strncmp(err->msg + n, ": ", 2) == 0)
        memmove(err->msg, err->msg + n + 2, strlen(err->msg + n + 2) + 1);
}

static enum status check_tensors(const struct publish_config *c, const struct publish_call *call,
                                 const struct artifact_page0 *p0, struct err *err)
{
    bool tenants;
    enum status s = limits_tensors(tenant_limits_of(&c->compile.tenants, call->model),
                                   c->compile.tensors_max, p0->n_tensors, &tenants, err);
    metric_add(M_REFUSED_TENANT_COMPILE, tenants);
    return s;
}

static enum status prove(const struct publish_config *c, const struct publish_call *call,
                         struct judged *j, struct err *err)
{
    uint8_t first[ARTIFACT_PAGE0_BYTES];
    struct artifact_page0 p0;
    char path[32];
    if (j->bytes < sizeof(first))
        return err_set(err, E_CORRUPT, "page 0: %" PRIu64 " bytes came, not one page", j->bytes);
    enum status s = read_exactly(j->fd, first, sizeof(first), err);
    if (s == OK)
        s = artifact_page0_read(first, sizeof(first), &p0, err);
    if (s == OK)
        s = check_cost(c, &p0, j->bytes, err);
    if (s == OK)
        s = check_tensors(c, call, &p0, err);
    if (s == OK)
        s = cache_scratch_take(c->cache, unmapped_bytes(&p0), err);
    if (s != OK)
        return s;
    j->charged_bytes = unmapped_bytes(&p0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", j->fd);
    s = program_map_file(path, &j->program, err);
    if (s != OK)
        drop_path(path, err);
    return s;
}

/* Do the first bytes say that it is an artifact? */
static enum status is_artifact(const struct publish_call *call, bool *yes, struct err *err)
{
    uint8_t first[ARTIFACT_MAGIC_BYTES];
    *yes = false;
    if (call->bytes < sizeof(first))
        return OK;
    enum status s = read_exactly(call->fd, first, sizeof(first), err);
    *yes = s == OK && artifact_is(first, sizeof(first));
    return s;
}

enum status judge(const struct publish_config *c, struct publish_call *call, struct judged *out,
                  struct err *err)
{
    bool artifact;
    if (!call->bytes)
        return err_set(err, E_BAD_INPUT,
                       "the body is empty: it must be a model file or an artifact");
    enum status s = is_artifact(call, &artifact, err);
    if (s == OK && artifact) {
        out->fd = call->fd;
        out->bytes = call->bytes;
    } else if (s == OK) {
        s = compile(c, call, out, err);
    }
    if (s == OK)
        s = blame(prove(c, call, out, err), err);
    if (s == OK)
        s = try_run(c, out->program, &call->cancelled, out->warning, err);
    return s;
}

void judged_fini(const struct publish_config *c, const struct publish_call *call, struct judged *j)
{
    if (j->program)
        program_free(&j->program);
    if (j->charged_bytes)
        cache_scratch_give(c->cache, j->charged_bytes);
    if (j->fd >= 0 && j->fd != call->fd)
        close(j->fd);
}
