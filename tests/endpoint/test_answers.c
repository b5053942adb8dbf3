/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What callers hear: a row of the contract's table of answers each, with its words, its
 * Retry-After and the metric that counts it. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "busy.h"
#include "metrics/metrics.h"
#include "support/node.h"
#include "support/support.h"

static const char one[] = "{\"instances\": [[0.1, 0.2, 0.3, 0.4]]}";

static struct node node;
static struct call call;

static void setup(const struct node_config *c)
{
    metrics_reset();
    node_init(&node, c);
    node_put_mlp(&node, "m.roost", 1);
}

/* One invocation: its status, words in its error and Retry-After. */
static void answers(const char *model, const char *json, enum status want, const char *words,
                    uint32_t retry_after_s)
{
    call_init(&call, model, json);
    call_begin(&node, &call, 0);
    call_wait(&call);
    ck_assert_msg(call.inv.status == want, "%s: %s %s", model, status_name(call.inv.status),
                  call.inv.err.msg);
    ck_assert_msg(strstr(call.inv.err.msg, words) != NULL, "'%s' in '%s'", words, call.inv.err.msg);
    ck_assert_uint_eq(call.inv.retry_after_s, retry_after_s);
    ck_assert_ptr_null(call.inv.reply.data);
    call_fini(&call);
}

START_TEST(an_answer_says_how_the_model_was_found)
{
    setup(&(struct node_config){0});
    call_init(&call, "m", one);
    call_begin(&node, &call, 0);
    ck_ok(call_wait(&call), &call.inv.err);
    ck_assert_int_eq(call.inv.lookup, LOOKUP_MISS);
    ck_assert_int_eq(call.inv.reply_format, CODEC_JSON);
    ck_assert_int_eq(strncmp((char *)call.inv.reply.data, "{\"predictions\":", 15), 0);
    ck_assert_uint_gt(call.inv.times.load_us, 0);
    ck_assert_uint_gt(call.inv.times.infer_us, 0);
    call_fini(&call);
    call_init(&call, "m", one);
    call.inv.out_format = CODEC_CSV;
    call_begin(&node, &call, clock_now_us() + 60000000);
    ck_ok(call_wait(&call), &call.inv.err);
    ck_assert_int_eq(call.inv.lookup, LOOKUP_HIT);
    ck_assert_int_eq(call.inv.reply_format, CODEC_CSV);
    ck_assert_uint_eq(call.inv.times.load_us, 0);
    call_fini(&call);
    endpoint_gauges(node.endpoint);
    ck_assert_uint_eq(metric_get(M_LOOKUP_HIT), 1);
    ck_assert_uint_eq(metric_get(M_LOOKUP_MISS), 1);
    node_fini(&node);
}
END_TEST

START_TEST(a_v2_answer_names_model_and_version)
{
    static const char want[] = "{\"model_name\":\"m\",\"model_version\":\"17\",\"id\":\"a1\"";
    setup(&(struct node_config){0});
    node_put_mlp(&node, "m/17/model.roost", 2);
    call_init(&call, "m",
              "{\"id\": \"a1\", \"inputs\": [{\"name\": \"x\", \"datatype\": \"FP32\", \"shape\": "
              "[1, 4], "
              "\"data\": [1, 2, 3, 4]}]}");
    call_begin(&node, &call, 0);
    ck_ok(call_wait(&call), &call.inv.err);
    ck_assert_int_eq(buf_terminate(&call.inv.reply), OK);
    ck_assert_msg(strncmp((char *)call.inv.reply.data, want, strlen(want)) == 0, "%s",
                  (char *)call.inv.reply.data);
    call_fini(&call);
    node_fini(&node);
}
END_TEST

START_TEST(an_unknown_name_is_404_and_remembered)
{
    setup(&(struct node_config){0});
    answers("nope", one, E_NOT_FOUND, "'nope' is not in the store", 0);
    ck_assert_uint_eq(metric_get(M_NEGATIVE_HITS), 0);
    answers("nope", one, E_NOT_FOUND, "'nope' is not in the store", 0);
    ck_assert_uint_eq(metric_get(M_NEGATIVE_HITS), 1);
    ck_assert_uint_eq(metric_get(M_LOADS_NOT_FOUND), 1);
    node_put_mlp(&node, "nope.roost", 2);
    ck_assert_int_eq(order_load(&node, "nope"), OK); /* an operator's load asks the store */
    ck_assert_int_eq(call_once(&node, "nope", one, NULL), OK);
    node_fini(&node);
}
END_TEST

