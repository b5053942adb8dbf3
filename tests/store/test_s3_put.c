/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Writing to an S3 store: what is sent, what is sent again, who of several writers is told that he
 * made it, and that an upload in parts ends whole or is aborted. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/s3_fixture.h"
#include "store/s3_priv.h"
#include "support/support.h"
#include "support/tree.h"

#define MADE "HTTP/1.1 200 OK\r\n" E1 "Content-Length: 0\r\n\r\n"
#define THERE ERROR("412 No", "PreconditionFailed")
#define GONE "HTTP/1.1 204 No Content\r\n\r\n"
#define WORDS(text) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" text
#define BEGUN                                                                                      \
    {                                                                                              \
        .text = WORDS("<InitiateMultipartUploadResult><UploadId>id/+1</UploadId>"                  \
                      "</InitiateMultipartUploadResult>"),                                         \
        .close = true                                                                              \
    }
#define ENDED                                                                                      \
    {                                                                                              \
        .text = WORDS("<CompleteMultipartUploadResult><ETag>&quot;e-2&quot;</ETag>"                \
                      "</CompleteMultipartUploadResult>"),                                         \
        .close = true                                                                              \
    }
#define SHA_OBJECT "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"

static const struct store_source object = {.bytes = OBJECT, .n = 10};

/* A store whose parts are of four bytes: the object is three of them. */
static struct store_options in_parts(void)
{
    struct store_options o = patient();
    o.part_bytes = 4;
    return o;
}

/* The store is known to spare what is there, or not to. */
static void open_known(const struct fake_reply *script, size_t n, struct store_options o)
{
    open_with(script, n, o);
    atomic_store(&s3_of(store)->spares[S3_AT_ONCE], S3_YES);
    atomic_store(&s3_of(store)->spares[S3_IN_PARTS], S3_YES);
}

/* The value of the mark in request i. */
static const char *mark_of(size_t i, char out[S3_MARK_MAX])
{
    const char *at = strstr(fake.requests[i], SIGV4_MARK_HEADER ": ");
    ck_assert_ptr_nonnull(at);
    snprintf(out, S3_MARK_MAX, "%s", at + strlen(SIGV4_MARK_HEADER ": "));
    return out;
}

START_TEST(a_put_is_one_signed_request)
{
    static const struct fake_reply script[] = {{.text = MADE}, {.text = GONE}};
    uint64_t writes = metric_get(M_STORE_WRITES), sent = metric_get(M_S3_SENT);
    open_with(script, ARRAY_COUNT(script), patient());
    ck_ok(store_put(store, "acme/a.roost", &object, &err), &err);
    ck_ok(store_delete(store, "acme/a.roost", &err), &err);
    teardown();
    ck_assert(asked(0, "PUT /bucket/pre%20fix/acme/a.roost HTTP/1.1\r\n"));
    ck_assert(asked(0, "Content-Length: 10\r\n"));
    ck_assert(asked(0, "x-amz-content-sha256: " SHA_OBJECT "\r\n"));
    ck_assert(asked(0, ";x-amz-date;x-amz-meta-roost-put, Signature="));
    ck_assert(!asked(0, "If-None-Match"));
    ck_assert(asked(0, "\r\n\r\n" OBJECT));
    ck_assert(asked(1, "DELETE /bucket/pre%20fix/acme/a.roost HTTP/1.1\r\n"));
    ck_assert_uint_eq(metric_get(M_STORE_WRITES) - writes, 2);
    ck_assert_uint_eq(metric_get(M_S3_SENT) - sent, 10);
}
END_TEST

START_TEST(a_descriptor_is_sent_from_its_start_and_again)
{
    static const struct fake_reply script[] = {
        {.text = ERROR("500 No", "InternalError"), .close = true}, {.text = MADE}};
    struct tree tree;
    struct store_source from = {.n = 10};
    tree_init(&tree);
    tree_write(&tree, "source", OBJECT "more", 14);
    from.fd = open(tree_path(&tree, "source", (char[512]){0}), O_RDONLY);
    ck_assert_int_eq(lseek(from.fd, 5, SEEK_SET), 5);
    open_with(script, ARRAY_COUNT(script), patient());
    ck_ok(store_put(store, "a", &from, &err), &err);
    from.n = 15;
    ck_assert_int_eq(store_put(store, "a", &from, &err), E_IO);
    teardown();
    close(from.fd);
    tree_fini(&tree);
    for (size_t i = 0; i < 2; i++)
        ck_assert(asked(i, SHA_OBJECT) && asked(i, "\r\n\r\n" OBJECT) && !asked(i, "more"));
    ck_assert_uint_eq(fake.n_requests, 2);
}
END_TEST

