/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Many threads at once: pins, withdrawals, reloads, DELETEs, scratch and looks, seeded and bounded.
 * The source asserts its own account of held bytes against the limit at every step; everybody is
 * answered; at the end everything is back to zero. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/cache_priv.h"
#include "cache/policy/policy.h"
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { CLIENTS = 4, LOADERS = 3, OPS = 2500, NAMES = 60, SLOTS = 40, SCRATCH_MAX = 200 };

/* One waiter that a thread sleeps on. */
struct call {
    struct waiter waiter;
    struct lock lock; /* LOCK_LOOP; guards the rest */
    struct cond answered;
    int answers;
    enum status status;
    struct pin pin;
};

struct stress {
    struct fake *fake;
    atomic_uint_fast64_t deletes, drained;
    atomic_uint_fast64_t served, refused, withdrawn;
};

struct stress_thread {
    struct stress *stress;
    unsigned seed;
    pthread_t thread;
};

static void answered(struct waiter *w, enum status s, const struct pin *pin, const struct err *err)
{
    struct call *c = CONTAINER_OF(w, struct call, waiter);
    UNUSED(err);
    lock_take(&c->lock);
    c->answers++;
    c->status = s;
    if (s == OK)
        c->pin = *pin;
    cond_wake_all(&c->answered);
    lock_release(&c->lock);
}

static void wait_for_answer(struct call *c)
{
    lock_take(&c->lock);
    while (!c->answers)
        cond_wait(&c->answered, &c->lock, 0);
    lock_release(&c->lock);
}

static bool shares;                     /* the models have some in common */
static const struct policy_ops *policy; /* NULL: lru */
static struct tenant_rules rules;
static uint32_t stretch = CHOOSE_STRETCH;

/* Popular names are the low numbers. */
static void choose_name(unsigned *seed, char *name, size_t size)
{
    unsigned a = (unsigned)rand_r(seed) % NAMES, b = (unsigned)rand_r(seed) % NAMES;
    unsigned n = MIN(a, b);
    const char *kind = n % 20 == 19 ? "missing" : n % 20 == 18 ? "corrupt" : "m";
    int at = snprintf(name, size, "%s%u-%u", kind, n, 20 + n * 37 % 300);
    for (unsigned k = 0; shares && *kind == 'm' && kind[1] == 0 && k < n % 4; k++)
        at += snprintf(name + at, size - (size_t)at, "+%c%u", 'a' + (int)((n * 5 + k) % 7),
                       10 + (n * 5 + k) % 7 * 15);
}

static void use(struct stress *s, const struct pin *pin, const char *name)
{
    const struct fake_value *v = pin->value;
    ck_assert_str_eq(v->name, name);
    sched_yield();
    ck_assert_str_eq(v->name, name);
    for (uint32_t i = 0; i < v->n_shares; i++)
        ck_assert_int_ne(v->shares[i]->id, 0); /* not freed under who reads it */
    cache_unpin(s->fake->cache, pin);
    atomic_fetch_add(&s->served, 1);
}

static void invoke(struct stress *s, unsigned *seed)
{
    char name[MODEL_NAME_MAX + 1];
    struct call c = {.waiter = {.done = answered, .counts = true}};
    struct err err;
    choose_name(seed, name, sizeof(name));
    lock_init(&c.lock, LOCK_LOOP);
    cond_init(&c.answered);
    uint64_t now = atomic_fetch_add(&s->fake->now_us, 1000);
    switch (cache_pin(s->fake->cache, name, now, &c.waiter, &c.pin, &err)) {
    case PIN_READY:
        use(s, &c.pin, name);
        break;
    case PIN_FAILED:
        atomic_fetch_add(&s->refused, 1);
        break;
    case PIN_WAITING:
        if (rand_r(seed) % 8 == 0 && cache_cancel_wait(s->fake->cache, &c.waiter)) {
            atomic_fetch_add(&s->withdrawn, 1);
            break;
        }
        wait_for_answer(&c);
        ck_assert_int_eq(c.answers, 1);
        if (c.status == OK)
            use(s, &c.pin, name);
        else
            atomic_fetch_add(&s->refused, 1);
    }
    cond_fini(&c.answered);
    lock_fini(&c.lock);
}

