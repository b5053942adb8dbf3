/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Writing into a directory. An object is written under a name that no key can have, in the folder
 * where it will lie, made durable, and then gets its name in one step: rename, which replaces, or
 * renameat2 with RENAME_NOREPLACE, which does not. The folder is made durable last, so that OK
 * means that a crash takes nothing back.
 *
 * A writer holds a lock (flock) on its unfinished file. The lock goes with the process, so whoever
 * writes beside a file that is not locked knows that its writer died, and removes it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "store/file_priv.h"

enum { CHUNK_BYTES = 1024 * 1024, NAME_TRIES = 8, PART_NAME_MAX = 32 };

static const char part_prefix[] = ".put-"; /* no segment of a key begins with a dot */

/* ---- folders ---- */

static enum status denied(const struct store *s, const char *key, int e, struct err *err)
{
    return err_set(err, e == ENOMEM ? E_NO_MEMORY : E_STORE,
                   "'%.100s' cannot be written to %.60s: %s", key, s->url, strerrordesc_np(e));
}

/* The folder `name` in dir, made where there is none. -1 with errno set. Closes dir. */
static int enter(int dir, const char *name, bool make)
{
    const int how = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int next = openat(dir, name, how);
    if (next < 0 && errno == ENOENT && make) {
        /* Another writer may make it first; a folder that was made must be found after a crash. */
        if ((mkdirat(dir, name, 0777) == 0 || errno == EEXIST) && fsync(dir) == 0)
            next = openat(dir, name, how);
    }
    int e = errno;
    close(dir);
    errno = e;
    return next;
}

/* The folder that holds the key's last segment, to be read and made durable; *last is that segment.
 * -1 with errno set. No link is followed. */
static int open_folder(const struct file_store *f, const char *key, bool make, const char **last)
{
    int dir = openat(f->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *slash;
    while (dir >= 0 && (slash = strchr(key, '/'))) {
        char segment[NAME_MAX + 1];
        size_t n = (size_t)(slash - key);
        if (n > NAME_MAX) {
            close(dir);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(segment, key, n);
        segment[n] = 0;
        dir = enter(dir, segment, make);
        key = slash + 1;
    }
    *last = key;
    return dir;
}

/* ---- unfinished files ---- */

/* Removes what writers that died left in the folder; what cannot be removed stays. */
static void sweep(int dir)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(d))) {
        if (strncmp(entry->d_name, part_prefix, sizeof(part_prefix) - 1) != 0)
            continue;
        int part = openat(dir, entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (part >= 0 && flock(part, LOCK_EX | LOCK_NB) == 0)
            unlinkat(dir, entry->d_name, 0);
        if (part >= 0)
            close(part);
    }
    closedir(d);
}

/* A new unfinished file, locked; -1 with errno set. */
static int open_part(int dir, char name[PART_NAME_MAX])
{
    for (int i = 0; i < NAME_TRIES; i++) {
        uint64_t random;
        struct stat st;
        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
            random = clock_now_us() ^ (uint64_t)getpid() << 40;
        snprintf(name, PART_NAME_MAX, "%s%016" PRIx64, part_prefix, random);
        int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd < 0 && errno == EEXIST)
            continue;
        if (fd < 0)
            return -1;
        /* Before it was locked, somebody may have taken it for a dead writer's. Where the file
         * system knows no locks, nobody sweeps either. */
        bool ours = flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
        if (ours && fstat(fd, &st) == 0 && st.st_nlink > 0)
            return fd;
        close(fd);
        errno = EBUSY;
    }
    return -1;
}

/* ---- bytes ---- */

