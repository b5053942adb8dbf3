/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Names and what they mean. A body may read any value of the graphs around it; in our graph a block
 * is closed, so that each such value becomes a formal of every block between the one that makes it
 * and the one that reads it. Constants belong to all blocks and need none. */
#include <string.h>

#include "compiler/onnx/onnx_priv.h"

/* What the name map points to. */
struct value_slot {
    int32_t index;
};

void scope_init(struct scope *s, struct scope *outer, struct captures *captures)
{
    memset(s, 0, sizeof(*s));
    s->outer = outer;
    s->captures = captures;
    s->depth = outer ? outer->depth + 1 : 0;
    for (size_t i = 0; i < ARRAY_COUNT(s->formals); i++)
        s->formals[i] = ARTIFACT_NO_TENSOR;
}

void scope_fini(struct scope *s)
{
    map_fini(&s->names);
}

static int32_t find(const struct scope *s, const char *name)
{
    const struct value_slot *slot = map_get(&s->names, name);
    return slot ? slot->index : ARTIFACT_NO_TENSOR;
}

int32_t reader_find(const struct onnx_reader *r)
{
    return find(r->scope, r->name);
}

static enum status define(struct onnx_reader *r, struct scope *s, int32_t index, struct err *err)
{
    if (find(s, r->name) != ARTIFACT_NO_TENSOR)
        return err_set(err, E_CORRUPT, "value '%.100s' is defined twice", r->name);
    if (index >= ONNX_VALUES_MAX)
        return err_set(err, E_UNSUPPORTED, "the model has more than %d values", ONNX_VALUES_MAX);
    struct value_slot *slot = graph_alloc(r->g, sizeof(*slot));
    if (!slot)
        return reader_no_memory(err);
    slot->index = index;
    return map_put(&s->names, r->name, slot) == OK ? OK : reader_no_memory(err);
}

enum status reader_define(struct onnx_reader *r, int32_t index, struct err *err)
{
    return define(r, r->scope, index, err);
}

/* The formal of s that stands for a value of the graph around it. */
static enum status capture(struct onnx_reader *r, struct scope *s, int32_t outer, int32_t *formal,
                           struct err *err)
{
    struct captures *c = s->captures;
    uint32_t k = 0;
    while (k < c->n && c->outer[k] != outer)
        k++;
    if (k == ARRAY_COUNT(c->outer))
        return err_set(err, E_UNSUPPORTED, "its bodies read more than %zu values from outside",
                       ARRAY_COUNT(c->outer));
    if (k == c->n)
        c->outer[c->n++] = outer;
    if (s->formals[k] == ARTIFACT_NO_TENSOR && graph_formal(r->g, r->name, &s->formals[k]) != OK)
        return reader_no_memory(err);
    *formal = s->formals[k];
    return define(r, s, *formal, err);
}

/* From the innermost scope outwards; what is found is handed back in, block by block. */
enum status reader_lookup(struct onnx_reader *r, int32_t *index, struct err *err)
{
    struct scope *way[CONTROL_DEPTH_MAX + 1];
    uint32_t n = 0;
    struct scope *s = r->scope;
    while ((*index = find(s, r->name)) == ARTIFACT_NO_TENSOR && s->outer) {
        way[n++] = s;
        s = s->outer;
    }
    if (*index == ARTIFACT_NO_TENSOR || r->g->values[*index].kind == VALUE_CONST)
        return OK;
    enum status st = OK;
    while (st == OK && n > 0)
        st = capture(r, way[--n], *index, index, err);
    return st;
}
