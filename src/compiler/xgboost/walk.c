/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The shape of an XGBoost model file, the same in JSON and UBJSON: tables of the keys that matter,
 * each with what reads its value; every other key is passed over. Keys may come in any order. A key
 * that matters and comes twice in one object is refused: which of the two holds would be a guess.
 * source: XGBoost doc/model.schema; versions 1.0 to 3.x */
#include <inttypes.h>
#include <string.h>

#include "compiler/xgboost/model.h"

struct walker {
    struct doc *d;
    struct xgb_model *m;
    struct doc base_weights; /* where the tree's values of all nodes begin, for vector leaves */
    bool has_base_weights;
};

typedef enum status read_fn(struct walker *w);
struct field {
    const char *key;
    read_fn *read;
};

enum { FIELDS_MAX = 32 };

static enum status read_fields(struct walker *w, const struct field *fields, size_t n)
{
    struct doc_value v;
    bool more = false;
    uint32_t seen = 0;
    ASSERT(n <= FIELDS_MAX);
    enum status s = doc_expect(w->d, DOC_OBJECT, &v);
    while (s == OK && (s = doc_key(w->d, &v, &more)) == OK && more) {
        size_t i = 0;
        while (i < n && !doc_is(&v, fields[i].key))
            i++;
        if (i == n) {
            s = doc_skip(w->d);
            continue;
        }
        if (seen >> i & 1)
            return doc_fail(w->d, "the key %s comes twice", fields[i].key);
        seen |= UINT32_C(1) << i;
        s = fields[i].read(w);
    }
    return s;
}

#define FIELDS(w, fields) read_fields(w, fields, ARRAY_COUNT(fields))

/* ---- values ---- */

static enum status read_int(struct walker *w, int64_t *out)
{
    struct doc_value v;
    enum status s = doc_value(w->d, &v);
    if (s == OK && !doc_int(&v, out))
        return doc_fail(w->d, "an integer is expected");
    return s;
}

static enum status read_name(struct walker *w, char out[XGB_NAME_MAX])
{
    struct doc_value v;
    enum status s = doc_expect(w->d, DOC_STRING, &v);
    if (s != OK)
        return s;
    if (v.len >= XGB_NAME_MAX)
        return doc_fail(w->d, "a name of %zu bytes", v.len);
    memcpy(out, v.data, v.len);
    out[v.len] = 0;
    return OK;
}

static enum status read_ints(struct walker *w, struct buf *out)
{
    struct doc_value v;
    bool more = false;
    enum status s = doc_expect(w->d, DOC_ARRAY, &v);
    while (s == OK && (s = doc_item(w->d, &more)) == OK && more) {
        int64_t n;
        s = doc_value(w->d, &v);
        if (s == OK && (!doc_int(&v, &n) || n < INT32_MIN || n > INT32_MAX))
            return doc_fail(w->d, "an integer of 32 bits is expected");
        int32_t element = s == OK ? (int32_t)n : 0;
        if (s == OK)
            s = xgb_push(w->m, out, &element, sizeof(element));
    }
    return s;
}

static enum status read_floats(struct walker *w, struct buf *out)
{
    struct doc_value v;
    bool more = false;
    enum status s = doc_expect(w->d, DOC_ARRAY, &v);
    while (s == OK && (s = doc_item(w->d, &more)) == OK && more) {
        float element = 0;
        s = doc_value(w->d, &v);
        if (s == OK && !doc_float(&v, &element))
            return doc_fail(w->d, "a number is expected");
        if (s == OK)
            s = xgb_push(w->m, out, &element, sizeof(element));
    }
    return s;
}

/* ---- one tree ---- */

#define TREE_INTS(name, array)                                                                     \
    static enum status name(struct walker *w)                                                      \
    {                                                                                              \
        return read_ints(w, &w->m->arrays[array]);                                                 \
    }
TREE_INTS(read_left, XGB_LEFT)
TREE_INTS(read_right, XGB_RIGHT)
TREE_INTS(read_feature, XGB_FEATURE)
TREE_INTS(read_missing_left, XGB_MISSING_LEFT)
TREE_INTS(read_split_type, XGB_SPLIT_TYPE)
TREE_INTS(read_set_node, XGB_SET_NODE)
TREE_INTS(read_set_begin, XGB_SET_BEGIN)
TREE_INTS(read_set_size, XGB_SET_SIZE)
TREE_INTS(read_category, XGB_CATEGORY)

