/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The places where credentials are looked for; credentials.c asks them in turn. */
#ifndef ROOST_STORE_CREDENTIALS_PRIV_H
#define ROOST_STORE_CREDENTIALS_PRIV_H

#include "base/buf.h"
#include "store/credentials.h"
#include "store/curl_door.h"

enum {
    CREDENTIALS_FILE_BYTES_MAX = 1 << 20,
    CREDENTIALS_REPLY_BYTES_MAX = 64 * 1024,
    CREDENTIALS_PROFILE_MAX = 128,
};

/* errors: E_NOT_FOUND when this place holds none; E_STORE (it should and does not); E_NO_MEMORY */
typedef enum status credentials_source_fn(const struct curl_door *curl, struct credentials *out,
                                          struct err *err);
credentials_source_fn credentials_from_env;
credentials_source_fn credentials_from_file;
credentials_source_fn credentials_from_container;
credentials_source_fn credentials_from_instance;

/* The environment variable, or NULL where it is unset or empty. */
const char *credentials_env(const char *name);
/* A whole file of at most CREDENTIALS_FILE_BYTES_MAX, ended by a NUL that is not counted.
 * blocks: disk   errors: E_NOT_FOUND; E_IO; E_TOO_LARGE; E_NO_MEMORY */
enum status credentials_read_file(const char *path, struct buf *out, struct err *err) WARN_UNUSED;

/* The value of key in section [section] of an INI text, without the white space around it; the last
 * one counts. False when it is not there or does not fit. Lines that begin with white space belong
 * to the value before them and are passed over.  thread: any */
bool credentials_ini(const char *text, size_t n, const char *section, const char *key, char *out,
                     size_t size);
/* Reads {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}.
 * errors: E_STORE when it is not that */
enum status credentials_json(const char *text, size_t n, struct credentials *out,
                             struct err *err) WARN_UNUSED;
/* "2026-11-29T10:15:00Z", fractions of seconds passed over, since 1970; false for anything else. */
bool credentials_time(const char *text, uint64_t *out_s);

#endif
