/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.TreeEnsemble: boosted trees as data. check proves the tables once, when a program is bound;
 * run then follows them without looking. The proof uses the one canonical layout (kernels/trees.h):
 * walking the nodes of a tree in order, the k-th split must name the k-th pair of places after the
 * root. So every node has one parent before it, no walk can cycle, trees do not overlap, and the
 * depth falls out of the level boundaries without any memory. */
#include "ops/tree_ensemble.h"

#include <inttypes.h>
#include <math.h>

#include "kernels/trees.h"
#include "ops/ops_priv.h"

enum {
    BLOCK_ROWS = 64, /* rows whose margins stand in scratch while TREE_ARGMAX reads them */
};

struct params {
    uint32_t n_features, n_groups;
    enum tree_transform transform;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    int64_t features, groups, transform;
    enum status s = attr_int(&node->attrs, ATTR_n_features, 0, &features, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_n_groups, 1, &groups, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_transform, TREE_MARGINS, &transform, err);
    if (s != OK)
        return s;
    if (features < 1 || features > TREE_FEATURES_MAX || groups < 1 || groups > TREE_GROUPS_MAX)
        return err_set(err, E_CORRUPT, "TreeEnsemble: %" PRId64 " features and %" PRId64 " groups",
                       features, groups);
    if (transform < 0 || transform >= TREE_TRANSFORM_COUNT)
        return err_set(err, E_UNSUPPORTED, "TreeEnsemble: transform %" PRId64 " is not known",
                       transform);
    p->n_features = (uint32_t)features;
    p->n_groups = (uint32_t)groups;
    p->transform = (enum tree_transform)transform;
    return OK;
}

/* ---- the proof ---- */

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
    const struct params *params;
    struct tree_table table;
    uint32_t n_nodes, n_sets;
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
        return OK;
    }
    if (n->first != next || p->n_nodes - next < 2)
        return err_set(p->err, E_CORRUPT,
                       "TreeEnsemble: node %" PRIu32 ": children at %" PRIu32
                       ", expected at %" PRIu32 " of %" PRIu32,
                       i, n->first, next, p->n_nodes);
    uint32_t feature = n->what & TREE_FEATURE_MASK;
    uint32_t known = TREE_FEATURE_MASK | TREE_SPLITS | TREE_FLIP | TREE_BY_CATEGORY;
    if (feature >= p->params->n_features || (n->what & ~known))
        return err_set(p->err, E_CORRUPT,
                       "TreeEnsemble: node %" PRIu32 ": feature %" PRIu32 " of %" PRIu32, i,
                       feature, p->params->n_features);
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
        if ((what & TREE_BY_CATEGORY) && !(tree->walk & TREE_HAS_CATEGORIES))
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

static enum status check_trees(const struct proof *p)
{
    uint32_t end = 0;
    for (uint32_t k = 0; k < p->table.n_trees; k++) {
        const struct tree_head *tree = p->table.trees + k;
        bool known = !(tree->walk & ~(TREE_DEPTH_MASK | TREE_HAS_CATEGORIES));
        if (tree->root != end || end >= p->n_nodes || tree->group >= p->params->n_groups || !known)
            return err_set(p->err, E_CORRUPT,
                           "TreeEnsemble: tree %" PRIu32 ": root %" PRIu32 " of %" PRIu32
                           ", group %" PRIu32 " of %" PRIu32,
                           k, tree->root, p->n_nodes, tree->group, p->params->n_groups);
        enum status s = check_tree(p, tree, &end);
        if (s != OK)
            return s;
    }
    if (end != p->n_nodes)
        return err_set(p->err, E_CORRUPT, "TreeEnsemble: %" PRIu32 " nodes behind the last tree",
                       p->n_nodes - end);
    return OK;
}

static enum status check(const void *params, int n_in, const struct tensor *const *in,
                         struct err *err)
{
    struct proof p = {.params = params, .err = err};
    uint32_t groups = 0;
    const struct tensor *sets = n_in > TREE_SETS ? in[TREE_SETS] : NULL;
    enum status s = table(in[TREE_BASE], "base margins", DT_F32, 0, &groups, err);
    if (s == OK)
        s = table(in[TREE_TREES], "trees", DT_I32, 3, &p.table.n_trees, err);
    if (s == OK)
        s = table(in[TREE_NODES], "nodes", DT_I32, 3, &p.n_nodes, err);
    if (s == OK && sets)
        s = table(sets, "category sets", DT_I32, 0, &p.n_sets, err);
    if (s != OK)
        return s;
    if (groups != p.params->n_groups)
        return err_set(err, E_CORRUPT, "TreeEnsemble: %" PRIu32 " base margins, %" PRIu32 " groups",
                       groups, p.params->n_groups);
    p.table.trees = in[TREE_TREES]->data;
    p.table.nodes = in[TREE_NODES]->data;
    p.table.sets = sets ? sets->data : NULL;
    return check_trees(&p);
}

