/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ROOST_CPU: which values are taken, and what is said of the others. Check forks each test, so that
 * the environment of one is not the next one's. */
#include "kernels/cpu.h"

#include <stdlib.h>
#include <string.h>

#include "support/support.h"

START_TEST(the_level_is_one_that_the_processor_has)
{
    unsetenv("ROOST_CPU");
    struct err err;
    ck_assert_int_eq(cpu_level_check(&err), OK);
    ck_assert_int_le(cpu_level(), cpu_level_most());
}
END_TEST

START_TEST(an_unknown_level_is_refused_by_name)
{
    setenv("ROOST_CPU", "sse9", 1);
    struct err err;
    ck_assert_int_eq(cpu_level_check(&err), E_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.msg, "\"sse9\", expected generic, avx2 or avx512"));
}
END_TEST

/* Each level is right on a processor that has it, and refused on one that has not. */
START_TEST(a_level_is_taken_where_the_processor_has_it)
{
    setenv("ROOST_CPU", cpu_level_name((enum cpu_level)_i), 1);
    struct err err;
    bool has = (int)cpu_level_most() >= _i;
    ck_assert_int_eq(cpu_level_check(&err), has ? OK : E_BAD_INPUT);
    if (!has)
        ck_assert_ptr_nonnull(strstr(err.msg, "this processor has"));
}
END_TEST

/* A level that whoever started the tests asks for: a lower one would pass for it. */
START_TEST(the_tests_run_on_the_level_asked_for)
{
    struct err err;
    ck_assert_msg(cpu_level_check(&err) == OK, "%s", err.msg);
}
END_TEST

Suite *suite_cpu(void)
{
    Suite *s = suite_create("cpu");
    TCase *t = tcase_create("level");
    tcase_add_test(t, the_level_is_one_that_the_processor_has);
    tcase_add_test(t, an_unknown_level_is_refused_by_name);
    tcase_add_loop_test(t, a_level_is_taken_where_the_processor_has_it, 0, CPU_LEVELS);
    tcase_add_test(t, the_tests_run_on_the_level_asked_for);
    suite_add_tcase(s, t);
    return s;
}
