/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators that move, place, order or recur, against ONNX's own reference (fixtures_structure.h),
 * and then against the same fixtures with some of their numbers changed to hostile ones: whatever
 * is accepted runs on buffers of exactly the planned size, the sanitizers are the judges.
 *
 * The fixtures are those of the operators in op_list.h from 160 to 299.
 * Tolerance: as in test_fixtures.c, but for those that tolerance names. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "fixture_case.h"
#include "fixtures_structure.h"
#include "ops/op_list.h"

enum { ROUNDS = 150, ROUNDS_MAX = 20 * ROUNDS, RUN_BYTES = 1 << 16 };

static uint64_t seed = 7;

static uint64_t next(void)
{
    uint64_t z = seed += 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int64_t below(int64_t n)
{
    return (int64_t)(next() % (uint64_t)n);
}

static int64_t any_number(void)
{
    static const int64_t extreme[] = {INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX,
                                      -1,        1 << 20,   100,       INT64_C(1) << 40};
    return below(3) ? below(7) - 2 : extreme[below(ARRAY_COUNT(extreme))];
}

/* ONNX's old reference takes in * scale as the length that align_corners divides by, the text (and
 * PyTorch, and ONNX Runtime) the whole number of outputs: they differ when the scale does not
 * divide. We follow the text. */
static bool differs(const struct fixture *f)
{
    return strstr(f->name, "downsample_scales") && strstr(f->name, "align_corners");
}

/* The reference of the windows takes 3.1415 for pi; the answers of GridSample and RoiAlign have
 * four digits. */
static double tolerance(const struct fixture *f)
{
    bool rough = strstr(f->op, "Window") || strcmp(f->op, "GridSample") == 0 ||
                 strcmp(f->op, "RoiAlign") == 0;
    return rough ? 1e-3 : 1e-5;
}

START_TEST(every_fixture_gives_the_reference_answer)
{
    int differing = 0;
    for (size_t i = 0; i < ARRAY_COUNT(fixtures); i++) {
        const struct fixture *f = &fixtures[i];
        struct op_case c;
        struct err err = {0};
        int64_t dims[FIXTURE_RANK + 1];
        if (differs(f)) {
            differing++;
            continue;
        }
        fixture_build(&c, f);
        ck_assert_msg(case_run(&c, &err) == OK, "%s: %s", f->name, err.msg);
        for (int k = 0; k < f->n_out; k++) {
            if (f->out[k].dtype == DT_NONE)
                continue;
            case_expect(&c, k, f->out[k].dtype, fixture_dims(&f->out[k], dims), f->out[k].data,
                        tolerance(f), tolerance(f) / 10);
        }
        case_fini(&c);
    }
    ck_assert_int_le(differing, 2);
}
END_TEST

/* One element of x becomes any number. */
static void spoil_element(struct tensor *x)
{
    int64_t n = tensor_count(x), v = any_number();
    uint8_t *at = (uint8_t *)x->data + (size_t)(n ? below(n) : 0) * dtype_bytes(x->dtype);
    float f = (float)v;
    double d = (double)v;
    if (!n)
        return;
    if (x->dtype == DT_BOOL)
        v &= 1;
    memcpy(at,
           x->dtype == DT_F32   ? (void *)&f
           : x->dtype == DT_F64 ? (void *)&d
                                : (void *)&v,
           dtype_bytes(x->dtype));
}

/* Gives operand x its own bytes, the fixture's as far as they go and then again, perhaps under
 * another shape. False when that shape has no size to test. */
static bool spoil_operand(struct tensor *x)
{
    struct tensor from = *x;
    uint64_t bytes, have;
    if (!below(3) && x->rank)
        x->dims[below(x->rank)] = below(8) ? below(4) : INT64_C(1) << below(40);
    if (!below(12))
        x->rank = (int)below(x->rank + 2);
    if (x->rank > from.rank)
        x->dims[from.rank] = 1 + below(2);
    if (!tensor_bytes(&from, &have) || !tensor_bytes(x, &bytes) || bytes > RUN_BYTES)
        return false;
    x->data = alloc_aligned(64, bytes ? bytes : 1);
    ck_assert_ptr_nonnull(x->data);
    memset(x->data, 0, bytes ? bytes : 1);
    for (uint64_t at = 0; at < bytes && have; at += have)
        memcpy((uint8_t *)x->data + at, from.data, MIN(have, bytes - at));
    for (int64_t i = below(3); i > 0; i--)
        spoil_element(x);
    return true;
}

static void spoil_attr(struct op_case *c)
{
    struct attr *a = &c->attrs[below(MAX(c->n_attrs, 1u))];
    if (!c->n_attrs)
        return;
    if (!below(8))
        *a = c->attrs[--c->n_attrs];
    else if (a->type == ATTR_INT)
        a->i = any_number();
    else if (a->type == ATTR_FLOAT)
        a->f = (float)any_number();
    else if (a->type == ATTR_INTS && a->count && a->ints == c->lists[a - c->attrs])
        c->lists[a - c->attrs][below(a->count)] = any_number();
    else if (a->count)
        a->count = (uint32_t)below(a->count + 1);
}

/* 1 when the changed fixture ran to its end. */
static int attempt(const struct fixture *f)
{
    struct op_case c;
    struct err err;
    bool sized = true;
    fixture_build(&c, f);
    for (int i = 0; i < c.n_in; i++)
        if (!c.left_out[i])
            sized &= spoil_operand(&c.in[i]);
    for (int i = 0; i < c.n_in; i++)
        c.left_out[i] |= !below(60);
    for (int64_t i = below(3); i > 0; i--)
        spoil_attr(&c);
    c.bytes_max = RUN_BYTES * 4;
    enum status s = sized ? case_run(&c, &err) : E_BAD_INPUT;
    ck_assert_msg(s == OK || s == E_CORRUPT || s == E_BAD_INPUT || s == E_UNSUPPORTED, "%s: %s",
                  f->name, status_name(s));
    for (int i = 0; i < c.n_in; i++)
        if (f->in[i].data != c.in[i].data)
            alloc_free(c.in[i].data);
    case_fini(&c);
    return s == OK;
}

START_TEST(changed_fixtures_stay_in_their_buffers)
{
    for (size_t i = 0; i < ARRAY_COUNT(fixtures); i++) {
        int ran = 0;
        for (int round = 0; round < ROUNDS_MAX && (round < ROUNDS || !ran); round++)
            ran += attempt(&fixtures[i]);
        ck_assert_msg(ran > 0, "%s never ran", fixtures[i].name);
    }
}
END_TEST

/* Newer than the data: proved by unit tests alone. */
static bool has_none(const char *op)
{
    static const char *const names[] = {"LpPool",    "GlobalLpPool", "BitwiseAnd",
                                        "BitwiseOr", "BitwiseXor",   "BitwiseNot",
                                        "Col2Im",    "CenterCropPad"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strcmp(names[i], op) == 0)
            return true;
    return false;
}

/* Tolerances: as in test_fixtures.c. */
START_TEST(the_other_floats_give_the_same_answer_within_their_precision)
{
    static const char *const ops[] = {"ConvTranspose", "LSTM", "GRU", "RNN"};
    int tried = 0;
    for (size_t i = 0; i < ARRAY_COUNT(fixtures); i++)
        for (size_t k = 0; k < ARRAY_COUNT(ops); k++) {
            if (strcmp(fixtures[i].op, ops[k]) != 0)
                continue;
            tried++;
            fixture_check_as(&fixtures[i], DT_F64, 1e-5);
            fixture_check_as(&fixtures[i], DT_F16, 10 * 0x1p-11);
            fixture_check_as(&fixtures[i], DT_BF16, 10 * 0x1p-8);
        }
    ck_assert_int_gt(tried, 12);
}
END_TEST

START_TEST(every_operator_of_the_range_has_a_fixture)
{
    size_t n;
    const struct op *const *all = op_table(&n);
    for (size_t i = 0; i < n; i++) {
        if (all[i]->code < 160 || all[i]->code > 299 || has_none(all[i]->name))
            continue;
        size_t k = 0;
        while (k < ARRAY_COUNT(fixtures) && strcmp(fixtures[k].op, all[i]->name) != 0)
            k++;
        ck_assert_msg(k < ARRAY_COUNT(fixtures), "%s has no fixture", all[i]->name);
    }
}
END_TEST

Suite *suite_structure(void)
{
    return SUITE("structure", every_fixture_gives_the_reference_answer,
                 changed_fixtures_stay_in_their_buffers,
                 the_other_floats_give_the_same_answer_within_their_precision,
                 every_operator_of_the_range_has_a_fixture);
}
