/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Opening whole artifacts: what is read, what is hashed, and in whose pages it comes to lie. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "artifact/blobs.h"
#include "base/alloc.h"
#include "mem/pool.h"
#include "metrics/metrics.h"
#include "runtime/program_priv.h"
#include "support/model.h"
#include "support/support.h"

static struct model m;
static char path[] = "/tmp/roost-open-XXXXXX";

static void write_path(const struct buf *file, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, file->data, n), (ssize_t)n);
    close(fd);
}

START_TEST(files_open_and_broken_ones_do_not)
{
    struct buf file;
    struct program *p;
    struct err err;
    close(mkstemp(path));
    model_mlp(&m, 1);
    model_write(&m, NULL, &file);
    write_path(&file, file.len);
    ck_ok(program_open_file(path, &p, &err), &err);
    program_free(&p);
    static const size_t cuts[] = {0, 100, 4096, 8192};
    for (size_t i = 0; i < ARRAY_COUNT(cuts); i++) {
        write_path(&file, cuts[i]);
        ck_assert_int_eq(program_open_file(path, &p, &err), E_CORRUPT);
        ck_assert_msg(strstr(err.msg, path), "%s", err.msg);
    }
    file.data[file.len - 1] ^= 1; /* in the blob's padding or its last byte */
    write_path(&file, file.len);
    ck_assert_int_eq(program_open_file(path, &p, &err), E_CORRUPT);
    ck_assert_msg(strstr(err.msg, "blob 0"), "%s", err.msg);
    unlink(path);
    ck_assert_int_eq(program_open_file(path, &p, &err), E_NOT_FOUND);
    ck_assert_int_eq(program_open_file("/", &p, &err), E_IO);
    buf_fini(&file);
}
END_TEST

/* A model whose blobs are worth remembering. */
static void write_large(struct buf *file)
{
    static float large[80000];
    model_init(&m);
    int32_t x = model_input(&m, "x", DT_F32, 1, (int64_t[]){ARRAY_COUNT(large)});
    int32_t c = model_const(&m, DT_F32, 1, (int64_t[]){ARRAY_COUNT(large)}, large);
    int32_t y = model_node(&m, "Add", 14, x, c, ARTIFACT_NO_TENSOR);
    model_output(&m, "y", y, DT_F32, 1, (int64_t[]){ARRAY_COUNT(large)});
    model_write(&m, NULL, file);
    write_path(file, file->len);
}

/* Opens path, and says how many bytes of blobs were hashed for it. */
static uint64_t hashed_bytes(void)
{
    const uint64_t before = metric_get(M_BLOBS_HASHED);
    struct program *p;
    struct err err;
    ck_ok(program_open_file(path, &p, &err), &err);
    program_free(&p);
    return metric_get(M_BLOBS_HASHED) - before;
}

/* Changes one byte of the file's blobs and sets the time of the last write back. */
static void change_in_secret(size_t at)
{
    struct stat before, after;
    uint8_t byte;
    int fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &before), 0);
    ck_assert_int_eq(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= 1;
    ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
    const struct timespec times[] = {before.st_atim, before.st_mtim};
    ck_assert_int_eq(futimens(fd, times), 0);
    ck_assert_int_eq(fstat(fd, &after), 0);
    ck_assert_int_eq(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
    ck_assert_int_eq(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    close(fd);
}

/* Until the file's times are so old that they tell the next write apart: a few seconds. */
static void wait_until_known(void)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    while (hashed_bytes())
        nanosleep(&pause, NULL);
}

/* Two opens right after a write: neither may trust the file's times yet. Judged only when both came
 * within a second of the write. */
START_TEST(a_file_that_was_just_written_is_hashed_each_time)
{
    struct buf file;
    struct stat st;
    uint64_t first, second;
    close(mkstemp(path));
    do {
        write_large(&file);
        first = hashed_bytes();
        second = hashed_bytes();
        ck_assert_int_eq(stat(path, &st), 0);
        buf_fini(&file);
    } while (time(NULL) > st.st_ctim.tv_sec + 1);
    ck_assert_uint_gt(first, 0);
    ck_assert_uint_eq(second, first);
    unlink(path);
}
END_TEST

/* Called before each pread of this program, the library's own included. */
static void (*before_pread)(off_t off);

ssize_t pread(int fd, void *to, size_t n, off_t off)
{
    if (before_pread)
        before_pread(off);
    return syscall(SYS_pread64, fd, to, n, off);
}

static size_t change_at;

static void change_under_the_read(off_t off)
{
    before_pread = NULL;
    if (off)
        change_in_secret(change_at);
    else
        before_pread = change_under_the_read; /* that was page 0 */
}

START_TEST(a_known_file_that_changes_while_it_is_read_is_hashed)
{
    struct buf file;
    struct program *p;
    struct err err;
    close(mkstemp(path));
    write_large(&file);
    wait_until_known();
    change_at = file.len - 100;
    before_pread = change_under_the_read;
    ck_assert_int_eq(program_open_file(path, &p, &err), E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.msg, "SHA-256"));
    change_in_secret(change_at);
    ck_ok(program_open_file(path, &p, &err), &err);
    program_free(&p);
    unlink(path);
    buf_fini(&file);
}
END_TEST

