/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Runs of If and Loop: what they give, what ends them, and that a run after a failed one is as
 * good as the first. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/session.h"
#include "support/control_model.h"
#include "support/support.h"

static struct model m;
static struct arena arena;
static struct session *session;

static void setup(uint64_t max)
{
    arena_init(&arena, max, NULL);
    ck_assert_int_eq(session_new(&arena, &session), OK);
}

static void teardown(struct program *p)
{
    session_free(&session);
    arena_fini(&arena);
    program_free(&p);
}

static struct tensor f32(int64_t n, float *data)
{
    return (struct tensor){.dtype = DT_F32, .rank = 1, .dims = {n}, .data = data};
}

/* The inputs of loop_model. */
struct loop_in {
    float x[2];
    int64_t n;
    uint8_t go;
};

static enum status run_loop(const struct program *p, struct loop_in *v, struct tensor *out,
                            const struct run_limits *limits, struct err *err)
{
    const struct tensor in[] = {
        f32(2, v->x), {.dtype = DT_I64, .data = &v->n}, {.dtype = DT_BOOL, .data = &v->go}};
    return session_run(session, p, in, out, limits, err);
}

START_TEST(a_loop_carries_values_and_collects_slices)
{
    static const int64_t counts[] = {1, 2, 3, 9, 1000, 5};
    struct tensor out[2];
    struct err err;
    loop_model(&m);
    struct program *p = model_program(&m);
    setup(1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        struct loop_in v = {{1, -2}, counts[i], 1};
        ck_ok(run_loop(p, &v, out, NULL, &err), &err);
        ck_assert_float_eq(((float *)out[0].data)[0], (float)(counts[i] + 1));
        ck_assert_float_eq(((float *)out[0].data)[1], (float)(-2 * (counts[i] + 1)));
        ck_assert_int_eq(out[1].rank, 2);
        ck_assert_int_eq(out[1].dims[0], counts[i]);
        ck_assert_int_eq(out[1].dims[1], 2);
        for (int64_t k = 0; k < counts[i]; k++)
            ck_assert_float_eq(((float *)out[1].data)[2 * k + 1], (float)(-2 * (k + 2)));
    }
    teardown(p);
}
END_TEST

START_TEST(a_loop_without_iterations_gives_what_it_got_and_empty_slices)
{
    static const struct loop_in cases[] = {
        {{1, 2}, 0, 1}, {{1, 2}, -1, 1}, {{1, 2}, INT64_MIN, 1}, {{1, 2}, 7, 0}};
    struct tensor out[2];
    struct err err;
    loop_model(&m);
    struct program *p = model_program(&m);
    setup(1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct loop_in v = cases[i];
        ck_ok(run_loop(p, &v, out, NULL, &err), &err);
        ck_assert_float_eq(((float *)out[0].data)[1], 2);
        ck_assert_int_eq(out[1].dtype, DT_F32);
        ck_assert_int_eq(out[1].rank, 2);
        ck_assert_int_eq(out[1].dims[0], 0);
    }
    teardown(p);
}
END_TEST

START_TEST(empty_slices_of_which_nothing_is_declared_are_refused)
{
    struct loop_in v = {{1, 2}, 0, 1};
    struct tensor out[2];
    struct err err;
    loop_model(&m);
    m.nodes[0].n_attrs = 2; /* scan_types is the third */
    struct program *p = model_program(&m);
    setup(1 << 20);
    ck_assert_int_eq(run_loop(p, &v, out, NULL, &err), E_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.msg, "no iterations"));
    v.n = 1;
    ck_ok(run_loop(p, &v, out, NULL, &err), &err);
    teardown(p);
}
END_TEST

START_TEST(a_loop_that_never_ends_is_ended)
{
    struct loop_in v = {{1, 2}, INT64_MAX, 1};
    struct tensor out[2];
    struct err err;
    const struct run_limits few = {.steps_max = 1000};
    loop_model(&m);
    m.operands[0][0][0] = ARTIFACT_NO_TENSOR; /* no trip count: only its condition, which is true */
    m.operands[0][1][1] = ARTIFACT_NO_TENSOR;
    m.src.signature.n_outputs = 1;
    m.tensors[LOOP_SLICES] = (struct artifact_tensor){.name = "c", .class = CLASS_CONST};
    m.tensors[LOOP_SLICES].t = f32(2, v.x);
    struct program *p = model_program(&m);
    setup(1 << 20);
    ck_assert_int_eq(run_loop(p, &v, out, &few, &err), E_STEPS);
    const struct run_limits short_time = {.deadline_us = clock_now_us() + 2000};
    ck_assert_int_eq(run_loop(p, &v, out, &short_time, &err), E_TIMEOUT);
    atomic_bool cancelled = true;
    const struct run_limits stopped = {.cancelled = &cancelled};
    ck_assert_int_eq(run_loop(p, &v, out, &stopped, &err), E_CANCELLED);
    v.go = 0;
    ck_ok(run_loop(p, &v, out, NULL, &err), &err);
    teardown(p);
}
END_TEST

START_TEST(an_empty_body_is_counted_too)
{
    struct loop_in v = {{1, 2}, INT64_MAX, 1};
    struct tensor out[2];
    struct err err;
    const struct run_limits few = {.steps_max = 1000};
    loop_model(&m);
    m.blocks[0].n_instrs = 0;
    m.src.n_instrs = 1;
    m.src.n_tensors--;
    m.results[0][1] = LOOP_STATE;
    m.results[0][2] = LOOP_CAPTURED;
    m.operands[0][1][1] = ARTIFACT_NO_TENSOR;
    m.src.signature.n_outputs = 1;
    m.tensors[LOOP_SLICES] = (struct artifact_tensor){.name = "c", .class = CLASS_CONST};
    m.tensors[LOOP_SLICES].t = f32(2, v.x);
    struct program *p = model_program(&m);
    setup(1 << 20);
    ck_assert_int_eq(run_loop(p, &v, out, &few, &err), E_STEPS);
    v.n = 3;
    ck_ok(run_loop(p, &v, out, NULL, &err), &err);
    ck_assert_float_eq(((float *)out[0].data)[1], 2);
    teardown(p);
}
END_TEST

