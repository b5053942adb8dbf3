/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Fine-tunes of one network: what they have in common is read, held and charged once, whoever comes
 * first, whoever goes first, and whoever fails. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "loader/common.h"
#include "mem/pool.h"
#include "mem/process.h"
#include "metrics/metrics.h"
#include "support/model.h"
#include "support/node.h"
#include "support/support.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

enum {
    TUNES = 100,
    LAYERS = 4,
    LAYER = 65536 + 100, /* floats */
    LAST = 16384 + 50,
    SMALL = 10,
    PAGE = 4096,
};
#define MIB (1024 * 1024.0)

static struct node node;

static uint64_t pages(uint64_t bytes)
{
    return (bytes + PAGE - 1) / PAGE * PAGE;
}

static float weight(int layer, int64_t i)
{
    return (float)(((i + 1) * (2 * layer + 3)) % 1009);
}

/* y = x, the common layers, one of the tune's own, a few floats of its own. */
static void put_tune(const char *key, int tune)
{
    static float data[LAYERS + 2][LAYER];
    struct model *m = calloc(1, sizeof(*m));
    struct buf file;
    ck_assert_ptr_nonnull(m);
    model_init(m);
    int32_t v = model_input(m, "x", DT_F32, 1, (int64_t[]){DIM_FREE});
    for (int l = 0; l < LAYERS + 2; l++) {
        const int64_t n = l < LAYERS ? LAYER : l == LAYERS ? LAST : SMALL;
        for (int64_t i = 0; i < n; i++)
            data[l][i] = weight(l < LAYERS ? l : l + tune, i);
        int32_t c = model_const(m, DT_F32, 1, &n, data[l]);
        v = model_node(m, "Concat", 13, v, c, ARTIFACT_NO_TENSOR);
        model_attr(m, (struct attr){.key = ATTR_axis, .type = ATTR_INT, .count = 1});
    }
    model_output(m, "y", v, DT_F32, 1, (int64_t[]){DIM_FREE});
    model_write(m, NULL, &file);
    tree_write(&node.tree, key, file.data, file.len);
    buf_fini(&file);
    free(m);
}

static void name_of(int tune, char out[32])
{
    snprintf(out, 32, "t/m%03d", tune);
}

static void put_tunes(int n)
{
    for (int i = 0; i < n; i++) {
        char key[48], name[32];
        name_of(i, name);
        snprintf(key, sizeof(key), "%s.roost", name);
        put_tune(key, i);
    }
}

static void setup(const struct node_config *c)
{
    metrics_reset();
    node_init(&node, c);
    pool_set_limits(&(struct pool_limits){.kept_max = 0, .total_max = UINT64_MAX});
}

/* Every weight is what it was written as. */
static void run(const char *name, int tune)
{
    float *got = node_run(&node, name, 7, 1 + LAYERS * LAYER + LAST + SMALL);
    const float *y = got;
    bool same = *y++ == 7;
    for (int l = 0; l < LAYERS + 2; l++)
        for (int64_t i = 0; i < (l < LAYERS ? LAYER : l == LAYERS ? LAST : SMALL); i++)
            same = *y++ == weight(l < LAYERS ? l : l + tune, i) && same;
    ck_assert(same);
    free(got);
}

static uint64_t resident(void)
{
    struct budget_usage u;
    cache_usage(node.cache, &u);
    ck_assert_uint_eq(u.used[BUDGET_RESERVED], 0);
    return u.used[BUDGET_RESIDENT];
}

static uint64_t rss(void)
{
    struct process_usage u;
    process_usage_read(&u);
    return u.rss_bytes;
}

/* RSS is the ledger's bytes, within 2 % and 3 MiB of heap and tables. */
static void expect_rss(uint64_t before, uint64_t bytes)
{
    if (SANITIZED)
        return;
    const double grown = (double)rss() - (double)before;
    ck_assert_msg(grown < 1.02 * (double)bytes + 3 * MIB && grown > 0.98 * (double)bytes - 3 * MIB,
                  "RSS grew by %.1f MiB, the ledger by %.1f MiB", grown / MIB, (double)bytes / MIB);
}

