/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "loader/blob_scope.h"

#include <string.h>

void blob_scope_init(struct blob_scope *s, struct common *common, const char *model)
{
    const char *slash = strchr(model, '/'), *tenant = slash ? model : "default";
    const size_t n = slash ? (size_t)(slash - model) : strlen(tenant);
    *s = (struct blob_scope){.common = common};
    memcpy(s->tenant, tenant, MIN(n, (size_t)TENANT_NAME_MAX));
}

const char *blob_scope_text(const struct blob_scope *s, const uint8_t hash[SHA256_BYTES])
{
    if (!s->common)
        return "";
    return common_has(s->common, hash) ? "*" : s->tenant;
}

bool blob_scope_mark(const struct blob_scope *s, const uint8_t hash[SHA256_BYTES],
                     uint8_t out[DISK_SCOPE_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    const char *text = blob_scope_text(s, hash);
    memset(out, 0, DISK_SCOPE_BYTES);
    if (!*text)
        return true;
    if (sha256_once(text, strlen(text), digest) != OK)
        return false;
    memcpy(out, digest, DISK_SCOPE_BYTES);
    return true;
}