/* What goes wrong first; then the same bytes are sent again. */
static const struct {
    const char *name;
    enum metric counted;
    struct fake_reply first;
} mended[] = {
    {"500", M_S3_RETRY_STATUS, {.text = ERROR("500 No", "InternalError"), .close = true}},
    {"503", M_S3_RETRY_SLOW, {.text = ERROR("503 No", "SlowDown"), .close = true}},
    {"another writer",
     M_S3_RETRY_STATUS,
     {.text = ERROR("409 No", "OperationAborted"), .close = true}},
    {"damaged on its way",
     M_S3_RETRY_PROTOCOL,
     {.text = ERROR("400 No", "XAmzContentSHA256Mismatch"), .close = true}},
    {"too slow for the store",
     M_S3_RETRY_PROTOCOL,
     {.text = ERROR("400 No", "RequestTimeout"), .close = true}},
    {"a reset after the body", M_S3_RETRY_CONNECTION, {.text = "", .reset = true}},
    {"an end in the head", M_S3_RETRY_CONNECTION, {.text = "HTTP/1.1 20", .close = true}},
    {"no ETag", M_S3_RETRY_PROTOCOL, {.text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}},
    {"words without end",
     M_S3_RETRY_PROTOCOL,
     {.text = "HTTP/1.1 200 OK\r\n" E1 "\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", .forever = true}},
    {"an error in a 200",
     M_S3_RETRY_STATUS,
     {.text = "HTTP/1.1 200 OK\r\n" E1 "Connection: close\r\n\r\n"
              "<Error><Code>InternalError</Code></Error>",
      .close = true}},
};

START_TEST(what_may_go_well_is_sent_again)
{
    struct fake_reply script[2] = {mended[_i].first, {.text = MADE}};
    uint64_t before = metric_get(mended[_i].counted);
    char first[S3_MARK_MAX], second[S3_MARK_MAX];
    open_with(script, 2, patient());
    enum status s = store_put(store, "a", &object, &err);
    teardown();
    ck_assert_msg(s == OK, "%s: %s", mended[_i].name, err.msg);
    ck_assert_uint_eq(fake.n_requests, 2);
    ck_assert_msg(metric_get(mended[_i].counted) - before == 1, "%s", mended[_i].name);
    ck_assert(asked(1, "\r\n\r\n" OBJECT));
    ck_assert_str_eq(mark_of(0, first), mark_of(1, second));
}
END_TEST

