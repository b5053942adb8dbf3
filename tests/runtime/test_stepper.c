/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Runs of programs in which a shape depends on the request's data. */
#include <string.h>

#include "base/alloc.h"
#include "runtime/program_priv.h"
#include "runtime/session.h"
#include "support/model.h"
#include "support/support.h"

#define ARENA_MAX ((uint64_t)1 << 24)

static struct model m;
static struct arena arena;
static struct session *session;
static struct program *program;
static struct err err;

static struct {
    uint64_t held, limit;
} ledger;

static enum status take(void *arg, uint64_t bytes, struct err *e)
{
    UNUSED(arg);
    if (ledger.held + bytes > ledger.limit)
        return err_set(e, E_NO_ROOM, "no room");
    ledger.held += bytes;
    return OK;
}

static void give(void *arg, uint64_t bytes)
{
    UNUSED(arg);
    ledger.held -= bytes;
}

static const struct arena_charge charge = {take, give, NULL};

static void begin(void)
{
    program = model_program(&m);
    ledger.held = 0;
    ledger.limit = UINT64_MAX / 2;
    arena_init(&arena, ARENA_MAX, &charge);
    ck_assert_int_eq(session_new(&arena, &session), OK);
}

static void end(void)
{
    ck_assert_uint_eq(ledger.held, arena_bytes(&arena) + arena.lent);
    session_free(&session);
    arena_fini(&arena);
    program_free(&program);
    ck_assert_uint_eq(ledger.held, 0);
}

static struct tensor view(enum dtype t, int rank, const int64_t *dims, const void *data)
{
    struct tensor x = {0};
    tensor_set_shape(&x, t, rank, dims);
    x.data = (void *)(uintptr_t)data;
    return x;
}

static const int64_t free_dims[TENSOR_RANK_MAX] = {-1, -1, -1, -1, -1, -1, -1, -1};

/* The model's inputs: x float32[N] and s int64[R]. Gives Reshape(Neg(x), s). */
static int32_t reshaped(void)
{
    model_init(&m);
    int32_t x = model_input(&m, "x", DT_F32, 1, (int64_t[]){DIM_SYMBOL_0});
    int32_t s = model_input(&m, "s", DT_I64, 1, (int64_t[]){DIM_SYMBOL_0 - 1});
    x = model_node(&m, "Neg", 13, x, -1, -1);
    return model_node(&m, "Reshape", 13, x, s, -1);
}

static enum status ask(const float *x, int64_t n, const int64_t *shape, int64_t rank,
                       struct tensor *out)
{
    struct tensor in[2] = {view(DT_F32, 1, &n, x), view(DT_I64, 1, &rank, shape)};
    return session_run(session, program, in, out, NULL, &err);
}

static const float x6[6] = {1, -2, 3, -4, 5, -6};

START_TEST(the_request_decides_the_shape)
{
    struct tensor out;
    model_output(&m, "y", reshaped(), DT_F32, 2, free_dims);
    begin();
    ck_assert_uint_eq(program_page0(program)->cost.arena_fixed, 0);
    for (int i = 0; i < 3; i++) {
        ck_ok(ask(x6, 6, (int64_t[]){2, 3}, 2, &out), &err);
        ck_assert(out.dims[0] == 2 && out.dims[1] == 3);
        ck_assert_mem_eq(out.data, ((float[]){-1, 2, -3, 4, -5, 6}), sizeof(x6));
        ck_ok(ask(x6, 5, (int64_t[]){-1, 1}, 2, &out), &err);
        ck_assert(out.dims[0] == 5 && out.dims[1] == 1);
    }
    ck_assert_uint_eq(session_plans_made(session), 1); /* of its tables: shapes are no matter */
    ck_assert_uint_gt(session_arena_bytes(session), 0);
    ck_assert_uint_le(session_arena_bytes(session), ledger.held);
    end();
}
END_TEST

