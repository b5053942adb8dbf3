/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Hand-written models through both readers: what they predict, and what is refused by name. Every
 * good model is read as JSON and as UBJSON in three styles. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/support.h"
#include "support/xgb.h"

#define PARAM(nodes)                                                                               \
    "\"tree_param\":{\"num_nodes\":\"" #nodes "\",\"size_leaf_vector\":\"0\"},\"id\":0"
/* x0 < 1 ? -2 : 3; missing goes right */
#define STUMP                                                                                      \
    "{\"left_children\":[1,-1,-1],\"right_children\":[2,-1,-1],\"split_indices\":[0,0,0],"         \
    "\"split_conditions\":[1,-2.0,3.0],\"default_left\":[0,0,0],\"base_weights\":[0,0,0]," PARAM(  \
        3) "}"
/* the same with bools and a pruned pair of nodes that no path reaches; missing goes left */
#define PRUNED                                                                                     \
    "{\"left_children\":[3,-1,-1,-1,-1],\"right_children\":[4,-1,-1,-1,-1],"                       \
    "\"split_indices\":[0,0,0,0,0],\"split_conditions\":[1,7,7,-2,3],"                             \
    "\"default_left\":[true,false,false,false,false]," PARAM(5) "}"
/* x0 in {1, 40} ? 3 : -2 */
#define CATEGORICAL(missing_left)                                                                  \
    "{\"left_children\":[1,-1,-1],\"right_children\":[2,-1,-1],\"split_indices\":[0,0,0],"         \
    "\"split_conditions\":[NaN,-2,3],\"default_left\":[" missing_left                              \
    ",0,0],\"split_type\":[1,0,0],"                                                                \
    "\"categories_nodes\":[0],\"categories_segments\":[0],\"categories_sizes\":[2],"               \
    "\"categories\":[40,1]," PARAM(3) "}"
#define LEAF(value)                                                                                \
    "{\"left_children\":[-1],\"right_children\":[-1],\"split_indices\":[0],"                       \
    "\"split_conditions\":[" value "],\"default_left\":[0]," PARAM(1) "}"

static void expect_graph(struct graph *g, const float *x, int64_t rows, const float *expected,
                         int64_t n_expected)
{
    struct err err = {0};
    int64_t n = 0;
    float *out = xgb_predict(g, x, rows, &n, &err);
    ck_assert_msg(out, "%s", err.msg);
    ck_assert_int_eq(n, n_expected);
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(fabsf(out[i] - expected[i]) <= 1e-6f * fabsf(expected[i]),
                      "output %d: %g, expected %g", (int)i, (double)out[i], (double)expected[i]);
    free(out);
}

/* Takes text: reads it in all four forms and compares what they predict. */
static void expect(char *text, const float *x, int64_t rows, const float *expected, int64_t n)
{
    struct err err = {0};
    struct graph *g = NULL;
    ck_ok(xgb_graph(text, strlen(text), false, &g, &err), &err);
    expect_graph(g, x, rows, expected, n);
    graph_free(&g);
    for (enum ubj_style style = 0; style < UBJ_STYLES; style++) {
        size_t bytes;
        uint8_t *ubj = ubj_from_json(text, style, &bytes);
        ck_ok(xgb_graph(ubj, bytes, true, &g, &err), &err);
        expect_graph(g, x, rows, expected, n);
        graph_free(&g);
        free(ubj);
    }
    free(text);
}

START_TEST(numbers_and_missing_values_find_their_leaf)
{
    const float x[] = {0.5f, 1.0f, NAN, -INFINITY, INFINITY};
    const float stump[] = {-1.5f, 3.5f, 3.5f, -1.5f, 3.5f};
    const float pruned[] = {-1.5f, 3.5f, -1.5f, -1.5f, 3.5f};
    struct xgb_text t = {"reg:squarederror", "5E-1", STUMP, 1, 1, 1};
    expect(xgb_json(&t), x, 5, stump, 5);
    t.trees = PRUNED;
    expect(xgb_json(&t), x, 5, pruned, 5);
}
END_TEST

