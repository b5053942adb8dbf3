/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* From bytes to a running program: what the signature says of dims, what the provenance says, and
 * that the program answers as the graph does. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "compiler/compiler.h"
#include "compiler/graph.h"
#include "pass_case.h"
#include "runtime/session.h"

static struct program *compile(struct onnx_build *m, struct buf *file)
{
    struct buf artifact = {0};
    struct program *p;
    struct err err = {OK, ""};
    onnx_finish(m, file);
    ck_ok(compile_bytes(file->data, file->len, NULL, &artifact, &err), &err);
    ck_ok(program_open_bytes(artifact.data, artifact.len, &p, &err), &err);
    buf_fini(&artifact);
    return p;
}

/* A model whose dims follow the batch in one way each: equal, doubled, constant, up to a bound. */
static void dims_of_all_kinds(struct onnx_build *m)
{
    onnx_opset(m, "", 13);
    onnx_input(m, "x", DT_F32, DIMS(-1, 4));
    onnx_op(m, "Relu", "equal", "x", "equal", NO_ATTRS);
    onnx_op(m, "Concat", "doubled", "x,x", "doubled", ATTRS(A_INT("axis", 0)));
    onnx_op(m, "ReduceSum", "constant", "x", "constant", ATTRS(A_INT("keepdims", 0)));
    onnx_init_i64(m, "start", DIMS(1), (int64_t[]){0});
    onnx_init_i64(m, "stop", DIMS(1), (int64_t[]){50});
    onnx_op(m, "Slice", "bounded", "x,start,stop,start", "bounded", NO_ATTRS);
    onnx_init_i64(m, "far", DIMS(1), (int64_t[]){1000});
    onnx_op(m, "Slice", "far", "x,start,far,start", "bounded_far", NO_ATTRS);
    onnx_output(m, "equal");
    onnx_output(m, "doubled");
    onnx_output(m, "constant");
    onnx_output(m, "bounded");
    onnx_output(m, "bounded_far");
}

START_TEST(output_dims_are_symbols_constants_or_free_as_they_behave)
{
    struct onnx_build m = {0};
    struct buf file = {0};
    dims_of_all_kinds(&m);
    struct program *p = compile(&m, &file);
    const struct signature *sig = program_signature(p);
    ck_assert_int_eq(sig->n_inputs, 1);
    ck_assert_int_eq(sig->n_outputs, 5);
    ck_assert_str_eq(sig->symbols[0], "N");
    ck_assert_int_eq(sig->inputs[0].dims[0], DIM_SYMBOL_0);
    ck_assert_int_eq(sig->outputs[0].dims[0], DIM_SYMBOL_0);
    ck_assert_int_eq(sig->outputs[0].dims[1], 4);
    ck_assert_int_eq(sig->outputs[1].dims[0], DIM_FREE);
    ck_assert_int_eq(sig->outputs[2].rank, 0);
    ck_assert_int_eq(sig->outputs[3].dims[0], DIM_FREE);
    ck_assert_int_eq(sig->outputs[4].dims[0], DIM_FREE);
    program_free(&p);
    buf_fini(&file);
}
END_TEST

START_TEST(provenance_names_the_source_and_holds_no_time_and_no_path)
{
    struct onnx_build m = {0};
    struct buf file = {0};
    dims_of_all_kinds(&m);
    struct program *p = compile(&m, &file);
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX], expected[512];
    ck_assert_int_eq(sha256_once(file.data, file.len, digest), OK);
    sha256_hex(digest, hex);
    snprintf(expected, sizeof(expected),
             "{\"source\":{\"format\":\"onnx\",\"bytes\":%zu,\"sha256\":\"%s\"},\"producer\":"
             "\"by-hand\",\"opsets\":{\"ai.onnx\":13},\"compiler\":\"roost %s\"}",
             file.len, hex, ROOST_VERSION);
    ck_assert_str_eq(program_provenance(p), expected);
    program_free(&p);
    buf_fini(&file);
}
END_TEST

