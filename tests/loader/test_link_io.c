/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A link's threads: in whose order chunks are read, that all of them arrive, and that nothing is
 * written once a transfer has ended. Reads go through a gate: what it has not let through waits. */
#include "loader/link_io.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/support.h"

enum { CHUNK = LINK_CHUNK_BYTES, JOBS = 4, READS_MAX = 64 };

/* What passed the gate, in order: the job's letter and the chunk's number. */
static struct {
    struct lock lock; /* LOCK_LOG */
    struct cond changed;
    bool closed;
    uint64_t open_below; /* chunks of a lower number pass though it is closed */
    char name[READS_MAX];
    uint64_t chunk[READS_MAX];
    uint32_t begun, through;
} gate;

struct transfer {
    struct link_job job;
    char name;
    uint8_t *to;
    atomic_uint waiters;
    uint64_t fail_at; /* this chunk fails; UINT64_MAX: none */
};

static struct link_io l;

static uint8_t byte_at(char name, uint64_t at)
{
    return (uint8_t)(at * 31 + (at >> 13) + (uint8_t)name);
}

static enum status read_through(void *arg, uint64_t at, uint64_t n, struct err *err)
{
    struct transfer *t = arg;
    lock_take(&gate.lock);
    ck_assert_uint_lt(gate.begun, READS_MAX);
    gate.name[gate.begun] = t->name;
    gate.chunk[gate.begun++] = at / CHUNK;
    cond_wake_all(&gate.changed);
    while (gate.closed && at / CHUNK >= gate.open_below && at / CHUNK != t->fail_at)
        cond_wait(&gate.changed, &gate.lock, 0);
    lock_release(&gate.lock);
    if (at / CHUNK == t->fail_at)
        return err_set(err, E_STORE, "chunk %d fails", (int)t->fail_at);
    for (uint64_t i = 0; t->to && i < n; i++)
        t->to[at + i] = byte_at(t->name, at + i);
    lock_take(&gate.lock);
    gate.through++;
    lock_release(&gate.lock);
    return OK;
}

static uint32_t look(void *arg, uint64_t left_bytes)
{
    struct transfer *t = arg;
    ck_assert_uint_gt(left_bytes, 0);
    return atomic_load(&t->waiters);
}

static void set_closed(bool closed)
{
    lock_take(&gate.lock);
    gate.closed = closed;
    cond_wake_all(&gate.changed);
    lock_release(&gate.lock);
}

static void wait_begun(uint32_t n)
{
    lock_take(&gate.lock);
    while (gate.begun < n)
        cond_wait(&gate.changed, &gate.lock, 0);
    lock_release(&gate.lock);
}

static void setup(uint32_t threads, bool closed)
{
    struct err err;
    memset(&gate, 0, sizeof(gate));
    lock_init(&gate.lock, LOCK_LOG);
    cond_init(&gate.changed);
    gate.closed = closed;
    ck_assert_int_eq(link_io_init(&l, threads, JOBS, CHUNK), OK);
    ck_ok(link_io_start(&l, "test-link", &err), &err);
}

static void teardown(void)
{
    link_io_fini(&l);
    cond_fini(&gate.changed);
    lock_fini(&gate.lock);
}

static void init(struct transfer *t, char name, uint64_t bytes, uint32_t waiters, uint64_t since_us)
{
    *t = (struct transfer){.name = name, .fail_at = UINT64_MAX};
    t->job = (struct link_job){
        .bytes = bytes, .since_us = since_us, .read = read_through, .look = look, .arg = t};
    atomic_store(&t->waiters, waiters);
}

static void submit(struct transfer *t, char name, uint64_t bytes, uint32_t waiters,
                   uint64_t since_us)
{
    init(t, name, bytes, waiters, since_us);
    link_io_submit(&l, &t->job);
}

/* Until all of it is there, and ends it. */
static void finish(struct transfer *t)
{
    struct err err;
    for (uint64_t seen = 0, ready = 0; ready < t->job.bytes; seen = ready) {
        ck_ok(link_io_await(&l, &t->job, seen, &ready, &err), &err);
        ck_assert_uint_gt(ready, seen);
        for (uint64_t i = seen; t->to && i < ready; i++)
            if (t->to[i] != byte_at(t->name, i))
                ck_abort_msg("byte %d of %c is not there", (int)i, t->name);
    }
    link_io_end(&l, &t->job);
}

