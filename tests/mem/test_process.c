/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The process's own numbers move with what it does. */
#include "mem/process.h"

#include <string.h>
#include <unistd.h>

#include "mem/pool.h"
#include "mem/region.h"
#include "metrics/metrics.h"
#include "support/support.h"

START_TEST(rss_follows_touched_pages)
{
    enum { BYTES = 64 << 20 };
    struct process_usage before, during, after;
    struct region r = {0};
    pool_set_limits(&(struct pool_limits){.kept_max = 0, .total_max = UINT64_MAX});
    process_usage_read(&before);
    ck_assert_int_eq(region_init(&r, BYTES), OK);
    memset(r.base, 1, r.bytes);
    process_usage_read(&during);
    region_fini(&r);
    process_usage_read(&after);
    ck_assert_uint_gt(before.rss_bytes, 0);
    ck_assert_uint_ge(during.rss_bytes, before.rss_bytes + BYTES / 10 * 9);
    ck_assert_uint_lt(after.rss_bytes, before.rss_bytes + BYTES / 2);
}
END_TEST

START_TEST(descriptors_are_counted_exactly)
{
    struct process_usage before, during;
    process_usage_read(&before);
    int fd = dup(0);
    process_usage_read(&during);
    close(fd);
    ck_assert_uint_eq(during.open_fds, before.open_fds + 1);
}
END_TEST

START_TEST(the_gauges_are_set)
{
    process_gauges();
    ck_assert_uint_gt(metric_get(M_RSS), 0);
    ck_assert_uint_gt(metric_get(M_FDS), 0);
}
END_TEST

Suite *suite_process(void)
{
    return SUITE("process", rss_follows_touched_pages, descriptors_are_counted_exactly,
                 the_gauges_are_set);
}
