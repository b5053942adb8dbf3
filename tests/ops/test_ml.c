/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators of ai.onnx.ml, one at a time. Answers by hand from the specification; whole models
 * against scikit-learn are in tests/sklearn. */
#include <math.h>

#include "support/op_case.h"

static struct op_case *begin(struct op_case *c, const char *name)
{
    case_begin(c, name, 0);
    c->domain = "ai.onnx.ml";
    return c;
}

static void refused(struct op_case *c, enum status want)
{
    struct err err;
    ck_assert_int_eq(case_run(c, &err), want);
    case_fini(c);
}

static const float x23[] = {1, -2, 3, 4, 0, -6};
static const int64_t i23[] = {1, -2, 3, 4, 0, -6};

START_TEST(scaler_takes_one_number_or_one_per_column)
{
    static const float offset[] = {1, 0, -1}, one[] = {2};
    static const float want[] = {0, -4, 8, 6, 0, -10}, plain[] = {2, -4, 6, 8, 0, -12};
    struct op_case c;
    struct err err;
    begin(&c, "Scaler");
    case_in(&c, DT_I64, CASE_DIMS(2, 3), i23);
    case_in(&c, DT_F32, CASE_DIMS(3), offset);
    case_in(&c, DT_F32, CASE_DIMS(1), one);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(2, 3), want, 0, 0);
    case_fini(&c);
    begin(&c, "Scaler");
    case_in(&c, DT_F32, CASE_DIMS(2, 3), x23);
    case_none(&c);
    case_in(&c, DT_F32, CASE_DIMS(1), one);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(2, 3), plain, 0, 0);
    case_fini(&c);
    begin(&c, "Scaler");
    case_in(&c, DT_F32, CASE_DIMS(3, 2), x23);
    case_in(&c, DT_F32, CASE_DIMS(3), offset);
    refused(&c, E_BAD_INPUT);
}
END_TEST

START_TEST(imputer_replaces_one_number_or_nan_by_the_columns_own)
{
    static const float x[] = {NAN, 1, 2, NAN}, to[] = {7, 8}, want[] = {7, 1, 2, 8};
    static const int64_t ints[] = {0, 5, 6, 0}, ito[] = {9}, iwant[] = {9, 5, 6, 9};
    struct op_case c;
    struct err err;
    begin(&c, "Imputer");
    case_in(&c, DT_F32, CASE_DIMS(2, 2), x);
    case_in(&c, DT_F32, CASE_DIMS(2), to);
    case_float(&c, ATTR_replaced_value_float, NAN);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(2, 2), want, 0, 0);
    case_fini(&c);
    begin(&c, "Imputer");
    case_in(&c, DT_I64, CASE_DIMS(2, 2), ints);
    case_none(&c);
    case_in(&c, DT_I64, CASE_DIMS(1), ito);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_I64, CASE_DIMS(2, 2), iwant, 0, 0);
    case_fini(&c);
    begin(&c, "Imputer");
    case_in(&c, DT_I64, CASE_DIMS(2, 2), ints); /* with floats only */
    case_in(&c, DT_F32, CASE_DIMS(2), to);
    refused(&c, E_BAD_INPUT);
}
END_TEST

START_TEST(normalizer_divides_rows_and_leaves_zeros)
{
    static const float x[] = {3, -4, 0, 0}, l1[] = {3.f / 7, -4.f / 7, 0, 0},
                       l2[] = {0.6f, -0.8f, 0, 0}, top[] = {1, -4.f / 3, 0, 0};
    static const struct {
        const char *norm;
        const float *want;
    } all[] = {{"L1", l1}, {"L2", l2}, {"MAX", top}};
    struct op_case c;
    struct err err;
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        begin(&c, "Normalizer");
        case_in(&c, DT_F32, CASE_DIMS(2, 2), x);
        case_str(&c, ATTR_norm, all[i].norm);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(2, 2), all[i].want, 1e-6, 0);
        case_fini(&c);
    }
    begin(&c, "Normalizer");
    case_in(&c, DT_F32, CASE_DIMS(2, 2), x);
    case_str(&c, ATTR_norm, "L3");
    refused(&c, E_UNSUPPORTED);
}
END_TEST

