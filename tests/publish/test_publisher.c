/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The publisher without HTTP: steps, places, what a sample decides, and that nothing is left of
 * what was refused, called off or ran out of memory. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "metrics/metrics.h"
#include "publish/publish.h"
#include "support/model.h"
#include "support/node.h"
#include "support/support.h"

/* Embedded: a node, a publisher beside it, and one call that somebody waits for. */
struct stage {
    struct node node;
    struct catalog *catalog; /* over the node's folder, mostly without its gate */
    struct publisher *publisher;
    struct lock lock; /* LOCK_LOG; guards done */
    struct cond changed;
    bool done;
    uint32_t lists; /* that ended */
    struct err err;
};

enum { TENANT_UPLOADS = 3 };

static const struct tenant_limits limits[] = {{.name = "small", .publish_max = 5000, .file_max = 9},
                                              {.name = "large", .file_max = 2 << 20}};

static void stage_open(struct stage *s, uint32_t uploads_max, bool over_gate)
{
    *s = (struct stage){.err = {.code = OK}};
    node_init(&s->node, &(struct node_config){.memory_bytes = 8 << 20});
    ck_assert_int_eq(
        catalog_new(over_gate ? &s->node.gate.store : s->node.files, 10, 100, &s->catalog), OK);
    lock_init(&s->lock, LOCK_LOG);
    cond_init(&s->changed);
    const struct publish_config config = {
        .catalog = s->catalog,
        .cache = s->node.cache,
        .http_memory = &s->node.http,
        .compile = {.bare = true, .model_max = 1 << 20, .tenants = {limits, ARRAY_COUNT(limits)}},
        .arena_max = 1 << 20,
        .steps_max = 1000,
        .run_us = 10000000,
        .uploads_max = uploads_max,
        .tenant_uploads_max = TENANT_UPLOADS,
        .dir = s->node.tree.path};
    ck_ok(publisher_new(&config, &s->publisher, &s->err), &s->err);
}

static void stage_init(struct stage *s, uint32_t uploads_max)
{
    stage_open(s, uploads_max, false);
}

static void stage_fini(struct stage *s)
{
    publisher_free(&s->publisher);
    cond_fini(&s->changed);
    lock_fini(&s->lock);
    catalog_free(&s->catalog);
    node_fini(&s->node);
}

static void on_done(struct publish_call *call)
{
    struct stage *s = call->arg;
    lock_take(&s->lock);
    s->done = true;
    cond_wake_all(&s->changed);
    lock_release(&s->lock);
}

static struct publish_call *new_call(struct stage *s, enum publish_verb verb, const char *model)
{
    struct publish_call *call = NULL;
    ck_ok(publish_call_new(s->publisher, verb, model, &call, &s->err), &s->err);
    call->done = on_done;
    call->arg = s;
    return call;
}

/* One step, to its end. */
static enum status step(struct stage *s, struct publish_call *call, const void *bytes, size_t n,
                        bool last)
{
    call->last = last;
    ck_assert_int_eq(buf_add(&call->chunk, bytes, n), OK);
    s->done = false;
    publish_step(call);
    lock_take(&s->lock);
    while (!s->done)
        cond_wait(&s->changed, &s->lock, 0);
    lock_release(&s->lock);
    return call->status;
}

/* A whole upload in chunks of 1000 bytes; its last status, its words in s->err. */
static enum status upload(struct stage *s, const char *model, const struct buf *body, char *reply,
                          size_t size)
{
    struct publish_call *call = new_call(s, PUBLISH_UPLOAD, model);
    enum status st = OK;
    for (size_t off = 0; st == OK && off < body->len; off += 1000)
        st = step(s, call, body->data + off, MIN(body->len - off, (size_t)1000), false);
    if (st == OK)
        st = step(s, call, "", 0, true);
    s->err = call->err;
    snprintf(reply, size, "%.*s", (int)call->reply.len,
             call->reply.len ? (const char *)call->reply.data : "");
    publish_call_free(&call);
    ck_assert_ptr_null(call);
    return st;
}

