/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What is computed twice from the same operands is computed once, and constants of equal bytes are
 * one. A node is known by its operator, version, attributes, operands and which outputs it has; the
 * first of equals stays, so the result does not depend on how the table is laid out.
 *
 * A node whose result is a graph output stays: the output has a name of its own.
 *
 * A Concat whose operands begin with all of another's takes that one's result instead, so that a
 * network that joins ever more of the same (DenseNet) grows one tensor. */
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rename.h"

/* Values or nodes by what they are; open addressing, at most half full. */
struct table {
    int32_t *slots; /* heap; index, or -1 */
    uint64_t mask;
};

static enum status table_init(struct table *t, uint32_t n)
{
    uint64_t size = 16;
    while (size < 2 * (uint64_t)n)
        size *= 2;
    t->slots = alloc_new(size * sizeof(*t->slots));
    if (!t->slots)
        return E_NO_MEMORY;
    memset(t->slots, -1, size * sizeof(*t->slots));
    t->mask = size - 1;
    return OK;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    return (h ^ v) * UINT64_C(0x9e3779b97f4a7c15) + (h >> 29);
}

/* ---- constants ---- */

static uint64_t const_hash(const struct value *v, uint64_t bytes)
{
    uint64_t h = mix(v->t.dtype, (uint64_t)v->t.rank);
    for (int d = 0; d < v->t.rank; d++)
        h = mix(h, (uint64_t)v->t.dims[d]);
    return mix(h, hash_bytes(v->t.data, bytes));
}

static bool const_same(const struct value *a, const struct value *b, uint64_t bytes)
{
    return a->t.dtype == b->t.dtype && a->compress == b->compress && shape_same(&a->t, &b->t) &&
           (a->t.data == b->t.data || memcmp(a->t.data, b->t.data, bytes) == 0);
}

static enum status share_consts(struct graph *g, struct renaming *r)
{
    struct table t;
    if (table_init(&t, g->n_values) != OK)
        return E_NO_MEMORY;
    for (uint32_t i = 0; i < g->n_values; i++) {
        const struct value *v = &g->values[i];
        uint64_t bytes;
        if (v->kind != VALUE_CONST || !r->u.count[i] || r->is_output[i] ||
            !tensor_bytes(&v->t, &bytes) || !bytes)
            continue;
        uint64_t at = const_hash(v, bytes) & t.mask;
        while (t.slots[at] >= 0 && !const_same(&g->values[t.slots[at]], v, bytes))
            at = (at + 1) & t.mask;
        if (t.slots[at] >= 0)
            r->to[i] = t.slots[at];
        else
            t.slots[at] = (int32_t)i;
    }
    alloc_free(t.slots);
    return OK;
}

/* ---- nodes ---- */

static size_t attr_bytes(const struct attr *a, const void **data)
{
    switch (a->type) {
    case ATTR_INTS:
        *data = a->ints;
        return a->count * sizeof(*a->ints);
    case ATTR_FLOATS:
        *data = a->floats;
        return a->count * sizeof(*a->floats);
    case ATTR_STRING:
        *data = a->str;
        return a->count;
    case ATTR_INT:
        *data = &a->i;
        return sizeof(a->i);
    default:
        *data = &a->f;
        return sizeof(a->f);
    }
}

static uint64_t node_hash(const struct renaming *r, const struct node *n)
{
    uint64_t h = mix(n->op->code, (uint64_t)n->version);
    for (uint32_t i = 0; i < n->n_in; i++)
        h = mix(h, (uint64_t)(int64_t)renaming_of(r, n->in[i]));
    for (uint32_t i = 0; i < n->n_attrs; i++) {
        const void *data;
        size_t bytes = attr_bytes(&n->attrs[i], &data);
        h = mix(mix(h, n->attrs[i].key), bytes ? hash_bytes(data, bytes) : 0);
    }
    return mix(h, n->n_out);
}

