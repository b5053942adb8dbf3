/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What an object is and its first bytes in one request, and which endings a name has in one
 * listing: what is believed of such answers, and what they cost. */
#include <string.h>

#include "metrics/metrics.h"
#include "store/s3_fixture.h"
#include "support/support.h"

static const char *const endings[] = {".roost", ".onnx", ".tar.gz", NULL};

static struct store_first first_of(size_t room)
{
    return (struct store_first){.to = (uint8_t *)got, .room = room};
}

START_TEST(one_request_tells_and_brings)
{
    static const struct fake_reply script[] = {
        {.text = RANGE("0-3", "4") "0123"},
        {.text = RANGE("0-9", "10") OBJECT},
        {.text = "HTTP/1.1 200 OK\r\n" E1 "Content-Length: 10\r\n\r\n" OBJECT},
        {.text = "HTTP/1.1 200 OK\r\n" E1 "Content-Length: 0\r\n\r\n"}};
    static const size_t rooms[] = {4, 11, 20, 4}, have[] = {4, 10, 10, 0},
                        bytes[] = {10, 10, 10, 0};
    char to[20];
    open_with(script, ARRAY_COUNT(script), patient());
    const uint64_t before = metric_get(M_STORE_READ_BYTES);
    for (size_t i = 0; i < ARRAY_COUNT(script); i++) {
        struct store_first f = {.to = (uint8_t *)to, .room = rooms[i]};
        ck_ok(store_first(store, "a", &f, &err), &err);
        ck_assert_uint_eq(f.n, have[i]);
        ck_assert_uint_eq(f.object.bytes, bytes[i]);
        ck_assert_str_eq(f.object.tag, "e1");
        ck_assert_mem_eq(to, OBJECT, f.n);
    }
    ck_assert_uint_eq(metric_get(M_STORE_READ_BYTES) - before, 24);
    teardown();
    ck_assert(asked(0, "GET /bucket/pre%20fix/a HTTP/1.1\r\n") && asked(0, "Range: bytes=0-3\r\n"));
    ck_assert(!asked(0, "If-Match"));
    ck_assert_uint_eq(fake.n_requests, ARRAY_COUNT(script));
}
END_TEST

/* A range of it is none, so its head says what it is. */
START_TEST(an_object_without_bytes_is_one)
{
    static const struct fake_reply script[] = {
        {.text = "HTTP/1.1 416 No\r\nContent-Range: bytes */0\r\nContent-Length: 0\r\n\r\n"},
        {.text = "HTTP/1.1 200 OK\r\n" E1 "Content-Length: 0\r\n\r\n"}};
    open_with(script, ARRAY_COUNT(script), patient());
    struct store_first f = first_of(10);
    ck_ok(store_first(store, "a", &f, &err), &err);
    ck_assert_uint_eq(f.n, 0);
    ck_assert_uint_eq(f.object.bytes, 0);
    ck_assert_str_eq(f.object.tag, "e1");
    teardown();
    ck_assert(asked(1, "HEAD /bucket"));
}
END_TEST

/* Answers that lie, each followed by a right one. */
static const char *const lies[] = {
    RANGE("0-4", "5") "01234", /* not all of it */
    "HTTP/1.1 206 P\r\n" E1 "Content-Range: bytes 0-9/20\r\nContent-Length: 10\r\n\r\n" OBJECT,
    "HTTP/1.1 206 P\r\n" E1 "Content-Range: bytes 0-9/*\r\nContent-Length: 10\r\n\r\n" OBJECT,
    "HTTP/1.1 206 P\r\n" E1 "Content-Range: bytes 1-9/10\r\nContent-Length: 9\r\n\r\n123456789",
    "HTTP/1.1 206 P\r\n" E1 "Content-Length: 10\r\n\r\n" OBJECT, /* no range */
    "HTTP/1.1 206 P\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n" OBJECT,
    "HTTP/1.1 200 OK\r\n" E1 "Content-Length: 16\r\n\r\n0123456789abcdef", /* more than the room */
    "HTTP/1.1 200 OK\r\n" E1 "Content-Length: 9999999999999\r\n\r\n" OBJECT,
};

START_TEST(what_a_lie_said_is_forgotten)
{
    const struct fake_reply script[] = {{.text = lies[_i], .close = true},
                                        {.text = RANGE("0-9", "10") OBJECT}};
    char to[15] = "";
    struct store_first f = {.to = (uint8_t *)to, .room = sizeof(to)};
    open_with(script, ARRAY_COUNT(script), patient());
    enum status s = store_first(store, "a", &f, &err);
    teardown();
    ck_assert_msg(s == OK, "%s: %s", lies[_i], err.msg);
    ck_assert_msg(f.n == 10 && f.object.bytes == 10, "%s: %zu", lies[_i], f.n);
    ck_assert_mem_eq(to, OBJECT, 10);
    ck_assert(asked(1, "Range: bytes=0-14\r\n"));
}
END_TEST

