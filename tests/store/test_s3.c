/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* An S3 store against a server that misbehaves: what is tried again and what is not, that a read
 * goes on where it broke off, and that nothing wrong is ever handed out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "metrics/metrics.h"
#include "store/fake_http.h"
#include "store/store.h"
#include "support/support.h"

#define OBJECT "0123456789"
#define E1 "ETag: \"e1\"\r\n"
#define RANGE(part, n)                                                                             \
    "HTTP/1.1 206 Partial\r\n" E1 "Content-Range: bytes " part "/10\r\nContent-Length: " n         \
    "\r\n\r\n"
#define ERROR(status, code)                                                                        \
    "HTTP/1.1 " status "\r\nConnection: close\r\n\r\n<Error><Code>" code "</Code></Error>"
#define HEAD_OK "HTTP/1.1 200 OK\r\n" E1 "Content-Length: 10\r\n\r\n"
#define ROW(text)                                                                                  \
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<ListBucketResult>" text "</ListBucketResult>"

static struct fake_http fake;
static struct store *store;
static struct err err;
static char got[11];

static void set_env(void)
{
    setenv("AWS_ACCESS_KEY_ID", "key-id", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "the-secret", 1);
    unsetenv("AWS_SESSION_TOKEN");
    setenv("no_proxy", "127.0.0.1", 1);
}

static void open_with(const struct fake_reply *script, size_t count, struct store_options o)
{
    set_env();
    fake_http_start(&fake, script, count);
    o.endpoint = fake.endpoint;
    ck_ok(store_open_with("s3://bucket/pre fix/", &o, &store, &err), &err);
    memset(&err, 0, sizeof(err));
    memset(got, 0, sizeof(got));
}

/* The n-th request and all retries of a test end within this, were the machine busy. */
static struct store_options patient(void)
{
    struct store_options o = store_options_default;
    o.stall_us = 30000000;
    o.timeout_us = 50000000;
    return o;
}

static void teardown(void)
{
    store_free(&store);
    fake_http_stop(&fake);
}

static bool asked(size_t i, const char *words)
{
    return i < fake.n_requests && strstr(fake.requests[i], words);
}

START_TEST(a_read_is_one_signed_conditional_range)
{
    static const struct fake_reply script[] = {{.text = HEAD_OK},
                                               {.text = RANGE("2-5", "4") "2345"}};
    struct store_object o;
    open_with(script, ARRAY_COUNT(script), patient());
    ck_ok(store_stat(store, "acme/a.roost", &o, &err), &err);
    ck_assert_uint_eq(o.bytes, 10);
    ck_assert_str_eq(o.tag, "e1");
    ck_ok(store_read(store, "acme/a.roost", o.tag, 2, got, 4, &err), &err);
    ck_assert_str_eq(got, "2345");
    teardown();
    ck_assert(asked(0, "HEAD /bucket/pre%20fix/acme/a.roost HTTP/1.1\r\n"));
    ck_assert(asked(1, "GET /bucket/pre%20fix/acme/a.roost HTTP/1.1\r\n"));
    ck_assert(asked(1, "Range: bytes=2-5\r\n"));
    ck_assert(asked(1, "If-Match: \"e1\"\r\n"));
    ck_assert(asked(1, "Authorization: AWS4-HMAC-SHA256 Credential=key-id/"));
    ck_assert(!asked(1, "the-secret"));
    ck_assert_uint_eq(fake.n_connections, 1); /* kept for the second */
}
END_TEST

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
     E_STORE,
     "changed while it was read",
     M_S3_CHANGED},
    {"another ETag",
     {.text = "HTTP/1.1 206 P\r\nETag: \"e2\"\r\nContent-Range: bytes 0-9/10\r\n"
              "Content-Length: 10\r\n\r\nxxxxxxxxxx",
      .close = true},
     E_STORE,
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
    ck_assert_int_eq(store_read(store, "a.roost", "", 0, got, 10, &err), E_STORE);
    teardown();
    ck_assert_ptr_nonnull(strstr(err.msg, "changed while it was read"));
    ck_assert(asked(1, "If-Match: \"e1\""));
}
END_TEST

