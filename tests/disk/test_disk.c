/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The tier as its users meet it: what goes in comes out, what is read stays, and nothing that is
 * not ours is touched or believed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "disk/folder.h"
#include "metrics/metrics.h"

enum { MIB = 1 << 20, BLOCK = DISK_BLOCK };

static struct folder f;
static struct err err;

static struct disk_key key_of(const void *bytes, size_t n)
{
    struct disk_key k = {.kind = DISK_BLOB};
    ck_assert_int_eq(sha256_once(bytes, n, k.digest), OK);
    return k;
}

static enum status put(const struct disk_key *k, const void *bytes, size_t n)
{
    struct disk_put *p = NULL;
    enum status s = disk_put_begin(f.disk, k, n, &p, &err);
    if (s == OK)
        s = disk_put_write(p, bytes, n, &err);
    if (s == OK)
        return disk_put_commit(&p, &err);
    disk_put_abort(&p);
    return s;
}

START_TEST(what_was_put_is_found)
{
    struct disk_usage u;
    folder_init(&f, MIB);
    ck_assert(!blob_there(f.disk, 1));
    for (uint32_t i = 0; i < 8; i++)
        ck_ok(blob_put(f.disk, i, &err), &err);
    for (uint32_t i = 0; i < 8; i++)
        ck_assert(blob_there(f.disk, i));
    ck_assert_int_eq(blob_put(f.disk, 3, &err), E_EXISTS);
    disk_usage(f.disk, &u);
    ck_assert_uint_eq(u.hits, 8);
    ck_assert_uint_eq(u.misses, 1);
    ck_assert_uint_eq(u.files, 8);
    ck_assert_uint_eq(u.refused, 0);
    folder_check(&f);
    folder_fini(&f);
}
END_TEST

START_TEST(bytes_that_are_not_their_name_do_not_enter)
{
    struct disk_put *p;
    folder_init(&f, MIB);
    struct disk_key k = key_of("weights", 7);
    ck_assert_int_eq(put(&k, "Weights", 7), E_CORRUPT);
    ck_assert_int_eq(put(&k, "weight", 6), E_CORRUPT);
    ck_ok(disk_put_begin(f.disk, &k, 7, &p, &err), &err);
    ck_assert_int_eq(disk_put_write(p, "weights!", 8, &err), E_CORRUPT);
    disk_put_abort(&p);
    ck_ok(disk_put_begin(f.disk, &k, 7, &p, &err), &err);
    ck_ok(disk_put_write(p, "weigh", 5, &err), &err);
    ck_assert_int_eq(disk_put_commit(&p, &err), E_CORRUPT);
    folder_check(&f);
    ck_assert_uint_eq(folder_charged(f.disk), 0);
    ck_ok(put(&k, "weights", 7), &err);
    folder_fini(&f);
}
END_TEST

/* Of one blob there is a file for each scope, now and after a restart. */
START_TEST(a_blob_is_found_in_its_scope_alone)
{
    struct disk_file file;
    struct disk_usage u;
    folder_init(&f, MIB);
    struct disk_key all = key_of("weights", 7), a = all, b = all, again;
    a.scope[DISK_SCOPE_BYTES - 1] = 1;
    b.scope[0] = 0xfe;
    ck_ok(put(&a, "weights", 7), &err);
    ck_assert_int_eq(put(&a, "weights", 7), E_EXISTS);
    ck_assert(!disk_has(f.disk, &b));
    ck_assert_int_eq(disk_ref(f.disk, &all, 7, &file, &err), E_NOT_FOUND);
    ck_ok(put(&all, "weights", 7), &err);
    ck_assert_int_eq(put(&b, "Weights", 7), E_CORRUPT);
    folder_check(&f);
    disk_close(&f.disk);
    folder_open(&f);
    disk_usage(f.disk, &u);
    ck_assert_uint_eq(u.files, 2);
    ck_assert_uint_eq(u.foreign, 0);
    ck_assert(disk_has(f.disk, &a));
    ck_assert(disk_has(f.disk, &all));
    ck_assert_int_eq(disk_ref(f.disk, &b, 7, &file, &err), E_NOT_FOUND);
    char name[DISK_NAME_MAX];
    uint64_t bytes;
    folder_name(&b, INT64_MAX, name);
    ck_assert(folder_name_read(name, &again, &bytes));
    ck_assert_mem_eq(again.scope, b.scope, sizeof(b.scope));
    name[0] = 'h'; /* heads have none */
    ck_assert(!folder_name_read(name, &again, &bytes));
    for (size_t n = strlen(name); n--;) {
        name[0] = 'b';
        name[n] = 0;
        ck_assert(!folder_name_read(name, &again, &bytes) || bytes != INT64_MAX);
    }
    folder_fini(&f);
}
END_TEST