static bool attrs_same(const struct node *a, const struct node *b)
{
    if (a->n_attrs != b->n_attrs)
        return false;
    for (uint32_t i = 0; i < a->n_attrs; i++) {
        const void *x, *y;
        size_t bytes = attr_bytes(&a->attrs[i], &x);
        if (a->attrs[i].key != b->attrs[i].key || a->attrs[i].type != b->attrs[i].type ||
            attr_bytes(&b->attrs[i], &y) != bytes || (bytes && memcmp(x, y, bytes) != 0))
            return false;
    }
    return true;
}

static bool node_same(const struct renaming *r, const struct node *a, const struct node *b)
{
    if (a->op != b->op || a->version != b->version || a->n_in != b->n_in || a->n_out != b->n_out)
        return false;
    for (uint32_t i = 0; i < a->n_in; i++)
        if (renaming_of(r, a->in[i]) != renaming_of(r, b->in[i]))
            return false;
    for (uint32_t i = 0; i < a->n_out; i++)
        if ((a->out[i] == ARTIFACT_NO_TENSOR) != (b->out[i] == ARTIFACT_NO_TENSOR))
            return false;
    return attrs_same(a, b);
}

/* Two draws of chance are two values, whatever they are drawn from. */
static bool draws(const struct node *n)
{
    return strncmp(n->op->name, "Random", 6) == 0 || strcmp(n->op->name, "Bernoulli") == 0 ||
           strcmp(n->op->name, "Multinomial") == 0;
}

static bool writes_output(const struct renaming *r, const struct node *n)
{
    for (uint32_t i = 0; i < n->n_out; i++)
        if (n->out[i] != ARTIFACT_NO_TENSOR && r->is_output[n->out[i]])
            return true;
    return false;
}

static enum status share_nodes(struct graph *g, struct renaming *r)
{
    struct table t;
    if (table_init(&t, g->n_nodes) != OK)
        return E_NO_MEMORY;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        struct node *n = &g->nodes[i];
        if (n->dead || !n->n_out || draws(n))
            continue;
        uint64_t at = node_hash(r, n) & t.mask;
        while (t.slots[at] >= 0 && !node_same(r, &g->nodes[t.slots[at]], n))
            at = (at + 1) & t.mask;
        if (t.slots[at] < 0) {
            t.slots[at] = (int32_t)i;
            continue;
        }
        if (writes_output(r, n))
            continue;
        const struct node *first = &g->nodes[t.slots[at]];
        for (uint32_t k = 0; k < n->n_out; k++)
            if (n->out[k] != ARTIFACT_NO_TENSOR)
                r->to[n->out[k]] = first->out[k];
        n->dead = true;
    }
    alloc_free(t.slots);
    return OK;
}

/* ---- Concats that begin alike ---- */

static bool begins_with(const struct node *n, const struct node *first)
{
    return n->version == first->version && n->n_in > first->n_in && first->n_in > 1 &&
           attrs_same(n, first) && memcmp(n->in, first->in, first->n_in * sizeof(*n->in)) == 0;
}

/* Each is compared with the Concat right before it alone; the last one first, so that all still
 * have the operands that they came with. */
static void nest_concats(struct graph *g)
{
    struct node *n = NULL;
    for (uint32_t i = g->n_nodes; i-- > 0;) {
        struct node *first = &g->nodes[i];
        if (first->dead || !node_is(first, "Concat"))
            continue;
        if (n && begins_with(n, first)) {
            const uint32_t more = n->n_in - first->n_in;
            n->in[0] = first->out[0];
            memmove(n->in + 1, n->in + first->n_in, more * sizeof(*n->in));
            n->n_in = 1 + more;
        }
        n = first;
    }
}

enum status pass_share(struct graph *g, struct err *err)
{
    struct renaming r;
    enum status s = renaming_init(g, &r, err);
    if (s != OK)
        return s;
    s = share_consts(g, &r);
    if (s == OK)
        s = share_nodes(g, &r);
    if (s == OK) {
        renaming_apply(g, &r);
        nest_concats(g);
    } else {
        err_set(err, s, "no memory to look for equal nodes");
    }
    renaming_fini(&r);
    return s;
}
