/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A node without HTTP. */
#include "support/node.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "runtime/session.h"
#include "support/model.h"
#include "support/support.h"

#define OR(a, b) ((a) ? (a) : (b))

enum { RECORDS = 4096, NEGATIVES = 1000, PROBES = 20 };

void node_init(struct node *n, const struct node_config *c)
{
    struct err err;
    memset(n, 0, sizeof(*n));
    tree_init(&n->tree);
    ck_ok(store_open(n->tree.path, &n->files, &err), &err);
    gate_init(&n->gate, n->files);
    ck_assert_int_eq(catalog_new(&n->gate.store, NEGATIVES, PROBES, &n->catalog), OK);
    struct loader_resolver r = catalog_resolver(n->catalog);
    const struct loader_config loading = {.threads = OR(c->loaders, 2),
                                          .link_threads = OR(c->link_threads, 2),
                                          .share_node = c->share_node,
                                          .compile = {.threads = 1,
                                                      .model_max = 64u << 20,
                                                      .bare = true,
                                                      .write_back = c->write_back,
                                                      .tenants = c->limits}};
    ck_assert_int_eq(loader_new(&n->gate.store, &r, &loading, &n->loader), OK);
    loader_use_disk(n->loader, c->disk);
    const struct cache_source source = loader_source(n->loader);
    const uint64_t backoff_us = OR(c->backoff_us, 60u * 1000 * 1000);
    const struct cache_config cache = {.limit_bytes = OR(c->memory_bytes, 256u << 20),
                                       .backoff_min_us = backoff_us,
                                       .backoff_max_us = backoff_us,
                                       .slots_max = RECORDS,
                                       .tenants = c->tenants};
    ck_assert_int_eq(cache_new(&cache, &source, &n->cache), OK);
    ck_ok(loader_start(n->loader, n->cache, &err), &err);
    budget_init(&n->http, OR(c->http_memory, 64u << 20));
    const struct endpoint_config e = {.catalog = n->catalog,
                                      .disk = c->disk,
                                      .workers = OR(c->workers, 2),
                                      .queue_max = OR(c->queue_max, 1024),
                                      .arena_max = OR(c->arena_max, 64u << 20),
                                      .http_memory = &n->http,
                                      .reply_max = OR(c->reply_max, 16u << 20),
                                      .prefetches_max = 8};
    ck_ok(endpoint_new(&e, n->cache, &n->endpoint, &err), &err);
}

void node_fini(struct node *n)
{
    struct budget_usage u;
    endpoint_drain(n->endpoint);
    loader_drain(n->loader);
    endpoint_free(&n->endpoint);
    budget_read(&n->http, &u);
    ck_assert_uint_eq(u.used[BUDGET_RESIDENT], 0);
    budget_fini(&n->http);
    cache_usage(n->cache, &u);
    ck_assert_uint_eq(u.used[BUDGET_RESERVED], 0);
    ck_assert_uint_eq(u.used[BUDGET_SCRATCH], 0);
    cache_free(&n->cache);
    ck_assert_uint_eq(region_live_bytes(), 0);
    loader_free(&n->loader);
    catalog_free(&n->catalog);
    gate_fini(&n->gate);
    store_free(&n->files);
    tree_fini(&n->tree);
}

static struct model *new_model(void)
{
    struct model *m = calloc(1, sizeof(*m));
    ck_assert_ptr_nonnull(m);
    model_init(m);
    return m;
}

static void put(struct node *n, const char *key, struct model *m)
{
    struct buf file;
    model_write(m, NULL, &file);
    tree_write(&n->tree, key, file.data, file.len);
    buf_fini(&file);
    free(m);
}

void node_put_mlp(struct node *n, const char *key, uint64_t seed)
{
    struct model *m = new_model();
    model_mlp(m, seed);
    put(n, key, m);
}

void node_put_adder(struct node *n, const char *key, uint32_t floats, uint32_t relus)
{
    struct model *m = new_model();
    float *constant = calloc(floats, sizeof(float));
    ck_assert_ptr_nonnull(constant);
    for (uint32_t i = 0; i < floats; i++)
        constant[i] = (float)(i % 1000) + 1;
    const int64_t dims[] = {DIM_SYMBOL_0, floats};
    int32_t x = model_input(m, "x", DT_F32, 2, dims);
    int32_t c = model_const(m, DT_F32, 1, (int64_t[]){floats}, constant);
    int32_t y = model_node(m, "Add", 14, x, c, ARTIFACT_NO_TENSOR);
    for (uint32_t i = 0; i < relus; i++)
        y = model_node(m, "Relu", 14, y, ARTIFACT_NO_TENSOR, ARTIFACT_NO_TENSOR);
    model_output(m, "y", y, DT_F32, 2, dims);
    put(n, key, m);
    free(constant);
}

uint64_t node_bytes(struct node *n, const char *name)
{
    struct slot_info i;
    (void)!order_load(n, name);
    ck_assert(cache_info(n->cache, name, &i));
    ck_assert_int_eq(i.state, SLOT_RESIDENT);
    return i.bytes;
}

