/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Fusions from what spells them out: what is found, that the numbers stay, and what is near enough
 * to be taken for one and is not. */
#include "pass_case.h"

static void begin(struct onnx_build *m, int opset)
{
    *m = (struct onnx_build){0};
    onnx_opset(m, "", opset);
}

/* Runs the pass; the graph must then have `nodes` nodes, `times` of them `op`. */
static void expect(struct onnx_build *m, pass_fn *pass, const char *op, uint32_t times,
                   uint32_t nodes)
{
    struct subject s;
    onnx_output(m, "y");
    subject_init(&s, m);
    apply(&s, pass);
    ck_assert_uint_eq(graph_count(s.g, op), times);
    ck_assert_uint_eq(s.g->n_nodes, nodes);
    ck_assert_str_eq(s.g->values[s.g->outputs[0]].name, "y");
    subject_fini(&s);
}

/* ---- activations ---- */

START_TEST(x_times_its_sigmoid_is_silu_either_way_round)
{
    static const char *const operands[] = {"x,s", "s,x"};
    for (size_t i = 0; i < ARRAY_COUNT(operands); i++) {
        struct onnx_build m;
        begin(&m, 13);
        onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
        onnx_op(&m, "Sigmoid", "a", "x", "s", NO_ATTRS);
        onnx_op(&m, "Mul", "b", operands[i], "y", NO_ATTRS);
        expect(&m, pass_fuse_activation, "Silu", 1, 1);
    }
}
END_TEST

