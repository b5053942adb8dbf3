/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "catalog/many.h"

#include <pthread.h>

uint32_t many_threads(const struct store *store)
{
    return store_is_far(store) ? MANY_THREADS : 1;
}

struct call {
    void (*fn)(void *arg);
    void *arg;
};

static void *run(void *arg)
{
    const struct call *c = arg;
    c->fn(c->arg);
    return NULL;
}

void many_run(uint32_t threads, void (*fn)(void *arg), void *arg)
{
    struct call call = {fn, arg};
    pthread_t thread[MANY_THREADS];
    uint32_t n = 0;
    while (n + 1 < MIN(threads, (uint32_t)MANY_THREADS) &&
           pthread_create(&thread[n], NULL, run, &call) == 0)
        n++;
    fn(arg);
    while (n)
        pthread_join(thread[--n], NULL);
}
