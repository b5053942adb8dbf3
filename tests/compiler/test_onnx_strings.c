/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Strings in ONNX files: tensors, constants and lists of attributes, from the file to what a
 * program answers; and what is no text is refused by name. */
#include <string.h>

#include "base/alloc.h"
#include "compiler/compiler.h"
#include "runtime/session.h"
#include "support/onnx_build.h"
#include "support/support.h"
#include "tensor/text.h"

enum { P_STRING_TENSOR = 6, P_STRING = 3, P_STRINGS = 8 };

/* ---- building ---- */

/* A TensorProto of strings, of which `said` are declared. */
static void string_tensor(struct buf *t, const char *name, int64_t said, const struct text *texts,
                          size_t n)
{
    pb_int(t, 1, said);
    pb_int(t, 2, DT_STRING);
    for (size_t i = 0; i < n; i++)
        pb_bytes(t, P_STRING_TENSOR, texts[i].at, texts[i].len);
    pb_str(t, 8, name);
}

static void init_strings(struct onnx_build *m, const char *name, const struct text *texts, size_t n)
{
    struct buf t = {0};
    string_tensor(&t, name, (int64_t)n, texts, n);
    pb_msg(&m->graph, 5, &t);
}

static void add_strings(struct buf *node, const char *name, const struct text *texts, size_t n)
{
    struct buf a = {0};
    pb_str(&a, 1, name);
    for (size_t i = 0; i < n; i++)
        pb_bytes(&a, 9, texts[i].at, texts[i].len);
    pb_int(&a, 20, P_STRINGS);
    pb_msg(node, 5, &a);
}

static void add_word(struct buf *node, const char *name, const char *word)
{
    struct buf a = {0};
    pb_str(&a, 1, name);
    pb_str(&a, 4, word);
    pb_int(&a, 20, P_STRING);
    pb_msg(node, 5, &a);
}

static void add_ints(struct buf *node, const char *name, bool list, const int64_t *v, size_t n)
{
    struct buf a = {0};
    pb_str(&a, 1, name);
    for (size_t i = 0; i < n; i++)
        pb_int(&a, list ? 8 : 3, v[i]);
    pb_int(&a, 20, list ? 7 : 2);
    pb_msg(node, 5, &a);
}

static void begin_node(struct buf *node, const char *op, const char *in, const char *out,
                       const char *domain)
{
    pb_str(node, 1, in);
    pb_str(node, 2, out);
    pb_str(node, 3, "n");
    pb_str(node, 4, op);
    if (*domain)
        pb_str(node, 7, domain);
}

/* A vector of any length. */
static void declared_output(struct onnx_build *m, const char *name, enum dtype t)
{
    struct buf dim = {0}, shape = {0}, tensor = {0}, type = {0}, info = {0};
    pb_msg(&shape, 1, &dim);
    pb_int(&tensor, 1, t);
    pb_msg(&tensor, 2, &shape);
    pb_msg(&type, 1, &tensor);
    pb_str(&info, 1, name);
    pb_msg(&info, 2, &type);
    pb_msg(&m->graph, 12, &info);
}

static void opsets(struct onnx_build *m)
{
    onnx_opset(m, "", 13);
    onnx_opset(m, "ai.onnx.ml", 2);
}

#define T(s)                                                                                       \
    {                                                                                              \
        (s), sizeof(s) - 1                                                                         \
    }
static const struct text abc[] = {T("a"), T(""), T("\xc3\xa9t\xc3\xa9")};

/* ---- running ---- */

struct trial {
    struct buf file, artifact;
    struct program *program;
    struct arena arena;
    struct session *session;
    struct tensor out[4];
};

static void open_trial(struct trial *t, struct onnx_build *m)
{
    struct err err = {0};
    *t = (struct trial){0};
    onnx_finish(m, &t->file);
    ck_ok(compile_bytes(t->file.data, t->file.len, NULL, &t->artifact, &err), &err);
    ck_ok(program_open_bytes(t->artifact.data, t->artifact.len, &t->program, &err), &err);
    arena_init(&t->arena, 1 << 24, NULL);
    ck_assert_int_eq(session_new(&t->arena, &t->session), OK);
}

static void run(struct trial *t, const struct text *x, int64_t n)
{
    struct tensor in = {.dtype = DT_STRING, .rank = 1, .dims = {n}};
    struct err err = {0};
    in.data = (void *)(uintptr_t)x;
    ck_ok(session_run(t->session, t->program, &in, t->out, NULL, &err), &err);
}

static void close_trial(struct trial *t)
{
    session_free(&t->session);
    arena_fini(&t->arena);
    program_free(&t->program);
    buf_fini(&t->file);
    buf_fini(&t->artifact);
}

static void expect(const struct tensor *t, const struct text *want, int64_t n)
{
    ck_assert_int_eq(t->dtype, DT_STRING);
    ck_assert_int_eq(tensor_count(t), n);
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(text_same(text_get(t, i), want[i]), "element %d is '%.*s'", (int)i,
                      (int)text_get(t, i).len, text_get(t, i).at);
}

