/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One thread: it loads the list, then looks again and again whether another one is to be written.
 * Loads come one at a time, so that the other loaders are there for who asks. */
#include "cli/residency.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "catalog/catalog.h"
#include "cli/files.h"

static const char first_line[] = "roost residency 1\n", pinned_mark[] = " pinned";

enum { PAGE = 64 };

struct residency {
    struct residency_config config;
    struct lock lock; /* LOCK_RESIDENCY; guards stopping and loading */
    struct cond changed;
    bool stopping;
    bool loading; /* call is under way */
    struct management_call call;
    struct buf names;   /* of the list that was read, terminated; before each '+' if it is pinned */
    struct buf written; /* what stands in the file */
    uint64_t skipped, loaded, passed_over;
    pthread_t thread;
};

/* ---- the list ---- */

/* Takes the mark of a pinned model from a line's end. */
static bool take_mark(const char *line, size_t *len)
{
    const size_t n = sizeof(pinned_mark) - 1;
    bool marked = *len >= n && memcmp(line + *len - n, pinned_mark, n) == 0;
    *len -= marked ? n : 0;
    return marked;
}

enum status residency_read(const void *bytes, size_t n, residency_fn *fn, void *arg,
                           uint64_t *skipped, struct err *err)
{
    const char *at = bytes, *end = at + n;
    const size_t first = sizeof(first_line) - 1;
    *skipped = 0;
    if (n < first || memcmp(at, first_line, first) != 0)
        return err_set(err, E_CORRUPT, "this is no list of resident models");
    for (at += first; at < end;) {
        char name[MODEL_NAME_MAX + 1];
        struct err why;
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t whole = (size_t)((stop ? stop : end) - at), len = whole;
        bool pinned = take_mark(at, &len);
        if (catalog_name(at, len, name, &why) == OK)
            fn(arg, name, pinned);
        else
            ++*skipped;
        at += whole + (stop ? 1 : 0);
    }
    return OK;
}

struct used {
    uint64_t last_used_us;
    bool pinned;
    char name[MODEL_NAME_MAX + 1];
};