START_TEST(a_sigmoid_of_something_else_or_with_another_reader_is_no_silu)
{
    struct onnx_build m;
    begin(&m, 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
    onnx_op(&m, "Neg", "n", "x", "z", NO_ATTRS);
    onnx_op(&m, "Sigmoid", "a", "z", "s", NO_ATTRS);
    onnx_op(&m, "Mul", "b", "x,s", "y", NO_ATTRS);
    expect(&m, pass_fuse_activation, "Silu", 0, 3);
    begin(&m, 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
    onnx_op(&m, "Sigmoid", "a", "x", "s", NO_ATTRS);
    onnx_op(&m, "Mul", "b", "x,s", "p", NO_ATTRS);
    onnx_op(&m, "Add", "c", "p,s", "y", NO_ATTRS);
    expect(&m, pass_fuse_activation, "Silu", 0, 3);
}
END_TEST

START_TEST(hard_swish_is_found_in_each_of_its_forms)
{
    struct onnx_build m;
    for (int form = 0; form < 3; form++) {
        begin(&m, 13);
        onnx_input(&m, "x", DT_F32, DIMS(-1, 40));
        scalar_init(&m, "three", 3);
        scalar_init(&m, "zero", 0);
        scalar_init(&m, "six", 6);
        scalar_init(&m, "sixth", 1.0f / 6);
        scalar_init(&m, "ten", 10);
        onnx_op(&m, "Mul", "m0", "x,ten", "x10", NO_ATTRS); /* the inputs alone stay in [-1, 1) */
        if (form == 0) {
            onnx_op(&m, "HardSigmoid", "a", "x10", "g",
                    ATTRS(A_FLOAT("alpha", 1.0f / 6), A_FLOAT("beta", 0.5f)));
            onnx_op(&m, "Mul", "b", "g,x10", "y", NO_ATTRS);
        } else {
            onnx_op(&m, "Add", "a", "x10,three", "h", NO_ATTRS);
            onnx_op(&m, "Clip", "b", "h,zero,six", "g", NO_ATTRS);
        }
        if (form == 1) {
            onnx_op(&m, "Mul", "c", "x10,g", "p", NO_ATTRS);
            onnx_op(&m, "Div", "d", "p,six", "y", NO_ATTRS);
        }
        if (form == 2) {
            onnx_op(&m, "Mul", "c", "g,sixth", "p", NO_ATTRS);
            onnx_op(&m, "Mul", "d", "x10,p", "y", NO_ATTRS);
        }
        expect(&m, pass_fuse_activation, "HardSwish", 1, 2);
    }
}
END_TEST

START_TEST(a_gate_with_other_bounds_is_no_hard_swish)
{
    struct onnx_build m;
    begin(&m, 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 40));
    scalar_init(&m, "three", 3);
    scalar_init(&m, "two", 2.5f);
    scalar_init(&m, "six", 6);
    onnx_op(&m, "Add", "a", "x,three", "h", NO_ATTRS);
    onnx_op(&m, "Clip", "b", "h,two,six", "g", NO_ATTRS);
    onnx_op(&m, "Mul", "c", "x,g", "p", NO_ATTRS);
    onnx_op(&m, "Div", "d", "p,six", "y", NO_ATTRS);
    expect(&m, pass_fuse_activation, "HardSwish", 0, 4);
}
END_TEST

/* x * (1 + erf(x / root)) * half in several orders. */
static void erf_gelu(struct onnx_build *m, int form, float half)
{
    begin(m, 13);
    onnx_input(m, "x", DT_F32, DIMS(-1, 40));
    scalar_init(m, "root", 1.41421356f);
    scalar_init(m, "inverse", 0.70710678f);
    scalar_init(m, "one", 1);
    scalar_init(m, "half", half);
    onnx_op(m, form ? "Mul" : "Div", "a", form ? "inverse,x" : "x,root", "b", NO_ATTRS);
    onnx_op(m, "Erf", "e", "b", "c", NO_ATTRS);
    onnx_op(m, "Add", "p", form ? "one,c" : "c,one", "d", NO_ATTRS);
    if (form == 0) {
        onnx_op(m, "Mul", "q", "x,d", "f", NO_ATTRS);
        onnx_op(m, "Mul", "r", "f,half", "y", NO_ATTRS);
    } else if (form == 1) {
        onnx_op(m, "Mul", "q", "d,half", "f", NO_ATTRS);
        onnx_op(m, "Mul", "r", "x,f", "y", NO_ATTRS);
    } else {
        onnx_op(m, "Mul", "q", "x,half", "f", NO_ATTRS);
        onnx_op(m, "Mul", "r", "f,d", "y", NO_ATTRS);
    }
}

START_TEST(gelu_is_found_by_its_erf_in_any_order)
{
    for (int form = 0; form < 3; form++) {
        struct onnx_build m;
        erf_gelu(&m, form, 0.5f);
        expect(&m, pass_fuse_activation, "Gelu", 1, 1);
        erf_gelu(&m, form, 0.6f);
        expect(&m, pass_fuse_activation, "Gelu", 0, 5);
    }
}
END_TEST

START_TEST(gelu_is_found_by_its_tanh_with_either_cube)
{
    for (int form = 0; form < 2; form++) {
        struct onnx_build m;
        begin(&m, 13);
        onnx_input(&m, "x", DT_F32, DIMS(-1, 40));
        scalar_init(&m, "three", 3);
        scalar_init(&m, "small", 0.044715f);
        scalar_init(&m, "k", 0.79788456f);
        scalar_init(&m, "one", 1);
        scalar_init(&m, "half", 0.5f);
        if (form == 0) {
            onnx_op(&m, "Pow", "a", "x,three", "cube", NO_ATTRS);
        } else {
            onnx_op(&m, "Mul", "a0", "x,x", "square", NO_ATTRS);
            onnx_op(&m, "Mul", "a", "square,x", "cube", NO_ATTRS);
        }
        onnx_op(&m, "Mul", "b", "cube,small", "c", NO_ATTRS);
        onnx_op(&m, "Add", "c1", "x,c", "d", NO_ATTRS);
        onnx_op(&m, "Mul", "d1", "d,k", "e", NO_ATTRS);
        onnx_op(&m, "Tanh", "t", "e", "f", NO_ATTRS);
        onnx_op(&m, "Add", "g1", "f,one", "g", NO_ATTRS);
        onnx_op(&m, "Mul", "h1", "x,half", "h", NO_ATTRS);
        onnx_op(&m, "Mul", "i1", "h,g", "y", NO_ATTRS);
        expect(&m, pass_fuse_activation, "Gelu", 1, 1);
    }
}
END_TEST

/* ---- layer norm ---- */

enum { OTHER_AXIS = 1, WIDE_SCALE = 2, AS_PRODUCT = 4, NO_SCALE = 8, OPSET_18 = 16 };

static void layer_norm(struct onnx_build *m, int flags)
{
    const int64_t axis[] = {flags & OTHER_AXIS ? 1 : -1}, two_d[] = {5, 8};
    struct test_attr axes[] = {{"axes", 7, .ints = axis, .n = 1}};
    bool late = flags & OPSET_18;
    begin(m, late ? 18 : 13);
    onnx_input(m, "x", DT_F32, DIMS(-1, 5, 8));
    onnx_init_i64(m, "axes", DIMS(1), axis);
    scalar_init(m, "two", 2);
    scalar_init(m, "eps", 1e-5f);
    random_init(m, "scale", flags & WIDE_SCALE ? 2 : 1, flags & WIDE_SCALE ? two_d : two_d + 1, 3);
    random_init(m, "bias", 1, two_d + 1, 4);
    onnx_op(m, "ReduceMean", "a", late ? "x,axes" : "x", "mean", axes, !late);
    onnx_op(m, "Sub", "b", "x,mean", "d", NO_ATTRS);
    if (flags & AS_PRODUCT)
        onnx_op(m, "Mul", "c", "d,d", "sq", NO_ATTRS);
    else
        onnx_op(m, "Pow", "c", "d,two", "sq", NO_ATTRS);
    onnx_op(m, "ReduceMean", "e", late ? "sq,axes" : "sq", "var", axes, !late);
    onnx_op(m, "Add", "f", "var,eps", "ve", NO_ATTRS);
    onnx_op(m, "Sqrt", "g", "ve", "sd", NO_ATTRS);
    if (flags & NO_SCALE) {
        onnx_op(m, "Div", "h", "d,sd", "y", NO_ATTRS);
        return;
    }
    onnx_op(m, "Div", "h", "d,sd", "n", NO_ATTRS);
    onnx_op(m, "Mul", "i", "n,scale", "s", NO_ATTRS);
    onnx_op(m, "Add", "j", "s,bias", "y", NO_ATTRS);
}

START_TEST(layer_norm_is_found_in_its_forms)
{
    static const int forms[] = {0, AS_PRODUCT, NO_SCALE, OPSET_18};
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        struct onnx_build m;
        layer_norm(&m, forms[i]);
        expect(&m, pass_fuse_layer_norm, "LayerNormalization", 1, 1);
    }
}
END_TEST