static enum status read_cond(struct walker *w)
{
    return read_floats(w, &w->m->arrays[XGB_COND]);
}

static enum status read_tree_nodes(struct walker *w)
{
    return read_int(w, &w->m->tree_nodes);
}

static enum status read_leaf_values(struct walker *w)
{
    return read_int(w, &w->m->tree_leaf_values);
}

/* Only leaves of several values are in here (2.0 to 3.1); all others have them for people to read.
 * So they are passed over, and read when the rest of the tree says that they count. */
static enum status note_base_weights(struct walker *w)
{
    w->base_weights = *w->d;
    w->has_base_weights = true;
    return doc_skip(w->d);
}

static enum status read_leaf_weights(struct walker *w)
{
    w->m->leaf_by_right = true;
    return read_floats(w, &w->m->arrays[XGB_VECTOR]);
}

static enum status read_tree_param(struct walker *w)
{
    static const struct field fields[] = {{"num_nodes", read_tree_nodes},
                                          {"size_leaf_vector", read_leaf_values}};
    return FIELDS(w, fields);
}

static enum status read_tree(struct walker *w)
{
    static const struct field fields[] = {
        {"left_children", read_left},        {"right_children", read_right},
        {"split_indices", read_feature},     {"split_conditions", read_cond},
        {"default_left", read_missing_left}, {"split_type", read_split_type},
        {"categories_nodes", read_set_node}, {"categories_segments", read_set_begin},
        {"categories_sizes", read_set_size}, {"categories", read_category},
        {"tree_param", read_tree_param},     {"base_weights", note_base_weights},
        {"leaf_weights", read_leaf_weights},
    };
    struct xgb_model *m = w->m;
    for (int i = 0; i < XGB_ARRAYS; i++)
        buf_clear(&m->arrays[i]);
    m->tree_nodes = m->tree_leaf_values = -1;
    w->has_base_weights = m->leaf_by_right = false;
    enum status s = FIELDS(w, fields);
    if (s == OK && m->tree_leaf_values > 1 && !m->leaf_by_right && w->has_base_weights) {
        struct walker back = {.d = &w->base_weights, .m = m};
        s = read_floats(&back, &m->arrays[XGB_VECTOR]);
    }
    return s == OK ? xgb_pack_tree(m) : s;
}

static enum status read_trees(struct walker *w)
{
    struct doc_value v;
    bool more = false;
    enum status s = doc_expect(w->d, DOC_ARRAY, &v);
    while (s == OK && (s = doc_item(w->d, &more)) == OK && more)
        s = read_tree(w);
    return s;
}

/* ---- the booster ---- */

static enum status read_tree_group(struct walker *w)
{
    return read_ints(w, &w->m->tree_group);
}

static enum status read_tree_weight(struct walker *w)
{
    return read_floats(w, &w->m->tree_weight);
}

static enum status read_num_trees(struct walker *w)
{
    return read_int(w, &w->m->num_trees);
}

static enum status read_gbtree_param(struct walker *w)
{
    static const struct field fields[] = {{"num_trees", read_num_trees}};
    return FIELDS(w, fields);
}

static enum status read_weights(struct walker *w)
{
    w->m->has_weights = true;
    return read_floats(w, &w->m->weights);
}

static enum status read_booster_model(struct walker *w)
{
    static const struct field fields[] = {{"gbtree_model_param", read_gbtree_param},
                                          {"trees", read_trees},
                                          {"tree_info", read_tree_group},
                                          {"weight_drop", read_tree_weight},
                                          {"weights", read_weights}};
    return FIELDS(w, fields);
}

static enum status read_booster_name(struct walker *w)
{
    return read_name(w, w->m->booster);
}

/* dart keeps a whole gbtree inside; its name says nothing more. */
static enum status read_inner_gbtree(struct walker *w)
{
    static const struct field fields[] = {{"model", read_booster_model}};
    return FIELDS(w, fields);
}

static enum status read_booster(struct walker *w)
{
    static const struct field fields[] = {{"name", read_booster_name},
                                          {"model", read_booster_model},
                                          {"gbtree", read_inner_gbtree},
                                          {"weight_drop", read_tree_weight}};
    return FIELDS(w, fields);
}

