/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a policy's calls take with 10,000 models resident of 20,000 known: a hit, and a decision for
 * one model's bytes (victims, admit, and what follows from them). Prints nanoseconds as JSON, [hit,
 * its 90th percentile, decision, its 90th percentile]. For bench/cache, which links it with the
 * room. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cache/policy/policy.h"

enum { KNOWN = 20000, RESIDENT = 10000, WARM = 400000, ROUNDS = 20000 };

static uint64_t state = 1;

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) * below >> 32);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

struct tier {
    const struct policy_ops *ops;
    struct policy *policy;
    bool resident[KNOWN];
    uint32_t count;
    uint64_t now_us;
};

static const struct policy_meta meta = {.bytes = 1 << 20, .reload_us = 20000};

/* One invocation; true when it was a decision. */
static bool invoke(struct tier *t, uint32_t id)
{
    uint32_t out[16];
    bool hit = t->resident[id];
    t->now_us += 5000;
    t->ops->access(t->policy, id, t->now_us, &meta, hit);
    if (hit)
        return false;
    if (t->count == RESIDENT) {
        struct policy_need need = {meta.bytes, t->now_us, NULL, NULL};
        size_t n = t->ops->victims(t->policy, &need, out, 16);
        if (t->ops->admit && !t->ops->admit(t->policy, id, t->now_us, out, n))
            return true;
        t->ops->remove(t->policy, out[0], POLICY_EVICTED);
        t->resident[out[0]] = false;
        t->count--;
    }
    t->ops->insert(t->policy, id, t->now_us, &meta);
    t->resident[id] = true;
    t->count++;
    return true;
}

static void measure(const struct policy_ops *ops, const char *comma)
{
    static struct tier t;
    static uint64_t ns[2][ROUNDS];
    size_t n[2] = {0, 0};
    struct policy_config c = {(uint64_t)RESIDENT * meta.bytes, KNOWN, 1};
    t = (struct tier){.ops = ops};
    if (ops->create(&c, &t.policy) != OK)
        exit(1);
    for (uint32_t i = 0; i < RESIDENT; i++)
        invoke(&t, i);
    for (int i = 0; i < WARM; i++)
        invoke(&t, draw(1 + draw(KNOWN)));
    while (n[0] < ROUNDS || n[1] < ROUNDS) {
        uint32_t id = draw(1 + draw(KNOWN));
        uint64_t begin = now_ns();
        bool decision = invoke(&t, id);
        uint64_t took = now_ns() - begin;
        if (n[decision] < ROUNDS)
            ns[decision][n[decision]++] = took;
    }
    printf("%s\"%s\": ", comma, ops->name);
    for (int k = 0; k < 2; k++) {
        qsort(ns[k], ROUNDS, sizeof(uint64_t), by_value);
        printf("%s%llu, %llu", k ? ", " : "[", (unsigned long long)ns[k][ROUNDS / 2],
               (unsigned long long)ns[k][ROUNDS * 9 / 10]);
    }
    printf("]");
    ops->free(&t.policy);
}

int main(void)
{
    printf("{");
    for (const struct policy_ops *const *p = policy_table(); *p; p++)
        measure(*p, p == policy_table() ? "" : ", ");
    printf("}\n");
    return 0;
}
