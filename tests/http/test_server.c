/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The server through its socket: what each route answers, with which code and which fields. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "support/support.h"

#define HOST "Host: localhost\r\n"
#define INVOKE(model, fields) "POST /models/" model "/invoke HTTP/1.1\r\n" HOST fields
#define BODY "Content-Length: 5\r\n\r\n[1,2]"

START_TEST(ping_is_alive)
{
    struct stage s;
    struct answer a;
    stage_init(&s);
    stage_start(&s);
    ck_assert_int_eq(ask_answer(&s, "GET /ping HTTP/1.1\r\n" HOST "\r\n", &a), 200);
    ck_assert_uint_eq(a.bytes, 0);
    ck_assert_ptr_nonnull(answer_field(&a, "date"));
    ck_assert_uint_eq(strlen(answer_field(&a, "x-request-id")), 16);
    ck_assert_str_eq(answer_field(&a, "x-roost-cache"), "none");
    answer_free(&a);
    stage_end(&s);
}
END_TEST

START_TEST(an_invocation_comes_back_with_its_fields)
{
    struct stage s;
    struct answer a;
    struct invocation last;
    stage_init(&s);
    stage_start(&s);
    ck_assert_int_eq(ask_answer(&s,
                                INVOKE("echo", "x-request-id: abc.1\r\nx-roost-nan: token\r\n"
                                               "x-roost-output: logits\r\n" BODY),
                                &a),
                     200);
    ck_assert_str_eq(a.body, "[1,2]");
    ck_assert_str_eq(answer_field(&a, "content-type"), "application/json");
    ck_assert_str_eq(answer_field(&a, "x-request-id"), "abc.1");
    ck_assert_str_eq(answer_field(&a, "x-roost-cache"), "hit");
    ck_assert_str_eq(answer_field(&a, "server-timing"),
                     "queue;dur=0.012, fetch;dur=0.000, load;dur=0.000, infer;dur=3.456");
    ck_assert_ptr_null(answer_field(&a, "connection"));
    answer_free(&a);
    fake_last(s.endpoint, &last);
    ck_assert_str_eq(last.model, "echo");
    ck_assert_int_eq(last.in_format, CODEC_JSON);
    ck_assert_int_eq(last.out_format, CODEC_JSON);
    ck_assert(last.options.nan_token);
    ck_assert_uint_eq(last.deadline_us - last.started_us, 60000000);
    stage_end(&s);
}
END_TEST

START_TEST(cache_headers_can_be_switched_off)
{
    struct stage s;
    struct answer a;
    stage_init(&s);
    s.config.cache_headers = false;
    stage_start(&s);
    ck_assert_int_eq(ask_answer(&s, INVOKE("echo", BODY), &a), 200);
    ck_assert_ptr_null(answer_field(&a, "x-roost-cache"));
    ck_assert_str_eq(answer_field(&a, "server-timing"), "queue;dur=0.012, infer;dur=3.456");
    answer_free(&a);
    stage_end(&s);
}
END_TEST

