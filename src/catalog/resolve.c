/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One name to one artifact, by places in the order of their right. Each place either finds the
 * object, says E_NOT_FOUND so that the next is asked, or fails. What was published comes first,
 * unless a file was put beside it later than its pointer was set: both times are the store's. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "catalog/catalog_priv.h"

enum {
    VERSION_DIGITS_MAX = 18,
    FLIPS_SEEN_MAX = 100,    /* of a pointer, while it is read once */
    POINTER_BYTES_MAX = 32,  /* the text of `current`, white space included */
    VERSIONS_TRIED_MAX = 64, /* numbered folders without a model in them that are passed over */
};

bool version_parse(const char *s, size_t len, uint64_t *n)
{
    if (!len || len > VERSION_DIGITS_MAX || s[0] == '0')
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(s[i] - '0');
    }
    *n = v;
    return true;
}

static void set_version(struct resolved *out, uint64_t n)
{
    snprintf(out->version, sizeof(out->version), "%" PRIu64, n);
}

/* The pointer that o is. */
static enum status read_pointer(struct store *store, const char *key,
                                const struct store_object *was, uint64_t *n, struct err *err)
{
    char text[POINTER_BYTES_MAX];
    const struct store_object o = *was;
    if (o.bytes > sizeof(text))
        return err_set(err, E_CORRUPT, "%.120s holds %" PRIu64 " bytes, not a version", key,
                       o.bytes);
    enum status s = store_read(store, key, o.tag, 0, text, (size_t)o.bytes, err);
    if (s != OK)
        return s;
    size_t len = (size_t)o.bytes;
    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' '))
        len--;
    if (!version_parse(text, len, n))
        return err_set(err, E_CORRUPT, "%.120s holds '%.*s', not a version", key, (int)len, text);
    return OK;
}

/* A pointer that is flipped between the look and the read is looked at again: that is no failure of
 * the store, and publishers that hurry each other all end. */
static enum status look_at_pointer(struct store *store, const char *name, uint64_t *n,
                                   struct store_object *o, struct err *err)
{
    char key[STORE_KEY_MAX];
    struct store_object now;
    snprintf(key, sizeof(key), CATALOG_PUBLISHED "%s/current", name);
    enum status s = store_stat(store, key, o, err);
    if (s != OK)
        return s;
    s = read_pointer(store, key, o, n, err);
    for (int i = 0; s == E_STORE && i < FLIPS_SEEN_MAX; i++) {
        if (store_stat(store, key, &now, NULL) != OK || strcmp(now.tag, o->tag) == 0)
            break;
        *o = now;
        s = read_pointer(store, key, o, n, err);
    }
    return s;
}

enum status pointer_read(struct store *store, const char *name, uint64_t *n, struct err *err)
{
    struct store_object o;
    return look_at_pointer(store, name, n, &o, err);
}

/* *set_ms: when the pointer was written. */
static enum status find_published(struct store *store, const char *name, struct resolved *out,
                                  uint64_t *set_ms, struct err *err)
{
    uint64_t n, before = 0;
    struct store_object pointer;
    enum status s = look_at_pointer(store, name, &n, &pointer, err);
    if (s != OK)
        return s;
    *set_ms = pointer.modified_ms;
    do {
        set_version(out, n);
        snprintf(out->key, sizeof(out->key), CATALOG_PUBLISHED "%s/%" PRIu64 ".roost", name, n);
        s = store_stat(store, out->key, &out->object, err);
        before = n;
        /* One that was current a moment ago may be gone since: what is current now? */
    } while (s == E_NOT_FOUND && pointer_read(store, name, &n, NULL) == OK && n != before);
    /* A version is written before its pointer: this is a store between two states. */
    if (s == E_NOT_FOUND)
        return err_set(err, E_STORE, "version %" PRIu64 " of '%.120s' is current and not there", n,
                       name);
    return s;
}

/* The highest numbered folder below `below`. */
struct highest {
    uint64_t below, best;
};

static enum status note_highest(void *arg, const char *name, bool is_prefix,
                                const struct store_object *o)
{
    struct highest *h = arg;
    uint64_t n;
    UNUSED(o);
    if (is_prefix && version_parse(name, strlen(name), &n) && n < h->below && n > h->best)
        h->best = n;
    return OK;
}

