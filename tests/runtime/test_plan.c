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

/* ---- operands that stand in a Concat's result ---- */

enum { JOIN_COLS = 16, JOIN_ROWS_MAX = 96, JOIN_NODES = 40 };

static float joined[MODEL_TENSORS][JOIN_ROWS_MAX * JOIN_COLS];
static int64_t rows_of[MODEL_TENSORS];

static int32_t add_join(struct model *g, const int32_t *in, uint32_t n, int64_t axis)
{
    int32_t v = model_node_n(g, "Concat", 13, in, n, 1);
    model_attr(g, (struct attr){.key = ATTR_axis, .type = ATTR_INT, .count = 1, .i = axis});
    rows_of[v] = 0;
    for (uint32_t i = 0; i < n; i++)
        rows_of[v] += rows_of[in[i]];
    return v;
}

/* Concats of two or three along the rows, between what overwrites, what looks on and what does
 * neither. */
static void random_joins(uint64_t *seed)
{
    static const char *const ops[] = {"Concat", "Concat", "Relu", "Identity", "Softmax"};
    static const uint8_t versions[] = {13, 13, 14, 13, 13};
    model_init(&m);
    static float c[ROWS * JOIN_COLS];
    for (size_t i = 0; i < ARRAY_COUNT(c); i++)
        c[i] = draw_f32(seed);
    const int64_t dims[] = {ROWS, JOIN_COLS};
    rows_of[model_input(&m, "x", DT_F32, 2, dims)] = ROWS;
    int32_t v = model_const(&m, DT_F32, 2, dims, c), outs[4];
    rows_of[v] = ROWS;
    for (int i = 0; i < JOIN_NODES; i++) {
        uint64_t op = draw_u64(seed) % ARRAY_COUNT(ops);
        int32_t in[3];
        for (int k = 0; k < 3; k++)
            in[k] = pick(seed, draw_u64(seed) % 4 ? MAX(0, v - 4) : 0, v + 1);
        uint32_t n = 2 + draw_u64(seed) % 2;
        int64_t rows = rows_of[in[0]] + rows_of[in[1]] + rows_of[in[2]];
        if (op < 2 && rows <= JOIN_ROWS_MAX) {
            v = add_join(&m, in, n, 0);
        } else {
            op = MAX(op, 2);
            v = model_node(&m, ops[op], versions[op], in[0], -1, -1);
            rows_of[v] = rows_of[in[0]];
        }
    }
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = {"a", "b", "c", "last"};
        outs[i] = i < 3 ? pick(seed, 2, v) : v;
        model_output(&m, names[i], outs[i], DT_F32, 2, (int64_t[]){rows_of[outs[i]], JOIN_COLS});
    }
}

static void join_naively(const float *x)
{
    memcpy(joined[0], x, ROWS * JOIN_COLS * sizeof(*x));
    memcpy(joined[1], m.tensors[1].t.data, ROWS * JOIN_COLS * sizeof(*x));
    for (uint32_t i = 0; i < m.src.n_instrs; i++) {
        const struct artifact_instr *n = &m.nodes[i];
        float *y = joined[n->out[0]];
        for (uint32_t k = 0; k < n->n_in; k++) {
            const int64_t count = rows_of[n->in[k]] * JOIN_COLS;
            memcpy(y, joined[n->in[k]], (size_t)count * sizeof(*y));
            for (int64_t e = 0; !strcmp(n->name, "Relu") && e < count; e++)
                y[e] = fmaxf(y[e], 0);
            for (int64_t e = 0; !strcmp(n->name, "Softmax") && e < count; e += JOIN_COLS) {
                float sum = 0;
                for (int64_t c = e; c < e + JOIN_COLS; c++)
                    sum += y[c] = expf(y[c]);
                for (int64_t c = e; c < e + JOIN_COLS; c++)
                    y[c] /= sum;
            }
            y += count;
        }
    }
}

START_TEST(what_stands_in_a_concat_from_the_start_is_not_overwritten)
{
    uint64_t seed = 23, parts = 0;
    float x[ROWS * JOIN_COLS];
    for (int round = 0; round < 2 * ROUNDS; round++) {
        struct arena arena;
        struct session *session;
        struct err err;
        struct plan pl;
        struct tensor in = {DT_F32, 2, {ROWS, JOIN_COLS}, x}, out[4];
        for (size_t i = 0; i < ARRAY_COUNT(x); i++)
            x[i] = draw_f32(&seed);
        random_joins(&seed);
        struct program *p = model_program(&m);
        join_naively(x);
        arena_init(&arena, 1 << 24, NULL);
        ck_assert_int_eq(session_new(&arena, &session), OK);
        ck_ok(session_run(session, p, &in, out, NULL, &err), &err);
        for (int i = 0; i < 4; i++)
            for (int64_t k = 0; k < rows_of[m.out[i]] * JOIN_COLS; k++) {
                float got = ((float *)out[i].data)[k], want = joined[m.out[i]][k];
                ck_assert_msg(fabsf(got - want) <= 1e-4f, "round %d output %d element %d: %g, %g",
                              round, i, (int)k, (double)got, (double)want);
            }
        session_free(&session);
        arena_fini(&arena);
        void *book = make(&pl, p, &in);
        for (uint32_t i = 0; i < p->p0.n_tensors; i++)
            parts += pl.values[i].shift > 0;
        alloc_free(book);
        program_free(&p);
    }
    ck_assert_uint_gt(parts, 100);
}
END_TEST

