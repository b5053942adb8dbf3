/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "ops/narrow_common.h"

#include <inttypes.h>
#include <math.h>

static enum status read_bytes(const struct op_node *node, const char *op,
                              const enum attr_key keys[2], float *scale, int32_t *zero,
                              struct err *err)
{
    int64_t z;
    enum status s = attr_float(&node->attrs, keys[0], 1, scale, err);
    if (s == OK)
        s = attr_int(&node->attrs, keys[1], 0, &z, err);
    if (s != OK)
        return s;
    /* Its reciprocal is what kernels multiply by. */
    if (!isnormal(*scale) || *scale < 0 || !isnormal(1.0f / *scale))
        return err_set(err, E_CORRUPT, "%s: attribute %s is %g, expected finite and above 0", op,
                       attr_name(keys[0]), (double)*scale);
    if (z < 0 || z > UINT8_MAX)
        return err_set(err, E_CORRUPT, "%s: attribute %s is %" PRId64 ", expected 0 to 255", op,
                       attr_name(keys[1]), z);
    *zero = (int32_t)z;
    return OK;
}

static bool is_narrow(int64_t t)
{
    return t == DT_F32 || t == DT_BF16 || t == DT_U8;
}

enum status narrow_prepare(const struct op_node *node, const char *op, struct narrow_params *p,
                           struct err *err)
{
    static const enum attr_key keys[][2] = {
        {ATTR_x_scale, ATTR_x_zero}, {ATTR_y_scale, ATTR_y_zero}, {ATTR_z_scale, ATTR_z_zero}};
    int64_t type;
    enum status s = read_bytes(node, op, keys[0], &p->x_scale, &p->x_zero, err);
    if (s == OK)
        s = read_bytes(node, op, keys[1], &p->y_scale, &p->y_zero, err);
    if (s == OK)
        s = read_bytes(node, op, keys[2], &p->z_scale, &p->z_zero, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_y_type, DT_NONE, &type, err);
    if (s == OK && type != DT_NONE && !is_narrow(type))
        s = err_set(err, E_CORRUPT, "%s: attribute y_type is %" PRId64 ", expected 1, 2 or 16", op,
                    type);
    if (s == OK)
        p->y_type = (int32_t)type;
    return s;
}

enum status narrow_operand(const struct op_infer *ctx, const char *op, int i, struct err *err)
{
    return is_narrow(ctx->in[i]->dtype) ? OK : op_no_kernel(op, i, ctx->in[i], err);
}

enum status narrow_rest(const struct op_infer *ctx, const char *op, int64_t lanes, struct err *err)
{
    const struct tensor *z = op_operand(ctx->in, ctx->n_in, 4);
    bool bytes = ctx->in[0]->dtype == DT_U8;
    if (bytes != (op_operand(ctx->in, ctx->n_in, 2) != NULL))
        return err_set(err, E_BAD_INPUT, "%s: input 2 is %s input 0 of %s", op,
                       bytes ? "left out beside" : "given beside", dtype_text(ctx->in[0]->dtype));
    for (int i = 2; i < 4; i++) {
        const struct tensor *row = op_operand(ctx->in, ctx->n_in, i);
        if (row && (row->dtype != DT_F32 || row->rank != 1 || row->dims[0] != lanes))
            return op_bad(op, i, row, "float32, one element per lane of the output", err);
    }
    if (!z)
        return OK;
    enum status s = narrow_operand(ctx, op, 4, err);
    return s == OK && !shape_same(z, ctx->out[0]) ? op_bad(op, 4, z, "the shape of the output", err)
                                                  : s;
}

enum dtype narrow_result(const struct narrow_params *p, const struct tensor *x)
{
    return p->y_type == DT_NONE ? x->dtype : (enum dtype)p->y_type;
}

void narrow_end_of(const struct op_run *ctx, const struct narrow_params *p, struct narrow_end *end)
{
    const struct tensor *scale = op_operand(ctx->in, ctx->n_in, 2);
    const struct tensor *bias = op_operand(ctx->in, ctx->n_in, 3);
    const struct tensor *z = op_operand(ctx->in, ctx->n_in, 4);
    end->scale = scale ? scale->data : NULL;
    end->bias = bias ? bias->data : NULL;
    end->sum = (struct narrow_data){z ? narrow_type_of(z->dtype) : NARROW_F32, p->z_scale,
                                    p->z_zero, z ? z->data : NULL};
    end->y = narrow_y(p, ctx->out[0]);
}

enum status narrow_check(const char *op, int n_in, const struct tensor *const *in, struct err *err)
{
    for (int k = 2; k < 4; k++) {
        const struct tensor *t = op_operand(in, n_in, k);
        for (int64_t i = 0; t && t->data && t->dtype == DT_F32 && i < tensor_count(t); i++)
            if (!isfinite(((const float *)t->data)[i]))
                return err_set(err, E_CORRUPT, "%s: element %" PRId64 " of input %d is not finite",
                               op, i, k);
    }
    return OK;
}

struct shared {
    const struct narrow *c;
    int64_t phase;
};

static void part(void *arg, int64_t from, int64_t to)
{
    const struct shared *s = arg;
    narrow_part(s->c, s->phase, from, to);
}

void narrow_share(const struct narrow *c, double work, const struct op_team *team)
{
    struct shared s = {c, 0};
    const int64_t phases = team && work >= OP_TEAM_WORK ? narrow_phases(c) : 0;
    if (!phases || work / (double)phases < OP_TEAM_WORK) {
        narrow_run(c);
        return;
    }
    for (; s.phase < phases; s.phase++)
        team->share(team->self, part, &s, narrow_items(c, s.phase));
}
