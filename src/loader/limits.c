/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A publish or a compile looks through the whole table: it has a few hundred rules, and what is
 * asked for takes milliseconds at the least. */
#include "loader/limits.h"

#include <inttypes.h>
#include <string.h>

#include "sandbox/sandbox.h"

static bool is_of(const struct tenant_limits *l, const char *tenant, size_t n)
{
    return strncmp(l->name, tenant, n) == 0 && l->name[n] == 0;
}

const struct tenant_limits *tenant_limits_of(const struct limits_table *t, const char *model)
{
    static const struct tenant_limits none = {.name = TENANT_OTHERS};
    const char *slash = strchr(model, '/'), *tenant = slash ? model : "default";
    const size_t n = slash ? (size_t)(slash - model) : strlen(tenant);
    const struct tenant_limits *found = &none;
    for (uint32_t i = 0; i < t->n; i++) {
        if (is_of(&t->rules[i], tenant, n))
            return &t->rules[i];
        if (strcmp(t->rules[i].name, TENANT_OTHERS) == 0)
            found = &t->rules[i];
    }
    return found;
}

uint64_t limits_file_max(const struct tenant_limits *l, uint64_t node_max, bool *tenants)
{
    *tenants = l->file_max && l->file_max < node_max;
    return *tenants ? l->file_max : node_max;
}

enum status limits_tensors(const struct tenant_limits *l, uint64_t node_max, uint64_t tensors,
                           bool *tenants, struct err *err)
{
    const uint64_t node = node_max ? node_max : UINT64_MAX;
    const bool own = l->tensors_max && l->tensors_max < node;
    const uint64_t most = own ? l->tensors_max : node;
    *tenants = own && tensors > most;
    return tensors <= most
               ? OK
               : err_set(err, E_TOO_LARGE,
                         "the model holds %" PRIu64 " tensors: at most %" PRIu64 " are taken%s",
                         tensors, most, own ? " for its tenant (tensors-max)" : " (--tensors-max)");
}

uint64_t limits_memory(uint64_t memory_bytes, uint64_t file_bytes)
{
    const uint64_t least = (uint64_t)SANDBOX_MEMORY_MIN_MIB << 20;
    return memory_bytes ? MAX(memory_bytes, least)
                        : sandbox_memory_default(file_bytes, SANDBOX_MEMORY_TIMES);
}
