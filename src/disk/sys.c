/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One line a system call. Each asks first whether a test wants it to fail, so that the tests can
 * walk through every error path by number, as they do with memory (base/alloc.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "disk/disk_priv.h"

static atomic_uint_fast64_t fail_at, calls;
static atomic_int fail_with;

void disk_fail_at(uint64_t n, int error)
{
    atomic_store(&fail_with, error);
    atomic_store(&calls, 0);
    atomic_store(&fail_at, n);
}

uint64_t disk_calls(void)
{
    return atomic_load(&calls);
}

static bool refused(void)
{
    if (atomic_fetch_add(&calls, 1) + 1 != atomic_load(&fail_at))
        return false;
    errno = atomic_load(&fail_with);
    return true;
}

int sys_open(int dir, const char *name, int flags, mode_t mode)
{
    return refused() ? -1 : openat(dir, name, flags | O_CLOEXEC, mode);
}

int sys_fstat(int fd, struct stat *st)
{
    return refused() ? -1 : fstat(fd, st);
}

int sys_lstat(int dir, const char *name, struct stat *st)
{
    return refused() ? -1 : fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW);
}

ssize_t sys_pread(int fd, void *to, size_t n, uint64_t off)
{
    return refused() ? -1 : pread(fd, to, n, (off_t)off);
}

/* How many of the pages there are cached, by cachestat(2), which needs no mapping. Linux 6.5 has
 * it; false: this kernel, or who confines us, does not. */
static bool count_cached(int fd, uint64_t off, size_t pages, size_t *cached)
{
    enum { CACHESTAT = 451 }; /* on every architecture that Linux has but alpha */
    struct {
        uint64_t off, bytes;
    } range = {off, pages * DISK_BLOCK};
    struct {
        uint64_t cached, dirty, writeback, evicted, recently_evicted; /* pages */
    } found;
    if (syscall(CACHESTAT, fd, &range, &found, 0U) != 0)
        return false;
    *cached = (size_t)found.cached;
    return true;
}

/* The same on older kernels. */
static bool count_mapped(int fd, uint64_t off, size_t pages, size_t *cached)
{
    uint8_t page[DISK_PROBE_PAGES];
    void *p = mmap(NULL, pages * DISK_BLOCK, PROT_READ, MAP_SHARED, fd, (off_t)off);
    if (p == MAP_FAILED)
        return false;
    bool known = mincore(p, pages * DISK_BLOCK, page) == 0;
    munmap(p, pages * DISK_BLOCK);
    *cached = 0;
    for (size_t i = 0; known && i < pages; i++)
        *cached += page[i] & 1;
    return known;
}

bool sys_cached(int fd, uint64_t off, size_t n)
{
    size_t pages = MIN(n / DISK_BLOCK, (size_t)DISK_PROBE_PAGES), cached = 0;
    if (refused())
        return false;
    bool known = count_cached(fd, off, pages, &cached) || count_mapped(fd, off, pages, &cached);
    return !known || cached > pages / 2;
}

void sys_expect(int fd, uint64_t off, size_t n)
{
    if (!refused())
        (void)posix_fadvise(fd, (off_t)off, (off_t)n, POSIX_FADV_WILLNEED);
}

ssize_t sys_pwrite(int fd, const void *from, size_t n, uint64_t off)
{
    return refused() ? -1 : pwrite(fd, from, n, (off_t)off);
}

int sys_allocate(int fd, uint64_t bytes)
{
    return refused() ? -1 : fallocate(fd, 0, 0, (off_t)bytes);
}

int sys_datasync(int fd)
{
    return refused() ? -1 : fdatasync(fd);
}

int sys_rename_new(int dir, const char *from, const char *to)
{
    return refused() ? -1 : renameat2(dir, from, dir, to, RENAME_NOREPLACE);
}

int sys_unlink(int dir, const char *name)
{
    return refused() ? -1 : unlinkat(dir, name, 0);
}

int sys_mkdir(const char *path)
{
    return refused() ? -1 : mkdir(path, 0700);
}

int sys_own(int fd)
{
    return refused() ? -1 : flock(fd, LOCK_EX | LOCK_NB);
}

int sys_stamp(int fd)
{
    return refused() ? -1 : futimens(fd, NULL);
}
