/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Runs through the public doors of program and session. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "support/model.h"
#include "support/support.h"

#define ARENA_MAX ((uint64_t)1 << 28)

static struct model m; /* large: kept off the stack */
static struct arena arena;
static struct session *session;

static void setup(void)
{
    arena_init(&arena, ARENA_MAX, NULL);
    ck_assert_int_eq(session_new(&arena, &session), OK);
}

static void teardown(struct program *p)
{
    session_free(&session);
    arena_fini(&arena);
    program_free(&p);
}

static struct tensor f32(int rank, const int64_t *dims, const float *data)
{
    struct tensor t = {0};
    tensor_set_shape(&t, DT_F32, rank, dims);
    t.data = (void *)(uintptr_t)data;
    return t;
}

/* The same network in plain loops, from the model's own constants. */
static void mlp_by_hand(const float *x, float *y)
{
    const float *w1 = m.tensors[1].t.data, *b1 = m.tensors[2].t.data, *w2 = m.tensors[3].t.data,
                *b2 = m.tensors[4].t.data;
    float h[16], sum = 0;
    for (int j = 0; j < 16; j++) {
        h[j] = b1[j];
        for (int k = 0; k < 4; k++)
            h[j] += x[k] * w1[k * 16 + j];
        h[j] = fmaxf(h[j], 0);
    }
    for (int j = 0; j < 3; j++) {
        y[j] = b2[j];
        for (int k = 0; k < 16; k++)
            y[j] += h[k] * w2[k * 3 + j];
        y[j] = expf(y[j]);
        sum += y[j];
    }
    for (int j = 0; j < 3; j++)
        y[j] /= sum;
}

START_TEST(an_mlp_runs_at_any_batch)
{
    static const int64_t batches[] = {1, 4, 1, 7, 64, 2};
    struct err err;
    float x[64 * 4], want[3];
    uint64_t seed = 7;
    model_mlp(&m, 1);
    struct program *p = model_program(&m);
    setup();
    for (size_t i = 0; i < ARRAY_COUNT(batches); i++) {
        for (int k = 0; k < 64 * 4; k++)
            x[k] = draw_f32(&seed);
        struct tensor in = f32(2, (int64_t[]){batches[i], 4}, x), out;
        ck_ok(session_run(session, p, &in, &out, NULL, &err), &err);
        ck_assert_int_eq(out.rank, 2);
        ck_assert_int_eq(out.dims[0], batches[i]);
        for (int64_t row = 0; row < batches[i]; row++) {
            mlp_by_hand(x + 4 * row, want);
            for (int k = 0; k < 3; k++)
                ck_assert_float_eq_tol(((float *)out.data)[3 * row + k], want[k], 1e-5f);
        }
    }
    teardown(p);
}
END_TEST

START_TEST(a_plan_that_fits_is_used_again_without_allocating)
{
    struct err err;
    float x[4 * 4] = {1, 2, 3, 4};
    model_mlp(&m, 1);
    struct program *p = model_program(&m);
    setup();
    struct tensor small = f32(2, (int64_t[]){1, 4}, x), large = f32(2, (int64_t[]){4, 4}, x), out;
    ck_ok(session_run(session, p, &large, &out, NULL, &err), &err);
    const uint64_t bytes = session_arena_bytes(session);
    ck_assert_uint_gt(bytes, 0);
    const uint64_t bytes_were = arena.region.bytes;
    ck_assert_uint_le(bytes, arena_bytes(&arena) + arena.lent);
    alloc_fail_at(1);
    enum status again = session_run(session, p, &large, &out, NULL, &err);
    uint64_t calls = alloc_calls();
    alloc_fail_at(0);
    ck_ok(again, &err);
    ck_ok(session_run(session, p, &small, &out, NULL, &err), &err);
    ck_assert_uint_eq(bytes_were, arena.region.bytes);
    ck_assert_uint_eq(calls, 0);
    teardown(p);
}
END_TEST

