/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What every policy of src/cache/policy/policy.h promises, and lru and gdsf step by step against
 * models that are written here as plainly as can be. */
#include "cache/policy/policy.h"

#include <string.h>

#include "base/alloc.h"
#include "cache/policy/shadow.h"
#include "support/support.h"

enum { IDS = 60, STEPS = 30000, MANY = 3000 };

static uint64_t state;

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) * below >> 32);
}

static struct policy *create(const struct policy_ops *ops, uint32_t ids, uint64_t cap)
{
    struct policy *p = NULL;
    struct policy_config c = {cap, ids, 7};
    ck_assert_int_eq(ops->create(&c, &p), OK);
    return p;
}

static struct policy_meta meta_of(uint32_t id)
{
    return (struct policy_meta){.bytes = 1 + id * 37 % 100, .reload_us = 1000 + id * 7919 % 5000};
}

/* ---- plain models ---- */

struct plain {
    bool gdsf;
    bool in[IDS];
    double key[IDS]; /* the lowest goes first */
    double uses[IDS], age, clock;
};

static void plain_rank(struct plain *m, uint32_t id)
{
    struct policy_meta meta = meta_of(id);
    m->key[id] =
        m->gdsf ? m->age + m->uses[id] * (double)meta.reload_us / (double)meta.bytes : ++m->clock;
}

static void plain_access(struct plain *m, uint32_t id)
{
    if (!m->in[id])
        return;
    m->uses[id]++;
    plain_rank(m, id);
}

static void plain_insert(struct plain *m, uint32_t id)
{
    m->in[id] = true;
    m->uses[id] = 1;
    plain_rank(m, id);
}

static void plain_remove(struct plain *m, uint32_t id, enum policy_why why)
{
    if (m->in[id] && why == POLICY_EVICTED && m->key[id] > m->age)
        m->age = m->key[id];
    m->in[id] = false;
}

static bool odd_only(void *arg, uint32_t id)
{
    const uint32_t *salt = arg;
    return (id ^ *salt) % 3 != 0;
}

static size_t plain_victims(const struct plain *m, const struct policy_need *need, uint32_t *out)
{
    bool named[IDS] = {false};
    uint64_t have = 0;
    size_t n = 0;
    while (have < need->bytes) {
        int best = -1;
        for (int i = 0; i < IDS; i++)
            if (m->in[i] && !named[i] && need->evictable(need->arg, (uint32_t)i) &&
                (best < 0 || m->key[i] < m->key[best]))
                best = i;
        if (best < 0)
            break;
        named[best] = true;
        out[n++] = (uint32_t)best;
        have += meta_of((uint32_t)best).bytes;
    }
    return n;
}

static void follows_plain(const struct policy_ops *ops, bool gdsf)
{
    struct policy *p = create(ops, IDS, 1000);
    struct plain m = {.gdsf = gdsf};
    uint32_t got[IDS], want[IDS];
    state = 99;
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t id = draw(IDS), salt = draw(1000);
        struct policy_meta meta = meta_of(id);
        ops->access(p, id, step, &meta, m.in[id]);
        plain_access(&m, id);
        if (!m.in[id] && draw(2)) {
            ops->insert(p, id, step, &meta);
            plain_insert(&m, id);
        }
        struct policy_need need = {
            .bytes = 1 + draw(200), .now_us = step, .evictable = odd_only, .arg = &salt};
        size_t n = ops->victims(p, &need, got, IDS);
        ck_assert_uint_eq(n, plain_victims(&m, &need, want));
        ck_assert_mem_eq(got, want, n * sizeof(*got));
        enum policy_why why = draw(8) ? POLICY_EVICTED : POLICY_FORGOTTEN;
        for (size_t i = 0; i < n && draw(3); i++) {
            ops->remove(p, got[i], why);
            plain_remove(&m, got[i], why);
        }
    }
    ops->free(&p);
    ck_assert_ptr_null(p);
}

/* Told which of them may go, it names whom it would name of all by a filter. The longest unused
 * come first in what lru and auto are told, others are told in any order. */
