/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The tiles that there are: each number of positions, with one block or two, with positions in a
 * row or scattered.
 */
#include "kernels/isa/tile.h"

#include "kernels/isa/tile_run.h"

typedef void tile_fn(const struct tile *t);

#define EACH_PIXELS_3(X, ...) X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__)
#define EACH_PIXELS_6(X, ...)                                                                      \
    EACH_PIXELS_3(X, __VA_ARGS__) X(4, __VA_ARGS__) X(5, __VA_ARGS__) X(6, __VA_ARGS__)
#define EACH_PIXELS_7(X, ...) EACH_PIXELS_6(X, __VA_ARGS__) X(7, __VA_ARGS__)
/* Of an even number beyond TILE_FEW (tile_run.h). */
#define EACH_PIXELS_14(X, ...)                                                                     \
    EACH_PIXELS_7(X, __VA_ARGS__)                                                                  \
    X(8, __VA_ARGS__) X(10, __VA_ARGS__) X(12, __VA_ARGS__) X(14, __VA_ARGS__)
#if ISA_LEVEL == 2
#define EACH_PIXELS EACH_PIXELS_14
#define EACH_FEW EACH_PIXELS_7
#define EACH_ROW EACH_FEW /* of one block: those of two are the long ones */
#elif ISA_LEVEL == 1
#define EACH_PIXELS EACH_PIXELS_6
#define EACH_FEW EACH_PIXELS_6
#define EACH_ROW EACH_PIXELS
#else
#define EACH_PIXELS EACH_PIXELS_3
#define EACH_FEW EACH_PIXELS_3
#define EACH_ROW EACH_PIXELS
#endif

#define EACH_EDGE EACH_PIXELS_3

#define DEFINE(pixels, form, blocks, scattered, plain)                                             \
    static void form##_##pixels(const struct tile *t)                                              \
    {                                                                                              \
        tile_shaped(t, (struct tile_shape){pixels, blocks, scattered, plain});                     \
    }
#define NAME(pixels, form) [(pixels)-1] = form##_##pixels,

EACH_ROW(DEFINE, row, 1, false, false)
EACH_FEW(DEFINE, scattered, 1, true, false)
EACH_FEW(DEFINE, plain, 1, false, true)
EACH_EDGE(DEFINE, plain_scattered, 1, true, true)
static tile_fn *const one_block[2][2][TILE_PIXELS] = {
    {{EACH_ROW(NAME, row)}, {EACH_FEW(NAME, scattered)}},
    {{EACH_FEW(NAME, plain)}, {EACH_EDGE(NAME, plain_scattered)}}};

#if ISA_LEVEL == 2
EACH_PIXELS(DEFINE, row2, 2, false, false)
EACH_FEW(DEFINE, scattered2, 2, true, false)
EACH_PIXELS(DEFINE, plain2, 2, false, true)
EACH_EDGE(DEFINE, plain_scattered2, 2, true, true)
static tile_fn *const two_blocks[2][2][TILE_PIXELS] = {
    {{EACH_PIXELS(NAME, row2)}, {EACH_FEW(NAME, scattered2)}},
    {{EACH_PIXELS(NAME, plain2)}, {EACH_EDGE(NAME, plain_scattered2)}}};
#endif

void ISA_NAME(tile_run)(const struct tile *t, const struct tile_kind *k)
{
#if ISA_LEVEL == 2
    if (k->blocks == 2) {
        two_blocks[k->plain][k->scattered][k->pixels - 1](t);
        return;
    }
#endif
    one_block[k->plain][k->scattered][k->pixels - 1](t);
}
