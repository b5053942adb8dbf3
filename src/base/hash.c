/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Thin doors to libcrypto and libxxhash. */
#include "base/hash.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

static uint64_t seed;
static pthread_once_t seeded = PTHREAD_ONCE_INIT;

static void draw_seed(void)
{
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        seed = 0x9e3779b97f4a7c15u;
}

enum status sha256_init(struct sha256 *h)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx)
        return E_NO_MEMORY;
    if (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        return E_NO_MEMORY;
    }
    h->ctx = ctx;
    return OK;
}

void sha256_add(struct sha256 *h, const void *p, size_t n)
{
    int ok = EVP_DigestUpdate(h->ctx, p, n);
    ASSERT(ok == 1);
}

void sha256_end(struct sha256 *h, uint8_t out[SHA256_BYTES])
{
    unsigned n = 0;
    int ok = EVP_DigestFinal_ex(h->ctx, out, &n);
    ASSERT(ok == 1);
    EVP_MD_CTX_free(h->ctx);
    h->ctx = NULL;
}

enum status sha256_once(const void *p, size_t n, uint8_t out[SHA256_BYTES])
{
    struct sha256 h;
    enum status s = sha256_init(&h);
    if (s != OK)
        return s;
    sha256_add(&h, p, n);
    sha256_end(&h, out);
    return OK;
}

void sha256_hex(const uint8_t digest[SHA256_BYTES], char out[SHA256_HEX])
{
    static const char hex[] = "0123456789abcdef";
    for (int i = 0; i < SHA256_BYTES; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    out[2 * SHA256_BYTES] = 0;
}

uint64_t hash_bytes(const void *p, size_t n)
{
    pthread_once(&seeded, draw_seed);
    return XXH64(p, n, seed);
}

uint64_t hash_name(const char *s)
{
    return hash_bytes(s, strlen(s));
}
