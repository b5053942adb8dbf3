/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Steps that run item by item: a batch gives the bytes that its items give one by one, whatever the
 * graph, and its values take the room of one item but for what leaves those steps. */
#include <string.h>

#include "base/alloc.h"
#include "kernels/blocked.h"
#include "runtime/plan_priv.h"
#include "runtime/session.h"
#include "support/model.h"
#include "support/support.h"

enum {
    SIDE = 40,
    CHANNELS = 20,
    BLOCKS = 2,
    NODES = 14,
    ROUNDS = 30,
    BATCH = 5,
    PIXELS = SIDE * SIDE,
    IMAGE = CHANNELS * PIXELS,          /* floats of an input's item */
    BLOCKED = BLOCKS * PIXELS * 16,     /* and of most values' */
    WEIGHTS = BLOCKS * BLOCKS * 16 * 16 /* of a kernel of 1 x 1 */
};

static struct model m;
static struct err err;
static float x[BATCH * IMAGE + 1], w[2 * WEIGHTS], lanes[2 * BLOCKS * 16];
static const int64_t lane_dims[] = {BLOCKS * 16}, wide_dims[] = {2 * BLOCKS * 16};
static const int64_t three[] = {3, 3}, ones[] = {1, 1, 1, 1};

static void fill(uint64_t *seed)
{
    for (size_t i = 0; i < ARRAY_COUNT(x); i++)
        x[i] = draw_f32(seed);
    for (size_t i = 0; i < ARRAY_COUNT(w); i++)
        w[i] = draw_f32(seed);
    for (size_t i = 0; i < ARRAY_COUNT(lanes); i++)
        lanes[i] = draw_f32(seed);
}

/* ---- nodes on blocked values of BLOCKS blocks ---- */

static int32_t begin(void)
{
    model_init(&m);
    int32_t v = model_input(&m, "x", DT_F32, 4, (int64_t[]){DIM_SYMBOL_0, CHANNELS, SIDE, SIDE});
    return model_node(&m, "BlockPack", 1, v, -1, -1);
}

static int32_t add_scale(int32_t v, bool wide)
{
    const int64_t *dims = wide ? wide_dims : lane_dims;
    int32_t c = model_const(&m, DT_F32, 1, dims, lanes);
    return model_node(&m, "BlockScale", 1, v, c, c);
}

static int32_t add_pool(int32_t v)
{
    int32_t y = model_node(&m, "BlockMaxPool", 1, v, -1, -1);
    model_attr(
        &m, (struct attr){.key = ATTR_kernel_shape, .type = ATTR_INTS, .count = 2, .ints = three});
    model_attr(&m, (struct attr){.key = ATTR_pads, .type = ATTR_INTS, .count = 4, .ints = ones});
    return y;
}

/* A convolution from `blocks` blocks, plus z. */
static int32_t add_conv(int32_t v, int64_t blocks, int32_t z)
{
    const int64_t dims[] = {BLOCKS, blocks, 1, 1, 16, 16};
    const int32_t in[] = {v, model_const(&m, DT_F32, 6, dims, w), ARTIFACT_NO_TENSOR, z};
    return model_node_n(&m, "BlockConv", 1, in, z < 0 ? 2 : 4, 1);
}

static int32_t add_concat(int32_t a, int32_t b, int64_t axis)
{
    int32_t y = model_node(&m, "Concat", 13, a, b, -1);
    model_attr(&m, (struct attr){.key = ATTR_axis, .type = ATTR_INT, .count = 1, .i = axis});
    return y;
}

static void add_output_of(const char *name, int32_t v, int64_t blocks)
{
    model_output(&m, name, v, DT_F32, 5, (int64_t[]){DIM_SYMBOL_0, blocks, SIDE, SIDE, 16});
}

static void add_output(const char *name, int32_t v)
{
    add_output_of(name, v, BLOCKS);
}

/* A node of any kind; *wide is the Concat that it made on the way. */
static int32_t add_any(uint64_t what, int32_t a, int32_t b, int32_t *wide)
{
    if (what < 2)
        return what ? add_pool(a) : add_scale(a, false);
    if (what == 2)
        return add_conv(a, BLOCKS, b);
    *wide = add_concat(a, b, 1);
    return add_conv(what == 3 ? *wide : add_scale(*wide, true), 2 * BLOCKS, -1);
}

