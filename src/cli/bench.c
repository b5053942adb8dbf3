/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost bench`: how fast one thread of this machine runs a model, without a server. Runs are timed
 * one by one in nanoseconds; the first ones, while caches fill, are not counted. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "catalog/catalog.h"
#include "cli/config.h"
#include "cli/local.h"
#include "cli/progress.h"
#include "cli/units.h"
#include "cli/verbs.h"

extern char **environ;

enum { RUNS_MAX = 1 << 22, WARM_RUNS = 3, SECONDS_DEFAULT = 3, SECONDS_MAX = 3600 };

static const struct arg_option options[] = {
    {"batch", 'b', "N", "Items per run (1)."},
    {"seconds", 0, "S", "How long to run (3)."},
    {"store", 0, "URL", "Where MODEL is looked up when it is no file (as `roost serve` does)."},
    {"config", 0, "FILE", "Configuration file that names the store."},
    LOCAL_COMPILE_OPTIONS,
    {"json", 0, NULL, "Print JSON."},
    {NULL, 0, NULL, NULL}};

struct bench {
    uint64_t *ns; /* heap; one per run */
    size_t runs;
    uint64_t load_us, resident_bytes, arena_bytes;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A model of the store, read whole. */
static enum status open_model(const char *text, const struct args *a, struct program **out,
                              uint64_t *load_us, struct err *err)
{
    char name[MODEL_NAME_MAX + 1];
    struct resolved at;
    struct config c;
    struct store *store = NULL;
    struct buf bytes;
    buf_init(&bytes, LOCAL_FILE_MAX);
    enum status s = catalog_name(text, strlen(text), name, err);
    if (s == OK)
        s = config_load(&c, a, (const char *const *)environ, err);
    if (s == OK)
        s = config_open_store(&c, &store, err);
    if (s == OK)
        s = catalog_resolve(store, name, &at, err);
    uint64_t begin = clock_now_us();
    if (s == OK && buf_zeros(&bytes, at.object.bytes) != OK)
        s = err_set(err, E_NO_MEMORY, "%s: out of memory", name);
    if (s == OK)
        s = store->ops->read(store, at.key, at.object.tag, 0, bytes.data, bytes.len, err);
    if (s == OK)
        s = program_open_bytes(bytes.data, bytes.len, out, err);
    *load_us = clock_now_us() - begin;
    buf_fini(&bytes);
    if (store)
        store_free(&store);
    return s;
}

static enum status measure(struct bench *b, const struct program *p, struct local_run *r,
                           const struct local_inputs *in, uint64_t seconds, struct err *err)
{
    static struct tensor outputs[SIGNATURE_PORTS_MAX];
    const struct run_limits none = {0};
    struct progress bar;
    enum status s = OK;
    for (int i = 0; s == OK && i < WARM_RUNS; i++)
        s = session_run(r->session, p, in->tensors, outputs, &none, err);
    progress_start(&bar, "running", seconds);
    uint64_t begin = now_ns(), end = begin + seconds * 1000000000u, t = begin;
    while (s == OK && b->runs < RUNS_MAX && (t < end || b->runs == 0)) {
        s = session_run(r->session, p, in->tensors, outputs, &none, err);
        uint64_t after = now_ns();
        b->ns[b->runs++] = after - t;
        t = after;
        progress_to(&bar, (t - begin) / 1000000000u);
    }
    progress_stop(&bar);
    b->arena_bytes = session_arena_bytes(r->session);
    b->resident_bytes = program_resident_bytes(p);
    return s;
}

static int by_value(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return a < b ? -1 : a > b;
}

/* The nearest rank, in µs. */
static double percentile_us(const struct bench *b, unsigned percent)
{
    size_t rank = (b->runs * percent + 99) / 100;
    return (double)b->ns[rank ? rank - 1 : 0] / 1e3;
}

static enum status report(const struct bench *b, const char *what, int64_t batch, bool json,
                          struct buf *out)
{
    double sum_s = 0;
    for (size_t i = 0; i < b->runs; i++)
        sum_s += (double)b->ns[i] / 1e9;
    double rate = sum_s > 0 ? (double)b->runs * (double)batch / sum_s : 0;
    double median = percentile_us(b, 50), p90 = percentile_us(b, 90), p99 = percentile_us(b, 99);
    if (json) {
        enum status s = buf_str(out, "{\"model\": ");
        if (s == OK)
            s = buf_json_str(out, what, strlen(what));
        return s == OK ? buf_printf(out,
                                    ", \"batch\": %" PRId64 ", \"runs\": %zu, \"median_us\": %.3f, "
                                    "\"p90_us\": %.3f, \"p99_us\": %.3f, \"items_per_s\": %.1f, "
                                    "\"load_us\": %" PRIu64 ", \"resident_bytes\": %" PRIu64
                                    ", \"arena_bytes\": %" PRIu64 "}\n",
                                    batch, b->runs, median, p90, p99, rate, b->load_us,
                                    b->resident_bytes, b->arena_bytes)
                       : s;
    }
    char resident[UNITS_TEXT_MAX], arena[UNITS_TEXT_MAX];
    return buf_printf(out,
                      "%s: batch %" PRId64 ", one thread, %zu runs\n"
                      "  median    %.1f us\n  p90       %.1f us\n  p99       %.1f us\n"
                      "  rate      %.0f items/s\n  load      %" PRIu64 " us\n  resident  %s\n"
                      "  arena     %s\n",
                      what, batch, b->runs, median, p90, p99, rate, b->load_us,
                      units_size_human(b->resident_bytes, resident),
                      units_size_human(b->arena_bytes, arena));
}

static enum status number_option(const struct args *a, const char *name, uint64_t initial,
                                 uint64_t most, uint64_t *out, struct err *err)
{
    const char *text = args_get(a, name);
    *out = initial;
    if (text && units_count(text, out, err) != OK)
        return err_prefix(err, "option --%s", name);
    if (*out < 1 || *out > most)
        return err_set(err, E_USAGE, "option --%s: not between 1 and %" PRIu64, name, most);
    return OK;
}

static enum status bench_model(const struct args *a, struct buf *out, struct err *err)
{
    const char *what = a->operands[0];
    struct bench b = {0};
    struct program *p = NULL;
    struct local_run run = {.session = NULL};
    struct local_inputs in = {NULL, 0};
    struct local_compile how;
    uint64_t batch, seconds;
    enum status s = local_compile_options(a, &how, err);
    if (s == OK)
        s = number_option(a, "batch", 1, 1 << 20, &batch, err);
    if (s == OK)
        s = number_option(a, "seconds", SECONDS_DEFAULT, SECONDS_MAX, &seconds, err);
    b.ns = alloc_new(sizeof(*b.ns) * RUNS_MAX);
    if (s == OK && !b.ns)
        s = err_set(err, E_NO_MEMORY, "out of memory");
    if (s == OK)
        s = local_is_file(what) ? local_open(what, &how, &p, &b.load_us, err)
                                : open_model(what, a, &p, &b.load_us, err);
    if (s == OK)
        s = local_inputs_make(&in, p, (int64_t)batch, err);
    if (s == OK)
        s = local_run_init(&run, err);
    if (s == OK)
        s = measure(&b, p, &run, &in, seconds, err);
    if (s == OK) {
        qsort(b.ns, b.runs, sizeof(*b.ns), by_value);
        s = report(&b, what, (int64_t)batch, args_on(a, "json"), out);
    }
    if (run.session)
        local_run_fini(&run);
    local_inputs_free(&in);
    if (p)
        program_free(&p);
    alloc_free(b.ns);
    return s;
}

static int bench_run(const struct args *a)
{
    struct err err = {E_NO_MEMORY, "out of memory"};
    struct buf out = {0};
    if (bench_model(a, &out, &err) == OK)
        return cli_print(OK, &out);
    buf_fini(&out);
    return cli_fail(&err);
}

const struct verb verb_bench = {
    .name = "bench",
    .operands = "ARTIFACT|MODEL",
    .summary = "Time local runs of a model on one thread.",
    .details = "A .roost file, a model file (compiled first), or the name of a model in the store. "
               "Inputs are\nthe model's own sample where it has one, else seeded numbers.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = bench_run,
};