START_TEST(a_file_is_hashed_until_it_is_known_and_again_when_it_changed)
{
    struct buf file;
    struct program *p;
    struct err err;
    close(mkstemp(path));
    write_large(&file);
    ck_assert_uint_gt(hashed_bytes(), 0);
    wait_until_known();
    ck_assert_uint_eq(hashed_bytes(), 0);
    change_in_secret(file.len - 100);
    ck_assert_int_eq(program_open_file(path, &p, &err), E_CORRUPT);
    change_in_secret(file.len - 100); /* as it was, but who knows that? */
    ck_assert_uint_gt(hashed_bytes(), 0);
    wait_until_known();
    blobs_always_hash(true);
    ck_assert_uint_gt(hashed_bytes(), 0);
    ck_assert_uint_gt(hashed_bytes(), 0);
    blobs_always_hash(false);
    unlink(path);
    buf_fini(&file);
}
END_TEST

START_TEST(what_bind_takes_is_zeroed_whatever_stood_there)
{
    enum { BYTES = 4096 };
    static _Alignas(64) uint8_t junk[BYTES];
    struct binder b = {.bump = {junk, BYTES, 0}};
    struct err err;
    uint8_t *part;
    memset(junk, 0x5a, BYTES);
    for (uint64_t n = 1; n < 300; n += 37) {
        ck_ok(bind_take(&b, n, 1, &part, &err), &err);
        for (uint64_t i = 0; i < n; i++)
            ck_assert_uint_eq(part[i], 0);
    }
    ck_assert_int_eq(bind_take(&b, BYTES, 1, &part, &err), E_INTERNAL);
}
END_TEST

/* Two tenants' models, one after the other in the same pages: the second has nothing of the first
 * but what its own file says, neither in its constants nor in its answers. */
START_TEST(a_program_in_recycled_pages_is_as_one_in_fresh_ones)
{
    enum { SECRET = 0x5a };
    struct buf file;
    struct program *p;
    struct err err;
    model_mlp(&m, 1);
    model_write(&m, NULL, &file);
    const struct pool_limits limits = {.kept_max = 1 << 20, .total_max = UINT64_MAX};
    pool_set_limits(&(struct pool_limits){.total_max = UINT64_MAX});
    pool_set_limits(&limits);
    ck_ok(program_open_bytes(file.data, file.len, &p, &err), &err);
    const uint64_t bytes = program_resident_bytes(p);
    program_free(&p);
    struct region secret = {0};
    ck_assert_int_eq(region_init(&secret, bytes), OK);
    memset(secret.base, SECRET, secret.bytes);
    const void *at = secret.base;
    region_fini(&secret);
    ck_ok(program_open_bytes(file.data, file.len, &p, &err), &err);
    ck_assert_ptr_eq(p->bundle->region.base, at);
    ck_assert_mem_eq(p->bundle->region.base, file.data + p->p0.meta_bytes, p->p0.blob_bytes);
    for (uint32_t i = 0; i < p->p0.n_tensors; i++) {
        const struct tensor *had = &m.src.tensors[i].t, *t = &p->tensors[i].t;
        uint64_t n;
        if (p->tensors[i].class != CLASS_CONST)
            continue;
        ck_assert(tensor_bytes(t, &n));
        ck_assert_mem_eq(t->data, had->data, n);
    }
    ck_assert_str_eq(program_provenance(p), "{\"source\":\"test\"}");
    program_free(&p);
    buf_fini(&file);
}
END_TEST

