/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Ways to bring a file's bytes to where a program can use them, in interleaved rounds:
 *
 *     coldstart_paths FILE SECONDS     a line of JSON: {WAY: {"warm": us, "cold": us}}, medians
 *
 * Each way ends when every page can be used: what is mapped is touched once a page, and unmapping
 * is not counted. "cold" begins with none of the file in the page cache, "warm" with all of it.
 * Memory to read into is recycled: huge pages where the kernel has them, touched before. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 4 << 20, HUGE = 2 << 20, PAGE = 4096, ROUNDS_MAX = 400, ROUNDS_LEAST = 5 };

static const char *path;
static size_t bytes;     /* whole pages of the file */
static uint8_t *slab;    /* recycled memory */
static uint64_t touched; /* so that touching is not optimised away */

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
    fprintf(stderr, "coldstart_paths: %s: %s: %s\n", path, what, strerror(errno));
    exit(1);
}

static int open_file(int flags)
{
    int fd = open(path, O_RDONLY | flags);
    if (fd < 0)
        die("open");
    return fd;
}

static void read_all(int fd, uint8_t *to)
{
    for (size_t off = 0; off < bytes;) {
        size_t left = bytes - off;
        ssize_t n = pread(fd, to + off, left < CHUNK ? left : CHUNK, (off_t)off);
        if (n <= 0)
            die("read");
        off += (size_t)n;
    }
    close(fd);
}

static void touch(const uint8_t *p)
{
    uint64_t sum = 0;
    for (size_t off = 0; off < bytes; off += PAGE)
        sum += p[off];
    touched += sum;
}

/* ---- the ways: each gives what is to be unmapped, or NULL ---- */

static void *way_read(void)
{
    read_all(open_file(0), slab);
    return NULL;
}

static void *way_direct(void)
{
    read_all(open_file(O_DIRECT), slab);
    return NULL;
}

static void *way_fresh(void)
{
    uint8_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        die("mmap");
    read_all(open_file(0), p);
    return p;
}

static uint8_t *map_file(int flags)
{
    int fd = open_file(0);
    uint8_t *p = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | flags, fd, 0);
    if (p == MAP_FAILED)
        die("mmap");
    close(fd);
    return p;
}

static void *way_map(void)
{
    uint8_t *p = map_file(0);
    touch(p);
    return p;
}

static void *way_populate(void)
{
    uint8_t *p = map_file(0);
    if (madvise(p, bytes, MADV_POPULATE_READ) != 0)
        die("madvise");
    touch(p);
    return p;
}

static void *way_locked(void)
{
    uint8_t *p = map_file(0);
    if (mlock(p, bytes) != 0) {
        munmap(p, bytes);
        return MAP_FAILED;
    }
    touch(p);
    return p;
}

static struct way {
    const char *name;
    void *(*run)(void);
    double us[2][ROUNDS_MAX];
    int lacking;
} ways[] = {
    {.name = "read", .run = way_read},         {.name = "direct", .run = way_direct},
    {.name = "fresh", .run = way_fresh},       {.name = "map", .run = way_map},
    {.name = "populate", .run = way_populate}, {.name = "locked", .run = way_locked},
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

/* Fills the page cache, or empties it of the file. */
static void prepare(int cold)
{
    int fd = open_file(0);
    if (cold && (fdatasync(fd) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0))
        die("fadvise");
    if (cold)
        close(fd);
    else
        read_all(fd, slab);
}

static double run_way(struct way *w, int cold)
{
    prepare(cold);
    double begin = now_us();
    void *p = w->run();
    double us = now_us() - begin;
    if (p == MAP_FAILED)
        w->lacking = 1;
    else if (p)
        munmap(p, bytes);
    return us;
}

static int by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return a < b ? -1 : a > b;
}

static void make_slab(void)
{
    slab = mmap(NULL, bytes + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slab == MAP_FAILED)
        die("mmap");
    slab += (HUGE - (uintptr_t)slab % HUGE) % HUGE;
    (void)madvise(slab, bytes, MADV_HUGEPAGE);
    memset(slab, 1, bytes);
}

static void print(int rounds)
{
    printf("{\"bytes\": %zu", bytes);
    for (struct way *w = ways; w < ways + WAYS; w++) {
        if (w->lacking)
            continue;
        printf(", \"%s\": {", w->name);
        for (int cold = 0; cold < 2; cold++) {
            qsort(w->us[cold], (size_t)rounds, sizeof(double), by_value);
            printf("%s\"%s\": %.1f, \"%s_least\": %.1f", cold ? ", " : "", cold ? "cold" : "warm",
                   w->us[cold][rounds / 2], cold ? "cold" : "warm", w->us[cold][0]);
        }
        printf("}");
    }
    printf(", \"rounds\": %d}\n", rounds);
}

int main(int argc, char **argv)
{
    struct stat st;
    path = argc == 3 ? argv[1] : "usage";
    if (argc != 3 || stat(path, &st) != 0)
        die("coldstart_paths FILE SECONDS");
    bytes = (size_t)st.st_size / PAGE * PAGE;
    make_slab();
    double until = now_us() + atof(argv[2]) * 1e6;
    int rounds = 0;
    while (rounds < ROUNDS_MAX && (rounds < ROUNDS_LEAST || now_us() < until)) {
        for (struct way *w = ways; w < ways + WAYS; w++)
            for (int cold = 0; cold < 2; cold++)
                w->us[cold][rounds] = run_way(w, cold);
        rounds++;
    }
    print(rounds);
    return touched == UINT64_MAX;
}