static void expect_order(const char *names)
{
    ck_assert_uint_eq(gate.begun, strlen(names));
    for (uint32_t i = 0; i < gate.begun; i++)
        ck_assert_msg(gate.name[i] == names[i], "read %u is of %c, not %c", i, gate.name[i],
                      names[i]);
}

START_TEST(bytes_are_told_of_once_all_before_them_are_there)
{
    struct transfer t[2];
    setup(3, false);
    for (int i = 0; i < 2; i++) {
        uint64_t bytes = (uint64_t)(5 + i) * CHUNK + 4097 * (uint64_t)i;
        init(&t[i], (char)('a' + i), bytes, 1, 0);
        t[i].to = calloc(1, bytes);
        ck_assert_ptr_nonnull(t[i].to);
        link_io_submit(&l, &t[i].job);
    }
    for (int i = 0; i < 2; i++) {
        finish(&t[i]);
        free(t[i].to);
    }
    ck_assert_uint_eq(gate.begun, 5 + 7);
    teardown();
}
END_TEST

START_TEST(several_chunks_of_one_transfer_are_under_way)
{
    struct transfer t;
    setup(2, true);
    submit(&t, 'a', 2 * CHUNK, 1, 0);
    wait_begun(2); /* both, while none is through */
    set_closed(false);
    finish(&t);
    teardown();
}
END_TEST

/* A small request, then one that is larger than a chunk. */
static uint64_t uneven(void *arg, uint64_t at)
{
    UNUSED(arg);
    return at ? 2 * CHUNK - at : CHUNK / 4;
}

/* Less than a chunk, of requests that are sent together. */
START_TEST(a_chunk_ends_where_a_request_does)
{
    struct transfer t;
    setup(2, true);
    init(&t, 'a', CHUNK / 2 + 1, 1, 0);
    t.job.piece = uneven;
    link_io_submit(&l, &t.job);
    wait_begun(2); /* both, while none is through */
    set_closed(false);
    finish(&t);
    ck_assert_uint_eq(gate.begun, 2);
    init(&t, 'b', 2 * CHUNK, 1, 0);
    t.job.piece = uneven;
    t.to = calloc(1, 2 * CHUNK);
    ck_assert_ptr_nonnull(t.to);
    link_io_submit(&l, &t.job);
    finish(&t);
    free(t.to);
    ck_assert_uint_eq(gate.begun, 2 + 3);
    teardown();
}
END_TEST

/* Lets the first chunk through once the owner of the transfer waits for it. */
static void *open_first(void *arg)
{
    const struct link_job *job = arg;
    for (bool waits = false; !waits; sched_yield()) {
        lock_take(&l.lock);
        waits = job->seen == 1;
        lock_release(&l.lock);
    }
    lock_take(&gate.lock);
    gate.open_below = 1;
    cond_wake_all(&gate.changed);
    lock_release(&gate.lock);
    return NULL;
}

START_TEST(who_waits_is_woken_though_more_is_under_way)
{
    struct transfer t;
    struct err err;
    pthread_t opener;
    uint64_t ready = 0;
    setup(2, true);
    submit(&t, 'a', 2 * CHUNK, 1, 0);
    wait_begun(2);
    ck_assert_int_eq(pthread_create(&opener, NULL, open_first, &t.job), 0);
    ck_ok(link_io_await(&l, &t.job, 1, &ready, &err), &err);
    ck_assert_uint_eq(ready, CHUNK); /* the second is still before the gate */
    ck_assert_int_eq(pthread_join(opener, NULL), 0);
    set_closed(false);
    finish(&t);
    teardown();
}
END_TEST

START_TEST(a_short_transfer_overtakes_a_long_one_under_way)
{
    struct transfer longer, shorter;
    setup(1, true);
    submit(&longer, 'l', 5 * CHUNK, 1, 0);
    wait_begun(1);
    submit(&shorter, 's', 2 * CHUNK, 1, 1000);
    set_closed(false);
    finish(&shorter);
    finish(&longer);
    expect_order("lssllll");
    teardown();
}
END_TEST

