/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Which nodes compute in low precision, where values are converted, and that answers stay within
 * what the precision costs. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "compiler/calibration.h"
#include "compiler/passes/narrow.h"
#include "pass_case.h"

static enum precision precision;
static struct narrow_count count;

/* Everything in these models lies between -4 and 4. */
static enum status narrow(struct graph *g, struct err *err)
{
    struct range *ranges = alloc_zero(g->n_values + 1, sizeof(*ranges));
    ck_assert_ptr_nonnull(ranges);
    for (uint32_t i = 0; i < g->n_values; i++)
        ranges[i] = (struct range){-4, 4, true};
    g->precision = precision;
    enum status s = narrow_graph(g, ranges, &count, err);
    alloc_free(ranges);
    return s;
}

static void begin(struct onnx_build *m, int64_t channels, int64_t size)
{
    *m = (struct onnx_build){0};
    onnx_opset(m, "", 13);
    onnx_input(m, "x", DT_F32, DIMS(-1, channels, size, size));
}

/* A convolution of 3 x 3 that keeps the size, with weights that keep the numbers small. */
static void conv(struct onnx_build *m, const char *in, const char *out, int64_t from, int64_t to,
                 int64_t group)
{
    static float w[64 * 64 * 9];
    static char name[8];
    static uint32_t number;
    const size_t n = (size_t)(to * (from / group) * 9);
    ck_assert(n <= ARRAY_COUNT(w));
    test_fill(w, n, ++number);
    for (size_t i = 0; i < n; i++)
        w[i] *= 2.0f / (float)(from / group + 4);
    snprintf(name, sizeof(name), "w%u", number % 1000);
    onnx_init_f32(m, name, DIMS(to, from / group, 3, 3), w);
    char ins[32];
    snprintf(ins, sizeof(ins), "%s,%s", in, name);
    onnx_op(m, "Conv", out, ins, out, ATTRS(A_INTS("pads", 1, 1, 1, 1), A_INT("group", group)));
}

/* Reads the model, runs the late passes that lay out, then narrows; answers stay within atol. */
static void narrowed(struct subject *s, struct onnx_build *m, enum precision p, double atol)
{
    onnx_output(m, "y");
    subject_init(s, m);
    s->g->precision = precision = p;
    apply_within(s, pass_block_layout, 1e-4, 1e-4);
    apply_within(s, pass_pack_gemm, 1e-4, 1e-4);
    apply_within(s, narrow, 0, atol);
}

/* By precision, what two layers of these may cost, in bytes of 8 / 255 or in bfloat16. */
static const double costs[PRECISIONS] = {0, 0.1, 0.25, 0.06};

START_TEST(a_chain_is_converted_once_and_stores_floats_at_its_end)
{
    const enum precision p = (enum precision)_i;
    struct subject s;
    struct onnx_build m;
    begin(&m, 20, 8);
    conv(&m, "x", "a", 20, 24, 1);
    conv(&m, "a", "y", 24, 32, 1);
    narrowed(&s, &m, p, costs[p]);
    ck_assert_uint_eq(count.layers, 2);
    ck_assert_uint_eq(count.narrowed, 2);
    ck_assert_uint_eq(graph_count(s.g, "NarrowConv"), 2);
    ck_assert_uint_eq(graph_count(s.g, "BlockConv"), 0);
    ck_assert_uint_eq(graph_count(s.g, "Cast"), p == PRECISION_BF16);
    ck_assert_uint_eq(graph_count(s.g, "QuantizeLinear"), p == PRECISION_INT8);
    ck_assert_uint_eq(graph_count(s.g, "DequantizeLinear"), 0);
    subject_fini(&s);
}
END_TEST

/* Of up to eight channels; bytes of up to four. */
START_TEST(an_input_of_few_channels_is_read_as_it_is)
{
    for (int64_t channels = 3; channels <= 5; channels++) {
        const enum precision p = (enum precision)_i;
        struct subject s;
        struct onnx_build m;
        begin(&m, channels, 8);
        conv(&m, "x", "a", channels, 32, 1);
        conv(&m, "a", "y", 32, 32, 1);
        narrowed(&s, &m, p, 2 * costs[p]);
        const bool planes = p == PRECISION_WEIGHTS_BF16 || (p == PRECISION_INT8 && channels <= 4);
        ck_assert_uint_eq(graph_count(s.g, "BlockPack"), !planes);
        ck_assert_uint_eq(graph_count(s.g, "NarrowConv"), p == PRECISION_WEIGHTS_BF16 ? 1 : 2);
        subject_fini(&s);
    }
}
END_TEST

