/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The order of the passes. Dead nodes go first, so that a fault in what no output needs does not
 * fail a compile, and last, because fusing leaves constants' makers without users. */
#include "compiler/passes/passes.h"

enum status passes_run(struct graph *g, struct err *err)
{
    typedef enum status pass_fn(struct graph * g, struct err * err);
    static pass_fn *const order[] = {
#define X(name, what) pass_##name,
        PASS_TABLE(X)
#undef X
            pass_drop_dead,
    };
    enum status s = OK;
    for (size_t i = 0; s == OK && i < ARRAY_COUNT(order); i++)
        s = order[i](g, err);
    return s;
}
