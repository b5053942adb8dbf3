/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Computes what hangs on the fixed ones among a tensor's dims: in a model whose batch is free,
 * Shape, Gather, Concat, Reshape chains over height and width are constants all the same.
 *
 * For every small value that shapes are made of, a mask says which elements vary with a symbol. An
 * element of Shape varies when the probes show that its dim does. Operators that only move elements
 * move the mask's in the same way; element-wise ones join the masks of their operands, whatever the
 * values are: `batch / 8192` varies although it was 0 at every probe. Anything else varies as soon
 * as anything that it reads does. */
#include <string.h>

#include "base/alloc.h"
#include "compiler/passes/edit.h"
#include "compiler/passes/eval.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/shapes.h"

/* Move elements of their first operand (Concat: of all); the others say which. */
static const char *const moving[] = {"Gather",    "Slice",   "Unsqueeze", "Squeeze",
                                     "Reshape",   "Flatten", "Identity",  "Expand",
                                     "Transpose", "Tile",    "Split"};

static const char *const elementwise[] = {
    "Add", "Sub",   "Mul",  "Div",         "Mod",   "Neg",  "Abs",     "Min",
    "Max", "Equal", "Less", "Not",         "And",   "Or",   "Xor",     "Where",
    "Pow", "Cast",  "Sqrt", "LessOrEqual", "Floor", "Ceil", "Greater", "GreaterOrEqual"};

struct dims {
    struct graph *g;
    struct probes probes;
    struct tensor *values; /* heap; the first probe's, by value index */
    struct tensor *masks;  /* heap; int64, 1: varies; data NULL: all of it does, or it is unknown */
};

static bool is_one_of(const struct node *n, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (node_is(n, names[i]))
            return true;
    return false;
}

/* A mask with the shape of value v, all fixed.  NULL when memory is out */
static int64_t *mask_new(struct dims *d, int32_t v)
{
    struct tensor *m = &d->masks[v];
    *m = d->values[v];
    m->dtype = DT_I64;
    m->data = alloc_zero((size_t)tensor_count(m) + 1, sizeof(int64_t));
    return m->data;
}

static void mask_drop(struct dims *d, int32_t v)
{
    alloc_free(d->masks[v].data);
    d->masks[v] = (struct tensor){0};
}

static bool is_fixed(const struct dims *d, int32_t v)
{
    const struct tensor *m = &d->masks[v];
    const int64_t *varies = m->data;
    for (int64_t i = 0; varies && i < tensor_count(m); i++)
        if (varies[i])
            return false;
    return varies;
}

static bool inputs_fixed(const struct dims *d, const struct node *n, uint32_t from)
{
    for (uint32_t i = from; i < n->n_in; i++)
        if (n->in[i] != ARTIFACT_NO_TENSOR && !is_fixed(d, n->in[i]))
            return false;
    return true;
}

/* Every input has a mask. */
static bool inputs_masked(const struct dims *d, const struct node *n)
{
    for (uint32_t i = 0; i < n->n_in; i++)
        if (n->in[i] != ARTIFACT_NO_TENSOR && !d->masks[n->in[i]].data)
            return false;
    return n->n_in > 0;
}

/* Runs the node on `values`, whose outputs have memory; false when it does not go. */
static bool run_on(const struct dims *d, const struct node *n, struct tensor *values)
{
    struct eval e;
    struct err ignored;
    void *data[OP_OUTPUTS_MAX];
    for (uint32_t k = 0; k < n->n_out; k++)
        data[k] = n->out[k] == ARTIFACT_NO_TENSOR ? NULL : values[n->out[k]].data;
    bool ok = eval_infer(d->g, n, values, &e, &ignored) == OK;
    for (uint32_t k = 0; k < n->n_out; k++) {
        const struct tensor *t = n->out[k] == ARTIFACT_NO_TENSOR ? NULL : &values[n->out[k]];
        if (!t)
            continue;
        ok = ok && shape_same(t, &d->values[n->out[k]]) && t->dtype == DT_I64;
        values[n->out[k]].data = data[k];
    }
    return ok && eval_run(d->g, &e, &ignored) == OK;
}

/* The mask moves as the elements do: the operator itself moves it. */
static bool move_mask(struct dims *d, const struct node *n)
{
    bool all_are_data = node_is(n, "Concat");
    if (!inputs_masked(d, n) || (!all_are_data && !inputs_fixed(d, n, 1)))
        return false;
    struct tensor kept[OP_INPUTS_MAX];
    uint32_t from = all_are_data ? n->n_in : 1;
    for (uint32_t i = from; i < n->n_in; i++)
        if (n->in[i] != ARTIFACT_NO_TENSOR) { /* indices and shapes go in as they are */
            kept[i] = d->masks[n->in[i]];
            d->masks[n->in[i]] = d->values[n->in[i]];
        }
    bool ok = run_on(d, n, d->masks);
    for (uint32_t i = n->n_in; i-- > from;) /* backwards: one value may stand in several places */
        if (n->in[i] != ARTIFACT_NO_TENSOR)
            d->masks[n->in[i]] = kept[i];
    return ok;
}

