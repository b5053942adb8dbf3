/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* SVMClassifier: one decision for each pair of classes, the label by votes,
 * and with prob_a and prob_b a probability for each class by pairwise coupling. source: ONNX
 * ai.onnx.ml SVMClassifier-1; Wu, Lin and Weng, "Probability estimates for multi-class
 * classification by pairwise coupling" (2004), second approach, algorithm 2 */
#include <inttypes.h>
#include <math.h>

#include "ops/svm.h"

enum operand {
    X,
    COEFFICIENTS,
    VECTORS,
    PER_CLASS,
    RHO,
    PROB_A,
    PROB_B,
    CLASSES,
    CLASS_TEXTS,
    OPERANDS
};
enum { LABEL, SCORES };
enum { CLASSES_MAX = 1024, ROUNDS_MAX = 100 };

struct params {
    struct svm_kernel kernel;
    enum ml_post post;
};

/* What the shapes say. */
struct sizes {
    int64_t rows, features, classes, pairs, vectors, scores;
    bool proba;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = svm_kernel_read(node, &p->kernel, err);
    return s == OK ? ml_post_read(node, &p->post, err) : s;
}

static struct sizes sizes_of(const struct tensor *const *in, int n_in)
{
    struct ml_rows m = ml_rows(in[X]);
    const struct tensor *labels = ml_labels_of(in, n_in, CLASSES, CLASS_TEXTS);
    int64_t n = labels ? tensor_count(labels) : 0;
    struct sizes z = {.rows = m.rows, .features = m.columns, .classes = n};
    if (n > CLASSES_MAX)
        return z;
    z.pairs = n * (n - 1) / 2;
    z.vectors = n > 1 ? ml_count(in, n_in, COEFFICIENTS) / (n - 1) : 0;
    z.proba = ml_count(in, n_in, PROB_A) > 0;
    z.scores = z.proba ? n : n == 2 ? 2 : z.pairs;
    return z;
}

static enum status check_counts(const struct op_infer *c, const struct sizes *z, struct err *err)
{
    int64_t numbers, n = z->classes, pairs = z->pairs;
    int64_t a = ml_count(c->in, c->n_in, PROB_A), b = ml_count(c->in, c->n_in, PROB_B);
    if (n < 2 || n > CLASSES_MAX || ml_count(c->in, c->n_in, PER_CLASS) == 0)
        return err_set(err, E_UNSUPPORTED,
                       "SVMClassifier: %" PRId64 " classes with support vectors, expected "
                       "2 to %d",
                       n, CLASSES_MAX);
    bool fits = ml_count(c->in, c->n_in, PER_CLASS) == n &&
                ml_count(c->in, c->n_in, COEFFICIENTS) == z->vectors * (n - 1) &&
                !__builtin_mul_overflow(z->vectors, z->features, &numbers) &&
                ml_count(c->in, c->n_in, VECTORS) == numbers &&
                ml_count(c->in, c->n_in, RHO) == pairs && a == b && (!a || a == pairs);
    if (!fits)
        return err_set(err, E_BAD_INPUT,
                       "SVMClassifier: its lists do not go with %" PRId64 " classes and %" PRId64
                       " features",
                       n, z->features);
    return OK;
}

/* Scratch, in doubles: kernels, decisions, then r, q and three vectors of the coupling; behind them
 * a row as float32 (half a double each, rounded up). */
static uint64_t scratch_doubles(const struct sizes *z)
{
    uint64_t n = (uint64_t)z->classes;
    return (uint64_t)z->vectors + (uint64_t)z->pairs + 2 * n * n + 2 * n;
}