START_TEST(binarizer_is_strictly_above)
{
    static const float want[] = {0, 0, 1, 1, 0, 0};
    struct op_case c;
    struct err err;
    begin(&c, "Binarizer");
    case_in(&c, DT_F32, CASE_DIMS(2, 3), x23);
    case_float(&c, ATTR_threshold, 1);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(2, 3), want, 0, 0);
    case_fini(&c);
}
END_TEST

START_TEST(features_are_extracted_by_checked_index)
{
    static const int64_t at[] = {2, 0}, beyond[] = {3}, before[] = {-1};
    static const float want[] = {3, 1, -6, 4};
    struct op_case c;
    struct err err;
    begin(&c, "ArrayFeatureExtractor");
    case_in(&c, DT_F32, CASE_DIMS(2, 3), x23);
    case_in(&c, DT_I64, CASE_DIMS(1, 2), at);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(2, 2), want, 0, 0);
    case_fini(&c);
    for (int low = 0; low < 2; low++) {
        begin(&c, "ArrayFeatureExtractor");
        case_in(&c, DT_F32, CASE_DIMS(2, 3), x23);
        case_in(&c, DT_I64, CASE_DIMS(1), low ? before : beyond);
        refused(&c, E_BAD_INPUT);
    }
}
END_TEST

START_TEST(features_stand_side_by_side)
{
    static const int64_t one[] = {8, 9};
    static const float want[] = {1, -2, 3, 8, 4, 0, -6, 9};
    struct op_case c;
    struct err err;
    begin(&c, "FeatureVectorizer");
    case_in(&c, DT_F32, CASE_DIMS(2, 3), x23);
    case_in(&c, DT_I64, CASE_DIMS(2, 1), one);
    CASE_INTS(&c, ATTR_inputdimensions, 3, 1);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(2, 4), want, 0, 0);
    case_fini(&c);
    begin(&c, "FeatureVectorizer");
    case_in(&c, DT_F32, CASE_DIMS(2, 3), x23);
    CASE_INTS(&c, ATTR_inputdimensions, 4);
    refused(&c, E_BAD_INPUT);
}
END_TEST

START_TEST(one_hot_knows_its_categories)
{
    static const int64_t categories[] = {4, 7}, x[] = {7, 4, 5};
    static const float want[] = {0, 1, 1, 0, 0, 0};
    struct op_case c;
    struct err err;
    for (int zeros = 0; zeros < 2; zeros++) {
        begin(&c, "OneHotEncoder");
        case_in(&c, DT_I64, CASE_DIMS(3), x);
        case_in(&c, DT_I64, CASE_DIMS(2), categories);
        case_int(&c, ATTR_zeros, zeros);
        if (zeros) {
            ck_ok(case_run(&c, &err), &err);
            case_expect(&c, 0, DT_F32, CASE_DIMS(3, 2), want, 0, 0);
            case_fini(&c);
        } else {
            refused(&c, E_BAD_INPUT);
        }
    }
}
END_TEST

enum { MANY = 40 };

START_TEST(labels_are_looked_up_the_first_key_winning)
{
    static const float keys[] = {5, NAN, -1, 5, 2}, values[] = {50, 60, 70, 80, 90};
    float x[MANY], want[MANY];
    for (int few = 0; few < 2; few++) {
        struct op_case c;
        struct err err;
        int n = few ? 5 : MANY; /* searched, and sorted first */
        for (int i = 0; i < MANY; i++) {
            x[i] = i % 5 == 4 ? 3 : keys[i % 5];
            want[i] = i % 5 == 3 ? 50 : i % 5 == 4 ? -7 : values[i % 5];
        }
        begin(&c, "LabelEncoder");
        case_in(&c, DT_F32, CASE_DIMS(n), x);
        case_none(&c);
        case_in(&c, DT_F32, CASE_DIMS(5), keys);
        case_none(&c);
        case_none(&c);
        case_in(&c, DT_F32, CASE_DIMS(5), values);
        case_float(&c, ATTR_default_float, -7);
        ck_ok(case_run(&c, &err), &err);
        ck_assert_int_eq(c.scratch_bytes > 0, !few);
        case_expect(&c, 0, DT_F32, CASE_DIMS(n), want, 0, 0);
        case_fini(&c);
    }
}
END_TEST

