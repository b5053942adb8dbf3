/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The table of operators: one list (op_list.h), found by number at run time and by name at compile
 * time. Two operators with one number do not compile (-Woverride-init). */
#include <string.h>

#include "ops/op_list.h"

static const struct op *const table[] = {
#define X(symbol, number) &op_##symbol,
    OP_LIST(X)
#undef X
};

static const struct op *const by_code[OP_CODE_MAX + 1] = {
#define X(symbol, number) [number] = &op_##symbol,
    OP_LIST(X)
#undef X
};

const struct op *const *op_table(size_t *count)
{
    *count = ARRAY_COUNT(table);
    return table;
}

const struct op *op_by_code(unsigned code)
{
    return code <= OP_CODE_MAX ? by_code[code] : NULL;
}

const struct op *op_by_name(const char *domain, const char *name)
{
    if (strcmp(domain, "ai.onnx") == 0)
        domain = "";
    for (size_t i = 0; i < ARRAY_COUNT(table); i++)
        if (strcmp(table[i]->name, name) == 0 && strcmp(table[i]->domain, domain) == 0)
            return table[i];
    return NULL;
}

int op_version(const struct op *op, int opset)
{
    int best = 0;
    for (int i = 0; i < OP_SINCE_MAX && op->since[i] && op->since[i] <= opset; i++)
        best = op->since[i];
    return best;
}

int op_const_count(const struct op *op)
{
    int n = 0;
    while (op->const_attrs && op->const_attrs[n] != ATTR_NONE)
        n++;
    return n;
}
