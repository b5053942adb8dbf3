/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A policy says who gives way and who is not kept: here one that the test scripts, then the real
 * ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/cache_priv.h"
#include "cache/policy/policy.h"
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 100, IDS = 4096, MODELS = 40, ROUNDS = 20000 };

/* ---- a policy that names the resident with the highest id, or nobody ---- */

struct script {
    struct policy policy;
    bool resident[IDS];
    bool silent, haughty; /* names nobody; admits nobody */
    uint64_t accesses, hits;
};

static struct script *script_of(struct policy *p)
{
    return CONTAINER_OF(p, struct script, policy);
}

static void script_free(struct policy **p)
{
    free(script_of(*p));
    *p = NULL;
}

static enum status script_reserve(struct policy *p, uint32_t ids)
{
    UNUSED(p);
    return ids <= IDS ? OK : E_NO_MEMORY;
}

static enum status script_create(const struct policy_config *c, struct policy **out);

static void script_access(struct policy *p, uint32_t id, uint64_t now_us,
                          const struct policy_meta *m, bool hit)
{
    UNUSED(id);
    UNUSED(now_us);
    ck_assert_uint_gt(m->bytes, 0);
    script_of(p)->accesses++;
    script_of(p)->hits += hit;
}

static void script_insert(struct policy *p, uint32_t id, uint64_t now_us,
                          const struct policy_meta *m)
{
    UNUSED(now_us);
    UNUSED(m);
    ck_assert(!script_of(p)->resident[id]);
    script_of(p)->resident[id] = true;
}

static void script_remove(struct policy *p, uint32_t id, enum policy_why why)
{
    if (why == POLICY_EVICTED)
        ck_assert(script_of(p)->resident[id]);
    script_of(p)->resident[id] = false;
}

static size_t script_victims(struct policy *p, const struct policy_need *need, uint32_t *out,
                             size_t n)
{
    size_t count = 0;
    for (uint32_t id = IDS - 1; id && count < MIN(n, 1); id--)
        if (script_of(p)->resident[id] && !script_of(p)->silent && need->evictable(need->arg, id))
            out[count++] = id;
    return count;
}

static bool script_admit(struct policy *p, uint32_t id, uint64_t now_us, const uint32_t *victims,
                         size_t n)
{
    UNUSED(id);
    UNUSED(now_us);
    UNUSED(victims);
    ck_assert_uint_gt(n, 0);
    return !script_of(p)->haughty;
}

static const struct policy_ops policy_script = {
    .name = "script",
    .create = script_create,
    .free = script_free,
    .reserve = script_reserve,
    .access = script_access,
    .insert = script_insert,
    .remove = script_remove,
    .victims = script_victims,
    .admit = script_admit,
};

static enum status script_create(const struct policy_config *c, struct policy **out)
{
    struct script *s = calloc(1, sizeof(*s));
    ck_assert_ptr_nonnull(s);
    ck_assert_uint_eq(c->cap_bytes, LIMIT);
    s->policy.ops = &policy_script;
    *out = &s->policy;
    return OK;
}

static struct fake *scripted(enum fake_mode mode, uint64_t transient_bytes, struct script **script)
{
    const struct cache_config c = {.limit_bytes = LIMIT,
                                   .slots_max = SLOTS,
                                   .policy = &policy_script,
                                   .transient_bytes = transient_bytes};
    metrics_reset();
    struct fake *f = fake_new_with(mode, &c);
    *script = script_of(f->cache->policy);
    return f;
}

static void nothing(void *arg)
{
    UNUSED(arg);
}

static void expect_state(struct fake *f, const char *name, enum slot_state state)
{
    ck_assert_int_eq(fake_info(f, name).state, state);
}

