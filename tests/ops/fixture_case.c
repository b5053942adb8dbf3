/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Fixtures as cases; see fixture_case.h. */
#include "fixture_case.h"

#include <math.h>
#include <string.h>

const int64_t *fixture_dims(const struct fixture_tensor *t, int64_t dims[FIXTURE_RANK + 1])
{
    memcpy(dims, t->dims, sizeof(t->dims));
    dims[t->rank] = -1;
    return dims;
}

void fixture_build(struct op_case *c, const struct fixture *f)
{
    int64_t dims[FIXTURE_RANK + 1];
    case_begin(c, f->op, f->opset);
    c->n_out = f->n_out;
    for (int i = 0; i < f->n_in; i++) {
        if (f->in[i].dtype == DT_NONE)
            case_none(c);
        else
            case_in(c, f->in[i].dtype, fixture_dims(&f->in[i], dims), f->in[i].data);
    }
    for (uint32_t i = 0; i < f->n_attrs; i++) {
        const struct fixture_attr *a = &f->attrs[i];
        if (a->type == ATTR_INT)
            case_int(c, a->key, a->i);
        else if (a->type == ATTR_FLOAT)
            case_float(c, a->key, a->f);
        else if (a->type == ATTR_STRING)
            case_str(c, a->key, a->s);
        else if (a->type == ATTR_FLOATS)
            case_floats(c, a->key, a->floats, a->n);
        else
            case_ints(c, a->key, a->ints, a->n);
    }
}

/* One operand in dtype t, in static room of its own. */
static void *as_dtype(const struct tensor *x, enum dtype t, int operand)
{
    enum { COUNT = 512 };
    static double room[FIXTURE_IN][COUNT];
    int64_t n = tensor_count(x);
    ck_assert_int_le(n, COUNT);
    for (int64_t i = 0; i < n; i++) {
        float v = ((const float *)x->data)[i];
        if (t == DT_F64)
            room[operand][i] = (double)v;
        else
            ((uint16_t *)(void *)room[operand])[i] = t == DT_F16 ? f32_to_f16(v) : f32_to_bf16(v);
    }
    return room[operand];
}

static void expect_near(const struct fixture *f, const struct tensor *got,
                        const struct fixture_tensor *want, double tolerance)
{
    for (int64_t i = 0; i < tensor_count(got); i++) {
        double g = tensor_get_f64(got, i), w = (double)((const float *)want->data)[i];
        ck_assert_msg(fabs(g - w) <= tolerance * (1 + fabs(w)) || (isnan(g) && isnan(w)) || g == w,
                      "%s as %s: element %d is %g, expected %g", f->name, dtype_text(got->dtype),
                      (int)i, g, w);
    }
}

void fixture_check_as(const struct fixture *f, enum dtype t, double tolerance)
{
    struct op_case c;
    struct err err = {0};
    int64_t dims[FIXTURE_RANK + 1];
    fixture_build(&c, f);
    for (int i = 0; i < c.n_in; i++)
        if (!c.left_out[i] && c.in[i].dtype == DT_F32) {
            c.in[i].data = as_dtype(&c.in[i], t, i);
            c.in[i].dtype = t;
        }
    ck_assert_msg(case_run(&c, &err) == OK, "%s as %s: %s", f->name, dtype_text(t), err.msg);
    for (int k = 0; k < f->n_out; k++) {
        if (f->out[k].dtype != DT_F32)
            continue;
        case_expect_shape(&c, k, t, fixture_dims(&f->out[k], dims));
        expect_near(f, &c.out[k], &f->out[k], tolerance);
    }
    case_fini(&c);
}
