/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One unit of a packed product. Tiles of a few rows by one or two panels keep all sums in
 * registers: each step loads one row of the panels and multiplies it by one number of each row of
 * x. A unit takes PACKED_DEPTH rows of its panels at a time, which stay in the first-level cache
 * while the rows of x pass; until the last of them y holds the sums so far.
 *
 * A product of few rows is bound by reading w once: its tiles go down a whole panel and keep
 * several sums for each element, or every product would wait for the one before it. */
#include <string.h>

#include "kernels/act_priv.h"
#include "kernels/isa/tile_run.h"
#include "kernels/packed_priv.h"

/* Positions are rows here. Seven by two panels keep the multipliers of the widest level as busy as
 * fourteen would, in half the code. */
enum {
    ROWS_MOST = (int)TILE_FEW > (int)PACKED_FEW ? (int)TILE_FEW : (int)PACKED_FEW,
    PANELS = TILE_BLOCKS,
    SUMS = 8, /* in flight at once, to keep the multipliers busy */
    CHAINS = SUMS / BLOCK_VECS,
    AHEAD = 64, /* rows of a panel, each a cache line, that are asked for early */
};

/* A tile, and where its parts begin. */
struct strip {
    const float *x, *w, *bias, *sum;
    const float *ahead; /* what of the panels is wanted next; perhaps behind the last */
    float *y;
    int64_t ldx, ldy, ld_sum, w_next; /* w_next: from one panel to the next */
    int64_t depth;                    /* rows of the panels */
    bool first, last;                 /* begins with bias; ends with sum and activation */
    bool early;                       /* begins with sum: it stands where y is written */
    const struct epilogue *epilogue;
};

struct strip_shape {
    int rows, panels;
};

/* All sums of a tile, one after the other; the compiler knows how many. */
#define STRIP_EACH                                                                                 \
    TILE_UNROLL                                                                                    \
    for (int r = 0; r < s.rows; r++)                                                               \
        TILE_UNROLL                                                                                \
    for (int v = 0; v < s.panels * BLOCK_VECS; v++)

TILE_INLINE void strip_begin(const struct strip *t, const struct strip_shape s,
                             vec acc[ROWS_MOST][PANELS * BLOCK_VECS])
{
    if (!t->first) {
        STRIP_EACH acc[r][v] = vec_load(t->y + r * t->ldy + v * VEC);
    } else if (t->bias) {
        STRIP_EACH acc[r][v] = vec_load(t->bias + v * VEC);
    } else {
        STRIP_EACH acc[r][v] = vec_all(0);
    }
    if (t->first && t->early && t->sum) {
        STRIP_EACH acc[r][v] += vec_load(t->sum + r * t->ld_sum + v * VEC);
    }
}

/* Each choice is made once for the tile: its sums would wait for a choice of their own. */
TILE_INLINE void strip_end(const struct strip *t, const struct strip_shape s,
                           vec acc[ROWS_MOST][PANELS * BLOCK_VECS])
{
    if (t->last && !t->early && t->sum) {
        STRIP_EACH acc[r][v] += vec_load(t->sum + r * t->ld_sum + v * VEC);
    }
    if (t->last && t->epilogue->act == ACT_RELU) {
        STRIP_EACH acc[r][v] = vec_pick(acc[r][v] < 0.0f, vec_all(0), acc[r][v]);
    } else if (t->last && t->epilogue->act == ACT_CLIP) {
        STRIP_EACH acc[r][v] = tile_act(t->epilogue, acc[r][v]);
    }
    STRIP_EACH vec_store(t->y + r * t->ldy + v * VEC, acc[r][v]);
}

TILE_INLINE void strip_shaped(const struct strip *t, const struct strip_shape s)
{
    vec acc[ROWS_MOST][PANELS * BLOCK_VECS];
    const float *w = t->w;
    strip_begin(t, s, acc);
    for (int64_t d = 0; d < t->depth; d++, w += BLOCK) {
        vec weight[PANELS * BLOCK_VECS];
        TILE_UNROLL
        for (int v = 0; v < s.panels; v++)
            __builtin_prefetch(t->ahead + v * t->w_next + d * BLOCK, 0, 2);
        TILE_UNROLL
        for (int v = 0; v < s.panels * BLOCK_VECS; v++)
            weight[v] = vec_load(w + v / BLOCK_VECS * t->w_next + v % BLOCK_VECS * VEC);
        TILE_UNROLL
        for (int r = 0; r < s.rows; r++) {
            vec x = vec_all(t->x[r * t->ldx + d]);
            TILE_UNROLL
            for (int v = 0; v < s.panels * BLOCK_VECS; v++)
                acc[r][v] += x * weight[v];
        }
    }
    strip_end(t, s, acc);
}

