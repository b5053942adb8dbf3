/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The chain of places: which is asked, what of it is believed, and when it is asked again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "store/credentials_priv.h"
#include "store/fake_http.h"
#include "support/support.h"
#include "support/tree.h"

#define JSON(id, more)                                                                             \
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"AccessKeyId\":\"" id                           \
    "\",\"SecretAccessKey\":\"s\"" more "}"
#define UNTIL(time) ",\"Token\":\"t\",\"Expiration\":\"" time "\""
#define TEXT(text) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" text
#define GONE "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"

enum { NOON = 1795953600 }; /* 2026-11-29T12:00:00Z */

static struct fake_http fake;
static struct tree tree;
static const struct curl_door *curl;
static struct chain *chain;
static struct credentials who;
static struct err err;

static void set_path(const char *name, const char *key)
{
    char path[512];
    setenv(name, tree_path(&tree, key, path), 1);
}

static void setup(void)
{
    static const char *const names[] = {"AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",
                                        "AWS_PROFILE",
                                        "AWS_DEFAULT_PROFILE",
                                        "AWS_SHARED_CREDENTIALS_FILE",
                                        "AWS_CONFIG_FILE",
                                        "AWS_REGION",
                                        "AWS_DEFAULT_REGION",
                                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                        "AWS_EC2_METADATA_SERVICE_ENDPOINT"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        unsetenv(names[i]);
    tree_init(&tree);
    setenv("HOME", tree.path, 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    ck_ok(curl_door_open(&curl, &err), &err);
    ck_ok(chain_new(curl, &chain, &err), &err);
    memset(&err, 0, sizeof(err));
    memset(&who, 0, sizeof(who));
}

static void teardown(void)
{
    chain_free(&chain);
    ck_assert_ptr_null(chain);
    tree_fini(&tree);
}

START_TEST(the_environment_comes_first)
{
    setup();
    tree_text(&tree, ".aws/credentials",
              "[default]\naws_access_key_id=file\naws_secret_access_key=s\n");
    setenv("AWS_ACCESS_KEY_ID", "env", 1);
    ck_ok(chain_get(chain, NOON, &who, &err), &err); /* half of it is none of it */
    ck_assert_str_eq(who.key_id, "file");
    teardown();
    setup();
    setenv("AWS_ACCESS_KEY_ID", "env", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    setenv("AWS_SESSION_TOKEN", "t", 1);
    ck_ok(chain_get(chain, NOON, &who, &err), &err);
    ck_assert_str_eq(who.key_id, "env");
    ck_assert_str_eq(who.token, "t");
    ck_assert_uint_eq(who.expires_s, 0);
    teardown();
}
END_TEST

START_TEST(bytes_that_no_header_takes_are_refused)
{
    setup();
    setenv("AWS_ACCESS_KEY_ID", "a\r\nHost: evil", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "hush", 1);
    ck_assert_int_eq(chain_get(chain, NOON, &who, &err), E_STORE);
    ck_assert_ptr_null(strstr(err.msg, "evil"));
    static char longer[CREDENTIALS_ID_MAX + 1];
    memset(longer, 'a', sizeof(longer) - 1);
    setenv("AWS_ACCESS_KEY_ID", longer, 1);
    ck_assert_int_eq(chain_get(chain, NOON, &who, &err), E_STORE);
    teardown();
}
END_TEST

START_TEST(profiles_are_chosen_by_name)
{
    char region[CREDENTIALS_REGION_MAX];
    setup();
    tree_text(&tree, "creds",
              "[default]\naws_access_key_id = one\naws_secret_access_key = s\n"
              "[b]\naws_access_key_id = two\naws_secret_access_key = s\n"
              "aws_session_token = t\n[empty]\nregion = x\n");
    tree_text(&tree, "config",
              "[default]\nregion = eu-west-1\n[profile b]\nregion = eu-west-2\n"
              "[profile c]\naws_access_key_id = three\n"
              "aws_secret_access_key = s\n");
    set_path("AWS_SHARED_CREDENTIALS_FILE", "creds");
    set_path("AWS_CONFIG_FILE", "config");
    static const char *const cases[][4] = {
        {NULL, "one", "", "eu-west-1"}, {"b", "two", "t", "eu-west-2"}, {"c", "three", "", ""}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct chain *c;
        if (cases[i][0])
            setenv("AWS_PROFILE", cases[i][0], 1);
        ck_ok(chain_new(curl, &c, &err), &err);
        ck_ok(chain_get(c, NOON, &who, &err), &err);
        ck_assert_str_eq(who.key_id, cases[i][1]);
        ck_assert_str_eq(who.token, cases[i][2]);
        credentials_region(region);
        ck_assert_str_eq(region, cases[i][3]);
        chain_free(&c);
    }
    setenv("AWS_PROFILE", "empty", 1);
    ck_assert_int_eq(chain_get(chain, NOON, &who, &err), E_STORE);
    ck_assert_ptr_nonnull(strstr(err.msg, "profile 'empty'"));
    setenv("AWS_DEFAULT_REGION", "r1", 1);
    setenv("AWS_REGION", "r2", 1);
    credentials_region(region);
    ck_assert_str_eq(region, "r2");
    teardown();
}
END_TEST

START_TEST(a_file_is_read_again)
{
    setup();
    tree_text(&tree, ".aws/credentials",
              "[default]\naws_access_key_id=a\naws_secret_access_key=s\n");
    ck_ok(chain_get(chain, NOON, &who, &err), &err);
    tree_text(&tree, ".aws/credentials",
              "[default]\naws_access_key_id=b\naws_secret_access_key=s\n");
    ck_ok(chain_get(chain, NOON + 299, &who, &err), &err);
    ck_assert_str_eq(who.key_id, "a");
    ck_ok(chain_get(chain, NOON + 300, &who, &err), &err);
    ck_assert_str_eq(who.key_id, "b");
    /* Were the store to refuse them, they would be read at once, but not again and again. */
    tree_text(&tree, ".aws/credentials",
              "[default]\naws_access_key_id=c\naws_secret_access_key=s\n");
    ck_assert(chain_refused(chain, &who, NOON + 301));
    ck_assert(!chain_refused(chain, &who, NOON + 302));
    struct credentials old = who;
    ck_ok(chain_get(chain, NOON + 302, &who, &err), &err);
    ck_assert_str_eq(who.key_id, "c");
    ck_assert(chain_refused(chain, &old, NOON + 303)); /* there are others by now */
    teardown();
}
END_TEST

START_TEST(nothing_at_all_says_what_could_be)
{
    setup();
    ck_assert_int_eq(chain_get(chain, NOON, &who, &err), E_STORE);
    ck_assert_ptr_nonnull(strstr(err.msg, "AWS_ACCESS_KEY_ID"));
    teardown();
}
END_TEST

static void container(const char *path)
{
    char url[128];
    snprintf(url, sizeof(url), "%s%s", fake.endpoint, path);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
}

START_TEST(a_container_is_asked_with_its_token_and_before_they_expire)
{
    static const struct fake_reply script[] = {
        {.text = JSON("c1", UNTIL("2026-11-29T13:00:00Z")), .close = true},
        {.text = JSON("c2", UNTIL("2026-11-29T14:00:00Z")), .close = true},
        {.text = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"},
        {.text = JSON("c3", UNTIL("2026-11-29T16:00:00Z")), .close = true},
        {.text = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"},
    };
    setup();
    fake_http_start(&fake, script, ARRAY_COUNT(script));
    container("/get?x=1");
    tree_text(&tree, "token", "the-token\n");
    set_path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "token");
    static const struct {
        uint64_t now_s;
        const char *key_id;
        size_t requests;
    } cases[] = {
        {NOON, "c1", 1},        {NOON + 3299, "c1", 1}, {NOON + 3300, "c2", 2},
        {NOON + 6900, "c2", 3}, /* the renewal fails: they hold for five minutes more */
        {NOON + 6905, "c2", 3}, {NOON + 6910, "c3", 4},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        ck_ok(chain_get(chain, cases[i].now_s, &who, &err), &err);
        ck_assert_str_eq(who.key_id, cases[i].key_id);
        ck_assert_uint_eq(fake.n_requests, cases[i].requests);
    }
    ck_assert_int_eq(chain_get(chain, NOON + 14400, &who, &err),
                     E_STORE); /* expired, and no others */
    fake_http_stop(&fake);
    ck_assert_ptr_nonnull(strstr(fake.requests[0], "GET /get?x=1 HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(fake.requests[0], "Authorization: the-token\r\n"));
    ck_assert_ptr_null(strstr(err.msg, "the-token"));
    teardown();
}
END_TEST

START_TEST(secrets_are_asked_for_in_the_clear_on_this_machine_only)
{
    static const char *const urls[] = {"http://example.com/x", "http://127.0.0.1.example.com/",
                                       "http://127.0.0.1:80@example.com/", "ftp://127.0.0.1/"};
    setup();
    for (size_t i = 0; i < ARRAY_COUNT(urls); i++) {
        setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", urls[i], 1);
        ck_assert_int_eq(chain_get(chain, NOON, &who, &err), E_STORE);
        ck_assert_ptr_nonnull(strstr(err.msg, "neither https nor on this machine"));
    }
    teardown();
}
END_TEST

static void instance(const struct fake_reply *script, size_t count)
{
    setup();
    fake_http_start(&fake, script, count);
    unsetenv("AWS_EC2_METADATA_DISABLED");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", fake.endpoint, 1);
}

START_TEST(an_instance_gives_a_token_a_role_and_its_credentials)
{
    static const struct fake_reply script[] = {
        {.text = TEXT("session"), .close = true},
        {.text = TEXT("the-role\n"), .close = true},
        {.text = JSON("i1", UNTIL("2026-11-29T18:00:00Z")), .close = true},
    };
    instance(script, ARRAY_COUNT(script));
    ck_ok(chain_get(chain, NOON, &who, &err), &err);
    fake_http_stop(&fake);
    ck_assert_str_eq(who.key_id, "i1");
    ck_assert_str_eq(who.token, "t");
    ck_assert_uint_eq(who.expires_s, NOON + 6 * 3600);
    ck_assert_ptr_nonnull(strstr(fake.requests[0], "PUT /latest/api/token HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(fake.requests[0], "X-aws-ec2-metadata-token-ttl-seconds: 21600"));
    ck_assert_ptr_nonnull(
        strstr(fake.requests[1], "GET /latest/meta-data/iam/security-credentials/ HTTP"));
    ck_assert_ptr_nonnull(
        strstr(fake.requests[2], "GET /latest/meta-data/iam/security-credentials/the-role HTTP"));
    ck_assert_ptr_nonnull(strstr(fake.requests[2], "X-aws-ec2-metadata-token: session\r\n"));
    teardown();
}
END_TEST

START_TEST(what_an_instance_says_is_not_trusted)
{
    static const struct {
        struct fake_reply script[3];
        size_t asked;
    } cases[] = {
        {{{.text = GONE}}, 1},
        {{{.text = TEXT("a\r\nHost: evil"), .close = true}}, 1},
        {{{.text = TEXT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), .forever = true}}, 1},
        {{{.text = TEXT("a"), .close = true}, {.text = TEXT("../x"), .close = true}}, 2},
        {{{.text = TEXT("a"), .close = true}, {.text = TEXT(""), .close = true}}, 2},
        {{{.text = TEXT("a"), .close = true},
          {.text = TEXT("role"), .close = true},
          {.text = TEXT("[[[[[[[["), .close = true}},
         3},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        instance(cases[i].script, 3);
        ck_assert_int_eq(chain_get(chain, NOON, &who, &err), E_STORE);
        fake_http_stop(&fake);
        ck_assert_uint_eq(fake.n_requests, cases[i].asked);
        teardown();
    }
}
END_TEST

static void *get_one(void *arg)
{
    struct credentials mine;
    struct err e;
    UNUSED(arg);
    return (void *)(uintptr_t)(chain_get(chain, NOON, &mine, &e) == OK &&
                               strcmp(mine.key_id, "c1") == 0);
}

START_TEST(many_at_once_ask_once)
{
    static const struct fake_reply script[] = {
        {.text = JSON("c1", UNTIL("2026-11-29T13:00:00Z")), .close = true}};
    pthread_t t[16];
    setup();
    fake_http_start(&fake, script, 1);
    container("/");
    for (size_t i = 0; i < ARRAY_COUNT(t); i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, get_one, NULL), 0);
    for (size_t i = 0; i < ARRAY_COUNT(t); i++) {
        void *good;
        pthread_join(t[i], &good);
        ck_assert_ptr_nonnull(good);
    }
    fake_http_stop(&fake);
    ck_assert_uint_eq(fake.n_requests, 1);
    teardown();
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    setup();
    tree_text(&tree, ".aws/credentials",
              "[default]\naws_access_key_id=a\naws_secret_access_key=s\n");
    enum status s = E_NO_MEMORY;
    for (uint64_t n = 1; s != OK; n++) {
        struct chain *c = NULL;
        alloc_fail_at(n);
        s = chain_new(curl, &c, &err);
        if (s == OK)
            s = chain_get(c, NOON, &who, &err);
        alloc_fail_at(0);
        ck_assert_msg(s == OK || s == E_NO_MEMORY, "%s", err.msg);
        chain_free(&c);
    }
    teardown();
}
END_TEST

Suite *suite_credentials(void)
{
    return SUITE(
        "credentials", the_environment_comes_first, bytes_that_no_header_takes_are_refused,
        profiles_are_chosen_by_name, a_file_is_read_again, nothing_at_all_says_what_could_be,
        a_container_is_asked_with_its_token_and_before_they_expire,
        secrets_are_asked_for_in_the_clear_on_this_machine_only,
        an_instance_gives_a_token_a_role_and_its_credentials, what_an_instance_says_is_not_trusted,
        many_at_once_ask_once, no_memory_is_an_error);
}
