/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The two forms of a trace, and what neither accepts. */
#include "replay/trace.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "support/support.h"

#define HEAD TRACE_HEADER "\n"

static enum status open_bytes(const void *p, size_t n, struct trace **t, struct err *err)
{
    FILE *f = tmpfile();
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(p, 1, n, f), n);
    rewind(f);
    return trace_open_stream(f, "t", t, err);
}

/* Reads all; the number of invocations, or the first failure in err. */
static enum status count_bytes(const void *p, size_t n, uint64_t *count, bool *cut, struct err *err)
{
    struct trace *t;
    struct trace_record r;
    bool more = true;
    enum status s = open_bytes(p, n, &t, err);
    *count = 0;
    if (s != OK)
        return s;
    while (s == OK && more) {
        s = trace_next(t, &r, &more, err);
        *count += s == OK && more;
    }
    *cut = trace_cut(t);
    trace_free(&t);
    return s;
}

START_TEST(text_is_read_as_it_stands)
{
    static const char text[] = HEAD "5,a,x,10,20,30\r\n5,b,,4398046511104,4294967295,0\n"
                                    "4611686018427387904,a,x,1,0,0";
    struct trace *t;
    struct trace_record r;
    struct err err;
    bool more;
    ck_ok(open_bytes(text, strlen(text), &t, &err), &err);
    ck_ok(trace_next(t, &r, &more, &err), &err);
    ck_assert(more && r.t_us == 5 && r.id == 0 && r.tenant == 0 && r.bytes == 10);
    ck_assert(r.load_us == 20 && r.exec_us == 30);
    ck_ok(trace_next(t, &r, &more, &err), &err);
    ck_assert(more && r.id == 1 && r.tenant == 1 && r.bytes == TRACE_BYTES_MAX);
    ck_assert_uint_eq(r.load_us, UINT32_MAX);
    ck_ok(trace_next(t, &r, &more, &err), &err);
    ck_assert(more && r.t_us == TRACE_T_US_MAX && r.id == 0 && r.tenant == 0);
    ck_ok(trace_next(t, &r, &more, &err), &err);
    ck_assert(!more);
    ck_assert_uint_eq(trace_models(t), 2);
    ck_assert_uint_eq(trace_tenants(t), 2);
    trace_free(&t);
}
END_TEST

START_TEST(lines_are_refused_by_number_and_with_what_was_expected)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "line 1: expected the header"},
        {"t_us,model\n1,a\n", "line 1: expected the header"},
        {TRACE_HEADER ",more\n", "line 1: expected the header"},
        {HEAD "1,a,x,1,1\n", "line 2: expected six fields"},
        {HEAD "1,a,x,1,1,1,1\n", "line 2: expected six fields"},
        {HEAD "1,a,x,1,1,1\n\n", "line 3: expected six fields"},
        {HEAD "-1,a,x,1,1,1\n", "line 2: t_us is \"-1\"; expected a whole number"},
        {HEAD "1.5,a,x,1,1,1\n", "line 2: t_us is \"1.5\""},
        {HEAD ",a,x,1,1,1\n", "line 2: t_us is \"\""},
        {HEAD "1,,x,1,1,1\n", "line 2: model is \"\"; expected a name"},
        {HEAD "1,a,x,0,1,1\n", "line 2: bytes is 0; expected 1 to 2^42"},
        {HEAD "1,a,x,4398046511105,1,1\n", "line 2: bytes is \"4398046511105\""},
        {HEAD "1,a,x,99999999999999999999,1,1\n", "line 2: bytes"},
        {HEAD "1,a,x,1,4294967296,1\n", "line 2: load_us is \"4294967296\""},
        {HEAD "1,a,x,1,1,x\n", "line 2: exec_us is \"x\""},
        {HEAD "2,a,x,1,1,1\n1,a,x,1,1,1\n", "line 3: t_us 1 is before that of the one above, 2"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct err err = {0};
        uint64_t n;
        bool cut;
        ck_assert_int_eq(count_bytes(cases[i].text, strlen(cases[i].text), &n, &cut, &err),
                         E_CORRUPT);
        ck_assert_msg(strstr(err.msg, cases[i].words) != NULL, "%s: %s", cases[i].words, err.msg);
    }
}
END_TEST

START_TEST(long_lines_and_long_names_are_refused)
{
    char line[70000];
    struct err err = {0};
    uint64_t n;
    bool cut;
    for (size_t len = 250; len < 65000; len = len < 300 ? len + 1 : len * 2) {
        int at = snprintf(line, sizeof(line), HEAD "1,");
        memset(line + at, 'm', len);
        int end = snprintf(line + at + len, 100, ",x,1,1,1\n");
        enum status s = count_bytes(line, (size_t)at + len + (size_t)end, &n, &cut, &err);
        ck_assert_int_eq(s, len <= TRACE_MODEL_MAX ? OK : E_CORRUPT);
    }
    ck_assert_int_eq(count_bytes(HEAD "1,a\0b,x,1,1,1\n", sizeof(HEAD) - 1 + 15, &n, &cut, &err),
                     E_CORRUPT);
}
END_TEST

