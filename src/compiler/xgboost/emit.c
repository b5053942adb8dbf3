/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The read model into the graph: input `features` [N, num_feature], one roost.TreeEnsemble or
 * roost.LinearBoost, output `predictions`, shaped as predict() gives it. What only the whole file
 * shows is proven here: the objective, the number of groups, a group and (dart) a weight for every
 * tree, features within the declared columns. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "compiler/xgboost/model.h"
#include "kernels/trees.h"

enum { VERSION_MAX = 3 }; /* the newest major whose files are known */

struct emitter {
    struct xgb_model *m;
    struct graph *g;
    const struct xgb_objective *objective;
    uint32_t groups;
    uint32_t trees;
    bool linear; /* gblinear */
};

static enum status corrupt(struct emitter *e, const char *what, int64_t came, int64_t expected)
{
    return err_set(e->m->err, E_CORRUPT, "XGBoost: %s %" PRId64 ", expected %" PRId64, what, came,
                   expected);
}

static enum status check_kind(struct emitter *e)
{
    const struct xgb_model *m = e->m;
    if (m->version[0] > VERSION_MAX)
        return err_set(m->err, E_UNSUPPORTED,
                       "XGBoost: a model of version %" PRId64 ", versions up to %d are known; save "
                       "it with an older one",
                       m->version[0], VERSION_MAX);
    e->linear = strcmp(m->booster, "gblinear") == 0;
    if (!e->linear && strcmp(m->booster, "gbtree") != 0 && strcmp(m->booster, "dart") != 0)
        return err_set(m->err, m->booster[0] ? E_UNSUPPORTED : E_CORRUPT,
                       "XGBoost: booster '%s', expected gbtree, dart or gblinear", m->booster);
    if (e->linear != m->has_weights)
        return err_set(m->err, E_CORRUPT, "XGBoost: booster '%s' %s weights", m->booster,
                       e->linear ? "without" : "with");
    e->objective = xgb_objective(m->objective);
    if (!e->objective)
        return err_set(m->err, m->objective[0] ? E_UNSUPPORTED : E_CORRUPT,
                       "XGBoost: objective '%s' is not known", m->objective);
    return OK;
}

static enum status check_trees(struct emitter *e)
{
    const struct xgb_model *m = e->m;
    e->trees = (uint32_t)(m->trees.len / sizeof(struct tree_head));
    if (m->feature_top >= m->num_feature)
        return corrupt(e, "num_feature is", m->num_feature, (int64_t)m->feature_top + 1);
    if (m->num_trees >= 0 && m->num_trees != e->trees)
        return corrupt(e, "num_trees is", m->num_trees, e->trees);
    if (xgb_count(&m->tree_group) != e->trees)
        return corrupt(e, "entries in tree_info:", xgb_count(&m->tree_group), e->trees);
    if (m->tree_weight.len && xgb_count(&m->tree_weight) != e->trees)
        return corrupt(e, "entries in weight_drop:", xgb_count(&m->tree_weight), e->trees);
    if (!m->tree_weight.len && e->trees && strcmp(m->booster, "dart") == 0)
        return corrupt(e, "entries in weight_drop:", 0, e->trees);
    if (m->leaf_values > 1 && m->leaf_values != e->groups)
        return corrupt(e, "values in a leaf:", m->leaf_values, e->groups);
    return OK;
}

static enum status check_weights(struct emitter *e)
{
    const struct xgb_model *m = e->m;
    uint64_t expected = ((uint64_t)m->num_feature + 1) * e->groups;
    if (m->trees.len)
        return err_set(m->err, E_CORRUPT, "XGBoost: booster gblinear with trees");
    if (m->weights.len / sizeof(float) != expected)
        return corrupt(e, "weights:", xgb_count(&m->weights), (int64_t)expected);
    return OK;
}

static enum status check_counts(struct emitter *e)
{
    const struct xgb_model *m = e->m;
    int64_t groups = MAX(MAX(m->num_class, m->num_target), 1);
    if (m->num_class > 1 && m->num_target > 1)
        return err_set(m->err, E_UNSUPPORTED, "XGBoost: several classes and several targets");
    if (m->num_feature < 1 || m->num_feature > TREE_FEATURES_MAX)
        return corrupt(e, "num_feature is", m->num_feature, TREE_FEATURES_MAX);
    if (groups > TREE_GROUPS_MAX)
        return corrupt(e, "groups:", groups, TREE_GROUPS_MAX);
    e->groups = (uint32_t)groups;
    return e->linear ? check_weights(e) : check_trees(e);
}

