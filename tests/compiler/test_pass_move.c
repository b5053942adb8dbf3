/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What moves or melts away: Transposes that sink and cancel, constants that fold into weights, pads
 * that fold into windows; and what must stay where it is. */
#include "pass_case.h"

static void begin(struct onnx_build *m)
{
    *m = (struct onnx_build){0};
    onnx_opset(m, "", 13);
}

/* Runs the pass; `count` nodes must be left, `times` of them `op`. */
static void expect(struct onnx_build *m, pass_fn *pass, const char *op, uint32_t times,
                   uint32_t count)
{
    struct subject s;
    onnx_output(m, "y");
    subject_init(&s, m);
    apply(&s, pass);
    ck_assert_uint_eq(graph_count(s.g, op), times);
    ck_assert_uint_eq(s.g->n_nodes, count);
    subject_fini(&s);
}

/* ---- transpositions ---- */

static void to_rows(struct onnx_build *m, const char *from, const char *to)
{
    onnx_op(m, "Transpose", to, from, to, ATTRS(A_INTS("perm", 0, 2, 3, 1)));
}

static void to_planes(struct onnx_build *m, const char *from, const char *to)
{
    onnx_op(m, "Transpose", to, from, to, ATTRS(A_INTS("perm", 0, 3, 1, 2)));
}

START_TEST(a_pair_around_element_wise_operators_cancels)
{
    struct subject s;
    struct onnx_build m;
    begin(&m);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 2, 3));
    random_init(&m, "k", DIMS(4), 1);
    random_init(&m, "wide", DIMS(2, 1, 1), 2);
    to_rows(&m, "x", "a");
    onnx_op(&m, "Relu", "r", "a", "b", NO_ATTRS);
    onnx_op(&m, "Mul", "p", "k,b", "c", NO_ATTRS);
    onnx_op(&m, "Sub", "q", "c,wide", "d", NO_ATTRS);
    to_planes(&m, "d", "y");
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply(&s, pass_sink_transpose);
    ck_assert_uint_eq(s.g->n_nodes, 4); /* the last one is a Transpose that moves nothing */
    apply(&s, pass_drop_identity);
    ck_assert_uint_eq(graph_count(s.g, "Transpose"), 0);
    ck_assert_uint_eq(s.g->n_nodes, 3);
    subject_fini(&s);
}
END_TEST

START_TEST(two_branches_transposed_alike_are_added_before)
{
    struct onnx_build m;
    begin(&m);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 2, 3));
    to_rows(&m, "x", "a");
    onnx_op(&m, "Neg", "n", "x", "z", NO_ATTRS);
    onnx_op(&m, "Exp", "e", "z", "w", NO_ATTRS);
    to_rows(&m, "w", "b");
    onnx_op(&m, "Div", "p", "a,b", "y", NO_ATTRS);
    expect(&m, pass_sink_transpose, "Transpose", 1, 4);
}
END_TEST

START_TEST(two_in_a_row_become_one)
{
    struct onnx_build m;
    begin(&m);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 2, 3));
    onnx_op(&m, "Transpose", "a", "x", "h", ATTRS(A_INTS("perm", 1, 3, 0, 2)));
    onnx_op(&m, "Transpose", "b", "h", "y", NO_ATTRS); /* reverses */
    expect(&m, pass_sink_transpose, "Transpose", 1, 1);
    begin(&m); /* the order of the two counts */
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 2));
    onnx_op(&m, "Transpose", "a", "x", "h", ATTRS(A_INTS("perm", 1, 2, 0)));
    onnx_op(&m, "Transpose", "b", "h", "y", ATTRS(A_INTS("perm", 0, 2, 1)));
    expect(&m, pass_sink_transpose, "Transpose", 1, 1);
}
END_TEST

START_TEST(a_transposition_with_two_readers_or_another_partner_stays)
{
    struct onnx_build m;
    begin(&m);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 4, 4));
    to_rows(&m, "x", "a");
    onnx_op(&m, "Relu", "r", "a", "b", NO_ATTRS);
    onnx_op(&m, "Add", "s", "a,b", "y", NO_ATTRS);
    expect(&m, pass_sink_transpose, "Transpose", 1, 3);
    begin(&m);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 4, 4));
    to_rows(&m, "x", "a");
    to_planes(&m, "x", "b");
    onnx_op(&m, "Add", "s", "a,b", "y", NO_ATTRS);
    expect(&m, pass_sink_transpose, "Transpose", 2, 3);
    begin(&m); /* the sum is larger than what is transposed */
    onnx_input(&m, "x", DT_F32, DIMS(1, 4, 4, 4));
    random_init(&m, "k", DIMS(3, 1, 1, 1), 1);
    to_rows(&m, "x", "a");
    onnx_op(&m, "Add", "s", "a,k", "y", NO_ATTRS);
    expect(&m, pass_sink_transpose, "Transpose", 1, 2);
}
END_TEST

