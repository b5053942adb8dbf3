/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Ragged trees of no great depth are filled up to full ones, which kernels walk without pointers
 * and many rows at a time: a leaf above the last level becomes a split that asks for a number but
 * has the leaf below either answer. So each row reaches the same value as before. The nodes become
 * more by that, at most by half (with --optimize speed fourfold): tables beyond it are left as they
 * are, and so are trees with splits by category or equality, and all with --optimize memory. */
#include <string.h>

#include "compiler/passes/edit.h"
#include "compiler/passes/passes.h"
#include "kernels/trees.h"
#include "ops/op_list.h"
#include "ops/tree_ensemble.h"
#include "ops/tree_proof.h"

enum { FULL_NODES_MAX = (2 << TREE_FULL_DEPTH_MAX) - 1 };

/* Quarters of the nodes that there were. */
static const uint64_t limits[OPTIMIZE_MODES] = {
    [OPTIMIZE_BALANCED] = 6, [OPTIMIZE_SPEED] = 16, [OPTIMIZE_MEMORY] = 4};

struct filling {
    const struct tree_node *nodes; /* proven */
    const struct tree_head *trees;
    uint32_t n_trees, n_nodes;
    struct tree_node *out;
    struct tree_head *heads;
    uint32_t n_out;
};

static uint32_t tree_nodes(const struct filling *f, uint32_t k)
{
    uint32_t end = k + 1 < f->n_trees ? f->trees[k + 1].root : f->n_nodes;
    return end - f->trees[k].root;
}

static bool fills(const struct tree_head *tree)
{
    return tree->walk <= TREE_FULL_DEPTH_MAX; /* no flag either */
}

static uint64_t count_filled(const struct filling *f)
{
    uint64_t n = 0;
    for (uint32_t k = 0; k < f->n_trees; k++)
        n += fills(&f->trees[k]) ? (2u << f->trees[k].walk) - 1 : tree_nodes(f, k);
    return n;
}

static void copy_tree(struct filling *f, uint32_t k)
{
    uint32_t from = f->trees[k].root, n = tree_nodes(f, k);
    for (uint32_t i = 0; i < n; i++) {
        struct tree_node *out = f->out + f->n_out + i;
        *out = f->nodes[from + i];
        out->first += f->n_out - from;
    }
    f->n_out += n;
}

static void fill_tree(struct filling *f, uint32_t k)
{
    uint32_t source[FULL_NODES_MAX] = {f->trees[k].root};
    uint32_t n = (2u << f->trees[k].walk) - 1;
    for (uint32_t i = 0; i < n; i++) {
        const struct tree_node *from = f->nodes + source[i];
        struct tree_node *out = f->out + f->n_out + i;
        bool splits = from->what & TREE_SPLITS;
        *out = *from;
        out->first = f->n_out + i;
        if (i >= n / 2)
            continue;
        if (!splits)
            *out = (struct tree_node){.cond = 0, .what = TREE_SPLITS};
        out->first = f->n_out + 2 * i + 1;
        source[2 * i + 1] = splits ? from->first : source[i];
        source[2 * i + 2] = splits ? from->first + 1 : source[i];
    }
    f->n_out += n;
}

static enum status put(struct graph *g, struct node *n, int operand, uint32_t rows, void *data)
{
    struct tensor t = {.dtype = DT_I32, .rank = 2, .dims = {rows, 3}, .data = data};
    int32_t value;
    if (graph_const(g, "", &t, &value) != OK)
        return E_NO_MEMORY;
    g->values[value].compress = true;
    n->in[operand] = value;
    return OK;
}

/* Tables that their operator would refuse are left to it. */
static bool proven(struct graph *g, const struct node *n)
{
    const struct tensor *in[TREE_OPERANDS] = {0};
    struct err refused;
    for (uint32_t i = TREE_BASE; i < MIN(n->n_in, (uint32_t)TREE_OPERANDS); i++) {
        int32_t v = n->in[i];
        if (v == ARTIFACT_NO_TENSOR)
            continue;
        if (g->values[v].kind != VALUE_CONST || graph_settle(g, v) != OK)
            return false;
        in[i] = &g->values[v].t;
    }
    int64_t features = node_int(n, ATTR_n_features, 0), groups = node_int(n, ATTR_n_groups, 1);
    return features >= 1 && features <= TREE_FEATURES_MAX && groups >= 1 &&
           groups <= TREE_GROUPS_MAX &&
           tree_proof(in, TREE_OPERANDS, (uint32_t)features, (uint32_t)groups, &refused) == OK;
}

static enum status fill(struct graph *g, struct node *n)
{
    if (n->n_in <= TREE_NODES || !proven(g, n))
        return OK;
    const struct tensor *trees = &g->values[n->in[TREE_TREES]].t;
    const struct tensor *nodes = &g->values[n->in[TREE_NODES]].t;
    struct filling f = {.nodes = nodes->data,
                        .trees = trees->data,
                        .n_trees = (uint32_t)trees->dims[0],
                        .n_nodes = (uint32_t)nodes->dims[0]};
    uint64_t filled = count_filled(&f);
    if (filled == f.n_nodes || filled > TREE_NODES_MAX ||
        filled * 4 > f.n_nodes * limits[g->optimize])
        return OK;
    f.out = graph_alloc(g, filled * sizeof(*f.out));
    f.heads = graph_alloc(g, f.n_trees * sizeof(*f.heads));
    if (!f.out || !f.heads)
        return E_NO_MEMORY;
    for (uint32_t k = 0; k < f.n_trees; k++) {
        f.heads[k] = f.trees[k];
        f.heads[k].root = f.n_out;
        (fills(&f.trees[k]) ? fill_tree : copy_tree)(&f, k);
    }
    enum status s = put(g, n, TREE_TREES, f.n_trees, f.heads);
    return s == OK ? put(g, n, TREE_NODES, f.n_out, f.out) : s;
}

enum status pass_fill_trees(struct graph *g, struct err *err)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        struct node *n = &g->nodes[i];
        uint32_t op = n->op->code;
        bool trees = op == OP_CODE_tree_ensemble || op == OP_CODE_tree_ensemble_classifier ||
                     op == OP_CODE_tree_ensemble_regressor;
        if (trees && fill(g, n) != OK)
            return err_set(err, E_NO_MEMORY, "no memory to fill trees");
    }
    return OK;
}
