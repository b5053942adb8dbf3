/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Deadline, cancellation and the number of steps, of planned runs and of stepwise ones. The
 * operators of a bound program are exchanged for gates, so that time passes and cancels arrive
 * exactly between two given steps. */
#include <string.h>

#include "base/clock.h"
#include "runtime/program_priv.h"
#include "runtime/session.h"
#include "support/model.h"
#include "support/support.h"

enum { STEPS = 40, SLACK_US = 100 * 1000, TRIES = 50 };

static struct model m;
static struct arena arena;
static struct session *session;
static struct program *program;
static float x[4] = {1, 2, 3, 4};
static struct tensor in, out;

static int ran; /* steps so far */
static int gate_at;
static uint64_t gate_until_us;
static atomic_bool cancelled;

static enum status gate_run(const struct op_run *ctx, struct err *err)
{
    UNUSED(ctx);
    UNUSED(err);
    if (ran++ == gate_at) {
        atomic_store(&cancelled, true);
        while (clock_now_us() <= gate_until_us)
            ;
    }
    return OK;
}

static void begin(bool stepwise)
{
    static struct op gate;
    model_init(&m);
    int32_t v = model_input(&m, "x", DT_F32, 1, (int64_t[]){4});
    for (int i = 0; i < STEPS; i++)
        v = model_node(&m, "Relu", 14, v, -1, -1);
    model_output(&m, "y", v, DT_F32, 1, (int64_t[]){4});
    program = model_program(&m);
    gate = *op_by_name("", "Relu");
    gate.run = gate_run;
    gate.flags = stepwise ? OP_SIZED_BY_RUN : gate.flags;
    for (int i = 0; i < STEPS; i++)
        program->instrs[i].op = &gate;
    tensor_set_shape(&in, DT_F32, 1, (int64_t[]){4});
    in.data = x;
    arena_init(&arena, 1 << 20, NULL);
    ck_assert_int_eq(session_new(&arena, &session), OK);
}

static void setup(void)
{
    begin(false);
}

static void setup_stepwise(void)
{
    begin(true);
}

static void teardown(void)
{
    session_free(&session);
    arena_fini(&arena);
    program_free(&program);
}

START_TEST(a_deadline_in_the_past_runs_nothing)
{
    struct err err;
    const struct run_limits limits = {.deadline_us = 1};
    gate_at = -1;
    ck_assert_int_eq(session_run(session, program, &in, &out, &limits, &err), E_TIMEOUT);
    ck_assert_int_eq(ran, 0);
}
END_TEST

/* Runs into a deadline that passes inside the gate: a run that a busy machine kept from getting
 * there in time proves nothing, and is done again. */
static void run_past_deadline_in(int step)
{
    gate_at = step;
    for (int tries = 0; tries < TRIES; tries++) {
        struct err err;
        ran = 0;
        gate_until_us = clock_now_us() + SLACK_US;
        const struct run_limits limits = {.deadline_us = gate_until_us};
        ck_assert_int_eq(session_run(session, program, &in, &out, &limits, &err), E_TIMEOUT);
        if (ran > gate_at)
            return;
    }
    ck_abort_msg("the gate was never reached");
}

START_TEST(a_long_last_step_ends_in_a_timeout)
{
    run_past_deadline_in(STEPS - 1);
    ck_assert_int_eq(ran, STEPS);
}
END_TEST

START_TEST(a_long_early_step_stops_the_run_soon)
{
    run_past_deadline_in(1);
    ck_assert_int_le(ran, 2 + 16); /* the clock is read every 16 tiny steps */
}
END_TEST

START_TEST(a_cancel_stops_before_the_next_step)
{
    struct err err;
    const struct run_limits limits = {.cancelled = &cancelled};
    gate_at = 7;
    gate_until_us = 0;
    ck_assert_int_eq(session_run(session, program, &in, &out, &limits, &err), E_CANCELLED);
    ck_assert_int_eq(ran, 8);
    ck_assert_int_eq(session_run(session, program, &in, &out, &limits, &err), E_CANCELLED);
    ck_assert_int_eq(ran, 8);
    ck_ok(session_run(session, program, &in, &out, NULL, &err), &err);
}
END_TEST

START_TEST(a_run_takes_as_many_steps_as_it_may_and_no_more)
{
    struct err err;
    struct run_limits limits = {.steps_max = STEPS};
    gate_at = -1;
    ck_ok(session_run(session, program, &in, &out, &limits, &err), &err);
    ck_assert_int_eq(ran, STEPS);
    for (uint64_t most = 1; most < STEPS; most += 19) {
        ran = 0;
        limits.steps_max = most;
        ck_assert_int_eq(session_run(session, program, &in, &out, &limits, &err), E_STEPS);
        ck_assert_int_eq(ran, (int)most);
        ck_assert_ptr_nonnull(strstr(err.msg, "--max-steps"));
    }
}
END_TEST

static void add_case(Suite *s, const char *name, SFun begin_case)
{
    TCase *c = tcase_create(name);
    tcase_add_checked_fixture(c, begin_case, teardown);
    tcase_add_test(c, a_deadline_in_the_past_runs_nothing);
    tcase_add_test(c, a_long_last_step_ends_in_a_timeout);
    tcase_add_test(c, a_long_early_step_stops_the_run_soon);
    tcase_add_test(c, a_cancel_stops_before_the_next_step);
    tcase_add_test(c, a_run_takes_as_many_steps_as_it_may_and_no_more);
    suite_add_tcase(s, c);
}

Suite *suite_limits(void)
{
    Suite *s = suite_create("limits");
    add_case(s, "planned", setup);
    add_case(s, "stepwise", setup_stepwise);
    return s;
}
