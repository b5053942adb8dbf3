/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Times Roost and ONNX Runtime on one network, side by side in one process, on one thread:
 *
 *     networks speed  DIM,... SECONDS LOAD_SECONDS ORT.so MODEL.onnx NAME=ARTIFACT...
 *     networks memory DIM,... ORT.so MODEL.onnx|ARTIFACT    resident bytes, one model
 *
 * Each prints a line of JSON. DIM,... is the shape of the one input. Contestants take turns in
 * short blocks, so that all see the same machine; errors are counted from the first contestant,
 * which is ONNX Runtime unless "-" stands for both of its names, and from the last one. Loads
 * follow in the same process, where all have been loaded before; with 0 LOAD_SECONDS there are
 * none. "mapped=ARTIFACT" is mapped instead of read, which makes a difference to loads alone;
 * "read=ARTIFACT" is read into memory and no more. What is freed is kept for the next load, as a
 * server keeps its budget: room for the largest file, and what libroost keeps by itself. Long
 * networks take more than the seconds: the least number of rounds is run, whatever they
 * take; and slow ones less, when three rounds agree. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "onnxruntime.h"
#include "roost/roost.h"

enum {
    CONTESTANTS_MAX = 8,
    SAMPLES_MAX = 1 << 20,
    ROUNDS = 10,
    ROUNDS_MIN = 3,  /* of latency and of loads, when the time is over before */
    ROUNDS_LONG = 2, /* where one takes more than these */
    LONG_RUNS_US = 4000000,
    LONG_LOADS_US = 3000000,
    SLOW_US = 500000, /* a round of latency that takes more ends them all, once they are settled */
};

struct contestant {
    const char *name, *path;
    bool mapped;               /* its weights, instead of reading them */
    struct roost_model *model; /* NULL: ONNX Runtime */
    struct roost_session *session;
    struct ort_session *ort;
    float *us, *answer_us; /* samples */
    size_t n;
    float *y; /* the first output */
    size_t n_y;
};

static struct contestant all[CONTESTANTS_MAX];
static size_t n_all;
static struct contestant plain; /* a file that is read and no more; path NULL: none */
static struct roost_tensor input;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "networks: %s: %s\n", what, why);
    exit(1);
}

static void open_one(struct contestant *c)
{
    struct roost_error e;
    if (c->ort || c->model)
        return;
    if (strstr(c->path, ".onnx")) {
        c->ort = ort_open(c->path);
        return;
    }
    if ((c->mapped ? roost_model_map_immutable_file : roost_model_open_file)(c->path, &c->model,
                                                                             &e) != ROOST_OK)
        die(c->path, e.message);
    if (!c->session && roost_session_new((uint64_t)1 << 33, &c->session, &e) != ROOST_OK)
        die(c->path, e.message);
}

static void close_one(struct contestant *c)
{
    if (c->ort)
        ort_close(c->ort);
    c->ort = NULL;
    roost_model_free(&c->model);
}

/* Seeded numbers in the shape that the text names. */
static void make_input(const char *text)
{
    size_t n = 1;
    input.dtype = ROOST_FLOAT32;
    for (char *end; *text && input.rank < ROOST_RANK_MAX; text = end + (*end == ',')) {
        int64_t dim = strtoll(text, &end, 10);
        if (end == text || dim < 1)
            die(text, "expected dims");
        input.dims[input.rank++] = dim;
        n *= (size_t)dim;
    }
    float *x = malloc(n * sizeof(*x));
    uint32_t seed = 1;
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / (float)(1 << 23) - 1.0f;
    }
    input.data = x;
}

static const float *run_one(struct contestant *c, size_t *count)
{
    static struct roost_tensor out;
    struct roost_error e;
    if (c->ort)
        return ort_run(c->ort, count);
    struct roost_run run = {.in = &input, .n_in = 1, .out = &out, .n_out = 1};
    if (roost_session_run(c->session, c->model, &run, &e) != ROOST_OK)
        die(c->path, e.message);
    *count = 1;
    for (int i = 0; i < out.rank; i++)
        *count *= (size_t)out.dims[i];
    return out.data;
}

/* The first run of each, whose output is kept; returns the microseconds of one run. */
static double warm_up(struct contestant *c)
{
    double begin = now_us();
    const float *y = run_one(c, &c->n_y);
    double took = now_us() - begin;
    c->y = malloc(c->n_y * sizeof(*c->y));
    memcpy(c->y, y, c->n_y * sizeof(*c->y));
    if (took > 10e3)
        return took; /* not a tiny model, whose runs are counted in batches */
    size_t count;
    begin = now_us();
    run_one(c, &count);
    return now_us() - begin;
}

