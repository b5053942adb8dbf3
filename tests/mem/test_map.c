/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Regions that begin with a part of a file: what stands in them, what they count as, and what a
 * failure leaves. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "mem/pool.h"
#include "mem/region.h"
#include "support/support.h"

enum { PAGE = REGION_PAGE, FILE_BYTES = 20 * PAGE + 100 };

static char path[] = "/tmp/roost-map-XXXXXX";
static uint8_t bytes[FILE_BYTES];

static int make_file(void)
{
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i / PAGE + i * 3);
    ck_assert_int_eq(write(fd, bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
    unlink(path);
    strcpy(path, "/tmp/roost-map-XXXXXX");
    return fd;
}

START_TEST(the_file_then_memory_of_its_own)
{
    static const struct {
        uint64_t off, file, bytes;
    } cases[] = {
        {0, FILE_BYTES, FILE_BYTES}, {0, FILE_BYTES, FILE_BYTES + 3 * PAGE},
        {PAGE, 5 * PAGE, 5 * PAGE},  {2 * PAGE, 5 * PAGE + 1, 9 * PAGE},
        {3 * PAGE, 100, 4 * PAGE},   {0, 0, PAGE},
        {0, PAGE - 1, PAGE},
    };
    int fd = make_file();
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct region r;
        const struct region_file f = {fd, cases[i].off, cases[i].file};
        const uint64_t live = region_live_bytes(), n = region_round(cases[i].bytes);
        ck_assert_int_eq(region_map(&r, &f, cases[i].bytes, false), OK);
        ck_assert_uint_eq(r.bytes, n);
        ck_assert_uint_eq(r.mapped_bytes, cases[i].file / PAGE * PAGE);
        ck_assert_uint_eq(region_live_bytes(), live + n);
        uint8_t *base = r.base;
        ck_assert(!memcmp(base, bytes + cases[i].off, cases[i].file));
        memset(base + cases[i].file, 7, n - cases[i].file); /* its own */
        region_fini(&r);
        ck_assert_ptr_null(r.base);
        ck_assert_uint_eq(region_live_bytes(), live);
    }
    close(fd);
}
END_TEST

/* Huge pages of the file's cache are mapped whole where both lie alike. */
START_TEST(large_ones_lie_as_in_the_file)
{
    enum { HUGE = POOL_HUGE, LARGE = 3 * HUGE + 5 * PAGE };
    static const uint64_t offs[] = {0, PAGE, HUGE, HUGE + 7 * PAGE};
    int fd = make_file();
    ck_assert_int_eq(ftruncate(fd, 2 * LARGE), 0);
    for (size_t i = 0; i < ARRAY_COUNT(offs); i++) {
        struct region r;
        const struct region_file f = {fd, offs[i], LARGE - PAGE};
        ck_assert_int_eq(region_map(&r, &f, LARGE, false), OK);
        ck_assert_uint_eq((uintptr_t)r.base % HUGE, offs[i] % HUGE);
        ck_assert_uint_eq(r.bytes, LARGE);
        ((uint8_t *)r.base)[LARGE - 1] = 1; /* its own, to the end */
        region_fini(&r);
    }
    close(fd);
}
END_TEST

START_TEST(a_mapping_needs_neither_descriptor_nor_name)
{
    struct region r;
    int fd = make_file();
    ck_assert_int_eq(region_map(&r, &(struct region_file){fd, 0, FILE_BYTES}, FILE_BYTES, false),
                     OK);
    close(fd);
    ck_assert(!memcmp(r.base, bytes, FILE_BYTES));
    region_fini(&r);
}
END_TEST

/* Its pages are the page cache's: no region may get them next. */
START_TEST(mapped_pages_are_not_kept)
{
    struct region r;
    int fd = make_file();
    pool_set_limits(&(struct pool_limits){.total_max = UINT64_MAX});
    pool_set_limits(&(struct pool_limits){64 * PAGE, UINT64_MAX, false});
    ck_assert_int_eq(region_map(&r, &(struct region_file){fd, 0, FILE_BYTES}, FILE_BYTES, false),
                     OK);
    region_fini(&r);
    ck_assert_uint_eq(pool_kept_bytes(), 0);
    close(fd);
}
END_TEST

