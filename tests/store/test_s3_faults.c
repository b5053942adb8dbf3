/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* An S3 store against a server that misbehaves: what is tried again and what is not, that a read
 * goes on where it broke off, and that nothing wrong is ever handed out. */
#include <stdio.h>
#include <string.h>

#include "metrics/metrics.h"
#include "store/s3_fixture.h"
#include "support/support.h"

/* What goes wrong first, and what the next answer then is. */
static const struct {
    const char *name;
    enum metric counted;
    struct fake_reply first;
    const char *second, *second_asks;
} mended[] = {
    {"500",
     M_S3_RETRY_STATUS,
     {.text = ERROR("500 No", "InternalError"), .close = true},
     RANGE("0-9", "10") OBJECT,
     "bytes=0-9"},
    {"503",
     M_S3_RETRY_SLOW,
     {.text = ERROR("503 No", "SlowDown"), .close = true},
     RANGE("0-9", "10") OBJECT,
     "bytes=0-9"},
    {"429",
     M_S3_RETRY_SLOW,
     {.text = ERROR("429 No", "TooMany"), .close = true},
     RANGE("0-9", "10") OBJECT,
     "bytes=0-9"},
    {"an endless error",
     M_S3_RETRY_STATUS,
     {.text = "HTTP/1.1 500 No\r\n\r\n<Error><Code>", .forever = true},
     RANGE("0-9", "10") OBJECT,
     "bytes=0-9"},
    {"a reset before the head",
     M_S3_RETRY_CONNECTION,
     {.text = "", .reset = true},
     RANGE("0-9", "10") OBJECT,
     "bytes=0-9"},
    {"a truncated body goes on at its byte",
     M_S3_RETRY_TRUNCATED,
     {.text = RANGE("0-9", "10") "0123", .close = true},
     RANGE("4-9", "6") "456789",
     "bytes=4-9"},
    {"a truncated body without a length",
     M_S3_RETRY_TRUNCATED,
     {.text = "HTTP/1.1 206 P\r\n" E1 "Content-Range: bytes 0-9/10\r\n\r\n012", .close = true},
     RANGE("3-9", "7") "3456789",
     "bytes=3-9"},
    {"more than asked for",
     M_S3_RETRY_PROTOCOL,
     {.text = "HTTP/1.1 206 P\r\n" E1 "Content-Range: bytes 0-9/10\r\n\r\nxxxxxxxxxx",
      .forever = true},
     RANGE("0-9", "10") OBJECT,
     "bytes=0-9"},
    {"more than asked for, behind some that was",
     M_S3_RETRY_PROTOCOL,
     {.text = "HTTP/1.1 206 P\r\n" E1 "Content-Range: bytes 0-9/10\r\n"
              "Transfer-Encoding: chunked\r\n\r\n4\r\nxxxx\r\na\r\nxxxxxxxxxx\r\n",
      .close = true},
     RANGE("0-9", "10") OBJECT,
     "bytes=0-9"},
    {"another range",
     M_S3_RETRY_PROTOCOL,
     {.text = RANGE("1-9", "9") "xxxxxxxxx", .close = true},
     RANGE("0-9", "10") OBJECT,
     "bytes=0-9"},
    {"a length that is not the range's",
     M_S3_RETRY_PROTOCOL,
     {.text = RANGE("0-9", "9") "xxxxxxxxx", .close = true},
     RANGE("0-9", "10") OBJECT,
     "bytes=0-9"},
    {"no range at all",
     M_S3_RETRY_PROTOCOL,
     {.text = "HTTP/1.1 200 OK\r\n" E1 "Content-Length: 9\r\n\r\nxxxxxxxxx", .close = true},
     RANGE("0-9", "10") OBJECT,
     "bytes=0-9"},
    {"no content, as a 204",
     M_S3_RETRY_PROTOCOL,
     {.text = "HTTP/1.1 204 No\r\n" E1 "\r\n"},
     RANGE("0-9", "10") OBJECT,
     "bytes=0-9"},
    {"no ETag",
     M_S3_RETRY_PROTOCOL,
     {.text =
          "HTTP/1.1 206 P\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\nxxxxxxxxxx",
      .close = true},
     RANGE("0-9", "10") OBJECT,
     "bytes=0-9"},
    {"an endless head",
     M_S3_RETRY_PROTOCOL,
     {.text =
          "HTTP/1.1 206 P\r\nx-a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
      .forever = true},
     RANGE("0-9", "10") OBJECT,
     "bytes=0-9"},
    {"no HTTP",
     M_S3_RETRY_PROTOCOL,
     {.text = "SSH-2.0-x\r\n\r\n", .close = true},
     RANGE("0-9", "10") OBJECT,
     "bytes=0-9"},
};

