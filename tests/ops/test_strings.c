/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators over strings: those that move elements, those of ai.onnx.ml, and the two ways between
 * texts and numbers. Every other operator refuses them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ops/op_list.h"
#include "ops/text_case.h"
#include "support/op_case.h"
#include "tensor/text.h"

#define T(s)                                                                                       \
    {                                                                                              \
        (s), sizeof(s) - 1                                                                         \
    }

static const struct text abc[] = {T("a"), T("bb"), T(""), T("d\xc3\xa9"), T("e"), T("a")};

static struct op_case *ml(struct op_case *c, const char *name, int opset)
{
    case_begin(c, name, opset);
    c->domain = "ai.onnx.ml";
    return c;
}

static void expect(struct op_case *c, enum dtype t, const int64_t *dims, const void *want)
{
    struct err err = {0};
    ck_ok(case_run(c, &err), &err);
    case_expect(c, 0, t, dims, want, 0, 0);
    case_fini(c);
}

static void refused(struct op_case *c, enum status want, const char *words)
{
    struct err err = {0};
    ck_assert_int_eq(case_run(c, &err), want);
    ck_assert_msg(strstr(err.msg, words), "no '%s' in '%s'", words, err.msg);
    case_fini(c);
}

/* ---- which operators take them ---- */

START_TEST(no_operator_sees_strings_unless_it_says_so)
{
    size_t n;
    const struct op *const *all = op_table(&n);
    struct tensor strings = {.dtype = DT_STRING, .rank = 2, .dims = {2, 3}};
    strings.data = (void *)(uintptr_t)abc;
    for (size_t i = 0; i < n; i++) {
        const struct tensor *in[OP_INPUTS_MAX];
        struct tensor out[2], *outs[OP_OUTPUTS_MAX] = {&out[0]};
        _Alignas(8) uint8_t params[OP_PARAMS_MAX] = {0};
        struct err err = {0};
        struct op_infer infer = {.params = params, .n_in = 1, .n_out = 1, .in = in, .out = outs};
        in[0] = &strings;
        if (all[i]->flags & OP_STRINGS)
            continue;
        ck_assert_msg(op_infer_outputs(all[i], &infer, &err) == E_UNSUPPORTED &&
                          strstr(err.msg, "input 0 is string[2,3]"),
                      "%s: %s", all[i]->name, err.msg);
    }
}
END_TEST

/* ---- moving ---- */

START_TEST(operators_that_move_elements_move_strings)
{
    static const struct text turned[] = {T("a"), T("d\xc3\xa9"), T("bb"), T("e"), T(""), T("a")};
    static const struct text joined[] = {T("a"),  T("bb"),        T(""),          T("a"),
                                         T("bb"), T(""),          T("d\xc3\xa9"), T("e"),
                                         T("a"),  T("d\xc3\xa9"), T("e"),         T("a")};
    static const struct text picked[] = {T(""), T("a"), T("a"), T("d\xc3\xa9")};
    static const struct text padded[] = {T(""), T("a"), T("bb"), T("")};
    static const struct text chosen[] = {T("a"), T("x"), T("")};
    static const struct text x[] = {T("x")};
    static const int64_t columns[] = {2, 0}, pads[] = {1, 1};
    static const uint8_t flags[] = {1, 0, 1};
    struct op_case c;
    case_begin(&c, "Transpose", 0);
    case_in(&c, DT_STRING, CASE_DIMS(2, 3), abc);
    expect(&c, DT_STRING, CASE_DIMS(3, 2), turned);
    case_begin(&c, "Concat", 0);
    case_in(&c, DT_STRING, CASE_DIMS(2, 3), abc);
    case_in(&c, DT_STRING, CASE_DIMS(2, 3), abc);
    case_int(&c, ATTR_axis, 1);
    expect(&c, DT_STRING, CASE_DIMS(2, 6), joined);
    case_begin(&c, "Gather", 0);
    case_in(&c, DT_STRING, CASE_DIMS(2, 3), abc);
    case_in(&c, DT_I64, CASE_DIMS(2), columns);
    case_int(&c, ATTR_axis, 1);
    expect(&c, DT_STRING, CASE_DIMS(2, 2), picked);
    case_begin(&c, "Pad", 0);
    case_in(&c, DT_STRING, CASE_DIMS(2), abc);
    case_in(&c, DT_I64, CASE_DIMS(2), pads);
    expect(&c, DT_STRING, CASE_DIMS(4), padded);
    case_begin(&c, "Where", 0);
    case_in(&c, DT_BOOL, CASE_DIMS(3), flags);
    case_in(&c, DT_STRING, CASE_DIMS(3), abc);
    case_in(&c, DT_STRING, CASE_DIMS(1), x);
    expect(&c, DT_STRING, CASE_DIMS(3), chosen);
    ml(&c, "ArrayFeatureExtractor", 0);
    case_in(&c, DT_STRING, CASE_DIMS(2, 3), abc);
    case_in(&c, DT_I64, CASE_DIMS(2), columns);
    expect(&c, DT_STRING, CASE_DIMS(2, 2), picked);
}
END_TEST

