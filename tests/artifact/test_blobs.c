/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Blobs that arrive in pieces, and what is remembered of them. */
#include "artifact/blobs.h"

#include <stdio.h>
#include <string.h>

#include "artifact/format_priv.h"
#include "base/alloc.h"
#include "metrics/metrics.h"
#include "support/model.h"
#include "support/support.h"

static struct model m;
static struct buf file;
static struct artifact_page0 p0;
static struct artifact_reader reader;

/* Three blobs whose lengths are no multiple of the alignment, and small constants in a pack. */
static void setup(void)
{
    static float large[3][40000];
    struct err err;
    model_init(&m);
    int32_t v = model_input(&m, "x", DT_F32, 1, (int64_t[]){DIM_FREE});
    for (int i = 0; i < 3; i++) {
        const int64_t n = 30001 + 1000 * i;
        for (int64_t k = 0; k < n; k++)
            large[i][k] = (float)(k * (i + 1));
        int32_t c = model_const(&m, DT_F32, 1, &n, large[i]);
        v = model_node(&m, "Concat", 13, v, c, ARTIFACT_NO_TENSOR);
        model_attr(&m, (struct attr){.key = ATTR_axis, .type = ATTR_INT, .count = 1});
    }
    model_output(&m, "y", v, DT_F32, 1, (int64_t[]){DIM_FREE});
    model_write(&m, NULL, &file);
    ck_ok(artifact_page0_read(file.data, file.len, &p0, &err), &err);
    ck_assert_uint_ge(p0.n_blobs, 3);
    ck_assert_uint_ge(p0.blob_bytes, BLOBS_KNOWN_LEAST);
    ck_ok(artifact_reader_init(&reader, &p0, file.data, p0.meta_bytes, &err), &err);
}

static void teardown(void)
{
    artifact_reader_fini(&reader);
    buf_fini(&file);
}

/* Adds the first `n` bytes of the blob area in pieces of the drawn lengths. */
static enum status add_all(uint64_t n, uint64_t *seed, struct err *err)
{
    struct blob_check c;
    const uint8_t *area = file.data + p0.meta_bytes;
    enum status s = OK;
    const int64_t before = alloc_live();
    blob_check_init(&c, &reader);
    for (uint64_t at = 0, piece; s == OK && at < n; at += piece) {
        piece = MIN(n - at, 1 + draw_u64(seed) % (draw_u64(seed) % 4 ? 50000 : 64));
        s = blob_check_add(&c, area + at, piece, err);
    }
    if (s == OK)
        s = blob_check_end(&c, p0.n_blobs, err);
    blob_check_fini(&c);
    ck_assert_int_eq(alloc_live(), before);
    return s;
}

START_TEST(pieces_of_any_length_are_proven)
{
    uint64_t seed = 1;
    struct err err;
    setup();
    for (int i = 0; i < 50; i++)
        ck_ok(add_all(p0.blob_bytes, &seed, &err), &err);
    teardown();
}
END_TEST

START_TEST(a_flipped_bit_is_found_wherever_it_is)
{
    uint64_t seed = 2;
    struct err err;
    setup();
    for (int i = 0; i < 300; i++) {
        uint8_t *at = file.data + p0.meta_bytes + draw_u64(&seed) % p0.blob_bytes;
        const uint8_t bit = (uint8_t)(1u << i % 8);
        *at ^= bit;
        ck_assert_int_eq(add_all(p0.blob_bytes, &seed, &err), E_CORRUPT);
        ck_assert_ptr_nonnull(strstr(err.msg, "blob "));
        *at ^= bit;
    }
    teardown();
}
END_TEST

START_TEST(padding_between_blobs_must_be_zero)
{
    uint64_t seed = 3;
    struct err err;
    struct blob_record b;
    setup();
    for (uint32_t i = 0; i < p0.n_blobs; i++) {
        ck_ok(artifact_read_blob(&reader, i, &b, &err), &err);
        const uint64_t end = b.off + b.bytes;
        const uint64_t pad = MIN(p0.blob_bytes - end, -end % ARTIFACT_BLOB_ALIGN);
        for (int last = 0; pad && last < 2; last++) {
            uint8_t *at = file.data + p0.meta_bytes + end + (last ? pad - 1 : 0);
            *at = 1;
            ck_assert_int_eq(add_all(p0.blob_bytes, &seed, &err), E_CORRUPT);
            ck_assert_ptr_nonnull(strstr(err.msg, "padding"));
            *at = 0;
        }
    }
    teardown();
}
END_TEST

/* Blobs [first, end) with what lies behind them; `cut` bytes of them do not come. */
static enum status add_run(uint32_t first, uint32_t end, uint64_t cut, struct err *err)
{
    struct blob_check c;
    struct blob_record from, to;
    blob_check_init(&c, &reader);
    ck_ok(artifact_read_blob(&reader, first, &from, err), err);
    ck_ok(artifact_read_blob(&reader, end - 1, &to, err), err);
    ck_ok(blob_check_seek(&c, first, err), err);
    uint64_t stop = to.off + to.bytes - cut;
    if (!cut)
        stop = MIN(p0.blob_bytes, stop + -stop % ARTIFACT_BLOB_ALIGN);
    enum status s = blob_check_add(&c, file.data + p0.meta_bytes + from.off, stop - from.off, err);
    if (s == OK)
        s = blob_check_end(&c, end, err);
    blob_check_fini(&c);
    return s;
}

