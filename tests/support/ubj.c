/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* JSON to UBJSON, so that one hand-written model tests both readers. Asserts on anything odd. */
#include <stdlib.h>
#include <string.h>

#include "compiler/xgboost/doc.h"
#include "support/support.h"
#include "support/xgb.h"

struct ubj {
    struct doc d;
    enum ubj_style style;
    struct buf out;
};

static void put(struct ubj *u, const void *p, size_t n)
{
    ck_assert_int_eq(buf_add(&u->out, p, n), OK);
}

static void put_byte(struct ubj *u, char c)
{
    put(u, &c, 1);
}

static void put_big(struct ubj *u, char type, uint64_t v, int bytes)
{
    if (type)
        put_byte(u, type);
    for (int i = bytes - 1; i >= 0; i--)
        put_byte(u, (char)(v >> (8 * i)));
}

static void put_int(struct ubj *u, int64_t v)
{
    if (v >= INT8_MIN && v <= INT8_MAX)
        put_big(u, 'i', (uint64_t)v, 1);
    else if (v >= 0 && v <= UINT8_MAX)
        put_big(u, 'U', (uint64_t)v, 1);
    else if (v >= INT16_MIN && v <= INT16_MAX)
        put_big(u, 'I', (uint64_t)v, 2);
    else if (v >= INT32_MIN && v <= INT32_MAX)
        put_big(u, 'l', (uint64_t)v, 4);
    else
        put_big(u, 'L', (uint64_t)v, 8);
}

static void put_float(struct ubj *u, char type, const struct doc_value *v)
{
    float f;
    uint32_t bits;
    ck_assert(doc_float(v, &f));
    memcpy(&bits, &f, 4);
    put_big(u, type, bits, 4);
}

static void put_text(struct ubj *u, const struct doc_value *v)
{
    put_big(u, 'L', v->len, 8);
    put(u, v->data, v->len);
}

/* Items of the container that the cursor has just entered, counted on a copy of it. *type: 'l' when
 * all are integers, 'd' when all are numbers, otherwise 0. */
static uint64_t count_items(const struct ubj *u, char *type)
{
    struct doc d = u->d;
    struct doc_value v;
    bool more, array = d.frames[d.depth - 1].kind == '[';
    uint64_t n = 0;
    *type = array ? 'l' : 0;
    for (;; n++) {
        int64_t i;
        ck_assert_int_eq(array ? doc_item(&d, &more) : doc_key(&d, &v, &more), OK);
        if (!more)
            break;
        struct doc ahead = d;
        ck_assert_int_eq(doc_value(&ahead, &v), OK);
        if (v.type != DOC_NUMBER)
            *type = 0;
        else if (*type && !doc_int(&v, &i))
            *type = 'd';
        ck_assert_int_eq(doc_skip(&d), OK);
    }
    *type = n ? *type : 0;
    return n;
}

static void convert(struct ubj *u);

static void convert_items(struct ubj *u, bool array)
{
    bool more, counted = u->style != UBJ_OPEN;
    char type;
    uint64_t n = count_items(u, &type);
    struct doc_value v;
    type = u->style == UBJ_TYPED ? type : 0;
    put_byte(u, array ? '[' : '{');
    if (type) {
        put_byte(u, '$');
        put_byte(u, type);
    }
    if (counted) {
        put_byte(u, '#');
        put_int(u, (int64_t)n);
    }
    for (;;) {
        ck_assert_int_eq(array ? doc_item(&u->d, &more) : doc_key(&u->d, &v, &more), OK);
        if (!more)
            break;
        if (!array)
            put_text(u, &v);
        if (!type) {
            convert(u);
            continue;
        }
        int64_t i;
        ck_assert_int_eq(doc_value(&u->d, &v), OK);
        if (type == 'd')
            put_float(u, 0, &v);
        else if (doc_int(&v, &i))
            put_big(u, 0, (uint64_t)i, 4);
    }
    if (!counted)
        put_byte(u, array ? ']' : '}');
}

static void convert(struct ubj *u)
{
    struct doc_value v;
    int64_t i;
    ck_assert_int_eq(doc_value(&u->d, &v), OK);
    switch (v.type) {
    case DOC_NULL:
        put_byte(u, 'Z');
        break;
    case DOC_BOOL:
        put_byte(u, v.data ? 'T' : 'F');
        break;
    case DOC_NUMBER:
        if (doc_int(&v, &i))
            put_int(u, i);
        else
            put_float(u, 'd', &v);
        break;
    case DOC_STRING:
        put_byte(u, 'S');
        put_text(u, &v);
        break;
    default:
        convert_items(u, v.type == DOC_ARRAY);
        break;
    }
}

uint8_t *ubj_from_json(const char *json, enum ubj_style style, size_t *n)
{
    struct ubj u = {.style = style};
    struct err err;
    doc_init_json(&u.d, json, strlen(json), &err);
    convert(&u);
    uint8_t *bytes = malloc(u.out.len);
    memcpy(bytes, u.out.data, u.out.len);
    *n = u.out.len;
    buf_fini(&u.out);
    return bytes;
}
