/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A .tar.gz of one file: what is taken, and what is refused by which words. */
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "compiler/archive.h"
#include "compiler/compiler.h"
#include "support/support.h"

enum { RECORD = 512, ROOM = 1 << 20 };

/* An archive being made. */
struct pack {
    uint8_t tar[ROOM], gz[ROOM];
    size_t tar_bytes, gz_bytes;
};

static struct pack p;

static void seal(uint8_t *header)
{
    unsigned sum = 0;
    memset(header + 148, ' ', 8);
    for (int i = 0; i < RECORD; i++)
        sum += header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
}

/* Adds an entry; size: what its header says. */
static uint8_t *entry(const char *name, char type, const void *data, size_t n, const char *size)
{
    uint8_t *header = p.tar + p.tar_bytes;
    memset(header, 0, RECORD);
    snprintf((char *)header, 100, "%s", name);
    if (size)
        memcpy(header + 124, size, strlen(size));
    else
        snprintf((char *)header + 124, 12, "%011zo", n);
    header[156] = (uint8_t)type;
    seal(header);
    if (n)
        memcpy(header + RECORD, data, n);
    p.tar_bytes += RECORD + (n + RECORD - 1) / RECORD * RECORD;
    return header;
}

static void zip(void)
{
    z_stream z = {
        .next_in = p.tar, .avail_in = (uInt)p.tar_bytes, .next_out = p.gz, .avail_out = ROOM};
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    p.gz_bytes = ROOM - z.avail_out;
    deflateEnd(&z);
}

static void begin(void)
{
    memset(&p, 0, sizeof(p));
}

/* With the two empty records at the end that tar writes. */
static enum status open_packed(const char **words, struct buf *tar, const uint8_t **model,
                               size_t *n)
{
    static struct err err;
    err = (struct err){.code = OK};
    enum status s = archive_open(p.gz, p.gz_bytes, tar, model, n, &err);
    *words = err.msg;
    return s;
}

static void expect(enum status want, const char *word)
{
    struct buf tar = {0};
    const uint8_t *model;
    const char *words;
    size_t n;
    p.tar_bytes += 2 * RECORD;
    zip();
    enum status s = open_packed(&words, &tar, &model, &n);
    ck_assert_msg(s == want, "%s: %s", status_name(s), words);
    ck_assert_msg(!word || strstr(words, word), "'%s' in '%s'", word, words);
    buf_fini(&tar);
}

START_TEST(one_file_among_folders_and_notes_is_taken)
{
    struct buf tar = {0};
    const uint8_t *model;
    const char *words;
    size_t n;
    begin();
    entry("./", '5', NULL, 0, NULL);
    entry("PaxHeader/model.onnx", 'x', "28 mtime=1700000000.1234567\n", 28, NULL);
    entry("./model.onnx", '0', "hello", 5, NULL);
    p.tar_bytes += 2 * RECORD;
    zip();
    ck_assert(archive_is(p.gz, p.gz_bytes));
    enum status s = open_packed(&words, &tar, &model, &n);
    ck_assert_msg(s == OK, "%s", words);
    ck_assert(n == 5 && memcmp(model, "hello", 5) == 0);
    buf_fini(&tar);
}
END_TEST

START_TEST(whatever_else_is_in_it_is_refused)
{
    static const char types[] = "1234678LKSVA";
    for (size_t i = 0; types[i]; i++) {
        begin();
        entry("model.onnx", types[i], NULL, 0, NULL);
        expect(E_UNSUPPORTED, "only one regular file");
    }
    begin();
    entry("a", '0', "a", 1, NULL);
    entry("b", '0', "b", 1, NULL);
    expect(E_UNSUPPORTED, "byte 1024 begins the second");
    begin();
    entry("a/", '5', NULL, 0, NULL);
    expect(E_UNSUPPORTED, "no file");
    begin();
    entry("x", 'x', "13 size=1234\n", 13, NULL);
    entry("a", '0', "a", 1, NULL);
    expect(E_UNSUPPORTED, "extended header");
    begin();
    entry("x", 'x', "26 GNU.sparse.major=1.0\n\n\n", 26, NULL);
    entry("a", '0', "a", 1, NULL);
    expect(E_UNSUPPORTED, "extended header");
}
END_TEST