START_TEST(heads_stand_under_the_object_and_its_tag)
{
    struct disk_key a, b, c;
    struct disk_file file;
    folder_init(&f, MIB);
    ck_assert_int_eq(disk_object_key(DISK_HEAD, "churn.roost", "1", &a), OK);
    ck_assert_int_eq(disk_object_key(DISK_HEAD, "churn.roost", "2", &b), OK);
    ck_assert_int_eq(disk_object_key(DISK_HEAD, "churn.roost1", "", &c), OK);
    ck_ok(put(&a, "page 0", 6), &err);
    ck_ok(disk_ref(f.disk, &a, UINT64_MAX, &file, &err), &err);
    ck_assert_uint_eq(file.bytes, 6);
    disk_unref(f.disk, &file);
    ck_assert(disk_has_mark(f.disk, DISK_HEAD, disk_mark(&a)));
    ck_assert(!disk_has_mark(f.disk, DISK_BLOB, disk_mark(&a)));
    ck_assert(!disk_has_mark(f.disk, DISK_HEAD, disk_mark(&b)));
    ck_assert_int_eq(disk_ref(f.disk, &b, UINT64_MAX, &file, &err), E_NOT_FOUND);
    ck_assert_int_eq(disk_ref(f.disk, &c, UINT64_MAX, &file, &err), E_NOT_FOUND);
    ck_assert_int_eq(disk_ref(f.disk, &a, 7, &file, &err), E_NOT_FOUND); /* another size */
    ck_assert_int_eq(disk_evict(f.disk, &a, &err), OK);
    ck_assert(!disk_has_mark(f.disk, DISK_HEAD, disk_mark(&a)));
    a.kind = DISK_BLOB;
    ck_assert_int_eq(disk_ref(f.disk, &a, UINT64_MAX, &file, &err), E_NOT_FOUND);
    folder_fini(&f);
}
END_TEST

static void put_block(uint8_t fill)
{
    uint8_t bytes[BLOCK];
    memset(bytes, fill, sizeof(bytes));
    struct disk_key k = key_of(bytes, sizeof(bytes));
    ck_ok(put(&k, bytes, sizeof(bytes)), &err);
}

static bool has_block(uint8_t fill)
{
    uint8_t bytes[BLOCK];
    struct disk_file file;
    memset(bytes, fill, sizeof(bytes));
    struct disk_key k = key_of(bytes, sizeof(bytes));
    if (disk_ref(f.disk, &k, BLOCK, &file, &err) != OK)
        return false;
    disk_unref(f.disk, &file);
    return true;
}

START_TEST(the_file_used_longest_ago_gives_way)
{
    folder_init(&f, 3 * BLOCK);
    put_block(1);
    put_block(2);
    put_block(3);
    ck_assert(has_block(1)); /* so 2 is the oldest */
    put_block(4);
    ck_assert(!has_block(2));
    ck_assert(has_block(1) && has_block(3) && has_block(4));
    ck_assert_uint_eq(folder_charged(f.disk), 3 * BLOCK);
    folder_check(&f);
    folder_fini(&f);
}
END_TEST

