/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Preloaded into a server under test: writes the name of each thread that opens or reads a file, or
 * maps or unmaps memory, or lists a folder that it opened, and what it called, a line each, to the
 * file ROOST_TEST_CALLS. Where the allocator maps memory because the heap grows, that is "heap":
 * whichever thread happens to ask for a few bytes more has it done. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* System calls by number: what is watched may not be called from here. */
static void note(const char *what)
{
    static int fd = -1;
    char name[17] = "", line[64];
    const char *path = getenv("ROOST_TEST_CALLS");
    if (fd < 0 && path)
        fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
    prctl(PR_GET_NAME, name);
    int n = snprintf(line, sizeof(line), "%s %s\n", name, what);
    if (fd >= 0)
        (void)!syscall(SYS_write, fd, line, n);
}

/* what: called from the place `from`. */
static void note_memory(const char *what, const void *from)
{
    Dl_info of;
    const int heap = dladdr(from, &of) && of.dli_fname && strstr(of.dli_fname, "jemalloc");
    note(heap ? "heap" : what);
}

static int open_at(int at, const char *path, int flags, va_list args)
{
    int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, int) : 0;
    note("open");
    return (int)syscall(SYS_openat, at, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int fd = open_at(AT_FDCWD, path, flags, args);
    va_end(args);
    return fd;
}

int openat(int at, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int fd = open_at(at, path, flags, args);
    va_end(args);
    return fd;
}

ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
    note("pread");
    return syscall(SYS_pread64, fd, buf, n, at);
}

DIR *fdopendir(int fd)
{
    DIR *(*next)(int) = (DIR * (*)(int)) dlsym(RTLD_NEXT, "fdopendir");
    note("list");
    return next(fd);
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
    note_memory("mmap", __builtin_return_address(0));
    return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, off);
}

int munmap(void *at, size_t n)
{
    note_memory("munmap", __builtin_return_address(0));
    return (int)syscall(SYS_munmap, at, n);
}

void *mremap(void *at, size_t from, size_t to, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    void *where = flags & MREMAP_FIXED ? va_arg(args, void *) : NULL;
    va_end(args);
    note_memory("mremap", __builtin_return_address(0));
    return (void *)syscall(SYS_mremap, at, from, to, flags, where);
}
