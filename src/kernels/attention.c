/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Two matrix products with a softmax between them, a block of rows at a time. A head's K and V are
 * first laid out in panels (kernels/packed.h), which costs one pass over them and makes both
 * products as fast as those with constant matrices. Blocks are as tall as their scores fit the
 * second-level cache. The quotients of softmax are left to the results, which are fewer than the
 * scores. Every part of the heads has panels and scores of its own, so that parts need not know of
 * each other. */
#include "kernels/attention.h"

#include <math.h>

#include "base/checked.h"
#include "kernels/packed.h"
#include "kernels/softmax_priv.h"

enum {
    SCORES = 1 << 16, /* of a block, aimed at: 256 KiB */
    ROWS_MIN = 16,
    ROWS_MOST = 512, /* of a block */
};

/* How a part's room of the scratch is divided, in floats: K's panels, V's panels, the scores of a
 * block. */
struct rooms {
    uint64_t k, v, scores, all; /* all: a multiple of the alignment */
};

/* Rows that there is room for. */
static int64_t room_rows(const struct attention *a)
{
    int64_t rows = MAX(SCORES / MAX(a->columns, 1), ROWS_MIN);
    return MIN(rows, a->rows);
}

static int64_t block_rows(const struct attention *a)
{
    return MIN(room_rows(a), (int64_t)ROWS_MOST);
}

/* False when a size does not fit 63 bits. */
static bool rooms_of(const struct attention *a, struct rooms *r)
{
    const uint64_t columns = (uint64_t)a->columns, row = PANEL_COLUMNS;
    return checked_mul((uint64_t)panel_count(a->columns) * row, (uint64_t)a->depth, &r->k) &&
           checked_mul((uint64_t)panel_count(a->width) * row, columns, &r->v) &&
           checked_mul((uint64_t)room_rows(a), columns, &r->scores) &&
           checked_add(r->k, r->v, &r->all) && checked_add(r->all, r->scores, &r->all) &&
           checked_align(r->all, row, &r->all);
}

int64_t attention_parts(const struct attention *a)
{
    return MIN(a->batch, ATTENTION_PARTS) * MIN(a->heads, ATTENTION_PARTS) < ATTENTION_PARTS
               ? a->batch * a->heads
               : ATTENTION_PARTS;
}

bool attention_f32_scratch(const struct attention *a, uint64_t *bytes)
{
    struct rooms r;
    if (a->columns > INT32_MAX || a->width > INT32_MAX)
        return false;
    return rooms_of(a, &r) &&
           checked_mul(r.all, (uint64_t)attention_parts(a) * sizeof(float), bytes) &&
           *bytes <= INT64_MAX;
}

static int64_t start(const struct attention_part *p, int64_t item, int64_t head, int64_t row)
{
    return item * p->item + head * p->head + row * p->row;
}

/* A mask with one number for all columns of a row; others are added by the product. */
static void add_mask(const struct attention *a, const float *mask, float *scores, int64_t rows)
{
    for (int64_t i = 0; i < rows; i++, mask += a->mask.row, scores += a->columns)
        for (int64_t j = 0; j < a->columns; j++)
            scores[j] += mask[0];
}

static void pack_head(const struct attention *a, int64_t item, int64_t head, float *k, float *v)
{
    const struct packing keys = {.n = a->columns,
                                 .k = a->depth,
                                 .b = a->k.data + start(&a->k, item, head, 0),
                                 .row = a->k_by_depth ? a->k.row : 1,
                                 .column = a->k_by_depth ? 1 : a->k.row,
                                 .scale = a->scale,
                                 .to = k};
    const struct packing values = {.n = a->width,
                                   .k = a->columns,
                                   .b = a->v.data + start(&a->v, item, head, 0),
                                   .row = a->v.row,
                                   .column = 1,
                                   .scale = 1,
                                   .to = v};
    pack_f32(&keys);
    pack_f32(&values);
}

/* Panels of a head's K and V, and room for the scores of a block. */
struct room {
    float *k, *v, *scores;
};

