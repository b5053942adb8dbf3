/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The two clocks. Where time decides something it enters as an argument named now_us; only the
 * edges (http, cli, background threads) read a clock. */
#ifndef ROOST_BASE_CLOCK_H
#define ROOST_BASE_CLOCK_H

#include "base/base.h"

uint64_t clock_now_us(void); /* CLOCK_MONOTONIC */
/* The same clock, to tell what came first, not to decide by how long ago: from one call to a later
 * one it does not fall, on whatever processors the two are made. */
uint64_t clock_now_ns(void);
uint64_t clock_wall_ms(void); /* CLOCK_REALTIME since 1970, for logs and documents only */

#endif
