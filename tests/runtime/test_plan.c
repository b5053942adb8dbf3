/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The planner on random graphs: lives are found again here, from the instructions alone, and no two
 * values that live together may overlap; and what the graphs compute equals computing every node
 * into memory of its own. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/plan_priv.h"
#include "runtime/session.h"
#include "support/model.h"
#include "support/support.h"

enum { ROWS = 3, COLS = 8, NODES = 60, ROUNDS = 150 };

static struct model m;
static float naive[MODEL_TENSORS][ROWS * COLS];

static int32_t pick(uint64_t *seed, int32_t from, int32_t below)
{
    return from + (int32_t)(draw_u64(seed) % (uint64_t)(below - from));
}

/* Adds, Relus, Softmaxes, and views, over one input and one constant. Mostly recent operands, so
 * that many values die; a third of the results are outputs, up to four. */
static void random_graph(uint64_t *seed)
{
    static const char *const ops[] = {"Add", "Add", "Relu", "Softmax", "Identity", "Flatten"};
    static const uint8_t versions[] = {14, 14, 14, 13, 13, 13};
    static float c[ROWS * COLS];
    const int64_t dims[] = {ROWS, COLS};
    for (size_t i = 0; i < ARRAY_COUNT(c); i++)
        c[i] = draw_f32(seed);
    model_init(&m);
    model_input(&m, "x", DT_F32, 2, (int64_t[]){DIM_SYMBOL_0, COLS});
    m.inputs[0].dims[0] = ROWS;
    m.src.signature.n_symbols = 0;
    int32_t v = model_const(&m, DT_F32, 2, dims, c);
    for (int i = 0; i < NODES; i++) {
        uint64_t op = draw_u64(seed) % ARRAY_COUNT(ops);
        int32_t oldest = draw_u64(seed) % 4 ? MAX(0, v - 3) : 0;
        int32_t a = pick(seed, oldest, v + 1), b = op < 2 ? pick(seed, oldest, v + 1) : -1;
        v = model_node(&m, ops[op], versions[op], a, b, -1);
    }
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"a", "b", "c"};
        model_output(&m, names[i], pick(seed, 0, v), DT_F32, 2, dims);
    }
    model_output(&m, "last", v, DT_F32, 2, dims);
}

static void softmax_row(const float *x, float *y)
{
    float sum = 0, most = x[0];
    for (int k = 1; k < COLS; k++)
        most = fmaxf(most, x[k]);
    for (int k = 0; k < COLS; k++)
        sum += y[k] = expf(x[k] - most);
    for (int k = 0; k < COLS; k++)
        y[k] /= sum;
}

static void compute_naively(const float *x)
{
    memcpy(naive[0], x, sizeof(naive[0]));
    memcpy(naive[1], m.tensors[1].t.data, sizeof(naive[1]));
    for (uint32_t i = 0; i < m.src.n_instrs; i++) {
        const struct artifact_instr *n = &m.nodes[i];
        const float *a = naive[n->in[0]], *b = n->n_in > 1 ? naive[n->in[1]] : a;
        float *y = naive[n->out[0]];
        for (int k = 0; k < ROWS * COLS; k++)
            y[k] = !strcmp(n->name, "Add")    ? a[k] + b[k]
                   : !strcmp(n->name, "Relu") ? fmaxf(a[k], 0)
                                              : a[k];
        for (int row = 0; !strcmp(n->name, "Softmax") && row < ROWS; row++)
            softmax_row(a + (ptrdiff_t)row * COLS, y + (ptrdiff_t)row * COLS);
    }
}

