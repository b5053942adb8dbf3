/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Opening the tier, reading from it and removing from it. Under the lock there is no system call:
 * a file is first marked, then opened or removed, then marked again. */
#include "disk/disk.h"

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

enum { STAMP_S = 60 }; /* a use is written down when the last one written is so old */

/* ---- opening ---- */

static struct disk *disk_new(const struct disk_config *c)
{
    struct disk *d = alloc_zero(1, sizeof(*d));
    if (!d)
        return NULL;
    d->dir = d->owner = -1;
    d->buckets = alloc_zero(DISK_BUCKETS, sizeof(struct disk_entry *));
    budget_init(&d->budget, c->limit_bytes);
    lock_init(&d->lock, LOCK_DISK);
    cond_init(&d->stop);
    return d;
}

enum status disk_open(const struct disk_config *c, struct disk **out, struct err *err)
{
    struct disk *d = disk_new(c);
    enum status s = d && d->buckets ? folder_own(d, c->dir, err)
                                    : err_set(err, E_NO_MEMORY, "no memory for the disk tier");
    if (s == OK)
        s = folder_scan(d, err);
    if (s != OK) {
        disk_close(&d);
        return s;
    }
    metric_set(M_DISK_CAPACITY, (int64_t)c->limit_bytes);
    disk_publish(d);
    *out = d;
    return OK;
}

static void stop_scrub(struct disk *d)
{
    lock_take(&d->lock);
    d->stopping = true;
    cond_wake_all(&d->stop);
    lock_release(&d->lock);
    if (d->scrubbing)
        pthread_join(d->scrub_thread, NULL);
}

static void free_entries(struct disk *d)
{
    for (uint32_t i = 0; d->buckets && i < DISK_BUCKETS; i++)
        while (d->buckets[i]) {
            struct disk_entry *e = d->buckets[i];
            ASSERT(e->state == ENTRY_PRESENT && !e->refs);
            d->buckets[i] = e->next;
            alloc_free(e);
        }
    alloc_free(d->buckets);
}

void disk_close(struct disk **disk)
{
    struct disk *d = *disk;
    struct budget_usage u;
    if (!d)
        return;
    stop_scrub(d);
    budget_read(&d->budget, &u);
    ASSERT(!u.used[BUDGET_DRAINING]); /* nobody reads any more */
    free_entries(d);
    if (d->dir >= 0)
        close(d->dir);
    if (d->owner >= 0)
        close(d->owner);
    cond_fini(&d->stop);
    lock_fini(&d->lock);
    budget_fini(&d->budget);
    alloc_free(d);
    *disk = NULL;
}

enum status disk_object_key(enum disk_kind kind, const char *name, const char *tag,
                            struct disk_key *out)
{
    struct sha256 h;
    *out = (struct disk_key){.kind = kind};
    enum status s = sha256_init(&h);
    if (s != OK)
        return s;
    sha256_add(&h, name, strlen(name) + 1); /* with its end: no other pair reads the same */
    sha256_add(&h, tag, strlen(tag) + 1);
    sha256_end(&h, out->digest);
    return OK;
}

void disk_publish(struct disk *d)
{
    struct budget_usage u;
    budget_read(&d->budget, &u);
    metric_set(M_DISK_RESERVED, (int64_t)u.used[BUDGET_RESERVED]);
    metric_set(M_DISK_RESIDENT, (int64_t)u.used[BUDGET_RESIDENT]);
    metric_set(M_DISK_DRAINING, (int64_t)u.used[BUDGET_DRAINING]);
    metric_set(M_DISK_PEAK, (int64_t)u.peak);
}

/* ---- removing ---- */

bool disk_remove(struct disk *d, struct disk_entry *e)
{
    char name[DISK_NAME_MAX];
    folder_name(&e->key, e->bytes, name);
    bool removed = sys_unlink(d->dir, name) == 0 || errno == ENOENT;
    int error = errno;
    lock_take(&d->lock);
    if (removed)
        entry_left(d, e);
    else
        entry_stay(d, e);
    lock_release(&d->lock);
    if (!removed)
        LOG(LOG_WARN, "disk_failed", log_str("file", name), log_str("what", "unlink"),
            log_str("error", strerrordesc_np(error)));
    disk_publish(d);
    return removed;
}

void disk_drop(struct disk *d, struct disk_entry *e, bool ours, const char *why)
{
    char name[DISK_NAME_MAX];
    folder_name(&e->key, e->bytes, name);
    lock_take(&d->lock);
    bool mine = e->state == ENTRY_PRESENT; /* else somebody removes it already */
    if (mine) {
        d->usage.corrupt++;
        entry_leave(d, e);
        if (!ours)
            entry_left(d, e);
    }
    lock_release(&d->lock);
    if (!mine)
        return;
    metric_add(M_DISK_CORRUPT, 1);
    LOG(LOG_WARN, "disk_corrupt", log_str("file", name), log_str("why", why));
    if (ours && !disk_remove(d, e))
        return;
    disk_publish(d);
}

enum status disk_evict(struct disk *d, const struct disk_key *key, struct err *err)
{
    lock_take(&d->lock);
    struct disk_entry *e = index_find(d, key);
    if (e && e->state == ENTRY_PRESENT)
        entry_leave(d, e);
    else
        e = NULL;
    lock_release(&d->lock);
    if (!e)
        return err_set(err, E_NOT_FOUND, "the disk tier has no such file");
    return disk_remove(d, e) ? OK : err_set(err, E_IO, "a file cannot be removed");
}

