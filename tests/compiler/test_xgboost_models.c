/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The XGBoost models in models/ give, bit for bit, what XGBoost gave for their reference rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"
#include "support/xgb.h"

static uint8_t *slurp(const char *dir, const char *name, size_t *n)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/models/%s/%s", ROOST_SOURCE_DIR, dir, name);
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f, "%s is missing", path);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    *n = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(*n + 1);
    ck_assert_uint_eq(fread(bytes, 1, *n, f), *n);
    (void)fclose(f);
    return bytes;
}

/* The floats of an npy file of version 1; moved to the front of the block. */
static float *slurp_npy(const char *dir, const char *name, int64_t *count)
{
    size_t n;
    uint8_t *bytes = slurp(dir, name, &n);
    ck_assert_uint_gt(n, 10);
    size_t head = 10 + bytes[8] + 256u * bytes[9];
    ck_assert_uint_ge(n, head);
    memmove(bytes, bytes + head, n - head);
    *count = (int64_t)((n - head) / sizeof(float));
    return (float *)bytes;
}

static void same_bits(const char *dir, const char *file, bool ubj)
{
    struct graph *g = NULL;
    struct err err = {0};
    size_t n;
    uint8_t *model = slurp(dir, file, &n);
    ck_ok(xgb_graph(model, n, ubj, &g, &err), &err);
    int64_t n_in, n_expected, n_out = 0;
    float *x = slurp_npy(dir, "test_data_set_0/input_0.npy", &n_in);
    float *expected = slurp_npy(dir, "test_data_set_0/output_0.npy", &n_expected);
    float *out = xgb_predict(g, x, n_in / g->values[g->inputs[0]].t.dims[1], &n_out, &err);
    ck_assert_msg(out, "%s", err.msg);
    ck_assert_int_eq(n_out, n_expected);
    ck_assert_mem_eq(out, expected, (size_t)n_out * sizeof(float));
    free(out);
    free(expected);
    free(x);
    free(model);
    graph_free(&g);
}

START_TEST(breast_cancer_json_equals_xgboost)
{
    same_bits("breast-cancer", "model.json", false);
}
END_TEST

START_TEST(diabetes_ubjson_equals_xgboost)
{
    same_bits("diabetes", "model.ubj", true);
}
END_TEST

Suite *suite_xgboost_models(void)
{
    return SUITE("xgboost_models", breast_cancer_json_equals_xgboost,
                 diabetes_ubjson_equals_xgboost);
}