/* XGBoost's own rule, for thresholds and values at the edges of float. */
START_TEST(thresholds_at_the_edges_decide_as_xgboost)
{
    static const char *const conds[] = {
        "0",   "-0.0", "1E-45",    "-1E-45",   "3.4028235E38", "-3.4028235E38",
        "1.5", "NaN",  "Infinity", "-Infinity"};
    const float x[] = {0.0f,           -0.0f, 1e-45f, -1e-45f,  3.4028235e38f,
                       -3.4028235e38f, 1.5f,  NAN,    INFINITY, -INFINITY};
    for (size_t c = 0; c < ARRAY_COUNT(conds); c++)
        for (int missing_left = 0; missing_left < 2; missing_left++) {
            char tree[512];
            float cond = strtof(conds[c], NULL), expected[ARRAY_COUNT(x)];
            snprintf(tree, sizeof(tree),
                     "{\"left_children\":[1,-1,-1],\"right_children\":[2,-1,-1],"
                     "\"split_indices\":[0,0,0],\"split_conditions\":[%s,-2.5,3],"
                     "\"default_left\":[%d,0,0]}",
                     conds[c], missing_left);
            for (size_t i = 0; i < ARRAY_COUNT(x); i++) {
                bool left = isnan(x[i]) ? missing_left : x[i] < cond;
                expected[i] = left ? -2.5f : 3;
            }
            struct xgb_text t = {"reg:squarederror", "0", tree, 1, 1, 1};
            expect(xgb_json(&t), x, ARRAY_COUNT(x), expected, ARRAY_COUNT(x));
        }
}
END_TEST

START_TEST(listed_categories_go_right)
{
    const float x[] = {1, 40, 40.7f, 2, -1, 1000, 1e9f, NAN};
    const float expected[] = {3, 3, 3, -2, -2, -2, -2, 3};
    const float missing_left[] = {3, 3, 3, -2, -2, -2, -2, -2};
    struct xgb_text t = {"reg:squarederror", "0", CATEGORICAL("0"), 1, 1, 1};
    expect(xgb_json(&t), x, 8, expected, 8);
    t.trees = CATEGORICAL("1");
    expect(xgb_json(&t), x, 8, missing_left, 8);
}
END_TEST

START_TEST(every_objective_transforms_its_margin)
{
    /* One leaf of 0.75; base_score 0.25 in the objective's own link. */
    const float logit = logf(0.25f / 0.75f), m = 0.75f;
    const struct {
        const char *name;
        float expected;
    } cases[] = {
        {"reg:squarederror", m + 0.25f},
        {"reg:linear", m + 0.25f},
        {"reg:squaredlogerror", m + 0.25f},
        {"reg:pseudohubererror", m + 0.25f},
        {"reg:absoluteerror", m + 0.25f},
        {"reg:quantileerror", m + 0.25f},
        {"binary:logitraw", m + 0.25f},
        {"rank:pairwise", m + 0.25f},
        {"rank:ndcg", m + 0.25f},
        {"rank:map", m + 0.25f},
        {"binary:hinge", 1},
        {"binary:logistic", 1 / (1 + expf(-(m + logit)))},
        {"reg:logistic", 1 / (1 + expf(-(m + logit)))},
        {"reg:gamma", expf(m) * 0.25f},
        {"reg:tweedie", expf(m) * 0.25f},
        {"count:poisson", expf(m) * 0.25f},
        {"survival:cox", expf(m) * 0.25f},
        {"survival:aft", expf(m) * 0.25f},
    };
    const float x = 0;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct xgb_text t = {cases[i].name, "2.5E-1", LEAF("7.5E-1"), 1, 1, 1};
        expect(xgb_json(&t), &x, 1, &cases[i].expected, 1);
        t.base_score = "[2.5E-1]"; /* as 3.1 and later write it */
        expect(xgb_json(&t), &x, 1, &cases[i].expected, 1);
    }
}
END_TEST

START_TEST(classes_share_the_trees_in_turn)
{
    const float x = 0, a = expf(1), b = expf(3), c = expf(2), sum = a + b + c;
    const float softprob[] = {a / sum, b / sum, c / sum}, softmax[] = {1};
    struct xgb_text t = {"multi:softprob", "5E-1", LEAF("1") "," LEAF("3") "," LEAF("2"), 3, 1, 3};
    expect(xgb_json(&t), &x, 1, softprob, 3);
    t.objective = "multi:softmax";
    expect(xgb_json(&t), &x, 1, softmax, 1);
    t.objective = "multi:softprob";
    t.base_score = "[0E0,-2E0,0E0]";
    const float based[] = {a / (a + a + c), a / (a + a + c), c / (a + a + c)};
    expect(xgb_json(&t), &x, 1, based, 3);
}
END_TEST

