/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* From a model file in the store, and the files beside it that it names, to an artifact in the disk
 * tier: held bytes, the child, a put. */
#include "loader/raw.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "loader/loader_priv.h"
#include "metrics/metrics.h"
#include "sandbox/sandbox.h"

enum { CHUNK_BYTES = 1024 * 1024 };

/* ---- in the disk tier ---- */

/* Another compiler, or other options, would make other bytes. False: the object's tag may come to
 * name other bytes, so nothing is kept under it. */
bool raw_key(const struct load_env *env, const struct resolved *at, struct disk_key *key)
{
    char name[STORE_KEY_MAX + 64];
    snprintf(name, sizeof(name), "%s/%u/%s", ROOST_VERSION, env->compile.optimize, at->key);
    return at->object.settled && disk_object_key(DISK_COMPILED, name, at->object.tag, key) == OK;
}

bool raw_find(const struct load_env *env, const struct resolved *at, struct compiled *out)
{
    struct disk_key key;
    struct err ignored;
    *out = (struct compiled){.fd = -1};
    if (!env->disk || !raw_key(env, at, &key) ||
        disk_ref(env->disk, &key, UINT64_MAX, &out->file, &ignored) != OK)
        return false;
    out->bytes = out->file.bytes;
    out->open = true;
    return true;
}

static enum status put(const struct load_env *env, const struct disk_key *key,
                       const struct buf *artifact, struct err *err)
{
    struct disk_put *p = NULL;
    enum status s = disk_put_begin(env->disk, key, artifact->len, &p, err);
    for (size_t off = 0; s == OK && off < artifact->len; off += CHUNK_BYTES)
        s = disk_put_write(p, artifact->data + off, MIN(artifact->len - off, (size_t)CHUNK_BYTES),
                           err);
    if (s == OK)
        return disk_put_commit(&p, err);
    disk_put_abort(&p);
    return s;
}

/* A tier that cannot take it is nobody's failure. */
static void keep(const struct load_env *env, const struct disk_key *key, const struct buf *artifact)
{
    struct err err;
    enum status s = put(env, key, artifact, &err);
    if (s != OK && s != E_EXISTS)
        LOG(LOG_WARN, "disk_put_failed", log_str("status", status_name(s)),
            log_str("error", err.msg));
}

/* ---- what passes through memory ---- */

static bool charge(void *cache, int64_t delta)
{
    struct err ignored;
    if (delta > 0)
        return cache_scratch_take(cache, (uint64_t)delta, &ignored) == OK;
    cache_scratch_give(cache, (uint64_t)-delta);
    return true;
}

/* An object into a file without a name, which is *fd on OK. */
static enum status copy_in(const struct load_env *env, const char *key,
                           const struct store_object *o, const struct raw_going *going, int *fd,
                           struct err *err)
{
    const uint64_t bytes = o->bytes;
    uint8_t *chunk = alloc_new(CHUNK_BYTES);
    int held = -1;
    enum status s = chunk ? sandbox_hold_open(&held, err)
                          : err_set(err, E_NO_MEMORY, "no memory to read %s", key);
    for (uint64_t off = 0; s == OK && off < bytes; off += CHUNK_BYTES) {
        size_t n = (size_t)MIN(bytes - off, (uint64_t)CHUNK_BYTES);
        s = going->on(going->arg, err);
        if (s == OK)
            s = store_read(env->store, key, o->tag, off, chunk, n, err);
        if (s == OK)
            s = sandbox_hold_add(held, chunk, n, err);
    }
    alloc_free(chunk);
    if (s == OK)
        s = sandbox_hold_seal(held, err);
    if (s == OK)
        *fd = held;
    else if (held >= 0)
        close(held);
    return s;
}

/* ---- the files beside a model ---- */

/* What passes through memory for one compile. */
struct passing {
    const struct load_env *env;
    const struct resolved *at;
    const struct raw_going *going;
    const struct tenant_limits *tenant;
    uint64_t bytes; /* of the model file and those beside it: charged */
};

