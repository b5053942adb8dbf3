/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Compiler attributes and small macros that every room may use. */
#ifndef ROOST_BASE_BASE_H
#define ROOST_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WARN_UNUSED __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define UNUSED(x) ((void)(x))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* The object of type `type` whose member `member` is at `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* clang's thread-safety analysis; empty under gcc. In C it takes function attributes only. */
#if defined(__clang__)
#define CAPABILITY(x) __attribute__((capability(x)))
#define REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define ACQUIRES(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define TRY_ACQUIRES(...) __attribute__((try_acquire_capability(true, __VA_ARGS__)))
#define RELEASES(...) __attribute__((release_capability(__VA_ARGS__)))
#define NO_LOCK_ANALYSIS __attribute__((no_thread_safety_analysis))
#else
#define CAPABILITY(x)
#define REQUIRES(...)
#define ACQUIRES(...)
#define TRY_ACQUIRES(...)
#define RELEASES(...)
#define NO_LOCK_ANALYSIS
#endif

/* Our own bugs only: stays on in release, one condition, no side effects. Bytes from outside must
 * never decide one. */
_Noreturn void assert_failed(const char *file, int line, const char *what);
#define ASSERT(c) ((c) ? (void)0 : assert_failed(__FILE__, __LINE__, #c))

#endif