static void one_block(const struct attention *a, int64_t item, int64_t head, int64_t row,
                      const struct room *r)
{
    const float *mask = a->mask.data ? a->mask.data + start(&a->mask, item, head, row) : NULL;
    const int64_t rows = MIN(block_rows(a), a->rows - row);
    float factor[ROWS_MOST];
    const struct packed s = {.m = rows,
                             .n = a->columns,
                             .k = a->depth,
                             .x = a->q.data + start(&a->q, item, head, row),
                             .w = r->k,
                             .sum = a->mask_column ? mask : NULL,
                             .y = r->scores,
                             .ldx = a->q.row,
                             .ld_sum = a->mask.row,
                             .ldy = a->columns};
    packed_f32(&s, 0, packed_units(&s));
    if (mask && !a->mask_column)
        add_mask(a, mask, r->scores, rows);
    const struct softmax_rows weights = {.rows = rows, .n = a->columns, .x = r->scores};
    if (a->columns > 0)
        ISA_PICK(softmax_weights)(&weights, factor);
    const struct packed y = {.m = rows,
                             .n = a->width,
                             .k = a->columns,
                             .x = r->scores,
                             .w = r->v,
                             .y = a->out + start(&a->y, item, head, row),
                             .ldx = a->columns,
                             .ldy = a->y.row};
    packed_f32(&y, 0, packed_units(&y));
    const struct softmax_means means = {.rows = rows, .n = a->width, .ldy = y.ldy, .y = y.y};
    if (a->columns > 0)
        ISA_PICK(softmax_means)(&means, factor);
}

static void one_head(const struct attention *a, int64_t item, int64_t head, const struct room *r)
{
    pack_head(a, item, head, r->k, r->v);
    for (int64_t row = 0; row < a->rows; row += block_rows(a))
        one_block(a, item, head, row, r);
}

void attention_f32(const struct attention *a, int64_t from, int64_t to)
{
    struct rooms of;
    const int64_t parts = attention_parts(a), heads = a->batch * a->heads;
    if (!rooms_of(a, &of))
        return; /* attention_f32_scratch refuses such sizes */
    for (; from < to; from++) {
        float *at = (float *)a->scratch + from * (int64_t)of.all;
        const struct room r = {at, at + of.k, at + of.k + of.v};
        const int64_t least = heads / parts, more = heads % parts;
        int64_t i = from * least + MIN(from, more);
        for (const int64_t end = i + least + (from < more); i < end; i++)
            one_head(a, i / a->heads, i % a->heads, &r);
    }
}

static double score(const struct attention *a, int64_t item, int64_t head, int64_t row, int64_t col)
{
    const float *q = a->q.data + start(&a->q, item, head, row);
    const float *k = a->k.data + start(&a->k, item, head, a->k_by_depth ? 0 : col);
    double sum = 0;
    for (int64_t d = 0; d < a->depth; d++)
        sum += (double)q[d] * (double)(a->k_by_depth ? k[d * a->k.row + col] : k[d]);
    sum *= (double)a->scale;
    if (a->mask.data)
        sum += (double)a->mask.data[start(&a->mask, item, head, row) + col * a->mask_column];
    return sum;
}

static void one_row_ref(const struct attention *a, int64_t item, int64_t head, int64_t row)
{
    float *y = a->out + start(&a->y, item, head, row);
    double most = -INFINITY, sum = 0;
    for (int64_t c = 0; c < a->columns; c++)
        most = fmax(most, score(a, item, head, row, c));
    for (int64_t c = 0; c < a->columns; c++)
        sum += exp(score(a, item, head, row, c) - most);
    for (int64_t e = 0; e < a->width; e++) {
        double value = 0;
        for (int64_t c = 0; c < a->columns; c++) {
            const float *v = a->v.data + start(&a->v, item, head, c);
            value += exp(score(a, item, head, row, c) - most) / sum * (double)v[e];
        }
        y[e] = (float)value;
    }
}

void attention_f32_ref(const struct attention *a)
{
    for (int64_t item = 0; item < a->batch; item++)
        for (int64_t head = 0; head < a->heads; head++)
            for (int64_t row = 0; row < a->rows; row++)
                one_row_ref(a, item, head, row);
}
