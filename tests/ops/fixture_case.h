/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A one-operator model with the answers of ONNX's own reference, as scripts/gen-op-fixtures writes
 * it. */
#ifndef ROOST_TESTS_FIXTURE_CASE_H
#define ROOST_TESTS_FIXTURE_CASE_H

#include "support/op_case.h"

enum { FIXTURE_RANK = 6, FIXTURE_IN = 9, FIXTURE_OUT = 4, FIXTURE_ATTRS = 9 };

struct fixture_tensor {
    enum dtype dtype; /* DT_NONE: left out */
    int rank;
    int64_t dims[FIXTURE_RANK];
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
    const float *floats;
};

struct fixture {
    const char *name, *op;
    int opset, n_in, n_out;
    struct fixture_tensor in[FIXTURE_IN], out[FIXTURE_OUT];
    uint32_t n_attrs;
    struct fixture_attr attrs[FIXTURE_ATTRS];
};

/* Begins the case with the fixture's operands and attributes. */
void fixture_build(struct op_case *c, const struct fixture *f);
/* The same fixture with its float32 operands rounded to dtype t, a float: its float32 answers must
 * come as t, within |got - want| <= tolerance * (1 + |want|). */
void fixture_check_as(const struct fixture *f, enum dtype t, double tolerance);
/* t's dims, ended by -1 as case_expect wants them. Returns dims. */
const int64_t *fixture_dims(const struct fixture_tensor *t, int64_t dims[FIXTURE_RANK + 1]);

#endif