/* Residuals, branches joined by a Concat, results that are outputs or that a Relu reads, which runs
 * for all items. */
static void random_graph(uint64_t *seed)
{
    int32_t v[NODES + 1] = {begin()}, wide = -1;
    const int relu_at = (int)(draw_u64(seed) % (2 * NODES)); /* often none */
    for (int i = 0; i < NODES; i++) {
        const int back = (int)(draw_u64(seed) % 3);
        const int32_t a = v[MAX(0, i - back)], b = v[draw_u64(seed) % (uint64_t)(i + 1)];
        v[i + 1] = i == relu_at ? model_node(&m, "Relu", 14, a, -1, -1)
                                : add_any(draw_u64(seed) % 5, a, b, &wide);
    }
    if (wide >= 0 && draw_u64(seed) % 2)
        add_output_of("some", wide, 2 * BLOCKS);
    else
        add_output("some", v[draw_u64(seed) % NODES]);
    add_output("last", v[NODES]);
}

/* ---- runs ---- */

static struct tensor images(int64_t n, float *data)
{
    return (struct tensor){DT_F32, 4, {n, CHANNELS, SIDE, SIDE}, data};
}

static uint32_t item_steps(const struct program *p, int64_t n, uint64_t *values_bytes)
{
    struct plan pl;
    const struct tensor in = images(n, NULL);
    const int64_t symbols[ARTIFACT_SYMBOLS_MAX] = {n};
    const struct plan_shapes shapes = {&in, symbols, NULL};
    void *book = alloc_aligned(PLAN_ALIGN, plan_book_bytes(p));
    ck_assert_ptr_nonnull(book);
    ck_ok(plan_make(&pl, p, &shapes, book, &err), &err);
    const uint32_t steps = pl.item_steps;
    if (values_bytes)
        *values_bytes = pl.values_bytes;
    alloc_free(book);
    return steps;
}

static float batch_out[2][BATCH * 2 * BLOCKED];

/* Both outputs of a batch, and each item's beside them. */
static void compare(struct program *p, bool misaligned)
{
    struct arena arena;
    struct session *s;
    struct tensor out[2], in = images(BATCH, x);
    size_t bytes[2]; /* of an item */
    if (misaligned)
        in.data = memmove((uint8_t *)x + 1, x, sizeof(x) - sizeof(float));
    arena_init(&arena, 1 << 28, NULL);
    ck_assert_int_eq(session_new(&arena, &s), OK);
    ck_ok(session_run(s, p, &in, out, NULL, &err), &err);
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(out[k].dims[0], BATCH);
        bytes[k] = (size_t)tensor_count(&out[k]) / BATCH * sizeof(float);
        memcpy(batch_out[k], out[k].data, BATCH * bytes[k]);
    }
    if (misaligned)
        memmove(x, (uint8_t *)x + 1, sizeof(x) - sizeof(float));
    for (int i = 0; i < BATCH; i++) {
        in = images(1, x + (size_t)i * IMAGE);
        ck_ok(session_run(s, p, &in, out, NULL, &err), &err);
        for (int k = 0; k < 2; k++)
            ck_assert_msg(
                !memcmp(out[k].data, (uint8_t *)batch_out[k] + (size_t)i * bytes[k], bytes[k]),
                "output %d of item %d", k, i);
    }
    session_free(&s);
    arena_fini(&arena);
}

START_TEST(a_batch_gives_what_its_items_give)
{
    uint64_t seed = 23;
    int by_items = 0;
    for (int round = 0; round < ROUNDS; round++) {
        fill(&seed);
        random_graph(&seed);
        struct program *p = model_program(&m);
        by_items += item_steps(p, BATCH, NULL) > 0;
        compare(p, round % 3 == 0);
        program_free(&p);
    }
    ck_assert_int_gt(by_items, ROUNDS / 2);
}
END_TEST

