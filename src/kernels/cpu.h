/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the processor can do, asked once. Kernels exist once per level; all of a process runs on one
 * level, so that a model's answers do not depend on which of its kernels were called before. The
 * environment variable ROOST_CPU forces a level: for tests, and for comparing machines.
 *
 * thread: any   locks: none   blocks: no */
#ifndef ROOST_KERNELS_CPU_H
#define ROOST_KERNELS_CPU_H

#include "base/status.h"

enum cpu_level {
    CPU_GENERIC, /* x86-64 as it began: 16 registers of 4 floats, no FMA. Elsewhere: plain C */
    CPU_AVX2,    /* x86-64-v3: 16 registers of 8 floats, FMA */
    CPU_AVX512,  /* x86-64-v4: 32 registers of 16 floats, masks */
    CPU_LEVELS
};

/* The level in force: the processor's highest, or what ROOST_CPU names; never one that the
 * processor lacks. */
enum cpu_level cpu_level(void);
/* The processor's highest, whatever ROOST_CPU says. */
enum cpu_level cpu_level_most(void);
/* "generic", "avx2", "avx512": as ROOST_CPU has them. */
const char *cpu_level_name(enum cpu_level level);

/* Beside the level, at CPU_AVX512 only: has the processor products of bytes (VPDPBUSD), of bfloat16
 * (VDPBF16PS), any order of a register's bytes (VPERMB)? ROOST_CPU does not force them. */
bool cpu_has_vnni(void);
bool cpu_has_bf16(void);
bool cpu_has_vbmi(void);
/* The level in force and which products it has beside: "avx512, vnni, bf16". */
const char *cpu_text(void);

/* For the program's start: is ROOST_CPU a level that this processor has? Unset and "" are right.
 * errors: E_BAD_INPUT (names what came and what there is) */
enum status cpu_level_check(struct err *err) WARN_UNUSED;

#endif
