/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Two arrays of events change places, as in recorder.c: who tells waits for no lesson. All that is
 * learnt is the thread's own; what it publishes is copied under the lock. */
#include "replay/advisor.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "metrics/metrics.h"

enum { LOOK_US = 1000000, BACK_US = 10000000, BACK_SHARE = 100 };

static const double of_budget[ADVISOR_POINTS] = {0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 4};

struct advisor {
    struct cache *cache;        /* borrowed */
    struct lock lock;           /* LOCK_ADVISOR; guards the next seven */
    struct cond changed;        /* half full, or stopping */
    struct watch_event *events; /* heap; ADVISOR_EVENTS */
    uint32_t count;
    uint32_t ids; /* that may come */
    bool stopping;
    uint64_t lost;
    struct advisor_report report;
    /* the thread's */
    struct watch_event *taken; /* heap; ADVISOR_EVENTS */
    struct advice advice;
    struct advisor_report next;
    bool news;        /* since it looked back */
    uint64_t back_us; /* when to look back again */
    bool started;     /* thread is to be joined; start and stop only */
    pthread_t thread;
};

/* ---- what the cache tells; under WATCH ---- */

static enum status hear_reserve(void *arg, uint32_t ids)
{
    struct advisor *a = arg;
    lock_take(&a->lock);
    a->ids = ids;
    lock_release(&a->lock);
    return OK;
}

static void hear(void *arg, const struct watch_event *e)
{
    struct advisor *a = arg;
    if (e->kind == WATCH_LEAVE)
        return;
    lock_take(&a->lock);
    bool full = a->count == ADVISOR_EVENTS;
    if (!full && !a->stopping)
        a->events[a->count++] = *e;
    a->lost += full;
    if (a->count == ADVISOR_EVENTS / 2)
        cond_wake_one(&a->changed);
    lock_release(&a->lock);
    if (full)
        metric_add(M_ADVICE_LOST, 1);
}

/* ---- the thread ---- */

static void publish(struct advisor *a)
{
    static const struct {
        enum metric metric;
        int point;
    } shown[] = {{M_HIT_RATE_05, 1},
                 {M_HIT_RATE_1, 3},
                 {M_HIT_RATE_125, 4},
                 {M_HIT_RATE_15, 5},
                 {M_HIT_RATE_2, 6}};
    for (size_t i = 0; i < ARRAY_COUNT(shown); i++)
        metric_set(shown[i].metric, (int64_t)(a->next.points[shown[i].point].at.hit_rate * 1e6));
    metric_set(M_REGRET, (int64_t)(a->next.regret.ratio * 1e6));
    lock_take(&a->lock);
    a->report = a->next;
    lock_release(&a->lock);
}

/* What models have in a budget of `limit` while arenas take what they take now. */
static uint64_t for_models(const struct budget_usage *u, double limit)
{
    double rest = limit - (double)u->used[BUDGET_SCRATCH];
    return rest > 0 ? (uint64_t)rest : 0;
}

static void look(struct advisor *a)
{
    struct budget_usage u;
    cache_usage(a->cache, &u);
    a->next.limit_bytes = u.limit;
    a->next.models_bytes = for_models(&u, (double)u.limit);
    for (int i = 0; i < ADVISOR_POINTS; i++) {
        struct advisor_point *p = &a->next.points[i];
        double limit = of_budget[i] * (double)u.limit;
        p->of = of_budget[i];
        p->memory_bytes = (uint64_t)limit;
        curve_at(&a->advice.curve, for_models(&u, limit), &p->at);
    }
}

/* Without memory for it, what was known stays. */
static enum status look_back(struct advisor *a)
{
    struct advice_regret regret;
    struct advice_policy policies[ADVICE_POLICIES];
    uint32_t n = 0;
    uint64_t memory = a->next.models_bytes;
    enum status s = advice_regret(&a->advice, memory, &regret);
    for (const struct policy_ops *const *p = policy_table(); s == OK && *p; p++)
        if (*p != &policy_auto && n < ADVICE_POLICIES)
            s = advice_policy(&a->advice, *p, memory, &policies[n++]);
    if (s != OK)
        return s;
    a->next.looked_back = true;
    a->next.regret = regret;
    a->next.n_policies = n;
    memcpy(a->next.policies, policies, n * sizeof(policies[0]));
    return OK;
}