START_TEST(a_tenant_that_asks_for_unknown_names_is_slowed_alone)
{
    enum { TRIES = 2000 };
    enum status s = E_NOT_FOUND;
    setup(&(struct node_config){0});
    ck_assert_int_eq(call_once(&node, "m", one, NULL), OK);
    for (int i = 0; i < TRIES && s == E_NOT_FOUND; i++) {
        char name[16];
        snprintf(name, sizeof(name), "made-up-%d", i);
        s = call_once(&node, name, one, NULL);
    }
    ck_assert_int_eq(s, E_RATE);
    ck_assert_uint_eq(metric_get(M_REFUSED_PROBES), 1);
    ck_assert_int_eq(call_once(&node, "m", one, NULL), OK);
    ck_assert_int_eq(call_once(&node, "acme/x", one, NULL), E_NOT_FOUND);
    node_fini(&node);
}
END_TEST

START_TEST(the_callers_fault_is_400_word_for_word)
{
    setup(&(struct node_config){0});
    answers("m", "{\"instances\": [[1, 2, 3]]}", E_BAD_INPUT, "", 0);
    answers("m", "{\"instances\": [[1, 2, 3, \"x\"]]}", E_BAD_INPUT, "", 0);
    answers("m", "{", E_BAD_INPUT, "", 0);
    answers("m", "", E_BAD_INPUT, "", 0);
    call_init(&call, "m", one);
    call.inv.in_format = CODEC_NPY;
    call_begin(&node, &call, 0);
    ck_assert_int_eq(call_wait(&call), E_BAD_INPUT);
    call_fini(&call);
    ck_assert_int_eq(call_once(&node, "m", one, NULL), OK);
    node_fini(&node);
}
END_TEST

START_TEST(beyond_arena_max_is_413)
{
    static char json[200000] = "{\"instances\": [[0,0,0,0]";
    setup(&(struct node_config){.arena_max = 64 << 10});
    for (int i = 0; i < 10000; i++)
        strcat(json + 12 * (size_t)i, ",[0,0,0,0]  ");
    strcat(json, "]}");
    answers("m", json, E_TOO_LARGE, "", 0);
    ck_assert_uint_eq(metric_get(M_REFUSED_ARENA), 1);
    ck_assert_int_eq(call_once(&node, "m", one, NULL), OK);
    node_fini(&node);
}
END_TEST

START_TEST(beyond_http_memory_is_503)
{
    static char json[60000] = "{\"instances\": [[0,0,0,0]";
    setup(&(struct node_config){.http_memory = 4096});
    for (int i = 0; i < 4000; i++)
        strcat(json + 12 * (size_t)i, ",[0,0,0,0]  ");
    strcat(json, "]}");
    answers("m", json, E_NO_MEMORY, "", 1);
    ck_assert_uint_gt(metric_get(M_REFUSED_HTTP_MEMORY), 0);
    ck_assert_int_eq(call_once(&node, "m", one, NULL), OK);
    node_fini(&node);
}
END_TEST

START_TEST(a_reply_beyond_its_bound_is_refused)
{
    setup(&(struct node_config){.reply_max = 20});
    answers("m", one, E_TOO_LARGE, "", 0);
    ck_assert_uint_eq(metric_get(M_REFUSED_ARENA), 0);
    ck_assert_uint_eq(metric_get(M_REFUSED_REPLY), 1);
    node_fini(&node);
}
END_TEST

START_TEST(a_full_queue_refuses_at_once)
{
    struct call queued[2];
    struct busy busy;
    setup(&(struct node_config){.workers = 1, .queue_max = 2});
    busy_begin(&busy, node.endpoint);
    for (int i = 0; i < 2; i++) {
        call_init(&queued[i], "m", one);
        call_begin(&node, &queued[i], 0);
    }
    answers("m", one, E_QUEUE_FULL, "2 requests are queued", 1);
    ck_assert_uint_eq(metric_get(M_REFUSED_QUEUE), 1);
    busy_end(&busy);
    for (int i = 0; i < 2; i++) {
        ck_ok(call_wait(&queued[i]), &queued[i].inv.err);
        call_fini(&queued[i]);
    }
    ck_assert_int_eq(call_once(&node, "m", one, NULL), OK);
    node_fini(&node);
}
END_TEST

