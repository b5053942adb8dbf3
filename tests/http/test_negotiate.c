/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Content-Type and Accept by tables. */
#include <string.h>

#include "http/negotiate.h"
#include "support/support.h"

static struct span text(const char *s)
{
    return s ? span_of(s, strlen(s)) : span_of(NULL, 0);
}

START_TEST(content_type_names_the_format)
{
    static const struct {
        const char *value;
        enum status status;
        enum codec_format format;
        bool header;
    } cases[] = {
        {NULL, OK, CODEC_JSON, false},
        {"application/json", OK, CODEC_JSON, false},
        {"Application/JSON; charset=UTF-8", OK, CODEC_JSON, false},
        {"application/json;charset=\"utf-8\"", OK, CODEC_JSON, false},
        {"application/json;", OK, CODEC_JSON, false},
        {"application/json; charset=latin1", E_MEDIA_TYPE, CODEC_JSON, false},
        {"application/json; charset", E_MEDIA_TYPE, CODEC_JSON, false},
        {"text/csv", OK, CODEC_CSV, false},
        {"text/csv; header=present", OK, CODEC_CSV, true},
        {"text/csv; charset=utf-8; header=absent", OK, CODEC_CSV, false},
        {"text/csv; header=maybe", E_BAD_INPUT, CODEC_CSV, false},
        {"text/csv; label_size=0", OK, CODEC_CSV, false},
        {"application/x-npy", OK, CODEC_NPY, false},
        {"application/x-www-form-urlencoded", E_MEDIA_TYPE, CODEC_JSON, false},
        {"text/html", E_MEDIA_TYPE, CODEC_JSON, false},
        {"application/jsonx", E_MEDIA_TYPE, CODEC_JSON, false},
        {"", E_MEDIA_TYPE, CODEC_JSON, false},
        {"*/*", E_MEDIA_TYPE, CODEC_JSON, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        enum codec_format f;
        bool header;
        struct err err;
        enum status s = content_type_parse(text(cases[i].value), &f, &header, &err);
        ck_assert_msg(s == cases[i].status, "%s: %s", cases[i].value, status_name(s));
        if (s == OK) {
            ck_assert_int_eq(f, cases[i].format);
            ck_assert_int_eq(header, cases[i].header);
        }
    }
}
END_TEST

START_TEST(packed_bodies_are_not_read)
{
    struct err err;
    ck_assert_int_eq(content_encoding_check(text(NULL), &err), OK);
    ck_assert_int_eq(content_encoding_check(text("Identity"), &err), OK);
    ck_assert_int_eq(content_encoding_check(text("gzip"), &err), E_MEDIA_TYPE);
    ck_assert_int_eq(content_encoding_check(text("identity, gzip"), &err), E_MEDIA_TYPE);
}
END_TEST

START_TEST(accept_chooses_the_liked_best)
{
    static const struct {
        const char *one, *two;
        enum codec_format in;
        enum status status;
        enum codec_format out;
    } cases[] = {
        {NULL, NULL, CODEC_CSV, OK, CODEC_CSV},
        {"*/*", NULL, CODEC_NPY, OK, CODEC_NPY},
        {"application/json", NULL, CODEC_CSV, OK, CODEC_JSON},
        {"text/csv, application/json", NULL, CODEC_JSON, OK, CODEC_JSON},
        {"text/csv, application/json", NULL, CODEC_NPY, OK, CODEC_JSON},
        {"text/csv, application/json;q=0.9", NULL, CODEC_JSON, OK, CODEC_CSV},
        {"application/json;q=0.2", "text/csv;q=0.3", CODEC_JSON, OK, CODEC_CSV},
        {"application/*", NULL, CODEC_CSV, OK, CODEC_JSON},
        {"application/*;q=0.5, application/x-npy", NULL, CODEC_JSON, OK, CODEC_NPY},
        {"application/*, application/json;q=0", NULL, CODEC_JSON, OK, CODEC_NPY},
        {"text/html, */*;q=0.8", NULL, CODEC_JSON, OK, CODEC_JSON},
        {"text/html, image/gif, *; q=.2, */*; q=.2", NULL, CODEC_CSV, OK, CODEC_CSV},
        {"application/json;q=.125, text/csv;q=.2", NULL, CODEC_JSON, OK, CODEC_CSV},
        {"*/*, application/json;q=0.1", NULL, CODEC_JSON, OK, CODEC_CSV},
        {"application/json;q=0.1, */*", NULL, CODEC_JSON, OK, CODEC_CSV},
        {"TEXT/CSV;Q=1.000", NULL, CODEC_JSON, OK, CODEC_CSV},
        {"text/html", NULL, CODEC_JSON, E_NOT_ACCEPTABLE, CODEC_JSON},
        {"application/json;q=0", NULL, CODEC_JSON, E_NOT_ACCEPTABLE, CODEC_JSON},
        {"*/*;q=0.000", NULL, CODEC_JSON, E_NOT_ACCEPTABLE, CODEC_JSON},
        {"", NULL, CODEC_JSON, E_NOT_ACCEPTABLE, CODEC_JSON},
        {"application/json;q=2", NULL, CODEC_JSON, E_BAD_INPUT, CODEC_JSON},
        {"application/json;q=1.1", NULL, CODEC_JSON, E_BAD_INPUT, CODEC_JSON},
        {"application/json;q=0.1234", NULL, CODEC_JSON, E_BAD_INPUT, CODEC_JSON},
        {"application/json;q=.", NULL, CODEC_JSON, E_BAD_INPUT, CODEC_JSON},
        {"application/json;q=.1234", NULL, CODEC_JSON, E_BAD_INPUT, CODEC_JSON},
        {"application/json;q=", NULL, CODEC_JSON, E_BAD_INPUT, CODEC_JSON},
        {"application/json;q=-1", NULL, CODEC_JSON, E_BAD_INPUT, CODEC_JSON},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct span accept[2] = {text(cases[i].one), text(cases[i].two)};
        enum codec_format out;
        struct err err;
        int n = (cases[i].one ? 1 : 0) + (cases[i].two ? 1 : 0);
        enum status s = accept_choose(accept, n, cases[i].in, &out, &err);
        ck_assert_msg(s == cases[i].status, "%s: %s", cases[i].one, status_name(s));
        if (s == OK)
            ck_assert_msg(out == cases[i].out, "%s: %d", cases[i].one, (int)out);
    }
}
END_TEST

Suite *suite_negotiate(void)
{
    return SUITE("negotiate", content_type_names_the_format, packed_bodies_are_not_read,
                 accept_chooses_the_liked_best);
}