/* ---- the learner ---- */

/* "5E-1", or from 3.1 on "[6.27E-1]" and "[1E0,2E0]"; a bare number too. */
static enum status read_base_score(struct walker *w)
{
    struct doc_value v;
    enum status s = doc_value(w->d, &v);
    if (s != OK)
        return s;
    if (v.type != DOC_STRING && v.type != DOC_NUMBER)
        return doc_fail(w->d, "base_score is no number");
    bool list = v.type == DOC_STRING && v.len >= 2 && v.data[0] == '[' && v.data[v.len - 1] == ']';
    const uint8_t *p = v.data + (list ? 1 : 0), *end = v.data + v.len - (list ? 1 : 0);
    while (s == OK) {
        struct doc_value one = v;
        const uint8_t *comma = list ? memchr(p, ',', (size_t)(end - p)) : NULL;
        float score;
        one.data = p;
        one.len = (size_t)((comma ? comma : end) - p);
        if (!doc_float(&one, &score))
            return doc_fail(w->d, "base_score is no number");
        s = xgb_push(w->m, &w->m->base, &score, sizeof(score));
        if (!comma)
            break;
        p = comma + 1;
    }
    return s;
}

static enum status read_num_class(struct walker *w)
{
    return read_int(w, &w->m->num_class);
}

static enum status read_num_feature(struct walker *w)
{
    return read_int(w, &w->m->num_feature);
}

static enum status read_num_target(struct walker *w)
{
    return read_int(w, &w->m->num_target);
}

static enum status read_learner_param(struct walker *w)
{
    static const struct field fields[] = {{"base_score", read_base_score},
                                          {"num_class", read_num_class},
                                          {"num_feature", read_num_feature},
                                          {"num_target", read_num_target}};
    return FIELDS(w, fields);
}

static enum status read_objective_name(struct walker *w)
{
    return read_name(w, w->m->objective);
}

static enum status read_objective(struct walker *w)
{
    static const struct field fields[] = {{"name", read_objective_name}};
    return FIELDS(w, fields);
}

static enum status read_column(struct walker *w, const struct doc_value *v)
{
    struct xgb_model *m = w->m;
    uint32_t at = (uint32_t)m->columns.len;
    enum status s;
    if (!doc_text(v, &m->columns, &s))
        m->columns_odd = true;
    if (s == OK && m->columns.len > at && memchr(m->columns.data + at, 0, m->columns.len - at))
        m->columns_odd = true;
    if (s == OK)
        s = buf_char(&m->columns, 0);
    if (s != OK)
        return err_set(m->err, s == E_TOO_LARGE ? E_UNSUPPORTED : s,
                       "XGBoost: feature_names takes more than %d bytes", XGB_COLUMNS_MAX);
    return xgb_push(m, &m->column_at, &at, sizeof(at));
}

static enum status read_columns(struct walker *w)
{
    struct doc_value v;
    bool more = false;
    enum status s = doc_expect(w->d, DOC_ARRAY, &v);
    while (s == OK && (s = doc_item(w->d, &more)) == OK && more) {
        s = doc_expect(w->d, DOC_STRING, &v);
        if (s == OK)
            s = read_column(w, &v);
    }
    return s;
}

static enum status read_learner(struct walker *w)
{
    static const struct field fields[] = {{"learner_model_param", read_learner_param},
                                          {"objective", read_objective},
                                          {"gradient_booster", read_booster},
                                          {"feature_names", read_columns}};
    return FIELDS(w, fields);
}

static enum status read_version(struct walker *w)
{
    struct doc_value v;
    bool more = false;
    int i = 0;
    enum status s = doc_expect(w->d, DOC_ARRAY, &v);
    while (s == OK && (s = doc_item(w->d, &more)) == OK && more) {
        if (i == 3)
            return doc_fail(w->d, "a version of more than three numbers");
        s = read_int(w, &w->m->version[i++]);
    }
    return s;
}

enum status xgb_walk(struct doc *d, struct xgb_model *m)
{
    static const struct field fields[] = {{"learner", read_learner}, {"version", read_version}};
    struct walker w = {.d = d, .m = m};
    enum status s = FIELDS(&w, fields);
    return s == OK ? doc_end(d) : s;
}
