/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What holds for every row of the operator table. */
#include <string.h>

#include "ops/op_list.h"
#include "support/support.h"

START_TEST(every_operator_is_found_by_number_and_by_name)
{
    size_t n;
    const struct op *const *all = op_table(&n);
    ck_assert_uint_gt(n, 0);
    for (size_t i = 0; i < n; i++) {
        ck_assert_ptr_eq(op_by_code(all[i]->code), all[i]);
        ck_assert_ptr_eq(op_by_name(all[i]->domain, all[i]->name), all[i]);
    }
    ck_assert_ptr_eq(op_by_name("ai.onnx", "Conv"), &op_conv);
    ck_assert_ptr_null(op_by_name("roost", "Conv"));
    ck_assert_ptr_null(op_by_name("", "Frobnicate"));
    ck_assert_ptr_null(op_by_code(0));
    ck_assert_ptr_null(op_by_code(65535));
}
END_TEST

START_TEST(every_row_keeps_the_bounds_of_op_h)
{
    size_t n;
    const struct op *const *all = op_table(&n);
    for (size_t i = 0; i < n; i++) {
        const struct op *op = all[i];
        ck_assert_msg(op->infer && op->run, "%s lacks infer or run", op->name);
        ck_assert_msg(op->params_bytes <= OP_PARAMS_MAX, "%s: %zu", op->name, op->params_bytes);
        ck_assert_msg((op->prepare != NULL) == (op->params_bytes > 0), "%s", op->name);
        ck_assert_msg(op->in_min <= op->in_max && op->in_max <= OP_INPUTS_MAX, "%s", op->name);
        ck_assert_msg(op->out_min <= op->out_max && op->out_max >= 1 &&
                          op->out_max <= OP_OUTPUTS_MAX,
                      "%s", op->name);
        ck_assert_msg(op->since[0] > 0, "%s", op->name);
        for (int v = 1; v < OP_SINCE_MAX && op->since[v]; v++)
            ck_assert_msg(op->since[v] > op->since[v - 1], "%s", op->name);
        bool ours = strcmp(op->domain, "roost") == 0, ml = strcmp(op->domain, "ai.onnx.ml") == 0;
        ck_assert_msg(ours ? op->code >= 600
                      : ml ? op->code / 100 == 5
                           : op->code < 500,
                      "%s", op->name);
    }
}
END_TEST

START_TEST(the_version_in_force_is_the_newest_not_above_the_opset)
{
    ck_assert_int_eq(op_version(&op_softmax, 10), 1);
    ck_assert_int_eq(op_version(&op_softmax, 11), 11);
    ck_assert_int_eq(op_version(&op_softmax, 12), 11);
    ck_assert_int_eq(op_version(&op_softmax, 13), 13);
    ck_assert_int_eq(op_version(&op_softmax, 21), 13);
    ck_assert_int_eq(op_version(&op_softmax, 0), 0);
}
END_TEST

Suite *suite_table(void)
{
    return SUITE("table", every_operator_is_found_by_number_and_by_name,
                 every_row_keeps_the_bounds_of_op_h,
                 the_version_in_force_is_the_newest_not_above_the_opset);
}
