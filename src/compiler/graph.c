/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Keeps the graph's arrays and the memory behind them. All that a graph owns lies in a list of
 * pieces, so that a front end may stop at any error and graph_free still frees everything; the
 * growing arrays are heap memory of their own. Indices stay valid while arrays grow, pointers into
 * them do not. */
#include "compiler/graph.h"

#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"

enum {
    ALIGN = 64,            /* of what graph_alloc gives: fit for a tensor's data */
    CHUNK_BYTES = 1 << 14, /* small pieces share a piece of this size */
    FIRST_CAP = 16,
    COUNT_MAX = INT32_MAX / 2, /* indices are int32_t */
};

/* A piece of heap; its bytes follow at the next multiple of ALIGN. */
struct piece {
    struct piece *next;
    size_t used, cap; /* bytes after the header */
};

_Static_assert(sizeof(struct piece) <= ALIGN, "the header fits before the first aligned byte");

enum status graph_new(struct graph **out)
{
    struct graph *g = alloc_zero(1, sizeof(*g));
    if (!g)
        return E_NO_MEMORY;
    g->n_blocks = 1;
    *out = g;
    return OK;
}

void graph_free(struct graph **gp)
{
    struct graph *g = *gp;
    if (!g)
        return;
    for (struct piece *b = g->memory, *next; b; b = next) {
        next = b->next;
        alloc_free(b);
    }
    for (uint32_t i = 0; i < g->n_blocks; i++) {
        struct graph_block b = graph_block_at(g, i);
        alloc_free(b.nodes);
        alloc_free(b.inputs);
        alloc_free(b.outputs);
        alloc_free(b.declared);
    }
    alloc_free(g->blocks);
    alloc_free(g->values);
    alloc_free(g->symbols);
    alloc_free(g);
    *gp = NULL;
}

/* A piece with room for cap bytes, put behind the first one when it is to be used at once. */
static struct piece *piece_new(struct graph *g, size_t cap)
{
    uint64_t bytes;
    if (!checked_add(cap, ALIGN, &bytes))
        return NULL;
    struct piece *b = alloc_aligned(ALIGN, bytes);
    if (!b)
        return NULL;
    *b = (struct piece){.cap = cap};
    struct piece *first = g->memory;
    if (first && cap != CHUNK_BYTES) {
        b->next = first->next;
        first->next = b;
    } else {
        b->next = first;
        g->memory = b;
    }
    return b;
}

void *graph_alloc(struct graph *g, size_t bytes)
{
    uint64_t rounded;
    if (!checked_align(bytes ? bytes : 1, ALIGN, &rounded))
        return NULL;
    struct piece *b = g->memory;
    if (!b || rounded > b->cap - b->used)
        b = piece_new(g, rounded > CHUNK_BYTES / 4 ? rounded : CHUNK_BYTES);
    if (!b)
        return NULL;
    void *p = (uint8_t *)b + ALIGN + b->used;
    b->used += rounded;
    return p;
}

char *graph_str(struct graph *g, const char *s, size_t len)
{
    char *p = len < SIZE_MAX ? graph_alloc(g, len + 1) : NULL;
    if (!p)
        return NULL;
    if (len)
        memcpy(p, s, len);
    p[len] = 0;
    return p;
}

static void *graph_copy(struct graph *g, const void *from, size_t bytes)
{
    void *p = graph_alloc(g, bytes);
    if (p && bytes)
        memcpy(p, from, bytes);
    return p;
}

/* Room for one more element of `bytes` in *array. */
static enum status grow(void **array, uint32_t n, uint32_t *cap, size_t bytes)
{
    if (n < *cap)
        return OK;
    if (n >= COUNT_MAX)
        return E_NO_MEMORY;
    uint32_t next = *cap ? *cap * 2 : FIRST_CAP;
    void *p = alloc_grow(*array, next * bytes);
    if (!p)
        return E_NO_MEMORY;
    *array = p;
    *cap = next;
    return OK;
}

static enum status add_value(struct graph *g, const char *name, enum value_kind kind,
                             const struct tensor *t, int32_t *index)
{
    char *copy = graph_str(g, name, strlen(name));
    if (!copy || grow((void **)&g->values, g->n_values, &g->cap_values, sizeof(*g->values)) != OK)
        return E_NO_MEMORY;
    g->values[g->n_values] = (struct value){.name = copy, .kind = kind};
    if (t)
        g->values[g->n_values].t = *t;
    *index = (int32_t)g->n_values++;
    return OK;
}

static enum status add_index(int32_t **array, uint32_t *n, uint32_t *cap, int32_t value)
{
    enum status s = grow((void **)array, *n, cap, sizeof(**array));
    if (s == OK)
        (*array)[(*n)++] = value;
    return s;
}

enum status graph_input(struct graph *g, const char *name, const struct tensor *t, int32_t *index)
{
    enum status s = add_value(g, name, VALUE_INPUT, t, index);
    if (s == OK)
        s = add_index(&g->inputs, &g->n_inputs, &g->cap_inputs, *index);
    return s;
}

