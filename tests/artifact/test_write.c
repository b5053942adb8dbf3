/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What is written is what is read, byte for byte the same each time, with every constant where it
 * pays to have it. */
#include <string.h>

#include "artifact/format_priv.h"
#include "artifact/reader.h"
#include "base/alloc.h"
#include "support/model.h"
#include "support/support.h"

static struct model m;

static void open_reader(const struct buf *file, struct artifact_reader *r)
{
    struct artifact_page0 p0;
    struct err err;
    ck_ok(artifact_page0_read(file->data, file->len, &p0, &err), &err);
    ck_ok(artifact_reader_init(r, &p0, file->data, p0.meta_bytes, &err), &err);
}

START_TEST(page_0_says_what_was_written)
{
    const struct artifact_cost cost = {4096, 128, 64};
    struct artifact_page0 p0;
    struct err err;
    struct buf file;
    model_mlp(&m, 1);
    model_write(&m, &cost, &file);
    ck_ok(artifact_page0_read(file.data, file.len, &p0, &err), &err);
    ck_assert_uint_eq(p0.file_bytes, file.len);
    ck_assert_uint_eq(p0.meta_bytes % ARTIFACT_PAGE0_BYTES, 0);
    ck_assert_uint_eq(p0.meta_bytes + p0.blob_bytes, file.len);
    ck_assert_uint_eq(p0.n_tensors, 9);
    ck_assert_uint_eq(p0.n_instrs, 4);
    ck_assert_uint_eq(p0.n_operands, 3 + 1 + 1 + 1 + 3 + 1 + 1 + 1);
    ck_assert_uint_eq(p0.n_inputs, 1);
    ck_assert_uint_eq(p0.n_outputs, 1);
    ck_assert_uint_eq(p0.n_symbols, 1);
    ck_assert_uint_eq(p0.n_blobs, 1);
    ck_assert_uint_eq(p0.packed_bytes, 0);
    ck_assert_mem_eq(&p0.cost, &cost, sizeof(cost));
    buf_fini(&file);
}
END_TEST

START_TEST(records_survive_the_round_trip)
{
    static const int64_t pads[] = {1, -2, INT64_MIN, INT64_MAX};
    static const float scales[] = {0.5f, -1e30f, 3};
    const struct attr attrs[] = {
        {.key = ATTR_axis, .type = ATTR_INT, .count = 1, .i = -7},
        {.key = ATTR_alpha, .type = ATTR_FLOAT, .count = 1, .f = 0.25f},
        {.key = ATTR_pads, .type = ATTR_INTS, .count = 4, .ints = pads},
        {.key = ATTR_mode, .type = ATTR_STRING, .count = 3, .str = "abc"},
    };
    const struct attr floats = {
        .key = ATTR_scales, .type = ATTR_FLOATS, .count = 3, .floats = scales};
    struct artifact_reader r;
    struct err err;
    struct buf file;
    model_mlp(&m, 1);
    for (size_t i = 0; i < ARRAY_COUNT(attrs); i++)
        model_attr(&m, attrs[i]);
    m.nodes[1].attrs = &floats;
    m.nodes[1].n_attrs = 1;
    model_write(&m, &(struct artifact_cost){0}, &file);
    open_reader(&file, &r);

    uint64_t cursor = 0;
    struct attr got[5];
    for (uint32_t i = 0; i < 5; i++) /* node 1 comes first */
        ck_ok(artifact_read_attr(&r, i, &cursor, &got[i], &err), &err);
    ck_assert_uint_eq(cursor, r.attr_data_bytes);
    ck_assert_int_eq(got[0].key, ATTR_scales);
    ck_assert_mem_eq(got[0].floats, scales, sizeof(scales));
    ck_assert_int_eq(got[1].i, -7);
    ck_assert_float_eq(got[2].f, 0.25f);
    ck_assert_mem_eq(got[3].ints, pads, sizeof(pads));
    ck_assert_uint_eq(got[4].count, 3);
    ck_assert_mem_eq(got[4].str, "abc", 3);

    struct port port;
    int32_t tensor;
    ck_ok(artifact_read_port(&r, 0, &port, &tensor, &err), &err);
    ck_assert_str_eq(port.name, "x");
    ck_assert_int_eq(tensor, m.in[0]);
    ck_assert_mem_eq(port.dims, m.inputs[0].dims, sizeof(port.dims));
    for (uint32_t i = 0; i < m.src.n_tensors; i++) {
        struct tensor_record t;
        uint64_t bytes;
        ck_ok(artifact_read_tensor(&r, i, &t, &err), &err);
        ck_assert_int_eq(t.class, m.tensors[i].class);
        if (t.class != CLASS_CONST)
            continue;
        ck_assert(shape_same(&t.t, &m.tensors[i].t) && tensor_bytes(&t.t, &bytes));
        struct blob_record b;
        ck_ok(artifact_read_blob(&r, t.place.blob, &b, &err), &err);
        ck_assert_mem_eq(file.data + r.p0.meta_bytes + b.off + t.place.off, m.tensors[i].t.data,
                         bytes);
    }
    artifact_reader_fini(&r);
    buf_fini(&file);
}
END_TEST

