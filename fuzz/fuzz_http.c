/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The guard's pure readers on any bytes: the head checker, the router and the types behind it, the
 * chunked decoder. What comes must not depend on how the bytes were cut, and a head that passes
 * must keep its promises: those are asserted here. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "http/chunked.h"
#include "http/head.h"
#include "http/manage.h"
#include "http/negotiate.h"
#include "http/router.h"

enum { BYTES_MAX = 4096, COUNT_MAX = 20, BODY_MAX = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool plain(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t')
            return false;
    return true;
}

static void use_head(const struct head *h)
{
    struct routed routed;
    struct err err;
    enum codec_format in, out;
    bool header;
    char text[64];
    ASSERT(h->path.n && h->path.p[0] == '/');
    ASSERT(plain(h->path) && plain(h->query));
    ASSERT(!(h->chunked && h->field[FIELD_LENGTH].p));
    ASSERT(h->minor == 0 || h->field[FIELD_HOST].p);
    for (int i = 0; i < FIELD_COUNT; i++)
        ASSERT(plain(h->field[i]));
    if (route_match(h->path, h->method, ROLE_DATA | ROLE_ADMIN, &routed, &err) == OK) {
        char path[MODEL_NAME_MAX + 32];
        route_path(routed.route, routed.model, path, sizeof(path));
        ASSERT(!strstr(path, "..") || !strstr(path, "/.."));
    }
    if (content_type_parse(h->field[FIELD_TYPE], &in, &header, &err) == OK)
        (void)!accept_choose(h->accept, h->accepts, in, &out, &err);
    (void)!query_get(h->query, "limit", text, sizeof(text));
}

/* The head found at once, and the one found when the bytes come in two pieces, are the same. */
static void try_head(const char *p, size_t n, size_t cut)
{
    struct head_scan whole = {0}, parts = {0};
    enum refusal why = REFUSE_NOTHING, why_parts = REFUSE_NOTHING;
    struct head h;
    enum head_state state = head_find(&whole, p, n, BYTES_MAX, COUNT_MAX, &why);
    enum head_state first = head_find(&parts, p, cut, BYTES_MAX, COUNT_MAX, &why_parts);
    if (first == HEAD_MORE)
        first = head_find(&parts, p, n, BYTES_MAX, COUNT_MAX, &why_parts);
    ASSERT(state == first);
    if (state != HEAD_WHOLE)
        return;
    ASSERT(whole.at == parts.at && whole.at <= n);
    char *copy = malloc(whole.at); /* ends where the head does, for the sanitizer */
    if (!copy)
        return;
    memcpy(copy, p, whole.at);
    if (head_parse(copy, whole.at, &h) == REFUSE_NOTHING)
        use_head(&h);
    free(copy);
}

struct result {
    enum chunk_step step;
    size_t bytes, used;
    uint64_t sum;
};

static void decode(struct chunked *d, const char *p, size_t n, struct result *r)
{
    do {
        size_t used, data;
        r->step = chunked_next(d, p, n, &used, &data);
        ASSERT(used + data <= n);
        for (size_t i = 0; i < data; i++)
            r->sum = r->sum * 31 + (unsigned char)p[used + i];
        r->bytes += data;
        r->used += used + data;
        p += used + data;
        n -= used + data;
    } while (r->step == CHUNK_DATA);
    ASSERT(r->bytes <= BODY_MAX);
}

static void try_chunks(const char *p, size_t n, size_t cut)
{
    struct chunked d;
    struct result whole = {0}, parts = {0};
    chunked_init(&d, BODY_MAX);
    decode(&d, p, n, &whole);
    chunked_init(&d, BODY_MAX);
    decode(&d, p, cut, &parts);
    if (parts.step == CHUNK_MORE)
        decode(&d, p + parts.used, n - parts.used, &parts);
    ASSERT(whole.step == parts.step && whole.bytes == parts.bytes && whole.sum == parts.sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!n)
        return 0;
    char name[MODEL_NAME_MAX + 1];
    struct err err;
    const char *p = (const char *)data + 1;
    size_t rest = n - 1, cut = rest ? data[0] * rest / 255 : 0;
    try_head(p, rest, cut);
    try_chunks(p, rest, cut);
    (void)!manage_model_name(p, rest, name, &err);
    return 0;
}