static enum status infer(struct op_infer *c, struct err *err)
{
    const struct params *p = c->params;
    enum status s = op_operands(c, "SVMClassifier", RHO + 1, err);
    if (s == OK)
        s = ml_matrix(c, "SVMClassifier", err);
    for (int i = COEFFICIENTS; s == OK && i < CLASSES; i++)
        s = ml_vector(c, "SVMClassifier", i, i == PER_CLASS ? DT_I64 : DT_F32, err);
    const struct tensor *labels = NULL;
    if (s == OK)
        s = ml_labels(c, "SVMClassifier", CLASSES, CLASS_TEXTS, &labels, err);
    if (s != OK)
        return s;
    struct sizes z = sizes_of(c->in, c->n_in);
    s = check_counts(c, &z, err);
    if (s == OK && !z.proba && z.classes == 2)
        s = ml_second_check("SVMClassifier", ML_SECOND_NEGATED, p->post, err);
    if (s != OK)
        return s;
    c->scratch_bytes = sizeof(double) * scratch_doubles(&z) + sizeof(float) * (uint64_t)z.features;
    int64_t dims[2] = {z.rows, z.scores};
    s = op_output(c, LABEL, "SVMClassifier", labels->dtype, 1, dims, err);
    return s == OK ? op_output(c, SCORES, "SVMClassifier", DT_F32, 2, dims, err) : s;
}

/* ---- decisions ---- */

/* Where each class's vectors begin follows from vectors_per_class, which must add up. */
static enum status check_vectors(const struct op_run *c, const struct sizes *z, struct err *err)
{
    const int64_t *per_class = c->in[PER_CLASS]->data;
    int64_t left = z->vectors;
    for (int64_t i = 0; i < z->classes; i++) {
        if (per_class[i] < 0 || per_class[i] > left)
            return err_set(err, E_BAD_INPUT,
                           "SVMClassifier: vectors_per_class has %" PRId64 ", %" PRId64 " are left",
                           per_class[i], left);
        left -= per_class[i];
    }
    return left ? err_set(err, E_BAD_INPUT, "SVMClassifier: %" PRId64 " vectors of no class", left)
                : OK;
}

static double weighted(const float *coefficients, const double *kernels, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)coefficients[i] * kernels[i];
    return sum;
}

/* The decision of every pair (i, j), i < j: above 0 it is i. */
static void decide(const struct op_run *c, const struct sizes *z, const double *kernels,
                   double *decisions)
{
    const float *coefficients = c->in[COEFFICIENTS]->data, *rho = c->in[RHO]->data;
    const int64_t *count = c->in[PER_CLASS]->data;
    int64_t pair = 0, at_i = 0;
    for (int64_t i = 0; i < z->classes; at_i += count[i++]) {
        int64_t at_j = at_i + count[i];
        for (int64_t j = i + 1; j < z->classes; at_j += count[j++], pair++)
            decisions[pair] =
                (double)rho[pair] +
                weighted(coefficients + (j - 1) * z->vectors + at_i, kernels + at_i, count[i]) +
                weighted(coefficients + i * z->vectors + at_j, kernels + at_j, count[j]);
    }
}

/* The class with the most pairs; the first of equals. votes[classes] is overwritten. */
static int64_t vote(const struct sizes *z, const double *decisions, double *votes)
{
    int64_t best = 0, pair = 0;
    for (int64_t i = 0; i < z->classes; i++)
        votes[i] = 0;
    for (int64_t i = 0; i < z->classes; i++)
        for (int64_t j = i + 1; j < z->classes; j++)
            votes[decisions[pair++] > 0 ? i : j]++;
    for (int64_t i = 1; i < z->classes; i++)
        if (votes[i] > votes[best])
            best = i;
    return best;
}

/* ---- probabilities ---- */

/* r[i][j]: how probable class i is among i and j. */
static void pair_probabilities(const struct op_run *c, const struct sizes *z,
                               const double *decisions, double *r)
{
    const float *a = c->in[PROB_A]->data, *b = c->in[PROB_B]->data;
    const double least = 1e-7;
    int64_t n = z->classes, pair = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++, pair++) {
            double v = 1 / (1 + exp(decisions[pair] * (double)a[pair] + (double)b[pair]));
            v = fmin(fmax(v, least), 1 - least);
            r[i * n + j] = v;
            r[j * n + i] = 1 - v;
        }
}

static void coupling_matrix(const double *r, int64_t n, double *q)
{
    for (int64_t i = 0; i < n; i++) {
        q[i * n + i] = 0;
        for (int64_t j = 0; j < n; j++)
            if (j != i) {
                q[i * n + i] += r[j * n + i] * r[j * n + i];
                q[i * n + j] = -r[j * n + i] * r[i * n + j];
            }
    }
}

