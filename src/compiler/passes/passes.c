/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The order of the passes, and how often they run. Dead nodes go first, so that a fault in what no
 * output needs does not fail a compile, and last, because fusing leaves constants' makers without
 * users.
 *
 * Whether a pass changed something is seen from the graph itself: each node's operator, operands
 * and attributes are hashed before and after. So no pass can forget to say. */
#include "compiler/passes/passes.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

const struct pass pass_table[PASS_COUNT] = {
#define X(name, what) {#name, what, pass_##name},
    PASS_TABLE(X) PASS_LATE_TABLE(X)
#undef X
};

static uint64_t add(uint64_t h, const void *p, size_t bytes)
{
    return (bytes ? h ^ hash_bytes(p, bytes) : h) * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static uint64_t fingerprint_of(const struct graph_block *b)
{
    uint64_t h = add(b->n_nodes, b->outputs, b->n_outputs * sizeof(*b->outputs));
    for (uint32_t i = 0; i < b->n_nodes; i++) {
        const struct node *n = &b->nodes[i];
        const uint32_t what[] = {n->op->code, (uint32_t)n->version, n->n_in, n->n_out, n->n_attrs};
        h = add(h, what, sizeof(what));
        h = add(h, n->in, n->n_in * sizeof(*n->in));
        h = add(h, n->out, n->n_out * sizeof(*n->out));
        for (uint32_t k = 0; k < n->n_attrs; k++) {
            const struct attr *a = &n->attrs[k];
            const int64_t value[] = {a->key, a->i};
            h = add(h, value, sizeof(value));
            h = add(h, &a->f, sizeof(a->f));
            if (a->type == ATTR_INTS)
                h = add(h, a->ints, a->count * sizeof(*a->ints));
        }
    }
    return h;
}

/* The whole model, as far as a pass can see that it changed. */
struct state {
    uint64_t print;
    uint32_t nodes;
};

static enum status state_of(const struct graph *g, struct state *out, struct err *err)
{
    uint32_t *blocks, n;
    if (graph_live_blocks(g, &blocks, &n) != OK)
        return err_set(err, E_NO_MEMORY, "no memory to run the passes");
    *out = (struct state){n, 0};
    for (uint32_t i = 0; i < n; i++) {
        const struct graph_block b = graph_block_at(g, blocks[i]);
        const uint64_t print = fingerprint_of(&b);
        out->print = add(out->print, &print, sizeof(print));
        out->nodes += b.n_nodes;
    }
    alloc_free(blocks);
    return OK;
}

/* Runs one pass and notes what it did. *state is the graph's, kept up to date. */
static enum status run_one(struct graph *g, int pass, struct pass_step *step, struct state *state,
                           struct err *err)
{
    const struct state was = *state;
    enum status s = graph_each_block(g, pass_table[pass].run, err);
    if (s == OK)
        s = state_of(g, state, err);
    step->pass = (uint8_t)pass;
    step->before = was.nodes;
    step->after = state->nodes;
    step->changed = state->print != was.print;
    return s;
}

/* Passes [from, to), once each; *changed says whether one of them did something. */
static enum status run_round(struct graph *g, const int span[2], int round, uint64_t off,
                             struct pass_log *log, struct state *state, bool *changed,
                             struct err *err)
{
    enum status s = OK;
    *changed = false;
    for (int k = span[0]; s == OK && k < span[1]; k++) {
        struct pass_step *step = &log->steps[log->n];
        if (off >> k & 1)
            continue;
        s = run_one(g, k, step, state, err);
        step->round = (uint8_t)round;
        *changed |= step->changed;
        log->n++;
    }
    return s;
}

enum status passes_run(struct graph *g, uint64_t off, struct pass_log *log, struct err *err)
{
    struct pass_log ignored;
    log = log ? log : &ignored;
    memset(log, 0, sizeof(*log));
    struct state state;
    enum status s = state_of(g, &state, err);
    const int early[] = {0, PASS_LATE}, late[] = {PASS_LATE, PASS_COUNT};
    bool changed = true;
    int round = 1;
    for (; s == OK && changed && round <= PASS_ROUNDS_MAX; round++)
        s = run_round(g, early, round, off, log, &state, &changed, err);
    if (s == OK)
        s = run_round(g, late, round, off, log, &state, &changed, err);
    return s == OK ? graph_each_block(g, pass_drop_dead, err) : s;
}

static int find(const char *name, size_t len)
{
    for (int k = 0; k < PASS_COUNT; k++)
        if (strlen(pass_table[k].name) == len && memcmp(pass_table[k].name, name, len) == 0)
            return k;
    return -1;
}

enum status passes_named(const char *text, uint64_t *bits, struct err *err)
{
    *bits = 0;
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, ",");
        int k = find(at, len);
        if (len == 3 && memcmp(at, "all", 3) == 0)
            *bits = UINT64_MAX;
        else if (k >= 0)
            *bits |= UINT64_C(1) << k;
        else
            return err_set(err, E_USAGE,
                           "unknown pass '%.*s': `roost compile --explain` names them",
                           (int)MIN(len, (size_t)40), at);
        at += len + (at[len] == ',');
    }
    return OK;
}