START_TEST(retries_end_by_count_by_budget_and_by_time)
{
    static const struct fake_reply down = {.text = ERROR("500 No", "InternalError"), .close = true};
    struct fake_reply script[20];
    struct store_options o = patient();
    for (size_t i = 0; i < ARRAY_COUNT(script); i++)
        script[i] = down;
    o.retries = 3;
    o.retry_budget = 4;
    open_with(script, ARRAY_COUNT(script), o);
    ck_assert_int_eq(store_read(store, "a", "", 0, got, 10, &err), E_STORE);
    ck_assert_ptr_nonnull(strstr(err.msg, "no retry is left after 4 tries"));
    ck_assert_uint_eq(fake.n_requests, 4);
    ck_assert_int_eq(store_read(store, "a", "", 0, got, 10, &err), E_STORE);
    ck_assert_ptr_nonnull(strstr(err.msg, "the node's retries are used up after 2 tries"));
    ck_assert_int_eq(store_read(store, "a", "", 0, got, 10, &err), E_STORE);
    ck_assert_ptr_nonnull(strstr(err.msg, "the node's retries are used up after 1 try"));
    ck_assert_uint_eq(fake.n_requests, 7);
    teardown();
    o.timeout_us = 1;
    open_with(script, ARRAY_COUNT(script), o);
    ck_assert_int_eq(store_read(store, "a", "", 0, got, 10, &err), E_STORE);
    ck_assert_ptr_nonnull(strstr(err.msg, "no time is left"));
    teardown();
}
END_TEST

START_TEST(ten_that_go_well_earn_a_retry)
{
    struct fake_reply script[20];
    struct store_options o = patient();
    struct store_object object;
    o.retry_budget = 1;
    for (size_t i = 0; i < ARRAY_COUNT(script); i++)
        script[i] = (struct fake_reply){.text = HEAD_OK};
    script[0] = script[11] = (struct fake_reply){.text = "", .close = true};
    open_with(script, ARRAY_COUNT(script), o);
    for (int i = 0; i < 11; i++)
        ck_ok(store_stat(store, "a", &object, &err), &err);
    ck_assert_uint_eq(fake.n_requests, 13);
    teardown();
}
END_TEST

START_TEST(silence_is_given_up)
{
    static const struct fake_reply script[] = {{.text = RANGE("0-9", "10") "01", .hang = true},
                                               {.text = RANGE("2-9", "8") "23456789"}};
    struct store_options o = patient();
    uint64_t before = metric_get(M_S3_RETRY_STALLED);
    o.stall_us = 50000;
    open_with(script, ARRAY_COUNT(script), o);
    ck_ok(store_read(store, "a", "", 0, got, 10, &err), &err);
    ck_assert_str_eq(got, OBJECT);
    ck_assert_uint_eq(metric_get(M_S3_RETRY_STALLED) - before, 1);
    teardown();
}
END_TEST

static void *stop_soon(void *arg)
{
    struct fake_http *f = arg;
    for (bool seen = false; !seen;) {
        pthread_mutex_lock(&f->mutex);
        seen = f->n_requests > 0;
        pthread_mutex_unlock(&f->mutex);
        sched_yield();
    }
    store_stop(store);
    return NULL;
}

static void *read_many(void *good)
{
    struct err e;
    char mine[11] = "";
    for (int i = 0; i < 4; i++) {
        if (store_read(store, "a", "", 0, mine, 10, &e) == OK && strcmp(mine, OBJECT) == 0)
            ++*(int *)good;
    }
    return NULL;
}

START_TEST(many_threads_share_few_connections)
{
    struct fake_reply script[33];
    pthread_t t[8];
    int good[8] = {0};
    for (size_t i = 0; i < ARRAY_COUNT(script); i++)
        script[i] = (struct fake_reply){.text = RANGE("0-9", "10") OBJECT};
    script[9] = (struct fake_reply){.text = "", .close = true};
    open_with(script, ARRAY_COUNT(script), patient());
    for (size_t i = 0; i < ARRAY_COUNT(t); i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, read_many, &good[i]), 0);
    for (size_t i = 0; i < ARRAY_COUNT(t); i++)
        pthread_join(t[i], NULL);
    teardown();
    for (size_t i = 0; i < ARRAY_COUNT(t); i++)
        ck_assert_int_eq(good[i], 4);
    ck_assert_uint_eq(fake.n_requests, ARRAY_COUNT(script));
    ck_assert_uint_le(fake.n_connections, 9);
}
END_TEST

