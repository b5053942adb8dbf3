/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Many callers, cancels and the drain against loads under way. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "metrics/metrics.h"
#include "support/node.h"
#include "support/support.h"

static const char one[] = "{\"instances\": [[0.1, 0.2, 0.3, 0.4]]}";

enum { CALLERS = 1000, THREADS = 10 };

static struct node node;
static struct call calls[CALLERS];

static void setup(const struct node_config *c)
{
    metrics_reset();
    node_init(&node, c);
    node_put_mlp(&node, "m.roost", 1);
}

static uint64_t file_bytes(void)
{
    char path[512];
    struct stat s;
    ck_assert_int_eq(stat(tree_path(&node.tree, "m.roost", path), &s), 0);
    return (uint64_t)s.st_size;
}

static void *call_some(void *arg)
{
    struct call *some = arg;
    for (int i = 0; i < CALLERS / THREADS; i++)
        call_begin(&node, &some[i], clock_now_us() + 60000000);
    return NULL;
}

START_TEST(a_thousand_first_calls_read_each_byte_once)
{
    pthread_t threads[THREADS];
    setup(&(struct node_config){0});
    gate_close(&node.gate);
    for (int i = 0; i < CALLERS; i++)
        call_init(&calls[i], "m", one);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, call_some, &calls[i * (CALLERS / THREADS)]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    gate_wait_stalled(&node.gate, 1);
    gate_open(&node.gate);
    uint32_t how[4] = {0};
    for (int i = 0; i < CALLERS; i++) {
        ck_ok(call_wait(&calls[i]), &calls[i].inv.err);
        how[calls[i].inv.lookup]++;
        ck_assert_mem_eq(calls[i].inv.reply.data, calls[0].inv.reply.data, calls[0].inv.reply.len);
    }
    node_settle(&node);
    for (int i = 0; i < CALLERS; i++)
        call_fini(&calls[i]);
    ck_assert_uint_eq(how[LOOKUP_MISS], 1);
    ck_assert_uint_eq(how[LOOKUP_JOINED], CALLERS - 1);
    ck_assert_uint_eq(gate_reads(&node.gate), 3);
    ck_assert_uint_eq(metric_get(M_STORE_READS), 3);
    ck_assert_uint_eq(metric_get(M_STORE_READ_BYTES), file_bytes());
    ck_assert_uint_eq(metric_get(M_LOADS_OK), 1);
    node_fini(&node);
}
END_TEST

static void give_up(void *arg)
{
    struct order *o = arg;
    endpoint_unload(node.endpoint, &o->m);
}

/* A DELETE that comes while the at-th read is under way: which read was the last? */
static uint32_t reads_when_cancelled_at(uint32_t at)
{
    struct order o;
    order_init(&o, "big");
    gate_reset(&node.gate);
    node.gate.hook = give_up;
    node.gate.hook_arg = &o;
    node.gate.hook_at = at;
    call_init(&calls[0], "big", one);
    call_begin(&node, &calls[0], 0);
    ck_assert_int_eq(call_wait(&calls[0]), E_CANCELLED);
    ck_assert_int_eq(order_wait(&o), OK);
    node_settle(&node);
    call_fini(&calls[0]);
    order_fini(&o);
    return gate_reads(&node.gate);
}

START_TEST(a_cancelled_load_ends_at_the_next_chunk)
{
    setup(&(struct node_config){.loaders = 1, .link_threads = 1});
    node_put_adder(&node, "big.roost", 3 << 20, 0); /* 12 MiB: three chunks after two reads */
    for (uint32_t i = 1; i <= 5; i++)
        ck_assert_uint_eq(reads_when_cancelled_at(i), i);
    ck_assert_uint_eq(metric_get(M_LOADS_CANCELLED), 5);
    gate_reset(&node.gate);
    ck_assert_int_eq(order_load(&node, "big"), OK);
    ck_assert_uint_eq(gate_reads(&node.gate), 2 + 3);
    node_fini(&node);
}
END_TEST