static const struct {
    const char *text;
    int code;
} codes[] = {
    {"GET /nothing HTTP/1.1\r\n" HOST "\r\n", 404},
    {"DELETE /ping HTTP/1.1\r\n" HOST "\r\n", 405},
    {"GET /ready HTTP/1.1\r\n" HOST "\r\n", 200},
    {"GET /metrics HTTP/1.1\r\n" HOST "\r\n", 200},
    {"GET /models HTTP/1.1\r\n" HOST "\r\n", 200},
    {"GET /models?limit=0 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /models?limit=101 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /models?limit=x HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /models?limit=123456789 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /models/echo HTTP/1.1\r\n" HOST "\r\n", 200},
    {"GET /models/none HTTP/1.1\r\n" HOST "\r\n", 404},
    {"DELETE /models/echo HTTP/1.1\r\n" HOST "\r\n", 200},
    {"DELETE /models/none HTTP/1.1\r\n" HOST "\r\n", 404},
    {"POST /models HTTP/1.1\r\n" HOST "Content-Length: 22\r\n\r\n{\"model_name\": \"echo\"}", 200},
    {"POST /models HTTP/1.1\r\n" HOST "Content-Length: 22\r\n\r\n{\"model_name\": \"huge\"}", 507},
    {"POST /models HTTP/1.1\r\n" HOST "Content-Length: 26\r\n\r\n{\"model_name\": \"resident\"}",
     409},
    {"POST /models HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 400},
    {"POST /models HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n", 413},
    {"POST /models HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
     415},
    {INVOKE("none", BODY), 404},
    {INVOKE("bad", BODY), 400},
    {INVOKE("full", BODY), 503},
    {INVOKE("going", BODY), 503},
    {INVOKE("nostore", BODY), 503},
    {INVOKE("late", BODY), 504},
    {INVOKE("huge", BODY), 507},
    {INVOKE("corrupt", BODY), 500},
    {INVOKE("arena", BODY), 413},
    {INVOKE("inline", BODY), 200},
    {INVOKE("acme/echo", BODY), 200},
    {INVOKE("echo", "\r\n"), 400},
    {INVOKE("echo", "Content-Length: 0\r\n\r\n"), 400},
    {INVOKE("echo", "Content-Type: text/html\r\n" BODY), 415},
    {INVOKE("echo", "Accept: text/html\r\n" BODY), 406},
    {INVOKE("echo", "x-roost-timeout-ms: 0\r\n" BODY), 400},
    {INVOKE("echo", "x-roost-timeout-ms: 1e3\r\n" BODY), 400},
    {INVOKE("echo", "x-roost-timeout-ms: 86400001\r\n" BODY), 400},
    {INVOKE("echo", "x-roost-nan: maybe\r\n" BODY), 400},
    {INVOKE("echo", "x-roost-output:\r\n" BODY), 400},
    {INVOKE("echo", "Expect: the-best\r\n" BODY), 417},
    {INVOKE("echo", "Content-Length: 67108865\r\n\r\n"), 413},
    {INVOKE("a%2Fb", BODY), 400},
    {"GET /ping HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", 200},
    {"GET /ping HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n", 413},
    {"GET /ping HTTP/3.0\r\n" HOST "\r\n", 505},
    {"FETCH /ping HTTP/1.1\r\n" HOST "\r\n", 501},
    {"GET /ping HTTP/1.0\r\n\r\n", 200},
    {"\r\nGET /ping HTTP/1.1\r\n" HOST "\r\n", 200},
    {"\r\n\r\n\r\nGET /ping HTTP/1.1\r\n" HOST "\r\n", 400},
};

START_TEST(each_case_has_its_code)
{
    struct stage s;
    stage_init(&s);
    stage_start(&s);
    for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
        struct answer a;
        int code = ask_answer(&s, codes[i].text, &a);
        ck_assert_msg(code == codes[i].code, "%s\ncame: %d %s", codes[i].text, code, a.body);
        if (code >= 400)
            ck_assert_msg(strncmp(a.body, "{\"error\": \"", 11) == 0, "%s", a.body);
        answer_free(&a);
    }
    stage_end(&s);
}
END_TEST

START_TEST(failures_say_when_to_come_back)
{
    static const struct {
        const char *text, *retry;
    } cases[] = {
        {INVOKE("full", BODY), "1"},
        {INVOKE("nostore", BODY), "3"},
        {INVOKE("corrupt", BODY), "7"},
        {INVOKE("bad", BODY), NULL},
    };
    struct stage s;
    stage_init(&s);
    stage_start(&s);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct answer a;
        ask_answer(&s, cases[i].text, &a);
        const char *retry = answer_field(&a, "retry-after");
        if (cases[i].retry)
            ck_assert_str_eq(retry, cases[i].retry);
        else
            ck_assert_ptr_null(retry);
        answer_free(&a);
    }
    stage_end(&s);
}
END_TEST

START_TEST(a_wrong_method_names_the_right_ones)
{
    struct stage s;
    struct answer a;
    stage_init(&s);
    stage_start(&s);
    ck_assert_int_eq(ask_answer(&s, "PATCH /models/m HTTP/1.1\r\n" HOST "\r\n", &a), 405);
    ck_assert_str_eq(answer_field(&a, "allow"), "GET, HEAD, PUT, DELETE");
    answer_free(&a);
    stage_end(&s);
}
END_TEST

