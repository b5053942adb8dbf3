/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* store -> catalog -> loader -> cache -> endpoint -> server, and back again. Whatever start made
 * before it failed, stop frees: every free skips what is not there. */
#include "cli/node.h"

#include <time.h>
#include <unistd.h>

#include "artifact/blobs.h"
#include "base/checked.h"
#include "base/clock.h"
#include "cache/policy/policy.h"
#include "mem/pool.h"
#include "metrics/metrics.h"

enum { WORKERS_MAX = 64, LAME_POLL_NS = 2000000 };

static uint32_t cores(uint32_t most)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : (uint32_t)MIN(n, (long)most);
}

/* All that the budget does not hold may be kept pages: they give way to whatever is reserved. */
static void set_memory(const struct config *c, uint64_t limit_bytes)
{
    const struct pool_limits limits = {.kept_max = c->recycle == 0 ? limit_bytes : 0,
                                       .total_max = limit_bytes,
                                       .whole_huge = true};
    pool_set_limits(&limits);
    blobs_always_hash(c->verify == 1);
}

static enum status start_disk(struct node *n, const struct config *c, struct err *err)
{
    const struct disk_config disk = {c->disk, c->disk_limit};
    if (!*c->disk)
        return OK;
    enum status s = disk_open(&disk, &n->disk, err);
    if (s == OK && c->disk_scrub)
        s = disk_scrub_start(n->disk, c->disk_scrub, err);
    loader_use_disk(n->loader, n->disk);
    return s;
}

static struct compile_config compile_of(const struct config *c)
{
    return (struct compile_config){.memory_bytes = c->compile_memory,
                                   .time_us = c->compile_time,
                                   .optimize = (uint32_t)c->optimize,
                                   .model_max = c->compile_file_max,
                                   .tensors_max = c->tensors_max,
                                   .tenants = {c->limits, c->n_tenants},
                                   .write_back = c->write_back,
                                   .threads = (uint32_t)c->compilers};
}

/* Every child has a place of --compilers or of --publishes, and no tenant's limits are wider. */
static void note_compile_memory(const struct config *c)
{
    const uint64_t file = limits_memory(c->compile_memory, c->compile_file_max),
                   upload =
                       limits_memory(c->compile_memory, MIN(c->compile_file_max, c->publish_max));
    uint64_t of_files, of_uploads, all;
    if (!checked_mul(file, c->compilers, &of_files) ||
        !checked_mul(upload, c->publishes, &of_uploads) || !checked_add(of_files, of_uploads, &all))
        all = UINT64_MAX;
    metric_set(M_COMPILE_MEMORY_MAX, (int64_t)MIN(all, (uint64_t)INT64_MAX));
}

static enum status start_cache(struct node *n, const struct config *c, struct err *err)
{
    const struct cache_source source = loader_source(n->loader);
    struct tenant_rule rules[TENANT_RULES_MAX];
    config_rules(c, rules);
    const uint64_t memory = c->memory ? c->memory : config_memory_auto();
    const struct cache_config cache = {
        .limit_bytes = memory,
        .policy = policy_table()[c->policy],
        .transient_bytes = memory / 100 * c->transient,
        .thrash_ratio = (uint32_t)c->thrash * 10000,
        .backoff_min_us = c->load_backoff,
        .backoff_max_us = MAX(c->load_backoff, c->load_backoff_max),
        .reload_evicts = c->reload == 1,
        .slots_max = (uint32_t)c->records,
        .tenants = {.rules = rules,
                    .n = c->n_tenants,
                    .ttl_us = c->ttl,
                    .min_residency_us = c->min_residency},
    };
    enum status s = tenants_check(&cache.tenants, cache.limit_bytes, err);
    if (s != OK)
        return s;
    s = cache_new(&cache, &source, &n->cache);
    if (s != OK)
        return err_set(err, s, "cache: %s", status_text(s));
    set_memory(c, cache.limit_bytes);
    budget_init(&n->http_memory, c->http_memory);
    return OK;
}

static enum status start_loading(struct node *n, const struct config *c, struct err *err)
{
    enum status s = config_open_store(c, &n->store, err);
    if (s != OK)
        return s;
    s = catalog_new(n->store, (uint32_t)c->negatives, (uint32_t)c->probes, &n->catalog);
    if (s != OK)
        return err_set(err, s, "catalog: %s", status_text(s));
    catalog_bound_node(n->catalog, (uint32_t)c->probes_node);
    struct loader_resolver resolver = catalog_resolver(n->catalog);
    const struct loader_config loading = {.threads = (uint32_t)c->loaders,
                                          .link_threads = (uint32_t)c->link_threads,
                                          .chunk_bytes = c->link_chunk,
                                          .share_node = c->share == 1,
                                          .compile = compile_of(c)};
    s = loader_new(n->store, &resolver, &loading, &n->loader);
    if (s != OK)
        return err_set(err, s, "loader: %s", status_text(s));
    s = start_disk(n, c, err);
    if (s != OK)
        return s;
    s = start_cache(n, c, err);
    if (s == OK && c->advice == 0)
        s = advisor_start(n->cache, &n->advisor, err);
    return s == OK ? loader_start(n->loader, n->cache, err) : s;
}

