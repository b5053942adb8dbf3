/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators of low precision (kernels/narrow.h): what their operands' elements are, and what their
 * attributes say of them. The compiler alone makes them. A byte q of an operand means (q - zero) *
 * scale, of attributes x_scale, x_zero and so on; 1 and 0 where they are left out. */
#ifndef ROOST_OPS_NARROW_COMMON_H
#define ROOST_OPS_NARROW_COMMON_H

#include "kernels/narrow.h"
#include "ops/blocked_common.h"

struct narrow_params {
    float x_scale, y_scale, z_scale;
    int32_t x_zero, y_zero, z_zero;
    int32_t y_type; /* a dtype; DT_NONE: as X's */
};

/* errors: E_CORRUPT for a scale that is not finite and above 0, a zero point that is no byte, a
 * y_type that no result has */
enum status narrow_prepare(const struct op_node *node, const char *op, struct narrow_params *p,
                           struct err *err) WARN_UNUSED;

/* Operand i is float32, bfloat16 or uint8.  errors: E_UNSUPPORTED */
enum status narrow_operand(const struct op_infer *ctx, const char *op, int i,
                           struct err *err) WARN_UNUSED;
/* Operands 2 to 4 of a convolution or product (scale, B, Z), the result's shape being known:
 * lanes elements, or as the result.  errors: E_BAD_INPUT, E_UNSUPPORTED */
enum status narrow_rest(const struct op_infer *ctx, const char *op, int64_t lanes,
                        struct err *err) WARN_UNUSED;
/* The kernel's name for a dtype that narrow_operand let pass. */
static inline enum narrow_type narrow_type_of(enum dtype t)
{
    return t == DT_U8 ? NARROW_U8 : t == DT_BF16 ? NARROW_BF16 : NARROW_F32;
}
/* The result's dtype. */
enum dtype narrow_result(const struct narrow_params *p, const struct tensor *x);
/* What a run reads and writes: sum and bias at operands 2 to 4 as narrow_rest has them. */
static inline struct narrow_data narrow_x(const struct narrow_params *p, const struct tensor *x)
{
    return (struct narrow_data){narrow_type_of(x->dtype), p->x_scale, p->x_zero, x->data};
}
static inline struct narrow_data narrow_y(const struct narrow_params *p, const struct tensor *y)
{
    return (struct narrow_data){narrow_type_of(y->dtype), p->y_scale, p->y_zero, y->data};
}
void narrow_end_of(const struct op_run *ctx, const struct narrow_params *p, struct narrow_end *end);
/* Numbers of constant operands 2 and 3 are finite.  errors: E_CORRUPT */
enum status narrow_check(const char *op, int n_in, const struct tensor *const *in,
                         struct err *err) WARN_UNUSED;
/* Runs c, of `work` multiply-adds, over the team's idle threads where that pays. */
void narrow_share(const struct narrow *c, double work, const struct op_team *team);

#endif
