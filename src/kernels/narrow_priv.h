/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the kernels of low precision and their specification share. */
#ifndef ROOST_KERNELS_NARROW_PRIV_H
#define ROOST_KERNELS_NARROW_PRIV_H

#include "kernels/blocked_priv.h"
#include "kernels/narrow.h"

/* An element of d as the number that it means. */
float narrow_widen_ref(const struct narrow_data *d, int64_t i);
/* Writes element i of d. */
void narrow_store_ref(const struct narrow_data *d, int64_t i, float v);
/* All that follows a sum v of lane `lane` on its way to element i of y. */
void narrow_finish_ref(const struct narrow_end *e, float v, int64_t lane, int64_t i);

#endif