/* Runs the artifact and the graph as it was read on the same numbers. */
static void compare_with_graph(const struct program *p, const struct buf *file, int64_t batch)
{
    struct tensor in[8], got[8], want[8];
    struct graph *g;
    struct arena arena;
    struct session *s;
    struct run_limits limits = {0};
    struct err err = {OK, ""};
    ck_assert_int_eq(graph_new(&g), OK);
    ck_ok(onnx_read(file->data, file->len, g, &err), &err);
    graph_inputs(g, batch, 3, in);
    ck_ok(graph_run(g, in, want, &err), &err);
    arena_init(&arena, 1 << 24, NULL);
    ck_assert_int_eq(session_new(&arena, &s), OK);
    ck_ok(session_run(s, p, in, got, &limits, &err), &err);
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        ck_assert(shape_same(&got[i], &want[i]));
        for (int64_t k = 0; k < tensor_count(&got[i]); k++)
            ck_assert_double_eq_tol(tensor_get_f64(&got[i], k), tensor_get_f64(&want[i], k),
                                    1e-5 * MAX(1, fabs(tensor_get_f64(&want[i], k))));
    }
    session_free(&s);
    arena_fini(&arena);
    tensors_free(in, g->n_inputs);
    tensors_free(want, g->n_outputs);
    graph_free(&g);
}

START_TEST(the_program_answers_as_the_graph_at_every_batch)
{
    struct onnx_build m = {0};
    struct buf file = {0};
    dims_of_all_kinds(&m);
    struct program *p = compile(&m, &file);
    static const int64_t batches[] = {1, 2, 49, 50, 51, 1001};
    for (size_t i = 0; i < ARRAY_COUNT(batches); i++)
        compare_with_graph(p, &file, batches[i]);
    program_free(&p);
    buf_fini(&file);
}
END_TEST

/* A team that hands out one item at a time, the last one first. */
static void share_backwards(void *calls, void (*part)(void *arg, int64_t from, int64_t to),
                            void *arg, int64_t items)
{
    ++*(int *)calls;
    for (int64_t i = items; i-- > 0;)
        part(arg, i, i + 1);
}

/* A convolution in Winograd's form, a pool, another convolution, a product and attention, each work
 * enough to be shared. */
START_TEST(a_run_in_parts_gives_the_same_bits)
{
    struct onnx_build m = {0};
    struct buf file = {0}, artifact = {0};
    struct tensor in[1], out[1];
    struct run_limits limits = {0};
    struct program *p;
    struct arena arena;
    struct session *s;
    struct err err;
    int calls = 0;
    const struct op_team team = {share_backwards, &calls};
    const struct compile_options o = {.optimize = OPTIMIZE_SPEED};
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(1, 64, 40, 40));
    random_init(&m, "v", DIMS(64, 64, 3, 3), 1);
    random_init(&m, "w", DIMS(64, 64, 5, 5), 2);
    onnx_op(&m, "Conv", "a", "x,v", "h", ATTRS(A_INTS("pads", 1, 1, 1, 1)));
    random_init(&m, "k", DIMS(36, 128), 4);
    onnx_op(&m, "MaxPool", "i", "h", "j",
            ATTRS(A_INTS("kernel_shape", 5, 5), A_INTS("pads", 2, 2, 2, 2)));
    onnx_op(&m, "Conv", "b", "j,w", "g", NO_ATTRS);
    onnx_op(&m, "MatMul", "c", "g,k", "q", NO_ATTRS);
    onnx_op(&m, "Transpose", "d", "q", "t", ATTRS(A_INTS("perm", 0, 1, 3, 2)));
    onnx_op(&m, "MatMul", "e", "q,t", "s", NO_ATTRS);
    onnx_op(&m, "Softmax", "f", "s", "p", NO_ATTRS);
    onnx_op(&m, "MatMul", "h", "p,q", "y", NO_ATTRS);
    onnx_output(&m, "y");
    onnx_finish(&m, &file);
    ck_ok(compile_bytes(file.data, file.len, &o, &artifact, &err), &err);
    ck_ok(program_open_bytes(artifact.data, artifact.len, &p, &err), &err);
    arena_init(&arena, 1 << 26, NULL);
    ck_assert_int_eq(session_new(&arena, &s), OK);
    float *x = alloc_new(64 * 1600 * sizeof(*x));
    test_fill(x, 64 * 1600, 3);
    in[0] = (struct tensor){.dtype = DT_F32, .rank = 4, .dims = {1, 64, 40, 40}, .data = x};
    ck_ok(session_run(s, p, in, out, &limits, &err), &err);
    size_t bytes = (size_t)tensor_count(&out[0]) * sizeof(float);
    void *alone = memcpy(alloc_new(bytes), out[0].data, bytes);
    session_set_team(s, &team);
    ck_ok(session_run(s, p, in, out, &limits, &err), &err);
    ck_assert_int_eq(calls, 3 * 2 + 4); /* two units of Winograd's, then one call each */
    ck_assert_mem_eq(alone, out[0].data, bytes);
    alloc_free(alone);
    alloc_free(x);
    session_free(&s);
    arena_fini(&arena);
    program_free(&p);
    buf_fini(&artifact);
    buf_fini(&file);
}
END_TEST