START_TEST(head_has_a_length_and_no_body)
{
    struct stage s;
    struct answer a;
    stage_init(&s);
    stage_start(&s);
    int fd = client_connect(server_port(s.server));
    client_text(fd, "HEAD /models/echo HTTP/1.1\r\n" HOST "\r\nGET /ping HTTP/1.1\r\n" HOST "\r\n");
    client_answer(fd, false, &a);
    ck_assert_int_eq(a.code, 200);
    ck_assert_str_eq(answer_field(&a, "content-length"), "21");
    answer_free(&a);
    client_answer(fd, true, &a); /* begins right behind the head */
    ck_assert_int_eq(a.code, 200);
    answer_free(&a);
    client_text(fd, "HEAD /nothing HTTP/1.1\r\n" HOST "\r\nGET /ping HTTP/1.1\r\n" HOST "\r\n");
    client_answer(fd, false, &a);
    ck_assert_int_eq(a.code, 404);
    answer_free(&a);
    client_answer(fd, true, &a);
    ck_assert_int_eq(a.code, 200);
    answer_free(&a);
    client_text(fd, "HEAD /ping HTTP/1.1\r\n" HOST "\r\n\x01nonsense\r\n\r\n");
    client_answer(fd, false, &a);
    answer_free(&a);
    client_answer(fd, true, &a); /* not to a HEAD any more: it has its body */
    ck_assert_int_eq(a.code, 400);
    answer_free(&a);
    close(fd);
    stage_end(&s);
}
END_TEST

START_TEST(formats_are_negotiated)
{
    struct stage s;
    struct answer a;
    struct invocation last;
    stage_init(&s);
    stage_start(&s);
    ck_assert_int_eq(
        ask_answer(&s, INVOKE("echo", "Content-Type: text/csv; header=present\r\n" BODY), &a), 200);
    ck_assert_str_eq(answer_field(&a, "content-type"), "text/csv; charset=utf-8");
    answer_free(&a);
    fake_last(s.endpoint, &last);
    ck_assert(last.options.csv_header);
    ck_assert_int_eq(ask_answer(&s, INVOKE("echo", "Accept: application/x-npy\r\n" BODY), &a), 200);
    ck_assert_str_eq(answer_field(&a, "content-type"), "application/x-npy");
    answer_free(&a);
    stage_end(&s);
}
END_TEST

START_TEST(a_request_id_that_is_no_token_is_replaced)
{
    static const char *const bad[] = {"x-request-id: a b\r\n", "x-request-id: a\"b\r\n",
                                      "x-request-id:\r\n"};
    struct stage s;
    struct answer a;
    char text[512], long_id[160];
    stage_init(&s);
    stage_start(&s);
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        snprintf(text, sizeof(text), "GET /ping HTTP/1.1\r\n" HOST "%s\r\n", bad[i]);
        ck_assert_int_eq(ask_answer(&s, text, &a), 200);
        ck_assert_uint_eq(strlen(answer_field(&a, "x-request-id")), 16);
        answer_free(&a);
    }
    for (size_t n = 128; n <= 129; n++) {
        memset(long_id, 'i', n);
        long_id[n] = 0;
        snprintf(text, sizeof(text), "GET /ping HTTP/1.1\r\n" HOST "x-request-id: %s\r\n\r\n",
                 long_id);
        ck_assert_int_eq(ask_answer(&s, text, &a), 200);
        ck_assert_uint_eq(strlen(answer_field(&a, "x-request-id")), n == 128 ? 128 : 16);
        answer_free(&a);
    }
    stage_end(&s);
}
END_TEST

START_TEST(pages_are_asked_for_in_the_query)
{
    struct stage s;
    struct answer a;
    stage_init(&s);
    stage_start(&s);
    ck_assert_int_eq(
        ask_answer(&s, "GET /models?limit=7&next_page_token=acme%2Fm HTTP/1.1\r\n" HOST "\r\n", &a),
        200);
    ck_assert_str_eq(a.body, "{\"after\": \"acme/m\", \"limit\": 7}");
    answer_free(&a);
    stage_end(&s);
}
END_TEST

START_TEST(browsers_are_kept_from_management)
{
    static const struct {
        const char *fields;
        int list, ping;
    } cases[] = {
        {"Host: localhost:8080\r\n", 200, 200},
        {"Host: [::1]\r\n", 200, 200},
        {"Host: evil.example\r\n", 403, 200},
        {"Host: localhost\r\nOrigin: http://localhost\r\n", 200, 200},
        {"Host: localhost\r\nOrigin: http://evil.example\r\n", 403, 200},
        {"Host: localhost\r\nOrigin: https://localhost\r\n", 403, 200},
        {"Host: localhost\r\nOrigin: null\r\n", 403, 200},
    };
    struct stage s;
    char text[256];
    stage_init(&s);
    stage_start(&s);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        snprintf(text, sizeof(text), "GET /models HTTP/1.1\r\n%s\r\n", cases[i].fields);
        ck_assert_msg(ask(&s, text) == cases[i].list, "%s", cases[i].fields);
        snprintf(text, sizeof(text), "GET /ping HTTP/1.1\r\n%s\r\n", cases[i].fields);
        ck_assert_msg(ask(&s, text) == cases[i].ping, "%s", cases[i].fields);
    }
    stage_end(&s);
}
END_TEST

