/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The tier between store and memory: a folder of the node's own that keeps blobs under their
 * SHA-256, and heads (page 0 and metadata) of artifacts, and whole artifacts that the node
 * compiled, under what the store calls the object. docs/disk.md is its page. What always holds:
 * - A file gets its name only when it is complete, of the right bytes and on the medium. So
 * whatever stands under one of our names after kill -9 or a power cut is whole, and nothing is read
 * at the start but names, sizes and times.
 * - Bytes (whole blocks of 4096) are charged before the first is written and until the last reader
 *   of an evicted file let it go: reserved + resident + draining <= the limit, at any moment.
 * - A file never changes once it has its name, so readers may map it.
 * - Nothing here is needed: every failure means that the caller goes on without the tier.
 * Foreign files in the folder are neither counted nor touched, and links are never followed. */
#ifndef ROOST_DISK_DISK_H
#define ROOST_DISK_DISK_H

#include "base/hash.h"
#include "mem/budget.h"

enum {
    DISK_ENTRIES_MAX = 1 << 20,    /* files; beyond it puts are refused */
    DISK_BLOCK = 4096,             /* a file is charged whole ones */
    DISK_DIRECT_LEAST = 64 * 1024, /* a read of less goes through the page cache */
    DISK_SCOPE_BYTES = 16,
};

enum disk_kind { DISK_BLOB, DISK_HEAD, DISK_COMPILED, DISK_KINDS };

struct disk_key {
    enum disk_kind kind;
    uint8_t digest[SHA256_BYTES];    /* a blob: of its bytes. Else: disk_object_key */
    uint8_t scope[DISK_SCOPE_BYTES]; /* a blob: who may find it; all zero: everybody. Else: zero */
};

struct disk;

struct disk_config {
    const char *dir;      /* made with mode 0700 where it is not there; its parent is */
    uint64_t limit_bytes; /* of blocks */
};

/* Owns the folder until disk_close: one process at a time. Takes up what an earlier one left, the
 * oldest files going where they are beyond the limit, and removes its unfinished ones.
 * owns: config borrowed until return   blocks: disk
 * errors: E_USAGE (not a folder, not ours alone, or another process owns it); E_IO; E_NO_MEMORY */
enum status disk_open(const struct disk_config *c, struct disk **out, struct err *err) WARN_UNUSED;
/* Nobody holds a reference or a put any more. */
void disk_close(struct disk **d);

/* The key of what is kept of object `name` while its tag is `tag`.  errors: E_NO_MEMORY */
enum status disk_object_key(enum disk_kind kind, const char *name, const char *tag,
                            struct disk_key *out) WARN_UNUSED;

/* ---- reading ---- */

/* The right to read or map one file. Whatever happens to its name, its bytes stay, and stay
 * charged, until disk_unref. */
struct disk_file {
    struct disk_entry *entry; /* NULL: no reference */
    uint64_t bytes;
    int fd; /* read-only. Owned by the reference; disk_close_fd where a mapping is all that is kept
             */
};

/* A file that is there, and its size is `bytes` (UINT64_MAX: any): it is the newest now. What turns
 * out not to be the file that was put is forgotten.
 * thread: any but event and exec   locks: takes DISK   blocks: disk
 * errors: E_NOT_FOUND; E_IO (no descriptor left, or the disk fails) */
enum status disk_ref(struct disk *d, const struct disk_key *key, uint64_t bytes,
                     struct disk_file *out, struct err *err) WARN_UNUSED;
/* As disk_ref, but it is no use of the file: it counts no look-up, and the file does not become the
 * newest. For a scrub, and for the rest of what disk_ref began. */
enum status disk_ref_quietly(struct disk *d, const struct disk_key *key, uint64_t bytes,
                             struct disk_file *out, struct err *err) WARN_UNUSED;
/* Is it there, as far as the index knows? Counts no lookup.  thread: any   blocks: no */
bool disk_has(struct disk *d, const struct disk_key *key) WARN_UNUSED;
/* A key's first eight bytes, never 0; and whether a file of such a key is there, as far as the
 * index knows: enough to tell where a model's bytes are, not to read them.  thread: any   blocks:
 * no */
