/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The fake loader and the fake client. Values come through base/alloc.h, so that failing
 * allocations meet them too. */
#include "support/fake_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/support.h"

enum { BACKOFF_MIN_US = 1000000, BACKOFF_MAX_US = 8000000 };

uint64_t fake_bytes_of(const char *name)
{
    const char *dash = strrchr(name, '-');
    return dash ? strtoull(dash + 1, NULL, 10) : 0;
}

static void hold(struct fake *f, uint64_t bytes)
{
    uint64_t held = atomic_fetch_add(&f->held_bytes, bytes) + bytes;
    ck_assert_msg(held <= f->limit_bytes, "%llu bytes are held, the limit is %llu",
                  (unsigned long long)held, (unsigned long long)f->limit_bytes);
    struct budget_usage u;
    cache_usage(f->cache, &u);
    uint64_t sum = 0;
    for (int i = 0; i < BUDGET_CLASS_COUNT; i++)
        sum += u.used[i];
    ck_assert_uint_le(sum, f->limit_bytes);
}

enum status fake_reserve(struct fake *f, const struct fake_call *call, struct err *err)
{
    const struct load_need need = {.bytes = fake_bytes_of(call->name),
                                   .also_needed = f->also_needed};
    return cache_load_reserve(f->cache, call->slot, &need, err);
}

void fake_finish_load(struct fake *f, const struct fake_call *call)
{
    struct load_times t = {.queue_us = 1, .fetch_us = 2, .verify_us = 1, .bind_us = 2};
    struct fake_value *v = alloc_zero(1, sizeof(*v));
    if (!v) {
        fake_fail_load(f, call, E_NO_MEMORY);
        return;
    }
    v->bytes = fake_bytes_of(call->name);
    memcpy(v->name, call->name, sizeof(v->name));
    hold(f, v->bytes);
    atomic_fetch_add(&f->load_count, 1);
    cache_load_done(f->cache, call->slot, v, "7", &t, atomic_load(&f->now_us));
}

void fake_fail_load(struct fake *f, const struct fake_call *call, enum status code)
{
    struct err err;
    err_set(&err, code, "%s: %s", call->name, status_text(code));
    cache_load_failed(f->cache, call->slot, &err, atomic_load(&f->now_us));
}

/* ---- models with shares ---- */

uint32_t fake_wants(const char *name, struct share_want *wants)
{
    uint32_t n = 0;
    for (const char *at = strchr(name, '+'); at; at = strchr(at + 1, '+')) {
        ck_assert_uint_lt(n, FAKE_SHARES_MAX);
        wants[n] = (struct share_want){.bytes = strtoull(at + 2, NULL, 10)};
        wants[n++].key[0] = (uint8_t)at[1];
    }
    return n;
}

/* Makes what is absent, and shares it. */
void fake_fill(struct fake *f, const struct fake_call *call, struct share_want *wants, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!wants[i].mine)
            continue;
        struct fake_share *x = calloc(1, sizeof(*x));
        ck_assert_ptr_nonnull(x);
        *x = (struct fake_share){wants[i].bytes, (char)wants[i].key[0]};
        hold(f, x->bytes);
        wants[i].value = x;
    }
    cache_load_filled(f->cache, call->slot, wants);
}

static void free_dead(struct fake *f, const struct slot *slot)
{
    const struct share *at = NULL;
    struct fake_share *x;
    while ((x = cache_dead(slot, &at))) {
        ck_assert_int_ne(x->id, 0);
        x->id = 0;
        atomic_fetch_sub(&f->held_bytes, x->bytes);
        free(x);
    }
}

void fake_let_go(struct fake *f, const struct fake_call *call)
{
    cache_load_let_go(f->cache, call->slot);
    free_dead(f, call->slot);
}

