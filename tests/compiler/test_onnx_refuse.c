/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the compiler refuses, in which words; and that no broken file does worse than be refused. */
#include <string.h>

#include "base/alloc.h"
#include "compiler/compiler.h"
#include "support/onnx_build.h"
#include "support/support.h"

static void begin(struct onnx_build *m, int opset)
{
    onnx_opset(m, "", opset);
    onnx_input(m, "x", DT_F32, DIMS(-1, 4));
}

static void end(struct onnx_build *m)
{
    onnx_op(m, "Relu", "last", "x", "y", NO_ATTRS);
    onnx_output(m, "y");
}

static void unknown_operator(struct onnx_build *m)
{
    begin(m, 13);
    onnx_op(m, "Foo", "bar", "x", "u", NO_ATTRS);
    end(m);
}

static void one_of(struct onnx_build *m, const char *domain, int version, const char *op)
{
    struct buf node = {0};
    begin(m, 13);
    onnx_opset(m, domain, version);
    pb_str(&node, 1, "x");
    pb_str(&node, 2, "u");
    pb_str(&node, 3, "bar");
    pb_str(&node, 4, op);
    pb_str(&node, 7, domain);
    pb_msg(&m->graph, 1, &node);
    end(m);
}

static void foreign_domain(struct onnx_build *m)
{
    one_of(m, "com.example", 2, "Relu");
}

static void runtime_domain(struct onnx_build *m)
{
    one_of(m, "com.microsoft", 1, "FusedGemm");
}

static void training_domain(struct onnx_build *m)
{
    one_of(m, "ai.onnx.preview.training", 1, "Adam");
}

static void our_own_domain(struct onnx_build *m)
{
    struct buf node = {0};
    begin(m, 13);
    onnx_opset(m, "roost", 1);
    pb_str(&node, 1, "x");
    pb_str(&node, 2, "u");
    pb_str(&node, 4, "FusedConv");
    pb_str(&node, 7, "roost");
    pb_msg(&m->graph, 1, &node);
    end(m);
}

static void domain_not_imported(struct onnx_build *m)
{
    struct buf node = {0};
    begin(m, 13);
    pb_str(&node, 4, "Relu");
    pb_str(&node, 7, "com.example");
    pb_msg(&m->graph, 1, &node);
    end(m);
}

static void old_opset(struct onnx_build *m)
{
    begin(m, 5);
    end(m);
}

static void new_opset(struct onnx_build *m)
{
    begin(m, 99);
    end(m);
}

static void no_opset(struct onnx_build *m)
{
    onnx_input(m, "x", DT_F32, DIMS(-1, 4));
    end(m);
}

static void unknown_attribute(struct onnx_build *m)
{
    begin(m, 13);
    onnx_op(m, "Relu", "bar", "x", "u", ATTRS(A_INT("frobnicate", 1)));
    end(m);
}

static void subgraph(struct onnx_build *m)
{
    struct buf node = {0}, a = {0};
    begin(m, 13);
    pb_str(&a, 1, "axis");
    pb_int(&a, 20, 5);
    pb_str(&node, 1, "x");
    pb_str(&node, 2, "u");
    pb_str(&node, 4, "Softmax");
    pb_msg(&node, 5, &a);
    pb_msg(&m->graph, 1, &node);
    end(m);
}

static void unsorted(struct onnx_build *m)
{
    begin(m, 13);
    onnx_op(m, "Relu", "early", "v", "u", NO_ATTRS);
    onnx_op(m, "Relu", "late", "x", "v", NO_ATTRS);
    end(m);
}

static void cycle(struct onnx_build *m)
{
    begin(m, 13);
    onnx_op(m, "Relu", "own", "u", "u", NO_ATTRS);
    end(m);
}

static void defined_twice(struct onnx_build *m)
{
    begin(m, 13);
    onnx_op(m, "Relu", "a", "x", "u", NO_ATTRS);
    onnx_op(m, "Relu", "b", "x", "u", NO_ATTRS);
    end(m);
}

static void output_missing(struct onnx_build *m)
{
    begin(m, 13);
    onnx_output(m, "nowhere");
}

static void output_twice(struct onnx_build *m)
{
    begin(m, 13);
    end(m);
    onnx_output(m, "y");
}

static void no_shape(struct onnx_build *m)
{
    onnx_opset(m, "", 13);
    onnx_input(m, "x", DT_F32, -1, NULL);
    end(m);
}

static void string_input(struct onnx_build *m)
{
    onnx_opset(m, "", 13);
    onnx_input(m, "x", (enum dtype)8, DIMS(1));
    end(m);
}

