/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a tenant may upload and have compiled. The node's limits are everybody's bound; a tenant's
 * hold where they are less. What is compiled already is loaded as any artifact is. Pure. */
#ifndef ROOST_LOADER_LIMITS_H
#define ROOST_LOADER_LIMITS_H

#include "cache/tenant.h"

/* 0: as the node has it. */
struct tenant_limits {
    char name[TENANT_NAME_MAX + 1]; /* TENANT_OTHERS: of all that are not named, each for itself */
    uint64_t publish_max;           /* bytes of an upload */
    uint64_t file_max;              /* bytes of a model file that is compiled */
    uint64_t memory_bytes;          /* of a compile */
    uint64_t time_us;               /* of a compile */
    uint64_t tensors_max;           /* of a model that is published or compiled */
};

/* No name twice. */
struct limits_table {
    const struct tenant_limits *rules; /* borrowed for as long as the table is asked */
    uint32_t n;
};

/* Those of the model's tenant; never NULL.  thread: any   blocks: no */
const struct tenant_limits *tenant_limits_of(const struct limits_table *t, const char *model);

/* Bytes of a model file that may be compiled for it where the node takes node_max; *tenants: it is
 * the tenant's limit. */
uint64_t limits_file_max(const struct tenant_limits *l, uint64_t node_max, bool *tenants);

/* May a model of so many tensors be taken for it where the node takes node_max (0: any number)?
 * *tenants: it is the tenant's limit that it is beyond.  errors: E_TOO_LARGE, naming both numbers
 */
enum status limits_tensors(const struct tenant_limits *l, uint64_t node_max, uint64_t tensors,
                           bool *tenants, struct err *err) WARN_UNUSED;

/* What one compile of a model file of so many bytes, those beside it among them, may use at most;
 * memory_bytes is the node's limit, 0: sandbox.h's default. */
uint64_t limits_memory(uint64_t memory_bytes, uint64_t file_bytes);

#endif
