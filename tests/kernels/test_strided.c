/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Strided copies against the ref: permuted, repeated and reversed sources, gaps in the destination,
 * every width. Exact: bytes are moved. */
#include "kernels/strided.h"

#include <string.h>

#include "kernels_support.h"

enum { COUNT = 1 << 14 };

static _Alignas(64) uint8_t from[COUNT * 8], fast[COUNT * 8], ref[COUNT * 8];

/* Dims of a dense tensor in random order, some walked backwards, some repeated; the destination is
 * dense or has rows longer than the data. *start is the first source element. */
static struct strided random_copy(uint64_t *seed, int64_t *start)
{
    struct strided s = {.rank = 0};
    int rank = (int)random_int(seed, 0, 5), order[5] = {0, 1, 2, 3, 4};
    int64_t dims[5], step[5], dense = 1, to[5];
    *start = 0;
    for (int d = rank - 1; d >= 0; d--) {
        dims[d] = random_int(seed, 1, 5);
        step[d] = dense;
        dense *= dims[d];
        int64_t way = random_int(seed, 0, 5);
        if (way == 0) {
            *start += (dims[d] - 1) * step[d];
            step[d] = -step[d];
        } else if (way == 1) {
            step[d] = 0;
        }
    }
    for (int d = rank - 1; d > 0; d--) {
        int other = (int)random_int(seed, 0, d), t = order[d];
        order[d] = order[other];
        order[other] = t;
    }
    dense = 1;
    for (int d = rank - 1; d >= 0; d--) {
        to[d] = dense;
        dense *= dims[order[d]] + (random_int(seed, 0, 4) == 0);
    }
    for (int d = 0; d < rank; d++)
        strided_dim(&s, dims[order[d]], step[order[d]], to[d]);
    return s;
}

START_TEST(fast_equals_ref)
{
    uint64_t seed = 41;
    for (size_t i = 0; i < sizeof(from); i++)
        from[i] = (uint8_t)random_next(&seed);
    for (int round = 0; round < 2000; round++) {
        int width = 1 << random_int(&seed, 0, 3);
        int64_t start;
        struct strided s = random_copy(&seed, &start);
        memset(fast, 0, sizeof(fast));
        memset(ref, 0, sizeof(ref));
        strided_copy(&s, from + start * width, fast, width);
        strided_copy_ref(&s, from + start * width, ref, width);
        ck_assert_mem_eq(fast, ref, sizeof(fast));
    }
}
END_TEST

START_TEST(nothing_is_copied_when_a_dim_is_empty)
{
    struct strided s = {.rank = 0};
    strided_dim(&s, 3, 1, 1);
    strided_dim(&s, 0, 1, 1);
    fast[0] = 7;
    strided_copy(&s, from, fast, 1);
    ck_assert_uint_eq(fast[0], 7);
}
END_TEST

Suite *suite_strided(void)
{
    return SUITE("strided", fast_equals_ref, nothing_is_copied_when_a_dim_is_empty);
}
