/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Each pass alone: what it removes, what it must leave, and that the numbers stay the same. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "pass_case.h"

/* ---- identity and dead ---- */

START_TEST(identity_and_dropout_go_and_outputs_keep_their_names)
{
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
    onnx_op(&m, "Identity", "i1", "x", "a", NO_ATTRS);
    onnx_op(&m, "Relu", "r", "a", "b", NO_ATTRS);
    onnx_op(&m, "Identity", "i2", "b", "c", NO_ATTRS);
    onnx_op(&m, "Identity", "i3", "c", "y", NO_ATTRS);
    onnx_op(&m, "Add", "s", "b,c", "z", NO_ATTRS);
    onnx_output(&m, "y");
    onnx_output(&m, "z");
    subject_init(&s, &m);
    apply(&s, pass_drop_identity);
    ck_assert_uint_eq(s.g->n_nodes, 2);
    ck_assert_str_eq(s.g->values[s.g->outputs[0]].name, "y");
    subject_fini(&s);
}
END_TEST

START_TEST(identity_of_an_input_that_is_an_output_stays)
{
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
    onnx_op(&m, "Identity", "i1", "x", "y", NO_ATTRS);
    onnx_op(&m, "Relu", "r", "x", "b", NO_ATTRS);
    onnx_op(&m, "Identity", "i2", "b", "z", NO_ATTRS);
    onnx_output(&m, "y");
    onnx_output(&m, "b");
    onnx_output(&m, "z");
    subject_init(&s, &m);
    apply(&s, pass_drop_identity);
    ck_assert_uint_eq(s.g->n_nodes, 3);
    subject_fini(&s);
}
END_TEST

START_TEST(dropout_that_trains_or_whose_mask_is_read_stays)
{
    static uint8_t yes = 1;
    const struct tensor train = {.dtype = DT_BOOL, .data = &yes};
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
    onnx_init(&m, "train", &train);
    onnx_op(&m, "Dropout", "d1", "x,,train", "a", NO_ATTRS);
    onnx_op(&m, "Dropout", "d2", "x", "b,mask", NO_ATTRS);
    onnx_op(&m, "Dropout", "d3", "b", "c,unread", NO_ATTRS);
    onnx_op(&m, "Add", "s", "a,c", "y", NO_ATTRS);
    onnx_output(&m, "y");
    onnx_output(&m, "mask");
    subject_init(&s, &m);
    ck_ok(pass_drop_identity(s.g, &s.err), &s.err);
    ck_assert_uint_eq(s.g->n_nodes, 3);
    subject_fini(&s);
}
END_TEST

START_TEST(dead_nodes_go)
{
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
    onnx_op(&m, "Relu", "r1", "x", "y", NO_ATTRS);
    onnx_op(&m, "Relu", "r2", "y", "u", NO_ATTRS);
    onnx_op(&m, "Add", "a", "u,x", "v", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply(&s, pass_drop_dead);
    ck_assert_uint_eq(s.g->n_nodes, 1);
    ck_assert_str_eq(s.g->nodes[0].name, "r1");
    subject_fini(&s);
}
END_TEST

START_TEST(outputs_that_nobody_reads_are_left_out_but_where_they_are_counted)
{
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 11);
    onnx_input(&m, "x", DT_F32, DIMS(1, 1, 6));
    onnx_op(&m, "Split", "s", "x", "a,b,c", ATTRS(A_INT("axis", 2)));
    onnx_op(&m, "MaxPool", "p", "a", "y,indices", ATTRS(A_INTS("kernel_shape", 1)));
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply(&s, pass_drop_dead);
    ck_assert_uint_eq(s.g->nodes[0].n_out, 3);
    ck_assert_uint_eq(s.g->nodes[1].n_out, 1);
    subject_fini(&s);
}
END_TEST

/* ---- constants ---- */

