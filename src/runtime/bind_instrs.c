/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The proof of the instructions: every operator is known at its version, takes as many operands as
 * it may, reads only what is defined before it and defines every value exactly once; its attributes
 * and constant operands pass its own checks. */
#include <string.h>

#include "runtime/program_priv.h"

/* Where the walk over the instructions stands. */
struct cursor {
    uint32_t block;
    uint32_t operand, attr;
    uint32_t operands_end; /* those of the blocks follow */
    uint64_t payload;      /* of attributes, bytes used */
};

static bool version_known(const struct op *op, uint16_t version)
{
    for (int i = 0; i < OP_SINCE_MAX && op->since[i]; i++)
        if (op->since[i] == version)
            return true;
    return false;
}

static enum status check_op(const struct program *p, const struct instr_record *rec,
                            const struct cursor *at, struct err *err)
{
    const struct op *op = op_by_code(rec->op);
    if (!op)
        return err_set(err, E_UNSUPPORTED, "operator %u is not known to this build", rec->op);
    if (!version_known(op, rec->version))
        return err_set(err, E_UNSUPPORTED, "%s version %u is not known to this build", op->name,
                       rec->version);
    if (rec->n_in < op->in_min || rec->n_in > MIN(op->in_max, OP_INPUTS_MAX) ||
        rec->n_out < op->out_min || rec->n_out > MIN(op->out_max, OP_OUTPUTS_MAX))
        return err_set(err, E_CORRUPT, "%s has %u inputs and %u outputs, expected %u-%u and %u-%u",
                       op->name, rec->n_in, rec->n_out, op->in_min, op->in_max, op->out_min,
                       op->out_max);
    if (at->operands_end - at->operand < (uint32_t)rec->n_in + rec->n_out)
        return err_set(err, E_CORRUPT, "operands end early");
    if (p->p0.n_attrs - at->attr < rec->n_attrs)
        return err_set(err, E_CORRUPT, "attributes end early");
    return OK;
}

enum { UNDEFINED = 0, DEFINED = 1, KNOWN = 2 }; /* known: from shapes and constants alone */

/* `defined` has one byte a tensor. */
static enum status check_operands(struct program *p, const struct program_instr *in, uint32_t block,
                                  uint8_t *defined, struct err *err)
{
    bool known = !(in->op->flags & OP_CONTROL);
    for (int k = 0; k < in->n_in; k++) {
        int32_t t = in->operands[k];
        if (t == ARTIFACT_NO_TENSOR ? k < in->op->in_min : !defined[t] || !bind_sees(p, block, t))
            return err_set(err, E_CORRUPT,
                           "%s reads tensor %d, which is not defined before it in its block",
                           in->op->name, t);
        known = known && (t == ARTIFACT_NO_TENSOR || defined[t] == KNOWN);
    }
    known = known || in->op->flags & OP_SHAPE_ONLY;
    for (int k = 0; k < in->n_out; k++) {
        int32_t t = in->operands[in->n_in + k];
        if (t == ARTIFACT_NO_TENSOR ? k < in->op->out_min
                                    : defined[t] || p->tensors[t].class != CLASS_VALUE)
            return err_set(err, E_CORRUPT, "%s may not define tensor %d", in->op->name, t);
        if (t == ARTIFACT_NO_TENSOR)
            continue;
        defined[t] = known ? KNOWN : DEFINED;
        p->tensors[t].block = block;
        p->n_known += known;
    }
    return OK;
}

/* Reads the attributes into memory that passes: all that stays is what prepare makes of them (which
 * may point at payloads, and those lie in the region). */
static enum status prepare(struct binder *b, const struct program_instr *in, struct cursor *at,
                           uint32_t n_attrs, void *params, struct err *err)
{
    enum { ATTRS_MAX = 64 };
    struct attr attrs[ATTRS_MAX];
    if (n_attrs > ATTRS_MAX)
        return err_set(err, E_CORRUPT, "%u attributes, the most is %d", n_attrs, ATTRS_MAX);
    for (uint32_t i = 0; i < n_attrs; i++) {
        enum status s = artifact_read_attr(&b->reader, at->attr + i, &at->payload, &attrs[i], err);
        if (s != OK)
            return s;
        for (uint32_t k = 0; k < i; k++)
            if (attrs[k].key == attrs[i].key)
                return err_set(err, E_CORRUPT, "attribute %s twice", attr_name(attrs[i].key));
    }
    at->attr += n_attrs;
    const struct op_node node = {in->version, in->n_in, in->n_out, {attrs, n_attrs}};
    return in->op->prepare ? in->op->prepare(&node, params, err) : OK;
}

