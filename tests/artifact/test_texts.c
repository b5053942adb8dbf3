/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* String constants: written, read back, and every lie about where their texts lie refused. A
 * program that binds gives out nothing but text. */
#include <string.h>

#include "artifact/format_priv.h"
#include "artifact/reader.h"
#include "base/alloc.h"
#include "support/model.h"
#include "support/support.h"
#include "tensor/text.h"

enum { TABLE = 4000, WORDS = 3, K = 1, T = 2 }; /* K, T: the tensors of the two constants */

static struct model m;
static struct buf file;
static const struct text words[WORDS] = {{"alpha", 5}, {NULL, 0}, {"d\xc3\xa9j\xc3\xa0", 6}};

/* i int64[N] -> y string[N] = words[i], z int64[N] = table[i]; both constants are packed. */
static void write_file(void)
{
    static int64_t table[TABLE];
    for (int64_t i = 0; i < TABLE; i++)
        table[i] = i / 100;
    model_init(&m);
    int32_t i = model_input(&m, "i", DT_I64, 1, (int64_t[]){DIM_SYMBOL_0});
    int32_t k = model_const(&m, DT_STRING, 1, (int64_t[]){WORDS}, words);
    int32_t t = model_const(&m, DT_I64, 1, (int64_t[]){TABLE}, table);
    m.tensors[t].compress = true;
    ck_assert(k == K && t == T);
    int32_t y = model_node(&m, "Gather", 13, k, i, -1), z = model_node(&m, "Gather", 13, t, i, -1);
    model_output(&m, "y", y, DT_STRING, 1, (int64_t[]){DIM_SYMBOL_0});
    model_output(&m, "z", z, DT_I64, 1, (int64_t[]){DIM_SYMBOL_0});
    model_write(&m, NULL, &file);
}

static enum status run(const struct program *p, const int64_t *at, int64_t n, struct tensor *out,
                       struct arena *arena, struct session **session)
{
    struct tensor in = {.dtype = DT_I64, .rank = 1, .dims = {n}};
    struct err err = {0};
    in.data = (void *)(uintptr_t)at;
    arena_init(arena, 1 << 24, NULL);
    ck_assert_int_eq(session_new(arena, session), OK);
    return session_run(*session, p, &in, out, NULL, &err);
}

START_TEST(string_constants_come_back)
{
    static const int64_t at[] = {2, 0, 1, 2};
    struct tensor out[2];
    struct arena arena;
    struct session *session;
    struct program *p;
    struct err err;
    write_file();
    memset(m.tensors, 0, sizeof(m.tensors)); /* the program keeps nothing of the source */
    ck_ok(program_open_bytes(file.data, file.len, &p, &err), &err);
    ck_assert_int_eq(run(p, at, 4, out, &arena, &session), OK);
    for (int i = 0; i < 4; i++)
        ck_assert(text_same(text_get(&out[0], i), words[at[i]]));
    session_free(&session);
    arena_fini(&arena);
    program_free(&p);
    buf_fini(&file);
}
END_TEST

START_TEST(the_same_strings_give_the_same_bytes)
{
    struct buf first;
    write_file();
    buf_init(&first, 0);
    buf_move(&first, &file);
    write_file();
    ck_assert(first.len == file.len && memcmp(first.data, file.data, file.len) == 0);
    buf_fini(&first);
    buf_fini(&file);
}
END_TEST

/* ---- lies about texts ---- */

enum { ELEMENTS = 2 };

