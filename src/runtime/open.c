/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* From a whole artifact to a program in one call. The bytes are new here, so blobs are hashed too,
 * and before anybody can run the program. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "runtime/program_priv.h"

static enum status read_page0(const void *bytes, size_t n, struct artifact_page0 *p0,
                              struct err *err)
{
    enum status s = artifact_page0_read(bytes, n, p0, err);
    if (s == OK && p0->file_bytes != n)
        s = err_set(err, E_CORRUPT, "an artifact of %zu bytes, page 0 says %" PRIu64, n,
                    p0->file_bytes);
    return s;
}

static enum status make_region(const struct artifact_page0 *p0, struct region *region,
                               struct err *err)
{
    uint64_t bytes = program_bytes(p0);
    if (region_init(region, bytes) != OK)
        return err_set(err, E_NO_MEMORY, "no memory for a program of %" PRIu64 " bytes", bytes);
    return OK;
}

/* Binds, and checks the blobs that lie at the start of the region. */
static enum status bind_new(const struct artifact_page0 *p0, const void *meta,
                            struct region *region, struct program **out, struct err *err)
{
    struct program *p;
    enum status s = program_bind(p0, meta, p0->meta_bytes, region, &p, err);
    if (s != OK)
        return s;
    s = program_check_blobs(p, err);
    if (s != OK)
        program_free(&p);
    else
        *out = p;
    return s;
}

enum status program_open_bytes(const void *bytes, size_t n, struct program **out, struct err *err)
{
    struct artifact_page0 p0;
    struct region region = {0};
    enum status s = read_page0(bytes, n, &p0, err);
    if (s == OK)
        s = make_region(&p0, &region, err);
    if (s != OK)
        return s;
    if (p0.blob_bytes)
        memcpy(region.base, (const uint8_t *)bytes + p0.meta_bytes, p0.blob_bytes);
    s = bind_new(&p0, bytes, &region, out, err);
    region_fini(&region);
    return s;
}

enum status program_measure(const void *bytes, size_t n, struct artifact_cost *out, struct err *err)
{
    struct artifact_page0 p0;
    struct region region = {0};
    struct program *p;
    enum status s = read_page0(bytes, n, &p0, err);
    if (s == OK)
        s = make_region(&p0, &region, err);
    if (s != OK)
        return s;
    if (p0.blob_bytes)
        memcpy(region.base, (const uint8_t *)bytes + p0.meta_bytes, p0.blob_bytes);
    const struct bind_source src = {&p0, bytes, p0.meta_bytes};
    s = program_bind_uncosted(&src, &region, &p, out, err);
    if (s == OK)
        program_free(&p);
    region_fini(&region);
    return s;
}

/* n bytes at offset off; a file that ends early is not what page 0 says. */
static enum status read_at(int fd, void *to, uint64_t n, uint64_t off, struct err *err)
{
    uint8_t *p = to;
    while (n) {
        ssize_t got = pread(fd, p, MIN(n, (uint64_t)1 << 30), (off_t)off);
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

static enum status read_parts(int fd, const struct artifact_page0 *p0, uint8_t *meta,
                              struct program **out, struct err *err)
{
    struct region region = {0};
    enum status s = make_region(p0, &region, err);
    if (s == OK)
        s = read_at(fd, meta, p0->meta_bytes, 0, err);
    if (s == OK)
        s = read_at(fd, region.base, p0->blob_bytes, p0->meta_bytes, err);
    if (s == OK)
        s = bind_new(p0, meta, &region, out, err);
    region_fini(&region);
    return s;
}

static enum status open_fd(int fd, struct program **out, struct err *err)
{
    struct artifact_page0 p0;
    struct stat st;
    uint8_t first[ARTIFACT_PAGE0_BYTES];
    if (fstat(fd, &st) != 0)
        return err_set(err, E_IO, "cannot stat: %s", strerror(errno));
    enum status s = read_at(fd, first, sizeof(first), 0, err);
    if (s == OK)
        s = artifact_page0_read(first, sizeof(first), &p0, err);
    if (s == OK && p0.file_bytes != (uint64_t)st.st_size)
        s = err_set(err, E_CORRUPT, "a file of %" PRIu64 " bytes, page 0 says %" PRIu64,
                    (uint64_t)st.st_size, p0.file_bytes);
    if (s != OK)
        return s;
    uint8_t *meta = alloc_new(p0.meta_bytes);
    if (!meta)
        return err_set(err, E_NO_MEMORY, "no memory for %" PRIu64 " bytes of meta", p0.meta_bytes);
    s = read_parts(fd, &p0, meta, out, err);
    alloc_free(meta);
    return s;
}

enum status program_open_file(const char *path, struct program **out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, errno == ENOENT ? E_NOT_FOUND : E_IO, "%s: %s", path, strerror(errno));
    enum status s = open_fd(fd, out, err);
    close(fd);
    return s == OK ? OK : err_prefix(err, "%s", path);
}
