/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Products with a packed right side: cutting them into units, and their specification. */
#include "kernels/packed.h"

#include <string.h>

#include "kernels/packed_priv.h"

void packed_cut_of(const struct packed *p, struct packed_cut *c)
{
    int64_t fit = PACKED_X_BYTES / (int64_t)sizeof(float) / MAX(p->k, 1);
    c->step = MIN(MAX(fit, PACKED_ROWS_MIN), p->m);
    c->rows = c->step ? (p->m + c->step - 1) / c->step : 0;
    if (c->rows)
        c->step = (p->m + c->rows - 1) / c->rows; /* blocks of one height */
    c->columns = (panel_count(p->n) + PACKED_UNIT_PANELS - 1) / PACKED_UNIT_PANELS;
}

int64_t packed_units(const struct packed *p)
{
    struct packed_cut c;
    packed_cut_of(p, &c);
    return c.rows * c.columns;
}

static struct packed_part part_of(const struct packed *p, const struct packed_cut *c, int64_t unit)
{
    struct packed_part part = {.row = unit / c->columns * c->step,
                               .panel = unit % c->columns * PACKED_UNIT_PANELS};
    part.rows = MIN(c->step, p->m - part.row);
    part.panels = MIN((int64_t)PACKED_UNIT_PANELS, panel_count(p->n) - part.panel);
    return part;
}

void packed_f32(const struct packed *p, int64_t from, int64_t to)
{
    void (*const run)(const struct packed *, const struct packed_part *) = ISA_PICK(packed_part);
    struct packed_cut c;
    packed_cut_of(p, &c);
    for (int64_t unit = from; unit < to; unit++) {
        struct packed_part part = part_of(p, &c, unit);
        if (part.rows > 0)
            run(p, &part);
    }
}

static void part_ref(const struct packed *p, const struct packed_part *part)
{
    int64_t first = part->panel * PANEL_COLUMNS;
    int64_t last = MIN(first + part->panels * PANEL_COLUMNS, p->n);
    for (int64_t i = part->row; i < part->row + part->rows; i++)
        for (int64_t j = first; j < last; j++) {
            const float *w = p->w + j / PANEL_COLUMNS * p->k * PANEL_COLUMNS + j % PANEL_COLUMNS;
            float *y = &p->y[i * p->ldy + j], sum = 0;
            for (int64_t d = 0; d < p->k; d++)
                sum += p->x[i * p->ldx + d] * w[d * PANEL_COLUMNS];
            const float add = p->sum ? p->sum[i * p->ld_sum + j] : 0;
            *y = sum;
            epilogue_f32_ref(&p->epilogue, y, p->bias ? p->bias[j] : 0, &add, 1);
        }
}

void packed_f32_ref(const struct packed *p, int64_t from, int64_t to)
{
    struct packed_cut c;
    packed_cut_of(p, &c);
    for (int64_t unit = from; unit < to; unit++) {
        struct packed_part part = part_of(p, &c, unit);
        part_ref(p, &part);
    }
}

/* A whole panel of rows that lie as they shall: the compiler moves registers. */
static void pack_rows(const struct packing *p, const float *restrict b, float *restrict to)
{
    for (int64_t d = 0; d < p->k; d++, to += PANEL_COLUMNS, b += p->row)
        for (int j = 0; j < PANEL_COLUMNS; j++)
            to[j] = p->scale * b[j];
}

/* Of 4 columns that lie along the depth, as rows of a panel: a square of 4 is turned in registers
 * of the least of processors. Returns how much of the depth it did. */
typedef float four __attribute__((vector_size(16)));
#define FIRST(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define LAST(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)

static int64_t turn_columns(const struct packing *p, const float *b, float *to)
{
    int64_t d = 0;
    for (; d + 4 <= p->k; d += 4, to += 4 * PANEL_COLUMNS) {
        four c[4];
        for (int i = 0; i < 4; i++)
            memcpy(&c[i], b + d + i * p->column, sizeof(four));
        const four even[] = {FIRST(c[0], c[2]), LAST(c[0], c[2])};
        const four odd[] = {FIRST(c[1], c[3]), LAST(c[1], c[3])};
        const four row[] = {FIRST(even[0], odd[0]), LAST(even[0], odd[0]), FIRST(even[1], odd[1]),
                            LAST(even[1], odd[1])};
        for (int i = 0; i < 4; i++) {
            const four scaled = row[i] * p->scale;
            memcpy(to + (int64_t)i * PANEL_COLUMNS, &scaled, sizeof(four));
        }
    }
    return d;
}

/* A whole panel of columns that lie along the depth. */
static void pack_columns(const struct packing *p, const float *b, float *to)
{
    for (int j = 0; j < PANEL_COLUMNS; j += 4) {
        const float *from = b + j * p->column;
        for (int64_t d = turn_columns(p, from, to + j); d < p->k; d++)
            for (int i = 0; i < 4; i++)
                to[d * PANEL_COLUMNS + j + i] = p->scale * from[d + i * p->column];
    }
}

/* Whichever way the source lies, it is read along its rows or a few cache lines wide. */
void pack_f32(const struct packing *p)
{
    for (int64_t first = 0; first < p->n; first += PANEL_COLUMNS) {
        int64_t columns = MIN((int64_t)PANEL_COLUMNS, p->n - first);
        float *to = p->to + first * p->k;
        if (p->column == 1 && columns == PANEL_COLUMNS) {
            pack_rows(p, p->b + first, to);
            continue;
        }
        if (p->row == 1 && columns == PANEL_COLUMNS) {
            pack_columns(p, p->b + first * p->column, to);
            continue;
        }
        for (int64_t d = 0; d < p->k; d++, to += PANEL_COLUMNS) {
            const float *b = p->b + d * p->row + first * p->column;
            for (int64_t j = 0; j < columns; j++)
                to[j] = p->scale * b[j * p->column];
            for (int64_t j = columns; j < PANEL_COLUMNS; j++)
                to[j] = 0;
        }
    }
}