START_TEST(any_blobs_in_a_row_are_proven_alone)
{
    struct err err;
    setup();
    for (uint32_t first = 0; first < p0.n_blobs; first++)
        for (uint32_t end = first + 1; end <= p0.n_blobs; end++) {
            struct blob_record b;
            ck_ok(artifact_read_blob(&reader, end - 1, &b, &err), &err);
            ck_ok(add_run(first, end, 0, &err), &err);
            ck_assert_int_eq(add_run(first, end, 1, &err), E_CORRUPT);
            ck_assert_int_eq(add_run(first, end, b.bytes, &err), E_CORRUPT); /* not begun */
            file.data[p0.meta_bytes + b.off] ^= 1;
            ck_assert_int_eq(add_run(first, end, 0, &err), E_CORRUPT);
            file.data[p0.meta_bytes + b.off] ^= 1;
        }
    teardown();
}
END_TEST

START_TEST(a_blob_that_does_not_come_is_missed)
{
    uint64_t seed = 4;
    struct err err;
    setup();
    for (uint64_t n = 0; n < p0.blob_bytes - ARTIFACT_ALIGN; n += 9973)
        ck_assert_int_eq(add_all(n, &seed, &err), E_CORRUPT);
    teardown();
}
END_TEST

START_TEST(blobs_that_overlap_are_corrupt)
{
    uint64_t seed = 5;
    struct err err;
    setup();
    uint8_t *table = (uint8_t *)(uintptr_t)reader.sections[SECTION_BLOB].data;
    struct disk_blob first;
    memcpy(&first, table, sizeof(first));
    memcpy(table + sizeof(first), &first, sizeof(first)); /* the second is the first again */
    ck_assert_int_eq(add_all(p0.blob_bytes, &seed, &err), E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.msg, "blob 1 lies at"));
    teardown();
}
END_TEST

START_TEST(what_was_proven_is_known_under_its_tag_only)
{
    setup();
    metrics_reset();
    struct artifact_page0 other = p0, small = p0;
    other.hash[31] ^= 1;
    small.blob_bytes = BLOBS_KNOWN_LEAST - 1;
    char tag[BLOBS_TAG_MAX + 1];
    memset(tag, 'x', sizeof(tag));
    tag[BLOBS_TAG_MAX] = 0;
    ck_assert(!blobs_known(&p0, "a"));
    ck_assert_uint_eq(metric_get(M_BLOBS_HASHED), p0.blob_bytes);
    blobs_remember(&p0, "a");
    blobs_remember(&p0, "a");
    blobs_remember(&p0, "");  /* says nothing about the object */
    blobs_remember(&p0, tag); /* too long to keep, and not cut */
    blobs_remember(&small, "s");
    ck_assert(blobs_known(&p0, "a"));
    ck_assert_uint_eq(metric_get(M_BLOBS_KNOWN), p0.blob_bytes);
    ck_assert(!blobs_known(&p0, "b"));
    ck_assert(!blobs_known(&p0, ""));
    ck_assert(!blobs_known(&p0, tag));
    ck_assert(!blobs_known(&small, "s"));
    tag[BLOBS_TAG_MAX - 1] = 0;
    ck_assert(!blobs_known(&p0, tag));
    ck_assert(!blobs_known(&other, "a"));
    teardown();
}
END_TEST

START_TEST(always_means_that_nothing_is_known)
{
    setup();
    blobs_remember(&p0, "a");
    blobs_always_hash(true);
    ck_assert(!blobs_known(&p0, "a"));
    blobs_remember(&p0, "a");
    ck_assert(!blobs_known(&p0, "a"));
    blobs_always_hash(false);
    ck_assert(!blobs_known(&p0, "a")); /* all was forgotten */
    blobs_remember(&p0, "a");
    ck_assert(blobs_known(&p0, "a"));
    teardown();
}
END_TEST

/* Far more contents than places: the one that is used between all others stays. */
START_TEST(the_places_are_bounded_and_go_to_what_is_used)
{
    enum { MANY = 5 * BLOBS_KNOWN_MAX };
    char tag[32];
    uint32_t known = 0;
    setup();
    for (int i = 0; i < MANY; i++) {
        snprintf(tag, sizeof(tag), "%d", i);
        blobs_remember(&p0, tag);
        ck_assert(blobs_known(&p0, tag));
        ck_assert(blobs_known(&p0, "0"));
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(tag, sizeof(tag), "%d", i);
        known += blobs_known(&p0, tag);
    }
    ck_assert_uint_le(known, BLOBS_KNOWN_MAX);
    ck_assert_uint_ge(known, BLOBS_KNOWN_MAX / 2);
    teardown();
}
END_TEST

Suite *suite_blobs(void)
{
    return SUITE("blobs", pieces_of_any_length_are_proven, a_flipped_bit_is_found_wherever_it_is,
                 padding_between_blobs_must_be_zero, any_blobs_in_a_row_are_proven_alone,
                 a_blob_that_does_not_come_is_missed, blobs_that_overlap_are_corrupt,
                 what_was_proven_is_known_under_its_tag_only, always_means_that_nothing_is_known,
                 the_places_are_bounded_and_go_to_what_is_used);
}
