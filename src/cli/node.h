/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A serving node: the rooms wired together in the order in which they depend on each other. */
#ifndef ROOST_CLI_NODE_H
#define ROOST_CLI_NODE_H

#include "catalog/refresh.h"
#include "cli/config.h"
#include "cli/expiry.h"
#include "cli/residency.h"
#include "http/server.h"

enum { LOOPS_AUTO_MAX = 8 }; /* event loops where --loops names none: one a core, at most these */

/* Embedded; all zero is an empty node. Later fields lean on earlier ones. */
struct node {
    struct store *store;
    struct catalog *catalog;
    struct disk *disk; /* NULL: there is no disk tier */
    struct loader *loader;
    struct cache *cache;
    struct advisor *advisor;   /* NULL: --advice off */
    struct budget http_memory; /* valid when cache is set */
    struct recorder *recorder; /* NULL without --record-trace */
    struct endpoint *endpoint;
    struct publisher *publisher;
    struct server *server;
    struct residency *residency; /* NULL without --residency */
    struct refresh *refresh;     /* NULL with --refresh 0s */
    struct expiry *expiry;       /* NULL where nothing expires */
};

/* Opens the store and starts all threads; requests are taken on return.
 * owns: c borrowed until node_stop   blocks: disk
 * errors: E_USAGE, E_NOT_FOUND (the store), E_IO (the address), E_NO_MEMORY; the node is empty */
enum status node_start(struct node *n, const struct config *c, struct err *err) WARN_UNUSED;
/* Answers what is in flight until until_us, 503 for the rest, then stops and frees everything.
 * blocks: until then */
void node_stop(struct node *n, uint64_t until_us);

#endif
