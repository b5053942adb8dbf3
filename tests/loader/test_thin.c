/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Versions whose large blobs lie apart: they are what was published, to the bit, and a load that
 * cannot have that is an error which names the blob. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"
#include "loader/thin.h"
#include "metrics/metrics.h"
#include "support/model.h"
#include "support/node.h"
#include "support/support.h"

enum { LAYERS = 4, SMALL = 10 };

/* Floats of each layer: large and small ones in turns, a large one beyond a chunk of the link. */
static const int64_t layer_floats[LAYERS] = {SMALL, 20000, 3 << 19, 16384 + 50};

static struct node node;

static float weight(int layer, int64_t i, int tune)
{
    return (float)(((i + 1) * (2 * layer + 3) + (layer == LAYERS - 1 ? tune : 0)) % 1009);
}

static void write_tune(int tune, struct buf *file)
{
    struct model *m = calloc(1, sizeof(*m));
    float *data[LAYERS];
    ck_assert_ptr_nonnull(m);
    model_init(m);
    int32_t v = model_input(m, "x", DT_F32, 1, (int64_t[]){DIM_FREE});
    for (int l = 0; l < LAYERS; l++) {
        data[l] = calloc((size_t)layer_floats[l], sizeof(float));
        ck_assert_ptr_nonnull(data[l]);
        for (int64_t i = 0; i < layer_floats[l]; i++)
            data[l][i] = weight(l, i, tune);
        int32_t c = model_const(m, DT_F32, 1, &layer_floats[l], data[l]);
        v = model_node(m, "Concat", 13, v, c, ARTIFACT_NO_TENSOR);
        model_attr(m, (struct attr){.key = ATTR_axis, .type = ATTR_INT, .count = 1});
    }
    model_output(m, "y", v, DT_F32, 1, (int64_t[]){DIM_FREE});
    model_write(m, NULL, file);
    for (int l = 0; l < LAYERS; l++)
        free(data[l]);
    free(m);
}

/* Publishes it as another node does. */
static void publish(const char *name, int tune)
{
    struct catalog *c;
    struct buf file;
    struct err err;
    uint64_t version;
    write_tune(tune, &file);
    const struct store_source from = {.bytes = file.data, .n = file.len};
    ck_assert_int_eq(catalog_new(node.files, 10, 100, &c), OK);
    ck_ok(catalog_publish(c, name, &from, &version, &err), &err);
    catalog_free(&c);
    buf_fini(&file);
}

/* Every weight is what it was published as. */
static void run(const char *name, int tune)
{
    size_t floats = 1;
    for (int l = 0; l < LAYERS; l++)
        floats += (size_t)layer_floats[l];
    float *got = node_run(&node, name, 7, floats);
    const float *y = got;
    bool same = *y++ == 7;
    for (int l = 0; l < LAYERS; l++)
        for (int64_t i = 0; i < layer_floats[l]; i++)
            same = *y++ == weight(l, i, tune) && same;
    ck_assert(same);
    free(got);
}

/* The key of the blob of a layer, of tenant `t`. */
static void blob_key(const char *model, int layer, int tune, char key[STORE_KEY_MAX])
{
    const size_t bytes = (size_t)layer_floats[layer] * sizeof(float);
    uint8_t digest[SHA256_BYTES];
    float *data = calloc(1, bytes);
    ck_assert_ptr_nonnull(data);
    for (int64_t i = 0; i < layer_floats[layer]; i++)
        data[i] = weight(layer, i, tune);
    ck_assert_int_eq(sha256_once(data, bytes, digest), OK);
    thin_blob_key(model, digest, key);
    free(data);
}

static void load_fails(const char *name, const char *words)
{
    char said[8192];
    ck_assert_int_ne(order_load(&node, name), OK);
    node_describe(&node, name, said);
    ck_assert_msg(strstr(said, words), "'%s' is not in %s", words, said);
}

static void setup(void)
{
    metrics_reset();
    node_init(&node, &(struct node_config){.backoff_us = 1});
}

static void teardown(void)
{
    node_evict_all(&node);
    node_fini(&node);
}

START_TEST(a_thin_version_is_what_was_published)
{
    struct store_object o;
    struct buf file;
    struct err err;
    setup();
    publish("t/a", 1);
    publish("t/b", 2);
    publish("a", 1);
    write_tune(1, &file);
    ck_ok(store_stat(node.files, "_roost/models/t/a/1.roost", &o, &err), &err);
    ck_assert_uint_lt(o.bytes, 20 * 4096);
    for (int times = 0; times < 2; times++) {
        ck_assert_int_eq(order_load(&node, "t/a"), OK);
        run("t/a", 1);
        ck_assert_int_eq(order_load(&node, "t/b"), OK); /* shares two layers in memory */
        run("t/b", 2);
        ck_assert_int_eq(order_load(&node, "a"), OK);
        run("a", 1);
        node_evict_all(&node);
    }
    buf_fini(&file);
    teardown();
}
END_TEST

