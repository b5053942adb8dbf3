/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a session keeps between runs: shapes and programs that take turns are planned once each, and
 * what the plans hold is charged and bounded. */
#include <string.h>

#include "base/alloc.h"
#include "runtime/plan_set.h"
#include "support/model.h"
#include "support/support.h"

#define ARENA_MAX ((uint64_t)1 << 24)

static struct model m;
static struct arena arena;
static struct session *session;
static struct err err;
static uint64_t held;

static enum status take(void *arg, uint64_t bytes, struct err *e)
{
    UNUSED(arg);
    UNUSED(e);
    held += bytes;
    return OK;
}

static void give(void *arg, uint64_t bytes)
{
    UNUSED(arg);
    held -= bytes;
}

static const struct arena_charge charge = {take, give, NULL};

static void setup(void)
{
    held = 0;
    arena_init(&arena, ARENA_MAX, &charge);
    ck_assert_int_eq(session_new(&arena, &session), OK);
}

static void teardown(void)
{
    ck_assert_uint_eq(held, arena_bytes(&arena) + arena.lent);
    session_free(&session);
    ck_assert_uint_eq(arena.lent, 0);
    arena_fini(&arena);
    ck_assert_uint_eq(held, 0);
}

/* Runs rows of 1, 2, .. and compares with what a session of its own says. */
static void run_rows(const struct program *p, int64_t rows)
{
    static float x[64][4];
    struct tensor in = {.dtype = DT_F32, .rank = 2, .dims = {rows, 4}, .data = x}, out, want;
    for (int i = 0; i < 64 * 4; i++)
        x[i / 4][i % 4] = (float)(i % 7) - 3;
    struct arena a;
    struct session *own;
    arena_init(&a, ARENA_MAX, NULL);
    ck_assert_int_eq(session_new(&a, &own), OK);
    ck_ok(session_run(own, p, &in, &want, NULL, &err), &err);
    ck_ok(session_run(session, p, &in, &out, NULL, &err), &err);
    ck_assert(shape_same(&out, &want));
    ck_assert_mem_eq(out.data, want.data, (size_t)rows * 3 * sizeof(float));
    session_free(&own);
    arena_fini(&a);
}

START_TEST(shapes_that_take_turns_are_planned_once_each)
{
    static const int64_t rows[] = {3, 1, 40, 7};
    model_mlp(&m, 1);
    struct program *p = model_program(&m);
    for (int round = 0; round < 10; round++)
        for (int i = 0; i < 4; i++)
            run_rows(p, rows[i]);
    ck_assert_uint_eq(session_plans_made(session), 4);
    session_forget(session);
    ck_assert_uint_eq(arena.lent, 0);
    run_rows(p, 3);
    ck_assert_uint_eq(session_plans_made(session), 5);
    program_free(&p);
}
END_TEST

START_TEST(programs_that_take_turns_are_planned_once_each)
{
    struct program *p[PLAN_SET_MAX];
    for (int i = 0; i < PLAN_SET_MAX; i++) {
        model_mlp(&m, (uint64_t)i + 1);
        p[i] = model_program(&m);
    }
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < PLAN_SET_MAX; i++)
            run_rows(p[i], 2);
    ck_assert_uint_eq(session_plans_made(session), PLAN_SET_MAX);
    for (int i = 0; i < PLAN_SET_MAX; i++)
        program_free(&p[i]);
}
END_TEST

START_TEST(the_plan_that_was_not_used_for_longest_goes_first)
{
    model_mlp(&m, 1);
    struct program *p = model_program(&m);
    for (int64_t rows = 1; rows <= PLAN_SET_MAX; rows++)
        run_rows(p, rows);
    run_rows(p, 1);
    run_rows(p, 50); /* in place of 2 */
    ck_assert_uint_eq(session_plans_made(session), PLAN_SET_MAX + 1);
    run_rows(p, 1);
    ck_assert_uint_eq(session_plans_made(session), PLAN_SET_MAX + 1);
    run_rows(p, 2);
    ck_assert_uint_eq(session_plans_made(session), PLAN_SET_MAX + 2);
    program_free(&p);
}
END_TEST

