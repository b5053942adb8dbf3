/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Finding elements among keys of the same dtype. Of two equal keys the first counts, and NaN equals
 * NaN. Few elements are looked up key by key; for more the keys are put in order first, in scratch,
 * so that the work is (elements + keys) * log keys. */
#ifndef ROOST_OPS_LOOKUP_H
#define ROOST_OPS_LOOKUP_H

#include "ops/ops_priv.h"
#include "tensor/text.h"

/* Embedded. */
struct lookup {
    const struct tensor *keys;
    const int64_t *at;                          /* the keys in order; NULL: search them all */
    int (*order)(struct text a, struct text b); /* of strings */
};

/* Scratch for looking up this many elements. */
uint64_t lookup_scratch_bytes(int64_t elements, const struct tensor *keys);
/* order: of strings; NULL: text_order. scratch: lookup_scratch_bytes, 8-byte aligned */
void lookup_begin(struct lookup *l, const struct tensor *keys, int64_t elements,
                  int (*order)(struct text a, struct text b), void *scratch);
/* The first key equal to element i of x, which has the keys' dtype; -1 when there is none. */
int64_t lookup_find(const struct lookup *l, const struct tensor *x, int64_t i);

#endif
