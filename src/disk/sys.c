/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One line a system call. Each asks first whether a test wants it to fail, so that the tests can
 * walk through every error path by number, as they do with memory (base/alloc.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
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

bool sys_cached(int fd, uint64_t off, size_t n)
{
    uint8_t page[DISK_PROBE_PAGES];
    size_t pages = MIN(n / DISK_BLOCK, (size_t)DISK_PROBE_PAGES), cached = 0;
    if (refused())
        return false;
    void *p = mmap(NULL, pages * DISK_BLOCK, PROT_READ, MAP_SHARED, fd, (off_t)off);
    if (p == MAP_FAILED)
        return true;
    bool known = mincore(p, pages * DISK_BLOCK, page) == 0;
    munmap(p, pages * DISK_BLOCK);
    for (size_t i = 0; known && i < pages; i++)
        cached += page[i] & 1;
    return !known || cached > pages / 2;
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