static char spoilt_key[STORE_KEY_MAX];

static void spoil(void *arg)
{
    static const uint8_t zeros[16384 * 4 + 200];
    UNUSED(arg);
    tree_write(&node.tree, spoilt_key, zeros, sizeof(zeros));
}

/* What was hashed is hashed again when an object has changed, if while it is read. */
START_TEST(blobs_are_known_while_none_of_their_objects_changes)
{
    const uint64_t all = (20000 + (3 << 19) + 16384 + 50) * sizeof(float);
    char key[STORE_KEY_MAX];
    struct err err;
    setup();
    publish("t/m", 1);
    blob_key("t/m", 3, 1, spoilt_key);
    blob_key("t/m", 1, 1, key);
    node.gate.settled = -1; /* may change under the same tag: not remembered */
    for (int times = 1; times <= 4; times++) {
        ck_assert_int_eq(order_load(&node, "t/m"), OK);
        run("t/m", 1);
        node_evict_all(&node);
        node.gate.settled = 1;
        ck_assert_uint_ge(metric_get(M_BLOBS_HASHED), all * (uint64_t)MIN(times, 2));
        ck_assert_uint_lt(metric_get(M_BLOBS_HASHED), all * (uint64_t)MIN(times, 2) + all / 2);
        ck_assert_uint_eq(metric_get(M_BLOBS_KNOWN) >= all * (uint64_t)MAX(times - 2, 0), true);
    }
    ck_ok(store_renew(node.files, key, &err), &err);
    ck_assert_int_eq(order_load(&node, "t/m"), OK); /* hashed anew */
    run("t/m", 1);
    node_evict_all(&node);
    ck_assert_uint_ge(metric_get(M_BLOBS_HASHED), 3 * all);
    gate_reset(&node.gate);
    node.gate.settled = 1;
    node.gate.hook = spoil;
    node.gate.hook_at = 4; /* behind the pointer, page 0 and the metadata */
    load_fails("t/m", spoilt_key);
    publish("t/m", 1);
    load_fails("t/m", spoilt_key); /* of the right size: it cannot know */
    teardown();
}
END_TEST

START_TEST(a_blob_that_is_missing_or_wrong_is_named_and_not_served)
{
    char key[STORE_KEY_MAX];
    struct err err;
    setup();
    for (int layer = 1; layer < LAYERS; layer++) {
        publish("t/m", 1);
        blob_key("t/m", layer, 1, key);
        ck_ok(store_delete(node.files, key, &err), &err);
        load_fails("t/m", key);
        const size_t bytes = (size_t)layer_floats[layer] * sizeof(float);
        uint8_t *zeros = calloc(1, bytes);
        ck_assert_ptr_nonnull(zeros);
        tree_write(&node.tree, key, zeros, bytes);
        load_fails("t/m", key);
        tree_write(&node.tree, key, zeros, bytes - 1);
        load_fails("t/m", key);
        free(zeros);
        publish("t/m", 1); /* heals what is missing, or of another size */
        ck_assert_int_eq(order_load(&node, "t/m"), OK);
        run("t/m", 1);
        node_evict_all(&node);
    }
    teardown();
}
END_TEST

/* What an operator does who goes back and removes what was bad, and a collector after that. */
static void take_back(void *arg)
{
    struct catalog *c;
    struct err err;
    char key[STORE_KEY_MAX];
    uint64_t to = 1;
    UNUSED(arg);
    ck_assert_int_eq(catalog_new(node.files, 10, 100, &c), OK);
    ck_ok(catalog_rollback(c, "t/m", &to, &err), &err);
    ck_ok(catalog_delete_version(c, "t/m", 2, &err), &err);
    catalog_free(&c);
    blob_key("t/m", LAYERS - 1, 2, key);
    ck_ok(store_delete(node.files, key, &err), &err);
}

START_TEST(a_version_that_goes_during_its_load_is_no_error)
{
    bool over = false;
    int anew = 0;
    for (uint32_t at = 1; !over; at++) {
        char said[8192];
        setup();
        publish("t/m", 1);
        publish("t/m", 2);
        gate_reset(&node.gate);
        node.gate.hook = take_back;
        node.gate.hook_at = at;
        ck_assert_msg(order_load(&node, "t/m") == OK, "before read %u: %s", at,
                      node_describe(&node, "t/m", said));
        over = gate_reads(&node.gate) < at;
        const bool new = strstr(node_describe(&node, "t/m", said), "\"version\":\"2\"");
        anew += !new &&at > 1; /* the first is the pointer's */
        run("t/m", new ? 2 : 1);
        teardown();
    }
    ck_assert_int_gt(anew, 1);
}
END_TEST