uint64_t disk_mark(const struct disk_key *key);
bool disk_has_mark(struct disk *d, enum disk_kind kind, uint64_t mark) WARN_UNUSED;
void disk_close_fd(struct disk_file *f);
/* Ends the reference; all zero is fine. A mapping of the file is gone before.  thread: as above */
void disk_unref(struct disk *d, struct disk_file *f);

/* Exactly [off, off+n) of the file; quickest where dst and off are multiples of DISK_BLOCK.
 * thread: one at a time for each reference   blocks: disk
 * errors: E_IO; E_CORRUPT when the file ends before */
enum status disk_read(const struct disk_file *f, uint64_t off, void *dst, size_t n,
                      struct err *err) WARN_UNUSED;

/* A file of `bytes` will be read soon: one that is read through the page cache begins to come there
 * now, while others are read. It is no use of the file, and failing is nothing.
 * thread: any but event and exec   locks: takes DISK   blocks: disk, to open it */
void disk_expect(struct disk *d, const struct disk_key *key, uint64_t bytes);

/* ---- writing ---- */

/* A file on its way. Heap; one thread's. Ends with commit or abort. */
struct disk_put;

/* Reserves room for `bytes`, evicting the files that were used longest ago and that nobody reads.
 * thread: any but event and exec   locks: takes DISK   blocks: disk
 * errors: E_EXISTS (it is there, comes or goes); E_NEVER_FITS; E_NO_ROOM (what is there is in use,
 *         or the file system is full); E_IO; E_NO_MEMORY. Counts all but E_EXISTS as refused */
enum status disk_put_begin(struct disk *d, const struct disk_key *key, uint64_t bytes,
                           struct disk_put **out, struct err *err) WARN_UNUSED;
/* The next n bytes.
 * errors: E_CORRUPT beyond what was announced; E_NO_ROOM; E_IO. Then only abort */
enum status disk_put_write(struct disk_put *p, const void *bytes, size_t n,
                           struct err *err) WARN_UNUSED;
/* Proves a blob's SHA-256, waits until the bytes are on the medium, and gives the file its name.
 * Ends the put in any case; on an error nothing of it is left.
 * errors: E_CORRUPT (too few bytes or others than the key says); E_NO_ROOM; E_IO */
enum status disk_put_commit(struct disk_put **p, struct err *err) WARN_UNUSED;
void disk_put_abort(struct disk_put **p); /* NULL is fine */

/* ---- care ---- */

/* Removes a file; its bytes are free when the last reference ends.
 * thread: any but event and exec   blocks: disk   errors: E_NOT_FOUND; E_IO, and it stays */
enum status disk_evict(struct disk *d, const struct disk_key *key, struct err *err) WARN_UNUSED;

/* Where a scrub has come to; all zero is the beginning. */
struct disk_cursor {
    uint32_t bucket, place;
    uint64_t passes; /* complete ones */
};

/* Reads the next blob past the page cache, where the file system can, and hashes it; one that is
 * not what its name says is removed and logged. Heads are passed over: they prove themselves in
 * every load. *bytes is what was read; 0 at the end of a pass.
 * thread: one a cursor   blocks: disk   errors: E_IO; E_NO_MEMORY */
enum status disk_scrub_next(struct disk *d, struct disk_cursor *at, uint64_t *bytes,
                            struct err *err) WARN_UNUSED;
/* A thread that goes on and on like that, at most so many bytes a second on the average, until
 * disk_close. Once.  errors: E_INTERNAL */
enum status disk_scrub_start(struct disk *d, uint64_t bytes_per_s, struct err *err) WARN_UNUSED;

struct disk_usage {
    struct budget_usage budget; /* scratch is 0 */
    uint64_t files;             /* under their names, and being written */
    uint64_t hits, misses, written_bytes, evicted, refused;
    uint64_t corrupt; /* files that were not what was put: lost bytes, another file, another hash */
    uint64_t foreign; /* at the start: what is not ours, left alone */
};
void disk_usage(struct disk *d, struct disk_usage *out);

#endif