START_TEST(two_programs_take_turns_in_one_session)
{
    struct err err;
    float x[4] = {1, 2, 3, 4}, want[3];
    model_mlp(&m, 1);
    struct program *a = model_program(&m);
    model_mlp(&m, 99);
    struct program *b = model_program(&m);
    ck_assert_uint_ne(program_serial(a), program_serial(b));
    setup();
    struct tensor in = f32(2, (int64_t[]){1, 4}, x), out;
    for (int i = 0; i < 4; i++) {
        ck_ok(session_run(session, i % 2 ? b : a, &in, &out, NULL, &err), &err);
        model_mlp(&m, i % 2 ? 99 : 1);
        mlp_by_hand(x, want);
        for (int k = 0; k < 3; k++)
            ck_assert_float_eq_tol(((float *)out.data)[k], want[k], 1e-5f);
    }
    program_free(&b);
    teardown(a);
}
END_TEST

/* y = a[N][4] + b[N][4], and c[2][3] beside them. */
static void two_inputs(void)
{
    model_init(&m);
    int32_t a = model_input(&m, "a", DT_F32, 2, (int64_t[]){DIM_SYMBOL_0, 4});
    int32_t b = model_input(&m, "b", DT_F32, 2, (int64_t[]){DIM_SYMBOL_0, 4});
    model_output(&m, "y", model_node(&m, "Add", 14, a, b, -1), DT_F32, 2,
                 (int64_t[]){DIM_SYMBOL_0, 4});
}

static void expect_error(const struct program *p, const struct tensor *in, enum status want,
                         const char *words)
{
    struct err err;
    struct tensor out[2];
    enum status s = session_run(session, p, in, out, NULL, &err);
    ck_assert_int_eq(s, want);
    ck_assert_int_eq(err.code, want);
    ck_assert_msg(strstr(err.msg, words), "\"%s\" lacks \"%s\"", err.msg, words);
}

START_TEST(inputs_that_do_not_fit_are_named_with_what_came_and_was_expected)
{
    float x[16] = {0};
    struct err err;
    struct tensor out;
    two_inputs();
    struct program *p = model_program(&m);
    setup();
    const struct tensor good = f32(2, (int64_t[]){2, 4}, x);
    struct tensor in[2] = {good, good};
    ck_ok(session_run(session, p, in, &out, NULL, &err), &err);

    in[1] = f32(2, (int64_t[]){3, 4}, x); /* N is 2 in a */
    expect_error(p, in, E_BAD_INPUT, "input \"b\" came as float32[3,4], expected 2 in dimension 0");
    in[1] = f32(2, (int64_t[]){2, 5}, x);
    expect_error(p, in, E_BAD_INPUT, "input \"b\" came as float32[2,5], expected 4 in dimension 1");
    in[1] = f32(1, (int64_t[]){8}, x);
    expect_error(p, in, E_BAD_INPUT, "input \"b\" came as float32 of rank 1");
    in[1] = good;
    in[1].dtype = DT_I32;
    expect_error(p, in, E_BAD_INPUT, "came as int32 of rank 2, expected float32");
    in[1] = f32(2, (int64_t[]){INT64_MAX, 4}, x);
    expect_error(p, in, E_BAD_INPUT, "which has no size");
    in[1] = f32(2, (int64_t[]){-1, 4}, x);
    expect_error(p, in, E_BAD_INPUT, "which has no size");
    in[1] = f32(2, (int64_t[]){2, 4}, NULL);
    expect_error(p, in, E_BAD_INPUT, "without data");

    in[1] = good; /* and the session is as good as before */
    ck_ok(session_run(session, p, in, &out, NULL, &err), &err);
    teardown(p);
}
END_TEST

