/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Models that nobody compiled: what is kept of a compile, when it is made again, and that no load
 * of an artifact waits for one. The compiler runs in this process here; tests/e2e has it held. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/disk.h"
#include "metrics/metrics.h"
#include "support/node.h"
#include "support/onnx_build.h"
#include "support/support.h"

enum { MIB = 1 << 20 };

static const char one[] = "{\"instances\": [[1, 2, 3, 4]]}";

static struct tree tree;
static char dir[512];
static struct disk *disk;
static struct node node;
static struct err err;

/* y = x * factor */
static void put_raw(const char *key, float factor)
{
    struct onnx_build m = {0};
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, 2, (const int64_t[]){-1, 4});
    onnx_init_f32(&m, "f", 1, (const int64_t[]){1}, &factor);
    onnx_op(&m, "Mul", "a", "x,f", "y", NULL, 0);
    onnx_output(&m, "y");
    struct buf b = {0};
    onnx_finish(&m, &b);
    tree_write(&node.tree, key, b.data, b.len);
    buf_fini(&b);
}

static void setup_node(bool with_disk, bool write_back)
{
    metrics_reset();
    tree_init(&tree);
    tree_path(&tree, "tier", dir);
    disk = NULL;
    if (with_disk)
        ck_ok(disk_open(&(struct disk_config){dir, 64 * MIB}, &disk, &err), &err);
    node_init(&node,
              &(struct node_config){.backoff_us = 1, .disk = disk, .write_back = write_back});
    node.gate.settled = 1;
}

static void setup(bool with_disk)
{
    setup_node(with_disk, false);
}

static void teardown(void)
{
    struct budget_usage u;
    cache_usage(node.cache, &u);
    ck_assert_uint_eq(u.used[BUDGET_RESERVED], 0);
    node_fini(&node);
    disk_close(&disk);
    tree_fini(&tree);
}

static void answers(const char *model, const char *want)
{
    struct call c;
    call_init(&c, model, one);
    call_begin(&node, &c, 0);
    ck_assert_int_eq(call_wait(&c), OK);
    ck_assert_uint_eq(c.inv.reply.len, strlen(want));
    ck_assert_mem_eq(c.inv.reply.data, want, strlen(want));
    call_fini(&c);
}

static uint64_t compiles(void)
{
    return metric_get(M_COMPILES_OK);
}

START_TEST(a_model_file_is_compiled_once)
{
    setup(true);
    put_raw("a.onnx", 2);
    answers("a", "{\"predictions\":[[2.0,4.0,6.0,8.0]]}");
    ck_assert_uint_eq(compiles(), 1);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(order_unload(&node, "a"), OK);
        gate_reset(&node.gate);
        answers("a", "{\"predictions\":[[2.0,4.0,6.0,8.0]]}");
        ck_assert_uint_eq(gate_reads(&node.gate), 0);
    }
    ck_assert_uint_eq(compiles(), 1);
    teardown();
}
END_TEST

START_TEST(another_content_is_compiled_again)
{
    setup(true);
    put_raw("a.onnx", 2);
    answers("a", "{\"predictions\":[[2.0,4.0,6.0,8.0]]}");
    ck_assert_int_eq(order_unload(&node, "a"), OK);
    put_raw("a.onnx", 3);
    answers("a", "{\"predictions\":[[3.0,6.0,9.0,12.0]]}");
    ck_assert_uint_eq(compiles(), 2);
    teardown();
}
END_TEST

START_TEST(without_a_tier_each_load_compiles)
{
    setup(false);
    put_raw("a.onnx", 2);
    answers("a", "{\"predictions\":[[2.0,4.0,6.0,8.0]]}");
    ck_assert_int_eq(order_unload(&node, "a"), OK);
    answers("a", "{\"predictions\":[[2.0,4.0,6.0,8.0]]}");
    ck_assert_uint_eq(compiles(), 2);
    struct budget_usage u;
    cache_usage(node.cache, &u); /* what passed through memory is given back */
    ck_assert_int_eq(order_unload(&node, "a"), OK);
    node_evict_all(&node);
    teardown();
}
END_TEST

