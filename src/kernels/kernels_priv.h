/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How the kernels are compiled, and the inner pieces that several of them share. */
#ifndef ROOST_KERNELS_KERNELS_PRIV_H
#define ROOST_KERNELS_KERNELS_PRIV_H

#include "kernels/kernels.h"

/* Compiles a function once per x86-64 level; the dynamic linker picks one when the program starts.
 * Sanitizers and clang build the plain one only: their start-up code cannot run inside the choice.
 * Products and sums are never contracted (ISO C mode), so all levels give the same bits. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MULTI_ISA __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MULTI_ISA
#endif

/* Before a loop whose iterations touch different elements, though outputs may equal inputs. clang
 * has no promise like it that is not also a demand, and warns where it cannot follow. */
#if defined(__clang__)
#define INDEPENDENT
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

/* Sums and maxima are kept in this many lanes, so that the compiler can vectorise them. */
enum { LANES = 16 };

/* The choice of conv_f32, by shape: see conv.c. */
enum conv_way { CONV_DEPTHWISE, CONV_POINTWISE, CONV_IM2COL };
enum conv_way conv_f32_way(const struct conv *c);
void conv_f32_depthwise(const struct conv *c);

static inline int64_t conv_in_size(const struct conv *c)
{
    return c->in[0] * c->in[1] * c->in[2];
}

static inline int64_t conv_out_size(const struct conv *c)
{
    return c->out[0] * c->out[1] * c->out[2];
}

static inline int64_t conv_kernel_size(const struct conv *c)
{
    return c->kernel[0] * c->kernel[1] * c->kernel[2];
}

#endif
