/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "loader/common.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "metrics/metrics.h"

/* ---- the text ---- */

static int digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_line(const uint8_t *line, uint8_t hash[SHA256_BYTES])
{
    for (int i = 0; i < SHA256_BYTES; i++) {
        int high = digit(line[2 * i]), low = digit(line[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        hash[i] = (uint8_t)(high << 4 | low);
    }
    return line[COMMON_LINE_BYTES - 1] == '\n';
}

static int by_hash(const void *a, const void *b)
{
    return memcmp(a, b, SHA256_BYTES);
}

/* Puts the hashes in order, each once. */
static void settle(struct common_set *s)
{
    uint32_t kept = 0;
    qsort(s->hashes, s->count, SHA256_BYTES, by_hash);
    for (uint32_t i = 0; i < s->count; i++)
        if (!kept || memcmp(s->hashes[kept - 1], s->hashes[i], SHA256_BYTES) != 0)
            memmove(s->hashes[kept++], s->hashes[i], SHA256_BYTES);
    s->count = kept;
}

enum status common_parse(const void *text, size_t n, struct common_set **out, struct err *err)
{
    if (n > COMMON_FILE_MAX)
        return err_set(err, E_TOO_LARGE, "%zu bytes, at most %d blobs can be common", n,
                       COMMON_BLOBS_MAX);
    const uint32_t lines = (uint32_t)(n / COMMON_LINE_BYTES);
    struct common_set *s = alloc_new(sizeof(*s) + (size_t)lines * SHA256_BYTES);
    if (!s)
        return err_set(err, E_NO_MEMORY, "no memory for %" PRIu32 " common blobs", lines);
    s->count = lines;
    for (uint32_t i = 0; i < lines; i++)
        if (!read_line((const uint8_t *)text + (size_t)i * COMMON_LINE_BYTES, s->hashes[i])) {
            alloc_free(s);
            return err_set(err, E_CORRUPT, "line %" PRIu32 " is no SHA-256", i + 1);
        }
    if (n % COMMON_LINE_BYTES) {
        alloc_free(s);
        return err_set(err, E_CORRUPT, "line %" PRIu32 " is no SHA-256", lines + 1);
    }
    settle(s);
    *out = s;
    return OK;
}

bool common_set_has(const struct common_set *s, const uint8_t hash[SHA256_BYTES])
{
    return s && bsearch(hash, s->hashes, s->count, SHA256_BYTES, by_hash);
}

/* ---- the object ---- */

void common_init(struct common *c)
{
    *c = (struct common){.set = NULL};
    lock_init(&c->lock, LOCK_COMMON);
    cond_init(&c->looked);
}

void common_fini(struct common *c)
{
    alloc_free(c->set);
    cond_fini(&c->looked);
    lock_fini(&c->lock);
}

static enum status fetch(struct store *store, const struct store_object *o, struct common_set **out,
                         struct err *err)
{
    if (o->bytes > COMMON_FILE_MAX)
        return err_set(err, E_TOO_LARGE, "%" PRIu64 " bytes, at most %d blobs can be common",
                       o->bytes, COMMON_BLOBS_MAX);
    uint8_t *text = alloc_new((size_t)o->bytes + 1);
    if (!text)
        return err_set(err, E_NO_MEMORY, "no memory for %" PRIu64 " bytes", o->bytes);
    enum status s = store_read(store, COMMON_KEY, o->tag, 0, text, (size_t)o->bytes, err);
    if (s == OK)
        s = common_parse(text, (size_t)o->bytes, out, err);
    alloc_free(text);
    return s;
}

/* What a look found. */
struct look {
    struct common_set *set;
    struct store_object object;
    bool changed;
};

/* tag: of what is known. */
static enum status look(struct store *store, const char *tag, struct look *out, struct err *err)
{
    enum status s = store_stat(store, COMMON_KEY, &out->object, err);
    if (s == E_NOT_FOUND) {
        out->object = (struct store_object){.tag = ""};
        out->changed = true;
        return OK;
    }
    if (s != OK || strcmp(tag, out->object.tag) == 0)
        return s;
    s = fetch(store, &out->object, &out->set, err);
    out->changed = s == OK;
    return s;
}

/* next_us: of the next look */
static void take_in(struct common *c, const struct look *l, enum status s, uint64_t next_us)
{
    struct common_set *old = NULL;
    lock_take(&c->lock);
    if (l->changed) {
        old = c->set;
        c->set = l->set;
        metric_set(M_COMMON_BLOBS, c->set ? c->set->count : 0);
    }
    if (l->changed || s == E_CORRUPT || s == E_TOO_LARGE) /* it is looked at once */
        memcpy(c->tag, l->object.tag, sizeof(c->tag));
    c->look_us = next_us;
    c->looking = false;
    cond_wake_all(&c->looked);
    lock_release(&c->lock);
    alloc_free(old);
}

/* Is it this thread's turn to look? */
static bool begin(struct common *c, uint64_t now_us, char tag[STORE_TAG_MAX])
{
    lock_take(&c->lock);
    const bool first = !c->look_us;
    const bool due = !c->looking && (first || now_us >= c->look_us);
    if (due) {
        c->looking = true;
        memcpy(tag, c->tag, sizeof(c->tag));
    }
    while (!due && first && c->looking)
        cond_wait(&c->looked, &c->lock, 0);
    lock_release(&c->lock);
    return due;
}

void common_look(struct common *c, struct store *store, uint64_t now_us)
{
    struct look l = {.changed = false};
    struct err err;
    char tag[STORE_TAG_MAX];
    if (!begin(c, now_us, tag))
        return;
    enum status s = look(store, tag, &l, &err);
    if (s != OK)
        LOG(LOG_WARN, "common_not_read", log_str("key", COMMON_KEY),
            log_str("status", status_name(s)), log_str("error", err.msg));
    else if (l.changed && strcmp(tag, l.object.tag) != 0)
        LOG(LOG_INFO, "common_read", log_num("blobs", l.set ? (int64_t)l.set->count : 0));
    take_in(c, &l, s, now_us + COMMON_LOOK_US);
}

bool common_has(struct common *c, const uint8_t hash[SHA256_BYTES])
{
    lock_take(&c->lock);
    bool has = common_set_has(c->set, hash);
    lock_release(&c->lock);
    return has;
}
