/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One key, and what is done to it. */
#include "loader/writeback.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "loader/loader_priv.h"
#include "metrics/metrics.h"

/* False: it has none, as for raw_key. */
static bool key_of(const struct load_env *env, const char *name, const struct resolved *at,
                   char key[STORE_KEY_MAX])
{
    struct disk_key k;
    char hex[SHA256_HEX];
    const char *slash = strchr(name, '/'), *tenant = slash ? name : "default";
    if (!env->compile.write_back || !raw_key(env, at, &k))
        return false;
    sha256_hex(k.digest, hex);
    snprintf(key, STORE_KEY_MAX, "_roost/compiled/%.*s/%s.roost",
             (int)(slash ? (size_t)(slash - name) : strlen(tenant)), tenant, hex);
    return true;
}

bool writeback_find(const struct load_env *env, const char *name, struct resolved *at)
{
    char key[STORE_KEY_MAX];
    struct store_object o;
    struct err ignored;
    if (!key_of(env, name, at, key) || store_stat(env->store, key, &o, &ignored) != OK)
        return false;
    memcpy(at->key, key, sizeof(at->key));
    at->object = o;
    at->raw = false;
    metric_add(M_WRITE_BACK_USED, 1);
    return true;
}

static void failed(const char *name, const char *key, const struct err *err)
{
    metric_add(M_WRITE_BACK_FAILED, 1);
    LOG(LOG_WARN, "write_back_failed", log_str("model", name), log_str("key", key),
        log_str("status", status_name(err->code)), log_str("error", err->msg));
}

/* A reference of its own to the same bytes, charged for as long as it lasts. */
static enum status hold_again(const struct load_env *env, const struct resolved *at,
                              const struct compiled *c, struct compiled *out, struct err *err)
{
    struct disk_key key;
    if (c->file.entry && !raw_key(env, at, &key))
        return err_set(err, E_NO_MEMORY, "no memory to name what was compiled");
    if (c->file.entry)
        return disk_ref_quietly(env->disk, &key, c->bytes, &out->file, err);
    enum status s = cache_scratch_take(env->cache, c->bytes, err);
    if (s != OK)
        return s;
    out->charged_bytes = c->bytes;
    out->fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
    return out->fd >= 0 ? OK : err_set(err, E_IO, "fcntl: %s", strerrordesc_np(errno));
}

static void let_go(const struct load_env *env, struct writeback *w)
{
    compiled_fini(env, &w->of);
    alloc_free(w);
}

struct writeback *writeback_hold(const struct load_env *env, const char *name,
                                 const struct resolved *at, const struct compiled *c)
{
    struct err err;
    char key[STORE_KEY_MAX];
    if (!key_of(env, name, at, key))
        return NULL;
    struct writeback *w = alloc_zero(1, sizeof(*w));
    enum status s = w ? OK : err_set(&err, E_NO_MEMORY, "no memory for it");
    if (w) {
        w->of = (struct compiled){.open = true, .fd = -1, .bytes = c->bytes};
        snprintf(w->key, sizeof(w->key), "%s", key);
        snprintf(w->name, sizeof(w->name), "%s", name);
        s = hold_again(env, at, c, &w->of, &err);
    }
    if (s == OK)
        return w;
    failed(name, key, &err);
    if (w)
        let_go(env, w);
    return NULL;
}

void writeback_put(const struct load_env *env, struct writeback *w)
{
    const struct store_source from = {.fd = w->of.file.entry ? w->of.file.fd : w->of.fd,
                                      .n = w->of.bytes};
    struct err err;
    if (store_put(env->store, w->key, &from, &err) == OK) {
        metric_add(M_WRITE_BACK_OK, 1);
        LOG(LOG_INFO, "written_back", log_str("model", w->name), log_str("key", w->key),
            log_num("bytes", (int64_t)w->of.bytes));
    } else {
        failed(w->name, w->key, &err);
    }
    let_go(env, w);
}

void writeback_refuse(const struct load_env *env, struct writeback *w)
{
    struct err err;
    err_fill(&err, E_QUEUE_FULL, "too many wait for the store already");
    failed(w->name, w->key, &err);
    let_go(env, w);
}

void writeback_drop(const struct load_env *env, const char *key)
{
    struct err err;
    if (store_delete(env->store, key, &err) != OK)
        failed("", key, &err);
}
