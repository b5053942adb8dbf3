/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Reads what lies in the tier again, slowly, to find what the medium lost since it was put. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "disk/disk_priv.h"
#include "metrics/metrics.h"

enum {
    CHUNK = 1024 * 1024,
    PASS_PAUSE_US = 60 * 1000000, /* between two passes */
    SECOND_US = 1000000,
};

/* The key and size of the next PRESENT blob behind the cursor; false at the end of the pass. */
static bool next_blob(struct disk *d, struct disk_cursor *at, struct disk_key *key, uint64_t *bytes)
{
    bool found = false;
    lock_take(&d->lock);
    while (!found && at->bucket < DISK_BUCKETS) {
        const struct disk_entry *e = d->buckets[at->bucket];
        for (uint32_t i = 0; e && i < at->place; i++)
            e = e->next;
        if (!e) {
            at->bucket++;
            at->place = 0;
            continue;
        }
        at->place++;
        found = e->key.kind == DISK_BLOB && e->state == ENTRY_PRESENT && e->bytes;
        *key = e->key;
        *bytes = e->bytes;
    }
    lock_release(&d->lock);
    return found;
}

/* Takes the file past the page cache where that can be: what is checked is the medium. */
static void go_direct(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags | O_DIRECT);
}

static void go_buffered(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags & ~O_DIRECT);
}

/* As much of the next CHUNK as there is. */
static ssize_t read_chunk(int fd, uint8_t *to, uint64_t off)
{
    ssize_t n = sys_pread(fd, to, CHUNK, off);
    if (n < 0 && errno == EINVAL) { /* direct reads of another alignment */
        go_buffered(fd);
        n = sys_pread(fd, to, CHUNK, off);
    }
    return n;
}

static enum status hash_file(const struct disk_file *f, uint8_t out[SHA256_BYTES], struct err *err)
{
    struct sha256 h = {0};
    uint8_t *chunk = alloc_aligned(DISK_BLOCK, CHUNK);
    enum status s = chunk && sha256_init(&h) == OK
                        ? OK
                        : err_set(err, E_NO_MEMORY, "no memory to scrub the disk tier");
    go_direct(f->fd);
    for (uint64_t off = 0; s == OK && off < f->bytes;) {
        ssize_t n = read_chunk(f->fd, chunk, off);
        if (n < 0 && errno != EINTR)
            s = err_set(err, E_IO, "the disk tier: %s", strerrordesc_np(errno));
        else if (n == 0)
            break; /* another hash, then */
        else if (n > 0) {
            sha256_add(&h, chunk, (size_t)n);
            off += (uint64_t)n;
        }
    }
    if (h.ctx)
        sha256_end(&h, out);
    alloc_free(chunk);
    return s;
}

/* A scrub is no use of the file: it counts no hit and does not make it newer. */
static enum status check_blob(struct disk *d, const struct disk_key *key, struct err *err)
{
    struct disk_file f;
    uint8_t digest[SHA256_BYTES];
    enum status s = disk_ref_quietly(d, key, UINT64_MAX, &f, err);
    if (s != OK)
        return s == E_NOT_FOUND ? OK : s;
    s = hash_file(&f, digest, err);
    if (s == OK && memcmp(digest, key->digest, sizeof(digest)) != 0)
        disk_drop(d, f.entry, true, "hash");
    if (s == E_IO)
        disk_drop(d, f.entry, true, "unreadable");
    disk_unref(d, &f);
    return s;
}

enum status disk_scrub_next(struct disk *d, struct disk_cursor *at, uint64_t *bytes,
                            struct err *err)
{
    struct disk_key key;
    *bytes = 0;
    if (!next_blob(d, at, &key, bytes)) {
        *bytes = 0;
        *at = (struct disk_cursor){.passes = at->passes + 1};
        return OK;
    }
    metric_add(M_DISK_SCRUBBED, *bytes);
    return check_blob(d, &key, err);
}

/* False when the tier closes meanwhile. */
static bool rest(struct disk *d, uint64_t us)
{
    uint64_t until_us = clock_now_us() + us;
    lock_take(&d->lock);
    while (!d->stopping && cond_wait(&d->stop, &d->lock, until_us))
        ;
    bool stopping = d->stopping;
    lock_release(&d->lock);
    return !stopping;
}

static void *scrub(void *arg)
{
    struct disk *d = arg;
    struct disk_cursor at = {0};
    struct err err;
    uint64_t bytes, pause_us;
    do {
        enum status s = disk_scrub_next(d, &at, &bytes, &err);
        if (s != OK)
            LOG(LOG_WARN, "disk_failed", log_str("what", "scrub"), log_str("error", err.msg));
        pause_us =
            bytes ? (uint64_t)((double)bytes / (double)d->scrub_rate * SECOND_US) : PASS_PAUSE_US;
    } while (rest(d, pause_us));
    return NULL;
}

enum status disk_scrub_start(struct disk *d, uint64_t bytes_per_s, struct err *err)
{
    ASSERT(bytes_per_s && !d->scrubbing);
    d->scrub_rate = bytes_per_s;
    if (pthread_create(&d->scrub_thread, NULL, scrub, d) != 0)
        return err_set(err, E_INTERNAL, "the thread that scrubs the disk tier did not start");
    pthread_setname_np(d->scrub_thread, "disk-scrub");
    d->scrubbing = true;
    return OK;
}
