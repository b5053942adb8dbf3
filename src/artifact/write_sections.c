/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The sections that describe: signature, columns, instructions, operands, attributes, names,
 * provenance and the sample. Their records follow the source's order one to one. */
#include <string.h>

#include "artifact/format_priv.h"
#include "artifact/write_priv.h"
#include "base/alloc.h"
#include "ops/op.h"

static enum status no_memory(struct err *err)
{
    return err_set(err, E_NO_MEMORY, "no memory to write the artifact");
}

static enum status add(struct writer *w, enum section to, const void *p, size_t n, struct err *err)
{
    return buf_add(&w->sections[to], p, n) == OK ? OK : no_memory(err);
}

enum status writer_name(struct writer *w, const char *name, uint32_t *off, struct err *err)
{
    struct buf *b = &w->sections[SECTION_STRS];
    size_t n = name ? strlen(name) : 0;
    *off = 0;
    if (b->len && !n)
        return OK;
    if (n >= CAP_STRINGS_BYTES - b->len)
        return err_set(err, E_UNSUPPORTED, "names take more than %d bytes", CAP_STRINGS_BYTES);
    *off = (uint32_t)b->len;
    return add(w, SECTION_STRS, n ? name : "", n + 1, err);
}

static enum status add_ports(struct writer *w, const struct port *ports, const int32_t *tensors,
                             int n, struct err *err)
{
    enum status s = OK;
    for (int i = 0; s == OK && i < n; i++) {
        const struct port *p = &ports[i];
        struct disk_port d = {
            .tensor = (uint32_t)tensors[i], .dtype = (uint16_t)p->dtype, .rank = (uint16_t)p->rank};
        if (p->rank < 0 || p->rank > TENSOR_RANK_MAX)
            return err_set(err, E_UNSUPPORTED, "%s has rank %d, the most is %d", p->name, p->rank,
                           TENSOR_RANK_MAX);
        memcpy(d.dims, p->dims, (size_t)p->rank * sizeof(d.dims[0]));
        s = writer_name(w, p->name, &d.name, err);
        if (s == OK)
            s = add(w, SECTION_SIGN, &d, sizeof(d), err);
    }
    return s;
}

static enum status add_signature(struct writer *w, struct err *err)
{
    const struct artifact_source *src = w->src;
    const struct signature *sig = &src->signature;
    enum status s = add_ports(w, sig->inputs, src->inputs, sig->n_inputs, err);
    if (s == OK)
        s = add_ports(w, sig->outputs, src->outputs, sig->n_outputs, err);
    for (int i = 0; s == OK && i < sig->n_symbols; i++) {
        uint32_t off;
        s = writer_name(w, sig->symbols[i], &off, err);
        if (s == OK)
            s = add(w, SECTION_SIGN, &off, sizeof(off), err);
    }
    w->p0.n_inputs = (uint32_t)sig->n_inputs;
    w->p0.n_outputs = (uint32_t)sig->n_outputs;
    w->p0.n_symbols = (uint32_t)sig->n_symbols;
    return s;
}

/* Where each column's name stands, then the columns by rising name. */
static enum status add_columns(struct writer *w, struct err *err)
{
    const struct columns *c = &w->src->signature.columns;
    enum status s = OK;
    for (uint32_t i = 0; s == OK && i < c->count; i++) {
        uint32_t off;
        s = writer_name(w, columns_name(c, i), &off, err);
        if (s == OK)
            s = add(w, SECTION_COLS, &off, sizeof(off), err);
    }
    return s == OK && c->count
               ? add(w, SECTION_COLS, c->sorted, c->count * sizeof(c->sorted[0]), err)
               : s;
}

static const void *attr_payload(const struct attr *a)
{
    switch (a->type) {
    case ATTR_INTS:
        return a->ints;
    case ATTR_FLOATS:
        return a->floats;
    default:
        return a->str;
    }
}

/* The record goes to ATTR, its payload to `payloads`, which follows the last record. */
static enum status add_attr(struct writer *w, const struct attr *a, struct buf *payloads,
                            struct err *err)
{
    struct disk_attr d = {.key = (uint16_t)a->key, .type = (uint16_t)a->type, .count = 1};
    const size_t each = attr_element_bytes(a->type);
    if (a->type == ATTR_INT) {
        d.value = (uint64_t)a->i;
    } else if (a->type == ATTR_FLOAT) {
        uint32_t bits;
        memcpy(&bits, &a->f, sizeof(bits));
        d.value = bits;
    } else {
        d.count = a->count;
        d.value = payloads->len;
        if (buf_add(payloads, attr_payload(a), a->count * each) != OK ||
            writer_pad(payloads, sizeof(int64_t)) != OK)
            return no_memory(err);
    }
    w->p0.n_attrs++;
    return add(w, SECTION_ATTR, &d, sizeof(d), err);
}

