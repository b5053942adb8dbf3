/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* pack_gemm: which products take their matrix in panels, that the numbers stay, and whose matrix is
 * left as it is. */
#include "pass_case.h"

static void begin(struct onnx_build *m, const int64_t *x, int rank)
{
    *m = (struct onnx_build){0};
    onnx_opset(m, "", 13);
    onnx_input(m, "x", DT_F32, rank, x);
}

/* Two orders of a sum of up to 40 products in [-1, 1). */
static void expect(struct onnx_build *m, uint32_t packed, uint32_t nodes)
{
    struct subject s;
    onnx_output(m, "y");
    subject_init(&s, m);
    apply_within(&s, pass_pack_gemm, 1e-6, 1e-5);
    ck_assert_uint_eq(graph_count(s.g, "PackedGemm"), packed);
    ck_assert_uint_eq(s.g->n_nodes, nodes);
    subject_fini(&s);
}

START_TEST(gemm_takes_its_factors_and_transposition_into_the_constants)
{
    for (int form = 0; form < 8; form++) {
        struct onnx_build m;
        bool trans = form & 1, bias = form & 2, factors = form & 4;
        begin(&m, (const int64_t[]){-1, 21}, 2);
        random_init(&m, "w", 2, trans ? (const int64_t[]){19, 21} : (const int64_t[]){21, 19}, 1);
        random_init(&m, "b", DIMS(1, 19), 2);
        onnx_op(&m, "Gemm", "a", bias ? "x,w,b" : "x,w", "y",
                ATTRS(A_INT("transB", trans), A_FLOAT("alpha", factors ? 0.5f : 1),
                      A_FLOAT("beta", factors ? -2.0f : 1)));
        expect(&m, 1, 1);
    }
}
END_TEST

START_TEST(a_product_of_any_rank_is_packed)
{
    static const int64_t shapes[][3] = {{40}, {-1, 40}, {-1, 3, 40}};
    for (int rank = 1; rank <= 3; rank++) {
        struct onnx_build m;
        begin(&m, shapes[rank - 1], rank);
        random_init(&m, "w", DIMS(40, 16), 1);
        onnx_op(&m, "MatMul", "a", "x,w", "y", NO_ATTRS);
        expect(&m, 1, 1);
    }
}
END_TEST

