/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One key, and what is done to it. */
#include "loader/writeback.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

void writeback_hold(const struct load_env *env, const char *name, const struct resolved *at,
                    const struct compiled *c, struct writeback *out)
{
    struct err err;
    *out = (struct writeback){.fd = -1, .bytes = c->bytes};
    if (!key_of(env, name, at, out->key))
        return;
    snprintf(out->name, sizeof(out->name), "%s", name);
    out->fd = fcntl(c->file.entry ? c->file.fd : c->fd, F_DUPFD_CLOEXEC, 0);
    if (out->fd >= 0)
        return;
    err_fill(&err, E_IO, "what was compiled cannot be held: %s", strerrordesc_np(errno));
    failed(name, out->key, &err);
}

void writeback_put(const struct load_env *env, struct writeback *w)
{
    const struct store_source from = {.fd = w->fd, .n = w->bytes};
    struct err err;
    if (w->fd < 0)
        return;
    if (store_put(env->store, w->key, &from, &err) == OK) {
        metric_add(M_WRITE_BACK_OK, 1);
        LOG(LOG_INFO, "written_back", log_str("model", w->name), log_str("key", w->key),
            log_num("bytes", (int64_t)w->bytes));
    } else {
        failed(w->name, w->key, &err);
    }
    close(w->fd);
}

void writeback_drop(const struct load_env *env, const char *key)
{
    struct err err;
    if (store_delete(env->store, key, &err) != OK)
        failed("", key, &err);
}