START_TEST(what_is_read_stays_and_stays_charged)
{
    uint8_t bytes[BLOCK], seen[BLOCK];
    struct disk_file file, again;
    struct disk_usage u;
    struct disk_put *p;
    folder_init(&f, 2 * BLOCK);
    memset(bytes, 1, sizeof(bytes));
    struct disk_key k = key_of(bytes, sizeof(bytes)), big = key_of("x", 1);
    ck_ok(put(&k, bytes, sizeof(bytes)), &err);
    ck_ok(disk_ref(f.disk, &k, BLOCK, &file, &err), &err);
    ck_assert_int_eq(disk_put_begin(f.disk, &big, 2 * BLOCK, &p, &err), E_NO_ROOM);
    ck_assert_int_eq(disk_put_begin(f.disk, &big, 2 * BLOCK + 1, &p, &err), E_NEVER_FITS);
    ck_ok(disk_evict(f.disk, &k, &err), &err);
    ck_assert_int_eq(disk_evict(f.disk, &k, &err), E_NOT_FOUND);
    ck_assert_int_eq(disk_ref(f.disk, &k, BLOCK, &again, &err), E_NOT_FOUND);
    disk_usage(f.disk, &u);
    ck_assert_uint_eq(u.budget.used[BUDGET_DRAINING], BLOCK);
    ck_assert_int_eq(disk_put_begin(f.disk, &big, 2 * BLOCK, &p, &err), E_NO_ROOM);
    ck_ok(disk_read(&file, 0, seen, BLOCK, &err), &err);
    ck_assert_mem_eq(seen, bytes, BLOCK);
    ck_ok(put(&k, bytes, sizeof(bytes)), &err); /* once more, beside the one that goes */
    disk_usage(f.disk, &u);
    ck_assert_uint_eq(u.budget.used[BUDGET_DRAINING], BLOCK);
    ck_assert_uint_eq(u.budget.used[BUDGET_RESIDENT], BLOCK);
    disk_unref(f.disk, &file);
    folder_check(&f);
    folder_fini(&f);
}
END_TEST

START_TEST(a_mapping_outlives_descriptor_and_name)
{
    uint8_t bytes[BLOCK];
    struct disk_file file;
    folder_init(&f, 2 * BLOCK);
    memset(bytes, 7, sizeof(bytes));
    struct disk_key k = key_of(bytes, sizeof(bytes));
    ck_ok(put(&k, bytes, sizeof(bytes)), &err);
    ck_ok(disk_ref(f.disk, &k, BLOCK, &file, &err), &err);
    void *map = mmap(NULL, BLOCK, PROT_READ, MAP_PRIVATE, file.fd, 0);
    ck_assert_ptr_ne(map, MAP_FAILED);
    disk_close_fd(&file);
    ck_ok(disk_evict(f.disk, &k, &err), &err);
    ck_assert_mem_eq(map, bytes, BLOCK);
    ck_assert_uint_eq(folder_charged(f.disk), BLOCK);
    munmap(map, BLOCK);
    disk_unref(f.disk, &file);
    ck_assert_uint_eq(folder_charged(f.disk), 0);
    folder_fini(&f);
}
END_TEST

/* Into places and from offsets that direct reads can take and cannot, from the page cache and not.
 */
