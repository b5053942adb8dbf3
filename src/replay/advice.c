/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "replay/advice.h"

#include "base/alloc.h"
#include "cache/policy/shadow.h"
#include "replay/replay_priv.h"

enum { LATE_MAX = 1 << 12, SEED = 1 };

enum status advice_init(struct advice *a)
{
    const struct curve_config curve = {
        .samples_max = ADVICE_SAMPLES, .half_life = ADVICE_HALF_LIFE, .seed = SEED};
    *a = (struct advice){.ids = 0};
    a->window = alloc_new(ADVICE_WINDOW * sizeof(*a->window));
    enum status s = a->window ? curve_init(&a->curve, &curve) : E_NO_MEMORY;
    if (s != OK)
        advice_fini(a);
    return s;
}

void advice_fini(struct advice *a)
{
    curve_fini(&a->curve);
    alloc_free(a->window);
    alloc_free(a->models);
    *a = (struct advice){.ids = 0};
}

enum status advice_reserve(struct advice *a, uint32_t ids)
{
    if (ids <= a->ids)
        return OK;
    enum status s = policy_array(&a->models, a->ids, ids, sizeof(*a->models));
    if (s == OK)
        a->ids = ids;
    return s;
}

static void push(struct advice *a, const struct watch_event *e, enum watch_kind kind)
{
    bool full = a->count == ADVICE_WINDOW;
    struct advice_event *to = &a->window[(a->first + a->count) % ADVICE_WINDOW];
    *to = (struct advice_event){.t_us = e->t_us,
                                .bytes = e->bytes,
                                .id = e->id,
                                .reload_us = e->reload_us,
                                .kind = kind,
                                .fresh = !a->models[e->id].heard};
    if (full)
        a->first = (a->first + 1) % ADVICE_WINDOW;
    else
        a->count++;
}

static void invoked(struct advice *a, const struct watch_event *e, enum watch_kind kind)
{
    push(a, e, kind);
    a->models[e->id].heard = true;
    a->models[e->id].bytes = e->bytes;
    curve_access(&a->curve, e->id, e->bytes, e->reload_us);
}

/* The model is in memory with other bytes than were heard of last. */
static void renewed(struct advice *a, const struct watch_event *e)
{
    push(a, e, WATCH_ENTER);
    a->models[e->id].bytes = e->bytes;
    curve_renew(&a->curve, e->id, e->bytes);
}

/* The cost of a model's first load is known: so are those who waited for it. */
static void entered(struct advice *a, const struct watch_event *e)
{
    struct advice_model *m = &a->models[e->id];
    if (m->heard && e->bytes && e->bytes != m->bytes)
        renewed(a, e);
    for (uint32_t i = 0; i < m->late && e->bytes; i++)
        invoked(a, e, i ? WATCH_JOINED : WATCH_MISS);
    m->late = 0;
}

static void forgotten(struct advice *a, const struct watch_event *e)
{
    struct advice_model *m = &a->models[e->id];
    if (m->heard)
        push(a, e, WATCH_FORGET);
    *m = (struct advice_model){.late = 0};
    curve_forget(&a->curve, e->id);
}

void advice_take(struct advice *a, const struct watch_event *e)
{
    if (e->id >= a->ids)
        return;
    switch (e->kind) {
    case WATCH_ENTER:
        entered(a, e);
        break;
    case WATCH_FORGET:
        forgotten(a, e);
        break;
    case WATCH_LEAVE:
        break;
    default:
        if (e->bytes && e->reload_us)
            invoked(a, e, e->kind);
        else
            a->models[e->id].late = MIN(a->models[e->id].late + 1, (uint32_t)LATE_MAX);
    }
}

/* ---- looking back ---- */

/* The i-th event of the window, from 0; the oldest that is not too old is the `begin`th. */
static const struct advice_event *event_at(const struct advice *a, uint32_t i)
{
    return &a->window[(a->first + i) % ADVICE_WINDOW];
}

