/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LSTM, GRU and RNN: one loop over time, directions and batch items, with a cell for each. */
#ifndef ROOST_OPS_RECURRENT_H
#define ROOST_OPS_RECURRENT_H

#include "ops/ops_priv.h"

enum { CELL_ACTS_MAX = 3, DIRECTIONS_MAX = 2 };

struct cell_act {
    int32_t kind; /* row of the table in recurrent_act.c */
    float alpha, beta;
};

/* n numbers at x, first clipped to [-clip, clip] when clip > 0, become act(x), in place. */
void cell_act_f32(const struct cell_act *act, float clip, float *x, int64_t n);
/* Reads activations (names joined by commas), activation_alpha, activation_beta: per_direction of
 * them for each direction.  errors: E_CORRUPT, E_UNSUPPORTED (unknown) */
enum status cell_acts_read(const struct op_node *node, const char *defaults, int per_direction,
                           int directions, struct cell_act out[DIRECTIONS_MAX][CELL_ACTS_MAX],
                           struct err *err) WARN_UNUSED;

struct cell;

struct recurrent_params {
    const struct cell *cell; /* whose they are */
    struct cell_act acts[DIRECTIONS_MAX][CELL_ACTS_MAX];
    int64_t hidden; /* 0: as the weights say */
    float clip;     /* 0: none */
    int32_t directions;
    bool backward; /* the first direction is */
    bool coupled;  /* LSTM: forget = 1 - input */
    bool late;     /* GRU: the reset gate meets the product (linear_before_reset) */
    bool by_batch; /* layout 1: batch before time */
};

/* One direction of one run. Matrices are row-major floats; b, p may be NULL (zeros). */
struct recurrent {
    const struct recurrent_params *params;
    const struct cell_act *acts;
    int64_t steps, batch, input, hidden, gates;
    const float *w, *r; /* [gates * hidden][input], [gates * hidden][hidden] */
    const float *b;     /* [2][gates * hidden]: of w, of r */
    const float *p;     /* LSTM's peepholes, [3][hidden]: input, output, forget */
    float *h, *c;       /* the state, [batch][hidden] */
    float *room;        /* [batch][hidden], the cell's own */
};

/* What differs between the three. */
struct cell {
    const char *op, *acts;
    int32_t gates, n_acts;
    bool late_bias; /* with `late`, the last gate's recurrent bias is the cell's to add */
    /* Adds to x[batch][gates * hidden] (the input's part of the gates) what the state h gives. */
    void (*recur)(const struct recurrent *r, float *x);
    /* From one item's gates, its new state; may spoil x. */
    void (*update)(const struct recurrent *r, int64_t item, float *x);
};

enum status recurrent_prepare(const struct op_node *node, const struct cell *cell,
                              struct recurrent_params *p, struct err *err) WARN_UNUSED;
/* Of the cell that prepare was called with; in float32, whatever the floats are. */
enum status recurrent_infer(struct op_infer *ctx, struct err *err) WARN_UNUSED;
enum status recurrent_run(const struct op_run *ctx, struct err *err) WARN_UNUSED;

/* recurrent_run's scratch: room for `*chunk` time steps of gates, and the states.
 * errors: E_UNSUPPORTED when it has no size */
enum status recurrent_scratch(const struct cell *cell, const int64_t dims[3], int64_t hidden,
                              int64_t *chunk, uint64_t *bytes, struct err *err) WARN_UNUSED;

/* out[batch][n] += h[batch][hidden] rows[n][hidden]'; rows of out stand as gates do. */
void recurrent_product(const struct recurrent *r, const float *h, const float *rows, int64_t n,
                       float *out);

#endif
