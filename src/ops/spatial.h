/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Windows that slide over spatial dims: what Conv and the pools share. */
#ifndef ROOST_OPS_SPATIAL_H
#define ROOST_OPS_SPATIAL_H

#include "ops/ops_priv.h"

enum { SPATIAL_MAX = 3 };

enum auto_pad { PAD_EXPLICIT, PAD_SAME_UPPER, PAD_SAME_LOWER, PAD_VALID };

/* As the attributes say; n is 0 when no attribute fixes the number of spatial dims. Every number is
 * in range: kernel, stride, dilation 1..OP_EXTENT_MAX, pads 0..OP_EXTENT_MAX. */
struct window {
    int32_t n; /* spatial dims, at most SPATIAL_MAX */
    enum auto_pad auto_pad;
    bool has_kernel, ceil_mode;
    int64_t kernel[SPATIAL_MAX], stride[SPATIAL_MAX], dilation[SPATIAL_MAX];
    int64_t pads[2 * SPATIAL_MAX]; /* leading ones, then trailing ones */
};

/* The same for one input shape, filled up to three dims with leading ones. */
struct placed_window {
    int64_t in[SPATIAL_MAX], out[SPATIAL_MAX], kernel[SPATIAL_MAX];
    int64_t stride[SPATIAL_MAX], dilation[SPATIAL_MAX];
    int64_t pad[SPATIAL_MAX], pad_end[SPATIAL_MAX];
};

/* Reads kernel_shape, strides, dilations, pads, auto_pad, ceil_mode.
 * errors: E_CORRUPT; E_UNSUPPORTED (more than three spatial dims) */
enum status window_read(const struct op_node *node, const char *op, struct window *w,
                        struct err *err) WARN_UNUSED;

/* Lays the window on x[n][c][spatial...]; kernel gives the extents (from w, or from the weights).
 * A window that does not fit even once is refused.
 * errors: E_BAD_INPUT; E_UNSUPPORTED (more than three spatial dims) */
enum status window_place(const struct window *w, const char *op, const struct tensor *x,
                         const int64_t *kernel, struct placed_window *p,
                         struct err *err) WARN_UNUSED;

/* The output's dims: [n][channels][out...]. */
void window_dims(const struct placed_window *p, const struct tensor *x, int64_t channels,
                 int64_t dims[TENSOR_RANK_MAX]);

#endif
