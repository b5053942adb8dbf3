/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Fixtures as cases; see fixture_case.h. */
#include "fixture_case.h"

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
