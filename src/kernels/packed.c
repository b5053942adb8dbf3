/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Products with a packed right side: cutting them into units, and their specification. */
#include "kernels/packed.h"

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
        for (int64_t d = 0; d < p->k; d++, to += PANEL_COLUMNS) {
            const float *b = p->b + d * p->row + first * p->column;
            for (int64_t j = 0; j < columns; j++)
                to[j] = p->scale * b[j * p->column];
            for (int64_t j = columns; j < PANEL_COLUMNS; j++)
                to[j] = 0;
        }
    }
}