START_TEST(slices_that_grow_end_at_the_arenas_maximum)
{
    struct loop_in v = {{1, 2}, INT64_MAX, 1};
    struct tensor out[2];
    struct err err;
    loop_model(&m);
    struct program *p = model_program(&m);
    setup(1 << 20);
    ck_assert_int_eq(run_loop(p, &v, out, NULL, &err), E_TOO_LARGE);
    ck_assert_msg(strstr(err.msg, "Loop"), "%s", err.msg);
    ck_assert_uint_le(arena_bytes(&arena), 1 << 20);
    v.n = 100;
    ck_ok(run_loop(p, &v, out, NULL, &err), &err);
    ck_assert_int_eq(out[1].dims[0], 100);
    teardown(p);
}
END_TEST

START_TEST(a_carried_value_keeps_its_dtype)
{
    struct loop_in v = {{1, 2}, 2, 1};
    struct tensor out[2];
    struct err err;
    loop_model(&m);
    m.results[0][1] = LOOP_I; /* float32 goes in, int64 comes out */
    struct program *p = model_program(&m);
    setup(1 << 20);
    ck_assert_int_eq(run_loop(p, &v, out, NULL, &err), E_BAD_INPUT);
    ck_assert_msg(strstr(err.msg, "float32"), "%s", err.msg);
    teardown(p);
}
END_TEST

START_TEST(slices_are_all_alike)
{
    struct loop_in v = {{1, 2}, 3, 1};
    struct tensor out[2];
    struct err err;
    loop_model(&m);
    m.nodes[1].op = op_by_name("", "Concat")->code; /* the state doubles its length */
    m.nodes[1].version = 13;
    m.operands[1][0][1] = LOOP_STATE;
    m.attrs[1][m.nodes[1].n_attrs++] =
        (struct attr){.key = ATTR_axis, .type = ATTR_INT, .count = 1};
    struct program *p = model_program(&m);
    setup(1 << 20);
    ck_assert_int_eq(run_loop(p, &v, out, NULL, &err), E_BAD_INPUT);
    ck_assert_msg(strstr(err.msg, "float32[8], and gave float32[4] before"), "%s", err.msg);
    v.n = 1;
    ck_ok(run_loop(p, &v, out, NULL, &err), &err);
    ck_assert_int_eq(out[0].dims[0], 4);
    teardown(p);
}
END_TEST

START_TEST(a_bodys_condition_is_one_bool)
{
    struct loop_in v = {{1, 2}, 3, 1};
    struct tensor out[2];
    struct err err;
    loop_model(&m);
    m.results[0][0] = LOOP_STATE;
    struct program *p = model_program(&m);
    setup(1 << 20);
    ck_assert_int_eq(run_loop(p, &v, out, NULL, &err), E_BAD_INPUT);
    ck_assert_msg(strstr(err.msg, "condition"), "%s", err.msg);
    teardown(p);
}
END_TEST

START_TEST(an_if_takes_one_branch)
{
    float a[] = {3, -4};
    uint8_t yes;
    const struct tensor in[] = {f32(2, a), {.dtype = DT_BOOL, .data = &yes}};
    struct tensor out;
    struct err err;
    if_model(&m);
    struct program *p = model_program(&m);
    setup(1 << 20);
    for (yes = 0; yes < 2; yes++) {
        ck_ok(session_run(session, p, in, &out, NULL, &err), &err);
        ck_assert_float_eq(((float *)out.data)[0], yes ? 6 : 9);
        ck_assert_float_eq(((float *)out.data)[1], yes ? -8 : 16);
        ck_assert_float_eq(a[0], 3);
    }
    teardown(p);
}
END_TEST

START_TEST(no_failed_allocation_leaks_or_spoils_the_next_run)
{
    struct loop_in v = {{1, -2}, 500, 1};
    struct tensor out[2];
    struct err err;
    loop_model(&m);
    struct program *p = model_program(&m);
    const int64_t live = alloc_live();
    for (uint64_t n = 1;; n++) {
        setup(1 << 20);
        alloc_fail_at(n);
        enum status s = run_loop(p, &v, out, NULL, &err);
        const uint64_t calls = alloc_calls();
        alloc_fail_at(0);
        ck_assert_msg(s == OK || (s == E_NO_MEMORY && calls >= n), "%s", status_name(s));
        ck_ok(run_loop(p, &v, out, NULL, &err), &err);
        ck_assert_int_eq(out[1].dims[0], 500);
        session_free(&session);
        arena_fini(&arena);
        ck_assert_int_eq(alloc_live(), live);
        if (calls < n)
            break;
    }
    program_free(&p);
}
END_TEST

Suite *suite_control(void)
{
    return SUITE("control", a_loop_carries_values_and_collects_slices,
                 a_loop_without_iterations_gives_what_it_got_and_empty_slices,
                 empty_slices_of_which_nothing_is_declared_are_refused,
                 a_loop_that_never_ends_is_ended, an_empty_body_is_counted_too,
                 slices_that_grow_end_at_the_arenas_maximum, a_carried_value_keeps_its_dtype,
                 slices_are_all_alike, a_bodys_condition_is_one_bool, an_if_takes_one_branch,
                 no_failed_allocation_leaks_or_spoils_the_next_run);
}
