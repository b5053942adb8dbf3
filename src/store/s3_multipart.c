/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* An object in parts: each is sent, and sent again, on its own, and nothing of them is there until
 * the end is asked for. An upload that fails is aborted, so that its parts do not stay and cost. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "store/s3_priv.h"

enum { PARTS_MAX = 10000, QUERY_MAX = 4 * S3_UPLOAD_MAX, END_BYTES_MAX = 4 << 20 };

/* One upload. Embedded. */
struct upload {
    struct s3_store *s;
    const char *key;
    const struct store_source *from;
    char mark[S3_MARK_MAX];
    char id[S3_UPLOAD_MAX];
    uint64_t part_bytes;
    struct buf list; /* the document that names the parts */
};

static enum status no_memory(const char *key, enum status s, struct err *err)
{
    return err_set(err, s, "no memory to store '%.120s'", key);
}

/* "uploadId=…", behind the part's number where there is one. */
static enum status write_query(struct buf *q, const struct upload *u, unsigned part)
{
    enum status s = OK;
    if (part)
        s = buf_printf(q, "partNumber=%u&", part);
    if (s == OK)
        s = buf_str(q, "uploadId=");
    if (s == OK)
        s = sigv4_encode(q, u->id, false);
    return s == OK ? buf_terminate(q) : s;
}

/* Sends r, made ready but for its query and its answer's document. */
static enum status send_of(const struct upload *u, struct s3_request *r, unsigned part,
                           struct s3_answer *a, struct err *err)
{
    struct buf words;
    enum status s = OK;
    buf_init(&r->query, QUERY_MAX);
    buf_init(&words, S3_WORDS_BYTES_MAX);
    if (r->kind == S3_BEGIN || r->kind == S3_END)
        r->body = &words;
    if (r->kind == S3_BEGIN) {
        s = buf_str(&r->query, "uploads=");
        if (s == OK)
            s = buf_terminate(&r->query);
    } else {
        s = write_query(&r->query, u, part);
    }
    s = s == OK ? s3_send(u->s, r, a, err) : no_memory(u->key, s, err);
    buf_fini(&r->query);
    buf_fini(&words);
    return s;
}

static enum status begin(struct upload *u, struct err *err)
{
    struct s3_request r;
    struct s3_answer a;
    s3_request_init(u->s, &r, u->key, 0);
    r.kind = S3_BEGIN;
    r.upload = u->id;
    memcpy(r.mark, u->mark, sizeof(r.mark));
    return send_of(u, &r, 0, &a, err);
}

/* An ETag may hold what means something in XML. */
static enum status add_tag(struct buf *b, const char *tag)
{
    enum status s = OK;
    for (; s == OK && *tag; tag++)
        s = strchr("&<>", *tag) ? buf_printf(b, "&#%d;", *tag) : buf_char(b, *tag);
    return s;
}

static enum status note_part(struct upload *u, unsigned part, const char *tag)
{
    enum status s = buf_printf(&u->list, "<Part><PartNumber>%u</PartNumber><ETag>\"", part);
    if (s == OK)
        s = add_tag(&u->list, tag);
    return s == OK ? buf_str(&u->list, "\"</ETag></Part>") : s;
}

static enum status send_parts(struct upload *u, struct err *err)
{
    enum status s = buf_str(&u->list, "<CompleteMultipartUpload>");
    unsigned part = 1;
    for (uint64_t off = 0; s == OK && off < u->from->n; off += u->part_bytes, part++) {
        struct s3_request r;
        struct s3_answer a;
        uint64_t n = MIN(u->part_bytes, u->from->n - off);
        s3_request_init(u->s, &r, u->key, n);
        r.kind = S3_PART;
        r.from = u->from;
        r.off = off;
        r.n = (size_t)n;
        s = send_of(u, &r, part, &a, err);
        if (s != OK)
            return s;
        s = note_part(u, part, a.tag);
    }
    if (s == OK)
        s = buf_str(&u->list, "</CompleteMultipartUpload>");
    return s == OK ? OK : no_memory(u->key, s, err);
}

/* The upload is gone, or the object is there: did an earlier try end it? */
static enum status end(struct upload *u, bool fresh, struct err *err)
{
    const struct store_source list = {.bytes = u->list.data, .n = u->list.len};
    struct s3_request r;
    struct s3_answer a;
    s3_request_init(u->s, &r, u->key, 0);
    r.kind = S3_END;
    r.from = &list;
    r.n = u->list.len;
    r.fresh = fresh;
    enum status s = send_of(u, &r, 0, &a, err);
    if (s != E_EXISTS && s != E_NOT_FOUND)
        return s;
    enum status whose = s3_whose(u->s, &r, u->key, u->mark, err);
    if (s == E_NOT_FOUND && whose == E_EXISTS)
        return err_set(err, E_STORE, "the upload of '%.120s' was aborted by another", u->key);
    return whose;
}

static void abort_upload(const struct upload *u)
{
    struct s3_request r;
    struct s3_answer a;
    struct err ignored;
    s3_request_init(u->s, &r, u->key, 0);
    r.kind = S3_ABORT;
    if (send_of(u, &r, 0, &a, &ignored) != OK)
        return; /* it has ended all the same, or the bucket's own rules must end it */
}

enum status s3_put_parts(struct s3_store *s, const char *key, const struct store_source *from,
                         bool fresh, struct err *err)
{
    struct upload *u = alloc_zero(1, sizeof(*u));
    if (!u)
        return no_memory(key, E_NO_MEMORY, err);
    u->s = s;
    u->key = key;
    u->from = from;
    u->part_bytes = MAX((uint64_t)s->o.part_bytes, (from->n + PARTS_MAX - 1) / PARTS_MAX);
    s3_mark(u->mark);
    buf_init(&u->list, END_BYTES_MAX);
    enum status st = begin(u, err);
    if (st == OK) {
        st = send_parts(u, err);
        if (st == OK)
            st = end(u, fresh, err);
        if (st != OK)
            abort_upload(u);
    }
    buf_fini(&u->list);
    alloc_free(u);
    return st;
}
