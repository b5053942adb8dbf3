/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One tree from XGBoost's arrays into the layout of kernels/trees.h: level by level from the root,
 * children in pairs. Nodes that no path reaches (pruned ones stay in XGBoost's arrays) are left
 * behind; a node reached twice means a cycle or a shared child and is refused, so the walk ends
 * after at most as many steps as there are nodes. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "compiler/xgboost/model.h"
#include "kernels/trees.h"

enum {
    LEAF = -1,
    NO_SET = -1,
    SETS_WORDS_MAX = 1 << 24, /* 64 MiB of category sets in one model */
};

struct packing {
    struct xgb_model *m;
    uint32_t tree;   /* number of this tree, for messages */
    uint32_t n;      /* nodes in the arrays */
    uint32_t placed; /* nodes in m->order so far */
};

static int32_t at(const struct packing *k, enum xgb_array a, uint32_t i)
{
    int32_t v;
    memcpy(&v, k->m->arrays[a].data + (size_t)i * 4, sizeof(v));
    return v;
}

static enum status bad_node(const struct packing *k, uint32_t node, const char *what, int64_t value)
{
    return err_set(k->m->err, E_CORRUPT, "XGBoost: tree %" PRIu32 ", node %" PRIu32 ": %s %" PRId64,
                   k->tree, node, what, value);
}

/* All arrays that every tree has are there and equally long. */
static enum status check_lengths(struct packing *k)
{
    static const struct {
        enum xgb_array array;
        const char *name;
    } all[] = {{XGB_LEFT, "left_children"},
               {XGB_RIGHT, "right_children"},
               {XGB_FEATURE, "split_indices"},
               {XGB_COND, "split_conditions"},
               {XGB_MISSING_LEFT, "default_left"}};
    struct xgb_model *m = k->m;
    k->n = xgb_count(&m->arrays[XGB_LEFT]);
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        if (!k->n || xgb_count(&m->arrays[all[i].array]) != k->n)
            return err_set(m->err, E_CORRUPT,
                           "XGBoost: tree %" PRIu32 ": %" PRIu32 " in %s, %" PRIu32
                           " in left_children",
                           k->tree, xgb_count(&m->arrays[all[i].array]), all[i].name, k->n);
    uint32_t types = xgb_count(&m->arrays[XGB_SPLIT_TYPE]);
    if ((types && types != k->n) || (m->tree_nodes >= 0 && m->tree_nodes != k->n))
        return err_set(m->err, E_CORRUPT,
                       "XGBoost: tree %" PRIu32 ": %" PRIu32 " nodes, %" PRIu32
                       " split types, num_nodes %" PRId64,
                       k->tree, k->n, types, m->tree_nodes);
    return OK;
}

/* set_of[node] = number of the category set of the node. */
static enum status index_sets(struct packing *k)
{
    struct xgb_model *m = k->m;
    uint32_t sets = xgb_count(&m->arrays[XGB_SET_NODE]);
    if (xgb_count(&m->arrays[XGB_SET_BEGIN]) != sets || xgb_count(&m->arrays[XGB_SET_SIZE]) != sets)
        return err_set(m->err, E_CORRUPT, "XGBoost: tree %" PRIu32 ": category arrays differ",
                       k->tree);
    buf_clear(&m->set_of);
    if (!sets)
        return OK;
    if (buf_zeros(&m->set_of, (size_t)k->n * 4) != OK)
        return err_set(m->err, E_NO_MEMORY, "XGBoost: no memory for a tree");
    memset(m->set_of.data, 0xff, m->set_of.len); /* NO_SET */
    for (uint32_t i = 0; i < sets; i++) {
        int32_t node = at(k, XGB_SET_NODE, i), number = (int32_t)i;
        if (node < 0 || (uint32_t)node >= k->n)
            return bad_node(k, i, "a category set of node", node);
        memcpy(m->set_of.data + (size_t)node * 4, &number, sizeof(number));
    }
    return OK;
}

/* Appends an empty set of so many words and gives its offset. */
static enum status push_set(struct packing *k, uint32_t words, uint32_t *offset)
{
    struct xgb_model *m = k->m;
    *offset = xgb_count(&m->sets);
    if (words >= SETS_WORDS_MAX - *offset)
        return err_set(m->err, E_UNSUPPORTED, "XGBoost: category sets beyond %d words",
                       SETS_WORDS_MAX);
    bool done = buf_add(&m->sets, &words, 4) == OK && buf_zeros(&m->sets, (size_t)words * 4) == OK;
    return done ? OK : err_set(m->err, E_NO_MEMORY, "XGBoost: no memory for category sets");
}

/* Appends the set of one node and gives its offset. */
static enum status pack_set(struct packing *k, uint32_t node, uint32_t *offset)
{
    struct xgb_model *m = k->m;
    int32_t number = NO_SET;
    if (m->set_of.len)
        memcpy(&number, m->set_of.data + (size_t)node * 4, sizeof(number));
    if (number < 0)
        return bad_node(k, node, "no category set for split type", 1);
    int64_t begin = at(k, XGB_SET_BEGIN, (uint32_t)number);
    int64_t size = at(k, XGB_SET_SIZE, (uint32_t)number);
    if (begin < 0 || size < 0 || begin + size > xgb_count(&m->arrays[XGB_CATEGORY]))
        return bad_node(k, node, "a category set that begins at", begin);
    int32_t top = -1;
    for (int64_t i = begin; i < begin + size; i++) {
        int32_t c = at(k, XGB_CATEGORY, (uint32_t)i);
        if (c < 0 || c >= TREE_CATEGORY_MAX)
            return bad_node(k, node, "category", c);
        top = MAX(top, c);
    }
    enum status s = push_set(k, (uint32_t)(top + 32) / 32, offset);
    if (s != OK)
        return s;
    uint32_t *bits = (uint32_t *)m->sets.data + *offset + 1;
    for (int64_t i = begin; i < begin + size; i++) {
        uint32_t c = (uint32_t)at(k, XGB_CATEGORY, (uint32_t)i);
        bits[c / 32] |= UINT32_C(1) << (c % 32);
    }
    return OK;
}

/* Puts a node behind those placed; each node once. */
static enum status place(struct packing *k, uint32_t parent, int32_t node)
{
    struct xgb_model *m = k->m;
    if (node < 0 || (uint32_t)node >= k->n)
        return bad_node(k, parent, "its child is node", node);
    if (m->reached.data[node])
        return bad_node(k, parent, "a node is reached twice:", node);
    m->reached.data[node] = 1;
    memcpy(m->order.data + (size_t)k->placed++ * 4, &node, sizeof(node));
    return OK;
}

static uint32_t placed_at(const struct packing *k, uint32_t i)
{
    uint32_t node;
    memcpy(&node, k->m->order.data + (size_t)i * 4, sizeof(node));
    return node;
}

/* The nodes that can be reached, in the order in which they are to stand. */
static enum status order_nodes(struct packing *k)
{
    struct xgb_model *m = k->m;
    buf_clear(&m->order);
    buf_clear(&m->reached);
    if (buf_zeros(&m->order, (size_t)k->n * 4) != OK || buf_zeros(&m->reached, k->n) != OK)
        return err_set(m->err, E_NO_MEMORY, "XGBoost: no memory for a tree");
    enum status s = place(k, 0, 0);
    for (uint32_t i = 0; s == OK && i < k->placed; i++) {
        uint32_t node = placed_at(k, i);
        int32_t left = at(k, XGB_LEFT, node), right = at(k, XGB_RIGHT, node);
        if (left == LEAF)
            continue;
        bool left_first = at(k, XGB_MISSING_LEFT, node) != 0;
        s = place(k, node, left_first ? left : right);
        if (s == OK)
            s = place(k, node, left_first ? right : left);
    }
    return s;
}

struct split {
    uint32_t feature;
    bool missing_left, by_category;
};

static enum status read_split(struct packing *k, uint32_t node, struct split *out)
{
    int32_t feature = at(k, XGB_FEATURE, node);
    int32_t missing_left = at(k, XGB_MISSING_LEFT, node);
    int32_t type = k->m->arrays[XGB_SPLIT_TYPE].len ? at(k, XGB_SPLIT_TYPE, node) : 0;
    if (feature < 0 || feature >= TREE_FEATURES_MAX)
        return bad_node(k, node, "feature", feature);
    if (missing_left < 0 || missing_left > 1)
        return bad_node(k, node, "default_left", missing_left);
    if (type < 0 || type > 1)
        return bad_node(k, node, "split type", type);
    k->m->feature_top = MAX(k->m->feature_top, feature);
    *out = (struct split){(uint32_t)feature, missing_left == 1, type == 1};
    return OK;
}

/* XGBoost: x < cond goes left, a category in the set goes right. Ours: what may be missing goes to
 * the first child, so
 *   missing right: the left child is second; it is taken when x < cond, or x is not in the set
 *   missing left:  the right child is second; it is taken when x >= cond, or x is in the set
 * and x >= cond is -x <= -cond is -x < the next float above -cond. There is none above infinity
 * (and NaN compares with nothing): then every number goes right, which is to be outside an empty
 * set. */
static enum status pack_split(struct packing *k, uint32_t node, struct tree_node *out)
{
    struct split split = {0};
    float cond;
    enum status s = read_split(k, node, &split);
    if (s != OK)
        return s;
    memcpy(&cond, k->m->arrays[XGB_COND].data + (size_t)node * 4, sizeof(cond));
    out->what = split.feature | TREE_SPLITS;
    if (split.by_category) {
        out->what |= TREE_BY_CATEGORY | (split.missing_left ? 0 : TREE_FLIP);
        return pack_set(k, node, &out->set);
    }
    if (split.missing_left)
        out->what |= TREE_FLIP;
    if (split.missing_left && !(cond > -INFINITY)) {
        out->what |= TREE_BY_CATEGORY;
        return push_set(k, 0, &out->set);
    }
    out->cond = split.missing_left ? nextafterf(-cond, INFINITY) : cond;
    return OK;
}

/* A leaf of several values: its row goes to the end of m->vectors, and the leaf names it. */
static enum status pack_vector(struct packing *k, uint32_t node, uint32_t *vector)
{
    struct xgb_model *m = k->m;
    size_t row = (size_t)m->leaf_values * sizeof(float);
    const struct buf *rows = &m->arrays[XGB_VECTOR];
    int64_t from = m->leaf_by_right ? at(k, XGB_RIGHT, node) : (int64_t)node;
    if (from < 0 || (uint64_t)from >= rows->len / row)
        return bad_node(k, node, "its values are in row", from);
    *vector = (uint32_t)(m->vectors.len / row);
    return xgb_push(m, &m->vectors, rows->data + (size_t)from * row, row);
}

static enum status pack_leaf(struct packing *k, uint32_t node, struct tree_node *out)
{
    if (k->m->leaf_values > 1)
        return pack_vector(k, node, &out->set);
    memcpy(&out->value, k->m->arrays[XGB_COND].data + (size_t)node * 4, sizeof(out->value));
    return OK;
}

static enum status append(struct packing *k, struct tree_head *head)
{
    struct xgb_model *m = k->m;
    uint32_t next = head->root + 1, level_end = 1, depth = 0;
    for (uint32_t i = 0; i < k->placed; i++) {
        uint32_t node = placed_at(k, i);
        struct tree_node out = {.first = head->root + i};
        if (i == level_end) {
            level_end = next - head->root;
            depth++;
        }
        bool leaf = at(k, XGB_LEFT, node) == LEAF;
        enum status s = leaf ? pack_leaf(k, node, &out) : pack_split(k, node, &out);
        if (s == OK && !leaf) {
            out.first = next;
            next += 2;
            head->walk |= out.what & TREE_BY_CATEGORY ? TREE_HAS_CATEGORIES : 0;
        }
        if (s == OK)
            s = xgb_push(m, &m->nodes, &out, sizeof(out));
        if (s != OK)
            return s;
    }
    if (depth > TREE_DEPTH_MAX)
        return err_set(m->err, E_UNSUPPORTED,
                       "XGBoost: tree %" PRIu32 " is %" PRIu32 " deep, at most %d", k->tree, depth,
                       TREE_DEPTH_MAX);
    head->walk |= depth;
    return OK;
}

/* All trees hold as many values in a leaf. */
static enum status check_leaves(struct packing *k)
{
    struct xgb_model *m = k->m;
    int64_t values = MAX(m->tree_leaf_values, 1);
    if (m->leaf_values >= 0 && values != m->leaf_values)
        return err_set(m->err, E_CORRUPT,
                       "XGBoost: tree %" PRIu32 " has leaves of %" PRId64
                       " values, the one before of %" PRId64,
                       k->tree, values, m->leaf_values);
    if (values > TREE_GROUPS_MAX)
        return err_set(m->err, E_UNSUPPORTED,
                       "XGBoost: tree %" PRIu32 " has leaves of %" PRId64 " values, at most %d",
                       k->tree, values, TREE_GROUPS_MAX);
    m->leaf_values = values;
    return OK;
}

enum status xgb_pack_tree(struct xgb_model *m)
{
    struct packing k = {.m = m, .tree = (uint32_t)(m->trees.len / sizeof(struct tree_head))};
    struct tree_head head = {.root = (uint32_t)(m->nodes.len / sizeof(struct tree_node))};
    enum status s = check_leaves(&k);
    if (s == OK)
        s = check_lengths(&k);
    if (s == OK)
        s = index_sets(&k);
    if (s == OK)
        s = order_nodes(&k);
    if (s == OK)
        s = append(&k, &head);
    return s == OK ? xgb_push(m, &m->trees, &head, sizeof(head)) : s;
}
