/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Where many of those that are unused for the longest may not go: one hold of the lock looks at
 * some of them, and the next goes on behind these, whatever became of them meanwhile. */
#include <stdio.h>
#include <string.h>

#include "cache/cache_priv.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 400, NAME = 32, SECOND = 1000000, STRETCH = 2, YOUNG = 300 };
enum { LOOKS = LOOK_STRETCH * STRETCH };

static const struct tenant_rule others = {
    .name = TENANT_OTHERS, .weight = 1, .min_residency_us = 20 * SECOND};

/* YOUNG models, m0 the oldest, and one that is not young behind the first `before` of them. */
static struct fake *start(bool ruled, int before)
{
    const struct tenant_rules rules = {
        .rules = &others, .n = ruled, .min_residency_us = 20 * SECOND};
    struct fake *f = fake_new_ruled(FAKE_INLINE, LIMIT, SLOTS, &rules);
    char name[NAME];
    f->cache->stretch = STRETCH;
    atomic_store(&f->now_us, 1);
    client_touch(f, "old-1");
    atomic_store(&f->now_us, 30 * SECOND);
    for (int k = 0; k < YOUNG; k++) {
        if (k == before)
            client_touch(f, "old-1");
        snprintf(name, NAME, "m%d-1", k);
        client_touch(f, name);
    }
    if (before == YOUNG)
        client_touch(f, "old-1");
    return f;
}

/* One hold's part of a decision to free a byte. */
static enum chosen hold(struct fake *f, struct choice *x)
{
    gates_close(f->cache);
    if (!x->turn.goes_on)
        x->turn.goes_on = ++f->cache->decisions;
    x->bytes = 1;
    const enum chosen how = choose_some(f->cache, NULL, x);
    gates_open(f->cache);
    return how;
}

static void expect_old(const struct choice *x)
{
    ck_assert_ptr_nonnull(x->first);
    ck_assert_str_eq(x->first->name, "old-1");
    ck_assert_ptr_eq(x->first, x->last);
}

/* Looks are counted by holds: were one to look at more, there would be fewer. */
START_TEST(a_hold_looks_at_some_and_the_next_goes_on)
{
    for (int ruled = 0; ruled < 2; ruled++) {
        struct fake *f = start(ruled, YOUNG);
        struct choice x = {0};
        int holds = 1;
        for (; hold(f, &x) == CHOSEN_MANY; holds++)
            ck_assert_ptr_null(x.first);
        expect_old(&x);
        ck_assert_int_eq(holds, YOUNG / LOOKS + 1);
        fake_free(f);
    }
}
END_TEST

static struct tenant *tenant_of(struct fake *f)
{
    struct tenant *t = f->cache->tenants.everyone;
    for (struct tenant *k = f->cache->tenants.all; k && !t; k = k->next)
        t = k->slots ? k : NULL;
    return t;
}

static void nothing(void *arg)
{
    UNUSED(arg);
}

/* The last one that was looked at is asked for, or deleted, and so is the one before it: neither is
 * anybody passed over, nor looked at again. */
START_TEST(who_was_passed_may_move_or_go)
{
    for (int ruled = 0; ruled < 2; ruled++) {
        struct fake *f = start(ruled, 3 * LOOKS - 1);
        struct tenant *t = tenant_of(f);
        struct choice x = {0};
        struct err err;
        char name[NAME];
        for (int holds = 1; holds < 3; holds++) {
            ck_assert_int_eq(hold(f, &x), CHOSEN_MANY);
            for (int i = 0; i < 4; i++) {
                snprintf(name, NAME, "m%d-1", holds * LOOKS - 1 - i);
                gates_settle(f->cache);
                ck_assert_str_eq(t->passed->name, name);
                lock_release(&f->cache->lock);
                if (i % 2)
                    ck_ok(cache_unload(f->cache, name, nothing, NULL, &err), &err);
                else
                    client_touch(f, name);
            }
        }
        ck_assert_int_eq(hold(f, &x), CHOSEN_ENOUGH);
        expect_old(&x);
        fake_free(f);
    }
}
END_TEST