/* A chain of pools: two values of an item, and the last one's of all. */
START_TEST(values_take_the_room_of_one_item)
{
    uint64_t five, two;
    int32_t v = begin();
    for (int i = 0; i < 4; i++)
        v = add_pool(v);
    add_output("y", v);
    struct program *p = model_program(&m);
    ck_assert_uint_eq(item_steps(p, BATCH, &five), 5);
    ck_assert_uint_eq(item_steps(p, 3, &two), 5);
    ck_assert_uint_eq(five - two, 2 * BLOCKED * sizeof(float));
    ck_assert_uint_eq(five, (2 + BATCH) * BLOCKED * sizeof(float));
    program_free(&p);
}
END_TEST

/* What a later step reads is of all items, what the steps before it need alone is not. */
START_TEST(steps_for_all_items_follow)
{
    int32_t v = add_pool(add_pool(begin()));
    int32_t y = model_node(&m, "Relu", 14, v, -1, -1);
    add_output("y", add_pool(y));
    struct program *p = model_program(&m);
    ck_assert_uint_eq(item_steps(p, BATCH, NULL), 3);
    ck_assert_uint_eq(item_steps(p, 1, NULL), 0);
    program_free(&p);
}
END_TEST

START_TEST(values_that_are_near_run_for_all_items)
{
    model_init(&m);
    int32_t v = model_input(&m, "x", DT_F32, 4, (int64_t[]){DIM_SYMBOL_0, CHANNELS, SIDE, SIDE});
    v = model_node(&m, "BlockPack", 1, v, -1, -1);
    v = model_node(&m, "BlockAveragePool", 1, v, -1, -1); /* of the whole image */
    for (int i = 0; i < 3; i++)
        v = add_scale(v, false);
    model_output(&m, "y", v, DT_F32, 5, (int64_t[]){DIM_SYMBOL_0, BLOCKS, 1, 1, 16});
    struct program *p = model_program(&m);
    ck_assert_uint_eq(item_steps(p, 2, NULL), 0); /* twice 205 KB */
    ck_assert_uint_eq(item_steps(p, 3, NULL), 5);
    program_free(&p);
}
END_TEST

/* A constant that has the batch's dim, a Concat of items, weights that come with a request. */
START_TEST(what_is_not_of_items_runs_for_all)
{
    const int64_t all[] = {BATCH, BLOCKS, SIDE, SIDE, 16};
    static float z[BATCH * BLOCKED];
    int32_t v = add_pool(begin());
    add_output("y", add_conv(v, BLOCKS, model_const(&m, DT_F32, 5, all, z)));
    m.inputs[0].dims[0] = m.outputs[0].dims[0] = BATCH;
    m.src.signature.n_symbols = 0;
    struct program *p = model_program(&m);
    ck_assert_uint_eq(item_steps(p, BATCH, NULL), 2);
    program_free(&p);

    v = add_pool(begin());
    v = add_concat(v, v, 0);
    model_output(&m, "y", v, DT_F32, 5, (int64_t[]){DIM_FREE, BLOCKS, SIDE, SIDE, 16});
    p = model_program(&m);
    ck_assert_uint_eq(item_steps(p, BATCH, NULL), 2);
    program_free(&p);
}
END_TEST

/* As a constant Z is refused for a batch when it is of one item, so it is where steps run item by
 * item. */
START_TEST(what_does_not_fit_a_batch_is_refused)
{
    const int64_t one[] = {1, BLOCKS, SIDE, SIDE, 16};
    static float z[BLOCKED];
    struct arena arena;
    struct session *s;
    struct tensor out[1], in = images(BATCH, x);
    int32_t v = add_pool(begin());
    add_output("y", add_conv(v, BLOCKS, model_const(&m, DT_F32, 5, one, z)));
    struct program *p = model_program(&m);
    arena_init(&arena, 1 << 28, NULL);
    ck_assert_int_eq(session_new(&arena, &s), OK);
    ck_assert_int_eq(session_run(s, p, &in, out, NULL, &err), E_BAD_INPUT);
    ck_assert_msg(strstr(err.msg, "input 3") != NULL, "%s", err.msg);
    session_free(&s);
    arena_fini(&arena);
    program_free(&p);
}
END_TEST