START_TEST(the_same_source_gives_the_same_bytes)
{
    struct buf a, b;
    model_mlp(&m, 1);
    model_write(&m, NULL, &a);
    model_mlp(&m, 1);
    model_write(&m, NULL, &b);
    ck_assert_uint_eq(a.len, b.len);
    ck_assert_mem_eq(a.data, b.data, a.len);
    buf_fini(&a);
    buf_fini(&b);
}
END_TEST

enum { LARGE = 40000 };

/* Integers that compress, floats that do not, twice the same bytes, and an empty one. */
static void constants_of_every_kind(int32_t *table, float *noise)
{
    uint64_t seed = 3;
    for (int i = 0; i < LARGE; i++) {
        table[i] = i / 100;
        noise[i] = draw_f32(&seed);
    }
    model_init(&m);
    int32_t x = model_input(&m, "x", DT_F32, 1, (int64_t[]){4});
    model_output(&m, "y", model_node(&m, "Relu", 14, x, -1, -1), DT_F32, 1, (int64_t[]){4});
    m.tensors[model_const(&m, DT_I32, 1, (int64_t[]){LARGE}, table)].compress = true;
    m.tensors[model_const(&m, DT_F32, 1, (int64_t[]){LARGE}, noise)].compress = true;
    model_const(&m, DT_F32, 2, (int64_t[]){2, LARGE / 2}, noise);
    model_const(&m, DT_F32, 1, (int64_t[]){3}, noise);
    model_const(&m, DT_F32, 2, (int64_t[]){0, 5}, noise);
    model_const(&m, DT_I32, 1, (int64_t[]){LARGE}, table);
}

START_TEST(each_constant_lies_where_it_pays)
{
    static int32_t table[LARGE];
    static float noise[LARGE];
    struct artifact_reader r;
    struct tensor_record t[6];
    struct err err;
    struct buf file;
    constants_of_every_kind(table, noise);
    model_write(&m, NULL, &file);
    open_reader(&file, &r);
    for (uint32_t i = 0; i < ARRAY_COUNT(t); i++)
        ck_ok(artifact_read_tensor(&r, 2 + i, &t[i], &err), &err);
    ck_assert(t[0].place.packed);  /* integers, asked for */
    ck_assert(!t[1].place.packed); /* asked for, but floats do not compress */
    ck_assert(!t[2].place.packed);
    ck_assert_uint_eq(t[1].place.blob, t[2].place.blob); /* the same bytes are stored once */
    ck_assert(!t[5].place.packed);                       /* compresses, but was not asked for */
    ck_assert_uint_eq(r.p0.n_blobs, 3);                  /* pack, noise, table */
    ck_assert_uint_eq(r.p0.packed_bytes, sizeof(table));
    ck_assert_uint_lt(r.sections[SECTION_PACK].stored, sizeof(table) / 2);
    for (uint32_t i = 0; i < r.p0.n_blobs; i++) {
        struct blob_record b;
        ck_ok(artifact_read_blob(&r, i, &b, &err), &err);
        ck_assert_uint_eq((r.p0.meta_bytes + b.off) % 4096, 0); /* it has its pages to itself */
    }
    uint8_t *packed = alloc_new(r.p0.packed_bytes);
    ck_ok(artifact_read_packed(&r, packed, &err), &err);
    ck_assert_mem_eq(packed + t[0].place.off, table, sizeof(table));
    alloc_free(packed);
    artifact_reader_fini(&r);

    struct program *p; /* and all of it opens */
    ck_ok(program_open_bytes(file.data, file.len, &p, &err), &err);
    program_free(&p);
    buf_fini(&file);
}
END_TEST

