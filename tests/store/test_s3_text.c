/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What an S3 store, the AWS tools' files and the metadata services say, read: the good, the bad and
 * the endless. */
#include <stdio.h>
#include <string.h>

#include "store/credentials_priv.h"
#include "store/s3_priv.h"
#include "support/support.h"

#define PAGE(inside)                                                                               \
    "<?xml version='1.0'?><ListBucketResult xmlns=\"u\">" inside "</ListBucketResult>"
#define TAG "&quot;0123456789abcdef0123456789abcdef&quot;"

struct seen {
    char text[1024];
    enum status answer;
};

static enum status on_entry(void *arg, const struct s3_entry *e)
{
    struct seen *s = arg;
    size_t n = strlen(s->text);
    if (e->is_prefix)
        snprintf(s->text + n, sizeof(s->text) - n, "%s;", e->key);
    else
        snprintf(s->text + n, sizeof(s->text) - n, "%s=%llu %llu %s;", e->key,
                 (unsigned long long)e->object.bytes, (unsigned long long)e->object.modified_ms,
                 e->object.tag);
    return s->answer;
}

static enum status list(const char *xml, struct s3_page *page, struct seen *s, struct err *err)
{
    s->text[0] = 0;
    return s3_xml_list(xml, strlen(xml), page, on_entry, s, err);
}

START_TEST(a_page_is_its_entries)
{
    struct seen s = {.answer = OK};
    struct s3_page page;
    struct err err;
    ck_ok(list(PAGE("<Name>b</Name><!-- <Contents> --><IsTruncated>true</IsTruncated>\n"
                    "<NextContinuationToken>a&amp;b=</NextContinuationToken>"
                    "<Contents><Key>t/a&lt;&#x26;&#39;.roost</Key><Size>17</Size><ETag>" TAG
                    "</ETag><LastModified>2026-11-29T10:15:00.000Z</LastModified>"
                    "<Owner><ID>Key</ID></Owner></Contents>"
                    "<s3:CommonPrefixes a='>'><s3:Prefix>t/x/</s3:Prefix></s3:CommonPrefixes>"
                    "<Prefix/>"),
               &page, &s, &err),
          &err);
    ck_assert_str_eq(s.text,
                     "t/a<&'.roost=17 1795947300000 0123456789abcdef0123456789abcdef;t/x/;");
    ck_assert(page.truncated);
    ck_assert_str_eq(page.next, "a&b=");
    ck_ok(list(PAGE("<IsTruncated>false</IsTruncated>"), &page, &s, &err), &err);
    ck_assert(!page.truncated);
    ck_assert_str_eq(s.text, "");
    s.answer = E_CANCELLED;
    ck_assert_int_eq(
        list(PAGE("<Contents><Key>a</Key></Contents><Contents><Key>b</Key></Contents>"), &page, &s,
             &err),
        E_CANCELLED);
    ck_assert_str_eq(s.text, "a=0 0 ;");
}
END_TEST

START_TEST(pages_that_make_no_sense_are_refused)
{
    static const char *const cases[] = {
        "",
        "no XML",
        "<",
        "<Error><Code>AccessDenied</Code></Error>",
        "<ListBucketResult>",
        "<ListBucketResult></Contents>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]>" PAGE(""),
        PAGE("<![CDATA[a]]>"),
        PAGE("") PAGE(""),
        PAGE("<Contents></Contents>"),
        PAGE("<Contents><Key>a&b;</Key></Contents>"),
        PAGE("<Contents><Key>a&#x100;</Key></Contents>"),
        PAGE("<Contents><Key>a</Key><Size>-1</Size></Contents>"),
        PAGE("<Contents><Key>a</Key><Size>18446744073709551616</Size></Contents>"),
        PAGE("<Contents><Key>a</Key><ETag>\"a b\"</ETag></Contents>"),
        PAGE("<IsTruncated>true</IsTruncated>"),
        PAGE("<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a>"
             "</a></a></a></a></a></a></a>"),
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct seen s = {.answer = OK};
        struct s3_page page;
        struct err err = {0};
        ck_assert_msg(list(cases[i], &page, &s, &err) == E_STORE && err.msg[0], "%s", cases[i]);
    }
}
END_TEST