START_TEST(whom_the_policy_names_goes)
{
    struct script *script;
    struct fake *f = scripted(FAKE_INLINE, 0, &script);
    client_touch(f, "a-300");
    client_touch(f, "b-300");
    client_touch(f, "c-300");
    client_touch(f, "d-300"); /* c is the youngest that is there: the policy's choice */
    expect_state(f, "a-300", SLOT_RESIDENT);
    expect_state(f, "b-300", SLOT_RESIDENT);
    expect_state(f, "c-300", SLOT_ABSENT);
    client_touch(f, "a-300");
    tell_all(f->cache);
    ck_assert_uint_eq(script->accesses, 5);
    ck_assert_uint_eq(script->hits, 1);
    client_touch(f, "e-800"); /* several, one call after another */
    expect_state(f, "a-300", SLOT_ABSENT);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 4);
    fake_free(f);
}
END_TEST

START_TEST(where_it_names_nobody_the_longest_unused_go)
{
    struct script *script;
    struct fake *f = scripted(FAKE_INLINE, 0, &script);
    client_touch(f, "a-300");
    client_touch(f, "b-300");
    client_touch(f, "c-300");
    client_touch(f, "a-300");
    script->silent = true;
    client_touch(f, "d-400");
    expect_state(f, "b-300", SLOT_ABSENT);
    expect_state(f, "a-300", SLOT_RESIDENT);
    fake_free(f);
}
END_TEST

START_TEST(what_is_pinned_is_not_named)
{
    struct script *script;
    struct fake *f = scripted(FAKE_INLINE, 0, &script);
    struct client k;
    client_touch(f, "a-500");
    ck_assert_int_eq(client_pin(&k, f, "b-500"), PIN_WAITING);
    client_touch(f, "c-500");
    expect_state(f, "a-500", SLOT_ABSENT);
    expect_state(f, "b-500", SLOT_RESIDENT);
    client_unpin(&k, f);
    fake_free(f);
}
END_TEST

static void *unload_one(void *fake)
{
    fake_unload_next(fake);
    return NULL;
}

/* All who waited for it are served; whoever comes then loads it again. */
START_TEST(a_model_worth_less_is_served_and_not_kept)
{
    struct script *script;
    struct fake *f = scripted(FAKE_MANUAL, 400, &script);
    struct client first, second, later;
    pthread_t unloads;
    client_touch(f, "a-900");
    script->haughty = true;
    ck_assert_int_eq(client_pin(&first, f, "b-300"), PIN_WAITING);
    ck_assert_int_eq(client_pin(&second, f, "b-300"), PIN_WAITING);
    ck_assert_int_eq(pthread_create(&unloads, NULL, unload_one, f), 0);
    fake_load_next(f);
    pthread_join(unloads, NULL);
    ck_assert_int_eq(first.status, OK);
    ck_assert_int_eq(second.status, OK);
    expect_state(f, "b-300", SLOT_DRAINING);
    ck_assert_uint_eq(metric_get(M_EVICT_TRANSIENT), 1);
    ck_assert_uint_eq(f->cache->transient_bytes, 300);
    client_unpin(&first, f);
    ck_assert_uint_eq(fake_unloads_queued(f), 0);
    client_unpin(&second, f);
    fake_unload_next(f);
    expect_state(f, "b-300", SLOT_ABSENT);
    ck_assert_uint_eq(f->cache->transient_bytes, 0);
    ck_assert_uint_eq(fake_used(f, BUDGET_DRAINING), 0);
    ck_assert_int_eq(client_pin(&later, f, "b-300"), PIN_WAITING);
    fake_load_next(f); /* into free bytes: nothing was to go for it */
    client_unpin(&later, f);
    expect_state(f, "b-300", SLOT_RESIDENT);
    fake_free(f);
}
END_TEST

START_TEST(beyond_the_transient_area_a_model_is_kept)
{
    struct script *script;
    struct fake *f = scripted(FAKE_INLINE, 400, &script);
    struct client k, other;
    client_touch(f, "a-900");
    script->haughty = true;
    client_touch(f, "b-500"); /* does not fit there at all */
    expect_state(f, "b-500", SLOT_RESIDENT);
    client_touch(f, "c-500");
    ck_assert_int_eq(client_pin(&k, f, "d-300"), PIN_WAITING);
    expect_state(f, "d-300", SLOT_DRAINING);
    ck_assert_int_eq(client_pin(&other, f, "e-300"), PIN_WAITING); /* not any more */
    expect_state(f, "e-300", SLOT_RESIDENT);
    client_unpin(&k, f);
    client_unpin(&other, f);
    fake_free(f);
}
END_TEST