START_TEST(a_model_without_trees_predicts_its_base)
{
    const float x = 0, expected = 0.3f;
    struct xgb_text t = {"binary:logistic", "3E-1", "", 0, 1, 1};
    expect(xgb_json(&t), &x, 1, &expected, 1);
}
END_TEST

/* The text of t with `from` replaced by `to` once; from malloc. */
static char *edited(const struct xgb_text *t, const char *from, const char *to)
{
    char *text = xgb_json(t), *at = strstr(text, from);
    ck_assert_msg(at, "%s does not occur", from);
    char *out = malloc(strlen(text) + strlen(to) + 1);
    size_t head = (size_t)(at - text);
    memcpy(out, text, head);
    strcpy(out + head, to);
    strcat(out, at + strlen(from));
    free(text);
    return out;
}

static const struct xgb_text two_leaves = {
    "reg:squarederror", "0", LEAF("1") "," LEAF("2"), 2, 1, 1};

START_TEST(dart_weighs_its_trees_in_both_spellings)
{
    const float x = 0, expected = 1 * 0.5f + 2 * 0.25f;
    expect(edited(&two_leaves, "\"name\":\"gbtree\"},", /* 2.x: inside the model */
                  "\"name\":\"dart\",\"weight_drop\":[5E-1,2.5E-1]},"),
           &x, 1, &expected, 1);
    expect(edited(&two_leaves, "\"model\":{", "\"model\":{\"weight_drop\":[0.5,0.25],"), &x, 1,
           &expected, 1);
    char *text = edited(&two_leaves, "\"model\":{", "\"gbtree\":{\"name\":\"gbtree\",\"model\":{");
    char *at = strstr(text, "},\"name\":\"gbtree\"},"); /* 1.x: a gbtree inside, weights beside */
    char *old = malloc(strlen(text) + 100);
    memcpy(old, text, (size_t)(at - text));
    strcpy(old + (at - text), "}},\"name\":\"dart\",\"weight_drop\":[0.5,0.25]},");
    strcat(old, at + strlen("},\"name\":\"gbtree\"},"));
    free(text);
    expect(old, &x, 1, &expected, 1);
}
END_TEST

/* A model of one tree or of weights: what stands in gradient_booster, with its name. */
static char *booster(const char *name, const char *model, const char *objective,
                     const char *base_score, int targets, const char *version)
{
    char *text = NULL;
    int n = asprintf(&text,
                     "{\"learner\":{\"gradient_booster\":{\"model\":{%s},\"name\":\"%s\"},"
                     "\"learner_model_param\":{\"base_score\":\"%s\",\"num_class\":\"0\","
                     "\"num_feature\":\"2\",\"num_target\":\"%d\"},"
                     "\"objective\":{\"name\":\"%s\"}},\"version\":[%s]}",
                     model, name, base_score, targets, objective, version);
    ck_assert_int_gt(n, 0);
    return text;
}

START_TEST(gblinear_adds_its_terms_and_passes_missing_values_over)
{
    const float x[] = {1, 10, NAN, 10, 1, NAN, NAN, NAN};
    const float one[] = {0.5f + 2 - 10, 0.5f - 10, 0.5f + 2, 0.5f};
    expect(booster("gblinear", "\"weights\":[2,-1,0.25],\"boosted_rounds\":4", "reg:squarederror",
                   "2.5E-1", 1, "1,7,4"),
           x, 4, one, 4);
    const float two[] = {1.25f + 2 - 10, 2.25f + 3 + 5, 1.25f - 10, 2.25f + 5,
                         1.25f + 2,      2.25f + 3,     1.25f,      2.25f};
    expect(booster("gblinear", "\"weights\":[2,3,-1,0.5,1,2]", "reg:squarederror", "2.5E-1", 2,
                   "1,7,4"),
           x, 4, two, 8);
    const float sigmoid[] = {1 / (1 + expf(7.75f)), 1 / (1 + expf(9.75f)), 1 / (1 + expf(-2.25f)),
                             1 / (1 + expf(-0.25f))};
    expect(booster("gblinear", "\"weights\":[2,-1,0.25]", "binary:logistic", "5E-1", 1, "2,0,0"), x,
           4, sigmoid, 4);
}
END_TEST