void fake_finish_shared(struct fake *f, const struct fake_call *call,
                        const struct share_want *wants, uint32_t n)
{
    struct load_times t = {0};
    struct fake_value *v = alloc_zero(1, sizeof(*v));
    ck_assert_ptr_nonnull(v);
    v->bytes = fake_bytes_of(call->name);
    v->n_shares = n;
    memcpy(v->name, call->name, sizeof(v->name));
    for (uint32_t i = 0; i < n; i++) {
        v->shares[i] = wants[i].value;
        ck_assert_int_eq(v->shares[i]->id, (char)wants[i].key[0]);
    }
    hold(f, v->bytes);
    atomic_fetch_add(&f->load_count, 1);
    cache_load_done(f->cache, call->slot, v, "7", &t, atomic_load(&f->now_us));
}

/* Every seventh load ends before it has filled anything, and every eleventh after. */
static void run_shared_load(struct fake *f, const struct fake_call *call)
{
    struct share_want wants[FAKE_SHARES_MAX];
    struct err err;
    const uint32_t n = fake_wants(call->name, wants);
    const uint64_t number = atomic_fetch_add(&f->shared_loads, 1);
    const struct load_need need = {fake_bytes_of(call->name), 0, wants, n};
    enum share_wait wait = SHARES_LOST;
    enum status s = OK;
    for (int tries = 0; s == OK && wait == SHARES_LOST; tries++) {
        if (tries) {
            fake_let_go(f, call);
            cache_load_freed(f->cache, call->slot);
        }
        s = cache_load_reserve(f->cache, call->slot, &need, &err);
        if (s == OK && f->faults && number % 7 == 6)
            s = err_set(&err, E_STORE, "the seventh");
        if (s != OK)
            break;
        fake_fill(f, call, wants, n);
        wait = cache_load_await(f->cache, call->slot, wants);
        if (f->faults && number % 11 == 10)
            s = err_set(&err, E_CANCELLED, "the eleventh");
    }
    if (s == OK && wait == SHARES_READY) {
        fake_finish_shared(f, call, wants, n);
        return;
    }
    if (s == OK)
        s = err_set(&err, E_CANCELLED, "cancelled");
    fake_let_go(f, call);
    cache_load_failed(f->cache, call->slot, &err, atomic_load(&f->now_us));
}

/* As a loader looks between chunks. */
static bool given_up(struct fake *f, const struct fake_call *call)
{
    return cache_load_look(f->cache, call->slot, true) == CACHE_LOAD_CANCELLED;
}

void fake_run_load(struct fake *f, const struct fake_call *call)
{
    static const struct {
        const char *prefix;
        enum status code;
    } failing[] = {{"missing", E_NOT_FOUND}, {"corrupt", E_CORRUPT}, {"store", E_STORE}};
    for (size_t i = 0; i < ARRAY_COUNT(failing); i++)
        if (strncmp(call->name, failing[i].prefix, strlen(failing[i].prefix)) == 0) {
            fake_fail_load(f, call, failing[i].code);
            return;
        }
    if (strchr(call->name, '+')) {
        run_shared_load(f, call);
        return;
    }
    struct err err;
    enum status s = fake_reserve(f, call, &err);
    if (s != OK)
        cache_load_failed(f->cache, call->slot, &err, atomic_load(&f->now_us));
    else if (f->mode == FAKE_THREADS && given_up(f, call))
        fake_fail_load(f, call, E_CANCELLED);
    else
        fake_finish_load(f, call);
}

void fake_run_unload(struct fake *f, const struct fake_call *call)
{
    struct fake_value *v = call->value;
    if (f->unloaded)
        f->unloaded(f, v);
    atomic_fetch_sub(&f->held_bytes, v->bytes);
    atomic_fetch_add(&f->unload_count, 1);
    alloc_free(v);
    free_dead(f, call->slot);
    cache_drained(f->cache, call->slot);
}

static void push(struct fake *f, struct fake_queue *q, const struct fake_call *call)
{
    lock_take(&f->lock);
    ck_assert_uint_lt(q->count, FAKE_QUEUE);
    q->calls[(q->first + q->count++) % FAKE_QUEUE] = *call;
    cond_wake_all(&f->changed);
    lock_release(&f->lock);
}

