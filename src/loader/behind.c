/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "loader/behind.h"

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

enum { CHUNK_BYTES = 1024 * 1024 }; /* between two looks at a cancel */

void behind_init(struct behind *b)
{
    memset(b, 0, sizeof(*b));
    lock_init(&b->lock, LOCK_BEHIND);
    cond_init(&b->changed);
}

void behind_job_free(struct behind_job *job)
{
    if (job)
        alloc_free(job->head);
    alloc_free(job);
}

/* ---- writing ---- */

static enum status write_chunks(struct behind *b, struct disk_put *p, const uint8_t *bytes,
                                uint64_t n, struct err *err)
{
    enum status s = OK;
    for (uint64_t off = 0; s == OK && off < n; off += CHUNK_BYTES) {
        if (atomic_load(&b->cancelled))
            return err_set(err, E_CANCELLED, "its program goes");
        s = disk_put_write(p, bytes + off, (size_t)MIN(n - off, (uint64_t)CHUNK_BYTES), err);
    }
    return s;
}

/* OK too when it is there already. */
static enum status write_file(struct behind *b, const struct disk_key *key, const void *bytes,
                              uint64_t n, struct err *err)
{
    struct disk_put *p = NULL;
    enum status s = disk_put_begin(b->disk, key, n, &p, err);
    if (s != OK)
        return s == E_EXISTS ? OK : s;
    s = write_chunks(b, p, bytes, n, err);
    if (s == OK)
        return disk_put_commit(&p, err);
    disk_put_abort(&p);
    return s;
}

static enum status write_blobs(struct behind *b, const struct behind_job *job,
                               const struct artifact_reader *reader, struct err *err)
{
    enum status s = OK;
    for (uint32_t i = 0; s == OK && i < reader->p0.n_blobs; i++) {
        struct disk_key key;
        struct blob_record blob;
        s = artifact_read_blob(reader, i, &blob, err);
        if (s == OK && !tier_blob_key(&job->tier, &blob, &key))
            s = err_set(err, E_NO_MEMORY, "no memory to name a blob");
        if (s == OK)
            s = write_file(b, &key, program_blob(job->program, i), blob.bytes, err);
    }
    return s;
}

/* All blobs, then the head: what it leads to is there. A failure ends it: the tier has no room, or
 * is not to be written to. */
static void write_job(struct behind *b, const struct behind_job *job)
{
    struct artifact_reader reader;
    struct err err;
    enum status s = artifact_reader_init(&reader, program_page0(job->program), job->head,
                                         job->head_bytes, &err);
    if (s == OK) {
        s = write_blobs(b, job, &reader, &err);
        artifact_reader_fini(&reader);
    }
    if (s == OK && job->has_key)
        s = write_file(b, &job->head_key, job->head, job->head_bytes, &err);
    if (s != OK && s != E_CANCELLED)
        LOG(LOG_WARN, "disk_put_failed", log_str("status", status_name(s)),
            log_str("error", err.msg));
}

/* ---- the queue ---- */

/* The first job, out of the queue and running; NULL when it stops. */
static struct behind_job *next_job(struct behind *b)
{
    lock_take(&b->lock);
    while (!b->first && !b->stopping)
        cond_wait(&b->changed, &b->lock, 0);
    struct behind_job *job = b->stopping ? NULL : b->first;
    if (job) {
        b->first = job->next;
        if (!b->first)
            b->last = NULL;
        b->count--;
        b->meta_bytes -= job->head_bytes;
        b->running = job->program;
        atomic_store(&b->cancelled, false);
    }
    lock_release(&b->lock);
    return job;
}

static void *write_all(void *arg)
{
    struct behind *b = arg;
    struct behind_job *job;
    while ((job = next_job(b))) {
        write_job(b, job);
        lock_take(&b->lock);
        b->running = NULL;
        cond_wake_all(&b->changed);
        lock_release(&b->lock);
        behind_job_free(job);
    }
    return NULL;
}

enum status behind_start(struct behind *b, struct disk *d, struct err *err)
{
    b->disk = d;
    if (!d)
        return OK;
    if (pthread_create(&b->thread, NULL, write_all, b) != 0)
        return err_set(err, E_INTERNAL, "the thread that fills the disk tier did not start");
    pthread_setname_np(b->thread, "disk-writer");
    b->started = true;
    return OK;
}

void behind_fini(struct behind *b)
{
    lock_take(&b->lock);
    b->stopping = true;
    atomic_store(&b->cancelled, true);
    cond_wake_all(&b->changed);
    lock_release(&b->lock);
    if (b->started)
        pthread_join(b->thread, NULL);
    while (b->first) {
        struct behind_job *job = b->first;
        b->first = job->next;
        behind_job_free(job);
    }
    cond_fini(&b->changed);
    lock_fini(&b->lock);
}

void behind_submit(struct behind *b, struct behind_job *job)
{
    lock_take(&b->lock);
    bool fits = b->started && !b->stopping && b->count < BEHIND_MAX &&
                job->head_bytes <= BEHIND_META_MAX - b->meta_bytes;
    if (fits) {
        job->next = NULL;
        *(b->last ? &b->last->next : &b->first) = job;
        b->last = job;
        b->count++;
        b->meta_bytes += job->head_bytes;
        cond_wake_all(&b->changed);
    }
    lock_release(&b->lock);
    if (!fits)
        behind_job_free(job);
}

/* The job of p, out of the queue; NULL when there is none. */
static struct behind_job *take_job(struct behind *b, const struct program *p)
{
    struct behind_job *before = NULL, *job = b->first;
    while (job && job->program != p) {
        before = job;
        job = job->next;
    }
    if (!job)
        return NULL;
    *(before ? &before->next : &b->first) = job->next;
    if (b->last == job)
        b->last = before;
    b->count--;
    b->meta_bytes -= job->head_bytes;
    return job;
}

void behind_forget(struct behind *b, const struct program *p)
{
    lock_take(&b->lock);
    struct behind_job *job = take_job(b, p);
    if (b->running == p)
        atomic_store(&b->cancelled, true);
    while (b->running == p)
        cond_wait(&b->changed, &b->lock, 0);
    lock_release(&b->lock);
    behind_job_free(job);
}

void behind_settle(struct behind *b)
{
    lock_take(&b->lock);
    while (b->first || b->running)
        cond_wait(&b->changed, &b->lock, 0);
    lock_release(&b->lock);
}
