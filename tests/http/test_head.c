/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The head checker by tables: what passes, what it means, and why the rest is refused. */
#include <stdlib.h>
#include <string.h>

#include "http/head.h"
#include "support/support.h"

#define GET "GET /ping HTTP/1.1\r\n"
#define POST "POST /models/m/invoke HTTP/1.1\r\n"
#define HOST "Host: h\r\n"

enum { BYTES_MAX = 16384, COUNT_MAX = 100 };

/* The two steps as the guard takes them, on a copy that ends where the head does, so that a
 * sanitizer sees a read beyond it. */
static enum refusal check(const char *text, size_t n, struct head *h)
{
    char *copy = malloc(n ? n : 1);
    memcpy(copy, text, n);
    struct head_scan scan = {0};
    enum refusal why;
    switch (head_find(&scan, copy, n, BYTES_MAX, COUNT_MAX, &why)) {
    case HEAD_WHOLE:
        ck_assert_uint_eq(scan.at, n);
        why = head_parse(copy, n, h);
        break;
    case HEAD_MORE:
        ck_abort_msg("not whole: %s", text);
        break;
    case HEAD_BAD:
        break;
    }
    free(copy);
    return why;
}

static const struct {
    const char *text;
    enum refusal why;
} refused[] = {
    /* request line */
    {"GET  /ping HTTP/1.1\r\n" HOST "\r\n", REFUSE_LINE},
    {"GET /ping  HTTP/1.1\r\n" HOST "\r\n", REFUSE_LINE},
    {"GET /ping HTTP/1.1 \r\n" HOST "\r\n", REFUSE_LINE},
    {" GET /ping HTTP/1.1\r\n" HOST "\r\n", REFUSE_LINE},
    {"GET\t/ping\tHTTP/1.1\r\n" HOST "\r\n", REFUSE_LINE},
    {"GET /ping\r\n\r\n", REFUSE_LINE},
    {"GET\r\n\r\n", REFUSE_LINE},
    {"GET /ping HTTP/1.1x\r\n" HOST "\r\n", REFUSE_LINE},
    {"GET /ping http/1.1\r\n" HOST "\r\n", REFUSE_LINE},
    {"GET /ping HTTP/11\r\n" HOST "\r\n", REFUSE_LINE},
    {"GE(T /ping HTTP/1.1\r\n" HOST "\r\n", REFUSE_LINE},
    {"\x16\x03\x01\x02", REFUSE_LINE},
    {"GET /ping HTTP/1.2\r\n" HOST "\r\n", REFUSE_VERSION},
    {"GET /ping HTTP/0.9\r\n" HOST "\r\n", REFUSE_VERSION},
    {"GET /ping HTTP/2.0\r\n" HOST "\r\n", REFUSE_VERSION},
    {"BREW /ping HTTP/1.1\r\n" HOST "\r\n", REFUSE_METHOD},
    {"get /ping HTTP/1.1\r\n" HOST "\r\n", REFUSE_METHOD},
    {"CONNECT h:80 HTTP/1.1\r\n" HOST "\r\n", REFUSE_METHOD},
    /* target */
    {"GET http://h/ping HTTP/1.1\r\n" HOST "\r\n", REFUSE_TARGET},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", REFUSE_TARGET},
    {"GET ping HTTP/1.1\r\n" HOST "\r\n", REFUSE_TARGET},
    {"GET ?a HTTP/1.1\r\n" HOST "\r\n", REFUSE_TARGET},
    {"GET /a#b HTTP/1.1\r\n" HOST "\r\n", REFUSE_TARGET},
    {"GET /a%zz HTTP/1.1\r\n" HOST "\r\n", REFUSE_TARGET},
    {"GET /a%2 HTTP/1.1\r\n" HOST "\r\n", REFUSE_TARGET},
    {"GET /a% HTTP/1.1\r\n" HOST "\r\n", REFUSE_TARGET},
    {"GET /a?b=%g0 HTTP/1.1\r\n" HOST "\r\n", REFUSE_TARGET},
    {"GET /a\x80 HTTP/1.1\r\n" HOST "\r\n", REFUSE_TARGET},
    {"GET /a\x01 HTTP/1.1\r\n" HOST "\r\n", REFUSE_TARGET},
    {"GET /a\\b HTTP/1.1\r\n" HOST "\r\n", REFUSE_TARGET},
    {"GET /a\"b HTTP/1.1\r\n" HOST "\r\n", REFUSE_TARGET},
    /* line ends */
    {"GET /ping HTTP/1.1\n" HOST "\r\n", REFUSE_LINE_END},
    {"GET /ping HTTP/1.1\r\nHost: h\n\r\n", REFUSE_LINE_END},
    {GET HOST "\n", REFUSE_LINE_END},
    {"GET /ping HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", REFUSE_FIELD},
    {"GET /pi\rng HTTP/1.1\r\n" HOST "\r\n", REFUSE_TARGET},
    /* fields */
    {GET HOST "X : y\r\n\r\n", REFUSE_FIELD},
    {GET HOST ": y\r\n\r\n", REFUSE_FIELD},
    {GET HOST "no colon\r\n\r\n", REFUSE_FIELD},
    {GET HOST "X\x01: y\r\n\r\n", REFUSE_FIELD},
    {GET HOST "X: a\x01\r\n\r\n", REFUSE_FIELD},
    {GET HOST "X: a\x7f\r\n\r\n", REFUSE_FIELD},
    {GET HOST "X: a\r\n b\r\n\r\n", REFUSE_FOLD},
    {GET HOST "X: a\r\n\tb\r\n\r\n", REFUSE_FOLD},
    {GET " Host: h\r\n\r\n", REFUSE_FOLD},
    /* host */
    {GET "\r\n", REFUSE_HOST},
    {GET "Host:\r\n\r\n", REFUSE_HOST},
    {GET HOST HOST "\r\n", REFUSE_TWICE},
    {GET "Host: a b\r\n\r\n", REFUSE_HOST},
    {GET "Host: a/b\r\n\r\n", REFUSE_HOST},
    {GET "Host: u@h\r\n\r\n", REFUSE_HOST},
    /* framing */
    {POST HOST "Content-Length : 5\r\n\r\n", REFUSE_FIELD},
    {POST HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", REFUSE_TWICE},
    {POST HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", REFUSE_TWICE},
    {POST HOST "Content-Length: 5, 5\r\n\r\n", REFUSE_LENGTH},
    {POST HOST "Content-Length: +5\r\n\r\n", REFUSE_LENGTH},
    {POST HOST "Content-Length: -5\r\n\r\n", REFUSE_LENGTH},
    {POST HOST "Content-Length: 0x5\r\n\r\n", REFUSE_LENGTH},
    {POST HOST "Content-Length: 5 5\r\n\r\n", REFUSE_LENGTH},
    {POST HOST "Content-Length:\r\n\r\n", REFUSE_LENGTH},
    {POST HOST "Content-Length: 1\r\n\t0\r\n\r\n", REFUSE_FOLD},
    {POST HOST "Content-Length: 9223372036854775808\r\n\r\n", REFUSE_LENGTH},
    {POST HOST "Content-Length: 99999999999999999999999\r\n\r\n", REFUSE_LENGTH},
    {POST HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", REFUSE_BOTH},
    {POST HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", REFUSE_BOTH},
    {POST HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", REFUSE_CODING},
    {POST HOST "Transfer-Encoding: chunked, chunked\r\n\r\n", REFUSE_CODING},
    {POST HOST "Transfer-Encoding: CHUNKED\r\n\r\n", REFUSE_CODING},
    {POST HOST "Transfer-Encoding: identity\r\n\r\n", REFUSE_CODING},
    {POST HOST "Transfer-Encoding:\r\n\r\n", REFUSE_CODING},
    {POST HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", REFUSE_TWICE},
    {"POST /m HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", REFUSE_CODING_10},
    /* the rest */
    {POST HOST "Expect: 200-ok\r\n\r\n", REFUSE_EXPECT},
    {POST HOST "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n", REFUSE_TWICE},
    {GET HOST "Accept: a\r\nAccept: b\r\nAccept: c\r\nAccept: d\r\nAccept: e\r\n\r\n",
     REFUSE_TWICE},
};

START_TEST(what_two_readers_could_read_differently_is_refused)
{
    struct head h;
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        enum refusal why = check(refused[i].text, strlen(refused[i].text), &h);
        ck_assert_msg(why == refused[i].why, "row %zu: %s\ncame: %s", i, refused[i].text,
                      refusal_text(why));
    }
}
END_TEST

START_TEST(nul_is_refused_wherever_it_stands)
{
    static const char good[] = GET HOST "X: y\r\n\r\n";
    struct head h;
    ck_assert_int_eq(check(good, sizeof(good) - 1, &h), REFUSE_NOTHING);
    for (size_t i = 0; i + 1 < sizeof(good); i++) {
        char bad[sizeof(good)];
        memcpy(bad, good, sizeof(good));
        bad[i] = 0;
        struct head_scan scan = {0};
        enum refusal why = REFUSE_NOTHING;
        enum head_state state = head_find(&scan, bad, sizeof(good) - 1, BYTES_MAX, COUNT_MAX, &why);
        if (state == HEAD_WHOLE)
            why = head_parse(bad, scan.at, &h);
        ck_assert_msg(state == HEAD_MORE || why != REFUSE_NOTHING, "NUL at %zu passed", i);
    }
}
END_TEST

START_TEST(a_good_head_is_read_as_it_is_meant)
{
    static const char text[] = "POST /models/a%20b?x=1&y=%2f HTTP/1.1\r\n"
                               "hOsT: example.org:8080\r\n"
                               "Content-Length: \t 12 \t\r\n"
                               "Accept: text/csv\r\n"
                               "accept: */*;q=0.1\r\n"
                               "Content-Type: application/json\r\n"
                               "X-Unknown: caf\xc3\xa9\r\n"
                               "Expect: 100-Continue\r\n"
                               "X-Request-Id: r-1\r\n"
                               "\r\n";
    struct head h;
    enum refusal why = head_parse(text, sizeof(text) - 1, &h);
    ck_assert_int_eq(why, REFUSE_NOTHING);
    ck_assert_int_eq(h.method, METHOD_POST);
    ck_assert(span_is(h.path, "/models/a%20b"));
    ck_assert(span_is(h.query, "x=1&y=%2f"));
    ck_assert(span_is(h.field[FIELD_HOST], "example.org:8080"));
    ck_assert_uint_eq(h.length, 12);
    ck_assert_int_eq(h.accepts, 2);
    ck_assert(span_is(h.accept[1], "*/*;q=0.1"));
    ck_assert(span_is(h.field[FIELD_TYPE], "application/json"));
    ck_assert(span_is(h.field[FIELD_REQUEST_ID], "r-1"));
    ck_assert_ptr_null(h.field[FIELD_NAN].p);
    ck_assert(h.expect_continue);
    ck_assert(h.keep_alive);
    ck_assert(!h.chunked);
}
END_TEST

START_TEST(connection_decides_who_stays)
{
    static const struct {
        const char *text;
        bool keep;
    } cases[] = {
        {GET HOST "\r\n", true},
        {GET HOST "Connection: close\r\n\r\n", false},
        {GET HOST "Connection: Upgrade, CLOSE\r\n\r\n", false},
        {GET HOST "Connection: keep-alive\r\nConnection: close\r\n\r\n", false},
        {GET HOST "Connection: closed\r\n\r\n", true},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct head h;
        ck_assert_int_eq(check(cases[i].text, strlen(cases[i].text), &h), REFUSE_NOTHING);
        ck_assert_msg(h.keep_alive == cases[i].keep, "%s", cases[i].text);
    }
}
END_TEST

START_TEST(the_end_is_found_at_every_growth)
{
    static const char text[] = GET HOST "A: b\r\n\r\nNEXT";
    const size_t whole = sizeof(text) - 1 - 4;
    enum refusal why;
    struct head_scan scan = {0};
    for (size_t n = 0; n < whole; n++)
        ck_assert_int_eq(head_find(&scan, text, n, BYTES_MAX, COUNT_MAX, &why), HEAD_MORE);
    ck_assert_int_eq(head_find(&scan, text, sizeof(text) - 1, BYTES_MAX, COUNT_MAX, &why),
                     HEAD_WHOLE);
    ck_assert_uint_eq(scan.at, whole);
}
END_TEST

START_TEST(limits_are_exact)
{
    static const char first[] = "GET / HTTP/1.1\r\n";
    char text[2000] = "GET / HTTP/1.1\r\n";
    size_t n = sizeof(first) - 1;
    enum refusal why;
    for (int i = 0; i < 5; i++, n += 6)
        memcpy(text + n, "A: b\r\n", 6);
    memcpy(text + n, "\r\n", 2);
    n += 2;
    struct head_scan s = {0}, t = {0}, u = {0}, v = {0};
    ck_assert_int_eq(head_find(&s, text, n, n, 5, &why), HEAD_WHOLE);
    ck_assert_int_eq(head_find(&t, text, n, n, 4, &why), HEAD_BAD);
    ck_assert_int_eq(why, REFUSE_HEAD_COUNT);
    ck_assert_int_eq(head_find(&u, text, n, n - 1, 5, &why), HEAD_BAD);
    ck_assert_int_eq(why, REFUSE_HEAD_BYTES);
    /* and one endless line, seen only so far */
    memset(text, 'A', sizeof(text));
    ck_assert_int_eq(head_find(&v, text, 1000, 1000, 5, &why), HEAD_MORE);
    ck_assert_int_eq(head_find(&v, text, 1001, 1000, 5, &why), HEAD_BAD);
    ck_assert_int_eq(why, REFUSE_HEAD_BYTES);
}
END_TEST

Suite *suite_head(void)
{
    return SUITE("head", what_two_readers_could_read_differently_is_refused,
                 nul_is_refused_wherever_it_stands, a_good_head_is_read_as_it_is_meant,
                 connection_decides_who_stays, the_end_is_found_at_every_growth, limits_are_exact);
}