START_TEST(a_matrix_is_read_transposed_by_gemm)
{
    struct onnx_build m;
    begin(&m);
    onnx_input(&m, "x", DT_F32, DIMS(6, 4));
    onnx_input(&m, "w", DT_F32, DIMS(5, 6));
    onnx_op(&m, "Transpose", "a", "x", "b", ATTRS(A_INTS("perm", 1, 0)));
    onnx_op(&m, "Transpose", "c", "w", "d", NO_ATTRS);
    onnx_op(&m, "Gemm", "g", "b,d", "y", ATTRS(A_FLOAT("alpha", 0.5f)));
    expect(&m, pass_sink_transpose, "Transpose", 0, 1);
}
END_TEST

/* ---- constants into products ---- */

START_TEST(factors_and_summands_of_a_channel_fold_into_conv)
{
    static const char *const ops[] = {"Mul", "Div", "Add", "Sub"};
    for (size_t i = 0; i < ARRAY_COUNT(ops); i++) {
        struct onnx_build m;
        begin(&m);
        onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 5, 5));
        random_init(&m, "w", DIMS(3, 4, 2, 2), 1);
        random_init(&m, "b", DIMS(3), 2);
        random_init(&m, "k", DIMS(3, 1, 1), 8);
        scalar_init(&m, "two", 2);
        onnx_op(&m, "Conv", "c", "x,w,b", "h", NO_ATTRS);
        onnx_op(&m, ops[i], "p", "h,k", "i", NO_ATTRS);
        onnx_op(&m, ops[i], "q", "i,two", "y", NO_ATTRS);
        expect(&m, pass_fold_scale, "Conv", 1, 1);
    }
}
END_TEST

START_TEST(they_fold_into_gemm_and_linear)
{
    struct onnx_build m;
    begin(&m);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
    random_init(&m, "w", DIMS(4, 3), 1);
    random_init(&m, "k", DIMS(3), 8);
    onnx_op(&m, "Gemm", "g", "x,w", "h", NO_ATTRS);
    onnx_op(&m, "Mul", "p", "k,h", "y", NO_ATTRS);
    expect(&m, pass_fold_scale, "Gemm", 1, 1);
    struct subject s;
    begin(&m);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 2, 4));
    random_init(&m, "w", DIMS(4, 3), 1);
    random_init(&m, "b", DIMS(3), 2);
    random_init(&m, "k", DIMS(3), 8);
    onnx_op(&m, "MatMul", "g", "x,w", "h", NO_ATTRS);
    onnx_op(&m, "Add", "a", "h,b", "i", NO_ATTRS);
    onnx_op(&m, "Mul", "p", "k,i", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply_all(&s, "");
    ck_assert_uint_eq(s.g->n_nodes, 1);
    subject_fini(&s);
}
END_TEST

START_TEST(what_is_not_one_number_a_channel_stays)
{
    struct onnx_build m;
    begin(&m); /* along the height */
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 5, 5));
    random_init(&m, "w", DIMS(3, 4, 3, 3), 1);
    random_init(&m, "k", DIMS(1, 3, 1), 8);
    onnx_op(&m, "Conv", "c", "x,w", "h", NO_ATTRS);
    onnx_op(&m, "Mul", "p", "h,k", "y", NO_ATTRS);
    expect(&m, pass_fold_scale, "Mul", 1, 2);
    begin(&m); /* the product is divided into the constant */
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 5, 5));
    random_init(&m, "w", DIMS(3, 4, 3, 3), 1);
    scalar_init(&m, "k", 2);
    onnx_op(&m, "Conv", "c", "x,w", "h", NO_ATTRS);
    onnx_op(&m, "Sub", "p", "k,h", "y", NO_ATTRS);
    expect(&m, pass_fold_scale, "Sub", 1, 2);
    begin(&m); /* a column beside a square product is no row */
    onnx_input(&m, "x", DT_F32, DIMS(3, 4));
    random_init(&m, "w", DIMS(4, 3), 1);
    random_init(&m, "c", DIMS(3, 1), 2);
    scalar_init(&m, "k", 2);
    onnx_op(&m, "Gemm", "g", "x,w,c", "h", NO_ATTRS);
    onnx_op(&m, "Mul", "p", "h,k", "y", NO_ATTRS);
    expect(&m, pass_fold_scale, "Mul", 1, 2);
}
END_TEST

/* ---- pads ---- */

static void padded(struct onnx_build *m, const int64_t *pads, float value)
{
    begin(m);
    onnx_input(m, "x", DT_F32, DIMS(-1, 2, 5, 5));
    onnx_init_i64(m, "pads", DIMS(8), pads);
    scalar_init(m, "value", value);
    random_init(m, "w", DIMS(3, 2, 3, 3), 1);
    onnx_op(m, "Pad", "p", "x,pads,value", "h", NO_ATTRS);
}

static const int64_t around[] = {0, 0, 1, 2, 0, 0, 0, 1}, channels[] = {0, 0, 1, 1, 0, 1, 1, 1};

