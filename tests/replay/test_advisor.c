/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The advisor beside a cache that serves: what it hears, and that it begins and ends well. */
#include "replay/advisor.h"

#include <time.h>

#include "base/alloc.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 100, TRIES = 4000 };

/* The first report in which so many invocations were heard of. */
static void wait_heard(struct advisor *a, uint64_t n, struct advisor_report *r)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    for (int i = 0; i < TRIES; i++) {
        advisor_read(a, r);
        if (r->heard >= n)
            return;
        nanosleep(&pause, NULL);
    }
    ck_abort_msg("%llu of %llu were heard", (unsigned long long)r->heard, (unsigned long long)n);
}

START_TEST(it_says_what_more_memory_would_bring)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    struct advisor *a = NULL;
    struct advisor_report r;
    struct err err;
    ck_ok(advisor_start(f->cache, &a, &err), &err);
    advisor_read(a, &r);
    ck_assert_uint_eq(r.limit_bytes, LIMIT);
    ck_assert(!r.looked_back);
    ck_ok(cache_start(f->cache, NULL, NULL, &err), &err);
    ck_ok(cache_scratch_take(f->cache, 100, &err), &err);
    for (int i = 0; i < 90; i++) { /* three of 400 bytes in turn, in 900 */
        static const char *const names[] = {"a-400", "b-400", "c-400"};
        f->now_us += 1000;
        ck_assert_int_eq(client_touch(f, names[i % 3]), LOOKUP_MISS);
    }
    wait_heard(a, 90, &r);
    ck_assert_uint_eq(r.models_bytes, LIMIT - 100);
    ck_assert_uint_eq(r.lost, 0);
    for (int i = 0; i < ADVISOR_POINTS; i++) {
        const struct advisor_point *p = &r.points[i];
        ck_assert_uint_eq(p->memory_bytes, (uint64_t)(p->of * LIMIT));
        bool fits =
            p->memory_bytes >= 1400; /* 1200 and the arenas; 1250 falls into a bin's middle */
        if (fits || p->memory_bytes < 1250)
            ck_assert_double_eq_tol(p->at.hit_rate, fits ? 87.0 / 90 : 0, 1e-9);
    }
    ck_assert(r.looked_back);
    ck_assert_uint_eq(r.regret.invocations, 90);
    ck_assert_double_gt(r.regret.ratio, 0);
    ck_assert_uint_eq(r.n_policies, 3);
    cache_scratch_give(f->cache, 100);
    advisor_stop(a);
    client_touch(f, "d-10"); /* told to nobody any more */
    cache_free(&f->cache);
    advisor_free(&a);
    ck_assert_ptr_null(a);
    fake_free(f);
}
END_TEST

/* A publish, of a version that takes other bytes: hits of it are hits. */
START_TEST(a_reloaded_model_is_hit_as_before)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    const struct load_need need = {.bytes = 300};
    struct advisor *a = NULL;
    struct advisor_report r;
    struct client k;
    struct err err;
    ck_ok(advisor_start(f->cache, &a, &err), &err);
    ck_ok(cache_start(f->cache, NULL, NULL, &err), &err);
    ck_assert_int_eq(client_touch(f, "a-400"), LOOKUP_MISS);
    f->mode = FAKE_MANUAL;
    ck_assert(client_reload(&k, f, "a-400", NULL));
    struct fake_call call = fake_next_load(f);
    ck_ok(cache_load_reserve(f->cache, call.slot, &need, &err), &err);
    fake_finish_load(f, &call);
    client_unpin(&k, f);
    f->mode = FAKE_INLINE;
    fake_unload_next(f);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(client_touch(f, "a-400"), LOOKUP_HIT);
    wait_heard(a, 4, &r);
    ck_assert_double_eq(r.points[3].of, 1);
    ck_assert_double_eq_tol(r.points[3].at.hit_rate, 0.75, 1e-9);
    advisor_stop(a);
    cache_free(&f->cache);
    advisor_free(&a);
    fake_free(f);
}
END_TEST

START_TEST(without_memory_it_does_not_start)
{
    for (uint64_t n = 1;; n++) {
        struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
        struct advisor *a = NULL;
        struct err err;
        alloc_fail_at(n);
        enum status s = advisor_start(f->cache, &a, &err);
        bool past = alloc_calls() < n;
        alloc_fail_at(0);
        if (past) {
            ck_ok(s, &err);
            advisor_stop(a);
        } else {
            ck_assert_int_eq(s, E_NO_MEMORY);
            ck_assert_ptr_null(a);
        }
        cache_free(&f->cache);
        advisor_free(&a);
        fake_free(f);
        if (past)
            break;
    }
}
END_TEST

Suite *suite_advisor(void)
{
    return SUITE("advisor", it_says_what_more_memory_would_bring, a_reloaded_model_is_hit_as_before,
                 without_memory_it_does_not_start);
}