static void control_byte(struct onnx_build *m)
{
    onnx_opset(m, "", 13);
    onnx_input(m, "x\n", DT_F32, DIMS(1));
    end(m);
}

static void nul_in_name(struct onnx_build *m)
{
    struct buf node = {0};
    begin(m, 13);
    pb_bytes(&node, 1, "x\0x", 3);
    pb_str(&node, 4, "Relu");
    pb_msg(&m->graph, 1, &node);
    end(m);
}

/* An initializer "w" with the given dims and raw bytes. */
static void tensor(struct onnx_build *m, enum dtype t, int64_t d0, int64_t d1, size_t bytes)
{
    static const uint8_t zeros[64];
    struct buf b = {0};
    begin(m, 13);
    pb_int(&b, 1, d0);
    pb_int(&b, 1, d1);
    pb_int(&b, 2, t);
    pb_str(&b, 8, "w");
    pb_bytes(&b, 9, zeros, bytes);
    pb_msg(&m->graph, 5, &b);
    end(m);
}

static void short_tensor(struct onnx_build *m)
{
    tensor(m, DT_F32, 2, 2, 15);
}

static void overflowing_dims(struct onnx_build *m)
{
    tensor(m, DT_F32, INT64_C(1) << 33, INT64_C(1) << 33, 16);
}

static void negative_dim(struct onnx_build *m)
{
    tensor(m, DT_F32, -1, -1, 4);
}

static void unknown_dtype(struct onnx_build *m)
{
    tensor(m, (enum dtype)77, 1, 1, 4);
}

static void many_dims(struct onnx_build *m)
{
    struct buf b = {0};
    begin(m, 13);
    for (int i = 0; i < 9; i++)
        pb_int(&b, 1, 1);
    pb_int(&b, 2, DT_F32);
    pb_str(&b, 8, "w");
    pb_bytes(&b, 9, "1234", 4);
    pb_msg(&m->graph, 5, &b);
    end(m);
}

static void few_numbers(struct onnx_build *m)
{
    struct buf b = {0};
    begin(m, 13);
    pb_int(&b, 1, INT64_C(1) << 40);
    pb_int(&b, 2, DT_I64);
    pb_int(&b, 7, 1);
    pb_str(&b, 8, "w");
    pb_msg(&m->graph, 5, &b);
    end(m);
}

static void number_out_of_range(struct onnx_build *m)
{
    struct buf b = {0};
    begin(m, 13);
    pb_int(&b, 1, 1);
    pb_int(&b, 2, DT_U8);
    pb_int(&b, 5, 256);
    pb_str(&b, 8, "w");
    pb_msg(&m->graph, 5, &b);
    end(m);
}

static void external_data(struct onnx_build *m)
{
    struct buf b = {0}, e = {0};
    begin(m, 13);
    pb_int(&b, 2, DT_F32);
    pb_str(&b, 8, "w");
    pb_str(&e, 1, "location");
    pb_str(&e, 2, "../../etc/passwd");
    pb_msg(&b, 13, &e);
    pb_int(&b, 14, 1);
    pb_msg(&m->graph, 5, &b);
    end(m);
}

static void shapes_disagree(struct onnx_build *m)
{
    static const float w[3];
    begin(m, 13);
    onnx_init_f32(m, "w", DIMS(3), w);
    onnx_op(m, "Add", "bar", "x,w", "y", NO_ATTRS);
    onnx_output(m, "y");
}

static void too_few_operands(struct onnx_build *m)
{
    begin(m, 13);
    onnx_op(m, "Add", "bar", "x", "y", NO_ATTRS);
    onnx_output(m, "y");
}