/* The same for one panel and few rows, several steps at once. */
TILE_INLINE void strip_chained(const struct strip *t, const int rows)
{
    const int chains = SUMS / (BLOCK_VECS * rows) > 1 ? SUMS / (BLOCK_VECS * rows) : 1;
    vec acc[ROWS_MOST][PANELS * BLOCK_VECS], more[CHAINS][PACKED_FEW][BLOCK_VECS];
    const float *w = t->w;
    int64_t d = 0;
    strip_begin(t, (struct strip_shape){rows, 1}, acc);
    TILE_UNROLL
    for (int i = 0; i < chains * rows * BLOCK_VECS; i++)
        more[i / BLOCK_VECS / rows][i / BLOCK_VECS % rows][i % BLOCK_VECS] = vec_all(0);
    for (; d + chains <= t->depth; d += chains) {
        TILE_UNROLL
        for (int c = 0; c < chains; c++, w += BLOCK) {
            __builtin_prefetch(w + AHEAD * BLOCK);
            TILE_UNROLL
            for (int i = 0; i < rows * BLOCK_VECS; i++)
                more[c][i / BLOCK_VECS][i % BLOCK_VECS] +=
                    vec_all(t->x[i / BLOCK_VECS * t->ldx + d + c]) *
                    vec_load(w + i % BLOCK_VECS * VEC);
        }
    }
    for (; d < t->depth; d++, w += BLOCK) {
        TILE_UNROLL
        for (int i = 0; i < rows * BLOCK_VECS; i++)
            acc[i / BLOCK_VECS][i % BLOCK_VECS] +=
                vec_all(t->x[i / BLOCK_VECS * t->ldx + d]) * vec_load(w + i % BLOCK_VECS * VEC);
    }
    TILE_UNROLL
    for (int i = 0; i < chains * rows * BLOCK_VECS; i++)
        acc[i / BLOCK_VECS % rows][i % BLOCK_VECS] +=
            more[i / BLOCK_VECS / rows][i / BLOCK_VECS % rows][i % BLOCK_VECS];
    strip_end(t, (struct strip_shape){rows, 1}, acc);
}

/* ---- the choice of a tile ---- */

#define CASE(r)                                                                                    \
    case r:                                                                                        \
        strip_shaped(t, (struct strip_shape){r, panels});                                          \
        break;
#define CASES_3 CASE(1) CASE(2) CASE(3)
#define CASES_6 CASES_3 CASE(4) CASE(5) CASE(6)
#define CASES_7 CASES_6 CASE(7)

TILE_INLINE void strip_of(const struct strip *t, int rows, const int panels)
{
    switch (rows) {
#if ISA_LEVEL == 2
        CASES_7
#elif ISA_LEVEL == 1
        CASES_6
#else
        CASES_3
#endif
    default:
        break;
    }
}

static void strip_few(const struct strip *t, int64_t rows)
{
    if (rows == 1)
        strip_chained(t, 1);
    else if (rows == 2)
        strip_chained(t, 2);
    else if (rows == 3)
        strip_chained(t, 3);
    else
        strip_chained(t, 4);
}

/* `rows` rows of one tile, all of the depth, to where t says. */
static void strip_act(const struct strip *t, int64_t rows, int panels)
{
    if (!t->last || packed_act_inline(t->epilogue->act))
        return;
    for (int64_t r = 0; r < rows; r++)
        ISA_NAME(act_row)(t->epilogue, t->y + r * t->ldy, panels * BLOCK);
}

static void strip_run(const struct strip *t, int rows, int panels)
{
#if ISA_LEVEL == 2
    if (panels == 2)
        strip_of(t, rows, 2);
    else
#endif
        strip_of(t, rows, 1);
    strip_act(t, rows, panels);
}

