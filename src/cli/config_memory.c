/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How much memory this process may have: the machine's, or less where a cgroup says so. A limit
 * stands on any level above the process's own group, so all of them are read. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/config.h"

enum { SHARE_PERCENT = 60 };

/* The number in a one-line file; UINT64_MAX for "max" or no such file. */
static uint64_t read_limit(const char *path)
{
    char line[64];
    uint64_t n = UINT64_MAX;
    FILE *f = fopen(path, "re");
    if (!f)
        return n;
    if (fgets(line, sizeof(line), f) && line[0] >= '0' && line[0] <= '9')
        n = strtoull(line, NULL, 10);
    fclose(f);
    return n;
}

/* The least limit of the group at `path` and all groups above it. */
static uint64_t least_upwards(const char *root, char *path, const char *file)
{
    uint64_t least = UINT64_MAX;
    for (;;) {
        char full[PATH_MAX];
        int n = snprintf(full, sizeof(full), "%s%s/%s", root, path, file);
        if (n > 0 && (size_t)n < sizeof(full))
            least = MIN(least, read_limit(full));
        char *slash = strrchr(path, '/');
        if (!slash || !*path)
            return least;
        *slash = 0;
    }
}

static uint64_t cgroup_limit(void)
{
    char line[PATH_MAX];
    uint64_t least = UINT64_MAX;
    FILE *f = fopen("/proc/self/cgroup", "re");
    if (!f)
        return least;
    while (fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = 0;
        char *v1 = strstr(line, ":memory:");
        if (strncmp(line, "0::/", 4) == 0)
            least = MIN(least, least_upwards("/sys/fs/cgroup", line + 3, "memory.max"));
        else if (v1)
            least =
                MIN(least, least_upwards("/sys/fs/cgroup/memory", v1 + 8, "memory.limit_in_bytes"));
    }
    fclose(f);
    return least;
}

uint64_t config_memory_auto(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t machine = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
    uint64_t bytes = MIN(machine, cgroup_limit());
    return bytes / 100 * SHARE_PERCENT;
}
