/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One store on one fake server, and the answers that tests put together. */
#ifndef ROOST_TESTS_S3_FIXTURE_H
#define ROOST_TESTS_S3_FIXTURE_H

#include "store/fake_http.h"
#include "store/store.h"

/* The object of ten bytes that all of them ask for, and its answers. */
#define OBJECT "0123456789"
#define E1 "ETag: \"e1\"\r\n"
#define RANGE(part, n)                                                                             \
    "HTTP/1.1 206 Partial\r\n" E1 "Content-Range: bytes " part "/10\r\nContent-Length: " n         \
    "\r\n\r\n"
#define ERROR(status, code)                                                                        \
    "HTTP/1.1 " status "\r\nConnection: close\r\n\r\n<Error><Code>" code "</Code></Error>"
#define HEAD_OK "HTTP/1.1 200 OK\r\n" E1 "Content-Length: 10\r\n\r\n"
#define ROW(text)                                                                                  \
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<ListBucketResult>" text "</ListBucketResult>"

extern struct fake_http fake;
extern struct store *store; /* s3://bucket/pre fix/ on it */
extern struct err err;
extern char got[11]; /* what was read, ended by a NUL */

/* Credentials of a test's own, and no proxy. */
void set_env(void);
void open_with(const struct fake_reply *script, size_t count, struct store_options o);
/* Options with which a test is over before a try is, were the machine busy. */
struct store_options patient(void);
void teardown(void);
/* Does request i, counted from 0, hold these words? After teardown. */
bool asked(size_t i, const char *words);

#endif
