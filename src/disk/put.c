/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Writing a file. It grows under a name that the next start removes, and gets its own by one
 * rename when its bytes are on the medium. The folder itself is never synced: a name that a power
 * cut takes away was a copy, and one that it brings back leads to a whole file. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "disk/disk_priv.h"
#include "metrics/metrics.h"

enum { UNLINKS_MAX = 3 }; /* failed ones in a row: the folder cannot be written to */

struct disk_put {
    struct disk *disk;        /* borrowed */
    struct disk_entry *entry; /* WRITING */
    struct sha256 hash;       /* of a blob; ctx NULL: none */
    uint64_t written;
    int fd; /* -1: there is no file yet */
    char temp[DISK_NAME_MAX];
};

static enum status refuse(struct disk *d, enum status s)
{
    metric_add(M_REFUSED_DISK, 1);
    lock_take(&d->lock);
    d->usage.refused++;
    lock_release(&d->lock);
    return s;
}

/* What a failed call means for a put: a full disk is a matter of room. */
static enum status write_error(const char *what, int error, struct err *err)
{
    bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    return err_set(err, full ? E_NO_ROOM : E_IO, "the disk tier: %s: %s", what,
                   strerrordesc_np(error));
}

/* ---- room ---- */

static struct disk_entry *oldest_unread(const struct disk *d)
{
    struct disk_entry *e = d->oldest;
    while (e && e->refs) /* by a scrub, which leaves it in line */
        e = e->newer;
    return e;
}

/* The file that was used longest ago, LEAVING now; NULL when room is there or none can be made.
 * *s is OK while it may be. */
static struct disk_entry *next_victim(struct disk *d, uint64_t need, enum status *s)
{
    struct disk_entry *e = NULL;
    lock_take(&d->lock);
    uint64_t free_bytes = budget_free_bytes(&d->budget);
    if (need > free_bytes && need - free_bytes > d->idle_bytes)
        *s = E_NO_ROOM; /* so nothing is evicted for it either */
    else if (need > free_bytes)
        e = oldest_unread(d);
    if (!e && need > free_bytes)
        *s = E_NO_ROOM;
    if (e) {
        entry_leave(d, e);
        d->usage.evicted++;
    }
    lock_release(&d->lock);
    return e;
}

/* Charges `need` as reserved. */
static enum status reserve(struct disk *d, uint64_t need, struct err *err)
{
    uint64_t limit = d->budget.usage.limit;
    enum status s = OK;
    int failures = 0;
    if (need > limit)
        return err_set(err, E_NEVER_FITS, "%" PRIu64 " bytes, the disk tier holds %" PRIu64, need,
                       limit);
    while (s == OK && !budget_take(&d->budget, BUDGET_RESERVED, need)) {
        struct disk_entry *e = next_victim(d, need, &s);
        if (!e)
            continue;
        if (disk_remove(d, e))
            metric_add(M_DISK_EVICTED, 1);
        else if (++failures == UNLINKS_MAX)
            s = E_IO;
    }
    return s == OK ? OK : err_set(err, s, "no room for %" PRIu64 " bytes on disk", need);
}

/* ---- a put ---- */

/* Into the index, unless it is there, with a name to write under. */
static enum status enter(struct disk_put *p, struct err *err)
{
    struct disk *d = p->disk;
    enum status s = OK;
    lock_take(&d->lock);
    if (index_find(d, &p->entry->key))
        s = E_EXISTS;
    else if (d->usage.files >= DISK_ENTRIES_MAX)
        s = E_NO_ROOM;
    else
        index_add(d, p->entry);
    folder_temp_name(d->temp_next++, p->temp);
    lock_release(&d->lock);
    return s == OK ? OK : err_set(err, s, "the disk tier: %s", status_text(s));
}

static void leave(struct disk *d, struct disk_entry *e)
{
    lock_take(&d->lock);
    index_remove(d, e);
    lock_release(&d->lock);
}

static enum status make_file(struct disk_put *p, struct err *err)
{
    p->fd = sys_open(p->disk->dir, p->temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0400);
    if (p->fd < 0)
        return write_error("open", errno, err);
    /* Blocks before bytes, so that a full disk is known at once; not every file system can. */
    if (p->entry->bytes && sys_allocate(p->fd, p->entry->bytes) != 0 && errno != EOPNOTSUPP &&
        errno != ENOSYS && errno != EINTR)
        return write_error("fallocate", errno, err);
    return OK;
}

static void free_put(struct disk_put *p)
{
    uint8_t ignored[SHA256_BYTES];
    if (p->hash.ctx)
        sha256_end(&p->hash, ignored);
    alloc_free(p);
}

/* Ends what begin entered and reserved. A file that cannot be removed holds its bytes until the
 * next start, and so does its charge. */
