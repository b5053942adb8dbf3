/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The chunked decoder: every text in one piece and cut into two at every byte. */
#include <stdio.h>
#include <string.h>

#include "http/chunked.h"
#include "support/support.h"

enum { MAX_BYTES = 1000, NOT_ENDED = -1 };

/* Runs one piece through the decoder; the body is added to out. */
static enum chunk_step feed(struct chunked *d, const char *p, size_t n, char *out, size_t *at)
{
    for (;;) {
        size_t used, data;
        enum chunk_step step = chunked_next(d, p, n, &used, &data);
        ck_assert_uint_le(used + data, n);
        memcpy(out + *at, p + used, data);
        *at += data;
        out[*at] = 0;
        p += used + data;
        n -= used + data;
        if (step != CHUNK_DATA)
            return step;
    }
}

static const struct {
    const char *text;
    enum chunk_step step;
    const char *body;
} cases[] = {
    {"0\r\n\r\n", CHUNK_END, ""},
    {"5\r\nhello\r\n0\r\n\r\n", CHUNK_END, "hello"},
    {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", CHUNK_END, "hello world"},
    {"00A\r\n0123456789\r\n0\r\n\r\n", CHUNK_END, "0123456789"},
    {"5;ext=1;x=\"y z\"\r\nhello\r\n0;last\r\n\r\n", CHUNK_END, "hello"},
    {"0\r\nTrailer: value\r\nOther:\r\n\r\n", CHUNK_END, ""},
    {"5\r\nhello", CHUNK_MORE, "hello"},
    {"5\r\nhel", CHUNK_MORE, "hel"},
    {"", CHUNK_MORE, ""},
    {"g\r\n", CHUNK_BAD, ""},
    {"\r\n", CHUNK_BAD, ""},
    {" 5\r\nhello\r\n", CHUNK_BAD, ""},
    {"5 \r\nhello\r\n", CHUNK_BAD, ""},
    {"+5\r\nhello\r\n", CHUNK_BAD, ""},
    {"-1\r\n", CHUNK_BAD, ""},
    {"0x5\r\nhello\r\n", CHUNK_BAD, ""},
    {"5\nhello\r\n", CHUNK_BAD, ""},
    {"5\r\rhello", CHUNK_BAD, ""},
    {";ext\r\n", CHUNK_BAD, ""},
    {"5;e\nxt\r\n", CHUNK_BAD, ""},
    {"5\r\nhelloX\r\n", CHUNK_BAD, "hello"},
    {"5\r\nhello\n0\r\n", CHUNK_BAD, "hello"},
    {"5\r\nhello\r0\r\n", CHUNK_BAD, "hello"},
    {"3\r\nhello\r\n0\r\n\r\n", CHUNK_BAD, "hel"},
    {"0\r\n\n", CHUNK_BAD, ""},
    {"0\r\nno colon\r\n\r\n", CHUNK_BAD, ""},
    {"0\r\nX : y\r\n\r\n", CHUNK_BAD, ""},
    {"0\r\n fold\r\n\r\n", CHUNK_BAD, ""},
    {"0\r\nX: \x01\r\n\r\n", CHUNK_BAD, ""},
    {"0\r\nX: y\n\r\n", CHUNK_BAD, ""},
    {"3e8\r\n", CHUNK_MORE, ""},
    {"3e9\r\n", CHUNK_TOO_LARGE, ""},
    {"5\r\nhello\r\n3e4\r\n", CHUNK_TOO_LARGE, "hello"},
    {"ffffffffffff\r\n", CHUNK_TOO_LARGE, ""},
    {"0000000000005\r\nhello\r\n", CHUNK_BAD, ""},
    {"ffffffffffffffff\r\n", CHUNK_BAD, ""},
    {"10000000000000005\r\nhello\r\n", CHUNK_BAD, ""},
};

START_TEST(every_text_is_read_the_same_however_it_is_cut)
{
    char out[4096];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        size_t n = strlen(cases[i].text);
        for (size_t cut = 0; cut <= n; cut++) {
            struct chunked d;
            size_t at = 0;
            chunked_init(&d, MAX_BYTES);
            out[0] = 0;
            enum chunk_step step = feed(&d, cases[i].text, cut, out, &at);
            if (step == CHUNK_MORE)
                step = feed(&d, cases[i].text + cut, n - cut, out, &at);
            ck_assert_msg(step == cases[i].step && strcmp(out, cases[i].body) == 0,
                          "row %zu cut at %zu: step %d, body \"%s\"", i, cut, (int)step, out);
        }
    }
}
END_TEST

START_TEST(what_follows_the_end_is_left)
{
    static const char text[] = "1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1";
    struct chunked d;
    size_t used, data;
    chunked_init(&d, MAX_BYTES);
    ck_assert_int_eq(chunked_next(&d, text, sizeof(text) - 1, &used, &data), CHUNK_DATA);
    size_t at = used + data;
    ck_assert_int_eq(chunked_next(&d, text + at, sizeof(text) - 1 - at, &used, &data), CHUNK_END);
    ck_assert_str_eq(text + at + used, "GET / HTTP/1.1");
}
END_TEST

START_TEST(lines_and_trailers_are_bounded)
{
    static char text[3 * CHUNK_TRAILER_MAX];
    char out[16];
    struct chunked d;
    size_t at = 0;
    memset(text, 'e', sizeof(text));
    memcpy(text, "5;", 2);
    chunked_init(&d, MAX_BYTES);
    ck_assert_int_eq(feed(&d, text, CHUNK_LINE_MAX, out, &at), CHUNK_MORE);
    ck_assert_int_eq(feed(&d, text, 1, out, &at), CHUNK_BAD);

    size_t n = (size_t)sprintf(text, "0\r\n");
    while (n < 3 + CHUNK_TRAILER_MAX) {
        memcpy(text + n, "Key: value\r\n", 12);
        n += 12;
    }
    chunked_init(&d, MAX_BYTES);
    ck_assert_int_eq(feed(&d, text, n, out, &at), CHUNK_BAD);
}
END_TEST

Suite *suite_chunked(void)
{
    return SUITE("chunked", every_text_is_read_the_same_however_it_is_cut,
                 what_follows_the_end_is_left, lines_and_trailers_are_bounded);
}
