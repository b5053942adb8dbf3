/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* From a whole artifact to a program in one call. Blobs go straight to where they stay, and are
 * hashed on the way, while they are in the processor's cache. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "artifact/blobs.h"
#include "base/alloc.h"
#include "base/file_tag.h"
#include "runtime/program_priv.h"

enum {
    HASH_CHUNK = 256 * 1024,         /* read, then hashed */
    READ_CHUNK = 1024 * 1024 * 1024, /* the most that one call reads */
};

/* ---- from memory ---- */

/* All blobs are the bundle's own, and stand in it as they stand in the file. */
static uint8_t *blob_area(const struct bundle *b)
{
    return b->region.base;
}

/* A reader over the whole artifact, and a bundle that holds its blobs. On an error there is nothing
 * to undo. */
static enum status take_bytes(const void *bytes, size_t n, struct artifact_reader *reader,
                              struct bundle **bundle, struct err *err)
{
    struct artifact_page0 p0;
    enum status s = artifact_page0_read(bytes, n, &p0, err);
    if (s == OK && p0.file_bytes != n)
        s = err_set(err, E_CORRUPT, "an artifact of %zu bytes, page 0 says %" PRIu64, n,
                    p0.file_bytes);
    if (s == OK)
        s = artifact_reader_init(reader, &p0, bytes, p0.meta_bytes, err);
    if (s != OK)
        return s;
    s = bundle_new(reader, NULL, bundle, err);
    if (s != OK)
        artifact_reader_fini(reader);
    else if (p0.blob_bytes)
        memcpy(blob_area(*bundle), (const uint8_t *)bytes + p0.meta_bytes, p0.blob_bytes);
    return s;
}

static enum status check_whole(const struct artifact_reader *reader, const struct bundle *bundle,
                               struct err *err)
{
    struct blob_check check;
    blob_check_init(&check, reader);
    enum status s = blob_check_add(&check, blob_area(bundle), reader->p0.blob_bytes, err);
    if (s == OK)
        s = blob_check_end(&check, reader->p0.n_blobs, err);
    blob_check_fini(&check);
    return s;
}

enum status program_open_bytes(const void *bytes, size_t n, struct program **out, struct err *err)
{
    struct artifact_reader reader;
    struct bundle *bundle;
    enum status s = take_bytes(bytes, n, &reader, &bundle, err);
    if (s != OK)
        return s;
    s = check_whole(&reader, bundle, err);
    if (s == OK)
        s = program_bind(&reader, &bundle, out, err);
    artifact_reader_fini(&reader);
    bundle_free(&bundle);
    return s;
}

enum status program_measure(const void *bytes, size_t n, struct artifact_cost *out, struct err *err)
{
    struct artifact_reader reader;
    struct bundle *bundle;
    struct program *p;
    enum status s = take_bytes(bytes, n, &reader, &bundle, err);
    if (s != OK)
        return s;
    s = program_bind_uncosted(&reader, &bundle, &p, out, err);
    if (s == OK)
        program_free(&p);
    artifact_reader_fini(&reader);
    bundle_free(&bundle);
    return s;
}

/* ---- from a file ---- */

/* An open file, and what it was when it was opened. */
struct source {
    int fd;
    bool map; /* its blobs, instead of reading them */
    struct stat st;
    struct artifact_page0 p0;
    uint8_t *meta; /* heap; p0.meta_bytes of them */
};

/* n bytes at offset off; a file that ends early is not what page 0 says. */
static enum status read_at(int fd, void *to, uint64_t n, uint64_t off, struct err *err)
{
    uint8_t *p = to;
    while (n) {
        ssize_t got = pread(fd, p, MIN(n, (uint64_t)READ_CHUNK), (off_t)off);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set(err, E_IO, "cannot read: %s", strerror(errno));
        if (got == 0)
            return err_set(err, E_CORRUPT, "the file ends at byte %" PRIu64, off);
        p += got;
        off += (uint64_t)got;
        n -= (uint64_t)got;
    }
    return OK;
}

/* Page 0, proven against the file's size, and the meta. */
static enum status read_meta(struct source *f, struct err *err)
{
    uint8_t first[ARTIFACT_PAGE0_BYTES];
    enum status s = read_at(f->fd, first, sizeof(first), 0, err);
    if (s == OK)
        s = artifact_page0_read(first, sizeof(first), &f->p0, err);
    if (s == OK && f->p0.file_bytes != (uint64_t)f->st.st_size)
        s = err_set(err, E_CORRUPT, "a file of %" PRIu64 " bytes, page 0 says %" PRIu64,
                    (uint64_t)f->st.st_size, f->p0.file_bytes);
    if (s != OK)
        return s;
    f->meta = alloc_new(f->p0.meta_bytes);
    if (!f->meta)
        return err_set(err, E_NO_MEMORY, "no memory for %" PRIu64 " bytes of meta",
                       f->p0.meta_bytes);
    memcpy(f->meta, first, sizeof(first));
    return read_at(f->fd, f->meta + sizeof(first), f->p0.meta_bytes - sizeof(first), sizeof(first),
                   err);
}

