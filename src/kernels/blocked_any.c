/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Into blocks and out of them, for elements of one and two bytes. The walk is written once, for a
 * move in either direction of a type's elements. */
#include "kernels/blocked.h"

enum { STRIP = 64 }; /* positions at once: 16 lines of one cache page each */

/* What one block is: lanes of it, from their first position on. */
struct part {
    int64_t lanes, plane;
    const void *x;
    void *y;
};

#define DEFINE(type)                                                                               \
    static void pack_##type(const struct part *p)                                                  \
    {                                                                                              \
        const type *x = p->x;                                                                      \
        type *y = p->y;                                                                            \
        for (int64_t from = 0; from < p->plane; from += STRIP)                                     \
            for (int64_t lane = 0; lane < BLOCK_LANES; lane++)                                     \
                for (int64_t k = from; k < MIN(from + STRIP, p->plane); k++)                       \
                    y[k * BLOCK_LANES + lane] = lane < p->lanes ? x[lane * p->plane + k] : 0;      \
    }                                                                                              \
    static void unpack_##type(const struct part *p)                                                \
    {                                                                                              \
        const type *x = p->x;                                                                      \
        type *y = p->y;                                                                            \
        for (int64_t from = 0; from < p->plane; from += STRIP)                                     \
            for (int64_t lane = 0; lane < p->lanes; lane++)                                        \
                for (int64_t k = from; k < MIN(from + STRIP, p->plane); k++)                       \
                    y[lane * p->plane + k] = x[k * BLOCK_LANES + lane];                            \
    }
DEFINE(uint8_t)
DEFINE(uint16_t)

static void each_block(const struct block_move_any *m, bool pack, void (*move)(const struct part *))
{
    const int64_t blocks = block_count(m->channels);
    for (int64_t i = 0; i < m->batch * blocks; i++) {
        const int64_t first = i % blocks * BLOCK_LANES;
        int64_t plain = (i / blocks * m->channels + first) * m->plane * m->bytes;
        int64_t blocked = i * m->plane * BLOCK_LANES * m->bytes;
        const struct part p = {MIN((int64_t)BLOCK_LANES, m->channels - first), m->plane,
                               (const uint8_t *)m->x + (pack ? plain : blocked),
                               (uint8_t *)m->y + (pack ? blocked : plain)};
        move(&p);
    }
}

void block_pack_any(const struct block_move_any *m)
{
    each_block(m, true, m->bytes == 1 ? pack_uint8_t : pack_uint16_t);
}

void block_unpack_any(const struct block_move_any *m)
{
    each_block(m, false, m->bytes == 1 ? unpack_uint8_t : unpack_uint16_t);
}
