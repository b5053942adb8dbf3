/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Values that decide shapes: computed while planning when shapes and constants alone decide them,
 * checked at run time when the request does. */
#include <string.h>

#include "runtime/plan_priv.h"
#include "runtime/session.h"
#include "support/model.h"
#include "support/support.h"

static struct model m;
static struct arena arena;
static struct session *session;
static struct program *program;

static void begin(void)
{
    program = model_program(&m);
    arena_init(&arena, 1 << 24, NULL);
    ck_assert_int_eq(session_new(&arena, &session), OK);
}

static void end(void)
{
    session_free(&session);
    arena_fini(&arena);
    program_free(&program);
}

static struct attr attr_i(enum attr_key key, int64_t i)
{
    return (struct attr){.key = key, .type = ATTR_INT, .count = 1, .i = i};
}

static struct tensor view(enum dtype t, int rank, const int64_t *dims, const void *data)
{
    struct tensor x = {0};
    tensor_set_shape(&x, t, rank, dims);
    x.data = (void *)(uintptr_t)data;
    return x;
}

/* y = Reshape(x, Concat(Unsqueeze(Gather(Shape(x), 0)), [-1])), as torch writes x.view(n, -1). */
static void shape_chain(void)
{
    static const int64_t zero[] = {0}, rest[] = {-1};
    model_init(&m);
    int32_t x = model_input(&m, "x", DT_F32, 3, (int64_t[]){DIM_SYMBOL_0, 2, DIM_SYMBOL_0 - 1});
    int32_t c0 = model_const(&m, DT_I64, 0, NULL, zero);
    int32_t axes = model_const(&m, DT_I64, 1, (int64_t[]){1}, zero);
    int32_t last = model_const(&m, DT_I64, 1, (int64_t[]){1}, rest);
    int32_t v = model_node(&m, "Relu", 14, x, -1, -1);
    int32_t s = model_node(&m, "Shape", 13, v, -1, -1);
    s = model_node(&m, "Gather", 13, s, c0, -1);
    s = model_node(&m, "Unsqueeze", 13, s, axes, -1);
    s = model_node(&m, "Concat", 13, s, last, -1);
    model_attr(&m, attr_i(ATTR_axis, 0));
    v = model_node(&m, "Reshape", 13, v, s, -1);
    model_output(&m, "y", v, DT_F32, 2, (int64_t[]){DIM_SYMBOL_0, DIM_FREE});
}

START_TEST(a_chain_of_shapes_is_known_before_the_run)
{
    static const int64_t shapes[][2] = {{1, 1}, {3, 5}, {2, 7}, {3, 5}};
    float x[64] = {0};
    struct err err;
    struct tensor out;
    for (int i = 0; i < 64; i++)
        x[i] = (float)(i - 20);
    shape_chain();
    begin();
    for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
        const int64_t n = shapes[i][0], k = shapes[i][1];
        struct tensor in = view(DT_F32, 3, (int64_t[]){n, 2, k}, x);
        ck_ok(session_run(session, program, &in, &out, NULL, &err), &err);
        ck_assert_int_eq(out.rank, 2);
        ck_assert_int_eq(out.dims[0], n);
        ck_assert_int_eq(out.dims[1], 2 * k);
        for (int64_t e = 0; e < 2 * n * k; e++)
            ck_assert_float_eq(((float *)out.data)[e], x[e] > 0 ? x[e] : 0);
    }
    end();
}
END_TEST

START_TEST(what_planning_computed_does_not_run_again)
{
    struct plan pl;
    struct err err;
    const struct tensor in = {DT_F32, 3, {2, 2, 3}, NULL};
    const int64_t symbols[ARTIFACT_SYMBOLS_MAX] = {2, 3};
    const struct plan_shapes shapes = {&in, symbols, NULL};
    static _Alignas(PLAN_ALIGN) uint8_t book[1 << 16];
    shape_chain();
    begin();
    ck_assert_uint_le(plan_book_bytes(program), sizeof(book));
    ck_ok(plan_make(&pl, program, &shapes, book, &err), &err);
    ck_assert_uint_eq(pl.n_steps, 1); /* Relu; Reshape is a view */
    ck_assert_uint_eq(pl.values_bytes, 64);
    end();
}
END_TEST

/* y = Gather(table[4][2], i[N]) */
static void lookup(void)
{
    static const float table[] = {0, 1, 10, 11, 20, 21, 30, 31};
    model_init(&m);
    int32_t i = model_input(&m, "i", DT_I64, 1, (int64_t[]){DIM_SYMBOL_0});
    int32_t t = model_const(&m, DT_F32, 2, (int64_t[]){4, 2}, table);
    model_output(&m, "y", model_node(&m, "Gather", 13, t, i, -1), DT_F32, 2,
                 (int64_t[]){DIM_SYMBOL_0, 2});
}

