/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The S3 store from inside: s3.c opens it and turns objects into requests, s3_setup.c makes one
 * ready to be sent, s3_try.c sends it once, s3_send.c until it is answered or given up, s3_list.c
 * pages, as s3_pages.c bounds them, s3_put.c and s3_multipart.c write, s3_uploads.c finds what they
 * left. */
#ifndef ROOST_STORE_S3_PRIV_H
#define ROOST_STORE_S3_PRIV_H

#include <stdatomic.h>

#include "base/hash.h"
#include "base/lock.h"
#include "metrics/metrics.h"
#include "store/curl_door.h"
#include "store/s3_xml.h"
#include "store/sigv4.h"
#include "store/store_priv.h"

enum {
    S3_IDLE_MAX = 64,            /* connections kept at rest */
    S3_HOST_MAX = 256,           /* with its port and, where it is that style, the bucket */
    S3_PATH_MAX = 4096,          /* of an object, encoded: each byte may be three */
    S3_HEAD_BYTES_MAX = 1 << 16, /* of one answer's headers */
    S3_ERROR_BYTES_MAX = 1 << 14,
    S3_PAGE_BYTES_MAX = 8 << 20,  /* of one page of a listing */
    S3_WORDS_BYTES_MAX = 1 << 16, /* of an answer to the begin or the end of a multipart upload */
    S3_MARK_MAX = 33,             /* 32 hexadecimal digits */
    S3_BACKOFF_FIRST_US = 50000,
    S3_BACKOFF_MOST_US = 5000000,
    S3_BUDGET_PARTS = 10, /* requests that go well and earn one retry */
};

/* Heap. */
struct s3_store {
    struct store store;
    struct store_options o; /* its texts are not used after the start */
    const struct curl_door *c;
    struct chain *chain;
    char scheme[6];         /* "http" or "https" */
    char host[S3_HOST_MAX]; /* as the Host header says it */
    char bucket[64];
    char root[S3_PATH_MAX];     /* encoded path of the prefix: begins and ends with '/' */
    size_t bucket_path_n;       /* how much of it is the bucket's own path */
    char prefix[STORE_KEY_MAX]; /* the same as a key: "" or ends with '/' */
    char region[CREDENTIALS_REGION_MAX];
    char ca[1024];    /* file of certificates; "": the machine's */
    struct lock lock; /* S3; guards the rest */
    struct cond stop_told;
    CURL *idle[S3_IDLE_MAX];
    size_t n_idle;
    uint64_t budget_parts; /* retries left x S3_BUDGET_PARTS */
    atomic_bool stopping;  /* also read without the lock */
    /* Does it leave alone what is there, where a put says so? enum s3_known; by enum s3_way. */
    atomic_int spares[2];
};

enum s3_known { S3_UNKNOWN, S3_YES, S3_NO };
enum s3_way { S3_AT_ONCE, S3_IN_PARTS };

/* In the order of their metrics. */
enum s3_kind {
    S3_STAT,
    S3_READ,
    S3_LIST,
    S3_PUT,
    S3_DELETE,
    S3_BEGIN, /* a multipart upload; then its parts, and its end or its abort */
    S3_PART,
    S3_END,
    S3_ABORT,
};

/* One request, however often it is sent. */
struct s3_request {
    enum s3_kind kind;
    const char *what;        /* key or prefix, for messages */
    char path[S3_PATH_MAX];  /* encoded */
    struct buf query;        /* canonical, NUL-terminated; empty: none */
    char tag[STORE_TAG_MAX]; /* READ: the object must be this; "": set by the first answer */
    uint64_t off;            /* READ: [off, off + n) into dst; what sends: of from */
    uint8_t *dst;
    size_t n, got;                   /* got: bytes of them that are there already */
    bool open_ended;                 /* n is the most: the first answer says how many there are */
    uint64_t total;                  /* of such: bytes of the object */
    struct buf *body;                /* LIST, BEGIN, END: the answer's document */
    const struct store_source *from; /* PUT, PART, END: what is sent */
    char payload[SHA256_HEX];        /* of what is sent; "": nothing is */
    char mark[S3_MARK_MAX];          /* PUT, BEGIN: the object gets it; "": none */
    char *upload;                    /* BEGIN: the id that was given, of S3_UPLOAD_MAX bytes */
    bool fresh;                      /* PUT, END: only where there is no such object */
    uint64_t until_us;
    uint32_t fruitless; /* tries in a row that brought no byte */
    uint32_t sent;      /* times */
};

/* What one try of a request came to. */
enum s3_fate {
    S3_DONE,  /* st OK */
    S3_FINAL, /* st and err say why; trying again is of no use */
    S3_AGAIN, /* st and err say why; the same request may go well */
    S3_WHO,   /* as FINAL, unless other credentials can be had */
};

