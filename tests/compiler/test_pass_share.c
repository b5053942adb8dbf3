/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Equal nodes and constants are one; what changes nothing goes; and the order of it all. */
#include <string.h>

#include "pass_case.h"

/* Two branches that compute the same from constants of equal bytes; the second one's perm may
 * differ. */
static void twins(struct onnx_build *m, bool differ)
{
    static const int64_t swap[] = {0, 2, 1}, turn[] = {1, 0, 2};
    struct test_attr perm = {"perm", 7, .ints = differ ? turn : swap, .n = 3};
    onnx_opset(m, "", 13);
    onnx_input(m, "x", DT_F32, DIMS(-1, 4, 4));
    random_init(m, "k1", DIMS(4), 1);
    random_init(m, "k2", DIMS(4), 1);
    onnx_op(m, "Add", "a1", "x,k1", "a", NO_ATTRS);
    onnx_op(m, "Add", "a2", "x,k2", "b", NO_ATTRS);
    onnx_op(m, "Transpose", "t1", "a", "c", ATTRS(A_INTS("perm", 0, 2, 1)));
    onnx_op(m, "Transpose", "t2", "b", "d", &perm, 1);
}

START_TEST(equal_nodes_and_constants_become_one)
{
    struct onnx_build m = {0};
    struct subject s;
    twins(&m, false);
    onnx_op(&m, "Mul", "y1", "c,d", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply(&s, pass_share);
    ck_assert_uint_eq(s.g->n_nodes, 3);
    ck_assert_int_eq(s.g->nodes[2].in[0], s.g->nodes[2].in[1]);
    subject_fini(&s);
}
END_TEST

START_TEST(nodes_that_differ_in_an_attribute_stay)
{
    struct onnx_build m = {0};
    struct subject s;
    twins(&m, true);
    onnx_op(&m, "Relu", "r1", "c", "y", NO_ATTRS);
    onnx_op(&m, "Relu", "r2", "d", "z", NO_ATTRS);
    onnx_output(&m, "y");
    onnx_output(&m, "z");
    subject_init(&s, &m);
    apply(&s, pass_share);
    ck_assert_uint_eq(s.g->n_nodes, 5);
    ck_assert_uint_eq(graph_count(s.g, "Add"), 1);
    subject_fini(&s);
}
END_TEST

START_TEST(an_output_keeps_its_own_node_and_name)
{
    struct onnx_build m = {0};
    struct subject s;
    twins(&m, false);
    onnx_output(&m, "c");
    onnx_output(&m, "d");
    subject_init(&s, &m);
    apply(&s, pass_share);
    ck_assert_uint_eq(s.g->n_nodes, 3);
    ck_assert_str_eq(s.g->values[s.g->outputs[1]].name, "d");
    ck_assert_int_ne(s.g->outputs[0], s.g->outputs[1]);
    subject_fini(&s);
}
END_TEST

START_TEST(constants_of_equal_bytes_but_another_shape_stay)
{
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
    random_init(&m, "row", DIMS(4), 1);
    random_init(&m, "row2", DIMS(1, 4), 1);
    onnx_op(&m, "Add", "a1", "x,row", "a", NO_ATTRS);
    onnx_op(&m, "Sub", "a2", "a,row2", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply(&s, pass_share);
    ck_assert_int_ne(s.g->nodes[0].in[1], s.g->nodes[1].in[1]);
    subject_fini(&s);
}
END_TEST

START_TEST(what_keeps_dtype_and_shape_goes_and_what_changes_them_stays)
{
    const int64_t same[] = {-1, 4, 4}, flat[] = {-1, 16};
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 4));
    onnx_init_i64(&m, "same", DIMS(3), same);
    onnx_init_i64(&m, "flat", DIMS(2), flat);
    onnx_op(&m, "Cast", "c1", "x", "a", ATTRS(A_INT("to", DT_F32)));
    onnx_op(&m, "Reshape", "r1", "a,same", "b", NO_ATTRS);
    onnx_op(&m, "Reshape", "r2", "b,flat", "c", NO_ATTRS);
    onnx_op(&m, "Cast", "c2", "c", "d", ATTRS(A_INT("to", DT_F64)));
    onnx_op(&m, "Flatten", "f", "d", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply(&s, pass_drop_same);
    ck_assert_uint_eq(s.g->n_nodes, 2);
    ck_assert_uint_eq(graph_count(s.g, "Reshape"), 1);
    ck_assert_uint_eq(graph_count(s.g, "Cast"), 1);
    ck_assert_str_eq(s.g->values[s.g->outputs[0]].name, "y");
    subject_fini(&s);
}
END_TEST

START_TEST(a_join_of_one_and_a_pad_of_nothing_go)
{
    const int64_t none[] = {0, 0, 0, 0, 0, 0}, some[] = {0, 0, 0, 0, 0, 1};
    struct onnx_build m = {0};
    struct subject s;
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4, 4));
    onnx_init_i64(&m, "none", DIMS(6), none);
    onnx_init_i64(&m, "some", DIMS(6), some);
    onnx_op(&m, "Concat", "c", "x", "a", ATTRS(A_INT("axis", 1)));
    onnx_op(&m, "Pad", "p1", "a,none", "b", NO_ATTRS);
    onnx_op(&m, "Transpose", "t1", "b", "c", ATTRS(A_INTS("perm", 0, 1, 2)));
    onnx_op(&m, "Pad", "p2", "c,some", "d", NO_ATTRS);
    onnx_op(&m, "Transpose", "t2", "d", "y", ATTRS(A_INTS("perm", 0, 2, 1)));
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply(&s, pass_drop_identity);
    ck_assert_uint_eq(s.g->n_nodes, 2);
    subject_fini(&s);
}
END_TEST