/* x0 < 1 ? (1, 2) : (3, 4) */
#define VECTOR_TREE(right, weights)                                                                \
    "{\"base_weights\":[9,9,1,2,3,4]," weights                                                     \
    "\"left_children\":[1,-1,-1],\"right_children\":" right                                        \
    ",\"split_indices\":[0,0,0],\"split_conditions\":[1,NaN,NaN],\"default_left\":[0,0,0],"        \
    "\"tree_param\":{\"num_nodes\":\"3\",\"size_leaf_vector\":\"2\"}}"
#define TREES(info, trees) "\"tree_info\":" info ",\"trees\":[" trees "]"

START_TEST(leaves_of_several_values_are_read_in_both_layouts)
{
    const float x[] = {0, 0, 1, 0}, expected[] = {1.5f, 2.5f, 3.5f, 4.5f};
    const float both[] = {2.5f, 4.5f, 6.5f, 8.5f};
    expect(booster("gbtree", TREES("[0]", VECTOR_TREE("[2,-1,-1]", "")), "reg:squarederror", "5E-1",
                   2, "2,1,0"),
           x, 2, expected, 4);
    /* 3.2 and later: rows for leaves alone, in an order of their own */
    expect(booster("gbtree", TREES("[0]", VECTOR_TREE("[2,1,0]", "\"leaf_weights\":[3,4,1,2],")),
                   "reg:squarederror", "[5E-1,5E-1]", 2, "3,2,0"),
           x, 2, expected, 4);
    expect(booster("gbtree",
                   "\"weight_drop\":[1.5,0.5]," TREES(
                       "[0,0]", VECTOR_TREE("[2,-1,-1]", "") "," VECTOR_TREE(
                                    "[2,1,0]", "\"leaf_weights\":[3,4,1,2],")),
                   "reg:squarederror", "5E-1", 2, "3,4,0"),
           x, 2, both, 4);
}
END_TEST

START_TEST(quantiles_are_sorted_as_their_version_does)
{
    const float x[] = {0, 0}, as_they_are[] = {5, 3, 4}, sorted[] = {3, 4, 5};
    const char *model = TREES("[0,1,2]", LEAF("4") "," LEAF("2") "," LEAF("3"));
    expect(booster("gbtree", model, "reg:quantileerror", "1", 3, "2,0,0"), x, 1, as_they_are, 3);
    expect(booster("gbtree", model, "reg:quantileerror", "[1,1,1]", 3, "3,3,9"), x, 1, as_they_are,
           3);
    expect(booster("gbtree", model, "reg:quantileerror", "[1,1,1]", 3, "3,4,0"), x, 1, sorted, 3);
}
END_TEST

START_TEST(expectiles_rise)
{
    /* leaves of nothing give the base scores back; a leaf of 1 adds inside the softplus */
    const float x[] = {0, 0}, base[] = {1, 1.5f, 4};
    expect(booster("gbtree", TREES("[0,1,2]", LEAF("0") "," LEAF("0") "," LEAF("0")),
                   "reg:expectileerror", "[1,1.5,4]", 3, "3,3,0"),
           x, 1, base, 3);
    const float gap = logf(1 + expf(1) * (expf(0.5f) - 1));
    const float moved[] = {3, 3 + gap, 3 + gap + 2.5f};
    expect(booster("gbtree", TREES("[0,1,2]", LEAF("2") "," LEAF("1") "," LEAF("0")),
                   "reg:expectileerror", "[1,1.5,4]", 3, "3,3,0"),
           x, 1, moved, 3);
    const float single[] = {3};
    expect(booster("gbtree", TREES("[0]", LEAF("2")), "reg:expectileerror", "[1]", 1, "3,3,0"), x,
           1, single, 1);
    struct graph *g = NULL;
    struct err err = {0};
    char *text = booster("gbtree", TREES("[0,1]", LEAF("2") "," LEAF("1")), "reg:expectileerror",
                         "[1,1]", 2, "3,3,0");
    ck_assert_int_eq(xgb_graph(text, strlen(text), false, &g, &err), E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.msg, "base_score number 2 of 2"));
    free(text);
}
END_TEST

START_TEST(probabilities_of_0_and_1_are_moved_from_3_0_on)
{
    const float x[] = {0, 0}, low[] = {1e-6f}, high[] = {0.999999f};
    const char *model = TREES("[0]", LEAF("0"));
    expect(booster("gbtree", model, "binary:logistic", "[0E0]", 1, "3,1,0"), x, 1, low, 1);
    expect(booster("gbtree", model, "binary:logistic", "[1E0]", 1, "3,1,0"), x, 1, high, 1);
}
END_TEST

