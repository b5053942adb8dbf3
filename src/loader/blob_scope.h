/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Who may share a blob, in memory and in the disk tier alike: the models of one tenant; all models,
 * where the blob is among the operator's common ones (common.h) or the node shares everything. What
 * is common has a scope of its own, which no tenant has for a name, so that nobody shares on what
 * was common once. */
#ifndef ROOST_LOADER_BLOB_SCOPE_H
#define ROOST_LOADER_BLOB_SCOPE_H

#include "cache/tenant.h"
#include "disk/disk.h"
#include "loader/common.h"

enum { SCOPE_TEXT_MAX = TENANT_NAME_MAX + 1 };

/* Embedded. */
struct blob_scope {
    struct common *common; /* borrowed; NULL: the node shares everything */
    char tenant[SCOPE_TEXT_MAX];
};

/* Of a model's blobs.  common: NULL where the node shares everything */
void blob_scope_init(struct blob_scope *s, struct common *common, const char *model);
/* Of one of them; "" where the node shares everything. Lives as long as s. What is common may
 * change from call to call.  locks: takes COMMON */
const char *blob_scope_text(const struct blob_scope *s, const uint8_t hash[SHA256_BYTES]);
/* The same for the key of a file.  errors: false: no memory   locks: takes COMMON */
bool blob_scope_mark(const struct blob_scope *s, const uint8_t hash[SHA256_BYTES],
                     uint8_t out[DISK_SCOPE_BYTES]) WARN_UNUSED;

#endif
