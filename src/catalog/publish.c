/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Versions: written before they are named, named by one small object. Numbers only rise: the next
 * one is above all that the name ever had, removed versions and numbered folders among them, so
 * that a number means one content for ever.
 *
 * An empty <n>.new is there before version n is, and goes once n has been current: whoever turns
 * the pointer away from n sees to that first. So what has an old <n>.new was never current, and its
 * publish was interrupted. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "catalog/catalog_priv.h"

enum { NUMBER_TRIES = 1000, VERSIONS_FIRST_CAP = 16, NUMBERS_A_SECOND = 1000000 };

static const char gone_ending[] = VERSION_GONE, version_ending[] = VERSION_ENDING,
                  new_ending[] = VERSION_NEW;

static const char *version_key(const char *name, uint64_t n, const char *ending,
                               char out[STORE_KEY_MAX])
{
    snprintf(out, STORE_KEY_MAX, CATALOG_PUBLISHED "%s/%" PRIu64 "%s", name, n, ending);
    return out;
}

bool version_entry(const char *entry, const char *ending, uint64_t *n)
{
    size_t len = strlen(entry), end = strlen(ending);
    return len > end && strcmp(entry + len - end, ending) == 0 &&
           version_parse(entry, len - end, n);
}

/* ---- what is there ---- */

/* What was published. A folder there is a tenant's model, whatever its name. */
static enum status note_published(void *arg, const char *entry, bool is_prefix,
                                  const struct store_object *o)
{
    uint64_t n, *highest = arg;
    UNUSED(o);
    if (!is_prefix &&
        (version_entry(entry, version_ending, &n) || version_entry(entry, gone_ending, &n) ||
         version_entry(entry, new_ending, &n)))
        *highest = MAX(*highest, n);
    return OK;
}

static enum status note_folder(void *arg, const char *entry, bool is_prefix,
                               const struct store_object *o)
{
    uint64_t n, *highest = arg;
    UNUSED(o);
    if (is_prefix && version_parse(entry, strlen(entry), &n))
        *highest = MAX(*highest, n);
    return OK;
}

/* The highest number that the name ever had; 0: none. */
static enum status highest_number(struct store *store, const char *name, uint64_t *highest,
                                  struct err *err)
{
    char published[STORE_KEY_MAX], numbered[STORE_KEY_MAX];
    uint64_t current = 0;
    *highest = 0;
    snprintf(published, sizeof(published), CATALOG_PUBLISHED "%s/", name);
    snprintf(numbered, sizeof(numbered), "%s/", name);
    enum status s = store_list(store, published, note_published, highest, err);
    if (s == OK)
        s = store_list(store, numbered, note_folder, highest, err);
    if (s != OK)
        return s;
    /* A pointer that names nothing must not come to name the next version before its time. */
    s = pointer_read(store, name, &current, err);
    if (s == OK)
        *highest = MAX(*highest, current);
    return s == E_NOT_FOUND || s == E_CORRUPT ? OK : s;
}

/* Versions found so far, and marks that one was not current yet: those have bytes MARK. */
struct found {
    struct catalog_version *at; /* heap */
    size_t count, cap;
};
#define MARK UINT64_MAX

static enum status note_version(void *arg, const char *entry, bool is_prefix,
                                const struct store_object *o)
{
    struct found *f = arg;
    uint64_t n;
    const bool mark = !is_prefix && version_entry(entry, new_ending, &n);
    if (is_prefix || (!mark && !version_entry(entry, version_ending, &n)))
        return OK;
    if (f->count == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : VERSIONS_FIRST_CAP;
        struct catalog_version *at = alloc_grow(f->at, cap * sizeof(*at));
        if (!at)
            return E_NO_MEMORY;
        f->at = at;
        f->cap = cap;
    }
    f->at[f->count++] = (struct catalog_version){
        .n = n, .bytes = mark ? MARK : o->bytes, .modified_ms = o->modified_ms};
    return OK;
}