START_TEST(what_stays_gets_its_operand_widened_once)
{
    const enum precision p = (enum precision)_i;
    struct subject s;
    struct onnx_build m;
    begin(&m, 16, 8);
    conv(&m, "x", "a", 16, 16, 1);
    conv(&m, "a", "b", 16, 16, 1);
    onnx_op(&m, "Sigmoid", "s", "a", "c", NO_ATTRS);
    onnx_op(&m, "Tanh", "t", "a", "d", NO_ATTRS);
    onnx_op(&m, "Add", "e", "c,d", "f", NO_ATTRS);
    onnx_op(&m, "Add", "g", "f,b", "y", NO_ATTRS);
    narrowed(&s, &m, p, 2 * costs[p]);
    ck_assert_uint_eq(graph_count(s.g, "NarrowConv"), 2);
    ck_assert_uint_eq(graph_count(s.g, "DequantizeLinear"), p == PRECISION_INT8);
    ck_assert_uint_eq(graph_count(s.g, "Cast"), p == PRECISION_BF16 ? 2 : 0);
    subject_fini(&s);
}
END_TEST

START_TEST(a_depthwise_convolution_is_narrow_between_narrow_ones_alone)
{
    const enum precision p = (enum precision)_i;
    struct subject s;
    struct onnx_build m;
    begin(&m, 32, 8);
    conv(&m, "x", "a", 32, 32, 32);
    conv(&m, "a", "b", 32, 32, 1);
    conv(&m, "b", "c", 32, 32, 32);
    conv(&m, "c", "y", 32, 32, 1);
    narrowed(&s, &m, p, 3 * costs[p]);
    ck_assert_uint_eq(graph_count(s.g, "BlockConv"), p == PRECISION_WEIGHTS_BF16 ? 2 : 1);
    ck_assert_uint_eq(count.narrowed, p == PRECISION_WEIGHTS_BF16 ? 2 : 3);
    subject_fini(&s);
}
END_TEST

START_TEST(concat_has_one_scale_for_all_that_it_joins)
{
    struct subject s;
    struct onnx_build m;
    begin(&m, 16, 8);
    conv(&m, "x", "a", 16, 16, 1);
    conv(&m, "x", "b", 16, 16, 1);
    onnx_op(&m, "Concat", "j", "a,b", "c", ATTRS(A_INT("axis", 1)));
    conv(&m, "c", "y", 32, 16, 1);
    narrowed(&s, &m, PRECISION_INT8, costs[PRECISION_INT8] * 2);
    ck_assert_uint_eq(count.narrowed, 3);
    ck_assert_uint_eq(graph_count(s.g, "QuantizeLinear"), 1);
    ck_assert_uint_eq(graph_count(s.g, "DequantizeLinear"), 0);
    subject_fini(&s);
}
END_TEST

START_TEST(products_and_what_stands_between_them)
{
    const enum precision p = (enum precision)_i;
    struct subject s;
    struct onnx_build m = {0};
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 2, 33));
    onnx_op(&m, "Flatten", "f", "x", "z", NO_ATTRS);
    random_init(&m, "w", DIMS(66, 100), 3);
    random_init(&m, "v", DIMS(100, 72), 4);
    scalar_init(&m, "k", 0.05f);
    onnx_op(&m, "MatMul", "first", "z,w", "a", NO_ATTRS);
    onnx_op(&m, "Mul", "less", "a,k", "b", NO_ATTRS);
    onnx_op(&m, "MatMul", "second", "b,v", "c", NO_ATTRS);
    onnx_op(&m, "Mul", "least", "c,k", "y", NO_ATTRS);
    narrowed(&s, &m, p, costs[p]);
    ck_assert_uint_eq(count.narrowed, 2);
    ck_assert_uint_eq(graph_count(s.g, "NarrowGemm"), 2);
    subject_fini(&s);
}
END_TEST

static enum dtype table_of(const struct subject *s, const char *name)
{
    for (uint32_t i = 0; i < s->g->n_nodes; i++)
        if (strcmp(s->g->nodes[i].name, name) == 0)
            return s->g->values[s->g->nodes[i].in[0]].t.dtype;
    ck_abort_msg("no node %s", name);
}

/* Three tables: one of few rows, one that two nodes read, and one that a product waits for. */
START_TEST(a_table_is_bfloat16_where_it_is_worth_it)
{
    const enum precision p = (enum precision)_i;
    struct subject s;
    struct onnx_build m = {0};
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 8));
    scalar_init(&m, "k", 15);
    random_init(&m, "few", DIMS(16, 32), 3);
    random_init(&m, "shared", DIMS(32, 32), 4);
    random_init(&m, "table", DIMS(64, 32), 5);
    random_init(&m, "w", DIMS(32, 96), 6);
    onnx_op(&m, "Mul", "more", "x,k", "a", NO_ATTRS);
    onnx_op(&m, "Cast", "whole", "a", "i", ATTRS(A_INT("to", DT_I64)));
    onnx_op(&m, "Neg", "other", "i", "j", NO_ATTRS);
    onnx_op(&m, "Gather", "of_few", "few,i", "b", NO_ATTRS);
    onnx_op(&m, "Gather", "of_shared", "shared,i", "c", NO_ATTRS);
    onnx_op(&m, "Gather", "of_shared_too", "shared,j", "d", NO_ATTRS);
    onnx_op(&m, "Gather", "of_table", "table,i", "e", NO_ATTRS);
    onnx_op(&m, "MatMul", "product", "e,w", "y", NO_ATTRS);
    onnx_op(&m, "Sum", "rest", "b,c,d", "z", NO_ATTRS);
    onnx_output(&m, "z");
    narrowed(&s, &m, p, 8 * costs[p]);
    ck_assert_uint_eq(count.narrowed, 1);
    ck_assert_int_eq(table_of(&s, "of_few"), DT_F32);
    ck_assert_int_eq(table_of(&s, "of_shared"), DT_F32);
    ck_assert_int_eq(table_of(&s, "of_shared_too"), DT_F32);
    ck_assert_int_eq(table_of(&s, "of_table"), p == PRECISION_INT8 ? DT_F32 : DT_BF16);
    /* One is the model's own; the product reads bfloat16 as it is, where it computes with it. */
    ck_assert_uint_eq(graph_count(s.g, "Cast"), p == PRECISION_WEIGHTS_BF16 ? 2 : 1);
    subject_fini(&s);
}
END_TEST

