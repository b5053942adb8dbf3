/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Half-precision conversions against all 65,536 patterns and the rounding cases by hand. */
#include <math.h>
#include <string.h>

#include "support/support.h"
#include "tensor/tensor.h"

START_TEST(every_half_survives_the_round_trip)
{
    for (uint32_t h = 0; h < 65536; h++) {
        float f = f16_to_f32((uint16_t)h);
        if (isnan(f))
            ck_assert(isnan(f16_to_f32(f32_to_f16(f))));
        else
            ck_assert_uint_eq(f32_to_f16(f), h);
    }
}
END_TEST

START_TEST(rounding_is_to_nearest_even)
{
    static const struct {
        float f;
        uint16_t h;
    } cases[] = {{1.0f, 0x3c00},
                 {-2.0f, 0xc000},
                 {65504.0f, 0x7bff},
                 {65519.0f, 0x7bff},
                 {65520.0f, 0x7c00},
                 {1e9f, 0x7c00},
                 {0x1p-24f, 0x0001},
                 {0x1p-25f, 0x0000},
                 {0x1.8p-25f, 0x0001},
                 {1.0f + 0x1p-11f, 0x3c00},
                 {1.0f + 0x1.8p-10f, 0x3c02}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        ck_assert_uint_eq(f32_to_f16(cases[i].f), cases[i].h);
    ck_assert_uint_eq(f32_to_bf16(1.0f), 0x3f80);
    ck_assert_uint_eq(f32_to_bf16(1.0f + 0x1p-8f), 0x3f80);
    ck_assert(isnan(bf16_to_f32(f32_to_bf16(NAN))));
}
END_TEST

Suite *suite_half(void)
{
    return SUITE("half", every_half_survives_the_round_trip, rounding_is_to_nearest_even);
}
