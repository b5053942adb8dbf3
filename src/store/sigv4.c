/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Canonical request -> string to sign -> signature. libcurl's own signer is not used: it reads the
 * clock itself, so that no test can hold it against known answers, and what it makes of a query
 * depends on its release. */
#include "store/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"

enum { CANONICAL_MAX = 32 * 1024, SCOPE_MAX = 128, DAY_CHARS = 8 };

#define SIGNED_HEADERS "host;x-amz-content-sha256;x-amz-date"
#define TOKEN_HEADER "x-amz-security-token"

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

enum status sigv4_encode(struct buf *out, const char *s, bool keep_slash)
{
    enum status st = OK;
    for (; st == OK && *s; s++)
        st = is_unreserved(*s) || (keep_slash && *s == '/')
                 ? buf_char(out, *s)
                 : buf_printf(out, "%%%02X", (unsigned)(unsigned char)*s);
    return st;
}

/* The canonical request's hash in hex. */
static enum status hash_canonical(const struct sigv4_request *r, const char *date,
                                  char hex[SHA256_HEX])
{
    uint8_t digest[SHA256_BYTES];
    const char *token = r->who->token;
    struct buf b;
    buf_init(&b, CANONICAL_MAX);
    enum status s = buf_printf(&b, "%s\n%s\n%s\nhost:%s\nx-amz-content-sha256:%s\nx-amz-date:%s\n",
                               r->method, r->path, r->query, r->host, r->payload, date);
    if (s == OK && *r->mark)
        s = buf_printf(&b, SIGV4_MARK_HEADER ":%s\n", r->mark);
    if (s == OK && *token)
        s = buf_printf(&b, TOKEN_HEADER ":%s\n", token);
    if (s == OK)
        s = buf_printf(&b, "\n" SIGNED_HEADERS "%s%s\n%s", *r->mark ? ";" SIGV4_MARK_HEADER : "",
                       *token ? ";" TOKEN_HEADER : "", r->payload);
    if (s == OK)
        s = sha256_once(b.data, b.len, digest);
    if (s == OK)
        sha256_hex(digest, hex);
    buf_fini(&b);
    return s;
}

static bool hmac(const void *key, size_t key_len, const char *text, uint8_t out[SHA256_BYTES])
{
    unsigned len = 0;
    return HMAC(EVP_sha256(), key, (int)key_len, (const uint8_t *)text, strlen(text), out, &len) &&
           len == SHA256_BYTES;
}

/* The key of one day, region and service; then what it makes of the text. */
static bool derive_and_sign(const struct sigv4_request *r, const char *day, const char *text,
                            uint8_t out[SHA256_BYTES])
{
    char first[sizeof("AWS4") + CREDENTIALS_SECRET_MAX];
    uint8_t key[SHA256_BYTES];
    int n = snprintf(first, sizeof(first), "AWS4%s", r->who->secret);
    bool good = hmac(first, (size_t)n, day, key) && hmac(key, sizeof(key), r->region, key) &&
                hmac(key, sizeof(key), "s3", key) && hmac(key, sizeof(key), "aws4_request", key) &&
                hmac(key, sizeof(key), text, out);
    explicit_bzero(first, sizeof(first));
    explicit_bzero(key, sizeof(key));
    return good;
}

enum status sigv4_sign(const struct sigv4_request *r, struct sigv4_signature *out, struct err *err)
{
    char hex[SHA256_HEX], day[DAY_CHARS + 1], scope[SCOPE_MAX], text[SCOPE_MAX + 128];
    uint8_t signature[SHA256_BYTES];
    time_t t = (time_t)r->now_s;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || !strftime(out->date, sizeof(out->date), "%Y%m%dT%H%M%SZ", &tm))
        return err_set(err, E_INTERNAL, "the clock says no date that a request can be signed with");
    snprintf(day, sizeof(day), "%.8s", out->date);
    enum status s = hash_canonical(r, out->date, hex);
    if (s != OK)
        return err_set(err, s, "signing a request: %s", status_text(s));
    snprintf(scope, sizeof(scope), "%s/%.63s/s3/aws4_request", day, r->region);
    snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n%s\n%s", out->date, scope, hex);
    if (!derive_and_sign(r, day, text, signature))
        return err_set(err, E_INTERNAL, "signing a request: libcrypto refused");
    sha256_hex(signature, hex);
    snprintf(out->authorization, sizeof(out->authorization),
             "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=" SIGNED_HEADERS
             "%s%s, Signature=%s",
             r->who->key_id, scope, *r->mark ? ";" SIGV4_MARK_HEADER : "",
             *r->who->token ? ";" TOKEN_HEADER : "", hex);
    return OK;
}
