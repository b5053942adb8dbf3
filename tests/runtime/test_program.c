/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What binding proves beyond the file's structure: well-formed artifacts that mean nonsense, each
 * refused with words that name it. The writer writes them, because it does not judge. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "runtime/program_priv.h"
#include "support/model.h"
#include "support/support.h"

static struct model m;

/* ---- one change each to the network of model_mlp: x, W1, b1, W2, b2, Gemm, Relu, Gemm, Softmax */

static void unknown_op(void)
{
    m.nodes[1].op = 999;
}

static void unknown_version(void)
{
    m.nodes[1].version = 2;
}

static void too_many_operands(void)
{
    m.operands[1][0][1] = 0;
    m.nodes[1].n_in = 2;
}

static void no_operands(void)
{
    m.nodes[1].n_in = 0;
}

static void no_results(void)
{
    m.nodes[1].n_out = 0;
}

static void used_before_defined(void)
{
    m.operands[0][0][0] = 8;
}

static void defined_twice(void)
{
    m.operands[1][1][0] = 5;
}

static void constant_written(void)
{
    m.operands[1][1][0] = 1;
}

static void input_written(void)
{
    m.operands[1][1][0] = 0;
}

static void never_defined(void)
{
    int32_t t = (int32_t)m.src.n_tensors++;
    m.tensors[t] = (struct artifact_tensor){.name = "lost", .class = CLASS_VALUE};
}

static void operand_beyond_tensors(void)
{
    m.operands[1][0][0] = 999;
}

static void operand_negative(void)
{
    m.operands[1][0][0] = -2;
}

static void required_operand_missing(void)
{
    m.operands[1][0][0] = ARTIFACT_NO_TENSOR;
}

static void input_port_is_a_constant(void)
{
    m.in[0] = 1;
}

static void input_without_port(void)
{
    int32_t t = (int32_t)m.src.n_tensors++;
    m.tensors[t] = (struct artifact_tensor){.name = "free", .class = CLASS_INPUT};
    m.tensors[t].t.dtype = DT_F32;
}

static void two_ports_of_one_name(void)
{
    model_input(&m, "x", DT_F32, 1, (int64_t[]){1});
}

static void port_without_name(void)
{
    m.inputs[0].name = "";
}

static void port_with_control_bytes(void)
{
    m.inputs[0].name = "a\nb";
}

static void port_beyond_tensors(void)
{
    m.out[0] = 77;
}

static void symbol_beyond_symbols(void)
{
    m.inputs[0].dims[0] = DIM_SYMBOL_0 - 1;
}

static void attribute_twice(void)
{
    model_attr(&m, (struct attr){.key = ATTR_axis, .type = ATTR_INT, .count = 1, .i = -1});
    model_attr(&m, (struct attr){.key = ATTR_axis, .type = ATTR_INT, .count = 1, .i = -1});
}

static void attribute_of_wrong_type(void)
{
    model_attr(&m, (struct attr){.key = ATTR_axis, .type = ATTR_FLOAT, .count = 1, .f = 1});
}

static void attribute_without_key(void)
{
    model_attr(&m, (struct attr){.key = ATTR_NONE, .type = ATTR_INT, .count = 1, .i = 1});
}

static void output_of_wrong_dtype(void)
{
    m.outputs[0].dtype = DT_F64;
}

static void output_of_wrong_dim(void)
{
    m.outputs[0].dims[1] = 4;
}

static void bool_of_two(void)
{
    static const uint8_t bools[3] = {0, 1, 2};
    model_const(&m, DT_BOOL, 1, (int64_t[]){3}, bools);
}

static void shapes_that_do_not_meet(void)
{
    m.inputs[0].dims[0] = 1; /* nothing is free, so that no request is to blame */
    m.inputs[0].dims[1] = 5;
}

static void sample_of_wrong_rank(void)
{
    static float data[8];
    static struct tensor in, out;
    tensor_set_shape(&in, DT_F32, 1, (int64_t[]){4});
    tensor_set_shape(&out, DT_F32, 2, (int64_t[]){1, 3});
    in.data = out.data = data;
    m.src.sample_inputs = &in;
    m.src.sample_outputs = &out;
}

/* x[N][4]: names of its columns, and the columns by rising name. */
static void name_columns(uint32_t count, const char *texts, const uint32_t *sorted)
{
    static const uint32_t at[] = {0, 2, 4, 6};
    m.src.signature.columns = (struct columns){count, texts, at, sorted};
}

static void columns_of_another_width(void)
{
    static const uint32_t sorted[] = {0, 1, 2};
    name_columns(3, "a\0b\0c", sorted);
}

static void columns_out_of_order(void)
{
    static const uint32_t sorted[] = {0, 2, 1, 3};
    name_columns(4, "a\0b\0c\0d", sorted);
}

static void two_columns_of_one_name(void)
{
    static const uint32_t sorted[] = {0, 1, 2, 3};
    name_columns(4, "a\0b\0b\0d", sorted);
}

