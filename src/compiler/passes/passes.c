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

#include "base/hash.h"

const struct pass pass_table[PASS_COUNT] = {
#define X(name, what) {#name, what, pass_##name},
    PASS_TABLE(X)
#undef X
};

static uint64_t add(uint64_t h, const void *p, size_t bytes)
{
    return (bytes ? h ^ hash_bytes(p, bytes) : h) * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static uint64_t fingerprint(const struct graph *g)
{
    uint64_t h = g->n_nodes;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct node *n = &g->nodes[i];
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

/* Runs one pass and notes what it did. *print is the graph's fingerprint, kept up to date. */
static enum status run_one(struct graph *g, int pass, struct pass_step *step, uint64_t *print,
                           struct err *err)
{
    uint64_t was = *print;
    step->pass = (uint8_t)pass;
    step->before = g->n_nodes;
    enum status s = pass_table[pass].run(g, err);
    *print = fingerprint(g);
    step->after = g->n_nodes;
    step->changed = *print != was;
    return s;
}

enum status passes_run(struct graph *g, uint64_t off, struct pass_log *log, struct err *err)
{
    struct pass_log ignored;
    log = log ? log : &ignored;
    memset(log, 0, sizeof(*log));
    enum status s = OK;
    uint64_t print = fingerprint(g);
    bool changed = true;
    for (int round = 1; s == OK && changed && round <= PASS_ROUNDS_MAX; round++) {
        changed = false;
        for (int k = 0; s == OK && k < PASS_COUNT; k++) {
            struct pass_step *step = &log->steps[log->n];
            if (off >> k & 1)
                continue;
            s = run_one(g, k, step, &print, err);
            step->round = (uint8_t)round;
            changed |= step->changed;
            log->n++;
        }
    }
    return s == OK ? pass_drop_dead(g, err) : s;
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
