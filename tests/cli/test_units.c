/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Sizes and durations: what is read, what is refused, and that the exact text reads back. */
#include <inttypes.h>
#include <string.h>

#include "cli/units.h"
#include "support/support.h"

START_TEST(sizes_are_read_exactly_or_refused)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t bytes;
    } cases[] = {
        {"0", true, 0},
        {"17", true, 17},
        {"17B", true, 17},
        {"8GiB", true, UINT64_C(8) << 30},
        {"1kB", true, 1000},
        {"16777215TiB", true, UINT64_C(16777215) << 40},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"16777216TiB", false, 0},
        {"", false, 0},
        {"GiB", false, 0},
        {"1.5GiB", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 GiB", false, 0},
        {"1gib", false, 0},
        {"0x10", false, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint64_t n = 0;
        struct err err = {OK, ""};
        enum status s = units_size(cases[i].text, &n, &err);
        ck_assert_msg((s == OK) == cases[i].good, "%s", cases[i].text);
        if (s == OK)
            ck_assert_uint_eq(n, cases[i].bytes);
        else
            ck_assert_int_eq(err.code, E_USAGE);
    }
}
END_TEST

START_TEST(durations_need_a_unit)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t us;
    } cases[] = {
        {"0", true, 0},   {"30s", true, 30000000}, {"250ms", true, 250000},
        {"7us", true, 7}, {"2m", true, 120000000}, {"30", false, 0},
        {"1d", false, 0}, {"s", false, 0},         {"1h", true, UINT64_C(3600000000)},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint64_t n = 0;
        enum status s = units_duration(cases[i].text, &n, NULL);
        ck_assert_msg((s == OK) == cases[i].good, "%s", cases[i].text);
        if (s == OK)
            ck_assert_uint_eq(n, cases[i].us);
    }
}
END_TEST

START_TEST(exact_texts_read_back_the_same)
{
    static const uint64_t values[] = {
        0, 1, 1000, 1023, 1024, 1536, 65536, 1048576, 1048577, 60000000, UINT64_C(5) << 40};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        char text[UNITS_TEXT_MAX];
        uint64_t n = 1;
        struct err err;
        ck_ok(units_size(units_size_text(values[i], text), &n, &err), &err);
        ck_assert_uint_eq(n, values[i]);
        ck_ok(units_duration(units_duration_text(values[i], text), &n, &err), &err);
        ck_assert_uint_eq(n, values[i]);
    }
    char text[UNITS_TEXT_MAX];
    ck_assert_str_eq(units_size_text(64 << 20, text), "64MiB");
    ck_assert_str_eq(units_duration_text(1500000, text), "1500ms");
}
END_TEST

START_TEST(human_texts_round)
{
    char text[UNITS_TEXT_MAX];
    ck_assert_str_eq(units_size_human(5347738, text), "5.1 MiB");
    ck_assert_str_eq(units_size_human(999, text), "999 B");
    ck_assert_str_eq(units_size_human(UINT64_C(120) << 30, text), "120 GiB");
    ck_assert_str_eq(units_duration_human(84, text), "84 us");
    ck_assert_str_eq(units_duration_human(2540, text), "2.5 ms");
}
END_TEST

Suite *suite_units(void)
{
    return SUITE("units", sizes_are_read_exactly_or_refused, durations_need_a_unit,
                 exact_texts_read_back_the_same, human_texts_round);
}