/* Margins from base_score: one for all groups, or one each. */
static enum status set_base(struct emitter *e)
{
    struct xgb_model *m = e->m;
    uint32_t given = xgb_count(&m->base);
    float one = 0.5f;
    if (given != 1 && given != e->groups)
        return corrupt(e, "entries in base_score:", given, e->groups);
    for (uint32_t i = 0; i < e->groups; i++) {
        if (i < given)
            memcpy(&one, m->base.data + (size_t)i * 4, sizeof(one));
        else {
            enum status s = xgb_push(m, &m->base, &one, sizeof(one));
            if (s != OK)
                return s;
        }
    }
    uint32_t at;
    if (!xgb_base_margins(e->objective->link, (float *)m->base.data, e->groups, m->version[0] >= 3,
                          &at))
        return err_set(m->err, E_CORRUPT,
                       "XGBoost: base_score number %" PRIu32 " of %" PRIu32 " is impossible for %s",
                       at + 1, e->groups, m->objective);
    return OK;
}

/* A leaf of dart counts times its tree's weight; the product is rounded to float32 here as
 * predict() would round it. No two leaves share a vector. */
static void weigh_leaf(struct xgb_model *m, struct tree_node *leaf, float weight)
{
    if (m->leaf_values <= 1) {
        leaf->value *= weight;
        return;
    }
    float *vector = (float *)m->vectors.data + (size_t)leaf->set * (size_t)m->leaf_values;
    for (int64_t i = 0; i < m->leaf_values; i++)
        vector[i] *= weight;
}

/* Each tree its group, each leaf its weight. A tree whose leaves hold all groups has group 0. */
static enum status set_trees(struct emitter *e)
{
    struct xgb_model *m = e->m;
    struct tree_head *heads = (struct tree_head *)m->trees.data;
    struct tree_node *nodes = (struct tree_node *)m->nodes.data;
    const int32_t *groups = (const int32_t *)m->tree_group.data;
    const float *weights = (const float *)m->tree_weight.data;
    uint32_t n_nodes = (uint32_t)(m->nodes.len / sizeof(*nodes));
    uint32_t n_groups = m->leaf_values > 1 ? 1 : e->groups;
    for (uint32_t k = 0; k < e->trees; k++) {
        if (groups[k] < 0 || (uint32_t)groups[k] >= n_groups)
            return corrupt(e, "a group in tree_info:", groups[k], n_groups - 1);
        heads[k].group = (uint32_t)groups[k];
        uint32_t end = k + 1 < e->trees ? heads[k + 1].root : n_nodes;
        for (uint32_t i = heads[k].root; m->tree_weight.len && i < end; i++)
            if (!(nodes[i].what & TREE_SPLITS))
                weigh_leaf(m, &nodes[i], weights[k]);
    }
    return OK;
}

/* A model without trees predicts its base: one leaf of nothing (-0 leaves every sum as it is). */
static enum status never_empty(struct emitter *e)
{
    static const struct tree_node leaf = {.value = -0.0f};
    static const struct tree_head head;
    struct xgb_model *m = e->m;
    if (e->trees)
        return OK;
    enum status s = xgb_push(m, &m->nodes, &leaf, sizeof(leaf));
    return s == OK ? xgb_push(m, &m->trees, &head, sizeof(head)) : s;
}

/* ---- into the graph ---- */

static enum status add_const(struct emitter *e, const char *name, const struct buf *b,
                             const struct tensor *shape, int32_t *index)
{
    struct tensor t = *shape;
    t.data = graph_alloc(e->g, b->len);
    if (!t.data)
        return E_NO_MEMORY;
    memcpy(t.data, b->data, b->len);
    enum status s = graph_const(e->g, name, &t, index);
    if (s == OK)
        e->g->values[*index].compress = true;
    return s;
}

static enum status add_table(struct emitter *e, const char *name, const struct buf *b,
                             enum dtype dtype, int64_t columns, int32_t *index)
{
    struct tensor t = {.dtype = dtype, .rank = columns ? 2 : 1};
    t.dims[0] = (int64_t)(b->len / 4) / MAX(columns, (int64_t)1);
    t.dims[1] = columns;
    return add_const(e, name, b, &t, index);
}

