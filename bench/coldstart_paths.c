/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Ways to bring files' bytes, one file after the other, to where a program can use them, in
 * interleaved rounds:
 *
 *     coldstart_paths warm|cold SECONDS FILE...   a line of JSON: {WAY: {"us": median, "least":
 * us}} coldstart_paths fill FILE...                brings them into the page cache
 *
 * Each way ends when every page can be used: what is mapped is touched once a page, and unmapping
 * is not counted. "cold" begins each with none of the files in the page cache; "warm" leaves in it
 * what is there, so that what others read and what is read here are the same pages.
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

enum { CHUNK = 4 << 20, HUGE = 2 << 20, PAGE = 4096, ROUNDS_MAX = 400 };

static struct file {
    const char *path;
    size_t bytes;  /* whole pages of it */
    uint8_t *slab; /* its place in recycled memory */
    void *mapped;  /* what a way left to be unmapped */
} * files;
static int n_files;
static size_t bytes;     /* of all */
static uint64_t touched; /* so that touching is not optimised away */

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
    fprintf(stderr, "coldstart_paths: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int open_file(const struct file *f, int flags)
{
    int fd = open(f->path, O_RDONLY | flags);
    if (fd < 0)
        die(f->path);
    return fd;
}

static void read_file(const struct file *f, int fd, uint8_t *to)
{
    for (size_t off = 0; off < f->bytes;) {
        size_t left = f->bytes - off;
        ssize_t n = pread(fd, to + off, left < CHUNK ? left : CHUNK, (off_t)off);
        if (n <= 0)
            die(f->path);
        off += (size_t)n;
    }
    close(fd);
}

static void touch(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;
    for (size_t off = 0; off < n; off += PAGE)
        sum += p[off];
    touched += sum;
}

/* ---- the ways, for one file: each gives what is to be unmapped, or NULL ---- */

static void *way_read(const struct file *f)
{
    read_file(f, open_file(f, 0), f->slab);
    return NULL;
}

static void *way_direct(const struct file *f)
{
    read_file(f, open_file(f, O_DIRECT), f->slab);
    return NULL;
}

static void *way_fresh(const struct file *f)
{
    uint8_t *p = mmap(NULL, f->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        die("mmap");
    read_file(f, open_file(f, 0), p);
    return p;
}

static uint8_t *map_file(const struct file *f)
{
    int fd = open_file(f, 0);
    uint8_t *p = mmap(NULL, f->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        die("mmap");
    close(fd);
    return p;
}

static void *way_map(const struct file *f)
{
    uint8_t *p = map_file(f);
    touch(p, f->bytes);
    return p;
}

static void *way_populate(const struct file *f)
{
    uint8_t *p = map_file(f);
    if (madvise(p, f->bytes, MADV_POPULATE_READ) != 0)
        die("madvise");
    touch(p, f->bytes);
    return p;
}

static void *way_locked(const struct file *f)
{
    uint8_t *p = map_file(f);
    if (mlock(p, f->bytes) != 0) {
        munmap(p, f->bytes);
        return MAP_FAILED;
    }
    touch(p, f->bytes);
    return p;
}

static struct way {
    const char *name;
    void *(*run)(const struct file *f);
    double us[ROUNDS_MAX];
    int lacking;
} ways[] = {
    {.name = "read", .run = way_read},         {.name = "direct", .run = way_direct},
    {.name = "fresh", .run = way_fresh},       {.name = "map", .run = way_map},
    {.name = "populate", .run = way_populate}, {.name = "locked", .run = way_locked},
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static void drop(void)
{
    for (int i = 0; i < n_files; i++) {
        int fd = open_file(&files[i], 0);
        if (fdatasync(fd) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
            die("fadvise");
        close(fd);
    }
}

static double run_way(struct way *w)
{
    double begin = now_us();
    for (int i = 0; i < n_files; i++)
        files[i].mapped = w->run(&files[i]);
    double us = now_us() - begin;
    for (int i = 0; i < n_files; i++) {
        if (files[i].mapped == MAP_FAILED)
            w->lacking = 1;
        else if (files[i].mapped)
            munmap(files[i].mapped, files[i].bytes);
    }
    return us;
}

static int by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return a < b ? -1 : a > b;
}

/* The files, each with its place in one slab. */
static void take_files(char **paths, int n)
{
    files = calloc((size_t)n, sizeof(*files));
    for (n_files = 0; n_files < n; n_files++) {
        struct stat st;
        if (stat(paths[n_files], &st) != 0)
            die(paths[n_files]);
        files[n_files] =
            (struct file){.path = paths[n_files], .bytes = (size_t)st.st_size / PAGE * PAGE};
        bytes += files[n_files].bytes;
    }
    const size_t whole = (bytes + HUGE - 1) / HUGE * HUGE;
    uint8_t *slab =
        mmap(NULL, whole + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slab == MAP_FAILED)
        die("mmap");
    slab += (HUGE - (uintptr_t)slab % HUGE) % HUGE;
    (void)madvise(slab, whole, MADV_HUGEPAGE);
    memset(slab, 1, bytes);
    for (int i = 0; i < n; slab += files[i++].bytes)
        files[i].slab = slab;
}

static void print(int rounds)
{
    printf("{\"bytes\": %zu", bytes);
    for (struct way *w = ways; w < ways + WAYS; w++) {
        if (w->lacking)
            continue;
        qsort(w->us, (size_t)rounds, sizeof(double), by_value);
        printf(", \"%s\": {\"us\": %.1f, \"least\": %.1f}", w->name, w->us[rounds / 2], w->us[0]);
    }
    printf(", \"rounds\": %d}\n", rounds);
}

static void measure(int cold, double seconds)
{
    const double until = now_us() + seconds * 1e6;
    int rounds = 0;
    while (rounds < ROUNDS_MAX && (!rounds || now_us() < until)) {
        for (struct way *w = ways; w < ways + WAYS; w++) {
            if (cold)
                drop();
            w->us[rounds] = run_way(w);
        }
        rounds++;
    }
    print(rounds);
}

int main(int argc, char **argv)
{
    const int fill = argc > 2 && strcmp(argv[1], "fill") == 0;
    const int cold = argc > 3 && strcmp(argv[1], "cold") == 0;
    if (!fill && !cold && !(argc > 3 && strcmp(argv[1], "warm") == 0)) {
        fputs("usage: coldstart_paths fill|warm SECONDS|cold SECONDS FILE...\n", stderr);
        return 2;
    }
    take_files(argv + (fill ? 2 : 3), argc - (fill ? 2 : 3));
    if (fill)
        for (int i = 0; i < n_files; i++)
            (void)way_read(&files[i]);
    else
        measure(cold, atof(argv[2]));
    return touched == UINT64_MAX;
}