START_TEST(refusals_name_what_is_wrong_and_what_to_do)
{
    static const struct {
        void (*build)(struct onnx_build *m);
        enum status status;
        const char *words[3];
    } cases[] = {
        {unknown_operator,
         E_UNSUPPORTED,
         {"operator Foo (node 'bar', opset 13)", "export", "see docs/operators.md"}},
        {foreign_domain,
         E_UNSUPPORTED,
         {"com.example.Relu (node 'bar', opset 2)", "standard operators", "see docs/operators.md"}},
        {runtime_domain,
         E_UNSUPPORTED,
         {"com.microsoft.FusedGemm (node 'bar', opset 1)", "ONNX Runtime's", "docs/operators.md"}},
        {training_domain,
         E_UNSUPPORTED,
         {"ai.onnx.preview.training.Adam (node 'bar', opset 1)", "inference", "docs/operators.md"}},
        {our_own_domain, E_UNSUPPORTED, {"roost.FusedConv", "not supported"}},
        {domain_not_imported, E_CORRUPT, {"'com.example'", "does not import"}},
        {old_opset, E_UNSUPPORTED, {"Relu (node 'last', opset 5)", "version_converter"}},
        {new_opset, E_UNSUPPORTED, {"opset 99", "version_converter"}},
        {no_opset, E_CORRUPT, {"operator sets"}},
        {unknown_attribute, E_UNSUPPORTED, {"Relu (node 'bar', opset 13)", "'frobnicate'"}},
        {subgraph, E_UNSUPPORTED, {"Softmax", "is a graph"}},
        {unsorted, E_CORRUPT, {"node 'early'", "reads 'v'", "topological"}},
        {cycle, E_CORRUPT, {"node 'own'", "reads 'u'"}},
        {defined_twice, E_CORRUPT, {"node 'b'", "'u' is defined twice"}},
        {output_missing, E_CORRUPT, {"'nowhere'"}},
        {output_twice, E_CORRUPT, {"'y' is listed twice"}},
        {no_shape, E_UNSUPPORTED, {"input 'x'", "no shape", "export"}},
        {string_input, E_UNSUPPORTED, {"Relu (node 'last'", "input 0 is string[1]"}},
        {control_byte, E_CORRUPT, {"control byte 0x0a"}},
        {nul_in_name, E_CORRUPT, {"control byte 0x00"}},
        {short_tensor, E_CORRUPT, {"initializer 'w'", "float32[2,2]", "15 bytes"}},
        {overflowing_dims, E_CORRUPT, {"initializer 'w'", "overflow"}},
        {negative_dim, E_CORRUPT, {"initializer 'w'", "negative"}},
        {unknown_dtype, E_UNSUPPORTED, {"initializer 'w'", "data type 77"}},
        {many_dims, E_UNSUPPORTED, {"initializer 'w'", "rank 9"}},
        {few_numbers, E_CORRUPT, {"initializer 'w'", "1 elements"}},
        {number_out_of_range, E_CORRUPT, {"initializer 'w'", "does not fit uint8"}},
        {external_data, E_CORRUPT, {"initializer 'w'", "no name inside the model's folder"}},
        {shapes_disagree, E_CORRUPT, {"operator Add (node 'bar', opset 13)"}},
        {too_few_operands, E_CORRUPT, {"operator Add (node 'bar', opset 13)", "1 input"}},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct onnx_build m = {0};
        struct buf file = {0}, artifact = {0};
        struct err err = {OK, ""};
        cases[i].build(&m);
        onnx_finish(&m, &file);
        enum status s = compile_bytes(file.data, file.len, NULL, &artifact, &err);
        ck_assert_msg(s == cases[i].status && err.code == s, "case %d: %s: %s", (int)i,
                      status_name(s), err.msg);
        for (size_t k = 0; k < 3 && cases[i].words[k]; k++)
            ck_assert_msg(strstr(err.msg, cases[i].words[k]), "case %d: no \"%s\" in \"%s\"",
                          (int)i, cases[i].words[k], err.msg);
        buf_fini(&file);
        buf_fini(&artifact);
    }
}
END_TEST

START_TEST(foreign_files_are_named)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *word;
    } cases[] = {{"", 0, "empty"},
                 {"PK\x03\x04zip", 7, "zip"},
                 {"\x80\x04\x95pickle", 9, "pickle"},
                 {"\x89ROO\r\n\x1a\n", 8, "artifact"},
                 {"\x1c\0\0\0TFL3", 8, "TensorFlow Lite"},
                 {"GGUF\3\0\0\0", 8, "GGUF"},
                 {"tree\nversion=v4\n", 16, "onnxmltools; see docs/formats.md"},
                 {"CBM1....", 8, "CatBoost"},
                 {"\x10\0\0\0ORTM", 8, "ORT-format"},
                 {"\x40\0\0\0\0\0\0\0{\"__metadata__", 20, "safetensors"},
                 {"<?xml version", 13, "PMML"},
                 {"\x93NUMPY\1\0", 8, "NumPy"},
                 {"{\"version\":[1,7,4]}", 19, "no XGBoost model"},
                 {"{\"oblivious_trees\":[]}", 22, "exported to ONNX; see docs/formats.md"},
                 {"hello", 5, "no ONNX model"},
                 {"hello", 5, "byte 2 of the file"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct buf artifact = {0};
        struct err err = {OK, ""};
        enum status s = compile_bytes(cases[i].bytes, cases[i].n, NULL, &artifact, &err);
        ck_assert(s == E_CORRUPT || s == E_UNSUPPORTED);
        ck_assert_msg(strstr(err.msg, cases[i].word), "%s", err.msg);
        buf_fini(&artifact);
    }
}
END_TEST