START_TEST(damage_is_named)
{
    static const char *const sizes[] = {"77777777777", "00000002001",
                                        "0000000x001", "-0000000001",
                                        "           ", "\x80\0\0\0\0\0\0\0\0\0\0\x01"};
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        begin();
        entry("a", '0', NULL, 0, sizes[i]);
        expect(E_CORRUPT, "rchive");
    }
    begin();
    entry("a", '0', "a", 1, NULL)[0] ^= 1; /* its sum does not hold */
    expect(E_CORRUPT, "byte 0 of the unpacked archive is no tar header");
    begin();
    entry("a", '0', "a", 1, NULL);
    p.tar_bytes += 100;
    p.tar[p.tar_bytes - 1] = 1;
    p.tar_bytes -= 2 * RECORD; /* expect adds them */
    expect(E_CORRUPT, "byte 1024");
}
END_TEST

START_TEST(every_cut_and_every_flip_of_the_gzip_is_refused_or_the_same)
{
    begin();
    entry("model.onnx", '0', "some bytes of a model", 21, NULL);
    p.tar_bytes += 2 * RECORD;
    zip();
    for (size_t n = 0; n < p.gz_bytes; n++) {
        struct buf tar = {0};
        struct err err;
        const uint8_t *model;
        size_t len;
        ck_assert_int_eq(archive_open(p.gz, n, &tar, &model, &len, &err), E_CORRUPT);
        buf_fini(&tar);
    }
    for (size_t at = 0; at < p.gz_bytes; at++)
        for (int bit = 0; bit < 8; bit++) {
            struct buf tar = {0};
            struct err err;
            const uint8_t *model;
            size_t len;
            p.gz[at] ^= (uint8_t)(1 << bit);
            if (archive_open(p.gz, p.gz_bytes, &tar, &model, &len, &err) == OK)
                ck_assert(len == 21 && memcmp(model, "some bytes of a model", 21) == 0);
            p.gz[at] ^= (uint8_t)(1 << bit);
            buf_fini(&tar);
        }
    p.gz[p.gz_bytes++] = 0;
    struct buf tar = {0};
    const uint8_t *model;
    const char *words;
    size_t len;
    ck_assert_int_eq(open_packed(&words, &tar, &model, &len), E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(words, "1 bytes follow"));
    buf_fini(&tar);
}
END_TEST

START_TEST(a_bomb_ends_at_the_maximum)
{
    struct buf tar;
    const uint8_t *model;
    const char *words;
    size_t len;
    begin();
    entry("a", '0', NULL, 0, NULL);
    p.tar_bytes = ROOM; /* zeros, a thousandth of it packed */
    zip();
    buf_init(&tar, ROOM / 4);
    ck_assert_int_eq(open_packed(&words, &tar, &model, &len), E_TOO_LARGE);
    ck_assert_uint_le(tar.cap, ROOM / 4);
    buf_fini(&tar);
}
END_TEST

START_TEST(an_archive_in_an_archive_is_refused_by_the_compiler)
{
    struct buf artifact = {0};
    struct err err;
    static uint8_t inner[ROOM];
    begin();
    entry("a", '0', "x", 1, NULL);
    p.tar_bytes += 2 * RECORD;
    zip();
    size_t n = p.gz_bytes;
    memcpy(inner, p.gz, n);
    begin();
    entry("a.tar.gz", '0', inner, n, NULL);
    zip();
    ck_assert_int_eq(compile_bytes(p.gz, p.gz_bytes, NULL, &artifact, &err), E_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.msg, "an archive within an archive"));
    buf_fini(&artifact);
}
END_TEST

Suite *suite_archive(void)
{
    return SUITE("archive", one_file_among_folders_and_notes_is_taken,
                 whatever_else_is_in_it_is_refused, damage_is_named,
                 every_cut_and_every_flip_of_the_gzip_is_refused_or_the_same,
                 a_bomb_ends_at_the_maximum, an_archive_in_an_archive_is_refused_by_the_compiler);
}
