/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Trees of no great depth become full ones (kernels/trees.h), which kernels walk without pointers,
 * several side by side or many rows at a time: a leaf above the last level becomes a split that no
 * value is below, and the leaf stands below it. So each row reaches the same value as before.
 *
 * A full tree takes 12 bytes a leaf, where a plain one takes 12 a node: one that was full before
 * becomes half as large, a ragged one may grow. All are filled to one depth, or each to its own, or
 * only those that do not grow: the first of these that the mode allows. Trees of one depth that
 * stand side by side are walked the fastest. Trees with splits by category or equality stay as they
 * are.
 */
#include <string.h>

#include "compiler/passes/edit.h"
#include "compiler/passes/passes.h"
#include "kernels/trees.h"
#include "ops/op_list.h"
#include "ops/tree_ensemble.h"
#include "ops/tree_proof.h"

enum {
    LEAVES_MAX = 1 << TREE_FULL_DEPTH_MAX,
    STAYS = -1,
};

/* The most that the tables may take, in quarters of what they took before. */
static const uint64_t limits[OPTIMIZE_MODES] = {
    [OPTIMIZE_BALANCED] = 6, [OPTIMIZE_SPEED] = 16, [OPTIMIZE_MEMORY] = 4};

enum plan { ALL_ALIKE, EACH_ITS_OWN, NONE_GROWS, PLANS };

struct filling {
    const struct tree_node *nodes; /* proven */
    const struct tree_head *trees;
    uint32_t n_trees, n_nodes;
    enum plan plan;
    uint32_t depth; /* the greatest of trees that may be filled */
    /* what is made: nodes of those that stay, words of the others */
    struct tree_node *out;
    struct tree_head *heads;
    int32_t *full;
    uint32_t n_out, n_full;
};

static uint32_t tree_nodes(const struct filling *f, uint32_t k)
{
    uint32_t end = k + 1 < f->n_trees ? f->trees[k + 1].root : f->n_nodes;
    return end - f->trees[k].root;
}

static bool may_fill(const struct tree_head *tree)
{
    return tree->walk <= TREE_FULL_DEPTH_MAX; /* no flag either */
}

/* The depth that the plan gives tree k, or STAYS. */
static int depth_of(const struct filling *f, uint32_t k)
{
    const uint32_t own = f->trees[k].walk;
    if (!may_fill(&f->trees[k]) || (f->plan == NONE_GROWS && 1u << own > tree_nodes(f, k)))
        return STAYS;
    return (int)(f->plan == ALL_ALIKE ? f->depth : own);
}

/* Counts what the plan makes; the sum of bytes in units of 12. */
static uint64_t count(struct filling *f)
{
    uint64_t nodes = 0, words = 0;
    for (uint32_t k = 0; k < f->n_trees; k++) {
        int depth = depth_of(f, k);
        nodes += depth == STAYS ? tree_nodes(f, k) : 0;
        words += depth == STAYS ? 0 : tree_full_words((uint32_t)depth);
    }
    if (nodes > TREE_NODES_MAX || words > TREE_NODES_MAX)
        return UINT64_MAX;
    f->n_out = (uint32_t)nodes;
    f->n_full = (uint32_t)words;
    return nodes + words / 3;
}

static void choose_plan(struct filling *f, uint64_t quarters)
{
    for (uint32_t k = 0; k < f->n_trees; k++)
        if (may_fill(&f->trees[k]))
            f->depth = MAX(f->depth, f->trees[k].walk);
    for (f->plan = 0; f->plan < NONE_GROWS; f->plan++) {
        uint64_t units = count(f);
        if (units != UINT64_MAX && units * 4 <= f->n_nodes * quarters)
            return;
    }
    (void)count(f);
}

static void copy_tree(struct filling *f, uint32_t k)
{
    uint32_t from = f->trees[k].root, n = tree_nodes(f, k);
    for (uint32_t i = 0; i < n; i++) {
        struct tree_node *out = f->out + f->n_out + i;
        *out = f->nodes[from + i];
        out->first += f->n_out - from;
    }
    f->heads[k].root = f->n_out;
    f->n_out += n;
}

/* x < cond is tree_key(x) < the key of this. */
static struct tree_split split_of(const struct tree_node *n)
{
    if (!(n->what & TREE_SPLITS) || n->cond != n->cond)
        return (struct tree_split){INT32_MIN, 0};
    uint32_t column = 2 * (n->what & TREE_FEATURE_MASK) + (n->what & TREE_FLIP ? 1 : 0);
    return (struct tree_split){tree_key(n->cond), 4 * column};
}

