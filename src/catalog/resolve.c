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

/* *set_ms: when the pointer was written. */
static enum status read_pointer(struct store *store, const char *name, uint64_t *n,
                                uint64_t *set_ms, struct err *err)
{
    char key[STORE_KEY_MAX], text[POINTER_BYTES_MAX];
    struct store_first f = {.to = (uint8_t *)text, .room = sizeof(text)};
    snprintf(key, sizeof(key), CATALOG_PUBLISHED "%s/current", name);
    enum status s = store_first(store, key, &f, err);
    if (s != OK)
        return s;
    if (f.object.bytes > sizeof(text))
        return err_set(err, E_CORRUPT, "%.120s holds %" PRIu64 " bytes, not a version", key,
                       f.object.bytes);
    *set_ms = f.object.modified_ms;
    size_t len = f.n;
    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' '))
        len--;
    if (!version_parse(text, len, n))
        return err_set(err, E_CORRUPT, "%.120s holds '%.*s', not a version", key, (int)len, text);
    return OK;
}

enum status pointer_read(struct store *store, const char *name, uint64_t *n, struct err *err)
{
    uint64_t set_ms;
    return read_pointer(store, name, n, &set_ms, err);
}

/* How a name is resolved. */
struct search {
    struct store *store;
    const char *name;
    bool look; /* whatever it costs */
};

