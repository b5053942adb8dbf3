/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pools of blocked tensors against their refs: random windows over every type, into every type,
 * in memory of exactly its size.
 *
 * Maxima are elements of x: the same numbers, or some NaN. Means are of a few hundred numbers at
 * most, which are below 3 in magnitude, in double or in float32: within 4e-6, a bfloat16 within
 * 2^-8 of its size, and a byte may fall on the other side of a half. */
#include "kernels/block_pool.h"

#include "base/alloc.h"
#include "kernels_support.h"
#include "tensor/tensor.h"

enum { ROUNDS = 1200 };

static uint64_t seed;

/* Windows over images of which most are wider than some windows side by side; one in eight is a
 * long row, with windows up to as long, for what goes through a row in several steps. */
static struct block_pool random_pool(void)
{
    const bool is_long = random_int(&seed, 0, 7) == 0;
    struct block_pool p = {.planes = random_int(&seed, 1, is_long ? 1 : 3),
                           .count_pad = random_int(&seed, 0, 1) == 1};
    for (int d = 0; d < 2; d++) {
        const int64_t high = is_long ? 2 : 9, wide = is_long ? 300 : 60;
        p.kernel[d] = random_int(&seed, 1, is_long && d && random_int(&seed, 0, 1) ? 150 : 4);
        p.stride[d] = random_int(&seed, 1, 3);
        p.dilation[d] = random_int(&seed, 1, 2);
        p.pad[d] = random_int(&seed, 0, 3);
        p.pad_end[d] = random_int(&seed, 0, 3);
        int64_t reach = (p.kernel[d] - 1) * p.dilation[d] + 1;
        p.in[d] = random_int(&seed, 1, d ? wide : high);
        p.in[d] = MAX(p.in[d], reach - p.pad[d] - p.pad_end[d]);
        p.out[d] = (p.in[d] + p.pad[d] + p.pad_end[d] - reach) / p.stride[d] + 1;
    }
    return p;
}

static int64_t lanes(const struct block_pool *p, const int64_t extent[2])
{
    return p->planes * extent[0] * extent[1] * BLOCK_LANES;
}

static struct narrow_data numbers(enum narrow_type t, int64_t n)
{
    struct narrow_data d = {.type = t, .scale = 0.01f, .zero = (int32_t)random_int(&seed, 0, 255)};
    d.data = alloc_new((size_t)(n * narrow_bytes(t)));
    ck_assert_ptr_nonnull(d.data);
    for (int64_t i = 0; i < n; i++) {
        float v;
        random_fill(&seed, &v, 1);
        if (t == NARROW_U8)
            ((uint8_t *)d.data)[i] = (uint8_t)random_int(&seed, 0, 255);
        else if (t == NARROW_BF16)
            ((uint16_t *)d.data)[i] = f32_to_bf16(v);
        else
            ((float *)d.data)[i] = v;
    }
    return d;
}

static void set(const struct narrow_data *d, int64_t i, float v)
{
    if (d->type == NARROW_BF16)
        ((uint16_t *)d->data)[i] = f32_to_bf16(v);
    else if (d->type == NARROW_F32)
        ((float *)d->data)[i] = v;
}

static float number(const struct narrow_data *d, int64_t i)
{
    return d->type == NARROW_U8     ? (float)((uint8_t *)d->data)[i]
           : d->type == NARROW_BF16 ? bf16_to_f32(((uint16_t *)d->data)[i])
                                    : ((float *)d->data)[i];
}

static void expect_near(const struct narrow_data *got, const struct narrow_data *want, int64_t n)
{
    const bool bytes = want->type == NARROW_U8;
    for (int64_t i = 0; i < n; i++) {
        const float g = number(got, i), w = number(want, i);
        expect_close(&g, &w, 1, want->type == NARROW_BF16 ? 0x1p-7 : 0, bytes ? 1 : 4e-6);
    }
}

