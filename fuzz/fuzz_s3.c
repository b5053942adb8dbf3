/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The readers of what an S3 store, a metadata service and the AWS tools' files say, on any bytes:
 * what they accept keeps the promises of its type. */
#include <stdlib.h>
#include <string.h>

#include "store/credentials_priv.h"
#include "store/s3_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool good)
{
    if (!good)
        abort();
}

static enum status on_entry(void *arg, const struct s3_entry *e)
{
    uint64_t *left = arg;
    must(strnlen(e->key, sizeof(e->key)) < sizeof(e->key) && *e->key);
    must(strnlen(e->object.tag, STORE_TAG_MAX) < STORE_TAG_MAX);
    must(!e->is_prefix || (!e->object.bytes && !*e->object.tag));
    return (*left)-- ? OK : E_CANCELLED;
}

static enum status on_upload(void *arg, const struct s3_upload *u)
{
    uint64_t *left = arg;
    must(strnlen(u->key, sizeof(u->key)) < sizeof(u->key) && *u->key);
    must(strnlen(u->id, sizeof(u->id)) < sizeof(u->id) && *u->id);
    return (*left)-- ? OK : E_CANCELLED;
}

static void use_uploads(const char *p, size_t n)
{
    struct s3_uploads_page page;
    struct err err = {0};
    uint64_t left = 1000;
    enum status s = s3_xml_uploads(p, n, &page, on_upload, &left, &err);
    must(s == OK || s == E_CANCELLED || (s == E_STORE && err.msg[0]));
    must(s != OK || !page.truncated || *page.key);
    must(strnlen(page.id, sizeof(page.id)) < sizeof(page.id));
}

static void use_documents(const char *p, size_t n)
{
    struct s3_page page;
    struct err err = {0};
    char code[S3_CODE_MAX];
    uint64_t left = 1000;
    enum status s = s3_xml_list(p, n, &page, on_entry, &left, &err);
    must(s == OK || s == E_CANCELLED || (s == E_STORE && err.msg[0]));
    must(s != OK || !page.truncated || *page.next);
    char upload[S3_UPLOAD_MAX];
    must(!s3_xml_begun(p, n, upload) || (*upload && !strpbrk(upload, " \r\n\t")));
    must(!s3_xml_ended(p, n) || n >= sizeof("<CompleteMultipartUploadResult><ETag/>") - 1);
    s3_xml_error(p, n, code);
    must(strspn(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") ==
         strlen(code));
}

static void use_head(const char *p, size_t n)
{
    struct s3_answer a = {.http = 0};
    for (size_t off = 0; off < n;) {
        const char *end = memchr(p + off, '\n', n - off);
        size_t len = end ? (size_t)(end - p) - off + 1 : n - off;
        s3_header(&a, p + off, len);
        off += len;
    }
    must(strnlen(a.tag, sizeof(a.tag)) < sizeof(a.tag) && !strpbrk(a.tag, "\r\n\" "));
    must(strnlen(a.region, sizeof(a.region)) < sizeof(a.region));
    must(!*a.mark || strspn(a.mark, "0123456789abcdef") == S3_MARK_MAX - 1);
    must(!a.has_range || a.first > a.last || a.last < a.total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *p = (const char *)data;
    struct credentials who;
    struct err err;
    char value[16], text[64];
    uint64_t when;
    use_documents(p, n);
    use_uploads(p, n);
    use_head(p, n);
    if (credentials_ini(p, n, "default", "region", value, sizeof(value)))
        must(strlen(value) < sizeof(value) && !strchr(value, '\n'));
    if (credentials_json(p, n, &who, &err) == OK)
        must(strlen(who.key_id) < sizeof(who.key_id) && strlen(who.token) < sizeof(who.token));
    memcpy(text, p, MIN(n, sizeof(text) - 1));
    text[MIN(n, sizeof(text) - 1)] = 0;
    must(!credentials_time(text, &when) || when > 0);
    return 0;
}