/* A mark before its version. */
static int highest_first(const void *a, const void *b)
{
    const struct catalog_version *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n) - (x->n > y->n)
                        : (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

/* A version's own mark was written before it. One that is younger is of a publisher that came too
 * late for the number, and died before it could take it back. */
static bool is_own_mark(uint64_t mark_ms, uint64_t version_ms)
{
    return !mark_ms || !version_ms || mark_ms <= version_ms;
}

/* Leaves those that were ever current: what is so now may have its mark still. */
static void drop_marked(struct found *f, uint64_t current)
{
    struct catalog_version mark = {.n = 0};
    size_t left = 0;
    qsort(f->at, f->count, sizeof(*f->at), highest_first);
    for (size_t i = 0; i < f->count; i++) {
        struct catalog_version *v = &f->at[i];
        v->current = v->n == current;
        if (v->bytes == MARK)
            mark = *v;
        else if (v->n != mark.n || v->current || !is_own_mark(mark.modified_ms, v->modified_ms))
            f->at[left++] = *v;
    }
    f->count = left;
}

/* All versions that were ever current, the highest first; bytes are those of their objects. */
static enum status list_versions(struct catalog *c, const char *name, struct catalog_version **out,
                                 size_t *count, struct err *err)
{
    struct store *store = catalog_store(c);
    struct found f = {.at = NULL};
    char prefix[STORE_KEY_MAX];
    uint64_t current = 0;
    snprintf(prefix, sizeof(prefix), CATALOG_PUBLISHED "%s/", name);
    enum status s = pointer_read(store, name, &current, err);
    if (s == OK || s == E_NOT_FOUND) {
        s = store_list(store, prefix, note_version, &f, err);
        if (s == E_NO_MEMORY)
            (void)err_set(err, s, "out of memory while listing versions of '%.120s'", name);
    }
    if (s == OK && f.count)
        drop_marked(&f, current);
    if (s == OK && !f.count)
        s = err_set(err, E_NOT_FOUND, "no version of '%.160s' was published", name);
    if (s != OK) {
        alloc_free(f.at);
        return s;
    }
    *out = f.at;
    *count = f.count;
    return OK;
}

enum status catalog_versions(struct catalog *c, const char *name, const atomic_bool *cancelled,
                             struct catalog_version **out, size_t *count, struct err *err)
{
    char key[STORE_KEY_MAX];
    struct catalog_version *all = NULL;
    enum status s = list_versions(c, name, &all, count, err);
    for (size_t i = 0; s == OK && i < *count; i++) {
        struct catalog_version *v = &all[i];
        if (cancelled && atomic_load(cancelled))
            s = err_set(err, E_CANCELLED, "nobody waits for the versions of '%.160s' any more",
                        name);
        else
            s = apart_whole_bytes(catalog_store(c), version_key(name, v->n, version_ending, key),
                                  &(struct store_object){.bytes = v->bytes}, &v->bytes, err);
    }
    if (s == OK)
        *out = all;
    else
        alloc_free(all);
    return s;
}

/* ---- what is changed ---- */

/* Version n has been current, or there is none.  errors: those of store_delete */
static enum status forget_new(struct store *store, const char *name, uint64_t n, struct err *err)
{
    char key[STORE_KEY_MAX];
    enum status s = store_delete(store, version_key(name, n, new_ending, key), err);
    return s == E_NOT_FOUND ? OK : s;
}

/* With the turn. */
static enum status flip(struct catalog *c, const char *name, uint64_t n, struct err *err)
{
    char key[STORE_KEY_MAX], text[32];
    uint64_t was;
    snprintf(key, sizeof(key), CATALOG_PUBLISHED "%s/current", name);
    int len = snprintf(text, sizeof(text), "%" PRIu64 "\n", n);
    const struct store_source pointer = {.bytes = text, .n = (uint64_t)len};
    enum status s = pointer_read(catalog_store(c), name, &was, err);
    if (s == OK)
        s = forget_new(catalog_store(c), name, was, err);
    else if (s == E_NOT_FOUND || s == E_CORRUPT)
        s = OK;
    if (s == OK)
        s = store_put(catalog_store(c), key, &pointer, err);
    /* What is flipped is flipped: a failure leaves this to the next one. */
    if (s == OK)
        (void)!forget_new(catalog_store(c), name, n, NULL);
    return s;
}

/* A number above `above` that nobody else has: the second, and one of a million. It has 16 digits,
 * and so is exact as a JavaScript number too. */
static uint64_t unshared_number(uint64_t above)
{
    uint64_t r;
    if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
        r = clock_now_us();
    r %= NUMBERS_A_SECOND;
    return MAX(clock_wall_ms() / 1000 * NUMBERS_A_SECOND, above + 1) + r;
}

/* Writes the object as version n; E_EXISTS: somebody has the number. fresh: the store says so. */
static enum status take_number(struct store *store, const char *name, uint64_t n, bool fresh,
                               const struct store_source *object, struct err *err)
{
    if (n > VERSION_MAX)
        return err_set(err, E_STORE, "'%.120s' has the last version there can be", name);
    enum status (*put)(struct store *, const char *, const struct store_source *, struct err *) =
        fresh ? store_put_new : store_put;
    const struct store_source nothing = {.bytes = "", .n = 0};
    struct store_object o;
    char key[STORE_KEY_MAX];
    enum status s = put(store, version_key(name, n, new_ending, key), &nothing, err);
    if (s != OK)
        return s;
    s = put(store, version_key(name, n, version_ending, key), object, err);
    /* A put that failed may have happened all the same: then the collector sees to it. */
    if (s != OK && (s == E_EXISTS || store_stat(store, key, &o, NULL) == E_NOT_FOUND))
        (void)!forget_new(store, name, n, NULL);
    return s;
}

/* Writes the object as version *n, which it sets, of a store that cannot write under a condition.
 */
static enum status put_unshared(struct store *store, const char *name,
                                const struct store_source *object, uint64_t *n, struct err *err)
{
    struct store_object o;
    char key[STORE_KEY_MAX];
    enum status s = OK;
    for (int i = 0; s == OK && i < NUMBER_TRIES; i++) {
        *n = unshared_number(*n);
        s = store_stat(store, version_key(name, *n, version_ending, key), &o, err);
    }
    if (s == E_NOT_FOUND)
        return take_number(store, name, *n, false, object, err);
    return s == OK ? E_EXISTS : s;
}

/* … as the first free version above *n, which it sets. */
static enum status put_version(struct store *store, const char *name,
                               const struct store_source *object, uint64_t *n, struct err *err)
{
    uint64_t highest = *n;
    enum status s = E_EXISTS;
    for (int i = 0; s == E_EXISTS && i < NUMBER_TRIES; i++)
        s = take_number(store, name, ++*n, true, object, err);
    if (s == E_UNSUPPORTED) {
        *n = highest;
        s = put_unshared(store, name, object, n, err);
    }
    return s == E_EXISTS
               ? err_set(err, E_STORE, "no number is free for a version of '%.120s'", name)
               : s;
}

/* With the turn. Not to what somebody removed, who saw that nothing names it. */
static enum status flip_there(struct catalog *c, const char *name, uint64_t n, struct err *err)
{
    struct store_object o;
    char key[STORE_KEY_MAX];
    enum status s =
        store_stat(catalog_store(c), version_key(name, n, version_ending, key), &o, err);
    if (s == E_NOT_FOUND)
        return err_set(err, E_STORE, "version %" PRIu64 " of '%.120s' was removed meanwhile", n,
                       name);
    return s == OK ? flip(c, name, n, err) : s;
}

/* A version may be called: its blobs are all there, and none is old enough to be collected. */
static enum status make_current(struct catalog *c, const char *name, uint64_t n, uint64_t began_us,
                                struct err *err)
{
    enum status s = OK;
    catalog_turn_take(c);
    if (catalog_now_us(c) - began_us > (uint64_t)CATALOG_PUBLISH_MS * 1000)
        s = err_set(err, E_STORE,
                    "publishing '%.120s' took more than %d minutes: its blobs may be taken for old",
                    name, CATALOG_PUBLISH_MS / 60000);
    else
        s = flip_there(c, name, n, err);
    catalog_turn_give(c);
    return s;
}

enum status catalog_publish(struct catalog *c, const char *name,
                            const struct store_source *artifact, uint64_t *version, struct err *err)
{
    const uint64_t began_us = catalog_now_us(c);
    struct apart a;
    uint64_t n = 0;
    enum status s = apart_init(artifact, &a, err);
    if (s != OK)
        return s;
    struct store_source object = *artifact;
    object.n = a.object_bytes;
    s = apart_write(catalog_store(c), name, &a, err);
    if (s == OK)
        s = highest_number(catalog_store(c), name, &n, err);
    if (s == OK)
        s = put_version(catalog_store(c), name, &object, &n, err);
    /* Once more: what a collector took that had looked before they were young. */
    if (s == OK)
        s = apart_write(catalog_store(c), name, &a, err);
    apart_fini(&a);
    if (s == OK)
        s = make_current(c, name, n, began_us, err);
    if (s != OK)
        return s;
    catalog_note_published(c, name);
    char one[MODEL_NAME_MAX + 1];
    catalog_version_name(name, n, one);
    catalog_note_present(c, one);
    *version = n;
    return OK;
}

/* The highest version below `below`. */
static enum status version_before(struct catalog *c, const char *name, uint64_t below, uint64_t *n,
                                  struct err *err)
{
    struct catalog_version *all;
    size_t count, i = 0;
    enum status s = list_versions(c, name, &all, &count, err);
    if (s != OK)
        return s;
    while (i < count && all[i].n >= below)
        i++;
    if (i < count)
        *n = all[i].n;
    else
        s = err_set(err, E_NOT_FOUND, "'%.160s' has no version before %" PRIu64, name, below);
    alloc_free(all);
    return s;
}

static enum status no_version(const char *name, uint64_t n, struct err *err)
{
    return err_set(err, E_NOT_FOUND, "'%.160s' has no version %" PRIu64, name, n);
}

enum status version_look(struct store *store, const char *name, uint64_t n, struct store_object *o,
                         bool *marked, struct err *err)
{
    struct store_object mark;
    char key[STORE_KEY_MAX];
    enum status s = store_stat(store, version_key(name, n, version_ending, key), o, err);
    if (s == E_NOT_FOUND)
        return no_version(name, n, err);
    if (s == OK) {
        s = store_stat(store, version_key(name, n, new_ending, key), &mark, err);
        *marked = s == OK && is_own_mark(mark.modified_ms, o->modified_ms);
    }
    return s == E_NOT_FOUND ? OK : s;
}

/* With the turn. */
static enum status roll_back(struct catalog *c, const char *name, uint64_t *version,
                             struct err *err)
{
    struct store_object o;
    uint64_t current = 0;
    bool marked = false;
    enum status s = pointer_read(catalog_store(c), name, &current, err);
    if (!*version) {
        if (s == E_NOT_FOUND)
            return err_set(err, s, "no version of '%.160s' was published", name);
        if (s == OK)
            s = version_before(c, name, current, version, err);
    } else if (s == E_NOT_FOUND || s == E_CORRUPT) {
        s = OK; /* what is asked for mends it */
    }
    if (s == OK)
        s = version_look(catalog_store(c), name, *version, &o, &marked, err);
    if (s == OK && marked && *version != current)
        s = no_version(name, *version, err);
    return s == OK ? flip(c, name, *version, err) : s;
}

enum status catalog_rollback(struct catalog *c, const char *name, uint64_t *version,
                             struct err *err)
{
    catalog_turn_take(c);
    enum status s = roll_back(c, name, version, err);
    catalog_turn_give(c);
    if (s == OK)
        catalog_note_published(c, name);
    return s;
}

/* With the turn; other nodes have theirs. A version's mark goes after the pointer was set to it,
 * and, where its publisher died, before the pointer is set to another. So one without a mark is, or
 * was, current when the pointer is read after that; and one that still has its mark after the
 * pointer was read was not current before. */
static enum status delete_version(struct catalog *c, const char *name, uint64_t version,
                                  bool orphan, struct err *err)
{
    struct store *store = catalog_store(c);
    const struct store_source nothing = {.bytes = "", .n = 0};
    char key[STORE_KEY_MAX];
    struct store_object o;
    uint64_t before = 0, current = 0;
    bool marked = false;
    enum status s = pointer_read(store, name, &before, err);
    if (s == OK || s == E_NOT_FOUND)
        s = version_look(store, name, version, &o, &marked, err);
    if (s != OK)
        return s;
    s = pointer_read(store, name, &current, err);
    if (s != OK && s != E_NOT_FOUND)
        return s;
    if (before == version || current == version)
        return err_set(err, E_EXISTS,
                       "version %" PRIu64 " of '%.120s' is the current one: roll back first",
                       version, name);
    if (marked != orphan)
        return no_version(name, version, err);
    /* Whatever is above it now: that may be a publish that comes to nothing. */
    s = store_put(store, version_key(name, version, gone_ending, key), &nothing, err);
    return s == OK ? store_delete(store, version_key(name, version, version_ending, key), err) : s;
}

static enum status delete_in_turn(struct catalog *c, const char *name, uint64_t version,
                                  bool orphan, struct err *err)
{
    catalog_turn_take(c);
    enum status s = delete_version(c, name, version, orphan, err);
    catalog_turn_give(c);
    return s;
}

enum status catalog_delete_version(struct catalog *c, const char *name, uint64_t version,
                                   struct err *err)
{
    return delete_in_turn(c, name, version, false, err);
}

enum status catalog_delete_orphan(struct catalog *c, const char *name, uint64_t version,
                                  struct err *err)
{
    return delete_in_turn(c, name, version, true, err);
}