/* False when the source stops and the queue is empty. */
static bool pop(struct fake *f, struct fake_queue *q, struct fake_call *call)
{
    lock_take(&f->lock);
    while (!q->count && !f->stopping)
        cond_wait(&f->changed, &f->lock, 0);
    bool got = q->count > 0;
    if (got) {
        *call = q->calls[q->first];
        q->first = (q->first + 1) % FAKE_QUEUE;
        q->count--;
    }
    lock_release(&f->lock);
    return got;
}

static void source_load(void *self, struct slot *slot, const char *name)
{
    struct fake *f = self;
    struct fake_call call = {.slot = slot};
    snprintf(call.name, sizeof(call.name), "%s", name);
    if (f->mode == FAKE_INLINE)
        fake_run_load(f, &call);
    else
        push(f, &f->loads, &call);
}

static void source_unload(void *self, struct slot *slot, void *value)
{
    struct fake *f = self;
    struct fake_call call = {.slot = slot, .value = value};
    if (f->mode == FAKE_INLINE)
        fake_run_unload(f, &call);
    else
        push(f, &f->unloads, &call);
}

struct fake *fake_new(enum fake_mode mode, uint64_t limit_bytes, uint32_t slots_max)
{
    const struct cache_config config = {.limit_bytes = limit_bytes, .slots_max = slots_max};
    return fake_new_with(mode, &config);
}

struct fake *fake_new_ruled(enum fake_mode mode, uint64_t limit_bytes, uint32_t slots_max,
                            const struct tenant_rules *rules)
{
    const struct cache_config config = {
        .limit_bytes = limit_bytes, .slots_max = slots_max, .tenants = *rules};
    return fake_new_with(mode, &config);
}

struct fake *fake_new_with(enum fake_mode mode, const struct cache_config *c)
{
    struct fake *f = calloc(1, sizeof(*f));
    ck_assert_ptr_nonnull(f);
    struct cache_source source = {.load = source_load, .unload = source_unload, .self = f};
    struct cache_config config = *c;
    config.backoff_min_us = BACKOFF_MIN_US;
    config.backoff_max_us = BACKOFF_MAX_US;
    f->mode = mode;
    f->limit_bytes = c->limit_bytes;
    f->live_before = alloc_live();
    atomic_store(&f->now_us, 1);
    lock_init(&f->lock, LOCK_REAPER);
    cond_init(&f->changed);
    ck_assert_int_eq(cache_new(&config, &source, &f->cache), OK);
    return f;
}

static void *loader_main(void *arg)
{
    struct fake *f = arg;
    struct fake_call call;
    while (pop(f, &f->loads, &call))
        fake_run_load(f, &call);
    return NULL;
}

static void *unloader_main(void *arg)
{
    struct fake *f = arg;
    struct fake_call call;
    while (pop(f, &f->unloads, &call))
        fake_run_unload(f, &call);
    return NULL;
}

void fake_start(struct fake *f, uint32_t loaders)
{
    ck_assert_uint_le(loaders, FAKE_THREADS_MAX);
    for (uint32_t i = 0; i <= loaders; i++)
        ck_assert_int_eq(pthread_create(&f->threads[i], NULL, i ? loader_main : unloader_main, f),
                         0);
    f->thread_count = loaders + 1;
}

void fake_free(struct fake *f)
{
    if (f->mode == FAKE_MANUAL) {
        f->mode = FAKE_INLINE;
        while (fake_unloads_queued(f))
            fake_unload_next(f);
    }
    cache_free(&f->cache);
    lock_take(&f->lock);
    f->stopping = true;
    cond_wake_all(&f->changed);
    lock_release(&f->lock);
    for (uint32_t i = 0; i < f->thread_count; i++)
        pthread_join(f->threads[i], NULL);
    ck_assert_uint_eq(atomic_load(&f->held_bytes), 0);
    ck_assert_uint_eq(atomic_load(&f->load_count), atomic_load(&f->unload_count));
    ck_assert_int_eq(alloc_live(), f->live_before);
    cond_fini(&f->changed);
    lock_fini(&f->lock);
    free(f);
}

