/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.Attention's attribute `forms`, which the compiler writes. */
#ifndef ROOST_OPS_ATTENTION_H
#define ROOST_OPS_ATTENTION_H

#include "ops/flops.h"

/* Bits: how an operand lies when not as [batch][heads][rows][elements], batch left out in rank 3.
 */
enum attention_form {
    ATTENTION_Q_ROWS = 1, /* [batch][rows][heads][elements] */
    ATTENTION_K_ROWS = 2,
    ATTENTION_V_ROWS = 4,
    ATTENTION_Y_ROWS = 8,
    ATTENTION_K_DEPTH = 16, /* [batch][heads][elements][rows]; not with K_ROWS */
    ATTENTION_FORMS = 32
};

/* params: what Attention's prepare made. */
uint64_t attention_flops(const void *params, const struct op_shapes *s);

#endif
