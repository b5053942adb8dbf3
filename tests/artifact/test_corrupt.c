/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Damaged and lying artifacts. Two kinds of each: as damage happens (the hash no longer fits), and
 * made on purpose (the hash was written anew), where only the meaning can refuse. */
#include <string.h>
#include <xxhash.h>

#include "artifact/format_priv.h"
#include "artifact/reader.h"
#include "base/alloc.h"
#include "support/control_model.h"
#include "support/support.h"

static struct model m;
static struct buf file;

enum { TABLE = 30000 };

/* A network with a sample, a packed table and more than one blob. */
static void write_file(void)
{
    static int32_t table[TABLE];
    static float large[20000];
    static const float x[4] = {1, 2, 3, 4}, y[3] = {1, 0, 0};
    static struct tensor in, out;
    for (int i = 0; i < TABLE; i++)
        table[i] = i / 50;
    model_mlp(&m, 1);
    m.tensors[model_const(&m, DT_I32, 1, (int64_t[]){TABLE}, table)].compress = true;
    model_const(&m, DT_F32, 1, (int64_t[]){ARRAY_COUNT(large)}, large);
    tensor_set_shape(&in, DT_F32, 2, (int64_t[]){1, 4});
    tensor_set_shape(&out, DT_F32, 2, (int64_t[]){1, 3});
    in.data = (void *)(uintptr_t)x;
    out.data = (void *)(uintptr_t)y;
    m.src.sample_inputs = &in;
    m.src.sample_outputs = &out;
    model_write(&m, NULL, &file);
}

/* A loop with a body. */
static void write_blocks(void)
{
    loop_model(&m);
    model_write(&m, NULL, &file);
}

static void (*const writers[])(void) = {write_file, write_blocks};

static enum status try_open(const void *bytes, size_t n)
{
    struct program *p;
    struct err err;
    enum status s = program_open_bytes(bytes, n, &p, &err);
    if (s == OK)
        program_free(&p);
    else
        ck_assert_msg(err.code == s && err.msg[0], "no words for %s", status_name(s));
    return s;
}

static void expect_refused(const char *what, size_t at)
{
    enum status s = try_open(file.data, file.len);
    ck_assert_msg(s == E_CORRUPT || s == E_UNSUPPORTED, "%s at %zu: %s", what, at, status_name(s));
}

START_TEST(every_changed_byte_of_page_0_is_refused)
{
    writers[_i]();
    ck_assert_int_eq(try_open(file.data, file.len), OK);
    for (size_t i = 0; i < ARTIFACT_PAGE0_BYTES; i++) {
        static const uint8_t changes[] = {0xff, 0x01, 0x80};
        for (size_t k = 0; k < ARRAY_COUNT(changes); k++) {
            file.data[i] ^= changes[k];
            expect_refused("page 0", i);
            file.data[i] ^= changes[k];
        }
    }
    buf_fini(&file);
}
END_TEST

/* Nothing in page 0 is taken on trust: each number is proven by the rest of the file. */
START_TEST(every_lie_of_page_0_is_refused_though_the_hash_fits)
{
    const size_t hash = offsetof(struct disk_page0, hash);
    writers[_i]();
    for (size_t i = 0; i < sizeof(struct disk_page0); i++) {
        if (i >= hash && i < hash + SHA256_BYTES)
            continue;
        struct buf copy = {0};
        ck_assert_int_eq(buf_add(&copy, file.data, file.len), OK);
        file.data[i] ^= 0x01;
        model_rehash(&file);
        expect_refused("page 0, rehashed", i);
        buf_fini(&file);
        buf_move(&file, &copy);
    }
    buf_fini(&file);
}
END_TEST

START_TEST(every_changed_byte_of_the_rest_is_refused)
{
    writers[_i]();
    struct artifact_page0 p0;
    struct err err;
    ck_ok(artifact_page0_read(file.data, file.len, &p0, &err), &err);
    for (size_t i = ARTIFACT_PAGE0_BYTES; i < file.len; i += i < p0.meta_bytes ? 3 : 101) {
        file.data[i] ^= 0x10;
        expect_refused("byte", i);
        file.data[i] ^= 0x10;
    }
    ck_assert_int_eq(try_open(file.data, file.len), OK);
    buf_fini(&file);
}
END_TEST

START_TEST(changes_under_a_fitting_hash_never_crash)
{
    uint64_t seed = 11;
    writers[_i]();
    for (int round = 0; round < 3000; round++) {
        struct buf copy = {0};
        ck_assert_int_eq(buf_add(&copy, file.data, file.len), OK);
        for (int k = 0; k < 1 + round % 4; k++)
            file.data[ARTIFACT_PAGE0_BYTES +
                      draw_u64(&seed) % MIN(6000, file.len - ARTIFACT_PAGE0_BYTES)] ^=
                (uint8_t)draw_u64(&seed);
        model_rehash(&file);
        try_open(file.data, file.len);
        buf_fini(&file);
        buf_move(&file, &copy);
    }
    buf_fini(&file);
}
END_TEST

