/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Lanes change places, halves with halves and so on: after as many steps as it takes, each lane has
 * met all others without a way through memory. */
#ifndef ROOST_KERNELS_SWAP_H
#define ROOST_KERNELS_SWAP_H

#include "kernels/isa/isa.h"

#if ISA_LEVEL == 2
#define SWAP_8(v)                                                                                  \
    __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)
#define SWAP_4(v)                                                                                  \
    __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11)
#define SWAP_2(v)                                                                                  \
    __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)
#define SWAP_1(v)                                                                                  \
    __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14)
#define EACH_SWAP(X) X(SWAP_8) X(SWAP_4) X(SWAP_2) X(SWAP_1)
#elif ISA_LEVEL == 1
#define SWAP_4(v) __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3)
#define SWAP_2(v) __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5)
#define SWAP_1(v) __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6)
#define EACH_SWAP(X) X(SWAP_4) X(SWAP_2) X(SWAP_1)
#else
#define SWAP_2(v) __builtin_shufflevector(v, v, 2, 3, 0, 1)
#define SWAP_1(v) __builtin_shufflevector(v, v, 1, 0, 3, 2)
#define EACH_SWAP(X) X(SWAP_2) X(SWAP_1)
#endif

#endif
