/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Load, unload, describe, list. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "metrics/metrics.h"
#include "support/node.h"
#include "support/support.h"

static const char one[] = "{\"instances\": [[0.1, 0.2, 0.3, 0.4]]}";

static struct node node;

static void setup(void)
{
    metrics_reset();
    node_init(&node, &(struct node_config){0});
    node_put_mlp(&node, "acme/m.roost", 1);
}

static cJSON *describe(const char *name)
{
    char text[8192];
    cJSON *doc = cJSON_Parse(node_describe(&node, name, text));
    ck_assert_msg(doc != NULL, "%s", text);
    return doc;
}

static double number(const cJSON *doc, const char *key)
{
    const cJSON *i = cJSON_GetObjectItemCaseSensitive(doc, key);
    ck_assert_msg(cJSON_IsNumber(i), "%s", key);
    return i->valuedouble;
}

static const char *text(const cJSON *doc, const char *key)
{
    const cJSON *i = cJSON_GetObjectItemCaseSensitive(doc, key);
    ck_assert_msg(cJSON_IsString(i), "%s", key);
    return i->valuestring;
}

static void is_null(const cJSON *doc, const char *key)
{
    ck_assert_msg(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(doc, key)), "%s", key);
}

START_TEST(a_resident_model_is_described)
{
    setup();
    ck_assert_int_eq(call_once(&node, "acme/m", one, NULL), OK);
    ck_assert_int_eq(call_once(&node, "acme/m", one, NULL), OK);
    cJSON *doc = describe("acme/m");
    ck_assert_str_eq(text(doc, "model_name"), "acme/m");
    ck_assert_uint_eq(strlen(text(doc, "version")), 12); /* named by its content */
    ck_assert_str_eq(text(doc, "state"), "resident");
    ck_assert_uint_eq((uint64_t)number(doc, "bytes"), node_bytes(&node, "acme/m"));
    ck_assert_double_eq(number(doc, "hits"), 1);
    ck_assert_double_eq(number(doc, "misses"), 1);
    ck_assert_double_eq(number(doc, "joined"), 0);
    ck_assert_double_eq(number(doc, "loads"), 1);
    ck_assert_double_eq(number(doc, "evictions"), 0);
    ck_assert_double_eq(number(doc, "pins"), 0);
    ck_assert_double_ge(number(doc, "last_used_s"), 0);
    ck_assert_str_eq(text(doc, "tier"), "memory");
    ck_assert_double_ge(number(doc, "age_s"), 0);
    is_null(doc, "evicted");
    const cJSON *load = cJSON_GetObjectItem(doc, "last_load");
    ck_assert_double_ge(number(load, "verify_ms"), 0);
    ck_assert_double_gt(number(load, "bind_ms"), 0);
    ck_assert_double_gt(number(load, "first_run_ms"), 0);
    is_null(doc, "error");
    const cJSON *in = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "inputs"), 0);
    ck_assert_str_eq(text(in, "name"), "x");
    ck_assert_str_eq(text(in, "datatype"), "FP32");
    const cJSON *shape = cJSON_GetObjectItem(in, "shape");
    ck_assert_int_eq(cJSON_GetArraySize(shape), 2);
    ck_assert_int_eq(cJSON_GetArrayItem(shape, 0)->valueint, -1);
    ck_assert_int_eq(cJSON_GetArrayItem(shape, 1)->valueint, 4);
    ck_assert_str_eq(cJSON_GetArrayItem(cJSON_GetObjectItem(in, "symbols"), 0)->valuestring, "N");
    ck_assert_str_eq(cJSON_GetArrayItem(cJSON_GetObjectItem(in, "symbols"), 1)->valuestring, "");
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(doc, "outputs")), 1);
    cJSON_Delete(doc);
    node_fini(&node);
}
END_TEST

START_TEST(describing_neither_counts_nor_loads)
{
    char text_of[8192];
    setup();
    ck_assert_str_eq(node_describe(&node, "acme/m", text_of), "");
    ck_assert_int_eq(order_load(&node, "acme/m"), OK);
    cJSON *doc = describe("acme/m");
    is_null(doc, "last_used_s");
    is_null(cJSON_GetObjectItem(doc, "last_load"), "first_run_ms");
    ck_assert_double_eq(number(doc, "misses"), 0);
    cJSON_Delete(doc);
    ck_assert_int_eq(order_unload(&node, "acme/m"), OK);
    doc = describe("acme/m");
    ck_assert_str_eq(text(doc, "state"), "absent");
    ck_assert_double_eq(number(doc, "bytes"), 0);
    ck_assert_double_eq(number(doc, "evictions"), 1);
    ck_assert_str_eq(text(doc, "tier"), "store");
    is_null(doc, "age_s");
    const cJSON *evicted = cJSON_GetObjectItem(doc, "evicted");
    ck_assert_str_eq(text(evicted, "why"), "unload");
    is_null(evicted, "by");
    ck_assert_double_ge(number(evicted, "ago_s"), 0);
    is_null(doc, "inputs");
    is_null(doc, "outputs");
    cJSON_Delete(doc);
    ck_assert_uint_eq(metric_get(M_LOADS_OK), 1);
    node_fini(&node);
}
END_TEST

