/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Loads over a disk tier: what came once does not come again, what is damaged there comes from the
 * store, and no failure of the tier is one of a load. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "artifact/blobs.h"
#include "disk/disk_priv.h"
#include "metrics/metrics.h"
#include "support/node.h"
#include "support/support.h"

enum { FLOATS = 100000, MIB = 1 << 20 };

static const char one[] = "{\"instances\": [[0.1, 0.2, 0.3, 0.4]]}";

static struct tree tree;
static char dir[512];
static struct disk *disk;
static struct node node;
static struct err err;

static void setup_within(uint64_t limit_bytes, int settled)
{
    metrics_reset();
    tree_init(&tree);
    tree_path(&tree, "tier", dir);
    ck_ok(disk_open(&(struct disk_config){dir, limit_bytes}, &disk, &err), &err);
    node_init(&node, &(struct node_config){.backoff_us = 1, .disk = disk});
    node.gate.settled = settled;
    node_put_mlp(&node, "m.roost", 1);
    node_put_adder(&node, "a.roost", FLOATS, 1);
    node_put_adder(&node, "b.roost", FLOATS, 2); /* the same weights */
}

static void setup(void)
{
    setup_within(64 * MIB, 1);
}

static void teardown(void)
{
    struct disk_usage u;
    node_fini(&node);
    disk_usage(disk, &u);
    ck_assert_uint_eq(u.budget.used[BUDGET_RESERVED], 0);
    ck_assert_uint_eq(u.budget.used[BUDGET_DRAINING], 0);
    disk_close(&disk);
    tree_fini(&tree);
    blobs_always_hash(false);
}

/* Loads and unloads; says how many reads of the store it took. */
static uint32_t reload(const char *name)
{
    gate_reset(&node.gate);
    ck_assert_int_eq(order_load(&node, name), OK);
    loader_settle_disk(node.loader);
    uint32_t reads = gate_reads(&node.gate);
    ck_assert_int_eq(order_unload(&node, name), OK);
    return reads;
}

static void answer(const char *model, char out[512])
{
    struct call c;
    call_init(&c, model, one);
    call_begin(&node, &c, 0);
    ck_assert_int_eq(call_wait(&c), OK);
    snprintf(out, 512, "%.*s", (int)c.inv.reply.len, (const char *)c.inv.reply.data);
    call_fini(&c);
}

/* Flips a byte of every file of a kind ('b' or 'h'), at `at` from its end. */
static void damage(char kind, off_t at)
{
    DIR *d = opendir(dir);
    ck_assert_ptr_nonnull(d);
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        uint8_t byte;
        if (e->d_name[0] != kind || e->d_name[1] != '-')
            continue;
        ck_assert_int_eq(fchmodat(dirfd(d), e->d_name, 0600, 0), 0);
        int fd = openat(dirfd(d), e->d_name, O_RDWR);
        ck_assert_int_ge(fd, 0);
        off_t where = lseek(fd, -at, SEEK_END);
        ck_assert_int_eq(pread(fd, &byte, 1, where), 1);
        byte ^= 1;
        ck_assert_int_eq(pwrite(fd, &byte, 1, where), 1);
        close(fd);
    }
    closedir(d);
}

START_TEST(a_second_load_asks_the_store_for_nothing)
{
    char first[512], second[512];
    setup();
    answer("m", first);
    ck_assert_int_eq(order_unload(&node, "m"), OK);
    ck_assert_uint_gt(reload("a"), 0);
    ck_assert_uint_eq(reload("a"), 0);
    reload("m");
    ck_assert_uint_eq(reload("m"), 0);
    answer("m", second);
    ck_assert_str_eq(first, second);
    teardown();
}
END_TEST

START_TEST(a_restart_of_the_node_finds_it)
{
    setup();
    reload("a");
    struct store_object o;
    ck_ok(store_stat(node.files, "a.roost", &o, &err), &err);
    node_fini(&node);
    disk_close(&disk);
    ck_ok(disk_open(&(struct disk_config){dir, 64 * MIB}, &disk, &err), &err);
    node_init(&node, &(struct node_config){.disk = disk});
    node.gate.settled = 1;
    node_put_adder(&node, "a.roost", FLOATS, 1); /* another object, the same blobs */
    ck_assert_uint_eq(reload("a"), 2);           /* page 0 and the metadata */
    ck_assert_uint_eq(reload("a"), 0);
    teardown();
}
END_TEST

START_TEST(blobs_are_there_for_other_models_that_have_them)
{
    setup();
    const uint64_t whole = reload("a");
    const uint64_t bytes = metric_get(M_STORE_READ_BYTES);
    ck_assert_uint_gt(whole, 2);
    ck_assert_uint_eq(reload("b"), 2);
    ck_assert_uint_lt(metric_get(M_STORE_READ_BYTES) - bytes, FLOATS);
    struct disk_usage u;
    disk_usage(disk, &u);
    ck_assert_uint_eq(u.files, 3); /* a blob and two heads */
    teardown();
}
END_TEST