static int hottest_first(const void *a, const void *b)
{
    const struct used *x = a, *y = b;
    if (x->pinned != y->pinned)
        return x->pinned ? -1 : 1;
    if (x->last_used_us != y->last_used_us)
        return x->last_used_us > y->last_used_us ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Appends those of a page that are resident. */
static enum status add_page(const struct slot_info *page, size_t n, struct buf *used)
{
    enum status s = OK;
    for (size_t i = 0; s == OK && i < n; i++) {
        struct used u = {.last_used_us = page[i].last_used_us, .pinned = page[i].kept};
        memcpy(u.name, page[i].name, sizeof(u.name));
        if (page[i].state == SLOT_RESIDENT && !strchr(u.name, CATALOG_VERSION_MARK))
            s = buf_add(used, &u, sizeof(u));
    }
    return s;
}

static enum status collect(struct cache *c, struct buf *used)
{
    char after[MODEL_NAME_MAX + 1] = "";
    size_t n = PAGE;
    struct slot_info *page = alloc_zero(PAGE, sizeof(*page));
    enum status s = page ? OK : E_NO_MEMORY;
    while (s == OK && n == PAGE) {
        n = cache_list(c, after, page, PAGE);
        s = add_page(page, n, used);
        if (n)
            memcpy(after, page[n - 1].name, sizeof(after));
    }
    alloc_free(page);
    return s;
}

enum status residency_write(struct cache *c, struct buf *out)
{
    struct buf used = {0};
    enum status s = collect(c, &used);
    size_t n = used.len / sizeof(struct used);
    const struct used *u = (const void *)used.data;
    if (n)
        qsort(used.data, n, sizeof(*u), hottest_first);
    if (s == OK)
        s = buf_str(out, first_line);
    for (size_t i = 0; s == OK && i < n; i++) {
        s = buf_str(out, u[i].name);
        if (s == OK && u[i].pinned)
            s = buf_str(out, pinned_mark);
        if (s == OK)
            s = buf_char(out, '\n');
    }
    buf_fini(&used);
    return s;
}

/* ---- the start ---- */

static void keep_name(void *residency, const char *name, bool pinned)
{
    struct residency *r = residency;
    char line[MODEL_NAME_MAX + 2];
    int n = snprintf(line, sizeof(line), "%c%s", pinned ? '+' : '-', name);
    if (buf_add(&r->names, line, (size_t)n + 1) != OK)
        r->skipped++;
}

static void read_list(struct residency *r)
{
    struct buf text;
    struct err err;
    buf_init(&text, (uint64_t)r->config.models_max * (MODEL_NAME_MAX + sizeof(pinned_mark)) +
                        sizeof(first_line));
    enum status s = file_read(r->config.path, &text, &err);
    uint64_t skipped = 0;
    if (s == OK)
        s = residency_read(text.data, text.len, keep_name, r, &skipped, &err);
    r->skipped += skipped;
    if (s != OK && s != E_NOT_FOUND)
        LOG(LOG_WARN, "residency_not_read", log_str("file", r->config.path),
            log_str("error", err.msg));
    buf_fini(&text);
}

static bool stopping(struct residency *r)
{
    lock_take(&r->lock);
    bool yes = r->stopping;
    lock_release(&r->lock);
    return yes;
}

static void load_ended(struct management_call *m)
{
    struct residency *r = CONTAINER_OF(m, struct residency, call);
    lock_take(&r->lock);
    r->loading = false;
    cond_wake_all(&r->changed);
    lock_release(&r->lock);
}

static void load_one(struct residency *r, const char *line)
{
    struct management_call *m = &r->call;
    *m = (struct management_call){.hint = HINT_COLD, .keep = *line == '+', .done = load_ended};
    snprintf(m->model, sizeof(m->model), "%s", line + 1);
    r->loading = true;
    endpoint_load(r->config.endpoint, m, clock_now_us());
    lock_take(&r->lock);
    while (r->loading)
        cond_wait(&r->changed, &r->lock, 0);
    lock_release(&r->lock);
    if (m->status == E_NOT_FOUND)
        catalog_forgive(r->config.catalog, m->model, clock_now_us());
    const bool there = m->status == OK || m->status == E_EXISTS || m->status == E_FLOOR;
    ++*(there ? &r->loaded : &r->passed_over);
    if (m->keep && m->status != OK) /* the next list is without it: nobody else would say so */
        LOG(LOG_WARN, "residency_not_pinned", log_str("model", m->model),
            log_str("status", status_name(m->status)), log_str("error", m->err.msg));
}

/* False when a stop came before all were tried. */
static bool load_all(struct residency *r)
{
    uint64_t began_us = clock_now_us();
    size_t at = 0;
    while (at < r->names.len && !stopping(r)) {
        const char *line = (const char *)r->names.data + at;
        load_one(r, line);
        at += strlen(line) + 1;
    }
    if (r->names.len || r->skipped)
        LOG(LOG_INFO, "residency_loaded", log_num("models", (int64_t)r->loaded),
            log_num("passed_over", (int64_t)r->passed_over),
            log_num("lines_skipped", (int64_t)r->skipped),
            log_num("load_us", (int64_t)(clock_now_us() - began_us)));
    return at == r->names.len;
}

/* ---- from then on ---- */

static void write_list(struct residency *r)
{
    struct buf text = {0};
    struct err err = {E_NO_MEMORY, "out of memory"};
    enum status s = residency_write(r->config.cache, &text);
    bool same =
        text.len == r->written.len && text.len && memcmp(text.data, r->written.data, text.len) == 0;
    if (s == OK && !same)
        s = file_write(r->config.path, text.data, text.len, &err);
    if (s != OK)
        LOG(LOG_WARN, "residency_not_written", log_str("file", r->config.path),
            log_str("error", err.msg));
    if (s == OK && !same) {
        buf_fini(&r->written);
        r->written = text;
        return;
    }
    buf_fini(&text);
}

static void *residency_main(void *arg)
{
    struct residency *r = arg;
    read_list(r);
    if (!load_all(r))
        return NULL;
    lock_take(&r->lock);
    while (!r->stopping) {
        uint64_t until_us = clock_now_us() + RESIDENCY_PERIOD_S * UINT64_C(1000000);
        while (!r->stopping && cond_wait(&r->changed, &r->lock, until_us))
            ;
        lock_release(&r->lock);
        write_list(r);
        lock_take(&r->lock);
    }
    lock_release(&r->lock);
    return NULL;
}

static void residency_free(struct residency *r)
{
    buf_fini(&r->names);
    buf_fini(&r->written);
    cond_fini(&r->changed);
    lock_fini(&r->lock);
    alloc_free(r);
}

/* What is there and no file, a FIFO say, would be read and written without end. */
static enum status check_file(const char *path, struct err *err)
{
    int fd = -1;
    struct err ignored; /* what cannot be read is said when it is */
    if (file_open_regular(path, &fd, &ignored) == OK && fd < 0)
        return err_set(err, E_USAGE, "--residency %.150s: it is no regular file", path);
    if (fd >= 0)
        close(fd);
    return OK;
}

enum status residency_start(const struct residency_config *c, struct residency **out,
                            struct err *err)
{
    enum status s = check_file(c->path, err);
    if (s != OK)
        return s;
    struct residency *r = alloc_zero(1, sizeof(*r));
    if (!r)
        return err_set(err, E_NO_MEMORY, "no memory for the list of resident models");
    r->config = *c;
    lock_init(&r->lock, LOCK_RESIDENCY);
    cond_init(&r->changed);
    if (pthread_create(&r->thread, NULL, residency_main, r) != 0) {
        residency_free(r);
        return err_set(err, E_INTERNAL, "the thread that keeps the residency list did not start");
    }
    pthread_setname_np(r->thread, "residency");
    *out = r;
    return OK;
}

void residency_stop(struct residency **residency)
{
    struct residency *r = *residency;
    lock_take(&r->lock);
    r->stopping = true;
    cond_wake_all(&r->changed);
    lock_release(&r->lock);
    pthread_join(r->thread, NULL);
    residency_free(r);
    *residency = NULL;
}