START_TEST(a_norm_over_another_axis_stays_and_a_wide_scale_stays_a_mul)
{
    struct onnx_build m;
    layer_norm(&m, OTHER_AXIS);
    expect(&m, pass_fuse_layer_norm, "LayerNormalization", 0, 9);
    layer_norm(&m, WIDE_SCALE);
    expect(&m, pass_fuse_layer_norm, "LayerNormalization", 1, 3);
}
END_TEST

/* ---- linear ---- */

START_TEST(a_product_of_any_rank_takes_bias_residual_and_activation)
{
    struct onnx_build m;
    begin(&m, 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 5, 8));
    onnx_input(&m, "r", DT_F32, DIMS(-1, 5, 6));
    random_init(&m, "w", DIMS(8, 6), 1);
    random_init(&m, "b", DIMS(1, 1, 6), 2);
    onnx_op(&m, "MatMul", "a", "x,w", "h", NO_ATTRS);
    onnx_op(&m, "Add", "c", "b,h", "i", NO_ATTRS);
    onnx_op(&m, "Add", "d", "r,i", "j", NO_ATTRS);
    onnx_op(&m, "Tanh", "e", "j", "y", NO_ATTRS);
    expect(&m, pass_fuse_linear, "Linear", 1, 1);
}
END_TEST

START_TEST(a_product_alone_or_with_what_broadcasts_stays)
{
    struct onnx_build m;
    begin(&m, 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 5, 8));
    onnx_input(&m, "r", DT_F32, DIMS(1, 5, 6));
    random_init(&m, "w", DIMS(8, 6), 1);
    onnx_op(&m, "MatMul", "a", "x,w", "h", NO_ATTRS);
    onnx_op(&m, "Add", "d", "r,h", "y", NO_ATTRS);
    expect(&m, pass_fuse_linear, "Linear", 0, 2);
    begin(&m, 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 5, 8));
    random_init(&m, "w", DIMS(8, 6), 1);
    random_init(&m, "b", DIMS(5, 1), 2);
    onnx_op(&m, "MatMul", "a", "x,w", "h", NO_ATTRS);
    onnx_op(&m, "Add", "d", "h,b", "y", NO_ATTRS);
    expect(&m, pass_fuse_linear, "Linear", 0, 2);
}
END_TEST

