/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Two arrays of notes: one is filled under the lock, the other is the thread's; they change places,
 * so that nobody who invokes waits for a copy or a write. */
#include "replay/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "metrics/metrics.h"

enum { PAUSE_US = 100000, PATH_MAX_BYTES = 2048 };

struct recorder {
    struct lock lock;         /* LOCK_RECORDER; guards notes, count, ended, stopping */
    struct cond changed;      /* half full, or stopping */
    struct trace_call *notes; /* heap; RECORDER_NOTES */
    uint32_t count;
    bool ended; /* nothing is written any more */
    bool stopping;
    /* the thread's */
    struct trace_call *taken; /* heap; RECORDER_NOTES */
    struct trace_writer writer;
    struct buf out;
    int fd;
    uint64_t left_bytes; /* to the limit */
    pthread_t thread;
};

void recorder_note(struct recorder *r, const struct trace_call *c)
{
    lock_take(&r->lock);
    bool full = r->count == RECORDER_NOTES, ended = r->ended;
    if (!full && !ended)
        r->notes[r->count++] = *c;
    if (r->count == RECORDER_NOTES / 2)
        cond_wake_one(&r->changed);
    lock_release(&r->lock);
    if (ended)
        metric_add(M_REFUSED_TRACE, 1);
    else if (full)
        metric_add(M_TRACE_LOST, 1);
}

/* ---- the thread ---- */

static void end(struct recorder *r, uint32_t left_out)
{
    lock_take(&r->lock);
    r->ended = true;
    left_out += r->count;
    r->count = 0;
    lock_release(&r->lock);
    metric_add(M_REFUSED_TRACE, left_out);
}

/* False: the file cannot be written. A record that was cut off is passed over by its readers. */
static bool write_out(struct recorder *r)
{
    size_t done = 0;
    while (done < r->out.len) {
        ssize_t n = write(r->fd, r->out.data + done, r->out.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            LOG(LOG_WARN, "trace_failed", log_str("error", strerror(errno)));
            return false;
        }
        done += (size_t)n;
    }
    r->left_bytes -= r->out.len;
    buf_clear(&r->out);
    return true;
}

/* Appends a note as far as the limit allows; false: it is left out, and recording ends. */
static bool append(struct recorder *r, const struct trace_call *c)
{
    size_t before = r->out.len;
    enum status s = trace_write(&r->writer, c, &r->out);
    if (s == OK && r->out.len <= r->left_bytes)
        return true;
    r->out.len = before;
    LOG(LOG_WARN, "trace_ended",
        log_str("reason", s == OK ? "--record-trace-limit" : status_text(s)));
    return false;
}

static void write_notes(struct recorder *r, uint32_t n)
{
    uint32_t i = 0;
    trace_sort(r->taken, n);
    while (i < n && append(r, &r->taken[i]))
        i++;
    bool written = write_out(r);
    metric_add(M_TRACE_RECORDED, written ? i : 0);
    if (!written || i < n)
        end(r, written ? n - i : n);
}

/* Notes in r->taken; *more false: there will be none. */
static uint32_t take_notes(struct recorder *r, bool *more)
{
    lock_take(&r->lock);
    if (r->count < RECORDER_NOTES / 2 && !r->stopping)
        cond_wait(&r->changed, &r->lock, clock_now_us() + PAUSE_US);
    struct trace_call *full = r->notes;
    uint32_t n = r->count;
    r->notes = r->taken;
    r->taken = full;
    r->count = 0;
    *more = !r->stopping;
    lock_release(&r->lock);
    return n;
}

static void *record_all(void *arg)
{
    struct recorder *r = arg;
    for (bool more = true; more;) {
        uint32_t n = take_notes(r, &more);
        if (n)
            write_notes(r, n);
    }
    return NULL;
}

/* ---- start and stop ---- */

static enum status open_file(const char *path, int *fd, struct err *err)
{
    char old[PATH_MAX_BYTES];
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        int n = snprintf(old, sizeof(old), "%s.old", path);
        if (n >= (int)sizeof(old) || rename(path, old) != 0)
            return err_set(err, E_IO, "%.150s cannot be kept as .old: %s", path, strerror(errno));
    }
    *fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
    if (*fd < 0)
        return err_set(err, E_IO, "%.150s cannot be written: %s", path, strerror(errno));
    return OK;
}

static void recorder_free(struct recorder *r)
{
    if (r->fd >= 0)
        close(r->fd);
    trace_writer_fini(&r->writer);
    buf_fini(&r->out);
    cond_fini(&r->changed);
    lock_fini(&r->lock);
    alloc_free(r->notes);
    alloc_free(r->taken);
    alloc_free(r);
}

/* The file and its header. */
static enum status begin(struct recorder *r, const char *path, struct err *err)
{
    r->notes = alloc_new(RECORDER_NOTES * sizeof(*r->notes));
    r->taken = alloc_new(RECORDER_NOTES * sizeof(*r->taken));
    if (!r->notes || !r->taken || trace_write_header(&r->out) != OK)
        return err_set(err, E_NO_MEMORY, "no memory to record a trace");
    enum status s = open_file(path, &r->fd, err);
    if (s == OK && !write_out(r))
        s = err_set(err, E_IO, "%.150s cannot be written", path);
    return s;
}

enum status recorder_start(const char *path, uint64_t limit_bytes, struct recorder **out,
                           struct err *err)
{
    struct recorder *r = alloc_zero(1, sizeof(*r));
    if (!r)
        return err_set(err, E_NO_MEMORY, "no memory to record a trace");
    r->fd = -1;
    r->left_bytes = MAX(limit_bytes, TRACE_RECORD);
    lock_init(&r->lock, LOCK_RECORDER);
    cond_init(&r->changed);
    enum status s = begin(r, path, err);
    if (s == OK && pthread_create(&r->thread, NULL, record_all, r) != 0)
        s = err_set(err, E_INTERNAL, "the thread that records could not be started");
    if (s != OK) {
        recorder_free(r);
        return s;
    }
    pthread_setname_np(r->thread, "recorder");
    *out = r;
    return OK;
}

void recorder_stop(struct recorder **recorder)
{
    struct recorder *r = *recorder;
    if (!r)
        return;
    lock_take(&r->lock);
    r->stopping = true;
    cond_wake_one(&r->changed);
    lock_release(&r->lock);
    pthread_join(r->thread, NULL);
    recorder_free(r);
    *recorder = NULL;
}
