/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Proves the tables of trees once, so that kernels follow them without looking. The proof uses the
 * one canonical layout (kernels/trees.h): walking the nodes of a tree in order, the k-th split must
 * name the k-th pair of places after the root. So every node has one parent before it, no walk can
 * cycle, trees do not overlap, and the depth falls out of the level boundaries without any memory.
 */
#include "ops/tree_proof.h"

#include <inttypes.h>

#include "kernels/trees.h"
#include "ops/ops_priv.h"
#include "ops/tree_ensemble.h"

/* The constant operand i as a table of `columns` (0: a vector) 4-byte elements. */
static enum status table(const struct tensor *t, const char *name, enum dtype dtype, int columns,
                         uint32_t *rows, struct err *err)
{
    if (!t || !t->data)
        return err_set(err, E_CORRUPT, "TreeEnsemble: the %s are not constant", name);
    bool fits = t->dtype == dtype && t->rank == (columns ? 2 : 1) && t->dims[0] >= 1 &&
                t->dims[0] <= TREE_NODES_MAX && (!columns || t->dims[1] == columns);
    char text[TENSOR_TEXT_MAX];
    if (!fits)
        return err_set(err, E_CORRUPT, "TreeEnsemble: the %s are %s, which is no table of them",
                       name, tensor_text(t, text));
    *rows = (uint32_t)t->dims[0];
    return OK;
}

struct proof {
    struct tree_table table;
    uint32_t n_nodes, n_sets, n_vectors, n_full; /* n_full: words */
    struct err *err;
};

static enum status check_set(const struct proof *p, uint32_t i, uint32_t set)
{
    bool inside = set < p->n_sets && p->table.sets[set] < p->n_sets - set;
    return inside ? OK
                  : err_set(p->err, E_CORRUPT,
                            "TreeEnsemble: node %" PRIu32 ": its category set is outside the table",
                            i);
}

/* One node: `next` <= n_nodes is where the children of the tree's next split must stand. */
static enum status check_node(const struct proof *p, uint32_t i, uint32_t next)
{
    const struct tree_node *n = p->table.nodes + i;
    if (!(n->what & TREE_SPLITS)) {
        if (n->what || n->first != i)
            return err_set(p->err, E_CORRUPT, "TreeEnsemble: node %" PRIu32 " is a bad leaf", i);
        if (p->table.vectors && n->set >= p->n_vectors)
            return err_set(p->err, E_CORRUPT,
                           "TreeEnsemble: node %" PRIu32 ": vector %" PRIu32 " of %" PRIu32, i,
                           n->set, p->n_vectors);
        return OK;
    }
    if (n->first != next || p->n_nodes - next < 2)
        return err_set(p->err, E_CORRUPT,
                       "TreeEnsemble: node %" PRIu32 ": children at %" PRIu32
                       ", expected at %" PRIu32 " of %" PRIu32,
                       i, n->first, next, p->n_nodes);
    uint32_t feature = n->what & TREE_FEATURE_MASK;
    const uint32_t particular = TREE_BY_CATEGORY | TREE_BY_EQUALITY;
    const uint32_t known = TREE_FEATURE_MASK | TREE_SPLITS | TREE_FLIP | particular;
    bool both = (n->what & particular) == particular;
    if (feature >= p->table.n_features || (n->what & ~known) || both)
        return err_set(p->err, E_CORRUPT,
                       "TreeEnsemble: node %" PRIu32 ": feature %" PRIu32 " of %" PRIu32, i,
                       feature, p->table.n_features);
    return n->what & TREE_BY_CATEGORY ? check_set(p, i, n->set) : OK;
}

/* Walks one tree from its root; *end is where the next tree begins. */
static enum status check_tree(const struct proof *p, const struct tree_head *tree, uint32_t *end)
{
    uint32_t next = tree->root + 1, level_end = next, depth = 0;
    for (uint32_t i = tree->root; i < next; i++) {
        if (i == level_end) {
            level_end = next;
            depth++;
        }
        enum status s = check_node(p, i, next);
        if (s != OK)
            return s;
        uint32_t what = p->table.nodes[i].what;
        if ((what & (TREE_BY_CATEGORY | TREE_BY_EQUALITY)) && !(tree->walk & TREE_HAS_CATEGORIES))
            return err_set(p->err, E_CORRUPT,
                           "TreeEnsemble: node %" PRIu32 ": a category in a tree without", i);
        next += what & TREE_SPLITS ? 2 : 0;
    }
    if (depth > TREE_DEPTH_MAX || depth != (tree->walk & TREE_DEPTH_MASK))
        return err_set(p->err, E_CORRUPT,
                       "TreeEnsemble: the tree at node %" PRIu32 " is %" PRIu32
                       " deep, it says %" PRIu32 ", at most %d",
                       tree->root, depth, tree->walk & TREE_DEPTH_MASK, TREE_DEPTH_MAX);
    *end = next;
    return OK;
}

