/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* NonMaxSuppression: per batch and class, boxes from the best score down, without those that
 * overlap a chosen one by more than iou_threshold. Among equal scores the lower index comes first.
 * Overlaps are computed in float32; a box without an area overlaps nothing. source: ONNX
 * NonMaxSuppression-10, 11 */
#include <math.h>

#include "base/checked.h"
#include "ops/ops_priv.h"
#include "ops/order.h"

struct params {
    bool center;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return op_flag(node, ATTR_center_point_box, 0, &p->center, err);
}

static enum status check_scalars(const struct op_infer *c, struct err *err)
{
    for (int i = 2; i < 5; i++) {
        const struct tensor *t = op_operand(c->in, c->n_in, i);
        enum dtype want = i == 2 ? DT_I64 : DT_F32;
        if (t && (t->dtype != want || tensor_count(t) != 1))
            return op_bad("NonMaxSuppression", i, t, i == 2 ? "one int64" : "one float32", err);
    }
    return OK;
}

/* The most boxes of one class. */
static int64_t limit_of(const struct tensor *most, int64_t boxes)
{
    if (!most)
        return 0;
    return most->data ? MIN(MAX(*(const int64_t *)most->data, 0), boxes) : boxes;
}

struct box {
    float low[2], high[2], area;
};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "NonMaxSuppression", 2, err);
    for (int i = 0; i < 2 && s == OK; i++)
        s = op_only(ctx, "NonMaxSuppression", i, DT_F32, err);
    if (s == OK)
        s = check_scalars(ctx, err);
    if (s != OK)
        return s;
    const struct tensor *boxes = ctx->in[0], *scores = ctx->in[1];
    if (boxes->rank != 3 || boxes->dims[2] != 4)
        return op_bad("NonMaxSuppression", 0, boxes, "[batch,boxes,4]", err);
    if (scores->rank != 3 || scores->dims[0] != boxes->dims[0] || scores->dims[2] != boxes->dims[1])
        return op_bad("NonMaxSuppression", 1, scores, "[batch,classes,boxes] as input 0", err);
    int64_t n = boxes->dims[1], rows = 0;
    if (tensor_count(scores) > 0)
        rows = scores->dims[0] * scores->dims[1] * limit_of(op_operand(ctx->in, ctx->n_in, 2), n);
    if (!checked_mul((uint64_t)n, sizeof(struct order_entry) + sizeof(struct box),
                     &ctx->scratch_bytes))
        return op_bad("NonMaxSuppression", 0, boxes, "fewer boxes", err);
    return op_output(ctx, 0, "NonMaxSuppression", DT_I64, 2, (int64_t[]){rows, 3}, err);
}

/* Corners may come in any order. */
static struct box box_of(const float *v, bool center)
{
    struct box b;
    for (int d = 0; d < 2; d++) {
        float p = center ? v[d] - v[d + 2] / 2 : v[d], q = center ? v[d] + v[d + 2] / 2 : v[d + 2];
        b.low[d] = fminf(p, q);
        b.high[d] = fmaxf(p, q);
    }
    b.area = (b.high[0] - b.low[0]) * (b.high[1] - b.low[1]);
    return b;
}

static bool overlap(const struct box *a, const struct box *b, float threshold)
{
    float side[2];
    for (int d = 0; d < 2; d++) {
        side[d] = fminf(a->high[d], b->high[d]) - fmaxf(a->low[d], b->low[d]);
        if (!(side[d] > 0))
            return false;
    }
    float both = side[0] * side[1], all = a->area + b->area - both;
    return a->area > 0 && b->area > 0 && all > 0 && both / all > threshold;
}

struct search {
    int64_t boxes, limit;
    float iou, score;
    bool has_score;
    struct order_entry *order;
    struct box *box;
};

/* Boxes whose score is enough, best first. */
static int64_t candidates(const struct search *s, const float *scores)
{
    order_key_fn *key = order_key_of(DT_F32);
    int64_t n = 0;
    for (int64_t i = 0; i < s->boxes; i++)
        if (!s->has_score || scores[i] > s->score)
            s->order[n++] = (struct order_entry){key(scores, i), i};
    order_sort(s->order, n);
    return n;
}

/* The chosen boxes of one class go to rows[chosen][3]. */
static int64_t choose(const struct search *s, const float *scores, int64_t batch, int64_t class,
                      int64_t *rows)
{
    int64_t n = candidates(s, scores), chosen = 0;
    for (int64_t i = 0; i < n && chosen < s->limit; i++) {
        const struct box *b = &s->box[s->order[i].at];
        int64_t k = 0;
        while (k < chosen && !overlap(b, &s->box[rows[3 * k + 2]], s->iou))
            k++;
        if (k < chosen)
            continue;
        rows[3 * chosen] = batch;
        rows[3 * chosen + 1] = class;
        rows[3 * chosen++ + 2] = s->order[i].at;
    }
    return chosen;
}

static enum status read_search(const struct op_run *ctx, struct search *s, struct err *err)
{
    const struct tensor *iou = op_operand(ctx->in, ctx->n_in, 3);
    const struct tensor *score = op_operand(ctx->in, ctx->n_in, 4);
    s->boxes = ctx->in[0]->dims[1];
    s->limit = limit_of(op_operand(ctx->in, ctx->n_in, 2), s->boxes);
    s->iou = iou ? *(const float *)iou->data : 0;
    s->has_score = score != NULL;
    s->score = score ? *(const float *)score->data : 0;
    s->order = ctx->scratch;
    s->box = (struct box *)(s->order + s->boxes);
    if (!(s->iou >= 0 && s->iou <= 1))
        return err_set(err, E_BAD_INPUT, "NonMaxSuppression: iou_threshold is %g, expected 0 to 1",
                       (double)s->iou);
    return OK;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *boxes = ctx->in[0], *scores = ctx->in[1];
    struct tensor *y = ctx->out[0];
    struct search s;
    int64_t *rows = y->data, n = 0;
    enum status st = read_search(ctx, &s, err);
    if (st != OK)
        return st;
    for (int64_t b = 0; b < boxes->dims[0] && y->dims[0] > 0; b++) {
        const float *at = (const float *)boxes->data + b * s.boxes * 4;
        for (int64_t i = 0; i < s.boxes; i++)
            s.box[i] = box_of(at + 4 * i, p->center);
        for (int64_t c = 0; c < scores->dims[1]; c++)
            n += choose(&s, (const float *)scores->data + (b * scores->dims[1] + c) * s.boxes, b, c,
                        rows + 3 * n);
    }
    y->dims[0] = n;
    return OK;
}

const struct op op_non_max_suppression = {
    .domain = "",
    .name = "NonMaxSuppression",
    .code = OP_CODE_non_max_suppression,
    .since = {10, 11},
    .types = OP_T(F32),
    .in_min = 2,
    .in_max = 5,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_SIZED_BY_RUN,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