static enum status check_constants(const struct program *p, const struct program_instr *in,
                                   struct err *err)
{
    const struct tensor *operands[OP_INPUTS_MAX];
    if (!in->op->check)
        return OK;
    for (int k = 0; k < in->n_in; k++)
        operands[k] = in->operands[k] == ARTIFACT_NO_TENSOR ? NULL : &p->tensors[in->operands[k]].t;
    return in->op->check(in->params, in->n_in, operands, err);
}

static enum status bind_instr(struct binder *b, uint32_t i, struct cursor *at, uint8_t *defined,
                              struct err *err)
{
    struct program *p = b->p;
    struct program_instr *in = &p->instrs[i];
    struct instr_record rec;
    void *params = NULL;
    enum status s = artifact_read_instr(&b->reader, i, &rec, err);
    if (s == OK)
        s = check_op(p, &rec, at, err);
    if (s != OK)
        return s;
    in->op = op_by_code(rec.op);
    in->name = rec.name;
    in->version = rec.version;
    in->n_in = rec.n_in;
    in->n_out = rec.n_out;
    in->operands = p->operands + at->operand;
    at->operand += (uint32_t)rec.n_in + rec.n_out;
    s = check_operands(p, in, at->block, defined, err);
    if (s == OK && in->op->params_bytes) {
        ASSERT(in->op->params_bytes <= OP_PARAMS_MAX);
        s = bind_take(b, in->op->params_bytes, 1, &params, err);
    }
    in->params = params;
    if (s == OK)
        s = prepare(b, in, at, rec.n_attrs, params, err);
    if (s == OK && in->op->flags & OP_CONTROL)
        s = bind_bodies(p, in, at->block, err);
    return s == OK ? check_constants(p, in, err) : s;
}

static enum status check_all_defined(const struct binder *b, const struct cursor *at,
                                     const uint8_t *defined, struct err *err)
{
    const struct program *p = b->p;
    if (at->operand != at->operands_end || at->attr != p->p0.n_attrs ||
        at->payload != b->reader.attr_data_bytes)
        return err_set(err, E_CORRUPT, "section INST: operands or attributes of no instruction");
    for (uint32_t i = 0; i < p->p0.n_tensors; i++)
        if (!defined[i])
            return err_set(err, E_CORRUPT, "tensor %u \"%s\" is never defined", i,
                           p->tensors[i].name);
    return OK;
}

static enum status bind_block(struct binder *b, struct cursor *at, uint8_t *defined,
                              struct err *err)
{
    const struct program_block *block = &b->p->blocks[at->block];
    enum status s = at->block ? bind_block_formals(b->p, at->block, defined, err) : OK;
    if (s != OK)
        return s;
    const uint32_t first = (uint32_t)(block->instrs - b->p->instrs);
    for (uint32_t i = first; i < first + block->n_instrs; i++)
        if (bind_instr(b, i, at, defined, err) != OK)
            return err_prefix(err, "instruction %u \"%s\"", i,
                              b->p->instrs[i].name ? b->p->instrs[i].name : "");
    return bind_block_results(b->p, at->block, defined, err);
}

enum status bind_instrs(struct binder *b, struct err *err)
{
    struct program *p = b->p;
    struct cursor at = {.operands_end = p->instr_operands};
    uint8_t *defined = NULL;
    enum status s = bind_take(b, p->p0.n_tensors, 1, &defined, err);
    if (s != OK)
        return s;
    for (uint32_t i = 0; i < p->p0.n_tensors; i++)
        defined[i] = p->tensors[i].class == CLASS_CONST   ? KNOWN
                     : p->tensors[i].class == CLASS_INPUT ? DEFINED
                                                          : UNDEFINED;
    for (at.block = 0; s == OK && at.block <= p->p0.n_blocks; at.block++)
        s = bind_block(b, &at, defined, err);
    return s == OK ? check_all_defined(b, &at, defined, err) : s;
}