/* 3.1 and later keep the values of categories that came in data frames; codes need them not. */
START_TEST(the_container_of_categories_changes_nothing)
{
    const float x[] = {0, 0}, expected[] = {3};
    expect(booster("gbtree",
                   "\"cats\":{\"enc\":[{\"type\":2,\"offsets\":[0,1],\"values\":[97]}],"
                   "\"feature_segments\":[0,1,1],\"sorted_idx\":[0]}," TREES("[0]", LEAF("2")),
                   "reg:squarederror", "[1]", 1, "3,1,0"),
           x, 1, expected, 1);
}
END_TEST

START_TEST(the_writer_is_kept)
{
    const struct xgb_text t = {"reg:squarederror", "0", STUMP, 1, 1, 1};
    char *text = xgb_json(&t);
    struct graph *g = NULL;
    struct err err = {0};
    ck_ok(xgb_graph(text, strlen(text), false, &g, &err), &err);
    ck_assert_str_eq(g->producer, "XGBoost 1.7.4");
    ck_assert_uint_eq(g->columns.count, 0);
    graph_free(&g);
    free(text);
}
END_TEST

/* The columns of a model of two features with these feature_names; the caller frees the graph. */
static struct graph *named(const char *names, bool ubj)
{
    const struct xgb_text t = {"reg:squarederror", "0", STUMP, 1, 2, 1};
    char *edit = NULL;
    ck_assert_int_gt(asprintf(&edit, "\"feature_names\":%s", names), 0);
    char *text = edited(&t, "\"feature_names\":[]", edit);
    struct graph *g = NULL;
    struct err err = {0};
    size_t bytes = strlen(text);
    uint8_t *as_ubj = ubj ? ubj_from_json(text, UBJ_OPEN, &bytes) : NULL;
    ck_ok(xgb_graph(ubj ? (void *)as_ubj : text, bytes, ubj, &g, &err), &err);
    free(as_ubj);
    free(text);
    free(edit);
    return g;
}

START_TEST(names_of_columns_are_found)
{
    static const struct {
        const char *json, *first, *second;
    } good[] = {
        {"[\"b\",\"a\"]", "b", "a"},
        {"[\"a b\",\"a\"]", "a b", "a"},
        {"[\"\\u00e9\\ud83d\\ude00\",\"\\\"\\\\\\/\"]", "\xc3\xa9\xf0\x9f\x98\x80", "\"\\/"},
        {"[\"\xc3\xa9\",\"x\"]", "\xc3\xa9", "x"}};
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        struct graph *g = named(good[i].json, false);
        const struct columns *c = &g->columns;
        ck_assert_uint_eq(c->count, 2);
        for (uint32_t guess = 0; guess < 3; guess++) {
            ck_assert_int_eq(columns_find(c, good[i].first, guess), 0);
            ck_assert_int_eq(columns_find(c, good[i].second, guess), 1);
            ck_assert_int_eq(columns_find(c, "", guess), -1);
            ck_assert_int_eq(columns_find(c, "zz", guess), -1);
        }
        graph_free(&g);
    }
    struct graph *g = named("[\"b\",\"a\"]", true);
    ck_assert_int_eq(columns_find(&g->columns, "a", 0), 1);
    graph_free(&g);
}
END_TEST

START_TEST(names_that_are_of_no_use_are_left_out)
{
    static const char *const bad[] = {
        "[\"a\"]",         "[\"a\",\"b\",\"c\"]", "[\"a\",\"a\"]",       "[\"a\",\"\"]",
        "[\"a\",\"\\n\"]", "[\"a\",\"\\u0000\"]", "[\"a\",\"\\ud800\"]", "[\"a\",\"\\x\"]"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct graph *g = named(bad[i], false);
        ck_assert_msg(g->columns.count == 0, "%s", bad[i]);
        graph_free(&g);
    }
    char longest[300] = "[\"a\",\"";
    memset(longest + 6, 'x', 256);
    strcpy(longest + 262, "\"]");
    struct graph *g = named(longest, false);
    ck_assert_uint_eq(g->columns.count, 0);
    graph_free(&g);
}
END_TEST

/* ---- refusals ---- */

