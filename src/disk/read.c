/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the page cache holds is copied from there; what it does not comes past it, straight to where
 * it stays, which is quicker and does not hold the bytes twice (docs/performance.md, cold starts).
 * Direct reads need places, offsets and lengths of whole blocks; all others are plain. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "disk/disk_priv.h"

/* False: this file system knows no direct reads. */
static bool set_direct(int fd, bool direct)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

/* What is left behind the last whole block is read plainly afterwards: it comes meanwhile. */
static ssize_t read_direct(int fd, void *to, size_t n, uint64_t off)
{
    const size_t whole = n / DISK_BLOCK * DISK_BLOCK;
    if (!set_direct(fd, true))
        return sys_pread(fd, to, n, off);
    if (whole < n)
        sys_expect(fd, off + whole, n - whole);
    ssize_t got = sys_pread(fd, to, whole, off);
    int error = errno;
    (void)set_direct(fd, false);
    errno = error;
    return got < 0 && error == EINVAL ? sys_pread(fd, to, n, off) : got;
}

/* As pread. */
static ssize_t read_some(int fd, void *to, size_t n, uint64_t off)
{
    bool whole_blocks = off % DISK_BLOCK == 0 && (uintptr_t)to % DISK_BLOCK == 0;
    if (n < DISK_DIRECT_LEAST || !whole_blocks || sys_cached(fd, off, n))
        return sys_pread(fd, to, n, off);
    return read_direct(fd, to, n, off);
}

enum status disk_read(const struct disk_file *f, uint64_t off, void *dst, size_t n, struct err *err)
{
    uint8_t *to = dst;
    while (n) {
        ssize_t got = read_some(f->fd, to, n, off);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set(err, E_IO, "the disk tier: %s", strerrordesc_np(errno));
        if (got == 0)
            return err_set(err, E_CORRUPT, "a file of the disk tier ends at byte %" PRIu64, off);
        to += got;
        off += (uint64_t)got;
        n -= (size_t)got;
    }
    return OK;
}

void disk_expect(struct disk *d, const struct disk_key *key, uint64_t bytes)
{
    struct disk_file f;
    struct err ignored;
    if (bytes >= DISK_DIRECT_LEAST || disk_ref_quietly(d, key, bytes, &f, &ignored) != OK)
        return;
    sys_expect(f.fd, 0, bytes);
    disk_unref(d, &f);
}
