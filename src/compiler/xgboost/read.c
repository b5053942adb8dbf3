/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The two doors of the XGBoost front end, and the life of the model between them. */
#include "compiler/xgboost/model.h"
#include "kernels/trees.h"

enum status xgb_push(struct xgb_model *m, struct buf *b, const void *element, size_t bytes)
{
    enum status s = buf_add(b, element, bytes);
    if (s == E_TOO_LARGE)
        return err_set(m->err, E_UNSUPPORTED, "XGBoost: more than %zu bytes in one table", b->max);
    return s == OK ? OK : err_set(m->err, s, "XGBoost: no memory for the model");
}

static void model_init(struct xgb_model *m, struct err *err)
{
    *m = (struct xgb_model){.err = err,
                            .num_class = -1,
                            .num_feature = -1,
                            .num_target = -1,
                            .num_trees = -1,
                            .leaf_values = -1,
                            .feature_top = -1};
    buf_init(&m->nodes, TREE_NODES_MAX * sizeof(struct tree_node));
    buf_init(&m->trees, TREE_NODES_MAX * sizeof(struct tree_head));
    buf_init(&m->columns, XGB_COLUMNS_MAX);
    buf_init(&m->vectors, (size_t)TREE_NODES_MAX * sizeof(float));
    buf_init(&m->weights, (size_t)TREE_NODES_MAX * sizeof(float));
    for (int i = 0; i < XGB_ARRAYS; i++)
        buf_init(&m->arrays[i], (size_t)TREE_NODES_MAX * 4);
}

static void model_fini(struct xgb_model *m)
{
    struct buf *all[] = {&m->base,    &m->tree_group, &m->tree_weight, &m->nodes,   &m->trees,
                         &m->sets,    &m->columns,    &m->order,       &m->reached, &m->set_of,
                         &m->weights, &m->vectors,    &m->column_at};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        buf_fini(all[i]);
    for (int i = 0; i < XGB_ARRAYS; i++)
        buf_fini(&m->arrays[i]);
}

static enum status read(struct doc *d, struct graph *g, struct err *err)
{
    struct xgb_model m;
    model_init(&m, err);
    enum status s = xgb_walk(d, &m);
    if (s == OK && !m.booster[0] && !m.objective[0])
        s = err_set(err, E_UNSUPPORTED,
                    "this is %s, but no XGBoost model: it has no learner; LightGBM, CatBoost and "
                    "Keras models are to be exported to ONNX",
                    d->syntax->name);
    if (s == OK)
        s = xgb_emit(&m, g);
    model_fini(&m);
    return s;
}

enum status xgboost_read_json(const void *bytes, size_t n, struct graph *g, struct err *err)
{
    struct doc d;
    doc_init_json(&d, bytes, n, err);
    return read(&d, g, err);
}

enum status xgboost_read_ubj(const void *bytes, size_t n, struct graph *g, struct err *err)
{
    struct doc d;
    doc_init_ubj(&d, bytes, n, err);
    return read(&d, g, err);
}