START_TEST(a_stop_ends_what_waits)
{
    static const struct fake_reply script[] = {{.text = "", .hang = true}};
    pthread_t t;
    open_with(script, ARRAY_COUNT(script), patient());
    ck_assert_int_eq(pthread_create(&t, NULL, stop_soon, &fake), 0);
    ck_assert_int_eq(store_read(store, "a", "", 0, got, 10, &err), E_CANCELLED);
    pthread_join(t, NULL);
    ck_assert_int_eq(store_read(store, "a", "", 0, got, 10, &err), E_CANCELLED);
    teardown();
}
END_TEST

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

START_TEST(a_listing_that_never_ends_does)
{
    static const char page[] =
        ROW("<IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken>");
    static const struct fake_reply script[] = {{.text = page, .close = true},
                                               {.text = page, .close = true}};
    char seen[128] = "";
    open_with(script, ARRAY_COUNT(script), patient());
    ck_assert_int_eq(store_list(store, "", count_entry, seen, &err), E_STORE);
    ck_assert_ptr_nonnull(strstr(err.msg, "a listing without end"));
    teardown();
}
END_TEST

START_TEST(places_that_are_none_are_refused)
{
    static const struct {
        const char *url, *endpoint, *region;
    } cases[] = {
        {"s3://", "", ""},
        {"s3://ab", "", ""},
        {"s3://key:secret@bucket", "", ""},
        {"s3://bucket/a\nb", "", ""},
        {"s3://bucket", "ftp://host", ""},
        {"s3://bucket", "http://user:secret@host", ""},
        {"s3://bucket", "http://host/path", ""},
        {"s3://bucket", "http://", ""},
        {"s3://bucket", "http://ho st", ""},
        {"s3://bucket", "", "eu west"},
        {"s3://bucket", "", "a/b"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct store_options o = store_options_default;
        o.endpoint = cases[i].endpoint;
        o.region = cases[i].region;
        enum status s = store_open_with(cases[i].url, &o, &store, &err);
        ck_assert_msg(s == E_USAGE, "%s %s: %s", cases[i].url, o.endpoint, status_name(s));
        ck_assert_ptr_null(strstr(err.msg, "secret"));
    }
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    static const struct fake_reply ok = {.text = RANGE("0-9", "10") OBJECT};
    struct fake_reply script[30];
    struct store_options o = patient();
    for (size_t i = 0; i < ARRAY_COUNT(script); i++)
        script[i] = ok;
    open_with(script, ARRAY_COUNT(script), o);
    o.endpoint = fake.endpoint;
    enum status s = E_NO_MEMORY;
    for (uint64_t n = 1; s != OK; n++) {
        struct store *other = NULL;
        alloc_fail_at(n);
        s = store_open_with("s3://bucket", &o, &other, &err);
        if (s == OK)
            s = store_read(other, "a", "", 0, got, 10, &err);
        alloc_fail_at(0);
        ck_assert_msg(s == OK || s == E_NO_MEMORY, "%s", err.msg);
        store_free(&other);
    }
    teardown();
}
END_TEST

Suite *suite_s3(void)
{
    Suite *s =
        SUITE("s3", a_read_is_one_signed_conditional_range,
              an_object_that_is_replaced_between_two_tries_is_not_mixed,
              retries_end_by_count_by_budget_and_by_time, ten_that_go_well_earn_a_retry,
              silence_is_given_up, many_threads_share_few_connections, a_stop_ends_what_waits,
              a_listing_pages_and_passes_over_what_is_no_key, a_listing_that_never_ends_does,
              places_that_are_none_are_refused, no_memory_is_an_error);
    TCase *many = tcase_create("tables");
    tcase_add_loop_test(many, what_may_go_well_is_tried_again, 0, ARRAY_COUNT(mended));
    tcase_add_loop_test(many, what_cannot_go_well_is_asked_once, 0, ARRAY_COUNT(final));
    suite_add_tcase(s, many);
    return s;
}