/* ---- reading ---- */

/* The entry with one more reference; NULL when it is not PRESENT. */
static struct disk_entry *take_entry(struct disk *d, const struct disk_key *key, bool quietly)
{
    lock_take(&d->lock);
    struct disk_entry *e = index_find(d, key);
    if (e && e->state == ENTRY_PRESENT) {
        e->refs++;
        if (e->in_line && !quietly)
            line_remove(d, e);
    } else {
        e = NULL;
    }
    lock_release(&d->lock);
    return e;
}

static void give_entry(struct disk *d, struct disk_entry *e)
{
    lock_take(&d->lock);
    entry_unref(d, e);
    lock_release(&d->lock);
}

/* What opening found. */
enum finding { AS_PUT, NOT_NOW, CHANGED, REPLACED };

static enum finding judge(const struct disk_entry *e, const struct stat *st)
{
    if (!S_ISREG(st->st_mode) || st->st_ino != e->inode)
        return REPLACED;
    return (uint64_t)st->st_size == e->bytes ? AS_PUT : CHANGED;
}

static enum finding open_entry(const struct disk *d, const struct disk_entry *e, int *fd)
{
    char name[DISK_NAME_MAX];
    struct stat st;
    folder_name(&e->key, e->bytes, name);
    *fd = sys_open(d->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    if (*fd < 0)
        return errno == ENOENT || errno == ELOOP || errno == ENXIO ? REPLACED : NOT_NOW;
    enum finding f = sys_fstat(*fd, &st) == 0 ? judge(e, &st) : NOT_NOW;
    if (f == AS_PUT)
        return AS_PUT;
    int error = errno;
    close(*fd);
    errno = error;
    return f;
}

/* Remembers the use in the file, now and then: after a restart the line is as it was. */
static void stamp(struct disk *d, struct disk_entry *e, int fd)
{
    int64_t now_s = (int64_t)(clock_wall_ms() / 1000);
    lock_take(&d->lock);
    bool due = now_s - e->stamp_s >= STAMP_S;
    if (due)
        e->stamp_s = now_s;
    lock_release(&d->lock);
    if (due)
        (void)sys_stamp(fd); /* only the order after a restart hangs on it */
}

/* Opens what take_entry took, or gives it back. */
static enum status open_taken(struct disk *d, struct disk_entry *e, struct disk_file *out,
                              struct err *err)
{
    int fd = -1;
    enum finding f = open_entry(d, e, &fd);
    if (f == AS_PUT) {
        *out = (struct disk_file){e, e->bytes, fd};
        return OK;
    }
    enum status s = f == NOT_NOW ? err_set(err, E_IO, "the disk tier: %s", strerrordesc_np(errno))
                                 : err_set(err, E_NOT_FOUND, "a file of the disk tier was lost");
    if (f != NOT_NOW)
        disk_drop(d, e, f == CHANGED, f == CHANGED ? "size" : "replaced");
    give_entry(d, e);
    return s;
}

/* The same of e, which may be NULL, and only where it has so many bytes. */
static enum status open_sized(struct disk *d, struct disk_entry *e, uint64_t bytes,
                              struct disk_file *out, struct err *err)
{
    if (!e)
        return err_set(err, E_NOT_FOUND, "the disk tier has no such file");
    if (bytes == UINT64_MAX || bytes == e->bytes)
        return open_taken(d, e, out, err);
    give_entry(d, e); /* whoever named that size was wrong, not the file */
    return err_set(err, E_NOT_FOUND, "the disk tier has such a file of another size");
}

enum status disk_ref_quietly(struct disk *d, const struct disk_key *key, uint64_t bytes,
                             struct disk_file *out, struct err *err)
{
    return open_sized(d, take_entry(d, key, true), bytes, out, err);
}

static void count_lookup(struct disk *d, bool found)
{
    metric_add(found ? M_DISK_HIT : M_DISK_MISS, 1);
    lock_take(&d->lock);
    *(found ? &d->usage.hits : &d->usage.misses) += 1;
    lock_release(&d->lock);
}

enum status disk_ref(struct disk *d, const struct disk_key *key, uint64_t bytes,
                     struct disk_file *out, struct err *err)
{
    enum status s = open_sized(d, take_entry(d, key, false), bytes, out, err);
    count_lookup(d, s == OK);
    if (s == OK)
        stamp(d, out->entry, out->fd);
    return s;
}

bool disk_has(struct disk *d, const struct disk_key *key)
{
    lock_take(&d->lock);
    const struct disk_entry *e = index_find(d, key);
    bool has = e && e->state == ENTRY_PRESENT;
    lock_release(&d->lock);
    return has;
}

bool disk_has_mark(struct disk *d, enum disk_kind kind, uint64_t mark)
{
    lock_take(&d->lock);
    const struct disk_entry *e = index_find_mark(d, kind, mark);
    bool has = e && e->state == ENTRY_PRESENT;
    lock_release(&d->lock);
    return has;
}

void disk_close_fd(struct disk_file *f)
{
    if (f->entry && f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

void disk_unref(struct disk *d, struct disk_file *f)
{
    if (!f->entry)
        return;
    disk_close_fd(f);
    give_entry(d, f->entry);
    disk_publish(d);
    *f = (struct disk_file){.fd = -1};
}

void disk_usage(struct disk *d, struct disk_usage *out)
{
    lock_take(&d->lock);
    *out = d->usage;
    lock_release(&d->lock);
    budget_read(&d->budget, &out->budget);
}
