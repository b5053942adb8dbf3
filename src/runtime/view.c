/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A bound program as its readers see it: which instruction reads and writes what, and the shapes of
 * all values, with the symbols that a request may choose still in them. */
#include <string.h>

#include "base/alloc.h"
#include "runtime/plan_priv.h"

/* Sizes at which shapes are inferred: symbol k is begin[i] + step * k. A dim that is the same at
 * both is fixed; one that goes along with a symbol is that symbol. The small ones are for models
 * that take nothing large. */
static const struct sizes {
    int64_t begin[2], step;
} tries[] = {{{96, 160}, 32}, {{3, 5}, 1}};

uint32_t program_tensor_count(const struct program *p)
{
    return p->p0.n_tensors;
}

void program_tensor(const struct program *p, uint32_t i, struct tensor_view *out)
{
    ASSERT(i < p->p0.n_tensors);
    const struct program_tensor *t = &p->tensors[i];
    *out = (struct tensor_view){t->name, t->class, t->port};
}

int32_t program_operand(const struct program *p, uint32_t i, uint32_t k)
{
    ASSERT(i < p->p0.n_instrs);
    ASSERT(k < (uint32_t)p->instrs[i].n_in + p->instrs[i].n_out);
    return p->instrs[i].operands[k];
}

int32_t program_output(const struct program *p, uint32_t i)
{
    ASSERT(i < p->p0.n_outputs);
    return p->outputs[i];
}

static int64_t size_of(const struct sizes *s, int which, int symbol)
{
    return s->begin[which] + s->step * symbol;
}

/* A dim that belongs to no symbol takes a size beyond all of them. */
static void set_inputs(const struct program *p, const struct sizes *s, int which, struct tensor *in,
                       int64_t *symbols)
{
    const struct signature *sig = &p->signature;
    for (int k = 0; k < sig->n_symbols; k++)
        symbols[k] = DIM_FREE;
    for (int i = 0; i < sig->n_inputs; i++) {
        const struct port *port = &sig->inputs[i];
        in[i] = (struct tensor){.dtype = port->dtype, .rank = port->rank};
        for (int d = 0; d < port->rank; d++) {
            int64_t dim = port->dims[d];
            if (dim_is_symbol(dim))
                symbols[dim_symbol(dim)] = size_of(s, which, dim_symbol(dim));
            in[i].dims[d] = dim >= 0             ? dim
                            : dim_is_symbol(dim) ? symbols[dim_symbol(dim)]
                                                 : size_of(s, which, sig->n_symbols);
        }
    }
}

static enum status infer_at(const struct program *p, const struct sizes *s, int which, void *book,
                            struct plan *pl)
{
    struct tensor in[SIGNATURE_PORTS_MAX];
    int64_t symbols[ARTIFACT_SYMBOLS_MAX];
    const struct plan_shapes shapes = {in, symbols, NULL};
    struct err ignored;
    set_inputs(p, s, which, in, symbols);
    enum status st = plan_make(pl, p, &shapes, book, &ignored);
    return st == OK && pl->stepwise ? E_UNSUPPORTED : st;
}

static int64_t merge_dim(const struct program *p, const struct sizes *s, int64_t a, int64_t b)
{
    if (a == b)
        return a;
    for (int k = 0; k < p->signature.n_symbols; k++)
        if (a == size_of(s, 0, k) && b == size_of(s, 1, k))
            return DIM_SYMBOL_0 - k;
    return DIM_FREE;
}

/* `out` holds the shapes at the first sizes. */
static void merge(const struct program *p, const struct sizes *s, const struct plan *pl,
                  struct tensor *out)
{
    for (uint32_t i = 0; i < p->p0.n_tensors; i++)
        for (int d = 0; d < out[i].rank; d++)
            out[i].dims[d] = out[i].rank == pl->tensors[i].rank
                                 ? merge_dim(p, s, out[i].dims[d], pl->tensors[i].dims[d])
                                 : DIM_FREE;
}

static bool infer_all(const struct program *p, const struct sizes *s, void *book,
                      struct tensor *out)
{
    struct plan pl;
    if (infer_at(p, s, 0, book, &pl) != OK)
        return false;
    memcpy(out, pl.tensors, p->p0.n_tensors * sizeof(*out));
    if (infer_at(p, s, 1, book, &pl) != OK)
        return false;
    merge(p, s, &pl, out);
    return true;
}

/* What needs no inference: constants, and the ports of the signature. */
static void declared(const struct program *p, struct tensor *out)
{
    for (uint32_t i = 0; i < p->p0.n_tensors; i++) {
        out[i] = p->tensors[i].t;
        if (p->tensors[i].class != CLASS_CONST)
            out[i].rank = -1;
    }
    for (uint32_t i = 0; i < p->p0.n_inputs + p->p0.n_outputs; i++) {
        bool in = i < p->p0.n_inputs;
        uint32_t k = in ? i : i - p->p0.n_inputs;
        const struct port *port = in ? &p->signature.inputs[k] : &p->signature.outputs[k];
        struct tensor *t = &out[in ? p->inputs[k] : p->outputs[k]];
        if (t->rank >= 0)
            continue;
        *t = (struct tensor){.dtype = port->dtype, .rank = port->rank};
        memcpy(t->dims, port->dims, sizeof(t->dims));
    }
}

enum status program_shapes(const struct program *p, struct tensor *out)
{
    bool inferred = false;
    void *book = alloc_aligned(PLAN_ALIGN, plan_book_bytes(p));
    if (!book)
        return E_NO_MEMORY;
    for (size_t i = 0; i < ARRAY_COUNT(tries) && !inferred; i++)
        inferred = infer_all(p, &tries[i], book, out);
    alloc_free(book);
    if (!inferred)
        declared(p, out);
    for (uint32_t i = 0; i < p->p0.n_tensors; i++)
        out[i].data = p->tensors[i].class == CLASS_CONST ? p->tensors[i].t.data : NULL;
    return OK;
}
