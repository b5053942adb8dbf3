/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A request until it is answered. It is tried again only where that may help, with growing pauses
 * of random length, within its time, and out of a budget that all requests of the node share: each
 * retry takes one from it, ten requests that went well give one back. So a store that is down is
 * not asked many times as much as one that is well. */
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/s3_transfer.h"

uint64_t s3_draw(uint64_t n)
{
    uint64_t r = 0;
    if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
        r = clock_now_us() * UINT64_C(0x9e3779b97f4a7c15) >> 20;
    return n ? r % n : 0;
}

static void publish_budget(const struct s3_store *s)
{
    metric_set(M_S3_BUDGET, (int64_t)(s->budget_parts / S3_BUDGET_PARTS));
}

static bool take_retry(struct s3_store *s)
{
    lock_take(&s->lock);
    bool good = s->budget_parts >= S3_BUDGET_PARTS;
    if (good)
        s->budget_parts -= S3_BUDGET_PARTS;
    publish_budget(s);
    lock_release(&s->lock);
    return good;
}

static void earn(struct s3_store *s)
{
    uint64_t most = (uint64_t)s->o.retry_budget * S3_BUDGET_PARTS;
    lock_take(&s->lock);
    if (s->budget_parts < most) {
        s->budget_parts++;
        publish_budget(s);
    }
    lock_release(&s->lock);
}

/* A random time below twice the last one's most, which begins anew where the last try brought
 * bytes. False when the store was told to stop. */
static bool pause_before(struct s3_store *s, uint32_t fruitless, uint64_t until_us)
{
    uint64_t most = S3_BACKOFF_MOST_US;
    if (fruitless < 16)
        most = MIN(most, (uint64_t)S3_BACKOFF_FIRST_US << fruitless);
    uint64_t end_us = MIN(clock_now_us() + s3_draw(most), until_us);
    lock_take(&s->lock);
    while (!atomic_load(&s->stopping) && cond_wait(&s->stop_told, &s->lock, end_us))
        continue;
    lock_release(&s->lock);
    return !atomic_load(&s->stopping);
}

/* Why there is no further try, or nothing; *failure is what that counts as. */
static const char *given_up(struct s3_store *s, const struct s3_request *r, uint32_t tries,
                            enum metric *failure)
{
    *failure = M_S3_TIMEOUT;
    if (clock_now_us() >= r->until_us)
        return "no time is left";
    *failure = M_S3_EXHAUSTED;
    if (tries > s->o.retries)
        return "no retry is left";
    *failure = M_S3_NO_BUDGET;
    return take_retry(s) ? NULL : "the node's retries are used up";
}

static enum status get_who(struct s3_store *s, struct credentials *who, struct err *err)
{
    return chain_get(s->chain, clock_wall_ms() / 1000, who, err);
}

/* The store refused who asked: are there others by now? Once a request. */
static bool others(struct s3_store *s, struct credentials *who, bool *asked)
{
    struct credentials fresh;
    struct err ignored;
    bool better = false;
    if (*asked || !chain_refused(s->chain, who, clock_wall_ms() / 1000))
        return false;
    *asked = true;
    if (get_who(s, &fresh, &ignored) == OK) {
        better = strcmp(fresh.key_id, who->key_id) != 0 || strcmp(fresh.secret, who->secret) != 0 ||
                 strcmp(fresh.token, who->token) != 0;
        *who = fresh;
    }
    credentials_wipe(&fresh);
    return better;
}

/* After `tries` tries that were not answered. */
static bool try_again(struct s3_store *s, struct s3_request *r, struct s3_answer *a, uint32_t tries,
                      struct err *err)
{
    enum metric failure;
    const char *why = given_up(s, r, tries, &failure);
    if (!why) {
        metric_add(a->why, 1);
        LOG(LOG_WARN, "store_retry", log_str("error", err->msg), log_num("tries", tries));
        a->why = METRIC_COUNT;
        if (r->body)
            buf_clear(r->body);
        if (!pause_before(s, r->fruitless, r->until_us)) {
            err_fill(err, E_CANCELLED, "'%.80s': the store is closed", r->what);
            return false;
        }
        if (clock_now_us() < r->until_us)
            return true;
        failure = M_S3_TIMEOUT;
        why = "no time is left";
    }
    char last[sizeof(err->msg)];
    memcpy(last, err->msg, sizeof(last));
    err_fill(err, E_STORE, "%.180s; %s after %u %s", last, why, tries, tries > 1 ? "tries" : "try");
    a->why = failure;
    return false;
}

/* One try, and a second one where the first was refused and others may ask. */
static enum s3_fate try_once(struct s3_store *s, struct s3_request *r, struct s3_answer *a,
                             bool *asked_anew, struct err *err)
{
    struct credentials who;
    size_t got = r->got;
    if (get_who(s, &who, err) != OK) {
        *a = (struct s3_answer){.why = M_S3_NO_CREDENTIALS};
        return S3_FINAL;
    }
    enum s3_fate fate = s3_try(s, r, &who, a, err);
    if (fate == S3_WHO && others(s, &who, asked_anew)) {
        metric_add(M_S3_RETRY_CREDENTIALS, 1);
        fate = s3_try(s, r, &who, a, err);
    }
    credentials_wipe(&who);
    r->fruitless = r->got > got ? 0 : r->fruitless + 1;
    return fate;
}

enum status s3_send(struct s3_store *s, struct s3_request *r, struct s3_answer *a, struct err *err)
{
    struct err why = {0};
    bool asked_anew = false;
    enum s3_fate fate = S3_AGAIN;
    r->fruitless = 0;
    if (r->from) {
        enum status hashed = s3_hash_body(r, err);
        if (hashed != OK)
            return hashed;
    }
    for (uint32_t tries = 1; fate == S3_AGAIN; tries++) {
        fate = try_once(s, r, a, &asked_anew, &why);
        if (fate == S3_AGAIN && !try_again(s, r, a, tries, &why))
            break;
    }
    if (fate == S3_DONE || why.code == E_NOT_FOUND || why.code == E_EXISTS)
        earn(s);
    else if (a->why < METRIC_COUNT)
        metric_add(a->why, 1);
    return fate == S3_DONE ? OK : err_set(err, why.code, "%s", why.msg);
}
