/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A directory as a store. A key is walked one segment at a time from the root's descriptor and no
 * link is followed on the way, so that nothing the directory holds leads out of it (the root itself
 * may be a link). Only plain files are objects: a pipe or a device never blocks a reader. An object
 * is looked at before and after its bytes are read, so that a file that changes meanwhile is an
 * error and never a mixture. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/file_tag.h"
#include "store/file_priv.h"

_Static_assert((int)STORE_TAG_MAX >= (int)FILE_TAG_MAX, "a file's tag is an object's");

enum status file_error(const struct store *s, const char *key, int e, struct err *err)
{
    if (e == ENOENT || e == ENOTDIR || e == ENAMETOOLONG)
        return err_set(err, E_NOT_FOUND, "'%.120s' is not in the store", key);
    if (e == ELOOP)
        return err_set(err, E_STORE, "'%.80s' in %.80s is a link: links are not followed", key,
                       s->url);
    if (e == ENOMEM)
        return err_set(err, E_NO_MEMORY, "'%.120s': out of memory", key);
    return err_set(err, E_STORE, "'%.80s' in %.80s: %s", key, s->url, strerrordesc_np(e));
}

/* Opens the directory that holds the key's last segment; *last is set to that segment.
 * Returns -1 with errno set. The root itself is duplicated, so that the caller always closes. */