static void look_back_now_and_then(struct advisor *a)
{
    uint64_t now_us = clock_now_us();
    if (!a->news || now_us < a->back_us)
        return;
    if (look_back(a) == OK)
        a->next.looked_us = now_us;
    uint64_t took_us = clock_now_us() - now_us;
    a->back_us = now_us + MAX((uint64_t)BACK_US, BACK_SHARE * took_us);
    a->news = false;
}

/* Events in a->taken; *more false: it is to end. */
static uint32_t take_events(struct advisor *a, uint64_t until_us, bool *more)
{
    lock_take(&a->lock);
    while (a->count < ADVISOR_EVENTS / 2 && !a->stopping)
        if (!cond_wait(&a->changed, &a->lock, until_us))
            break;
    struct watch_event *full = a->events;
    uint32_t n = a->count, ids = a->ids;
    a->events = a->taken;
    a->taken = full;
    a->count = 0;
    a->next.lost = a->lost;
    *more = !a->stopping;
    lock_release(&a->lock);
    if (advice_reserve(&a->advice, ids) != OK)
        return n; /* of models beyond those it has no memory for it learns nothing */
    return n;
}

static void learn(struct advisor *a, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct watch_event *e = &a->taken[i];
        advice_take(&a->advice, e);
        a->next.heard += e->kind == WATCH_HIT || e->kind == WATCH_MISS || e->kind == WATCH_JOINED;
    }
    a->news |= n > 0;
}

static void *advise(void *arg)
{
    struct advisor *a = arg;
    uint64_t look_us = clock_now_us() + LOOK_US;
    for (bool more = true; more;) {
        uint32_t n = take_events(a, look_us, &more);
        learn(a, n);
        if (!more || clock_now_us() < look_us)
            continue;
        look_us = clock_now_us() + LOOK_US;
        look(a);
        look_back_now_and_then(a);
        publish(a);
    }
    return NULL;
}

/* ---- start and stop ---- */

static enum status begin(struct advisor *a, struct err *err)
{
    const struct watch_consumer hears = {hear_reserve, hear, a};
    a->events = alloc_new(ADVISOR_EVENTS * sizeof(*a->events));
    a->taken = alloc_new(ADVISOR_EVENTS * sizeof(*a->taken));
    enum status s = a->events && a->taken ? advice_init(&a->advice) : E_NO_MEMORY;
    if (s == OK)
        look(a);
    a->report = a->next;
    if (s == OK && pthread_create(&a->thread, NULL, advise, a) != 0)
        return err_set(err, E_INTERNAL, "the thread that advises could not be started");
    a->started = s == OK;
    if (a->started)
        pthread_setname_np(a->thread, "advisor");
    if (s == OK)
        s = cache_watch(a->cache, &hears);
    return s == OK ? OK : err_set(err, s, "no memory to watch the cache");
}

enum status advisor_start(struct cache *c, struct advisor **out, struct err *err)
{
    struct advisor *a = alloc_zero(1, sizeof(*a));
    if (!a)
        return err_set(err, E_NO_MEMORY, "no memory to watch the cache");
    a->cache = c;
    lock_init(&a->lock, LOCK_ADVISOR);
    cond_init(&a->changed);
    enum status s = begin(a, err);
    if (s == OK) {
        *out = a;
        return OK;
    }
    advisor_stop(a);
    advisor_free(&a);
    return s;
}

void advisor_stop(struct advisor *a)
{
    lock_take(&a->lock);
    a->stopping = true;
    cond_wake_one(&a->changed);
    lock_release(&a->lock);
    if (a->started)
        pthread_join(a->thread, NULL);
    a->started = false;
}

void advisor_free(struct advisor **advisor)
{
    struct advisor *a = *advisor;
    if (!a)
        return;
    ASSERT(!a->started);
    advice_fini(&a->advice);
    cond_fini(&a->changed);
    lock_fini(&a->lock);
    alloc_free(a->events);
    alloc_free(a->taken);
    alloc_free(a);
    *advisor = NULL;
}

void advisor_read(struct advisor *a, struct advisor_report *out)
{
    lock_take(&a->lock);
    *out = a->report;
    lock_release(&a->lock);
}