/* Flips the byte in the middle of the compiled file. */
static void damage(void)
{
    int found = 0;
    DIR *d = opendir(dir);
    ck_assert_ptr_nonnull(d);
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        uint8_t byte;
        if (strncmp(e->d_name, "c-", 2) != 0)
            continue;
        ck_assert_int_eq(fchmodat(dirfd(d), e->d_name, 0600, 0), 0);
        int fd = openat(dirfd(d), e->d_name, O_RDWR);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(pread(fd, &byte, 1, 4100), 1);
        byte ^= 1;
        ck_assert_int_eq(pwrite(fd, &byte, 1, 4100), 1);
        close(fd);
        found++;
    }
    closedir(d);
    ck_assert_int_eq(found, 1);
}

START_TEST(a_damaged_copy_goes_and_is_made_again)
{
    setup(true);
    put_raw("a.onnx", 2);
    answers("a", "{\"predictions\":[[2.0,4.0,6.0,8.0]]}");
    ck_assert_int_eq(order_unload(&node, "a"), OK);
    damage();
    ck_assert_int_eq(order_load(&node, "a"), E_CORRUPT);
    answers("a", "{\"predictions\":[[2.0,4.0,6.0,8.0]]}");
    ck_assert_uint_eq(compiles(), 2);
    teardown();
}
END_TEST

START_TEST(what_cannot_be_compiled_says_why)
{
    struct slot_info info;
    setup(true);
    tree_text(&node.tree, "bad.json", "{\"learner\": 1}");
    ck_assert_int_ne(order_load(&node, "bad"), OK);
    ck_assert(cache_info(node.cache, "bad", &info));
    ck_assert_str_ne(info.last_error.msg, "");
    ck_assert_uint_eq(compiles(), 0);
    ck_assert_uint_eq(metric_get(M_COMPILES_FAILED), 1);
    teardown();
}
END_TEST

START_TEST(a_tenants_larger_file_is_refused_before_it_is_read)
{
    static const struct tenant_limits limits[] = {{.name = "small", .file_max = 50},
                                                  {.name = "large", .file_max = 1 << 20}};
    struct slot_info info;
    metrics_reset();
    disk = NULL;
    tree_init(&tree);
    node_init(&node, &(struct node_config){.backoff_us = 1, .limits = {limits, 2}});
    put_raw("small/a.onnx", 2);
    put_raw("large/a.onnx", 2);
    put_raw("a.onnx", 2);
    ck_assert_int_eq(order_load(&node, "small/a"), E_UNSUPPORTED);
    ck_assert(cache_info(node.cache, "small/a", &info));
    ck_assert_msg(strstr(info.last_error.msg, "at most 50 are compiled for its tenant"), "%s",
                  info.last_error.msg);
    ck_assert_uint_eq(gate_reads(&node.gate), 0);
    ck_assert_uint_eq(metric_get(M_REFUSED_TENANT_COMPILE), 1);
    ck_assert_int_eq(order_load(&node, "large/a"), OK);
    ck_assert_int_eq(order_load(&node, "a"), OK);
    ck_assert_uint_eq(metric_get(M_REFUSED_TENANT_COMPILE), 1);
    teardown();
}
END_TEST

/* The compiler stands before its first read until the test lets it go on. */
struct stop {
    struct lock lock; /* LOCK_LOG; guards what follows */
    struct cond changed;
    bool there, go;
};

static void stand(void *arg)
{
    struct stop *s = arg;
    lock_take(&s->lock);
    s->there = true;
    cond_wake_all(&s->changed);
    while (!s->go)
        cond_wait(&s->changed, &s->lock, 0);
    lock_release(&s->lock);
}

static void await_compiler(struct stop *s)
{
    lock_take(&s->lock);
    while (!s->there)
        cond_wait(&s->changed, &s->lock, 0);
    lock_release(&s->lock);
}