/* Three Concats, each of what the one before it joins and one more; the last along `axis`. */
static void growing(struct onnx_build *m, int64_t axis)
{
    onnx_opset(m, "", 13);
    onnx_input(m, "x", DT_F32, DIMS(-1, 4, 4));
    onnx_op(m, "Relu", "r1", "x", "a", NO_ATTRS);
    onnx_op(m, "Neg", "r2", "x", "b", NO_ATTRS);
    onnx_op(m, "Concat", "c1", "x,a", "j", ATTRS(A_INT("axis", 1)));
    onnx_op(m, "Concat", "c2", "x,a,b", "k", ATTRS(A_INT("axis", 1)));
    onnx_op(m, "Concat", "c3", "x,a,b,a,b", "l", ATTRS(A_INT("axis", axis)));
    onnx_op(m, "Abs", "s1", "j", "y", NO_ATTRS);
    onnx_op(m, "Abs", "s2", "k", "z", NO_ATTRS);
    onnx_op(m, "Abs", "s3", "l", "w", NO_ATTRS);
    onnx_output(m, "y");
    onnx_output(m, "z");
    onnx_output(m, "w");
}

START_TEST(a_concat_grows_the_one_that_it_begins_with)
{
    struct onnx_build m = {0};
    struct subject s;
    growing(&m, 1);
    subject_init(&s, &m);
    apply(&s, pass_share);
    ck_assert_uint_eq(s.g->nodes[2].n_in, 2);
    for (uint32_t i = 3; i < 5; i++) {
        const struct node *n = &s.g->nodes[i];
        ck_assert_uint_eq(n->n_in, i - 1);
        ck_assert_int_eq(n->in[0], s.g->nodes[i - 1].out[0]);
        ck_assert_int_eq(n->in[1], s.g->nodes[1 - (i - 3)].out[0]);
    }
    ck_assert_int_eq(s.g->nodes[4].in[2], s.g->nodes[1].out[0]);
    subject_fini(&s);
}
END_TEST

START_TEST(a_concat_along_another_axis_does_not_grow)
{
    struct onnx_build m = {0};
    struct subject s;
    growing(&m, 2);
    subject_init(&s, &m);
    apply(&s, pass_share);
    ck_assert_uint_eq(s.g->nodes[3].n_in, 2);
    ck_assert_uint_eq(s.g->nodes[4].n_in, 5);
    subject_fini(&s);
}
END_TEST

/* ---- the order ---- */

START_TEST(passes_run_until_nothing_changes_and_the_log_says_what_they_did)
{
    struct onnx_build m = {0};
    struct subject s;
    struct pass_log log;
    struct err err;
    twins(&m, false);
    onnx_op(&m, "Mul", "y1", "c,d", "h", NO_ATTRS);
    onnx_op(&m, "Identity", "i", "h", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    ck_ok(passes_run(s.g, 0, &log, &err), &err);
    ck_assert_uint_eq(log.n, 2 * PASS_LATE + (PASS_COUNT - PASS_LATE));
    ck_assert_uint_eq(log.steps[0].before, 6);
    for (uint32_t i = 0; i < log.n; i++) {
        bool late = i >= 2 * PASS_LATE; /* once, when nothing changes any more */
        ck_assert_uint_eq(log.steps[i].pass, late ? i - PASS_LATE : i % PASS_LATE);
        ck_assert_uint_eq(log.steps[i].round, late ? 3 : i / PASS_LATE + 1);
        ck_assert(i == 0 || log.steps[i].before == log.steps[i - 1].after);
        ck_assert(i < PASS_LATE || !log.steps[i].changed);
    }
    ck_assert(log.steps[PASS_share].changed && log.steps[PASS_drop_identity].changed);
    ck_assert(!log.steps[PASS_fold_batch_norm].changed);
    ck_assert_uint_eq(log.steps[log.n - 1].after, s.g->n_nodes);
    subject_fini(&s);
}
END_TEST

START_TEST(a_pass_can_be_left_out_by_name)
{
    struct onnx_build m = {0};
    struct subject s;
    uint64_t off;
    struct err err;
    twins(&m, false);
    onnx_op(&m, "Mul", "y1", "c,d", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply_all(&s, "all");
    ck_assert_uint_eq(s.g->n_nodes, 5);
    apply_all(&s, "share,fuse_conv");
    ck_assert_uint_eq(graph_count(s.g, "Add"), 2);
    apply_all(&s, "");
    ck_assert_uint_eq(graph_count(s.g, "Add"), 1);
    subject_fini(&s);
    ck_ok(passes_named("all", &off, &err), &err);
    ck_assert_uint_eq(off, UINT64_MAX);
    ck_assert_int_eq(passes_named("share,no_such", &off, &err), E_USAGE);
    ck_assert(strstr(err.msg, "no_such"));
}
END_TEST

Suite *suite_pass_share(void)
{
    return SUITE("pass_share", equal_nodes_and_constants_become_one,
                 nodes_that_differ_in_an_attribute_stay, an_output_keeps_its_own_node_and_name,
                 constants_of_equal_bytes_but_another_shape_stay,
                 what_keeps_dtype_and_shape_goes_and_what_changes_them_stays,
                 a_join_of_one_and_a_pad_of_nothing_go, a_concat_grows_the_one_that_it_begins_with,
                 a_concat_along_another_axis_does_not_grow,
                 passes_run_until_nothing_changes_and_the_log_says_what_they_did,
                 a_pass_can_be_left_out_by_name);
}
