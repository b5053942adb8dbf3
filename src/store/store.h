/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Named bytes elsewhere: ranged reads of objects by key, from file:// (a directory) or s3:// (a
 * bucket; docs/store.md), and whole objects written. Keys are `/`-separated names
 * already proven to match the model grammar: a key never leaves the root, whatever links the
 * directory holds. */
#ifndef ROOST_STORE_STORE_H
#define ROOST_STORE_STORE_H

#include "base/buf.h"

enum { STORE_KEY_MAX = 1024, STORE_TAG_MAX = 88, STORE_ENDINGS_MAX = 16 };

/* What an object is at one moment; tag changes when its content may have (ETag; for files
 * base/file_tag.h). */
struct store_object {
    uint64_t bytes;
    uint64_t modified_ms; /* wall clock; 0: the store does not say */
    bool settled;         /* however soon it is written again, the tag will be another */
    char tag[STORE_TAG_MAX];
};

struct store;

/* One entry of a listing: a name below the prefix, up to the next '/'. */
typedef enum status store_list_fn(void *arg, const char *name, bool is_prefix,
                                  const struct store_object *o);

/* What becomes an object: bytes in memory, or a descriptor's first n. Embedded; both are borrowed.
 */
struct store_source {
    const void *bytes; /* NULL: fd is read, from its start, whatever its offset */
    int fd;
    uint64_t n;
};

/* What store_first brings. Embedded. */
struct store_first {
    uint8_t *to; /* set by the caller: room for so many bytes, borrowed */
    size_t room;
    size_t n; /* bytes that are there: all of the object, or room */
    struct store_object object;
};

/* What store_find found. */
struct store_found {
    bool below;   /* there may be objects below stem/; told with E_NOT_FOUND too */
    size_t which; /* of the endings */
    bool looked;  /* object is what it is; else what a listing says of it, which may be old, or of
                   * another tag than its answers have */
    struct store_object object;
};

/* An object that was begun in parts, and neither ended nor aborted: its writer is at it, or died.
 * Borrowed until return. */
struct store_upload {
    const char *key, *id;
    uint64_t began_ms; /* wall clock; 0: nobody knows */
};

typedef enum status store_upload_fn(void *arg, const struct store_upload *u);

/* What one kind of store does; called through the functions below only. */
struct store_ops {
    enum status (*stat)(struct store *s, const char *key, struct store_object *out,
                        struct err *err);
    enum status (*read)(struct store *s, const char *key, const char *tag, uint64_t off, void *dst,
                        size_t n, struct err *err);
    enum status (*list)(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
                        struct err *err);
    /* Both NULL where a look costs next to nothing: stat and read do. */
    enum status (*first)(struct store *s, const char *key, struct store_first *f, struct err *err);
    enum status (*find)(struct store *s, const char *stem, const char *const *endings,
                        struct store_found *out, struct err *err);
    /* fresh: E_EXISTS where the key is there */
    enum status (*put)(struct store *s, const char *key, const struct store_source *from,
                       bool fresh, struct err *err);
    enum status (*remove)(struct store *s, const char *key, struct err *err);
    /* NULL: there is no way but to put the object again */
    enum status (*renew)(struct store *s, const char *key, struct err *err);
    /* NULL: it is looked at and removed in two steps */
    enum status (*remove_old)(struct store *s, const char *key, uint64_t since_ms, struct err *err);
    /* NULL: writers that die leave nothing */
    enum status (*sweep)(struct store *s, const char *prefix, struct err *err);
    /* Both NULL where nothing is sent in parts. */
    enum status (*uploads)(struct store *s, const char *prefix, store_upload_fn *fn, void *arg,
                           struct err *err);
    enum status (*abort)(struct store *s, const struct store_upload *u, struct err *err);
    void (*stop)(struct store *s); /* NULL: nothing of it waits */
    void (*free)(struct store *s);
};

/* Heap; the implementation embeds it first. */
struct store {
    const struct store_ops *ops;
    char url[1024]; /* for messages */
};

enum store_style {
    STORE_STYLE_AUTO, /* HOST for Amazon's own endpoints, PATH for others */
    STORE_STYLE_PATH, /* the bucket is the first segment of the path */
    STORE_STYLE_HOST, /* the bucket is in front of the host's name */
};

/* How an s3:// store is asked. Texts are borrowed until return. */
struct store_options {
    const char *endpoint; /* "http[s]://HOST[:PORT]"; "": AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or
                           * Amazon's of the region */
    const char *region;   /* "": AWS_REGION, AWS_DEFAULT_REGION, the profile's, us-east-1 */
    const char *ca;       /* file of certificates to trust; "": AWS_CA_BUNDLE or the machine's */
    enum store_style style;
    uint64_t timeout_us;   /* of one request with all its retries */
    uint64_t stall_us;     /* without a byte before a try is given up */
    uint32_t retries;      /* of one request at most */
    uint32_t retry_budget; /* of all requests together, until others have gone well */
    uint32_t part_bytes;   /* what is larger than two of these is sent in such parts */
};
extern const struct store_options store_options_default;

/* "file:///abs/dir", "file://rel/dir", a bare path, or "s3://BUCKET[/PREFIX]"; nothing is asked of
 * a bucket yet.  thread: one, at the start   blocks: disk errors: E_USAGE for another scheme, or a
 * bucket, endpoint or region that is none; E_NOT_FOUND when the directory does not exist; E_STORE
 * when it cannot be opened; E_UNSUPPORTED without libcurl; E_NO_MEMORY */
