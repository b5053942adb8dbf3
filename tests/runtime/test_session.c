/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Runs through the public doors of program and session. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
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

Suite *suite_session(void)
{
    return SUITE("session", an_mlp_runs_at_any_batch);
}