/* A new version beside what is there, if anything is; it may be withdrawn like any wait. */
static void reload(struct stress *s, unsigned *seed)
{
    char name[MODEL_NAME_MAX + 1];
    struct call c = {.waiter = {.done = answered}};
    choose_name(seed, name, sizeof(name));
    lock_init(&c.lock, LOCK_LOOP);
    cond_init(&c.answered);
    uint64_t now = atomic_fetch_add(&s->fake->now_us, 1000);
    bool begun = cache_reload(s->fake->cache, name, NULL, now, &c.waiter);
    if (begun && !(rand_r(seed) % 4 == 0 && cache_cancel_wait(s->fake->cache, &c.waiter))) {
        wait_for_answer(&c);
        ck_assert_int_eq(c.answers, 1);
        if (c.status == OK)
            use(s, &c.pin, name);
    }
    cond_fini(&c.answered);
    lock_fini(&c.lock);
}

/* All that a thread does which looks for names that are due. */
static void sweep(struct stress *s)
{
    struct due_model d = {.name = ""};
    while (cache_due(s->fake->cache, &d, 100000, atomic_load(&s->fake->now_us)) != DUE_THROUGH)
        ;
}

static void count_drained(void *arg)
{
    struct stress *s = arg;
    atomic_fetch_add(&s->drained, 1);
}

static void delete_one(struct stress *s, unsigned *seed)
{
    char name[MODEL_NAME_MAX + 1];
    struct err err;
    choose_name(seed, name, sizeof(name));
    if (cache_unload(s->fake->cache, name, count_drained, s, &err) == OK)
        atomic_fetch_add(&s->deletes, 1);
}

static void scratch(struct stress *s, unsigned *seed)
{
    uint64_t bytes = 1 + (uint64_t)rand_r(seed) % SCRATCH_MAX;
    struct err err;
    if (cache_scratch_take(s->fake->cache, bytes, &err) != OK)
        return;
    uint64_t held = atomic_fetch_add(&s->fake->held_bytes, bytes) + bytes;
    ck_assert_uint_le(held, s->fake->limit_bytes);
    sched_yield();
    atomic_fetch_sub(&s->fake->held_bytes, bytes);
    cache_scratch_give(s->fake->cache, bytes);
}

static void look(struct stress *s, unsigned *seed)
{
    struct slot_info page[8];
    char name[MODEL_NAME_MAX + 1];
    choose_name(seed, name, sizeof(name));
    size_t n = cache_list(s->fake->cache, name, page, ARRAY_COUNT(page));
    for (size_t i = 0; i < n; i++)
        ck_assert_int_gt(strcmp(page[i].name, i ? page[i - 1].name : name), 0);
}

static void *client_main(void *arg)
{
    struct stress_thread *t = arg;
    for (int i = 0; i < OPS; i++) {
        int op = rand_r(&t->seed) % 100;
        if (op < 80)
            invoke(t->stress, &t->seed);
        else if (op < 88)
            delete_one(t->stress, &t->seed);
        else if (op < 91)
            reload(t->stress, &t->seed);
        else if (op < 92)
            sweep(t->stress);
        else if (op < 96)
            scratch(t->stress, &t->seed);
        else
            look(t->stress, &t->seed);
    }
    return NULL;
}

static void wait_until_idle(struct fake *f)
{
    uint64_t n[5];
    do {
        sched_yield();
        cache_counts(f->cache, n);
    } while (n[SLOT_LOADING] || n[SLOT_DRAINING]);
}

