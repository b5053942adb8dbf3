/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* block_layout: which nodes work on blocks, which stay, where values change their layout, and which
 * form each convolution takes. */
#include <stdio.h>
#include <string.h>

#include "kernels/blocked.h"
#include "pass_case.h"

static void begin(struct onnx_build *m, int64_t channels, int64_t size)
{
    *m = (struct onnx_build){0};
    onnx_opset(m, "", 13);
    onnx_input(m, "x", DT_F32, DIMS(-1, channels, size, size));
}

/* A convolution of `kernel` x `kernel` that keeps the size. */
static void conv(struct onnx_build *m, const char *in, const char *out, int64_t from, int64_t to,
                 int64_t kernel)
{
    static char w[8];
    static uint32_t number;
    snprintf(w, sizeof(w), "w%u", number++ % 1000);
    random_init(m, w, DIMS(to, from, kernel, kernel), number);
    char ins[32];
    snprintf(ins, sizeof(ins), "%s,%s", in, w);
    int64_t pad = kernel / 2;
    onnx_op(m, "Conv", out, ins, out, ATTRS(A_INTS("pads", pad, pad, pad, pad)));
}

/* Ends the model, runs the pass for a mode; `op` is there `times`. */
static void expect(struct onnx_build *m, enum optimize mode, const char *op, uint32_t times)
{
    struct subject s;
    onnx_output(m, "y");
    subject_init(&s, m);
    s.g->optimize = mode;
    apply_within(&s, pass_block_layout, 1e-4, 1e-4);
    ck_assert_uint_eq(graph_count(s.g, op), times);
    subject_fini(&s);
}

static uint32_t forms(const struct graph *g, enum block_form form)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (strcmp(g->nodes[i].op->name, "BlockConv") == 0)
            for (uint32_t k = 0; k < g->nodes[i].n_attrs; k++)
                n += g->nodes[i].attrs[k].key == ATTR_block_form &&
                     g->nodes[i].attrs[k].i == (int64_t)form;
    return n;
}

