/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Loads of what is not as it says: refused with the place at fault, everything given back, and
 * nothing to repair. Through the whole node, so that the cache's account is the judge. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "metrics/metrics.h"
#include "support/model.h"
#include "support/node.h"
#include "support/support.h"

static const char one[] = "{\"instances\": [[0.1, 0.2, 0.3, 0.4]]}";

static struct node node;
static struct buf file; /* a good artifact with blobs */

static void read_back(const char *key)
{
    struct store_object o;
    struct err err;
    ck_ok(store_stat(node.files, key, &o, &err), &err);
    buf_init(&file, 0);
    ck_assert_int_eq(buf_zeros(&file, o.bytes), OK);
    ck_ok(store_read(node.files, key, o.tag, 0, file.data, file.len, &err), &err);
}

static void setup_within(uint64_t memory_bytes)
{
    metrics_reset();
    node_init(&node, &(struct node_config){.backoff_us = 1, .memory_bytes = memory_bytes});
    node_put_mlp(&node, "m.roost", 1);
    read_back("m.roost");
}

static void setup(void)
{
    setup_within(0);
}

/* Nothing but arenas is charged, and the node still answers. */
static void teardown(void)
{
    struct budget_usage u;
    node_evict_all(&node);
    cache_usage(node.cache, &u);
    ck_assert_uint_eq(u.used[BUDGET_RESERVED], 0);
    ck_assert_uint_eq(u.used[BUDGET_RESIDENT], 0);
    ck_assert_uint_eq(u.used[BUDGET_DRAINING], 0);
    ck_assert_int_eq(call_once(&node, "m", one, NULL), OK);
    buf_fini(&file);
    node_fini(&node);
}

static enum status load_bytes(const void *bytes, size_t n, char text[8192])
{
    tree_write(&node.tree, "bad.roost", bytes, n);
    enum status s = order_load(&node, "bad");
    node_describe(&node, "bad", text);
    if (s == OK)
        ck_assert_int_eq(order_unload(&node, "bad"), OK);
    return s;
}

START_TEST(a_file_cut_anywhere_is_corrupt)
{
    char text[8192];
    setup();
    for (size_t n = 0; n < file.len; n += n < 4200 ? 97 : 61)
        ck_assert_msg(load_bytes(file.data, n, text) == E_CORRUPT, "%zu: %s", n, text);
    ck_assert_int_eq(load_bytes(file.data, file.len - 1, text), E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(text, "page 0"));
    ck_assert_int_eq(load_bytes(file.data, file.len, text), OK);
    ck_assert_int_eq(buf_zeros(&file, 1), OK); /* one byte too many */
    ck_assert_int_eq(load_bytes(file.data, file.len, text), E_CORRUPT);
    teardown();
}
END_TEST

START_TEST(a_flipped_bit_anywhere_is_refused)
{
    char text[8192];
    setup_within(64 << 10);
    ck_assert_int_eq(order_load(&node, "m"), OK);
    for (size_t i = 0; i < file.len; i += i < 256 ? 1 : 127) {
        file.data[i] ^= (uint8_t)(1u << i % 8);
        enum status s = load_bytes(file.data, file.len, text);
        ck_assert_msg(s == E_CORRUPT || s == E_UNSUPPORTED, "byte %zu: %s %s", i, status_name(s),
                      text);
        file.data[i] ^= (uint8_t)(1u << i % 8);
    }
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 0); /* whatever page 0 said it would need */
    ck_assert_int_eq(load_bytes(file.data, file.len, text), OK);
    teardown();
}
END_TEST

/* Blobs are checked as they enter: the file is good, what the store gives is not. */
START_TEST(a_bit_flipped_on_the_way_is_refused)
{
    char text[8192];
    setup();
    node_put_adder(&node, "a.roost", 5000, 0);
    gate_reset(&node.gate);
    ck_assert_int_eq(order_load(&node, "a"), OK);
    const uint32_t reads = gate_reads(&node.gate);
    ck_assert_uint_eq(reads, 3); /* page 0, meta, blobs */
    node_evict_all(&node);
    for (uint32_t i = 1; i <= reads; i++) {
        gate_reset(&node.gate);
        node.gate.flip_at = i;
        node.gate.flip_bit = 803;
        ck_assert_msg(order_load(&node, "a") == E_CORRUPT, "read %u", i);
    }
    ck_assert_ptr_nonnull(strstr(node_describe(&node, "a", text), "blob"));
    gate_reset(&node.gate);
    ck_assert_int_eq(order_load(&node, "a"), OK);
    teardown();
}
END_TEST