START_TEST(reads_are_exact_wherever_they_go)
{
    enum { BYTES = 3 * MIB / 2 + 777 };
    uint8_t *bytes = alloc_aligned(BLOCK, BYTES + BLOCK),
            *got = alloc_aligned(BLOCK, BYTES + BLOCK);
    struct disk_file file;
    folder_init(&f, 4 * MIB);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_ptr_nonnull(got);
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 4096);
    struct disk_key k = key_of(bytes, BYTES);
    ck_ok(put(&k, bytes, BYTES), &err);
    ck_ok(disk_ref(f.disk, &k, BYTES, &file, &err), &err);
    for (int i = 0; i < 16; i++) {
        size_t shift = i & 1 ? 64 : 0, off = i & 2 ? BLOCK : i & 4 ? 100 : 0;
        size_t n = i & 8 ? BYTES - off : 256 * 1024;
        if (i % 3)
            ck_assert_int_eq(posix_fadvise(file.fd, i % 3 == 1 ? 0 : MIB, 0, POSIX_FADV_DONTNEED),
                             0);
        memset(got, 0xee, BYTES + BLOCK);
        ck_ok(disk_read(&file, off, got + shift, n, &err), &err);
        ck_assert_mem_eq(got + shift, bytes + off, n);
        ck_assert_uint_eq(got[shift + n], 0xee);
    }
    ck_assert_int_eq(disk_read(&file, 0, got, BYTES + 1, &err), E_CORRUPT);
    disk_unref(f.disk, &file);
    alloc_free(bytes);
    alloc_free(got);
    folder_fini(&f);
}
END_TEST

/* Whether it really comes meanwhile is the kernel's affair; what the tier promises is that nobody
 * notices otherwise. */
START_TEST(what_is_expected_is_no_use_of_the_file)
{
    struct disk_usage before, after;
    uint8_t bytes[BLOB_MAX];
    struct disk_key key;
    folder_init(&f, MIB);
    ck_ok(blob_put(f.disk, 1, &err), &err);
    const uint64_t n = blob_make(1, bytes, &key);
    ck_assert_uint_lt(n, DISK_DIRECT_LEAST);
    disk_usage(f.disk, &before);
    disk_fail_at(0, 0);
    disk_expect(f.disk, &key, n);
    ck_assert_uint_eq(disk_calls(), 3); /* open, look, tell */
    disk_expect(f.disk, &key, DISK_DIRECT_LEAST);
    ck_assert_uint_eq(disk_calls(), 3); /* it would come past the page cache */
    disk_expect(f.disk, &key, n + 1);   /* no such file */
    for (uint64_t call = 1; call <= 3; call++) {
        disk_fail_at(call, EIO);
        disk_expect(f.disk, &key, n);
    }
    disk_fail_at(0, 0);
    disk_usage(f.disk, &after);
    ck_assert_uint_eq(after.hits + after.misses, before.hits + before.misses);
    ck_assert(blob_there(f.disk, 1));
    folder_check(&f);
    folder_fini(&f);
}
END_TEST

START_TEST(a_restart_finds_the_files_in_their_order)
{
    char path[512];
    struct disk_usage u;
    folder_init(&f, MIB);
    for (uint32_t i = 1; i <= 3; i++)
        ck_ok(blob_put(f.disk, i, &err), &err);
    disk_close(&f.disk);
    for (uint32_t i = 1; i <= 3; i++) { /* 2 is the oldest, then 1, then 3 */
        const int64_t used_s[] = {0, 2000, 1000, 3000};
        const struct timespec at[2] = {{used_s[i], 0}, {used_s[i], 0}};
        ck_assert_int_eq(utimensat(AT_FDCWD, blob_path(&f, i, path), at, 0), 0);
    }
    folder_open(&f);
    folder_check(&f);
    disk_close(&f.disk);
    static uint8_t bytes[BLOB_MAX];
    struct disk_key k;
    f.limit = disk_charge(blob_make(1, bytes, &k)) + disk_charge(blob_make(3, bytes, &k));
    folder_open(&f);
    disk_usage(f.disk, &u);
    ck_assert_uint_eq(u.evicted, 1);
    folder_check(&f);
    ck_assert(blob_there(f.disk, 1) && blob_there(f.disk, 3) && !blob_there(f.disk, 2));
    disk_close(&f.disk);
    folder_open(&f); /* the uses were written down: both are of today */
    struct stat st;
    ck_assert_int_eq(stat(blob_path(&f, 1, path), &st), 0);
    ck_assert_int_gt(st.st_mtim.tv_sec, 1000000);
    folder_fini(&f);
}
END_TEST

static void foreign(const char *name, const char *text)
{
    char key[300];
    snprintf(key, sizeof(key), "tier/%s", name);
    tree_text(&f.tree, key, text);
}

