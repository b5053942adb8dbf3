/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a model takes and gives: names, dtypes, dims with symbols, names of columns. */
#ifndef ROOST_ARTIFACT_SIGNATURE_H
#define ROOST_ARTIFACT_SIGNATURE_H

#include "tensor/tensor.h"

enum {
    SIGNATURE_PORTS_MAX = 256, /* inputs or outputs of one model */
    SIGNATURE_NAME_MAX = 255,  /* bytes of a port's or symbol's name, without the NUL */
};

/* A dim >= 0 is fixed; -1 is free and unnamed; -2-k is symbol k: equal wherever it appears. */
enum { DIM_FREE = -1, DIM_SYMBOL_0 = -2 };
static inline bool dim_is_symbol(int64_t d)
{
    return d <= DIM_SYMBOL_0;
}
static inline int dim_symbol(int64_t d)
{
    return (int)(DIM_SYMBOL_0 - d);
}

struct port {
    const char *name; /* terminated; borrowed from the program (or from the compiler's graph) */
    enum dtype dtype;
    int rank;
    int64_t dims[TENSOR_RANK_MAX];
};

/* A name that clients see: 1 to SIGNATURE_NAME_MAX bytes, none of them a control byte. */
bool signature_name_valid(const char *name);

/* The names that the framework had for the columns of a model's only input, which is [N, count].
 * All are valid and different. A view. */
struct columns {
    uint32_t count;         /* 0: the columns have no names */
    const char *texts;      /* where terminated names lie */
    const uint32_t *at;     /* count offsets in texts: of each column's name */
    const uint32_t *sorted; /* count columns, by rising name (strcmp) */
};
const char *columns_name(const struct columns *c, uint32_t i);
/* The column of that name, -1 when there is none. `guess` is looked at first: a client names the
 * columns of each row in one order. */
int64_t columns_find(const struct columns *c, const char *name, uint32_t guess);

/* A view into a program's memory; lives as long as the program is pinned. */
struct signature {
    const struct port *inputs;
    const struct port *outputs;
    int n_inputs, n_outputs;
    const char *const *symbols; /* names; "" when unnamed */
    int n_symbols;
    struct columns columns;
};

#endif
