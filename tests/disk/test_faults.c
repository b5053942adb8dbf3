/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every system call and every allocation fails once, and a process is killed at any moment: the
 * ledger and the folder agree afterwards, and what is found is whole. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "disk/folder.h"
#include "support/model.h"

enum { LIMIT = 24 * DISK_BLOCK, KILLS = 20 };

/* Opens, puts, reads, evicts by hand and for room, scrubs, closes; every result may be a failure.
 * Gives the tier that is open at the end, if one is. */
static void live(struct folder *f)
{
    struct disk_cursor at = {0};
    struct disk_key key;
    struct err err;
    uint64_t bytes;
    static uint8_t buf[BLOB_MAX];
    if (!f->disk && folder_try(f, &err) != OK)
        return;
    for (uint32_t i = 0; i < 14; i++) {
        enum status s = blob_put(f->disk, i, &err);
        (void)s;
        (void)blob_there(f->disk, i / 2);
        ck_assert_uint_le(folder_charged(f->disk), LIMIT);
    }
    blob_make(9, buf, &key);
    enum status s = disk_evict(f->disk, &key, &err);
    do {
        s = disk_scrub_next(f->disk, &at, &bytes, &err);
    } while (s != OK || bytes);
}

/* What a new start finds is what the ledger says, and every file of it is what it was. */
static void check_restart(struct folder *f)
{
    struct err err;
    disk_close(&f->disk);
    ck_ok(folder_try(f, &err), &err);
    folder_check(f);
    for (uint32_t i = 0; i < 14; i++)
        (void)blob_there(f->disk, i); /* asserts the bytes of those that are */
    struct disk_usage u;
    disk_usage(f->disk, &u);
    ck_assert_uint_eq(u.corrupt, 0);
}

static void fail_each_call(int error)
{
    uint64_t calls = 0;
    for (uint64_t n = 1; n == 1 || calls >= n - 1; n++) {
        struct folder f;
        folder_init(&f, LIMIT);
        disk_close(&f.disk);
        disk_fail_at(n, error);
        live(&f);
        calls = disk_calls();
        disk_fail_at(0, 0);
        if (f.disk) {
            struct disk_usage u;
            uint32_t files;
            disk_usage(f.disk, &u);
            ck_assert_uint_eq(u.budget.used[BUDGET_DRAINING], 0);
            /* A file that could not be removed is charged still. */
            ck_assert_uint_le(folder_blocks(f.path, &files), folder_charged(f.disk));
        }
        check_restart(&f);
        folder_fini(&f);
        ck_assert_uint_lt(n, 10000);
    }
    ck_assert_uint_gt(calls, 100);
}

START_TEST(every_call_may_fail)
{
    fail_each_call(EIO);
}
END_TEST

START_TEST(every_call_may_find_the_disk_full)
{
    fail_each_call(ENOSPC);
}
END_TEST

START_TEST(every_call_may_be_interrupted)
{
    fail_each_call(EINTR);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    uint64_t calls = 0;
    const int64_t held = alloc_live();
    for (uint64_t n = 1; n == 1 || calls >= n - 1; n++) {
        struct folder f;
        folder_init(&f, LIMIT);
        disk_close(&f.disk);
        alloc_fail_at(n);
        live(&f);
        calls = alloc_calls();
        alloc_fail_at(0);
        if (f.disk)
            folder_check(&f);
        check_restart(&f);
        folder_fini(&f);
        ck_assert_int_eq(alloc_live(), held);
    }
    ck_assert_uint_gt(calls, 20);
}
END_TEST

/* A victim that cannot be removed stays, and the next one goes instead. */
START_TEST(a_victim_that_stays_is_not_the_only_one)
{
    struct folder f;
    struct err err;
    folder_init(&f, LIMIT);
    for (uint32_t i = 1; i <= 6; i++)
        ck_ok(blob_put(f.disk, i, &err), &err);
    uint64_t n = LIMIT - folder_charged(f.disk) + 1;
    struct disk_key key = {.kind = DISK_HEAD};
    struct disk_put *p;
    disk_fail_at(1, EIO); /* the first unlink */
    ck_ok(disk_put_begin(f.disk, &key, n, &p, &err), &err);
    disk_fail_at(0, 0);
    disk_put_abort(&p);
    ck_assert(blob_there(f.disk, 1));
    ck_assert(!blob_there(f.disk, 2));
    folder_check(&f);
    folder_fini(&f);
}
END_TEST