START_TEST(labels_change_their_dtype)
{
    static const int64_t keys[] = {1, 4}, values[] = {10, 40}, x[] = {4, 1, 2};
    static const int64_t want[] = {40, 10, -1};
    static const float as_floats[] = {0.5f};
    struct op_case c;
    struct err err;
    begin(&c, "LabelEncoder");
    case_in(&c, DT_I64, CASE_DIMS(3), x);
    case_in(&c, DT_I64, CASE_DIMS(2), keys);
    case_none(&c);
    case_none(&c);
    case_in(&c, DT_I64, CASE_DIMS(2), values);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_I64, CASE_DIMS(3), want, 0, 0);
    case_fini(&c);
    begin(&c, "LabelEncoder"); /* keys of another dtype than the input */
    case_in(&c, DT_F32, CASE_DIMS(1), as_floats);
    case_in(&c, DT_I64, CASE_DIMS(2), keys);
    case_none(&c);
    case_none(&c);
    case_in(&c, DT_I64, CASE_DIMS(2), values);
    refused(&c, E_BAD_INPUT);
    begin(&c, "LabelEncoder"); /* fewer values than keys */
    case_in(&c, DT_I64, CASE_DIMS(3), x);
    case_in(&c, DT_I64, CASE_DIMS(2), keys);
    case_none(&c);
    case_none(&c);
    case_in(&c, DT_I64, CASE_DIMS(1), values);
    refused(&c, E_BAD_INPUT);
}
END_TEST

START_TEST(a_linear_regressor_is_a_product_and_a_sum)
{
    static const float w[] = {1, 2, 3, 0, -1, 0}, b[] = {10, 20};
    static const float want[] = {16, 22, -4, 20};
    struct op_case c;
    struct err err;
    for (int as_ints = 0; as_ints < 2; as_ints++) {
        begin(&c, "LinearRegressor");
        case_in(&c, as_ints ? DT_I64 : DT_F32, CASE_DIMS(2, 3),
                as_ints ? (void *)i23 : (void *)x23);
        case_in(&c, DT_F32, CASE_DIMS(6), w);
        case_in(&c, DT_F32, CASE_DIMS(2), b);
        case_int(&c, ATTR_targets, 2);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(2, 2), want, 1e-6, 0);
        case_fini(&c);
    }
    begin(&c, "LinearRegressor");
    case_in(&c, DT_F32, CASE_DIMS(2, 3), x23);
    case_in(&c, DT_F32, CASE_DIMS(5), w);
    refused(&c, E_BAD_INPUT);
}
END_TEST

static void linear_classifier(struct op_case *c, int64_t targets, const char *post)
{
    static const float w[] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, b[] = {0, 0, 0};
    static const int64_t classes[] = {5, 6, 7};
    begin(c, "LinearClassifier");
    c->n_out = 2;
    case_in(c, DT_F32, CASE_DIMS(2, 3), x23);
    case_in(c, DT_F32, CASE_DIMS(targets * 3), w);
    case_in(c, DT_F32, CASE_DIMS(targets), b);
    case_in(c, DT_I64, CASE_DIMS(targets == 1 ? 2 : targets), classes);
    case_str(c, ATTR_post_transform, post);
}

START_TEST(a_linear_classifier_names_the_greatest_score)
{
    static const int64_t want[] = {7, 5}, both[] = {6, 6};
    static const float scores[] = {1, -2, 3, 4, 0, -6}, two[] = {0, 1, -3, 4};
    static const float logistic[] = {0.26894143f, 0.73105858f, 0.01798621f, 0.98201379f};
    struct op_case c;
    struct err err;
    linear_classifier(&c, 3, "NONE");
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_I64, CASE_DIMS(2), want, 0, 0);
    case_expect(&c, 1, DT_F32, CASE_DIMS(2, 3), scores, 0, 0);
    case_fini(&c);
    for (int margins = 0; margins < 2; margins++) {
        linear_classifier(&c, 1, margins ? "LOGISTIC" : "NONE");
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_I64, CASE_DIMS(2), both, 0, 0);
        case_expect(&c, 1, DT_F32, CASE_DIMS(2, 2), margins ? logistic : two, 1e-6, 1e-7);
        case_fini(&c);
    }
    linear_classifier(&c, 1, "SOFTMAX");
    refused(&c, E_UNSUPPORTED);
}
END_TEST