/* A model with one of everything that the reader knows. */
static void rich_model(struct buf *file)
{
    static const float w[8] = {1, -2, 3, -4, 5, -6, 7, -8}, b[2] = {1, 2};
    struct onnx_build m = {0};
    begin(&m, 13);
    onnx_init_f32(&m, "w", DIMS(4, 2), w);
    onnx_init_f32(&m, "b", DIMS(2), b);
    onnx_op(&m, "Gemm", "g", "x,w,b", "h", ATTRS(A_FLOAT("alpha", 1.0f), A_INT("transB", 0)));
    onnx_op(&m, "Constant", "k", "", "c", ATTRS(A_INTS("value_ints", 0, 2)));
    onnx_op(&m, "Relu", "r", "h", "i", NO_ATTRS);
    onnx_op(&m, "Reshape", "s", "i,c", "y", NO_ATTRS);
    onnx_output(&m, "y");
    onnx_finish(&m, file);
}

static enum status try_compile(const void *bytes, size_t n)
{
    struct buf artifact = {0};
    struct err err = {OK, ""};
    const struct compile_options o = {.format = MODEL_ONNX};
    enum status s = compile_bytes(bytes, n, &o, &artifact, &err);
    ck_assert(s == OK || (err.code == s && err.msg[0]));
    ck_assert(s == OK || s == E_CORRUPT || s == E_UNSUPPORTED || s == E_NO_MEMORY);
    buf_fini(&artifact);
    return s;
}

START_TEST(a_model_cut_at_any_byte_is_refused)
{
    struct buf file = {0};
    rich_model(&file);
    ck_assert_int_eq(try_compile(file.data, file.len), OK);
    for (size_t n = 0; n < file.len; n++) {
        uint8_t *copy = alloc_new(n); /* its end is watched by the address sanitizer */
        memcpy(copy, file.data, n);
        ck_assert_int_ne(try_compile(copy, n), OK);
        alloc_free(copy);
    }
    buf_fini(&file);
}
END_TEST

START_TEST(no_flipped_bit_does_worse_than_be_refused)
{
    struct buf file = {0};
    int64_t live = alloc_live();
    rich_model(&file);
    for (size_t bit = 0; bit < file.len * 8; bit++) {
        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        (void)!try_compile(file.data, file.len);
        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    buf_fini(&file);
    ck_assert_int_eq(alloc_live(), live);
}
END_TEST

START_TEST(a_compile_is_deterministic)
{
    struct buf file = {0}, one = {0}, two = {0};
    struct err err = {OK, ""};
    rich_model(&file);
    ck_ok(compile_bytes(file.data, file.len, NULL, &one, &err), &err);
    ck_ok(compile_bytes(file.data, file.len, NULL, &two, &err), &err);
    ck_assert_uint_eq(one.len, two.len);
    ck_assert_mem_eq(one.data, two.data, one.len);
    buf_fini(&file);
    buf_fini(&one);
    buf_fini(&two);
}
END_TEST

START_TEST(every_failed_allocation_of_a_compile_is_an_error_without_a_leak)
{
    struct buf file = {0};
    rich_model(&file);
    int64_t live = alloc_live();
    enum status s = E_NO_MEMORY;
    for (uint64_t n = 1; s != OK; n++) {
        struct buf artifact = {0};
        struct err err = {OK, ""};
        alloc_fail_at(n);
        s = compile_bytes(file.data, file.len, NULL, &artifact, &err);
        bool past = alloc_calls() < n;
        alloc_fail_at(0);
        ck_assert_msg(s == OK || s == E_NO_MEMORY, "allocation %d: %s", (int)n, err.msg);
        ck_assert_int_eq(s == OK, past);
        buf_fini(&artifact);
        ck_assert_int_eq(alloc_live(), live);
    }
    buf_fini(&file);
}
END_TEST

Suite *suite_onnx_refuse(void)
{
    return SUITE("onnx_refuse", refusals_name_what_is_wrong_and_what_to_do, foreign_files_are_named,
                 a_model_cut_at_any_byte_is_refused, no_flipped_bit_does_worse_than_be_refused,
                 a_compile_is_deterministic,
                 every_failed_allocation_of_a_compile_is_an_error_without_a_leak);
}
