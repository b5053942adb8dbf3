/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The records of models: pages in name order, the bound on their number, counts by state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "cache/cache_priv.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000000, SLOTS = 4000 };

static void nothing(void *arg)
{
    UNUSED(arg);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

START_TEST(pages_hold_every_record_once_in_name_order)
{
    enum { NAMES = 3000 };
    static char names[NAMES][24];
    static char *sorted[NAMES];
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(names[i], sizeof(names[i]), "t%u/m%u-1", i % 10, i * 7919u % 10007u);
        sorted[i] = names[i];
        client_touch(f, names[i]);
    }
    qsort(sorted, NAMES, sizeof(sorted[0]), by_name);
    static struct slot_info page[NAMES + 1];
    static const size_t sizes[] = {7, 1000, 1001, NAMES, NAMES + 1}; /* some take several looks */
    for (size_t k = 0; k < ARRAY_COUNT(sizes); k++) {
        char after[MODEL_NAME_MAX + 1] = "";
        size_t seen = 0, n;
        while ((n = cache_list(f->cache, after, page, sizes[k]))) {
            ck_assert_uint_eq(n, MIN(sizes[k], NAMES - seen));
            for (size_t i = 0; i < n; i++)
                ck_assert_str_eq(page[i].name, sorted[seen + i]);
            seen += n;
            memcpy(after, page[n - 1].name, sizeof(after));
        }
        ck_assert_uint_eq(seen, NAMES);
    }
    ck_assert_uint_eq(cache_list(f->cache, "", page, 0), 0);
    ck_assert_uint_eq(cache_list(f->cache, "t5", page, 1), 1);
    ck_assert_int_eq(strncmp(page[0].name, "t5/", 3), 0);
    fake_free(f);
}
END_TEST

/* Is every child's name on its side, and no child's hash above its parent's? Returns the size. */
static uint32_t check_tree(const struct slot *n, const char *low, const char *high)
{
    if (!n)
        return 0;
    ck_assert(!low || strcmp(low, n->name) < 0);
    ck_assert(!high || strcmp(n->name, high) < 0);
    ck_assert(!n->left || n->left->hash <= n->hash);
    ck_assert(!n->right || n->right->hash <= n->hash);
    return 1 + check_tree(n->left, low, n->name) + check_tree(n->right, n->name, high);
}

START_TEST(the_table_finds_what_was_added_and_not_removed)
{
    enum { NAMES = 300, STEPS = 5000 };
    struct slot *slots[NAMES];
    bool in[NAMES] = {false};
    struct table t;
    unsigned seed = 5;
    uint32_t count = 0;
    ck_assert_int_eq(table_init(&t, 64), OK);
    for (int i = 0; i < NAMES; i++) {
        char name[16];
        snprintf(name, sizeof(name), "m%d", i);
        slots[i] = slot_new(name, hash_name(name), false);
    }
    for (int step = 0; step < STEPS; step++) {
        int i = rand_r(&seed) % NAMES;
        if (in[i])
            table_remove(&t, slots[i]);
        else
            table_add(&t, slots[i]);
        in[i] = !in[i];
        count += in[i] ? 1 : UINT32_MAX;
        int j = rand_r(&seed) % NAMES;
        ck_assert_ptr_eq(table_find(&t, slots[j]->name, slots[j]->hash), in[j] ? slots[j] : NULL);
        ck_assert_uint_eq(t.count, count);
        if (step % 100 == 0)
            ck_assert_uint_eq(check_tree(t.root, NULL, NULL), count);
    }
    for (int i = 0; i < NAMES; i++)
        alloc_free(slots[i]);
    table_fini(&t);
}
END_TEST

START_TEST(the_oldest_idle_record_makes_place_for_a_new_one)
{
    struct fake *f = fake_new(FAKE_INLINE, 100, 3);
    struct client k;
    struct slot_info i;
    client_touch(f, "a-100");
    ck_assert_int_eq(client_pin(&k, f, "corrupt-1"), PIN_WAITING);
    client_touch(f, "b-100");
    ck_assert_int_eq(fake_info(f, "a-100").state, SLOT_ABSENT);
    ck_assert_int_eq(fake_info(f, "corrupt-1").state, SLOT_FAILED);
    client_touch(f, "c-100");
    ck_assert(!cache_info(f->cache, "corrupt-1", &i));
    client_touch(f, "d-100");
    ck_assert(!cache_info(f->cache, "a-100", &i));
    ck_assert(cache_info(f->cache, "b-100", &i));
    ck_assert(cache_info(f->cache, "c-100", &i));
    fake_free(f);
}
END_TEST