START_TEST(random_graphs_compute_what_they_should)
{
    uint64_t seed = 5;
    float x[ROWS * COLS];
    for (int round = 0; round < ROUNDS; round++) {
        struct arena arena;
        struct session *session;
        struct err err;
        struct tensor in = {DT_F32, 2, {ROWS, COLS}, x}, out[4];
        for (size_t i = 0; i < ARRAY_COUNT(x); i++)
            x[i] = draw_f32(&seed);
        random_graph(&seed);
        struct program *p = model_program(&m);
        compute_naively(x);
        arena_init(&arena, 1 << 24, NULL);
        ck_assert_int_eq(session_new(&arena, &session), OK);
        ck_ok(session_run(session, p, &in, out, NULL, &err), &err);
        for (int i = 0; i < 4; i++)
            for (int k = 0; k < ROWS * COLS; k++) {
                float got = ((float *)out[i].data)[k], want = naive[m.out[i]][k];
                ck_assert_msg(fabsf(got - want) <= 1e-4f * fmaxf(1, fabsf(want)),
                              "round %d output %d element %d: %g, expected %g", round, i, k,
                              (double)got, (double)want);
            }
        session_free(&session);
        arena_fini(&arena);
        program_free(&p);
    }
}
END_TEST

static void *make(struct plan *pl, const struct program *p, const struct tensor *in)
{
    struct err err;
    int64_t symbols[ARTIFACT_SYMBOLS_MAX];
    for (int i = 0; i < ARTIFACT_SYMBOLS_MAX; i++)
        symbols[i] = DIM_FREE;
    const struct plan_shapes shapes = {in, symbols, NULL};
    void *book = alloc_aligned(PLAN_ALIGN, plan_book_bytes(p));
    ck_assert_ptr_nonnull(book);
    ck_ok(plan_make(pl, p, &shapes, book, &err), &err);
    return book;
}

/* Steps at which the bytes of root r are needed: from the first write to the last read, through
 * whatever tensor that has r's bytes. */
static void find_life(const struct plan *pl, int32_t r, uint32_t *first, uint32_t *last)
{
    const struct program *p = pl->p;
    *first = UINT32_MAX;
    *last = 0;
    for (uint32_t s = 0; s < pl->n_steps; s++) {
        const struct plan_step *step = &pl->steps[s];
        for (int k = 0; k < step->in->n_in + step->in->n_out; k++) {
            if (!step->operands[k] ||
                plan_root(pl, (int32_t)(step->operands[k] - pl->tensors)) != r)
                continue;
            *first = MIN(*first, s);
            *last = MAX(*last, s);
        }
    }
    for (uint32_t i = 0; i < p->p0.n_outputs; i++)
        if (plan_root(pl, p->outputs[i]) == r)
            *last = pl->n_steps;
}

/* Overwriting an operand is right only when nobody reads that operand later. */
static void check_overwrites(const struct plan *pl)
{
    for (uint32_t s = 0; s < pl->n_steps; s++) {
        const struct plan_step *step = &pl->steps[s];
        int32_t out = (int32_t)(step->operands[step->in->n_in] - pl->tensors);
        int32_t root = plan_root(pl, out);
        for (uint32_t later = s + 1; root != out && later < pl->n_steps; later++)
            for (int k = 0; k < pl->steps[later].in->n_in; k++) {
                int32_t t = (int32_t)(pl->steps[later].operands[k] - pl->tensors);
                ck_assert_msg(plan_root(pl, t) != root || t >= out,
                              "tensor %d is read after %d overwrote it", t, out);
            }
    }
}

START_TEST(values_that_live_together_never_overlap)
{
    uint64_t seed = 17;
    const struct tensor in = {DT_F32, 2, {ROWS, COLS}, NULL};
    uint64_t shared = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct plan pl;
        random_graph(&seed);
        struct program *p = model_program(&m);
        void *book = make(&pl, p, &in);
        check_overwrites(&pl);
        uint32_t first[MODEL_TENSORS], last[MODEL_TENSORS];
        for (uint32_t i = 0; i < p->p0.n_tensors; i++)
            find_life(&pl, (int32_t)i, &first[i], &last[i]);
        for (uint32_t a = 2; a < p->p0.n_tensors; a++)
            for (uint32_t b = 2; b < a; b++) {
                const struct plan_value *x = &pl.values[a], *y = &pl.values[b];
                if (x->root != (int32_t)a || y->root != (int32_t)b)
                    continue;
                ck_assert_uint_le(x->off + x->bytes, pl.values_bytes);
                bool together = first[a] <= last[b] && first[b] <= last[a];
                bool overlap = x->off < y->off + y->bytes && y->off < x->off + x->bytes;
                ck_assert_msg(!(together && overlap), "round %d: tensors %u and %u", round, a, b);
                shared += overlap;
            }
        alloc_free(book);
        program_free(&p);
    }
    ck_assert_uint_gt(shared, 100); /* bytes are indeed used again */
}
END_TEST