/* What a name's file may end in, in the order of their right: the artifact, then model files that
 * are not compiled yet. */
static const char *const endings[] = {".roost", ".onnx", ".ubj", ".json", ".tar.gz"};

size_t catalog_ending(const char *file, size_t len)
{
    for (size_t i = 0; i < ARRAY_COUNT(endings); i++) {
        size_t n = strlen(endings[i]);
        if (len > n && memcmp(file + len - n, endings[i], n) == 0)
            return n;
    }
    return 0;
}

static enum status find_stem(struct store *store, const char *stem, struct resolved *out,
                             struct err *err)
{
    enum status s = E_NOT_FOUND;
    for (size_t i = 0; s == E_NOT_FOUND && i < ARRAY_COUNT(endings); i++) {
        snprintf(out->key, sizeof(out->key), "%s%s", stem, endings[i]);
        s = store_stat(store, out->key, &out->object, err);
        out->raw = i > 0;
    }
    return s;
}

static enum status find_numbered(struct store *store, const char *name, struct resolved *out,
                                 struct err *err)
{
    char prefix[STORE_KEY_MAX], stem[STORE_KEY_MAX];
    snprintf(prefix, sizeof(prefix), "%s/", name);
    struct highest h = {.below = UINT64_MAX};
    for (int i = 0; i < VERSIONS_TRIED_MAX; i++) {
        h.best = 0;
        enum status s = store_list(store, prefix, note_highest, &h, err);
        if (s != OK)
            return s;
        if (!h.best)
            break;
        set_version(out, h.best);
        snprintf(stem, sizeof(stem), "%s/%" PRIu64 "/model", name, h.best);
        s = find_stem(store, stem, out, err);
        if (s != E_NOT_FOUND)
            return s;
        h.below = h.best;
    }
    return err_set(err, E_NOT_FOUND, "no version of '%.120s' holds a model", name);
}

static enum status find_plain(struct store *store, const char *name, struct resolved *out,
                              struct err *err)
{
    out->version[0] = 0;
    return find_stem(store, name, out, err);
}

/* What nobody published: it lies where it was put. */
static enum status find_file(struct store *store, const char *name, struct resolved *out,
                             struct err *err)
{
    enum status s = find_numbered(store, name, out, err);
    return s == E_NOT_FOUND ? find_plain(store, name, out, err) : s;
}

/* One version, by its number: published, or in a numbered folder. */
static enum status find_version(struct store *store, const char *name, const char *mark,
                                struct resolved *out, struct err *err)
{
    const int len = (int)(mark - name);
    uint64_t n;
    if (!version_parse(mark + 1, strlen(mark + 1), &n))
        return err_set(err, E_NOT_FOUND, "'%.160s' is no version", name);
    set_version(out, n);
    snprintf(out->key, sizeof(out->key), CATALOG_PUBLISHED "%.*s/%" PRIu64 ".roost", len, name, n);
    enum status s = store_stat(store, out->key, &out->object, err);
    if (s == E_NOT_FOUND) {
        char stem[STORE_KEY_MAX];
        snprintf(stem, sizeof(stem), "%.*s/%" PRIu64 "/model", len, name, n);
        s = find_stem(store, stem, out, err);
    }
    return s != E_NOT_FOUND
               ? s
               : err_set(err, s, "model '%.*s' has no version %" PRIu64, MIN(len, 160), name, n);
}

enum status catalog_resolve(struct store *store, const char *name, struct resolved *out,
                            struct err *err)
{
    const char *mark = strchr(name, CATALOG_VERSION_MARK);
    struct resolved file = {.raw = false};
    uint64_t set_ms = 0;
    *out = (struct resolved){.raw = false};
    if (mark)
        return find_version(store, name, mark, out, err);
    enum status published = find_published(store, name, out, &set_ms, err);
    if (published != OK && published != E_NOT_FOUND)
        return published;
    enum status s = find_file(store, name, &file, err);
    if (s == OK && (published != OK || file.object.modified_ms > set_ms))
        *out = file;
    if (s == E_NOT_FOUND && published != OK)
        return err_set(err, s, "model '%.120s' is not in the store", name);
    return s == E_NOT_FOUND ? OK : s;
}