START_TEST(a_hundred_fine_tunes_cost_one_network_and_their_last_layers)
{
    struct share_usage u;
    char name[32];
    if (SANITIZED)
        puts("SKIP a_hundred_fine_tunes, the part on RSS: sanitizers have memory of their own");
    setup(&(struct node_config){.memory_bytes = 512u << 20});
    put_tunes(TUNES);
    name_of(0, name);
    ck_assert_int_eq(order_load(&node, name), OK);
    ck_assert_int_eq(order_unload(&node, name), OK); /* so that code and tables are there */
    const uint64_t before = rss();
    const uint64_t whole = node_bytes(&node, name); /* charged for one */
    const uint64_t common = LAYERS * pages(LAYER * sizeof(float));
    const uint64_t each = whole - common;
    ck_assert_uint_le(each, pages(LAST * sizeof(float)) + 3 * PAGE); /* pack, tables */
    const uint64_t read_one = metric_get(M_STORE_READ_BYTES) / 2;
    for (int i = 1; i < TUNES; i++) {
        name_of(i, name);
        ck_assert_int_eq(order_load(&node, name), OK);
    }
    ck_assert_uint_eq(resident(), whole + (TUNES - 1) * each);
    expect_rss(before, resident());
    cache_share_usage(node.cache, &u);
    ck_assert_uint_eq(u.count, LAYERS);
    ck_assert_uint_eq(u.bytes, common);
    ck_assert_uint_eq(u.saved_bytes, (TUNES - 1) * common);
    /* and in transfer: nothing of the common layers was read again */
    ck_assert_uint_le(metric_get(M_STORE_READ_BYTES),
                      2 * read_one + (TUNES - 1) * (read_one - LAYERS * LAYER * sizeof(float)));
    uint64_t parts = 0;
    for (int i = 0; i < TUNES; i++) {
        struct slot_info info;
        name_of(i, name);
        ck_assert(cache_info(node.cache, name, &info));
        ck_assert_uint_eq(info.bytes, each);
        ck_assert_uint_eq(info.shared_bytes, common);
        parts += info.part_bytes;
    }
    ck_assert_uint_eq(parts, resident());
    for (int i = 0; i < TUNES - 1; i++) { /* the first, who brought it, among them */
        if (i % 20 == 0)
            run((name_of(TUNES - 1, name), name), TUNES - 1);
        name_of(i, name);
        ck_assert_int_eq(order_unload(&node, name), OK);
        ck_assert_uint_eq(resident(), whole + (uint64_t)(TUNES - 2 - i) * each);
    }
    expect_rss(before, whole);
    name_of(TUNES - 1, name);
    run(name, TUNES - 1);
    ck_assert_int_eq(order_unload(&node, name), OK);
    ck_assert_uint_eq(resident(), 0);
    expect_rss(before, 0);
    node_fini(&node);
}
END_TEST

/* In turns within a budget for a few: whoever goes leaves the common layers to who stays. */
START_TEST(tunes_take_turns_and_stay_what_they_are)
{
    enum { MODELS = 12, TURNS = 150, LIMIT = 8 << 20, ROOM = 3 << 19 };
    struct err err;
    uint64_t seed = 5;
    char name[32];
    setup(&(struct node_config){.memory_bytes = LIMIT});
    put_tunes(MODELS);
    ck_ok(cache_scratch_take(node.cache, LIMIT - ROOM, &err), &err);
    for (int i = 0; i < TURNS; i++) {
        int tune = (int)(draw_u64(&seed) % MODELS);
        struct slot_info info;
        name_of(tune, name);
        bool there = cache_info(node.cache, name, &info) && info.state == SLOT_RESIDENT;
        ck_assert(order_load(&node, name) == OK || there);
        run(name, tune);
    }
    ck_assert_uint_gt(metric_get(M_EVICT_ROOM), 10);
    cache_scratch_give(node.cache, LIMIT - ROOM);
    node_evict_all(&node);
    ck_assert_uint_eq(resident(), 0);
    node_fini(&node);
}
END_TEST

