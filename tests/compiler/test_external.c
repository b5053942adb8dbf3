/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Tensors whose data lie in other files of the same upload. */
#include <stdio.h>
#include <string.h>

#include "compiler/compiler.h"
#include "runtime/program.h"
#include "support/onnx_build.h"
#include "support/support.h"

static const float weights[4] = {1, 2, 3, 4};

/* The entries of one tensor; NULL leaves one out. */
struct where {
    const char *location, *offset, *length;
    size_t location_bytes; /* 0: as strlen says */
};

static void entry(struct buf *tensor, const char *key, const char *value, size_t n)
{
    struct buf e = {0};
    if (!value)
        return;
    pb_str(&e, 1, key);
    pb_bytes(&e, 2, value, n);
    pb_msg(tensor, 13, &e);
}

static void external(struct buf *t, const char *name, const struct where *w)
{
    pb_int(t, 1, 4);
    pb_int(t, 2, DT_F32);
    pb_str(t, 8, name);
    entry(t, "location", w->location,
          w->location_bytes ? w->location_bytes
          : w->location     ? strlen(w->location)
                            : 0);
    entry(t, "offset", w->offset, w->offset ? strlen(w->offset) : 0);
    entry(t, "length", w->length, w->length ? strlen(w->length) : 0);
    entry(t, "checksum", "0000", 4);
    pb_int(t, 14, 1);
}

/* y = x + w + v, both constants outside. */
static void a_model(const struct where *w, const struct where *v, struct buf *out)
{
    struct onnx_build m = {0};
    struct buf t = {0};
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
    external(&t, "w", w);
    pb_msg(&m.graph, 5, &t);
    external(&t, "v", v);
    pb_msg(&m.graph, 5, &t);
    onnx_op(&m, "Add", "a", "x,w", "xw", NO_ATTRS);
    onnx_op(&m, "Add", "b", "xw,v", "y", NO_ATTRS);
    onnx_output(&m, "y");
    onnx_finish(&m, out);
}

static enum status compile(const struct where *w, const struct where *v,
                           const struct compile_file *files, uint32_t n, struct buf *artifact,
                           struct err *err)
{
    const struct compile_options o = {.files = files, .n_files = n};
    struct buf model = {0};
    a_model(w, v, &model);
    enum status s = compile_bytes(model.data, model.len, &o, artifact, err);
    buf_fini(&model);
    return s;
}

START_TEST(data_come_from_the_named_files)
{
    uint8_t shared[40] = {0};
    memcpy(shared + 3, weights, sizeof(weights)); /* not aligned, and overlapping the other */
    memcpy(shared + 19, weights, sizeof(weights));
    const struct compile_file files[] = {{"w.bin", weights, sizeof(weights)},
                                         {"sub/shared.bin", shared, sizeof(shared)}};
    struct buf artifact = {0};
    struct program *p = NULL;
    struct err err;
    ck_ok(compile(&(struct where){"w.bin", NULL, NULL, 0},
                  &(struct where){"sub/shared.bin", "3", "16", 0}, files, 2, &artifact, &err),
          &err);
    ck_ok(program_open_bytes(artifact.data, artifact.len, &p, &err), &err);
    const char *made = program_provenance(p);
    ck_assert_ptr_nonnull(
        strstr(made, "\"files\":[{\"name\":\"w.bin\",\"bytes\":16,\"sha256\":\""));
    ck_assert_ptr_nonnull(strstr(made, "{\"name\":\"sub/shared.bin\",\"bytes\":40"));
    program_free(&p);
    buf_fini(&artifact);
}
END_TEST

START_TEST(places_outside_of_the_file_are_refused)
{
    static const struct {
        const char *offset, *length, *words;
    } cases[] = {
        {"0", "17", "17 bytes at 0 of 'w.bin', which has 16"},
        {"1", "16", "16 bytes at 1"},
        {"17", "0", "0 bytes at 17"},
        {"17", NULL, "0 bytes at 17"},
        {"9223372036854775807", "9223372036854775807", "which has 16"},
        {"18446744073709551615", "2", "the offset of its data is '18446744073709551615'"},
        {"0", "12", "declared float32[4] but holds 12 bytes"},
        {"4", NULL, "declared float32[4] but holds 12 bytes"},
        {"-1", "16", "the offset of its data is '-1'"},
        {"0x10", "16", "expected a number"},
        {"", "16", "expected a number"},
        {"0", "1e1", "the length of its data is '1e1'"},
    };
    const struct compile_file files[] = {{"w.bin", weights, sizeof(weights)}};
    const struct where good = {"w.bin", NULL, NULL, 0};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct where bad = {"w.bin", cases[i].offset, cases[i].length, 0};
        struct buf artifact = {0};
        struct err err = {OK, ""};
        ck_assert_int_eq(compile(&bad, &good, files, 1, &artifact, &err), E_CORRUPT);
        ck_assert_msg(strstr(err.msg, cases[i].words) && strstr(err.msg, "initializer 'w'"),
                      "case %zu: %s", i, err.msg);
        ck_assert_ptr_null(artifact.data);
    }
}
END_TEST

