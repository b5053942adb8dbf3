/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A hint that a model will be asked for soon. It is a load that nobody waits for: who gave the hint
 * has his answer before it ends, and what became of it stands in the log and in
 * endpoint_describe. */
#include <stdio.h>

#include "base/alloc.h"
#include "endpoint/endpoint_priv.h"
#include "metrics/metrics.h"

static void ended(struct management_call *m)
{
    atomic_fetch_sub(&m->endpoint->prefetches, 1);
    alloc_free(m);
}

/* One more under way; false at the bound. */
static bool take_place(struct endpoint *e)
{
    uint32_t n = atomic_load(&e->prefetches);
    while (n < e->config.prefetches_max)
        if (atomic_compare_exchange_weak(&e->prefetches, &n, n + 1))
            return true;
    return false;
}

static enum status begin(struct endpoint *e, const char *model, uint64_t now_us, struct err *err)
{
    struct management_call *m = alloc_zero(1, sizeof(*m));
    if (!m) {
        atomic_fetch_sub(&e->prefetches, 1);
        return err_set(err, E_NO_MEMORY, "no memory to prefetch '%.160s'", model);
    }
    snprintf(m->model, sizeof(m->model), "%s", model);
    m->hint = HINT_SOON;
    m->done = ended;
    endpoint_load(e, m, now_us);
    return OK;
}

enum status endpoint_prefetch(struct endpoint *e, const char *model, uint64_t now_us,
                              struct err *err)
{
    if (endpoint_draining(e))
        return err_set(err, E_DRAINING, "the server is draining");
    if (catalog_known_absent(e->config.catalog, model, now_us)) {
        metric_add(M_NEGATIVE_HITS, 1);
        return err_set(err, E_NOT_FOUND, "there is no model '%.160s'", model);
    }
    if (!take_place(e)) {
        metric_add(M_REFUSED_PREFETCHES, 1);
        return err_set(err, E_QUEUE_FULL, "%u models are being prefetched already",
                       e->config.prefetches_max);
    }
    return begin(e, model, now_us, err);
}