START_TEST(every_read_may_fail)
{
    setup();
    node_put_adder(&node, "a.roost", 5000, 0);
    for (uint32_t i = 1; i <= 3; i++) {
        gate_reset(&node.gate);
        node.gate.fail_at = i;
        ck_assert_int_eq(order_load(&node, "a"), E_STORE);
        ck_assert_uint_eq(gate_reads(&node.gate), i);
    }
    gate_reset(&node.gate);
    ck_assert_int_eq(order_load(&node, "a"), OK);
    teardown();
}
END_TEST

static void replace_a(void *arg)
{
    node_put_adder(arg, "a.roost", 5001, 0);
}

START_TEST(a_file_replaced_during_the_load_is_loaded_anew)
{
    char text[8192];
    setup();
    for (uint32_t i = 2; i <= 3; i++) {
        node_put_adder(&node, "a.roost", 5000, 0);
        gate_reset(&node.gate);
        node.gate.hook = replace_a;
        node.gate.hook_arg = &node;
        node.gate.hook_at = i;
        ck_assert_int_eq(order_load(&node, "a"), OK);
        ck_assert_uint_eq(gate_reads(&node.gate), i + 3);
        ck_assert_ptr_nonnull(strstr(node_describe(&node, "a", text), "5001"));
        ck_assert_uint_eq(metric_get(M_LOADS_OK), i - 1);
        ck_assert_int_eq(order_unload(&node, "a"), OK);
    }
    teardown();
}
END_TEST

static uint64_t hook_us; /* when the first read of a load was at its hook */

static void replace_a_later(void *arg)
{
    hook_us = clock_now_us();
    while (clock_now_us() < hook_us + 3000) /* what is thrown away took a while */
        ;
    replace_a(arg);
}

START_TEST(the_parts_of_a_load_that_began_anew_are_the_whole)
{
    struct slot_info info;
    setup();
    node_put_adder(&node, "a.roost", 5000, 0);
    gate_reset(&node.gate);
    node.gate.hook = replace_a_later;
    node.gate.hook_arg = &node;
    node.gate.hook_at = 3;
    const uint64_t began_us = clock_now_us();
    ck_assert_int_eq(order_load(&node, "a"), OK);
    ck_assert_uint_eq(gate_reads(&node.gate), 6);
    ck_assert(cache_info(node.cache, "a", &info));
    ck_assert_uint_ge(load_whole_us(&info.last_load), info.loaded_us - hook_us);
    ck_assert_uint_le(load_whole_us(&info.last_load), info.loaded_us - began_us);
    ck_assert_uint_ge(info.last_load.fetch_us, 3000);
    ck_assert_uint_gt(info.last_load.queue_us, 0); /* a thread was woken for it */
    teardown();
}
END_TEST

/* And the next read is of a file that is replaced, too. */
static void replace_each_time(void *arg)
{
    replace_a(arg);
    node.gate.hook_at += 2;
}

START_TEST(a_file_that_never_stays_the_same_is_given_up)
{
    char text[8192];
    setup();
    node_put_adder(&node, "a.roost", 5000, 0);
    gate_reset(&node.gate);
    node.gate.hook = replace_each_time;
    node.gate.hook_arg = &node;
    node.gate.hook_at = 2;
    ck_assert_int_eq(order_load(&node, "a"), E_CHANGED);
    ck_assert_uint_eq(gate_reads(&node.gate), 8); /* four times two */
    ck_assert_ptr_nonnull(strstr(node_describe(&node, "a", text), "changed"));
    gate_reset(&node.gate);
    ck_assert_int_eq(order_load(&node, "a"), OK);
    teardown();
}
END_TEST