START_TEST(names_that_lead_out_are_refused)
{
    static const struct where bad[] = {
        {"/etc/passwd", NULL, NULL, 0},
        {"../w.bin", NULL, NULL, 0},
        {"a/../../w.bin", NULL, NULL, 0},
        {"a/..", NULL, NULL, 0},
        {".", NULL, NULL, 0},
        {"./w.bin", NULL, NULL, 0},
        {"a//b", NULL, NULL, 0},
        {"a/", NULL, NULL, 0},
        {"", NULL, NULL, 0},
        {"a\\b", NULL, NULL, 0},
        {"w.bin\0.txt", NULL, NULL, 10},
        {"w\nbin", NULL, NULL, 0},
        {NULL, NULL, NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct buf model = {0}, names = {0};
        struct err err;
        a_model(&bad[i], &bad[i], &model);
        ck_assert_int_eq(compile_files_wanted(model.data, model.len, NULL, &names, &err),
                         E_CORRUPT);
        ck_assert_msg(strstr(err.msg, "no name inside the model's folder"), "%zu: %s", i, err.msg);
        ck_assert_int_eq(compile_bytes(model.data, model.len, NULL, &names, &err), E_CORRUPT);
        buf_fini(&model);
        buf_fini(&names);
    }
    char longest[COMPILE_FILE_NAME_MAX + 2];
    memset(longest, 'a', sizeof(longest));
    ck_assert(compile_file_name(longest, COMPILE_FILE_NAME_MAX));
    ck_assert(!compile_file_name(longest, COMPILE_FILE_NAME_MAX + 1));
    ck_assert(compile_file_name("...", 3) && compile_file_name("a/.b/..c", 8));
}
END_TEST

START_TEST(what_is_wanted_is_said_once)
{
    struct buf model = {0}, names = {0};
    struct err err;
    const struct where one = {"one.bin", NULL, NULL, 0}, two = {"two.bin", "0", NULL, 0};
    a_model(&one, &two, &model);
    ck_ok(compile_files_wanted(model.data, model.len, NULL, &names, &err), &err);
    ck_assert_uint_eq(names.len, 16);
    ck_assert_mem_eq(names.data, "one.bin\0two.bin", 16);
    ck_assert_int_eq(compile_bytes(model.data, model.len, NULL, &names, &err), E_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.msg, "the file 'one.bin', which did not come"));
    buf_clear(&names);
    buf_fini(&model);
    a_model(&two, &two, &model);
    ck_ok(compile_files_wanted(model.data, model.len, NULL, &names, &err), &err);
    ck_assert_mem_eq(names.data, "two.bin", 8);
    ck_assert_uint_eq(names.len, 8);
    buf_fini(&names);
    buf_fini(&model);
}
END_TEST

/* Names in the tensor of a Constant, and of one in an If's branch. */
START_TEST(tensors_of_attributes_and_bodies_count)
{
    const struct where w = {"deep.bin", NULL, NULL, 0};
    struct buf t = {0}, attr = {0}, node = {0}, body = {0}, graph = {0}, model = {0}, names = {0};
    struct err err;
    external(&t, "t", &w);
    pb_msg(&attr, 5, &t); /* an attribute's tensor ... */
    pb_msg(&node, 5, &attr);
    pb_msg(&body, 1, &node);
    pb_msg(&attr, 6, &body); /* ... in an attribute's graph */
    pb_msg(&node, 5, &attr);
    pb_msg(&graph, 1, &node);
    pb_msg(&model, 7, &graph);
    ck_ok(compile_files_wanted(model.data, model.len, NULL, &names, &err), &err);
    ck_assert_uint_eq(names.len, 9);
    ck_assert_mem_eq(names.data, "deep.bin", 9);
    buf_fini(&names);
    buf_fini(&model);
}
END_TEST

START_TEST(too_many_files_are_refused)
{
    struct buf graph = {0}, model = {0}, names = {0};
    struct err err;
    for (int i = 0; i <= COMPILE_FILES_MAX; i++) {
        char name[16];
        struct buf t = {0};
        snprintf(name, sizeof(name), "%d", i);
        external(&t, "t", &(struct where){name, NULL, NULL, 0});
        pb_msg(&graph, 5, &t);
    }
    pb_msg(&model, 7, &graph);
    ck_assert_int_eq(compile_files_wanted(model.data, model.len, NULL, &names, &err),
                     E_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.msg, "more than 400 files"));
    buf_fini(&names);
    buf_fini(&model);
}
END_TEST

/* What is no ONNX, or is malformed, wants nothing; nesting takes no stack. */
START_TEST(other_bytes_want_nothing)
{
    struct buf deep = {0}, names = {0};
    struct err err;
    ck_ok(buf_str(&deep, ""), &err);
    for (int i = 0; i < 2000; i++) {
        struct buf attr = {0}, node = {0}, graph = {0};
        pb_bytes(&attr, 6, deep.data, deep.len);
        pb_msg(&node, 5, &attr);
        pb_msg(&graph, 1, &node);
        buf_fini(&deep);
        deep = graph;
    }
    struct buf model = {0};
    pb_msg(&model, 7, &deep);
    ck_ok(compile_files_wanted(model.data, model.len, NULL, &names, &err), &err);
    static const char *const others[] = {"", "{\"learner\": {}}", "\x3a\xff\xff\xff", "PK\x03\x04"};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++)
        ck_ok(compile_files_wanted(others[i], strlen(others[i]), NULL, &names, &err), &err);
    ck_assert_uint_eq(names.len, 0);
    buf_fini(&model);
}
END_TEST

Suite *suite_external(void)
{
    return SUITE("external", data_come_from_the_named_files, places_outside_of_the_file_are_refused,
                 names_that_lead_out_are_refused, what_is_wanted_is_said_once,
                 tensors_of_attributes_and_bodies_count, too_many_files_are_refused,
                 other_bytes_want_nothing);
}
