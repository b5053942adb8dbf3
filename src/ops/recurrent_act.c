/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The activations that a cell may name, with ONNX's defaults. Alphas and betas are consumed in
 * order, each by the next activation that has one.
 * source: ONNX LSTM-14, GRU-14, RNN-14 */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "kernels/elementwise.h"
#include "ops/recurrent.h"

enum kind {
    SIGMOID,
    TANH,
    RELU,
    AFFINE,
    LEAKY_RELU,
    THRESHOLDED_RELU,
    SCALED_TANH,
    HARD_SIGMOID,
    ELU,
    SOFTSIGN,
    SOFTPLUS
};

static const struct {
    const char *name;
    bool has_alpha, has_beta;
    float alpha, beta;
} kinds[] = {
    [SIGMOID] = {"Sigmoid", false, false, 0, 0},
    [TANH] = {"Tanh", false, false, 0, 0},
    [RELU] = {"Relu", false, false, 0, 0},
    [AFFINE] = {"Affine", true, true, 1, 0},
    [LEAKY_RELU] = {"LeakyRelu", true, false, 0.01f, 0},
    [THRESHOLDED_RELU] = {"ThresholdedRelu", true, false, 1, 0},
    [SCALED_TANH] = {"ScaledTanh", true, true, 1, 1},
    [HARD_SIGMOID] = {"HardSigmoid", true, true, 0.2f, 0.5f},
    [ELU] = {"Elu", true, false, 1, 0},
    [SOFTSIGN] = {"Softsign", false, false, 0, 0},
    [SOFTPLUS] = {"Softplus", false, false, 0, 0},
};

static float one(const struct cell_act *a, float x)
{
    switch ((enum kind)a->kind) {
    case AFFINE:
        return a->alpha * x + a->beta;
    case LEAKY_RELU:
        return x < 0 ? a->alpha * x : x;
    case THRESHOLDED_RELU:
        return x > a->alpha ? x : 0;
    case SCALED_TANH:
        return a->alpha * tanhf(a->beta * x);
    case HARD_SIGMOID:
        return fminf(1, fmaxf(0, a->alpha * x + a->beta));
    case ELU:
        return x < 0 ? a->alpha * expm1f(x) : x;
    case SOFTSIGN:
        return x / (1 + fabsf(x));
    default: /* SOFTPLUS */
        return fmaxf(x, 0) + log1pf(expf(-fabsf(x)));
    }
}

void cell_act_f32(const struct cell_act *act, float clip, float *x, int64_t n)
{
    if (clip > 0)
        clip_f32(n, x, x, -clip, clip);
    if (act->kind == SIGMOID)
        sigmoid_f32(n, x, x);
    else if (act->kind == TANH)
        tanh_f32(n, x, x);
    else if (act->kind == RELU)
        relu_f32(n, x, x);
    else
        for (int64_t i = 0; i < n; i++)
            x[i] = one(act, x[i]);
}

/* The next of the numbers of a list attribute, or def after the last. */
struct numbers {
    const struct attr *a;
    uint32_t used;
};

static enum status numbers_begin(const struct op_node *node, enum attr_key k, struct numbers *n,
                                 struct err *err)
{
    *n = (struct numbers){attr_find(&node->attrs, k), 0};
    if (n->a && n->a->type != ATTR_FLOATS)
        return err_set(err, E_CORRUPT, "attribute %s is not a list of floats", attr_name(k));
    return OK;
}

static float numbers_next(struct numbers *n, bool wanted, float def)
{
    return wanted && n->a && n->used < n->a->count ? n->a->floats[n->used++] : def;
}

/* Takes one name off the front of the text. False at its end. */
static bool next_name(const char **s, size_t *len, const char **name, size_t *n)
{
    if (!*len)
        return false;
    const char *comma = memchr(*s, ',', *len);
    *name = *s;
    *n = comma ? (size_t)(comma - *s) : *len;
    size_t skip = *n + (comma ? 1 : 0);
    *s += skip;
    *len -= skip;
    return true;
}

static int32_t kind_of(const char *name, size_t n)
{
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        if (strlen(kinds[i].name) == n && strncasecmp(kinds[i].name, name, n) == 0)
            return (int32_t)i;
    return -1;
}

enum status cell_acts_read(const struct op_node *node, const char *defaults, int per_direction,
                           int directions, struct cell_act out[DIRECTIONS_MAX][CELL_ACTS_MAX],
                           struct err *err)
{
    struct numbers alphas, betas;
    const char *s, *name;
    size_t len, n;
    enum status st = numbers_begin(node, ATTR_activation_alpha, &alphas, err);
    if (st == OK)
        st = numbers_begin(node, ATTR_activation_beta, &betas, err);
    if (st == OK)
        st = attr_string(&node->attrs, ATTR_activations, "", &s, &len, err);
    if (st != OK)
        return st;
    bool given = len > 0;
    for (int d = 0; d < directions; d++) {
        if (!given) {
            s = defaults;
            len = strlen(defaults);
        }
        for (int i = 0; i < per_direction; i++) {
            struct cell_act *a = &out[d][i];
            if (!next_name(&s, &len, &name, &n))
                return err_set(err, E_CORRUPT, "fewer activations than %d for each direction",
                               per_direction);
            if ((a->kind = kind_of(name, n)) < 0)
                return err_set(err, E_UNSUPPORTED, "activation '%.*s' is not known",
                               (int)MIN(n, 32u), name);
            a->alpha = numbers_next(&alphas, kinds[a->kind].has_alpha, kinds[a->kind].alpha);
            a->beta = numbers_next(&betas, kinds[a->kind].has_beta, kinds[a->kind].beta);
        }
    }
    return OK;
}