static uint64_t two_tenants(bool share_node)
{
    setup(&(struct node_config){.share_node = share_node});
    put_tune("a/m.roost", 1);
    put_tune("b/m.roost", 1);
    put_tune("m.roost", 1);
    put_tune("n.roost", 1);
    const uint64_t one = node_bytes(&node, "a/m");
    ck_assert_int_eq(order_load(&node, "b/m"), OK);
    ck_assert_int_eq(order_load(&node, "m"), OK);
    ck_assert_int_eq(order_load(&node, "n"), OK); /* of tenant default, like m */
    run("b/m", 1);
    run("n", 1);
    const uint64_t shared = LAYERS * pages(LAYER * sizeof(float)) + pages(LAST * sizeof(float));
    const uint64_t copies = (4 * one - resident()) / shared;
    ck_assert_uint_eq(resident(), 4 * one - copies * shared);
    node_evict_all(&node);
    node_fini(&node);
    return copies;
}

START_TEST(tenants_share_only_where_they_may)
{
    ck_assert_uint_eq(two_tenants(false), 1); /* m and n */
    ck_assert_uint_eq(two_tenants(true), 3);
}
END_TEST

/* The common layers are published as common, and one that nobody has; the last layer is not. */
static void publish_layers(void)
{
    static float data[LAYER];
    char text[(LAYERS + 1) * SHA256_HEX + 1];
    uint8_t digest[SHA256_BYTES] = {0};
    for (int l = 0; l <= LAYERS; l++) {
        char *line = text + (size_t)l * SHA256_HEX;
        for (int64_t i = 0; l < LAYERS && i < LAYER; i++)
            data[i] = weight(l, i);
        if (l < LAYERS)
            ck_assert_int_eq(sha256_once(data, sizeof(data), digest), OK);
        else
            memset(digest, 1, sizeof(digest));
        sha256_hex(digest, line);
        memcpy(line + SHA256_HEX - 1, "\n", 2);
    }
    tree_text(&node.tree, COMMON_KEY, text);
}

START_TEST(tenants_share_what_is_common_and_nothing_else)
{
    struct slot_info a, b;
    struct share_usage u;
    setup(&(struct node_config){0});
    publish_layers();
    put_tune("a/m.roost", 1);
    put_tune("b/m.roost", 1); /* of the same content, the last layer too */
    put_tune("m.roost", 1);   /* of tenant default */
    const uint64_t one = node_bytes(&node, "a/m"), common = LAYERS * pages(LAYER * sizeof(float));
    ck_assert_int_eq(order_load(&node, "b/m"), OK);
    ck_assert_uint_eq(resident(), 2 * one - common);
    ck_assert_int_eq(order_load(&node, "m"), OK);
    ck_assert_uint_eq(resident(), 3 * one - 2 * common);
    cache_share_usage(node.cache, &u);
    ck_assert_uint_eq(u.count, LAYERS);
    ck_assert(cache_info(node.cache, "a/m", &a) && cache_info(node.cache, "b/m", &b));
    ck_assert_uint_eq(a.shared_bytes, common);
    ck_assert_uint_eq(b.bytes, one - common);
    ck_assert_uint_le(a.part_bytes, one - common + common / 3 + 3 * LAYERS); /* a third of it */
    ck_assert_int_eq(order_unload(&node, "a/m"), OK);
    run("b/m", 1);
    run("m", 1);
    node_evict_all(&node);
    node_fini(&node);
}
END_TEST

/* A load on a thread of its own. */
struct loading {
    pthread_t thread;
    char name[32];
    enum status status;
};

static void *load_main(void *arg)
{
    struct loading *l = arg;
    l->status = order_load(&node, l->name);
    return NULL;
}

static void begin(struct loading *l, int tune)
{
    name_of(tune, l->name);
    ck_assert_int_eq(pthread_create(&l->thread, NULL, load_main, l), 0);
}

START_TEST(loads_at_once_read_the_common_layers_once)
{
    enum { MODELS = 16 };
    struct loading loads[MODELS];
    setup(&(struct node_config){.loaders = 6});
    put_tunes(MODELS);
    gate_reset(&node.gate);
    for (int i = 0; i < MODELS; i++)
        begin(&loads[i], i);
    for (int i = 0; i < MODELS; i++) {
        pthread_join(loads[i].thread, NULL);
        ck_assert_int_eq(loads[i].status, OK);
        run(loads[i].name, i);
    }
    const uint64_t common = LAYERS * LAYER * sizeof(float);
    ck_assert_uint_ge(metric_get(M_STORE_READ_BYTES), common);
    ck_assert_uint_lt(metric_get(M_STORE_READ_BYTES),
                      common + MODELS * (LAST * sizeof(float) + 12 * PAGE));
    node_evict_all(&node);
    node_fini(&node);
}
END_TEST