/* What an answer said. */
struct s3_answer {
    long http;
    char tag[STORE_TAG_MAX];       /* "": none that can be used */
    char region[SIGV4_REGION_MAX]; /* x-amz-bucket-region */
    char code[S3_CODE_MAX];        /* of an error document */
    char mark[S3_MARK_MAX];        /* of the object; "": none that can be one of ours */
    bool has_length, has_range;
    uint64_t length;             /* Content-Length */
    uint64_t first, last, total; /* Content-Range; total UINT64_MAX: not told */
    uint64_t modified_ms;
    enum metric why; /* what a further try, or the failure, is counted as; METRIC_COUNT: nothing */
};

/* A request for the object, of kind STAT, with the time that it has: --s3-timeout, and a second for
 * each million of bytes that are sent. */
void s3_request_init(struct s3_store *s, struct s3_request *r, const char *key, uint64_t bytes);
/* Sends it once.  blocks: network, until r->until_us or no byte came for stall_us
 * Adds to r->got what was read and proven to be of the right object. */
enum s3_fate s3_try(struct s3_store *s, struct s3_request *r, const struct credentials *who,
                    struct s3_answer *a, struct err *err);
/* Until it is answered, given up or out of time.
 * errors: E_NOT_FOUND; E_STORE; E_TIMEOUT is told as E_STORE; E_CANCELLED after s3_stop;
 * E_NO_MEMORY; of a fresh one: E_EXISTS; E_UNSUPPORTED where the store says that it knows no such
 * condition; E_IO where what is sent cannot be read */
enum status s3_send(struct s3_store *s, struct s3_request *r, struct s3_answer *a,
                    struct err *err) WARN_UNUSED;
enum status s3_find(struct store *s, const char *stem, const char *const *endings,
                    struct store_found *out, struct err *err) WARN_UNUSED;
enum status s3_list(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
                    struct err *err) WARN_UNUSED;

/* ---- s3_pages.c ---- */
/* A listing under way. Embedded. */
struct s3_pages {
    int count;        /* that were asked for */
    uint64_t left_us; /* how long answers to further ones are waited for */
};
void s3_pages_init(const struct s3_store *s, struct s3_pages *p);
/* One more entry came. */
void s3_pages_earn(struct s3_pages *p);
/* Sends r, which asks for the next page, with the time that it has; *a: the last answer to it.
 * errors: those of s3_send; E_STORE: too many pages, or no time is left for another */
enum status s3_pages_next(struct s3_store *s, struct s3_request *r, struct s3_pages *p,
                          struct s3_answer *a, struct err *err) WARN_UNUSED;
/* E_STORE, for one whose pages do not move on. */
enum status s3_pages_endless(const struct s3_store *s, const struct s3_request *r, struct err *err);

/* A number below n that no other node draws at the same time. */
uint64_t s3_draw(uint64_t n);

/* ---- s3_put.c: struct store_ops' put and remove ---- */
enum status s3_put(struct store *store, const char *key, const struct store_source *from,
                   bool fresh, struct err *err) WARN_UNUSED;
enum status s3_remove(struct store *store, const char *key, struct err *err) WARN_UNUSED;
/* A mark that no other writer has. */
void s3_mark(char out[S3_MARK_MAX]);
/* A fresh write was answered that the object is there. Where it was sent more than once, an earlier
 * try may have made it: is the object marked as ours? OK, or E_EXISTS, or why it cannot be told. */
enum status s3_whose(struct s3_store *s, const struct s3_request *r, const char *key,
                     const char *mark, struct err *err) WARN_UNUSED;

/* ---- s3_multipart.c ---- */
/* As s3_put, in parts. What has failed leaves no part behind, unless the store does not answer. */
enum status s3_put_parts(struct s3_store *s, const char *key, const struct store_source *from,
                         bool fresh, struct err *err) WARN_UNUSED;

/* ---- s3_uploads.c: struct store_ops' uploads and abort ---- */
enum status s3_uploads(struct store *store, const char *prefix, store_upload_fn *fn, void *arg,
                       struct err *err) WARN_UNUSED;
enum status s3_abort(struct store *store, const struct store_upload *u,
                     struct err *err) WARN_UNUSED;

/* "bytes 0-9/100", "bytes 0-9/" + "*", "bytes " + "*" + "/100" (first > last then). */
bool s3_content_range(const char *text, size_t n, struct s3_answer *a);
/* Takes one header line of an answer. */
void s3_header(struct s3_answer *a, const char *line, size_t n);

static inline struct s3_store *s3_of(struct store *s)
{
    return CONTAINER_OF(s, struct s3_store, store);
}

#endif
