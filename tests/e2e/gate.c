/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Preloaded into a server under test: a read of a file whose path contains ROOST_TEST_GATE_WORD, at
 * ROOST_TEST_GATE_FROM or beyond, waits until the test gives up its lock on the file
 * ROOST_TEST_GATE. So a test holds loads where it wants them, without sleeping. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/types.h>
#include <unistd.h>

static int is_gated(int fd)
{
    char link[64], path[PATH_MAX];
    const char *word = getenv("ROOST_TEST_GATE_WORD");
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    if (n < 0 || !word)
        return 0;
    path[n] = 0;
    return strstr(path, word) != NULL;
}

ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
    ssize_t (*real)(int, void *, size_t, off_t) =
        (ssize_t(*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread");
    const char *gate = getenv("ROOST_TEST_GATE");
    const char *from = getenv("ROOST_TEST_GATE_FROM");
    if (gate && at >= (from ? atoll(from) : 0) && is_gated(fd)) {
        int lock = open(gate, O_RDONLY | O_CLOEXEC);
        if (lock >= 0) {
            flock(lock, LOCK_SH);
            close(lock);
        }
    }
    return real(fd, buf, n, at);
}