static void let_go(struct stop *s)
{
    lock_take(&s->lock);
    s->go = true;
    cond_wake_all(&s->changed);
    lock_release(&s->lock);
}

START_TEST(no_load_waits_behind_a_compile)
{
    static const char *const names[] = {"a", "b", "c"}; /* more than there are loaders */
    struct stop stop = {.there = false};
    struct call waiting[ARRAY_COUNT(names)], m;
    setup(true);
    lock_init(&stop.lock, LOCK_LOG);
    cond_init(&stop.changed);
    node.gate.hook_at = 1;
    node.gate.hook = stand;
    node.gate.hook_arg = &stop;
    node_put_mlp(&node, "m.roost", 1);
    put_raw("a.onnx", 2);
    put_raw("b.onnx", 2);
    put_raw("c.onnx", 2);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        call_init(&waiting[i], names[i], one);
        call_begin(&node, &waiting[i], 0);
    }
    await_compiler(&stop);
    call_init(&m, "m", one);
    call_begin(&node, &m, 0);
    ck_assert_int_eq(call_wait(&m), OK);
    call_fini(&m);
    let_go(&stop);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        ck_assert_int_eq(call_wait(&waiting[i]), OK);
        call_fini(&waiting[i]);
    }
    ck_assert_uint_eq(compiles(), ARRAY_COUNT(names));
    teardown();
    cond_fini(&stop.changed);
    lock_fini(&stop.lock);
}
END_TEST

START_TEST(no_load_waits_for_its_write_back)
{
    struct stop stop = {.there = false};
    setup_node(false, true);
    lock_init(&stop.lock, LOCK_LOG);
    cond_init(&stop.changed);
    node.gate.put_hook = stand;
    node.gate.hook_arg = &stop;
    put_raw("a.onnx", 2);
    answers("a", "{\"predictions\":[[2.0,4.0,6.0,8.0]]}");
    await_compiler(&stop);
    put_raw("b.onnx", 2); /* nor the next compile */
    answers("b", "{\"predictions\":[[2.0,4.0,6.0,8.0]]}");
    ck_assert_uint_eq(metric_get(M_WRITE_BACK_OK), 0);
    struct budget_usage u;
    cache_usage(node.cache, &u); /* both are in memory, and charged */
    ck_assert_uint_gt(u.used[BUDGET_SCRATCH], 2 * 4096);
    let_go(&stop);
    node_evict_all(&node);
    teardown(); /* whoever stops the node waits for it */
    ck_assert_uint_eq(metric_get(M_WRITE_BACK_OK), 2);
    cond_fini(&stop.changed);
    lock_fini(&stop.lock);
}
END_TEST

enum { PUTS = 16, TOO_MANY = 2 }; /* that the writer has at once; compiled beyond that */

/* Stands before the first, and notes whose each is. */
struct writes {
    struct stop stop;
    char order[256];
};

static void note_write(void *arg)
{
    static const char folder[] = "_roost/compiled/";
    struct writes *w = arg;
    const char *tenant = strstr(node.gate.put_key, folder) + strlen(folder);
    size_t n = strlen(w->order);
    snprintf(w->order + n, sizeof(w->order) - n, "%.*s ", (int)strcspn(tenant, "/"), tenant);
    stand(&w->stop);
}

static void *go_on(void *arg)
{
    let_go(arg);
    return NULL;
}

/* The compiler hands over behind the load's end. */
static void await_refused(uint64_t n)
{
    while (metric_get(M_WRITE_BACK_FAILED) < n)
        sched_yield();
}

/* In their order, no more at once than there is room for, each charged until it is written; and
 * the node ends behind the last. */
