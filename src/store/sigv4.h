/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* AWS Signature Version 4 as S3 takes it: the path is encoded once and not normalized, and the hash
 * of the payload is a header of its own, so that no other body has this signature.
 * source: AWS, "Create a signed AWS API request"; checked against botocore in tests/store */
#ifndef ROOST_STORE_SIGV4_H
#define ROOST_STORE_SIGV4_H

#include "base/buf.h"
#include "store/credentials.h"

enum { SIGV4_DATE_MAX = 17, SIGV4_AUTHORIZATION_MAX = 704, SIGV4_REGION_MAX = 64 };

/* What an object's writer leaves with it, to know it again. */
#define SIGV4_MARK_HEADER "x-amz-meta-roost-put"

/* SHA-256 of no bytes at all, as the header x-amz-content-sha256 says it. */
#define SIGV4_EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Borrowed until return. */
struct sigv4_request {
    const char *method;  /* "GET" */
    const char *host;    /* as the header says it, with a port that is not the scheme's own */
    const char *path;    /* encoded, begins with '/' */
    const char *query;   /* encoded, sorted by name, without '?'; "" for none */
    const char *region;  /* shorter than SIGV4_REGION_MAX */
    const char *payload; /* SHA-256 of the body in hex: SIGV4_EMPTY_SHA256 where there is none */
    const char *mark;    /* value of SIGV4_MARK_HEADER; "": the request has none */
    const struct credentials *who;
    uint64_t now_s; /* since 1970, UTC */
};

/* Values of the headers x-amz-date and Authorization. Signed besides: host, x-amz-content-sha256
 * and, where they are there, SIGV4_MARK_HEADER and x-amz-security-token. */
struct sigv4_signature {
    char date[SIGV4_DATE_MAX]; /* 20261129T101500Z */
    char authorization[SIGV4_AUTHORIZATION_MAX];
};

/* thread: any   blocks: no   errors: E_NO_MEMORY; E_INTERNAL when libcrypto refuses */
enum status sigv4_sign(const struct sigv4_request *r, struct sigv4_signature *out,
                       struct err *err) WARN_UNUSED;

/* Appends s with every byte but [A-Za-z0-9._~-], and '/' where it is kept, as %XX.
 * errors: those of buf_add */
enum status sigv4_encode(struct buf *out, const char *s, bool keep_slash) WARN_UNUSED;

#endif
