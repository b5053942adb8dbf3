/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Runs of bfloat16 against what a single one becomes: all of them, and float32 around each of
 * them, at every length that a register leaves a rest of. Bits are compared: a NaN is one pattern
 * of many. */
#include "kernels/bf16.h"

#include <stdlib.h>
#include <string.h>

#include "kernels_support.h"
#include "tensor/tensor.h"

enum { ALL = 65536, LONGEST = 70 };

START_TEST(each_of_them_widens_as_one_does)
{
    uint16_t *x = malloc(ALL * sizeof(*x));
    float *y = malloc(ALL * sizeof(*y));
    ck_assert(x && y);
    for (int i = 0; i < ALL; i++)
        x[i] = (uint16_t)i;
    bf16_widen(ALL, x, y);
    for (int i = 0; i < ALL; i++) {
        const float want = bf16_to_f32((uint16_t)i);
        if (memcmp(&y[i], &want, sizeof(want)) != 0)
            ck_abort_msg("element %d is %a, expected %a", i, (double)y[i], (double)want);
    }
    free(x);
    free(y);
}
END_TEST

/* Of each bfloat16 what lies on it, just above and below it, and at and around the middle to the
 * next. */
START_TEST(numbers_round_as_one_does)
{
    static const uint32_t rests[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
    enum { N = 6 * ALL };
    float *x = malloc(N * sizeof(*x));
    ck_assert(x);
    for (uint32_t i = 0; i < N; i++) {
        const uint32_t bits = i / 6 << 16 | rests[i % 6];
        memcpy(&x[i], &bits, sizeof(bits));
    }
    uint16_t *want = malloc(N * sizeof(*want));
    ck_assert(want);
    for (int i = 0; i < N; i++)
        want[i] = f32_to_bf16(x[i]);
    uint16_t *in_place = (uint16_t *)(void *)x;
    bf16_narrow(N, x, in_place);
    for (int i = 0; i < N; i++)
        if (in_place[i] != want[i])
            ck_abort_msg("element %d is %04x, expected %04x", i, in_place[i], want[i]);
    free(x);
    free(want);
}
END_TEST

START_TEST(nothing_is_written_behind_the_last)
{
    const int n = _i;
    float x[LONGEST + 1], wide[LONGEST + 1];
    uint16_t y[LONGEST + 1];
    uint64_t seed = (uint64_t)n;
    random_fill(&seed, x, LONGEST);
    y[n] = 7;
    wide[n] = 7;
    bf16_narrow(n, x, y);
    bf16_widen(n, y, wide);
    ck_assert(y[n] == 7 && wide[n] == 7);
    for (int i = 0; i < n; i++)
        ck_assert(y[i] == f32_to_bf16(x[i]) && wide[i] == bf16_to_f32(y[i]));
}
END_TEST

Suite *suite_bf16(void)
{
    Suite *s = suite_create("bf16");
    TCase *t = tcase_create("bf16");
    tcase_add_test(t, each_of_them_widens_as_one_does);
    tcase_add_test(t, numbers_round_as_one_does);
    tcase_add_loop_test(t, nothing_is_written_behind_the_last, 0, LONGEST);
    suite_add_tcase(s, t);
    return s;
}