static void cost_nobody_a_record(bool resident)
{
    struct fake *f = fake_new(FAKE_INLINE, 100, 3);
    struct client k;
    struct slot_info i;
    const char *const names[] = {"a-100", resident ? "b-0" : "b-100", resident ? "c-0" : "c-100"};
    for (int n = 0; n < 3; n++)
        client_touch(f, names[n]);
    for (int n = 0; n < 10; n++) {
        char name[32];
        snprintf(name, sizeof(name), "missing%d-1", n);
        ck_assert_int_eq(client_pin(&k, f, name), PIN_WAITING);
        ck_assert_int_eq(k.status, E_NOT_FOUND);
        ck_assert(!cache_info(f->cache, name, &i));
    }
    for (int n = 0; n < 3; n++)
        ck_assert_int_eq(fake_info(f, names[n]).state,
                         resident || n == 2 ? SLOT_RESIDENT : SLOT_ABSENT);
    ck_assert_uint_eq(f->cache->guests, 0);
    fake_free(f);
}

START_TEST(unknown_names_cost_no_known_model_its_record)
{
    cost_nobody_a_record(false);
    cost_nobody_a_record(true);
}
END_TEST

START_TEST(a_model_that_cannot_be_loaded_is_known_where_all_records_are_in_use)
{
    struct fake *f = fake_new(FAKE_INLINE, 100, 2);
    struct client k;
    struct slot_info i;
    client_touch(f, "a-100");
    client_touch(f, "b-100");
    ck_assert_int_eq(client_pin(&k, f, "corrupt-1"), PIN_WAITING);
    ck_assert_int_eq(fake_info(f, "corrupt-1").state, SLOT_FAILED);
    ck_assert(!cache_info(f->cache, "a-100", &i));
    ck_assert_int_eq(client_pin(&k, f, "corrupt-1"), PIN_FAILED); /* its back-off */
    ck_assert_uint_eq(f->cache->table.count, 2);
    fake_free(f);
}
END_TEST

/* It finds out once it is known to exist that everybody else is in use by now. */
START_TEST(a_guest_without_a_place_is_refused_and_leaves)
{
    struct fake *f = fake_new(FAKE_MANUAL, 100, 1);
    struct client a, b, gone;
    struct err err;
    struct slot_info i;
    client_touch(f, "a-1");
    ck_assert_int_eq(client_pin(&b, f, "b-1"), PIN_WAITING);
    ck_assert_uint_eq(f->cache->guests, 1);
    ck_assert_int_eq(client_pin(&a, f, "a-1"), PIN_READY);
    fake_load_next(f);
    ck_assert_int_eq(b.status, E_NO_ROOM);
    ck_assert(!cache_info(f->cache, "b-1", &i));
    ck_assert_uint_eq(f->cache->guests, 0);
    client_unpin(&a, f);
    ck_assert_int_eq(client_pin(&gone, f, "c-1"), PIN_WAITING); /* cancelled, and asked for again */
    ck_ok(cache_unload(f->cache, "c-1", nothing, NULL, &err), &err);
    ck_assert_int_eq(client_pin(&b, f, "c-1"), PIN_WAITING);
    ck_assert_uint_eq(f->cache->guests, 1);
    fake_load_next(f);
    ck_assert_uint_eq(f->cache->table.count, 2);
    fake_load_next(f);
    while (fake_unloads_queued(f))
        fake_unload_next(f);
    ck_assert_int_eq(b.status, OK);
    ck_assert_uint_eq(f->cache->guests, 0);
    ck_assert_uint_eq(f->cache->table.count, 1);
    client_unpin(&b, f);
    fake_free(f);
}
END_TEST

START_TEST(a_resident_record_makes_place_when_none_is_idle)
{
    struct fake *f = fake_new(FAKE_INLINE, 100, 2);
    struct client a, b, c;
    struct slot_info i;
    client_touch(f, "a-1");
    ck_assert_int_eq(client_pin(&b, f, "b-1"), PIN_WAITING);
    client_touch(f, "c-1");
    ck_assert(!cache_info(f->cache, "a-1", &i));
    ck_assert_uint_eq(fake_used(f, BUDGET_RESIDENT), 2);
    ck_assert_int_eq(client_pin(&c, f, "c-1"), PIN_READY);
    ck_assert_int_eq(client_pin(&a, f, "a-1"), PIN_FAILED);
    ck_assert_int_eq(a.err.code, E_NO_ROOM);
    ck_assert_uint_eq(a.waiter.retry_after_s, 1);
    client_unpin(&b, f);
    client_unpin(&c, f);
    client_touch(f, "a-1");
    fake_free(f);
}
END_TEST