START_TEST(what_cannot_go_well_is_sent_once)
{
    static const struct {
        const char *reply, *words;
    } cases[] = {
        {ERROR("403 No", "AccessDenied"), "denied (HTTP 403 AccessDenied)"},
        {ERROR("404 No", "NoSuchBucket"), "no such bucket"},
        {ERROR("404 No", "NoSuchKey"), "refused (HTTP 404"},
        {ERROR("413 No", "EntityTooLarge"), "refused"},
        {ERROR("501 No", "NotImplemented"), "refused"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct fake_reply script[] = {{.text = cases[i].reply, .close = true}};
        open_with(script, 1, patient());
        ck_assert_int_eq(store_put(store, "a", &object, &err), E_STORE);
        teardown();
        ck_assert_msg(strstr(err.msg, cases[i].words), "%s", err.msg);
        ck_assert_uint_eq(fake.n_requests, 1);
    }
}
END_TEST

START_TEST(a_store_that_spares_what_is_there_is_asked_once_about_it)
{
    static const struct fake_reply script[] = {
        {.text = MADE}, {.text = THERE, .close = true},                 /* the probe */
        {.text = MADE}, {.text = THERE, .close = true}, {.text = MADE}, /* its use */
    };
    open_with(script, ARRAY_COUNT(script), patient());
    ck_ok(store_put_new(store, "a", &object, &err), &err);
    ck_assert_int_eq(store_put_new(store, "a", &object, &err), E_EXISTS);
    ck_ok(store_put_new(store, "b", &object, &err), &err);
    teardown();
    ck_assert(asked(0, "PUT /bucket/pre%20fix/_roost/probe ") && asked(0, "If-None-Match: *\r\n"));
    ck_assert(asked(1, "/_roost/probe ") && asked(1, "If-None-Match: *\r\n"));
    ck_assert(asked(2, "/a ") && asked(2, "If-None-Match: *\r\n"));
    ck_assert_uint_eq(fake.n_requests, 5);
}
END_TEST

START_TEST(a_store_without_conditions_gets_no_fresh_write)
{
    static const struct fake_reply says_so[] = {
        {.text = ERROR("501 No", "NotImplemented"), .close = true}};
    static const struct fake_reply passes_over[] = {{.text = MADE}, {.text = MADE}};
    uint64_t failures = metric_get(M_S3_REFUSED);
    for (int i = 0; i < 2; i++) {
        size_t n = i ? 2 : 1;
        open_with(i ? passes_over : says_so, n, patient());
        ck_assert_int_eq(store_put_new(store, "a", &object, &err), E_UNSUPPORTED);
        ck_assert_int_eq(store_put_new(store, "a", &object, &err), E_UNSUPPORTED);
        teardown();
        ck_assert_uint_eq(fake.n_requests, n);
        ck_assert(asked(n - 1, "/_roost/probe "));
    }
    ck_assert_uint_eq(metric_get(M_S3_REFUSED), failures);
}
END_TEST

START_TEST(a_store_that_is_down_is_not_taken_for_one_without_conditions)
{
    static const struct fake_reply script[] = {
        {.text = ERROR("403 No", "AccessDenied"), .close = true},
        {.text = THERE, .close = true},
        {.text = MADE}};
    open_with(script, ARRAY_COUNT(script), patient());
    ck_assert_int_eq(store_put_new(store, "a", &object, &err), E_STORE);
    ck_ok(store_put_new(store, "a", &object, &err), &err);
    teardown();
}
END_TEST

/* The answer to a write is lost, and the second try is told that the object is there: by whom it
 * was made stands in its mark. */
static void lose_an_answer(bool ours, enum status want)
{
    static char head[256];
    const struct fake_reply script[] = {
        {.text = "", .reset = true}, {.text = THERE, .close = true}, {.text = head, .hang = true}};
    char mark[S3_MARK_MAX] = "0123456789abcdef0123456789abcdef";
    open_known(script, ARRAY_COUNT(script), patient());
    struct s3_request r;
    struct s3_answer a;
    s3_request_init(s3_of(store), &r, "a", 10);
    r.kind = S3_PUT;
    r.from = &object;
    r.n = 10;
    r.fresh = true;
    snprintf(r.mark, sizeof(r.mark), "%s", mark);
    ck_assert_int_eq(s3_send(s3_of(store), &r, &a, &err), E_EXISTS);
    mark[0] = ours ? '0' : '1';
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n" E1 "%s: %s\r\nContent-Length: 10\r\n\r\n",
             SIGV4_MARK_HEADER, mark);
    ck_assert_int_eq(s3_whose(s3_of(store), &r, "a", r.mark, &err), want);
    teardown();
    ck_assert(asked(2, "HEAD /bucket/pre%20fix/a "));
}

START_TEST(a_lost_answer_is_told_from_another_writer)
{
    lose_an_answer(true, OK);
    lose_an_answer(false, E_EXISTS);
}
END_TEST