static int open_parent(const struct file_store *f, const char *key, const char **last)
{
    int dir = fcntl(f->root, F_DUPFD_CLOEXEC, 0);
    const char *slash;
    while (dir >= 0 && (slash = strchr(key, '/'))) {
        char segment[NAME_MAX + 1];
        size_t n = (size_t)(slash - key);
        int next = -1;
        if (n > NAME_MAX) {
            errno = ENAMETOOLONG;
        } else {
            memcpy(segment, key, n);
            segment[n] = 0;
            /* O_PATH|O_NOFOLLOW opens a link as itself; O_DIRECTORY then refuses it as ENOTDIR. */
            next = openat(dir, segment, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        int e = errno;
        close(dir);
        errno = e;
        dir = next;
        key = slash + 1;
    }
    *last = key;
    return dir;
}

static void fill_object(const struct stat *st, struct store_object *out)
{
    uint64_t s = (uint64_t)st->st_mtim.tv_sec, ns = (uint64_t)st->st_mtim.tv_nsec;
    *out = (struct store_object){.bytes = (uint64_t)st->st_size,
                                 .modified_ms = s * 1000 + ns / 1000000,
                                 .settled = file_tag_settled(st, time(NULL))};
    file_tag(st, out->tag);
}

static enum status check_plain(const struct store *s, const char *key, const struct stat *st,
                               struct err *err)
{
    if (S_ISREG(st->st_mode))
        return OK;
    if (S_ISDIR(st->st_mode))
        return err_set(err, E_NOT_FOUND, "'%.120s' is a directory of the store", key);
    return err_set(err, E_STORE, "'%.80s' in %.80s is not a plain file", key, s->url);
}

/* The object's descriptor and what it is now. *fd is the caller's on OK. */
static enum status open_object(struct store *s, const char *key, int *fd, struct store_object *o,
                               struct err *err)
{
    const char *last;
    int dir = open_parent(file_store_of(s), key, &last);
    if (dir < 0)
        return file_error(s, key, errno, err);
    int opened = openat(dir, last, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int e = errno;
    close(dir);
    if (opened < 0)
        return file_error(s, key, e == ENXIO ? EINVAL : e, err);
    struct stat st;
    enum status result =
        fstat(opened, &st) == 0 ? check_plain(s, key, &st, err) : file_error(s, key, errno, err);
    if (result != OK) {
        close(opened);
        return result;
    }
    fill_object(&st, o);
    *fd = opened;
    return OK;
}

static enum status file_stat(struct store *s, const char *key, struct store_object *out,
                             struct err *err)
{
    int fd = -1;
    enum status st = open_object(s, key, &fd, out, err);
    if (st == OK)
        close(fd);
    return st;
}

static enum status changed(const struct store *s, const char *key, struct err *err)
{
    return err_set(err, E_CHANGED, "'%.80s' in %.80s changed while it was read", key, s->url);
}

/* Where the wanted bytes go. */
struct range {
    uint64_t off;
    uint8_t *dst;
    size_t n;
};

static enum status read_range(const struct store *s, const char *key, int fd,
                              const struct range *want, struct err *err)
{
    for (size_t got = 0; got < want->n;) {
        ssize_t n = pread(fd, want->dst + got, want->n - got, (off_t)(want->off + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_error(s, key, errno, err);
        if (n == 0)
            return err_set(err, E_STORE, "'%.80s' in %.80s ends at byte %" PRIu64, key, s->url,
                           want->off + got);
        got += (size_t)n;
    }
    return OK;
}

/* Reads between two looks at the object. */
static enum status read_unchanged(const struct store *s, const char *key, int fd,
                                  const struct range *want, struct err *err)
{
    struct stat st;
    struct store_object before, after;
    if (fstat(fd, &st) != 0)
        return file_error(s, key, errno, err);
    fill_object(&st, &before);
    if (!range_inside(want->off, want->n, before.bytes))
        return err_set(err, E_STORE,
                       "'%.80s' in %.80s holds %" PRIu64 " bytes, %zu are wanted from %" PRIu64,
                       key, s->url, before.bytes, want->n, want->off);
    enum status result = read_range(s, key, fd, want, err);
    if (result != OK)
        return result;
    if (fstat(fd, &st) != 0)
        return file_error(s, key, errno, err);
    fill_object(&st, &after);
    return strcmp(before.tag, after.tag) == 0 ? OK : changed(s, key, err);
}

static enum status file_read(struct store *s, const char *key, const char *tag, uint64_t off,
                             void *dst, size_t n, struct err *err)
{
    int fd = -1;
    struct store_object now;
    enum status st = open_object(s, key, &fd, &now, err);
    if (st != OK)
        return st;
    st = *tag && strcmp(tag, now.tag) != 0
             ? changed(s, key, err)
             : read_unchanged(s, key, fd, &(struct range){off, dst, n}, err);
    close(fd);
    return st;
}

static enum status list_entry(DIR *d, const char *name, store_list_fn *fn, void *arg)
{
    struct stat st;
    struct store_object o;
    if (!store_segment_valid(name, strlen(name)))
        return OK;
    if (fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return OK; /* went away since it was listed */
    if (S_ISDIR(st.st_mode))
        return fn(arg, name, true, NULL);
    if (!S_ISREG(st.st_mode))
        return OK;
    fill_object(&st, &o);
    return fn(arg, name, false, &o);
}

/* The directory a prefix names; NULL with errno set. */
static DIR *open_prefix(struct store *s, const char *prefix)
{
    const char *last; /* "" behind the final '/' */
    int path = open_parent(file_store_of(s), prefix, &last);
    if (path < 0)
        return NULL;
    int fd = openat(path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int e = errno;
    close(path);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (fd >= 0 && !d) {
        e = errno;
        close(fd);
    }
    errno = e;
    return d;
}

static enum status file_list(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
                             struct err *err)
{
    DIR *d = open_prefix(s, prefix);
    if (!d && (errno == ENOENT || errno == ENOTDIR))
        return OK;
    if (!d)
        return file_error(s, prefix, errno, err);
    enum status st = OK;
    while (st == OK) {
        errno = 0;
        const struct dirent *entry = readdir(d);
        if (!entry) {
            if (errno)
                st = file_error(s, prefix, errno, err);
            break;
        }
        st = list_entry(d, entry->d_name, fn, arg);
    }
    closedir(d);
    return st;
}

static void file_free(struct store *s)
{
    struct file_store *f = file_store_of(s);
    close(f->root);
    alloc_free(f);
}

static const struct store_ops file_ops = {
    .stat = file_stat,
    .read = file_read,
    .list = file_list,
    .put = file_put,
    .remove = file_remove,
    .renew = file_renew,
    .remove_old = file_remove_old,
    .sweep = file_sweep,
    .free = file_free,
};

enum status file_store_open(const char *path, const struct store_options *o, struct store **out,
                            struct err *err)
{
    UNUSED(o);
    if (!*path)
        return err_set(err, E_USAGE, "the store's directory is not named: give file:///DIR");
    int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 && (errno == ENOENT || errno == ENOTDIR))
        return err_set(err, E_NOT_FOUND, "store '%.120s': there is no such directory", path);
    if (root < 0)
        return err_set(err, E_STORE, "store '%.120s': %s", path, strerrordesc_np(errno));
    struct file_store *f = alloc_zero(1, sizeof(*f));
    if (!f) {
        close(root);
        return err_set(err, E_NO_MEMORY, "store '%.120s': out of memory", path);
    }
    f->store.ops = &file_ops;
    f->root = root;
    *out = &f->store;
    return OK;
}
