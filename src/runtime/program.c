/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A program exists only when everything about it was proven: program_bind is the one way in, and
 * on any failure the bundle stays the caller's. */
#include "runtime/program.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/checked.h"
#include "runtime/program_priv.h"

static atomic_uint_fast64_t last_serial;

uint64_t program_bytes(const struct artifact_page0 *p0)
{
    uint64_t n;
    if (!checked_add(bind_start(p0), bind_bytes(p0), &n))
        return UINT64_MAX;
    return region_round(n);
}

static enum status bind_all(struct binder *b, struct artifact_cost *cost, struct err *err)
{
    enum status s = bind_texts(b, err);
    if (s == OK)
        s = bind_tensors(b, err);
    if (s == OK)
        s = bind_signature(b, err);
    if (s == OK)
        s = bind_columns(b, err);
    if (s == OK)
        s = bind_samples(b, err);
    if (s == OK)
        s = bind_blocks(b, err);
    if (s == OK)
        s = bind_instrs(b, err);
    if (s == OK)
        s = bind_measure(b->p, cost, &b->p->stepwise, err);
    return s;
}

enum status program_bind_uncosted(const struct artifact_reader *reader, struct bundle **bundle,
                                  struct program **out, struct artifact_cost *cost, struct err *err)
{
    const struct artifact_page0 *p0 = &reader->p0;
    struct binder b = {.reader = *reader, .blobs = (*bundle)->blobs};
    b.bump = (struct bump){(*bundle)->bind, (*bundle)->bind_bytes, 0};
    enum status s = bind_take(&b, 1, sizeof(*b.p), &b.p, err);
    if (s == OK) {
        b.p->magic = PROGRAM_MAGIC;
        b.p->p0 = *p0;
        b.p->bytes = program_bytes(p0);
        s = bind_all(&b, cost, err);
    }
    if (s != OK)
        return s;
    b.p->serial = atomic_fetch_add(&last_serial, 1) + 1;
    b.p->bundle = *bundle;
    *bundle = NULL;
    *out = b.p;
    return OK;
}

static enum status check_cost(const struct artifact_cost *said, const struct artifact_cost *is,
                              struct err *err)
{
    if (said->arena_fixed == is->arena_fixed && said->arena_per_item == is->arena_per_item &&
        said->scratch_bytes == is->scratch_bytes)
        return OK;
    return err_set(err, E_CORRUPT,
                   "page 0 declares an arena of %" PRIu64 "+%" PRIu64 "*n with scratch %" PRIu64
                   ", it is %" PRIu64 "+%" PRIu64 "*n with %" PRIu64,
                   said->arena_fixed, said->arena_per_item, said->scratch_bytes, is->arena_fixed,
                   is->arena_per_item, is->scratch_bytes);
}

enum status program_bind(const struct artifact_reader *reader, struct bundle **bundle,
                         struct program **out, struct err *err)
{
    struct artifact_cost cost;
    struct program *p;
    enum status s = program_bind_uncosted(reader, bundle, &p, &cost, err);
    if (s != OK)
        return s;
    s = check_cost(&reader->p0.cost, &cost, err);
    if (s != OK) {
        *bundle = p->bundle;
        return s;
    }
    *out = p;
    return OK;
}

void program_free(struct program **p)
{
    if (!*p)
        return;
    ASSERT((*p)->magic == PROGRAM_MAGIC);
    struct bundle *bundle = (*p)->bundle; /* the program lies in it */
    *p = NULL;
    bundle_free(&bundle);
}

const struct signature *program_signature(const struct program *p)
{
    return &p->signature;
}

const struct artifact_page0 *program_page0(const struct program *p)
{
    return &p->p0;
}

uint64_t program_resident_bytes(const struct program *p)
{
    return p->bytes;
}

const char *program_provenance(const struct program *p)
{
    return p->provenance;
}

uint64_t program_serial(const struct program *p)
{
    return p->serial;
}

bool program_sample(const struct program *p, const struct tensor **in, const struct tensor **out)
{
    if (!p->samples)
        return false;
    *in = p->samples;
    *out = p->samples + p->p0.n_inputs;
    return true;
}

const void *program_blob(const struct program *p, uint32_t i)
{
    ASSERT(i < p->p0.n_blobs);
    return p->bundle->blobs[i];
}

uint32_t program_instr_count(const struct program *p)
{
    return p->p0.n_instrs;
}

void program_instr(const struct program *p, uint32_t i, struct instr_view *out)
{
    ASSERT(i < p->p0.n_instrs);
    const struct program_instr *in = &p->instrs[i];
    *out = (struct instr_view){in->op, in->version, in->name, in->n_in, in->n_out};
}

/* The labels of output `out` of an instruction, when they are constant. */
static const struct tensor *classes_of(const struct program *p, const struct program_instr *in,
                                       int out)
{
    const struct tensor *operands[OP_INPUTS_MAX];
    for (int k = 0; k < in->n_in; k++)
        operands[k] = in->operands[k] == ARTIFACT_NO_TENSOR ? NULL : &p->tensors[in->operands[k]].t;
    const struct tensor *labels = in->op->classes(in->n_in, operands, out);
    bool usable = labels && labels->data && labels->rank == 1 &&
                  (labels->dtype == DT_I64 || labels->dtype == DT_STRING);
    return usable ? labels : NULL;
}

const struct tensor *program_classes(const struct program *p, int output)
{
    ASSERT(output >= 0 && (uint32_t)output < p->p0.n_outputs);
    for (uint32_t i = 0; i < p->p0.n_instrs; i++) {
        const struct program_instr *in = &p->instrs[i];
        for (int k = 0; in->op->classes && k < in->n_out; k++)
            if (in->operands[in->n_in + k] == p->outputs[output])
                return classes_of(p, in, k);
    }
    return NULL;
}