START_TEST(equal_compares_texts)
{
    static const struct text a[] = {T("a")};
    static const uint8_t want[] = {1, 0, 0, 0, 0, 1};
    struct op_case c;
    case_begin(&c, "Equal", 0);
    case_in(&c, DT_STRING, CASE_DIMS(6), abc);
    case_in(&c, DT_STRING, CASE_DIMS(1), a);
    expect(&c, DT_BOOL, CASE_DIMS(6), want);
}
END_TEST

START_TEST(scatter_does_not_reduce_strings)
{
    static const int64_t at[] = {1};
    struct op_case c;
    case_begin(&c, "ScatterElements", 18);
    case_in(&c, DT_STRING, CASE_DIMS(6), abc);
    case_in(&c, DT_I64, CASE_DIMS(1), at);
    case_in(&c, DT_STRING, CASE_DIMS(1), abc);
    case_str(&c, ATTR_reduction, "add");
    refused(&c, E_UNSUPPORTED, "input 0 is string[6]");
}
END_TEST

/* ---- numbers ---- */

START_TEST(texts_become_numbers)
{
    static const struct text texts[] = {T("1"),    T("-2.5"), T("+1e3"), T(".5"),
                                        T("007."), T("nan"),  T("-Inf"), T("INFINITY")};
    static const float floats[] = {1, -2.5f, 1000, .5f, 7, NAN, -INFINITY, INFINITY};
    static const int64_t ints[] = {1, -2, 1000, 0, 7};
    static const uint8_t bools[] = {1, 1, 1, 1, 1};
    struct op_case c;
    case_begin(&c, "Cast", 0);
    case_in(&c, DT_STRING, CASE_DIMS(8), texts);
    case_int(&c, ATTR_to, DT_F32);
    expect(&c, DT_F32, CASE_DIMS(8), floats);
    case_begin(&c, "Cast", 0);
    case_in(&c, DT_STRING, CASE_DIMS(5), texts);
    case_int(&c, ATTR_to, DT_I64);
    expect(&c, DT_I64, CASE_DIMS(5), ints);
    case_begin(&c, "Cast", 0);
    case_in(&c, DT_STRING, CASE_DIMS(5), texts);
    case_int(&c, ATTR_to, DT_BOOL);
    expect(&c, DT_BOOL, CASE_DIMS(5), bools);
}
END_TEST

START_TEST(texts_that_are_no_numbers_are_refused)
{
    static const struct {
        struct text text;
        enum dtype to;
    } cases[] = {{T(""), DT_F32},      {T("one"), DT_F32},  {T("1 "), DT_F32}, {T("1,5"), DT_F32},
                 {T("0x10"), DT_I32},  {T("+-1"), DT_I32},  {T("."), DT_F32},  {T("1e"), DT_F64},
                 {T("1e400"), DT_F64}, {T("300"), DT_U8},   {T("-1"), DT_U8},  {T("nan"), DT_I32},
                 {T("1e30"), DT_I64},  {T("70000"), DT_F16}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct op_case c;
        case_begin(&c, "Cast", 0);
        case_in(&c, DT_STRING, CASE_DIMS(1), &cases[i].text);
        case_int(&c, ATTR_to, cases[i].to);
        refused(&c, E_BAD_INPUT, "Cast: element 0 is '");
    }
}
END_TEST

