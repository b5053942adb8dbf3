/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Into blocks and out of them. 16 bytes are a register of the least of processors, so squares of as
 * many elements as one holds are turned in registers: one code for all levels, as quick as memory
 * is. Elements are bits, whatever they mean. */
#include <string.h>

#include "kernels/blocked.h"

enum {
    REGISTER = 16, /* bytes */
    STRIP = 64,    /* positions of all lanes before the next ones: of floats one cache page */
};

/* The first elements of a and b in turns, and the last. */
#define FIRST_4(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define LAST_4(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define FIRST_8(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define LAST_8(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define FIRST_16(a, b)                                                                             \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define LAST_16(a, b)                                                                              \
    __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

/* One block: lanes of it that are channels, from their first position on. */
struct part {
    int64_t lanes, plane;
    const void *x;
    void *y;
};

/* A square's rows become its columns: n elements from each of `rows`, the others being 0, to the
 * first `kept` of n. Row i meets row i + n / 2 in turns, log2(n) times. */
struct square {
    int64_t rows, x_step, kept, y_step; /* steps: elements from row to row */
};

#define DEFINE(type, n)                                                                            \
    typedef type vec_##type __attribute__((vector_size(REGISTER)));                                \
    static inline void turn_##type(const struct square *s, const type *x, type *y)                 \
    {                                                                                              \
        vec_##type r[n] = {{0}}, met[n];                                                           \
        for (int i = 0; i < (n) && i < s->rows; i++)                                               \
            memcpy(&r[i], x + i * s->x_step, REGISTER);                                            \
        for (int turns = 1; turns < (n); turns *= 2) {                                             \
            for (int i = 0; i < (n) / 2; i++) {                                                    \
                met[2 * i] = FIRST_##n(r[i], r[i + (n) / 2]);                                      \
                met[2 * i + 1] = LAST_##n(r[i], r[i + (n) / 2]);                                   \
            }                                                                                      \
            memcpy(r, met, sizeof(r));                                                             \
        }                                                                                          \
        for (int i = 0; i < (n) && i < s->kept; i++)                                               \
            memcpy(y + i * s->y_step, &r[i], REGISTER);                                            \
    }                                                                                              \
    static void each_square_##type(const struct part *p, bool pack)                                \
    {                                                                                              \
        for (int64_t from = 0; from < p->plane; from += STRIP)                                     \
            for (int64_t lane = 0; lane < (pack ? BLOCK_LANES : p->lanes); lane += (n))            \
                for (int64_t k = from; k < MIN(from + STRIP, p->plane); k += (n)) {                \
                    /* The last one goes over some positions again. */                             \
                    const int64_t at = MIN(k, p->plane - (n)), there = p->lanes - lane;            \
                    const int64_t plain = lane * p->plane + at, blocked = at * BLOCK_LANES + lane; \
                    const struct square in = {there, p->plane, (n), BLOCK_LANES};                  \
                    const struct square out = {(n), BLOCK_LANES, there, p->plane};                 \
                    turn_##type(pack ? &in : &out, (const type *)p->x + (pack ? plain : blocked),  \
                                (type *)p->y + (pack ? blocked : plain));                          \
                }                                                                                  \
    }                                                                                              \
    /* Planes that have no square, an element at a time. */                                        \
    static void each_element_##type(const struct part *p, bool pack)                               \
    {                                                                                              \
        const type *x = p->x;                                                                      \
        type *y = p->y;                                                                            \
        for (int64_t lane = 0; lane < (pack ? BLOCK_LANES : p->lanes); lane++)                     \
            for (int64_t k = 0; k < p->plane; k++) {                                               \
                const int64_t plain = lane * p->plane + k, blocked = k * BLOCK_LANES + lane;       \
                if (pack)                                                                          \
                    y[blocked] = lane < p->lanes ? x[plain] : 0;                                   \
                else                                                                               \
                    y[plain] = x[blocked];                                                         \
            }                                                                                      \
    }                                                                                              \
    static void move_##type(const struct part *p, bool pack)                                       \
    {                                                                                              \
        if (p->plane < (n))                                                                        \
            each_element_##type(p, pack);                                                          \
        else                                                                                       \
            each_square_##type(p, pack);                                                           \
    }
DEFINE(uint8_t, 16)
DEFINE(uint16_t, 8)
DEFINE(uint32_t, 4)

static void each_block(const struct block_move *m, bool pack)
{
    void (*const move)(const struct part *, bool) = m->bytes == 1   ? move_uint8_t
                                                    : m->bytes == 2 ? move_uint16_t
                                                                    : move_uint32_t;
    const int64_t blocks = block_count(m->channels);
    for (int64_t i = 0; i < m->batch * blocks; i++) {
        const int64_t first = i % blocks * BLOCK_LANES;
        int64_t plain = (i / blocks * m->channels + first) * m->plane * m->bytes;
        int64_t blocked = i * m->plane * BLOCK_LANES * m->bytes;
        const struct part p = {MIN((int64_t)BLOCK_LANES, m->channels - first), m->plane,
                               (const uint8_t *)m->x + (pack ? plain : blocked),
                               (uint8_t *)m->y + (pack ? blocked : plain)};
        move(&p, pack);
    }
}

void block_pack(const struct block_move *m)
{
    each_block(m, true);
}

void block_unpack(const struct block_move *m)
{
    each_block(m, false);
}