static enum status add_instr(struct writer *w, const struct artifact_instr *in,
                             struct buf *payloads, struct err *err)
{
    struct disk_instr d = {
        in->op, in->version, (uint16_t)in->n_in, (uint16_t)in->n_out, in->n_attrs, 0};
    if (in->n_in > OP_INPUTS_MAX || in->n_out > OP_OUTPUTS_MAX)
        return err_set(err, E_UNSUPPORTED, "node \"%s\" has %u inputs and %u outputs", in->name,
                       in->n_in, in->n_out);
    enum status s = writer_name(w, in->name, &d.name, err);
    if (s == OK)
        s = add(w, SECTION_INST, &d, sizeof(d), err);
    if (s == OK)
        s = add(w, SECTION_OPND, in->in, in->n_in * sizeof(in->in[0]), err);
    if (s == OK)
        s = add(w, SECTION_OPND, in->out, in->n_out * sizeof(in->out[0]), err);
    w->p0.n_operands += in->n_in + in->n_out;
    for (uint32_t i = 0; s == OK && i < in->n_attrs; i++)
        s = add_attr(w, &in->attrs[i], payloads, err);
    return s;
}

static enum status add_instrs(struct writer *w, struct err *err)
{
    struct buf payloads = {0};
    enum status s = OK;
    w->p0.n_instrs = w->src->n_instrs;
    for (uint32_t i = 0; s == OK && i < w->src->n_instrs; i++)
        s = add_instr(w, &w->src->instrs[i], &payloads, err);
    if (s == OK)
        s = add(w, SECTION_ATTR, payloads.data, payloads.len, err);
    buf_fini(&payloads);
    return s;
}

/* The formals and results of the blocks stand behind all instructions' operands. */
static enum status add_blocks(struct writer *w, struct err *err)
{
    enum status s = OK;
    w->p0.n_blocks = w->src->n_blocks;
    for (uint32_t i = 0; s == OK && i < w->src->n_blocks; i++) {
        const struct artifact_block *b = &w->src->blocks[i];
        const struct disk_block d = {b->n_instrs, b->n_in, b->n_out, 0};
        if (b->n_in > OP_INPUTS_MAX || b->n_out > OP_OUTPUTS_MAX + 1)
            return err_set(err, E_UNSUPPORTED, "a block has %u formals and %u results", b->n_in,
                           b->n_out);
        s = add(w, SECTION_BLCK, &d, sizeof(d), err);
        if (s == OK)
            s = add(w, SECTION_OPND, b->in, b->n_in * sizeof(b->in[0]), err);
        if (s == OK)
            s = add(w, SECTION_OPND, b->out, b->n_out * sizeof(b->out[0]), err);
        w->p0.n_operands += b->n_in + b->n_out;
    }
    return s;
}

static enum status add_sample(struct writer *w, const struct tensor *t, struct buf *payloads,
                              struct err *err)
{
    struct disk_sample d = {
        .dtype = (uint16_t)t->dtype, .rank = (uint16_t)t->rank, .off = payloads->len};
    if (!tensor_bytes(t, &d.bytes) || t->dtype == DT_STRING)
        return err_set(err, E_UNSUPPORTED, "a sample tensor has no size, or holds strings");
    memcpy(d.dims, t->dims, (size_t)t->rank * sizeof(d.dims[0]));
    if (buf_add(payloads, t->data, d.bytes) != OK || writer_pad(payloads, sizeof(int64_t)) != OK)
        return no_memory(err);
    return add(w, SECTION_SELF, &d, sizeof(d), err);
}

static enum status add_samples(struct writer *w, struct err *err)
{
    const struct artifact_source *src = w->src;
    struct buf payloads = {0};
    enum status s = OK;
    if (!src->sample_inputs || !src->sample_outputs)
        return OK;
    for (int i = 0; s == OK && i < src->signature.n_inputs; i++)
        s = add_sample(w, &src->sample_inputs[i], &payloads, err);
    for (int i = 0; s == OK && i < src->signature.n_outputs; i++)
        s = add_sample(w, &src->sample_outputs[i], &payloads, err);
    if (s == OK)
        s = add(w, SECTION_SELF, payloads.data, payloads.len, err);
    buf_fini(&payloads);
    return s;
}

enum status writer_sections(struct writer *w, struct err *err)
{
    uint32_t off;
    const char *provenance = w->src->provenance ? w->src->provenance : "";
    enum status s = writer_name(w, "", &off, err);
    if (s == OK)
        s = add_signature(w, err);
    if (s == OK)
        s = add_columns(w, err);
    if (s == OK)
        s = writer_constants(w, err);
    if (s == OK)
        s = add_instrs(w, err);
    if (s == OK)
        s = add_blocks(w, err);
    if (s == OK)
        s = add(w, SECTION_PROV, provenance, strlen(provenance), err);
    if (s == OK)
        s = add_samples(w, err);
    return s;
}

void writer_fini(struct writer *w)
{
    for (int t = 0; t <= SECTION_COUNT; t++)
        buf_fini(&w->sections[t]);
    buf_fini(&w->pack);
    alloc_free(w->blobs);
    w->blobs = NULL;
}