/* ---- norms without a product before them ---- */

START_TEST(batch_norm_alone_becomes_one_factor_and_shift_with_its_activation)
{
    for (int relu = 0; relu < 2; relu++) {
        struct onnx_build m;
        float var[4] = {0.5f, 1, 2, 0.1f};
        begin(&m, 13);
        onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 3, 2));
        random_init(&m, "scale", DIMS(4), 1);
        random_init(&m, "shift", DIMS(4), 2);
        random_init(&m, "mean", DIMS(4), 3);
        onnx_init_f32(&m, "var", DIMS(4), var);
        onnx_op(&m, "BatchNormalization", "n", "x,scale,shift,mean,var", relu ? "h" : "y",
                NO_ATTRS);
        if (relu)
            onnx_op(&m, "Relu", "r", "h", "y", NO_ATTRS);
        expect(&m, pass_fuse_scale, "ScaleShift", 1, 1);
    }
}
END_TEST

/* ---- attention ---- */

enum { HEADS = 2, ROWS = 5, DEPTH = 4 };
enum {
    MASK = 1,    /* [1,1,1,ROWS], added */
    DIVIDE = 2,  /* the scores */
    SCALE_Q = 4, /* before its transposition */
    BARE = 8,    /* no transpositions but K's own */
    RANK_3 = 16, /* [rows][heads][depth] */
    READ_TWICE = 32,
    WIDE_MASK = 64, /* makes the scores larger */
    FIRST_AXIS = 128,
};

static void head(struct onnx_build *m, const char *from, const char *to, int flags, bool key)
{
    static const int64_t perms[][4] = {
        {0, 2, 1, 3}, {0, 2, 3, 1}, {1, 0, 2}, {1, 2, 0}, {0, 1, 3, 2}};
    int which = flags & BARE ? 4 : flags & RANK_3 ? 2 + key : key;
    struct test_attr perm = {"perm", 7, .ints = perms[which], .n = flags & RANK_3 ? 3 : 4};
    if (flags & BARE && !key)
        onnx_op(m, "Relu", to, from, to, NO_ATTRS);
    else
        onnx_op(m, "Transpose", to, from, to, &perm, 1);
}

static void attention(struct onnx_build *m, int flags)
{
    static const int64_t by_rows[] = {-1, ROWS, HEADS, DEPTH},
                         by_heads[] = {-1, HEADS, ROWS, DEPTH};
    const int64_t *dims = flags & BARE ? by_heads : flags & RANK_3 ? by_rows + 1 : by_rows;
    int rank = flags & RANK_3 ? 3 : 4;
    begin(m, 13);
    onnx_input(m, "x0", DT_F32, rank, dims);
    onnx_input(m, "x1", DT_F32, rank, dims);
    onnx_input(m, "x2", DT_F32, rank, dims);
    scalar_init(m, "two", 2);
    random_init(m, "mask", DIMS(1, 1, 1, ROWS), 6);
    random_init(m, "wide", DIMS(3, 1, 1, 1, 1), 7);
    const char *q = "x0";
    if (flags & SCALE_Q) {
        onnx_op(m, "Mul", "sq", "x0,two", "xq", NO_ATTRS);
        q = "xq";
    }
    head(m, q, "q", flags, false);
    head(m, "x1", "k", flags, true);
    head(m, "x2", "v", flags, false);
    onnx_op(m, "MatMul", "p1", "q,k", "s0", NO_ATTRS);
    onnx_op(m, flags & DIVIDE ? "Div" : "Mul", "p2", "s0,two", "s1", NO_ATTRS);
    const char *scores = "s1";
    if (flags & (MASK | WIDE_MASK)) {
        onnx_op(m, "Add", "p3", flags & MASK ? "mask,s1" : "s1,wide", "s2", NO_ATTRS);
        scores = "s2";
    }
    onnx_op(m, "Softmax", "p4", scores, "w", ATTRS(A_INT("axis", flags & FIRST_AXIS ? 0 : -1)));
    onnx_op(m, "MatMul", "p5", "w,v", flags & BARE ? "y" : "z", NO_ATTRS);
    if (!(flags & BARE))
        head(m, "z", "y", flags, false);
    if (flags & READ_TWICE)
        onnx_output(m, "w");
}

