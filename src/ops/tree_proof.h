/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The proof that tables of trees are well formed (ops/tree_ensemble.h names the operands). */
#ifndef ROOST_OPS_TREE_PROOF_H
#define ROOST_OPS_TREE_PROOF_H

#include "kernels/trees.h"
#include "ops/op.h"

/* in: as tree_operand says, up to n_in.  errors: E_CORRUPT */
enum status tree_proof(const struct tensor *const *in, int n_in, uint32_t n_features,
                       uint32_t n_groups, struct err *err) WARN_UNUSED;
/* The operands of a run, proven, as the kernels take them. x_step: columns of a row. */
struct tree_table tree_table_of(const struct op_run *c, uint32_t n_features, uint32_t n_groups,
                                uint32_t x_step);

#endif