/* Lines longer than the reader's buffer together, so that lines cross its end. */
START_TEST(a_long_text_is_read_whole)
{
    struct buf b = {0};
    struct err err;
    uint64_t n;
    bool cut;
    ck_assert_int_eq(buf_str(&b, HEAD), OK);
    for (int i = 0; i < 20000; i++)
        ck_assert_int_eq(buf_printf(&b, "%d,model-%d,tenant,%d,%d,1\n", i, i % 777, i + 1, i), OK);
    ck_ok(count_bytes(b.data, b.len, &n, &cut, &err), &err);
    ck_assert_uint_eq(n, 20000);
    buf_fini(&b);
}
END_TEST

/* ---- records ---- */

static void add(struct buf *b, struct trace_record r, const char *name)
{
    char padded[TRACE_RECORD * 10] = {0};
    size_t len = strlen(name);
    memcpy(padded, name, len);
    for (size_t i = 0; i < sizeof(r); i++)
        ck_assert_int_eq(buf_char(b, ((const char *)&r)[i]), OK);
    for (size_t i = 0; i < (len + TRACE_RECORD - 1) / TRACE_RECORD * TRACE_RECORD; i++)
        ck_assert_int_eq(buf_char(b, padded[i]), OK);
}

static void recording(struct buf *b)
{
    static const char head[TRACE_RECORD] = TRACE_MAGIC;
    for (size_t i = 0; i < sizeof(head); i++)
        ck_assert_int_eq(buf_char(b, head[i]), OK);
    add(b, (struct trace_record){.flags = TRACE_TENANT, .bytes = 4}, "acme");
    add(b, (struct trace_record){.flags = TRACE_MODEL, .bytes = 33},
        "a-name-of-thirty-three-characters");
    add(b, (struct trace_record){.t_us = 7, .bytes = 100, .load_us = 5, .exec_us = 6}, "");
    add(b, (struct trace_record){.t_us = 8, .flags = TRACE_MODEL, .id = 1, .bytes = 1}, "b");
    add(b, (struct trace_record){.t_us = 9, .id = 1, .bytes = 200, .load_us = 5}, "");
}

START_TEST(records_are_read_and_a_cut_one_ends_them)
{
    struct buf b = {0};
    struct err err;
    uint64_t n;
    bool cut;
    recording(&b);
    for (size_t len = TRACE_RECORD; len <= b.len; len++) {
        ck_ok(count_bytes(b.data, len, &n, &cut, &err), &err);
        /* Inside a record, or where a name is missing whole or in part. */
        bool name = len == 64 || len == 128 || len == 160 || len == 256;
        ck_assert_int_eq(cut, len % TRACE_RECORD != 0 || name);
        ck_assert_uint_eq(n, (len >= 224) + (len >= 320));
    }
    ck_assert_uint_eq(b.len, 320);
    ck_assert(!cut);
    buf_fini(&b);
}
END_TEST

START_TEST(records_are_refused_by_number)
{
    static const struct {
        struct trace_record r;
        const char *words;
    } cases[] = {
        {{.t_us = 8, .bytes = 1}, "t_us 8 is before that of the one above, 9"},
        {{.t_us = 10, .id = 2, .bytes = 1}, "record 6: model 2 of tenant 0 has no name yet"},
        {{.t_us = 10, .tenant = 1, .bytes = 1}, "model 0 of tenant 1 has no name yet"},
        {{.t_us = 10, .bytes = 0}, "bytes is 0"},
        {{.t_us = 10, .bytes = UINT64_MAX}, "bytes is 18446744073709551615"},
        {{.t_us = UINT64_MAX, .bytes = 1}, "t_us is beyond 2^62"},
        {{.t_us = 10, .flags = 4, .bytes = 1}, "unknown flags 0x4"},
        {{.flags = TRACE_MODEL, .id = 3, .bytes = 1}, "names model 3; expected 2"},
        {{.flags = TRACE_TENANT, .tenant = 0, .bytes = 1}, "names tenant 0; expected 1"},
        {{.flags = TRACE_MODEL, .id = 2, .bytes = 258}, "a name of 258 bytes"},
        {{.flags = TRACE_MODEL, .id = 2, .bytes = UINT64_MAX}, "expected at most 257"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct buf b = {0};
        struct err err = {0};
        uint64_t n;
        bool cut;
        recording(&b);
        add(&b, cases[i].r, "");
        ck_assert_int_eq(count_bytes(b.data, b.len, &n, &cut, &err), E_CORRUPT);
        ck_assert_msg(strstr(err.msg, cases[i].words) != NULL, "%s: %s", cases[i].words, err.msg);
        buf_fini(&b);
    }
}
END_TEST

START_TEST(a_trace_that_is_not_there_is_not_found)
{
    struct trace *t;
    struct err err = {0};
    ck_assert_int_eq(trace_open("/nonexistent/trace", &t, &err), E_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.msg, "/nonexistent/trace"));
    ck_assert_int_eq(trace_open("/", &t, &err), E_IO);
}
END_TEST

Suite *suite_trace(void)
{
    return SUITE("trace", text_is_read_as_it_stands,
                 lines_are_refused_by_number_and_with_what_was_expected,
                 long_lines_and_long_names_are_refused, a_long_text_is_read_whole,
                 records_are_read_and_a_cut_one_ends_them, records_are_refused_by_number,
                 a_trace_that_is_not_there_is_not_found);
}
