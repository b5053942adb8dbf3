/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The lists of TreeEnsembleClassifier and TreeEnsembleRegressor into the tables of kernels/trees.h.
 * Nodes are found by (tree, node) in a sorted index; a tree is laid out level by level from its one
 * root, so a node reached twice (a cycle, a shared child) is seen and refused, and the walk ends
 * after at most as many steps as there are nodes.
 *
 * NaN goes to the first child, so the child that missing values belong to is put there, and the
 * comparison is turned until it says when the second one is taken: x < c, or with TREE_FLIP -x < c.
 * x <= v is x < the next float32 above v.
 *
 * source: ONNX ai.onnx.ml TreeEnsembleClassifier-1, -3, TreeEnsembleRegressor-1, -3 */
#include "compiler/onnx/trees.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/trees.h"
#include "ops/ml.h"
#include "ops/tree_ensemble.h"

enum { VECTOR_NUMBERS_MAX = 1 << 26 }; /* weights of all leaves that have several */

/* Where an entry of the lists stands. */
struct place {
    int64_t tree, node;
    uint32_t i;
};

struct packer {
    struct onnx_reader *r;
    const struct onnx_trees *t;
    struct err *err;
    struct place *nodes, *weights; /* sorted; graph memory */
    uint32_t n, n_weights;
    uint8_t *modes, *reached;
    uint32_t *order; /* of the tree being laid out: places in nodes */
    uint32_t placed;
    uint32_t groups, n_trees;
    bool by_vector;
    enum ml_second second;
    float scale; /* of a leaf: 1 / trees for AVERAGE */
    struct tree_node *out;
    struct tree_head *heads;
    float *vectors;
    uint32_t n_out, n_vectors;
};

static const struct attr *list(const struct packer *k, enum attr_key key)
{
    return &k->t->lists[key - ONNX_TREES_FIRST];
}

static const struct attr *weight_list(const struct packer *k, enum attr_key key)
{
    int shift = k->t->regressor ? ATTR_target_treeids - ATTR_class_treeids : 0;
    return list(k, (enum attr_key)((int)key + shift));
}

static enum status bad(const struct packer *k, uint32_t node, const char *what)
{
    return err_set(k->err, E_CORRUPT, "tree %" PRId64 ", node %" PRId64 ": %s", k->nodes[node].tree,
                   k->nodes[node].node, what);
}

/* ---- reading the attributes ---- */

static bool is_word(const struct attr *a, const char *word)
{
    return a->type == ATTR_STRING && a->count == strlen(word) &&
           memcmp(a->str, word, a->count) == 0;
}

static enum status take_word(struct onnx_trees *t, const struct attr *a, struct err *err)
{
    t->average = is_word(a, "AVERAGE");
    if (t->average || is_word(a, "SUM"))
        return OK;
    return err_set(err, E_UNSUPPORTED, "its aggregate_function is neither SUM nor AVERAGE");
}

static enum status take_list(struct onnx_trees *t, const struct onnx_attr *a, struct err *err)
{
    struct attr *to = &t->lists[a->a.key - ONNX_TREES_FIRST];
    if (to->type || a->is_tensor || (a->a.type != ATTR_INTS && a->a.type != ATTR_FLOATS))
        return err_set(err, E_CORRUPT, "attribute %s stands there twice, or is no list of numbers",
                       attr_name(a->a.key));
    *to = a->a;
    return OK;
}