static void undo(struct disk_put *p)
{
    struct disk *d = p->disk;
    bool removed = true;
    if (p->fd >= 0) {
        close(p->fd);
        removed = sys_unlink(d->dir, p->temp) == 0 || errno == ENOENT;
    }
    if (!removed)
        LOG(LOG_WARN, "disk_failed", log_str("file", p->temp), log_str("what", "unlink"),
            log_str("error", strerrordesc_np(errno)));
    leave(d, p->entry);
    if (removed)
        budget_give(&d->budget, BUDGET_RESERVED, disk_charge(p->entry->bytes));
    alloc_free(p->entry);
    disk_publish(d);
    free_put(p);
}

static struct disk_put *put_new(struct disk *d, const struct disk_key *key, uint64_t bytes)
{
    struct disk_put *p = alloc_zero(1, sizeof(*p));
    struct disk_entry *e = alloc_zero(1, sizeof(*e));
    if (!p || !e || (key->kind == DISK_BLOB && sha256_init(&p->hash) != OK)) {
        alloc_free(p);
        alloc_free(e);
        return NULL;
    }
    *e = (struct disk_entry){.key = *key, .bytes = bytes};
    p->disk = d;
    p->entry = e;
    p->fd = -1;
    return p;
}

/* enter, reserve, make the file; what was done is undone, and p freed, where one fails. */
static enum status begin(struct disk_put *p, struct err *err)
{
    struct disk *d = p->disk;
    enum status s = enter(p, err);
    if (s != OK) {
        alloc_free(p->entry);
        free_put(p);
        return s;
    }
    s = reserve(d, disk_charge(p->entry->bytes), err);
    if (s != OK) {
        leave(d, p->entry);
        alloc_free(p->entry);
        free_put(p);
        return s;
    }
    s = make_file(p, err);
    if (s != OK)
        undo(p);
    return s;
}

enum status disk_put_begin(struct disk *d, const struct disk_key *key, uint64_t bytes,
                           struct disk_put **out, struct err *err)
{
    struct disk_put *p = put_new(d, key, bytes);
    enum status s = p ? begin(p, err) : err_set(err, E_NO_MEMORY, "no memory for a file");
    if (s != OK)
        return s == E_EXISTS ? s : refuse(d, s);
    disk_publish(d);
    *out = p;
    return OK;
}

enum status disk_put_write(struct disk_put *p, const void *bytes, size_t n, struct err *err)
{
    const uint8_t *from = bytes;
    if (n > p->entry->bytes - p->written)
        return err_set(err, E_CORRUPT, "more than the %" PRIu64 " bytes that were announced",
                       p->entry->bytes);
    if (p->hash.ctx)
        sha256_add(&p->hash, bytes, n);
    while (n) {
        ssize_t put = sys_pwrite(p->fd, from, n, p->written);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return refuse(p->disk, write_error("write", put < 0 ? errno : ENOSPC, err));
        from += put;
        n -= (size_t)put;
        p->written += (uint64_t)put;
    }
    return OK;
}

static enum status prove(struct disk_put *p, struct err *err)
{
    uint8_t got[SHA256_BYTES];
    if (p->written != p->entry->bytes)
        return err_set(err, E_CORRUPT, "%" PRIu64 " bytes of %" PRIu64 " were written", p->written,
                       p->entry->bytes);
    if (!p->hash.ctx)
        return OK;
    sha256_end(&p->hash, got);
    p->hash.ctx = NULL;
    return memcmp(got, p->entry->key.digest, sizeof(got)) == 0
               ? OK
               : err_set(err, E_CORRUPT, "a blob is not what its SHA-256 says");
}

/* The bytes to the medium, then the name. */
static enum status settle(struct disk_put *p, struct err *err)
{
    char name[DISK_NAME_MAX];
    struct stat st;
    folder_name(&p->entry->key, p->entry->bytes, name);
    if (sys_datasync(p->fd) != 0)
        return write_error("fdatasync", errno, err);
    if (sys_fstat(p->fd, &st) != 0)
        return write_error("fstat", errno, err);
    if (sys_rename_new(p->disk->dir, p->temp, name) != 0)
        return write_error(name, errno, err); /* a foreign file may have the name */
    p->entry->inode = st.st_ino;
    p->entry->stamp_s = (int64_t)(clock_wall_ms() / 1000);
    return OK;
}

enum status disk_put_commit(struct disk_put **put, struct err *err)
{
    struct disk_put *p = *put;
    struct disk *d = p->disk;
    enum status s = prove(p, err);
    *put = NULL;
    if (s == OK)
        s = settle(p, err);
    if (s != OK) {
        undo(p);
        return refuse(d, s);
    }
    close(p->fd);
    metric_add(M_DISK_WRITTEN, p->written);
    lock_take(&d->lock);
    d->usage.written_bytes += p->written;
    entry_publish(d, p->entry);
    lock_release(&d->lock);
    disk_publish(d);
    free_put(p);
    return OK;
}

void disk_put_abort(struct disk_put **put)
{
    if (*put)
        undo(*put);
    *put = NULL;
}
