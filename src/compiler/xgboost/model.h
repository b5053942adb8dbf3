/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What is kept of an XGBoost model while its file is read, whichever syntax it has. */
#ifndef ROOST_COMPILER_XGBOOST_MODEL_H
#define ROOST_COMPILER_XGBOOST_MODEL_H

#include "base/buf.h"
#include "compiler/compiler.h"
#include "compiler/graph.h"
#include "compiler/xgboost/doc.h"
#include "ops/boost.h"
#include "ops/tree_ensemble.h"

enum {
    XGB_NAME_MAX = 64,
    XGB_COLUMNS_MAX = 1 << 24, /* bytes of feature names */
};

/* The arrays of one tree as the file has them; elements are int32_t, in TREE_COND float. */
enum xgb_array {
    XGB_LEFT,
    XGB_RIGHT,
    XGB_FEATURE,
    XGB_COND, /* float: the threshold, in a leaf its value */
    XGB_MISSING_LEFT,
    XGB_SPLIT_TYPE, /* may be absent: all 0, numbers; 1: by category */
    XGB_SET_NODE,   /* nodes that split by category ... */
    XGB_SET_BEGIN,  /* ... where the set of each begins in XGB_CATEGORY ... */
    XGB_SET_SIZE,   /* ... and how many it has */
    XGB_CATEGORY,
    XGB_VECTOR, /* float: what leaves of several values hold, tree_leaf_values each */
    XGB_ARRAYS
};

/* Embedded; the buffers are heap. */
struct xgb_model {
    struct err *err;
    /* as the file says; counts are -1 until read */
    int64_t version[3];
    int64_t num_class, num_feature, num_target, num_trees;
    char objective[XGB_NAME_MAX], booster[XGB_NAME_MAX];
    struct buf base;        /* float: base_score, one or one per group */
    struct buf tree_group;  /* int32_t per tree */
    struct buf tree_weight; /* float per tree (dart); may be empty */
    struct buf weights;     /* float: gblinear's, a row of groups a feature, then the bias */
    bool has_weights;
    struct buf columns;   /* feature names, each terminated */
    struct buf column_at; /* uint32_t: where each begins */
    bool columns_odd;     /* one of them is no name that a request could use */
    /* the trees, packed as kernels/trees.h says */
    struct buf nodes, trees, sets;
    struct buf vectors;  /* float: a row of leaf_values for each leaf; empty when leaves hold one */
    int64_t leaf_values; /* of every tree; -1: no tree was read */
    /* the tree being read, and what packing it needs */
    struct buf arrays[XGB_ARRAYS];
    int64_t tree_nodes, tree_leaf_values; /* tree_param's claims; -1: none */
    bool leaf_by_right;                   /* XGB_VECTOR has a row a leaf, which right_children
                                           * numbers (3.2 and later); else a row a node */
    struct buf order, reached, set_of;
    int32_t feature_top; /* the highest feature of any split; -1: none */
};

static inline uint32_t xgb_count(const struct buf *b)
{
    return (uint32_t)(b->len / 4);
}

/* Appends 4 bytes or a larger element.  errors: E_NO_MEMORY; E_UNSUPPORTED beyond the maximum */
enum status xgb_push(struct xgb_model *m, struct buf *b, const void *element,
                     size_t bytes) WARN_UNUSED;

/* Walks the document into m.  errors: E_CORRUPT, E_UNSUPPORTED, E_NO_MEMORY */
enum status xgb_walk(struct doc *d, struct xgb_model *m) WARN_UNUSED;

/* Packs m->arrays as the next tree.  errors: E_CORRUPT (names tree and node), E_UNSUPPORTED */
enum status xgb_pack_tree(struct xgb_model *m) WARN_UNUSED;

/* How an objective stores its base score, and what it gives out. */
enum xgb_link { XGB_IDENTITY, XGB_LOGIT, XGB_LOG, XGB_RISING };
struct xgb_objective {
    const char *name;
    enum xgb_link link;
    enum boost_transform transform;
};
const struct xgb_objective *xgb_objective(const char *name); /* NULL when unknown */
/* What the objective's margins become in a model of that version. */
enum boost_transform xgb_transform(const struct xgb_objective *o, const int64_t version[3]);
/* The margins that stored base scores stand for, in place. False when one of them is outside the
 * link's domain; *at says which. clamp: as 3.0 and later, probabilities are moved off 0 and 1. */
bool xgb_base_margins(enum xgb_link link, float *base, uint32_t n, bool clamp,
                      uint32_t *at) WARN_UNUSED;

/* Gives the feature names to the graph when each column has a name of its own that a request can
 * use; otherwise the columns stay without.  errors: E_NO_MEMORY */
enum status xgb_columns(const struct xgb_model *m, struct graph *g) WARN_UNUSED;

/* Proves what only the whole model shows and writes it into the graph. */
enum status xgb_emit(struct xgb_model *m, struct graph *g) WARN_UNUSED;

#endif
