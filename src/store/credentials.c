/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One set of credentials, shared by all who ask. Sources are asked outside of the lock by one
 * caller at a time; whoever holds something that is still good does not wait for him. */
#include "store/credentials.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/lock.h"
#include "store/credentials_priv.h"

enum {
    EARLY_S = 300,  /* before they expire, temporary ones are renewed */
    REREAD_S = 300, /* a file may have been written anew */
    AGAIN_S = 10,   /* between two renewals that something went wrong with */
};

static const struct {
    credentials_source_fn *get;
    bool changes; /* may hold others tomorrow though these do not expire */
} sources[] = {
    {credentials_from_env, false},
    {credentials_from_file, true},
    {credentials_from_container, true},
    {credentials_from_instance, true},
};

struct chain {
    struct lock lock; /* CREDENTIALS; guards all but curl */
    struct cond renewed;
    const struct curl_door *curl;
    struct credentials now; /* key_id "": none yet */
    uint64_t renew_s;       /* from then on they are renewed */
    uint64_t refused_s;     /* when chain_refused last asked for that */
    uint64_t rounds;        /* renewals that ended, however */
    struct err failure;     /* of the last one that failed */
    bool renewing;          /* one caller asks the sources */
};

void credentials_wipe(struct credentials *c)
{
    explicit_bzero(c, sizeof(*c));
}

static bool is_visible(const char *s)
{
    for (; *s; s++)
        if (*s <= ' ' || *s > '~')
            return false;
    return true;
}

bool credentials_valid(const struct credentials *c)
{
    return *c->key_id && *c->secret && is_visible(c->key_id) && is_visible(c->secret) &&
           is_visible(c->token);
}

const char *credentials_env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static bool copy_env(const char *name, char *out, size_t size)
{
    const char *value = credentials_env(name);
    size_t n = value ? strlen(value) : 0;
    if (n >= size)
        return false;
    memcpy(out, value ? value : "", n + 1);
    return true;
}

enum status credentials_from_env(const struct curl_door *curl, struct credentials *out,
                                 struct err *err)
{
    UNUSED(curl);
    if (!credentials_env("AWS_ACCESS_KEY_ID") || !credentials_env("AWS_SECRET_ACCESS_KEY"))
        return E_NOT_FOUND;
    if (copy_env("AWS_ACCESS_KEY_ID", out->key_id, sizeof(out->key_id)) &&
        copy_env("AWS_SECRET_ACCESS_KEY", out->secret, sizeof(out->secret)) &&
        copy_env("AWS_SESSION_TOKEN", out->token, sizeof(out->token)))
        return OK;
    return err_set(err, E_STORE, "credentials in the environment are too long");
}

enum status chain_new(const struct curl_door *curl, struct chain **out, struct err *err)
{
    struct chain *c = alloc_zero(1, sizeof(*c));
    if (!c)
        return err_set(err, E_NO_MEMORY, "credentials: out of memory");
    lock_init(&c->lock, LOCK_CREDENTIALS);
    cond_init(&c->renewed);
    c->curl = curl;
    *out = c;
    return OK;
}

void chain_free(struct chain **c)
{
    if (!*c)
        return;
    cond_fini(&(*c)->renewed);
    lock_fini(&(*c)->lock);
    credentials_wipe(&(*c)->now);
    alloc_free(*c);
    *c = NULL;
}

/* Asks the places in turn. *changes is the place's. */
static enum status find(const struct curl_door *curl, struct credentials *out, bool *changes,
                        struct err *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(sources); i++) {
        memset(out, 0, sizeof(*out));
        enum status s = sources[i].get(curl, out, err);
        if (s == E_NOT_FOUND)
            continue;
        *changes = sources[i].changes;
        if (s == OK && !credentials_valid(out))
            return err_set(err, E_STORE, "credentials hold bytes that no header takes");
        return s;
    }
    return err_set(err, E_STORE,
                   "no credentials for s3://: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a "
                   "profile in ~/.aws/credentials, or a role of the container or instance");
}

static bool holds(const struct chain *c, uint64_t now_s)
{
    return *c->now.key_id && (!c->now.expires_s || now_s < c->now.expires_s);
}

/* What a renewal brought, under the lock. */
static void install(struct chain *c, const struct credentials *fresh, bool changes, uint64_t now_s)
{
    c->now = *fresh;
    c->renew_s = UINT64_MAX;
    if (fresh->expires_s)
        c->renew_s =
            MAX(fresh->expires_s > EARLY_S ? fresh->expires_s - EARLY_S : 0, now_s + AGAIN_S);
    else if (changes)
        c->renew_s = now_s + REREAD_S;
}

/* With the lock held on the way in and out. */
static enum status renew(struct chain *c, uint64_t now_s, struct err *err) REQUIRES(c->lock)
{
    struct credentials fresh;
    struct err failure = {0};
    bool changes = false;
    c->renewing = true;
    lock_release(&c->lock);
    enum status s = find(c->curl, &fresh, &changes, &failure);
    lock_take(&c->lock);
    c->renewing = false;
    c->rounds++;
    if (s == OK)
        install(c, &fresh, changes, now_s);
    else
        c->failure = failure;
    credentials_wipe(&fresh);
    cond_wake_all(&c->renewed);
    if (s != OK && holds(c, now_s)) {
        c->renew_s = now_s + AGAIN_S;
        return OK;
    }
    if (s != OK)
        err_fill(err, s, "%s", failure.msg);
    return s;
}

/* Waits for who renews now. What he found is good for this caller too, were it a failure. */
static enum status wait_renewed(struct chain *c, uint64_t now_s, struct err *err) REQUIRES(c->lock)
{
    uint64_t round = c->rounds;
    while (c->renewing && c->rounds == round)
        if (!cond_wait(&c->renewed, &c->lock, 0))
            break;
    if (holds(c, now_s))
        return OK;
    return err_set(err, c->failure.code ? c->failure.code : E_STORE, "%s", c->failure.msg);
}

enum status chain_get(struct chain *c, uint64_t now_s, struct credentials *out, struct err *err)
{
    enum status s = OK;
    lock_take(&c->lock);
    if (c->renewing && !holds(c, now_s))
        s = wait_renewed(c, now_s, err);
    else if (!c->renewing && (!holds(c, now_s) || now_s >= c->renew_s))
        s = renew(c, now_s, err);
    if (s == OK)
        *out = c->now;
    lock_release(&c->lock);
    return s;
}

bool chain_refused(struct chain *c, const struct credentials *these, uint64_t now_s)
{
    lock_take(&c->lock);
    bool others =
        strcmp(these->key_id, c->now.key_id) != 0 || strcmp(these->token, c->now.token) != 0;
    bool again = !others && (!c->refused_s || now_s >= c->refused_s + AGAIN_S);
    if (again) {
        c->refused_s = now_s;
        c->renew_s = 0;
    }
    lock_release(&c->lock);
    return others || again;
}