static bool write_all(int fd, const uint8_t *p, size_t n)
{
    while (n) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

/* Fills chunk with the source's bytes from off on; *n of them. */
static enum status read_chunk(const struct store_source *from, uint64_t off, uint8_t *chunk,
                              size_t *n, struct err *err)
{
    ssize_t got;
    do
        got = pread(from->fd, chunk, (size_t)MIN(from->n - off, (uint64_t)CHUNK_BYTES), (off_t)off);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return err_set(err, E_IO, "what is to be stored cannot be read at byte %" PRIu64 ": %s",
                       off, got ? strerrordesc_np(errno) : "it ends there");
    *n = (size_t)got;
    return OK;
}

static enum status copy_fd(const struct store *s, const char *key, int fd,
                           const struct store_source *from, struct err *err)
{
    uint8_t *chunk = alloc_new(CHUNK_BYTES);
    enum status st = chunk ? OK : err_set(err, E_NO_MEMORY, "no memory to store '%.120s'", key);
    for (uint64_t off = 0; st == OK && off < from->n;) {
        size_t n = 0;
        st = read_chunk(from, off, chunk, &n, err);
        if (st == OK && !write_all(fd, chunk, n))
            st = denied(s, key, errno, err);
        off += n;
    }
    alloc_free(chunk);
    return st;
}

static enum status fill(const struct store *s, const char *key, int fd,
                        const struct store_source *from, struct err *err)
{
    enum status st = OK;
    if (!from->bytes)
        st = copy_fd(s, key, fd, from, err);
    else if (!write_all(fd, from->bytes, (size_t)from->n))
        st = denied(s, key, errno, err);
    return st == OK && fsync(fd) != 0 ? denied(s, key, errno, err) : st;
}

/* ---- the two writes ---- */

/* Gives the finished file its name. */
static enum status name_it(const struct store *s, const char *key, int dir, const char *part,
                           const char *last, bool fresh, struct err *err)
{
    int failed =
        fresh ? renameat2(dir, part, dir, last, RENAME_NOREPLACE) : renameat(dir, part, dir, last);
    /* A file system without that flag links, which replaces nothing either. */
    if (failed && fresh && (errno == EINVAL || errno == ENOSYS)) {
        failed = linkat(dir, part, dir, last, 0);
        if (!failed)
            unlinkat(dir, part, 0);
    }
    if (failed && errno == EEXIST)
        return err_set(err, E_EXISTS, "'%.120s' is in the store already", key);
    if (failed || fsync(dir) != 0)
        return denied(s, key, errno, err);
    return OK;
}

enum status file_put(struct store *s, const char *key, const struct store_source *from, bool fresh,
                     struct err *err)
{
    const char *last;
    char part[PART_NAME_MAX];
    int dir = open_folder(file_store_of(s), key, true, &last);
    if (dir < 0)
        return denied(s, key, errno, err);
    sweep(dir);
    int fd = open_part(dir, part);
    enum status st = fd < 0 ? denied(s, key, errno, err) : fill(s, key, fd, from, err);
    if (st == OK)
        st = name_it(s, key, dir, part, last, fresh, err);
    if (fd >= 0 && st != OK)
        unlinkat(dir, part, 0);
    if (fd >= 0)
        close(fd);
    close(dir);
    return st;
}

enum status file_remove(struct store *s, const char *key, struct err *err)
{
    const char *last;
    int dir = open_folder(file_store_of(s), key, false, &last);
    if (dir < 0)
        return file_error(s, key, errno, err);
    enum status st = OK;
    if (unlinkat(dir, last, 0) != 0)
        st = errno == EISDIR
                 ? err_set(err, E_NOT_FOUND, "'%.120s' is a directory of the store", key)
                 : file_error(s, key, errno, err);
    else if (fsync(dir) != 0)
        st = denied(s, key, errno, err);
    close(dir);
    return st;
}

/* ---- age ---- */

/* An object that is looked at and then renewed, or removed. Embedded. */
struct held {
    int dir, fd; /* -1: not open */
    const char *last;
    struct stat st;
};

static void held_fini(struct held *h)
{
    if (h->fd >= 0)
        close(h->fd);
    if (h->dir >= 0)
        close(h->dir);
}

/* Opens and locks it, so that of those who renew and those who remove one comes after the other;
 * E_NOT_FOUND when it was removed meanwhile. Where the file system knows no locks, they are steps
 * like any others. */
static enum status hold(struct store *s, const char *key, struct held *h, struct err *err)
{
    *h = (struct held){.fd = -1, .last = ""};
    h->dir = open_folder(file_store_of(s), key, false, &h->last);
    if (h->dir < 0)
        return file_error(s, key, errno, err);
    h->fd = openat(h->dir, h->last, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (h->fd < 0)
        return file_error(s, key, errno, err);
    while (flock(h->fd, LOCK_EX) != 0 && errno == EINTR)
        continue;
    if (fstat(h->fd, &h->st) != 0)
        return file_error(s, key, errno, err);
    if (!S_ISREG(h->st.st_mode) || h->st.st_nlink == 0)
        return err_set(err, E_NOT_FOUND, "'%.120s' is no object of the store", key);
    return OK;
}

enum status file_renew(struct store *s, const char *key, struct err *err)
{
    struct held h;
    enum status st = hold(s, key, &h, err);
    if (st == OK && futimens(h.fd, NULL) != 0)
        st = denied(s, key, errno, err);
    held_fini(&h);
    return st;
}

enum status file_remove_old(struct store *s, const char *key, uint64_t since_ms, struct err *err)
{
    struct held h;
    enum status st = hold(s, key, &h, err);
    if (st == OK &&
        (uint64_t)h.st.st_mtim.tv_sec * 1000 + (uint64_t)h.st.st_mtim.tv_nsec / 1000000 > since_ms)
        st = err_set(err, E_EXISTS, "'%.120s' is younger", key);
    if (st == OK && (unlinkat(h.dir, h.last, 0) != 0 || fsync(h.dir) != 0))
        st = errno == ENOENT ? file_error(s, key, errno, err) : denied(s, key, errno, err);
    held_fini(&h);
    return st;
}

enum status file_sweep(struct store *s, const char *prefix, struct err *err)
{
    const char *last; /* "" behind the final '/' */
    int dir = open_folder(file_store_of(s), prefix, false, &last);
    if (dir < 0)
        return errno == ENOENT || errno == ENOTDIR ? OK : file_error(s, prefix, errno, err);
    sweep(dir);
    close(dir);
    return OK;
}