static enum status read_hashing(const struct source *f, const struct artifact_reader *reader,
                                uint8_t *to, struct err *err)
{
    struct blob_check check;
    enum status s = OK;
    blob_check_init(&check, reader);
    for (uint64_t off = 0; s == OK && off < f->p0.blob_bytes; off += HASH_CHUNK) {
        uint64_t n = MIN(f->p0.blob_bytes - off, (uint64_t)HASH_CHUNK);
        s = read_at(f->fd, to + off, n, f->p0.meta_bytes + off, err);
        if (s == OK)
            s = blob_check_add(&check, to + off, n, err);
    }
    if (s == OK)
        s = blob_check_end(&check, f->p0.n_blobs, err);
    blob_check_fini(&check);
    return s;
}

/* Is the file still what it was when it was opened? */
static bool unchanged(const struct source *f, const char *tag)
{
    struct stat st;
    char now[FILE_TAG_MAX];
    if (fstat(f->fd, &st) != 0)
        return false;
    file_tag(&st, now);
    return strcmp(now, tag) == 0;
}

static enum status read_blobs(const struct source *f, const struct artifact_reader *reader,
                              const struct bundle *bundle, struct err *err)
{
    char tag[FILE_TAG_MAX];
    file_tag(&f->st, tag);
    if (blobs_known(&f->p0, tag)) {
        enum status s = read_at(f->fd, blob_area(bundle), f->p0.blob_bytes, f->p0.meta_bytes, err);
        return s != OK || unchanged(f, tag) ? s : check_whole(reader, bundle, err);
    }
    enum status s = read_hashing(f, reader, blob_area(bundle), err);
    if (s == OK && file_tag_settled(&f->st, time(NULL)) && unchanged(f, tag))
        blobs_remember(&f->p0, tag);
    return s;
}

static enum status map_blobs(const struct source *f, const struct artifact_reader *reader,
                             struct bundle **bundle, struct err *err)
{
    const struct region_file part = {f->fd, f->p0.meta_bytes, f->p0.blob_bytes};
    char tag[FILE_TAG_MAX];
    file_tag(&f->st, tag);
    bool known = blobs_known(&f->p0, tag);
    enum status s = bundle_map(reader, &part, bundle, err);
    if (s != OK || (known && unchanged(f, tag)))
        return s;
    s = check_whole(reader, *bundle, err);
    if (s == OK && file_tag_settled(&f->st, time(NULL)) && unchanged(f, tag))
        blobs_remember(&f->p0, tag);
    return s;
}

/* On an error *bundle may be there. */
static enum status get_blobs(const struct source *f, const struct artifact_reader *reader,
                             struct bundle **bundle, struct err *err)
{
    if (f->map)
        return map_blobs(f, reader, bundle, err);
    enum status s = bundle_new(reader, NULL, bundle, err);
    return s == OK ? read_blobs(f, reader, *bundle, err) : s;
}

static enum status open_parts(struct source *f, struct program **out, struct err *err)
{
    struct artifact_reader reader;
    struct bundle *bundle;
    enum status s = read_meta(f, err);
    if (s == OK)
        s = artifact_reader_init(&reader, &f->p0, f->meta, f->p0.meta_bytes, err);
    if (s != OK)
        return s;
    s = get_blobs(f, &reader, &bundle, err);
    if (s == OK)
        s = program_bind(&reader, &bundle, out, err);
    bundle_free(&bundle);
    artifact_reader_fini(&reader);
    return s;
}

static enum status open_source(const char *path, bool map, struct program **out, struct err *err)
{
    struct source f = {.fd = open(path, O_RDONLY | O_CLOEXEC), .map = map};
    if (f.fd < 0)
        return err_set(err, errno == ENOENT ? E_NOT_FOUND : E_IO, "%s: %s", path, strerror(errno));
    enum status s = fstat(f.fd, &f.st) == 0
                        ? open_parts(&f, out, err)
                        : err_set(err, E_IO, "cannot stat: %s", strerror(errno));
    alloc_free(f.meta);
    close(f.fd);
    return s == OK ? OK : err_prefix(err, "%s", path);
}

enum status program_open_file(const char *path, struct program **out, struct err *err)
{
    return open_source(path, false, out, err);
}

enum status program_map_file(const char *path, struct program **out, struct err *err)
{
    return open_source(path, true, out, err);
}