START_TEST(numbers_become_the_shortest_text)
{
    static const float floats[] = {0.1f, -3, NAN, -INFINITY, 1e20f, 0.03918779f};
    static const struct text from_floats[] = {T("0.1"),  T("-3.0"),  T("NaN"),
                                              T("-INF"), T("1e+20"), T("0.03918779")};
    static const int64_t ints[] = {0, INT64_MIN, INT64_MAX};
    static const struct text from_ints[] = {T("0"), T("-9223372036854775808"),
                                            T("9223372036854775807")};
    struct op_case c;
    case_begin(&c, "Cast", 0);
    case_in(&c, DT_F32, CASE_DIMS(6), floats);
    case_int(&c, ATTR_to, DT_STRING);
    expect(&c, DT_STRING, CASE_DIMS(6), from_floats);
    case_begin(&c, "CastLike", 0);
    case_in(&c, DT_I64, CASE_DIMS(3), ints);
    case_in(&c, DT_STRING, CASE_DIMS(1), abc);
    expect(&c, DT_STRING, CASE_DIMS(3), from_ints);
}
END_TEST

/* ---- ai.onnx.ml ---- */

enum { LE_KEYS_STRINGS = 8, LE_VALUES_STRINGS, LE_CLASSES };

static void encoder(struct op_case *c, enum dtype t, const int64_t *dims, const void *x, int opset)
{
    ml(c, "LabelEncoder", opset);
    case_in(c, t, dims, x);
    while (c->n_in < LE_CLASSES + 1)
        case_none(c);
}

static void set(struct op_case *c, int i, enum dtype t, int64_t n, const void *data)
{
    c->in[i] = (struct tensor){.dtype = t, .rank = 1, .dims = {n}};
    c->in[i].data = (void *)(uintptr_t)data;
    c->left_out[i] = false;
}

START_TEST(label_encoder_takes_and_gives_strings)
{
    static const struct text keys[] = {T("bb"), T("a"), T("a"), T("")};
    static const int64_t values[] = {10, 20, 30, 40}, got[] = {20, 10, 40, -7, -7, 20};
    static const int64_t x[] = {20, 5, 10};
    static const struct text back[] = {T("a"), T("none"), T("bb")};
    struct op_case c;
    encoder(&c, DT_STRING, CASE_DIMS(6), abc, 0);
    set(&c, LE_KEYS_STRINGS, DT_STRING, 4, keys);
    set(&c, 4, DT_I64, 4, values);
    case_int(&c, ATTR_default_int64, -7);
    expect(&c, DT_I64, CASE_DIMS(6), got);
    encoder(&c, DT_I64, CASE_DIMS(3), x, 0);
    set(&c, LE_VALUES_STRINGS, DT_STRING, 4, keys);
    set(&c, 1, DT_I64, 4, values);
    case_str(&c, ATTR_default_string, "none");
    expect(&c, DT_STRING, CASE_DIMS(3), back);
    encoder(&c, DT_STRING, CASE_DIMS(6), abc, 0);
    set(&c, 1, DT_I64, 4, values);
    set(&c, 4, DT_I64, 4, values);
    refused(&c, E_BAD_INPUT, "input 0 is string[6], expected int64");
}
END_TEST

