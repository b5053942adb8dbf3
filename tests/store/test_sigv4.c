/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The signer against signatures that botocore made of the same requests. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "store/sigv4.h"
#include "store/sigv4_vectors.h"
#include "support/support.h"

static struct credentials who_of(size_t i)
{
    struct credentials who = {.expires_s = 0};
    snprintf(who.key_id, sizeof(who.key_id), "%s", vectors[i].key_id);
    snprintf(who.secret, sizeof(who.secret), "%s", vectors[i].secret);
    snprintf(who.token, sizeof(who.token), "%s", vectors[i].token);
    return who;
}

static enum status sign(size_t i, const char *payload, struct sigv4_signature *out, struct err *err)
{
    struct credentials who = who_of(i);
    const struct sigv4_request r = {.method = vectors[i].method,
                                    .host = vectors[i].host,
                                    .path = vectors[i].path,
                                    .query = vectors[i].query,
                                    .region = vectors[i].region,
                                    .payload = payload,
                                    .mark = vectors[i].mark,
                                    .who = &who,
                                    .now_s = vectors[i].now_s};
    return sigv4_sign(&r, out, err);
}

START_TEST(signs_as_botocore_does)
{
    struct sigv4_signature sig;
    struct err err;
    for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
        uint8_t digest[SHA256_BYTES];
        char payload[SHA256_HEX];
        ck_assert_int_eq(sha256_once(vectors[i].body, strlen(vectors[i].body), digest), OK);
        sha256_hex(digest, payload);
        ck_ok(sign(i, payload, &sig, &err), &err);
        ck_assert_str_eq(sig.date, vectors[i].date);
        ck_assert_str_eq(sig.authorization, vectors[i].authorization);
    }
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    struct sigv4_signature sig;
    struct err err;
    enum status s = E_NO_MEMORY;
    for (uint64_t n = 1; s != OK; n++) {
        alloc_fail_at(n);
        s = sign(0, SIGV4_EMPTY_SHA256, &sig, &err);
        ck_assert(s == OK || s == E_NO_MEMORY);
        ck_assert_uint_lt(n, 50);
    }
    alloc_fail_at(0);
}
END_TEST

START_TEST(encodes_all_but_unreserved_bytes)
{
    struct buf b;
    buf_init(&b, 0);
    ck_assert_int_eq(sigv4_encode(&b, "aZ09-._~/ +%\xc3\xbc\x7f", true), OK);
    ck_assert_int_eq(buf_char(&b, '|'), OK);
    ck_assert_int_eq(sigv4_encode(&b, "a/b", false), OK);
    ck_assert_int_eq(buf_terminate(&b), OK);
    ck_assert_str_eq((char *)b.data, "aZ09-._~/%20%2B%25%C3%BC%7F|a%2Fb");
    buf_fini(&b);
}
END_TEST

Suite *suite_sigv4(void)
{
    return SUITE("sigv4", signs_as_botocore_does, no_memory_is_an_error,
                 encodes_all_but_unreserved_bytes);
}