START_TEST(what_depends_on_constants_only_is_computed)
{
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
    random_init(&m, "a", DIMS(4), 1);
    random_init(&m, "b", DIMS(4), 2);
    onnx_op(&m, "Add", "c1", "a,b", "c", NO_ATTRS);
    onnx_op(&m, "Relu", "c2", "c", "d", NO_ATTRS);
    onnx_op(&m, "Add", "y1", "x,d", "y", NO_ATTRS);
    onnx_output(&m, "y");
    onnx_output(&m, "d");
    subject_init(&s, &m);
    apply(&s, pass_fold_constants);
    ck_assert_uint_eq(s.g->n_nodes, 1);
    ck_assert_int_eq(s.g->values[s.g->outputs[1]].kind, VALUE_CONST);
    subject_fini(&s);
}
END_TEST

START_TEST(a_result_much_larger_than_its_operands_is_not_folded)
{
    static float column[4096], row[4096];
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(1, 1));
    onnx_init_f32(&m, "a", DIMS(4096, 1), column);
    onnx_init_f32(&m, "b", DIMS(1, 4096), row);
    onnx_op(&m, "Add", "c1", "a,b", "c", NO_ATTRS);
    onnx_op(&m, "Add", "c2", "c,x", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    ck_ok(pass_fold_constants(s.g, &s.err), &s.err);
    ck_assert_uint_eq(s.g->n_nodes, 2);
    subject_fini(&s);
}
END_TEST

START_TEST(quantized_weights_stay_quantized_and_their_bias_is_computed)
{
    static int8_t weights[8] = {1, -2, 3, -4, 5, -6, 7, -8};
    static int32_t bias[2] = {10, -20};
    static float half = 0.5f;
    struct tensor w = {DT_I8, 2, {2, 4}, weights}, b = {DT_I32, 1, {2}, bias};
    struct tensor scale = {.dtype = DT_F32, .data = &half};
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
    onnx_init(&m, "w", &w);
    onnx_init(&m, "b", &b);
    onnx_init(&m, "s", &scale);
    onnx_op(&m, "DequantizeLinear", "d1", "w,s", "wf", NO_ATTRS);
    onnx_op(&m, "DequantizeLinear", "d2", "b,s", "bf", NO_ATTRS);
    onnx_op(&m, "Gemm", "g", "x,wf,bf", "y", ATTRS(A_INT("transB", 1)));
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply(&s, pass_fold_constants);
    ck_assert_uint_eq(s.g->n_nodes, 2);
    ck_assert_str_eq(s.g->nodes[0].name, "d1");
    subject_fini(&s);
}
END_TEST

/* ---- convolutions ---- */

enum { BIAS = 1, SHARED = 2, AS_OUTPUT = 4 };

static void conv(struct onnx_build *m, const char *name, const char *in, const char *out, int flags)
{
    char operands[64];
    snprintf(operands, sizeof(operands), "%s,w_%s%s%s", in, name, flags & BIAS ? ",b_" : "",
             flags & BIAS ? name : "");
    char w[16], b[16];
    snprintf(w, sizeof(w), "w_%s", name);
    snprintf(b, sizeof(b), "b_%s", name);
    random_init(m, w, DIMS(4, 2, 3, 3), 11);
    if (flags & BIAS)
        random_init(m, b, DIMS(4), 12);
    onnx_op(m, "Conv", name, operands, out,
            ATTRS(A_INTS("pads", 1, 1, 1, 1), A_INT("group", 2), A_INTS("kernel_shape", 3, 3)));
}

static void batch_norm_constants(struct onnx_build *m, int64_t channels)
{
    float var[16];
    test_fill(var, 16, 5);
    for (int i = 0; i < 16; i++)
        var[i] = fabsf(var[i]) + 0.1f;
    random_init(m, "scale", DIMS(channels), 21);
    random_init(m, "shift", DIMS(channels), 22);
    random_init(m, "mean", DIMS(channels), 23);
    onnx_init_f32(m, "var", 1, &channels, var);
}

static void conv_then_norm(struct subject *s, int flags)
{
    struct onnx_build m = {0};
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 5, 6));
    conv(&m, "c", "x", "h", flags);
    batch_norm_constants(&m, 4);
    onnx_op(&m, "BatchNormalization", "n", "h,scale,shift,mean,var", "y",
            ATTRS(A_FLOAT("epsilon", 0.01f)));
    onnx_output(&m, "y");
    if (flags & SHARED) {
        onnx_op(&m, "Relu", "r", "h", "z", NO_ATTRS);
        onnx_output(&m, "z");
    }
    if (flags & AS_OUTPUT)
        onnx_output(&m, "h");
    subject_init(s, &m);
}

