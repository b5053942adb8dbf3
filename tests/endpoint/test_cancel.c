/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A caller that gives up at any moment: one answer, nothing left behind. Each place where an
 * invocation can be is staged once; then all are raced. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "busy.h"
#include "metrics/metrics.h"
#include "support/node.h"
#include "support/support.h"

static const char one[] = "{\"instances\": [[0.1, 0.2, 0.3, 0.4]]}";

static struct node node;

static void setup(const struct node_config *c)
{
    metrics_reset();
    node_init(&node, c);
    node_put_mlp(&node, "m.roost", 1);
}

static void nothing_is_pinned_or_queued(void)
{
    struct slot_info i;
    endpoint_gauges(node.endpoint);
    ck_assert_uint_eq(metric_get(M_QUEUE_DEPTH), 0);
    if (cache_info(node.cache, "m", &i)) {
        ck_assert_uint_eq(i.pins, 0);
        ck_assert_uint_eq(i.waiters, 0);
    }
}

START_TEST(while_it_waits_for_a_load)
{
    struct call gone, late, stays;
    setup(&(struct node_config){.queue_max = 3});
    gate_close(&node.gate);
    call_init(&gone, "m", one);
    call_begin(&node, &gone, 0);
    gate_wait_stalled(&node.gate, 1);
    call_init(&late, "m", one);
    call_begin(&node, &late, 0);
    call_init(&stays, "m", one);
    call_begin(&node, &stays, 0);
    endpoint_cancel(node.endpoint, &gone.inv, E_CANCELLED);
    ck_assert_int_eq(gone.answers, 1); /* at once, on this thread: the load still stands */
    ck_assert_int_eq(call_wait(&gone), E_CANCELLED);
    ck_assert_int_eq(gone.inv.lookup, LOOKUP_MISS);
    endpoint_cancel(node.endpoint, &late.inv, E_TIMEOUT);
    ck_assert_int_eq(call_wait(&late), E_TIMEOUT);
    ck_assert_int_eq(late.inv.lookup, LOOKUP_JOINED);
    ck_assert_uint_eq(late.inv.retry_after_s, 0);
    ck_assert_uint_eq(metric_get(M_REFUSED_DEADLINE), 1);
    gate_open(&node.gate);
    ck_ok(call_wait(&stays), &stays.inv.err);
    call_fini(&gone);
    call_fini(&late);
    call_fini(&stays);
    nothing_is_pinned_or_queued();
    node_fini(&node);
}
END_TEST

START_TEST(while_it_waits_for_a_worker)
{
    struct call gone, stays;
    struct busy busy;
    setup(&(struct node_config){.workers = 1, .queue_max = 2});
    busy_begin(&busy, node.endpoint);
    call_init(&gone, "m", one);
    call_begin(&node, &gone, 0);
    call_init(&stays, "m", one);
    call_begin(&node, &stays, 0);
    endpoint_cancel(node.endpoint, &gone.inv, E_DRAINING);
    ck_assert_int_eq(gone.answers, 1);
    ck_assert_int_eq(call_wait(&gone), E_DRAINING);
    ck_assert_uint_eq(gone.inv.retry_after_s, 1);
    endpoint_cancel(node.endpoint, &gone.inv, E_TIMEOUT); /* ended already: nothing happens */
    ck_assert_int_eq(gone.inv.status, E_DRAINING);
    busy_end(&busy);
    ck_ok(call_wait(&stays), &stays.inv.err);
    call_fini(&gone);
    call_fini(&stays);
    nothing_is_pinned_or_queued();
    node_fini(&node);
}
END_TEST

/* A cancel between the two halves of a hand-over finds nothing to take back yet; who hands over
 * must then do it. Staged with the halves themselves, on an invocation that waits for a load. */
START_TEST(while_it_is_handed_over)
{
    struct call gone;
    setup(&(struct node_config){0});
    gate_close(&node.gate);
    call_init(&gone, "m", one);
    call_begin(&node, &gone, 0);
    invocation_hand(&gone.inv, PLACE_TO_LOAD);
    endpoint_cancel(node.endpoint, &gone.inv, E_CANCELLED);
    ck_assert_int_eq(gone.answers, 0);
    invocation_handed(&gone.inv, PLACE_LOAD);
    ck_assert_int_eq(gone.answers, 1);
    ck_assert_int_eq(call_wait(&gone), E_CANCELLED);
    gate_open(&node.gate);
    call_fini(&gone);
    node_fini(&node);
}
END_TEST

