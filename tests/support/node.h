/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* All that stands behind the HTTP door, wired as the server wires it: a folder of models, a gate, a
 * catalog, a loader, a cache and an endpoint. */
#ifndef ROOST_TESTS_NODE_H
#define ROOST_TESTS_NODE_H

#include "endpoint/endpoint.h"
#include "support/gate.h"
#include "support/tree.h"

/* Zero fields stand for generous defaults. */
struct node_config {
    uint64_t memory_bytes;
    uint64_t arena_max, http_memory, reply_max;
    uint32_t loaders, link_threads, workers, queue_max;
    bool share_node;     /* as struct loader_config has it */
    bool write_back;     /* likewise */
    uint64_t backoff_us; /* first and longest back-off of a failed load */
    struct disk *disk;   /* borrowed; outlives the node */
    struct tenant_rules tenants;
    struct limits_table limits; /* of tenants; outlives the node */
};

/* Embedded. */
struct node {
    struct tree tree;
    struct store *files;
    struct gate gate;
    struct catalog *catalog;
    struct loader *loader;
    struct cache *cache;
    struct budget http;
    struct endpoint *endpoint;
};

void node_init(struct node *n, const struct node_config *c);
void node_fini(struct node *n); /* drains and frees in the server's order */
/* A model of x[N][4] -> y[N][3] under key, its weights drawn from the seed. */
void node_put_mlp(struct node *n, const char *key, uint64_t seed);
/* A model of x[N][floats] -> y[N][floats], y = x + a constant: about 4 * floats bytes of weights,
 * the same for all n; relus > 0: as many further instructions. */
void node_put_adder(struct node *n, const char *key, uint32_t floats, uint32_t relus);
/* Bytes the model under name is charged once it is resident; loads it where it is not. */
uint64_t node_bytes(struct node *n, const char *name);
/* Runs the resident model on x[1], float32; its only output, which has so many floats. The caller
 * frees it. */
float *node_run(struct node *n, const char *name, float x, size_t floats);
/* Evicts every model that is not pinned; their bytes are free when it returns. */
void node_evict_all(struct node *n);
/* Until no done is on its way any more. */
void node_settle(struct node *n);
/* What GET /models/<name> says; "" when there is no record. */
const char *node_describe(struct node *n, const char *name, char out[8192]);

/* One invocation and who waits for it. Embedded. */
struct call {
    struct invocation inv;
    struct lock lock; /* LOCK_LOG; guards what follows */
    struct cond changed;
    int answers; /* calls of done */
};

void call_init(struct call *c, const char *model, const char *json);
/* Begins it; deadline_us as in struct invocation. */
void call_begin(struct node *n, struct call *c, uint64_t deadline_us);
enum status call_wait(struct call *c); /* until done was called */
void call_fini(struct call *c);        /* asserts exactly one answer */
/* Begins, waits, ends; the reply is thrown away. err may be NULL. */
enum status call_once(struct node *n, const char *model, const char *json, struct err *err);

/* A management call and who waits for it. */
struct order {
    struct management_call m;
    struct lock lock; /* LOCK_LOG */
    struct cond changed;
    int answers;
};
void order_init(struct order *o, const char *model);
enum status order_wait(struct order *o);
void order_fini(struct order *o);
enum status order_load(struct node *n, const char *model);
enum status order_unload(struct node *n, const char *model);

#endif
