/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a second load of the same model need not do: fetch fresh pages, and hash what was proven. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "artifact/blobs.h"
#include "mem/pool.h"
#include "metrics/metrics.h"
#include "support/node.h"
#include "support/support.h"

enum { FLOATS = 70000, BLOBS = 3 /* the read that brings them */ };

static struct node node;

static void setup(uint64_t memory_bytes)
{
    metrics_reset();
    node_init(&node, &(struct node_config){.backoff_us = 1, .memory_bytes = memory_bytes});
    node_put_adder(&node, "a.roost", FLOATS, 0);
    node.gate.settled = 1;
}

static void load(const char *name)
{
    gate_reset(&node.gate);
    ck_assert_int_eq(order_load(&node, name), OK);
}

static uint64_t grown(enum metric m)
{
    static uint64_t last[METRIC_COUNT];
    uint64_t n = metric_get(m) - last[m];
    last[m] = metric_get(m);
    return n;
}

START_TEST(an_evicted_models_pages_are_its_next_ones)
{
    setup(0);
    const uint64_t bytes = node_bytes(&node, "a");
    (void)grown(M_MEMORY_FRESH);
    (void)grown(M_MEMORY_RECYCLED);
    for (int i = 0; i < 50; i++) {
        node_evict_all(&node);
        ck_assert_uint_eq(pool_kept_bytes(), bytes);
        load("a");
        ck_assert_uint_eq(grown(M_MEMORY_RECYCLED), bytes); /* and nothing beside */
        ck_assert_uint_eq(grown(M_MEMORY_FRESH), 0);
        ck_assert_uint_eq(pool_kept_bytes(), 0);
    }
    node_evict_all(&node);
    node_fini(&node);
}
END_TEST

/* Two models of different size, one at a time: what one leaves is what the other is made of. */
START_TEST(models_that_take_turns_share_their_pages)
{
    setup(0);
    node_put_adder(&node, "b.roost", 2 * FLOATS, 0);
    const uint64_t a = node_bytes(&node, "a"), b = node_bytes(&node, "b");
    node_evict_all(&node);
    pool_set_limits(&(struct pool_limits){b, b, true});
    load("b");
    node_evict_all(&node);
    (void)grown(M_MEMORY_FRESH);
    for (int i = 0; i < 20; i++) {
        load("a");
        ck_assert_uint_eq(pool_kept_bytes(), b - a);
        node_evict_all(&node);
        load("b");
        ck_assert_uint_eq(pool_kept_bytes(), 0);
        node_evict_all(&node);
    }
    ck_assert_uint_eq(grown(M_MEMORY_FRESH), 0); /* a and its rest were joined again */
    node_fini(&node);
}
END_TEST

START_TEST(what_was_proven_is_hashed_once)
{
    setup(0);
    load("a");
    const uint64_t bytes = grown(M_BLOBS_HASHED);
    ck_assert_uint_ge(bytes, FLOATS * sizeof(float));
    for (int i = 0; i < 3; i++) {
        node_evict_all(&node);
        load("a");
        ck_assert_uint_eq(grown(M_BLOBS_KNOWN), bytes);
    }
    node_put_adder(&node, "copy.roost", FLOATS, 0); /* the same content, another file */
    load("copy");
    ck_assert_uint_eq(grown(M_BLOBS_HASHED), 0); /* it is there already, and not read at all */
    node_evict_all(&node);
    load("copy");
    ck_assert_uint_eq(grown(M_BLOBS_HASHED), bytes);
    node_evict_all(&node);
    blobs_always_hash(true);
    load("a");
    ck_assert_uint_eq(grown(M_BLOBS_HASHED), bytes);
    ck_assert_uint_eq(grown(M_BLOBS_KNOWN), 0);
    node_evict_all(&node);
    node.gate.flip_at = BLOBS;
    gate_reset(&node.gate);
    node.gate.flip_at = BLOBS;
    ck_assert_int_eq(order_load(&node, "a"), E_CORRUPT);
    blobs_always_hash(false);
    node_fini(&node);
}
END_TEST

START_TEST(what_failed_or_may_still_change_is_not_known)
{
    setup(0);
    node.gate.settled = -1;
    load("a");
    node_evict_all(&node);
    node.gate.settled = 1;
    gate_reset(&node.gate);
    node.gate.flip_at = BLOBS;
    ck_assert_int_eq(order_load(&node, "a"), E_CORRUPT);
    load("a");
    ck_assert_uint_eq(grown(M_BLOBS_KNOWN), 0);
    node_evict_all(&node);
    load("a");
    ck_assert_uint_gt(grown(M_BLOBS_KNOWN), 0);
    node_evict_all(&node);
    node_fini(&node);
}
END_TEST

/* Writes until the kernel's clock has moved on, so that the change shows. */
static void rewrite(const char *path, off_t at, uint8_t flip)
{
    struct stat before, after;
    int fd = open(path, O_RDWR);
    uint8_t byte;
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &before), 0);
    ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
    byte ^= flip;
    const struct timespec times[] = {before.st_atim, before.st_mtim};
    do {
        ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
        ck_assert_int_eq(futimens(fd, times), 0);
        ck_assert_int_eq(fstat(fd, &after), 0);
    } while (after.st_ctim.tv_sec == before.st_ctim.tv_sec &&
             after.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
    close(fd);
}

START_TEST(a_write_is_noticed_though_size_and_mtime_are_as_before)
{
    char path[512];
    struct stat st;
    setup(0);
    load("a");
    node_evict_all(&node);
    load("a");
    ck_assert_uint_gt(grown(M_BLOBS_KNOWN), 0);
    node_evict_all(&node);
    tree_path(&node.tree, "a.roost", path);
    ck_assert_int_eq(stat(path, &st), 0);
    rewrite(path, st.st_size - 1000, 1);
    gate_reset(&node.gate);
    ck_assert_int_eq(order_load(&node, "a"), E_CORRUPT);
    rewrite(path, st.st_size - 1000, 1);
    load("a");
    ck_assert_uint_eq(grown(M_BLOBS_KNOWN), 0);
    node_evict_all(&node);
    node_fini(&node);
}
END_TEST

Suite *suite_recycle(void)
{
    return SUITE("recycle", an_evicted_models_pages_are_its_next_ones,
                 models_that_take_turns_share_their_pages, what_was_proven_is_hashed_once,
                 what_failed_or_may_still_change_is_not_known,
                 a_write_is_noticed_though_size_and_mtime_are_as_before);
}