/* Their dim 0 is as many as there are items, and counts blocks. */
START_TEST(weights_of_a_request_are_no_items)
{
    enum { LARGE = 96 };
    static float image[BLOCKS * CHANNELS * LARGE * LARGE];
    struct arena arena;
    struct session *s;
    struct tensor out[1];
    const struct tensor in[] = {{DT_F32, 4, {BLOCKS, CHANNELS, LARGE, LARGE}, image},
                                {DT_F32, 6, {BLOCKS, BLOCKS, 1, 1, 16, 16}, w}};
    model_init(&m);
    const int32_t a = model_input(&m, "x", DT_F32, 4, in[0].dims);
    const int32_t b = model_input(&m, "w", DT_F32, 6, in[1].dims);
    const int32_t v[] = {add_pool(model_node(&m, "BlockPack", 1, a, -1, -1)), b};
    model_output(&m, "y", model_node_n(&m, "BlockConv", 1, v, 2, 1), DT_F32, 5,
                 (int64_t[]){BLOCKS, BLOCKS, LARGE, LARGE, 16});
    struct program *p = model_program(&m);
    arena_init(&arena, 1 << 28, NULL);
    ck_assert_int_eq(session_new(&arena, &s), OK);
    ck_ok(session_run(s, p, in, out, NULL, &err), &err);
    session_free(&s);
    arena_fini(&arena);
    program_free(&p);
}
END_TEST

START_TEST(inputs_that_disagree_have_no_items)
{
    const struct tensor fit[] = {{DT_F32, 2, {3, 4}, NULL}, {DT_F32, 1, {3}, NULL}};
    const struct tensor other[] = {{DT_F32, 2, {3, 4}, NULL}, {DT_F32, 1, {4}, NULL}};
    const struct tensor scalar[] = {{DT_F32, 2, {3, 4}, NULL}, {DT_F32, 0, {0}, NULL}};
    const struct tensor none[] = {{DT_F32, 2, {0, 4}, NULL}, {DT_F32, 1, {0}, NULL}};
    model_init(&m);
    int32_t a = model_input(&m, "a", DT_F32, 2, (int64_t[]){DIM_FREE, 4});
    model_input(&m, "b", DT_F32, 1, (int64_t[]){DIM_FREE});
    model_output(&m, "y", model_node(&m, "Relu", 14, a, -1, -1), DT_F32, 2,
                 (int64_t[]){DIM_FREE, 4});
    struct program *p = model_program(&m);
    ck_assert_int_eq(plan_items_of(p, fit), 3);
    ck_assert_int_eq(plan_items_of(p, other), 1);
    ck_assert_int_eq(plan_items_of(p, scalar), 1);
    ck_assert_int_eq(plan_items_of(p, none), 1);
    program_free(&p);
}
END_TEST

/* A run that ends among the items leaves the plan as it was. */
START_TEST(a_run_that_ends_early_leaves_a_plan_that_works)
{
    uint64_t seed = 29;
    struct arena arena;
    struct session *s;
    struct tensor out[2], in = images(BATCH, x);
    fill(&seed);
    int32_t v = add_pool(begin());
    add_output("some", v);
    add_output("last", add_conv(v, BLOCKS, v));
    struct program *p = model_program(&m);
    arena_init(&arena, 1 << 28, NULL);
    ck_assert_int_eq(session_new(&arena, &s), OK);
    for (uint64_t steps = 1; steps < 3 * BATCH; steps++) {
        const struct run_limits limits = {.steps_max = steps};
        ck_assert_int_eq(session_run(s, p, &in, out, &limits, &err), E_STEPS);
    }
    ck_ok(session_run(s, p, &in, out, NULL, &err), &err);
    ck_assert_uint_eq(session_plans_made(s), 1);
    session_free(&s);
    arena_fini(&arena);
    compare(p, false);
    program_free(&p);
}
END_TEST

Suite *suite_items(void)
{
    return SUITE("items", a_batch_gives_what_its_items_give, values_take_the_room_of_one_item,
                 steps_for_all_items_follow, values_that_are_near_run_for_all_items,
                 what_is_not_of_items_runs_for_all, what_does_not_fit_a_batch_is_refused,
                 weights_of_a_request_are_no_items, inputs_that_disagree_have_no_items,
                 a_run_that_ends_early_leaves_a_plan_that_works);
}