/* ---- units ---- */

static struct strip strip_at(const struct packed *p, int64_t row, int64_t panel)
{
    const int64_t column = panel * BLOCK;
    return (struct strip){.x = p->x + row * p->ldx,
                          .w = p->w + column * p->k,
                          .ahead = p->w + column * p->k,
                          .bias = p->bias ? p->bias + column : NULL,
                          .sum = p->sum ? p->sum + row * p->ld_sum + column : NULL,
                          .y = p->y + row * p->ldy + column,
                          .ldx = p->ldx,
                          .ldy = p->ldy,
                          .ld_sum = p->ld_sum,
                          .w_next = p->k * BLOCK,
                          .depth = p->k,
                          .first = true,
                          .last = true,
                          .epilogue = &p->epilogue};
}

/* Whole panels, side by side. */
static void whole(const struct packed *p, const struct packed_part *part, int panels)
{
    const struct strip all = strip_at(p, part->row, part->panel);
    int64_t pieces = MAX((p->k + PACKED_DEPTH - 1) / PACKED_DEPTH, 1);
    /* Added last, it does not make all sums before it as inexact as it is large. */
    const bool early = pieces > 1 && p->sum == p->y;
    for (int64_t i = 0; i < pieces; i++) {
        int64_t from = p->k * i / pieces, to = p->k * (i + 1) / pieces;
        struct strip t = all;
        t.first = i == 0;
        t.last = i + 1 == pieces;
        t.early = early;
        t.depth = to - from;
        t.w += from * BLOCK;
        const float *next = all.w + (t.last ? panels * p->k : to) * BLOCK;
        for (int64_t row = 0; row < part->rows;) {
            int rows = tile_pixels(row, part->rows, TILE_FEW);
            t.x = all.x + row * p->ldx + from;
            t.ahead = row ? t.w : next;
            t.y = all.y + row * p->ldy;
            t.sum = p->sum ? all.sum + row * p->ld_sum : NULL;
            strip_run(&t, rows, panels);
            row += rows;
        }
    }
}

/* A panel that y does not have all columns of: it goes through memory that has. */
static void partial(const struct packed *p, const struct packed_part *part)
{
    float y[ROWS_MOST * BLOCK], sum[ROWS_MOST * BLOCK] = {0};
    int64_t columns = p->n - part->panel * BLOCK, rows;
    for (int64_t row = 0; row < part->rows; row += rows) {
        struct strip t = strip_at(p, part->row + row, part->panel);
        float *to = t.y;
        rows = p->m <= PACKED_FEW ? part->rows : tile_pixels(row, part->rows, TILE_FEW);
        for (int64_t r = 0; t.sum && r < rows; r++)
            memcpy(sum + r * BLOCK, t.sum + r * p->ld_sum, (size_t)columns * sizeof(*sum));
        t.sum = t.sum ? sum : NULL;
        t.y = y;
        t.ld_sum = t.ldy = BLOCK;
        if (p->m <= PACKED_FEW) {
            strip_few(&t, rows);
            strip_act(&t, rows, 1);
        } else {
            strip_run(&t, (int)rows, 1);
        }
        for (int64_t r = 0; r < rows; r++)
            memcpy(to + r * p->ldy, y + r * BLOCK, (size_t)columns * sizeof(*y));
    }
}

void ISA_NAME(packed_part)(const struct packed *p, const struct packed_part *part)
{
    const int64_t full = MIN(p->n / BLOCK - part->panel, part->panels);
    struct packed_part one = *part;
    one.panels = 1;
    if (p->m <= PACKED_FEW) {
        for (; one.panel < part->panel + full; one.panel++) {
            struct strip t = strip_at(p, part->row, one.panel);
            strip_few(&t, part->rows);
            strip_act(&t, part->rows, 1);
        }
    } else if (PANELS == 2 && full == 2) {
        whole(p, part, 2);
        one.panel += 2;
    } else {
        for (; one.panel < part->panel + full; one.panel++)
            whole(p, &one, 1);
    }
    if (full < part->panels)
        partial(p, &one);
}
