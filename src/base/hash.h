/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* SHA-256 for what must be trusted (libcrypto), a seeded 64-bit hash for tables (libxxhash). */
#ifndef ROOST_BASE_HASH_H
#define ROOST_BASE_HASH_H

#include "base/status.h"

enum { SHA256_BYTES = 32, SHA256_HEX = 65 };

/* One running digest; heap memory of libcrypto's behind it. */
struct sha256 {
    void *ctx;
};

/* errors: E_NO_MEMORY   blocks: no */
enum status sha256_init(struct sha256 *h) WARN_UNUSED;
void sha256_add(struct sha256 *h, const void *p, size_t n);
void sha256_end(struct sha256 *h, uint8_t out[SHA256_BYTES]); /* also frees */
enum status sha256_once(const void *p, size_t n, uint8_t out[SHA256_BYTES]) WARN_UNUSED;
void sha256_hex(const uint8_t digest[SHA256_BYTES], char out[SHA256_HEX]);

/* Stable within the process only: the seed is drawn at its start. */
uint64_t hash_name(const char *s);
uint64_t hash_bytes(const void *p, size_t n);

#endif