static bool is_there(struct stage *s, const char *key)
{
    struct store_object o;
    return store_stat(s->node.files, key, &o, &s->err) == OK;
}

/* y = x + 1 over x[N][2], with a self-test sample whose answer is 1 + off. */
static void sampled(struct buf *out, float off)
{
    static const float ones[2] = {1, 1};
    float x[2] = {0, 5}, y[2] = {1 + off, 6};
    const int64_t dims[2] = {-2, 2}, one[2] = {1, 2};
    struct tensor in, want;
    struct model m;
    model_init(&m);
    int32_t a = model_input(&m, "x", DT_F32, 2, dims);
    int32_t k = model_const(&m, DT_F32, 2, one, ones);
    model_output(&m, "y", model_node(&m, "Add", 14, a, k, ARTIFACT_NO_TENSOR), DT_F32, 2, dims);
    tensor_set_shape(&in, DT_F32, 2, one);
    tensor_set_shape(&want, DT_F32, 2, one);
    in.data = x;
    want.data = y;
    m.src.sample_inputs = &in;
    m.src.sample_outputs = &want;
    model_write(&m, NULL, out);
}

/* y = t[i]: row 0 of a table of no rows is none. */
static void gathers(struct buf *out)
{
    const int64_t rows[2] = {0, 2}, n[1] = {-2}, dims[2] = {-2, 2};
    struct model m;
    model_init(&m);
    int32_t i = model_input(&m, "i", DT_I64, 1, n);
    int32_t t = model_const(&m, DT_F32, 2, rows, "");
    model_output(&m, "y", model_node(&m, "Gather", 13, t, i, ARTIFACT_NO_TENSOR), DT_F32, 2, dims);
    model_write(&m, NULL, out);
}

START_TEST(an_upload_becomes_a_version)
{
    struct stage s;
    struct buf body = {0};
    struct model m;
    char reply[4096];
    stage_init(&s, 2);
    model_init(&m);
    model_mlp(&m, 1);
    model_write(&m, NULL, &body);
    ck_ok(upload(&s, "acme/m", &body, reply, sizeof(reply)), &s.err);
    ck_assert_ptr_nonnull(strstr(reply, "{\"name\":\"acme/m\",\"version\":\"1\",\"bytes\":"));
    ck_assert_ptr_nonnull(strstr(reply, "\"warnings\":[]}"));
    uint8_t *got = alloc_new(body.len);
    ck_ok(store_read(s.node.files, "_roost/models/acme/m/1.roost", "", 0, got, body.len, &s.err),
          &s.err);
    ck_assert_int_eq(memcmp(got, body.data, body.len), 0);
    alloc_free(got);
    buf_fini(&body);
    stage_fini(&s);
}
END_TEST

START_TEST(a_tenant_has_its_own_limits)
{
    static const char raw[] = "nine bytes and more";
    struct stage s;
    struct buf body = {0};
    char reply[256];
    stage_init(&s, 1);
    metrics_reset();
    struct publish_call *call = new_call(&s, PUBLISH_UPLOAD, "small/m");
    ck_assert_uint_eq(call->bytes_max, 5000);
    publish_call_free(&call);
    call = new_call(&s, PUBLISH_UPLOAD, "large/m");
    ck_assert_uint_eq(call->bytes_max, UINT64_MAX);
    publish_call_free(&call);
    ck_assert_int_eq(buf_add(&body, raw, sizeof(raw)), OK);
    ck_assert_int_eq(upload(&s, "small/m", &body, reply, sizeof(reply)), E_TOO_LARGE);
    ck_assert_msg(strstr(s.err.msg, "at most 9 are compiled for this tenant"), "%s", s.err.msg);
    ck_assert_uint_eq(metric_get(M_REFUSED_TENANT_COMPILE), 1);
    ck_assert_int_eq(upload(&s, "large/m", &body, reply, sizeof(reply)), E_BAD_INPUT);
    buf_clear(&body); /* more than the node compiles, less than the tenant's */
    while (body.len <= 1 << 20)
        ck_assert_int_eq(buf_add(&body, raw, sizeof(raw)), OK);
    ck_assert_int_eq(upload(&s, "large/m", &body, reply, sizeof(reply)), E_TOO_LARGE);
    ck_assert_msg(!strstr(s.err.msg, "tenant"), "%s", s.err.msg);
    ck_assert_uint_eq(metric_get(M_REFUSED_TENANT_COMPILE), 1);
    buf_fini(&body);
    stage_fini(&s);
}
END_TEST

