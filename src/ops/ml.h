/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the operators of ai.onnx.ml share: rows of numbers of several dtypes read as float32, and
 * the ends of models: class labels and post transforms.  source: ONNX, "Operators of ai.onnx.ml" */
#ifndef ROOST_OPS_ML_H
#define ROOST_OPS_ML_H

#include "ops/ops_priv.h"
#include "tensor/text.h"

/* ---- rows ---- */

/* A matrix, or one row that is a vector. */
struct ml_rows {
    int64_t rows, columns;
};
struct ml_rows ml_rows(const struct tensor *x);

/* Operand 0 is a matrix or a vector of float32, float64, int64 or int32; output 0 stands.
 * errors: E_BAD_INPUT, E_UNSUPPORTED */
enum status ml_matrix(const struct op_infer *c, const char *op, struct err *err) WARN_UNUSED;
/* The dtypes of ai.onnx.ml's numbers: float32, float64, int64, int32. */
bool ml_numeric(enum dtype t);
/* Element i as float32, rounded when it must be. */
float ml_get(const struct tensor *x, int64_t i);
/* Row r of x as float32: in place, or converted into copy[columns]. */
const float *ml_row(const struct tensor *x, int64_t columns, int64_t r, float *copy);
/* Operand i, when given, is a vector of this dtype.  errors: E_BAD_INPUT */
enum status ml_vector(const struct op_infer *c, const char *op, int i, enum dtype t,
                      struct err *err) WARN_UNUSED;
/* Elements of an operand; 0 when it is left out. */
int64_t ml_count(const struct tensor *const *in, int n_in, int i);

/* An attribute that is one of `words` (NULL ends): its place among them; the first when absent.
 * errors: E_CORRUPT; E_UNSUPPORTED for a word that is not there */
enum status ml_word(const struct op_node *node, enum attr_key k, const char *const *words, int *out,
                    struct err *err) WARN_UNUSED;

/* A text attribute, which must be UTF-8 without NUL.  errors: E_CORRUPT */
enum status ml_text(const struct op_node *node, enum attr_key k, const char *def, struct text *out,
                    struct err *err) WARN_UNUSED;

/* ---- the ends of models ---- */

/* The class labels: operand `strings` or operand `ints`, whichever is given with elements.
 * errors: E_BAD_INPUT when there is none, or it is no vector of its dtype */
enum status ml_labels(const struct op_infer *c, const char *op, int ints, int strings,
                      const struct tensor **out, struct err *err) WARN_UNUSED;
/* The same in a run, where infer has found them. */
const struct tensor *ml_labels_of(const struct tensor *const *in, int n_in, int ints, int strings);
/* Element i of y becomes label k. */
void ml_label_put(const struct tensor *labels, int64_t k, const struct tensor *y, int64_t i);

enum ml_post { ML_NONE, ML_LOGISTIC, ML_SOFTMAX, ML_SOFTMAX_ZERO, ML_PROBIT };
/* Reads attribute post_transform.  errors: E_CORRUPT, E_UNSUPPORTED */
enum status ml_post_read(const struct op_node *node, enum ml_post *out,
                         struct err *err) WARN_UNUSED;
/* One row, in place. */
void ml_post_apply(enum ml_post post, float *s, int64_t n);

/* How one column of scores becomes those of two classes; the numbers stand in artifacts. */
enum ml_second {
    ML_SECOND_NONE = 0,       /* there is a column for every class */
    ML_SECOND_COMPLEMENT = 1, /* 1 - s and s: s is a probability */
    ML_SECOND_NEGATED = 2,    /* -s and s: s is a margin */
    ML_SECOND_COUNT
};
/* Which transforms have a meaning for one column: none, and LOGISTIC of a margin.
 * errors: E_UNSUPPORTED */
enum status ml_second_check(const char *op, enum ml_second second, enum ml_post post,
                            struct err *err) WARN_UNUSED;
/* s[1] -> out[2]: the scores of both classes. */
void ml_second_apply(enum ml_second second, enum ml_post post, float s, float out[2]);
/* The first greatest of s[n]; n >= 1. */
int64_t ml_argmax(const float *s, int64_t n);

#endif