START_TEST(attention_is_found_and_takes_scale_mask_and_transpositions)
{
    static const struct {
        int flags;
        uint32_t nodes;
    } forms[] = {{0, 1},    {MASK, 1},   {DIVIDE | MASK, 1},    {SCALE_Q, 1},
                 {BARE, 3}, {RANK_3, 1}, {RANK_3 | SCALE_Q, 1}, {BARE | MASK, 3}};
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        struct onnx_build m;
        attention(&m, forms[i].flags);
        expect(&m, pass_fuse_attention, "Attention", 1, forms[i].nodes);
    }
}
END_TEST

START_TEST(attention_whose_weights_are_read_or_that_is_of_another_shape_stays)
{
    static const int forms[] = {READ_TWICE, FIRST_AXIS, WIDE_MASK};
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        struct onnx_build m;
        struct subject s;
        /* The wide mask makes rank 5: the last Transpose would not fit. */
        attention(&m, forms[i] == WIDE_MASK ? WIDE_MASK | BARE : forms[i]);
        onnx_output(&m, "y");
        subject_init(&s, &m);
        apply(&s, pass_fuse_attention);
        ck_assert_uint_eq(graph_count(s.g, "Attention"), 0);
        subject_fini(&s);
    }
}
END_TEST

/* ---- together ---- */

START_TEST(found_activations_go_into_the_product_before_them)
{
    struct subject s;
    struct onnx_build m;
    begin(&m, 13);
    onnx_input(&m, "x0", DT_F32, DIMS(-1, 5, 8));
    random_init(&m, "w", DIMS(8, 6), 1);
    random_init(&m, "b", DIMS(6), 2);
    scalar_init(&m, "root", 1.41421356f);
    scalar_init(&m, "one", 1);
    scalar_init(&m, "half", 0.5f);
    onnx_op(&m, "MatMul", "a0", "x0,w", "x1", NO_ATTRS);
    onnx_op(&m, "Add", "a1", "x1,b", "x", NO_ATTRS);
    onnx_op(&m, "Div", "a", "x,root", "h", NO_ATTRS);
    onnx_op(&m, "Erf", "e", "h", "c", NO_ATTRS);
    onnx_op(&m, "Add", "p", "c,one", "d", NO_ATTRS);
    onnx_op(&m, "Mul", "q", "x,d", "f", NO_ATTRS);
    onnx_op(&m, "Mul", "r", "f,half", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply_all(&s, "");
    ck_assert_uint_eq(s.g->n_nodes, 1);
    ck_assert_uint_eq(graph_count(s.g, "Linear"), 1);
    subject_fini(&s);
}
END_TEST

Suite *suite_pass_fuse(void)
{
    return SUITE("pass_fuse", x_times_its_sigmoid_is_silu_either_way_round,
                 a_sigmoid_of_something_else_or_with_another_reader_is_no_silu,
                 hard_swish_is_found_in_each_of_its_forms,
                 a_gate_with_other_bounds_is_no_hard_swish, gelu_is_found_by_its_erf_in_any_order,
                 gelu_is_found_by_its_tanh_with_either_cube, layer_norm_is_found_in_its_forms,
                 a_norm_over_another_axis_stays_and_a_wide_scale_stays_a_mul,
                 a_product_of_any_rank_takes_bias_residual_and_activation,
                 a_product_alone_or_with_what_broadcasts_stays,
                 batch_norm_alone_becomes_one_factor_and_shift_with_its_activation,
                 attention_is_found_and_takes_scale_mask_and_transpositions,
                 attention_whose_weights_are_read_or_that_is_of_another_shape_stays,
                 found_activations_go_into_the_product_before_them);
}
