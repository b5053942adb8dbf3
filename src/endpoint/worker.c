/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What each worker of the executor has: an arena that starts at nothing and grows by reservation
 * from --memory, and a session over it. */
#include "base/alloc.h"
#include "endpoint/endpoint_priv.h"
#include "metrics/metrics.h"

void *worker_new(void *endpoint, uint32_t index)
{
    struct endpoint *e = endpoint;
    UNUSED(index);
    struct worker *w = alloc_zero(1, sizeof(*w));
    if (!w)
        return NULL;
    arena_init(&w->arena, e->config.arena_max, &e->arena_charge);
    if (session_new(&w->arena, &w->session) != OK) {
        arena_fini(&w->arena);
        alloc_free(w);
        return NULL;
    }
    session_set_team(w->session, &e->team);
    return w;
}

void worker_free(void *endpoint, void *worker)
{
    struct worker *w = worker;
    UNUSED(endpoint);
    session_free(&w->session);
    arena_fini(&w->arena);
    alloc_free(w);
}

void worker_trim(void *endpoint, void *worker)
{
    struct worker *w = worker;
    UNUSED(endpoint);
    session_forget(w->session);
    arena_fini(&w->arena);
}

bool worker_charge(void *endpoint, int64_t delta)
{
    struct endpoint *e = endpoint;
    if (budget_charge_buf(e->config.http_memory, delta))
        return true;
    metric_add(M_REFUSED_HTTP_MEMORY, 1);
    return false;
}