START_TEST(a_run_beyond_the_arena_names_the_shape)
{
    static float x[1000 * 4];
    struct err err;
    model_mlp(&m, 1);
    struct program *p = model_program(&m);
    arena_init(&arena, 16 * 1024, NULL);
    ck_assert_int_eq(session_new(&arena, &session), OK);
    struct tensor big = f32(2, (int64_t[]){1000, 4}, x), small = f32(2, (int64_t[]){1, 4}, x), out;
    ck_ok(session_run(session, p, &small, &out, NULL, &err), &err);
    expect_error(p, &big, E_TOO_LARGE, "input \"x\" float32[1000,4]");
    ck_ok(session_run(session, p, &small, &out, NULL, &err), &err);
    teardown(p);
}
END_TEST

START_TEST(misaligned_inputs_give_the_same_answer)
{
    struct err err;
    uint8_t bytes[2 * 4 * sizeof(float) + 8];
    float x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, want[6];
    model_mlp(&m, 1);
    struct program *p = model_program(&m);
    setup();
    struct tensor in = f32(2, (int64_t[]){2, 4}, x), out;
    ck_ok(session_run(session, p, &in, &out, NULL, &err), &err);
    memcpy(want, out.data, sizeof(want));
    for (size_t off = 0; off < 8; off++) {
        memcpy(bytes + off, x, sizeof(x));
        in.data = bytes + off;
        ck_ok(session_run(session, p, &in, &out, NULL, &err), &err);
        ck_assert_mem_eq(out.data, want, sizeof(want));
        ck_assert_mem_eq(bytes + off, x, sizeof(x)); /* the caller's bytes are left alone */
    }
    teardown(p);
}
END_TEST

START_TEST(an_input_is_never_overwritten_in_place)
{
    struct err err;
    float x[4] = {-1, 2, -3, 4}, kept[4];
    memcpy(kept, x, sizeof(x));
    model_init(&m);
    int32_t v = model_input(&m, "x", DT_F32, 1, (int64_t[]){4});
    v = model_node(&m, "Identity", 13, v, -1, -1); /* a view of the input */
    v = model_node(&m, "Relu", 14, v, -1, -1);
    v = model_node(&m, "Relu", 14, v, -1, -1);
    model_output(&m, "y", v, DT_F32, 1, (int64_t[]){4});
    struct program *p = model_program(&m);
    setup();
    struct tensor in = f32(1, (int64_t[]){4}, x), out;
    ck_ok(session_run(session, p, &in, &out, NULL, &err), &err);
    ck_assert_mem_eq(x, kept, sizeof(x));
    ck_assert_float_eq(((float *)out.data)[0], 0);
    ck_assert_float_eq(((float *)out.data)[3], 4);
    teardown(p);
}
END_TEST

START_TEST(outputs_may_be_inputs_constants_and_views_of_them)
{
    static const float c[2] = {5, 6};
    struct err err;
    float x[4] = {1, 2, 3, 4};
    struct tensor out[4];
    model_init(&m);
    int32_t v = model_input(&m, "x", DT_F32, 2, (int64_t[]){DIM_FREE, 2});
    int32_t k = model_const(&m, DT_F32, 1, (int64_t[]){2}, c);
    model_output(&m, "same", v, DT_F32, 2, (int64_t[]){DIM_FREE, 2});
    model_output(&m, "const", k, DT_F32, 1, (int64_t[]){2});
    model_output(&m, "view", model_node(&m, "Flatten", 13, v, -1, -1), DT_F32, 2,
                 (int64_t[]){DIM_FREE, 2});
    model_attr(&m, (struct attr){.key = ATTR_axis, .type = ATTR_INT, .count = 1, .i = 0});
    model_output(&m, "view2", model_node(&m, "Identity", 13, k, -1, -1), DT_F32, 1, (int64_t[]){2});
    m.outputs[2].dims[0] = 1; /* axis 0: everything in one row */
    m.outputs[2].dims[1] = DIM_FREE;
    struct program *p = model_program(&m);
    setup();
    for (int round = 0; round < 2; round++) { /* the second time with other bytes */
        float other[4] = {7, 8, 9, 10};
        struct tensor in = f32(2, (int64_t[]){2, 2}, round ? other : x);
        ck_ok(session_run(session, p, &in, out, NULL, &err), &err);
        ck_assert_ptr_eq(out[0].data, in.data);
        ck_assert_mem_eq(out[1].data, c, sizeof(c));
        ck_assert_mem_eq(out[2].data, in.data, sizeof(x));
        ck_assert_int_eq(out[2].dims[1], 4);
        ck_assert_mem_eq(out[3].data, c, sizeof(c));
    }
    teardown(p);
}
END_TEST