START_TEST(what_may_go_well_is_tried_again)
{
    struct fake_reply script[2] = {mended[_i].first, {.text = mended[_i].second}};
    uint64_t before = metric_get(mended[_i].counted);
    open_with(script, 2, patient());
    enum status s = store_read(store, "a.roost", "", 0, got, 10, &err);
    teardown();
    ck_assert_msg(s == OK, "%s: %s", mended[_i].name, err.msg);
    ck_assert_msg(strcmp(got, OBJECT) == 0, "%s: %s", mended[_i].name, got);
    ck_assert_msg(asked(1, mended[_i].second_asks), "%s: %s", mended[_i].name, fake.requests[1]);
    ck_assert_uint_eq(fake.n_requests, 2);
    ck_assert_msg(metric_get(mended[_i].counted) - before == 1, "%s", mended[_i].name);
}
END_TEST

static const struct {
    const char *name;
    struct fake_reply reply;
    enum status s;
    const char *words;
    enum metric counted; /* METRIC_COUNT: none */
} final[] = {
    {"403",
     {.text = ERROR("403 No", "AccessDenied"), .close = true},
     E_STORE,
     "denied (HTTP 403 AccessDenied)",
     M_S3_DENIED},
    {"404",
     {.text = ERROR("404 No", "NoSuchKey"), .close = true},
     E_NOT_FOUND,
     "is not in the store",
     METRIC_COUNT},
    {"no bucket",
     {.text = ERROR("404 No", "NoSuchBucket"), .close = true},
     E_STORE,
     "no such bucket",
     M_S3_REFUSED},
    {"412",
     {.text = ERROR("412 No", "PreconditionFailed"), .close = true},
     E_CHANGED,
     "changed while it was read",
     M_S3_CHANGED},
    {"another ETag",
     {.text = "HTTP/1.1 206 P\r\nETag: \"e2\"\r\nContent-Range: bytes 0-9/10\r\n"
              "Content-Length: 10\r\n\r\nxxxxxxxxxx",
      .close = true},
     E_CHANGED,
     "changed while it was read",
     M_S3_CHANGED},
    {"416",
     {.text = "HTTP/1.1 416 No\r\nContent-Range: bytes */4\r\nContent-Length: 0\r\n\r\n"},
     E_STORE,
     "holds 4 bytes, 10 are wanted from 0",
     M_S3_REFUSED},
    {"a shorter object",
     {.text = "HTTP/1.1 206 P\r\n" E1 "Content-Range: bytes 0-3/4\r\n"
              "Content-Length: 4\r\n\r\n0123"},
     E_STORE,
     "holds 4 bytes, 10 are wanted from 0",
     M_S3_REFUSED},
    {"a redirect",
     {.text = "HTTP/1.1 301 No\r\nLocation: http://127.0.0.1:1/\r\n"
              "x-amz-bucket-region: eu-west-1\r\nContent-Length: 0\r\n\r\n"},
     E_STORE,
     "the bucket is in eu-west-1",
     M_S3_REFUSED},
    {"501",
     {.text = ERROR("501 No", "NotImplemented"), .close = true},
     E_STORE,
     "refused",
     M_S3_REFUSED},
};