START_TEST(overlong_texts_are_refused_only_where_they_are_read)
{
    static char xml[2 * S3_XML_TEXT_MAX + 256];
    char filler[S3_XML_TEXT_MAX + 1];
    struct seen s = {.answer = OK};
    struct s3_page page;
    struct err err;
    memset(filler, 'a', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = 0;
    snprintf(xml, sizeof(xml), PAGE("<Name>%s</Name>"), filler);
    ck_ok(list(xml, &page, &s, &err), &err);
    snprintf(xml, sizeof(xml), PAGE("<Contents><Key>%s</Key></Contents>"), filler);
    ck_assert_int_eq(list(xml, &page, &s, &err), E_STORE);
    snprintf(xml, sizeof(xml), PAGE("<NextContinuationToken>%s</NextContinuationToken>"), filler);
    ck_assert_int_eq(list(xml, &page, &s, &err), E_STORE);
}
END_TEST

START_TEST(an_error_has_a_code_or_none)
{
    static const struct {
        const char *xml, *code;
    } cases[] = {
        {"<?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code><Message>m</Message></Error>",
         "SlowDown"},
        {"<Error><Message>m</Message><Code>NoSuchBucket</Code>", "NoSuchBucket"},
        {"<Error><Code>a b</Code></Error>", ""},
        {"<Error><Code></Code></Error>", ""},
        {"<Error><a><Code>Deep</Code></a></Error>", ""},
        {"<html><Code>Slow</Code></html>", ""},
        {"<Error><Code>a b<c></c></Code></Error><html>", ""},
        {"<Error><Code>Cut", "Cut"},
        {"", ""},
        {"</a></b>", ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char code[S3_CODE_MAX];
        s3_xml_error(cases[i].xml, strlen(cases[i].xml), code);
        ck_assert_str_eq(code, cases[i].code);
    }
}
END_TEST

START_TEST(what_is_said_to_an_upload)
{
    static const struct {
        const char *xml, *upload;
    } cases[] = {
        {"<?xml version='1.0'?>\n<InitiateMultipartUploadResult xmlns=\"x\"><Bucket>b</Bucket>"
         "<UploadId>a/+b=</UploadId></InitiateMultipartUploadResult>",
         "a/+b="},
        {"<InitiateMultipartUploadResult><UploadId>a&amp;b</UploadId>", "a&b"},
        {"<InitiateMultipartUploadResult><UploadId>a b</UploadId>", ""},
        {"<InitiateMultipartUploadResult><UploadId>a&#10;b</UploadId>", ""},
        {"<InitiateMultipartUploadResult><UploadId></UploadId>", ""},
        {"<InitiateMultipartUploadResult><A><UploadId>a</UploadId></A>", ""},
        {"<InitiateMultipartUploadResult>", ""},
        {"<InitiateMultipartUploadResult><UploadId>cut", ""},
        {"<Error><UploadId>a</UploadId></Error>", ""},
        {"", ""},
    };
    char upload[S3_UPLOAD_MAX];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        bool good = s3_xml_begun(cases[i].xml, strlen(cases[i].xml), upload);
        ck_assert_str_eq(upload, cases[i].upload);
        ck_assert_int_eq(good, *cases[i].upload != 0);
    }
    static const char ended[] = "<CompleteMultipartUploadResult><ETag>&quot;e-2&quot;</ETag>";
    static const char *const without[] = {"<CompleteMultipartUploadResult><ETag></ETag>",
                                          "<CompleteMultipartUploadResult><ETag/>"};
    ck_assert(s3_xml_ended(ended, strlen(ended)));
    ck_assert(!s3_xml_ended(ended, strlen(ended) - 8)); /* cut inside the ETag */
    ck_assert(!s3_xml_ended(ended, strlen(ended) - 7)); /* and before its end */
    for (size_t i = 0; i < ARRAY_COUNT(without); i++)
        ck_assert(s3_xml_ended(without[i], strlen(without[i])));
    ck_assert(!s3_xml_ended("<Error/>", 8));
}
END_TEST

START_TEST(a_mark_that_can_be_none_of_ours_is_passed_over)
{
    static const struct {
        const char *line, *mark;
    } cases[] = {
        {"x-amz-meta-roost-put: 0123456789abcdef0123456789abcdef\r\n",
         "0123456789abcdef0123456789abcdef"},
        {"X-Amz-Meta-Roost-Put:0123456789abcdef0123456789abcdef",
         "0123456789abcdef0123456789abcdef"},
        {"x-amz-meta-roost-put: 0123456789abcdef0123456789abcdeg\r\n", ""},
        {"x-amz-meta-roost-put: 0123456789abcdef0123456789abcdef0\r\n", ""},
        {"x-amz-meta-roost-put: \r\n", ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct s3_answer a = {.http = 0};
        s3_header(&a, cases[i].line, strlen(cases[i].line));
        ck_assert_str_eq(a.mark, cases[i].mark);
    }
}
END_TEST

START_TEST(content_ranges)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t first, last, total;
    } cases[] = {
        {"bytes 0-9/100", true, 0, 9, 100},      {"Bytes 5-5/6", true, 5, 5, 6},
        {"bytes 0-9/*", true, 0, 9, UINT64_MAX}, {"bytes */100", true, 1, 0, 100},
        {"bytes 9-0/100", false, 0, 0, 0},       {"bytes 0-100/100", false, 0, 0, 0},
        {"bytes */*", false, 0, 0, 0},           {"bytes 0-9/100 ", false, 0, 0, 0},
        {"bytes -9/100", false, 0, 0, 0},        {"bytes 0-18446744073709551616/*", false, 0, 0, 0},
        {"lines 0-9/100", false, 0, 0, 0},       {"bytes", false, 0, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct s3_answer a = {.http = 0};
        bool good = s3_content_range(cases[i].text, strlen(cases[i].text), &a);
        ck_assert_msg(good == cases[i].good, "%s", cases[i].text);
        if (good)
            ck_assert(a.first == cases[i].first && a.last == cases[i].last &&
                      a.total == cases[i].total);
    }
}
END_TEST

START_TEST(headers_of_the_last_answer_count)
{
    static const char *const lines[] = {"HTTP/1.1 100 Continue\r\n",
                                        "ETag: \"old\"\r\n",
                                        "\r\n",
                                        "HTTP/1.1 200 OK\r\n",
                                        "eTaG:\t\"new\" \r\n",
                                        "Content-Length: 17\r\n",
                                        "Last-Modified: Sun, 29 Nov 2026 10:15:00 GMT\r\n",
                                        "x-amz-bucket-region: eu-west-1\r\n",
                                        "\r\n"};
    struct s3_answer a = {.http = 0};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
        s3_header(&a, lines[i], strlen(lines[i]));
    ck_assert_str_eq(a.tag, "new");
    ck_assert(a.has_length && a.length == 17);
    ck_assert_uint_eq(a.modified_ms, UINT64_C(1795947300000));
    ck_assert_str_eq(a.region, "eu-west-1");
    s3_header(&a, "ETag: W/\"weak\"", 14);
    ck_assert_str_eq(a.tag, "");
    s3_header(&a, "Content-Length: 1x", 18);
    ck_assert(!a.has_length);
}
END_TEST

START_TEST(profiles_of_an_ini_file)
{
    static const char text[] = "# remark\naws_access_key_id = before\n[default]\r\n"
                               "aws_access_key_id = ONE\r\n  region = nested\nRegion=eu-west-1\n"
                               "[ two ]\naws_access_key_id=TWO=2\n[profile three]\n"
                               "aws_access_key_id =\n; end\nregion = last";
    static const struct {
        const char *section, *key, *value; /* NULL: none */
    } cases[] = {
        {"default", "aws_access_key_id", "ONE"},
        {"default", "region", "eu-west-1"},
        {"two", "aws_access_key_id", "TWO=2"},
        {"two", "region", NULL},
        {"profile three", "region", "last"},
        {"profile three", "aws_access_key_id", ""},
        {"three", "region", NULL},
        {"", "aws_access_key_id", NULL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char out[32] = "-";
        bool found = credentials_ini(text, sizeof(text) - 1, cases[i].section, cases[i].key, out,
                                     sizeof(out));
        ck_assert_int_eq(found, cases[i].value != NULL);
        ck_assert_str_eq(out, cases[i].value ? cases[i].value : "-");
    }
    char tiny[3];
    ck_assert(!credentials_ini(text, sizeof(text) - 1, "default", "aws_access_key_id", tiny, 3));
}
END_TEST

START_TEST(credentials_of_a_metadata_service)
{
    static const struct {
        const char *json;
        enum status s;
        uint64_t expires_s;
    } cases[] = {
        {"{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}", OK, 0},
        {"{\"Code\":\"Success\",\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"c\","
         "\"Expiration\":\"2026-11-29T10:15:00Z\"}",
         OK, 1795947300},
        {"{\"AccessKeyId\":\"a\"}", E_STORE, 0},
        {"{\"AccessKeyId\":1,\"SecretAccessKey\":\"b\"}", E_STORE, 0},
        {"{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Expiration\":\"soon\"}", E_STORE, 0},
        {"{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":7}", E_STORE, 0},
        {"", E_STORE, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct credentials c = {.expires_s = 1};
        struct err err;
        ck_assert_int_eq(credentials_json(cases[i].json, strlen(cases[i].json), &c, &err),
                         cases[i].s);
        if (cases[i].s == OK)
            ck_assert_uint_eq(c.expires_s, cases[i].expires_s);
    }
}
END_TEST

START_TEST(only_visible_bytes_are_credentials)
{
    struct credentials c = {.key_id = "a:b", .secret = "s/+="};
    ck_assert(credentials_valid(&c));
    memcpy(c.token, "a\r\nb", 5);
    ck_assert(!credentials_valid(&c));
    c.token[0] = c.secret[0] = 0;
    ck_assert(!credentials_valid(&c));
}
END_TEST

Suite *suite_s3_text(void)
{
    return SUITE("s3_text", a_page_is_its_entries, pages_that_make_no_sense_are_refused,
                 overlong_texts_are_refused_only_where_they_are_read, an_error_has_a_code_or_none,
                 what_is_said_to_an_upload, a_mark_that_can_be_none_of_ours_is_passed_over,
                 content_ranges, headers_of_the_last_answer_count, profiles_of_an_ini_file,
                 credentials_of_a_metadata_service, only_visible_bytes_are_credentials);
}