START_TEST(a_failed_model_says_why_and_when)
{
    setup();
    tree_text(&node.tree, "bad.roost", "\"quotes\" and \x01");
    ck_assert_int_eq(call_once(&node, "bad", one, NULL), E_CORRUPT);
    cJSON *doc = describe("bad");
    ck_assert_str_eq(text(doc, "state"), "failed");
    is_null(doc, "version");
    is_null(doc, "last_load");
    const cJSON *error = cJSON_GetObjectItem(doc, "error");
    ck_assert_str_eq(text(error, "status"), "corrupt");
    ck_assert_ptr_nonnull(strstr(text(error, "message"), "page 0"));
    ck_assert_double_gt(number(error, "retry_in_s"), 30);
    ck_assert_double_le(number(error, "retry_in_s"), 60);
    cJSON_Delete(doc);
    node_fini(&node);
}
END_TEST

START_TEST(orders_answer_once_with_their_status)
{
    struct order o;
    setup();
    ck_assert_int_eq(order_load(&node, "acme/m"), OK);
    ck_assert_int_eq(order_load(&node, "acme/m"), E_EXISTS);
    ck_assert_int_eq(order_load(&node, "nope"), E_NOT_FOUND);
    ck_assert_int_eq(order_unload(&node, "nope"), E_NOT_FOUND);
    ck_assert_int_eq(order_unload(&node, "acme/m"), OK);
    ck_assert_int_eq(order_unload(&node, "acme/m"), E_NOT_FOUND);
    tree_text(&node.tree, "bad.roost", "x");
    order_init(&o, "bad"); /* operators hear the details */
    endpoint_load(node.endpoint, &o.m, clock_now_us());
    ck_assert_int_eq(order_wait(&o), E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(o.m.err.msg, "page 0"));
    ck_assert_uint_eq(o.m.retry_after_s, 60);
    order_fini(&o);
    ck_assert_uint_eq(metric_get(M_LOOKUP_MISS), 0);
    node_settle(&node);
    node_fini(&node);
}
END_TEST

START_TEST(an_unload_answers_when_the_bytes_are_free)
{
    struct order o;
    struct pin pin;
    struct budget_usage u;
    setup();
    ck_assert_int_eq(order_load(&node, "acme/m"), OK);
    ck_assert(cache_pin_resident(node.cache, "acme/m", &pin));
    order_init(&o, "acme/m");
    endpoint_unload(node.endpoint, &o.m);
    ck_assert_int_eq(o.answers, 0);
    cache_usage(node.cache, &u);
    ck_assert_uint_gt(u.used[BUDGET_DRAINING], 0);
    ck_assert_int_eq(call_once(&node, "acme/m", one, NULL), OK); /* in a new slot */
    cache_unpin(node.cache, &pin);
    ck_assert_int_eq(order_wait(&o), OK);
    cache_usage(node.cache, &u);
    ck_assert_uint_eq(u.used[BUDGET_DRAINING], 0);
    order_fini(&o);
    node_fini(&node);
}
END_TEST

static cJSON *page(const char *after, uint32_t limit)
{
    struct buf b;
    struct err err;
    buf_init(&b, 0);
    ck_ok(endpoint_list(node.endpoint, after, limit, clock_now_us(), &b, &err), &err);
    ck_assert_int_eq(buf_terminate(&b), OK);
    cJSON *doc = cJSON_Parse((const char *)b.data);
    ck_assert_ptr_nonnull(doc);
    buf_fini(&b);
    return doc;
}

START_TEST(a_listing_comes_in_pages)
{
    char name[32], after[MODEL_NAME_MAX + 1] = "", all[512] = "";
    setup();
    for (int i = 0; i < 7; i++) {
        snprintf(name, sizeof(name), "t/m%d.roost", i);
        node_put_mlp(&node, name, 1);
        *strrchr(name, '.') = 0;
        ck_assert_int_eq(order_load(&node, name), OK);
    }
    for (int pages = 1;; pages++) {
        cJSON *doc = page(after, 3), *m;
        cJSON_ArrayForEach(m, cJSON_GetObjectItem(doc, "models"))
        {
            strcat(all, text(m, "modelName"));
            strcat(all, " ");
            ck_assert_str_eq(text(m, "state"), "resident");
        }
        const cJSON *next = cJSON_GetObjectItem(doc, "nextPageToken");
        ck_assert_int_eq(next != NULL, pages < 3);
        snprintf(after, sizeof(after), "%s", next ? next->valuestring : "");
        cJSON_Delete(doc);
        if (!*after)
            break;
    }
    ck_assert_str_eq(all, "t/m0 t/m1 t/m2 t/m3 t/m4 t/m5 t/m6 ");
    struct buf b;
    struct err err;
    buf_init(&b, 0);
    static const uint32_t bad[] = {0, 101, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        ck_assert_int_eq(endpoint_list(node.endpoint, "", bad[i], 0, &b, &err), E_BAD_INPUT);
    ck_assert_int_eq(endpoint_list(node.endpoint, "../x", 10, 0, &b, &err), E_BAD_INPUT);
    ck_assert_ptr_null(b.data);
    node_fini(&node);
}
END_TEST

Suite *suite_manage(void)
{
    return SUITE("manage", a_resident_model_is_described, describing_neither_counts_nor_loads,
                 a_failed_model_says_why_and_when, orders_answer_once_with_their_status,
                 an_unload_answers_when_the_bytes_are_free, a_listing_comes_in_pages);
}
