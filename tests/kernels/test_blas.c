/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The BLAS that is linked: the serial build, running the kernels that this processor deserves. */
#include <string.h>

#include "kernels/kernels.h"
#include "support/support.h"

START_TEST(the_serial_build_is_linked)
{
    ck_assert_int_eq(gemm_blas_threading(), 0);
}
END_TEST

START_TEST(a_wide_processor_gets_wide_kernels)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    const char *core = gemm_blas_core();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        ck_assert_msg(strcmp(core, "Prescott") != 0 && strcmp(core, "Nehalem") != 0, "%s", core);
#endif
}
END_TEST

Suite *suite_blas(void)
{
    return SUITE("blas", the_serial_build_is_linked, a_wide_processor_gets_wide_kernels);
}
