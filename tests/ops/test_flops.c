/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The estimates, on shapes whose count is done by hand. */
#include "ops/flops.h"
#include "support/support.h"

enum { OPERANDS = 4 };

struct shape {
    int rank;
    int64_t dims[5];
};

static const struct flops_case {
    const char *domain, *op;
    struct shape in[OPERANDS];
    int n_in;
    struct shape out;
    uint64_t want;
} cases[] = {
    /* 2 * 8*6*6 outputs * 4*3*3 weights each */
    {"", "Conv", {{4, {1, 4, 6, 6}}, {4, {8, 4, 3, 3}}}, 2, {4, {1, 8, 6, 6}}, 20736},
    /* depthwise: 9 weights each */
    {"roost", "FusedConv", {{4, {1, 4, 6, 6}}, {4, {4, 1, 3, 3}}}, 2, {4, {1, 4, 6, 6}}, 2592},
    /* 2 * 4*6*6 inputs * 8*2*2 places each */
    {"", "ConvTranspose", {{4, {1, 4, 6, 6}}, {4, {4, 8, 2, 2}}}, 2, {4, {1, 8, 12, 12}}, 9216},
    {"", "MatMul", {{3, {5, 2, 3}}, {2, {3, 7}}}, 2, {3, {5, 2, 7}}, 420},
    {"", "Gemm", {{2, {2, 3}}, {2, {3, 7}}, {1, {7}}}, 3, {2, {2, 7}}, 84},
    {"", "Gemm", {{2, {3, 2}}, {2, {3, 7}}, {1, {7}}}, 3, {2, {2, 7}}, 84}, /* A transposed */
    /* 2 * 5 steps * 2 items * (4*6*3 + 4*6*6) */
    {"", "LSTM", {{3, {5, 2, 3}}, {3, {1, 24, 3}}, {3, {1, 24, 6}}}, 3, {4, {5, 1, 2, 6}}, 4320},
    {"", "Relu", {{2, {3, 4}}}, 1, {2, {3, 4}}, 12},
    {"", "ReduceSum", {{2, {3, 4}}}, 1, {2, {3, 1}}, 12},
    {"", "Gather", {{2, {1000, 4}}, {1, {3}}}, 2, {2, {3, 4}}, 12},
    {"", "Reshape", {{2, {3, 4}}, {1, {1}}}, 2, {1, {12}}, 0},
    {"", "Conv", {{4, {0, 4, 6, 6}}, {4, {8, 4, 3, 3}}}, 2, {4, {0, 8, 6, 6}}, 0},
    {"", "Conv", {{4, {1, 4, 6, 6}}, {4, {0, 4, 3, 3}}}, 2, {4, {1, 0, 6, 6}}, 0},
};

START_TEST(work_is_what_the_shapes_say)
{
    const struct flops_case *c = &cases[_i];
    struct tensor in[OPERANDS], out;
    const struct tensor *ins[OPERANDS];
    struct tensor *outs[] = {&out};
    const struct op *op = op_by_name(c->domain, c->op);
    ck_assert_ptr_nonnull(op);
    for (int i = 0; i < c->n_in; i++) {
        tensor_set_shape(&in[i], DT_F32, c->in[i].rank, c->in[i].dims);
        ins[i] = &in[i];
    }
    tensor_set_shape(&out, DT_F32, c->out.rank, c->out.dims);
    const struct op_shapes s = {NULL, c->n_in, 1, ins, outs};
    ck_assert_msg(op_flops(op, &s) == c->want, "case %d (%s): %llu, expected %llu", _i, c->op,
                  (unsigned long long)op_flops(op, &s), (unsigned long long)c->want);
}
END_TEST

Suite *suite_flops(void)
{
    Suite *s = suite_create("flops");
    TCase *t = tcase_create("flops");
    tcase_add_loop_test(t, work_is_what_the_shapes_say, 0, ARRAY_COUNT(cases));
    suite_add_tcase(s, t);
    return s;
}
