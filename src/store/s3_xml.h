/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The XML documents that an S3 store answers with: a page of a listing of objects or of multipart
 * uploads, an error, and what it says to the begin and to the end of such an upload. Only the few
 * elements that are needed are read; a document type, entities of its own and nesting beyond
 * S3_XML_DEPTH_MAX are refused, and nothing is allocated. */
#ifndef ROOST_STORE_S3_XML_H
#define ROOST_STORE_S3_XML_H

#include "store/store.h"

enum {
    S3_XML_DEPTH_MAX = 16,
    S3_XML_TEXT_MAX = 2048, /* of one element that is read; what is longer is refused */
    S3_CODE_MAX = 64,
    S3_CONTINUE_MAX = 1024,
    S3_UPLOAD_MAX = 1024, /* a multipart upload's id */
};

/* One <Contents> (object) or <CommonPrefixes> (prefix). */
struct s3_entry {
    char key[S3_XML_TEXT_MAX]; /* whole: the listing's prefix is still in front; UTF-8 as it came */
    bool is_prefix;
    struct store_object object; /* all zero for a prefix */
};

/* What the page says of itself. */
struct s3_page {
    bool truncated;
    char next[S3_CONTINUE_MAX]; /* NextContinuationToken; "" without one */
};

/* Borrowed until return. What it returns but OK ends the page and is returned. */
typedef enum status s3_entry_fn(void *arg, const struct s3_entry *e);

/* A <ListBucketResult>.  thread: any   blocks: no   errors: E_STORE with what is wrong; fn's */
enum status s3_xml_list(const char *xml, size_t n, struct s3_page *page, s3_entry_fn *fn, void *arg,
                        struct err *err) WARN_UNUSED;
/* One <Upload>: it was begun, and neither ended nor aborted. */
struct s3_upload {
    char key[S3_XML_TEXT_MAX]; /* as an entry's */
    char id[S3_UPLOAD_MAX];
    uint64_t began_ms; /* wall clock; 0: not told */
};

struct s3_uploads_page {
    bool truncated;
    /* NextKeyMarker, NextUploadIdMarker: where the next page begins; "" without one */
    char key[S3_XML_TEXT_MAX], id[S3_UPLOAD_MAX];
};

/* As s3_entry_fn. */
typedef enum status s3_upload_fn(void *arg, const struct s3_upload *u);

/* A <ListMultipartUploadsResult>, as s3_xml_list. */
enum status s3_xml_uploads(const char *xml, size_t n, struct s3_uploads_page *page,
                           s3_upload_fn *fn, void *arg, struct err *err) WARN_UNUSED;
/* The <Code> of an <Error>; "" when it is no such document or the code is no word. */
void s3_xml_error(const char *xml, size_t n, char code[S3_CODE_MAX]);
/* The <UploadId> of an <InitiateMultipartUploadResult>, of at most S3_UPLOAD_MAX - 1 printable
 * bytes. False where there is none. */
bool s3_xml_begun(const char *xml, size_t n, char upload[S3_UPLOAD_MAX]);
/* Is it a <CompleteMultipartUploadResult> with an <ETag>? What that says is not looked at: Ceph's
 * gateway leaves it empty. */
bool s3_xml_ended(const char *xml, size_t n);
/* An ETag as it stands in a header or document, without its quotes. False for weak ones, those of
 * more than STORE_TAG_MAX - 1 bytes, and bytes that may not stand between quotes. */
bool s3_tag(const char *text, size_t n, char out[STORE_TAG_MAX]);

#endif
