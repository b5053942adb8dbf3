/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators against the answers of ONNX's own reference (numpy), from fixtures.h.
 *
 * Tolerance: rtol 1e-5, atol 1e-6: the reference computes some cases in double and some in float32;
 * no case sums more than 150 numbers, whose reordering stays below 150 * 2^-24 = 9e-6 relative.
 * A fixture that a kernel is missing for (a dtype, a training form) must say so by name. */
#include <math.h>
#include <string.h>

#include "support/op_case.h"

struct fixture_tensor {
    enum dtype dtype; /* DT_NONE: left out */
    int rank;
    int64_t dims[6];
    const void *data;
};

struct fixture_attr {
    enum attr_key key;
    enum attr_type type;
    uint32_t n;
    int64_t i;
    float f;
    const char *s;
    const int64_t *ints;
};

struct fixture {
    const char *name, *op;
    int opset, n_in, n_out;
    struct fixture_tensor in[6], out[4];
    uint32_t n_attrs;
    struct fixture_attr attrs[8];
};

#include "fixtures.h"

/* Forms that we refuse, and by which word: everything else in the file must pass. */
static const struct {
    const char *fixture, *why;
} refused[] = {
    {"test_maxpool_with_argmax_2d", "Indices"},
    {"training", "training"},
    {"_train", "training"},
    {"uint8", "no kernel"},
    {"pow_types", "no kernel"},
};

static const char *refusal(const struct fixture *f)
{
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
        if (strstr(f->name, refused[i].fixture))
            return refused[i].why;
    return NULL;
}

static const int64_t *ended(const struct fixture_tensor *t, int64_t dims[8])
{
    memcpy(dims, t->dims, sizeof(t->dims));
    dims[t->rank] = -1;
    return dims;
}

static void build(struct op_case *c, const struct fixture *f)
{
    int64_t dims[8];
    case_begin(c, f->op, f->opset);
    c->n_out = f->n_out;
    for (int i = 0; i < f->n_in; i++) {
        if (f->in[i].dtype == DT_NONE)
            case_none(c);
        else
            case_in(c, f->in[i].dtype, ended(&f->in[i], dims), f->in[i].data);
    }
    for (uint32_t i = 0; i < f->n_attrs; i++) {
        const struct fixture_attr *a = &f->attrs[i];
        if (a->type == ATTR_INT)
            case_int(c, a->key, a->i);
        else if (a->type == ATTR_FLOAT)
            case_float(c, a->key, a->f);
        else if (a->type == ATTR_STRING)
            case_str(c, a->key, a->s);
        else
            case_ints(c, a->key, a->ints, a->n);
    }
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
        build(&c, f);
        enum status s = case_run(&c, &err);
        if (why && s != OK) {
            ck_assert_msg(s == E_UNSUPPORTED && strstr(err.msg, why), "%s: %s", f->name, err.msg);
        } else {
            ck_assert_msg(s == OK, "%s: %s", f->name, err.msg);
            for (int k = 0; k < f->n_out; k++)
                case_expect(&c, k, f->out[k].dtype, ended(&f->out[k], dims), f->out[k].data, 1e-5,
                            1e-6);
            passed++;
        }
        case_fini(&c);
    }
    ck_assert_int_gt(passed, 250);
}
END_TEST

Suite *suite_fixtures(void)
{
    return SUITE("fixtures", every_fixture_gives_the_reference_answer);
}
