/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Opening: an artifact is told from a model file by its name, so that an error speaks of what the
 * user meant. */
#include "cli/local.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/files.h"
#include "cli/units.h"
#include "compiler/passes/passes.h"
#include "compiler/precision.h"

/* A bound against absurd shapes only; the machine's memory ends most runs before. */
static const uint64_t ARENA_MAX_BYTES = UINT64_C(1) << 40;

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n > m && strcmp(path + n - m, end) == 0;
}

bool local_is_file(const char *operand)
{
    static const char *const ends[] = {".roost", ".onnx", ".ubj", ".json"};
    for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
        if (ends_in(operand, ends[i]))
            return true;
    return file_exists(operand);
}

enum status local_format(const char *text, enum model_format *out, struct err *err)
{
    static const struct {
        const char *text;
        enum model_format format;
    } formats[] = {{"auto", MODEL_AUTO},
                   {"onnx", MODEL_ONNX},
                   {"xgboost-json", MODEL_XGBOOST_JSON},
                   {"xgboost-ubj", MODEL_XGBOOST_UBJ}};
    for (size_t i = 0; i < ARRAY_COUNT(formats); i++)
        if (!text || strcmp(formats[i].text, text) == 0) {
            *out = formats[i].format;
            return OK;
        }
    return err_set(err, E_USAGE, "unknown format '%.40s': auto, onnx, xgboost-json or xgboost-ubj",
                   text);
}

static enum status read_optimize(const char *text, enum optimize *out, struct err *err)
{
    static const char *const modes[OPTIMIZE_MODES] = {
        [OPTIMIZE_BALANCED] = "balanced", [OPTIMIZE_SPEED] = "speed", [OPTIMIZE_MEMORY] = "memory"};
    *out = OPTIMIZE_BALANCED;
    for (unsigned i = 0; text && i <= OPTIMIZE_MODES; i++) {
        if (i == OPTIMIZE_MODES)
            return err_set(err, E_USAGE,
                           "option --optimize: '%.40s' is none of speed, balanced, memory", text);
        *out = (enum optimize)i;
        if (strcmp(text, modes[i]) == 0)
            break;
    }
    return OK;
}

static enum status read_precision(const struct args *a, struct local_compile *out, struct err *err)
{
    const char *text = args_get(a, "precision"), *most = args_get(a, "max-error");
    char *end = NULL;
    unsigned i = 0;
    while (text && i < PRECISIONS && strcmp(text, precision_name((enum precision)i)) != 0)
        i++;
    if (i == PRECISIONS)
        return err_set(err, E_USAGE,
                       "option --precision: '%.40s' is none of fp32, bf16, int8, weights-bf16",
                       text);
    out->precision = (enum precision)i;
    out->calibrate = args_get(a, "calibrate");
    out->bounded = most != NULL;
    out->error_max = most ? strtod(most, &end) : 0;
    if (most && (end == most || *end || !isfinite(out->error_max) || out->error_max < 0))
        return err_set(err, E_USAGE, "option --max-error: '%.40s' is no number from 0", most);
    return OK;
}

enum status local_compile_options(const struct args *a, struct local_compile *out, struct err *err)
{
    const char *sandbox = args_get(a, "sandbox");
    const char *memory = args_get(a, "compile-memory"), *time = args_get(a, "compile-time");
    *out = (struct local_compile){.bare = sandbox && strcmp(sandbox, "off") == 0};
    if (sandbox && !out->bare && strcmp(sandbox, "on") != 0)
        return err_set(err, E_USAGE, "option --sandbox: '%.40s' is neither on nor off", sandbox);
    if (memory && units_size(memory, &out->limits.memory_bytes, err) != OK)
        return err_prefix(err, "option --compile-memory");
    if (memory && out->limits.memory_bytes >> 20 < SANDBOX_MEMORY_MIN_MIB)
        return err_set(err, E_USAGE, "option --compile-memory: at least %dMiB",
                       SANDBOX_MEMORY_MIN_MIB);
    if (time && units_duration(time, &out->limits.time_us, err) != OK)
        return err_prefix(err, "option --compile-time");
    if (time && !out->limits.time_us)
        return err_set(err, E_USAGE, "option --compile-time: at least 1us");
    if (read_optimize(args_get(a, "optimize"), &out->optimize, err) != OK)
        return err->code;
    if (read_precision(a, out, err) != OK)
        return err->code;
    if (args_get(a, "without") && passes_named(args_get(a, "without"), &out->passes_off, err) != OK)
        return err_prefix(err, "option --without");
    return local_format(args_get(a, "format"), &out->format, err);
}

/* A file that the child may map: the model itself or, where it comes through a pipe, a copy. */
static enum status model_file(const char *path, int *fd, struct err *err)
{
    struct buf model;
    enum status s = file_open_regular(path, fd, err);
    if (s != OK || *fd >= 0)
        return s;
    buf_init(&model, LOCAL_FILE_MAX);
    s = file_read(path, &model, err);
    if (s == OK)
        s = sandbox_hold(model.data, model.len, fd, err);
    buf_fini(&model);
    return s;
}

/* Where the files lie that a model at this path may want; NULL for standard input. */
static const char *folder_of(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    if (strcmp(path, "-") == 0)
        return NULL;
    snprintf(out, PATH_MAX, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    return out;
}

enum status local_compile(const char *path, const struct local_compile *how, struct local_log *log,
                          struct sandbox_result *out, struct err *err)
{
    char folder[PATH_MAX];
    struct sandbox_job job = {.folder = folder_of(path, folder),
                              .options = {.format = how->format,
                                          .passes_off = how->passes_off,
                                          .optimize = how->optimize,
                                          .precision = {.precision = how->precision,
                                                        .bounded = how->bounded,
                                                        .error_max = how->error_max},
                                          .report = log ? &log->precision : NULL,
                                          .log = log ? log->passes : NULL},
                              .limits = how->limits,
                              .bare = how->bare};
    struct buf data = {0};
    enum status s = OK;
    if (how->calibrate)
        s = local_calibration(how->calibrate, &data, err);
    job.options.precision.calibration = data.data;
    job.options.precision.calibration_bytes = data.len;
    if (s == OK)
        s = precision_check(&job.options.precision, err);
    if (s == OK)
        s = model_file(path, &job.model_fd, err);
    if (s == OK) {
        s = sandbox_compile(&job, out, err);
        close(job.model_fd);
        s = s == OK ? OK : err_prefix(err, "%.100s", path);
    }
    buf_fini(&data);
    return s;
}

enum status local_open(const char *path, const struct local_compile *how, struct program **out,
                       uint64_t *load_us, struct err *err)
{
    struct sandbox_result made = {.program = NULL};
    if (ends_in(path, ".roost")) {
        uint64_t begin = clock_now_us();
        enum status s = program_open_file(path, out, err);
        if (load_us)
            *load_us = clock_now_us() - begin;
        return s;
    }
    enum status s = local_compile(path, how, NULL, &made, err);
    if (s != OK)
        return s;
    *out = made.program;
    if (load_us)
        *load_us = made.open_us;
    buf_fini(&made.artifact);
    return OK;
}

enum status local_run_init(struct local_run *r, struct err *err)
{
    *r = (struct local_run){.session = NULL};
    arena_init(&r->arena, ARENA_MAX_BYTES, NULL);
    enum status s = session_new(&r->arena, &r->session);
    return s == OK ? OK : err_set(err, s, "cannot make a session: %s", status_text(s));
}

void local_run_fini(struct local_run *r)
{
    session_free(&r->session);
    arena_fini(&r->arena);
}
