/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A file's tag follows what happens to it. */
#include "base/file_tag.h"

#include <string.h>

#include "support/support.h"

START_TEST(every_part_of_a_files_state_is_in_its_tag)
{
    const struct stat st = {
        .st_dev = 1, .st_ino = 2, .st_size = 3, .st_mtim = {4, 5}, .st_ctim = {6, 7}};
    char tag[FILE_TAG_MAX], other[FILE_TAG_MAX];
    struct stat changed[6];
    file_tag(&st, tag);
    for (int i = 0; i < 6; i++)
        changed[i] = st;
    changed[0].st_dev++;
    changed[1].st_ino++;
    changed[2].st_size++;
    changed[3].st_mtim.tv_nsec++;
    changed[4].st_ctim.tv_sec++;
    changed[5].st_ctim.tv_nsec++;
    for (int i = 0; i < 6; i++) {
        file_tag(&changed[i], other);
        ck_assert_str_ne(tag, other);
    }
    file_tag(&st, other);
    ck_assert_str_eq(tag, other);
}
END_TEST

START_TEST(the_largest_numbers_fit)
{
    struct stat st;
    char tag[FILE_TAG_MAX];
    memset(&st, 0xff, sizeof(st));
    file_tag(&st, tag);
    ck_assert_uint_ge(strlen(tag), 60);
    ck_assert_uint_lt(strlen(tag), FILE_TAG_MAX - 1);
}
END_TEST

START_TEST(a_file_is_settled_when_its_last_change_is_long_ago)
{
    const struct stat st = {.st_ctim = {100, 999999999}};
    ck_assert(!file_tag_settled(&st, 99)); /* a clock that was set back */
    ck_assert(!file_tag_settled(&st, 100));
    ck_assert(!file_tag_settled(&st, 102));
    ck_assert(file_tag_settled(&st, 103));
}
END_TEST

Suite *suite_file_tag(void)
{
    return SUITE("file_tag", every_part_of_a_files_state_is_in_its_tag, the_largest_numbers_fit,
                 a_file_is_settled_when_its_last_change_is_long_ago);
}