static void run(uint64_t limit_bytes, unsigned seed)
{
    const struct cache_config config = {.limit_bytes = limit_bytes,
                                        .slots_max = SLOTS,
                                        .policy = policy,
                                        .tenants = rules,
                                        .transient_bytes = limit_bytes / 5};
    struct stress s = {.fake = fake_new_with(FAKE_THREADS, &config)};
    struct stress_thread t[CLIENTS];
    struct err err;
    s.fake->cache->stretch = stretch;
    metrics_reset();
    ck_ok(cache_start(s.fake->cache, NULL, NULL, &err), &err);
    s.fake->faults = shares;
    fake_start(s.fake, LOADERS);
    for (unsigned i = 0; i < CLIENTS; i++) {
        t[i] = (struct stress_thread){.stress = &s, .seed = seed + i};
        ck_assert_int_eq(pthread_create(&t[i].thread, NULL, client_main, &t[i]), 0);
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        pthread_join(t[i].thread, NULL);
    wait_until_idle(s.fake);
    ck_assert_uint_eq(s.deletes, s.drained);
    ck_assert_uint_gt(s.served, 0);
    ck_assert_uint_gt(s.refused, 0);
    ck_assert_uint_gt(metric_get(M_LOOKUP_HIT), 0);
    ck_assert_uint_gt(metric_get(M_RELOADS_OK), 0);
    ck_assert_uint_gt(metric_get(M_EVICT_ROOM), 0);
    ck_assert_uint_gt(s.deletes, 0);
    ck_assert_uint_eq(fake_used(s.fake, BUDGET_RESERVED), 0);
    ck_assert_uint_eq(fake_used(s.fake, BUDGET_DRAINING), 0);
    ck_assert_uint_eq(fake_used(s.fake, BUDGET_SCRATCH), 0);
    ck_assert_uint_eq(fake_used(s.fake, BUDGET_RESIDENT), atomic_load(&s.fake->held_bytes));
    fake_free(s.fake);
}

START_TEST(everybody_is_answered_and_the_ledger_holds)
{
    run(3000, 1);
}
END_TEST

START_TEST(a_budget_for_two_or_three_models_holds_too)
{
    run(500, 100);
}
END_TEST

/* All at once, with loads that fail before and after they filled what others wait for. */
START_TEST(shares_are_there_for_all_who_hold_them)
{
    shares = true;
    run(3000, 7);
    run(700, 70);
}
END_TEST

/* The watching thread, those that decide and those that put events, all at once. */
START_TEST(policies_that_watch_change_nothing_of_it)
{
    const struct policy_ops *const all[] = {&policy_hazard, &policy_auto};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        policy = all[i];
        run(2000, 300 + (unsigned)i);
    }
}
END_TEST

/* Nearly all decisions take many holds of the lock, and meanwhile all the others go on. */
START_TEST(decisions_that_let_go_of_the_lock_change_nothing_of_it)
{
    static const struct tenant_rule one = {
        .name = TENANT_OTHERS, .weight = 1, .ttl_us = 2, .min_residency_us = 1};
    stretch = 1;
    run(2000, 400);
    shares = true;
    run(3000, 500);
    rules = (struct tenant_rules){.rules = &one, .n = 1};
    run(3000, 600);
    policy = &policy_hazard;
    run(2000, 700);
}
END_TEST

START_TEST(five_hundred_first_calls_load_once_with_threads)
{
    enum { EACH = 125 };
    static struct client clients[CLIENTS * EACH];
    struct fake *f = fake_new(FAKE_THREADS, 1000, SLOTS);
    fake_start(f, LOADERS);
    for (size_t i = 0; i < ARRAY_COUNT(clients); i++)
        client_pin(&clients[i], f, "a-100");
    wait_until_idle(f);
    for (size_t i = 0; i < ARRAY_COUNT(clients); i++) {
        while (clients[i].result == PIN_WAITING && !atomic_load(&clients[i].answers))
            sched_yield();
        ck_assert_int_eq(clients[i].status, OK);
        client_unpin(&clients[i], f);
    }
    ck_assert_uint_eq(f->load_count, 1);
    fake_free(f);
}
END_TEST

Suite *suite_stress(void)
{
    return SUITE("stress", everybody_is_answered_and_the_ledger_holds,
                 a_budget_for_two_or_three_models_holds_too, shares_are_there_for_all_who_hold_them,
                 policies_that_watch_change_nothing_of_it,
                 decisions_that_let_go_of_the_lock_change_nothing_of_it,
                 five_hundred_first_calls_load_once_with_threads);
}