START_TEST(hostile_shapes_are_refused_by_name)
{
    static const int64_t shapes[][2] = {
        {INT64_MIN, 1}, {INT64_MAX, INT64_MAX}, {-1, -1},        {-2, -3}, {1LL << 62, 4}, {4, 2},
        {7, -1},        {3, INT64_MIN},         {INT64_MAX, -1}, {0, 6},
    };
    struct tensor out;
    model_output(&m, "y", reshaped(), DT_F32, 2, free_dims);
    begin();
    for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
        ck_assert_int_eq(ask(x6, 6, shapes[i], 2, &out), E_BAD_INPUT);
        ck_assert_msg(strstr(err.msg, "node \"Reshape\""), "%s", err.msg);
    }
    ck_assert_int_eq(ask(x6, 6, (int64_t[9]){1, 1, 1, 1, 1, 1, 1, 1, 6}, 9, &out), E_BAD_INPUT);
    ck_ok(ask(x6, 6, (int64_t[]){6, 1}, 2, &out), &err);
    end();
}
END_TEST

START_TEST(an_output_of_another_rank_or_dim_is_the_request_s_fault_of_another_dtype_the_model_s)
{
    struct tensor out;
    model_output(&m, "y", reshaped(), DT_F32, 2, (int64_t[]){DIM_FREE, 2});
    begin();
    ck_ok(ask(x6, 6, (int64_t[]){3, 2}, 2, &out), &err);
    ck_assert_int_eq(ask(x6, 6, (int64_t[]){2, 3}, 2, &out), E_BAD_INPUT);
    ck_assert_msg(strstr(err.msg, "output \"y\" came out as float32[2,3]"), "%s", err.msg);
    ck_assert_int_eq(ask(x6, 6, (int64_t[]){6}, 1, &out), E_BAD_INPUT);
    end();
    model_output(&m, "y", reshaped(), DT_F64, 2, free_dims);
    begin();
    ck_assert_int_eq(ask(x6, 6, (int64_t[]){3, 2}, 2, &out), E_CORRUPT);
    end();
}
END_TEST

/* Results that die are given back, and overwritten in place where nobody else reads them. */
START_TEST(a_long_chain_takes_no_more_than_two_values)
{
    enum { N = 10000 };
    static float x[N];
    struct tensor out;
    int32_t v = reshaped();
    for (int i = 0; i < 50; i++) {
        v = model_node(&m, "Relu", 14, v, -1, -1);
        v = model_node(&m, "Softmax", 13, v, -1, -1);
        model_attr(&m, (struct attr){.key = ATTR_axis, .type = ATTR_INT, .count = 1, .i = 0});
    }
    model_output(&m, "y", v, DT_F32, 2, free_dims);
    begin();
    ck_ok(ask(x, N, (int64_t[]){N / 4, 4}, 2, &out), &err);
    uint64_t book = arena.lent, most = session_arena_bytes(session) - book;
    ck_assert_uint_ge(most, N * sizeof(float));
    ck_assert_uint_le(most, 3 * N * sizeof(float));
    end();
}
END_TEST

START_TEST(what_is_read_later_is_not_overwritten)
{
    struct tensor out[4];
    int32_t v = reshaped(); /* -1, 2, -3, 4, -5, 6 */
    int32_t relu = model_node(&m, "Relu", 14, v, -1, -1);
    int32_t same = model_node(&m, "Identity", 13, v, -1, -1);
    int32_t sum = model_node(&m, "Add", 14, relu, v, -1);
    int32_t neg = model_node(&m, "Neg", 13, same, -1, -1);
    int32_t twice = model_node(&m, "Add", 14, neg, neg, -1);
    model_output(&m, "v", v, DT_F32, 2, free_dims);
    model_output(&m, "sum", sum, DT_F32, 2, free_dims);
    model_output(&m, "twice", twice, DT_F32, 2, free_dims);
    model_output(&m, "same", same, DT_F32, 2, free_dims);
    begin();
    for (int i = 0; i < 2; i++) {
        ck_ok(ask(x6, 6, (int64_t[]){2, 3}, 2, out), &err);
        ck_assert_mem_eq(out[0].data, ((float[]){-1, 2, -3, 4, -5, 6}), sizeof(x6));
        ck_assert_mem_eq(out[1].data, ((float[]){-1, 4, -3, 8, -5, 12}), sizeof(x6));
        ck_assert_mem_eq(out[2].data, ((float[]){2, -4, 6, -8, 10, -12}), sizeof(x6));
        ck_assert_mem_eq(out[3].data, out[0].data, sizeof(x6));
    }
    end();
}
END_TEST

