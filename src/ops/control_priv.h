/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What If, Loop and Scan share. */
#ifndef ROOST_OPS_CONTROL_PRIV_H
#define ROOST_OPS_CONTROL_PRIV_H

#include "ops/control.h"
#include "ops/ops_priv.h"

/* Reads one body's number into c->body[n_bodies++].  errors: E_CORRUPT when it is none */
enum status control_body(const struct op_node *node, enum attr_key k, struct op_control *c,
                         struct err *err) WARN_UNUSED;
/* Reads n_captures and sets n_own; at least own_min operands are left.  errors: E_CORRUPT */
enum status control_captures(const struct op_node *node, int own_min, struct op_control *c,
                             struct err *err) WARN_UNUSED;
/* Reads scan_types, once n_scans is known.  errors: E_CORRUPT */
enum status control_types(const struct op_node *node, struct op_control *c,
                          struct err *err) WARN_UNUSED;
/* What such an operator gives follows from what its bodies give: only a run can tell. */
enum status control_infer(struct op_infer *ctx, struct err *err) WARN_UNUSED;
/* The runtime never calls it.  errors: E_INTERNAL */
enum status control_run(const struct op_run *ctx, struct err *err) WARN_UNUSED;

#endif