static enum status add_features(struct emitter *e, int32_t *x)
{
    struct tensor t = {.dtype = DT_F32, .rank = 2};
    int symbol;
    enum status s = graph_symbol(e->g, "N", 1, &symbol);
    if (s != OK)
        return s;
    t.dims[0] = DIM_SYMBOL_0 - symbol;
    t.dims[1] = e->m->num_feature;
    return graph_input(e->g, "features", &t, x);
}

static enum status add_trees(struct emitter *e, int32_t in[TREE_OPERANDS], uint32_t *n)
{
    struct xgb_model *m = e->m;
    enum status s = add_table(e, "base", &m->base, DT_F32, 0, &in[TREE_BASE]);
    if (s == OK)
        s = add_table(e, "trees", &m->trees, DT_I32, 3, &in[TREE_TREES]);
    if (s == OK)
        s = add_table(e, "nodes", &m->nodes, DT_I32, 3, &in[TREE_NODES]);
    *n = TREE_SETS;
    in[TREE_SETS] = ARTIFACT_NO_TENSOR;
    if (s == OK && m->sets.len) {
        s = add_table(e, "sets", &m->sets, DT_I32, 0, &in[TREE_SETS]);
        *n = TREE_SETS + 1;
    }
    if (s == OK && m->vectors.len) {
        s = add_table(e, "vectors", &m->vectors, DT_F32, e->groups, &in[TREE_VECTORS]);
        *n = TREE_VECTORS + 1;
    }
    return s;
}

/* The bias is the last row; a margin begins at bias + base score. */
static enum status add_weights(struct emitter *e, int32_t in[TREE_OPERANDS], uint32_t *n)
{
    struct xgb_model *m = e->m;
    float *base = (float *)m->base.data;
    const float *bias = (const float *)m->weights.data + (size_t)m->num_feature * e->groups;
    for (uint32_t i = 0; i < e->groups; i++)
        base[i] = bias[i] + base[i];
    m->weights.len -= e->groups * sizeof(float);
    *n = 3;
    enum status s = add_table(e, "base", &m->base, DT_F32, 0, &in[1]);
    return s == OK ? add_table(e, "weights", &m->weights, DT_F32, e->groups, &in[2]) : s;
}

static enum status add_node(struct emitter *e)
{
    int32_t in[TREE_OPERANDS], out;
    uint32_t n_in;
    const struct attr attrs[] = {
        {.key = ATTR_n_features, .type = ATTR_INT, .count = 1, .i = e->m->num_feature},
        {.key = ATTR_n_groups, .type = ATTR_INT, .count = 1, .i = e->groups},
        {.key = ATTR_transform,
         .type = ATTR_INT,
         .count = 1,
         .i = xgb_transform(e->objective, e->m->version)},
    };
    const struct op *op = op_by_name("roost", e->linear ? "LinearBoost" : "TreeEnsemble");
    ASSERT(op);
    enum status s = add_features(e, &in[0]);
    if (s == OK)
        s = e->linear ? add_weights(e, in, &n_in) : add_trees(e, in, &n_in);
    if (s == OK)
        s = graph_value(e->g, "predictions", &out);
    if (s == OK)
        s = graph_node(e->g, op, op->since[0], e->m->objective, in, n_in, &out, 1, attrs,
                       ARRAY_COUNT(attrs));
    return s == OK ? graph_output(e->g, out) : s;
}

/* What wrote the model, for the provenance. */
static enum status add_producer(struct emitter *e)
{
    const struct xgb_model *m = e->m;
    char text[XGB_NAME_MAX];
    int n = snprintf(text, sizeof(text), "XGBoost %" PRId64 ".%" PRId64 ".%" PRId64, m->version[0],
                     m->version[1], m->version[2]);
    e->g->producer = graph_str(e->g, text, MIN((size_t)n, sizeof(text) - 1));
    return e->g->producer ? OK : E_NO_MEMORY;
}

enum status xgb_emit(struct xgb_model *m, struct graph *g)
{
    struct emitter e = {.m = m, .g = g};
    enum status s = check_kind(&e);
    if (s == OK)
        s = check_counts(&e);
    if (s == OK)
        s = set_base(&e);
    if (s == OK && !e.linear)
        s = set_trees(&e);
    if (s == OK && !e.linear)
        s = never_empty(&e);
    if (s != OK)
        return s;
    s = add_node(&e);
    if (s == OK)
        s = add_producer(&e);
    if (s == OK)
        s = xgb_columns(m, g);
    return s == OK ? OK : err_set(m->err, s, "XGBoost: no memory for the graph");
}
