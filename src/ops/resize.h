/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Resize and Upsample: how output positions map to input positions, and the passes that follow. */
#ifndef ROOST_OPS_RESIZE_H
#define ROOST_OPS_RESIZE_H

#include "ops/ops_priv.h"

enum resize_mode { RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC };
enum resize_place {
    PLACE_HALF_PIXEL,
    PLACE_PYTORCH_HALF_PIXEL,
    PLACE_ALIGN_CORNERS,
    PLACE_ASYMMETRIC,
    PLACE_TF_HALF_PIXEL,
    PLACE_TF_CROP,
    PLACE_SYMMETRIC
};
enum resize_round { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, ROUND_FLOOR, ROUND_CEIL, ROUND_SIMPLE };

enum { RESIZE_TAPS_MAX = 4 };

struct resize_params {
    enum resize_mode mode;
    enum resize_place place;
    enum resize_round round;
    float cubic, extrapolation;
    bool exclude_outside;
};

/* One dim: its extents, and for TF_CROP the part of the input that is taken. */
struct resize_dim {
    int64_t in, out;
    double scale, start, end;
};

/* errors: E_CORRUPT, E_UNSUPPORTED */
enum status resize_read(const struct op_node *node, struct resize_params *p,
                        struct err *err) WARN_UNUSED;

/* out = floor(in * scale).  errors: E_BAD_INPUT */
enum status resize_scale(const char *op, int64_t in, float scale, struct resize_dim *d,
                         struct err *err) WARN_UNUSED;

/* Sets output 0 and the scratch from x and one record a dim. errors: as op_infer */
enum status resize_plan(struct op_infer *ctx, const char *op, const struct resize_params *p,
                        const struct resize_dim *dims, struct err *err) WARN_UNUSED;
/* The same dims again. */
void resize_run(const struct op_run *ctx, const struct resize_params *p,
                const struct resize_dim *dims);

/* taps inputs, by index and weight, of output position i; false: it lies outside (TF_CROP). */
bool resize_taps(const struct resize_params *p, const struct resize_dim *d, int64_t i,
                 int64_t index[RESIZE_TAPS_MAX], float weight[RESIZE_TAPS_MAX]);
int resize_tap_count(const struct resize_params *p);

#endif