START_TEST(what_waited_beyond_its_deadline_does_not_run)
{
    struct call late;
    struct busy busy;
    setup(&(struct node_config){.workers = 1});
    busy_begin(&busy, node.endpoint);
    call_init(&late, "m", "not even JSON"); /* were it run, it would be E_BAD_INPUT */
    call_begin(&node, &late, 1);
    busy_end(&busy);
    ck_assert_int_eq(call_wait(&late), E_TIMEOUT);
    ck_assert_uint_eq(late.inv.retry_after_s, 0);
    ck_assert_uint_eq(metric_get(M_REFUSED_DEADLINE), 1);
    call_fini(&late);
    node_fini(&node);
}
END_TEST

START_TEST(a_run_ends_at_its_deadline)
{
    static char json[400000] = "[[0,0,0,0,0,0,0,0]";
    setup(&(struct node_config){.workers = 1, .arena_max = 512u << 20});
    node_put_adder(&node, "long.roost", 8, 500);
    ck_assert_int_eq(order_load(&node, "long"), OK);
    char *end = json + strlen(json);
    for (int i = 0; i < 20000; i++)
        end = stpcpy(end, ",[0,0,0,0,0,0,0,0]");
    strcpy(end, "]");
    call_init(&call, "long", json);
    call_begin(&node, &call, clock_now_us() + 1000);
    ck_assert_int_eq(call_wait(&call), E_TIMEOUT);
    ck_assert_uint_eq(metric_get(M_REFUSED_DEADLINE), 1);
    call_fini(&call);
    node_fini(&node);
}
END_TEST

START_TEST(no_room_just_now_is_503)
{
    metrics_reset();
    node_init(&node, &(struct node_config){.workers = 2, .memory_bytes = 3u << 20});
    node_put_adder(&node, "big.roost", 1 << 18, 0); /* 1 MiB of weights */
    ck_assert_uint_gt(node_bytes(&node, "big"), 1u << 20);
    ck_assert_int_eq(order_unload(&node, "big"), OK);
    node_put_adder(&node, "huge.roost", 600000, 0); /* 2.4 MB and as much arena: never */
    answers("huge", one, E_NEVER_FITS, "the whole budget is", 0);
    ck_assert_uint_eq(metric_get(M_REFUSED_NEVER_FITS), 1);
    /* Two pinned models of 1 MiB each leave no room for a third, and nobody is evicted. They are of
     * three tenants, who share nothing. */
    node_put_adder(&node, "b/big2.roost", 1 << 18, 0);
    node_put_adder(&node, "c/big3.roost", 1 << 18, 0);
    struct pin pins[2];
    ck_assert_int_eq(order_load(&node, "big"), OK);
    ck_assert(cache_pin_resident(node.cache, "big", &pins[0]));
    ck_assert_int_eq(order_load(&node, "b/big2"), OK);
    ck_assert(cache_pin_resident(node.cache, "b/big2", &pins[1]));
    answers("c/big3", one, E_NO_ROOM, "no room for", 1);
    ck_assert_uint_eq(metric_get(M_REFUSED_MEMORY), 1);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 0);
    cache_unpin(node.cache, &pins[0]);
    cache_unpin(node.cache, &pins[1]);
    ck_assert_int_eq(order_load(&node, "c/big3"), OK);
    node_fini(&node);
}
END_TEST

START_TEST(a_store_that_is_down_is_503_without_its_address)
{
    setup(&(struct node_config){.backoff_us = 3 * 1000 * 1000});
    node.gate.fail_at = 1;
    answers("m", one, E_STORE, "model 'm' cannot be loaded: store unavailable", 5);
    ck_assert_ptr_null(strstr(call.inv.err.msg, "secret"));
    answers("m", one, E_STORE, "cannot be loaded", 5); /* remembered: the store is not asked */
    ck_assert_uint_eq(gate_reads(&node.gate), 1);
    char text[8192];
    ck_assert_ptr_nonnull(strstr(node_describe(&node, "m", text), "gate://secret"));
    node_fini(&node);
}
END_TEST

