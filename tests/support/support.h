/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the tests of several rooms share. */
#ifndef ROOST_TESTS_SUPPORT_H
#define ROOST_TESTS_SUPPORT_H

#include <check.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/status.h"

/* Check writes down the place of each assertion that held, into a file, so as to say of a crash
 * after which one it came: two calls of the kernel each, and in loops of millions most of a test's
 * time. Here each place is written down when it holds first. */
#undef ck_assert_msg
#define ck_assert_msg(expr, ...)                                                                   \
    do {                                                                                           \
        static atomic_bool ck_held_;                                                               \
        if (!(expr))                                                                               \
            _ck_assert_failed(__FILE__, __LINE__, "Assertion '" #expr "' failed", ##__VA_ARGS__);  \
        else if (!atomic_load_explicit(&ck_held_, memory_order_relaxed)) {                         \
            atomic_store_explicit(&ck_held_, true, memory_order_relaxed);                          \
            mark_point();                                                                          \
        }                                                                                          \
    } while (0)

/* How often something is done: less often under ASan, where it costs five times as much and what is
 * looked for is a step's memory. */
#ifdef __SANITIZE_ADDRESS__
#define LESS_UNDER_ASAN(n, less) (less)
#else
#define LESS_UNDER_ASAN(n, less) (n)
#endif

/* Fails the test with err's words unless s is OK. */
#define ck_ok(s, err)                                                                              \
    do {                                                                                           \
        enum status ck_status_ = (s);                                                              \
        ck_assert_msg(ck_status_ == OK, "%s: %s", status_name(ck_status_), (err)->msg);            \
    } while (0)

/* A suite of one case with the given tests, and the timeout that tests/main.c.in gives each. */
Suite *suite_of(const char *name, const char *tags, const TTest *const *tests, size_t count);
#define SUITE_TAGGED(name, tags, ...)                                                              \
    suite_of(name, tags, (const TTest *const[]){__VA_ARGS__},                                      \
             sizeof((const TTest *const[]){__VA_ARGS__}) / sizeof(const TTest *))
#define SUITE(name, ...) SUITE_TAGGED(name, NULL, __VA_ARGS__)
/* What it tests runs on one thread, and at length: scripts/test leaves it out under TSan, whose
 * only finding would be time. */
#define SUITE_SERIAL(name, ...) SUITE_TAGGED(name, "serial", __VA_ARGS__)
/* It takes half a minute on a machine of its own: ten minutes say that it hangs. */
#define SUITE_LONG(name, ...) SUITE_TAGGED(name, "long", __VA_ARGS__)

#endif