/* Nobody has another tenant's weights because he knows their hash. */
START_TEST(blobs_are_not_there_for_other_tenants)
{
    setup();
    node_put_adder(&node, "x/a.roost", FLOATS, 1);
    node_put_adder(&node, "default/a.roost", FLOATS, 2);
    const uint64_t whole = reload("a");
    ck_assert_uint_gt(whole, 2);
    ck_assert_uint_eq(reload("x/a"), whole);
    ck_assert_uint_eq(reload("x/a"), 0);
    ck_assert_uint_eq(reload("default/a"), 2); /* whose model "a" is, too */
    struct disk_usage u;
    disk_usage(disk, &u);
    ck_assert_uint_eq(u.files, 5); /* two blobs and three heads */
    teardown();
}
END_TEST

START_TEST(a_tag_that_may_come_again_names_no_head)
{
    setup_within(64 * MIB, -1);
    reload("a");
    node.gate.settled = -1;
    ck_assert_uint_eq(reload("a"), 2); /* the head; the blobs are known by their hash */
    teardown();
}
END_TEST

START_TEST(a_damaged_head_comes_from_the_store)
{
    setup();
    reload("a");
    damage('h', 1);
    ck_assert_uint_gt(reload("a"), 0);
    ck_assert_uint_eq(reload("a"), 0); /* and was put anew */
    damage('h', 4096);                 /* in page 0, or what it says of the rest */
    reload("a");
    ck_assert_uint_eq(reload("a"), 0);
    teardown();
}
END_TEST

START_TEST(a_damaged_blob_comes_from_the_store_where_all_are_hashed)
{
    char first[512], second[512];
    setup();
    blobs_always_hash(true);
    answer("m", first);
    loader_settle_disk(node.loader);
    ck_assert_int_eq(order_unload(&node, "m"), OK);
    damage('b', 1);
    answer("m", second);
    ck_assert_str_eq(first, second);
    loader_settle_disk(node.loader);
    ck_assert_int_eq(order_unload(&node, "m"), OK);
    ck_assert_uint_eq(reload("m"), 0);
    teardown();
}
END_TEST

START_TEST(a_tier_without_room_is_no_failure)
{
    setup_within(MIB / 8, 1); /* less than the blob */
    ck_assert_uint_gt(reload("a"), 0);
    ck_assert_uint_gt(reload("a"), 0);
    ck_assert_uint_gt(metric_get(M_REFUSED_DISK), 0);
    reload("m");
    ck_assert_uint_eq(reload("m"), 0);
    teardown();
}
END_TEST

START_TEST(no_failure_of_the_tier_is_one_of_a_load)
{
    uint64_t calls = 0;
    for (uint64_t n = 1; n == 1 || calls >= n - 1; n++) {
        setup();
        node.gate.settled = 1;
        disk_fail_at(n, n % 2 ? EIO : ENOSPC);
        for (int i = 0; i < 3; i++) {
            ck_assert_int_eq(order_load(&node, "a"), OK);
            loader_settle_disk(node.loader);
            ck_assert_int_eq(order_unload(&node, "a"), OK);
        }
        calls = disk_calls();
        disk_fail_at(0, 0);
        ck_assert_int_eq(order_load(&node, "a"), OK);
        teardown();
    }
    ck_assert_uint_gt(calls, 10);
}
END_TEST

/* A model that goes while it is written: its memory is nobody's before the writer let it go. */
START_TEST(models_may_go_while_they_are_written)
{
    setup();
    for (int i = 0; i < 30; i++) {
        struct disk_key key;
        struct store_object o;
        ck_assert_int_eq(order_load(&node, i % 2 ? "a" : "b"), OK);
        ck_assert_int_eq(order_unload(&node, i % 2 ? "a" : "b"), OK);
        ck_ok(store_stat(&node.gate.store, i % 2 ? "a.roost" : "b.roost", &o, &err), &err);
        ck_assert_int_eq(disk_object_key(DISK_HEAD, i % 2 ? "a.roost" : "b.roost", o.tag, &key),
                         OK);
        if (disk_evict(disk, &key, &err) != OK)
            ck_assert_int_eq(err.code, E_NOT_FOUND);
    }
    teardown();
}
END_TEST

Suite *suite_tier(void)
{
    return SUITE("loads over a disk tier", a_second_load_asks_the_store_for_nothing,
                 a_restart_of_the_node_finds_it, blobs_are_there_for_other_models_that_have_them,
                 blobs_are_not_there_for_other_tenants, a_tag_that_may_come_again_names_no_head,
                 a_damaged_head_comes_from_the_store,
                 a_damaged_blob_comes_from_the_store_where_all_are_hashed,
                 a_tier_without_room_is_no_failure, no_failure_of_the_tier_is_one_of_a_load,
                 models_may_go_while_they_are_written);
}