START_TEST(what_cannot_be_removed_stays_charged_until_the_next_start)
{
    struct folder f;
    struct err err;
    struct disk_put *p;
    uint32_t files;
    folder_init(&f, LIMIT);
    struct disk_key key = {.kind = DISK_HEAD};
    ck_ok(disk_put_begin(f.disk, &key, 5 * DISK_BLOCK, &p, &err), &err);
    disk_fail_at(1, EROFS); /* the unlink */
    disk_put_abort(&p);
    disk_fail_at(0, 0);
    ck_assert_uint_eq(folder_blocks(f.path, &files), 5 * DISK_BLOCK);
    ck_assert_uint_eq(folder_charged(f.disk), 5 * DISK_BLOCK);
    check_restart(&f);
    ck_assert_uint_eq(folder_charged(f.disk), 0);
    folder_fini(&f);
}
END_TEST

/* Puts and evicts for ever; tells through `done` how many puts ended. */
static void work_until_killed(struct folder *f, atomic_uint *done)
{
    struct err err;
    uint64_t seed = (uint64_t)getpid();
    if (folder_try(f, &err) != OK)
        _exit(1);
    for (;;) {
        if (blob_put(f->disk, (uint32_t)(draw_u64(&seed) % 40), &err) == OK)
            atomic_fetch_add(done, 1);
        (void)blob_there(f->disk, (uint32_t)(draw_u64(&seed) % 40));
    }
}

static void spin(uint64_t us)
{
    for (uint64_t until_us = clock_now_us() + us; clock_now_us() < until_us;)
        ;
}

static uint32_t count_unfinished(const char *path)
{
    uint32_t n = 0;
    DIR *dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir))
        n += strncmp(e->d_name, "new-", 4) == 0;
    closedir(dir);
    return n;
}

START_TEST(kill_9_leaves_whole_files)
{
    struct folder f;
    uint64_t seed = 9;
    uint32_t left = 0;
    folder_init(&f, LIMIT);
    atomic_uint *done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(done, MAP_FAILED);
    for (uint32_t k = 0; k < KILLS; k++) {
        int status;
        disk_close(&f.disk);
        atomic_store(done, 0);
        pid_t child = fork();
        if (child == 0)
            work_until_killed(&f, done);
        while (atomic_load(done) < 3 + k && waitpid(child, &status, WNOHANG) == 0)
            ;
        spin(draw_u64(&seed) % 3000); /* so that it does not always die behind a put */
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        left += count_unfinished(f.path);
        folder_open(&f);
        folder_check(&f);
        ck_assert_uint_eq(count_unfinished(f.path), 0);
        uint32_t found = 0;
        struct disk_cursor at = {0};
        struct err err;
        uint64_t bytes;
        do {
            ck_ok(disk_scrub_next(f.disk, &at, &bytes, &err), &err);
            found += bytes > 0;
        } while (bytes);
        struct disk_usage u;
        disk_usage(f.disk, &u);
        ck_assert_uint_eq(u.corrupt, 0);
        ck_assert_uint_eq(u.files, found);
        ck_assert_uint_gt(found, 0);
    }
    printf("disk: %u unfinished files were left by %d kills\n", left, KILLS);
    munmap(done, 4096);
    folder_fini(&f);
}
END_TEST

Suite *suite_faults(void)
{
    return SUITE("disk faults", every_call_may_fail, every_call_may_find_the_disk_full,
                 every_call_may_be_interrupted, every_allocation_may_fail,
                 a_victim_that_stays_is_not_the_only_one,
                 what_cannot_be_removed_stays_charged_until_the_next_start,
                 kill_9_leaves_whole_files);
}