START_TEST(a_model_that_cannot_be_loaded_is_500_by_class_only)
{
    char text[8192];
    setup(&(struct node_config){.backoff_us = 60u * 1000 * 1000});
    tree_text(&node.tree, "broken.roost", "not an artifact");
    tree_text(&node.tree, "raw.onnx", "\x08");
    answers("broken", one, E_CORRUPT, "model 'broken' cannot be loaded: corrupt", 60);
    ck_assert_ptr_null(strstr(call.inv.err.msg, "page 0"));
    ck_assert_ptr_nonnull(strstr(node_describe(&node, "broken", text), "page 0"));
    answers("raw", one, E_CORRUPT, "model 'raw' cannot be loaded: corrupt", 60);
    ck_assert_ptr_nonnull(strstr(node_describe(&node, "raw", text), "no ONNX model"));
    ck_assert_uint_eq(metric_get(M_LOADS_FAILED), 2);
    ck_assert_int_eq(call_once(&node, "m", one, NULL), OK); /* costs no other model anything */
    node_fini(&node);
}
END_TEST

START_TEST(a_draining_node_is_503)
{
    struct call queued;
    struct busy busy;
    setup(&(struct node_config){.workers = 1});
    busy_begin(&busy, node.endpoint);
    call_init(&queued, "m", one);
    call_begin(&node, &queued, 0);
    ck_assert_uint_eq(endpoint_in_flight(node.endpoint), 1);
    ck_assert(!endpoint_draining(node.endpoint));
    endpoint_drain(node.endpoint);
    ck_assert(endpoint_draining(node.endpoint));
    answers("m", one, E_DRAINING, "draining", 1);
    ck_assert_int_eq(order_load(&node, "m"), E_DRAINING);
    busy_end(&busy);
    ck_ok(call_wait(&queued), &queued.inv.err); /* what was admitted is answered */
    call_fini(&queued);
    node_fini(&node);
}
END_TEST

START_TEST(a_load_that_an_operator_cancels_is_503)
{
    struct call waits;
    setup(&(struct node_config){0});
    gate_close(&node.gate);
    call_init(&waits, "m", one);
    call_begin(&node, &waits, 0);
    gate_wait_stalled(&node.gate, 1);
    ck_assert_int_eq(order_unload(&node, "m"), OK);
    gate_open(&node.gate);
    ck_assert_int_eq(call_wait(&waits), E_CANCELLED);
    ck_assert_uint_eq(waits.inv.retry_after_s, 1);
    call_fini(&waits);
    ck_assert_int_eq(call_once(&node, "m", one, NULL), OK);
    node_fini(&node);
}
END_TEST

START_TEST(gauges_say_what_is_held)
{
    setup(&(struct node_config){.workers = 2});
    ck_assert_int_eq(call_once(&node, "m", one, NULL), OK);
    endpoint_gauges(node.endpoint);
    ck_assert_uint_eq(metric_get(M_MODELS_RESIDENT), 1);
    ck_assert_uint_eq(metric_get(M_CACHE_RESIDENT), node_bytes(&node, "m"));
    ck_assert_uint_gt(metric_get(M_CACHE_SCRATCH), 0);
    ck_assert_uint_eq(metric_get(M_CACHE_CAPACITY), 256u << 20);
    ck_assert_uint_eq(metric_get(M_WORKERS), 2);
    ck_assert_uint_eq(metric_get(M_QUEUE_DEPTH), 0);
    ck_assert_uint_eq(metric_get(M_HTTP_MEMORY), 0);
    ck_assert_uint_eq(metric_get(M_READY), 1);
    ck_assert_uint_gt(metric_get(M_RSS), 1u << 20);
    ck_assert_uint_gt(metric_get(M_FDS), 0);
    endpoint_drain(node.endpoint);
    endpoint_gauges(node.endpoint);
    ck_assert_uint_eq(metric_get(M_READY), 0);
    node_fini(&node);
}
END_TEST

Suite *suite_answers(void)
{
    return SUITE(
        "answers", an_answer_says_how_the_model_was_found, a_v2_answer_names_model_and_version,
        an_unknown_name_is_404_and_remembered, a_tenant_that_asks_for_unknown_names_is_slowed_alone,
        the_callers_fault_is_400_word_for_word, beyond_arena_max_is_413, beyond_http_memory_is_503,
        a_reply_beyond_its_bound_is_refused, a_full_queue_refuses_at_once,
        what_waited_beyond_its_deadline_does_not_run, a_run_ends_at_its_deadline,
        no_room_just_now_is_503, a_store_that_is_down_is_503_without_its_address,
        a_model_that_cannot_be_loaded_is_500_by_class_only, a_draining_node_is_503,
        a_load_that_an_operator_cancels_is_503, gauges_say_what_is_held);
}