/* A constant, and what is known before the run, has no place that a Concat could give it. Whoever
 * looks for that place finds a false tensor before the program's, and writes before the values. */
START_TEST(what_has_no_place_is_given_none_by_a_concat)
{
    static const struct plan_value untouched;
    const struct tensor in = {DT_F32, 2, {ROWS, JOIN_COLS}, NULL};
    const struct plan_shapes shapes = {&in, NULL, NULL};
    uint64_t seed = 29, looked = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct plan pl;
        struct err err;
        random_joins(&seed);
        struct program *p = model_program(&m);
        struct program_tensor *own = p->tensors;
        struct program_tensor *led = alloc_zero(p->p0.n_tensors + 1, sizeof(*led));
        void *book = alloc_aligned(PLAN_ALIGN, plan_book_bytes(p));
        ck_assert(led && book);
        memset(book, 0, plan_book_bytes(p));
        led[0].class = CLASS_VALUE;
        memcpy(led + 1, own, p->p0.n_tensors * sizeof(*led));
        p->tensors = led + 1;
        ck_ok(plan_make(&pl, p, &shapes, book, &err), &err);
        /* the steps that views are spared lie before the values */
        if ((p->p0.n_instrs - pl.n_steps) * sizeof(*pl.steps) >= sizeof(untouched)) {
            ck_assert_mem_eq(pl.values - 1, &untouched, sizeof(untouched));
            looked++;
        }
        p->tensors = own;
        alloc_free(led);
        alloc_free(book);
        program_free(&p);
    }
    ck_assert_uint_gt(looked, 100);
}
END_TEST

/* A Concat of two results, and a Concat of a third and that one. All results are as x is. */
static struct program *two_joins(const struct tensor *in, int64_t axis, int32_t of[6])
{
    const int64_t rows = in->dims[0], cols = in->dims[1];
    model_init(&m);
    int32_t x = model_input(&m, "x", DT_F32, 2, in->dims);
    for (int i = 0; i < 3; i++) {
        of[i] = model_node(&m, "Softmax", 13, x, -1, -1);
        rows_of[of[i]] = rows;
    }
    of[3] = add_join(&m, of, 2, axis);
    of[4] = add_join(&m, (int32_t[]){of[2], of[3]}, 2, axis);
    of[5] = model_node(&m, "Softmax", 13, of[4], -1, -1);
    const int64_t dims[] = {axis ? rows : 3 * rows, axis ? 3 * cols : cols};
    model_output(&m, "y", of[5], DT_F32, 2, dims);
    return model_program(&m);
}

START_TEST(a_concat_within_a_concat_copies_nothing)
{
    struct plan pl;
    int32_t of[6];
    const struct tensor in = {DT_F32, 2, {4, JOIN_COLS}, NULL};
    const uint64_t one = 4 * JOIN_COLS * sizeof(float);
    struct program *p = two_joins(&in, 0, of);
    void *book = make(&pl, p, &in);
    ck_assert_uint_eq(pl.values_bytes, 3 * one); /* the outer one, which its Softmax overwrites */
    const uint64_t at = plan_offset(&pl, of[4]);
    ck_assert_uint_eq(plan_offset(&pl, of[2]), at);
    ck_assert_uint_eq(plan_offset(&pl, of[3]), at + one);
    ck_assert_uint_eq(plan_offset(&pl, of[0]), at + one);
    ck_assert_uint_eq(plan_offset(&pl, of[1]), at + 2 * one);
    alloc_free(book);
    program_free(&p);
}
END_TEST

/* A sum as large as the whole that its first operand is a row of: it would overwrite that row
 * before it has read it for the others. */
