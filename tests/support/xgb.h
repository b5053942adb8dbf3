/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* For the tests of the XGBoost front end: models by their text, and a graph of one node evaluated
 * through the operator's own doors, as the runtime does it. */
#ifndef ROOST_TESTS_XGB_H
#define ROOST_TESTS_XGB_H

#include "compiler/graph.h"

/* Reads a model; *g is set on OK only. */
enum status xgb_graph(const void *bytes, size_t n, bool ubj, struct graph **g, struct err *err);

/* Predictions for rows of x: *n floats from malloc, which the caller frees. NULL when the operator
 * refuses its tables; err says why. */
float *xgb_predict(const struct graph *g, const float *x, int64_t rows, int64_t *n,
                   struct err *err);

struct xgb_text {
    const char *objective, *base_score;
    const char *trees; /* JSON objects with commas between them */
    int n_trees;
    int features;
    int groups; /* classes; tree i belongs to i % groups. 0 and 1: one margin */
};

/* A JSON model, from malloc. */
char *xgb_json(const struct xgb_text *t);

/* The same document as UBJSON, from malloc: containers closed by a byte, with counts, or with
 * counts and arrays of floats typed. Integers take the smallest type, others are float32. */
enum ubj_style { UBJ_OPEN, UBJ_COUNTED, UBJ_TYPED, UBJ_STYLES };
uint8_t *ubj_from_json(const char *json, enum ubj_style style, size_t *n);

#endif