START_TEST(kept_pages_give_way_to_a_mapping)
{
    struct region r;
    int fd = make_file();
    pool_set_limits(&(struct pool_limits){64 * PAGE, 30 * PAGE, false});
    ck_assert_int_eq(region_init(&r, 25 * PAGE), OK);
    region_fini(&r);
    ck_assert_uint_eq(pool_kept_bytes(), 25 * PAGE);
    ck_assert_int_eq(region_map(&r, &(struct region_file){fd, 0, FILE_BYTES}, FILE_BYTES, false),
                     OK);
    ck_assert_uint_eq(pool_kept_bytes(), 9 * PAGE);
    region_fini(&r);
    pool_set_limits(&(struct pool_limits){POOL_KEPT_DEFAULT, UINT64_MAX, false});
    close(fd);
}
END_TEST

START_TEST(a_failure_leaves_nothing_counted)
{
    struct region r = {0};
    int fd = make_file();
    const struct region_file f = {fd, 0, FILE_BYTES};
    const uint64_t live = region_live_bytes();
    alloc_fail_at(1);
    ck_assert_int_eq(region_map(&r, &f, FILE_BYTES, false), E_NO_MEMORY);
    alloc_fail_at(0);
    ck_assert_int_eq(region_map(&r, &(struct region_file){-1, 0, FILE_BYTES}, FILE_BYTES, false),
                     E_IO);
    ck_assert_int_eq(region_map(&r, &f, UINT64_MAX - PAGE, false), E_NO_MEMORY);
    ck_assert_int_eq(ftruncate(fd, 2 * PAGE), 0); /* the rest cannot be read */
    ck_assert_int_eq(region_map(&r, &f, FILE_BYTES, false), E_IO);
    ck_assert_uint_eq(region_live_bytes(), live);
    ck_assert_ptr_null(r.base);
    close(fd);
}
END_TEST

START_TEST(a_locked_mapping_is_locked_or_refused)
{
    struct region r;
    int fd = make_file();
    const struct region_file f = {fd, 0, FILE_BYTES};
    enum status s = region_map(&r, &f, FILE_BYTES, true);
    if (s == OK) {
        ck_assert(!memcmp(r.base, bytes, FILE_BYTES));
        region_fini(&r);
    } else {
        printf("SKIP a locked mapping: this user may lock no memory\n");
    }
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    printf("SKIP the refusal of a lock: the sanitizer's mlock does nothing\n");
#else
    const struct rlimit none = {0, 0};
    ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0))
        ck_abort_msg("cannot become nobody");
    ck_assert_int_eq(region_map(&r, &f, FILE_BYTES, true), E_NO_MEMORY);
    ck_assert_int_eq(region_map(&r, &f, FILE_BYTES, false), OK);
    region_fini(&r);
#endif
    close(fd);
}
END_TEST

static sigjmp_buf written;

static void on_fault(int sig)
{
    siglongjmp(written, sig);
}

START_TEST(a_mapped_page_cannot_be_written_to)
{
    struct region r;
    int fd = make_file();
    ck_assert_int_eq(region_map(&r, &(struct region_file){fd, 0, FILE_BYTES}, FILE_BYTES, false),
                     OK);
    signal(SIGSEGV, on_fault);
    int sig = sigsetjmp(written, 1);
    if (!sig)
        *(volatile uint8_t *)r.base = 1;
    signal(SIGSEGV, SIG_DFL);
    ck_assert_int_eq(sig, SIGSEGV);
    region_fini(&r);
    close(fd);
}
END_TEST

Suite *suite_map(void)
{
    return SUITE("mapped regions", the_file_then_memory_of_its_own, large_ones_lie_as_in_the_file,
                 a_mapping_needs_neither_descriptor_nor_name, mapped_pages_are_not_kept,
                 kept_pages_give_way_to_a_mapping, a_failure_leaves_nothing_counted,
                 a_locked_mapping_is_locked_or_refused, a_mapped_page_cannot_be_written_to);
}