/* *set_ms: when the pointer was written. */
static enum status find_published(const struct search *f, struct resolved *out, uint64_t *set_ms,
                                  struct err *err)
{
    uint64_t n, before = 0;
    enum status s = read_pointer(f->store, f->name, &n, set_ms, err);
    if (s != OK)
        return s;
    do {
        set_version(out, n);
        snprintf(out->key, sizeof(out->key), CATALOG_PUBLISHED "%s/%" PRIu64 ".roost", f->name, n);
        out->looked = f->look || !store_is_far(f->store);
        if (!out->looked)
            return OK;
        s = store_stat(f->store, out->key, &out->object, err);
        before = n;
        /* One that was current a moment ago may be gone since: what is current now? */
    } while (s == E_NOT_FOUND && pointer_read(f->store, f->name, &n, NULL) == OK && n != before);
    /* A version is written before its pointer: this is a store between two states. */
    if (s == E_NOT_FOUND)
        return err_set(err, E_STORE, "version %" PRIu64 " of '%.120s' is current and not there", n,
                       f->name);
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
static const char *const endings[] = {".roost", ".onnx", ".ubj", ".json", ".tar.gz", NULL};

size_t catalog_ending(const char *file, size_t len)
{
    for (size_t i = 0; endings[i]; i++) {
        size_t n = strlen(endings[i]);
        if (len > n && memcmp(file + len - n, endings[i], n) == 0)
            return n;
    }
    return 0;
}

/* What is found at the stem. */
static void take_found(const char *stem, const struct store_found *found, struct resolved *out)
{
    snprintf(out->key, sizeof(out->key), "%s%s", stem, endings[found->which]);
    out->raw = found->which > 0;
    out->object = found->object;
    out->looked = found->looked;
}

static enum status find_stem(const struct search *f, const char *stem, struct resolved *out,
                             struct err *err)
{
    struct store_found found;
    enum status s = store_find(f->store, stem, endings, &found, err);
    if (s == OK)
        take_found(stem, &found, out);
    return s;
}

static enum status find_numbered(const struct search *f, struct resolved *out, struct err *err)
{
    char prefix[STORE_KEY_MAX], stem[STORE_KEY_MAX];
    snprintf(prefix, sizeof(prefix), "%s/", f->name);
    struct highest h = {.below = UINT64_MAX};
    for (int i = 0; i < VERSIONS_TRIED_MAX; i++) {
        h.best = 0;
        enum status s = store_list(f->store, prefix, note_highest, &h, err);
        if (s != OK)
            return s;
        if (!h.best)
            break;
        set_version(out, h.best);
        snprintf(stem, sizeof(stem), "%s/%" PRIu64 "/model", f->name, h.best);
        s = find_stem(f, stem, out, err);
        if (s != E_NOT_FOUND)
            return s;
        h.below = h.best;
    }
    return err_set(err, E_NOT_FOUND, "no version of '%.120s' holds a model", f->name);
}

/* What nobody published: it lies where it was put. One listing of a store that is far tells whether
 * there is a folder for numbers at all. */
static enum status find_file(const struct search *f, struct resolved *out, struct err *err)
{
    struct store_found plain = {.below = true};
    enum status has = OK, s = E_NOT_FOUND;
    const bool far = store_is_far(f->store);
    if (far)
        has = store_find(f->store, f->name, endings, &plain, err);
    if (has != OK && has != E_NOT_FOUND)
        return has;
    if (plain.below)
        s = find_numbered(f, out, err);
    if (s != E_NOT_FOUND)
        return s;
    if (!far)
        has = store_find(f->store, f->name, endings, &plain, err);
    out->version[0] = 0;
    if (has == OK)
        take_found(f->name, &plain, out);
    return has;
}

/* A listing's word is enough for an artifact, whose first read looks at it again. */
static enum status look_at(const struct search *f, struct resolved *out, struct err *err)
{
    if (out->looked || (!f->look && !out->raw))
        return OK;
    enum status s = store_stat(f->store, out->key, &out->object, err);
    out->looked = s == OK;
    return s == E_NOT_FOUND
               ? err_set(err, E_STORE, "%.160s went away while it was looked for", out->key)
               : s;
}

/* A published one that is, or was, current.  errors: E_NOT_FOUND */
static enum status find_listed(const struct search *f, const char *name, uint64_t n,
                               struct resolved *out, struct err *err)
{
    uint64_t current = 0;
    bool marked = false;
    enum status s = version_look(f->store, name, n, &out->object, &marked, err);
    if (s != OK || !marked)
        return s;
    s = pointer_read(f->store, name, &current, err);
    return s == OK && current != n ? E_NOT_FOUND : s;
}

/* One version, by its number: published, or in a numbered folder. */
static enum status find_version(const struct search *f, const char *mark, struct resolved *out,
                                struct err *err)
{
    char name[MODEL_NAME_MAX + 1];
    snprintf(name, sizeof(name), "%.*s", (int)(mark - f->name), f->name);
    uint64_t n;
    if (!version_parse(mark + 1, strlen(mark + 1), &n))
        return err_set(err, E_NOT_FOUND, "'%.160s' is no version", f->name);
    set_version(out, n);
    snprintf(out->key, sizeof(out->key), CATALOG_PUBLISHED "%s/%" PRIu64 VERSION_ENDING, name, n);
    out->looked = true;
    enum status s = find_listed(f, name, n, out, err);
    if (s == E_NOT_FOUND) {
        char stem[STORE_KEY_MAX];
        snprintf(stem, sizeof(stem), "%s/%" PRIu64 "/model", name, n);
        s = find_stem(f, stem, out, err);
        s = s == OK ? look_at(f, out, err) : s;
    }
    return s != E_NOT_FOUND ? s
                            : err_set(err, s, "model '%.160s' has no version %" PRIu64, name, n);
}

static enum status resolve(const struct search *f, struct resolved *out, struct err *err)
{
    const char *mark = strchr(f->name, CATALOG_VERSION_MARK);
    struct resolved file = {.raw = false};
    uint64_t set_ms = 0;
    *out = (struct resolved){.raw = false};
    if (mark)
        return find_version(f, mark, out, err);
    enum status published = find_published(f, out, &set_ms, err);
    if (published != OK && published != E_NOT_FOUND)
        return published;
    enum status s = find_file(f, &file, err);
    if (s == OK && (published != OK || file.object.modified_ms > set_ms)) {
        *out = file;
        return look_at(f, out, err);
    }
    if (s == E_NOT_FOUND && published != OK)
        return err_set(err, s, "model '%.120s' is not in the store", f->name);
    return s == E_NOT_FOUND ? OK : s;
}

enum status catalog_resolve(struct store *store, const char *name, struct resolved *out,
                            struct err *err)
{
    return resolve(&(struct search){store, name, true}, out, err);
}

enum status catalog_resolve_place(struct store *store, const char *name, struct resolved *out,
                                  struct err *err)
{
    return resolve(&(struct search){store, name, false}, out, err);
}