START_TEST(a_sample_decides)
{
    struct stage s;
    static const float wrong[] = {0.01f, NAN, INFINITY, -INFINITY};
    struct buf good = {0};
    char reply[4096];
    stage_init(&s, 1);
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        struct buf bad = {0};
        sampled(&bad, wrong[i]);
        ck_assert_int_eq(upload(&s, "m", &bad, reply, sizeof(reply)), E_BAD_INPUT);
        ck_assert_ptr_nonnull(
            strstr(s.err.msg, "self-test gives other answers: output 'y', element 0"));
        buf_fini(&bad);
    }
    sampled(&good, 1e-6f);
    ck_assert(!is_there(&s, "_roost/models/m/1.roost"));
    ck_ok(upload(&s, "m", &good, reply, sizeof(reply)), &s.err);
    buf_fini(&good);
    stage_fini(&s);
}
END_TEST

START_TEST(what_zeros_say_may_be_a_warning)
{
    struct stage s;
    struct buf body = {0};
    char reply[4096];
    stage_init(&s, 1);
    gathers(&body);
    ck_ok(upload(&s, "m", &body, reply, sizeof(reply)), &s.err);
    ck_assert_ptr_nonnull(strstr(reply, "\"warnings\":[\"does not run on zeros: "));
    buf_fini(&body);
    stage_fini(&s);
}
END_TEST

START_TEST(a_tenant_leaves_places_to_others)
{
    static const char *const names[TENANT_UPLOADS] = {"acme/a", "acme/b", "acme/a"};
    struct publish_call *calls[TENANT_UPLOADS], *refused = NULL;
    struct stage s;
    stage_init(&s, 2 * TENANT_UPLOADS);
    const uint64_t before = metric_get(M_REFUSED_TENANT_PUBLISHES);
    for (size_t i = 0; i < TENANT_UPLOADS; i++)
        calls[i] = new_call(&s, PUBLISH_UPLOAD, names[i]);
    ck_assert_int_eq(publish_call_new(s.publisher, PUBLISH_UPLOAD, "acme/c", &refused, &s.err),
                     E_QUEUE_FULL);
    ck_assert_uint_eq(metric_get(M_REFUSED_TENANT_PUBLISHES) - before, 1);
    struct publish_call *other = new_call(&s, PUBLISH_UPLOAD, "acm/e");
    struct publish_call *nobodys = new_call(&s, PUBLISH_UPLOAD, "acme");
    publish_call_free(&calls[1]);
    calls[1] = new_call(&s, PUBLISH_UPLOAD, "acme/c");
    for (size_t i = 0; i < TENANT_UPLOADS; i++)
        publish_call_free(&calls[i]);
    publish_call_free(&other);
    publish_call_free(&nobodys);
    stage_fini(&s);
}
END_TEST

