/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One key, and what is done to it. */
#include "loader/writeback.h"

#include <stdio.h>
#include <string.h>

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

void writeback_put(const struct load_env *env, const char *name, const struct resolved *at,
                   const struct compiled *c)
{
    const struct store_source from = {.fd = c->file.entry ? c->file.fd : c->fd, .n = c->bytes};
    char key[STORE_KEY_MAX];
    struct err err;
    if (!key_of(env, name, at, key))
        return;
    if (store_put(env->store, key, &from, &err) != OK) {
        failed(name, key, &err);
        return;
    }
    metric_add(M_WRITE_BACK_OK, 1);
    LOG(LOG_INFO, "written_back", log_str("model", name), log_str("key", key),
        log_num("bytes", (int64_t)c->bytes));
}

void writeback_drop(const struct load_env *env, const char *key)
{
    struct err err;
    if (store_delete(env->store, key, &err) != OK)
        failed("", key, &err);
}
