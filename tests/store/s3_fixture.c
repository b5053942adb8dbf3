/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "store/s3_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "support/support.h"

struct fake_http fake;
struct store *store;
struct err err;
char got[11];

void set_env(void)
{
    setenv("AWS_ACCESS_KEY_ID", "key-id", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "the-secret", 1);
    unsetenv("AWS_SESSION_TOKEN");
    setenv("no_proxy", "127.0.0.1", 1);
}

void open_with(const struct fake_reply *script, size_t count, struct store_options o)
{
    set_env();
    fake_http_start(&fake, script, count);
    o.endpoint = fake.endpoint;
    ck_ok(store_open_with("s3://bucket/pre fix/", &o, &store, &err), &err);
    memset(&err, 0, sizeof(err));
    memset(got, 0, sizeof(got));
}

struct store_options patient(void)
{
    struct store_options o = store_options_default;
    o.stall_us = 30000000;
    o.timeout_us = 50000000;
    return o;
}

void teardown(void)
{
    store_free(&store);
    fake_http_stop(&fake);
}

bool asked(size_t i, const char *words)
{
    return i < fake.n_requests && strstr(fake.requests[i], words);
}
