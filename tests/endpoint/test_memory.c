/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every allocation of a load and of an invocation fails once: an error, nothing lost, and the next
 * request works. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "support/node.h"
#include "support/support.h"

static const char one[] = "{\"instances\": [[0.1, 0.2, 0.3, 0.4]]}";

static struct node node;

static void setup(void)
{
    node_init(&node, &(struct node_config){.workers = 1, .loaders = 1});
    node_put_mlp(&node, "m.roost", 1);
    ck_assert_int_eq(call_once(&node, "m", one, NULL), OK); /* records and arenas are there */
    node_evict_all(&node); /* unlike an unload it leaves nothing to be freed after its answer */
}

/* One invocation during which the n-th allocation fails; true when n was past the last. */
static bool fail_nth(uint64_t n, enum status *s)
{
    struct call c;
    call_init(&c, "m", one);
    alloc_fail_at(n);
    call_begin(&node, &c, 0);
    *s = call_wait(&c);
    bool past = alloc_calls() < n;
    alloc_fail_at(0);
    call_fini(&c);
    node_settle(&node);
    return past;
}

START_TEST(on_load_and_invoke)
{
    enum status s;
    uint64_t failures = 0;
    setup();
    /* Per round all is unloaded, so that what is held is comparable; one load leaves a spare record
     * for its unload, which is gone after it. */
    int64_t live = alloc_live();
    for (uint64_t n = 1;; n++) {
        bool past = fail_nth(n, &s);
        ck_assert_msg(s == OK || s == E_NO_MEMORY, "allocation %u: %s", (unsigned)n,
                      status_name(s));
        failures += s != OK;
        ck_assert_int_eq(call_once(&node, "m", one, NULL), OK);
        node_settle(&node);
        node_evict_all(&node);
        ck_assert_msg(alloc_live() == live, "allocation %u: %d blocks lost", (unsigned)n,
                      (int)(alloc_live() - live));
        if (past)
            break;
    }
    ck_assert_int_eq(s, OK);
    ck_assert_uint_gt(failures, 8);
    node_fini(&node);
}
END_TEST

START_TEST(on_a_warm_invoke)
{
    enum status s;
    setup();
    ck_assert_int_eq(call_once(&node, "m", one, NULL), OK);
    node_settle(&node);
    int64_t live = alloc_live();
    for (uint64_t n = 1;; n++) {
        bool past = fail_nth(n, &s);
        ck_assert_int_eq(s, past ? OK : E_NO_MEMORY);
        ck_assert_int_eq(alloc_live(), live);
        if (past)
            break;
    }
    node_fini(&node);
}
END_TEST

START_TEST(on_orders_and_documents)
{
    struct order o;
    struct buf b;
    struct err err;
    setup();
    for (uint64_t n = 1; n < 40; n++) {
        order_init(&o, "m");
        alloc_fail_at(n);
        endpoint_load(node.endpoint, &o.m, clock_now_us());
        enum status s = order_wait(&o);
        alloc_fail_at(0);
        ck_assert(s == OK || s == E_NO_MEMORY);
        order_fini(&o);
        node_settle(&node);
        node_evict_all(&node);
    }
    ck_assert_int_eq(call_once(&node, "m", one, NULL), OK);
    node_settle(&node);
    int64_t live = alloc_live();
    for (int list = 0; list < 2; list++) {
        for (uint64_t n = 1;; n++) {
            buf_init(&b, 0);
            alloc_fail_at(n);
            enum status s = list ? endpoint_list(node.endpoint, "", 10, 1, &b, &err)
                                 : endpoint_describe(node.endpoint, "m", 1, &b, &err);
            bool past = alloc_calls() < n;
            alloc_fail_at(0);
            buf_fini(&b);
            ck_assert_int_eq(s, past ? OK : E_NO_MEMORY);
            ck_assert_int_eq(alloc_live(), live);
            if (past)
                break;
        }
    }
    order_init(&o, "m");
    alloc_fail_at(1);
    endpoint_unload(node.endpoint, &o.m);
    ck_assert_int_eq(order_wait(&o), E_NO_MEMORY);
    alloc_fail_at(0);
    order_fini(&o);
    node_fini(&node);
}
END_TEST

START_TEST(on_making_an_endpoint)
{
    struct endpoint *e = NULL;
    struct err err;
    setup();
    const struct endpoint_config c = {.catalog = node.catalog,
                                      .workers = 2,
                                      .queue_max = 4,
                                      .arena_max = 4096,
                                      .http_memory = &node.http,
                                      .reply_max = 4096};
    int64_t live = alloc_live();
    for (uint64_t n = 1;; n++) {
        alloc_fail_at(n);
        enum status s = endpoint_new(&c, node.cache, &e, &err);
        bool past = alloc_calls() < n;
        alloc_fail_at(0);
        ck_assert_int_eq(s, past ? OK : E_NO_MEMORY);
        endpoint_free(&e);
        ck_assert_int_eq(alloc_live(), live);
        if (past)
            break;
    }
    node_fini(&node);
}
END_TEST

Suite *suite_memory(void)
{
    return SUITE("memory", on_load_and_invoke, on_a_warm_invoke, on_orders_and_documents,
                 on_making_an_endpoint);
}