static void column_beyond_columns(void)
{
    static const uint32_t sorted[] = {0, 1, 2, 4};
    name_columns(4, "a\0b\0c\0d", sorted);
}

static void column_with_control_bytes(void)
{
    static const uint32_t sorted[] = {0, 1, 2, 3};
    name_columns(4, "\n\0b\0c\0d", sorted);
}

static const struct nonsense {
    void (*change)(void);
    enum status status;
    const char *words;
} cases[] = {
    {unknown_op, E_UNSUPPORTED, "operator 999"},
    {unknown_version, E_UNSUPPORTED, "Relu version 2"},
    {too_many_operands, E_CORRUPT, "Relu has 2 inputs"},
    {no_operands, E_CORRUPT, "Relu has 0 inputs"},
    {no_results, E_CORRUPT, "0 outputs"},
    {used_before_defined, E_CORRUPT, "reads tensor 8"},
    {defined_twice, E_CORRUPT, "may not define tensor 5"},
    {constant_written, E_CORRUPT, "may not define tensor 1"},
    {input_written, E_CORRUPT, "may not define tensor 0"},
    {never_defined, E_CORRUPT, "\"lost\" is never defined"},
    {operand_beyond_tensors, E_CORRUPT, "section OPND: operand 4 is tensor 999 of 9"},
    {operand_negative, E_CORRUPT, "section OPND: operand 4 is tensor -2"},
    {required_operand_missing, E_CORRUPT, "reads tensor -1"},
    {input_port_is_a_constant, E_CORRUPT, "section SIGN: input \"x\" is tensor 1"},
    {input_without_port, E_CORRUPT, "\"free\" is an input without a port"},
    {two_ports_of_one_name, E_CORRUPT, "two ports are named \"x\""},
    {port_without_name, E_CORRUPT, "section SIGN: port 0: a name of 0 bytes"},
    {port_with_control_bytes, E_CORRUPT, "section SIGN: port 0: a name with control bytes"},
    {port_beyond_tensors, E_CORRUPT, "section SIGN: port 1: tensor 77 of 9"},
    {symbol_beyond_symbols, E_CORRUPT, "section SIGN: port 0: dim 0 is -3"},
    {attribute_twice, E_CORRUPT, "attribute axis twice"},
    {attribute_of_wrong_type, E_CORRUPT, "instruction 3 \"Softmax\""},
    {attribute_without_key, E_CORRUPT, "section ATTR: attribute 0"},
    {output_of_wrong_dtype, E_CORRUPT, "output \"y\" came out as float32[1,3]"},
    {output_of_wrong_dim, E_CORRUPT, "output \"y\" came out as float32[1,3]"},
    {bool_of_two, E_CORRUPT, "neither 0 nor 1"},
    {shapes_that_do_not_meet, E_CORRUPT, "node \"Gemm\""},
    {sample_of_wrong_rank, E_CORRUPT, "section SELF: sample 0"},
    {columns_of_another_width, E_CORRUPT, "section COLS: 24 bytes do not fit"},
    {columns_out_of_order, E_CORRUPT, "section COLS: entry 2 of the names is out of order"},
    {two_columns_of_one_name, E_CORRUPT, "section COLS: entry 2 of the names is out of order"},
    {column_beyond_columns, E_CORRUPT, "section COLS: entry 3 of the names is out of order"},
    {column_with_control_bytes, E_CORRUPT, "section COLS: entry 0 is no name"},
};

START_TEST(well_formed_nonsense_is_refused_and_named)
{
    const struct nonsense *c = &cases[_i];
    const struct artifact_cost cost = {0};
    struct program *p;
    struct err err;
    struct buf file;
    const int64_t before = alloc_live();
    model_mlp(&m, 1);
    c->change();
    model_write(&m, &cost, &file);
    enum status s = program_open_bytes(file.data, file.len, &p, &err);
    ck_assert_msg(s == c->status, "case %d: %s", _i, s == OK ? "accepted" : err.msg);
    ck_assert_msg(strstr(err.msg, c->words), "\"%s\" lacks \"%s\"", err.msg, c->words);
    buf_fini(&file);
    ck_assert_int_eq(alloc_live(), before);
}
END_TEST

START_TEST(names_of_columns_are_bound)
{
    static const uint32_t sorted[] = {3, 1, 0, 2};
    struct program *p;
    model_mlp(&m, 1);
    name_columns(4, "m\0b\0z\0a", sorted);
    p = model_program(&m);
    const struct columns *c = &program_signature(p)->columns;
    ck_assert_uint_eq(c->count, 4);
    ck_assert_str_eq(columns_name(c, 2), "z");
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_int_eq(columns_find(c, columns_name(c, i), 0), i);
    ck_assert_int_eq(columns_find(c, "x", 0), -1);
    program_free(&p);
}
END_TEST