START_TEST(zeros_around_an_image_fold_into_conv_and_pool)
{
    struct onnx_build m;
    padded(&m, around, 0);
    onnx_op(&m, "Conv", "c", "h,w", "y", ATTRS(A_INTS("pads", 1, 0, 0, 1)));
    expect(&m, pass_fold_pad, "Pad", 0, 1);
    padded(&m, around, 0);
    onnx_op(&m, "AveragePool", "c", "h", "y",
            ATTRS(A_INTS("kernel_shape", 3, 3), A_INT("count_include_pad", 0)));
    expect(&m, pass_fold_pad, "Pad", 0, 1);
}
END_TEST

START_TEST(other_pads_stay)
{
    struct onnx_build m;
    padded(&m, around, 1);
    onnx_op(&m, "Conv", "c", "h,w", "y", NO_ATTRS);
    expect(&m, pass_fold_pad, "Pad", 1, 2);
    padded(&m, channels, 0);
    onnx_op(&m, "AveragePool", "c", "h", "y", ATTRS(A_INTS("kernel_shape", 3, 3)));
    expect(&m, pass_fold_pad, "Pad", 1, 2);
    padded(&m, around, 0); /* the pool's own padding is not counted, the other is */
    onnx_op(&m, "AveragePool", "c", "h", "y",
            ATTRS(A_INTS("kernel_shape", 3, 3), A_INTS("pads", 1, 1, 1, 1)));
    expect(&m, pass_fold_pad, "Pad", 1, 2);
    padded(&m, around, 0);
    onnx_op(&m, "MaxPool", "c", "h", "y", ATTRS(A_INTS("kernel_shape", 3, 3)));
    expect(&m, pass_fold_pad, "Pad", 1, 2);
}
END_TEST

/* ---- shapes on shapes ---- */

START_TEST(of_a_chain_of_shapes_the_last_one_counts)
{
    const int64_t flat[] = {-1, 8}, folded[] = {-1, 2, 4}, copies[] = {0, 4, 2}, axes[] = {1};
    struct onnx_build m;
    begin(&m);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 2));
    onnx_init_i64(&m, "flat", DIMS(2), flat);
    onnx_init_i64(&m, "folded", DIMS(3), folded);
    onnx_init_i64(&m, "copies", DIMS(3), copies);
    onnx_init_i64(&m, "axes", DIMS(1), axes);
    onnx_op(&m, "Reshape", "a", "x,flat", "b", NO_ATTRS);
    onnx_op(&m, "Unsqueeze", "c", "b,axes", "d", NO_ATTRS);
    onnx_op(&m, "Reshape", "e", "d,folded", "f", NO_ATTRS);
    onnx_op(&m, "Exp", "g", "f", "y", NO_ATTRS);
    expect(&m, pass_merge_views, "Reshape", 1, 2);
    begin(&m); /* back where it was: nothing is left, though the target copies a dim */
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 2));
    onnx_init_i64(&m, "flat", DIMS(2), flat);
    onnx_init_i64(&m, "copies", DIMS(3), copies);
    onnx_op(&m, "Reshape", "a", "x,flat", "b", NO_ATTRS);
    onnx_op(&m, "Reshape", "e", "b,copies", "f", NO_ATTRS);
    onnx_op(&m, "Exp", "g", "f", "y", NO_ATTRS);
    expect(&m, pass_merge_views, "Reshape", 0, 1);
}
END_TEST

START_TEST(a_target_that_copies_a_dim_of_a_changed_shape_stays)
{
    const int64_t wide[] = {-1, 2, 2}, copies[] = {0, 4, 1};
    struct onnx_build m;
    begin(&m);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 2));
    onnx_init_i64(&m, "wide", DIMS(3), wide);
    onnx_init_i64(&m, "copies", DIMS(3), copies);
    onnx_op(&m, "Reshape", "a", "x,wide", "b", NO_ATTRS);
    onnx_op(&m, "Reshape", "e", "b,copies", "f", NO_ATTRS);
    onnx_op(&m, "Exp", "g", "f", "y", NO_ATTRS);
    expect(&m, pass_merge_views, "Reshape", 2, 3);
}
END_TEST

Suite *suite_pass_move(void)
{
    return SUITE("pass_move", a_pair_around_element_wise_operators_cancels,
                 two_branches_transposed_alike_are_added_before, two_in_a_row_become_one,
                 a_transposition_with_two_readers_or_another_partner_stays,
                 a_matrix_is_read_transposed_by_gemm,
                 factors_and_summands_of_a_channel_fold_into_conv, they_fold_into_gemm_and_linear,
                 what_is_not_one_number_a_channel_stays,
                 zeros_around_an_image_fold_into_conv_and_pool, other_pads_stay,
                 of_a_chain_of_shapes_the_last_one_counts,
                 a_target_that_copies_a_dim_of_a_changed_shape_stays);
}