/* All records are in use, and there is no room for the new model: nobody goes for its record. */
START_TEST(who_is_refused_cost_nobody_his_memory)
{
    struct fake *f = fake_new(FAKE_INLINE, 100, 2);
    struct client b, k;
    struct slot_info i;
    client_touch(f, "a-10");
    ck_assert_int_eq(client_pin(&b, f, "b-80"), PIN_WAITING);
    ck_assert_int_eq(client_pin(&k, f, "c-95"), PIN_WAITING);
    ck_assert_int_eq(k.status, E_NO_ROOM);
    ck_assert_int_eq(fake_info(f, "a-10").state, SLOT_RESIDENT);
    ck_assert(!cache_info(f->cache, "c-95", &i));
    ck_assert_uint_eq(f->cache->guests, 0);
    client_unpin(&b, f);
    client_touch(f, "d-15"); /* a has to go, and gives its record too */
    ck_assert(!cache_info(f->cache, "a-10", &i));
    ck_assert_int_eq(fake_info(f, "b-80").state, SLOT_RESIDENT);
    ck_assert_int_eq(fake_info(f, "d-15").state, SLOT_RESIDENT);
    ck_assert_uint_eq(f->cache->guests, 0);
    fake_free(f);
}
END_TEST

/* A decision of many victims, which go in several holds: their records are there by its end. */
START_TEST(a_guest_that_many_give_way_to_has_a_record)
{
    struct fake *f = fake_new(FAKE_INLINE, 100, 10);
    struct slot_info i;
    struct client k;
    struct err err;
    char name[16];
    f->cache->stretch = 2;
    for (int n = 0; n < 10; n++) {
        snprintf(name, sizeof(name), "m%d-10", n);
        client_touch(f, name);
    }
    f->mode = FAKE_MANUAL;
    ck_assert_int_eq(client_pin(&k, f, "large-70"), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    f->mode = FAKE_INLINE; /* what is evicted is free at once */
    ck_ok(fake_reserve(f, &call, &err), &err);
    ck_assert_uint_eq(f->cache->guests, 0);
    ck_assert_uint_eq(f->cache->table.count, 10);
    ck_assert(!cache_info(f->cache, "m0-10", &i));
    fake_finish_load(f, &call);
    client_unpin(&k, f);
    fake_free(f);
}
END_TEST

START_TEST(slots_are_counted_by_state)
{
    struct fake *f = fake_new(FAKE_MANUAL, 1000, 100);
    struct client k;
    struct err err;
    uint64_t n[5];
    client_touch(f, "a-100");
    client_touch(f, "b-200");
    ck_assert_int_eq(client_pin(&k, f, "corrupt-1"), PIN_WAITING);
    fake_load_next(f);
    ck_assert_int_eq(client_pin(&k, f, "c-100"), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    fake_fail_load(f, &call, E_NO_ROOM);
    ck_assert_int_eq(client_pin(&k, f, "d-300"), PIN_WAITING);
    call = fake_next_load(f);
    ck_ok(fake_reserve(f, &call, &err), &err);
    cache_counts(f->cache, n);
    ck_assert_uint_eq(n[SLOT_ABSENT], 1);
    ck_assert_uint_eq(n[SLOT_LOADING], 1);
    ck_assert_uint_eq(n[SLOT_RESIDENT], 2);
    ck_assert_uint_eq(n[SLOT_DRAINING], 0);
    ck_assert_uint_eq(n[SLOT_FAILED], 1);
    struct budget_usage u;
    cache_usage(f->cache, &u);
    ck_assert_uint_eq(u.used[BUDGET_RESERVED], 300);
    ck_assert_uint_eq(u.used[BUDGET_RESIDENT], 300);
    ck_assert_uint_eq(u.limit, 1000);
    ck_assert_uint_eq(u.peak, 600);
    fake_finish_load(f, &call);
    client_unpin(&k, f);
    fake_free(f);
}
END_TEST

/* A node has a record of each name that was ever asked for: one block of the heap, and a second one
 * only where there are words of a failure. With 100,000 names each byte here is 100 KB. */
START_TEST(a_record_is_one_small_block)
{
    enum {
        NAMES = 500,
        MOST = 512 - 64
    }; /* and 64 bytes of name, in the largest class that fits */
    char name[32];
    struct fake *f = fake_new(FAKE_INLINE, 1, SLOTS);
    ck_assert_uint_le(sizeof(struct slot), MOST);
    client_touch(f, "first-1");
    const int64_t before = alloc_live();
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(name, sizeof(name), "customer%u-1", i);
        client_touch(f, name);
    }
    ck_assert_int_eq(alloc_live(), before + NAMES);
    fake_free(f);
}
END_TEST

/* Loads name, which fails with code. */
static void load_badly(struct fake *f, const char *name, enum status code)
{
    struct client k;
    ck_assert_int_eq(client_pin(&k, f, name), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    fake_fail_load(f, &call, code);
}

START_TEST(words_of_a_failure_are_kept_only_while_they_are_true)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k;
    const int64_t before = alloc_live();
    load_badly(f, "a-1", E_CORRUPT);
    load_badly(f, "b-1", E_CANCELLED); /* nothing is said of the model, and no record is left */
    ck_assert_int_eq(alloc_live(), before + 2);
    f->now_us += 60 * UINT64_C(1000000);
    load_badly(f, "a-1", E_UNSUPPORTED); /* instead of the other */
    ck_assert_str_eq(fake_info(f, "a-1").last_error.msg, "a-1: unsupported");
    ck_assert_int_eq(alloc_live(), before + 2);
    f->now_us += 60 * UINT64_C(1000000);
    ck_assert_int_eq(client_pin(&k, f, "a-1"), PIN_WAITING);
    fake_load_next(f);
    ck_assert_int_eq(fake_info(f, "a-1").last_error.code, OK);
    ck_assert_int_eq(alloc_live(), before + 2); /* the record, and the fake's value */
    client_unpin(&k, f);
    fake_free(f);
}
END_TEST

static void forget(void *arg)
{
    UNUSED(arg);
}

START_TEST(words_go_with_the_record_to_a_fresh_slot)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k, again;
    struct err err;
    load_badly(f, "a-1", E_CORRUPT);
    f->now_us += 60 * UINT64_C(1000000);
    ck_assert_int_eq(client_pin(&k, f, "a-1"), PIN_WAITING);
    struct fake_call cancelled = fake_next_load(f);
    ck_ok(cache_unload(f->cache, "a-1", forget, NULL, &err), &err);
    ck_assert_int_eq(client_pin(&again, f, "a-1"), PIN_WAITING);
    fake_fail_load(f, &cancelled, E_CANCELLED);
    ck_assert_str_eq(fake_info(f, "a-1").last_error.msg, "a-1: corrupt");
    fake_load_next(f);
    client_unpin(&again, f);
    fake_free(f);
}
END_TEST