START_TEST(batch_norm_folds_into_the_conv_before_it)
{
    for (int flags = 0; flags <= BIAS; flags++) {
        struct subject s;
        conv_then_norm(&s, flags);
        apply(&s, pass_fold_batch_norm);
        ck_assert_uint_eq(s.g->n_nodes, 1);
        ck_assert_uint_eq(s.g->nodes[0].n_in, 3);
        subject_fini(&s);
    }
}
END_TEST

START_TEST(batch_norm_stays_when_the_conv_has_other_readers)
{
    static const int flags[] = {SHARED, AS_OUTPUT};
    for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
        struct subject s;
        conv_then_norm(&s, flags[i]);
        uint32_t nodes = s.g->n_nodes;
        apply(&s, pass_fold_batch_norm);
        ck_assert_uint_eq(s.g->n_nodes, nodes);
        subject_fini(&s);
    }
}
END_TEST

START_TEST(batch_norm_folds_into_gemm_of_either_layout)
{
    for (int trans = 0; trans < 2; trans++) {
        struct onnx_build m = {0};
        struct subject s;
        onnx_opset(&m, "", 13);
        onnx_input(&m, "x", DT_F32, DIMS(-1, 6));
        random_init(&m, "w", 2, trans ? (int64_t[]){4, 6} : (int64_t[]){6, 4}, 3);
        random_init(&m, "b", DIMS(4), 4);
        onnx_op(&m, "Gemm", "g", "x,w,b", "h", ATTRS(A_INT("transB", trans)));
        batch_norm_constants(&m, 4);
        onnx_op(&m, "BatchNormalization", "n", "h,scale,shift,mean,var", "y", NO_ATTRS);
        onnx_output(&m, "y");
        subject_init(&s, &m);
        apply(&s, pass_fold_batch_norm);
        ck_assert_uint_eq(s.g->n_nodes, 1);
        subject_fini(&s);
    }
}
END_TEST

START_TEST(each_activation_fuses_into_conv)
{
    static const struct {
        const char *op;
        struct test_attr attr;
        size_t n;
    } acts[] = {{"Relu", {0}, 0},
                {"LeakyRelu", A_FLOAT("alpha", 0.3f), 1},
                {"Sigmoid", {0}, 0},
                {"Tanh", {0}, 0}};
    for (size_t i = 0; i < ARRAY_COUNT(acts); i++) {
        struct onnx_build m = {0};
        struct subject s;
        onnx_opset(&m, "", 13);
        onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 5, 6));
        conv(&m, "c", "x", "h", BIAS);
        onnx_op(&m, acts[i].op, "act", "h", "y", &acts[i].attr, acts[i].n);
        onnx_output(&m, "y");
        subject_init(&s, &m);
        apply(&s, pass_fuse_conv);
        ck_assert_uint_eq(s.g->n_nodes, 1);
        ck_assert_uint_eq(graph_count(s.g, "FusedConv"), 1);
        subject_fini(&s);
    }
}
END_TEST

START_TEST(clip_with_constant_bounds_fuses_in_both_forms)
{
    static const float low = -0.1f, high = 0.2f;
    for (int opset = 6; opset <= 13; opset += 7) {
        struct onnx_build m = {0};
        struct subject s;
        onnx_opset(&m, "", opset);
        onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 5, 6));
        conv(&m, "c", "x", "h", 0);
        onnx_init_f32(&m, "low", 0, NULL, &low);
        onnx_init_f32(&m, "high", 0, NULL, &high);
        onnx_op(&m, "Clip", "act", opset == 6 ? "h" : "h,low,high", "y",
                (const struct test_attr[]){A_FLOAT("min", low), A_FLOAT("max", high)},
                opset == 6 ? 2 : 0);
        onnx_output(&m, "y");
        subject_init(&s, &m);
        apply(&s, pass_fuse_conv);
        ck_assert_uint_eq(s.g->n_nodes, 1);
        subject_fini(&s);
    }
}
END_TEST