static int ask_port(uint16_t port, const char *text)
{
    struct answer a;
    int fd = client_connect(port);
    client_text(fd, text);
    client_answer(fd, true, &a);
    close(fd);
    answer_free(&a);
    return a.code;
}

START_TEST(management_can_have_its_own_listener)
{
    struct stage s;
    stage_init(&s);
    s.config.admin_listen = "localhost:0";
    stage_start(&s);
    uint16_t data = server_port(s.server), admin = server_admin_port(s.server);
    ck_assert_uint_ne(data, admin);
    ck_assert_int_eq(ask_port(data, "GET /models HTTP/1.1\r\n" HOST "\r\n"), 404);
    ck_assert_int_eq(ask_port(admin, "GET /models HTTP/1.1\r\n" HOST "\r\n"), 200);
    ck_assert_int_eq(ask_port(data, INVOKE("echo", BODY)), 200);
    ck_assert_int_eq(ask_port(admin, INVOKE("echo", BODY)), 404);
    ck_assert_int_eq(ask_port(data, "GET /ping HTTP/1.1\r\n" HOST "\r\n"), 200);
    ck_assert_int_eq(ask_port(admin, "GET /ping HTTP/1.1\r\n" HOST "\r\n"), 200);
    stage_end(&s);
}
END_TEST

START_TEST(one_address_written_twice_is_one_listener)
{
    struct stage s;
    char data[32], admin[32];
    stage_init(&s);
    stage_start(&s);
    uint16_t port = server_port(s.server); /* was free a moment ago */
    server_free(&s.server);
    struct err err;
    snprintf(data, sizeof(data), "127.0.0.1:%u", port);
    snprintf(admin, sizeof(admin), "127.1:%u", port);
    s.config.listen = data;
    s.config.admin_listen = admin;
    ck_ok(server_new(&s.config, s.endpoint, &s.server, &err), &err);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(ask(&s, "GET /models HTTP/1.1\r\n" HOST "\r\n"), 200);
        ck_assert_int_eq(ask(&s, INVOKE("echo", BODY)), 200);
    }
    stage_end(&s);
}
END_TEST

START_TEST(management_in_the_open_must_be_asked_for)
{
    struct stage s;
    struct err err;
    stage_init(&s);
    s.config.listen = "0.0.0.0:0";
    s.endpoint = fake_endpoint_new();
    ck_assert_int_eq(server_new(&s.config, s.endpoint, &s.server, &err), E_USAGE);
    s.config.insecure_admin = true;
    ck_ok(server_new(&s.config, s.endpoint, &s.server, &err), &err);
    ck_assert_int_eq(ask(&s, "GET /models HTTP/1.1\r\nHost: any.name\r\n\r\n"), 200);
    server_free(&s.server);
    s.config.insecure_admin = false;
    s.config.admin_listen = "127.0.0.1:0";
    ck_ok(server_new(&s.config, s.endpoint, &s.server, &err), &err);
    stage_end(&s);
}
END_TEST

START_TEST(a_taken_address_is_said)
{
    struct stage s;
    struct server *second;
    struct err err;
    char listen[32];
    stage_init(&s);
    stage_start(&s);
    struct server_config c = s.config;
    c.listen = "no port";
    ck_assert_int_eq(server_new(&c, s.endpoint, &second, &err), E_USAGE);
    c.listen = listen;
    snprintf(listen, sizeof(listen), "127.0.0.1:%u", server_port(s.server));
    ck_assert_int_eq(server_new(&c, s.endpoint, &second, &err), E_IO); /* not shared unnoticed */
    snprintf(listen, sizeof(listen), "192.0.2.1:%u", server_port(s.server));
    c.insecure_admin = true; /* an address that is not ours */
    ck_assert_int_eq(server_new(&c, s.endpoint, &second, &err), E_IO);
    stage_end(&s);
}
END_TEST

Suite *suite_server(void)
{
    return SUITE("server", ping_is_alive, an_invocation_comes_back_with_its_fields,
                 cache_headers_can_be_switched_off, each_case_has_its_code,
                 failures_say_when_to_come_back, a_wrong_method_names_the_right_ones,
                 head_has_a_length_and_no_body, formats_are_negotiated,
                 a_request_id_that_is_no_token_is_replaced, pages_are_asked_for_in_the_query,
                 browsers_are_kept_from_management, management_can_have_its_own_listener,
                 one_address_written_twice_is_one_listener,
                 management_in_the_open_must_be_asked_for, a_taken_address_is_said);
}
