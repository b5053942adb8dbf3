/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.PackedGemm(X, W, B, sum): act(X W + B + sum), X of any rank from 1 on: all its rows are one
 * matrix. W [panels][K][16] is laid out in panels of 16 columns (kernels/packed.h), of which the
 * first `columns` count; or W [7][panels / 2][K / 2][16] holds the right sides of seven smaller
 * products (kernels/strassen.h). B has 16 for each panel; sum has the result's shape; both may be
 * left out.
 * Attributes: columns, activation, act_low, act_high.  source: ours */
#include <string.h>

#include "kernels/strassen.h"
#include "ops/ops_priv.h"

static const char name[] = "PackedGemm";

struct params {
    struct epilogue epilogue;
    int64_t columns;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = op_columns(node, name, &p->columns, err);
    return s == OK ? op_activation(node, &p->epilogue, err) : s;
}

static bool is_cut(const struct tensor *w)
{
    return w->rank == 4;
}

/* What is cut in halves: the rows of one index of the first dim, where there are several dims of
 * rows. So no item of a batch ever meets another's numbers. */
static int64_t item_rows(const struct tensor *x)
{
    int64_t rows = 1;
    for (int d = x->rank > 2; d + 1 < x->rank; d++)
        rows *= x->dims[d];
    return rows;
}

/* W against the columns of X and of the result. */
static enum status check_weights(const struct tensor *w, int64_t k, int64_t n, struct err *err)
{
    bool fits = w->rank == 3 && w->dims[0] == panel_count(n) && w->dims[1] == k;
    if (is_cut(w))
        fits = strassen_can(n, k) && w->dims[0] == STRASSEN_SIDES &&
               w->dims[1] == panel_count(n) / 2 && w->dims[2] == k / 2;
    return fits && w->dims[w->rank - 1] == PANEL_COLUMNS
               ? OK
               : op_bad(name, 1, w,
                        "panels for all columns, with as many rows as input 0 has columns", err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, name, 2, err);
    for (int i = 0; i < ctx->n_in && s == OK; i++)
        s = op_only(ctx, name, i, DT_F32, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *w = ctx->in[1];
    const struct tensor *b = op_operand(ctx->in, ctx->n_in, 2),
                        *sum = op_operand(ctx->in, ctx->n_in, 3);
    if (x->rank < 1)
        return op_bad(name, 0, x, "rank 1 or more", err);
    int64_t dims[TENSOR_RANK_MAX], *columns = &dims[x->rank - 1];
    memcpy(dims, x->dims, sizeof(dims));
    const int64_t k = *columns;
    s = check_weights(w, k, p->columns, err);
    *columns = p->columns;
    if (s == OK)
        s = op_output(ctx, 0, name, DT_F32, x->rank, dims, err);
    if (s != OK)
        return s;
    if (b && (b->rank != 1 || b->dims[0] / PANEL_COLUMNS != panel_count(p->columns) ||
              b->dims[0] % PANEL_COLUMNS != 0))
        return op_bad(name, 2, b, "one element per column of all panels", err);
    if (sum && !shape_same(sum, ctx->out[0]))
        return op_bad(name, 3, sum, "the shape of the output", err);
    if (is_cut(w) && !strassen_scratch(item_rows(x), k, &ctx->scratch_bytes))
        return err_set(err, E_UNSUPPORTED, "%s: the sums of input 0 have no size", name);
    return OK;
}

static void part(void *product, int64_t from, int64_t to)
{
    packed_f32(product, from, to);
}

/* A phase of a product that is cut. */
struct phase {
    struct strassen strassen;
    int phase;
};

static void cut_part(void *arg, int64_t from, int64_t to)
{
    const struct phase *p = arg;
    strassen_f32(&p->strassen, p->phase, from, to);
}

/* team: NULL where this thread does all. */
static void run_cut(const struct packed *product, float *scratch, const struct op_team *team)
{
    struct phase p = {{*product, scratch}, 0};
    for (; p.phase < STRASSEN_PHASES; p.phase++) {
        int64_t items = strassen_items(&p.strassen, p.phase);
        if (team)
            team->share(team->self, cut_part, &p, items);
        else
            cut_part(&p, 0, items);
    }
}

/* One item of the batch after the other, `rows` rows each. */
static void run_cuts(struct packed product, int64_t rows, float *scratch,
                     const struct op_team *team)
{
    int64_t left = product.m / rows;
    product.m = rows;
    for (; left > 0; left--) {
        run_cut(&product, scratch, team);
        product.x += rows * product.ldx;
        product.y += rows * product.ldy;
        product.sum = product.sum ? product.sum + rows * product.ld_sum : NULL;
    }
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    const struct tensor *b = op_operand(ctx->in, ctx->n_in, 2),
                        *sum = op_operand(ctx->in, ctx->n_in, 3);
    int64_t count = tensor_count(y), k = x->dims[x->rank - 1];
    if (count == 0)
        return OK;
    struct packed product = {.m = count / p->columns,
                             .n = p->columns,
                             .k = k,
                             .x = x->data,
                             .w = ctx->in[1]->data,
                             .bias = b ? b->data : NULL,
                             .sum = sum ? sum->data : NULL,
                             .y = y->data,
                             .ldx = k,
                             .ld_sum = p->columns,
                             .ldy = p->columns,
                             .epilogue = p->epilogue};
    const bool shared = ctx->team && (double)count * (double)k >= OP_TEAM_WORK;
    if (is_cut(ctx->in[1]))
        run_cuts(product, item_rows(x), ctx->scratch, shared ? ctx->team : NULL);
    else if (shared)
        ctx->team->share(ctx->team->self, part, &product, packed_units(&product));
    else
        packed_f32(&product, 0, packed_units(&product));
    return OK;
}

const struct op op_packed_gemm = {
    .domain = "roost",
    .name = "PackedGemm",
    .code = OP_CODE_packed_gemm,
    .since = {1},
    .types = OP_T(F32),
    .in_min = 2,
    .in_max = 4,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
