/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What is recorded reads back as it was; and what becomes of it at the limit, on a full disk and
 * without memory. */
#include "replay/recorder.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "metrics/metrics.h"
#include "support/support.h"
#include "support/tree.h"

static struct err err;

static struct trace_call call(uint64_t t_us, const char *model, uint64_t bytes)
{
    struct trace_call c = {.t_us = t_us, .bytes = bytes, .load_us = 30, .exec_us = 40};
    snprintf(c.model, sizeof(c.model), "%s", model);
    return c;
}

static struct trace *open_buf(const struct buf *b)
{
    struct trace *t;
    FILE *f = tmpfile();
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(b->data, 1, b->len, f), b->len);
    rewind(f);
    ck_ok(trace_open_stream(f, "t", &t, &err), &err);
    return t;
}

static struct trace_record read_next(struct trace *t)
{
    struct trace_record r = {0};
    bool more = false;
    ck_ok(trace_next(t, &r, &more, &err), &err);
    ck_assert(more);
    return r;
}

static void read_end(struct trace *t)
{
    struct trace_record r;
    bool more = true;
    ck_ok(trace_next(t, &r, &more, &err), &err);
    ck_assert(!more);
    ck_assert(!trace_cut(t));
}

START_TEST(what_is_written_reads_back)
{
    struct trace_writer w = {0};
    struct buf b = {0};
    char longest[TRACE_MODEL_MAX + 1];
    memset(longest, 'x', TRACE_MODEL_MAX);
    longest[TRACE_MODEL_MAX] = 0;
    longest[TRACE_TENANT_MAX] = '/';
    const struct trace_call calls[] = {
        call(10, "acme/churn", 100), call(11, "churn", 0),    call(12, "acme/fraud", 7),
        call(9, "acme/churn", 100),  call(20, longest, 1000), call(21, "default/x", UINT64_MAX),
    };
    static const struct trace_record want[] = {
        {10, 0, 0, 0, 100, 30, 40},  {11, 1, 1, 0, 1, 30, 40},
        {12, 2, 0, 0, 7, 30, 40},    {12, 0, 0, 0, 100, 30, 40}, /* time does not fall */
        {20, 3, 2, 0, 1000, 30, 40}, {21, 4, 1, 0, TRACE_BYTES_MAX, 30, 40},
    };
    ck_assert_int_eq(trace_write_header(&b), OK);
    for (size_t i = 0; i < ARRAY_COUNT(calls); i++)
        ck_assert_int_eq(trace_write(&w, &calls[i], &b), OK);
    ck_assert_uint_eq(b.len % TRACE_RECORD, 0);
    struct trace *t = open_buf(&b);
    for (size_t i = 0; i < ARRAY_COUNT(want); i++) {
        struct trace_record r = read_next(t);
        ck_assert_mem_eq(&r, &want[i], sizeof(r));
    }
    read_end(t);
    ck_assert_uint_eq(trace_models(t), 5);
    ck_assert_uint_eq(trace_tenants(t), 3);
    trace_free(&t);
    trace_writer_fini(&w);
    buf_fini(&b);
}
END_TEST

START_TEST(calls_stand_in_the_order_in_which_they_came)
{
    struct trace_call calls[] = {call(30, "c", 1), call(10, "a", 1), call(20, "b", 1)};
    trace_sort(calls, 0);
    trace_sort(calls, ARRAY_COUNT(calls));
    for (size_t i = 0; i < ARRAY_COUNT(calls); i++) {
        ck_assert_uint_eq(calls[i].t_us, 10 * (i + 1));
        ck_assert_int_eq(calls[i].model[0], "abc"[i]);
    }
}
END_TEST

START_TEST(tenants_beyond_the_form_end_it)
{
    struct trace_writer w = {.tenant_count = TRACE_TENANTS};
    struct buf b = {0};
    const struct trace_call c = call(1, "a/b", 1);
    ck_assert_int_eq(trace_write(&w, &c, &b), E_TOO_LARGE);
    trace_writer_fini(&w);
    buf_fini(&b);
}
END_TEST

START_TEST(no_memory_for_a_name_is_said)
{
    const struct trace_call c = call(1, "a/b", 1);
    for (uint64_t n = 1;; n++) {
        struct trace_writer w = {0};
        struct buf b = {0};
        alloc_fail_at(n);
        enum status s = trace_write(&w, &c, &b);
        bool past = alloc_calls() < n;
        alloc_fail_at(0);
        ck_assert_int_eq(s, past ? OK : E_NO_MEMORY);
        trace_writer_fini(&w);
        buf_fini(&b);
        if (past)
            break;
    }
}
END_TEST

/* A recorder of so many notes, one model after the other, to path under the tree. */
static void record(struct tree *tree, const char *path, uint64_t limit, uint32_t notes)
{
    struct recorder *r = NULL;
    char full[1200], name[32];
    snprintf(full, sizeof(full), *path == '/' ? "%s%s" : "%s/%s", *path == '/' ? "" : tree->path,
             path);
    ck_ok(recorder_start(full, limit, &r, &err), &err);
    for (uint32_t i = 0; i < notes; i++) {
        snprintf(name, sizeof(name), "t/m%u", i % 10);
        const struct trace_call c = call(i, name, 100);
        recorder_note(r, &c);
    }
    recorder_stop(&r);
    ck_assert_ptr_null(r);
}