static void names_among(const struct policy_ops *ops)
{
    const bool ordered = ops == &policy_lru || ops == &policy_auto;
    struct policy *p = create(ops, IDS, 1000);
    uint32_t among[IDS], got[IDS], want[IDS];
    bool in[IDS] = {false};
    size_t most = 0;
    state = 7;
    for (uint32_t step = 1; step < STEPS / 3; step++) {
        uint32_t id = draw(IDS), salt = draw(1000);
        struct policy_meta meta = meta_of(id);
        ops->access(p, id, step, &meta, in[id]);
        if (!in[id])
            ops->insert(p, id, step, &meta);
        in[id] = true;
        struct policy_need need = {
            .bytes = UINT64_MAX, .now_us = step, .evictable = odd_only, .arg = &salt};
        const size_t all = ops->victims(p, &need, among, IDS);
        need.bytes = 1 + draw(200);
        const size_t n = ops->victims(p, &need, want, IDS / 2);
        for (size_t i = 0; !ordered && i < all / 2; i++) {
            const uint32_t other = among[i];
            among[i] = among[all - 1 - i];
            among[all - 1 - i] = other;
        }
        need = (struct policy_need){
            .bytes = need.bytes, .now_us = step, .among = among, .n_among = all};
        ck_assert_uint_eq(ops->victims(p, &need, got, IDS / 2), n);
        ck_assert_mem_eq(got, want, n * sizeof(*got));
        most = MAX(most, n);
        for (size_t i = 0; i < n && draw(3); i++) {
            ops->remove(p, got[i], POLICY_EVICTED);
            in[got[i]] = false;
        }
    }
    ck_assert_uint_gt(most, 2);
    ops->free(&p);
}

START_TEST(among_some_it_names_whom_it_would_of_all)
{
    for (const struct policy_ops *const *ops = policy_table(); *ops; ops++)
        names_among(*ops);
}
END_TEST

static bool refuses(void *arg, uint32_t id)
{
    UNUSED(id);
    ++*(uint32_t *)arg;
    return false;
}

static void looks(const struct policy_ops *ops)
{
    enum { LOOKS = 96 };
    struct policy *p = create(ops, MANY, 1000000);
    uint32_t looked = 0, got[8];
    for (uint32_t id = 1; id < MANY; id++) {
        struct policy_meta meta = meta_of(id % IDS);
        ops->access(p, id, id, &meta, false);
        ops->insert(p, id, id, &meta);
    }
    const struct policy_need need = {
        .bytes = UINT64_MAX, .now_us = MANY, .evictable = refuses, .arg = &looked, .looks = LOOKS};
    ck_assert_uint_eq(ops->victims(p, &need, got, ARRAY_COUNT(got)), 0);
    ck_assert_uint_gt(looked, LOOKS / 2);
    ck_assert_uint_le(looked, LOOKS);
    ops->free(&p);
}

START_TEST(it_looks_at_so_many_and_hardly_more)
{
    for (const struct policy_ops *const *ops = policy_table(); *ops; ops++)
        looks(*ops);
}
END_TEST

START_TEST(lru_names_the_longest_unused)
{
    follows_plain(&policy_lru, false);
}
END_TEST

START_TEST(gdsf_names_the_lowest_priority)
{
    follows_plain(&policy_gdsf, true);
}
END_TEST

/* ---- every policy ---- */

static bool not_pinned(void *arg, uint32_t id)
{
    const uint8_t *pinned = arg;
    return !pinned[id];
}

/* Checks one answer of victims: residents that may go, none twice, enough where enough is there. */
static void check_victims(const uint8_t *resident, const uint8_t *pinned, const uint32_t *out,
                          size_t n, size_t most, uint64_t need)
{
    static uint8_t named[MANY];
    uint64_t have = 0, could = 0;
    memset(named, 0, sizeof(named));
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_lt(out[i], MANY);
        ck_assert(resident[out[i]] && !pinned[out[i]] && !named[out[i]]);
        ck_assert_msg(have < need, "one more than needed");
        named[out[i]] = 1;
        have += meta_of(out[i]).bytes;
    }
    for (uint32_t i = 0; i < MANY; i++)
        could += resident[i] && !pinned[i] ? meta_of(i).bytes : 0;
    ck_assert(have >= need || n == most || have == could);
}

static void keeps_the_promises(const struct policy_ops *ops, uint32_t residents_max)
{
    static uint8_t resident[MANY], pinned[MANY];
    static uint32_t out[MANY];
    struct policy *p = create(ops, MANY, 20000);
    uint32_t count = 0;
    memset(resident, 0, sizeof(resident));
    state = 5;
    for (uint32_t step = 0; step < 6000; step++) {
        uint32_t id = draw(MANY);
        struct policy_meta meta = meta_of(id);
        ops->access(p, id, step * 1000u, &meta, resident[id]);
        if (!resident[id] && count < residents_max) {
            ops->insert(p, id, step * 1000u, &meta);
            resident[id] = 1;
            count++;
        }
        if (step % 16)
            continue;
        uint32_t share = draw(101);
        for (uint32_t i = 0; i < MANY; i++)
            pinned[i] = draw(100) < share;
        struct policy_need need = {.bytes = 1 + draw(draw(2) ? 300 : 100000),
                                   .now_us = step * 1000u,
                                   .evictable = not_pinned,
                                   .arg = pinned};
        size_t most = draw(2) ? MANY : 1 + draw(5);
        size_t n = ops->victims(p, &need, out, most);
        check_victims(resident, pinned, out, n, most, need.bytes);
        for (size_t i = 0; i < MIN(n, 10); i++, count--) {
            ops->remove(p, out[i], i % 4 ? POLICY_EVICTED : POLICY_FORGOTTEN);
            resident[out[i]] = 0;
        }
    }
    ops->free(&p);
}

