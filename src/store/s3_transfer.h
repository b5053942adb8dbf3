/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One request while it is sent once: what s3_setup.c makes ready and s3_try.c judges. */
#ifndef ROOST_STORE_S3_TRANSFER_H
#define ROOST_STORE_S3_TRANSFER_H

#include "store/s3_priv.h"

/* What ended a transfer from our side. */
enum stop {
    STOP_NONE,
    STOP_LIE,
    STOP_CHANGED,
    STOP_SHORT,
    STOP_STALLED,
    STOP_TIME,
    STOP_TOLD,
    STOP_SOURCE, /* what is sent cannot be read */
};

/* Heap, for one try. */
struct transfer {
    struct s3_store *s;
    struct s3_request *r;
    struct s3_answer *a;
    CURL *h;
    size_t began;       /* r->got before it */
    size_t sent;        /* bytes of the request's body so far */
    size_t head_bytes;  /* of headers so far */
    size_t error_bytes; /* of an error's document, kept or not */
    char error[S3_ERROR_BYTES_MAX];
    uint64_t moved_us;      /* when the last byte came or went */
    curl_off_t moved_bytes; /* and how many there were, both ways */
    enum stop stop;
    const char *lie; /* for STOP_LIE: what about */
    bool judged;     /* the head was held against the request */
};

/* Does it write? Then it has a body, if of no bytes, unless it removes. */
static inline bool s3_writes(const struct s3_request *r)
{
    return r->kind >= S3_PUT;
}

/* The signed headers; NULL with err set.  owns: the caller's, of libcurl */
struct curl_slist *s3_headers(const struct transfer *t, const struct credentials *who,
                              struct err *err);
/* Every option that keeps us safe is set, or the request is not to be sent. Callbacks that take the
 * answer are s3_try.c's.  owns: url and headers borrowed until the transfer ended */
CURLcode s3_options(struct transfer *t, const char *url, struct curl_slist *headers);
/* Fills r->payload.  blocks: disk   errors: E_IO when it cannot be read; E_NO_MEMORY */
enum status s3_hash_body(struct s3_request *r, struct err *err) WARN_UNUSED;

#endif
