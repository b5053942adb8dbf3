/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The residency list's reader on any bytes: what it accepts are names in the one spelling that the
 * node uses, and no more of them than lines. */
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"
#include "cli/residency.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_name(void *count, const char *name, bool pinned)
{
    UNUSED(pinned);
    char again[MODEL_NAME_MAX + 1];
    struct err err;
    if (catalog_name(name, strlen(name), again, &err) != OK || strcmp(name, again) != 0)
        abort();
    ++*(uint64_t *)count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err err = {0};
    uint64_t names = 0, skipped = 0, lines = 1;
    for (size_t i = 0; i < n; i++)
        lines += data[i] == '\n';
    enum status s = residency_read(data, n, check_name, &names, &skipped, &err);
    if ((s != OK && !err.msg[0]) || names + skipped > lines)
        abort();
    return 0;
}