START_TEST(victims_may_go_are_enough_and_named_once)
{
    for (const struct policy_ops *const *ops = policy_table(); *ops; ops++) {
        keeps_the_promises(*ops, 100);  /* fewer than a decision looks at */
        keeps_the_promises(*ops, 2500); /* and more */
    }
}
END_TEST

/* Runs a shadow cache and mixes what it did into a number. */
static uint64_t trace_of(const struct policy_ops *ops, uint64_t seed, uint64_t *misses)
{
    struct shadow s;
    struct policy_config c = {20000, MANY, seed};
    uint64_t mix = 0;
    ck_assert_int_eq(shadow_init(&s, ops, &c), OK);
    alloc_fail_at(1); /* the next allocation would fail */
    state = 11;
    *misses = 0;
    for (uint64_t t = 0; t < 20000; t++) {
        uint32_t id = draw(1 + draw(MANY));
        struct policy_meta meta = meta_of(id);
        bool hit = shadow_access(&s, id, t * 50000, &meta);
        ck_assert_uint_le(s.used_bytes, s.cap_bytes);
        *misses += !hit;
        mix = (mix ^ (uint64_t)hit) * 0x9e3779b97f4a7c15u + t;
    }
    ck_assert_msg(alloc_calls() == 0, "%s allocates while it decides", ops->name);
    alloc_fail_at(0);
    shadow_fini(&s);
    return mix;
}

START_TEST(decisions_allocate_nothing_and_follow_from_the_seed)
{
    for (const struct policy_ops *const *ops = policy_table(); *ops; ops++) {
        uint64_t misses, again;
        uint64_t mix = trace_of(*ops, 3, &misses);
        ck_assert_uint_eq(mix, trace_of(*ops, 3, &again));
        ck_assert_uint_eq(misses, again);
        ck_assert_uint_gt(misses, 1000);
        ck_assert_uint_lt(misses, 19000);
    }
    uint64_t n;
    ck_assert_uint_ne(trace_of(&policy_hazard, 3, &n), trace_of(&policy_hazard, 4, &n));
}
END_TEST

START_TEST(a_policy_without_memory_is_not_made)
{
    int64_t live = alloc_live();
    for (const struct policy_ops *const *ops = policy_table(); *ops; ops++)
        for (uint64_t n = 1;; n++) {
            struct policy *p = NULL;
            struct policy_config c = {1000, 10, 1};
            alloc_fail_at(n);
            enum status s = (*ops)->create(&c, &p);
            if (s == OK)
                s = (*ops)->reserve(p, 100);
            bool through = alloc_calls() < n;
            alloc_fail_at(0);
            ck_assert(s == OK || s == E_NO_MEMORY);
            ck_assert(through == (s == OK));
            if (p && s != OK)
                ck_assert_int_eq((*ops)->reserve(p, 100), OK);
            if (p)
                (*ops)->free(&p);
            ck_assert_int_eq(alloc_live(), live);
            if (through)
                break;
        }
}
END_TEST

START_TEST(a_policy_is_found_by_its_name)
{
    ck_assert_ptr_eq(policy_find("lru"), &policy_lru);
    ck_assert_ptr_eq(policy_table()[0], &policy_lru);
    ck_assert_ptr_eq(policy_find("auto"), &policy_auto);
    ck_assert_ptr_null(policy_find("fifo"));
}
END_TEST

Suite *suite_policy(void)
{
    return SUITE_SERIAL("policy", lru_names_the_longest_unused, gdsf_names_the_lowest_priority,
                        among_some_it_names_whom_it_would_of_all,
                        it_looks_at_so_many_and_hardly_more,
                        victims_may_go_are_enough_and_named_once,
                        decisions_allocate_nothing_and_follow_from_the_seed,
                        a_policy_without_memory_is_not_made, a_policy_is_found_by_its_name);
}
