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

enum { NUMBER_TRIES = 1000, NUMBERS_A_SECOND = 1000000 };

/* ---- numbers ---- */

/* What was published. A folder there is a tenant's model, whatever its name. */
static enum status note_published(void *arg, const char *entry, bool is_prefix,
                                  const struct store_object *o)
{
    uint64_t n, *highest = arg;
    UNUSED(o);
    if (!is_prefix &&
        (version_entry(entry, VERSION_ENDING, &n) || version_entry(entry, VERSION_GONE, &n) ||
         version_entry(entry, VERSION_NEW, &n)))
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

/* ---- what is changed ---- */

/* Version n has been current, or there is none.  errors: those of store_delete */
static enum status forget_new(struct store *store, const char *name, uint64_t n, struct err *err)
{
    char key[STORE_KEY_MAX];
    enum status s = store_delete(store, version_key(name, n, VERSION_NEW, key), err);
    return s == E_NOT_FOUND ? OK : s;
}

/* Whatever the store said to it: a put that failed may have happened. */
static void note_flipped(struct catalog *c, const char *name, uint64_t n)
{
    char one[MODEL_NAME_MAX + 1];
    catalog_note_published(c, name);
    catalog_version_name(name, n, one);
    catalog_note_present(c, one);
}

/* Turns the pointer to n, once `may` says so, if it is not NULL. With the turn. */
typedef enum status may_fn(struct catalog *c, const char *name, uint64_t n, struct err *err);
static enum status flip(struct catalog *c, const char *name, uint64_t n, may_fn *may,
                        struct err *err)
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
    if (s == OK && may)
        s = may(c, name, n, err);
    if (s != OK)
        return s;
    s = store_put(catalog_store(c), key, &pointer, err);
    note_flipped(c, name, n);
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
    enum status s = put(store, version_key(name, n, VERSION_NEW, key), &nothing, err);
    if (s != OK)
        return s;
    s = put(store, version_key(name, n, VERSION_ENDING, key), object, err);
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
        s = store_stat(store, version_key(name, *n, VERSION_ENDING, key), &o, err);
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
        return version_none(name, version, err);
    /* Whatever is above it now: that may be a publish that comes to nothing. */
    s = store_put(store, version_key(name, version, VERSION_GONE, key), &nothing, err);
    return s == OK ? store_delete(store, version_key(name, version, VERSION_ENDING, key), err) : s;
}

/* Not to what somebody removed, who saw that nothing names it. */
static enum status may_be_current(struct catalog *c, const char *name, uint64_t n, struct err *err)
{
    struct store_object o;
    char key[STORE_KEY_MAX];
    enum status s =
        store_stat(catalog_store(c), version_key(name, n, VERSION_ENDING, key), &o, err);
    return s == E_NOT_FOUND
               ? err_set(err, E_STORE, "version %" PRIu64 " of '%.120s' was removed meanwhile", n,
                         name)
               : s;
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
        s = flip(c, name, n, may_be_current, err);
    catalog_turn_give(c);
    return s;
}

/* A version that has just been written: is it marked still? Where its publisher stood still before,
 * for so long that a collector took the mark, it was never current, and nothing tells it from those
 * that were. Nobody else can say so: it goes.  errors: E_STORE: so it was; those of store_stat */
static enum status check_mark(struct catalog *c, const char *name, uint64_t n, struct err *err)
{
    struct store_object o;
    struct err ignored;
    char key[STORE_KEY_MAX];
    enum status s = store_stat(catalog_store(c), version_key(name, n, VERSION_NEW, key), &o, err);
    if (s != E_NOT_FOUND)
        return s;
    (void)!catalog_delete_version(c, name, n, &ignored);
    return err_set(err, E_STORE,
                   "publishing '%.120s' took so long that its mark was collected: send it again",
                   name);
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
    if (s == OK)
        s = check_mark(c, name, n, err);
    /* Once more: what a collector took that had looked before they were young. */
    if (s == OK)
        s = apart_write(catalog_store(c), name, &a, err);
    apart_fini(&a);
    if (s == OK)
        s = make_current(c, name, n, began_us, err);
    if (s == OK)
        *version = n;
    return s;
}

/* The highest version below `below`. */
static enum status version_before(struct catalog *c, const char *name, uint64_t below, uint64_t *n,
                                  struct err *err)
{
    struct catalog_version *all;
    size_t count, i = 0;
    enum status s = versions_list(c, name, &all, &count, err);
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
        s = version_none(name, *version, err);
    return s == OK ? flip(c, name, *version, NULL, err) : s;
}

enum status catalog_rollback(struct catalog *c, const char *name, uint64_t *version,
                             struct err *err)
{
    catalog_turn_take(c);
    enum status s = roll_back(c, name, version, err);
    catalog_turn_give(c);
    return s;
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