START_TEST(foreign_files_are_left_alone)
{
    static const char *const names[] = {
        "README",
        "b-12-4",
        "new-",
        "new-0x1",
        "new-zz",
        "h-",
        "b-/..",
        "b-ABCDEF0000000000000000000000000000000000000000000000000000000000-4",
        "b-abcdef0000000000000000000000000000000000000000000000000000000000-04",
        "b-abcdef0000000000000000000000000000000000000000000000000000000000-4x",
        "x-abcdef0000000000000000000000000000000000000000000000000000000000-4",
    };
    char path[512];
    struct disk_usage u;
    uint32_t before, after;
    folder_init(&f, MIB);
    ck_ok(blob_put(f.disk, 1, &err), &err);
    disk_close(&f.disk);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (!strchr(names[i], '/'))
            foreign(names[i], "mine");
    foreign("folder/new-1", "mine");
    ck_assert_int_eq(symlink("README", blob_path(&f, 2, path)), 0);
    ck_assert_int_eq(mkfifo(blob_path(&f, 3, path), 0600), 0);
    ck_assert_int_eq(mkdir(blob_path(&f, 4, path), 0700), 0);
    folder_blocks(f.path, &before);
    foreign("new-1f", "left over"); /* ours */
    folder_open(&f);
    disk_usage(f.disk, &u);
    folder_blocks(f.path, &after);
    ck_assert_uint_eq(after, before);
    ck_assert_uint_eq(u.files, 1);
    ck_assert_uint_eq(u.corrupt, 0);
    ck_assert_uint_eq(u.foreign, ARRAY_COUNT(names) - 1 + 1 + 3);
    ck_assert(blob_there(f.disk, 1));
    for (uint32_t i = 2; i <= 4; i++) { /* a name that somebody has is not taken from him */
        ck_assert(!blob_there(f.disk, i));
        ck_assert_int_eq(blob_put(f.disk, i, &err), E_IO);
        ck_assert(!blob_there(f.disk, i));
    }
    folder_blocks(f.path, &after);
    ck_assert_uint_eq(after, before);
    folder_fini(&f);
}
END_TEST

START_TEST(a_file_of_another_size_goes)
{
    char path[512];
    struct disk_usage u;
    folder_init(&f, MIB);
    for (uint32_t i = 1; i <= 2; i++)
        ck_ok(blob_put(f.disk, i, &err), &err);
    ck_assert_int_eq(truncate(blob_path(&f, 1, path), 1), 0);
    ck_assert(!blob_there(f.disk, 1)); /* while it is open */
    ck_assert_int_ne(access(path, F_OK), 0);
    disk_close(&f.disk);
    ck_assert_int_eq(truncate(blob_path(&f, 2, path), 1 << 20), 0);
    folder_open(&f); /* and at the start */
    disk_usage(f.disk, &u);
    ck_assert_uint_eq(u.files, 0);
    ck_assert_uint_eq(u.corrupt, 1);
    folder_check(&f);
    folder_fini(&f);
}
END_TEST

START_TEST(a_file_that_was_replaced_is_forgotten_and_not_followed)
{
    char path[512], other[512];
    struct disk_usage u;
    folder_init(&f, MIB);
    for (uint32_t i = 1; i <= 3; i++)
        ck_ok(blob_put(f.disk, i, &err), &err);
    tree_text(&f.tree, "secret", "secret");
    ck_assert_int_eq(unlink(blob_path(&f, 1, path)), 0); /* a link */
    ck_assert_int_eq(symlink(tree_path(&f.tree, "secret", other), path), 0);
    ck_assert(!blob_there(f.disk, 1));
    ck_assert_int_eq(unlink(blob_path(&f, 2, path)), 0); /* nothing */
    ck_assert(!blob_there(f.disk, 2));
    static uint8_t bytes[BLOB_MAX]; /* another file of the same size */
    struct disk_key k;
    uint64_t n = blob_make(3, bytes, &k);
    char name[64];
    snprintf(name, sizeof(name), "other");
    tree_write(&f.tree, name, bytes, n);
    ck_assert_int_eq(rename(tree_path(&f.tree, name, other), blob_path(&f, 3, path)), 0);
    ck_assert(!blob_there(f.disk, 3));
    ck_assert_int_eq(access(path, F_OK), 0);
    disk_usage(f.disk, &u);
    ck_assert_uint_eq(u.corrupt, 3);
    ck_assert_uint_eq(u.files, 0);
    ck_assert_uint_eq(folder_charged(f.disk), 0);
    folder_fini(&f);
}
END_TEST