START_TEST(one_that_waited_long_is_not_overtaken)
{
    struct transfer longer, shorter;
    setup(1, true);
    submit(&longer, 'l', 5 * CHUNK, 1, 0);
    wait_begun(1);
    /* What ages by then is more than all that is left of the long one. */
    submit(&shorter, 's', CHUNK, 1, UINT64_C(5) * CHUNK * 1000000 / LINK_AGEING_BYTES_PER_S);
    set_closed(false);
    finish(&longer);
    finish(&shorter);
    expect_order("llllls");
    teardown();
}
END_TEST

START_TEST(prefetches_come_last_until_somebody_joins)
{
    struct transfer first, ahead, joined, asked;
    setup(1, true);
    submit(&first, 'f', 2 * CHUNK, 1, 0);
    wait_begun(1);
    submit(&ahead, 'p', CHUNK, 0, 0);
    submit(&joined, 'j', 2 * CHUNK, 0, 0);
    submit(&asked, 'a', 4 * CHUNK, 1, 0);
    atomic_store(&joined.waiters, 3);
    set_closed(false);
    finish(&ahead);
    finish(&joined);
    finish(&asked);
    finish(&first);
    expect_order("fjjfaaaap");
    teardown();
}
END_TEST

START_TEST(what_nobody_wants_any_more_reads_nothing)
{
    struct transfer t, other;
    struct err err;
    uint64_t ready = 0;
    setup(1, true);
    submit(&t, 'a', 4 * CHUNK, 1, 0);
    wait_begun(1);
    submit(&other, 'b', 6 * CHUNK, 1, 0);
    atomic_store(&t.waiters, LINK_STOP);
    set_closed(false);
    while (link_io_await(&l, &t.job, ready, &ready, &err) == OK)
        continue;
    ck_assert_int_eq(err.code, E_CANCELLED);
    link_io_end(&l, &t.job);
    finish(&other);
    expect_order("abbbbbb");
    teardown();
}
END_TEST

/* Opens the gate once the failed transfer's owner had every chance to end it too early. */
static void *open_late(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10000; i++)
        sched_yield();
    set_closed(false);
    return NULL;
}

START_TEST(a_chunk_that_fails_ends_all_once_and_those_under_way_are_waited_for)
{
    struct transfer t;
    struct err err;
    uint64_t ready = 0;
    pthread_t opener;
    setup(2, true);
    init(&t, 'a', 6 * CHUNK, 1, 0);
    t.fail_at = 1;
    link_io_submit(&l, &t.job);
    wait_begun(2);
    ck_assert_int_eq(link_io_await(&l, &t.job, 0, &ready, &err), E_STORE);
    ck_assert_str_eq(err.msg, "chunk 1 fails");
    ck_assert_int_eq(pthread_create(&opener, NULL, open_late, NULL), 0);
    link_io_end(&l, &t.job);
    lock_take(&gate.lock);
    ck_assert_uint_eq(gate.through, 1); /* chunk 0, which the gate held */
    ck_assert_uint_eq(gate.begun, 2);
    lock_release(&gate.lock);
    pthread_join(opener, NULL);
    teardown();
}
END_TEST

START_TEST(without_memory_there_is_no_link)
{
    enum status s = E_NO_MEMORY;
    for (uint64_t n = 1; s != OK; n++) {
        alloc_fail_at(n);
        s = link_io_init(&l, 2, JOBS, CHUNK);
        ck_assert(s == OK || s == E_NO_MEMORY);
        ck_assert_uint_le(n, 3); /* two allocations */
        alloc_fail_at(0);
        link_io_fini(&l);
    }
}
END_TEST

Suite *suite_link_io(void)
{
    return SUITE("link_io", bytes_are_told_of_once_all_before_them_are_there,
                 several_chunks_of_one_transfer_are_under_way, a_chunk_ends_where_a_request_does,
                 who_waits_is_woken_though_more_is_under_way,
                 a_short_transfer_overtakes_a_long_one_under_way,
                 one_that_waited_long_is_not_overtaken, prefetches_come_last_until_somebody_joins,
                 what_nobody_wants_any_more_reads_nothing,
                 a_chunk_that_fails_ends_all_once_and_those_under_way_are_waited_for,
                 without_memory_there_is_no_link);
}