/* The largest difference of c's output from another's, relative to the other's largest element. */
static double difference(const struct contestant *c, const struct contestant *other)
{
    double most = 0, scale = 0;
    if (c->n_y != other->n_y)
        die(c->path, "another number of outputs");
    for (size_t i = 0; i < c->n_y; i++) {
        if (!isfinite(c->y[i]) || !isfinite(other->y[i]))
            die(c->path, "an output is not finite");
        most = fmax(most, fabs((double)c->y[i] - (double)other->y[i]));
        scale = fmax(scale, fabs((double)other->y[i]));
    }
    return scale > 0 ? most / scale : most;
}

static int by_value(const void *x, const void *y)
{
    float a = *(const float *)x, b = *(const float *)y;
    return a < b ? -1 : a > b;
}

static void print_samples(const char *key, float *us, size_t n)
{
    qsort(us, n, sizeof(*us), by_value);
    printf("\"%s\": {\"median_us\": %.3f, \"p10_us\": %.3f, \"p90_us\": %.3f, \"best_us\": %.3f, "
           "\"samples\": %zu}",
           key, (double)us[n / 2], (double)us[n / 10], (double)us[n * 9 / 10], (double)us[0], n);
}

/* Runs c for `us`, once at least; many runs of a tiny model make one sample. */
static void latency_block(struct contestant *c, double us, double each_us)
{
    int batch = each_us < 100 ? (int)(200 / (each_us + 0.1)) + 1 : 1;
    size_t count;
    double begin = now_us(), t = begin;
    do {
        for (int i = 0; i < batch; i++)
            run_one(c, &count);
        double after = now_us();
        if (c->n < SAMPLES_MAX)
            c->us[c->n++] = (float)((after - t) / batch);
        t = after;
    } while (t - begin < us);
}

/* Do the middle four fifths of everybody's samples lie within 3 % of the median? */
static bool settled(struct contestant *const *who, size_t n_who)
{
    bool all_are = true;
    for (size_t i = 0; i < n_who; i++) {
        float *us = who[i]->us;
        const size_t n = who[i]->n;
        qsort(us, n, sizeof(*us), by_value);
        all_are = all_are && us[n * 9 / 10] - us[n / 10] <= 0.03f * us[n / 2];
    }
    return all_are;
}

static void print_latency(const struct contestant *c, const char *separator)
{
    printf("%s\"%s\": {", separator, c->name);
    print_samples("run", c->us, c->n);
    printf(", \"difference\": %.3g, \"difference_last\": %.3g}", difference(c, &all[0]),
           difference(c, &all[n_all - 1]));
}

static void latency(double seconds)
{
    double each[CONTESTANTS_MAX], turn = 0;
    struct contestant *who[CONTESTANTS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < n_all; i++) {
        double us = warm_up(&all[i]);
        if (all[i].mapped)
            continue;
        who[n] = &all[i];
        each[n++] = us;
        turn += us;
    }
    double begin = now_us(), us = seconds * 1e6;
    const int least = turn > LONG_RUNS_US ? ROUNDS_LONG : ROUNDS_MIN;
    int round = 0;
    for (; round < ROUNDS && (round < least || now_us() - begin < us); round++) {
        if (turn > SLOW_US && round >= ROUNDS_MIN && settled(who, n))
            break;
        for (size_t i = 0; i < n; i++)
            latency_block(who[i], us / ROUNDS / (double)n, each[i]);
    }
    printf("\"rounds\": %d, \"latency\": {", round);
    for (size_t i = 0; i < n; i++)
        print_latency(who[i], i ? ", " : "");
    printf("}");
}

/* Opens, answers once, closes. */
static void load_round(struct contestant *c)
{
    size_t count;
    double begin = now_us();
    open_one(c);
    double opened = now_us();
    if (c->ort)
        ort_bind(c->ort, input.data, input.dims, (size_t)input.rank);
    run_one(c, &count);
    double answered = now_us();
    close_one(c);
    if (c->n == SAMPLES_MAX)
        return;
    c->us[c->n] = (float)(opened - begin);
    c->answer_us[c->n++] = (float)(answered - begin);
}

/* Reads the file into memory that was used before, in whole huge pages as a program's is; what is
 * larger than this memory goes to it piece by piece. */
static void read_round(void)
{
    const size_t huge = 2 << 20, room = 256 << 20;
    static char *to;
    double begin = now_us();
    int fd = open(plain.path, O_RDONLY);
    const bool first = !to;
    if (first && (to = aligned_alloc(huge, room)))
        madvise(to, room, MADV_HUGEPAGE);
    ssize_t n = fd < 0 || !to ? -1 : 1;
    for (size_t at = 0; n > 0; at += (size_t)n)
        n = pread(fd, to + at % room, room - at % room, (off_t)at);
    if (n < 0)
        die(plain.path, "cannot be read");
    close(fd);
    if (!first && plain.n < SAMPLES_MAX)
        plain.us[plain.n++] = (float)(now_us() - begin);
}

