/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the ONNX reader makes of well-formed models: constants in all their forms, symbols, opsets.
 */
#include <string.h>

#include "compiler/compiler.h"
#include "compiler/graph.h"
#include "support/graph_run.h"
#include "support/onnx_build.h"
#include "support/support.h"

static struct graph *read_build(struct onnx_build *m, struct buf *file)
{
    struct graph *g;
    struct err err = {OK, ""};
    onnx_finish(m, file);
    ck_assert_int_eq(graph_new(&g), OK);
    ck_ok(onnx_read(file->data, file->len, g, &err), &err);
    return g;
}

/* x -> Relu -> y, so that a model has what every model needs. */
static void relu(struct onnx_build *m, int opset)
{
    onnx_opset(m, "", opset);
    onnx_input(m, "x", DT_F32, DIMS(-1, 4));
    onnx_op(m, "Relu", "r", "x", "y", NO_ATTRS);
    onnx_output(m, "y");
}

START_TEST(names_symbols_and_opsets_are_kept)
{
    struct onnx_build m = {0};
    struct buf file = {0};
    onnx_opset(&m, "never.used", 3);
    relu(&m, 13);
    onnx_input(&m, "u", DT_I64, DIMS(-1, 0));
    struct graph *g = read_build(&m, &file);
    ck_assert_uint_eq(g->n_inputs, 2);
    ck_assert_str_eq(g->values[g->inputs[0]].name, "x");
    ck_assert_int_eq(g->values[g->inputs[0]].t.dims[0], DIM_SYMBOL_0);
    ck_assert_int_eq(g->values[g->inputs[1]].t.dims[0], DIM_SYMBOL_0);
    ck_assert_int_eq(g->values[g->inputs[1]].t.dims[1], DIM_SYMBOL_0 - 1);
    ck_assert_str_eq(g->symbols[0], "N");
    ck_assert_str_eq(g->symbols[1], "");
    ck_assert_int_eq(g->nodes[0].version, 13);
    ck_assert_uint_eq(g->n_opsets, 2);
    ck_assert_str_eq(g->producer, "by-hand");
    graph_free(&g);
    buf_fini(&file);
}
END_TEST

static void tensor_field(struct onnx_build *m, const char *name, enum dtype dtype, int64_t dim,
                         uint32_t field, const void *packed, size_t n)
{
    struct buf t = {0};
    pb_int(&t, 1, dim);
    pb_int(&t, 2, dtype);
    pb_bytes(&t, field, packed, n);
    pb_str(&t, 8, name);
    pb_msg(&m->graph, 5, &t);
}

START_TEST(all_five_forms_of_data_are_read)
{
    static const float f[2] = {1.5f, -2};
    static const double d[2] = {0.25, -8};
    static const uint8_t minus_one[] = {5,    0xff, 0xff, 0xff, 0xff, 0xff,
                                        0xff, 0xff, 0xff, 0xff, 0x01};
    struct onnx_build m = {0};
    struct buf file = {0}, t = {0};
    relu(&m, 13);
    tensor_field(&m, "f", DT_F32, 2, 4, f, sizeof(f));
    tensor_field(&m, "d", DT_F64, 2, 10, d, sizeof(d));
    tensor_field(&m, "i", DT_I64, 2, 7, minus_one, sizeof(minus_one));
    tensor_field(&m, "b", DT_I8, 2, 5, minus_one, sizeof(minus_one));
    tensor_field(&m, "h", DT_F16, 1, 5, "\x80\x78", 2); /* 15360 is 1.0 */
    tensor_field(&m, "u", DT_U32, 1, 11, "\x07", 1);
    pb_int(&t, 1, 2); /* not packed: one field per number */
    pb_int(&t, 2, DT_I32);
    pb_int(&t, 5, 41);
    pb_int(&t, 5, -42);
    pb_str(&t, 8, "l");
    pb_msg(&m.graph, 5, &t);
    struct graph *g = read_build(&m, &file);
    static const double expected[][2] = {{1.5, -2}, {0.25, -8}, {5, -1},  {5, -1},
                                         {1, 1},    {7, 7},     {41, -42}};
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
        const struct tensor *c = &g->values[i].t;
        ck_assert_int_eq(g->values[i].kind, VALUE_CONST);
        for (int64_t k = 0; k < tensor_count(c); k++)
            ck_assert_double_eq(tensor_get_f64(c, k), expected[i][k]);
    }
    graph_free(&g);
    buf_fini(&file);
}
END_TEST