START_TEST(label_encoder_of_the_first_version_counts_places)
{
    static const struct text classes[] = {T("a"), T("bb")};
    static const int64_t want[] = {0, 1, -1, -1, -1, 0}, x[] = {1, 0, 2, -5};
    static const struct text back[] = {T("bb"), T("a"), T("_Unused"), T("_Unused")};
    struct op_case c;
    encoder(&c, DT_STRING, CASE_DIMS(6), abc, 1);
    set(&c, LE_CLASSES, DT_STRING, 2, classes);
    expect(&c, DT_I64, CASE_DIMS(6), want);
    encoder(&c, DT_I64, CASE_DIMS(4), x, 1);
    set(&c, LE_CLASSES, DT_STRING, 2, classes);
    expect(&c, DT_STRING, CASE_DIMS(4), back);
    encoder(&c, DT_I64, CASE_DIMS(4), x, 1);
    refused(&c, E_BAD_INPUT, "classes_strings");
}
END_TEST

START_TEST(many_strings_are_found_as_few_are)
{
    enum { N = 300 };
    static char letters[N][8];
    static struct text keys[N], x[N];
    static int64_t values[N], want[N];
    struct op_case c;
    for (int i = 0; i < N; i++) {
        keys[i] = (struct text){letters[i], (uint64_t)sprintf(letters[i], "k%d", i * 7 % N)};
        values[i] = i;
        x[N - 1 - i] = keys[i];
        want[N - 1 - i] = i;
    }
    encoder(&c, DT_STRING, CASE_DIMS(N), x, 0);
    set(&c, LE_KEYS_STRINGS, DT_STRING, N, keys);
    set(&c, 4, DT_I64, N, values);
    expect(&c, DT_I64, CASE_DIMS(N), want);
}
END_TEST

START_TEST(one_hot_encoder_takes_strings)
{
    static const struct text cats[] = {T("bb"), T("a"), T("d\xc3\xa9")};
    static const float want[] = {0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1};
    struct op_case c;
    ml(&c, "OneHotEncoder", 0);
    case_in(&c, DT_STRING, CASE_DIMS(2, 2), abc);
    case_none(&c);
    case_in(&c, DT_STRING, CASE_DIMS(3), cats);
    expect(&c, DT_F32, CASE_DIMS(2, 2, 3), want);
    ml(&c, "OneHotEncoder", 0);
    case_in(&c, DT_STRING, CASE_DIMS(5), abc);
    case_none(&c);
    case_in(&c, DT_STRING, CASE_DIMS(3), cats);
    case_int(&c, ATTR_zeros, 0);
    refused(&c, E_BAD_INPUT, "element 2 is '', which is no category");
    ml(&c, "OneHotEncoder", 0);
    case_in(&c, DT_F32, CASE_DIMS(1), (float[]){1});
    case_none(&c);
    case_in(&c, DT_STRING, CASE_DIMS(3), cats);
    refused(&c, E_BAD_INPUT, "expected strings");
}
END_TEST

START_TEST(category_mapper_goes_both_ways)
{
    static const struct text cats[] = {T("bb"), T("a")};
    static const int64_t ints[] = {5, 6}, want[] = {6, 5, -1, -1, -1, 6}, x[] = {6, 7};
    static const struct text back[] = {T("a"), T("_Unused")};
    struct op_case c;
    ml(&c, "CategoryMapper", 0);
    case_in(&c, DT_STRING, CASE_DIMS(6), abc);
    case_in(&c, DT_I64, CASE_DIMS(2), ints);
    case_in(&c, DT_STRING, CASE_DIMS(2), cats);
    expect(&c, DT_I64, CASE_DIMS(6), want);
    ml(&c, "CategoryMapper", 0);
    case_in(&c, DT_I64, CASE_DIMS(2), x);
    case_in(&c, DT_I64, CASE_DIMS(2), ints);
    case_in(&c, DT_STRING, CASE_DIMS(2), cats);
    expect(&c, DT_STRING, CASE_DIMS(2), back);
    ml(&c, "CategoryMapper", 0);
    case_in(&c, DT_I64, CASE_DIMS(2), x);
    case_in(&c, DT_I64, CASE_DIMS(1), ints);
    case_in(&c, DT_STRING, CASE_DIMS(2), cats);
    refused(&c, E_BAD_INPUT, "as many as cats_int64s");
}
END_TEST