START_TEST(without_ranges_bytes_are_nothing)
{
    struct subject s;
    struct onnx_build m;
    begin(&m, 16, 8);
    conv(&m, "x", "y", 16, 16, 1);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply_within(&s, pass_block_layout, 1e-4, 1e-4);
    s.g->precision = PRECISION_INT8;
    ck_ok(narrow_graph(s.g, NULL, &count, &s.err), &s.err);
    ck_assert_uint_eq(count.layers, 1);
    ck_assert_uint_eq(count.narrowed, 0);
    ck_assert_uint_eq(graph_count(s.g, "BlockConv"), 1);
    subject_fini(&s);
}
END_TEST

START_TEST(no_layer_of_low_precision_takes_winograds_form)
{
    struct subject s;
    struct onnx_build m;
    begin(&m, 32, 24);
    conv(&m, "x", "y", 32, 32, 1);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    s.g->optimize = OPTIMIZE_SPEED;
    s.g->precision = precision = PRECISION_BF16;
    apply_within(&s, pass_block_layout, 1e-4, 1e-4);
    apply_within(&s, narrow, 0, costs[PRECISION_BF16]);
    ck_assert_uint_eq(count.narrowed, 1);
    subject_fini(&s);
}
END_TEST

/* A model of one product and one convolution, with data, at int8: whichever allocation fails, that
 * is said and nothing leaks. */
START_TEST(memory_that_runs_out_is_said)
{
    static float x[2 * 16 * 36];
    struct onnx_build m;
    struct buf file = {0}, data = {0};
    struct calibration_writer w = {.sets = 0};
    struct err err = {OK, ""};
    begin(&m, 16, 6);
    conv(&m, "x", "a", 16, 16, 1);
    conv(&m, "a", "y", 16, 16, 1);
    onnx_output(&m, "y");
    onnx_finish(&m, &file);
    test_fill(x, ARRAY_COUNT(x), 9);
    const struct tensor t = {.dtype = DT_F32, .rank = 4, .dims = {2, 16, 6, 6}, .data = x};
    ck_ok(calibration_set(&w, "set", &err), &err);
    ck_ok(calibration_add(&w, &t, &err), &err);
    ck_ok(calibration_finish(&w, &data, &err), &err);
    calibration_writer_fini(&w);
    const struct compile_options o = {.precision = {PRECISION_INT8, data.data, data.len, false, 0}};
    const int64_t live = alloc_live();
    for (uint64_t n = 1;; n++) {
        struct buf artifact = {0};
        alloc_fail_at(n);
        enum status s = compile_bytes(file.data, file.len, &o, &artifact, &err);
        const uint64_t calls = alloc_calls();
        alloc_fail_at(0);
        buf_fini(&artifact);
        ck_assert_int_eq(alloc_live(), live);
        if (calls < n) {
            ck_ok(s, &err);
            break;
        }
        ck_assert_msg(s == E_NO_MEMORY, "allocation %d: %s", (int)n, err.msg);
    }
    buf_fini(&data);
    buf_fini(&file);
}
END_TEST

Suite *suite_narrow(void)
{
    Suite *s = suite_create("narrow");
    TCase *t = tcase_create("narrow");
    tcase_add_loop_test(t, a_chain_is_converted_once_and_stores_floats_at_its_end, PRECISION_BF16,
                        PRECISIONS);
    tcase_add_loop_test(t, an_input_of_few_channels_is_read_as_it_is, PRECISION_BF16, PRECISIONS);
    tcase_add_loop_test(t, what_stays_gets_its_operand_widened_once, PRECISION_BF16, PRECISIONS);
    tcase_add_loop_test(t, a_depthwise_convolution_is_narrow_between_narrow_ones_alone,
                        PRECISION_BF16, PRECISIONS);
    tcase_add_test(t, concat_has_one_scale_for_all_that_it_joins);
    tcase_add_loop_test(t, products_and_what_stands_between_them, PRECISION_BF16, PRECISIONS);
    tcase_add_loop_test(t, a_table_is_bfloat16_where_it_is_worth_it, PRECISION_BF16, PRECISIONS);
    tcase_add_test(t, without_ranges_bytes_are_nothing);
    tcase_add_test(t, no_layer_of_low_precision_takes_winograds_form);
    tcase_add_test(t, memory_that_runs_out_is_said);
    suite_add_tcase(s, t);
    return s;
}