static struct trace *open_file(const struct tree *tree, const char *name)
{
    char full[1200];
    struct trace *t;
    snprintf(full, sizeof(full), "%s/%s", tree->path, name);
    ck_ok(trace_open(full, &t, &err), &err);
    return t;
}

START_TEST(a_file_holds_every_note_in_order)
{
    struct tree tree;
    tree_init(&tree);
    metrics_reset();
    record(&tree, "trace", 1 << 20, 2000);
    struct trace *t = open_file(&tree, "trace");
    for (uint32_t i = 0; i < 2000; i++) {
        struct trace_record r = read_next(t);
        ck_assert_uint_eq(r.t_us, i);
        ck_assert_uint_eq(r.id, i % 10);
        ck_assert_uint_eq(r.exec_us, 40);
    }
    read_end(t);
    trace_free(&t);
    ck_assert_uint_eq(metric_get(M_TRACE_RECORDED), 2000);
    ck_assert_uint_eq(metric_get(M_TRACE_LOST), 0);
    tree_fini(&tree);
}
END_TEST

START_TEST(what_comes_too_fast_is_lost_and_counted)
{
    struct tree tree;
    tree_init(&tree);
    metrics_reset();
    record(&tree, "trace", 1 << 26, 100000);
    uint64_t recorded = metric_get(M_TRACE_RECORDED);
    ck_assert_uint_eq(recorded + metric_get(M_TRACE_LOST), 100000);
    struct trace *t = open_file(&tree, "trace");
    for (uint64_t i = 0; i < recorded; i++)
        (void)read_next(t);
    read_end(t);
    trace_free(&t);
    tree_fini(&tree);
}
END_TEST

START_TEST(recording_ends_at_the_limit)
{
    struct tree tree;
    tree_init(&tree);
    metrics_reset();
    /* the header, a tenant and ten models with their names, and 5 invocations */
    record(&tree, "trace", TRACE_RECORD * (1 + 2 + 20 + 15), 1000);
    ck_assert_uint_eq(metric_get(M_TRACE_RECORDED), 15);
    ck_assert_uint_eq(metric_get(M_REFUSED_TRACE), 985);
    struct trace *t = open_file(&tree, "trace");
    for (uint32_t i = 0; i < 15; i++)
        (void)read_next(t);
    read_end(t);
    trace_free(&t);
    tree_fini(&tree);
}
END_TEST

START_TEST(a_full_disk_ends_it)
{
    struct tree tree;
    struct recorder *r = NULL;
    tree_init(&tree);
    metrics_reset();
    if (access("/dev/full", W_OK) == 0)
        ck_assert_int_eq(recorder_start("/dev/full", 1 << 20, &r, &err), E_IO);
    else
        printf("SKIP a_full_disk_ends_it: there is no /dev/full\n");
    ck_assert_ptr_null(r);
    tree_fini(&tree);
}
END_TEST

START_TEST(an_older_file_is_kept)
{
    struct tree tree;
    tree_init(&tree);
    record(&tree, "trace", 1 << 20, 3);
    record(&tree, "trace", 1 << 20, 1);
    struct trace *t = open_file(&tree, "trace.old");
    for (int i = 0; i < 3; i++)
        (void)read_next(t);
    read_end(t);
    trace_free(&t);
    t = open_file(&tree, "trace");
    (void)read_next(t);
    read_end(t);
    trace_free(&t);
    tree_fini(&tree);
}
END_TEST

START_TEST(a_recorder_that_cannot_start_says_why)
{
    struct tree tree;
    struct recorder *r = NULL;
    char path[1200];
    tree_init(&tree);
    snprintf(path, sizeof(path), "%s/none/trace", tree.path);
    ck_assert_int_eq(recorder_start(path, 1 << 20, &r, &err), E_IO);
    snprintf(path, sizeof(path), "%s/trace", tree.path);
    for (uint64_t n = 1; n <= 4; n++) {
        alloc_fail_at(n);
        ck_assert_int_eq(recorder_start(path, 1 << 20, &r, &err), E_NO_MEMORY);
        alloc_fail_at(0);
    }
    ck_assert_ptr_null(r);
    tree_fini(&tree);
}
END_TEST

Suite *suite_recorder(void)
{
    return SUITE("recorder", what_is_written_reads_back,
                 calls_stand_in_the_order_in_which_they_came, tenants_beyond_the_form_end_it,
                 no_memory_for_a_name_is_said, a_file_holds_every_note_in_order,
                 what_comes_too_fast_is_lost_and_counted, recording_ends_at_the_limit,
                 a_full_disk_ends_it, an_older_file_is_kept, a_recorder_that_cannot_start_says_why);
}
