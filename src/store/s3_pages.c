/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What bounds a listing as a whole, however many pages a store says that it has: their number, that
 * they move on, and the time that is waited for all of them. Each page has a request's time; all
 * together have that once, and a little more for each entry that came. So a long listing may take
 * long, and one that brings next to nothing may not. What is done with the entries is not counted:
 * a collector lists folders in the course of a listing. */
#include "base/clock.h"
#include "store/s3_priv.h"

enum { PAGES_MAX = 10000, ENTRY_EARNS_US = 1000 };

void s3_pages_init(const struct s3_store *s, struct s3_pages *p)
{
    *p = (struct s3_pages){.left_us = s->o.timeout_us};
}

void s3_pages_earn(struct s3_pages *p)
{
    p->left_us += ENTRY_EARNS_US;
}

enum status s3_pages_endless(const struct s3_store *s, const struct s3_request *r, struct err *err)
{
    return err_set(err, E_STORE, "'%.80s' in %.80s: a listing without end", r->what, s->store.url);
}

enum status s3_pages_next(struct s3_store *s, struct s3_request *r, struct s3_pages *p,
                          struct s3_answer *a, struct err *err)
{
    const uint64_t began_us = clock_now_us();
    *a = (struct s3_answer){.http = 0};
    if (p->count++ == PAGES_MAX)
        return s3_pages_endless(s, r, err);
    if (!p->left_us) {
        metric_add(M_S3_TIMEOUT, 1);
        return err_set(err, E_STORE,
                       "'%.80s' in %.80s: no time is left after %d pages of a listing", r->what,
                       s->store.url, p->count - 1);
    }
    r->until_us = began_us + MIN(s->o.timeout_us, p->left_us);
    buf_clear(r->body);
    enum status st = s3_send(s, r, a, err);
    p->left_us -= MIN(p->left_us, clock_now_us() - began_us);
    return st;
}
