/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "text_case.h"

#include <string.h>

#include "support/support.h"

struct text_case text;

void text_setup(void)
{
    tree_init(&text.tree);
    ck_ok(store_open(text.tree.path, &text.store, &text.err), &text.err);
    ck_assert_int_eq(catalog_new(text.store, 10, 100, &text.catalog), OK);
}

void text_teardown(void)
{
    catalog_free(&text.catalog);
    store_free(&text.store);
    tree_fini(&text.tree);
}

uint64_t text_publish(const char *name, const char *words)
{
    const struct store_source from = {.bytes = words, .n = strlen(words)};
    uint64_t version = 0;
    ck_ok(catalog_publish(text.catalog, name, &from, &version, &text.err), &text.err);
    return version;
}

void text_is(const char *name, const char *version, const char *words)
{
    struct resolved r;
    struct err err;
    char got[64] = "";
    ck_ok(catalog_resolve(text.store, name, &r, &err), &err);
    ck_assert_str_eq(r.version, version);
    ck_assert_uint_eq(r.object.bytes, strlen(words));
    ck_ok(store_read(text.store, r.key, r.object.tag, 0, got, strlen(words), &err), &err);
    ck_assert_str_eq(got, words);
}
