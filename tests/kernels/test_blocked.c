/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The blocked kernels against their refs: every form of convolution, pools, scales and the ways in
 * and out, on random shapes, strides, dilations and pads; each operand lies in memory of exactly
 * its size, so that a sanitizer sees a step beyond it.
 *
 * Tolerances: sums of k products of numbers in [-1, 1), in float and another order: 4 * 2^-24 *
 * (k + 2), as for conv_f32. Winograd's F(4x4, 3x3) takes sums of up to 100 times the input's
 * magnitude apart again (the largest row sums of |B'| and |A'| are 10 and 19, of |G| 1): measured
 * worst 2.1e-6 * k here, 16 times the direct bound is asked for. */
#include <string.h>

#include "base/alloc.h"
#include "kernels/blocked.h"
#include "kernels_support.h"

enum {
    ROUNDS = 60,
    WINOGRAD_ROUNDS = 12
}; /* its ref takes 36 numbers back to 9 for each product */

static uint64_t seed;

static float *numbers(int64_t n)
{
    float *x = alloc_new((size_t)MAX(n, 1) * sizeof(*x));
    ck_assert_ptr_nonnull(x);
    random_fill(&seed, x, (size_t)n);
    return x;
}

static void random_window(struct block_conv *c, int d)
{
    bool three = c->form == BLOCK_WINOGRAD;
    const int most = c->form == BLOCK_PLAIN ? 9 : 4; /* of a first layer they are large */
    c->kernel[d] = three ? 3 : random_int(&seed, 1, most);
    c->stride[d] = three ? 1 : random_int(&seed, 1, 3);
    c->dilation[d] = three ? 1 : random_int(&seed, 1, 2);
    c->pad[d] = random_int(&seed, 0, 3);
    int64_t reach = (c->kernel[d] - 1) * c->dilation[d] + 1, pad_end = random_int(&seed, 0, 3);
    c->in[d] = random_int(&seed, 1, d ? 40 : 12);
    c->in[d] = MAX(c->in[d], reach - c->pad[d] - pad_end);
    c->out[d] = (c->in[d] + c->pad[d] + pad_end - reach) / c->stride[d] + 1;
}

static struct block_conv random_conv(enum block_form form)
{
    struct block_conv c = {.form = form, .batch = random_int(&seed, 1, 2), .groups = 1};
    c.in_blocks = form == BLOCK_DEPTHWISE || form == BLOCK_PLAIN ? 1 : random_int(&seed, 1, 3);
    c.out_blocks = form == BLOCK_DEPTHWISE ? 1 : random_int(&seed, 1, 3);
    c.in_c = form == BLOCK_PLAIN ? random_int(&seed, 1, 5) : 1;
    if (form == BLOCK_DEPTHWISE || form == BLOCK_DIRECT)
        c.groups = random_int(&seed, 1, 2);
    for (int d = 0; d < 2; d++)
        random_window(&c, d);
    if (form == BLOCK_DIRECT && random_int(&seed, 0, 2) == 0) /* the form of one long row */
        for (int d = 0; d < 2; d++) {
            c.kernel[d] = c.stride[d] = 1;
            c.pad[d] = 0;
            c.out[d] = c.in[d];
        }
    c.epilogue.act = (enum activation)random_int(&seed, ACT_NONE, ACT_LAST);
    c.epilogue.low = c.epilogue.act == ACT_CLIP ? -0.5f : 0.1f;
    c.epilogue.high = 0.75f;
    return c;
}

static int64_t weights_count(const struct block_conv *c)
{
    int64_t places = c->kernel[0] * c->kernel[1], out = c->groups * c->out_blocks * BLOCK_LANES;
    if (c->form == BLOCK_PLAIN)
        return out * places * c->in_c;
    if (c->form == BLOCK_DEPTHWISE)
        return out * places;
    return out * c->in_blocks * BLOCK_LANES * (c->form == BLOCK_WINOGRAD ? 36 : places);
}

/* Weights of Winograd's form come from kernels: not every 36 numbers do. */
static void winograd_numbers(const struct block_conv *c, float *w)
{
    int64_t pairs = weights_count(c) / 36;
    for (int64_t i = 0; i < pairs; i++) {
        float g[9], u[36];
        random_fill(&seed, g, 9);
        block_winograd_weights(g, u);
        for (int k = 0; k < 36; k++)
            w[k * pairs + i] = u[k];
    }
}