static uint32_t begin_of(const struct advice *a)
{
    uint32_t i = 0;
    uint64_t newest_us = a->count ? event_at(a, a->count - 1)->t_us : 0;
    while (i < a->count && event_at(a, i)->t_us + ADVICE_SPAN_US < newest_us)
        i++;
    return i;
}

static bool is_invocation(const struct advice_event *e)
{
    return e->kind != WATCH_ENTER && e->kind != WATCH_FORGET;
}

static void count(struct advice_regret *out, const struct advice_event *e, uint64_t *first_us)
{
    if (!out->invocations++)
        *first_us = e->t_us;
    out->span_us = e->t_us - *first_us;
    out->hits += e->kind == WATCH_HIT;
    out->miss_cost_us += e->kind == WATCH_MISS ? e->reload_us : 0;
}

/* One event for the bound. A model that was known before the window may have been in memory when it
 * began: so it counts as invoked then, at 1. */
static enum status bound_event(struct bound *b, const struct advice_event *e, uint64_t at,
                               uint64_t memory_bytes)
{
    struct bound_model *m = &b->models[e->id];
    if (e->kind == WATCH_FORGET) {
        *m = (struct bound_model){0, 0};
        return OK;
    }
    if (e->kind == WATCH_ENTER) {
        m->bytes = m->at ? e->bytes : 0;
        return OK;
    }
    if (!m->at && !e->fresh)
        *m = (struct bound_model){e->bytes, 1};
    const struct trace_record r = {.id = e->id, .bytes = e->bytes, .load_us = e->reload_us};
    return bound_access(b, &r, at, memory_bytes);
}

static void saved(void *arg, const struct interval *i, double part)
{
    *(double *)arg -= part * i->load_us;
}

enum status advice_regret(const struct advice *a, uint64_t memory_bytes, struct advice_regret *out)
{
    struct bound b = {0};
    double bound_us = 0;
    uint64_t first_us = 0;
    *out = (struct advice_regret){0};
    enum status s = bound_reserve(&b, a->ids);
    for (uint32_t i = begin_of(a); s == OK && i < a->count; i++) {
        const struct advice_event *e = event_at(a, i);
        if (is_invocation(e)) {
            count(out, e, &first_us);
            bound_us += e->reload_us;
        }
        s = bound_event(&b, e, out->invocations + 1, memory_bytes);
    }
    if (s == OK)
        bound_take(&b, memory_bytes, out->invocations, saved, &bound_us);
    bound_fini(&b);
    out->bound_cost_us = MAX(0, MIN(bound_us, out->miss_cost_us));
    if (out->miss_cost_us > 0)
        out->ratio = (out->miss_cost_us - out->bound_cost_us) / out->miss_cost_us;
    return s;
}

enum status advice_policy(const struct advice *a, const struct policy_ops *policy,
                          uint64_t memory_bytes, struct advice_policy *out)
{
    struct shadow shadow;
    const struct policy_config c = {memory_bytes, a->ids, SEED};
    uint32_t begin = begin_of(a), counted = begin + (a->count - begin) / 4;
    *out = (struct advice_policy){.policy = policy};
    enum status s = shadow_init(&shadow, policy, &c);
    if (s != OK)
        return s;
    for (uint32_t i = begin; i < a->count; i++) {
        const struct advice_event *e = event_at(a, i);
        const struct policy_meta m = {.bytes = e->bytes, .reload_us = e->reload_us};
        if (e->kind == WATCH_FORGET)
            shadow_forget(&shadow, e->id);
        else if (e->kind == WATCH_ENTER)
            shadow_renew(&shadow, e->id, e->t_us, &m);
        else if (!shadow_access(&shadow, e->id, e->t_us, &m) && i >= counted)
            out->miss_cost_us += e->reload_us;
    }
    shadow_fini(&shadow);
    return OK;
}