START_TEST(classifiers_give_string_labels)
{
    static const float x[] = {1, 0, 0, 1}, coefficients[] = {1, 0, 0, 1, .5f, .5f};
    static const struct text classes[] = {T("first"), T("second"), T("third")};
    static const struct text want[] = {T("first"), T("second")};
    struct op_case c;
    struct err err;
    ml(&c, "LinearClassifier", 0);
    case_in(&c, DT_F32, CASE_DIMS(2, 2), x);
    case_in(&c, DT_F32, CASE_DIMS(6), coefficients);
    case_none(&c);
    case_none(&c);
    case_in(&c, DT_STRING, CASE_DIMS(3), classes);
    c.n_out = 2;
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_STRING, CASE_DIMS(2), want, 0, 0);
    case_expect_shape(&c, 1, DT_F32, CASE_DIMS(2, 3));
    case_fini(&c);
}
END_TEST

/* ---- normalising ---- */

static void normalize(struct op_case *c, int64_t n, const struct text *x, const char *to)
{
    case_begin(c, "StringNormalizer", 0);
    case_in(c, DT_STRING, (const int64_t[]){n, -1}, x);
    if (to)
        case_str(c, ATTR_case_change_action, to);
}

START_TEST(string_normalizer_drops_stop_words_and_changes_case)
{
    static const struct text x[] = {T("The"), T("quick"), T("\xc3\x89T\xc3\xa9"), T("the"), T("")};
    static const struct text stop[] = {T("quick"), T("the")};
    static const struct text any[] = {T("\xc3\x89T\xc3\x89"), T("")};
    static const struct text exact[] = {T("the"), T("\xc3\xa9t\xc3\xa9"), T("")};
    static const struct text nothing[] = {T("")};
    struct op_case c;
    normalize(&c, 5, x, "UPPER");
    case_in(&c, DT_STRING, CASE_DIMS(2), stop);
    expect(&c, DT_STRING, CASE_DIMS(2), any);
    normalize(&c, 5, x, "LOWER");
    case_in(&c, DT_STRING, CASE_DIMS(2), stop);
    case_int(&c, ATTR_is_case_sensitive, 1);
    expect(&c, DT_STRING, CASE_DIMS(3), exact);
    normalize(&c, 2, x, NULL);
    case_in(&c, DT_STRING, CASE_DIMS(2), stop);
    expect(&c, DT_STRING, CASE_DIMS(1), nothing);
    normalize(&c, 5, x, NULL);
    expect(&c, DT_STRING, CASE_DIMS(5), x);
    case_begin(&c, "StringNormalizer", 0);
    case_in(&c, DT_STRING, CASE_DIMS(2, 2), x);
    refused(&c, E_BAD_INPUT, "string[1,C]");
}
END_TEST

START_TEST(string_normalizer_says_that_it_needs_the_texts)
{
    struct op_case c;
    normalize(&c, 5, abc, "LOWER");
    c.blind = true;
    refused(&c, E_UNSUPPORTED, "the value of input 0");
    ck_assert(c.needs_data);
}
END_TEST

START_TEST(stop_words_out_of_order_are_refused)
{
    struct text words[] = {T("b"), T("A"), T("c")};
    struct tensor t = {.dtype = DT_STRING, .rank = 1, .dims = {3}, .data = words};
    const struct tensor *in[] = {NULL, &t};
    _Alignas(8) uint8_t params[OP_PARAMS_MAX] = {0};
    struct err err;
    ck_assert_int_eq(op_string_normalizer.check(params, 2, in, &err), E_CORRUPT);
    words[0] = (struct text)T("a");
    ck_ok(op_string_normalizer.check(params, 2, in, &err), &err);
    t.data = NULL;
    ck_assert_int_eq(op_string_normalizer.check(params, 2, in, &err), E_CORRUPT);
}
END_TEST