START_TEST(an_empty_batch_gives_an_empty_answer)
{
    struct err err;
    float x[4] = {0};
    struct tensor in = f32(2, (int64_t[]){0, 4}, x), out;
    model_mlp(&m, 1);
    struct program *p = model_program(&m);
    setup();
    ck_ok(session_run(session, p, &in, &out, NULL, &err), &err);
    ck_assert_int_eq(out.dims[0], 0);
    ck_assert_int_eq(out.dims[1], 3);
    teardown(p);
}
END_TEST

START_TEST(the_sample_is_kept_with_the_program)
{
    static const float x[4] = {1, 2, 3, 4};
    float y[3];
    const struct tensor *in, *want;
    struct err err;
    struct tensor out, sample_in = f32(2, (int64_t[]){1, 4}, x), sample_out;
    model_mlp(&m, 1);
    mlp_by_hand(x, y);
    sample_out = f32(2, (int64_t[]){1, 3}, y);
    m.src.sample_inputs = &sample_in;
    m.src.sample_outputs = &sample_out;
    struct program *p = model_program(&m);
    setup();
    ck_assert(program_sample(p, &in, &want));
    ck_ok(session_run(session, p, in, &out, NULL, &err), &err);
    for (int k = 0; k < 3; k++)
        ck_assert_float_eq_tol(((float *)out.data)[k], ((const float *)want->data)[k], 1e-5f);
    teardown(p);
}
END_TEST

START_TEST(every_failed_allocation_of_a_run_leaves_the_session_usable)
{
    float x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct tensor in = f32(2, (int64_t[]){2, 4}, x), out;
    struct err err;
    const int64_t before = alloc_live();
    model_mlp(&m, 1);
    struct program *p = model_program(&m);
    uint64_t n = 0;
    enum status s;
    do {
        struct arena a;
        struct session *one = NULL;
        arena_init(&a, ARENA_MAX, NULL);
        alloc_fail_at(++n);
        s = session_new(&a, &one);
        if (s == OK)
            s = session_run(one, p, &in, &out, NULL, &err);
        uint64_t calls = alloc_calls();
        alloc_fail_at(0);
        ck_assert(calls < n ? s == OK : s == E_NO_MEMORY);
        if (one) {
            ck_ok(session_run(one, p, &in, &out, NULL, &err), &err);
            session_free(&one);
        }
        arena_fini(&a);
    } while (s != OK);
    ck_assert_uint_gt(n, 2);
    program_free(&p);
    ck_assert_int_eq(alloc_live(), before);
}
END_TEST

Suite *suite_session(void)
{
    return SUITE(
        "session", an_mlp_runs_at_any_batch, a_plan_that_fits_is_used_again_without_allocating,
        two_programs_take_turns_in_one_session,
        inputs_that_do_not_fit_are_named_with_what_came_and_was_expected,
        a_run_beyond_the_arena_names_the_shape, misaligned_inputs_give_the_same_answer,
        an_input_is_never_overwritten_in_place, outputs_may_be_inputs_constants_and_views_of_them,
        an_empty_batch_gives_an_empty_answer, the_sample_is_kept_with_the_program,
        every_failed_allocation_of_a_run_leaves_the_session_usable);
}