static const struct {
    const char *from, *to;
    enum status expected;
    const char *says;
} edits[] = {
    {"[1,7,4]", "[4,0,0]", E_UNSUPPORTED, "version 4"},
    {"[1,7,4]", "[1,7,4,1]", E_CORRUPT, "version"},
    {"\"name\":\"gbtree\"", "\"name\":\"gbforest\"", E_UNSUPPORTED, "gbforest"},
    {"\"name\":\"gbtree\"", "\"name\":\"gblinear\"", E_CORRUPT, "without weights"},
    {"\"tree_info\"", "\"weights\":[],\"tree_info\"", E_CORRUPT, "with weights"},
    {"\"name\":\"gbtree\"", "\"weights\":[],\"name\":\"gblinear\"", E_CORRUPT, "without weights"},
    {"\"name\":\"gbtree\"", "\"name\":\"dart\"", E_CORRUPT, "weight_drop"},
    {"\"name\":\"gbtree\"", "\"weight_drop\":[1,1],\"name\":\"dart\"", E_CORRUPT, "weight_drop"},
    {"reg:squarederror", "reg:nonesuch", E_UNSUPPORTED, "reg:nonesuch"},
    {"reg:squarederror", "reg:normal", E_UNSUPPORTED, "reg:normal"},
    {"\"objective\"", "\"objection\"", E_CORRUPT, "objective"},
    {"\"base_score\"", "\"base\"", E_CORRUPT, "base_score"},
    {"\"base_score\":\"0\"", "\"base_score\":\"zero\"", E_CORRUPT, "base_score"},
    {"\"base_score\":\"0\"", "\"base_score\":\"[]\"", E_CORRUPT, "base_score"},
    {"\"base_score\":\"0\"", "\"base_score\":\"[1,2]\"", E_CORRUPT, "base_score"},
    {"\"base_score\":\"0\"", "\"base_score\":\"NaN\"", E_CORRUPT, "base_score"},
    {"\"base_score\":\"0\"", "\"base_score\":null", E_CORRUPT, "base_score"},
    {"\"base_score\":\"0\"", "\"base_score\":{}", E_CORRUPT, "base_score"},
    {"\"num_feature\":\"1\"", "\"num_feature\":\"0\"", E_CORRUPT, "num_feature"},
    {"\"num_feature\":\"1\"", "\"num_feature\":\"99999999999\"", E_CORRUPT, "num_feature"},
    {"\"num_feature\":\"1\"", "\"num_feature\":1.5", E_CORRUPT, "integer"},
    {"\"num_class\":\"0\"", "\"num_class\":\"70000\"", E_CORRUPT, "groups"},
    {"\"num_trees\":\"1\"", "\"num_trees\":\"2\"", E_CORRUPT, "num_trees"},
    {"\"tree_info\":[0]", "\"tree_info\":[1]", E_CORRUPT, "tree_info"},
    {"\"tree_info\":[0]", "\"tree_info\":[-1]", E_CORRUPT, "tree_info"},
    {"\"tree_info\":[0]", "\"tree_info\":[]", E_CORRUPT, "tree_info"},
    {"\"tree_info\":[0]", "\"tree_info\":{}", E_CORRUPT, "array"},
    {"\"tree_info\":[0]", "\"tree_info\":[0],\"tree_info\":[0]", E_CORRUPT, "twice"},
    {"\"num_nodes\":\"3\"", "\"num_nodes\":\"5\"", E_CORRUPT, "num_nodes"},
    {"\"3\",\"size_leaf_vector\":\"0\"", "\"3\",\"size_leaf_vector\":\"2\"", E_CORRUPT,
     "its values are in row 2"},
    {"\"3\",\"size_leaf_vector\":\"0\"", "\"3\",\"size_leaf_vector\":\"70000\"", E_UNSUPPORTED,
     "leaves of 70000 values"},
    {"\"left_children\":[1,", "\"left_children\":[0,", E_CORRUPT, "reached twice"},
    {"\"left_children\":[1,-1,-1],\"right_children\":[2,-1,-1]",
     "\"left_children\":[1,-1,0],\"right_children\":[2,-1,1]", E_CORRUPT, "reached twice"},
    {"\"left_children\":[1,", "\"left_children\":[2,", E_CORRUPT, "reached twice"},
    {"\"left_children\":[1,", "\"left_children\":[3,", E_CORRUPT, "child is node 3"},
    {"\"left_children\":[1,", "\"left_children\":[-2,", E_CORRUPT, "child is node -2"},
    {"\"right_children\":[2,", "\"right_children\":[-1,", E_CORRUPT, "child is node -1"},
    {"\"left_children\":[1,", "\"left_children\":[2147483648,", E_CORRUPT, "32 bits"},
    {"\"left_children\":[1,-1,-1]", "\"left_children\":[]", E_CORRUPT, "left_children"},
    {"\"right_children\":[2,-1,-1]", "\"right_children\":[2,-1]", E_CORRUPT, "right_children"},
    {"\"split_indices\":[0,", "\"split_indices\":[1,", E_CORRUPT, "num_feature"},
    {"\"split_indices\":[0,", "\"split_indices\":[-1,", E_CORRUPT, "feature -1"},
    {"\"split_indices\":[0,", "\"split_indices\":[16777216,", E_CORRUPT, "feature 16777216"},
    {"\"default_left\":[0,", "\"default_left\":[2,", E_CORRUPT, "default_left"},
    {"\"split_conditions\":[1,", "\"split_conditions\":[\"x\",", E_CORRUPT, "number"},
    {"\"default_left\"", "\"split_type\":[2,0,0],\"default_left\"", E_CORRUPT, "split type 2"},
    {"\"default_left\"", "\"split_type\":[1,0,0],\"default_left\"", E_CORRUPT, "category set"},
    {"\"default_left\"", "\"split_type\":[0],\"default_left\"", E_CORRUPT, "split types"},
    {"\"trees\":[", "\"trees\":[[],", E_CORRUPT, "object"},
};