struct fake_call fake_next_load(struct fake *f)
{
    struct fake_call call = {0};
    ck_assert(pop(f, &f->loads, &call));
    return call;
}

struct fake_call fake_next_unload(struct fake *f)
{
    struct fake_call call = {0};
    ck_assert(pop(f, &f->unloads, &call));
    return call;
}

static uint32_t queued(struct fake *f, const struct fake_queue *q)
{
    lock_take(&f->lock);
    uint32_t n = q->count;
    lock_release(&f->lock);
    return n;
}

uint32_t fake_loads_queued(struct fake *f)
{
    return queued(f, &f->loads);
}

uint32_t fake_unloads_queued(struct fake *f)
{
    return queued(f, &f->unloads);
}

void fake_load_next(struct fake *f)
{
    struct fake_call call = fake_next_load(f);
    fake_run_load(f, &call);
}

void fake_unload_next(struct fake *f)
{
    struct fake_call call = fake_next_unload(f);
    fake_run_unload(f, &call);
}

static void client_done(struct waiter *w, enum status s, const struct pin *pin,
                        const struct err *err)
{
    struct client *k = CONTAINER_OF(w, struct client, waiter);
    k->status = s;
    if (s == OK)
        k->pin = *pin;
    else
        k->err = *err;
    atomic_fetch_add(&k->answers, 1);
}

static enum pin_result pin_as(struct client *k, struct fake *f, const char *name,
                              const struct waiter *as)
{
    *k = (struct client){.waiter = *as, .status = E_INTERNAL};
    k->waiter.done = client_done;
    struct pin pin = {0};
    enum pin_result result =
        cache_pin(f->cache, name, atomic_load(&f->now_us), &k->waiter, &pin, &k->err);
    k->result = result;
    if (result == PIN_READY) {
        k->pin = pin;
        k->status = OK;
    }
    if (result == PIN_FAILED)
        k->status = k->err.code;
    return result;
}

enum pin_result client_pin(struct client *k, struct fake *f, const char *name)
{
    return pin_as(k, f, name, &(struct waiter){.counts = true});
}

enum pin_result client_load(struct client *k, struct fake *f, const char *name)
{
    return pin_as(k, f, name, &(struct waiter){.counts = false});
}

enum pin_result client_hint(struct client *k, struct fake *f, const char *name, enum hint hint)
{
    return pin_as(k, f, name, &(struct waiter){.hint = hint});
}

bool client_reload(struct client *k, struct fake *f, const char *name,
                   const struct reload_cause *why)
{
    *k = (struct client){.waiter.done = client_done, .status = E_INTERNAL};
    return cache_reload(f->cache, name, why, atomic_load(&f->now_us), &k->waiter);
}

void client_unpin(struct client *k, struct fake *f)
{
    cache_unpin(f->cache, &k->pin);
}

enum lookup client_touch(struct fake *f, const char *name)
{
    struct client k;
    enum pin_result r = client_pin(&k, f, name);
    if (r == PIN_WAITING && f->mode == FAKE_MANUAL)
        fake_load_next(f);
    ck_assert_msg(k.status == OK, "%s: %s", name, k.err.msg);
    const struct fake_value *v = k.pin.value;
    ck_assert_str_eq(v->name, name);
    client_unpin(&k, f);
    return k.waiter.lookup;
}

uint64_t fake_used(struct fake *f, enum budget_class class)
{
    struct budget_usage u;
    cache_usage(f->cache, &u);
    return u.used[class];
}

struct slot_info fake_info(struct fake *f, const char *name)
{
    struct slot_info info;
    if (!cache_info(f->cache, name, &info))
        info = (struct slot_info){.state = SLOT_ABSENT};
    return info;
}