START_TEST(every_failed_allocation_of_opening_is_an_error_without_a_leak)
{
    static int32_t table[20000];
    struct buf file;
    struct err err;
    close(mkstemp(path));
    model_mlp(&m, 1);
    m.tensors[model_const(&m, DT_I32, 1, (int64_t[]){ARRAY_COUNT(table)}, table)].compress = true;
    model_write(&m, NULL, &file);
    write_path(&file, file.len);
    const int64_t before = alloc_live();
    for (int from_file = 0; from_file < 2; from_file++) {
        uint64_t n = 0;
        enum status s;
        do {
            struct program *p;
            alloc_fail_at(++n);
            s = from_file ? program_open_file(path, &p, &err)
                          : program_open_bytes(file.data, file.len, &p, &err);
            uint64_t calls = alloc_calls();
            alloc_fail_at(0);
            ck_assert(calls < n ? s == OK : s == E_NO_MEMORY);
            if (s == OK)
                program_free(&p);
            ck_assert_int_eq(alloc_live(), before);
        } while (s != OK);
        ck_assert_uint_ge(n, 3);
    }
    unlink(path);
    buf_fini(&file);
}
END_TEST

static void answer(struct program *p, float *y)
{
    static float x[80000];
    struct session *session;
    struct arena arena;
    struct tensor out;
    struct err err;
    for (size_t i = 0; i < ARRAY_COUNT(x); i++)
        x[i] = (float)i / 7;
    const struct tensor in = {.dtype = DT_F32, .rank = 1, .dims = {ARRAY_COUNT(x)}, .data = x};
    arena_init(&arena, 1 << 30, NULL);
    ck_assert_int_eq(session_new(&arena, &session), OK);
    ck_ok(session_run(session, p, &in, &out, NULL, &err), &err);
    memcpy(y, out.data, sizeof(x));
    session_free(&session);
    arena_fini(&arena);
}

/* Read, and mapped: the same answers, bytes and proofs. */
START_TEST(a_mapped_program_is_as_one_that_was_read)
{
    static float read_y[80000], mapped_y[80000];
    struct buf file;
    struct program *read, *mapped;
    struct err err;
    close(mkstemp(path));
    write_large(&file);
    const uint64_t live = region_live_bytes();
    ck_ok(program_open_file(path, &read, &err), &err);
    ck_ok(program_map_file(path, &mapped, &err), &err);
    ck_assert_uint_eq(mapped->bundle->region.mapped_bytes, mapped->p0.blob_bytes / 4096 * 4096);
    ck_assert_uint_gt(mapped->bundle->region.mapped_bytes, 0);
    ck_assert_uint_eq(program_resident_bytes(mapped), program_resident_bytes(read));
    ck_assert(
        !memcmp(mapped->bundle->region.base, read->bundle->region.base, mapped->p0.blob_bytes));
    unlink(path); /* the name may go */
    answer(read, read_y);
    answer(mapped, mapped_y);
    ck_assert(!memcmp(read_y, mapped_y, sizeof(read_y)));
    program_free(&read);
    program_free(&mapped);
    ck_assert_uint_eq(region_live_bytes(), live);
    buf_fini(&file);
}
END_TEST

START_TEST(a_broken_file_is_not_mapped_either)
{
    struct buf file;
    struct program *p;
    struct err err;
    close(mkstemp(path));
    write_large(&file);
    const uint64_t live = region_live_bytes();
    const size_t blobs = file.len - 5000;
    file.data[blobs] ^= 1;
    write_path(&file, file.len);
    ck_assert_int_eq(program_map_file(path, &p, &err), E_CORRUPT);
    ck_assert_msg(strstr(err.msg, "blob"), "%s", err.msg);
    write_path(&file, file.len - 1);
    ck_assert_int_eq(program_map_file(path, &p, &err), E_CORRUPT);
    ck_assert_uint_eq(region_live_bytes(), live);
    unlink(path);
    ck_assert_int_eq(program_map_file(path, &p, &err), E_NOT_FOUND);
    buf_fini(&file);
}
END_TEST

Suite *suite_open(void)
{
    return SUITE("open", a_mapped_program_is_as_one_that_was_read,
                 a_broken_file_is_not_mapped_either, files_open_and_broken_ones_do_not,
                 a_file_that_was_just_written_is_hashed_each_time,
                 a_known_file_that_changes_while_it_is_read_is_hashed,
                 a_file_is_hashed_until_it_is_known_and_again_when_it_changed,
                 what_bind_takes_is_zeroed_whatever_stood_there,
                 a_program_in_recycled_pages_is_as_one_in_fresh_ones,
                 every_failed_allocation_of_opening_is_an_error_without_a_leak);
}