static void compare(struct block_conv *c)
{
    int64_t pixels = c->in[0] * c->in[1], out = c->out[0] * c->out[1], lanes;
    int64_t in_lanes = c->form == BLOCK_PLAIN ? c->in_c : c->groups * c->in_blocks * BLOCK_LANES;
    lanes = c->groups * c->out_blocks * BLOCK_LANES;
    int64_t n = c->batch * lanes * out;
    float *x = numbers(c->batch * in_lanes * pixels), *w = numbers(weights_count(c));
    float *bias = numbers(lanes), *sum = numbers(n), *fast = numbers(n), *ref = numbers(n);
    if (c->form == BLOCK_WINOGRAD)
        winograd_numbers(c, w);
    c->x = x;
    c->w = w;
    c->bias = random_int(&seed, 0, 1) ? bias : NULL;
    c->sum = random_int(&seed, 0, 1) ? sum : NULL;
    uint64_t bytes;
    ck_assert(block_conv_scratch(c, &bytes));
    c->scratch = alloc_aligned(64, MAX(bytes, 64));
    ck_assert_ptr_nonnull(c->scratch);
    c->y = fast;
    for (int64_t phase = 0; phase < block_conv_phases(c); phase++) {
        int64_t items = block_conv_items(c, phase), half = items / 2;
        block_conv_part(c, phase, half, items); /* items stand alone: any order */
        block_conv_part(c, phase, 0, half);
    }
    c->y = ref;
    block_conv_f32_ref(c);
    double k = (double)(c->form == BLOCK_PLAIN       ? c->in_c
                        : c->form == BLOCK_DEPTHWISE ? 1
                                                     : c->in_blocks * BLOCK_LANES) *
               (double)(c->kernel[0] * c->kernel[1]);
    double tol = 4 * 0x1p-24 * (k + 2) * (c->form == BLOCK_WINOGRAD ? 16 : 1);
    expect_close(fast, ref, (size_t)n, 4 * 0x1p-23, tol + 2e-6);
    alloc_free(c->scratch);
    float *const all[] = {x, w, bias, sum, fast, ref};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        alloc_free(all[i]);
}

START_TEST(each_form_is_its_ref)
{
    int rounds = _i == BLOCK_WINOGRAD ? WINOGRAD_ROUNDS : ROUNDS;
    for (int round = 0; round < rounds; round++) {
        seed = (uint64_t)(_i * 1000 + round);
        struct block_conv c = random_conv((enum block_form)_i);
        compare(&c);
    }
}
END_TEST

/* Long rows, many tiles and channels: more than one band, more than one chunk of input blocks. */
START_TEST(large_ones_are_cut_into_phases)
{
    static const struct block_conv large[] = {
        {.form = BLOCK_DIRECT, .in_blocks = 20, .out_blocks = 2, .in = {19, 30}, .kernel = {3, 3}},
        {.form = BLOCK_DIRECT, .in_blocks = 24, .out_blocks = 1, .in = {40, 40}, .kernel = {1, 1}},
        {.form = BLOCK_PLAIN, .in_blocks = 1, .out_blocks = 1, .in = {260, 260}, .kernel = {3, 3}},
        {.form = BLOCK_WINOGRAD, .in_blocks = 3, .out_blocks = 4, .in = {50, 47}, .kernel = {3, 3}},
    };
    struct block_conv c = large[_i];
    seed = 7;
    c.batch = c.groups = 1;
    c.in_c = 3;
    for (int d = 0; d < 2; d++) {
        c.stride[d] = c.dilation[d] = 1;
        c.pad[d] = c.kernel[d] / 2;
        c.out[d] = c.in[d];
    }
    c.epilogue.act = ACT_RELU;
    ck_assert_int_gt(block_conv_phases(&c), c.form == BLOCK_WINOGRAD ? 3 : 1);
    compare(&c);
}
END_TEST

