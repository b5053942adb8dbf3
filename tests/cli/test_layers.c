/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What `show` says of the forms of convolutions. */
#include <string.h>

#include "base/alloc.h"
#include "cli/show_layers.h"
#include "compiler/compiler.h"
#include "support/graph_run.h"
#include "support/onnx_build.h"
#include "support/support.h"

/* A kernel of 3 x 3 that has a choice, and one of 1 x 1 that has none. */
static struct program *compile_as(enum optimize mode, enum precision precision)
{
    static float w[16 * 16 * 9];
    struct onnx_build m = {0};
    struct buf file = {0}, artifact = {0};
    struct program *p;
    struct err err;
    const struct compile_options o = {.optimize = mode, .precision = {.precision = precision}};
    test_fill(w, ARRAY_COUNT(w), 1);
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(1, 16, 32, 32));
    onnx_init_f32(&m, "v", DIMS(16, 16, 3, 3), w);
    onnx_init_f32(&m, "w", DIMS(16, 16, 1, 1), w);
    onnx_op(&m, "Conv", "first", "x,v", "h", ATTRS(A_INTS("pads", 1, 1, 1, 1)));
    onnx_op(&m, "Conv", "second", "h,w", "y", NO_ATTRS);
    onnx_output(&m, "y");
    onnx_finish(&m, &file);
    ck_ok(compile_bytes(file.data, file.len, &o, &artifact, &err), &err);
    ck_ok(program_open_bytes(artifact.data, artifact.len, &p, &err), &err);
    buf_fini(&file);
    buf_fini(&artifact);
    return p;
}

static struct program *compile(enum optimize mode)
{
    return compile_as(mode, PRECISION_FP32);
}

static void expect(const struct program *p, bool each, bool json, const char *const *words, int n)
{
    struct buf out = {0};
    ck_assert_int_eq(show_layers(p, each, json, &out), OK);
    ck_assert_int_eq(buf_terminate(&out), OK);
    for (int i = 0; i < n; i++)
        ck_assert_msg(strstr((const char *)out.data, words[i]), "no '%s' in:\n%s", words[i],
                      (const char *)out.data);
    buf_fini(&out);
}

START_TEST(each_convolution_says_its_form_and_the_other_ones_bytes)
{
    static const char *const direct[] = {"direct      9.0 KiB, winograd would be 36 KiB  first\n",
                                         "direct      1.0 KiB  second\n",
                                         "0 of 2 convolutions, for 0 B; 1 more would take 27 KiB"};
    static const char *const fast[] = {"winograd     36 KiB, direct would be 9.0 KiB  first\n",
                                       "1 of 2 convolutions, for 27 KiB; 0 more"};
    struct program *p = compile(OPTIMIZE_MEMORY);
    expect(p, true, false, direct, 3);
    expect(p, false, false, direct + 2, 1);
    program_free(&p);
    p = compile(OPTIMIZE_SPEED);
    expect(p, true, false, fast, 2);
    program_free(&p);
}
END_TEST

START_TEST(low_precision_is_named_for_each_layer)
{
    static const char *const plain[] = {"bf16 direct      4.5 KiB  first\n",
                                        "bf16 direct        512 B  second\n",
                                        "precision  bf16 in 2 of 2 layers\n"};
    static const char *const json[] = {"{\"name\": \"first\", \"form\": \"direct\", "
                                       "\"weights_bytes\": 4608, \"precision\": \"bf16\"}"};
    struct program *p = compile_as(OPTIMIZE_SPEED, PRECISION_BF16);
    expect(p, true, false, plain, 3);
    expect(p, false, false, plain + 2, 1);
    expect(p, true, true, json, 1);
    program_free(&p);
}
END_TEST

START_TEST(json_lists_them)
{
    static const char *const words[] = {
        ", \"convolutions\": [{\"name\": \"first\", \"form\": \"winograd\", "
        "\"weights_bytes\": 36864, \"other_form_bytes\": 9216}, {\"name\": \"second\""};
    struct program *p = compile(OPTIMIZE_SPEED);
    expect(p, true, true, words, 1);
    program_free(&p);
}
END_TEST

Suite *suite_layers(void)
{
    return SUITE("layers", each_convolution_says_its_form_and_the_other_ones_bytes,
                 low_precision_is_named_for_each_layer, json_lists_them);
}