START_TEST(what_is_written_back_waits_in_a_bounded_row)
{
    static struct writes w;
    char want[256] = "", name[32];
    pthread_t opener;
    struct budget_usage before, u;
    setup_node(false, true);
    lock_init(&w.stop.lock, LOCK_LOG);
    cond_init(&w.stop.changed);
    node.gate.put_hook = note_write;
    node.gate.hook_arg = &w;
    for (int i = 0; i < PUTS + TOO_MANY; i++) {
        snprintf(name, sizeof(name), "t%d/m.onnx", i);
        put_raw(name, 2);
        snprintf(name, sizeof(name), "t%d/m", i);
        ck_assert_int_eq(order_load(&node, name), OK);
        if (i == 0)
            await_compiler(&w.stop);
        if (i < PUTS)
            snprintf(want + strlen(want), sizeof(want) - strlen(want), "t%d ", i);
    }
    await_refused(TOO_MANY);
    ck_assert_uint_eq(metric_get(M_WRITE_BACK_OK), 0);
    node_evict_all(&node);
    cache_usage(node.cache, &before);
    ck_assert_uint_ge(before.used[BUDGET_SCRATCH], PUTS * 4096);
    ck_assert_int_eq(pthread_create(&opener, NULL, go_on, &w.stop), 0);
    loader_drain(node.loader);
    ck_assert_uint_eq(metric_get(M_WRITE_BACK_OK), PUTS);
    cache_usage(node.cache, &u);
    ck_assert_uint_eq(u.used[BUDGET_SCRATCH], 0);
    pthread_join(opener, NULL);
    teardown();
    ck_assert_uint_eq(metric_get(M_WRITE_BACK_FAILED), TOO_MANY);
    ck_assert_str_eq(w.order, want);
    cond_fini(&w.stop.changed);
    lock_fini(&w.stop.lock);
}
END_TEST

/* What another publisher does: the artifact is there before the file goes. */
static void compile_elsewhere(void *arg)
{
    UNUSED(arg);
    node_put_mlp(&node, "a.roost", 1);
    ck_ok(store_delete(node.files, "a.onnx", &err), &err);
}

START_TEST(a_file_that_goes_before_it_is_compiled_is_looked_for_anew)
{
    setup(true);
    put_raw("a.onnx", 2);
    node.gate.hook_at = 1;
    node.gate.hook = compile_elsewhere;
    ck_assert_int_eq(order_load(&node, "a"), OK);
    ck_assert_uint_eq(compiles(), 0);
    node_evict_all(&node);
    teardown();
}
END_TEST

START_TEST(a_cancelled_load_ends_its_compile)
{
    struct stop stop = {.there = false};
    struct call c;
    struct order o;
    setup(true);
    lock_init(&stop.lock, LOCK_LOG);
    cond_init(&stop.changed);
    node.gate.hook_at = 1;
    node.gate.hook = stand;
    node.gate.hook_arg = &stop;
    put_raw("a.onnx", 2);
    call_init(&c, "a", one);
    call_begin(&node, &c, 0);
    await_compiler(&stop);
    order_init(&o, "a");
    endpoint_unload(node.endpoint, &o.m);
    let_go(&stop);
    ck_assert_int_eq(order_wait(&o), OK);
    ck_assert_int_eq(call_wait(&c), E_CANCELLED);
    order_fini(&o);
    call_fini(&c);
    ck_assert_uint_eq(compiles(), 0);
    ck_assert_uint_eq(metric_get(M_COMPILES_CANCELLED), 1);
    answers("a", "{\"predictions\":[[2.0,4.0,6.0,8.0]]}");
    teardown();
    cond_fini(&stop.changed);
    lock_fini(&stop.lock);
}
END_TEST

Suite *suite_raw(void)
{
    return SUITE("raw", a_model_file_is_compiled_once, another_content_is_compiled_again,
                 without_a_tier_each_load_compiles, a_damaged_copy_goes_and_is_made_again,
                 what_cannot_be_compiled_says_why,
                 a_tenants_larger_file_is_refused_before_it_is_read, no_load_waits_behind_a_compile,
                 a_cancelled_load_ends_its_compile, no_load_waits_for_its_write_back,
                 what_is_written_back_waits_in_a_bounded_row,
                 a_file_that_goes_before_it_is_compiled_is_looked_for_anew);
}
