/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Who looks for new versions, and who knows of one. */
#include "catalog/refresh.h"

#include <sched.h>

#include "base/clock.h"
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"
#include "support/tree.h"

enum { LIMIT = 1000, SLOTS = 10 };

static const void *served(struct fake *f, const char *name)
{
    struct client k;
    ck_assert_int_eq(client_pin(&k, f, name), PIN_READY);
    client_unpin(&k, f);
    return k.pin.value;
}

START_TEST(who_changed_it_waits_until_it_is_replaced)
{
    struct fake *f = fake_new(FAKE_THREADS, LIMIT, SLOTS);
    struct client k;
    const atomic_bool cancelled = false;
    fake_start(f, 1);
    client_pin(&k, f, "a-100");
    while (!atomic_load(&k.answers))
        sched_yield();
    ck_ok(k.status, &k.err);
    refresh_now(f->cache, "a-100", &cancelled);
    ck_assert_ptr_ne(served(f, "a-100"), k.pin.value);
    client_unpin(&k, f);
    refresh_now(f->cache, "never-1", &cancelled); /* at once */
    fake_free(f);
}
END_TEST

START_TEST(nobody_waits_any_more_and_it_is_replaced_all_the_same)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k;
    const atomic_bool cancelled = true;
    client_pin(&k, f, "a-100");
    fake_load_next(f);
    ck_ok(k.status, &k.err);
    client_unpin(&k, f);
    refresh_now(f->cache, "a-100", &cancelled);
    ck_assert_ptr_eq(served(f, "a-100"), k.pin.value);
    fake_load_next(f);
    ck_assert_ptr_ne(served(f, "a-100"), k.pin.value);
    fake_free(f);
}
END_TEST

/* Invokes the model until the counter has moved. */
static void use_until(struct fake *f, enum metric m)
{
    const uint64_t before = metric_get(m);
    while (metric_get(m) == before) {
        atomic_store(&f->now_us, clock_now_us());
        served(f, "a-100");
        sched_yield();
    }
}

/* The fake's loads tell no content, so that whatever the store has is another. */
START_TEST(looks_are_counted_by_what_came_of_them)
{
    struct tree tree;
    struct store *store;
    struct refresh *r;
    struct client k;
    struct err err;
    struct fake *f = fake_new(FAKE_THREADS, LIMIT, SLOTS);
    tree_init(&tree);
    tree_text(&tree, "a-100.roost", "x");
    ck_ok(store_open(tree.path, &store, &err), &err);
    metrics_reset();
    fake_start(f, 1);
    client_pin(&k, f, "a-100");
    while (!atomic_load(&k.answers))
        sched_yield();
    client_unpin(&k, f);
    const struct refresh_config config = {store, f->cache, 1000};
    ck_ok(refresh_start(&config, &r, &err), &err);
    use_until(f, M_RELOADS_OK);
    ck_assert_uint_gt(metric_get(M_REFRESH_CHANGED), 0);
    tree_text(&tree, "_roost/models/a-100/current", "no number");
    use_until(f, M_REFRESH_FAILED);
    tree_fini(&tree);
    use_until(f, M_REFRESH_GONE);
    served(f, "a-100"); /* and that changes nothing */
    refresh_stop(&r);
    ck_assert_ptr_null(r);
    store_free(&store);
    fake_free(f);
}
END_TEST

Suite *suite_refresh(void)
{
    return SUITE("refresh", who_changed_it_waits_until_it_is_replaced,
                 nobody_waits_any_more_and_it_is_replaced_all_the_same,
                 looks_are_counted_by_what_came_of_them);
}
