/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Who asks an S3 store: access key, secret and, where they are temporary, session token. They are
 * looked for where the AWS tools look, in this order: the environment, the shared credentials file,
 * the container's endpoint, the instance's metadata (IMDSv2). The first source that is there is the
 * one; what it gave is kept and asked for again before it expires. Nothing here is ever logged or
 * stands in an error. */
#ifndef ROOST_STORE_CREDENTIALS_H
#define ROOST_STORE_CREDENTIALS_H

#include "base/status.h"

enum {
    CREDENTIALS_ID_MAX = 256, /* sizes include the final NUL */
    CREDENTIALS_SECRET_MAX = 256,
    CREDENTIALS_TOKEN_MAX = 8192,
    CREDENTIALS_REGION_MAX = 64,
};

/* Embedded; whoever holds one wipes it (credentials_wipe). */
struct credentials {
    char key_id[CREDENTIALS_ID_MAX];
    char secret[CREDENTIALS_SECRET_MAX];
    char token[CREDENTIALS_TOKEN_MAX]; /* "": none */
    uint64_t expires_s;                /* since 1970; 0: never */
};

void credentials_wipe(struct credentials *c);
/* Are key and secret there, and all three visible ASCII? Nothing else goes into a header. */
bool credentials_valid(const struct credentials *c);

struct chain;
struct curl_door;

/* Heap. The environment is read now and again with each renewal.
 * errors: E_NO_MEMORY */
enum status chain_new(const struct curl_door *curl, struct chain **out,
                      struct err *err) WARN_UNUSED;
void chain_free(struct chain **c);

/* A copy of the credentials that hold at now_s. Renews those that expire within five minutes; one
 * caller does that while others go on with what still holds.
 * thread: any   locks: takes CREDENTIALS   blocks: disk, network
 * errors: E_STORE when there are none or their source does not answer; E_NO_MEMORY */
enum status chain_get(struct chain *c, uint64_t now_s, struct credentials *out,
                      struct err *err) WARN_UNUSED;
/* The store refused them: the next chain_get renews, at most every ten seconds. True when it will.
 */
bool chain_refused(struct chain *c, const struct credentials *these, uint64_t now_s);

/* The region that AWS_REGION, AWS_DEFAULT_REGION or the profile names, or "".  blocks: disk */
void credentials_region(char out[CREDENTIALS_REGION_MAX]);

#endif
