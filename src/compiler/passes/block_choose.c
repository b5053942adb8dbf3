/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Which form each convolution takes. Time is counted in multiply-adds of a direct convolution, by
 * constants that were measured once for all machines (docs/performance.md), so that a compile is
 * deterministic: Winograd's products take about a seventh more each, every number that is
 * transformed costs about twenty, and every byte of weights about two: where a model's weights are
 * more than the last cache holds, each run reads them from memory.
 *
 * Winograd's weights are four times the direct ones. "speed" takes it wherever it is faster,
 * "memory" nowhere, and "balanced" where a byte buys most, until the bytes that came on top are a
 * quarter of all the model's constants. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "compiler/passes/block.h"

enum {
    PLAIN_CHANNELS_MAX = 8, /* an input of so few is read as it is */
    PLACES = 36,
    TILE = 4,
    SHARE = 4, /* of the model's bytes that balanced adds: one part in four */
};

static const double product_cost = 1.15, transform_cost = 20, weight_cost = 2;

/* A convolution that Winograd would make faster. */
struct gain {
    uint32_t node;
    double saved, bytes;
};

/* Multiply-adds of a direct convolution. */
static double direct_cost(const struct block_shape *s)
{
    return 9.0 * (double)s->in_c * (double)s->out_c * (double)s->out[0] * (double)s->out[1];
}

static double winograd_cost(const struct block_shape *s)
{
    double tiles =
        (double)((s->out[0] + TILE - 1) / TILE) * (double)((s->out[1] + TILE - 1) / TILE);
    double weights = PLACES * (double)s->in_c * (double)s->out_c;
    return tiles * weights * product_cost +
           tiles * PLACES * (double)(s->in_c + s->out_c) * transform_cost +
           weights * sizeof(float) * weight_cost;
}

static bool winograd_can(const struct block_shape *s)
{
    bool can = s->group == 1 && s->in_c >= BLOCK_LANES && s->out_c >= BLOCK_LANES;
    for (int i = 0; i < 2; i++)
        can = can && s->kernel[i] == 3 && s->stride[i] == 1 && s->dilation[i] == 1;
    return can;
}

static uint8_t plainest(const struct blocker *b, const struct node *n, const struct block_shape *s)
{
    if (s->group > 1) {
        if (s->group == s->in_c && s->group == s->out_c)
            return BLOCK_DEPTHWISE;
        bool whole =
            s->in_c / s->group % BLOCK_LANES == 0 && s->out_c / s->group % BLOCK_LANES == 0;
        return whole ? BLOCK_DIRECT : NOT_BLOCKED;
    }
    bool few = s->in_c <= PLAIN_CHANNELS_MAX && b->v.u.producer[n->in[0]] == NO_NODE;
    return few ? BLOCK_PLAIN : BLOCK_DIRECT;
}

static int by_worth(const void *x, const void *y)
{
    const struct gain *a = x, *b = y;
    double left = a->saved * b->bytes, right = b->saved * a->bytes;
    if (left != right)
        return left > right ? -1 : 1;
    return a->node < b->node ? -1 : 1;
}

/* Bytes of all constants that the model's first block reads. */
static double model_bytes(const struct blocker *b)
{
    double sum = 0;
    for (uint32_t i = 0; i < b->n_values; i++) {
        uint64_t bytes;
        if (b->g->values[i].kind == VALUE_CONST && b->v.u.count[i] &&
            tensor_bytes(&b->g->values[i].t, &bytes))
            sum += (double)bytes;
    }
    return sum;
}

static void take(struct blocker *b, struct gain *gains, uint32_t n)
{
    double left = b->g->optimize == OPTIMIZE_SPEED ? 1e300 : model_bytes(b) / SHARE;
    qsort(gains, n, sizeof(*gains), by_worth);
    for (uint32_t i = 0; i < n; i++)
        if (gains[i].bytes <= left) {
            b->form[gains[i].node] = BLOCK_WINOGRAD;
            left -= gains[i].bytes;
        }
}

enum status block_choose(struct blocker *b, struct err *err)
{
    struct gain *gains = alloc_zero(MAX(b->n_old, 1), sizeof(*gains));
    uint32_t n = 0;
    if (!gains)
        return err_set(err, E_NO_MEMORY, "no memory to lay out %u nodes", b->n_old);
    memset(b->form, NOT_BLOCKED, b->n_old);
    for (uint32_t i = 0; i < b->n_old; i++) {
        struct block_shape s;
        if (!block_shape_of(b, &b->old[i], &s))
            continue;
        b->form[i] = plainest(b, &b->old[i], &s);
        double saved = direct_cost(&s) - winograd_cost(&s);
        if (b->form[i] == BLOCK_DIRECT && winograd_can(&s) && saved > 0)
            gains[n++] = (struct gain){
                i, saved, (PLACES - 9.0) * (double)s.in_c * (double)s.out_c * sizeof(float)};
    }
    /* Winograd's transforms have no low precision. */
    if (b->g->optimize != OPTIMIZE_MEMORY && b->g->precision == PRECISION_FP32)
        take(b, gains, n);
    alloc_free(gains);
    return OK;
}
