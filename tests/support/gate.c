/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A store with a gate. */
#include "support/gate.h"

#include <stdio.h>

static struct gate *of_store(struct store *s)
{
    return CONTAINER_OF(s, struct gate, store);
}

static enum status gate_stat(struct store *s, const char *key, struct store_object *out,
                             struct err *err)
{
    const struct gate *g = of_store(s);
    if (g->stat_fails)
        return err_set(err, E_STORE, "'%s' in gate://secret is out of reach", key);
    enum status st = store_stat(g->under, key, out, err);
    if (st == OK && g->settled)
        out->settled = g->settled > 0;
    return st;
}

/* Counts the read in and waits while the gate is closed. */
static uint32_t pass(struct gate *g)
{
    lock_take(&g->lock);
    uint32_t n = ++g->reads;
    g->stalled++;
    cond_wake_all(&g->changed);
    while (g->closed)
        cond_wait(&g->changed, &g->lock, 0);
    g->stalled--;
    lock_release(&g->lock);
    return n;
}

static enum status gate_read(struct store *s, const char *key, const char *tag, uint64_t off,
                             void *dst, size_t n, struct err *err)
{
    struct gate *g = of_store(s);
    uint32_t i = pass(g);
    if (i == g->hook_at && g->hook)
        g->hook(g->hook_arg);
    if (i == g->fail_at)
        return err_set(err, E_STORE, "'%s' in gate://secret is out of reach", key);
    enum status st = g->under->ops->read(g->under, key, tag, off, dst, n, err);
    if (st == OK && i == g->flip_at && n)
        ((uint8_t *)dst)[g->flip_bit / 8 % n] ^= (uint8_t)(1u << g->flip_bit % 8);
    return st;
}

static enum status gate_list(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
                             struct err *err)
{
    return store_list(of_store(s)->under, prefix, fn, arg, err);
}

static enum status gate_put(struct store *s, const char *key, const struct store_source *from,
                            bool fresh, struct err *err)
{
    struct gate *g = of_store(s);
    if (g->put_hook) {
        snprintf(g->put_key, sizeof(g->put_key), "%s", key);
        g->put_hook(g->hook_arg);
    }
    return fresh ? store_put_new(g->under, key, from, err) : store_put(g->under, key, from, err);
}

static void gate_free(struct store *s)
{
    (void)s;
}

static const struct store_ops gate_ops = {
    .stat = gate_stat, .read = gate_read, .list = gate_list, .put = gate_put, .free = gate_free};

void gate_init(struct gate *g, struct store *under)
{
    *g = (struct gate){.store = {.ops = &gate_ops}, .under = under};
    snprintf(g->store.url, sizeof(g->store.url), "gate://secret");
    lock_init(&g->lock, LOCK_REAPER);
    cond_init(&g->changed);
}

void gate_fini(struct gate *g)
{
    cond_fini(&g->changed);
    lock_fini(&g->lock);
}

static void set_closed(struct gate *g, bool closed)
{
    lock_take(&g->lock);
    g->closed = closed;
    cond_wake_all(&g->changed);
    lock_release(&g->lock);
}

void gate_reset(struct gate *g)
{
    set_closed(g, false);
    lock_take(&g->lock);
    g->reads = g->fail_at = g->hook_at = g->flip_at = 0;
    lock_release(&g->lock);
}

void gate_close(struct gate *g)
{
    set_closed(g, true);
}

void gate_open(struct gate *g)
{
    set_closed(g, false);
}

void gate_wait_stalled(struct gate *g, uint32_t n)
{
    lock_take(&g->lock);
    while (g->stalled < n)
        cond_wait(&g->changed, &g->lock, 0);
    lock_release(&g->lock);
}

uint32_t gate_reads(struct gate *g)
{
    lock_take(&g->lock);
    uint32_t n = g->reads;
    lock_release(&g->lock);
    return n;
}
