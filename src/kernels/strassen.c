/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The seven products are packed products of quarters, which add up through their `sum`; what is
 * left for this file is the order, two sums of tiles, and the sums of the left side. Tiles in
 * between are a few rows by two panels and stay in the first-level cache.
 *
 * With the left quarters a and sums s1 = a21 + a22, s2 = s1 - a11, s3 = a11 - a21, s4 = a12 - s2,
 * and the right sides by their names:
 *   t = a11 11, y11 = t + a12 21, u = t + s2 CROSS, v = u + s3 RISE, y21 = v + a22 LESS,
 *   z = u + s1 FALL, y12 = z + s4 22, y22 = z + s3 RISE.
 * An odd last row has no partner: it is multiplied by quarters, of which 12 = FALL + 11. */
#include "kernels/strassen.h"

#include "base/checked.h"
#include "kernels/strassen_priv.h"

enum {
    SUMS = 4,        /* s1 to s4 */
    UNIT_PANELS = 2, /* of half the columns */
    UNIT_COLUMNS = UNIT_PANELS * PANEL_COLUMNS,
    UNIT_ROWS = 64, /* of half the rows, at most */
    SUM_ROWS = 8,   /* of half the rows, an item of the first phase */
    HALVES = 2 * PANEL_COLUMNS,
    ROWS_LEAST = 64, /* of a product that is faster so */
    DEPTH_LEAST = 256,
    COLUMNS_LEAST = 256,
};

bool strassen_can(int64_t n, int64_t k)
{
    return n > 0 && n % HALVES == 0 && k > 0 && k % 2 == 0;
}

bool strassen_pays(int64_t rows, int64_t n, int64_t k)
{
    return strassen_can(n, k) && rows >= ROWS_LEAST && k >= DEPTH_LEAST && n >= COLUMNS_LEAST;
}

bool strassen_scratch(int64_t m, int64_t k, uint64_t *bytes)
{
    return checked_mul((uint64_t)(m / 2), (uint64_t)(k / 2), bytes) &&
           checked_mul(*bytes, SUMS * sizeof(float), bytes);
}

static int64_t half_rows(const struct strassen *s)
{
    return s->product.m / 2;
}

static int64_t half_panels(const struct strassen *s)
{
    return s->product.n / HALVES;
}

/* ---- the left side's sums ---- */

static float *sum_row(const struct strassen *s, int which, int64_t row)
{
    return s->scratch + ((which - 1) * half_rows(s) + row) * (s->product.k / 2);
}

static void sum_left(const struct strassen *s, int64_t row)
{
    const struct packed *p = &s->product;
    const struct strassen_row r = {
        .upper = p->x + row * p->ldx,
        .lower = p->x + (half_rows(s) + row) * p->ldx,
        .sum = {sum_row(s, 1, row), sum_row(s, 2, row), sum_row(s, 3, row), sum_row(s, 4, row)},
        .n = p->k / 2};
    ISA_PICK(strassen_sums)(&r);
}

/* ---- products ---- */

/* A tile of rows by columns, somewhere. */
struct tile {
    float *at;
    int64_t ld;
};

/* What one item makes: the same rows and columns of all quarters. */
struct unit {
    const struct strassen *s;
    int64_t row, rows, panel, columns;
};

struct left {
    const float *x;
    int64_t ld;
};

static struct left quarter(const struct unit *u, int low, int right)
{
    const struct packed *p = &u->s->product;
    int64_t row = u->row + low * half_rows(u->s);
    return (struct left){p->x + row * p->ldx + right * (p->k / 2), p->ldx};
}

static struct left summed(const struct unit *u, int which)
{
    return (struct left){sum_row(u->s, which, u->row), u->s->product.k / 2};
}

/* to = left x side + add, where add.at may be NULL, or to. */
static struct packed times(const struct unit *u, struct left l, int side, struct tile to,
                           struct tile add)
{
    const struct packed *p = &u->s->product;
    const int64_t k = p->k / 2;
    return (struct packed){
        .m = u->rows,
        .n = u->columns,
        .k = k,
        .x = l.x,
        .w = p->w + (side * half_panels(u->s) + u->panel) * k * PANEL_COLUMNS,
        .sum = add.at,
        .y = to.at,
        .ldx = l.ld,
        .ld_sum = add.ld,
        .ldy = to.ld,
    };
}

static void run(const struct packed *p)
{
    packed_f32(p, 0, packed_units(p));
}

static void multiply(const struct unit *u, struct left l, int side, struct tile to, struct tile add)
{
    const struct packed p = times(u, l, side, to, add);
    run(&p);
}

/* to = a + b */
static void add_tiles(const struct unit *u, struct tile to, struct tile a, struct tile b)
{
    for (int64_t r = 0; r < u->rows; r++)
        ISA_PICK(strassen_add)(to.at + r * to.ld, a.at + r * a.ld, b.at + r * b.ld, u->columns);
}

