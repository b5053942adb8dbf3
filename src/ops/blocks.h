/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* DepthToSpace and SpaceToDepth: channels and b x b blocks of the image change places. */
#ifndef ROOST_OPS_BLOCKS_H
#define ROOST_OPS_BLOCKS_H

#include "ops/ops_priv.h"

struct block_params {
    int64_t size;        /* 1..65535 */
    bool channels_first; /* mode CRD: of a block's channels, the image's channel varies slowest */
};

/* Reads blocksize.  errors: E_CORRUPT */
enum status block_prepare(const struct op_node *node, const char *op, struct block_params *p,
                          struct err *err) WARN_UNUSED;

/* Copies between the deep layout [n][c * b * b][h][w] and the wide one [n][c][h * b][w * b]; dims
 * are those of the wide one. Each is `to` or `from`. */
void block_copy(const struct block_params *p, const struct tensor *from, const struct tensor *to,
                bool widen);

#endif
