/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The reductions, made from the list in reduce.h. The fast form keeps LANES accumulators, which the
 * compiler holds in vector registers; it sums in another order than the ref. */
#include "kernels/reduce.h"

#include <math.h>

#include "kernels/kernels_priv.h"

#define FAST(type, neutral, take, join)                                                            \
    {                                                                                              \
        const type *x = px;                                                                        \
        type *y = py, lane[LANES];                                                                 \
        if (step) {                                                                                \
            INDEPENDENT                                                                            \
            for (int64_t i = 0; i < n; i++) {                                                      \
                type a = y[i], v = x[i];                                                           \
                y[i] = take;                                                                       \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (int j = 0; j < LANES; j++)                                                            \
            lane[j] = neutral;                                                                     \
        int64_t i = 0;                                                                             \
        for (; i + LANES <= n; i += LANES)                                                         \
            for (int j = 0; j < LANES; j++) {                                                      \
                type a = lane[j], v = x[i + j];                                                    \
                lane[j] = take;                                                                    \
            }                                                                                      \
        for (; i < n; i++) {                                                                       \
            type a = lane[0], v = x[i];                                                            \
            lane[0] = take;                                                                        \
        }                                                                                          \
        for (int j = 0; j < LANES; j++) {                                                          \
            type a = y[0], v = lane[j];                                                            \
            y[0] = join;                                                                           \
        }                                                                                          \
    }

#define X(name, type, neutral, take, join)                                                         \
    MULTI_ISA(SHARED, void, name, (int64_t n, const void *px, void *py, int64_t step),             \
              (n, px, py, step))                                                                   \
    FAST(type, neutral, take, join)
REDUCE_OFTEN(X)
#undef X

#define X(name, type, neutral, take, join)                                                         \
    void name(int64_t n, const void *px, void *py, int64_t step) FAST(type, neutral, take, join)
REDUCE_SELDOM(X)
#undef X

#define X(name, type, neutral, take, join)                                                         \
    void name##_ref(int64_t n, const void *px, void *py, int64_t step)                             \
    {                                                                                              \
        const type *x = px;                                                                        \
        type *y = py;                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            type a = y[i * step], v = x[i];                                                        \
            y[i * step] = take;                                                                    \
        }                                                                                          \
    }
REDUCE_KERNELS(X)
#undef X

#define X(name, type, neutral, take, join)                                                         \
    static void name##_begin(int64_t n, void *py)                                                  \
    {                                                                                              \
        type *y = py;                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            y[i] = neutral;                                                                        \
    }
REDUCE_KERNELS(X)
#undef X

static const struct {
    reduce_fn *fast, *ref;
    void (*begin)(int64_t n, void *y);
} rows[] = {
#define X(name, type, neutral, take, join) {name, name##_ref, name##_begin},
    REDUCE_KERNELS(X)
#undef X
};

void reduce_begin(reduce_fn *f, int64_t n, void *y)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (rows[i].fast == f || rows[i].ref == f) {
            rows[i].begin(n, y);
            return;
        }
    ASSERT(false);
}