static enum status start_publishing(struct node *n, const struct config *c, struct err *err)
{
    note_compile_memory(c);
    const struct publish_config publish = {.catalog = n->catalog,
                                           .cache = n->cache,
                                           .http_memory = &n->http_memory,
                                           .compile = compile_of(c),
                                           .arena_max = c->arena_max,
                                           .steps_max = c->max_steps,
                                           .run_us = c->timeout,
                                           .uploads_max = (uint32_t)c->publishes,
                                           .tenant_uploads_max = (uint32_t)c->publishes_per_tenant,
                                           .dir = c->publish_dir};
    return publisher_new(&publish, &n->publisher, err);
}

static enum status start_recording(struct node *n, const struct config *c, struct err *err)
{
    if (!*c->record_trace)
        return OK;
    return recorder_start(c->record_trace, c->record_trace_limit, &n->recorder, err);
}

static enum status start_serving(struct node *n, const struct config *c, struct err *err)
{
    const struct endpoint_config endpoint = {
        .catalog = n->catalog,
        .disk = n->disk,
        .recorder = n->recorder,
        .advisor = n->advisor,
        .workers = c->workers ? (uint32_t)c->workers : cores(WORKERS_MAX),
        .queue_max = (uint32_t)c->queue,
        .arena_max = c->arena_max,
        .steps_max = c->max_steps,
        .http_memory = &n->http_memory,
        .reply_max = c->reply_max,
        .prefetches_max = (uint32_t)c->prefetches,
    };
    const struct server_config server = {
        .listen = c->listen,
        .admin_listen = *c->admin_listen ? c->admin_listen : NULL,
        .loops = c->loops ? (uint32_t)c->loops : cores(LOOPS_AUTO_MAX),
        .limits = {.head_bytes = (uint32_t)c->head_bytes,
                   .head_count = (uint32_t)c->head_count,
                   .head_us = c->head_timeout,
                   .idle_us = c->idle_timeout,
                   .body_bytes = c->body_max,
                   .upload_bytes = c->publish_max,
                   .body_rate = c->body_rate,
                   .body_grace_us = c->body_grace,
                   .connections = (uint32_t)c->connections,
                   .timeout_us = c->timeout},
        .memory = &n->http_memory,
        .cache_headers = c->cache_headers == 0,
        .insecure_admin = c->insecure_admin,
        .publisher = n->publisher,
    };
    enum status s = endpoint_new(&endpoint, n->cache, &n->endpoint, err);
    return s == OK ? server_new(&server, n->endpoint, &n->server, err) : s;
}

/* What becomes of it stands in the log and in the metrics. */
static void foreseen(void *endpoint, const char *name, uint64_t now_us)
{
    (void)!endpoint_prefetch(endpoint, name, now_us, NULL);
}

static enum status start_residency(struct node *n, const struct config *c, struct err *err)
{
    const struct residency_config residency = {.path = c->residency,
                                               .models_max = (uint32_t)c->records,
                                               .endpoint = n->endpoint,
                                               .catalog = n->catalog,
                                               .cache = n->cache};
    return *c->residency ? residency_start(&residency, &n->residency, err) : OK;
}

static enum status start_refreshing(struct node *n, const struct config *c, struct err *err)
{
    const struct refresh_config refresh = {
        .store = n->store, .cache = n->cache, .refresh_us = c->refresh};
    return c->refresh ? refresh_start(&refresh, &n->refresh, err) : OK;
}

enum status node_start(struct node *n, const struct config *c, struct err *err)
{
    *n = (struct node){.store = NULL};
    enum status s = start_loading(n, c, err);
    if (s == OK)
        s = start_publishing(n, c, err);
    if (s == OK)
        s = start_recording(n, c, err);
    if (s == OK)
        s = start_serving(n, c, err);
    if (s == OK)
        s = cache_start(n->cache, foreseen, n->endpoint, err);
    if (s == OK)
        s = start_residency(n, c, err);
    if (s == OK)
        s = start_refreshing(n, c, err);
    if (s == OK)
        s = expiry_start(n->cache, &n->expiry, err);
    if (s != OK)
        node_stop(n, clock_now_us());
    return s;
}

/* While something is in flight the listeners stay open, so that balancers and clients hear 503 with
 * Retry-After (and from /ready) instead of a refused connection. */
static void wait_in_flight(struct endpoint *e, uint64_t until_us)
{
    const struct timespec pause = {.tv_nsec = LAME_POLL_NS};
    while (endpoint_in_flight(e) && clock_now_us() < until_us)
        nanosleep(&pause, NULL);
}

void node_stop(struct node *n, uint64_t until_us)
{
    if (n->endpoint) {
        endpoint_drain(n->endpoint);
        wait_in_flight(n->endpoint, until_us);
    }
    if (n->server)
        server_drain(n->server, until_us);
    /* Only now: what waited for a load, or for a version to be written, could still be answered. */
    if (n->store)
        store_stop(n->store);
    if (n->server)
        server_free(&n->server);
    if (n->publisher)
        publisher_free(&n->publisher);
    if (n->loader)
        loader_drain(n->loader);
    refresh_stop(&n->refresh);
    expiry_stop(&n->expiry);
    if (n->cache)
        cache_stop(n->cache);
    if (n->residency)
        residency_stop(&n->residency);
    if (n->endpoint)
        endpoint_free(&n->endpoint);
    recorder_stop(&n->recorder);
    if (n->advisor)
        advisor_stop(n->advisor);
    if (n->cache) {
        cache_free(&n->cache);
        budget_fini(&n->http_memory);
    }
    advisor_free(&n->advisor);
    if (n->loader)
        loader_free(&n->loader);
    disk_close(&n->disk);
    if (n->catalog)
        catalog_free(&n->catalog);
    if (n->store)
        store_free(&n->store);
}
