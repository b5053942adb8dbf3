/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operations by chance beside a model of a few lines, and the same from several threads, where the
 * ledger is what is checked. */
#include <pthread.h>
#include <string.h>

#include "disk/folder.h"
#include "support/model.h"

enum { OPS = 20000, KEYS = 48, READERS = 6, LIMIT_BLOCKS = 40, THREADS = 4, THREAD_OPS = 1500 };

/* ---- one thread, beside a model ---- */

/* What the tier should hold: keys by their last use, the oldest first. */
struct twin {
    uint32_t line[KEYS], count; /* PRESENT and not read */
    uint32_t refs[KEYS];
    bool present[KEYS];
    uint64_t charge[KEYS], held; /* held: charged, draining ones too */
    struct disk_file reads[READERS];
    uint32_t read_key[READERS];
    bool read_gone[READERS]; /* its file was evicted since */
};

static struct folder f;
static struct twin twin;
static uint8_t bytes[BLOB_MAX];

static void line_take(uint32_t key)
{
    for (uint32_t i = 0; i < twin.count; i++)
        if (twin.line[i] == key) {
            memmove(&twin.line[i], &twin.line[i + 1], (--twin.count - i) * sizeof(twin.line[0]));
            return;
        }
}

static void twin_evict(uint32_t key)
{
    twin.present[key] = false;
    line_take(key);
    if (!twin.refs[key])
        twin.held -= twin.charge[key];
    for (uint32_t r = 0; r < READERS; r++)
        if (twin.reads[r].entry && twin.read_key[r] == key && !twin.read_gone[r])
            twin.read_gone[r] = true;
    twin.refs[key] = 0;
}

/* Makes room as the tier must: the oldest go, or none where that is not enough. */
static bool twin_room(uint64_t need)
{
    uint64_t idle = 0, limit = (uint64_t)LIMIT_BLOCKS * DISK_BLOCK;
    for (uint32_t i = 0; i < twin.count; i++)
        idle += twin.charge[twin.line[i]];
    if (need > limit - twin.held + idle)
        return false;
    while (need > limit - twin.held)
        twin_evict(twin.line[0]);
    return true;
}

static void do_put(uint32_t key)
{
    struct err err;
    bool expect = !twin.present[key] && twin_room(twin.charge[key]);
    enum status s = blob_put(f.disk, key, &err);
    ck_assert_msg((s == OK) == expect, "put of %u: %s", key, status_name(s));
    if (s != OK) {
        ck_assert_int_eq(s, twin.present[key] ? E_EXISTS : E_NO_ROOM);
        return;
    }
    twin.present[key] = true;
    twin.line[twin.count++] = key;
    twin.held += twin.charge[key];
}

static void do_ref(uint32_t key, uint32_t r)
{
    struct disk_key k;
    struct err err;
    uint64_t n = blob_make(key, bytes, &k);
    if (twin.reads[r].entry)
        return;
    enum status s = disk_ref(f.disk, &k, n, &twin.reads[r], &err);
    ck_assert_int_eq(s, twin.present[key] ? OK : E_NOT_FOUND);
    if (s != OK)
        return;
    line_take(key);
    twin.refs[key]++;
    twin.read_key[r] = key;
    twin.read_gone[r] = false;
}

/* The last reader of a file that is gone frees its bytes; of one that is there, makes it newest. */
static void do_unref(uint32_t r)
{
    static uint8_t got[BLOB_MAX];
    struct disk_key k;
    struct err err;
    uint32_t key = twin.read_key[r];
    if (!twin.reads[r].entry)
        return;
    const struct disk_entry *entry = twin.reads[r].entry;
    uint64_t n = blob_make(key, bytes, &k);
    ck_ok(disk_read(&twin.reads[r], 0, got, n, &err), &err);
    ck_assert_mem_eq(got, bytes, n);
    disk_unref(f.disk, &twin.reads[r]);
    if (!twin.read_gone[r]) {
        if (!--twin.refs[key])
            twin.line[twin.count++] = key;
        return;
    }
    for (uint32_t i = 0; i < READERS; i++)
        if (twin.reads[i].entry == entry)
            return;
    twin.held -= twin.charge[key];
}

