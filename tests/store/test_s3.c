/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* An S3 store: what it asks for, where, and how often it asks again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "store/s3_fixture.h"
#include "store/s3_priv.h"
#include "support/support.h"

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
    script[0] = script[11] = script[13] =
        (struct fake_reply){.text = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"};
    open_with(script, ARRAY_COUNT(script), o);
    for (int i = 0; i < 11; i++) /* the first is asked twice, and so is the eleventh */
        ck_ok(store_stat(store, "a", &object, &err), &err);
    ck_assert_uint_eq(fake.n_requests, 13);
    ck_assert_int_eq(store_stat(store, "a", &object, &err), E_STORE);
    ck_assert_ptr_nonnull(strstr(err.msg, "the node's retries are used up"));
    teardown();
}
END_TEST

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

START_TEST(a_bucket_in_front_of_the_host)
{
    static const struct fake_reply script[] = {{.text = HEAD_OK}};
    struct store_options o = patient();
    struct store_object object;
    char endpoint[64], host[80];
    set_env();
    fake_http_start(&fake, script, ARRAY_COUNT(script));
    const char *port = strrchr(fake.endpoint, ':');
    snprintf(endpoint, sizeof(endpoint), "http://localhost%s/", port);
    snprintf(host, sizeof(host), "Host: bucket.localhost%s\r\n", port);
    setenv("no_proxy", "localhost", 1);
    o.endpoint = endpoint;
    o.style = STORE_STYLE_HOST;
    ck_ok(store_open_with("s3://bucket/p", &o, &store, &err), &err);
    ck_ok(store_stat(store, "a", &object, &err), &err);
    teardown();
    ck_assert(asked(0, "HEAD /p/a HTTP/1.1\r\n"));
    ck_assert(asked(0, host));
}
END_TEST

START_TEST(where_a_bucket_is_asked)
{
    static const struct {
        const char *url, *endpoint, *region;
        enum store_style style;
        const char *scheme, *host, *root;
    } cases[] = {
        {"s3://bucket", "", "eu-west-1", 0, "https", "bucket.s3.eu-west-1.amazonaws.com", "/"},
        {"s3://bucket/a/b//", "", "cn-north-1", 0, "https", "bucket.s3.cn-north-1.amazonaws.com.cn",
         "/a/b/"},
        {"s3://bu.ck.et", "", "eu-west-1", 0, "https", "s3.eu-west-1.amazonaws.com", "/bu.ck.et/"},
        {"s3://bucket", "", "", STORE_STYLE_PATH, "https", "s3.us-east-1.amazonaws.com",
         "/bucket/"},
        {"s3://bucket/p", "http://h:9000", "", 0, "http", "h:9000", "/bucket/p/"},
        {"s3://bucket/p", "HTTP://h:80/", "", 0, "http", "h", "/bucket/p/"},
        {"s3://bucket", "https://h:443", "", 0, "https", "h", "/bucket/"},
        {"s3://bucket", "https://h:4430", "", 0, "https", "h:4430", "/bucket/"},
        {"s3://bucket", "h", "", STORE_STYLE_HOST, "https", "bucket.h", "/"},
        {"s3://bucket", "http://[::1]:9000", "", 0, "http", "[::1]:9000", "/bucket/"},
        {"s3://bucket", "http://[::1]:80", "", 0, "http", "[::1]", "/bucket/"},
    };
    unsetenv("AWS_REGION");
    unsetenv("AWS_DEFAULT_REGION");
    unsetenv("AWS_ENDPOINT_URL");
    setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct store_options o = store_options_default;
        o.endpoint = cases[i].endpoint;
        o.region = cases[i].region;
        o.style = cases[i].style;
        ck_ok(store_open_with(cases[i].url, &o, &store, &err), &err);
        ck_assert_str_eq(s3_of(store)->scheme, cases[i].scheme);
        ck_assert_str_eq(s3_of(store)->host, cases[i].host);
        ck_assert_str_eq(s3_of(store)->root, cases[i].root);
        store_free(&store);
    }
    setenv("AWS_ENDPOINT_URL", "http://general", 1);
    ck_ok(store_open("s3://bucket", &store, &err), &err);
    ck_assert_str_eq(s3_of(store)->host, "general");
    store_free(&store);
    setenv("AWS_ENDPOINT_URL_S3", "http://special", 1);
    ck_ok(store_open("s3://bucket", &store, &err), &err);
    ck_assert_str_eq(s3_of(store)->host, "special");
    store_free(&store);
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
    return SUITE("s3", a_read_is_one_signed_conditional_range,
                 retries_end_by_count_by_budget_and_by_time, ten_that_go_well_earn_a_retry,
                 many_threads_share_few_connections, a_stop_ends_what_waits,
                 places_that_are_none_are_refused, a_bucket_in_front_of_the_host,
                 where_a_bucket_is_asked, no_memory_is_an_error);
}