START_TEST(what_cannot_be_right_is_refused_by_name)
{
    const struct xgb_text t = {"reg:squarederror", "0", STUMP, 1, 1, 1};
    for (size_t i = 0; i < ARRAY_COUNT(edits); i++) {
        char *text = edited(&t, edits[i].from, edits[i].to);
        struct graph *g = NULL;
        struct err err = {0};
        enum status s = xgb_graph(text, strlen(text), false, &g, &err);
        ck_assert_msg(s == edits[i].expected, "%s: %s: %s", edits[i].to, status_name(s), err.msg);
        ck_assert_msg(strstr(err.msg, edits[i].says), "%s: %s", edits[i].to, err.msg);
        free(text);
    }
}
END_TEST

START_TEST(category_sets_must_lie_inside)
{
    static const struct {
        const char *from, *to;
    } bad[] = {
        {"\"categories_nodes\":[0]", "\"categories_nodes\":[3]"},
        {"\"categories_nodes\":[0]", "\"categories_nodes\":[-1]"},
        {"\"categories_nodes\":[0]", "\"categories_nodes\":[1]"},
        {"\"categories_nodes\":[0]", "\"categories_nodes\":[]"},
        {"\"categories_segments\":[0]", "\"categories_segments\":[1]"},
        {"\"categories_segments\":[0]", "\"categories_segments\":[-1]"},
        {"\"categories_sizes\":[2]", "\"categories_sizes\":[3]"},
        {"\"categories_sizes\":[2]", "\"categories_sizes\":[-1]"},
        {"\"categories_sizes\":[2]", "\"categories_sizes\":[2147483647]"},
        {"\"categories\":[40,1]", "\"categories\":[40,-1]"},
        {"\"categories\":[40,1]", "\"categories\":[40,16777216]"},
    };
    const struct xgb_text t = {"reg:squarederror", "0", CATEGORICAL("0"), 1, 1, 1};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        char *text = edited(&t, bad[i].from, bad[i].to);
        struct graph *g = NULL;
        struct err err = {0};
        ck_assert_int_eq(xgb_graph(text, strlen(text), false, &g, &err), E_CORRUPT);
        free(text);
    }
}
END_TEST

START_TEST(a_base_score_outside_its_link_is_refused)
{
    static const struct {
        const char *objective, *base_score;
    } bad[] = {{"binary:logistic", "0"}, {"binary:logistic", "1"}, {"binary:logistic", "-1"},
               {"count:poisson", "0"},   {"reg:gamma", "-1"},      {"reg:squarederror", "1e99"}};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        const struct xgb_text t = {bad[i].objective, bad[i].base_score, STUMP, 1, 1, 1};
        char *text = xgb_json(&t);
        struct graph *g = NULL;
        struct err err = {0};
        ck_assert_int_eq(xgb_graph(text, strlen(text), false, &g, &err), E_CORRUPT);
        ck_assert_ptr_nonnull(strstr(err.msg, "base_score"));
        free(text);
    }
}
END_TEST

/* ---- damage and exhaustion ---- */

