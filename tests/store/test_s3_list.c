/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How a bucket is listed: which entries are told, how pages follow each other, and what ends a
 * listing that does not end. */
#include <stdio.h>
#include <string.h>

#include "store/s3_fixture.h"
#include "store/s3_priv.h"
#include "support/support.h"

static enum status count_entry(void *arg, const char *name, bool is_prefix,
                               const struct store_object *o)
{
    char *text = arg;
    size_t n = strlen(text);
    snprintf(text + n, 128 - n, "%s%s%s ", name, is_prefix ? "/" : "=", is_prefix ? "" : o->tag);
    return OK;
}

START_TEST(a_listing_pages_and_passes_over_what_is_no_key)
{
    static const struct fake_reply script[] = {
        {.text = ROW(
             "<IsTruncated>true</IsTruncated><NextContinuationToken>a+b/=</NextContinuationToken>"
             "<Contents><Key>pre fix/t/</Key><ETag>x</ETag></Contents>"
             "<Contents><Key>pre fix/t/a.roost</Key><ETag>x</ETag><Size>1</Size></Contents>"
             "<Contents><Key>elsewhere/a.roost</Key><ETag>x</ETag></Contents>"
             "<Contents><Key>pre fix/t/.hidden</Key><ETag>x</ETag></Contents>"),
         .close = true},
        {.text = ERROR("500 No", "InternalError"), .close = true},
        {.text = ROW("<IsTruncated>false</IsTruncated>"
                     "<CommonPrefixes><Prefix>pre fix/t/12/</Prefix></CommonPrefixes>"),
         .close = true},
    };
    char seen[128] = "";
    open_with(script, ARRAY_COUNT(script), patient());
    ck_ok(store_list(store, "t/", count_entry, seen, &err), &err);
    ck_assert_str_eq(seen, "a.roost=x 12/ ");
    teardown();
    ck_assert(
        asked(0, "GET /bucket?delimiter=%2F&list-type=2&max-keys=1000&prefix=pre%20fix%2Ft%2F "));
    ck_assert(asked(2, "GET /bucket?continuation-token=a%2Bb%2F%3D&delimiter="));
}
END_TEST

#define GOES_ON(token, keys)                                                                       \
    {                                                                                              \
        .text = ROW("<IsTruncated>true</IsTruncated><NextContinuationToken>" token                 \
                    "</NextContinuationToken>" keys),                                              \
        .close = true                                                                              \
    }
#define FILE_AT(key) "<Contents><Key>pre fix/" key "</Key><ETag>x</ETag></Contents>"
#define FOLDER_AT(key) "<CommonPrefixes><Prefix>pre fix/" key "</Prefix></CommonPrefixes>"
#define TWO_EMPTY GOES_ON("a", ""), GOES_ON("b", "")

/* Two pages in turn, one page again and again, and keys that fall. */
static const struct fake_reply endless[][10] = {
    {GOES_ON("a", ""), GOES_ON("a", "")},
    {GOES_ON("a", FILE_AT("k")), GOES_ON("a", FILE_AT("l"))},
    {GOES_ON("a", FILE_AT("k")), GOES_ON("b", FILE_AT("k"))},
    {GOES_ON("a", FILE_AT("k")), GOES_ON("b", FILE_AT("l")), GOES_ON("a", FILE_AT("k"))},
    {GOES_ON("a", FILE_AT("k") FOLDER_AT("m/")), GOES_ON("b", FILE_AT("l") FOLDER_AT("m/"))},
    {GOES_ON("a", FILE_AT("k")), GOES_ON("b", ""), GOES_ON("c", FILE_AT("j"))},
    {TWO_EMPTY, TWO_EMPTY, TWO_EMPTY, TWO_EMPTY, GOES_ON("a", ""), GOES_ON("b", "")},
};
static const size_t endless_asked[] = {2, 2, 2, 3, 2, 3, 9};

START_TEST(a_listing_that_does_not_move_on_ends)
{
    char seen[128] = "";
    open_with(endless[_i], endless_asked[_i], patient());
    ck_assert_int_eq(store_list(store, "", count_entry, seen, &err), E_STORE);
    ck_assert_msg(strstr(err.msg, "'/' in s3://bucket/pre fix/: a listing without end"), "%s",
                  err.msg);
    teardown();
    ck_assert_uint_eq(fake.n_requests, endless_asked[_i]);
}
END_TEST

START_TEST(a_listing_may_have_empty_pages_and_a_last_one_that_repeats)
{
    static const struct fake_reply script[] = {GOES_ON("z", FILE_AT("k")),
                                               TWO_EMPTY,
                                               TWO_EMPTY,
                                               TWO_EMPTY,
                                               TWO_EMPTY,
                                               GOES_ON("z", FILE_AT("l")),
                                               {.text = ROW(FILE_AT("l")), .close = true}};
    char seen[128] = "";
    open_with(script, ARRAY_COUNT(script), patient());
    ck_ok(store_list(store, "", count_entry, seen, &err), &err);
    ck_assert_str_eq(seen, "k=x l=x l=x ");
    teardown();
}
END_TEST

/* Each page in a page's time, all together in much more. */
START_TEST(a_listing_has_time_as_a_whole)
{
    static char text[20][512];
    struct fake_reply script[20];
    struct store_options o = patient();
    char seen[128] = "";
    for (size_t i = 0; i < ARRAY_COUNT(script); i++) {
        snprintf(text[i], sizeof(text[i]),
                 ROW("<IsTruncated>%s</IsTruncated><NextContinuationToken>%02zu"
                     "</NextContinuationToken>" FILE_AT(".%02zu")),
                 i + 1 < ARRAY_COUNT(script) ? "true" : "false", i, i);
        script[i] = (struct fake_reply){.text = text[i], .close = true, .late_us = 250000};
    }
    o.timeout_us = 2000000;
    open_with(script, ARRAY_COUNT(script), o);
    ck_assert_int_eq(store_list(store, "", count_entry, seen, &err), E_STORE);
    ck_assert_msg(strstr(err.msg, "no time is left after"), "%s", err.msg);
    teardown();
    ck_assert_uint_lt(fake.n_requests, 12);
}
END_TEST

START_TEST(entries_earn_a_listing_time)
{
    static const struct fake_reply script[] = {GOES_ON("a", FILE_AT("k") FILE_AT("l")),
                                               {.text = ROW(""), .close = true}};
    struct s3_pages p;
    char seen[128] = "";
    open_with(script, ARRAY_COUNT(script), patient());
    s3_pages_init(s3_of(store), &p);
    ck_assert_uint_eq(p.left_us, patient().timeout_us);
    s3_pages_earn(&p);
    ck_assert_uint_eq(p.left_us, patient().timeout_us + 1000);
    ck_ok(store_list(store, "", count_entry, seen, &err), &err);
    teardown();
}
END_TEST

Suite *suite_s3_list(void)
{
    Suite *s = SUITE("s3_list", a_listing_pages_and_passes_over_what_is_no_key,
                     a_listing_may_have_empty_pages_and_a_last_one_that_repeats,
                     a_listing_has_time_as_a_whole, entries_earn_a_listing_time);
    TCase *many = tcase_create("tables");
    tcase_add_loop_test(many, a_listing_that_does_not_move_on_ends, 0, ARRAY_COUNT(endless));
    suite_add_tcase(s, many);
    return s;
}