/* A quarter of the result: what left x side (no side: nothing) adds to part, with bias, the
 * caller's sum and activation. */
static void finish(const struct unit *u, int low, int right, struct packed last)
{
    const struct packed *p = &u->s->product;
    int64_t row = u->row + low * half_rows(u->s);
    int64_t column = (u->panel + right * half_panels(u->s)) * PANEL_COLUMNS;
    struct tile to = {p->y + row * p->ldy + column, p->ldy};
    if (p->sum) {
        /* y may be the caller's sum: from here on only this place of it is read. */
        struct tile part = {(float *)last.sum, last.ld_sum};
        struct tile sum = {(float *)p->sum + row * p->ld_sum + column, p->ld_sum};
        add_tiles(u, to, part, sum);
        last.sum = to.at;
        last.ld_sum = to.ld;
    }
    last.y = to.at;
    last.ldy = to.ld;
    last.bias = p->bias ? p->bias + column : NULL;
    last.epilogue = p->epilogue;
    run(&last);
}

static void multiply_unit(const struct unit *u)
{
    float room[3][UNIT_ROWS * UNIT_COLUMNS];
    const struct tile t = {room[0], UNIT_COLUMNS}, v = {room[1], UNIT_COLUMNS},
                      rise = {room[2], UNIT_COLUMNS}, none = {NULL, 0};
    multiply(u, quarter(u, 0, 0), STRASSEN_11, t, none);
    finish(u, 0, 0, times(u, quarter(u, 0, 1), STRASSEN_21, none, t));
    multiply(u, summed(u, 2), STRASSEN_CROSS, t, t);
    multiply(u, summed(u, 3), STRASSEN_RISE, rise, none);
    add_tiles(u, v, t, rise);
    finish(u, 1, 0, times(u, quarter(u, 1, 1), STRASSEN_LESS, none, v));
    multiply(u, summed(u, 1), STRASSEN_FALL, t, t);
    finish(u, 0, 1, times(u, summed(u, 4), STRASSEN_22, none, t));
    add_tiles(u, t, t, rise);
    struct packed nothing = times(u, summed(u, 3), STRASSEN_RISE, none, t);
    nothing.k = 0;
    finish(u, 1, 1, nothing);
}

/* The odd last row: a unit of the upper half that begins where the lower one ends. */
static void multiply_last(const struct strassen *s, int64_t panel, int64_t columns)
{
    float room[UNIT_COLUMNS];
    const struct tile t = {room, UNIT_COLUMNS}, none = {NULL, 0};
    const struct unit end = {s, 2 * half_rows(s), 1, panel, columns};
    multiply(&end, quarter(&end, 0, 0), STRASSEN_11, t, none);
    finish(&end, 0, 0, times(&end, quarter(&end, 0, 1), STRASSEN_21, none, t));
    multiply(&end, quarter(&end, 0, 0), STRASSEN_FALL, t, t);
    finish(&end, 0, 1, times(&end, quarter(&end, 0, 1), STRASSEN_22, none, t));
}

/* ---- items ---- */

/* Blocks of rows come one after the other, each with its groups of columns; then the last row's. */
struct cut {
    int64_t blocks, groups;
};

static struct cut cut_of(const struct strassen *s)
{
    return (struct cut){(half_rows(s) + UNIT_ROWS - 1) / UNIT_ROWS,
                        (half_panels(s) + UNIT_PANELS - 1) / UNIT_PANELS};
}

int64_t strassen_items(const struct strassen *s, int phase)
{
    const struct cut c = cut_of(s);
    if (phase == 0)
        return (half_rows(s) + SUM_ROWS - 1) / SUM_ROWS;
    return (c.blocks + s->product.m % 2) * c.groups;
}

static void sum_item(const struct strassen *s, int64_t item)
{
    const int64_t end = MIN((item + 1) * SUM_ROWS, half_rows(s));
    for (int64_t row = item * SUM_ROWS; row < end; row++)
        sum_left(s, row);
}

static void product_item(const struct strassen *s, int64_t item)
{
    const struct cut c = cut_of(s);
    const int64_t block = item / c.groups, panel = item % c.groups * UNIT_PANELS;
    const int64_t columns = MIN((int64_t)UNIT_PANELS, half_panels(s) - panel) * PANEL_COLUMNS;
    if (block == c.blocks) {
        multiply_last(s, panel, columns);
        return;
    }
    const int64_t from = half_rows(s) * block / c.blocks;
    const int64_t to = half_rows(s) * (block + 1) / c.blocks;
    const struct unit u = {s, from, to - from, panel, columns};
    multiply_unit(&u);
}

void strassen_f32(const struct strassen *s, int phase, int64_t from, int64_t to)
{
    for (int64_t item = from; item < to; item++)
        if (phase == 0)
            sum_item(s, item);
        else
            product_item(s, item);
}
