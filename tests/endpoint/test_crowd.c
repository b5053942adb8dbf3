/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Many who wait for one load: they become ready together, and each can still give up meanwhile. */
#include "base/clock.h"
#include "busy.h"
#include "metrics/metrics.h"
#include "support/node.h"
#include "support/support.h"

enum { CROWD = 1000 };

static const char one[] = "{\"instances\": [[0.1, 0.2, 0.3, 0.4]]}";

static struct node node;
static struct call calls[CROWD];
static void (*call_done)(struct invocation *inv); /* of support/node.h's calls */

static void begin_all(uint32_t n, void (*done)(struct invocation *inv))
{
    metrics_reset();
    node_init(&node, &(struct node_config){.workers = 1});
    node_put_mlp(&node, "m.roost", 1);
    gate_close(&node.gate);
    for (uint32_t i = 0; i < n; i++) {
        call_init(&calls[i], "m", one);
        call_done = calls[i].inv.done;
        calls[i].inv.done = done ? done : call_done;
        call_begin(&node, &calls[i], 0);
    }
    gate_wait_stalled(&node.gate, 1);
}

static void end_all(uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        call_fini(&calls[i]);
    node_fini(&node);
}

static atomic_int ended, unready; /* when the first of all ended, those that were not ready yet */

static void look_around(struct invocation *inv)
{
    if (atomic_fetch_add(&ended, 1) == 0)
        for (int i = 0; i < CROWD; i++) {
            int place = atomic_load(&calls[i].inv.place);
            atomic_fetch_add(&unready, place == PLACE_TO_LOAD || place == PLACE_LOAD);
        }
    call_done(inv);
}

START_TEST(a_thousand_who_wait_are_ready_before_the_first_runs)
{
    begin_all(CROWD, look_around);
    gate_open(&node.gate);
    for (int i = 0; i < CROWD; i++)
        ck_ok(call_wait(&calls[i]), &calls[i].inv.err);
    ck_assert_int_eq(unready, 0);
    ck_assert_int_eq(ended, CROWD);
    ck_assert_uint_eq(metric_get(M_LOADS_OK), 1);
    node_settle(&node);
    end_all(CROWD);
}
END_TEST

/* Ends while the others are being gathered, on the same thread: the first of them is in the list by
 * then, and its caller gives up now. */
static void give_up_the_first(struct invocation *inv)
{
    endpoint_cancel(node.endpoint, &calls[0].inv, E_TIMEOUT);
    ck_assert_int_eq(calls[0].answers, 0);
    call_done(inv);
}

START_TEST(one_that_gives_up_among_them_is_taken_from_the_queue)
{
    struct busy busy;
    begin_all(3, NULL);
    busy_begin(&busy, node.endpoint);
    calls[1].inv.done = give_up_the_first;
    atomic_store(&calls[1].inv.why, E_CANCELLED); /* a cancel that comes just before its answer */
    atomic_store(&calls[1].inv.cancelled, true);
    gate_open(&node.gate);
    ck_assert_int_eq(call_wait(&calls[1]), E_CANCELLED);
    ck_assert_int_eq(call_wait(&calls[0]), E_TIMEOUT); /* no worker is free to tell it */
    ck_assert_int_eq(calls[2].answers, 0);
    busy_end(&busy);
    ck_ok(call_wait(&calls[2]), &calls[2].inv.err);
    node_settle(&node);
    endpoint_gauges(node.endpoint);
    ck_assert_uint_eq(metric_get(M_QUEUE_DEPTH), 0);
    end_all(3);
}
END_TEST

START_TEST(all_who_wait_hear_of_a_load_that_failed)
{
    begin_all(3, NULL);
    node.gate.fail_at = 1;
    gate_open(&node.gate);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(call_wait(&calls[i]), E_STORE);
    node_settle(&node);
    end_all(3);
}
END_TEST

Suite *suite_crowd(void)
{
    return SUITE("crowd", a_thousand_who_wait_are_ready_before_the_first_runs,
                 one_that_gives_up_among_them_is_taken_from_the_queue,
                 all_who_wait_hear_of_a_load_that_failed);
}