enum status onnx_trees_take(struct onnx_reader *r, struct onnx_trees *t, const struct onnx_attr *a,
                            bool *taken, struct err *err)
{
    enum attr_key key = a->a.key;
    *taken = true;
    if (key == ATTR_nodes_modes && a->is_strings) {
        t->modes = a->strings;
        return OK;
    }
    if ((int)key >= ONNX_TREES_FIRST && (int)key <= ONNX_TREES_LAST)
        return take_list(t, a, err);
    if (key == ATTR_classlabels_int64s && a->a.type == ATTR_INTS) {
        t->labels = (struct tensor){.dtype = DT_I64, .rank = 1, .dims = {a->a.count}};
        t->labels.data = (void *)(uintptr_t)a->a.ints;
        return OK;
    }
    if (key == ATTR_classlabels_strings && a->is_strings)
        return onnx_texts(r, a->strings, ONNX_STRINGS_FIELD, &t->labels, err);
    if (key == ATTR_n_targets && a->a.type == ATTR_INT) {
        t->n_targets = a->a.i;
        return OK;
    }
    if (key == ATTR_aggregate_function)
        return take_word(t, &a->a, err);
    t->logistic = t->logistic || (key == ATTR_post_transform && is_word(&a->a, "LOGISTIC"));
    *taken = false;
    return OK;
}

/* ---- the index ---- */

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->tree != y->tree)
        return x->tree < y->tree ? -1 : 1;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    return x->i < y->i ? -1 : x->i > y->i;
}

static struct place *sorted(struct packer *k, const struct attr *tree, const struct attr *node)
{
    struct place *all = graph_alloc(k->r->g, (tree->count + (size_t)1) * sizeof(*all));
    for (uint32_t i = 0; all && i < tree->count; i++)
        all[i] = (struct place){tree->ints[i], node->ints[i], i};
    if (all && tree->count)
        qsort(all, tree->count, sizeof(*all), by_place);
    return all;
}