/* x, then what k holds: y = Concat(x, k). */
static void concat(struct onnx_build *m)
{
    onnx_input(m, "x", DT_STRING, DIMS(-1));
    onnx_op(m, "Concat", "both", "x,k", "y", ATTRS(A_INT("axis", 0)));
    onnx_output(m, "y");
}

START_TEST(string_tensors_and_constants_are_read)
{
    static const struct text x[] = {T("first")};
    static const struct text with_abc[] = {T("first"), T("a"), T(""), T("\xc3\xa9t\xc3\xa9")};
    static const struct text with_word[] = {T("first"), T("word")};
    struct onnx_build m = {0};
    struct trial t;
    opsets(&m);
    init_strings(&m, "k", abc, 3);
    concat(&m);
    open_trial(&t, &m);
    run(&t, x, 1);
    expect(&t.out[0], with_abc, 4);
    close_trial(&t);
    for (int list = 0; list < 2; list++) {
        struct buf node = {0};
        opsets(&m);
        pb_str(&node, 2, list ? "k" : "one");
        pb_str(&node, 4, "Constant");
        if (list)
            add_strings(&node, "value_strings", abc, 3);
        else
            add_word(&node, "value_string", "word");
        pb_msg(&m.graph, 1, &node);
        if (!list) {
            onnx_init_i64(&m, "to", DIMS(1), (int64_t[]){1});
            onnx_op(&m, "Reshape", "r", "one,to", "k", NO_ATTRS);
        }
        concat(&m);
        open_trial(&t, &m);
        run(&t, x, 1);
        expect(&t.out[0], list ? with_abc : with_word, list ? 4 : 2);
        close_trial(&t);
    }
}
END_TEST

/* A LabelEncoder that turns keys into letters. */
static void encoder(struct onnx_build *m)
{
    static const struct text keys[] = {T("red"), T("green")}, letters[] = {T("r"), T("g")};
    struct buf node = {0};
    opsets(m);
    onnx_input(m, "x", DT_STRING, DIMS(-1));
    begin_node(&node, "LabelEncoder", "x", "y", "ai.onnx.ml");
    add_strings(&node, "keys_strings", keys, 2);
    add_strings(&node, "values_strings", letters, 2);
    add_word(&node, "default_string", "?");
    pb_msg(&m->graph, 1, &node);
    onnx_output(m, "y");
}

START_TEST(lists_of_strings_become_constants)
{
    static const struct text x[] = {T("green"), T("blue"), T("red")};
    static const struct text want[] = {T("g"), T("?"), T("r")};
    struct onnx_build m = {0};
    struct trial t;
    encoder(&m);
    open_trial(&t, &m);
    run(&t, x, 3);
    expect(&t.out[0], want, 3);
    close_trial(&t);
}
END_TEST

/* Lower case without stop words, then the n-grams of what is left. */
static void documents(struct onnx_build *m, bool twice)
{
    static const struct text stop[] = {T("The"), T("a")};
    const struct text pool[] = {T("sat"),
                                T("cat"),
                                T("cat"),
                                T("sat"),
                                T("sat"),
                                T("mat"),
                                twice ? (struct text)T("cat") : (struct text)T("mat"),
                                twice ? (struct text)T("sat") : (struct text)T("cat")};
    static const int64_t counts[] = {0, 2}, columns[] = {0, 1, 2, 3, 4}, one = 1, two = 2, none = 0;
    struct buf node = {0};
    opsets(m);
    onnx_input(m, "x", DT_STRING, DIMS(-1));
    begin_node(&node, "StringNormalizer", "x", "clean", "");
    add_word(&node, "case_change_action", "LOWER");
    add_strings(&node, "stopwords", stop, 2);
    pb_msg(&m->graph, 1, &node);
    begin_node(&node, "TfIdfVectorizer", "clean", "y", "");
    add_word(&node, "mode", "TF");
    add_ints(&node, "min_gram_length", false, &one, 1);
    add_ints(&node, "max_gram_length", false, &two, 1);
    add_ints(&node, "max_skip_count", false, &none, 1);
    add_ints(&node, "ngram_counts", true, counts, 2);
    add_ints(&node, "ngram_indexes", true, columns, 5);
    add_strings(&node, "pool_strings", pool, 8);
    pb_msg(&m->graph, 1, &node);
    declared_output(m, "y", DT_F32);
    declared_output(m, "clean", DT_STRING);
}