START_TEST(large_raw_data_stays_in_the_file_and_settles_on_demand)
{
    static float big[1 << 16];
    struct onnx_build m = {0};
    struct buf file = {0};
    test_fill(big, ARRAY_COUNT(big), 1);
    relu(&m, 13);
    for (int i = 0; i < 4; i++) { /* names of four lengths: at least three are not aligned */
        char name[8] = "big";
        memset(name, 'w', (size_t)i + 1);
        onnx_init_f32(&m, name, DIMS(1 << 16), big);
    }
    struct graph *g = read_build(&m, &file);
    for (int32_t i = 0; i < 4; i++) {
        const uint8_t *p = g->values[i].t.data;
        ck_assert(p > file.data && p < file.data + file.len);
        ck_assert_int_eq(graph_settle(g, i), OK);
        ck_assert_uint_eq((uintptr_t)g->values[i].t.data % sizeof(float), 0);
        ck_assert_mem_eq(g->values[i].t.data, big, sizeof(big));
    }
    graph_free(&g);
    buf_fini(&file);
}
END_TEST

START_TEST(an_initializer_that_is_an_input_too_is_a_constant)
{
    static const float w[4] = {1, 2, 3, 4};
    struct onnx_build m = {0};
    struct buf file = {0};
    onnx_opset(&m, "", 8);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
    onnx_input(&m, "w", DT_F32, DIMS(4));
    onnx_init_f32(&m, "w", DIMS(4), w);
    onnx_op(&m, "Add", "a", "x,w", "y", NO_ATTRS);
    onnx_output(&m, "y");
    struct graph *g = read_build(&m, &file);
    ck_assert_uint_eq(g->n_inputs, 1);
    ck_assert_int_eq(g->values[g->nodes[0].in[1]].kind, VALUE_CONST);
    graph_free(&g);
    buf_fini(&file);
}
END_TEST

START_TEST(constant_nodes_become_constants)
{
    static int64_t two[2] = {7, 8};
    const struct tensor t = {.dtype = DT_I64, .rank = 1, .dims = {2}, .data = two};
    const struct test_attr forms[] = {A_TENSOR("value", &t), A_FLOAT("value_float", 7.0f),
                                      A_INT("value_int", 7), A_INTS("value_ints", 7, 8)};
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        struct onnx_build m = {0};
        struct buf file = {0};
        relu(&m, 13);
        onnx_op(&m, "Constant", "k", "", "c", &forms[i], 1);
        onnx_output(&m, "c");
        struct graph *g = read_build(&m, &file);
        const struct value *c = &g->values[g->outputs[1]];
        ck_assert_int_eq(c->kind, VALUE_CONST);
        ck_assert_double_eq(tensor_get_f64(&c->t, 0), 7);
        ck_assert_int_eq(c->t.rank, i == 0 || i == 3);
        ck_assert_uint_eq(g->n_nodes, 1);
        graph_free(&g);
        buf_fini(&file);
    }
}
END_TEST

START_TEST(left_out_operands_are_no_tensor_and_trailing_ones_vanish)
{
    struct onnx_build m = {0};
    struct buf file = {0};
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
    onnx_input(&m, "high", DT_F32, 0, NULL);
    onnx_op(&m, "Clip", "c", "x,,high", "y", NO_ATTRS);
    onnx_op(&m, "Clip", "d", "y,,,", "z", NO_ATTRS);
    onnx_output(&m, "z");
    struct graph *g = read_build(&m, &file);
    ck_assert_uint_eq(g->nodes[0].n_in, 3);
    ck_assert_int_eq(g->nodes[0].in[1], ARTIFACT_NO_TENSOR);
    ck_assert_uint_eq(g->nodes[1].n_in, 1);
    graph_free(&g);
    buf_fini(&file);
}
END_TEST

START_TEST(attributes_of_old_files_without_a_type_are_read)
{
    struct onnx_build m = {0};
    struct buf file = {0}, node = {0}, a = {0};
    onnx_opset(&m, "", 6);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
    pb_str(&a, 1, "axis");
    pb_int(&a, 3, 1);
    pb_str(&node, 1, "x");
    pb_str(&node, 2, "y");
    pb_str(&node, 4, "Softmax");
    pb_msg(&node, 5, &a);
    pb_msg(&m.graph, 1, &node);
    onnx_output(&m, "y");
    struct graph *g = read_build(&m, &file);
    ck_assert_int_eq(g->nodes[0].attrs[0].key, ATTR_axis);
    ck_assert_int_eq(g->nodes[0].attrs[0].type, ATTR_INT);
    ck_assert_int_eq(g->nodes[0].attrs[0].i, 1);
    graph_free(&g);
    buf_fini(&file);
}
END_TEST

Suite *suite_onnx_read(void)
{
    return SUITE("onnx_read", names_symbols_and_opsets_are_kept, all_five_forms_of_data_are_read,
                 large_raw_data_stays_in_the_file_and_settles_on_demand,
                 an_initializer_that_is_an_input_too_is_a_constant, constant_nodes_become_constants,
                 left_out_operands_are_no_tensor_and_trailing_ones_vanish,
                 attributes_of_old_files_without_a_type_are_read);
}