START_TEST(an_index_from_the_request_beyond_its_extent_is_refused)
{
    static const int64_t good[] = {3, 0, -4, -1};
    static const int64_t bad[] = {4, -5, INT64_MAX, INT64_MIN, (int64_t)1 << 61};
    struct err err;
    struct tensor out;
    lookup();
    begin();
    struct tensor in = view(DT_I64, 1, (int64_t[]){4}, good);
    ck_ok(session_run(session, program, &in, &out, NULL, &err), &err);
    ck_assert_float_eq(((float *)out.data)[0], 30);
    ck_assert_float_eq(((float *)out.data)[4], 0);
    ck_assert_float_eq(((float *)out.data)[7], 31);
    for (size_t k = 0; k < ARRAY_COUNT(bad); k++) {
        const int64_t two[2] = {1, bad[k]};
        in = view(DT_I64, 1, (int64_t[]){2}, two);
        ck_assert_int_eq(session_run(session, program, &in, &out, NULL, &err), E_BAD_INPUT);
        ck_assert_msg(strstr(err.msg, "node \"Gather\""), "%s", err.msg);
    }
    in = view(DT_I64, 1, (int64_t[]){4}, good);
    ck_ok(session_run(session, program, &in, &out, NULL, &err), &err);
    end();
}
END_TEST

START_TEST(a_view_with_a_second_result_runs)
{
    const float x[3] = {1, -2, 3};
    struct err err;
    struct tensor out[2], in = view(DT_F32, 1, (int64_t[]){3}, x);
    model_init(&m);
    int32_t v = model_input(&m, "x", DT_F32, 1, (int64_t[]){3});
    v = model_node(&m, "Relu", 14, v, -1, -1);
    v = model_node(&m, "Dropout", 13, v, -1, -1);
    int32_t mask = (int32_t)m.src.n_tensors++;
    m.tensors[mask] = (struct artifact_tensor){.name = "mask", .class = CLASS_VALUE};
    m.operands[1][1][1] = mask;
    m.nodes[1].n_out = 2;
    model_output(&m, "y", v, DT_F32, 1, (int64_t[]){3});
    model_output(&m, "mask", mask, DT_BOOL, 1, (int64_t[]){3});
    begin();
    ck_ok(session_run(session, program, &in, out, NULL, &err), &err);
    ck_assert_mem_eq(out[0].data, ((const float[]){1, 0, 3}), sizeof(x));
    ck_assert_mem_eq(out[1].data, "\1\1\1", 3);
    end();
}
END_TEST

/* An image of one pixel is too small for this kernel: the model declares no cost and still runs. */
START_TEST(a_model_that_no_smallest_shape_fits_has_no_cost_but_runs)
{
    static const float w[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    float x[25] = {0};
    struct err err;
    struct tensor out, in = view(DT_F32, 4, (int64_t[]){1, 1, 5, 5}, x);
    for (int i = 0; i < 25; i++)
        x[i] = 1;
    model_init(&m);
    int32_t v = model_input(&m, "x", DT_F32, 4, (int64_t[]){1, 1, DIM_FREE, DIM_FREE});
    int32_t c = model_const(&m, DT_F32, 4, (int64_t[]){1, 1, 3, 3}, w);
    v = model_node(&m, "Conv", 11, v, c, -1);
    model_output(&m, "y", v, DT_F32, 4, (int64_t[]){1, 1, DIM_FREE, DIM_FREE});
    begin();
    ck_assert_uint_eq(program_page0(program)->cost.arena_fixed, 0);
    ck_ok(session_run(session, program, &in, &out, NULL, &err), &err);
    ck_assert_int_eq(out.dims[2], 3);
    ck_assert_float_eq(((float *)out.data)[0], 9);
    in = view(DT_F32, 4, (int64_t[]){1, 1, 2, 2}, x);
    ck_assert_int_eq(session_run(session, program, &in, &out, NULL, &err), E_BAD_INPUT);
    end();
}
END_TEST

Suite *suite_shapes(void)
{
    return SUITE("shapes", a_chain_of_shapes_is_known_before_the_run,
                 what_planning_computed_does_not_run_again,
                 an_index_from_the_request_beyond_its_extent_is_refused,
                 a_view_with_a_second_result_runs,
                 a_model_that_no_smallest_shape_fits_has_no_cost_but_runs);
}