START_TEST(texts_lie_in_order_without_gaps)
{
    static const struct {
        struct disk_text e[ELEMENTS];
        const char *texts;
        uint64_t bytes; /* of elements and texts */
        bool fine;
    } cases[] = {
        {{{32, 1}, {33, 2}}, "abc", 35, true},
        {{{32, 0}, {32, 0}}, "", 32, true},
        {{{32, 1}, {33, 1}}, "abc", 35, false},  /* one byte is nobody's */
        {{{32, 1}, {33, 3}}, "abc", 35, false},  /* beyond the end */
        {{{32, 2}, {33, 2}}, "abc", 35, false},  /* shared */
        {{{33, 1}, {32, 2}}, "abc", 35, false},  /* out of order */
        {{{0, 16}, {16, 19}}, "abc", 35, false}, /* the elements themselves */
        {{{32, 1}, {UINT64_MAX, 2}}, "abc", 35, false},
        {{{32, UINT64_MAX}, {33, 2}}, "abc", 35, false},
        {{{32, UINT64_MAX - 31}, {0, 35}}, "abc", 35, false}, /* wraps around to 0 */
        {{{32, 1}, {33, 2}}, "a\xc3\x28", 35, false},         /* not UTF-8 */
        {{{32, 1}, {33, 2}},
         "\xc3\xa9"
         "b",
         35,
         false},                                 /* a letter cut in two */
        {{{32, 1}, {33, 2}}, "a\0b", 35, false}, /* NUL */
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct tensor t = {.dtype = DT_STRING, .rank = 1, .dims = {ELEMENTS}};
        uint8_t *at = alloc_aligned(64, cases[i].bytes); /* of exact size, for ASan */
        struct err err;
        memcpy(at, cases[i].e, sizeof(cases[i].e));
        memcpy(at + sizeof(cases[i].e), cases[i].texts, cases[i].bytes - sizeof(cases[i].e));
        t.data = at;
        enum status s = artifact_bind_texts(&t, at, cases[i].bytes, &err);
        ck_assert_msg(s == (cases[i].fine ? OK : E_CORRUPT), "case %d: %s", (int)i, status_name(s));
        alloc_free(at);
    }
}
END_TEST

static uint8_t *section(enum section type)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        struct disk_section d;
        memcpy(&d, file.data + ARTIFACT_PAGE0_BYTES + i * sizeof(d), sizeof(d));
        if (d.type == type) {
            ck_assert_int_eq(d.codec, CODEC_RAW);
            return file.data + d.off;
        }
    }
    ck_abort_msg("no such section");
}

static void expect_refused(const char *what, const struct disk_tensor *k,
                           const struct disk_tensor *t)
{
    struct program *p;
    struct err err;
    uint8_t *tens = section(SECTION_TENS);
    memcpy(tens + K * sizeof(*k), k, sizeof(*k));
    memcpy(tens + T * sizeof(*t), t, sizeof(*t));
    model_rehash(&file);
    enum status s = program_open_bytes(file.data, file.len, &p, &err);
    ck_assert_msg(s == E_CORRUPT, "%s: %s", what, status_name(s));
}

START_TEST(no_other_constant_shares_bytes_with_texts)
{
    struct disk_tensor k, t, change;
    write_file();
    const uint8_t *tens = section(SECTION_TENS);
    memcpy(&k, tens + K * sizeof(k), sizeof(k));
    memcpy(&t, tens + T * sizeof(t), sizeof(t));
    ck_assert(k.place == PLACE_PACKED && t.place == PLACE_PACKED && t.off > k.off);
    change = t;
    change.off = k.off; /* addresses would go out as numbers */
    expect_refused("over the texts", &k, &change);
    change.dims[0] += (int64_t)((t.off - k.off) / sizeof(int64_t));
    change.bytes += t.off - k.off;
    expect_refused("over the texts and to the end", &k, &change);
    change = t;
    change.off = t.off + ARTIFACT_ALIGN;
    expect_refused("past the end", &k, &change);
    change = k;
    change.bytes += ARTIFACT_ALIGN;
    expect_refused("longer than its texts", &change, &t);
    change.bytes = WORDS * sizeof(struct text);
    expect_refused("without texts", &change, &t);
    change.bytes = 8;
    expect_refused("without elements", &change, &t);
    change = k;
    change.place = PLACE_BLOB;
    expect_refused("in a blob", &change, &t);
    change = k;
    change.dtype = DT_I64; /* half the elements' bytes */
    expect_refused("as integers", &change, &t);
    change = t;
    change.dtype = DT_STRING;
    expect_refused("integers as strings", &k, &change);
    buf_fini(&file);
}
END_TEST