START_TEST(a_scrub_finds_what_was_damaged)
{
    char path[512];
    struct disk_cursor at = {0};
    struct disk_key head;
    uint64_t bytes, sum = 0, all = 0;
    static uint8_t buf[BLOB_MAX];
    struct disk_key k;
    struct disk_usage u;
    folder_init(&f, MIB);
    for (uint32_t i = 0; i < 6; i++) {
        ck_ok(blob_put(f.disk, i, &err), &err);
        all += blob_make(i, buf, &k);
    }
    ck_assert_int_eq(disk_object_key(DISK_HEAD, "a", "b", &head), OK);
    ck_ok(put(&head, "head", 4), &err);
    ck_assert_int_eq(chmod(blob_path(&f, 4, path), 0600), 0);
    int fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, "\xff", 1, 0), 1);
    close(fd);
    do {
        ck_ok(disk_scrub_next(f.disk, &at, &bytes, &err), &err);
        sum += bytes;
    } while (bytes);
    ck_assert_uint_eq(at.passes, 1);
    ck_assert_uint_eq(sum, all);
    disk_usage(f.disk, &u);
    ck_assert_uint_eq(u.corrupt, 1);
    ck_assert_uint_eq(u.hits, 0);
    for (uint32_t i = 0; i < 6; i++)
        ck_assert(blob_there(f.disk, i) == (i != 4));
    folder_check(&f);
    folder_fini(&f);
}
END_TEST

START_TEST(the_scrub_thread_ends_with_the_tier)
{
    folder_init(&f, MIB);
    for (uint32_t i = 0; i < 6; i++)
        ck_ok(blob_put(f.disk, i, &err), &err);
    ck_ok(disk_scrub_start(f.disk, 1, &err), &err);
    for (uint32_t i = 0; i < 6; i++)
        ck_assert(blob_there(f.disk, i));
    folder_fini(&f);
}
END_TEST

START_TEST(one_process_owns_the_folder)
{
    struct folder g = {.limit = MIB};
    folder_init(&f, MIB);
    memcpy(g.path, f.path, sizeof(g.path));
    ck_assert_int_eq(folder_try(&g, &err), E_USAGE);
    pid_t child = fork();
    if (child == 0)
        _exit(folder_try(&g, &err) == E_USAGE ? 0 : 1);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    disk_close(&f.disk);
    folder_open(&f);
    folder_fini(&f);
}
END_TEST

START_TEST(a_folder_that_is_not_ours_alone_is_refused)
{
    char other[512];
    folder_init(&f, MIB);
    disk_close(&f.disk);
    ck_assert_int_eq(chmod(f.path, 0750), 0);
    ck_assert_int_eq(folder_try(&f, &err), E_USAGE);
    ck_assert_int_eq(chmod(f.path, 0700), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(f.path, 1, 1), 0);
        ck_assert_int_eq(folder_try(&f, &err), E_USAGE);
        ck_assert_int_eq(chown(f.path, 0, 0), 0);
    } else {
        printf("SKIP a folder of another user: needs root\n");
    }
    tree_text(&f.tree, "plain", "file");
    tree_path(&f.tree, "plain", other);
    ck_assert_int_eq(disk_open(&(struct disk_config){other, MIB}, &f.disk, &err), E_USAGE);
    tree_path(&f.tree, "not/there", other);
    ck_assert_int_eq(disk_open(&(struct disk_config){other, MIB}, &f.disk, &err), E_IO);
    folder_fini(&f);
}
END_TEST