static void lose_store(void *arg)
{
    take_back(arg);
    node.gate.stat_fails = true;
}

START_TEST(a_store_that_fails_meanwhile_makes_no_model_corrupt)
{
    bool over = false;
    int failed = 0;
    for (uint32_t at = 4; !over; at++) { /* behind the pointer, page 0 and the metadata */
        setup();
        publish("t/m", 1);
        publish("t/m", 2);
        gate_reset(&node.gate);
        node.gate.hook = lose_store;
        node.gate.hook_at = at;
        enum status s = order_load(&node, "t/m");
        ck_assert(s == OK || s == E_STORE);
        failed += s == E_STORE;
        over = gate_reads(&node.gate) < at;
        node.gate.stat_fails = false;
        if (s != OK)
            ck_assert_int_eq(order_load(&node, "t/m"), OK);
        teardown();
    }
    ck_assert_int_gt(failed, 0);
}
END_TEST

static void copy_object(const char *from, const char *to, uint64_t bytes)
{
    struct store_object o;
    struct err err;
    ck_ok(store_stat(node.files, from, &o, &err), &err);
    bytes = bytes ? bytes : o.bytes;
    uint8_t *p = malloc(bytes);
    ck_assert_ptr_nonnull(p);
    ck_ok(store_read(node.files, from, "", 0, p, bytes, &err), &err);
    tree_write(&node.tree, to, p, bytes);
    free(p);
}

/* Who knows a thin version, and all hashes with it, has nothing. */
START_TEST(a_reference_resolves_within_its_tenant_only)
{
    setup();
    publish("t/m", 1);
    copy_object("_roost/models/t/m/1.roost", "_roost/models/u/m/1.roost", 0);
    tree_text(&node.tree, "_roost/models/u/m/current", "1\n");
    load_fails("u/m", "_roost/blobs/u/");
    copy_object("_roost/models/t/m/1.roost", "_roost/models/m/1.roost", 0);
    tree_text(&node.tree, "_roost/models/m/current", "1\n");
    load_fails("m", "_roost/blobs/default/");
    ck_assert_int_eq(order_load(&node, "t/m"), OK); /* in memory now, and still nobody else's */
    load_fails("u/m", "_roost/blobs/u/");
    teardown();
}
END_TEST

START_TEST(no_object_is_thin_but_a_published_version_cut_at_its_blobs)
{
    struct store_object o;
    struct err err;
    char whole[64];
    struct buf file;
    setup();
    publish("t/m", 1);
    ck_ok(store_stat(node.files, "_roost/models/t/m/1.roost", &o, &err), &err);
    copy_object("_roost/models/t/m/1.roost", "t/plain.roost", 0);
    write_tune(1, &file);
    snprintf(whole, sizeof(whole), "page 0: says %zu bytes", file.len);
    load_fails("t/plain", whole);
    copy_object("_roost/models/t/m/1.roost", "t/folder/3/model.roost", 0);
    load_fails("t/folder", whole);
    copy_object("_roost/models/t/m/1.roost", "_roost/models/t/less/1.roost", o.bytes - 4096);
    tree_text(&node.tree, "_roost/models/t/less/current", "1\n");
    load_fails("t/less", "page 0: says");
    tree_write(&node.tree, "_roost/models/t/more/1.roost", file.data, o.bytes + 4096);
    tree_text(&node.tree, "_roost/models/t/more/current", "1\n");
    load_fails("t/more", whole);
    tree_write(&node.tree, "_roost/models/t/beyond/1.roost", file.data, file.len - 64);
    tree_text(&node.tree, "_roost/models/t/beyond/current", "1\n");
    load_fails("t/beyond", whole);
    /* A version that is whole, as they were once, stays one. */
    tree_write(&node.tree, "_roost/models/t/whole/1.roost", file.data, file.len);
    tree_text(&node.tree, "_roost/models/t/whole/current", "1\n");
    ck_assert_int_eq(order_load(&node, "t/whole"), OK);
    run("t/whole", 1);
    buf_fini(&file);
    teardown();
}
END_TEST

Suite *suite_thin(void)
{
    return SUITE("thin", a_thin_version_is_what_was_published,
                 blobs_are_known_while_none_of_their_objects_changes,
                 a_blob_that_is_missing_or_wrong_is_named_and_not_served,
                 a_version_that_goes_during_its_load_is_no_error,
                 a_store_that_fails_meanwhile_makes_no_model_corrupt,
                 a_reference_resolves_within_its_tenant_only,
                 no_object_is_thin_but_a_published_version_cut_at_its_blobs);
}
