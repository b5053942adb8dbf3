/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Reads /proc/self and jemalloc's counters. jemalloc is not linked under sanitizers, so its door is
 * a weak symbol: absent, its numbers are 0. */
#include "mem/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "metrics/metrics.h"

int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes)
    __attribute__((weak));

static uint64_t heap_stat(const char *name)
{
    size_t value = 0, bytes = sizeof(value);
    return mallctl(name, &value, &bytes, NULL, 0) == 0 ? value : 0;
}

/* jemalloc's statistics stand still between steps of its epoch. */
static void read_heap(struct process_usage *out)
{
    uint64_t epoch = 1;
    if (!mallctl)
        return;
    if (mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch)) != 0)
        return;
    out->allocated_bytes = heap_stat("stats.allocated");
    out->resident_bytes = heap_stat("stats.resident");
}

static uint64_t read_rss(void)
{
    unsigned long long total, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    if (fscanf(f, "%llu %llu", &total, &resident) != 2)
        resident = 0;
    fclose(f);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint32_t count_fds(void)
{
    uint32_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    if (!d)
        return 0;
    for (const struct dirent *e = readdir(d); e; e = readdir(d))
        n += e->d_name[0] != '.';
    closedir(d);
    return n ? n - 1 : 0; /* the directory's own is not one of ours */
}

void process_usage_read(struct process_usage *out)
{
    *out = (struct process_usage){.rss_bytes = read_rss(), .open_fds = count_fds()};
    read_heap(out);
}

void process_gauges(void)
{
    struct process_usage u;
    process_usage_read(&u);
    metric_set(M_RSS, (int64_t)u.rss_bytes);
    metric_set(M_FDS, u.open_fds);
    metric_set(M_ALLOC_ALLOCATED, (int64_t)u.allocated_bytes);
    metric_set(M_ALLOC_RESIDENT, (int64_t)u.resident_bytes);
}