/* A chain of matrix products, whose operands cannot share: at each step exactly the operand and
 * the result are alive, so the peak is the largest sum of two neighbours. */
START_TEST(a_chain_needs_its_two_largest_neighbours)
{
    static const int64_t widths[] = {16, 64, 256, 32, 512, 16, 128, 48};
    static float w[512 * 256];
    struct plan pl;
    const struct tensor in = {DT_F32, 2, {16, 16}, NULL};
    uint64_t bound = 0;
    model_init(&m);
    int32_t v = model_input(&m, "x", DT_F32, 2, (int64_t[]){16, 16});
    for (size_t i = 1; i < ARRAY_COUNT(widths); i++) {
        int32_t c = model_const(&m, DT_F32, 2, (int64_t[]){widths[i - 1], widths[i]}, w);
        v = model_node(&m, "MatMul", 13, v, c, -1);
        if (i > 1)
            bound = MAX(bound, 16 * sizeof(float) * (uint64_t)(widths[i - 1] + widths[i]));
    }
    model_output(&m, "y", v, DT_F32, 2, (int64_t[]){16, 48});
    struct program *p = model_program(&m);
    void *book = make(&pl, p, &in);
    ck_assert_uint_eq(pl.values_bytes, bound);
    alloc_free(book);
    program_free(&p);
}
END_TEST

START_TEST(a_chain_in_place_needs_one_value)
{
    struct plan pl;
    const struct tensor in = {DT_F32, 2, {16, 16}, NULL};
    model_init(&m);
    int32_t v = model_input(&m, "x", DT_F32, 2, (int64_t[]){16, 16});
    for (int i = 0; i < 10; i++) {
        v = model_node(&m, "Relu", 14, v, -1, -1);
        v = model_node(&m, "Identity", 13, v, -1, -1);
    }
    model_output(&m, "y", v, DT_F32, 2, (int64_t[]){16, 16});
    struct program *p = model_program(&m);
    void *book = make(&pl, p, &in);
    ck_assert_uint_eq(pl.n_steps, 10); /* views do not run */
    ck_assert_uint_eq(pl.values_bytes, 16 * 16 * sizeof(float));
    alloc_free(book);
    program_free(&p);
}
END_TEST

START_TEST(an_estimate_counts_work_and_compares_the_plan_with_what_lives)
{
    struct program_estimate e;
    struct err err;
    model_mlp(&m, 4);
    struct program *p = model_program(&m);
    const struct artifact_page0 *p0 = program_page0(p);
    ck_ok(program_estimate(p, &e, &err), &err);
    ck_assert(e.planned);
    ck_assert_uint_gt(e.flops, 0);
    ck_assert_uint_gt(e.steps, 0);
    ck_assert_uint_le(e.steps, program_instr_count(p));
    ck_assert_uint_ge(e.values_bytes, e.live_bytes);
    ck_assert_uint_gt(e.live_bytes, 0);
    ck_assert_uint_lt(e.values_bytes, p0->cost.arena_fixed); /* which holds the plan as well */
    alloc_fail_at(1);
    ck_assert_int_eq(program_estimate(p, &e, &err), E_NO_MEMORY);
    alloc_fail_at(0);
    program_free(&p);
}
END_TEST

Suite *suite_plan(void)
{
    return SUITE("plan", an_estimate_counts_work_and_compares_the_plan_with_what_lives,
                 random_graphs_compute_what_they_should, values_that_live_together_never_overlap,
                 a_chain_needs_its_two_largest_neighbours, a_chain_in_place_needs_one_value);
}