START_TEST(page_0_may_not_lie_about_its_cost)
{
    static const int64_t lies[] = {-64, 64, -4096, 4096, 1 << 20};
    char text[8192];
    setup();
    struct model *m = calloc(1, sizeof(*m));
    ck_assert_ptr_nonnull(m);
    model_mlp(m, 1);
    struct artifact_page0 p0;
    struct err err;
    ck_ok(artifact_page0_read(file.data, file.len, &p0, &err), &err);
    for (size_t i = 0; i < 3 * ARRAY_COUNT(lies); i++) {
        struct artifact_cost cost = p0.cost;
        uint64_t *field[] = {&cost.arena_fixed, &cost.arena_per_item, &cost.scratch_bytes};
        struct buf lying;
        *field[i % 3] += (uint64_t)lies[i / 3];
        if ((int64_t)*field[i % 3] < 0)
            continue;
        model_write(m, &cost, &lying);
        ck_assert_int_eq(load_bytes(lying.data, lying.len, text), E_CORRUPT);
        buf_fini(&lying);
    }
    free(m);
    teardown();
}
END_TEST

START_TEST(a_cost_beyond_the_budget_evicts_nobody)
{
    char text[8192];
    setup();
    ck_assert_int_eq(order_load(&node, "m"), OK);
    struct model *m = calloc(1, sizeof(*m));
    ck_assert_ptr_nonnull(m);
    model_mlp(m, 1);
    struct buf lying;
    model_write(m, &(struct artifact_cost){.arena_fixed = (uint64_t)1 << 40}, &lying);
    ck_assert_int_eq(load_bytes(lying.data, lying.len, text), E_NEVER_FITS);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 0);
    buf_fini(&lying);
    free(m);
    teardown();
}
END_TEST

START_TEST(versions_are_numbers_or_the_contents_name)
{
    struct slot_info first, second;
    setup();
    ck_assert_int_eq(order_load(&node, "m"), OK);
    ck_assert(cache_info(node.cache, "m", &first));
    ck_assert_int_eq(order_unload(&node, "m"), OK);
    node_put_mlp(&node, "m.roost", 2);
    ck_assert_int_eq(order_load(&node, "m"), OK);
    ck_assert(cache_info(node.cache, "m", &second));
    ck_assert_uint_eq(strlen(first.version), 12);
    ck_assert_str_ne(first.version, second.version);
    node_put_mlp(&node, "m/3/model.roost", 3);
    ck_assert_int_eq(order_unload(&node, "m"), OK);
    ck_assert_int_eq(order_load(&node, "m"), OK);
    ck_assert(cache_info(node.cache, "m", &second));
    ck_assert_str_eq(second.version, "3");
    teardown();
}
END_TEST

/* No thread can be started: its stack would be larger than the address space. */
START_TEST(a_start_says_what_failed_first)
{
    const struct loader_resolver r = {.self = NULL};
    const struct loader_config config = {
        .threads = 1, .link_threads = 1, .compile = {.threads = 1, .write_back = true}};
    struct loader *l = NULL;
    struct err err = {.code = OK};
    pthread_attr_t before, huge;
    ck_assert_int_eq(pthread_getattr_default_np(&before), 0);
    ck_assert_int_eq(pthread_attr_init(&huge), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&huge, (size_t)1 << 50), 0);
    ck_assert_int_eq(loader_new(NULL, &r, &config, &l), OK);
    ck_assert_int_eq(pthread_setattr_default_np(&huge), 0);
    enum status s = loader_start(l, NULL, &err);
    ck_assert_int_eq(pthread_setattr_default_np(&before), 0);
    ck_assert_int_eq(s, E_INTERNAL);
    ck_assert_str_eq(err.msg, "the thread that frees models could not be started");
    loader_drain(l);
    loader_free(&l);
    pthread_attr_destroy(&before);
    pthread_attr_destroy(&huge);
}
END_TEST

Suite *suite_load(void)
{
    return SUITE("load", a_file_cut_anywhere_is_corrupt, a_flipped_bit_anywhere_is_refused,
                 a_bit_flipped_on_the_way_is_refused, every_read_may_fail,
                 a_file_replaced_during_the_load_is_loaded_anew,
                 the_parts_of_a_load_that_began_anew_are_the_whole,
                 a_file_that_never_stays_the_same_is_given_up, page_0_may_not_lie_about_its_cost,
                 a_start_says_what_failed_first, a_cost_beyond_the_budget_evicts_nobody,
                 versions_are_numbers_or_the_contents_name);
}