enum status graph_const(struct graph *g, const char *name, const struct tensor *t, int32_t *index)
{
    return add_value(g, name, VALUE_CONST, t, index);
}

enum status graph_value(struct graph *g, const char *name, int32_t *index)
{
    return add_value(g, name, VALUE_COMPUTED, NULL, index);
}

enum status graph_formal(struct graph *g, const char *name, int32_t *index)
{
    return add_value(g, name, VALUE_FORMAL, NULL, index);
}

enum status graph_block_input(struct graph *g, int32_t formal)
{
    return add_index(&g->inputs, &g->n_inputs, &g->cap_inputs, formal);
}

enum status graph_block_add(struct graph *g, uint32_t *block)
{
    if (grow((void **)&g->blocks, g->n_blocks, &g->cap_blocks, sizeof(*g->blocks)) != OK)
        return E_NO_MEMORY;
    *block = g->n_blocks;
    g->blocks[g->n_blocks++] = (struct graph_block){.parent = g->focus};
    return OK;
}

enum status graph_output(struct graph *g, int32_t value)
{
    if (grow((void **)&g->declared, g->n_outputs, &g->cap_declared, sizeof(*g->declared)) != OK)
        return E_NO_MEMORY;
    g->declared[g->n_outputs] = (struct graph_port){0};
    return add_index(&g->outputs, &g->n_outputs, &g->cap_outputs, value);
}

enum status graph_symbol(struct graph *g, const char *name, size_t len, int *symbol)
{
    for (uint32_t i = 0; len && i < g->n_symbols; i++)
        if (strlen(g->symbols[i]) == len && memcmp(g->symbols[i], name, len) == 0) {
            *symbol = (int)i;
            return OK;
        }
    char *copy = graph_str(g, name, len);
    if (!copy || grow((void **)&g->symbols, g->n_symbols, &g->cap_symbols, sizeof(*g->symbols)))
        return E_NO_MEMORY;
    g->symbols[g->n_symbols] = copy;
    *symbol = (int)g->n_symbols++;
    return OK;
}

/* Copies what one attribute points to into the graph. */
static enum status own_attr(struct graph *g, struct attr *a)
{
    if (a->type == ATTR_INTS)
        a->ints = graph_copy(g, a->ints, a->count * sizeof(*a->ints));
    else if (a->type == ATTR_FLOATS)
        a->floats = graph_copy(g, a->floats, a->count * sizeof(*a->floats));
    else if (a->type == ATTR_STRING)
        a->str = graph_str(g, a->str, a->count);
    else
        return OK;
    bool copied = (a->type == ATTR_INTS && a->ints) || (a->type == ATTR_FLOATS && a->floats) ||
                  (a->type == ATTR_STRING && a->str);
    return copied ? OK : E_NO_MEMORY;
}

enum status graph_node(struct graph *g, const struct op *op, int version, const char *name,
                       const int32_t *in, uint32_t n_in, const int32_t *out, uint32_t n_out,
                       const struct attr *attrs, uint32_t n_attrs)
{
    struct node n = {.op = op,
                     .version = version,
                     .name = graph_str(g, name, strlen(name)),
                     .in = graph_copy(g, in, n_in * sizeof(*in)),
                     .out = graph_copy(g, out, n_out * sizeof(*out)),
                     .n_in = n_in,
                     .n_out = n_out,
                     .attrs = graph_copy(g, attrs, n_attrs * sizeof(*attrs)),
                     .n_attrs = n_attrs};
    if (!n.name || !n.in || !n.out || !n.attrs)
        return E_NO_MEMORY;
    for (uint32_t i = 0; i < n_attrs; i++)
        if (own_attr(g, &n.attrs[i]) != OK)
            return E_NO_MEMORY;
    return graph_append(g, &n);
}

enum status graph_append(struct graph *g, const struct node *n)
{
    if (grow((void **)&g->nodes, g->n_nodes, &g->cap_nodes, sizeof(*g->nodes)) != OK)
        return E_NO_MEMORY;
    g->nodes[g->n_nodes++] = *n;
    return OK;
}

enum status graph_settle(struct graph *g, int32_t value)
{
    struct tensor *t = &g->values[value].t;
    uint64_t bytes;
    if ((uintptr_t)t->data % dtype_bytes(t->dtype) == 0)
        return OK;
    if (!tensor_bytes(t, &bytes))
        return E_CORRUPT;
    void *copy = graph_copy(g, t->data, bytes);
    if (!copy)
        return E_NO_MEMORY;
    t->data = copy;
    return OK;
}

enum status graph_node_err(const struct graph *g, const struct node *n, struct err *err)
{
    for (uint32_t i = 0; i < g->n_opsets; i++)
        if (strcmp(g->opsets[i].domain, n->op->domain) == 0)
            return err_prefix(err, "operator %s (node '%.80s', opset %d)", n->op->name, n->name,
                              g->opsets[i].version);
    return err_prefix(err, "operator %s (node '%.80s')", n->op->name, n->name);
}

void graph_compact(struct graph *g)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (!g->nodes[i].dead)
            g->nodes[kept++] = g->nodes[i];
    g->n_nodes = kept;
}
