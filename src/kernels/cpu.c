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

/* ---- beside the level: bit 0 that they were asked for, then one bit for each ---- */

enum { ASKED = 1, VNNI = 2, BF16 = 4, VBMI = 8 };

static int extras(void)
{
    static atomic_int known;
    int have = atomic_load_explicit(&known, memory_order_relaxed);
    if (have)
        return have;
    have = ASKED;
#if defined(__x86_64__)
    if (cpu_level() == CPU_AVX512) {
        have |= __builtin_cpu_supports("avx512vnni") ? VNNI : 0;
        have |= __builtin_cpu_supports("avx512bf16") ? BF16 : 0;
        have |= __builtin_cpu_supports("avx512vbmi") ? VBMI : 0;
    }
#endif
    atomic_store_explicit(&known, have, memory_order_relaxed);
    return have;
}

bool cpu_has_vnni(void)
{
    return extras() & VNNI;
}

bool cpu_has_bf16(void)
{
    return extras() & BF16;
}

bool cpu_has_vbmi(void)
{
    return extras() & VBMI;
}

const char *cpu_text(void)
{
    static const char *const wide[] = {"avx512", "avx512, vnni", "avx512, bf16",
                                       "avx512, vnni, bf16"};
    enum cpu_level level = cpu_level();
    return level == CPU_AVX512 ? wide[(extras() & (VNNI | BF16)) / VNNI] : cpu_level_name(level);
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