/* A NaN or an infinity in x shows in every output that takes it in, and in no other. */
START_TEST(what_is_not_finite_stays_where_it_belongs)
{
    struct block_conv c = {.form = (enum block_form)_i,
                           .batch = 1,
                           .groups = 1,
                           .in_blocks = 1,
                           .out_blocks = 1,
                           .in_c = 2,
                           .in = {20, 20},
                           .out = {20, 20},
                           .kernel = {3, 3},
                           .stride = {1, 1},
                           .dilation = {1, 1},
                           .pad = {1, 1}};
    seed = 3;
    bool plain = c.form == BLOCK_PLAIN;
    float *x = numbers(400 * (plain ? 2 : 16)), *w = numbers(weights_count(&c));
    float *y = numbers(400 * 16);
    uint64_t bytes;
    if (c.form == BLOCK_WINOGRAD)
        winograd_numbers(&c, w);
    ck_assert(block_conv_scratch(&c, &bytes));
    c.scratch = alloc_aligned(64, MAX(bytes, 64));
    x[plain ? 210 : 210 * 16 + 3] = NAN; /* row 10, column 10 */
    c.x = x;
    c.w = w;
    c.y = y;
    block_conv_f32(&c);
    ck_assert(isnan(y[210 * 16 + 3]) && isnan(y[189 * 16 + 3]) && isnan(y[231 * 16 + 3]));
    ck_assert(!isnan(y[3]) && !isnan(y[399 * 16 + 3]) && !isnan(y[205 * 16 + 3]));
    alloc_free(c.scratch);
    alloc_free(x);
    alloc_free(w);
    alloc_free(y);
}
END_TEST

/* Elements of every size, planes of a few positions and of some strips. */
START_TEST(packing_and_unpacking_are_their_refs)
{
    for (int round = 0; round < 4 * ROUNDS; round++) {
        seed = (uint64_t)round;
        struct block_move m = {.batch = random_int(&seed, 1, 2),
                               .channels = random_int(&seed, 1, 40),
                               .plane = random_int(&seed, 1, round % 2 ? 20 : 150),
                               .bytes = 1 << _i};
        const size_t plain = (size_t)(m.batch * m.channels * m.plane * m.bytes);
        const size_t blocked =
            (size_t)(m.batch * block_count(m.channels) * m.plane * BLOCK_LANES * m.bytes);
        uint8_t *x = alloc_new(plain), *back = alloc_new(plain), *ref_back = alloc_new(plain);
        uint8_t *fast = alloc_new(blocked), *ref = alloc_new(blocked);
        ck_assert(x && back && ref_back && fast && ref);
        for (size_t i = 0; i < plain; i++)
            x[i] = (uint8_t)random_int(&seed, 1, 255);
        m.x = x;
        m.y = fast;
        block_pack(&m);
        m.y = ref;
        block_pack_ref(&m);
        ck_assert_mem_eq(fast, ref, blocked);
        m.x = ref;
        m.y = back;
        block_unpack(&m);
        m.y = ref_back;
        block_unpack_ref(&m);
        ck_assert_mem_eq(back, x, plain);
        ck_assert_mem_eq(ref_back, x, plain);
        uint8_t *const all[] = {x, back, ref_back, fast, ref};
        for (size_t i = 0; i < ARRAY_COUNT(all); i++)
            alloc_free(all[i]);
    }
}
END_TEST

START_TEST(scales_are_their_ref_in_place_too)
{
    for (int act = ACT_NONE; act <= ACT_LAST; act++) {
        seed = (uint64_t)act;
        struct block_scale s = {.batch = 2, .blocks = 3, .plane = 7};
        int64_t n = 2 * 3 * 7 * 16;
        float *x = numbers(n), *ref = numbers(n), *scale = numbers(48), *shift = numbers(48);
        s.epilogue = (struct epilogue){(enum activation)act, act == ACT_CLIP ? -0.5f : 0.1f, 0.75f};
        s.x = x;
        s.scale = scale;
        s.shift = shift;
        s.y = ref;
        block_scale_f32_ref(&s);
        s.y = x;
        block_scale_f32(&s);
        expect_close(x, ref, (size_t)n, 1e-5, 2e-6);
        alloc_free(x);
        alloc_free(ref);
        alloc_free(scale);
        alloc_free(shift);
    }
}
END_TEST

Suite *suite_blocked(void)
{
    Suite *s = suite_create("blocked");
    TCase *t = tcase_create("blocked");
    tcase_add_loop_test(t, each_form_is_its_ref, 0, BLOCK_FORMS);
    tcase_add_loop_test(t, large_ones_are_cut_into_phases, 0, 4);
    tcase_add_loop_test(t, what_is_not_finite_stays_where_it_belongs, 0, BLOCK_FORMS);
    tcase_add_loop_test(t, packing_and_unpacking_are_their_refs, 0, 3);
    tcase_add_test(t, scales_are_their_ref_in_place_too);
    suite_add_tcase(s, t);
    return s;
}
