/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Putting elements of any dtype in order: every element has a key, and keys compare as elements do.
 * Zeros of both signs are one number; all NaNs are one, larger than every other. */
#ifndef ROOST_OPS_ORDER_H
#define ROOST_OPS_ORDER_H

#include "tensor/tensor.h"

/* The key of element i of data. */
typedef uint64_t order_key_fn(const void *data, int64_t i);
order_key_fn *order_key_of(enum dtype t); /* NULL for what is not a number */

struct order_entry {
    uint64_t key;
    int64_t at; /* an index; the lower one comes first among equal keys */
};

/* Largest key first. In place, in n log n steps whatever the keys are. */
void order_sort(struct order_entry *e, int64_t n);
/* Keeps the k entries that would come first, in a heap that order_heap_sort puts in order: begin
 * with n = 0, hand over all entries. */
void order_heap_offer(struct order_entry *heap, int64_t *n, int64_t k, struct order_entry e);
void order_heap_sort(struct order_entry *heap, int64_t n);

#endif