START_TEST(a_part_is_not_overwritten_by_what_is_as_large_as_the_whole)
{
    enum { HALF = 8 };
    static const float c[2 * HALF * JOIN_COLS];
    struct plan pl;
    const struct tensor in = {DT_F32, 2, {1, JOIN_COLS}, NULL};
    const int64_t all[] = {2 * HALF, JOIN_COLS}, column[] = {2 * HALF, 1};
    int32_t first[HALF], second[1 + HALF];
    model_init(&m);
    int32_t x = model_input(&m, "x", DT_F32, 2, in.dims);
    int32_t k = model_const(&m, DT_F32, 2, all, c);
    int32_t w = model_const(&m, DT_F32, 2, (int64_t[]){JOIN_COLS, 1}, c);
    for (int i = 0; i < 2 * HALF; i++) {
        int32_t *to = i < HALF ? &first[i] : &second[1 + i - HALF];
        *to = model_node(&m, "Softmax", 13, x, -1, -1);
        rows_of[*to] = 1;
    }
    second[0] = add_join(&m, first, HALF, 0);
    int32_t y = model_node(&m, "MatMul", 13, add_join(&m, second, 1 + HALF, 0), w, -1);
    int32_t z = model_node(&m, "Add", 14, first[0], k, -1);
    model_output(&m, "y", y, DT_F32, 2, column);
    model_output(&m, "z", z, DT_F32, 2, all);
    struct program *p = model_program(&m);
    void *book = make(&pl, p, &in);
    ck_assert(pl.values[first[0]].moved);
    ck_assert_int_eq(plan_root(&pl, z), z);
    alloc_free(book);
    program_free(&p);
}
END_TEST

/* Within rows, or where a part would not begin as values do, or too far behind the first. */
START_TEST(a_concat_of_what_does_not_fit_copies)
{
    static const struct {
        int64_t rows, cols, axis;
        bool outer; /* the first operand of the outer Concat fits in any case */
    } cases[] = {{4, JOIN_COLS, 1, false},
                 {1, JOIN_COLS - 1, 0, true},
                 {INT64_C(1) << 31, JOIN_COLS, 0, true}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct plan pl;
        int32_t of[6];
        const struct tensor in = {DT_F32, 2, {cases[i].rows, cases[i].cols}, NULL};
        struct program *p = two_joins(&in, cases[i].axis, of);
        void *book = make(&pl, p, &in);
        ck_assert_uint_eq(pl.values[of[2]].moved, cases[i].outer);
        ck_assert(!pl.values[of[3]].moved);
        ck_assert_uint_eq(pl.values[of[0]].moved, cases[i].outer);
        ck_assert(!pl.values[of[1]].moved);
        alloc_free(book);
        program_free(&p);
    }
}
END_TEST

/* A small part that is made first and joined last, behind a value larger than the whole: joined, it
 * would keep the room of the whole from the start. */
START_TEST(a_concat_that_would_cost_room_copies)
{
    static float w[JOIN_COLS * JOIN_COLS * 64];
    struct plan pl;
    const struct tensor in = {DT_F32, 2, {1, JOIN_COLS}, NULL};
    const int64_t wide = (int64_t)JOIN_COLS * 64;
    model_init(&m);
    int32_t x = model_input(&m, "x", DT_F32, 2, (int64_t[]){1, JOIN_COLS});
    int32_t c = model_const(&m, DT_F32, 2, (int64_t[]){JOIN_COLS, wide}, w);
    int32_t early = model_node(&m, "Softmax", 13, x, -1, -1);
    int32_t large = model_node(&m, "MatMul", 13, x, c, -1);
    int32_t back = model_const(&m, DT_F32, 2, (int64_t[]){wide, JOIN_COLS}, w);
    int32_t late = model_node(&m, "MatMul", 13, large, back, -1), in_row[10] = {early};
    for (int i = 1; i < 8; i++)
        in_row[i] = late = model_node(&m, "Softmax", 13, late, -1, -1);
    rows_of[early] = 1;
    for (int i = 1; i < 8; i++)
        rows_of[in_row[i]] = 1;
    int32_t y = add_join(&m, in_row, 8, 0);
    model_output(&m, "y", y, DT_F32, 2, (int64_t[]){8, JOIN_COLS});
    struct program *p = model_program(&m);
    void *book = make(&pl, p, &in);
    ck_assert(!pl.values[early].moved);
    for (int i = 0; i < 8; i++)
        ck_assert_uint_eq(pl.values[in_row[i]].shift, 0);
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
                 a_chain_needs_its_two_largest_neighbours, a_chain_in_place_needs_one_value,
                 what_stands_in_a_concat_from_the_start_is_not_overwritten,
                 what_has_no_place_is_given_none_by_a_concat,
                 a_concat_within_a_concat_copies_nothing, a_concat_of_what_does_not_fit_copies,
                 a_part_is_not_overwritten_by_what_is_as_large_as_the_whole,
                 a_concat_that_would_cost_room_copies);
}
