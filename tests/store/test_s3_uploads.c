/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Uploads in parts that nobody ended: which are told, how their listing goes on, what of it is
 * refused, and how one is aborted. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "store/s3_fixture.h"
#include "store/s3_priv.h"
#include "support/support.h"

#define PAGE(xml)                                                                                  \
    {                                                                                              \
        .text = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<ListMultipartUploadsResult>" xml     \
                "</ListMultipartUploadsResult>",                                                   \
        .close = true                                                                              \
    }
#define UPLOAD(key, id)                                                                            \
    "<Upload><Key>" key "</Key><UploadId>" id "</UploadId><Initiator><ID>Key</ID></Initiator>"     \
    "<Initiated>2026-11-29T16:32:47.311Z</Initiated></Upload>"
#define MORE(key, id)                                                                              \
    "<NextKeyMarker>" key "</NextKeyMarker><NextUploadIdMarker>" id                                \
    "</NextUploadIdMarker><IsTruncated>true</IsTruncated>"
#define BEGAN_MS UINT64_C(1795969967000)

/* What was told, one "key id ms;" after the other. */
static char told[512];

static enum status note(void *arg, const struct store_upload *u)
{
    size_t n = strlen(told);
    snprintf(told + n, sizeof(told) - n, "%s %s %d;", u->key, u->id, u->began_ms == BEGAN_MS);
    return arg ? *(const enum status *)arg : OK;
}

/* Of everything below _roost/. */
static enum status list(const struct fake_reply *script, size_t n, enum status *answer)
{
    struct store_options o = patient();
    o.retries = 0;
    told[0] = 0;
    open_with(script, n, o);
    enum status s = store_uploads(store, "_roost/", note, answer, &err);
    teardown();
    return s;
}

START_TEST(uploads_are_told_page_by_page)
{
    static const struct fake_reply script[] = {
        PAGE(UPLOAD("pre fix/_roost/blobs/acme/1", "id/+1") MORE("pre fix/_roost/a&amp;b", "i 2")),
        PAGE("<IsTruncated>false</IsTruncated>" UPLOAD("pre fix/_roost/x", "3")),
    };
    ck_ok(list(script, ARRAY_COUNT(script), NULL), &err);
    ck_assert_str_eq(told, "_roost/blobs/acme/1 id/+1 1;_roost/x 3 1;");
    ck_assert(asked(0, "GET /bucket?max-uploads=1000&prefix=pre%20fix%2F_roost%2F&uploads= "));
    ck_assert(asked(1, "GET /bucket?key-marker=pre%20fix%2F_roost%2Fa%26b&max-uploads=1000"
                       "&prefix=pre%20fix%2F_roost%2F&upload-id-marker=i%202&uploads= "));
    ck_assert_uint_eq(fake.n_requests, 2);
}
END_TEST

START_TEST(what_is_not_asked_for_is_passed_over)
{
    static const struct fake_reply script[] = {
        PAGE(UPLOAD("_roost/above", "1") UPLOAD("pre fix/acme/own.roost", "2") UPLOAD("p", "3")
                 UPLOAD("pre fix/_roost/../x", "4") UPLOAD("pre fix/_roost//x", "5")
                     UPLOAD("pre fix/_roost/", "6") UPLOAD("pre fix/_roost/y", "7")
                         UPLOAD("pre fix/_roost/z?a", "8"))};
    ck_ok(list(script, 1, NULL), &err);
    ck_assert_str_eq(told, "_roost/y 7 1;");
}
END_TEST

START_TEST(an_age_that_is_not_told_is_none)
{
    static const struct fake_reply script[] = {
        PAGE("<Upload><Key>pre fix/_roost/a</Key><UploadId>1</UploadId></Upload>"
             "<Upload><Key>pre fix/_roost/b</Key><UploadId>2</UploadId>"
             "<Initiated>yesterday</Initiated></Upload>")};
    ck_ok(list(script, 1, NULL), &err);
    ck_assert_str_eq(told, "_roost/a 1 0;_roost/b 2 0;");
}
END_TEST

START_TEST(who_is_told_may_end_it)
{
    static const struct fake_reply script[] = {
        PAGE(UPLOAD("pre fix/_roost/a", "1") UPLOAD("pre fix/_roost/b", "2"))};
    enum status answer = E_CANCELLED;
    ck_assert_int_eq(list(script, 1, &answer), E_CANCELLED);
    ck_assert_str_eq(told, "_roost/a 1 1;");
}
END_TEST

#define LONG_64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define LONG_512 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64
#define LONG_2048 LONG_512 LONG_512 LONG_512 LONG_512

static const struct {
    struct fake_reply reply;
    const char *words;
} refused[] = {
    {PAGE("<IsTruncated>true</IsTruncated>"), "does not say where"},
    {PAGE("<Upload><Key>pre fix/_roost/a</Key></Upload>"), "without a key or an id"},
    {PAGE("<Upload><UploadId>1</UploadId></Upload>"), "without a key or an id"},
    {PAGE(UPLOAD("pre fix/_roost/" LONG_2048, "1")), "a key is too long"},
    {PAGE(UPLOAD("pre fix/_roost/a", LONG_512 LONG_512)), "an upload's id is too long"},
    {PAGE(MORE("pre fix/_roost/a", LONG_512 LONG_512)), "continuation is too long"},
    {PAGE(MORE(LONG_2048, "1")), "continuation is too long"},
    {PAGE("<Upload><Key>&unknown;</Key></Upload>"), "a key is too long"},
    {PAGE("<Upload></Key></Upload>"), "its tags do not match"},
    {PAGE("<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>"), "nested too deep"},
    {{.text = ROW(""), .close = true}, "it is no ListMultipartUploadsResult"},
    {{.text = ERROR("403 No", "AccessDenied"), .close = true}, "denied"},
    {{.text = ERROR("404 No", "NoSuchBucket"), .close = true}, "no such bucket"},
};

START_TEST(what_makes_no_sense_is_an_error)
{
    enum status s = list(&refused[_i].reply, 1, NULL);
    ck_assert_msg(s == E_STORE && strstr(err.msg, refused[_i].words), "%d: %s", s, err.msg);
    ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(a_server_without_such_a_listing_is_told_from_one_that_fails)
{
    static const struct fake_reply unknown[] = {
        {.text = ERROR("404 No", "NoSuchKey"), .close = true},
        {.text = ERROR("405 No", "MethodNotAllowed"), .close = true},
        {.text = ERROR("501 No", "NotImplemented"), .close = true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(unknown); i++) {
        ck_assert_int_eq(list(&unknown[i], 1, NULL), E_UNSUPPORTED);
        ck_assert_ptr_nonnull(strstr(err.msg, "does not list uploads in parts (HTTP "));
    }
}
END_TEST

START_TEST(a_listing_that_stands_still_ends)
{
    static const struct fake_reply script[] = {PAGE(MORE("pre fix/_roost/a", "1")),
                                               PAGE(MORE("pre fix/_roost/a", "2")),
                                               PAGE(MORE("pre fix/_roost/a", "2"))};
    ck_assert_int_eq(list(script, ARRAY_COUNT(script), NULL), E_STORE);
    ck_assert_ptr_nonnull(strstr(err.msg, "without end"));
    ck_assert_uint_eq(fake.n_requests, 3);
}
END_TEST

/* Two pages in turn, whose keys or ids differ from those of the page before. */
START_TEST(pages_in_turn_end)
{
    static const struct fake_reply turns[][2] = {
        {PAGE(MORE("pre fix/_roost/a", "1")), PAGE(MORE("pre fix/_roost/b", "1"))},
        {PAGE(MORE("pre fix/_roost/a", "1")), PAGE(MORE("pre fix/_roost/a", "2"))}};
    static struct fake_reply script[110];
    for (size_t i = 0; i < ARRAY_COUNT(script); i++)
        script[i] = turns[_i][i % 2];
    ck_assert_int_eq(list(script, 60, NULL), E_STORE); /* the script's end: it may go on so far */
    ck_assert_ptr_nonnull(strstr(err.msg, "HTTP 599"));
    ck_assert_int_eq(list(script, ARRAY_COUNT(script), NULL), E_STORE);
    ck_assert_msg(strstr(err.msg, "'_roost/' in s3://bucket/pre fix/: a listing without end"), "%s",
                  err.msg);
}
END_TEST

START_TEST(an_upload_is_aborted_once)
{
    static const struct fake_reply script[] = {
        {.text = "HTTP/1.1 204 No Content\r\n\r\n"},
        {.text = ERROR("404 No", "NoSuchUpload"), .close = true},
        {.text = ERROR("403 No", "AccessDenied"), .close = true},
    };
    const struct store_upload u = {.key = "_roost/blobs/acme/1", .id = "id/+1"},
                              bad = {.key = "../x", .id = "1"};
    open_with(script, ARRAY_COUNT(script), patient());
    ck_ok(store_abort(store, &u, &err), &err);
    ck_assert_int_eq(store_abort(store, &u, &err), E_NOT_FOUND);
    ck_assert_int_eq(store_abort(store, &u, &err), E_STORE);
    ck_assert_int_eq(store_abort(store, &bad, &err), E_BAD_INPUT);
    ck_assert_int_eq(store_uploads(store, "../", note, NULL, &err), E_BAD_INPUT);
    teardown();
    ck_assert(asked(0, "DELETE /bucket/pre%20fix/_roost/blobs/acme/1?uploadId=id%2F%2B1 "));
    ck_assert_uint_eq(fake.n_requests, 3);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    static const struct fake_reply script[] = {PAGE(UPLOAD("pre fix/_roost/a", "1"))};
    struct store_options o = patient();
    enum status s = E_NO_MEMORY;
    o.retries = 0;
    for (uint64_t n = 1; s != OK; n++) {
        open_with(script, 1, o);
        alloc_fail_at(n);
        s = store_uploads(store, "_roost/", note, NULL, &err);
        alloc_fail_at(0);
        ck_assert_msg(s == OK || s == E_NO_MEMORY || strstr(err.msg, "a page without end"), "%s",
                      err.msg);
        teardown();
    }
}
END_TEST

Suite *suite_s3_uploads(void)
{
    Suite *s =
        SUITE("s3_uploads", uploads_are_told_page_by_page, what_is_not_asked_for_is_passed_over,
              an_age_that_is_not_told_is_none, who_is_told_may_end_it,
              a_server_without_such_a_listing_is_told_from_one_that_fails,
              a_listing_that_stands_still_ends, an_upload_is_aborted_once, no_memory_is_an_error);
    TCase *many = tcase_create("tables");
    tcase_add_loop_test(many, what_makes_no_sense_is_an_error, 0, ARRAY_COUNT(refused));
    tcase_add_loop_test(many, pages_in_turn_end, 0, 2);
    suite_add_tcase(s, many);
    return s;
}