START_TEST(bias_residual_and_activation_fuse_together)
{
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 5, 6));
    conv(&m, "c", "x", "h", 0);
    conv(&m, "d", "x", "k", BIAS);
    random_init(&m, "bias", DIMS(1, 4, 1, 1), 9);
    onnx_op(&m, "Add", "b", "h,bias", "hb", NO_ATTRS);
    onnx_op(&m, "Add", "sum", "k,hb", "hs", NO_ATTRS);
    onnx_op(&m, "Relu", "act", "hs", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply(&s, pass_fuse_conv);
    ck_assert_uint_eq(s.g->n_nodes, 2);
    ck_assert_uint_eq(graph_count(s.g, "FusedConv"), 1);
    ck_assert_uint_eq(graph_count(s.g, "Conv"), 1);
    subject_fini(&s);
}
END_TEST

START_TEST(a_second_bias_is_not_taken_for_the_first)
{
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 5, 6));
    conv(&m, "c", "x", "h", BIAS);
    random_init(&m, "bias", DIMS(4, 1, 1), 9);
    onnx_op(&m, "Add", "b", "bias,h", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply(&s, pass_fuse_conv);
    subject_fini(&s);
}
END_TEST

START_TEST(a_residual_that_broadcasts_is_not_fused)
{
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 5, 6));
    onnx_input(&m, "r", DT_F32, DIMS(1, 4, 5, 6));
    conv(&m, "c", "x", "h", BIAS);
    onnx_op(&m, "Add", "sum", "h,r", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply(&s, pass_fuse_conv);
    ck_assert_uint_eq(s.g->n_nodes, 2);
    subject_fini(&s);
}
END_TEST

START_TEST(nothing_fuses_across_a_value_that_others_read)
{
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 5, 6));
    conv(&m, "c", "x", "h", BIAS);
    onnx_op(&m, "Relu", "act", "h", "y", NO_ATTRS);
    onnx_op(&m, "Add", "twice", "h,h", "z", NO_ATTRS);
    onnx_output(&m, "y");
    onnx_output(&m, "z");
    subject_init(&s, &m);
    apply(&s, pass_fuse_conv);
    ck_assert_uint_eq(s.g->n_nodes, 3);
    subject_fini(&s);
}
END_TEST

/* ---- matrices ---- */

START_TEST(matmul_with_a_constant_row_becomes_gemm_and_takes_the_activation)
{
    static const struct {
        int rank;
        int64_t dims[2];
    } rows[] = {{1, {3}}, {2, {1, 3}}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct onnx_build m = {0};
        struct subject s;
        onnx_opset(&m, "", 13);
        onnx_input(&m, "x", DT_F32, DIMS(-1, 6));
        random_init(&m, "w", DIMS(6, 3), 3);
        random_init(&m, "b", rows[i].rank, rows[i].dims, 4);
        onnx_op(&m, "MatMul", "mm", "x,w", "h", NO_ATTRS);
        onnx_op(&m, "Add", "add", "b,h", "k", NO_ATTRS);
        onnx_op(&m, "Tanh", "act", "k", "y", NO_ATTRS);
        onnx_output(&m, "y");
        subject_init(&s, &m);
        apply(&s, pass_matmul_to_gemm);
        ck_assert_uint_eq(s.g->n_nodes, 2);
        ck_assert_uint_eq(graph_count(s.g, "Gemm"), 1);
        apply(&s, pass_fuse_gemm);
        ck_assert_uint_eq(s.g->n_nodes, 1);
        ck_assert_uint_eq(graph_count(s.g, "FusedGemm"), 1);
        subject_fini(&s);
    }
}
END_TEST

START_TEST(matmul_stays_when_it_is_not_a_matrix_times_a_constant)
{
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 2, 6));
    random_init(&m, "w", DIMS(6, 3), 3);
    random_init(&m, "b", DIMS(3), 4);
    random_init(&m, "column", DIMS(2, 1), 4);
    onnx_op(&m, "MatMul", "mm", "x,w", "h", NO_ATTRS);
    onnx_op(&m, "Add", "add", "h,b", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply(&s, pass_matmul_to_gemm);
    ck_assert_uint_eq(graph_count(s.g, "MatMul"), 1);
    subject_fini(&s);
}
END_TEST