/* One full tree: every split asks for a feature that there is. Split 0 is read by nobody. */
static enum status check_full(const struct proof *p, const struct tree_head *tree, uint32_t *end)
{
    const uint32_t depth = tree->walk & TREE_DEPTH_MASK, leaves = 1u << depth;
    const int32_t *words = p->table.full + tree->root;
    const struct tree_split *splits = (const void *)words;
    for (uint32_t i = 1; i < leaves; i++)
        if (splits[i].at % 4 || splits[i].at / 8 >= p->table.n_features)
            return err_set(p->err, E_CORRUPT,
                           "TreeEnsemble: word %" PRIu32 ": a full tree's split at byte %" PRIu32
                           " of %" PRIu32 " features",
                           tree->root + 2 * i, splits[i].at, p->table.n_features);
    for (uint32_t i = 0; p->table.vectors && i < leaves; i++)
        if ((uint32_t)words[2 * leaves + i] >= p->n_vectors)
            return err_set(
                p->err, E_CORRUPT, "TreeEnsemble: word %" PRIu32 ": vector %" PRIu32 " of %" PRIu32,
                tree->root + 2 * leaves + i, (uint32_t)words[2 * leaves + i], p->n_vectors);
    *end += tree_full_words(depth);
    return OK;
}

/* Can the head's tree stand where it says: behind those before it, inside its table? */
static bool placed(const struct proof *p, const struct tree_head *tree, uint32_t nodes_end,
                   uint32_t full_end)
{
    if (tree->group >= p->table.n_groups)
        return false;
    if (!(tree->walk & TREE_FULL))
        return !(tree->walk & ~(TREE_DEPTH_MASK | TREE_HAS_CATEGORIES)) &&
               tree->root == nodes_end && nodes_end < p->n_nodes;
    uint32_t depth = tree->walk & TREE_DEPTH_MASK;
    return tree->walk == (TREE_FULL | depth) && depth <= TREE_FULL_DEPTH_MAX &&
           tree->root == full_end && p->n_full - full_end >= tree_full_words(depth);
}

static enum status check_trees(const struct proof *p)
{
    uint32_t end = 0, full_end = 0;
    for (uint32_t k = 0; k < p->table.n_trees; k++) {
        const struct tree_head *tree = p->table.trees + k;
        if (!placed(p, tree, end, full_end))
            return err_set(
                p->err, E_CORRUPT,
                "TreeEnsemble: tree %" PRIu32 ": root %" PRIu32 " of %" PRIu32 " nodes, %" PRIu32
                " words, group %" PRIu32 " of %" PRIu32 ", walk %" PRIx32,
                k, tree->root, p->n_nodes, p->n_full, tree->group, p->table.n_groups, tree->walk);
        enum status s =
            tree->walk & TREE_FULL ? check_full(p, tree, &full_end) : check_tree(p, tree, &end);
        if (s != OK)
            return s;
    }
    if (end != p->n_nodes || full_end != p->n_full)
        return err_set(p->err, E_CORRUPT,
                       "TreeEnsemble: %" PRIu32 " nodes and %" PRIu32 " words behind the last tree",
                       p->n_nodes - end, p->n_full - full_end);
    return OK;
}

static const void *data_of(const struct tensor *t)
{
    return t ? t->data : NULL;
}

enum status tree_proof(const struct tensor *const *in, int n_in, uint32_t n_features,
                       uint32_t n_groups, struct err *err)
{
    struct proof p = {.table = {.n_features = n_features, .n_groups = n_groups}, .err = err};
    uint32_t groups = 0;
    const struct tensor *sets = op_operand(in, n_in, TREE_SETS);
    const struct tensor *vectors = op_operand(in, n_in, TREE_VECTORS);
    const struct tensor *nodes = op_operand(in, n_in, TREE_NODES);
    const struct tensor *full = op_operand(in, n_in, TREE_FULL_TREES);
    enum status s = table(in[TREE_BASE], "base margins", DT_F32, 0, &groups, err);
    if (s == OK)
        s = table(in[TREE_TREES], "trees", DT_I32, 3, &p.table.n_trees, err);
    if (s == OK && (nodes || !full))
        s = table(nodes, "nodes", DT_I32, 3, &p.n_nodes, err);
    if (s == OK && full)
        s = table(full, "full trees", DT_I32, 0, &p.n_full, err);
    if (s == OK && sets)
        s = table(sets, "category sets", DT_I32, 0, &p.n_sets, err);
    if (s == OK && vectors)
        s = table(vectors, "vectors", DT_F32, (int)n_groups, &p.n_vectors, err);
    if (s != OK)
        return s;
    if (groups != n_groups)
        return err_set(err, E_CORRUPT, "TreeEnsemble: %" PRIu32 " base margins, %" PRIu32 " groups",
                       groups, n_groups);
    p.table.trees = in[TREE_TREES]->data;
    p.table.nodes = data_of(nodes);
    p.table.full = data_of(full);
    p.table.sets = data_of(sets);
    p.table.vectors = data_of(vectors);
    return check_trees(&p);
}

struct tree_table tree_table_of(const struct op_run *c, uint32_t n_features, uint32_t n_groups,
                                uint32_t x_step)
{
    return (struct tree_table){
        .nodes = data_of(op_operand(c->in, c->n_in, TREE_NODES)),
        .full = data_of(op_operand(c->in, c->n_in, TREE_FULL_TREES)),
        .trees = c->in[TREE_TREES]->data,
        .sets = data_of(op_operand(c->in, c->n_in, TREE_SETS)),
        .base = c->in[TREE_BASE]->data,
        .vectors = data_of(op_operand(c->in, c->n_in, TREE_VECTORS)),
        .n_trees = (uint32_t)c->in[TREE_TREES]->dims[0],
        .n_groups = n_groups,
        .n_features = n_features,
        .x_step = x_step,
    };
}