static uint64_t reserved(void)
{
    struct budget_usage u;
    cache_usage(node.cache, &u);
    return u.used[BUDGET_RESERVED];
}

/* Before the read that brings the first one's blobs: the second has come to wait for them. */
static void begin_second(void *arg)
{
    const uint64_t before = reserved();
    begin(arg, 1);
    while (reserved() <= before)
        sched_yield();
}

/* Whatever ends the load that brings the common layers, who waits for them brings them himself. */
START_TEST(a_load_outlives_the_one_it_waited_for)
{
    enum { BLOBS = 3 /* the read that brings them */, WAYS = 2 };
    for (int way = 0; way < WAYS; way++) {
        struct loading first, second;
        setup(&(struct node_config){.backoff_us = 1});
        put_tunes(2);
        gate_reset(&node.gate);
        node.gate.hook = begin_second;
        node.gate.hook_arg = &second;
        node.gate.hook_at = BLOBS;
        *(way ? &node.gate.flip_at : &node.gate.fail_at) = BLOBS;
        node.gate.flip_bit = 8 * PAGE * 3;
        begin(&first, 0);
        pthread_join(first.thread, NULL);
        pthread_join(second.thread, NULL);
        ck_assert_int_eq(first.status, way ? E_CORRUPT : E_STORE);
        ck_assert_int_eq(second.status, OK);
        run(second.name, 1);
        gate_reset(&node.gate);
        ck_assert_int_eq(order_load(&node, first.name), OK);
        run(first.name, 0);
        node_evict_all(&node);
        ck_assert_uint_eq(resident(), 0);
        node_fini(&node);
    }
}
END_TEST

/* A table may call any blob by any name: what is held under that name is what counts, and a length
 * that it does not have is another name. */
START_TEST(a_lying_table_gets_nothing)
{
    setup(&(struct node_config){.backoff_us = 1});
    put_tunes(2);
    ck_assert_int_eq(order_load(&node, "t/m000"), OK);
    const uint64_t before = resident();
    struct store_object o;
    struct buf file;
    struct err err;
    ck_ok(store_stat(node.files, "t/m001.roost", &o, &err), &err);
    buf_init(&file, 0);
    ck_assert_int_eq(buf_zeros(&file, o.bytes), OK);
    ck_ok(store_read(node.files, "t/m001.roost", o.tag, 0, file.data, file.len, &err), &err);
    struct artifact_page0 p0;
    struct artifact_reader r;
    struct blob_record first, last;
    ck_ok(artifact_page0_read(file.data, file.len, &p0, &err), &err);
    ck_ok(artifact_reader_init(&r, &p0, file.data, p0.meta_bytes, &err), &err);
    ck_ok(artifact_read_blob(&r, 1, &first, &err), &err);
    ck_ok(artifact_read_blob(&r, p0.n_blobs - 1, &last, &err), &err);
    ck_assert_uint_eq(first.bytes, LAYER * sizeof(float));
    /* the last layer under the name of the first, whose length is another */
    uint8_t *at = file.data;
    while (memcmp(at, last.hash, SHA256_BYTES) != 0)
        at++;
    memcpy(at, first.hash, SHA256_BYTES);
    artifact_reader_fini(&r);
    model_rehash(&file);
    tree_write(&node.tree, "t/lie.roost", file.data, file.len);
    ck_assert_int_eq(order_load(&node, "t/lie"), E_CORRUPT);
    ck_assert_uint_eq(resident(), before);
    buf_fini(&file);
    node_evict_all(&node);
    node_fini(&node);
}
END_TEST

Suite *suite_shared(void)
{
    return SUITE("shared", a_hundred_fine_tunes_cost_one_network_and_their_last_layers,
                 tunes_take_turns_and_stay_what_they_are, tenants_share_only_where_they_may,
                 tenants_share_what_is_common_and_nothing_else,
                 loads_at_once_read_the_common_layers_once, a_load_outlives_the_one_it_waited_for,
                 a_lying_table_gets_nothing);
}
