/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One look at cpuid and one at ROOST_CPU. The answer is kept in an atomic: two threads that ask
 * first at the same time find the same. */
#include "kernels/cpu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[CPU_LEVELS] = {"generic", "avx2", "avx512"};

enum cpu_level cpu_level_most(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                __builtin_cpu_supports("bmi2");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        return CPU_AVX512;
    if (avx2)
        return CPU_AVX2;
#endif
    return CPU_GENERIC;
}

/* The level that a text names; CPU_LEVELS for none. */
static enum cpu_level named(const char *text)
{
    unsigned i = 0;
    while (i < CPU_LEVELS && strcmp(text, names[i]) != 0)
        i++;
    return (enum cpu_level)i;
}

static enum cpu_level choose(void)
{
    const char *text = getenv("ROOST_CPU");
    enum cpu_level most = cpu_level_most(), wanted = text ? named(text) : CPU_LEVELS;
    return wanted < most ? wanted : most;
}

enum cpu_level cpu_level(void)
{
    static atomic_int chosen; /* level + 1; 0: nobody asked yet */
    int have = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (!have) {
        have = (int)choose() + 1;
        atomic_store_explicit(&chosen, have, memory_order_relaxed);
    }
    return (enum cpu_level)(have - 1);
}

const char *cpu_level_name(enum cpu_level level)
{
    return names[level];
}

enum status cpu_level_check(struct err *err)
{
    const char *text = getenv("ROOST_CPU");
    enum cpu_level most = cpu_level_most();
    if (!text || !*text)
        return OK;
    if (named(text) == CPU_LEVELS)
        return err_set(err, E_BAD_INPUT, "ROOST_CPU is \"%s\", expected generic, avx2 or avx512",
                       text);
    if (named(text) > most)
        return err_set(err, E_BAD_INPUT, "ROOST_CPU is %s: this processor has %s at most", text,
                       names[most]);
    return OK;
}