/* out |= in, in broadcast to out's shape. */
static void join_mask(const struct tensor *in, const struct tensor *out)
{
    const int64_t *from = in->data;
    int64_t *to = out->data, n = tensor_count(out);
    for (int64_t i = 0; i < n; i++) {
        int64_t rest = i, at = 0, step = 1;
        for (int k = 1; k <= in->rank; k++) {
            int64_t wide = out->dims[out->rank - k], dim = in->dims[in->rank - k];
            at += dim == 1 ? 0 : rest % wide * step;
            rest /= wide;
            step *= dim;
        }
        to[i] |= from[at];
    }
}

static bool join_masks(const struct dims *d, const struct node *n)
{
    if (!inputs_masked(d, n) || n->n_out != 1)
        return false;
    for (uint32_t i = 0; i < n->n_in; i++)
        if (n->in[i] != ARTIFACT_NO_TENSOR)
            join_mask(&d->masks[n->in[i]], &d->masks[n->out[0]]);
    return true;
}

/* Shape's elements are its operand's dims, from dim `start` on. */
static bool mask_shape(const struct dims *d, const struct node *n)
{
    int64_t *varies = d->masks[n->out[0]].data, rank = d->values[n->in[0]].rank;
    int64_t start = node_int(n, ATTR_start, 0);
    start = MIN(MAX(start < 0 ? start + rank : start, 0), rank);
    for (int64_t i = 0; i < tensor_count(&d->masks[n->out[0]]); i++)
        varies[i] = probes_dim(d->g, &d->probes, n->in[0], (int)(start + i)) < 0;
    return true;
}

static bool mask_node(struct dims *d, const struct node *n)
{
    if (node_is(n, "Shape"))
        return mask_shape(d, n);
    if (node_is(n, "Concat") || is_one_of(n, moving, ARRAY_COUNT(moving)))
        return move_mask(d, n);
    if (is_one_of(n, elementwise, ARRAY_COUNT(elementwise)))
        return join_masks(d, n);
    return n->n_in && inputs_fixed(d, n, 0);
}

/* Masks of all results, when all are known and small; otherwise none. */
static enum status visit(struct dims *d, const struct node *n)
{
    for (uint32_t k = 0; k < n->n_out; k++)
        if (n->out[k] != ARTIFACT_NO_TENSOR && !d->values[n->out[k]].data)
            return OK;
    bool ok = true;
    for (uint32_t k = 0; k < n->n_out; k++)
        if (n->out[k] != ARTIFACT_NO_TENSOR && !mask_new(d, n->out[k]))
            return E_NO_MEMORY;
    ok = mask_node(d, n);
    for (uint32_t k = 0; !ok && k < n->n_out; k++)
        if (n->out[k] != ARTIFACT_NO_TENSOR)
            mask_drop(d, n->out[k]);
    return OK;
}

static enum status become_const(struct dims *d, int32_t v)
{
    struct tensor t = d->values[v];
    uint64_t bytes;
    if (!tensor_bytes(&t, &bytes) || !(t.data = graph_alloc(d->g, MAX(bytes, 1))))
        return E_NO_MEMORY;
    memcpy(t.data, d->values[v].data, bytes);
    d->g->values[v].kind = VALUE_CONST;
    d->g->values[v].t = t;
    return OK;
}

static enum status replace(struct dims *d, struct node *n)
{
    for (uint32_t k = 0; k < n->n_out; k++)
        if (n->out[k] != ARTIFACT_NO_TENSOR && !is_fixed(d, n->out[k]))
            return OK;
    enum status s = OK;
    for (uint32_t k = 0; s == OK && k < n->n_out; k++)
        if (n->out[k] != ARTIFACT_NO_TENSOR)
            s = become_const(d, n->out[k]);
    n->dead = s == OK;
    return s;
}

/* Constants that are small enough to be part of a shape have a mask, too. */
static enum status mask_constants(struct dims *d)
{
    for (uint32_t v = 0; v < d->g->n_values; v++) {
        if (d->g->values[v].kind != VALUE_CONST || !d->values[v].data ||
            tensor_count(&d->values[v]) > SHAPES_KNOWN_BYTES_MAX)
            continue;
        if (!mask_new(d, (int32_t)v))
            return E_NO_MEMORY;
    }
    return OK;
}

static enum status fold_all(struct dims *d)
{
    enum status s = mask_constants(d);
    for (uint32_t i = 0; s == OK && i < d->g->n_nodes; i++)
        s = visit(d, &d->g->nodes[i]);
    for (uint32_t i = 0; s == OK && i < d->g->n_nodes; i++)
        s = replace(d, &d->g->nodes[i]);
    for (uint32_t v = 0; v < d->g->n_values; v++)
        alloc_free(d->masks[v].data);
    return s;
}

enum status pass_fold_dims(struct graph *g, struct err *err)
{
    struct dims d = {.g = g};
    if (!g->n_symbols)
        return OK; /* all dims are fixed: fold_constants computes them */
    enum status s = probes_infer(g, &d.probes, err);
    if (s != OK)
        return s;
    d.values = d.probes.at[0].t;
    d.masks = alloc_zero(g->n_values, sizeof(*d.masks));
    s = d.masks ? fold_all(&d) : E_NO_MEMORY;
    if (s == E_NO_MEMORY)
        err_set(err, s, "no memory to fold dims");
    alloc_free(d.masks);
    probes_fini(&d.probes);
    graph_compact(g);
    return s;
}