static void load(double seconds)
{
    if (plain.path)
        read_round();
    for (size_t i = 0; i < n_all; i++) {
        close_one(&all[i]);
        all[i].n = 0;
    }
    double begin = now_us();
    double turn = 0;
    for (int round = 0; round < (turn > LONG_LOADS_US ? ROUNDS_LONG : ROUNDS_MIN) ||
                        now_us() - begin < seconds * 1e6;
         round++) {
        double from = now_us();
        for (size_t i = 0; i < n_all; i++)
            load_round(&all[i]);
        if (plain.path)
            read_round();
        turn = now_us() - from;
    }
    printf(", \"load\": {");
    for (size_t i = 0; i < n_all; i++) {
        printf("%s\"%s\": {", i ? ", " : "", all[i].name);
        print_samples("load", all[i].us, all[i].n);
        printf(", ");
        print_samples("answer", all[i].answer_us, all[i].n);
        printf("}");
    }
    if (plain.path) {
        printf(", \"read\": {");
        print_samples("load", plain.us, plain.n);
        printf("}");
    }
    printf("}");
}

static long resident_bytes(void)
{
    long pages = 0, total;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &total, &pages) != 2)
        die("/proc/self/statm", "cannot be read");
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

/* What the first and a second model of a process add, each run once. */
static void memory(const char *path)
{
    struct contestant two[2] = {{.path = path}, {.path = path}};
    long at[3] = {resident_bytes(), 0, 0};
    for (int i = 0; i < 2; i++) {
        size_t count;
        if (i)
            two[i].session = two[0].session; /* a worker's session serves all models */
        open_one(&two[i]);
        if (two[i].ort)
            ort_bind(two[i].ort, input.data, input.dims, (size_t)input.rank);
        run_one(&two[i], &count);
        at[i + 1] = resident_bytes();
    }
    printf("{\"first\": %ld, \"further\": %ld, \"model\": %llu}\n", at[1] - at[0], at[2] - at[1],
           (unsigned long long)(two[0].model ? roost_model_bytes(two[0].model) : 0));
}

/* Room to keep what the largest file takes, beside what is kept anyhow. */
static void keep_largest(void)
{
    const uint64_t anyhow = 256 << 20;
    uint64_t most = 0;
    for (size_t i = 0; i < n_all; i++) {
        struct stat st;
        if (stat(all[i].path, &st) != 0)
            die(all[i].path, "cannot be opened");
        most = (uint64_t)st.st_size > most ? (uint64_t)st.st_size : most;
    }
    roost_memory_keep(anyhow + most);
}

static void add(const char *name, const char *path)
{
    const bool read = strcmp(name, "read") == 0;
    if (!read && n_all == CONTESTANTS_MAX)
        die(path, "too many contestants");
    struct contestant *c = read ? &plain : &all[n_all++];
    *c = (struct contestant){.name = name, .path = path, .mapped = strcmp(name, "mapped") == 0};
    c->us = malloc(SAMPLES_MAX * sizeof(*c->us));
    c->answer_us = malloc(SAMPLES_MAX * sizeof(*c->answer_us));
}

int main(int argc, char **argv)
{
    bool mem = argc == 5 && strcmp(argv[1], "memory") == 0;
    if (!mem && (argc < 8 || strcmp(argv[1], "speed") != 0))
        die("usage",
            "networks speed DIM,... SECONDS LOAD_SECONDS ORT.so MODEL.onnx NAME=ARTIFACT...");
    make_input(argv[2]);
    if (mem || strcmp(argv[5], "-") != 0)
        ort_load(argv[mem ? 3 : 5]);
    if (mem) {
        memory(argv[4]);
        return 0;
    }
    if (strcmp(argv[5], "-") != 0)
        add("ort", argv[6]);
    for (int i = 7; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals)
            die(argv[i], "expected NAME=ARTIFACT");
        *equals = 0;
        add(argv[i], equals + 1);
    }
    keep_largest();
    for (size_t i = 0; i < n_all; i++) {
        open_one(&all[i]);
        if (all[i].ort)
            ort_bind(all[i].ort, input.data, input.dims, (size_t)input.rank);
    }
    printf("{");
    latency(atof(argv[3]));
    if (atof(argv[4]) > 0)
        load(atof(argv[4]));
    printf("}\n");
    return 0;
}