START_TEST(constants_and_inputs_can_be_outputs)
{
    static const float k[2] = {1, 2};
    struct onnx_build m = {0};
    struct buf file = {0};
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 2));
    onnx_input(&m, "unused", DT_F32, DIMS(3));
    onnx_init_f32(&m, "k", DIMS(2), k);
    onnx_op(&m, "Add", "sum", "k,k", "c", NO_ATTRS);
    onnx_op(&m, "Identity", "id", "x", "y", NO_ATTRS);
    onnx_output(&m, "c");
    onnx_output(&m, "x");
    onnx_output(&m, "y");
    struct program *p = compile(&m, &file);
    ck_assert_int_eq(program_signature(p)->n_inputs, 2);
    compare_with_graph(p, &file, 5);
    program_free(&p);
    buf_fini(&file);
}
END_TEST

START_TEST(two_names_for_one_batch_compile)
{
    struct onnx_build m = {0};
    struct buf file = {0};
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 2));
    onnx_input(&m, "z", DT_F32, DIMS(0, 2)); /* another symbol, without a name */
    onnx_op(&m, "Relu", "r", "z", "u", NO_ATTRS);
    onnx_op(&m, "Concat", "c", "x,u", "y", ATTRS(A_INT("axis", 1)));
    onnx_output(&m, "y");
    struct program *p = compile(&m, &file);
    compare_with_graph(p, &file, 5);
    program_free(&p);
    buf_fini(&file);
}
END_TEST

START_TEST(a_model_that_needs_large_images_compiles)
{
    static float w[3 * 64 * 64];
    struct onnx_build m = {0};
    struct buf file = {0};
    test_fill(w, ARRAY_COUNT(w), 1);
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(1, 3, 0, 0));
    onnx_init_f32(&m, "w", DIMS(1, 3, 64, 64), w);
    onnx_op(&m, "Conv", "c", "x,w", "h", ATTRS(A_INTS("strides", 32, 32)));
    onnx_op(&m, "Relu", "r", "h", "y", NO_ATTRS);
    onnx_output(&m, "y");
    struct program *p = compile(&m, &file);
    ck_assert_int_eq(program_signature(p)->outputs[0].dims[2], DIM_FREE);
    compare_with_graph(p, &file, 100);
    program_free(&p);
    buf_fini(&file);
}
END_TEST

Suite *suite_compile(void)
{
    return SUITE("compile", output_dims_are_symbols_constants_or_free_as_they_behave,
                 provenance_names_the_source_and_holds_no_time_and_no_path,
                 the_program_answers_as_the_graph_at_every_batch,
                 constants_and_inputs_can_be_outputs, a_run_in_parts_gives_the_same_bits,
                 two_names_for_one_batch_compile, a_model_that_needs_large_images_compiles);
}