START_TEST(case_keeps_the_length_and_turns_back)
{
    static const struct {
        struct text upper, lower;
    } pairs[] = {{T("AZ\xc3\x80\xc3\x9e"), T("az\xc3\xa0\xc3\xbe")},
                 {T("\xc4\x80\xc5\xb8\xc5\xbd\xc8\x98"), T("\xc4\x81\xc3\xbf\xc5\xbe\xc8\x99")},
                 {T("\xce\x86\xce\x91\xce\xa9\xce\x8f"), T("\xce\xac\xce\xb1\xcf\x89\xcf\x8e")},
                 {T("\xd0\x81\xd0\x96\xd2\x90\xd3\x80"), T("\xd1\x91\xd0\xb6\xd2\x91\xd3\x8f")},
                 {T("\xe1\xb8\x80\xe1\xba\xbe"), T("\xe1\xb8\x81\xe1\xba\xbf")}};
    static const struct text stay[] = {T("\xc3\x9f"), T("\xc4\xb1"),     T("\xc4\xb0"),
                                       T("\xc3\x97"), T("\xe4\xb8\xad"), T("\xf0\x9f\x98\x80"),
                                       T("1[@`{")};
    char out[16];
    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        struct text got = {out, pairs[i].upper.len};
        text_case_write(pairs[i].upper, TEXT_LOWER, out);
        ck_assert_msg(text_same(got, pairs[i].lower), "pair %d, lower", (int)i);
        text_case_write(pairs[i].lower, TEXT_UPPER, out);
        ck_assert_msg(text_same(got, pairs[i].upper), "pair %d, upper", (int)i);
        ck_assert_int_eq(text_case_order(pairs[i].upper, pairs[i].lower), 0);
    }
    for (size_t i = 0; i < ARRAY_COUNT(stay); i++)
        for (int to = TEXT_LOWER; to <= TEXT_UPPER; to++) {
            text_case_write(stay[i], (enum text_case)to, out);
            ck_assert(text_same((struct text){out, stay[i].len}, stay[i]));
        }
    text_case_write((struct text)T("\xcf\x82\xc2\xb5"), TEXT_UPPER, out); /* final sigma, micro */
    ck_assert(memcmp(out, "\xce\xa3\xce\x9c", 4) == 0);
}
END_TEST

/* ---- n-grams ---- */

static void tf_idf(struct op_case *c, const char *mode, int longest, int skip)
{
    static const int64_t counts[] = {0, 2};
    static const int64_t indexes[] = {1, 0, 3};
    static const struct text pool[] = {T("a"), T("bb"), T("a"), T("e")};
    static const struct text x[] = {T("a"), T("bb"), T("e"), T("a"), T("e"), T("x")};
    case_begin(c, "TfIdfVectorizer", 0);
    case_in(c, DT_STRING, CASE_DIMS(2, 3), x);
    case_in(c, DT_I64, CASE_DIMS(2), counts);
    case_in(c, DT_I64, CASE_DIMS(3), indexes);
    case_none(c);
    case_in(c, DT_STRING, CASE_DIMS(4), pool);
    case_str(c, ATTR_mode, mode);
    case_int(c, ATTR_min_gram_length, 1);
    case_int(c, ATTR_max_gram_length, longest);
    case_int(c, ATTR_max_skip_count, skip);
}

START_TEST(tf_idf_counts_strings_and_weighs_them)
{
    static const float weights[] = {.5f, 2, 4};
    static const float words[] = {1, 1, 0, 0, 0, 1, 0, 0}, pairs[] = {1, 1, 0, 0, 0, 1, 0, 1};
    static const float skipped[] = {1, 1, 0, 1, 0, 1, 0, 1};
    static const float weighed[] = {2, .5f, 0, 4, 0, .5f, 0, 4};
    struct op_case c;
    tf_idf(&c, "TF", 1, 5);
    expect(&c, DT_F32, CASE_DIMS(2, 4), words);
    tf_idf(&c, "TF", 2, 0);
    expect(&c, DT_F32, CASE_DIMS(2, 4), pairs);
    tf_idf(&c, "IDF", 2, 1);
    expect(&c, DT_F32, CASE_DIMS(2, 4), skipped);
    tf_idf(&c, "TFIDF", 2, 1);
    case_in(&c, DT_F32, CASE_DIMS(3), weights);
    expect(&c, DT_F32, CASE_DIMS(2, 4), weighed);
}
END_TEST

