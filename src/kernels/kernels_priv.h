/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How the kernels are compiled, and the inner pieces that several of them share. */
#ifndef ROOST_KERNELS_KERNELS_PRIV_H
#define ROOST_KERNELS_KERNELS_PRIV_H

#include "kernels/cpu.h"
#include "kernels/kernels.h"

/* Opens the definition of a function that is compiled once per level of kernels/cpu.h: what the
 * compiler's vectoriser makes of a plain loop differs by level, and the level in force picks. Its
 * body follows. `storage` is static, or SHARED for a function with a prototype elsewhere. Products
 * and sums are never contracted here (ISO C mode), so all levels give the same bits. */
#if defined(__x86_64__)
#define MULTI_ISA(storage, ret, name, params, args)                                                \
    static inline __attribute__((always_inline)) ret name##_body params;                           \
    static __attribute__((target("arch=x86-64-v4"))) ret name##_avx512 params                      \
    {                                                                                              \
        return name##_body args;                                                                   \
    }                                                                                              \
    static __attribute__((target("arch=x86-64-v3"))) ret name##_avx2 params                        \
    {                                                                                              \
        return name##_body args;                                                                   \
    }                                                                                              \
    static __attribute__((noinline)) ret name##_generic params                                     \
    {                                                                                              \
        return name##_body args;                                                                   \
    }                                                                                              \
    storage ret name params                                                                        \
    {                                                                                              \
        enum cpu_level level = cpu_level();                                                        \
        return level == CPU_AVX512 ? name##_avx512 args                                            \
               : level == CPU_AVX2 ? name##_avx2 args                                              \
                                   : name##_generic args;                                          \
    }                                                                                              \
    static inline __attribute__((always_inline)) ret name##_body params
#else
#define MULTI_ISA(storage, ret, name, params, args) storage ret name params
#endif
#define SHARED /* no storage class */

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
