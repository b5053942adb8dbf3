/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.LinearBoost: operands of another shape than its attributes say are refused, and the sums
 * are those of its formula. */
#include <math.h>
#include <string.h>

#include "ops/boost.h"
#include "support/support.h"

enum { ROWS = 2, FEATURES = 3, GROUPS = 2, OPERANDS = 3 };

struct fixture {
    float x[ROWS * FEATURES], base[GROUPS], weights[FEATURES * GROUPS], y[ROWS * GROUPS];
    struct tensor t[OPERANDS], out;
    uint64_t params[OP_PARAMS_MAX / 8];
    struct err err;
};

static const struct op *the_op(void)
{
    const struct op *op = op_by_name("roost", "LinearBoost");
    ck_assert_ptr_nonnull(op);
    return op;
}

static void fixture_init(struct fixture *f)
{
    *f = (struct fixture){
        .x = {1, NAN, 2, -1, 3, NAN}, .base = {0.5f, -0.5f}, .weights = {1, 2, 10, 20, 100, 200}};
    f->t[0] = (struct tensor){DT_F32, 2, {ROWS, FEATURES}, f->x};
    f->t[1] = (struct tensor){DT_F32, 1, {GROUPS}, f->base};
    f->t[2] = (struct tensor){DT_F32, 2, {FEATURES, GROUPS}, f->weights};
}

static enum status infer(struct fixture *f)
{
    const struct attr attrs[] = {
        {.key = ATTR_n_features, .type = ATTR_INT, .count = 1, .i = FEATURES},
        {.key = ATTR_n_groups, .type = ATTR_INT, .count = 1, .i = GROUPS}};
    const struct op_node node = {1, OPERANDS, 1, {attrs, 2}};
    const struct tensor *in[] = {&f->t[0], &f->t[1], &f->t[2]};
    struct tensor *out = &f->out;
    struct op_infer c = {.params = f->params, .n_in = OPERANDS, .n_out = 1, .in = in, .out = &out};
    ck_ok(the_op()->prepare(&node, f->params, &f->err), &f->err);
    return the_op()->infer(&c, &f->err);
}

START_TEST(missing_values_add_nothing)
{
    struct fixture f;
    const float expected[] = {201.5f, 401.5f, 29.5f, 57.5f};
    fixture_init(&f);
    ck_ok(infer(&f), &f.err);
    ck_assert_int_eq(tensor_count(&f.out), ROWS * GROUPS);
    const struct tensor *in[] = {&f.t[0], &f.t[1], &f.t[2]};
    struct tensor *out = &f.out;
    f.out.data = f.y;
    struct op_run run = {f.params, OPERANDS, 1, in, &out, NULL, NULL};
    ck_ok(the_op()->run(&run, &f.err), &f.err);
    ck_assert_mem_eq(f.y, expected, sizeof(expected));
}
END_TEST

START_TEST(operands_must_have_the_shapes_of_the_attributes)
{
    static const struct {
        int operand;
        struct tensor t;
    } bad[] = {
        {0, {DT_F32, 2, {ROWS, FEATURES + 1}, NULL}}, {0, {DT_F64, 2, {ROWS, FEATURES}, NULL}},
        {0, {DT_F32, 1, {FEATURES}, NULL}},           {1, {DT_F32, 1, {GROUPS - 1}, NULL}},
        {1, {DT_F32, 2, {GROUPS, 1}, NULL}},          {2, {DT_F32, 2, {GROUPS, FEATURES}, NULL}},
        {2, {DT_I64, 2, {FEATURES, GROUPS}, NULL}},   {2, {DT_F32, 1, {FEATURES * GROUPS}, NULL}}};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct fixture f;
        fixture_init(&f);
        f.t[bad[i].operand] = bad[i].t;
        enum status s = infer(&f);
        ck_assert_msg(s == E_BAD_INPUT || s == E_UNSUPPORTED, "case %zu: %s", i, status_name(s));
    }
}
END_TEST

Suite *suite_linear_boost(void)
{
    return SUITE("linear_boost", missing_values_add_nothing,
                 operands_must_have_the_shapes_of_the_attributes);
}