/* ---- all ---- */

static void small_network(struct onnx_build *m)
{
    onnx_opset(m, "", 13);
    onnx_input(m, "x", DT_F32, DIMS(-1, 4, 5, 6));
    conv(m, "c", "x", "h", BIAS);
    batch_norm_constants(m, 4);
    onnx_op(m, "BatchNormalization", "n", "h,scale,shift,mean,var", "i", NO_ATTRS);
    onnx_op(m, "Add", "sum", "i,x", "j", NO_ATTRS);
    onnx_op(m, "Relu", "act", "j", "k", NO_ATTRS);
    onnx_op(m, "Flatten", "f", "k", "l", NO_ATTRS);
    random_init(m, "w2", DIMS(120, 3), 31);
    random_init(m, "b2", DIMS(3), 32);
    onnx_op(m, "MatMul", "mm", "l,w2", "o", NO_ATTRS);
    onnx_op(m, "Add", "add", "o,b2", "p", NO_ATTRS);
    onnx_op(m, "Sigmoid", "act2", "p", "q", NO_ATTRS);
    onnx_op(m, "Identity", "id", "q", "y", NO_ATTRS);
    onnx_output(m, "y");
}

START_TEST(all_passes_together_leave_three_instructions)
{
    struct onnx_build m = {0};
    struct subject s;
    small_network(&m);
    subject_init(&s, &m);
    ck_assert_uint_eq(s.g->n_nodes, 9);
    apply_all(&s, "");
    ck_assert_uint_eq(s.g->n_nodes, 3);
    ck_assert_str_eq(s.g->values[s.g->outputs[0]].name, "y");
    subject_fini(&s);
}
END_TEST

START_TEST(every_failed_allocation_is_an_error_without_a_leak)
{
    struct onnx_build m = {0};
    struct buf file = {0};
    small_network(&m);
    onnx_finish(&m, &file);
    int64_t live = alloc_live();
    enum status s = E_NO_MEMORY;
    for (uint64_t n = 1; s != OK; n++) {
        struct graph *g = NULL;
        struct err err = {OK, ""};
        alloc_fail_at(n);
        s = graph_new(&g);
        s = s == OK ? onnx_read(file.data, file.len, g, &err) : s;
        s = s == OK ? passes_run(g, 0, NULL, &err) : s;
        graph_free(&g);
        ck_assert_msg(s == OK || s == E_NO_MEMORY, "allocation %d: %s", (int)n, err.msg);
        ck_assert_int_eq(s == OK, alloc_calls() < n);
        ck_assert_int_eq(alloc_live(), live);
    }
    alloc_fail_at(0);
    buf_fini(&file);
}
END_TEST

Suite *suite_passes(void)
{
    return SUITE(
        "passes", identity_and_dropout_go_and_outputs_keep_their_names,
        identity_of_an_input_that_is_an_output_stays,
        dropout_that_trains_or_whose_mask_is_read_stays, dead_nodes_go,
        outputs_that_nobody_reads_are_left_out_but_where_they_are_counted,
        what_depends_on_constants_only_is_computed,
        a_result_much_larger_than_its_operands_is_not_folded,
        quantized_weights_stay_quantized_and_their_bias_is_computed,
        batch_norm_folds_into_the_conv_before_it, batch_norm_stays_when_the_conv_has_other_readers,
        batch_norm_folds_into_gemm_of_either_layout, each_activation_fuses_into_conv,
        clip_with_constant_bounds_fuses_in_both_forms, bias_residual_and_activation_fuse_together,
        a_second_bias_is_not_taken_for_the_first, a_residual_that_broadcasts_is_not_fused,
        nothing_fuses_across_a_value_that_others_read,
        matmul_with_a_constant_row_becomes_gemm_and_takes_the_activation,
        matmul_stays_when_it_is_not_a_matrix_times_a_constant,
        all_passes_together_leave_three_instructions,
        every_failed_allocation_is_an_error_without_a_leak);
}