static enum status refuse(const struct passing *p, const char *name, const char *why,
                          struct err *err)
{
    return err_set(err, E_UNSUPPORTED, "%.80s wants the file '%.80s' beside it: %s", p->at->key,
                   name, why);
}

/* The key of a file that the model calls so. Only a folder that is one version's has any: what lies
 * beside NAME.onnx may be another model's. */
static enum status key_beside(const struct passing *p, const char *name, char key[STORE_KEY_MAX],
                              struct err *err)
{
    const char *slash = strrchr(p->at->key, '/');
    if (!*p->at->version || !slash)
        return refuse(p, name, "only beside NAME/N/model.onnx are files looked for", err);
    int n = snprintf(key, STORE_KEY_MAX, "%.*s/%s", (int)(slash - p->at->key), p->at->key, name);
    if (n < 0 || n >= STORE_KEY_MAX || !store_key_valid(key))
        return refuse(p, name, "no object of a store has such a name", err);
    return OK;
}

static enum status charge_passing(struct passing *p, const char *key, uint64_t bytes,
                                  struct err *err)
{
    bool tenants;
    const uint64_t most = limits_file_max(p->tenant, p->env->compile.model_max, &tenants);
    if (bytes > most || p->bytes > most - bytes) {
        metric_add(M_REFUSED_TENANT_COMPILE, tenants);
        return err_set(err, E_UNSUPPORTED,
                       "%.120s holds %" PRIu64 " bytes: at most %" PRIu64
                       " are compiled%s, the files beside a model among them",
                       key, bytes, most, tenants ? " for its tenant" : "");
    }
    enum status s = cache_scratch_take(p->env->cache, bytes, err);
    p->bytes += s == OK ? bytes : 0;
    return s;
}

/* A struct sandbox_job's bring. The object is one from its first byte to its last; that it fits the
 * model, and what else of the folder was read, is whose folder it is. */
static enum status bring(void *arg, const char *name, int *fd, uint64_t *bytes, struct err *err)
{
    struct passing *p = arg;
    struct store_object o;
    char key[STORE_KEY_MAX];
    enum status s = key_beside(p, name, key, err);
    if (s == OK)
        s = store_stat(p->env->store, key, &o, err);
    if (s == OK)
        s = charge_passing(p, key, o.bytes, err);
    if (s == OK)
        s = copy_in(p->env, key, &o, p->going, fd, err);
    if (s == OK)
        *bytes = o.bytes;
    /* That the model is not there would be another answer. */
    return s == E_NOT_FOUND ? refuse(p, name, "it is not in the store", err) : s;
}

static bool gone(void *arg)
{
    const struct raw_going *going = arg;
    struct err ignored;
    return going->on(going->arg, &ignored) != OK;
}

static enum status in_child(struct passing *p, int fd, struct sandbox_result *made, struct err *err)
{
    const struct load_env *env = p->env;
    struct raw_going asked = *p->going;
    const struct sandbox_job job = {.model_fd = fd,
                                    .bring = bring,
                                    .bring_arg = p,
                                    .options = {.optimize = (enum optimize)env->compile.optimize},
                                    .limits = {env->compile.memory_bytes, env->compile.time_us},
                                    .tenant = {p->tenant->memory_bytes, p->tenant->time_us},
                                    .bare = env->compile.bare,
                                    .unproven = true,
                                    .cancelled = gone,
                                    .cancelled_arg = &asked};
    enum status s = asked.on(asked.arg, err);
    if (s == OK)
        s = sandbox_compile(&job, made, err);
    if (s == E_TOO_LARGE) /* than a compile may be: not a request's fault */
        s = err->code = E_UNSUPPORTED;
    /* The words of who is not interested any more say more than that it was cancelled. */
    return s == E_CANCELLED && asked.on(asked.arg, err) != OK ? err->code : s;
}

