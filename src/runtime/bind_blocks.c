/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The proof of the blocks. A block is named by exactly one instruction, of a block with a lower
 * number: so blocks make a tree, which is not deeper than CONTROL_DEPTH_MAX. It reads nothing that
 * is not its own but constants, and takes and gives as many values as that instruction has for it.
 * What values these are, each run finds out. */
#include "ops/control.h"
#include "runtime/program_priv.h"

/* How the instructions and operands are dealt out: block 0 has what the others leave. */
static enum status read_counts(struct binder *b, struct err *err)
{
    struct program *p = b->p;
    uint64_t instrs = 0, operands = 0;
    for (uint32_t i = 1; i <= p->p0.n_blocks; i++) {
        struct block_record rec;
        enum status s = artifact_read_block(&b->reader, i - 1, &rec, err);
        if (s != OK)
            return s;
        p->blocks[i].n_instrs = rec.n_instrs;
        p->blocks[i].n_formals = rec.n_in;
        p->blocks[i].n_outputs = rec.n_out;
        instrs += rec.n_instrs;
        operands += (uint64_t)rec.n_in + rec.n_out;
    }
    if (instrs > p->p0.n_instrs || operands > p->p0.n_operands)
        return err_set(err, E_CORRUPT, "section BLCK: the blocks have more than the file has");
    p->blocks[0].n_instrs = p->p0.n_instrs - (uint32_t)instrs;
    p->blocks[0].used = true;
    p->instr_operands = p->p0.n_operands - (uint32_t)operands;
    return OK;
}

/* Where each block's instructions and operands begin. */
static void deal_out(struct program *p)
{
    const struct program_instr *instrs = p->instrs;
    const int32_t *operands = p->operands + p->instr_operands;
    for (uint32_t i = 0; i <= p->p0.n_blocks; i++) {
        struct program_block *b = &p->blocks[i];
        b->instrs = instrs;
        instrs += b->n_instrs;
        if (i == 0) {
            b->formals = p->inputs;
            b->outputs = p->outputs;
            b->n_formals = p->p0.n_inputs;
            b->n_outputs = p->p0.n_outputs;
            continue;
        }
        b->formals = operands;
        b->outputs = operands + b->n_formals;
        operands += b->n_formals + b->n_outputs;
    }
}

enum status bind_blocks(struct binder *b, struct err *err)
{
    struct program *p = b->p;
    const uint64_t blocks = (uint64_t)p->p0.n_blocks + 1;
    enum status s = bind_take(b, blocks, sizeof(p->blocks[0]), &p->blocks, err);
    if (s == OK)
        s = bind_take(b, p->p0.n_operands, sizeof(p->operands[0]), &p->operands, err);
    if (s == OK)
        s = bind_take(b, p->p0.n_instrs, sizeof(p->instrs[0]), &p->instrs, err);
    for (uint32_t i = 0; s == OK && i < p->p0.n_operands; i++)
        s = artifact_read_operand(&b->reader, i, &p->operands[i], err);
    if (s == OK)
        s = read_counts(b, err);
    if (s == OK)
        deal_out(p);
    return s;
}

bool bind_sees(const struct program *p, uint32_t block, int32_t t)
{
    return p->tensors[t].class == CLASS_CONST || p->tensors[t].block == block;
}

enum status bind_block_formals(struct program *p, uint32_t block, uint8_t *defined, struct err *err)
{
    const struct program_block *b = &p->blocks[block];
    if (!b->used)
        return err_set(err, E_CORRUPT, "section BLCK: no instruction before block %u names it",
                       block);
    for (uint32_t k = 0; k < b->n_formals; k++) {
        const int32_t t = b->formals[k];
        if (t == ARTIFACT_NO_TENSOR || p->tensors[t].class != CLASS_FORMAL || defined[t])
            return err_set(err, E_CORRUPT, "section BLCK: block %u may not take tensor %d", block,
                           t);
        defined[t] = 1;
        p->tensors[t].block = block;
    }
    return OK;
}

enum status bind_block_results(const struct program *p, uint32_t block, const uint8_t *defined,
                               struct err *err)
{
    const struct program_block *b = &p->blocks[block];
    for (uint32_t k = 0; k < b->n_outputs; k++) {
        const int32_t t = b->outputs[k];
        if (t == ARTIFACT_NO_TENSOR || !defined[t] || !bind_sees(p, block, t))
            return err_set(err, E_CORRUPT, "block %u cannot give tensor %d", block, t);
    }
    return OK;
}

/* Only Loop's count and condition and Scan-8's lengths may be left out: all others become formals.
 */
static enum status check_holes(const struct program_instr *in, const struct op_control *c,
                               struct err *err)
{
    const int optional = c->kind == CONTROL_LOOP ? 2 : c->batched ? 1 : 0;
    for (int k = optional; k < in->n_in; k++)
        if (in->operands[k] == ARTIFACT_NO_TENSOR)
            return err_set(err, E_CORRUPT, "%s lacks operand %d", in->op->name, k);
    return OK;
}

enum status bind_bodies(struct program *p, const struct program_instr *in, uint32_t block,
                        struct err *err)
{
    const struct op_control *c = in->params;
    enum status s = check_holes(in, c, err);
    if (s != OK)
        return s;
    for (uint32_t k = 0; k < c->n_bodies; k++) {
        if (c->body[k] <= block || c->body[k] > p->p0.n_blocks)
            return err_set(err, E_CORRUPT, "%s of block %u names block %u of %u", in->op->name,
                           block, c->body[k], p->p0.n_blocks);
        struct program_block *body = &p->blocks[c->body[k]];
        if (body->used)
            return err_set(err, E_CORRUPT, "%s names block %u, which is another's", in->op->name,
                           c->body[k]);
        body->used = true;
        body->depth = p->blocks[block].depth + 1;
        if (body->depth > CONTROL_DEPTH_MAX)
            return err_set(err, E_CORRUPT, "block %u lies %u deep, the most is %d", c->body[k],
                           body->depth, CONTROL_DEPTH_MAX);
        if (body->n_formals != (uint32_t)control_formals(c) ||
            body->n_outputs != (uint32_t)control_results(c))
            return err_set(err, E_CORRUPT,
                           "%s has a body that takes %u and gives %u, expected %d and %d",
                           in->op->name, body->n_formals, body->n_outputs, control_formals(c),
                           control_results(c));
    }
    return OK;
}