START_TEST(a_lie_about_cost_is_refused)
{
    struct artifact_cost cost;
    struct buf file;
    struct err err;
    struct program *p;
    model_mlp(&m, 1);
    model_write(&m, &(struct artifact_cost){0}, &file);
    ck_ok(program_measure(file.data, file.len, &cost, &err), &err);
    ck_assert_uint_gt(cost.arena_fixed, 0);
    ck_assert_uint_gt(cost.arena_per_item, 0);
    uint64_t *fields[] = {&cost.arena_fixed, &cost.arena_per_item, &cost.scratch_bytes};
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++)
        for (int up = 0; up < 2; up++) {
            const uint64_t was = *fields[i];
            *fields[i] = up ? was + 64 : was / 2;
            if (*fields[i] == was)
                continue;
            buf_fini(&file);
            model_write(&m, &cost, &file);
            ck_assert_int_eq(program_open_bytes(file.data, file.len, &p, &err), E_CORRUPT);
            ck_assert_msg(strstr(err.msg, "page 0 declares an arena"), "%s", err.msg);
            *fields[i] = was;
        }
    buf_fini(&file);
}
END_TEST

START_TEST(the_costs_are_those_of_the_smallest_batch)
{
    struct arena arena;
    struct session *session;
    struct err err;
    float x[64] = {0};
    struct tensor in = {DT_F32, 2, {1, 4}, x}, out;
    model_mlp(&m, 1);
    struct program *p = model_program(&m);
    const struct artifact_cost cost = program_page0(p)->cost;
    arena_init(&arena, 1 << 20, NULL);
    ck_assert_int_eq(session_new(&arena, &session), OK);
    ck_ok(session_run(session, p, &in, &out, NULL, &err), &err);
    ck_assert_uint_eq(session_arena_bytes(session), cost.arena_fixed);
    in.dims[0] = 2;
    ck_ok(session_run(session, p, &in, &out, NULL, &err), &err);
    ck_assert_uint_eq(session_arena_bytes(session), cost.arena_fixed + cost.arena_per_item);
    session_free(&session);
    arena_fini(&arena);
    program_free(&p);
}
END_TEST

/* Every kind of thing that takes room in the region, and many of them. */
START_TEST(page_0_alone_says_enough_memory)
{
    static const float w[16 * 16], b[16];
    struct buf file;
    struct err err;
    struct artifact_page0 p0;
    struct artifact_reader reader;
    struct bundle *bundle, *small;
    struct program *p = NULL;
    model_init(&m);
    int32_t v = model_input(&m, "x", DT_F32, 2, (int64_t[]){DIM_SYMBOL_0, 16});
    int32_t cw = model_const(&m, DT_F32, 2, (int64_t[]){16, 16}, w);
    int32_t cb = model_const(&m, DT_F32, 1, (int64_t[]){16}, b);
    for (int i = 0; i < 400; i++) {
        v = model_node(&m, "Gemm", 13, v, cw, cb);
        model_attr(&m, (struct attr){.key = ATTR_alpha, .type = ATTR_FLOAT, .count = 1, .f = 1});
        model_attr(&m, (struct attr){.key = ATTR_transB, .type = ATTR_INT, .count = 1, .i = 1});
    }
    model_output(&m, "y", v, DT_F32, 2, (int64_t[]){DIM_SYMBOL_0, 16});
    model_write(&m, NULL, &file);
    ck_ok(artifact_page0_read(file.data, file.len, &p0, &err), &err);
    ck_ok(artifact_reader_init(&reader, &p0, file.data, p0.meta_bytes, &err), &err);
    ck_ok(bundle_new(&reader, NULL, &small, &err), &err);
    memcpy(small->region.base, file.data + p0.meta_bytes, p0.blob_bytes);
    small->bind_bytes = REGION_PAGE;
    ck_assert_int_eq(program_bind(&reader, &small, &p, &err), E_INTERNAL);
    ck_assert_ptr_nonnull(small); /* still the caller's */
    bundle_free(&small);
    ck_ok(bundle_new(&reader, NULL, &bundle, &err), &err);
    memcpy(bundle->region.base, file.data + p0.meta_bytes, p0.blob_bytes);
    ck_ok(program_bind(&reader, &bundle, &p, &err), &err);
    artifact_reader_fini(&reader);
    ck_assert_ptr_null(bundle); /* moved */
    ck_assert_uint_eq(program_resident_bytes(p), program_bytes(&p0));
    ck_assert_uint_eq(program_instr_count(p), 400);
    struct instr_view view;
    program_instr(p, 399, &view);
    ck_assert_str_eq(view.op->name, "Gemm");
    ck_assert_uint_eq(view.n_in, 3);
    ck_assert_str_eq(program_provenance(p), "{\"source\":\"test\"}");
    program_free(&p);
    buf_fini(&file);
}
END_TEST

Suite *suite_program(void)
{
    Suite *s = SUITE("program", names_of_columns_are_bound, a_lie_about_cost_is_refused,
                     the_costs_are_those_of_the_smallest_batch, page_0_alone_says_enough_memory);
    TCase *c = tcase_create("nonsense");
    tcase_add_loop_test(c, well_formed_nonsense_is_refused_and_named, 0, ARRAY_COUNT(cases));
    suite_add_tcase(s, c);
    return s;
}