START_TEST(a_failure_without_memory_for_its_words_is_told_by_its_status)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k;
    ck_assert_int_eq(client_pin(&k, f, "a-1"), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    alloc_fail_at(1);
    fake_fail_load(f, &call, E_CORRUPT);
    alloc_fail_at(0);
    ck_assert_str_eq(k.err.msg, "a-1: corrupt"); /* who waited for it has them all the same */
    ck_assert_int_eq(client_pin(&k, f, "a-1"), PIN_FAILED);
    ck_assert_int_eq(k.err.code, E_CORRUPT);
    ck_assert_str_eq(k.err.msg, "corrupt");
    ck_assert_str_eq(fake_info(f, "a-1").last_error.msg, "corrupt");
    fake_free(f);
}
END_TEST

START_TEST(every_state_has_its_word)
{
    ck_assert_str_eq(slot_state_text(SLOT_ABSENT), "absent");
    ck_assert_str_eq(slot_state_text(SLOT_LOADING), "loading");
    ck_assert_str_eq(slot_state_text(SLOT_RESIDENT), "resident");
    ck_assert_str_eq(slot_state_text(SLOT_DRAINING), "draining");
    ck_assert_str_eq(slot_state_text(SLOT_FAILED), "failed");
}
END_TEST

Suite *suite_records(void)
{
    return SUITE(
        "records", pages_hold_every_record_once_in_name_order,
        the_table_finds_what_was_added_and_not_removed,
        the_oldest_idle_record_makes_place_for_a_new_one,
        unknown_names_cost_no_known_model_its_record,
        a_model_that_cannot_be_loaded_is_known_where_all_records_are_in_use,
        a_guest_without_a_place_is_refused_and_leaves,
        a_resident_record_makes_place_when_none_is_idle, who_is_refused_cost_nobody_his_memory,
        a_guest_that_many_give_way_to_has_a_record, slots_are_counted_by_state,
        a_record_is_one_small_block, words_of_a_failure_are_kept_only_while_they_are_true,
        words_go_with_the_record_to_a_fresh_slot,
        a_failure_without_memory_for_its_words_is_told_by_its_status, every_state_has_its_word);
}
