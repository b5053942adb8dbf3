/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Named bytes elsewhere: ranged reads of objects by key. Today file:// (a directory); s3:// takes
 * the same door. Keys are `/`-separated names already proven to match the model grammar: a key
 * never leaves the root, whatever links the directory holds. */
#ifndef ROOST_STORE_STORE_H
#define ROOST_STORE_STORE_H

#include "base/buf.h"

enum { STORE_KEY_MAX = 1024, STORE_TAG_MAX = 64 };

/* What an object is at one moment; tag changes when its content may have (ETag; for files device,
 * inode, size and mtime). */
struct store_object {
    uint64_t bytes;
    uint64_t modified_ms; /* wall clock */
    char tag[STORE_TAG_MAX];
};

struct store;

/* One entry of a listing: a name below the prefix, up to the next '/'. */
typedef enum status store_list_fn(void *arg, const char *name, bool is_prefix,
                                  const struct store_object *o);

struct store_ops {
    /* All block on disk or network; thread: loader or CLI, never event or exec.
     * errors: E_NOT_FOUND; E_STORE (unavailable, changed under the read, short read); E_NO_MEMORY
     */
    enum status (*stat)(struct store *s, const char *key, struct store_object *out,
                        struct err *err);
    /* Exactly [off, off+n) of the object whose tag is `tag` ("": any): E_STORE when it changed. */
    enum status (*read)(struct store *s, const char *key, const char *tag, uint64_t off, void *dst,
                        size_t n, struct err *err);
    /* Calls fn for each entry directly below prefix ("" or ending in '/'), in no order. */
    enum status (*list)(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
                        struct err *err);
    void (*free)(struct store *s);
};

/* Heap; the implementation embeds it first. */
struct store {
    const struct store_ops *ops;
    char url[1024]; /* for messages */
};

/* "file:///abs/dir", "file://rel/dir" or a bare path.  errors: E_USAGE for another scheme;
 * E_NOT_FOUND when the directory does not exist; E_NO_MEMORY */
enum status store_open(const char *url, struct store **out, struct err *err) WARN_UNUSED;
void store_free(struct store **s);

#endif
