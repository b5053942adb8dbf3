/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The table of policies. */
#include "cache/policy/policy.h"

#include <string.h>

#include "base/alloc.h"

static const struct policy_ops *const table[] = {&policy_lru, &policy_hazard, &policy_gdsf,
                                                 &policy_auto, NULL};

const struct policy_ops *const *policy_table(void)
{
    return table;
}

const struct policy_ops *policy_find(const char *name)
{
    for (size_t i = 0; table[i]; i++)
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    return NULL;
}

enum status policy_array(void *array, uint32_t before, uint32_t ids, size_t bytes)
{
    void *old;
    memcpy(&old, array, sizeof(old));
    char *grown = alloc_grow(old, (size_t)ids * bytes);
    if (!grown)
        return E_NO_MEMORY;
    memset(grown + before * bytes, 0, (ids - before) * bytes);
    memcpy(array, &grown, sizeof(grown));
    return OK;
}