START_TEST(every_failed_allocation_is_an_error_without_a_leak)
{
    static int32_t table[LARGE];
    static float noise[LARGE];
    const int64_t before = alloc_live();
    uint64_t n = 0;
    enum status s;
    do {
        struct buf file = {0};
        struct err err;
        constants_of_every_kind(table, noise);
        alloc_fail_at(++n);
        s = artifact_write(&m.src, &(struct artifact_cost){0}, &file, &err);
        uint64_t calls = alloc_calls();
        alloc_fail_at(0);
        ck_assert(calls < n ? s == OK : s == E_NO_MEMORY);
        ck_assert(s == OK || file.len == 0);
        buf_fini(&file);
        ck_assert_int_eq(alloc_live(), before);
    } while (s != OK);
    ck_assert_uint_gt(n, 20);
}
END_TEST

/* Files from before blobs had their pages to themselves: minor 0, everything at multiples of 64.
 * Ours is one where each blob but the last happens to fill its pages. */
START_TEST(files_of_an_older_minor_are_read)
{
    enum { MINOR_OFF = 10 };
    static float large[2][40000];
    for (int exact = 0; exact < 2; exact++) {
        const int64_t counts[] = {exact ? 32 * 1024 : 32 * 1024 + 16, 20000};
        struct artifact_reader r;
        struct program *p;
        struct err err;
        struct buf file;
        model_init(&m);
        int32_t x = model_input(&m, "x", DT_F32, 1, (int64_t[]){4});
        model_output(&m, "y", model_node(&m, "Relu", 14, x, -1, -1), DT_F32, 1, (int64_t[]){4});
        large[0][0] = 1;
        for (int i = 0; i < 2; i++)
            model_const(&m, DT_F32, 1, &counts[i], large[i]);
        model_write(&m, NULL, &file);
        open_reader(&file, &r);
        ck_assert_uint_eq(r.p0.minor, 2);
        ck_assert_uint_eq(artifact_blob_align(&r.p0), 4096);
        artifact_reader_fini(&r);
        file.data[MINOR_OFF] = 1; /* says that it has blocks, and has none */
        model_rehash(&file);
        ck_assert_int_eq(program_open_bytes(file.data, file.len, &p, &err), E_CORRUPT);
        file.data[MINOR_OFF] = 0;
        model_rehash(&file);
        enum status s = program_open_bytes(file.data, file.len, &p, &err);
        ck_assert_int_eq(s, exact ? OK : E_CORRUPT); /* not where such a file has it */
        if (exact) {
            ck_assert_uint_eq(artifact_blob_align(program_page0(p)), ARTIFACT_ALIGN);
            program_free(&p);
        }
        buf_fini(&file);
    }
}
END_TEST

Suite *suite_write(void)
{
    return SUITE("write", page_0_says_what_was_written, records_survive_the_round_trip,
                 the_same_source_gives_the_same_bytes, each_constant_lies_where_it_pays,
                 files_of_an_older_minor_are_read,
                 every_failed_allocation_is_an_error_without_a_leak);
}
