/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The BLAS that is linked: the serial build, running the kernels that this processor deserves. */
#include <string.h>

#include "kernels/cpu.h"
#include "kernels/kernels.h"
#include "support/support.h"

START_TEST(the_serial_build_is_linked)
{
    ck_assert_int_eq(gemm_blas_threading(), 0);
}
END_TEST

START_TEST(blas_runs_kernels_of_the_level_in_force)
{
    const char *core = gemm_blas_core();
    bool narrow = strcmp(core, "Prescott") == 0 || strcmp(core, "Nehalem") == 0;
    ck_assert_msg(narrow == (cpu_level() == CPU_GENERIC) || cpu_level_most() == CPU_GENERIC, "%s",
                  core);
}
END_TEST

Suite *suite_blas(void)
{
    return SUITE("blas", the_serial_build_is_linked, blas_runs_kernels_of_the_level_in_force);
}
