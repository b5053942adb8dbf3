/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The server through its socket: what each route answers, and with which fields. */
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "support/support.h"

#define HOST "Host: localhost\r\n"

START_TEST(ping_is_alive)
{
    struct stage s;
    struct answer a;
    stage_init(&s);
    stage_start(&s);
    ck_assert_int_eq(ask_answer(&s, "GET /ping HTTP/1.1\r\n" HOST "\r\n", &a), 200);
    ck_assert_uint_eq(a.bytes, 0);
    answer_free(&a);
    stage_end(&s);
}
END_TEST

START_TEST(an_invocation_comes_back_with_its_fields)
{
    struct stage s;
    struct answer a;
    stage_init(&s);
    stage_start(&s);
    ck_assert_int_eq(ask_answer(&s,
                                "POST /models/echo/invoke HTTP/1.1\r\n" HOST
                                "x-request-id: abc.1\r\nContent-Length: 5\r\n\r\n[1,2]",
                                &a),
                     200);
    ck_assert_str_eq(a.body, "[1,2]");
    ck_assert_str_eq(answer_field(&a, "content-type"), "application/json");
    ck_assert_str_eq(answer_field(&a, "x-request-id"), "abc.1");
    ck_assert_str_eq(answer_field(&a, "x-roost-cache"), "hit");
    ck_assert_str_eq(answer_field(&a, "server-timing"),
                     "queue;dur=0.012, fetch;dur=0.000, load;dur=0.000, infer;dur=3.456");
    answer_free(&a);
    stage_end(&s);
}
END_TEST

Suite *suite_server(void)
{
    return SUITE("server", ping_is_alive, an_invocation_comes_back_with_its_fields);
}