START_TEST(maxima_are_their_refs)
{
    static const float special[] = {NAN, -INFINITY, INFINITY, -0.0f};
    for (int round = 0; round < ROUNDS; round++) {
        seed = (uint64_t)(_i * ROUNDS + round);
        struct block_pool p = random_pool();
        const int64_t n = lanes(&p, p.in), m = lanes(&p, p.out);
        p.x = numbers((enum narrow_type)_i, n);
        for (int i = 0; i < round % 3; i++)
            set(&p.x, random_int(&seed, 0, n - 1), special[random_int(&seed, 0, 3)]);
        const struct narrow_data fast = numbers(p.x.type, m), ref = numbers(p.x.type, m);
        p.y = fast;
        block_max(&p);
        p.y = ref;
        block_max_ref(&p);
        for (int64_t i = 0; i < m; i++) {
            const float got = number(&fast, i), want = number(&ref, i);
            expect_close(&got, &want, 1, 0, 0);
        }
        void *const all[] = {p.x.data, fast.data, ref.data};
        for (size_t i = 0; i < ARRAY_COUNT(all); i++)
            alloc_free(all[i]);
    }
}
END_TEST

static void compare_means(struct block_pool *p, enum narrow_type x, enum narrow_type y)
{
    const int64_t m = lanes(p, p->out);
    p->x = numbers(x, lanes(p, p->in));
    p->y = numbers(y, m);
    const struct narrow_data fast = p->y;
    block_average(p);
    p->y.data = alloc_new((size_t)(m * narrow_bytes(y)));
    block_average_ref(p);
    expect_near(&fast, &p->y, m);
    void *const all[] = {p->x.data, p->y.data, fast.data};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        alloc_free(all[i]);
}

START_TEST(means_are_their_refs)
{
    for (int round = 0; round < ROUNDS / 2; round++) {
        seed = (uint64_t)(_i * ROUNDS + round);
        struct block_pool p = random_pool();
        compare_means(&p, (enum narrow_type)(_i / NARROW_TYPES),
                      (enum narrow_type)(_i % NARROW_TYPES));
    }
}
END_TEST

/* Windows of more bytes than are added at once, side by side. */
START_TEST(means_of_many_bytes_are_made_of_pieces)
{
    struct block_pool p = {.planes = 1,
                           .in = {1, 65542},
                           .out = {1, 5},
                           .kernel = {1, 65538},
                           .stride = {1, 1},
                           .dilation = {1, 1}};
    seed = 4;
    compare_means(&p, NARROW_U8, NARROW_F32);
}
END_TEST

/* The same bits wherever it runs: sums of bytes are integers, and one product follows. */
START_TEST(means_of_bytes_are_exact)
{
    for (int round = 0; round < ROUNDS / 10; round++) {
        seed = (uint64_t)round;
        struct block_pool p = random_pool();
        const int64_t m = lanes(&p, p.out);
        p.x = numbers(NARROW_U8, lanes(&p, p.in));
        p.x.scale = 1;
        p.y = numbers(NARROW_F32, m);
        const struct narrow_data fast = p.y;
        block_average(&p);
        p.y.data = alloc_new((size_t)m * sizeof(float));
        block_average_ref(&p);
        /* 1 / n is rounded once, and so is the product. */
        for (int64_t i = 0; i < m; i++)
            ck_assert(fabsf(number(&fast, i) - number(&p.y, i)) <=
                      fabsf(number(&p.y, i)) * 0x1p-22f);
        void *const all[] = {p.x.data, p.y.data, fast.data};
        for (size_t i = 0; i < ARRAY_COUNT(all); i++)
            alloc_free(all[i]);
    }
}
END_TEST

Suite *suite_block_pool(void)
{
    Suite *s = suite_create("block_pool");
    TCase *t = tcase_create("block_pool");
    tcase_add_loop_test(t, maxima_are_their_refs, 0, NARROW_TYPES);
    tcase_add_loop_test(t, means_are_their_refs, 0, NARROW_TYPES * NARROW_TYPES);
    tcase_add_test(t, means_of_many_bytes_are_made_of_pieces);
    tcase_add_test(t, means_of_bytes_are_exact);
    suite_add_tcase(s, t);
    return s;
}