START_TEST(a_broken_off_answer_goes_on_with_what_it_said)
{
    static const struct fake_reply script[] = {
        {.text = RANGE("0-9", "10") "0123", .close = true},
        {.text = RANGE("4-9", "6") "456789"},
        {.text = RANGE("0-9", "10") "0123", .close = true},
        {.text = ERROR("412 No", "PreconditionFailed"), .close = true}};
    char to[15] = "";
    struct store_first f = {.to = (uint8_t *)to, .room = sizeof(to)};
    open_with(script, ARRAY_COUNT(script), patient());
    ck_ok(store_first(store, "a", &f, &err), &err);
    ck_assert_mem_eq(to, OBJECT, 10);
    ck_assert_int_eq(store_first(store, "a", &f, &err), E_CHANGED); /* it is another by now */
    teardown();
    ck_assert(asked(1, "Range: bytes=4-9\r\n") && asked(1, "If-Match: \"e1\"\r\n"));
}
END_TEST

#define ENTRY(key) "<Contents><Key>pre fix/" key "</Key><ETag>x</ETag><Size>7</Size></Contents>"
#define LAST "<IsTruncated>false</IsTruncated>"
#define MORE "<IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken>"

/* which: -1: none is there. heads: requests beside the listing. */
static const struct {
    const char *name;
    struct fake_reply page, second;
    int which;
    bool looked, below;
    size_t heads;
} finds[] = {
    {"the first that counts",
     {.text = ROW(LAST ENTRY("t/m.onnx") ENTRY("t/m.roost") ENTRY("t/m.tar.gz")), .close = true},
     {.text = ""},
     0,
     false,
     false,
     0},
    {"one with two dots",
     {.text = ROW(LAST ENTRY("t/m.tar.gz") ENTRY("t/m.tar") ENTRY("t/m.gz")), .close = true},
     {.text = ""},
     2,
     false,
     false,
     0},
    {"others' names",
     {.text = ROW(LAST ENTRY("t/m.onnx.bak") ENTRY("t/m.x.onnx") ENTRY(
          "t/n.onnx") "<CommonPrefixes><Prefix>pre fix/t/m.onnx/</Prefix></CommonPrefixes>"
                      "<Contents><Key>elsewhere/t/m.onnx</Key><ETag>x</ETag></Contents>"
                      "<Contents><Key>pre fix/t/m.roost</Key></Contents>"),
      .close = true},
     {.text = ""},
     -1,
     false,
     false,
     0},
    {"what stands behind the page is looked for",
     {.text = ROW(MORE ENTRY("t/m.onnx")), .close = true},
     {.text = HEAD_OK},
     0,
     true,
     true,
     1},
    {"the page ends behind the endings",
     {.text = ROW(MORE ENTRY("t/m.x") ENTRY("t/m0.onnx")), .close = true},
     {.text = ""},
     -1,
     false,
     false,
     0},
    {"a folder, of which a page that ends with it says the last",
     {.text = ROW(
          MORE ENTRY("t/m.onnx") "<CommonPrefixes><Prefix>pre fix/t/m/</Prefix></CommonPrefixes>"),
      .close = true},
     {.text = ""},
     1,
     false,
     true,
     0},
};

START_TEST(endings_are_found_in_one_listing)
{
    const struct fake_reply script[] = {finds[_i].page, finds[_i].second};
    struct store_found found;
    open_with(script, 1 + finds[_i].heads, patient());
    enum status s = store_find(store, "t/m", endings, &found, &err);
    teardown();
    ck_assert_msg(s == (finds[_i].which < 0 ? E_NOT_FOUND : OK), "%s: %s", finds[_i].name, err.msg);
    ck_assert_uint_eq(fake.n_requests, 1 + finds[_i].heads);
    ck_assert(asked(0, "GET /bucket?delimiter=%2F&list-type=2&max-keys=100&prefix=pre%20fix%2Ft%2Fm"
                       "&start-after=pre%20fix%2Ft%2Fm. "));
    ck_assert_int_eq(found.below, finds[_i].below);
    if (s != OK)
        return;
    ck_assert_msg(found.which == (size_t)finds[_i].which, "%s: %zu", finds[_i].name, found.which);
    ck_assert_int_eq(found.looked, finds[_i].looked);
    ck_assert_uint_eq(found.object.bytes, found.looked ? 10 : 7);
}
END_TEST

START_TEST(stems_that_are_no_key_are_refused)
{
    static const char *const bad[] = {"", "/a", "a/", "../a", "a//b"};
    char longest[STORE_KEY_MAX];
    struct store_found found;
    struct store_first f = first_of(1);
    open_with(NULL, 0, patient());
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        ck_assert_int_eq(store_find(store, bad[i], endings, &found, &err), E_BAD_INPUT);
        ck_assert_int_eq(store_first(store, bad[i], &f, &err), E_BAD_INPUT);
    }
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = 0;
    ck_assert_int_eq(store_find(store, longest, endings, &found, &err), E_BAD_INPUT);
    teardown();
    ck_assert_uint_eq(fake.n_requests, 0);
}
END_TEST

Suite *suite_s3_first(void)
{
    Suite *s =
        SUITE("s3_first", one_request_tells_and_brings, an_object_without_bytes_is_one,
              a_broken_off_answer_goes_on_with_what_it_said, stems_that_are_no_key_are_refused);
    TCase *many = tcase_create("many");
    tcase_add_loop_test(many, what_a_lie_said_is_forgotten, 0, ARRAY_COUNT(lies));
    tcase_add_loop_test(many, endings_are_found_in_one_listing, 0, ARRAY_COUNT(finds));
    suite_add_tcase(s, many);
    return s;
}