START_TEST(the_caller_s_bytes_and_constants_are_never_overwritten)
{
    static float x[4] = {-1, 2, -3, 4};
    static const float c[4] = {-5, 6, -7, 8};
    const int64_t two[] = {2, 2}, n = 4, rank = 2;
    _Alignas(8) uint8_t bytes[sizeof(x) + 1];
    struct tensor out[3];
    model_init(&m);
    int32_t in = model_input(&m, "x", DT_F32, 1, (int64_t[]){4});
    int32_t s = model_input(&m, "s", DT_I64, 1, (int64_t[]){2});
    int32_t k = model_const(&m, DT_F32, 1, (int64_t[]){4}, c);
    int32_t a = model_node(&m, "Reshape", 13, in, s, -1); /* views of what is not ours */
    int32_t b = model_node(&m, "Reshape", 13, k, s, -1);
    int32_t pass = model_node(&m, "Reshape", 13, in, s, -1);
    a = model_node(&m, "Relu", 14, a, -1, -1);
    b = model_node(&m, "Relu", 14, b, -1, -1);
    model_output(&m, "a", a, DT_F32, 2, free_dims);
    model_output(&m, "b", b, DT_F32, 2, free_dims);
    model_output(&m, "pass", pass, DT_F32, 2, free_dims);
    begin();
    for (int aligned = 0; aligned < 2; aligned++) {
        memcpy(bytes + 1, x, sizeof(x));
        struct tensor given[] = {view(DT_F32, 1, &n, aligned ? (void *)x : bytes + 1),
                                 view(DT_I64, 1, &rank, two)};
        ck_ok(session_run(session, program, given, out, NULL, &err), &err);
        ck_assert_mem_eq(out[0].data, ((float[]){0, 2, 0, 4}), sizeof(x));
        ck_assert_mem_eq(out[1].data, ((float[]){0, 6, 0, 8}), sizeof(x));
        ck_assert_mem_eq(out[2].data, x, sizeof(x));
        ck_assert_mem_eq(x, ((float[]){-1, 2, -3, 4}), sizeof(x));
        ck_assert_mem_eq(bytes + 1, x, sizeof(x));
        ck_assert((out[2].data == x) == aligned);
        ck_assert_uint_eq((uintptr_t)out[2].data % sizeof(float), 0);
    }
    end();
}
END_TEST

/* y = Expand(x, s): as large as the request likes. */
static void expander(void)
{
    model_init(&m);
    int32_t x = model_input(&m, "x", DT_F32, 1, (int64_t[]){DIM_SYMBOL_0});
    int32_t s = model_input(&m, "s", DT_I64, 1, (int64_t[]){DIM_SYMBOL_0 - 1});
    int32_t v = model_node(&m, "Expand", 13, x, s, -1);
    v = model_node(&m, "Sigmoid", 13, v, -1, -1);
    v = model_node(&m, "Softmax", 13, v, -1, -1);
    model_output(&m, "y", v, DT_F32, 2, free_dims);
}

START_TEST(a_shape_beyond_the_arena_is_refused_by_name)
{
    const float one = 1;
    struct tensor out;
    expander();
    begin();
    ck_assert_int_eq(ask(&one, 1, (int64_t[]){1 << 20, 1 << 12}, 2, &out), E_TOO_LARGE);
    ck_assert_msg(strstr(err.msg, "node \"Expand\"") && strstr(err.msg, "float32[1048576,4096]") &&
                      strstr(err.msg, "--arena-max"),
                  "%s", err.msg);
    ck_assert_uint_le(ledger.held, ARENA_MAX);
    ck_assert_int_eq(ask(&one, 1, (int64_t[]){1LL << 40, 1LL << 40}, 2, &out), E_BAD_INPUT);
    ck_ok(ask(&one, 1, (int64_t[]){2, 2}, 2, &out), &err);
    ck_assert_float_eq(((float *)out.data)[3], 0.5f);
    end();
}
END_TEST