START_TEST(a_file_cut_anywhere_is_refused)
{
    struct artifact_page0 p0;
    struct err err;
    writers[_i]();
    ck_ok(artifact_page0_read(file.data, file.len, &p0, &err), &err);
    for (size_t n = 0; n < file.len; n += n < p0.meta_bytes ? 64 : 4096) {
        enum status s = try_open(file.data, n);
        ck_assert_msg(s == E_CORRUPT, "cut at %zu: %s", n, status_name(s));
    }
    ck_assert_int_eq(try_open(file.data, file.len - 1), E_CORRUPT);
    ck_assert_int_eq(buf_char(&file, 0), OK); /* one byte too many */
    ck_assert_int_eq(try_open(file.data, file.len), E_CORRUPT);
    buf_fini(&file);
}
END_TEST

START_TEST(the_section_at_fault_is_named)
{
    static const char *const names[] = {"?",    "SIGN", "TENS", "INST", "OPND", "ATTR", "STRS",
                                        "PROV", "SELF", "BLOB", "PACK", "COLS", "BLCK"};
    struct artifact_page0 p0;
    struct err unused;
    writers[_i]();
    ck_ok(artifact_page0_read(file.data, file.len, &p0, &unused), &unused);
    for (size_t i = 0; i < p0.n_sections; i++) {
        struct program *p;
        struct err err;
        struct disk_section d;
        uint8_t *entry = file.data + ARTIFACT_PAGE0_BYTES + i * sizeof(d);
        memcpy(&d, entry, sizeof(d));
        d.off += ARTIFACT_ALIGN;
        memcpy(entry, &d, sizeof(d));
        model_rehash(&file);
        ck_assert_int_eq(program_open_bytes(file.data, file.len, &p, &err), E_CORRUPT);
        ck_assert_msg(strstr(err.msg, names[d.type]), "%s", err.msg);
        d.off -= ARTIFACT_ALIGN;
        memcpy(entry, &d, sizeof(d));
    }
    buf_fini(&file);
}
END_TEST

/* The frame header's own check byte. source: LZ4 Frame Format 1.6.2, "Frame Descriptor" */
static void declare_size(struct buf *frame, uint64_t bytes)
{
    enum { FLG = 4, SIZE = 6, CHECK = 14 };
    memcpy(frame->data + SIZE, &bytes, sizeof(bytes));
    frame->data[CHECK] = (uint8_t)(XXH32(frame->data + FLG, CHECK - FLG, 0) >> 8);
}

START_TEST(a_frame_that_grows_beyond_its_size_is_cut_off)
{
    enum { RAW = 1 << 20, SMALL = 4096 };
    struct buf frame = {0};
    struct err err;
    uint8_t *zeros = alloc_zero(1, RAW);
    uint8_t *guarded = alloc_new(SMALL); /* exactly: ASan sees one byte more */
    ck_assert_int_eq(frame_pack(&frame, zeros, RAW), OK);
    ck_assert_uint_lt(frame.len, RAW / 200); /* a bomb indeed */
    ck_assert_int_eq(frame_unpack(frame.data, frame.len, zeros, RAW, &err), OK);
    ck_assert_int_eq(frame_unpack(frame.data, frame.len, guarded, SMALL, &err), E_CORRUPT);
    declare_size(&frame, SMALL);
    ck_assert_int_eq(frame_unpack(frame.data, frame.len, guarded, SMALL, &err), E_CORRUPT);
    declare_size(&frame, 2 * (uint64_t)RAW);
    uint8_t *twice = alloc_new(2 * (size_t)RAW);
    ck_assert_int_eq(frame_unpack(frame.data, frame.len, twice, 2 * (size_t)RAW, &err), E_CORRUPT);
    alloc_free(twice);
    alloc_free(guarded);
    alloc_free(zeros);
    buf_fini(&frame);
}
END_TEST

START_TEST(packed_constants_may_not_claim_more_than_lz4_can_hold)
{
    struct artifact_page0 p0;
    struct err err;
    write_file();
    ck_ok(artifact_page0_read(file.data, file.len, &p0, &err), &err);
    struct disk_page0 d;
    memcpy(&d, file.data, sizeof(d));
    d.packed_bytes = (uint64_t)1 << 40;
    memcpy(file.data, &d, sizeof(d));
    ck_assert_int_eq(artifact_page0_read(file.data, file.len, &p0, &err), E_CORRUPT);
    buf_fini(&file);
}
END_TEST

Suite *suite_corrupt(void)
{
    const TTest *const of_each[] = {every_changed_byte_of_page_0_is_refused,
                                    every_lie_of_page_0_is_refused_though_the_hash_fits,
                                    every_changed_byte_of_the_rest_is_refused,
                                    changes_under_a_fitting_hash_never_crash,
                                    a_file_cut_anywhere_is_refused,
                                    the_section_at_fault_is_named};
    Suite *s = SUITE("corrupt", a_frame_that_grows_beyond_its_size_is_cut_off,
                     packed_constants_may_not_claim_more_than_lz4_can_hold);
    TCase *t = tcase_create("files");
    for (size_t i = 0; i < ARRAY_COUNT(of_each); i++)
        tcase_add_loop_test(t, of_each[i], 0, ARRAY_COUNT(writers));
    suite_add_tcase(s, t);
    return s;
}
