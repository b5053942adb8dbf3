/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The kernels of low precision against their refs, on random shapes, strides, dilations, pads,
 * zero points and types; each operand lies in memory of exactly its size, so that a sanitizer sees
 * a step beyond it.
 *
 * Bytes by int8 are compared bit by bit: sums are integers, and what follows is float32 in one
 * order (tests run under each level of ROOST_CPU, and all equal one ref). Activations with
 * exponentials are within 2e-6 of the ref's, and a byte within one step.
 * Sums of k products of numbers in [-1, 1) in float32, another order: 4 * 2^-24 * (k + 2), as for
 * conv_f32. The instruction for bfloat16 takes two products at a time, rounds to nearest and takes
 * subnormals as 0: within the same bound. A bfloat16 result is 2^-8 of its size off at most. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kernels/narrow_priv.h"
#include "kernels_support.h"
#include "tensor/tensor.h"

enum { ROUNDS = 150 };

static uint64_t seed;

static void *room(int64_t n, enum narrow_type t)
{
    void *p = alloc_new((size_t)(MAX(n, 1) * narrow_bytes(t)));
    ck_assert_ptr_nonnull(p);
    return p;
}

/* Numbers of a type; extreme: bytes are 0 or 255. */
static void fill(void *to, int64_t n, enum narrow_type t, bool extreme)
{
    for (int64_t i = 0; i < n; i++) {
        float v;
        random_fill(&seed, &v, 1);
        if (t == NARROW_U8)
            ((uint8_t *)to)[i] =
                (uint8_t)(extreme ? 255 * random_int(&seed, 0, 1) : random_int(&seed, 0, 255));
        else if (t == NARROW_BF16)
            ((uint16_t *)to)[i] = f32_to_bf16(v);
        else
            ((float *)to)[i] = v;
    }
}

static struct narrow_data numbers(int64_t n, enum narrow_type t, bool extreme)
{
    struct narrow_data d = {.type = t, .scale = 0.01f, .zero = (int32_t)random_int(&seed, 0, 255)};
    d.data = room(n, t);
    fill(d.data, n, t, extreme);
    return d;
}