START_TEST(places_are_bounded_and_come_back)
{
    struct stage s;
    struct publish_call *refused = NULL;
    stage_init(&s, 2);
    struct publish_call *a = new_call(&s, PUBLISH_UPLOAD, "a");
    struct publish_call *b = new_call(&s, PUBLISH_UPLOAD, "b");
    ck_assert_int_eq(step(&s, a, "x", 1, false), OK);
    ck_assert_int_eq(publish_call_new(s.publisher, PUBLISH_UPLOAD, "c", &refused, &s.err),
                     E_QUEUE_FULL);
    ck_assert_ptr_null(refused);
    /* Versions take no place. */
    struct publish_call *list = new_call(&s, PUBLISH_VERSIONS, "a");
    ck_assert_int_eq(step(&s, list, "", 0, true), E_NOT_FOUND);
    publish_call_free(&list);
    /* An end gives its place back before it is told. */
    ck_assert_int_eq(step(&s, a, "garbage", 7, true), E_BAD_INPUT);
    struct publish_call *c = new_call(&s, PUBLISH_UPLOAD, "c");
    publish_call_free(&a);
    publish_call_free(&b);
    publish_call_free(&c);
    stage_fini(&s);
}
END_TEST

static void on_list_done(struct publish_call *call)
{
    struct stage *s = call->arg;
    lock_take(&s->lock);
    s->lists++;
    cond_wake_all(&s->changed);
    lock_release(&s->lock);
}

/* Begins a list of m's versions. */
static struct publish_call *begin_list(struct stage *s)
{
    struct publish_call *call = new_call(s, PUBLISH_VERSIONS, "m");
    call->done = on_list_done;
    call->last = true;
    publish_step(call);
    return call;
}

START_TEST(no_upload_waits_for_lists)
{
    enum { LISTS = 4 };
    struct publish_call *lists[LISTS];
    struct stage s;
    stage_open(&s, 1, true); /* two threads */
    tree_text(&s.node.tree, "_roost/models/m/1.roost", "");
    tree_text(&s.node.tree, "_roost/models/m/current", "1");
    gate_close(&s.node.gate);
    for (int i = 0; i < LISTS; i++)
        lists[i] = begin_list(&s);
    gate_wait_stalled(&s.node.gate, 1);
    struct publish_call *upload_call = new_call(&s, PUBLISH_UPLOAD, "m");
    ck_assert_int_eq(step(&s, upload_call, "x", 1, false), OK);
    publish_call_free(&upload_call);
    publish_cancel(lists[2]);
    gate_open(&s.node.gate);
    lock_take(&s.lock);
    while (s.lists < LISTS)
        cond_wait(&s.changed, &s.lock, 0);
    lock_release(&s.lock);
    for (int i = 0; i < LISTS; i++) {
        ck_assert_int_eq(lists[i]->status, i == 2 ? E_CANCELLED : OK);
        publish_call_free(&lists[i]);
    }
    stage_fini(&s);
}
END_TEST

START_TEST(a_name_that_versions_lie_under_is_refused)
{
    struct publish_call *refused = NULL;
    struct stage s;
    stage_init(&s, 1);
    ck_assert_int_eq(
        publish_call_new(s.publisher, PUBLISH_UPLOAD, "acme/current", &refused, &s.err),
        E_BAD_INPUT);
    ck_assert_str_eq(s.err.msg, "model name 'acme/current' is kept for versions: it cannot be "
                                "published");
    ck_assert_ptr_null(refused);
    struct publish_call *list = new_call(&s, PUBLISH_VERSIONS, "acme/current");
    ck_assert_int_eq(step(&s, list, "", 0, true), E_NOT_FOUND);
    publish_call_free(&list);
    stage_fini(&s);
}
END_TEST