static void fill_tree(struct filling *f, uint32_t k, uint32_t depth)
{
    uint32_t source[2 * LEAVES_MAX] = {0, f->trees[k].root};
    const uint32_t leaves = 1u << depth;
    int32_t *words = f->full + f->n_full;
    memset(words, 0, tree_full_words(depth) * sizeof(*words)); /* split 0 */
    for (uint32_t i = 1; i < leaves; i++) {
        const struct tree_node *from = f->nodes + source[i];
        const struct tree_split split = split_of(from);
        bool splits = from->what & TREE_SPLITS;
        memcpy(words + 2 * i, &split, sizeof(split));
        source[2 * i] = splits ? from->first : source[i];
        source[2 * i + 1] = splits ? from->first + 1 : source[i];
    }
    for (uint32_t i = 0; i < leaves; i++)
        memcpy(words + 2 * leaves + i, &f->nodes[source[leaves + i]].value, sizeof(*words));
    f->heads[k].root = f->n_full;
    f->heads[k].walk = TREE_FULL | depth;
    f->n_full += tree_full_words(depth);
}

/* A constant of `rows` by `columns` (0: a vector) words as the node's operand; none for no rows. */
static enum status put(struct graph *g, int32_t *in, const struct tensor *t)
{
    *in = ARTIFACT_NO_TENSOR;
    if (!t->dims[0])
        return OK;
    if (graph_const(g, "", t, in) != OK)
        return E_NO_MEMORY;
    g->values[*in].compress = true;
    return OK;
}

/* The tables' operands in the place of the old ones. */
static enum status replace(struct graph *g, struct node *n, const struct filling *f)
{
    int32_t *in = graph_alloc(g, TREE_OPERANDS * sizeof(*in));
    const struct tensor trees = {DT_I32, 2, {f->n_trees, 3}, f->heads};
    const struct tensor nodes = {DT_I32, 2, {f->n_out, 3}, f->out};
    const struct tensor full = {DT_I32, 1, {f->n_full}, f->full};
    if (!in)
        return E_NO_MEMORY;
    for (uint32_t i = 0; i < TREE_OPERANDS; i++)
        in[i] = node_in(n, i);
    enum status s = put(g, &in[TREE_TREES], &trees);
    if (s == OK)
        s = put(g, &in[TREE_NODES], &nodes);
    if (s == OK)
        s = put(g, &in[TREE_FULL_TREES], &full);
    n->in = in;
    n->n_in = TREE_OPERANDS;
    return s;
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
    return features >= 1 && features <= TREE_FULL_FEATURES_MAX && groups >= 1 &&
           groups <= TREE_GROUPS_MAX &&
           tree_proof(in, TREE_OPERANDS, (uint32_t)features, (uint32_t)groups, &refused) == OK;
}

static enum status fill(struct graph *g, struct node *n)
{
    if (node_in(n, TREE_NODES) == ARTIFACT_NO_TENSOR ||
        node_in(n, TREE_FULL_TREES) != ARTIFACT_NO_TENSOR || !proven(g, n))
        return OK;
    const struct tensor *trees = &g->values[n->in[TREE_TREES]].t;
    const struct tensor *nodes = &g->values[n->in[TREE_NODES]].t;
    struct filling f = {.nodes = nodes->data,
                        .trees = trees->data,
                        .n_trees = (uint32_t)trees->dims[0],
                        .n_nodes = (uint32_t)nodes->dims[0]};
    choose_plan(&f, limits[g->optimize]);
    if (!f.n_full)
        return OK;
    f.out = graph_alloc(g, MAX(f.n_out, 1u) * sizeof(*f.out));
    f.full = graph_alloc(g, f.n_full * sizeof(*f.full));
    f.heads = graph_alloc(g, f.n_trees * sizeof(*f.heads));
    if (!f.out || !f.full || !f.heads)
        return E_NO_MEMORY;
    memcpy(f.heads, f.trees, f.n_trees * sizeof(*f.heads));
    f.n_out = f.n_full = 0;
    for (uint32_t k = 0; k < f.n_trees; k++) {
        int depth = depth_of(&f, k);
        if (depth == STAYS)
            copy_tree(&f, k);
        else
            fill_tree(&f, k, (uint32_t)depth);
    }
    return replace(g, n, &f);
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