enum status store_open_with(const char *url, const struct store_options *o, struct store **out,
                            struct err *err) WARN_UNUSED;
/* With store_options_default. */
enum status store_open(const char *url, struct store **out, struct err *err) WARN_UNUSED;
/* From now on whatever would wait for the network ends with E_CANCELLED, calls under way among it.
 * thread: any */
void store_stop(struct store *s);
void store_free(struct store **s); /* nobody calls into it any more */

/* Is it one or more segments [A-Za-z0-9_][A-Za-z0-9._-]* joined by '/', shorter than STORE_KEY_MAX?
 * Nothing else is ever asked of a store. */
bool store_key_valid(const char *key);

/* All of these block on disk or network.  thread: loader or CLI, never event or exec
 * errors: E_BAD_INPUT for a key that is not one; E_NOT_FOUND; E_STORE (unavailable, denied, not a
 *         plain file, shorter than asked for); E_CANCELLED after
 * store_stop; E_NO_MEMORY */
enum status store_stat(struct store *s, const char *key, struct store_object *out,
                       struct err *err) WARN_UNUSED;
/* Exactly [off, off+n) of the object whose tag is `tag` ("": any): E_CHANGED when it is
 * another one now. Counts M_STORE_READS and, on OK, M_STORE_READ_BYTES. */
enum status store_read(struct store *s, const char *key, const char *tag, uint64_t off, void *dst,
                       size_t n, struct err *err) WARN_UNUSED;
/* What the object is and its first bytes, of one moment, in one request where each costs a round
 * trip. Counts as store_read does. */
enum status store_first(struct store *s, const char *key, struct store_first *f,
                        struct err *err) WARN_UNUSED;
/* The first of stem + endings[i] that is an object; endings are STORE_ENDINGS_MAX at most, begin
 * with '.', and end with NULL. Where a look costs a round trip all of them are looked for in one
 * listing of what begins with the stem, from the dot on, unless a page does not hold them. */
enum status store_find(struct store *s, const char *stem, const char *const *endings,
                       struct store_found *out, struct err *err) WARN_UNUSED;
/* Does each call cost a round trip? Then more is worth asking for at once.  blocks: no */
bool store_is_far(const struct store *s);
/* Calls fn for each entry directly below prefix ("" or ending in '/'), in no order; a prefix that
 * does not exist has no entries. Entries whose name is no key's segment are passed over. What fn
 * returns but OK ends the listing and is returned; fn fills no err of ours. */
enum status store_list(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
                       struct err *err) WARN_UNUSED;

/* Writing: an object is there whole, durable and under its name when these return OK, and no reader
 * ever sees a part of it. What a writer to a directory that died left behind has a name that is no
 * key's, and goes when somebody writes beside it; to a bucket, parts that are no object.
 * thread: any but event and exec   blocks: disk, network
 * errors: E_BAD_INPUT for a key that is not one; E_STORE (unavailable, denied, full, something else
 *         than a folder on the way); E_IO when fd cannot be read or ends early; E_CANCELLED after
 *         store_stop; E_NO_MEMORY. After E_STORE and E_CANCELLED a put may have happened all the
 *         same, whole. Each OK counts M_STORE_WRITES, and the bytes of a put M_STORE_WRITTEN_BYTES
 */
/* Makes the object, or replaces it. */
enum status store_put(struct store *s, const char *key, const struct store_source *from,
                      struct err *err) WARN_UNUSED;
/* Makes it where there is none: of several who try at once, one succeeds.
 * errors: E_EXISTS; E_UNSUPPORTED for an s3:// store without conditional writes: nothing is made */
enum status store_put_new(struct store *s, const char *key, const struct store_source *from,
                          struct err *err) WARN_UNUSED;
/* The object is as if it had been written now: modified_ms, and the tag, may be others.
 * errors: E_NOT_FOUND; E_UNSUPPORTED where only a put can do that */
enum status store_renew(struct store *s, const char *key, struct err *err) WARN_UNUSED;
/* Removes an object that was neither written nor renewed since since_ms (wall clock): in a
 * directory in one step, so that who renews it meanwhile finds it young or gone. In a bucket there
 * are two requests, and what is renewed between them goes.  errors: E_EXISTS: it is younger;
 * E_NOT_FOUND */
enum status store_delete_old(struct store *s, const char *key, uint64_t since_ms,
                             struct err *err) WARN_UNUSED;
/* Removes what writers that died left directly below prefix (as store_list takes it); what cannot
 * be removed stays.  errors: those of store_list */
enum status store_sweep(struct store *s, const char *prefix, struct err *err) WARN_UNUSED;
/* Uploads in parts of keys that begin with prefix (as store_list takes it), however deep; keys that
 * are none of ours are passed over. Ones that begin or end meanwhile may be told or not. fn may
 * abort what it is told, and ends the listing by anything but OK, which is returned.
 * errors: those of store_list; E_UNSUPPORTED: this bucket's server knows no such listing; no
 * uploads where the store knows no parts */
enum status store_uploads(struct store *s, const char *prefix, store_upload_fn *fn, void *arg,
                          struct err *err) WARN_UNUSED;
/* Its parts are gone; a writer that is still at it fails.  errors: E_NOT_FOUND: it has ended */
enum status store_abort(struct store *s, const struct store_upload *u, struct err *err) WARN_UNUSED;
/* Removes an object; who reads it meanwhile may read it to its end, or from a bucket fail with
 * E_STORE.  errors: E_NOT_FOUND, but of a bucket, which does not tell */
enum status store_delete(struct store *s, const char *key, struct err *err) WARN_UNUSED;

#endif