START_TEST(the_arena_grows_as_the_run_goes_and_is_one_piece_in_the_next)
{
    const float one = 1;
    struct tensor out;
    expander();
    begin();
    ck_ok(ask(&one, 1, (int64_t[]){2, 2}, 2, &out), &err);
    ck_ok(ask(&one, 1, (int64_t[]){300, 1000}, 2, &out), &err);
    ck_assert_uint_gt(arena.n_more, 0);
    uint64_t held = ledger.held;
    ck_ok(ask(&one, 1, (int64_t[]){300, 1000}, 2, &out), &err);
    ck_assert_uint_eq(arena.n_more, 0);
    ck_assert_uint_eq(ledger.held, held);
    for (int i = 0; i < 300 * 1000; i++)
        ck_assert_float_eq(((float *)out.data)[i], 0.001f);
    end();
}
END_TEST

START_TEST(a_refused_charge_ends_the_run_and_nothing_else)
{
    const float one = 1;
    struct tensor out;
    expander();
    begin();
    ck_ok(ask(&one, 1, (int64_t[]){2, 2}, 2, &out), &err);
    ledger.limit = ledger.held + 100000;
    ck_assert_int_eq(ask(&one, 1, (int64_t[]){300, 1000}, 2, &out), E_NO_ROOM);
    ck_ok(ask(&one, 1, (int64_t[]){3, 3}, 2, &out), &err);
    ledger.limit = UINT64_MAX / 2;
    ck_ok(ask(&one, 1, (int64_t[]){300, 1000}, 2, &out), &err);
    session_forget(session);
    arena_fini(&arena);
    ck_assert_uint_eq(ledger.held, 0);
    ck_ok(ask(&one, 1, (int64_t[]){3, 3}, 2, &out), &err);
    end();
}
END_TEST

START_TEST(every_failed_allocation_leaves_the_session_usable)
{
    const float one = 1;
    struct tensor out;
    uint64_t n = 0, calls, refused = 0;
    expander();
    program = model_program(&m);
    do {
        ledger.held = 0;
        ledger.limit = UINT64_MAX / 2;
        arena_init(&arena, ARENA_MAX, &charge);
        alloc_fail_at(++n);
        enum status s = session_new(&arena, &session);
        if (s == OK)
            s = ask(&one, 1, (int64_t[]){300, 1000}, 2, &out);
        calls = alloc_calls();
        alloc_fail_at(0);
        ck_assert(s == OK || (s == E_NO_MEMORY && calls >= n));
        refused += s != OK;
        ck_assert_uint_eq(ledger.held, arena_bytes(&arena) + arena.lent);
        if (session)
            ck_ok(ask(&one, 1, (int64_t[]){300, 1000}, 2, &out), &err);
        session_free(&session);
        arena_fini(&arena);
        ck_assert_uint_eq(ledger.held, 0);
    } while (calls >= n);
    ck_assert_uint_ge(refused, 2);
    program_free(&program);
}
END_TEST

/* ---- operators of the tests' own, in the place of bound ones ---- */

static int64_t keep; /* rows that `sized` says it wrote */

static enum status sized_run(const struct op_run *ctx, struct err *e)
{
    UNUSED(e);
    memcpy(ctx->out[0]->data, ctx->in[0]->data, (size_t)tensor_count(ctx->in[0]) * sizeof(float));
    ctx->out[0]->dims[0] = keep;
    return OK;
}

START_TEST(a_run_may_say_that_there_is_less)
{
    static struct op sized;
    struct tensor out[2];
    int32_t v = reshaped();
    v = model_node(&m, "Abs", 13, v, -1, -1);
    int32_t shape = model_node(&m, "Shape", 13, v, -1, -1);
    v = model_node(&m, "Relu", 14, v, -1, -1);
    model_output(&m, "y", v, DT_F32, 2, free_dims);
    model_output(&m, "shape", shape, DT_I64, 1, free_dims);
    begin();
    sized = *program->instrs[2].op;
    sized.flags = OP_SIZED_BY_RUN;
    sized.run = sized_run;
    program->instrs[2].op = &sized;
    for (keep = 0; keep <= 3; keep++) {
        ck_ok(ask(x6, 6, (int64_t[]){3, 2}, 2, out), &err);
        ck_assert_int_eq(out[0].dims[0], keep);
        ck_assert_int_eq(*(int64_t *)out[1].data, keep);
        ck_assert_mem_eq(out[0].data, ((float[]){0, 2, 0, 4, 0, 6}), (size_t)keep * 8);
    }
    keep = 4;
    ck_assert_int_eq(ask(x6, 6, (int64_t[]){3, 2}, 2, out), E_INTERNAL);
    keep = -1;
    ck_assert_int_eq(ask(x6, 6, (int64_t[]){3, 2}, 2, out), E_INTERNAL);
    end();
}
END_TEST

