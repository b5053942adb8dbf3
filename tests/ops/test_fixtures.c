/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators against the answers of ONNX's own reference (numpy), from fixtures.h.
 *
 * Tolerance: rtol 1e-5, atol 1e-6: the reference computes some cases in double and some in float32;
 * no case sums more than 150 numbers, whose reordering stays below 150 * 2^-24 = 9e-6 relative.
 * A fixture that a kernel is missing for (a dtype, a training form) must say so by name. */
#include <math.h>
#include <string.h>

#include "fixture_case.h"

#include "fixtures.h"

/* Forms that we refuse, and by which word: everything else in the file must pass. */
static const struct {
    const char *fixture, *why;
} refused[] = {
    {"training", "training"},
    {"_train", "training"},
};

static const char *refusal(const struct fixture *f)
{
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
        if (strstr(f->name, refused[i].fixture))
            return refused[i].why;
    return NULL;
}

START_TEST(every_fixture_gives_the_reference_answer)
{
    int passed = 0;
    for (size_t i = 0; i < ARRAY_COUNT(fixtures); i++) {
        const struct fixture *f = &fixtures[i];
        const char *why = refusal(f);
        struct op_case c;
        struct err err = {0};
        int64_t dims[8];
        fixture_build(&c, f);
        enum status s = case_run(&c, &err);
        if (why && s != OK) {
            ck_assert_msg(s == E_UNSUPPORTED && strstr(err.msg, why), "%s: %s", f->name, err.msg);
        } else {
            ck_assert_msg(s == OK, "%s: %s", f->name, err.msg);
            for (int k = 0; k < f->n_out; k++)
                case_expect(&c, k, f->out[k].dtype, fixture_dims(&f->out[k], dims), f->out[k].data,
                            1e-5, 1e-6);
            passed++;
        }
        case_fini(&c);
    }
    ck_assert_int_gt(passed, 470);
}
END_TEST

Suite *suite_fixtures(void)
{
    return SUITE("fixtures", every_fixture_gives_the_reference_answer);
}