START_TEST(what_binds_after_any_change_gives_out_text)
{
    static const int64_t at[] = {0, 1, 2};
    uint64_t seed = 5;
    write_file();
    for (int round = 0; round < 3000; round++) {
        struct buf copy = {0};
        struct program *p;
        struct err err;
        struct tensor out[SIGNATURE_PORTS_MAX];
        struct arena arena;
        struct session *session;
        ck_assert_int_eq(buf_add(&copy, file.data, file.len), OK);
        for (int k = 0; k < 1 + round % 3; k++)
            file.data[ARTIFACT_PAGE0_BYTES + draw_u64(&seed) % (file.len - ARTIFACT_PAGE0_BYTES)] ^=
                (uint8_t)draw_u64(&seed);
        model_rehash(&file);
        if (program_open_bytes(file.data, file.len, &p, &err) == OK) {
            const struct signature *sig = program_signature(p);
            enum status s = run(p, at, 3, out, &arena, &session);
            for (int i = 0; s == OK && i < sig->n_outputs; i++)
                for (int64_t e = 0; out[i].dtype == DT_STRING && e < tensor_count(&out[i]); e++)
                    ck_assert(text_valid(text_get(&out[i], e).at, text_get(&out[i], e).len));
            session_free(&session);
            arena_fini(&arena);
            program_free(&p);
        }
        buf_fini(&file);
        buf_move(&file, &copy);
    }
    buf_fini(&file);
}
END_TEST

START_TEST(a_sample_of_strings_is_refused)
{
    struct artifact_cost cost = {0};
    struct buf out = {0};
    struct err err;
    struct tensor in = {.dtype = DT_STRING, .rank = 1, .dims = {WORDS}}, y[2];
    write_file();
    in.data = (void *)(uintptr_t)words;
    y[0] = y[1] = in;
    m.src.sample_inputs = &in;
    m.src.sample_outputs = y;
    ck_assert_int_eq(artifact_write(&m.src, &cost, &out, &err), E_UNSUPPORTED);
    ck_assert(strstr(err.msg, "strings"));
    buf_fini(&out);
    buf_fini(&file);
}
END_TEST

START_TEST(no_allocation_is_missed)
{
    const int64_t live = alloc_live();
    enum status s = E_NO_MEMORY;
    write_file();
    const int64_t with_file = alloc_live();
    for (uint64_t n = 1; s != OK; n++) {
        struct program *p;
        struct err err;
        alloc_fail_at(n);
        s = program_open_bytes(file.data, file.len, &p, &err);
        ck_assert(s == OK || s == E_NO_MEMORY);
        if (s == OK)
            program_free(&p);
        ck_assert_int_eq(alloc_live(), with_file);
    }
    alloc_fail_at(0);
    buf_fini(&file);
    s = E_NO_MEMORY;
    for (uint64_t n = 1; s != OK; n++) {
        struct artifact_cost cost = {0};
        struct buf out = {0};
        struct err err;
        alloc_fail_at(n);
        s = artifact_write(&m.src, &cost, &out, &err);
        ck_assert(s == OK || s == E_NO_MEMORY);
        buf_fini(&out);
        ck_assert_int_eq(alloc_live(), live);
    }
    alloc_fail_at(0);
}
END_TEST

Suite *suite_texts(void)
{
    return SUITE("texts", string_constants_come_back, the_same_strings_give_the_same_bytes,
                 texts_lie_in_order_without_gaps, no_other_constant_shares_bytes_with_texts,
                 what_binds_after_any_change_gives_out_text, a_sample_of_strings_is_refused,
                 no_allocation_is_missed);
}