START_TEST(large_ones_are_sent_in_parts)
{
    static const struct fake_reply script[] = {
        BEGUN,
        {.text = MADE},
        {.text = "HTTP/1.1 200 OK\r\nETag: \"a<&>\"\r\nContent-Length: 0\r\n\r\n"},
        {.text = MADE},
        ENDED,
    };
    char mark[S3_MARK_MAX];
    open_with(script, ARRAY_COUNT(script), in_parts());
    ck_ok(store_put(store, "a", &object, &err), &err);
    teardown();
    ck_assert_uint_eq(fake.n_requests, 5);
    ck_assert(asked(0, "POST /bucket/pre%20fix/a?uploads= HTTP/1.1\r\n"));
    ck_assert(asked(0, "Content-Length: 0\r\n"));
    ck_assert_uint_eq(strspn(mark_of(0, mark), "0123456789abcdef"), 32);
    ck_assert(asked(1, "PUT /bucket/pre%20fix/a?partNumber=1&uploadId=id%2F%2B1 "));
    ck_assert(asked(1, "\r\n\r\n0123") && asked(2, "\r\n\r\n4567") && asked(3, "\r\n\r\n89"));
    ck_assert(asked(3, "?partNumber=3&uploadId=id%2F%2B1 "));
    ck_assert(asked(4, "POST /bucket/pre%20fix/a?uploadId=id%2F%2B1 "));
    ck_assert(asked(
        4, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"e1\"</ETag></Part>"
           "<Part><PartNumber>2</PartNumber><ETag>\"a&#60;&#38;&#62;\"</ETag></Part>"));
    ck_assert(!asked(4, "If-None-Match"));
}
END_TEST

START_TEST(a_part_is_sent_again_and_the_end_is_too)
{
    static const struct fake_reply script[] = {
        BEGUN,
        {.text = MADE},
        {.text = ERROR("500 No", "InternalError"), .close = true},
        {.text = MADE},
        {.text = MADE},
        {.text = WORDS("<Error><Code>InternalError</Code></Error>"), .close = true},
        {.text = WORDS("<CompleteMultipartUploadResult><ETag>&quo"), .close = true},
        ENDED,
    };
    open_with(script, ARRAY_COUNT(script), in_parts());
    ck_ok(store_put(store, "a", &object, &err), &err);
    teardown();
    ck_assert_uint_eq(fake.n_requests, ARRAY_COUNT(script));
    ck_assert(asked(2, "partNumber=2") && asked(3, "partNumber=2") && asked(3, "\r\n\r\n4567"));
    ck_assert(asked(7, "<PartNumber>3</PartNumber>"));
}
END_TEST

START_TEST(an_upload_may_end_without_a_tag)
{
    static const struct fake_reply script[] = {
        BEGUN,
        {.text = MADE},
        {.text = MADE},
        {.text = MADE},
        {.text = WORDS("<CompleteMultipartUploadResult><ETag></ETag>"
                       "</CompleteMultipartUploadResult>"),
         .close = true},
    };
    open_with(script, ARRAY_COUNT(script), in_parts());
    ck_ok(store_put(store, "a", &object, &err), &err);
    teardown();
    ck_assert_uint_eq(fake.n_requests, ARRAY_COUNT(script));
}
END_TEST

START_TEST(an_upload_that_fails_is_aborted)
{
    static const struct fake_reply denied = {.text = ERROR("403 No", "AccessDenied"),
                                             .close = true};
    const struct fake_reply in_a_part[] = {BEGUN, {.text = MADE}, denied, {.text = GONE}};
    const struct fake_reply at_its_end[] = {BEGUN,          {.text = MADE}, {.text = MADE},
                                            {.text = MADE}, denied,         {.text = GONE}};
    open_with(in_a_part, ARRAY_COUNT(in_a_part), in_parts());
    ck_assert_int_eq(store_put(store, "a", &object, &err), E_STORE);
    teardown();
    ck_assert_ptr_nonnull(strstr(err.msg, "denied"));
    ck_assert(asked(3, "DELETE /bucket/pre%20fix/a?uploadId=id%2F%2B1 "));
    open_with(at_its_end, ARRAY_COUNT(at_its_end), in_parts());
    ck_assert_int_eq(store_put(store, "a", &object, &err), E_STORE);
    teardown();
    ck_assert(asked(5, "DELETE /bucket/pre%20fix/a?uploadId=id%2F%2B1 "));
}
END_TEST