START_TEST(tf_idf_refuses_what_would_take_long)
{
    struct op_case c;
    tf_idf(&c, "TF", 2, 1000);
    refused(&c, E_UNSUPPORTED, "max_skip_count is 1000");
    tf_idf(&c, "TF", 100, 0);
    refused(&c, E_UNSUPPORTED, "max_gram_length is 100");
    tf_idf(&c, "DF", 2, 0);
    refused(&c, E_UNSUPPORTED, "mode");
    tf_idf(&c, "TF", 0, 0);
    refused(&c, E_CORRUPT, "max_gram_length");
}
END_TEST

START_TEST(lists_of_n_grams_that_do_not_go_together_are_refused)
{
    static const struct {
        int64_t counts[2], indexes, weights;
        struct text pool[4];
        bool fine;
    } cases[] = {
        {{0, 2}, 3, 3, {T("a"), T("b"), T("a"), T("b")}, true},
        {{0, 2}, 3, 3, {T("b"), T("a"), T("a"), T("b")}, false}, /* not in order */
        {{0, 2}, 3, 3, {T("a"), T("a"), T("a"), T("b")}, false}, /* twice */
        {{0, 3}, 3, 3, {T("a"), T("b"), T("c"), T("d")}, false}, /* half a pair */
        {{1, 0}, 3, 3, {T("a"), T("b"), T("a"), T("b")}, false}, /* falling */
        {{-1, 2}, 3, 3, {T("a"), T("b"), T("a"), T("b")}, false},
        {{0, 6}, 3, 3, {T("a"), T("b"), T("a"), T("b")}, false}, /* beyond the pool */
        {{0, 2}, 2, 3, {T("a"), T("b"), T("a"), T("b")}, false}, /* too few columns */
        {{0, 2}, 3, 2, {T("a"), T("b"), T("a"), T("b")}, false}, /* too few weights */
    };
    static const int64_t columns[3];
    static const float weights[3];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct tensor counts = {.dtype = DT_I64, .rank = 1, .dims = {2}};
        struct tensor indexes = {.dtype = DT_I64, .rank = 1, .dims = {cases[i].indexes}};
        struct tensor pool = {.dtype = DT_STRING, .rank = 1, .dims = {4}};
        struct tensor weigh = {.dtype = DT_F32, .rank = 1, .dims = {cases[i].weights}};
        const struct tensor *in[] = {NULL, &counts, &indexes, NULL, &pool, &weigh};
        _Alignas(8) uint8_t params[OP_PARAMS_MAX] = {0};
        struct err err;
        counts.data = (void *)(uintptr_t)cases[i].counts;
        indexes.data = (void *)(uintptr_t)columns;
        pool.data = (void *)(uintptr_t)cases[i].pool;
        weigh.data = (void *)(uintptr_t)weights;
        enum status s = op_tf_idf_vectorizer.check(params, 6, in, &err);
        ck_assert_msg(s == (cases[i].fine ? OK : E_CORRUPT), "case %d: %s", (int)i, status_name(s));
    }
}
END_TEST

Suite *suite_strings(void)
{
    return SUITE(
        "strings", no_operator_sees_strings_unless_it_says_so,
        operators_that_move_elements_move_strings, equal_compares_texts,
        scatter_does_not_reduce_strings, texts_become_numbers,
        texts_that_are_no_numbers_are_refused, numbers_become_the_shortest_text,
        label_encoder_takes_and_gives_strings, label_encoder_of_the_first_version_counts_places,
        many_strings_are_found_as_few_are, one_hot_encoder_takes_strings,
        category_mapper_goes_both_ways, classifiers_give_string_labels,
        string_normalizer_drops_stop_words_and_changes_case,
        string_normalizer_says_that_it_needs_the_texts, stop_words_out_of_order_are_refused,
        case_keeps_the_length_and_turns_back, tf_idf_counts_strings_and_weighs_them,
        tf_idf_refuses_what_would_take_long, lists_of_n_grams_that_do_not_go_together_are_refused);
}