/* In a child, because the limit is the process's. */
START_TEST(a_file_system_that_takes_no_more_is_no_room)
{
    folder_init(&f, 64 * MIB);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit little = {BLOCK, BLOCK};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
    static uint8_t bytes[2 * BLOCK];
    struct disk_key k = key_of(bytes, sizeof(bytes));
    ck_assert_int_eq(put(&k, bytes, sizeof(bytes)), E_NO_ROOM);
    folder_check(&f);
    ck_assert_uint_eq(folder_charged(f.disk), 0);
    k = key_of(bytes, BLOCK);
    ck_ok(put(&k, bytes, BLOCK), &err);
    folder_fini(&f);
}
END_TEST

START_TEST(a_full_tmpfs_is_no_room)
{
    folder_init(&f, 64 * MIB);
    disk_close(&f.disk);
    if (mount("tmpfs", f.path, "tmpfs", 0, "size=64k,mode=700") != 0) {
        printf("SKIP a full tmpfs: mount: %s\n", strerror(errno));
        folder_fini(&f);
        return;
    }
    folder_open(&f);
    static uint8_t bytes[20 * BLOCK];
    struct disk_key k = key_of(bytes, sizeof(bytes));
    ck_assert_int_eq(put(&k, bytes, sizeof(bytes)), E_NO_ROOM);
    folder_check(&f);
    k = key_of(bytes, 10 * BLOCK);
    ck_ok(put(&k, bytes, 10 * BLOCK), &err);
    folder_check(&f);
    disk_close(&f.disk);
    ck_assert_int_eq(umount(f.path), 0);
    folder_fini(&f);
}
END_TEST

/* The time is printed, not judged: machines differ. */
START_TEST(many_files_are_taken_up)
{
    enum { FILES = LESS_UNDER_ASAN(100000, 10000) };
    struct disk_usage u;
    folder_init(&f, UINT64_C(1) << 40);
    disk_close(&f.disk);
    int dir = open(f.path, O_RDONLY | O_DIRECTORY);
    for (uint32_t i = 0; i < FILES; i++) {
        char name[DISK_NAME_MAX];
        struct disk_key k = {.kind = DISK_BLOB};
        ck_assert_int_eq(sha256_once(&i, sizeof(i), k.digest), OK);
        folder_name(&k, 0, name);
        int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0400);
        ck_assert_int_ge(fd, 0);
        close(fd);
    }
    close(dir);
    uint64_t began_us = clock_now_us();
    folder_open(&f);
    printf("disk: %d files taken up in %.0f ms\n", FILES,
           (double)(clock_now_us() - began_us) / 1e3);
    disk_usage(f.disk, &u);
    ck_assert_uint_eq(u.files, FILES);
    folder_fini(&f);
}
END_TEST

Suite *suite_disk(void)
{
    return SUITE("disk", what_was_put_is_found, bytes_that_are_not_their_name_do_not_enter,
                 a_blob_is_found_in_its_scope_alone, heads_stand_under_the_object_and_its_tag,
                 the_file_used_longest_ago_gives_way, what_is_read_stays_and_stays_charged,
                 a_mapping_outlives_descriptor_and_name, reads_are_exact_wherever_they_go,
                 what_is_expected_is_no_use_of_the_file, a_restart_finds_the_files_in_their_order,
                 foreign_files_are_left_alone, a_file_of_another_size_goes,
                 a_file_that_was_replaced_is_forgotten_and_not_followed,
                 a_scrub_finds_what_was_damaged, the_scrub_thread_ends_with_the_tier,
                 one_process_owns_the_folder, a_folder_that_is_not_ours_alone_is_refused,
                 a_file_system_that_takes_no_more_is_no_room, a_full_tmpfs_is_no_room,
                 many_files_are_taken_up);
}
