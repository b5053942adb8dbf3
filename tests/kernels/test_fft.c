/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The fast transform against the definition.
 *
 * Tolerance: numbers of [-1,1), so results below n; a fast transform of n <= 257 rounds some
 * log2(1024) = 10 times, three times over in the chirp form: 1e-12 leaves a hundredfold. */
#include "kernels/fft.h"

#include <math.h>

#include "base/alloc.h"
#include "kernels_support.h"

enum { LENGTH = 257 };

static float noise[2 * LENGTH];
static double fast[2 * LENGTH], ref[2 * LENGTH];

static void both(int64_t n, bool inverse)
{
    uint64_t bytes;
    ck_assert(fft_scratch(n, &bytes));
    struct fft f = {.n = n, .inverse = inverse, .scratch = alloc_aligned(64, bytes)};
    ck_assert_ptr_nonnull(f.scratch);
    for (int64_t i = 0; i < 2 * n; i++)
        fast[i] = ref[i] = (double)noise[i];
    fft_begin(&f);
    fft_f64(&f, fast);
    fft_begin_ref(&f);
    fft_f64_ref(&f, ref);
    for (int64_t i = 0; i < 2 * n; i++)
        ck_assert_msg(fabs(fast[i] - ref[i]) <= 1e-12 * (double)n, "length %ld at %ld: %g, %g",
                      (long)n, (long)i, fast[i], ref[i]);
    alloc_free(f.scratch);
}

START_TEST(every_length_equals_the_definition)
{
    uint64_t seed = 71;
    random_fill(&seed, noise, 2 * LENGTH);
    for (int64_t n = 1; n <= LENGTH; n += n < 70 ? 1 : 17) {
        both(n, false);
        both(n, true);
    }
    both(256, false);
    both(LENGTH, true);
}
END_TEST

/* Two runs with the same tables give the same, and there and back is n times what it was. */
START_TEST(tables_serve_many_lines)
{
    double x[24] = {1, 2, 3}, y[24] = {1, 2, 3};
    uint64_t bytes;
    ck_assert(fft_scratch(12, &bytes));
    struct fft f = {.n = 12, .scratch = alloc_aligned(64, bytes)};
    struct fft back = {.n = 12, .inverse = true, .scratch = alloc_aligned(64, bytes)};
    ck_assert(f.scratch && back.scratch);
    fft_begin(&f);
    fft_begin(&back);
    fft_f64(&f, x);
    fft_f64(&f, y);
    for (int i = 0; i < 24; i++)
        ck_assert_double_eq(x[i], y[i]);
    fft_f64(&back, x);
    for (int i = 0; i < 24; i++)
        ck_assert(fabs(x[i] / 12 - (i < 3 ? i + 1 : 0)) < 1e-14);
    alloc_free(f.scratch);
    alloc_free(back.scratch);
}
END_TEST

START_TEST(a_length_without_a_size_is_refused)
{
    uint64_t bytes;
    ck_assert(!fft_scratch(0, &bytes));
    ck_assert(!fft_scratch(-1, &bytes));
    ck_assert(!fft_scratch(INT64_MAX, &bytes));
}
END_TEST

Suite *suite_fft(void)
{
    return SUITE("fft", every_length_equals_the_definition, tables_serve_many_lines,
                 a_length_without_a_size_is_refused);
}