START_TEST(what_cannot_go_well_is_asked_once)
{
    uint64_t before = final[_i].counted == METRIC_COUNT ? 0 : metric_get(final[_i].counted);
    open_with(&final[_i].reply, 1, patient());
    enum status s = store_read(store, "a.roost", "e1", 0, got, 10, &err);
    teardown();
    ck_assert_msg(s == final[_i].s, "%s: %s", final[_i].name, err.msg);
    ck_assert_int_eq(err.code, s);
    ck_assert_msg(strstr(err.msg, final[_i].words), "%s: %s", final[_i].name, err.msg);
    ck_assert_ptr_null(strstr(err.msg, "key-id"));
    ck_assert_uint_eq(fake.n_requests, 1);
    if (final[_i].counted != METRIC_COUNT)
        ck_assert_uint_eq(metric_get(final[_i].counted) - before, 1);
}
END_TEST

START_TEST(an_object_that_is_replaced_between_two_tries_is_not_mixed)
{
    static const struct fake_reply script[] = {
        {.text = RANGE("0-9", "10") "0123", .close = true},
        {.text = "HTTP/1.1 206 P\r\nETag: \"e2\"\r\nContent-Range: bytes 4-9/10\r\n"
                 "Content-Length: 6\r\n\r\nxxxxxx"},
    };
    open_with(script, ARRAY_COUNT(script), patient());
    ck_assert_int_eq(store_read(store, "a.roost", "", 0, got, 10, &err), E_CHANGED);
    teardown();
    ck_assert_ptr_nonnull(strstr(err.msg, "changed while it was read"));
    ck_assert(asked(1, "If-Match: \"e1\""));
}
END_TEST

START_TEST(a_head_of_any_length_is_not_read)
{
    static char text[2 * 65536];
    const struct fake_reply script[] = {{.text = text, .close = true},
                                        {.text = RANGE("0-9", "10") OBJECT}};
    uint64_t before = metric_get(M_S3_RETRY_PROTOCOL);
    size_t n = (size_t)snprintf(text, sizeof(text), "HTTP/1.1 206 P\r\n" E1);
    while (n < 65536)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "x-pad: %01000d\r\n", 0);
    snprintf(text + n, sizeof(text) - n, "Content-Range: bytes 0-9/10\r\n\r\nxxxxxxxxxx");
    open_with(script, ARRAY_COUNT(script), patient());
    ck_ok(store_read(store, "a", "", 0, got, 10, &err), &err);
    ck_assert_str_eq(got, OBJECT);
    ck_assert_uint_eq(metric_get(M_S3_RETRY_PROTOCOL) - before, 1);
    teardown();
}
END_TEST

START_TEST(silence_is_given_up)
{
    struct fake_reply script[20];
    struct store_options o = patient();
    uint64_t before = metric_get(M_S3_RETRY_STALLED);
    for (size_t i = 0; i < ARRAY_COUNT(script); i++) /* a busy machine may be silent too */
        script[i] = (struct fake_reply){.text = RANGE("2-9", "8") "23456789"};
    script[0] = (struct fake_reply){.text = RANGE("0-9", "10") "01", .hang = true};
    o.stall_us = 300000;
    o.retries = ARRAY_COUNT(script) - 1;
    open_with(script, ARRAY_COUNT(script), o);
    ck_ok(store_read(store, "a", "", 0, got, 10, &err), &err);
    ck_assert_str_eq(got, OBJECT);
    ck_assert_uint_ge(metric_get(M_S3_RETRY_STALLED) - before, 1);
    teardown();
}
END_TEST

Suite *suite_s3_faults(void)
{
    Suite *s = SUITE("s3_faults", an_object_that_is_replaced_between_two_tries_is_not_mixed,
                     a_head_of_any_length_is_not_read, silence_is_given_up);
    TCase *many = tcase_create("tables");
    tcase_add_loop_test(many, what_may_go_well_is_tried_again, 0, ARRAY_COUNT(mended));
    tcase_add_loop_test(many, what_cannot_go_well_is_asked_once, 0, ARRAY_COUNT(final));
    suite_add_tcase(s, many);
    return s;
}
