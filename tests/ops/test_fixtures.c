/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators against the answers of ONNX's own reference (numpy), from fixtures.h.
 *
 * Tolerance: rtol 1e-5, atol 1e-6: the reference computes some cases in double and some in float32;
 * no case sums more than 150 numbers, whose reordering stays below 150 * 2^-24 = 9e-6 relative.
 */
#include <math.h>
#include <string.h>

#include "fixture_case.h"

#include "fixtures.h"

/* Must be refused by name: there is no reference to compare with. */
static bool draws_random_numbers(const struct fixture *f)
{
    return strstr(f->name, "training_dropout") && !strstr(f->name, "zero_ratio");
}

START_TEST(every_fixture_gives_the_reference_answer)
{
    int passed = 0;
    for (size_t i = 0; i < ARRAY_COUNT(fixtures); i++) {
        const struct fixture *f = &fixtures[i];
        struct op_case c;
        struct err err = {0};
        int64_t dims[8];
        fixture_build(&c, f);
        enum status s = case_run(&c, &err);
        if (draws_random_numbers(f)) {
            ck_assert_msg(s == E_UNSUPPORTED && strstr(err.msg, "random"), "%s", f->name);
            case_fini(&c);
            continue;
        }
        ck_assert_msg(s == OK, "%s: %s", f->name, err.msg);
        for (int k = 0; k < f->n_out; k++)
            case_expect(&c, k, f->out[k].dtype, fixture_dims(&f->out[k], dims), f->out[k].data,
                        1e-5, 1e-6);
        passed++;
        case_fini(&c);
    }
    ck_assert_int_gt(passed, 470);
}
END_TEST

/* Operators whose float32 kernels serve other floats, or that have others beside them. Tolerances:
 * operands and result are rounded to 8, 11 or 24 bits; sums of up to 150 products of such numbers
 * keep within ten times that. */
START_TEST(the_other_floats_give_the_same_answer_within_their_precision)
{
    static const char *const ops[] = {
        "Conv", "MatMul", "Gemm", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"};
    int tried[ARRAY_COUNT(ops)] = {0};
    for (size_t i = 0; i < ARRAY_COUNT(fixtures); i++)
        for (size_t k = 0; k < ARRAY_COUNT(ops); k++) {
            const struct fixture *f = &fixtures[i];
            if (strcmp(f->op, ops[k]) != 0 || f->in[0].dtype != DT_F32)
                continue;
            tried[k]++;
            fixture_check_as(f, DT_F64, 1e-5);
            fixture_check_as(f, DT_F16, 10 * 0x1p-11);
            fixture_check_as(f, DT_BF16, 10 * 0x1p-8);
        }
    for (size_t k = 0; k < ARRAY_COUNT(ops); k++)
        ck_assert_msg(tried[k] > 0, "%s has no fixture", ops[k]);
}
END_TEST

Suite *suite_fixtures(void)
{
    return SUITE("fixtures", every_fixture_gives_the_reference_answer,
                 the_other_floats_give_the_same_answer_within_their_precision);
}
