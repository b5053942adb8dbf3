/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Two readers behind each other: zlib's, a chunk at a time, and one of tar's headers of 512 bytes.
 */
#include "compiler/archive.h"

#include <inttypes.h>
#include <string.h>
#include <zlib.h>

enum {
    CHUNK_BYTES = 1024 * 1024, /* unpacked at a time */
    GZIP_WINDOW = 16 + 15,     /* zlib's way of saying: gzip, any window */
    RECORD = 512,              /* tar's unit */
    SIZE_AT = 124,
    SIZE_BYTES = 12,
    SUM_AT = 148,
    SUM_BYTES = 8,
    TYPE_AT = 156,
    NOTE_BYTES_MAX = 64 * 1024, /* of an extended header, which is passed over */
};

bool archive_is(const void *bytes, size_t n)
{
    static const uint8_t magic[] = {0x1f, 0x8b};
    return n >= sizeof(magic) && memcmp(bytes, magic, sizeof(magic)) == 0;
}

/* ---- gzip ---- */

/* The next chunk behind what `to` holds; Z_STREAM_END at the end. */
static enum status inflate_chunk(z_stream *z, struct buf *to, int *ended, struct err *err)
{
    const size_t left = to->max ? to->max - to->len : CHUNK_BYTES;
    const size_t want = MIN(MAX(left, 1), (size_t)CHUNK_BYTES);
    enum status s = buf_reserve(to, want);
    if (s == E_TOO_LARGE)
        return err_set(err, s, "the archive unpacks to more than %zu bytes", to->max);
    if (s != OK)
        return err_set(err, s, "no memory to unpack the archive");
    z->next_out = to->data + to->len;
    z->avail_out = (uInt)want;
    *ended = inflate(z, Z_NO_FLUSH);
    to->len += want - z->avail_out;
    if (*ended == Z_MEM_ERROR)
        return err_set(err, E_NO_MEMORY, "no memory to unpack the archive");
    if (*ended == Z_BUF_ERROR || (*ended == Z_OK && z->avail_out))
        return err_set(err, E_CORRUPT, "the archive ends within its gzip stream");
    if (*ended != Z_OK && *ended != Z_STREAM_END)
        return err_set(err, E_CORRUPT, "the archive's gzip stream is damaged: %s",
                       z->msg ? z->msg : "no reason given");
    return OK;
}

static enum status unzip(const void *bytes, size_t n, struct buf *to, struct err *err)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)n};
    int ended = Z_OK;
    if (n > UINT32_MAX)
        return err_set(err, E_TOO_LARGE, "an archive of %zu bytes: at most %" PRIu32, n,
                       UINT32_MAX);
    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
        return err_set(err, E_NO_MEMORY, "no memory to unpack the archive");
    enum status s = OK;
    while (s == OK && ended != Z_STREAM_END)
        s = inflate_chunk(&z, to, &ended, err);
    if (s == OK && z.avail_in)
        s = err_set(err, E_CORRUPT, "%u bytes follow the archive's gzip stream", z.avail_in);
    inflateEnd(&z);
    return s;
}

/* ---- tar ---- */

/* An octal number, padded with spaces or NULs. */
static bool octal(const uint8_t *p, size_t n, uint64_t *out)
{
    size_t i = 0;
    uint64_t v = 0;
    while (i < n && p[i] == ' ')
        i++;
    size_t first = i;
    for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
        v = v << 3 | (uint64_t)(p[i] - '0'); /* 12 digits are 36 bits */
    *out = v;
    return i > first && (i == n || p[i] == ' ' || p[i] == 0);
}

/* The sum of all bytes of the header, its own field counted as spaces. */
static bool sum_holds(const uint8_t *header)
{
    uint64_t want, sum = 0;
    for (int i = 0; i < RECORD; i++)
        sum += i >= SUM_AT && i < SUM_AT + SUM_BYTES ? ' ' : header[i];
    return octal(header + SUM_AT, SUM_BYTES, &want) && want == sum;
}

/* Entries so far. */
struct entries {
    const uint8_t *model; /* NULL: none yet */
    size_t model_bytes;
    uint64_t at; /* of the header in work */
};

/* Would these notes change how what follows is to be read? */
static bool notes_matter(const uint8_t *notes, size_t n)
{
    static const char *const keys[] = {" size=", " GNU.sparse"};
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
        if (memmem(notes, n, keys[i], strlen(keys[i])))
            return true;
    return false;
}

static enum status take_entry(struct entries *e, const uint8_t *header, const uint8_t *data,
                              size_t n, struct err *err)
{
    switch (header[TYPE_AT]) {
    case '0':
    case 0:
        if (e->model)
            return err_set(err, E_UNSUPPORTED,
                           "the archive holds more than one file: at byte %" PRIu64
                           " begins the second",
                           e->at);
        e->model = data;
        e->model_bytes = n;
        return OK;
    case '5': /* a folder */
        return n ? err_set(err, E_CORRUPT, "the archive has a folder of %zu bytes", n) : OK;
    case 'x':
    case 'g': /* notes, which some writers put before every file */
        if (n > NOTE_BYTES_MAX || notes_matter(data, n))
            return err_set(err, E_UNSUPPORTED,
                           "the archive's extended header at byte %" PRIu64 " is not one we read",
                           e->at);
        return OK;
    default:
        return err_set(err, E_UNSUPPORTED,
                       "the archive's entry at byte %" PRIu64
                       " is of type 0x%02x: only one regular file may be in it",
                       e->at, header[TYPE_AT]);
    }
}

static bool is_zero(const uint8_t *p)
{
    for (int i = 0; i < RECORD; i++)
        if (p[i])
            return false;
    return true;
}

/* Reads the entry at e->at and goes behind it. */
static enum status next_entry(struct entries *e, const struct buf *tar, struct err *err)
{
    const uint8_t *header = tar->data + e->at;
    uint64_t size, left = tar->len - e->at;
    if (left < RECORD || !sum_holds(header) || !octal(header + SIZE_AT, SIZE_BYTES, &size))
        return err_set(err, E_CORRUPT, "byte %" PRIu64 " of the unpacked archive is no tar header",
                       e->at);
    left -= RECORD;
    if (size > left)
        return err_set(err, E_CORRUPT,
                       "the archive's entry at byte %" PRIu64 " is to have %" PRIu64
                       " bytes, %" PRIu64 " are left",
                       e->at, size, left);
    enum status s = take_entry(e, header, header + RECORD, (size_t)size, err);
    e->at += RECORD + MIN((size + RECORD - 1) / RECORD * RECORD, left);
    return s;
}

enum status archive_open(const void *bytes, size_t n, struct buf *tar, const uint8_t **model,
                         size_t *model_bytes, struct err *err)
{
    struct entries e = {.at = 0};
    enum status s = unzip(bytes, n, tar, err);
    while (s == OK && e.at < tar->len) {
        if (tar->len - e.at >= RECORD && is_zero(tar->data + e.at))
            break;
        s = next_entry(&e, tar, err);
    }
    if (s == OK && !e.model)
        s = err_set(err, E_UNSUPPORTED, "the archive holds no file");
    *model = e.model;
    *model_bytes = e.model_bytes;
    return s;
}