/* ---- shapes ---- */

static enum status infer(struct op_infer *c, struct err *err)
{
    const struct params *p = c->params;
    enum status s = op_operands(c, "TreeEnsemble", TREE_NODES + 1, err);
    if (s == OK)
        s = op_only(c, "TreeEnsemble", TREE_X, DT_F32, err);
    if (s != OK)
        return s;
    const struct tensor *x = c->in[TREE_X];
    char text[TENSOR_TEXT_MAX];
    if (x->rank != 2 || x->dims[1] != p->n_features)
        return err_set(err, E_BAD_INPUT,
                       "TreeEnsemble: the features are %s, expected float32[N,%" PRIu32 "]",
                       tensor_text(x, text), p->n_features);
    bool matrix = p->n_groups > 1 && p->transform != TREE_ARGMAX;
    int64_t dims[2] = {x->dims[0], p->n_groups};
    if (p->transform == TREE_ARGMAX)
        c->scratch_bytes = sizeof(float) * BLOCK_ROWS * (uint64_t)p->n_groups;
    return op_output(c, 0, "TreeEnsemble", DT_F32, matrix ? 2 : 1, dims, err);
}

/* ---- the run ---- */

/* XGBoost's form, term by term, so that the bits are the same. */
static float sigmoid(float x)
{
    float e = expf(fminf(-x, 88.7f));
    return 1.0f / (e + 1.0f + 1e-16f);
}

static void softmax(float *m, uint32_t n)
{
    float top = m[0];
    double sum = 0;
    for (uint32_t i = 1; i < n; i++)
        top = fmaxf(top, m[i]);
    for (uint32_t i = 0; i < n; i++) {
        m[i] = expf(m[i] - top);
        sum += m[i];
    }
    for (uint32_t i = 0; i < n; i++)
        m[i] /= (float)sum;
}

static uint32_t argmax(const float *m, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (m[i] > m[best])
            best = i;
    return best;
}

/* In place; everything but TREE_ARGMAX, which changes the shape. */
static void transform(const struct params *p, float *m, int64_t rows)
{
    int64_t count = rows * p->n_groups;
    switch (p->transform) {
    case TREE_SIGMOID:
        for (int64_t i = 0; i < count; i++)
            m[i] = sigmoid(m[i]);
        return;
    case TREE_EXP:
        for (int64_t i = 0; i < count; i++)
            m[i] = expf(m[i]);
        return;
    case TREE_HINGE:
        for (int64_t i = 0; i < count; i++)
            m[i] = m[i] > 0.0f ? 1.0f : 0.0f;
        return;
    case TREE_SOFTMAX:
        for (int64_t r = 0; r < rows; r++)
            softmax(m + r * p->n_groups, p->n_groups);
        return;
    default:
        return;
    }
}

static void run_argmax(const struct tree_table *t, const float *x, int64_t rows, float *out,
                       float *margins)
{
    for (int64_t r = 0; r < rows; r += BLOCK_ROWS) {
        int64_t block = MIN(rows - r, BLOCK_ROWS);
        trees_margins(t, x + r * t->n_features, block, margins);
        for (int64_t i = 0; i < block; i++)
            out[r + i] = (float)argmax(margins + i * t->n_groups, t->n_groups);
    }
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct params *p = c->params;
    const struct tensor *sets = c->n_in > TREE_SETS ? c->in[TREE_SETS] : NULL;
    struct tree_table t = {
        .nodes = c->in[TREE_NODES]->data,
        .trees = c->in[TREE_TREES]->data,
        .sets = sets ? sets->data : NULL,
        .base = c->in[TREE_BASE]->data,
        .n_trees = (uint32_t)c->in[TREE_TREES]->dims[0],
        .n_groups = p->n_groups,
        .n_features = p->n_features,
    };
    const float *x = c->in[TREE_X]->data;
    int64_t rows = c->in[TREE_X]->dims[0];
    float *out = c->out[0]->data;
    if (p->transform == TREE_ARGMAX) {
        run_argmax(&t, x, rows, out, c->scratch);
        return OK;
    }
    trees_margins(&t, x, rows, out);
    transform(p, out, rows);
    return OK;
}

const struct op op_tree_ensemble = {
    .domain = "roost",
    .name = "TreeEnsemble",
    .code = OP_CODE_tree_ensemble,
    .since = {1},
    .in_min = TREE_NODES + 1,
    .in_max = TREE_OPERANDS,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .check = check,
    .infer = infer,
    .run = run,
};