START_TEST(a_chain_is_packed_once_and_unpacked_once)
{
    struct subject s;
    struct onnx_build m;
    begin(&m, 20, 8);
    conv(&m, "x", "a", 20, 24, 3);
    onnx_op(&m, "Relu", "r", "a", "b", NO_ATTRS);
    onnx_op(&m, "MaxPool", "p", "b", "c", ATTRS(A_INTS("kernel_shape", 2, 2)));
    conv(&m, "c", "d", 24, 17, 1);
    onnx_op(&m, "Add", "s", "d,d", "e", NO_ATTRS);
    onnx_op(&m, "GlobalAveragePool", "g", "e", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply_within(&s, pass_block_layout, 1e-4, 1e-4);
    ck_assert_uint_eq(graph_count(s.g, "BlockPack"), 1);
    ck_assert_uint_eq(graph_count(s.g, "BlockUnpack"), 1);
    ck_assert_uint_eq(graph_count(s.g, "BlockConv"), 2);
    ck_assert_uint_eq(graph_count(s.g, "BlockMaxPool"), 1);
    ck_assert_uint_eq(graph_count(s.g, "BlockAveragePool"), 1);
    ck_assert_uint_eq(s.g->n_nodes, 8);
    subject_fini(&s);
}
END_TEST

START_TEST(few_channels_of_the_input_are_read_as_they_are)
{
    struct subject s;
    struct onnx_build m;
    begin(&m, 3, 9);
    conv(&m, "x", "y", 3, 16, 3);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply_within(&s, pass_block_layout, 1e-4, 1e-4);
    ck_assert_uint_eq(graph_count(s.g, "BlockPack"), 0);
    ck_assert_uint_eq(forms(s.g, BLOCK_PLAIN), 1);
    subject_fini(&s);
}
END_TEST

START_TEST(concat_stays_in_blocks_where_all_but_the_last_are_whole)
{
    for (int whole = 0; whole < 2; whole++) {
        struct onnx_build m;
        int64_t first = whole ? 32 : 24;
        begin(&m, 16, 6);
        conv(&m, "x", "a", 16, first, 1);
        conv(&m, "x", "b", 16, 20, 1);
        onnx_op(&m, "Concat", "c", "a,b", "d", ATTRS(A_INT("axis", 1)));
        conv(&m, "d", "y", first + 20, 16, 1);
        expect(&m, OPTIMIZE_MEMORY, "BlockUnpack", whole ? 1 : 3);
    }
}
END_TEST

START_TEST(one_number_per_channel_broadcasts_in_blocks)
{
    struct onnx_build m;
    begin(&m, 20, 6);
    conv(&m, "x", "a", 20, 24, 1);
    onnx_op(&m, "GlobalAveragePool", "g", "a", "b", NO_ATTRS);
    conv(&m, "b", "c", 24, 24, 1);
    onnx_op(&m, "Sigmoid", "s", "c", "d", NO_ATTRS);
    onnx_op(&m, "Mul", "m", "a,d", "e", NO_ATTRS);
    conv(&m, "e", "y", 24, 20, 3);
    expect(&m, OPTIMIZE_MEMORY, "BlockUnpack", 1);
}
END_TEST

START_TEST(groups_are_depthwise_whole_blocks_or_left_alone)
{
    static const struct {
        int64_t channels, group;
        uint32_t convs;
    } cases[] = {{24, 24, 1}, {64, 2, 1}, {32, 4, 0}};
    struct subject s;
    struct onnx_build m;
    begin(&m, cases[_i].channels, 7);
    random_init(&m, "w", DIMS(cases[_i].channels, cases[_i].channels / cases[_i].group, 3, 3), 1);
    onnx_op(&m, "Conv", "c", "x,w", "y",
            ATTRS(A_INT("group", cases[_i].group), A_INTS("pads", 1, 1, 1, 1)));
    onnx_output(&m, "y");
    subject_init(&s, &m);
    apply_within(&s, pass_block_layout, 1e-4, 1e-4);
    ck_assert_uint_eq(graph_count(s.g, "BlockConv"), cases[_i].convs);
    ck_assert_uint_eq(graph_count(s.g, "Conv"), 1 - cases[_i].convs);
    subject_fini(&s);
}
END_TEST

START_TEST(what_blocks_cannot_hold_is_unpacked_before)
{
    struct onnx_build m;
    begin(&m, 16, 6);
    conv(&m, "x", "a", 16, 16, 3);
    onnx_op(&m, "Softmax", "s", "a", "b", ATTRS(A_INT("axis", 1)));
    conv(&m, "b", "y", 16, 16, 1);
    expect(&m, OPTIMIZE_MEMORY, "BlockUnpack", 2);
}
END_TEST

/* The speed of Winograd against its bytes: speed takes it, memory does not, balanced where the
 * bytes stay within a quarter of the model's. */
START_TEST(the_mode_decides_on_winograd)
{
    static const struct {
        enum optimize mode;
        bool big; /* the model has other weights beside */
        uint32_t winograd;
    } cases[] = {{OPTIMIZE_SPEED, false, 1},
                 {OPTIMIZE_MEMORY, false, 0},
                 {OPTIMIZE_BALANCED, false, 0},
                 {OPTIMIZE_BALANCED, true, 1}};
    struct subject s;
    struct onnx_build m;
    begin(&m, 32, 24);
    conv(&m, "x", "a", 32, 32, 3);
    if (cases[_i].big)
        conv(&m, "a", "y", 32, 256, 5);
    else
        onnx_op(&m, "Relu", "r", "a", "y", NO_ATTRS);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    s.g->optimize = cases[_i].mode;
    apply_within(&s, pass_block_layout, 1e-4, 1e-3);
    ck_assert_uint_eq(forms(s.g, BLOCK_WINOGRAD), cases[_i].winograd);
    subject_fini(&s);
}
END_TEST

Suite *suite_block_layout(void)
{
    Suite *s = suite_create("block_layout");
    TCase *t = tcase_create("layout");
    tcase_add_test(t, a_chain_is_packed_once_and_unpacked_once);
    tcase_add_test(t, few_channels_of_the_input_are_read_as_they_are);
    tcase_add_test(t, concat_stays_in_blocks_where_all_but_the_last_are_whole);
    tcase_add_test(t, one_number_per_channel_broadcasts_in_blocks);
    tcase_add_loop_test(t, groups_are_depthwise_whole_blocks_or_left_alone, 0, 3);
    tcase_add_test(t, what_blocks_cannot_hold_is_unpacked_before);
    tcase_add_loop_test(t, the_mode_decides_on_winograd, 0, 4);
    suite_add_tcase(s, t);
    return s;
}