/* The artifact of at, in *made. */
static enum status compile(const struct load_env *env, const struct resolved *at,
                           const struct raw_going *going, struct sandbox_result *made,
                           struct err *err)
{
    struct passing p = {.env = env, .at = at, .going = going};
    p.tenant = tenant_limits_of(&env->compile.tenants, going->model);
    int fd = -1;
    enum status s = charge_passing(&p, at->key, at->object.bytes, err);
    if (s == OK)
        s = copy_in(env, at->key, &at->object, going, &fd, err);
    if (s == E_NOT_FOUND) /* any more */
        s = err->code = E_CHANGED;
    if (s == OK)
        s = in_child(&p, fd, made, err);
    if (fd >= 0)
        close(fd);
    cache_scratch_give(env->cache, p.bytes);
    return s;
}

/* Nothing of the artifact is proved yet: a load proves that its page 0 tells the truth. */
static enum status check_tensors(const struct load_env *env, const struct resolved *at,
                                 const char *model, const struct buf *artifact, struct err *err)
{
    struct artifact_page0 p0;
    bool tenants = false;
    enum status s = artifact_page0_read(artifact->data, artifact->len, &p0, err);
    if (s == OK)
        s = limits_tensors(tenant_limits_of(&env->compile.tenants, model), env->compile.tensors_max,
                           p0.n_tensors, &tenants, err);
    metric_add(M_REFUSED_TENANT_COMPILE, tenants);
    if (s == OK)
        return OK;
    err_prefix(err, "%.120s", at->key);
    return s == E_TOO_LARGE ? (err->code = E_UNSUPPORTED) : s;
}

/* Without a place in the disk tier: a file without a name, charged while it is open. */
static enum status hold(const struct load_env *env, const struct buf *artifact,
                        struct compiled *out, struct err *err)
{
    enum status s = cache_scratch_take(env->cache, artifact->len, err);
    if (s != OK)
        return s;
    s = sandbox_hold(artifact->data, artifact->len, &out->fd, err);
    if (s != OK) {
        cache_scratch_give(env->cache, artifact->len);
        return s;
    }
    out->bytes = out->charged_bytes = artifact->len;
    out->open = true;
    return OK;
}

enum status raw_compile(const struct load_env *env, const struct resolved *at,
                        const struct raw_going *going, struct compiled *out, struct err *err)
{
    struct sandbox_result made = {.program = NULL};
    struct disk_key key;
    *out = (struct compiled){.fd = -1};
    buf_init_charged(&made.artifact, 0, charge, env->cache);
    enum status s = compile(env, at, going, &made, err);
    if (s != OK)
        return s;
    s = check_tensors(env, at, going->model, &made.artifact, err);
    if (s != OK) {
        sandbox_result_fini(&made);
        return s;
    }
    if (env->disk && raw_key(env, at, &key))
        keep(env, &key, &made.artifact);
    if (!raw_find(env, at, out))
        s = hold(env, &made.artifact, out, err);
    sandbox_result_fini(&made);
    return s;
}

/* ---- reading it ---- */

enum status compiled_read(const struct compiled *c, uint64_t off, void *dst, size_t n,
                          struct err *err)
{
    uint8_t *to = dst;
    if (c->file.entry)
        return disk_read(&c->file, off, dst, n, err);
    while (n) {
        ssize_t got = pread(c->fd, to, n, (off_t)off);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return err_set(err, got ? E_IO : E_CORRUPT,
                           "the compiled artifact ends at byte %" PRIu64, off);
        to += got;
        off += (uint64_t)got;
        n -= (size_t)got;
    }
    return OK;
}

void compiled_drop(const struct load_env *env, const struct resolved *at, struct compiled *c)
{
    struct disk_key key;
    struct err ignored;
    if (!c->file.entry || !raw_key(env, at, &key))
        return;
    if (disk_evict(env->disk, &key, &ignored) != OK)
        return; /* somebody else did, or it stays, and fails each load until it goes */
}

void compiled_fini(const struct load_env *env, struct compiled *c)
{
    if (!c->open)
        return;
    if (c->file.entry)
        disk_unref(env->disk, &c->file);
    if (c->fd >= 0)
        close(c->fd);
    if (c->charged_bytes)
        cache_scratch_give(env->cache, c->charged_bytes);
    *c = (struct compiled){.fd = -1};
}
