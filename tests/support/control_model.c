/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "support/control_model.h"

#include "support/support.h"

static void body_attr(struct model *m, enum attr_key key, int64_t value)
{
    model_attr(m, (struct attr){.key = key, .type = ATTR_INT, .count = 1, .i = value});
}

void loop_model(struct model *m)
{
    static const int64_t types[] = {DT_F32, 1, 0};
    model_init(m);
    int32_t x = model_input(m, "x", DT_F32, 1, (int64_t[]){DIM_SYMBOL_0});
    int32_t n = model_input(m, "n", DT_I64, 0, NULL);
    int32_t go = model_input(m, "go", DT_BOOL, 0, NULL);
    int32_t out = model_node_n(m, "Loop", 13, (int32_t[]){n, go, x, x}, 4, 2);
    body_attr(m, ATTR_body, 1);
    body_attr(m, ATTR_n_captures, 1);
    model_attr(m, (struct attr){.key = ATTR_scan_types,
                                .type = ATTR_INTS,
                                .count = ARRAY_COUNT(types),
                                .ints = types});
    int32_t i = model_formal(m), cond = model_formal(m), state = model_formal(m);
    int32_t captured = model_formal(m);
    int32_t sum = model_node(m, "Add", 14, state, captured, -1);
    ck_assert_int_eq(sum, LOOP_SUM);
    model_block(m, 1, (int32_t[]){i, cond, state, captured, -1}, (int32_t[]){cond, sum, sum, -1});
    model_output(m, "final", out, DT_F32, 1, (int64_t[]){DIM_FREE});
    model_output(m, "slices", out + 1, DT_F32, 2, (int64_t[]){DIM_FREE, DIM_FREE});
}

void if_model(struct model *m)
{
    static const char *const ops[] = {"Add", "Mul"};
    model_init(m);
    int32_t a = model_input(m, "a", DT_F32, 1, (int64_t[]){DIM_SYMBOL_0});
    int32_t yes = model_input(m, "yes", DT_BOOL, 0, NULL);
    int32_t out = model_node_n(m, "If", 13, (int32_t[]){yes, a}, 2, 1);
    body_attr(m, ATTR_then_branch, 1);
    body_attr(m, ATTR_else_branch, 2);
    body_attr(m, ATTR_n_captures, 1);
    for (int k = 0; k < 2; k++) {
        int32_t formal = model_formal(m);
        int32_t result = model_node(m, ops[k], 14, formal, formal, -1);
        model_block(m, 1, (int32_t[]){formal, -1}, (int32_t[]){result, -1});
    }
    model_output(m, "y", out, DT_F32, 1, (int64_t[]){DIM_FREE});
}

void scan_model(struct model *m)
{
    model_init(m);
    int32_t x = model_input(m, "x", DT_F32, 2, (int64_t[]){DIM_SYMBOL_0, 2});
    int32_t s0 = model_input(m, "s", DT_F32, 1, (int64_t[]){2});
    int32_t out = model_node_n(m, "Scan", 11, (int32_t[]){s0, x}, 2, 2);
    model_attr(m, (struct attr){.key = ATTR_body, .type = ATTR_INT, .count = 1, .i = 1});
    model_attr(m, (struct attr){.key = ATTR_num_scan_inputs, .type = ATTR_INT, .count = 1, .i = 1});
    int32_t s = model_formal(m), e = model_formal(m);
    int32_t sum = model_node(m, "Add", 14, s, e, -1);
    model_block(m, 1, (int32_t[]){s, e, -1}, (int32_t[]){sum, sum, -1});
    model_output(m, "final", out, DT_F32, 1, (int64_t[]){DIM_FREE});
    model_output(m, "all", out + 1, DT_F32, 2, (int64_t[]){DIM_FREE, DIM_FREE});
}
