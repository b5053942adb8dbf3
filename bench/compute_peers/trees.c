/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Times Roost and XGBoost's C API on one booster, side by side in one process, on one thread:
 *
 *     trees SECONDS MODEL.json ARTIFACT ROWS COLUMNS      a line of JSON
 *
 * XGBoost predicts in place from dense rows, its fastest way. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <xgboost/c_api.h>

#include "roost/roost.h"

enum { SAMPLES_MAX = 1 << 18, ROUNDS = 10, SAMPLE_US = 300 };

struct contestant {
    const char *name;
    const float *(*run)(void);
    float *us;
    size_t n;
};

static BoosterHandle booster;
static DMatrixHandle proxy;
static char rows_text[256];
static struct roost_model *model;
static struct roost_session *session;
static struct roost_tensor input;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *why)
{
    fprintf(stderr, "trees: %s\n", why);
    exit(1);
}

static const float *run_xgboost(void)
{
    static const char how[] =
        "{\"type\": 0, \"cache_id\": 0, \"training\": false, \"iteration_begin\": 0, "
        "\"iteration_end\": 0, \"strict_shape\": true, \"missing\": NaN}";
    const bst_ulong *shape;
    bst_ulong dims;
    const float *out;
    if (XGBoosterPredictFromDense(booster, rows_text, how, proxy, &shape, &dims, &out))
        die(XGBGetLastError());
    return out;
}

static const float *run_roost(void)
{
    static struct roost_tensor out[2];
    struct roost_error e;
    struct roost_run run = {
        .in = &input, .n_in = 1, .out = out, .n_out = roost_model_output_count(model)};
    if (roost_session_run(session, model, &run, &e) != ROOST_OK)
        die(e.message);
    return out[0].data;
}

static void block(struct contestant *c, double us)
{
    double begin = now_us(), t = begin;
    c->run();
    double each = now_us() - begin;
    int batch = (int)(SAMPLE_US / (each + 0.1)) + 1;
    for (t = now_us(); t - begin < us;) {
        for (int i = 0; i < batch; i++)
            c->run();
        double after = now_us();
        if (c->n < SAMPLES_MAX)
            c->us[c->n++] = (float)((after - t) / batch);
        t = after;
    }
}

static int by_value(const void *x, const void *y)
{
    float a = *(const float *)x, b = *(const float *)y;
    return a < b ? -1 : a > b;
}

static void open_all(const char *json, const char *artifact)
{
    struct roost_error e;
    if (XGBoosterCreate(NULL, 0, &booster) || XGBoosterLoadModel(booster, json) ||
        XGBoosterSetParam(booster, "nthread", "1") || XGProxyDMatrixCreate(&proxy))
        die(XGBGetLastError());
    if (roost_model_open_file(artifact, &model, &e) != ROOST_OK ||
        roost_session_new(1 << 30, &session, &e) != ROOST_OK)
        die(e.message);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        die("usage: trees SECONDS MODEL.json ARTIFACT ROWS COLUMNS");
    int rows = atoi(argv[4]), columns = atoi(argv[5]);
    float *x = malloc((size_t)rows * (size_t)columns * sizeof(*x));
    uint32_t seed = 1;
    for (int i = 0; i < rows * columns; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / (float)(1 << 23) - 1.0f;
    }
    open_all(argv[2], argv[3]);
    snprintf(rows_text, sizeof(rows_text),
             "{\"data\": [%llu, true], \"shape\": [%d, %d], \"typestr\": \"<f4\", \"version\": 3}",
             (unsigned long long)(uintptr_t)x, rows, columns);
    input = (struct roost_tensor){
        .dtype = ROOST_FLOAT32, .rank = 2, .dims = {rows, columns}, .data = x};
    struct contestant all[] = {{.name = "xgboost", .run = run_xgboost},
                               {.name = "roost", .run = run_roost}};
    for (int i = 0; i < 2; i++)
        all[i].us = malloc(SAMPLES_MAX * sizeof(float));
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < 2; i++)
            block(&all[i], atof(argv[1]) * 1e6 / ROUNDS / 2);
    const float *a = run_xgboost(), *b = run_roost();
    double most = 0, scale = 0;
    for (int i = 0; i < rows; i++) {
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
        scale = fmax(scale, fabs((double)a[i]));
    }
    printf("{");
    for (int i = 0; i < 2; i++) {
        qsort(all[i].us, all[i].n, sizeof(float), by_value);
        printf("\"%s\": {\"run\": {\"median_us\": %.3f, \"p10_us\": %.3f, \"p90_us\": %.3f}}, ",
               all[i].name, (double)all[i].us[all[i].n / 2], (double)all[i].us[all[i].n / 10],
               (double)all[i].us[all[i].n * 9 / 10]);
    }
    printf("\"difference\": %.3g}\n", scale > 0 ? most / scale : most);
    return 0;
}