/* All that were passed are gone: it begins at the oldest. */
START_TEST(it_begins_again_where_all_that_were_passed_are_gone)
{
    for (int ruled = 0; ruled < 2; ruled++) {
        struct fake *f = start(ruled, LOOKS + 1);
        struct choice x = {0};
        struct err err;
        char name[NAME];
        ck_assert_int_eq(hold(f, &x), CHOSEN_MANY);
        for (int k = 0; k < LOOKS; k++) {
            snprintf(name, NAME, "m%d-1", k);
            ck_ok(cache_unload(f->cache, name, nothing, NULL, &err), &err);
        }
        ck_assert_int_eq(hold(f, &x), CHOSEN_ENOUGH);
        expect_old(&x);
        fake_free(f);
    }
}
END_TEST

/* A record's place is had in one hold: there is none to go on in. */
START_TEST(a_new_name_finds_who_goes_behind_many_who_may_not)
{
    const struct cache_config config = {.limit_bytes = LIMIT, .slots_max = 100};
    struct fake *f = fake_new_with(FAKE_INLINE, &config);
    struct client kept[99];
    char name[NAME];
    f->cache->stretch = STRETCH;
    for (int k = 0; k < 99; k++) {
        snprintf(name, NAME, "m%d-1", k);
        ck_assert_int_eq(client_pin(&kept[k], f, name), PIN_WAITING);
    }
    client_touch(f, "old-1");
    client_touch(f, "new-1");
    ck_assert_int_eq(fake_info(f, "new-1").state, SLOT_RESIDENT);
    for (int k = 0; k < 99; k++)
        client_unpin(&kept[k], f);
    fake_free(f);
}
END_TEST

/* Through the whole of a decision: those that are not young go, and nobody else. */
START_TEST(a_load_finds_them_behind_many_that_are_to_stay)
{
    for (int ruled = 0; ruled < 2; ruled++) {
        struct fake *f = start(ruled, YOUNG);
        client_touch(f, "last-699");
        ck_assert_int_eq(fake_info(f, "last-699").state, SLOT_RESIDENT);
        client_touch(f, "next-1"); /* the node is full */
        ck_assert_int_eq(fake_info(f, "next-1").state, SLOT_RESIDENT);
        ck_assert_int_eq(fake_info(f, "old-1").state, SLOT_ABSENT);
        ck_assert_int_eq(fake_info(f, "m0-1").state, SLOT_RESIDENT);
        client_touch(f, "more-1"); /* there are only young ones */
        ck_assert_int_eq(fake_info(f, "more-1").state, SLOT_RESIDENT);
        ck_assert_int_eq(fake_info(f, "m0-1").state, SLOT_ABSENT);
        ck_assert_int_eq(fake_info(f, "m1-1").state, SLOT_RESIDENT);
        fake_free(f);
    }
}
END_TEST

/* ---- between two holds of a load ---- */

struct step {
    struct pin pin; /* which moves nobody in the order of use */
    int unloads;
};

/* m10 is pinned when its turn comes, and no more when all others went. */
static void between(struct fake *f, const struct fake_value *v)
{
    struct step *s = f->arg;
    UNUSED(v);
    s->unloads++;
    if (s->unloads == 1)
        ck_assert(cache_pin_resident(f->cache, "m10-10", &s->pin));
    if (s->unloads == 60)
        cache_unpin(f->cache, &s->pin);
}

START_TEST(who_could_not_go_is_looked_at_again_before_a_refusal)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    struct step s = {.unloads = 0};
    char name[NAME];
    f->cache->stretch = STRETCH;
    for (int k = 0; k < LIMIT / 10; k++) {
        snprintf(name, NAME, "m%d-10", k);
        client_touch(f, name);
    }
    f->arg = &s;
    f->unloaded = between;
    client_touch(f, "large-1000");
    ck_assert_int_eq(fake_info(f, "large-1000").state, SLOT_RESIDENT);
    f->unloaded = NULL;
    fake_free(f);
}
END_TEST

Suite *suite_turn(void)
{
    return SUITE("turn", a_hold_looks_at_some_and_the_next_goes_on, who_was_passed_may_move_or_go,
                 it_begins_again_where_all_that_were_passed_are_gone,
                 a_new_name_finds_who_goes_behind_many_who_may_not,
                 a_load_finds_them_behind_many_that_are_to_stay,
                 who_could_not_go_is_looked_at_again_before_a_refusal);
}