/* Reads and, when the damage went unnoticed, predicts: either is fine, a crash is not. */
static enum status survive(const void *bytes, size_t n, bool ubj)
{
    static const float x[2] = {0.5f, NAN};
    struct graph *g = NULL;
    struct err err = {0};
    /* a copy of exactly n bytes, so that a read beyond them is seen */
    void *copy = malloc(n ? n : 1);
    memcpy(copy, bytes, n);
    enum status s = xgb_graph(copy, n, ubj, &g, &err);
    free(copy);
    if (s != OK) {
        ck_assert_msg(s == E_CORRUPT || s == E_UNSUPPORTED, "%s: %s", status_name(s), err.msg);
        return s;
    }
    int64_t n_out;
    if (g->values[g->inputs[0]].t.dims[1] <= 2)
        free(xgb_predict(g, x, 1, &n_out, &err));
    graph_free(&g);
    return OK;
}

START_TEST(a_model_cut_at_any_byte_is_refused)
{
    const struct xgb_text t = {"reg:squarederror", "0", CATEGORICAL("0") "," STUMP, 2, 1, 1};
    char *text = xgb_json(&t);
    for (size_t n = 0; n < strlen(text); n++)
        ck_assert_int_eq(survive(text, n, false), E_CORRUPT);
    for (enum ubj_style style = 0; style < UBJ_STYLES; style++) {
        size_t bytes;
        uint8_t *ubj = ubj_from_json(text, style, &bytes);
        for (size_t n = 0; n < bytes; n++)
            ck_assert_int_eq(survive(ubj, n, true), E_CORRUPT);
        free(ubj);
    }
    free(text);
}
END_TEST

START_TEST(a_flipped_bit_never_crashes)
{
    const struct xgb_text t = {"reg:squarederror", "0", CATEGORICAL("0") "," STUMP, 2, 1, 1};
    char *text = xgb_json(&t);
    size_t bytes, length = strlen(text);
    uint8_t *ubj = ubj_from_json(text, UBJ_TYPED, &bytes);
    for (size_t i = 0; i < length * 8; i++) {
        text[i / 8] ^= (char)(1 << i % 8);
        (void)survive(text, length, false);
        text[i / 8] ^= (char)(1 << i % 8);
    }
    for (size_t i = 0; i < bytes * 8; i++) {
        ubj[i / 8] ^= (uint8_t)(1 << i % 8);
        (void)survive(ubj, bytes, true);
        ubj[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    free(ubj);
    free(text);
}
END_TEST

START_TEST(any_allocation_may_fail)
{
    const struct xgb_text t = {"reg:squarederror", "0", CATEGORICAL("0") "," STUMP, 2, 1, 1};
    char *text = edited(&t, "\"feature_names\":[]", "\"feature_names\":[\"a\"]");
    int64_t live = alloc_live();
    enum status s = E_NO_MEMORY;
    for (uint64_t n = 1; s != OK; n++) {
        struct graph *g = NULL;
        struct err err = {0};
        alloc_fail_at(n);
        s = xgb_graph(text, strlen(text), false, &g, &err);
        bool past = alloc_calls() < n;
        alloc_fail_at(0);
        ck_assert_msg(s == (past ? OK : E_NO_MEMORY), "allocation %d: %s", (int)n, status_name(s));
        ck_assert(past || err.msg[0]);
        graph_free(&g);
        ck_assert_int_eq(alloc_live(), live);
    }
    free(text);
}
END_TEST

Suite *suite_xgboost_model(void)
{
    return SUITE(
        "xgboost_model", gblinear_adds_its_terms_and_passes_missing_values_over,
        leaves_of_several_values_are_read_in_both_layouts,
        quantiles_are_sorted_as_their_version_does, expectiles_rise,
        probabilities_of_0_and_1_are_moved_from_3_0_on, the_container_of_categories_changes_nothing,
        the_writer_is_kept, names_of_columns_are_found, names_that_are_of_no_use_are_left_out,
        numbers_and_missing_values_find_their_leaf, thresholds_at_the_edges_decide_as_xgboost,
        listed_categories_go_right, every_objective_transforms_its_margin,
        classes_share_the_trees_in_turn, a_model_without_trees_predicts_its_base,
        dart_weighs_its_trees_in_both_spellings, what_cannot_be_right_is_refused_by_name,
        category_sets_must_lie_inside, a_base_score_outside_its_link_is_refused,
        a_model_cut_at_any_byte_is_refused, a_flipped_bit_never_crashes, any_allocation_may_fail);
}