float *node_run(struct node *n, const char *name, float x, size_t floats)
{
    float *got = calloc(floats, sizeof(*got));
    struct arena arena;
    struct session *session;
    struct tensor in, out;
    struct pin pin;
    struct err err;
    ck_assert_ptr_nonnull(got);
    ck_assert(cache_pin_resident(n->cache, name, &pin));
    arena_init(&arena, 1 << 26, NULL);
    ck_assert_int_eq(session_new(&arena, &session), OK);
    tensor_set_shape(&in, DT_F32, 1, (int64_t[]){1});
    in.data = &x;
    ck_ok(session_run(session, pin.value, &in, &out, NULL, &err), &err);
    ck_assert_int_eq(tensor_count(&out), (int64_t)floats);
    memcpy(got, out.data, floats * sizeof(*got));
    session_free(&session);
    arena_fini(&arena);
    cache_unpin(n->cache, &pin);
    return got;
}

void node_evict_all(struct node *n)
{
    struct budget_usage u;
    struct err err;
    cache_usage(n->cache, &u);
    const uint64_t all = u.limit - u.used[BUDGET_SCRATCH];
    ck_ok(cache_scratch_take(n->cache, all, &err), &err);
    cache_scratch_give(n->cache, all);
}

void node_settle(struct node *n)
{
    while (endpoint_in_flight(n->endpoint))
        sched_yield();
}

const char *node_describe(struct node *n, const char *name, char out[8192])
{
    struct buf b;
    struct err err;
    buf_init(&b, 0);
    enum status s = endpoint_describe(n->endpoint, name, clock_now_us(), &b, &err);
    snprintf(out, 8192, "%.*s", s == OK ? (int)b.len : 0, s == OK ? (const char *)b.data : "");
    buf_fini(&b);
    return out;
}

static void call_done(struct invocation *inv)
{
    struct call *c = CONTAINER_OF(inv, struct call, inv);
    lock_take(&c->lock);
    c->answers++;
    cond_wake_all(&c->changed);
    lock_release(&c->lock);
}

void call_init(struct call *c, const char *model, const char *json)
{
    memset(c, 0, sizeof(*c));
    lock_init(&c->lock, LOCK_LOG);
    cond_init(&c->changed);
    snprintf(c->inv.model, sizeof(c->inv.model), "%s", model);
    c->inv.out_format = -1;
    c->inv.options.model_name = c->inv.model;
    c->inv.done = call_done;
    /* Not through our allocation door: the tests of failing allocations are about the server. */
    ck_assert_int_eq(buf_str(&c->inv.body, json), OK);
}

void call_begin(struct node *n, struct call *c, uint64_t deadline_us)
{
    c->inv.deadline_us = deadline_us;
    endpoint_invoke(n->endpoint, &c->inv, clock_now_us());
}

enum status call_wait(struct call *c)
{
    lock_take(&c->lock);
    while (!c->answers)
        cond_wait(&c->changed, &c->lock, 0);
    enum status s = c->inv.status;
    lock_release(&c->lock);
    ck_assert_int_eq(s, s == OK ? OK : c->inv.err.code);
    ck_assert_ptr_null(c->inv.body.data);
    return s;
}

void call_fini(struct call *c)
{
    lock_take(&c->lock);
    ck_assert_int_eq(c->answers, 1);
    lock_release(&c->lock);
    buf_fini(&c->inv.reply);
    cond_fini(&c->changed);
    lock_fini(&c->lock);
}

enum status call_once(struct node *n, const char *model, const char *json, struct err *err)
{
    struct call c;
    call_init(&c, model, json);
    call_begin(n, &c, 0);
    enum status s = call_wait(&c);
    if (err)
        *err = c.inv.err;
    call_fini(&c);
    return s;
}

static void order_done(struct management_call *m)
{
    struct order *o = CONTAINER_OF(m, struct order, m);
    lock_take(&o->lock);
    o->answers++;
    cond_wake_all(&o->changed);
    lock_release(&o->lock);
}

void order_init(struct order *o, const char *model)
{
    memset(o, 0, sizeof(*o));
    lock_init(&o->lock, LOCK_LOG);
    cond_init(&o->changed);
    snprintf(o->m.model, sizeof(o->m.model), "%s", model);
    o->m.done = order_done;
}

enum status order_wait(struct order *o)
{
    lock_take(&o->lock);
    while (!o->answers)
        cond_wait(&o->changed, &o->lock, 0);
    lock_release(&o->lock);
    return o->m.status;
}

void order_fini(struct order *o)
{
    lock_take(&o->lock);
    ck_assert_int_eq(o->answers, 1);
    lock_release(&o->lock);
    cond_fini(&o->changed);
    lock_fini(&o->lock);
}

static enum status order_once(struct node *n, const char *model,
                              void (*give)(struct endpoint *, struct management_call *))
{
    struct order o;
    order_init(&o, model);
    give(n->endpoint, &o.m);
    enum status s = order_wait(&o);
    order_fini(&o);
    return s;
}

static void load_now(struct endpoint *e, struct management_call *m)
{
    endpoint_load(e, m, clock_now_us());
}

enum status order_load(struct node *n, const char *model)
{
    return order_once(n, model, load_now);
}

enum status order_unload(struct node *n, const char *model)
{
    return order_once(n, model, endpoint_unload);
}