START_TEST(what_is_called_off_is_not_written)
{
    struct stage s;
    struct buf body = {0};
    stage_init(&s, 1);
    sampled(&body, 0);
    struct publish_call *call = new_call(&s, PUBLISH_UPLOAD, "m");
    publish_cancel(call);
    ck_assert_int_eq(step(&s, call, body.data, body.len, true), E_CANCELLED);
    publish_call_free(&call);
    ck_assert(!is_there(&s, "_roost/models/m/1.roost"));
    /* Nor is the pointer: E_NOT_FOUND would be what the store says. */
    call = new_call(&s, PUBLISH_ROLLBACK, "m");
    publish_cancel(call);
    ck_assert_int_eq(step(&s, call, "", 0, true), E_CANCELLED);
    publish_call_free(&call);
    /* And one that is given up between two steps. */
    call = new_call(&s, PUBLISH_UPLOAD, "m");
    ck_assert_int_eq(step(&s, call, body.data, 100, false), OK);
    publish_call_free(&call);
    buf_fini(&body);
    stage_fini(&s);
}
END_TEST

START_TEST(a_dry_run_writes_nothing_and_versions_change)
{
    struct stage s;
    struct buf body = {0};
    char reply[4096];
    stage_init(&s, 1);
    sampled(&body, 0);
    struct publish_call *call = new_call(&s, PUBLISH_UPLOAD, "m");
    call->dry_run = true;
    ck_assert_int_eq(step(&s, call, body.data, body.len, true), OK);
    publish_call_free(&call);
    ck_assert(!is_there(&s, "_roost/models/m/1.roost"));
    for (int i = 0; i < 2; i++)
        ck_ok(upload(&s, "m", &body, reply, sizeof(reply)), &s.err);
    call = new_call(&s, PUBLISH_ROLLBACK, "m");
    ck_assert_int_eq(step(&s, call, "", 0, true), OK);
    ck_assert_mem_eq(call->reply.data, "{\"name\":\"m\",\"version\":\"1\"}", call->reply.len);
    publish_call_free(&call);
    call = new_call(&s, PUBLISH_DELETE, "m");
    call->version = 2;
    ck_assert_int_eq(step(&s, call, "", 0, true), OK);
    publish_call_free(&call);
    ck_assert(!is_there(&s, "_roost/models/m/2.roost"));
    buf_fini(&body);
    stage_fini(&s);
}
END_TEST

START_TEST(without_memory_it_is_refused_and_nothing_leaks)
{
    struct stage s;
    struct buf body = {0};
    struct budget_usage before, after;
    char reply[4096];
    uint64_t refused = 0;
    stage_init(&s, 1);
    sampled(&body, 0);
    ck_ok(upload(&s, "m", &body, reply, sizeof(reply)), &s.err);
    cache_usage(s.node.cache, &before);
    int64_t live = alloc_live();
    for (uint64_t n = 1;; n++) {
        struct publish_call *call = NULL;
        alloc_fail_at(n);
        enum status st = publish_call_new(s.publisher, PUBLISH_UPLOAD, "m", &call, &s.err);
        if (st == OK) {
            call->done = on_done;
            call->arg = &s;
            call->dry_run = true;
            st = buf_add(&call->chunk, body.data, body.len);
        }
        if (st == OK)
            st = step(&s, call, "", 0, true);
        bool over = alloc_calls() < n;
        alloc_fail_at(0);
        publish_call_free(&call);
        ck_assert(st == OK || st == E_NO_MEMORY);
        refused += st != OK;
        if (over)
            break;
    }
    ck_assert_uint_gt(refused, 5);
    cache_usage(s.node.cache, &after);
    ck_assert_uint_eq(before.used[BUDGET_SCRATCH], after.used[BUDGET_SCRATCH]);
    ck_assert_int_eq(alloc_live(), live);
    buf_fini(&body);
    stage_fini(&s);
}
END_TEST

Suite *suite_publisher(void)
{
    return SUITE("publisher", an_upload_becomes_a_version, a_tenant_has_its_own_limits,
                 a_sample_decides, what_zeros_say_may_be_a_warning,
                 places_are_bounded_and_come_back, a_tenant_leaves_places_to_others,
                 no_upload_waits_for_lists, a_name_that_versions_lie_under_is_refused,
                 what_is_called_off_is_not_written, a_dry_run_writes_nothing_and_versions_change,
                 without_memory_it_is_refused_and_nothing_leaks);
}