START_TEST(n_grams_in_any_order_are_found_in_texts_of_any_length)
{
    static const struct text x[] = {T("THE"), T("Cat"), T("a"), T("SAT"), T("mat"), T("Cat")};
    static const struct text clean[] = {T("cat"), T("sat"), T("mat"), T("cat")};
    static const float want[][5] = {{0, 0, 0, 0, 0}, {0, 1, 0, 0, 0}, {0, 1, 0, 0, 0},
                                    {1, 1, 1, 0, 0}, {1, 1, 1, 1, 0}, {1, 2, 1, 1, 1}};
    static const int64_t left[] = {1, 1, 1, 2, 3, 4};
    struct onnx_build m = {0};
    struct trial t;
    documents(&m, false);
    open_trial(&t, &m);
    for (int n = 1; n <= 6; n++) {
        run(&t, x, n);
        ck_assert_int_eq(tensor_count(&t.out[0]), 5);
        for (int k = 0; k < 5; k++)
            ck_assert_msg(((float *)t.out[0].data)[k] == want[n - 1][k], "%d tokens, column %d", n,
                          k);
        if (n > 1)
            expect(&t.out[1], clean, left[n - 1]);
        else
            expect(&t.out[1], (struct text[]){{NULL, 0}}, 1);
    }
    close_trial(&t);
}
END_TEST

/* ---- refusals ---- */

static void refused(struct onnx_build *m, enum status want, const char *words)
{
    struct buf file = {0}, artifact = {0};
    struct err err = {0};
    onnx_finish(m, &file);
    ck_assert_int_eq(compile_bytes(file.data, file.len, NULL, &artifact, &err), want);
    ck_assert_msg(strstr(err.msg, words), "no '%s' in '%s'", words, err.msg);
    buf_fini(&file);
    buf_fini(&artifact);
}

START_TEST(what_is_no_text_is_refused_by_name)
{
    static const struct text bad[] = {T("fine"), T("\xff")}, nul[] = {T("a\0b")};
    struct onnx_build m = {0};
    struct buf t = {0}, node = {0};
    opsets(&m);
    init_strings(&m, "k", bad, 2);
    concat(&m);
    refused(&m, E_CORRUPT, "initializer 'k': string 1 is not UTF-8");
    opsets(&m);
    init_strings(&m, "k", nul, 1);
    concat(&m);
    refused(&m, E_CORRUPT, "initializer 'k': string 0 is not UTF-8, or holds a NUL");
    opsets(&m);
    string_tensor(&t, "k", 5, abc, 3);
    pb_msg(&m.graph, 5, &t);
    concat(&m);
    refused(&m, E_CORRUPT, "declared string[5] but holds 3 elements");
    opsets(&m);
    string_tensor(&t, "k", 1, NULL, 0);
    pb_bytes(&t, 9, "0123456789abcdef", 16); /* addresses, perhaps */
    pb_msg(&m.graph, 5, &t);
    concat(&m);
    refused(&m, E_CORRUPT, "strings as raw data");
    opsets(&m);
    onnx_input(&m, "x", DT_STRING, DIMS(-1));
    begin_node(&node, "LabelEncoder", "x", "y", "ai.onnx.ml");
    add_strings(&node, "keys_strings", bad, 2);
    pb_msg(&m.graph, 1, &node);
    onnx_output(&m, "y");
    refused(&m, E_CORRUPT, "attribute keys_strings: string 1 is not UTF-8");
    opsets(&m);
    onnx_input(&m, "x", DT_F32, DIMS(-1));
    begin_node(&node, "Relu", "x", "y", "");
    add_strings(&node, "labels", abc, 3);
    pb_msg(&m.graph, 1, &node);
    onnx_output(&m, "y");
    refused(&m, E_UNSUPPORTED, "its attribute 'labels' holds strings");
    documents(&m, true);
    refused(&m, E_UNSUPPORTED, "one n-gram of 2 tokens twice");
}
END_TEST

START_TEST(compiles_are_the_same_and_miss_no_allocation)
{
    struct onnx_build m = {0};
    struct buf file = {0}, first = {0};
    struct err err = {0};
    enum status s = E_NO_MEMORY;
    documents(&m, false);
    onnx_finish(&m, &file);
    ck_ok(compile_bytes(file.data, file.len, NULL, &first, &err), &err);
    const int64_t live = alloc_live();
    for (uint64_t n = 1; s != OK; n++) {
        struct buf again = {0};
        alloc_fail_at(n);
        s = compile_bytes(file.data, file.len, NULL, &again, &err);
        ck_assert_msg(s == OK || s == E_NO_MEMORY, "call %d: %s", (int)n, err.msg);
        if (s == OK)
            ck_assert(again.len == first.len && memcmp(again.data, first.data, again.len) == 0);
        buf_fini(&again);
        ck_assert_int_eq(alloc_live(), live);
    }
    alloc_fail_at(0);
    buf_fini(&file);
    buf_fini(&first);
}
END_TEST

Suite *suite_onnx_strings(void)
{
    return SUITE("onnx_strings", string_tensors_and_constants_are_read,
                 lists_of_strings_become_constants,
                 n_grams_in_any_order_are_found_in_texts_of_any_length,
                 what_is_no_text_is_refused_by_name, compiles_are_the_same_and_miss_no_allocation);
}