START_TEST(post_transforms_are_those_of_the_specification)
{
    static const float softmax[] = {0.11849966f, 0.00589975f, 0.87560060f,
                                    0.98197002f, 0.01798541f, 4.458129e-5f};
    static const float zero[] = {0.11849966f, 0.00589975f, 0.87560060f,
                                 0.9999546f,  0,           4.5397869e-5f};
    static const float x[] = {0.5f, 0.975f, 0.001f}, w[] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    static const float probit[] = {0, 1.9599640f, -3.0902323f};
    struct op_case c;
    struct err err;
    linear_classifier(&c, 3, "SOFTMAX");
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 1, DT_F32, CASE_DIMS(2, 3), softmax, 1e-4, 1e-8);
    case_fini(&c);
    linear_classifier(&c, 3, "SOFTMAX_ZERO");
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 1, DT_F32, CASE_DIMS(2, 3), zero, 1e-4, 1e-8);
    case_fini(&c);
    begin(&c, "LinearRegressor");
    case_in(&c, DT_F32, CASE_DIMS(1, 3), x);
    case_in(&c, DT_F32, CASE_DIMS(9), w);
    case_int(&c, ATTR_targets, 3);
    case_str(&c, ATTR_post_transform, "PROBIT");
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(1, 3), probit, 1e-5, 1e-6);
    case_fini(&c);
}
END_TEST

START_TEST(zip_map_wants_a_column_for_each_class)
{
    static const int64_t classes[] = {1, 2, 3};
    struct op_case c;
    begin(&c, "ZipMap");
    case_in(&c, DT_F32, CASE_DIMS(2, 3), x23);
    case_in(&c, DT_I64, CASE_DIMS(2), classes);
    refused(&c, E_BAD_INPUT);
}
END_TEST

static void svm(struct op_case *c, const int64_t *per_class, int64_t vectors)
{
    static const float coefficients[] = {1, -1, -0.5f}, rows[] = {1, 0, 0, 1, 1, 1},
                       rho[] = {0.25f};
    static const int64_t classes[] = {3, 4};
    begin(c, "SVMClassifier");
    c->n_out = 2;
    case_in(c, DT_I64, CASE_DIMS(3, 2), i23);
    case_in(c, DT_F32, CASE_DIMS(vectors), coefficients);
    case_in(c, DT_F32, CASE_DIMS(6), rows);
    case_in(c, DT_I64, CASE_DIMS(2), per_class);
    case_in(c, DT_F32, CASE_DIMS(1), rho);
    case_none(c);
    case_none(c);
    case_in(c, DT_I64, CASE_DIMS(2), classes);
}

START_TEST(a_support_vector_machine_decides_between_two)
{
    static const int64_t per_class[] = {1, 2}, beyond[] = {2, 2}, few[] = {1, 1}, minus[] = {-1, 4};
    static const int64_t label[] = {3, 4, 3};
    static const float scores[] = {-3.75f, 3.75f, 4.25f, -4.25f, -9.25f, 9.25f};
    struct op_case c;
    struct err err;
    svm(&c, per_class, 3);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_I64, CASE_DIMS(3), label, 0, 0);
    case_expect(&c, 1, DT_F32, CASE_DIMS(3, 2), scores, 1e-6, 0);
    case_fini(&c);
    svm(&c, beyond, 3);
    refused(&c, E_BAD_INPUT);
    svm(&c, few, 3);
    refused(&c, E_BAD_INPUT);
    svm(&c, minus, 3);
    refused(&c, E_BAD_INPUT);
    svm(&c, per_class, 2);
    refused(&c, E_BAD_INPUT);
}
END_TEST

Suite *suite_ml(void)
{
    return SUITE("ml", scaler_takes_one_number_or_one_per_column,
                 imputer_replaces_one_number_or_nan_by_the_columns_own,
                 normalizer_divides_rows_and_leaves_zeros, binarizer_is_strictly_above,
                 features_are_extracted_by_checked_index, features_stand_side_by_side,
                 one_hot_knows_its_categories, labels_are_looked_up_the_first_key_winning,
                 labels_change_their_dtype, a_linear_regressor_is_a_product_and_a_sum,
                 a_linear_classifier_names_the_greatest_score,
                 post_transforms_are_those_of_the_specification,
                 zip_map_wants_a_column_for_each_class,
                 a_support_vector_machine_decides_between_two);
}
