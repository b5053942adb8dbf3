/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a model takes and gives: names, dtypes, dims with symbols. */
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

/* A view into a program's memory; lives as long as the program is pinned. */
struct signature {
    const struct port *inputs;
    const struct port *outputs;
    int n_inputs, n_outputs;
    const char *const *symbols; /* names; "" when unnamed */
    int n_symbols;
};

#endif