START_TEST(bias_residual_and_activation_come_along)
{
    struct onnx_build m;
    struct subject s;
    begin(&m, (const int64_t[]){-1, 3, 24}, 3);
    random_init(&m, "w", DIMS(24, 24), 1);
    random_init(&m, "b", DIMS(24), 2);
    onnx_op(&m, "MatMul", "a", "x,w", "h", NO_ATTRS);
    onnx_op(&m, "Add", "b", "h,b", "i", NO_ATTRS);
    onnx_op(&m, "Add", "c", "i,x", "j", NO_ATTRS);
    onnx_op(&m, "Tanh", "d", "j", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply_all(&s, "");
    ck_assert_uint_eq(s.g->n_nodes, 1);
    ck_assert_uint_eq(graph_count(s.g, "PackedGemm"), 1);
    ck_assert_uint_eq(s.g->nodes[0].n_in, 4);
    subject_fini(&s);
}
END_TEST

/* Without padding, or with another's use of the matrix, it would be there twice. */
START_TEST(a_narrow_or_shared_matrix_stays)
{
    struct onnx_build m;
    begin(&m, (const int64_t[]){-1, 40}, 2);
    random_init(&m, "w", DIMS(40, 7), 1);
    onnx_op(&m, "MatMul", "a", "x,w", "y", NO_ATTRS);
    expect(&m, 0, 1);
    begin(&m, (const int64_t[]){16, 16}, 2);
    random_init(&m, "w", DIMS(16, 16), 1);
    onnx_op(&m, "MatMul", "a", "x,w", "h", NO_ATTRS);
    onnx_op(&m, "Add", "b", "h,w", "y", NO_ATTRS);
    expect(&m, 0, 2);
    begin(&m, (const int64_t[]){-1, 16}, 2);
    random_init(&m, "w", DIMS(16, 16), 1);
    onnx_op(&m, "MatMul", "a", "x,w", "h", NO_ATTRS);
    onnx_op(&m, "Gemm", "b", "h,w", "y", ATTRS(A_INT("transB", 1)));
    expect(&m, 0, 2);
}
END_TEST

START_TEST(an_output_or_a_bias_that_is_no_row_stays)
{
    struct onnx_build m;
    begin(&m, (const int64_t[]){-1, 16}, 2);
    random_init(&m, "w", DIMS(16, 16), 1);
    onnx_op(&m, "MatMul", "a", "x,w", "y", NO_ATTRS);
    onnx_output(&m, "w");
    expect(&m, 0, 1);
    begin(&m, (const int64_t[]){4, 16}, 2);
    random_init(&m, "w", DIMS(16, 16), 1);
    random_init(&m, "c", DIMS(4, 1), 2);
    onnx_op(&m, "Gemm", "a", "x,w,c", "y", NO_ATTRS);
    expect(&m, 0, 1);
    begin(&m, (const int64_t[]){16, 4}, 2);
    random_init(&m, "w", DIMS(16, 16), 1);
    onnx_op(&m, "Gemm", "a", "x,w", "y", ATTRS(A_INT("transA", 1)));
    expect(&m, 0, 1);
}
END_TEST

START_TEST(one_matrix_of_several_products_is_laid_out_once)
{
    struct onnx_build m;
    struct subject s;
    begin(&m, (const int64_t[]){-1, 16}, 2);
    random_init(&m, "w", DIMS(16, 16), 1);
    onnx_op(&m, "MatMul", "a", "x,w", "h", NO_ATTRS);
    onnx_op(&m, "Relu", "b", "h", "r", NO_ATTRS);
    onnx_op(&m, "MatMul", "c", "r,w", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply_within(&s, pass_pack_gemm, 1e-6, 1e-4);
    ck_assert_uint_eq(graph_count(s.g, "PackedGemm"), 2);
    ck_assert_int_eq(s.g->nodes[0].in[1], s.g->nodes[2].in[1]);
    subject_fini(&s);
}
END_TEST

START_TEST(memory_mode_takes_no_padding_of_a_large_matrix)
{
    static const enum optimize modes[] = {OPTIMIZE_SPEED, OPTIMIZE_BALANCED, OPTIMIZE_MEMORY};
    for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
        struct onnx_build m;
        struct subject s;
        begin(&m, (const int64_t[]){-1, 2000}, 2);
        random_init(&m, "w", DIMS(2000, 10), 1);
        onnx_op(&m, "MatMul", "a", "x,w", "y", NO_ATTRS);
        onnx_output(&m, "y");
        subject_init(&s, &m);
        s.g->optimize = modes[i];
        apply_within(&s, pass_pack_gemm, 1e-6, 2e-3);
        ck_assert_uint_eq(graph_count(s.g, "PackedGemm"), modes[i] != OPTIMIZE_MEMORY);
        subject_fini(&s);
    }
}
END_TEST

/* A product of rows x 256 x 320, and what its matrix becomes. */
static int cut_rank(enum optimize mode, enum precision precision, const int64_t *x, int rank)
{
    struct onnx_build m;
    struct subject s;
    begin(&m, x, rank);
    random_init(&m, "w", DIMS(256, 320), 1);
    onnx_op(&m, "MatMul", "a", "x,w", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    s.g->optimize = mode;
    s.g->precision = precision;
    apply_within(&s, pass_pack_gemm, 1e-5, 1e-3);
    ck_assert_uint_eq(graph_count(s.g, "PackedGemm"), 1);
    int made = s.g->values[s.g->nodes[0].in[1]].t.rank;
    subject_fini(&s);
    return made;
}

START_TEST(speed_alone_cuts_large_products_of_float32)
{
    const int64_t *many = (const int64_t[]){-1, 8, 8, 256}, *few = (const int64_t[]){-1, 63, 256};
    const int64_t *batch = (const int64_t[]){128, 256};
    ck_assert_int_eq(cut_rank(OPTIMIZE_SPEED, PRECISION_FP32, many, 4), 4);
    ck_assert_int_eq(cut_rank(OPTIMIZE_SPEED, PRECISION_FP32, few, 3), 3);
    ck_assert_int_eq(cut_rank(OPTIMIZE_SPEED, PRECISION_FP32, batch, 2), 3);
    ck_assert_int_eq(cut_rank(OPTIMIZE_SPEED, PRECISION_INT8, many, 4), 3);
    ck_assert_int_eq(cut_rank(OPTIMIZE_BALANCED, PRECISION_FP32, many, 4), 3);
    ck_assert_int_eq(cut_rank(OPTIMIZE_MEMORY, PRECISION_FP32, many, 4), 3);
}
END_TEST

Suite *suite_pass_pack(void)
{
    return SUITE("pass_pack", gemm_takes_its_factors_and_transposition_into_the_constants,
                 a_product_of_any_rank_is_packed, bias_residual_and_activation_come_along,
                 a_narrow_or_shared_matrix_stays, an_output_or_a_bias_that_is_no_row_stays,
                 one_matrix_of_several_products_is_laid_out_once,
                 memory_mode_takes_no_padding_of_a_large_matrix,
                 speed_alone_cuts_large_products_of_float32);
}