/* Finds p, the probabilities that agree best with all pairs. qp[n] is overwritten. */
static void couple(const double *q, int64_t n, double *p, double *qp)
{
    for (int64_t i = 0; i < n; i++)
        p[i] = 1 / (double)n;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        double pqp = 0, worst = 0;
        for (int64_t i = 0; i < n; i++) {
            qp[i] = 0;
            for (int64_t j = 0; j < n; j++)
                qp[i] += q[i * n + j] * p[j];
            pqp += p[i] * qp[i];
        }
        for (int64_t i = 0; i < n; i++)
            worst = fmax(worst, fabs(qp[i] - pqp));
        if (worst < 0.005 / (double)n)
            return;
        for (int64_t i = 0; i < n; i++) {
            double diff = (pqp - qp[i]) / q[i * n + i], by = 1 + diff;
            p[i] += diff;
            pqp = (pqp + diff * (diff * q[i * n + i] + 2 * qp[i])) / by / by;
            for (int64_t j = 0; j < n; j++) {
                qp[j] = (qp[j] + diff * q[i * n + j]) / by;
                p[j] /= by;
            }
        }
    }
}

/* ---- the run ---- */

static void write_scores(const struct op_run *c, const struct sizes *z, const double *decisions,
                         double *work, float *out)
{
    const struct params *params = c->params;
    int64_t n = z->classes;
    double *r = work, *q = r + n * n, *p = q + n * n, *qp = p + n;
    if (!z->proba && n == 2) {
        ml_second_apply(ML_SECOND_NEGATED, params->post, (float)decisions[0], out);
        return;
    }
    if (z->proba) {
        pair_probabilities(c, z, decisions, r);
        coupling_matrix(r, n, q);
        couple(q, n, p, qp);
    }
    for (int64_t i = 0; i < z->scores; i++)
        out[i] = (float)(z->proba ? p[i] : decisions[i]);
    ml_post_apply(params->post, out, z->scores);
}

static enum status run(const struct op_run *c, struct err *err)
{
    const struct params *p = c->params;
    struct sizes z = sizes_of(c->in, c->n_in);
    const struct tensor *labels = ml_labels_of(c->in, c->n_in, CLASSES, CLASS_TEXTS);
    double *kernels = c->scratch, *decisions = kernels + z.vectors, *work = decisions + z.pairs;
    float *copy = (float *)(kernels + scratch_doubles(&z));
    float *scores = c->n_out > SCORES && c->out[SCORES] ? c->out[SCORES]->data : NULL;
    enum status s = check_vectors(c, &z, err);
    for (int64_t r = 0; s == OK && r < z.rows; r++) {
        const float *x = ml_row(c->in[X], z.features, r, copy);
        const float *vector = c->in[VECTORS]->data;
        for (int64_t i = 0; i < z.vectors; i++, vector += z.features)
            kernels[i] = svm_kernel(&p->kernel, x, vector, z.features);
        decide(c, &z, kernels, decisions);
        ml_label_put(labels, vote(&z, decisions, work), c->out[LABEL], r);
        if (scores)
            write_scores(c, &z, decisions, work, scores + r * z.scores);
    }
    return s;
}

static const struct tensor *classes(int n_in, const struct tensor *const *in, int out)
{
    /* without probabilities there is a column for each pair of classes */
    bool named = out == SCORES && ml_count(in, n_in, PROB_A) > 0;
    return named ? ml_labels_of(in, n_in, CLASSES, CLASS_TEXTS) : NULL;
}

static const enum attr_key consts[] = {
    ATTR_coefficients, ATTR_support_vectors,  ATTR_vectors_per_class,   ATTR_rho, ATTR_prob_a,
    ATTR_prob_b,       ATTR_classlabels_ints, ATTR_classlabels_strings, ATTR_NONE};

const struct op op_svm_classifier = {
    .domain = "ai.onnx.ml",
    .name = "SVMClassifier",
    .code = OP_CODE_svm_classifier,
    .since = {1},
    .types = OP_T(F32) | OP_T(F64) | OP_T(I32) | OP_T(I64),
    .in_min = 2,
    .in_max = OPERANDS,
    .out_min = 1,
    .out_max = 2,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .const_attrs = consts,
    .prepare = prepare,
    .classes = classes,
    .infer = infer,
    .run = run,
};