static void *drain(void *arg)
{
    loader_drain(arg);
    return NULL;
}

START_TEST(a_drain_ends_loads_queued_and_under_way)
{
    pthread_t thread;
    struct order queued[3], after;
    setup(&(struct node_config){.loaders = 1});
    node_put_mlp(&node, "b.roost", 2);
    node_put_mlp(&node, "c.roost", 3);
    gate_close(&node.gate);
    static const char *const names[] = {"m", "b", "c"};
    for (int i = 0; i < 3; i++) {
        order_init(&queued[i], names[i]);
        endpoint_load(node.endpoint, &queued[i].m, clock_now_us());
    }
    gate_wait_stalled(&node.gate, 1);
    ck_assert_int_eq(pthread_create(&thread, NULL, drain, node.loader), 0);
    gate_open(&node.gate);
    pthread_join(thread, NULL);
    for (int i = 0; i < 3; i++) {
        enum status s = order_wait(&queued[i]);
        ck_assert(s == E_DRAINING || s == OK); /* those that were faster than the drain */
        node_settle(&node);
        order_fini(&queued[i]);
    }
    order_init(&after, "d");
    endpoint_load(node.endpoint, &after.m, clock_now_us());
    ck_assert_int_eq(order_wait(&after), E_DRAINING);
    node_settle(&node);
    order_fini(&after);
    node_fini(&node);
}
END_TEST

/* Loads, evictions and invocations of more models than fit, from several threads: every answer is
 * right or says that there is no room. */
enum { MODELS = 12, ROUNDS = 60 };

static void *mix(void *arg)
{
    uint32_t seed = (uint32_t)(uintptr_t)arg;
    for (int i = 0; i < ROUNDS; i++) {
        char name[16];
        seed = seed * 1664525 + 1013904223; /* source: Numerical Recipes */
        snprintf(name, sizeof(name), "t/m%u", (seed >> 16) % MODELS);
        if (i % 16 == 15) {
            (void)!order_unload(&node, name);
            continue;
        }
        enum status s = call_once(&node, name, "[[0,0,0,0,0,0,0,0]]", NULL);
        ck_assert(s == OK || s == E_NO_ROOM || s == E_CANCELLED);
    }
    return NULL;
}

START_TEST(more_models_than_fit)
{
    pthread_t threads[4];
    struct budget_usage u;
    char key[32];
    setup(&(struct node_config){.memory_bytes = 80 << 10, .loaders = 4, .workers = 2});
    for (int i = 0; i < MODELS; i++) {
        snprintf(key, sizeof(key), "t/m%d.roost", i);
        node_put_adder(&node, key, 8, (uint32_t)i);
    }
    for (uintptr_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, mix, (void *)(i + 1)), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    node_settle(&node);
    cache_usage(node.cache, &u);
    ck_assert_uint_le(u.peak, u.limit);
    ck_assert_uint_gt(metric_get(M_EVICT_ROOM), 0);
    ck_assert_uint_gt(metric_get(M_LOADS_OK), MODELS);
    node_fini(&node);
}
END_TEST

START_TEST(a_loader_that_never_started_goes_away)
{
    struct loader *l;
    const struct loader_resolver r = {0};
    ck_assert_int_eq(loader_new(NULL, &r,
                                &(struct loader_config){
                                    .threads = 3, .link_threads = 2, .compile = {.threads = 1}},
                                &l),
                     OK);
    loader_drain(l);
    loader_free(&l);
    ck_assert_ptr_null(l);
}
END_TEST

Suite *suite_flight(void)
{
    return SUITE("flight", a_thousand_first_calls_read_each_byte_once,
                 a_cancelled_load_ends_at_the_next_chunk, a_drain_ends_loads_queued_and_under_way,
                 more_models_than_fit, a_loader_that_never_started_goes_away);
}