/* An invocation that ended while it was handed over is not touched after the last hold. */
START_TEST(done_waits_for_the_hand_over)
{
    struct call waits;
    setup(&(struct node_config){0});
    gate_close(&node.gate);
    call_init(&waits, "m", one);
    call_begin(&node, &waits, 0);
    invocation_hand(&waits.inv, PLACE_TO_LOAD);
    gate_open(&node.gate);
    do
        endpoint_gauges(node.endpoint); /* until a worker is through with it */
    while (metric_get(M_MODELS_RESIDENT) == 0 || metric_get(M_QUEUE_DEPTH) ||
           metric_get(M_WORKERS_BUSY));
    ck_assert_int_eq(waits.answers, 0);
    invocation_handed(&waits.inv, PLACE_LOAD);
    ck_assert_int_eq(waits.answers, 1);
    ck_ok(call_wait(&waits), &waits.inv.err);
    call_fini(&waits);
    node_fini(&node);
}
END_TEST

struct canceller {
    pthread_t thread;
    struct call *calls;
    uint32_t count, seed;
};

enum { RACES = 64, ROUNDS = 60 };

static void *cancel_all(void *arg)
{
    struct canceller *c = arg;
    for (uint32_t i = 0; i < c->count; i++) {
        uint32_t k = (i * 37 + c->seed) % c->count; /* 37 and RACES have no common divisor */
        endpoint_cancel(node.endpoint, &c->calls[k].inv, k % 2 ? E_TIMEOUT : E_CANCELLED);
    }
    return NULL;
}

/* Two threads cancel what loads, queues and runs meanwhile, whichever comes first. */
START_TEST(against_everything_at_once)
{
    static struct call calls[RACES];
    uint32_t ended[2] = {0};
    setup(&(struct node_config){.workers = 2});
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct canceller c[2] = {{.calls = calls, .count = RACES, .seed = round},
                                 {.calls = calls, .count = RACES, .seed = round + 5}};
        for (uint32_t i = 0; i < RACES; i++) {
            call_init(&calls[i], "m", one);
            call_begin(&node, &calls[i], 0);
        }
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(pthread_create(&c[i].thread, NULL, cancel_all, &c[i]), 0);
        for (int i = 0; i < 2; i++)
            pthread_join(c[i].thread, NULL);
        for (uint32_t i = 0; i < RACES; i++) {
            enum status s = call_wait(&calls[i]);
            ck_assert(s == OK || s == (i % 2 ? E_TIMEOUT : E_CANCELLED));
            ended[s == OK]++;
        }
        node_settle(&node);
        for (uint32_t i = 0; i < RACES; i++)
            call_fini(&calls[i]);
        nothing_is_pinned_or_queued();
        if (round % 3 == 2)
            (void)!order_unload(&node, "m");
    }
    ck_assert_uint_gt(ended[0], 0);
    ck_assert_int_eq(call_once(&node, "m", one, NULL), OK);
    node_fini(&node);
}
END_TEST

/* Stands where a run, planned, asks for its arena. */
static struct {
    struct lock lock; /* LOCK_LOG; guards what follows */
    struct cond changed;
    bool asked, open;
} turnstile;

static enum status take_later(void *cache, uint64_t bytes, struct err *err)
{
    lock_take(&turnstile.lock);
    turnstile.asked = true;
    cond_wake_all(&turnstile.changed);
    while (!turnstile.open)
        cond_wait(&turnstile.changed, &turnstile.lock, 0);
    lock_release(&turnstile.lock);
    return cache_scratch_take(cache, bytes, err);
}

START_TEST(a_run_is_stopped_between_instructions)
{
    struct call run;
    setup(&(struct node_config){.workers = 1});
    lock_init(&turnstile.lock, LOCK_LOG);
    cond_init(&turnstile.changed);
    ck_assert_int_eq(order_load(&node, "m"), OK);
    node.endpoint->arena_charge.take = take_later;
    call_init(&run, "m", one);
    call_begin(&node, &run, 0);
    lock_take(&turnstile.lock);
    while (!turnstile.asked)
        cond_wait(&turnstile.changed, &turnstile.lock, 0);
    lock_release(&turnstile.lock);
    endpoint_cancel(node.endpoint, &run.inv, E_TIMEOUT);
    ck_assert_int_eq(run.answers, 0); /* it runs: it cannot be taken back */
    lock_take(&turnstile.lock);
    turnstile.open = true;
    cond_wake_all(&turnstile.changed);
    lock_release(&turnstile.lock);
    ck_assert_int_eq(call_wait(&run), E_TIMEOUT);
    call_fini(&run);
    nothing_is_pinned_or_queued();
    node_fini(&node);
}
END_TEST

Suite *suite_cancel(void)
{
    return SUITE("cancel", while_it_waits_for_a_load, while_it_waits_for_a_worker,
                 while_it_is_handed_over, done_waits_for_the_hand_over, against_everything_at_once,
                 a_run_is_stopped_between_instructions);
}