/* The first entry not before (tree, node). */
static uint32_t lower(const struct place *all, uint32_t n, int64_t tree, int64_t node)
{
    uint32_t low = 0;
    struct place want = {tree, node, 0};
    while (low < n) {
        uint32_t middle = low + (n - low) / 2;
        if (by_place(&all[middle], &want) < 0)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

/* ---- what the lists must be ---- */

static enum status check_list(const struct packer *k, enum attr_key key, bool floats, uint32_t n)
{
    const struct attr *a = list(k, key);
    if (a->type != (floats ? ATTR_FLOATS : ATTR_INTS) && n)
        return err_set(k->err, E_CORRUPT, "attribute %s is missing or no list of %s",
                       attr_name(key), floats ? "floats" : "integers");
    if (a->count != n)
        return err_set(k->err, E_CORRUPT,
                       "attribute %s has %" PRIu32 " elements, expected %" PRIu32, attr_name(key),
                       a->count, n);
    return OK;
}

static enum status check_lists(struct packer *k)
{
    k->n = list(k, ATTR_nodes_nodeids)->count;
    enum attr_key weights = k->t->regressor ? ATTR_target_treeids : ATTR_class_treeids;
    k->n_weights = list(k, weights)->count;
    if (!k->n || k->n > TREE_NODES_MAX || k->n_weights > TREE_NODES_MAX)
        return err_set(k->err, E_CORRUPT, "it has %" PRIu32 " nodes", k->n);
    static const enum attr_key ints[] = {ATTR_nodes_treeids, ATTR_nodes_nodeids,
                                         ATTR_nodes_featureids, ATTR_nodes_truenodeids,
                                         ATTR_nodes_falsenodeids};
    enum status s = check_list(k, ATTR_nodes_values, true, k->n);
    for (size_t i = 0; s == OK && i < ARRAY_COUNT(ints); i++)
        s = check_list(k, ints[i], false, k->n);
    if (s == OK && list(k, ATTR_nodes_missing_value_tracks_true)->count)
        s = check_list(k, ATTR_nodes_missing_value_tracks_true, false, k->n);
    for (int i = 0; s == OK && i < 4; i++) /* tree, node, id, weight */
        s = check_list(k, (enum attr_key)((int)weights + i), i == 3, k->n_weights);
    return s;
}

/* ---- modes ---- */

enum mode { LEAF, LEQ, LT, GTE, GT, EQ, NEQ, MODES };
static const char *const mode_names[MODES] = {"LEAF",      "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                              "BRANCH_GT", "BRANCH_EQ",  "BRANCH_NEQ"};

static enum status read_mode(const struct packer *k, struct view v, uint8_t *out)
{
    for (uint8_t m = 0; m < MODES; m++)
        if (strlen(mode_names[m]) == v.n && memcmp(mode_names[m], v.p, v.n) == 0) {
            *out = m;
            return OK;
        }
    return err_set(k->err, E_UNSUPPORTED, "nodes_modes has '%.*s', which is not supported",
                   (int)MIN(v.n, 32), v.n ? (const char *)v.p : "");
}

static enum status read_modes(struct packer *k)
{
    struct wire w = k->t->modes;
    struct field f;
    enum status s = OK;
    uint32_t n = 0;
    while (wire_next(&w, &f, &s, k->err)) {
        if (f.number != ONNX_STRINGS_FIELD)
            continue;
        s = wire_want(&w, &f, WIRE_BYTES, "a node's mode", k->err);
        if (s == OK && n == k->n)
            s = err_set(k->err, E_CORRUPT, "nodes_modes has more than %" PRIu32 " elements", k->n);
        if (s == OK)
            s = read_mode(k, f.bytes, &k->modes[n++]);
        if (s != OK)
            return s;
    }
    if (s == OK && n != k->n)
        s = err_set(k->err, E_CORRUPT, "nodes_modes has %" PRIu32 " elements, expected %" PRIu32, n,
                    k->n);
    return s;
}

/* ---- one node ---- */

static float next_up(float v)
{
    return nextafterf(v, INFINITY);
}

/* Fills cond and flags. `above`: the second child is for x >= v (or x > v with `strict`), otherwise
 * for x <= v (x < v). */
static void set_split(struct tree_node *out, float v, bool above, bool strict)
{
    float c = above ? -v : v;
    out->what |= above ? TREE_FLIP : 0;
    out->cond = strict ? c : next_up(c);
}

/* Does NaN take the true branch? When the node says so, and where NaN satisfies its comparison. */
static bool missing_is_true(const struct packer *k, uint32_t i)
{
    const struct attr *missing = list(k, ATTR_nodes_missing_value_tracks_true);
    return k->modes[i] == NEQ || (missing->count && missing->ints[i] != 0);
}

static enum status pack_split(struct packer *k, uint32_t at, struct tree_node *out)
{
    uint32_t i = k->nodes[at].i;
    int64_t feature = list(k, ATTR_nodes_featureids)->ints[i];
    float v = list(k, ATTR_nodes_values)->floats[i];
    bool to_true = missing_is_true(k, i);
    enum mode mode = (enum mode)k->modes[i];
    if (feature < 0 || feature >= TREE_FEATURES_MAX)
        return bad(k, at, "its feature is out of range");
    if (!isfinite(v))
        return err_set(k->err, E_UNSUPPORTED,
                       "tree %" PRId64 ", node %" PRId64 ": its threshold is not finite",
                       k->nodes[at].tree, k->nodes[at].node);
    bool above = mode == GTE || mode == GT, strict = mode == LT || mode == GT;
    out->what = (uint32_t)feature | TREE_SPLITS;
    if (mode == EQ || mode == NEQ) { /* the second child is the true one, unless NaN is true */
        out->what |= TREE_BY_EQUALITY | ((mode == EQ) == to_true ? TREE_FLIP : 0);
        out->cond = v;
    } else if (to_true) /* the second child is the false one: the opposite comparison */
        set_split(out, v, !above, !strict);
    else
        set_split(out, v, above, strict);
    return OK;
}

static enum status pack_leaf(struct packer *k, uint32_t at, struct tree_node *out)
{
    const struct attr *ids = weight_list(k, ATTR_class_ids);
    const struct attr *weights = weight_list(k, ATTR_class_weights);
    const struct place *p = &k->nodes[at];
    uint32_t w = lower(k->weights, k->n_weights, p->tree, p->node);
    float *row = k->vectors + (size_t)k->n_vectors * k->groups, value = 0;
    if (k->by_vector)
        memset(row, 0, k->groups * sizeof(*row));
    for (; w < k->n_weights && k->weights[w].tree == p->tree && k->weights[w].node == p->node;
         w++) {
        uint32_t i = k->weights[w].i;
        float add = weights->floats[i] * k->scale;
        value += add;
        if (k->by_vector)
            row[ids->ints[i]] += add;
    }
    if (k->by_vector)
        out->set = k->n_vectors++;
    else
        out->value = value;
    return OK;
}

/* ---- one tree ---- */

/* The place of a child, proved to be of the same tree and not reached before. */
static enum status reach(struct packer *k, uint32_t parent, int64_t node)
{
    int64_t tree = k->nodes[parent].tree;
    uint32_t at = lower(k->nodes, k->n, tree, node);
    if (at == k->n || k->nodes[at].tree != tree || k->nodes[at].node != node)
        return bad(k, parent, "its child is no node of the tree");
    if (k->reached[at])
        return bad(k, at, "it is reached twice");
    k->reached[at] = 1;
    k->order[k->placed++] = at;
    return OK;
}

static enum status reach_children(struct packer *k, uint32_t at)
{
    uint32_t i = k->nodes[at].i;
    int64_t yes = list(k, ATTR_nodes_truenodeids)->ints[i];
    int64_t no = list(k, ATTR_nodes_falsenodeids)->ints[i];
    bool to_true = missing_is_true(k, i);
    enum status s = reach(k, at, to_true ? yes : no);
    return s == OK ? reach(k, at, to_true ? no : yes) : s;
}

/* The one node of the tree that is nobody's child. Uses, and clears, `reached`. */
static enum status find_root(struct packer *k, uint32_t from, uint32_t to, uint32_t *root)
{
    for (uint32_t at = from; at < to; at++) {
        uint32_t i = k->nodes[at].i;
        const int64_t children[] = {list(k, ATTR_nodes_truenodeids)->ints[i],
                                    list(k, ATTR_nodes_falsenodeids)->ints[i]};
        for (int c = 0; c < 2 && k->modes[i] != LEAF; c++) {
            uint32_t child = lower(k->nodes, k->n, k->nodes[at].tree, children[c]);
            if (child < to && k->nodes[child].node == children[c])
                k->reached[child] = 1;
        }
    }
    uint32_t roots = 0;
    for (uint32_t at = from; at < to; at++)
        if (!k->reached[at] && roots++ == 0)
            *root = at;
    memset(k->reached + from, 0, to - from);
    return roots == 1 ? OK : bad(k, from, "its tree has not exactly one root");
}

/* Lays out the tree whose nodes are places from..to. */
static enum status pack_tree(struct packer *k, uint32_t from, uint32_t to)
{
    struct tree_head *head = &k->heads[k->n_trees++];
    uint32_t root = from, first = k->n_out, level_end = 1, depth = 0;
    enum status s = find_root(k, from, to, &root);
    *head = (struct tree_head){.root = first};
    k->placed = 0;
    if (s == OK)
        s = reach(k, root, k->nodes[root].node);
    for (uint32_t i = 0; s == OK && i < k->placed; i++) {
        uint32_t at = k->order[i];
        struct tree_node *out = &k->out[k->n_out++];
        *out = (struct tree_node){.first = first + i};
        if (i == level_end) {
            level_end = k->placed;
            depth++;
        }
        if (k->modes[k->nodes[at].i] == LEAF) {
            s = pack_leaf(k, at, out);
            continue;
        }
        out->first = first + k->placed;
        s = reach_children(k, at);
        if (s == OK)
            s = pack_split(k, at, out);
        head->walk |= out->what & TREE_BY_EQUALITY ? TREE_HAS_CATEGORIES : 0;
    }
    if (s == OK && depth > TREE_DEPTH_MAX)
        s = err_set(k->err, E_UNSUPPORTED, "tree %" PRId64 " is %" PRIu32 " deep, at most %d",
                    k->nodes[from].tree, depth, TREE_DEPTH_MAX);
    head->walk |= depth;
    if (s == OK && k->placed != to - from)
        s = bad(k, from, "its tree has nodes that cannot be reached");
    return s;
}

/* The group that all leaves of a tree add to; several: every leaf is a vector. */
static enum status scan_groups(struct packer *k)
{
    const struct attr *ids = weight_list(k, ATTR_class_ids);
    for (uint32_t w = 0; w < k->n_weights; w++) {
        int64_t id = ids->ints[k->weights[w].i];
        if (id < 0 || id >= (k->second ? 2 : k->groups))
            return err_set(k->err, E_CORRUPT,
                           "a leaf's weight is for class or target %" PRId64 " of %" PRIu32, id,
                           k->groups);
        bool same_tree = w && k->weights[w].tree == k->weights[w - 1].tree;
        if (same_tree && k->groups > 1 && id != ids->ints[k->weights[w - 1].i])
            k->by_vector = true;
    }
    return OK;
}

static enum status pack_trees(struct packer *k)
{
    const struct attr *ids = weight_list(k, ATTR_class_ids);
    for (uint32_t from = 0, to; from < k->n; from = to) {
        for (to = from + 1; to < k->n && k->nodes[to].tree == k->nodes[from].tree; to++)
            if (k->nodes[to].node == k->nodes[to - 1].node)
                return bad(k, to, "it stands there twice");
        enum status s = pack_tree(k, from, to);
        if (s != OK)
            return s;
        uint32_t w = lower(k->weights, k->n_weights, k->nodes[from].tree, INT64_MIN);
        bool has = w < k->n_weights && k->weights[w].tree == k->nodes[from].tree;
        if (has && k->groups > 1 && !k->by_vector)
            k->heads[k->n_trees - 1].group = (uint32_t)ids->ints[k->weights[w].i];
    }
    return OK;
}

/* ---- the ensemble ---- */

/* One column of weights for two classes: whether it is a probability shows in its weights. */
static void find_second(struct packer *k)
{
    const struct attr *ids = weight_list(k, ATTR_class_ids);
    const struct attr *weights = weight_list(k, ATTR_class_weights);
    bool positive = true;
    for (uint32_t i = 0; i < k->n_weights; i++) {
        if (ids->ints[i] != ids->ints[0])
            return;
        positive = positive && weights->floats[i] >= 0;
    }
    k->groups = 1;
    k->second = positive && !k->t->logistic ? ML_SECOND_COMPLEMENT : ML_SECOND_NEGATED;
}

static enum status find_groups(struct packer *k)
{
    int64_t groups = k->t->regressor ? k->t->n_targets : k->t->labels.dims[0];
    if (groups < 1 || groups > TREE_GROUPS_MAX || (groups < 2 && !k->t->regressor))
        return err_set(k->err, E_UNSUPPORTED, "it has %" PRId64 " classes or targets", groups);
    k->groups = (uint32_t)groups;
    if (!k->t->regressor && groups == 2)
        find_second(k);
    return scan_groups(k);
}

static enum status allocate(struct packer *k)
{
    struct graph *g = k->r->g;
    uint64_t numbers = (uint64_t)k->n * k->groups;
    if (k->by_vector && numbers > VECTOR_NUMBERS_MAX)
        return err_set(k->err, E_UNSUPPORTED,
                       "%" PRIu32 " nodes of %" PRIu32 " classes or targets: too many weights",
                       k->n, k->groups);
    k->order = graph_alloc(g, (size_t)k->n * sizeof(*k->order));
    k->reached = graph_alloc(g, k->n);
    k->out = graph_alloc(g, (size_t)k->n * sizeof(*k->out));
    k->heads = graph_alloc(g, (size_t)k->n * sizeof(*k->heads));
    k->vectors = graph_alloc(g, k->by_vector ? numbers * sizeof(float) : 0);
    if (!k->order || !k->reached || !k->out || !k->heads || !k->vectors)
        return reader_no_memory(k->err);
    memset(k->reached, 0, k->n);
    return OK;
}

static enum status prepare(struct packer *k)
{
    enum status s = check_lists(k);
    if (s != OK)
        return s;
    enum attr_key weights = k->t->regressor ? ATTR_target_treeids : ATTR_class_treeids;
    k->modes = graph_alloc(k->r->g, k->n);
    k->nodes = sorted(k, list(k, ATTR_nodes_treeids), list(k, ATTR_nodes_nodeids));
    k->weights = sorted(k, list(k, weights), list(k, (enum attr_key)((int)weights + 1)));
    if (!k->modes || !k->nodes || !k->weights)
        return reader_no_memory(k->err);
    s = read_modes(k);
    if (s == OK)
        s = find_groups(k);
    if (s == OK)
        s = allocate(k);
    k->scale = 1;
    for (uint32_t i = 0, trees = 0; k->t->average && i < k->n; i++) {
        trees += !i || k->nodes[i].tree != k->nodes[i - 1].tree;
        k->scale = 1 / (float)trees;
    }
    return s;
}

/* ---- into the graph ---- */

static enum status add_table(struct packer *k, enum dtype t, int64_t rows, int64_t columns,
                             void *data, int32_t *in)
{
    struct tensor table = {.dtype = t, .rank = columns ? 2 : 1, .dims = {rows, columns}};
    table.data = data;
    if (graph_const(k->r->g, "", &table, in) != OK)
        return reader_no_memory(k->err);
    k->r->g->values[*in].compress = true;
    return OK;
}

static enum status add_base(struct packer *k, int32_t *in)
{
    const struct attr *given = list(k, ATTR_base_values);
    float *base = graph_alloc(k->r->g, k->groups * sizeof(*base));
    if (!base)
        return reader_no_memory(k->err);
    if (given->count && (given->type != ATTR_FLOATS || given->count != k->groups))
        return err_set(k->err, E_UNSUPPORTED,
                       "it has %" PRIu32 " base_values for %" PRIu32 " columns of weights",
                       given->count, k->groups);
    for (uint32_t i = 0; i < k->groups; i++)
        base[i] = given->count ? given->floats[i] : 0;
    return add_table(k, DT_F32, k->groups, 0, base, in);
}

static enum status add_operands(struct packer *k, int32_t *in, uint32_t *n)
{
    enum status s = add_base(k, &in[TREE_BASE]);
    if (s == OK)
        s = add_table(k, DT_I32, k->n_trees, 3, k->heads, &in[TREE_TREES]);
    if (s == OK)
        s = add_table(k, DT_I32, k->n_out, 3, k->out, &in[TREE_NODES]);
    in[TREE_SETS] = in[TREE_VECTORS] = ARTIFACT_NO_TENSOR;
    if (s == OK && k->by_vector)
        s = add_table(k, DT_F32, k->n_vectors, k->groups, k->vectors, &in[TREE_VECTORS]);
    *n = k->by_vector ? TREE_VECTORS + 1 : TREE_NODES + 1;
    if (s == OK && !k->t->regressor) {
        const struct tensor *labels = &k->t->labels;
        s = add_table(k, labels->dtype, labels->dims[0], 0, labels->data, &in[TREE_LABELS]);
        *n = TREE_LABELS + 1;
    }
    return s;
}

enum status onnx_trees_pack(struct onnx_reader *r, const struct onnx_trees *t, int32_t *in,
                            uint32_t *n_in, struct attr attrs[ONNX_TREES_ATTRS], struct err *err)
{
    struct packer k = {.r = r, .t = t, .err = err};
    enum status s = prepare(&k);
    if (s == OK)
        s = pack_trees(&k);
    if (s == OK)
        s = add_operands(&k, in, n_in);
    uint32_t features = 1;
    for (uint32_t i = 0; i < k.n_out; i++)
        if (k.out[i].what & TREE_SPLITS)
            features = MAX(features, (k.out[i].what & TREE_FEATURE_MASK) + 1);
    const int64_t numbers[] = {features, k.groups, k.second};
    static const enum attr_key keys[] = {ATTR_n_features, ATTR_n_groups, ATTR_second_class};
    for (int i = 0; i < ONNX_TREES_ATTRS; i++)
        attrs[i] = (struct attr){.key = keys[i], .type = ATTR_INT, .count = 1, .i = numbers[i]};
    return s;
}