static float *row(int64_t n, float factor)
{
    float *x = room(n, NARROW_F32);
    random_fill(&seed, x, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        x[i] *= factor;
    return x;
}

static void random_window(struct narrow *c, int d)
{
    c->kernel[d] = random_int(&seed, 1, random_int(&seed, 0, 3) ? 4 : 6);
    c->stride[d] = random_int(&seed, 1, 3);
    c->dilation[d] = random_int(&seed, 1, 2);
    c->pad[d] = random_int(&seed, 0, 1) * random_int(&seed, 0, 3);
    int64_t reach = (c->kernel[d] - 1) * c->dilation[d] + 1;
    int64_t pad_end = c->pad[d] ? random_int(&seed, 0, 3) : 0;
    c->in[d] = random_int(&seed, 1, d ? 20 : 9);
    c->in[d] = MAX(c->in[d], reach - c->pad[d] - pad_end);
    c->out[d] = (c->in[d] + c->pad[d] + pad_end - reach) / c->stride[d] + 1;
}

static struct narrow random_run(enum narrow_form form, enum narrow_type type)
{
    struct narrow c = {.form = form, .batch = 1, .groups = 1, .in_c = 1, .out_blocks = 1};
    c.x.type = type;
    if (form == NARROW_PRODUCT) {
        c.in_c = random_int(&seed, 1, 70);
        c.out_c = random_int(&seed, 1, 90);
        c.out_blocks = block_count(c.out_c);
        for (int d = 0; d < 2; d++)
            c.in[d] = c.out[d] = c.kernel[d] = c.stride[d] = c.dilation[d] = 1;
        c.in[1] = c.out[1] = random_int(&seed, 1, random_int(&seed, 0, 1) ? 2 : 21);
        return c;
    }
    for (int d = 0; d < 2; d++)
        random_window(&c, d);
    c.batch = random_int(&seed, 1, 2);
    c.groups = random_int(&seed, 1, 2);
    if (form == NARROW_DIRECT) {
        c.in_c = random_int(&seed, 1, 40);
        c.out_blocks = random_int(&seed, 1, 3);
    }
    return c;
}

/* Elements of each operand. */
struct sizes {
    int64_t x, y, w, lanes, terms;
};

static struct sizes sizes_of(const struct narrow *c)
{
    const int64_t places = c->kernel[0] * c->kernel[1], word = narrow_word(c->x.type);
    const int64_t blocks = c->groups * c->out_blocks, plane = c->out[0] * c->out[1];
    struct sizes s = {.lanes = blocks * BLOCK_LANES, .terms = places * c->in_c};
    s.x = c->batch * c->groups * block_count(c->in_c) * c->in[0] * c->in[1] * BLOCK_LANES;
    if (c->planes)
        s.x = c->batch * c->in_c * c->in[0] * c->in[1];
    s.y = c->batch * s.lanes * plane;
    s.w = s.lanes * places * narrow_words(c->x.type, c->in_c) * word;
    if (c->form == NARROW_DEPTHWISE)
        s.w = s.lanes * places;
    if (c->form == NARROW_PRODUCT) {
        s.x = c->in[1] * c->in_c;
        s.y = c->out[1] * c->out_c;
    }
    return s;
}

static void *weights(const struct narrow *c, int64_t n, bool extreme)
{
    const bool bytes = c->x.type == NARROW_U8, deep = c->form == NARROW_DEPTHWISE;
    void *w = room(n, deep ? NARROW_F32 : bytes ? NARROW_U8 : NARROW_BF16);
    fill(w, n, deep ? NARROW_F32 : bytes ? NARROW_U8 : NARROW_BF16, false);
    /* The depthwise form takes more than a byte, as long as sums are exact. */
    int64_t most = NARROW_WEIGHT_MOST;
    if (deep && random_int(&seed, 0, 1))
        most = (1 << 24) / UINT8_MAX / c->kernel[0] / c->kernel[1];
    for (int64_t i = 0; bytes && i < n; i++) {
        int64_t v =
            extreme ? most * (2 * random_int(&seed, 0, 1) - 1) : random_int(&seed, -most, most);
        if (deep)
            ((float *)w)[i] = (float)v;
        else
            ((int8_t *)w)[i] = (int8_t)v;
    }
    const int64_t word = narrow_word(c->x.type), words = narrow_words(c->x.type, c->in_c);
    for (int64_t i = 0; !deep && i < n; i++) {
        int64_t channel = i / word / BLOCK_LANES % words * word + i % word;
        if (channel >= c->in_c) /* behind the last */
            memset((uint8_t *)w + i * (bytes ? 1 : 2), 0, bytes ? 1 : 2);
    }
    return w;
}

/* A type's numbers as float32. */
static float *widened(const struct narrow_data *d, int64_t n)
{
    float *to = room(n, NARROW_F32);
    for (int64_t i = 0; i < n; i++)
        to[i] = d->type == NARROW_U8     ? (float)((uint8_t *)d->data)[i]
                : d->type == NARROW_BF16 ? bf16_to_f32(((uint16_t *)d->data)[i])
                                         : ((float *)d->data)[i];
    return to;
}

static void expect_same(const struct narrow_data *fast, const struct narrow_data *ref, int64_t n,
                        bool exact, double tol)
{
    if (exact) {
        ck_assert_mem_eq(fast->data, ref->data, (size_t)(n * narrow_bytes(ref->type)));
        return;
    }
    float *got = widened(fast, n), *want = widened(ref, n);
    if (ref->type == NARROW_U8)
        expect_close(got, want, (size_t)n, 0, 1 + tol / (double)ref->scale);
    else
        expect_close(got, want, (size_t)n, ref->type == NARROW_BF16 ? 0x1p-7 : 4 * 0x1p-23, tol);
    alloc_free(got);
    alloc_free(want);
}

/* Whole, or in parts. */
static void run_some_way(const struct narrow *c)
{
    if (random_int(&seed, 0, 1)) {
        narrow_run(c);
        return;
    }
    for (int64_t phase = 0; phase < narrow_phases(c); phase++) {
        int64_t items = narrow_items(c, phase), half = items / 2;
        narrow_part(c, phase, half, items); /* items stand alone: any order */
        narrow_part(c, phase, 0, half);
    }
}

/* like: x's or float32. */
static enum narrow_type random_type(const struct narrow *c, bool like)
{
    const enum narrow_type any = (enum narrow_type)random_int(&seed, 0, NARROW_TYPES - 1);
    return like && any != NARROW_F32 ? c->x.type : any;
}

static void random_end(struct narrow *c, const struct sizes *s, bool extreme)
{
    struct narrow_end *e = &c->end;
    const bool bytes = c->x.type == NARROW_U8;
    float each = bytes ? 1.0f / (float)(50 * s->terms) : 1;
    e->scale = bytes ? row(s->lanes, each) : NULL;
    e->bias = random_int(&seed, 0, 1) ? row(s->lanes, 1) : NULL;
    const bool like = random_int(&seed, 0, 1); /* what tiles say themselves */
    if (random_int(&seed, 0, 1))
        e->sum = numbers(s->y, random_type(c, like), extreme);
    e->y = numbers(s->y, random_type(c, like), false);
    e->epilogue.act = (enum activation)random_int(&seed, ACT_NONE, like ? 3 : (int)ACT_LAST);
    if (like && e->epilogue.act > ACT_CLIP)
        e->epilogue.act = ACT_GELU;
    e->epilogue.low = e->epilogue.act == ACT_CLIP ? -0.5f : 0.1f;
    e->epilogue.high = 0.75f;
}

static void compare(struct narrow *c, bool extreme)
{
    const struct sizes s = sizes_of(c);
    uint64_t bytes;
    const enum narrow_type type = c->x.type;
    c->x = numbers(s.x, type, extreme);
    c->w = weights(c, s.w, extreme);
    random_end(c, &s, extreme);
    ck_assert(narrow_scratch(c, &bytes));
    c->scratch = alloc_aligned(64, MAX(bytes, 1));
    ck_assert_ptr_nonnull(c->scratch);
    run_some_way(c);
    const struct narrow_data fast = c->end.y;
    c->end.y.data = room(s.y, fast.type);
    narrow_run_ref(c);
    bool exact = type == NARROW_U8 && c->end.epilogue.act <= ACT_LEAKY_RELU;
    double tol = type == NARROW_U8 ? 0 : 4 * 0x1p-24 * (double)(s.terms + 2);
    expect_same(&fast, &c->end.y, s.y, exact, tol + 4e-6);
    void *const all[] = {c->x.data,       (void *)c->w, (void *)c->end.scale, (void *)c->end.bias,
                         c->end.sum.data, fast.data,    c->end.y.data,        c->scratch};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        alloc_free(all[i]);
}

static const struct {
    enum narrow_form form;
    enum narrow_type type;
} kinds[] = {{NARROW_DIRECT, NARROW_U8},    {NARROW_DIRECT, NARROW_BF16},
             {NARROW_DIRECT, NARROW_F32},   {NARROW_PRODUCT, NARROW_U8},
             {NARROW_PRODUCT, NARROW_BF16}, {NARROW_PRODUCT, NARROW_F32},
             {NARROW_DEPTHWISE, NARROW_U8}, {NARROW_DEPTHWISE, NARROW_BF16}};

START_TEST(each_kind_is_its_ref)
{
    for (int round = 0; round < ROUNDS; round++) {
        seed = (uint64_t)(_i * 1000 + round);
        struct narrow c = random_run(kinds[_i].form, kinds[_i].type);
        compare(&c, false);
    }
}
END_TEST

/* All bytes 0 or 255, all weights of the largest magnitude: nothing saturates on the way. */
START_TEST(the_largest_bytes_and_weights_do_not_saturate)
{
    for (int round = 0; round < ROUNDS; round++) {
        seed = (uint64_t)(round + 7);
        struct narrow c = random_run(round % 3 ? NARROW_DIRECT : NARROW_PRODUCT, NARROW_U8);
        compare(&c, true);
    }
}
END_TEST

START_TEST(the_largest_of_all_sums_is_exact)
{
    enum { K = 512 };
    uint8_t x[K];
    int8_t w[K * BLOCK_LANES];
    float scale[BLOCK_LANES], y[BLOCK_LANES];
    memset(x, 255, sizeof(x));
    for (int i = 0; i < K * BLOCK_LANES; i++)
        w[i] = (int8_t)(i / 4 % 2 ? -NARROW_WEIGHT_MOST : NARROW_WEIGHT_MOST);
    for (int i = 0; i < BLOCK_LANES; i++)
        scale[i] = 1;
    const struct narrow c = {.form = NARROW_PRODUCT,
                             .batch = 1,
                             .groups = 1,
                             .in_c = K,
                             .out_blocks = 1,
                             .out_c = BLOCK_LANES,
                             .in = {1, 1},
                             .out = {1, 1},
                             .kernel = {1, 1},
                             .stride = {1, 1},
                             .dilation = {1, 1},
                             .x = {.type = NARROW_U8, .data = x},
                             .w = w,
                             .end = {.scale = scale, .y = {.type = NARROW_F32, .data = y}}};
    narrow_run(&c);
    for (int i = 0; i < BLOCK_LANES; i++)
        ck_assert(y[i] == (float)((i % 2 ? -1 : 1) * K * 255 * NARROW_WEIGHT_MOST));
}
END_TEST

/* More than one band of positions; few products, as the emulated processors take their time. */
START_TEST(large_ones_are_cut_into_bands)
{
    seed = 5;
    struct narrow c = {.form = NARROW_DIRECT,
                       .batch = 1,
                       .groups = 1,
                       .in_c = 130,
                       .out_blocks = 1,
                       .in = {60, 61},
                       .out = {62, 63},
                       .kernel = {1, 1},
                       .stride = {1, 1},
                       .dilation = {1, 1},
                       .pad = {1, 1},
                       .x = {.type = kinds[_i].type}};
    ck_assert_int_gt(narrow_items(&c, 1), 1);
    ck_assert_int_eq(narrow_phases(&c), 2);
    compare(&c, false);
}
END_TEST

/* Rows of a frame that is made band by band, the last band with fewer. */
START_TEST(frames_of_one_block_are_made_where_they_are_read)
{
    for (int stride = 1; stride <= 2 && kinds[_i].form != NARROW_PRODUCT; stride++) {
        seed = (uint64_t)stride;
        struct narrow c = random_run(kinds[_i].form, kinds[_i].type);
        c.batch = c.groups = 2;
        c.in_c = c.form == NARROW_DEPTHWISE ? 1 : 5;
        for (int d = 0; d < 2; d++) {
            c.in[d] = 61;
            c.kernel[d] = 3;
            c.dilation[d] = c.pad[d] = 1;
            c.stride[d] = stride;
            c.out[d] = (c.in[d] - 1) / stride + 1;
        }
        compare(&c, false);
    }
}
END_TEST

/* One row by weights that are not near, the last tile with fewer blocks. */
START_TEST(one_row_by_many_weights_is_its_ref)
{
    for (int round = 0; round < 6; round++) {
        const int64_t out_c = round % 2 ? 96 : 70;
        seed = (uint64_t)round;
        struct narrow c = random_run(NARROW_PRODUCT, (enum narrow_type)_i);
        c.in[1] = c.out[1] = 1;
        c.in_c = 4099;
        c.out_c = out_c;
        c.out_blocks = block_count(out_c);
        ck_assert_int_gt(sizes_of(&c).w, (int64_t)NARROW_NEAR_BYTES);
        compare(&c, false);
    }
}
END_TEST

/* Rows of several tiles, with and without a rest, and after the weights that are asked for. */
START_TEST(rows_of_many_tiles_are_their_ref)
{
    for (int round = 0; round < 40 && kinds[_i].form != NARROW_PRODUCT; round++) {
        seed = (uint64_t)round;
        struct narrow c = random_run(kinds[_i].form, kinds[_i].type);
        c.batch = 1;
        c.in_c = c.form == NARROW_DEPTHWISE ? 1 : random_int(&seed, 1, 20);
        const int64_t side = c.form == NARROW_DEPTHWISE ? 3 : random_int(&seed, 0, 1) ? 1 : 3;
        const int64_t stride = random_int(&seed, 1, 2);
        for (int d = 0; d < 2; d++) {
            c.in[d] = random_int(&seed, 3, d ? 60 : 9);
            c.kernel[d] = side;
            c.dilation[d] = 1;
            c.pad[d] = side / 2;
            c.stride[d] = stride;
            c.out[d] = (c.in[d] - 1) / stride + 1;
        }
        compare(&c, false);
    }
}
END_TEST

/* Channels that a word holds, in planes: any window, and one in a row of many tiles. */
START_TEST(planes_of_bytes_are_their_ref)
{
    for (int round = 0; round < ROUNDS; round++) {
        seed = (uint64_t)(round + 11);
        struct narrow c = random_run(NARROW_DIRECT, NARROW_U8);
        c.planes = true;
        c.groups = 1;
        c.in_c = random_int(&seed, 1, NARROW_PLANES_MOST);
        if (round % 4 == 0) {
            c.in[1] = random_int(&seed, 30, 90);
            c.kernel[1] = 3;
            c.dilation[1] = c.pad[1] = 1;
            c.out[1] = (c.in[1] - 1) / c.stride[1] + 1;
        }
        compare(&c, round % 3 == 0);
    }
}
END_TEST

/* Kernels of more runs of words than a list holds. */
START_TEST(what_no_list_holds_is_run_without)
{
    seed = 9;
    struct narrow c = random_run(NARROW_DIRECT, NARROW_U8);
    c.batch = c.groups = c.in_c = 1;
    for (int d = 0; d < 2; d++) {
        c.kernel[d] = c.out[d] = c.stride[d] = c.dilation[d] = c.in[d] = 1;
        c.pad[d] = 0;
    }
    c.kernel[1] = NARROW_LISTED_MOST + 1;
    c.out[1] = 19;
    c.in[1] = c.kernel[1] + c.out[1] - 1;
    compare(&c, false);
    c = random_run(NARROW_PRODUCT, NARROW_BF16);
    c.in_c = 2 * NARROW_RUN * NARROW_LISTED_MOST + 1;
    compare(&c, false);
}
END_TEST

/* The activation of transformers from -8 to 8 and far beyond, as bytes of fine steps: within half a
 * step and 3.1e-6 of the number's size. A tile's rows end in it, a single row behind it. */
START_TEST(gelu_is_near_as_bytes)
{
    enum { COLUMNS = 1024, ROWS = 8 };
    float scale[COLUMNS], bias[COLUMNS];
    uint8_t x[ROWS * 4] = {0}, *y = room(ROWS * COLUMNS, NARROW_U8);
    int8_t *w = alloc_zero(COLUMNS * 4, 1);
    ck_assert_ptr_nonnull(w);
    for (int i = 0; i < COLUMNS; i++) {
        scale[i] = 1;
        bias[i] = i == 0 ? -1e5f : i == 1 ? 1e5f : (float)(i - COLUMNS / 2) / 64;
    }
    struct narrow c = random_run(NARROW_PRODUCT, NARROW_U8);
    c.in_c = 4;
    c.out_c = COLUMNS;
    c.out_blocks = block_count(COLUMNS);
    c.in[1] = c.out[1] = _i ? ROWS : 1;
    c.x = (struct narrow_data){.type = NARROW_U8, .scale = 1, .data = x};
    c.w = w;
    c.end = (struct narrow_end){.scale = scale,
                                .bias = bias,
                                .y = {.type = NARROW_U8, .scale = 1.0f / 1024, .data = y},
                                .epilogue = {.act = ACT_GELU}};
    for (int32_t zero = 0; zero < 256; zero += 200) {
        c.end.y.zero = zero;
        narrow_run(&c);
        for (int64_t i = 0; i < c.out[1] * COLUMNS; i++) {
            const double v = (double)bias[i % COLUMNS], exact = v * erfc(-v / sqrt(2)) / 2;
            const double want = fmin(fmax(exact * 1024, -zero), 255 - zero) + zero;
            ck_assert_double_eq_tol((double)y[i], want, 0.501 + 3.1e-6 * fabs(v) * 1024);
        }
    }
    alloc_free(w);
    alloc_free(y);
}
END_TEST

/* A NaN or an infinity in x shows in every output that takes it in, and in no other. */
START_TEST(what_is_not_finite_stays_where_it_belongs)
{
    enum { SIDE = 9, MIDDLE = 40 };
    const enum narrow_type type = _i ? NARROW_BF16 : NARROW_F32;
    struct narrow c = {.form = NARROW_DIRECT,
                       .batch = 1,
                       .groups = 1,
                       .in_c = 16,
                       .out_blocks = 1,
                       .in = {SIDE, SIDE},
                       .out = {SIDE, SIDE},
                       .kernel = {3, 3},
                       .stride = {1, 1},
                       .dilation = {1, 1},
                       .pad = {1, 1}};
    seed = 3;
    c.x.type = type;
    const struct sizes s = sizes_of(&c);
    uint64_t bytes;
    c.x = numbers(s.x, type, false);
    c.w = weights(&c, s.w, false);
    if (_i)
        ((uint16_t *)c.x.data)[MIDDLE * 16 + 3] = 0x7fc0;
    else
        ((float *)c.x.data)[MIDDLE * 16 + 3] = NAN;
    c.end.y = numbers(s.y, NARROW_BF16, false);
    ck_assert(narrow_scratch(&c, &bytes));
    c.scratch = alloc_aligned(64, bytes);
    narrow_run(&c);
    for (int i = 0; i < SIDE * SIDE; i++) {
        bool near = abs(i / SIDE - MIDDLE / SIDE) < 2 && abs(i % SIDE - MIDDLE % SIDE) < 2;
        ck_assert_int_eq(isnan(bf16_to_f32(((uint16_t *)c.end.y.data)[i * 16 + 5])) != 0, near);
    }
    void *const all[] = {c.x.data, (void *)c.w, c.end.y.data, c.scratch};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        alloc_free(all[i]);
}
END_TEST

/* What every kind of number becomes as a byte and as a bfloat16. */
START_TEST(results_round_and_saturate_as_the_ref_does)
{
    static const float special[] = {NAN,    INFINITY, -INFINITY, 0,         -0.0f,    0.5f,
                                    1.5f,   2.5f,     -0.5f,     254.5f,    255.5f,   1e30f,
                                    -1e30f, 1e-40f,   0x1.01p0f, 0x1.03p0f, 3.39e38f, 127.49f};
    for (int type = 0; type < NARROW_TYPES; type++)
        for (int act = ACT_NONE; act <= ACT_LEAKY_RELU; act++) {
            enum { N = 48 };
            float x[N], scale[N], shift[N];
            uint32_t fast[N] = {0}, ref[N] = {0};
            for (int i = 0; i < N; i++) {
                x[i] = special[(size_t)i % ARRAY_COUNT(special)];
                scale[i] = 1;
                shift[i] = i < 18 ? 0 : 0.25f;
            }
            struct narrow_scale s = {
                .batch = 1,
                .blocks = 3,
                .plane = 1,
                .x = {.type = NARROW_F32, .data = x},
                .end = {.scale = scale,
                        .bias = shift,
                        .y = {.type = (enum narrow_type)type, .scale = 1, .zero = 3, .data = fast},
                        .epilogue = {(enum activation)act, 0.5f, 200}}};
            narrow_scale_run(&s);
            s.end.y.data = ref;
            narrow_scale_run_ref(&s);
            for (int i = 0; i < N && type == NARROW_F32; i++)
                ck_assert(((float *)fast)[i] == ((float *)ref)[i] ||
                          (isnan(((float *)fast)[i]) && isnan(((float *)ref)[i])));
            if (type != NARROW_F32)
                ck_assert_mem_eq(fast, ref, N * (size_t)narrow_bytes((enum narrow_type)type));
        }
}
END_TEST

/* The same of a row's products, whose bias they are, at scales whose reciprocals or multiples are
 * near the ends of float32. */
START_TEST(a_row_rounds_and_saturates_as_the_ref_does)
{
    static const float special[] = {NAN,  INFINITY, -INFINITY, 0,      -0.0f,  0.5f,  1.5f,
                                    2.5f, -0.5,     254.5f,    255.5f, 127.5f, 1e30f, -1e30f};
    static const float steps[] = {1, 1e-37f, 0.25f, 1e30f, 1e37f};
    enum { N = 40, K = 7 };
    const uint8_t x[K] = {0};
    const int8_t w[2 * 3 * BLOCK_LANES * 4] = {0};
    float ones[3 * BLOCK_LANES], bias[3 * BLOCK_LANES] = {0};
    for (int i = 0; i < 3 * BLOCK_LANES; i++)
        ones[i] = 1;
    for (int round = 0; round < 5 * (ACT_LEAKY_RELU + 1); round++) {
        const float step = steps[round % 5];
        uint8_t fast[N], ref[N];
        for (int i = 0; i < N; i++)
            bias[i] = special[(size_t)i % ARRAY_COUNT(special)] * (i < 14 ? 1 : step);
        struct narrow c = {.form = NARROW_PRODUCT,
                           .batch = 1,
                           .groups = 1,
                           .in_c = K,
                           .out_blocks = 3,
                           .out_c = N,
                           .in = {1, 1},
                           .out = {1, 1},
                           .kernel = {1, 1},
                           .stride = {1, 1},
                           .dilation = {1, 1},
                           .x = {.type = NARROW_U8, .scale = 1, .data = (void *)x},
                           .w = w,
                           .end = {.scale = ones,
                                   .bias = bias,
                                   .y = {NARROW_U8, step, 3, fast},
                                   .epilogue = {(enum activation)(round / 5), 0.5f, 200}}};
        _Alignas(64) uint8_t scratch[64];
        c.scratch = scratch;
        narrow_run(&c);
        c.end.y.data = ref;
        narrow_run_ref(&c);
        ck_assert_mem_eq(fast, ref, N);
    }
}
END_TEST

START_TEST(scales_are_their_ref)
{
    for (int round = 0; round < 2 * ROUNDS; round++) {
        seed = (uint64_t)round;
        struct narrow_scale s = {.batch = random_int(&seed, 1, 2),
                                 .blocks = random_int(&seed, 1, 3),
                                 .plane = random_int(&seed, 1, 40)};
        int64_t lanes = s.blocks * BLOCK_LANES, n = s.batch * lanes * s.plane;
        const enum narrow_type type = (enum narrow_type)random_int(&seed, 0, 2);
        s.x = numbers(n, type, false);
        s.end.scale = row(lanes, type == NARROW_U8 ? 0.01f : 1);
        s.end.bias = row(lanes, 1);
        s.end.y = numbers(n, (enum narrow_type)random_int(&seed, 0, 2), false);
        s.end.epilogue.act = (enum activation)random_int(&seed, ACT_NONE, ACT_LAST);
        s.end.epilogue.low = 0.1f;
        s.end.epilogue.high = 0.6f;
        if (type == NARROW_BF16 && s.end.epilogue.act <= ACT_LEAKY_RELU && round % 2)
            ((uint16_t *)s.x.data)[random_int(&seed, 0, n - 1)] = round % 4 == 1 ? 0x7fc0 : 0xff80;
        narrow_scale_run(&s);
        const struct narrow_data fast = s.end.y;
        s.end.y.data = room(n, fast.type);
        narrow_scale_run_ref(&s);
        expect_same(&fast, &s.end.y, n, s.end.epilogue.act <= ACT_LEAKY_RELU, 4e-6);
        void *const all[] = {s.x.data, (void *)s.end.scale, (void *)s.end.bias, fast.data,
                             s.end.y.data};
        for (size_t i = 0; i < ARRAY_COUNT(all); i++)
            alloc_free(all[i]);
    }
}
END_TEST

/* The layout that the packing makes is the one that the ref reads: a convolution of packed weights
 * is the one of the weights themselves. */
START_TEST(packed_weights_stand_where_kernels_read_them)
{
    enum { OUT = 21, IN = 7, PLACES = 6 };
    const enum narrow_type type = _i ? NARROW_F32 : NARROW_U8;
    float w[OUT * IN * PLACES], scale[32], x[PLACES * 16] = {0}, y[32], ones[32];
    uint8_t bytes[PLACES * 16] = {0};
    int64_t sums[OUT];
    seed = 11;
    random_fill(&seed, w, ARRAY_COUNT(w));
    struct narrow_packing p = {.x = type,
                               .out = OUT,
                               .in = IN,
                               .places = PLACES,
                               .w = w,
                               .w_out = IN * PLACES,
                               .w_in = PLACES,
                               .scale = scale,
                               .sums = sums};
    narrow_weight_scales(&p, scale);
    p.to = room((int64_t)narrow_packed_bytes(&p), NARROW_U8);
    narrow_pack(&p);
    for (int i = 0; i < 32; i++)
        ones[i] = 1;
    for (int place = 0; place < PLACES; place++)
        for (int i = 0; i < IN; i++)
            bytes[place * 16 + i] = (uint8_t)(x[place * 16 + i] = (float)(place + 2 * i));
    const struct narrow c = {
        .form = NARROW_DIRECT,
        .batch = 1,
        .groups = 1,
        .in_c = IN,
        .out_blocks = 2,
        .in = {2, 3},
        .out = {1, 1},
        .kernel = {2, 3},
        .stride = {1, 1},
        .dilation = {1, 1},
        .x = {.type = type, .data = type == NARROW_U8 ? (void *)bytes : (void *)x},
        .w = p.to,
        .end = {.scale = ones, .y = {.type = NARROW_F32, .data = y}}};
    narrow_run_ref(&c);
    for (int o = 0; o < OUT; o++) {
        double want = 0, weight = 0, q = 0;
        for (int k = 0; k < IN * PLACES; k++) {
            want += (double)w[o * IN * PLACES + k] * (k % PLACES + 2 * (k / PLACES));
            weight += fabs((double)w[o * IN * PLACES + k]);
            q += type == NARROW_U8 ? rint((double)w[o * IN * PLACES + k] / (double)scale[o]) : 0;
        }
        if (type == NARROW_U8) { /* each weight within half a step */
            ck_assert_double_eq_tol((double)y[o] * (double)scale[o], want,
                                    0.51 * (double)scale[o] * 17 * IN * PLACES);
            ck_assert_int_eq(sums[o], (int64_t)q);
        } else {
            ck_assert_double_eq_tol((double)y[o], want, weight * 17 * 0x1p-8);
        }
    }
    for (int o = OUT; o < 32; o++)
        ck_assert(y[o] == 0);
    alloc_free(p.to);
}
END_TEST

Suite *suite_narrow(void)
{
    Suite *s = suite_create("narrow");
    TCase *t = tcase_create("narrow");
    if (cpu_level() == CPU_AVX512 && !cpu_has_vnni())
        printf("SKIP narrow: the processor has no VPDPBUSD; its tiles only compile\n");
    if (cpu_level() == CPU_AVX512 && !cpu_has_bf16())
        printf("SKIP narrow: the processor has no VDPBF16PS; its tiles only compile\n");
    tcase_add_loop_test(t, each_kind_is_its_ref, 0, (int)ARRAY_COUNT(kinds));
    tcase_add_test(t, the_largest_bytes_and_weights_do_not_saturate);
    tcase_add_test(t, the_largest_of_all_sums_is_exact);
    tcase_add_loop_test(t, large_ones_are_cut_into_bands, 0, 3);
    tcase_add_loop_test(t, frames_of_one_block_are_made_where_they_are_read, 0,
                        (int)ARRAY_COUNT(kinds));
    tcase_add_loop_test(t, one_row_by_many_weights_is_its_ref, 0, NARROW_TYPES);
    tcase_add_loop_test(t, rows_of_many_tiles_are_their_ref, 0, (int)ARRAY_COUNT(kinds));
    tcase_add_test(t, planes_of_bytes_are_their_ref);
    tcase_add_test(t, what_no_list_holds_is_run_without);
    tcase_add_loop_test(t, gelu_is_near_as_bytes, 0, 2);
    tcase_add_loop_test(t, what_is_not_finite_stays_where_it_belongs, 0, 2);
    tcase_add_test(t, results_round_and_saturate_as_the_ref_does);
    tcase_add_test(t, a_row_rounds_and_saturates_as_the_ref_does);
    tcase_add_test(t, scales_are_their_ref);
    tcase_add_loop_test(t, packed_weights_stand_where_kernels_read_them, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