START_TEST(a_model_that_was_asked_to_be_resident_is_kept)
{
    struct script *script;
    struct fake *f = scripted(FAKE_INLINE, 400, &script);
    struct client k;
    client_touch(f, "a-900");
    script->haughty = true;
    ck_assert_int_eq(client_load(&k, f, "b-300"), PIN_WAITING);
    client_unpin(&k, f);
    expect_state(f, "b-300", SLOT_RESIDENT);
    fake_free(f);
}
END_TEST

START_TEST(a_cancelled_transient_load_leaves_nothing)
{
    struct script *script;
    struct fake *f = scripted(FAKE_MANUAL, 400, &script);
    struct client k;
    struct err err;
    pthread_t unloads;
    client_touch(f, "a-900");
    script->haughty = true;
    ck_assert_int_eq(client_pin(&k, f, "b-300"), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    ck_assert_int_eq(pthread_create(&unloads, NULL, unload_one, f), 0);
    ck_ok(fake_reserve(f, &call, &err), &err);
    pthread_join(unloads, NULL);
    ck_assert_uint_eq(f->cache->transient_bytes, 300);
    fake_fail_load(f, &call, E_STORE);
    ck_assert_int_eq(k.status, E_STORE);
    ck_assert_uint_eq(f->cache->transient_bytes, 0);
    fake_free(f);
}
END_TEST

/* ---- the real ones ---- */

/* Draws a model, small numbers often. */
static void draw_name(char *name, size_t n)
{
    unsigned a = (unsigned)rand() % MODELS, b = (unsigned)rand() % MODELS, m = MIN(a, b);
    snprintf(name, n, "m%u-%u", m, 20 + 17 * m % 150);
}

static void step(struct fake *f, struct client *held, size_t n_held)
{
    char name[32];
    struct client *k = &held[(unsigned)rand() % n_held];
    struct err err;
    draw_name(name, sizeof(name));
    atomic_fetch_add(&f->now_us, 1 + (uint64_t)rand() % 100000);
    if (k->pin.slot) {
        client_unpin(k, f);
        memset(k, 0, sizeof(*k));
    } else if (rand() % 50 == 0) {
        enum status s = cache_unload(f->cache, name, nothing, NULL, &err);
        ck_assert(s == OK || s == E_NOT_FOUND);
    } else if (rand() % 20 == 0) {
        client_touch(f, name);
    } else {
        enum pin_result r = client_pin(k, f, name);
        if (r == PIN_FAILED || k->status != OK)
            memset(k, 0, sizeof(*k));
    }
}

static uint64_t resident_bytes(struct fake *f)
{
    uint64_t sum = 0;
    lock_take(&f->cache->lock);
    for (struct lru_link *l = lru_next(&f->cache->live, NULL); l; l = lru_next(&f->cache->live, l))
        sum += CONTAINER_OF(l, struct slot, link)->bytes;
    lock_release(&f->cache->lock);
    return sum;
}

/* Nobody else's are looked at for them, though they are worth less. */
START_TEST(of_a_tenants_models_the_policy_names_some)
{
    static const struct tenant_rule rules[] = {{.name = "a", .weight = 1},
                                               {.name = "b", .weight = 1}};
    const struct cache_config c = {.limit_bytes = LIMIT,
                                   .slots_max = SLOTS,
                                   .policy = &policy_gdsf,
                                   .tenants = {.rules = rules, .n = ARRAY_COUNT(rules)}};
    struct fake *f = fake_new_with(FAKE_INLINE, &c);
    for (int i = 0; i < 5; i++)
        client_touch(f, "a/often-200");
    client_touch(f, "b/least-300");
    client_touch(f, "a/twice-150");
    client_touch(f, "a/twice-150");
    client_touch(f, "a/once-250");
    client_touch(f, "b/new-200");
    ck_assert_int_eq(fake_info(f, "a/once-250").state, SLOT_ABSENT);
    ck_assert_int_eq(fake_info(f, "a/often-200").state, SLOT_RESIDENT);
    ck_assert_int_eq(fake_info(f, "b/least-300").state, SLOT_RESIDENT);
    fake_free(f);
}
END_TEST

/* The source asserts the limit at every step; here, that nothing is counted twice or forgotten. */
START_TEST(every_policy_keeps_the_ledger)
{
    const struct cache_config c = {.limit_bytes = LIMIT,
                                   .slots_max = 30,
                                   .policy = policy_table()[_i],
                                   .transient_bytes = 200};
    struct client held[4] = {{.status = OK}};
    srand((unsigned)_i + 1);
    metrics_reset();
    struct fake *f = fake_new_with(FAKE_INLINE, &c);
    for (int i = 0; i < ROUNDS; i++) {
        step(f, held, ARRAY_COUNT(held));
        ck_assert_uint_eq(fake_used(f, BUDGET_RESIDENT), resident_bytes(f));
        ck_assert_uint_eq(f->cache->promised, 0);
        ck_assert_uint_le(f->cache->transient_bytes, 200);
    }
    ck_assert_uint_gt(metric_get(M_EVICT_ROOM), ROUNDS / 100);
    ck_assert(_i == 0 || f->cache->policy);
    for (size_t i = 0; i < ARRAY_COUNT(held); i++)
        if (held[i].pin.slot)
            client_unpin(&held[i], f);
    ck_assert_uint_eq(f->cache->transient_bytes, 0);
    fake_free(f);
}
END_TEST

/* Touches drawn models; notes for each how it was found and how often it was evicted by then. */
static uint64_t run_lru(const struct policy_ops *ops, uint64_t *found)
{
    const struct cache_config c = {.limit_bytes = LIMIT, .slots_max = SLOTS, .policy = ops};
    struct fake *f = fake_new_with(FAKE_INLINE, &c);
    uint64_t evictions = 0;
    srand(7);
    for (int i = 0; i < ROUNDS; i++) {
        char name[32];
        draw_name(name, sizeof(name));
        atomic_fetch_add(&f->now_us, 1000);
        found[i] = (uint64_t)client_touch(f, name);
        found[i] += fake_info(f, name).evictions << 8;
        evictions += found[i] >> 8;
    }
    ck_assert((ops == NULL) == (f->cache->policy == NULL));
    fake_free(f);
    return evictions;
}

/* The server's list and the policy that replays traffic choose alike. */
START_TEST(the_list_and_the_policy_lru_choose_alike)
{
    static uint64_t by_list[ROUNDS], by_twin[ROUNDS];
    struct policy_ops twin = policy_lru; /* another table: so it is asked as any policy is */
    ck_assert_uint_gt(run_lru(NULL, by_list), ROUNDS);
    run_lru(&twin, by_twin);
    ck_assert_mem_eq(by_list, by_twin, sizeof(by_list));
}
END_TEST

Suite *suite_choose(void)
{
    Suite *s = suite_create("choose");
    TCase *t = tcase_create("choose");
    tcase_add_test(t, whom_the_policy_names_goes);
    tcase_add_test(t, where_it_names_nobody_the_longest_unused_go);
    tcase_add_test(t, what_is_pinned_is_not_named);
    tcase_add_test(t, a_model_worth_less_is_served_and_not_kept);
    tcase_add_test(t, beyond_the_transient_area_a_model_is_kept);
    tcase_add_test(t, a_model_that_was_asked_to_be_resident_is_kept);
    tcase_add_test(t, a_cancelled_transient_load_leaves_nothing);
    tcase_add_test(t, of_a_tenants_models_the_policy_names_some);
    tcase_add_loop_test(t, every_policy_keeps_the_ledger, 0, 4);
    tcase_add_test(t, the_list_and_the_policy_lru_choose_alike);
    suite_add_tcase(s, t);
    return s;
}