START_TEST(an_upload_without_an_id_is_not_begun)
{
    static const struct fake_reply script[] = {
        {.text = WORDS("<InitiateMultipartUploadResult><UploadId>a b</UploadId>"
                       "</InitiateMultipartUploadResult>"),
         .close = true},
        {.text = WORDS("<InitiateMultipartUploadResult/>"), .close = true}};
    struct store_options o = in_parts();
    o.retries = 1;
    open_with(script, ARRAY_COUNT(script), o);
    ck_assert_int_eq(store_put(store, "a", &object, &err), E_STORE);
    teardown();
    ck_assert_uint_eq(fake.n_requests, 2);
    ck_assert_ptr_nonnull(strstr(err.msg, "no words that belong to it"));
}
END_TEST

START_TEST(a_fresh_upload_is_refused_at_its_end)
{
    static const struct fake_reply script[] = {BEGUN,
                                               {.text = MADE},
                                               {.text = MADE},
                                               {.text = MADE},
                                               {.text = THERE, .close = true},
                                               {.text = GONE}};
    open_known(script, ARRAY_COUNT(script), in_parts());
    ck_assert_int_eq(store_put_new(store, "a", &object, &err), E_EXISTS);
    teardown();
    ck_assert(asked(4, "If-None-Match: *\r\n"));
    ck_assert(!asked(0, "If-None-Match") && !asked(1, "If-None-Match"));
    ck_assert(asked(5, "DELETE /bucket/pre%20fix/a?uploadId="));
}
END_TEST

START_TEST(a_store_may_spare_what_is_there_only_at_once)
{
    static const struct fake_reply script[] = {
        {.text = THERE, .close = true}, /* at once: it does */
        BEGUN,
        {.text = MADE},
        ENDED,
        BEGUN,
        {.text = MADE},
        ENDED, /* in parts: it does not */
    };
    open_with(script, ARRAY_COUNT(script), in_parts());
    ck_assert_int_eq(store_put_new(store, "a", &object, &err), E_UNSUPPORTED);
    teardown();
    ck_assert_uint_eq(fake.n_requests, ARRAY_COUNT(script));
}
END_TEST

START_TEST(the_time_grows_with_what_is_sent)
{
    struct s3_request small, large;
    open_with(NULL, 0, patient());
    s3_request_init(s3_of(store), &small, "a", 0);
    s3_request_init(s3_of(store), &large, "a", 3600000000);
    ck_assert_uint_ge(large.until_us - small.until_us, 3600000000);
    teardown();
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    static const struct fake_reply round[] = {
        BEGUN, {.text = MADE}, {.text = MADE}, {.text = MADE}, ENDED};
    struct store_options o = in_parts();
    enum status s = E_NO_MEMORY;
    o.retries = 0;
    for (uint64_t n = 1; s != OK; n++) {
        open_with(round, ARRAY_COUNT(round), o);
        alloc_fail_at(n);
        s = store_put(store, "a", &object, &err);
        alloc_fail_at(0);
        /* An answer that there is no memory to read is one that makes no sense. */
        ck_assert_msg(s == OK || s == E_NO_MEMORY || strstr(err.msg, "a page without end"), "%s",
                      err.msg);
        teardown();
    }
}
END_TEST

Suite *suite_s3_put(void)
{
    Suite *s = SUITE(
        "s3_put", a_put_is_one_signed_request, a_descriptor_is_sent_from_its_start_and_again,
        what_cannot_go_well_is_sent_once, a_store_that_spares_what_is_there_is_asked_once_about_it,
        a_store_without_conditions_gets_no_fresh_write,
        a_store_that_is_down_is_not_taken_for_one_without_conditions,
        a_lost_answer_is_told_from_another_writer, large_ones_are_sent_in_parts,
        a_part_is_sent_again_and_the_end_is_too, an_upload_may_end_without_a_tag,
        an_upload_that_fails_is_aborted, an_upload_without_an_id_is_not_begun,
        a_fresh_upload_is_refused_at_its_end, a_store_may_spare_what_is_there_only_at_once,
        the_time_grows_with_what_is_sent, no_memory_is_an_error);
    TCase *many = tcase_create("tables");
    tcase_add_loop_test(many, what_may_go_well_is_sent_again, 0, ARRAY_COUNT(mended));
    suite_add_tcase(s, many);
    return s;
}