static void do_evict(uint32_t key)
{
    struct disk_key k;
    struct err err;
    blob_make(key, bytes, &k);
    enum status s = disk_evict(f.disk, &k, &err);
    ck_assert_int_eq(s, twin.present[key] ? OK : E_NOT_FOUND);
    if (s != OK)
        return;
    twin_evict(key);
}

static void do_restart(void)
{
    for (uint32_t r = 0; r < READERS; r++)
        do_unref(r);
    disk_close(&f.disk);
    folder_open(&f);
    folder_check(&f);
    for (uint32_t key = 0; key < KEYS; key++) /* the same files; their order is the test's now */
        ck_assert(blob_there(f.disk, key) == twin.present[key]);
    twin.count = 0;
    for (uint32_t key = 0; key < KEYS; key++)
        if (twin.present[key])
            twin.line[twin.count++] = key;
}

START_TEST(as_a_simple_model_does)
{
    uint64_t seed = 5;
    struct disk_key k;
    folder_init(&f, (uint64_t)LIMIT_BLOCKS * DISK_BLOCK);
    for (uint32_t i = 0; i < KEYS; i++)
        twin.charge[i] = disk_charge(blob_make(i, bytes, &k));
    for (uint32_t i = 0; i < OPS; i++) {
        uint32_t key = (uint32_t)(draw_u64(&seed) % KEYS),
                 r = (uint32_t)(draw_u64(&seed) % READERS);
        uint32_t what = (uint32_t)(draw_u64(&seed) % 100);
        if (what < 35)
            do_put(key);
        else if (what < 60)
            do_ref(key, r);
        else if (what < 90)
            do_unref(r);
        else
            do_evict(key);
        ck_assert_uint_eq(folder_charged(f.disk), twin.held);
        if (i % 10000 == 9999)
            do_restart();
    }
    do_restart();
    folder_fini(&f);
}
END_TEST

/* ---- threads ---- */

static void *operate(void *arg)
{
    uint64_t seed = (uintptr_t)arg;
    struct err err;
    struct disk_key k;
    static _Thread_local uint8_t buf[BLOB_MAX];
    for (int i = 0; i < THREAD_OPS; i++) {
        uint32_t key = (uint32_t)(draw_u64(&seed) % KEYS);
        enum status s = OK;
        switch (draw_u64(&seed) % 4) {
        case 0:
        case 1:
            s = blob_put(f.disk, key, &err);
            ck_assert(s == OK || s == E_EXISTS || s == E_NO_ROOM);
            break;
        case 2:
            (void)blob_there(f.disk, key);
            break;
        default:
            blob_make(key, buf, &k);
            s = disk_evict(f.disk, &k, &err);
            ck_assert(s == OK || s == E_NOT_FOUND);
        }
        ck_assert_uint_le(folder_charged(f.disk), (uint64_t)LIMIT_BLOCKS * DISK_BLOCK);
    }
    return NULL;
}

START_TEST(threads_keep_the_ledger)
{
    pthread_t thread[THREADS];
    struct err err;
    struct disk_usage u;
    folder_init(&f, (uint64_t)LIMIT_BLOCKS * DISK_BLOCK);
    ck_ok(disk_scrub_start(f.disk, UINT64_C(1) << 40, &err), &err);
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, operate, (void *)(i + 1)), 0);
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    disk_usage(f.disk, &u);
    ck_assert_uint_eq(u.corrupt, 0);
    disk_close(&f.disk);
    folder_open(&f);
    folder_check(&f);
    folder_fini(&f);
}
END_TEST

Suite *suite_random(void)
{
    return SUITE("disk by chance", as_a_simple_model_does, threads_keep_the_ledger);
}