START_TEST(a_result_that_only_the_run_sizes_makes_the_run_stepwise)
{
    static struct op sized;
    static const float x[4] = {1, 2, 3, 4};
    const int64_t dims[] = {2, 2};
    struct tensor in = view(DT_F32, 2, dims, x), out;
    model_init(&m);
    int32_t v = model_input(&m, "x", DT_F32, 2, (int64_t[]){DIM_SYMBOL_0, 2});
    v = model_node(&m, "Abs", 13, v, -1, -1);
    model_output(&m, "y", v, DT_F32, 2, free_dims);
    begin();
    sized = *program->instrs[0].op;
    sized.flags = OP_SIZED_BY_RUN;
    sized.run = sized_run;
    program->instrs[0].op = &sized;
    keep = 1;
    for (int i = 0; i < 2; i++) { /* found by its shapes in the second round */
        ck_ok(session_run(session, program, &in, &out, NULL, &err), &err);
        ck_assert_int_eq(out.dims[0], 1);
        ck_assert_mem_eq(out.data, x, 8);
    }
    ck_assert_uint_eq(session_plans_made(session), 1);
    end();
}
END_TEST

enum { TEXT_BYTES = 100000 };

static const struct op *abs_op;
static uint8_t *text_at;

static enum status text_infer(struct op_infer *ctx, struct err *e)
{
    ctx->text_bytes = TEXT_BYTES;
    return abs_op->infer(ctx, e);
}

static enum status text_run(const struct op_run *ctx, struct err *e)
{
    text_at = (uint8_t *)ctx->out[0]->data + 6 * sizeof(float);
    memset(text_at, 't', TEXT_BYTES);
    return abs_op->run(ctx, e);
}

/* Elements that were copied may point at the text, so that it must outlive the result. */
START_TEST(text_behind_a_result_stays_until_the_run_ends)
{
    static struct op text;
    static const int64_t wide[] = {4000, 2, 3}; /* nearly as many bytes as the text */
    struct tensor out;
    int32_t v = reshaped();
    int32_t shape = model_const(&m, DT_I64, 1, (int64_t[]){3}, wide);
    v = model_node(&m, "Abs", 13, v, -1, -1);
    v = model_node(&m, "Transpose", 13, v, -1, -1); /* its result stands elsewhere */
    model_output(&m, "y", model_node(&m, "Expand", 13, v, shape, -1), DT_F32, 3, free_dims);
    begin();
    abs_op = program->instrs[2].op;
    text = *abs_op;
    text.infer = text_infer;
    text.run = text_run;
    program->instrs[2].op = &text;
    for (int i = 0; i < 2; i++) {
        ck_ok(ask(x6, 6, (int64_t[]){3, 2}, 2, &out), &err);
        int64_t kept = 0;
        while (kept < TEXT_BYTES && text_at[kept] == 't')
            kept++;
        ck_assert_int_eq(kept, TEXT_BYTES);
    }
    end();
}
END_TEST

Suite *suite_stepper(void)
{
    return SUITE(
        "stepper", the_request_decides_the_shape, hostile_shapes_are_refused_by_name,
        an_output_of_another_rank_or_dim_is_the_request_s_fault_of_another_dtype_the_model_s,
        a_long_chain_takes_no_more_than_two_values, what_is_read_later_is_not_overwritten,
        the_caller_s_bytes_and_constants_are_never_overwritten,
        a_shape_beyond_the_arena_is_refused_by_name,
        the_arena_grows_as_the_run_goes_and_is_one_piece_in_the_next,
        a_refused_charge_ends_the_run_and_nothing_else,
        every_failed_allocation_leaves_the_session_usable, a_run_may_say_that_there_is_less,
        a_result_that_only_the_run_sizes_makes_the_run_stepwise,
        text_behind_a_result_stays_until_the_run_ends);
}