START_TEST(the_books_of_others_never_keep_a_run_from_its_memory)
{
    model_mlp(&m, 1);
    struct program *p = model_program(&m);
    for (int64_t rows = 1; rows <= 4; rows++)
        run_rows(p, rows);
    ck_assert_uint_gt(arena.lent, 3 * REGION_PAGE);
    arena.max = held + REGION_PAGE;
    run_rows(p, 60); /* needs more than one page more */
    ck_assert_uint_le(held, arena.max);
    ck_assert_uint_eq(session_plans_made(session), 6); /* made again when there was room */
    arena.max = ARENA_MAX;
    program_free(&p);
}
END_TEST

START_TEST(a_failed_plan_costs_the_others_nothing)
{
    static float x[4] = {1, 2, 3, 4};
    struct tensor in = {.dtype = DT_F32, .rank = 2, .dims = {1, 4}, .data = x}, out;
    model_mlp(&m, 1);
    struct program *p = model_program(&m);
    run_rows(p, 1);
    in.dims[0] = INT64_C(1) << 40;
    ck_assert_int_eq(session_run(session, p, &in, &out, NULL, &err), E_TOO_LARGE);
    ck_assert_msg(strstr(err.msg, "float32[1099511627776,4]"), "%s", err.msg);
    run_rows(p, 1);
    ck_assert_uint_eq(session_plans_made(session), 2);
    in.dims[0] = 2;
    alloc_fail_at(1);
    enum status s = session_run(session, p, &in, &out, NULL, &err);
    alloc_fail_at(0);
    ck_assert_int_eq(s, E_NO_MEMORY);
    run_rows(p, 1);
    ck_assert_uint_eq(session_plans_made(session), 2);
    run_rows(p, 2);
    program_free(&p);
}
END_TEST

START_TEST(books_together_are_bounded)
{
    model_mlp(&m, 1);
    struct program *p = model_program(&m);
    const uint64_t book = region_round(plan_book_bytes(p));
    struct plan_set set = {.arena = &arena, .books_max = 3 * book};
    struct tensor in = {.dtype = DT_F32, .rank = 2, .dims = {1, 4}};
    int64_t symbols[] = {1};
    uint8_t staged[] = {0};
    struct plan_shapes shapes = {&in, symbols, staged};
    struct plan_entry *e;
    for (int i = 1; i < 3 * PLAN_SET_MAX; i++) {
        in.dims[0] = symbols[0] = i;
        ck_ok(plan_set_get(&set, p, &shapes, &e, &err), &err);
        ck_assert_uint_eq(e->book.bytes, book);
        ck_assert_uint_eq(arena.lent, (uint64_t)MIN(i, 4) * book);
    }
    const uint64_t made = set.made;
    for (int i = 3 * PLAN_SET_MAX - 1; i > 3 * PLAN_SET_MAX - 5; i--) { /* the newest four stayed */
        in.dims[0] = symbols[0] = i;
        ck_ok(plan_set_get(&set, p, &shapes, &e, &err), &err);
    }
    ck_assert_uint_eq(set.made, made);
    plan_set_clear(&set);
    ck_assert_uint_eq(arena.lent, 0);
    program_free(&p);
}
END_TEST

Suite *suite_plan_set(void)
{
    Suite *s = suite_create("plan_set");
    TCase *c = tcase_create("plan_set");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, shapes_that_take_turns_are_planned_once_each);
    tcase_add_test(c, programs_that_take_turns_are_planned_once_each);
    tcase_add_test(c, the_plan_that_was_not_used_for_longest_goes_first);
    tcase_add_test(c, the_books_of_others_never_keep_a_run_from_its_memory);
    tcase_add_test(c, a_failed_plan_costs_the_others_nothing);
    tcase_add_test(c, books_together_are_bounded);
    suite_add_tcase(s, c);
    return s;
}
