/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Opening: an artifact is told from a model file by its name, so that an error speaks of what the
 * user meant. */
#include "cli/local.h"

#include <string.h>

#include "base/clock.h"
#include "cli/files.h"

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

enum status local_compile(const char *path, enum model_format format, struct buf *artifact,
                          struct err *err)
{
    struct compile_options o = {.format = format};
    struct buf model;
    buf_init(&model, LOCAL_FILE_MAX);
    enum status s = file_read(path, &model, err);
    if (s == OK && compile_bytes(model.data, model.len, &o, artifact, err) != OK)
        s = err_prefix(err, "%.100s", path);
    buf_fini(&model);
    return s;
}

enum status local_open(const char *path, struct program **out, uint64_t *load_us, struct err *err)
{
    struct buf artifact = {0};
    bool is_artifact = ends_in(path, ".roost");
    enum status s = is_artifact ? OK : local_compile(path, MODEL_AUTO, &artifact, err);
    if (s != OK) {
        buf_fini(&artifact);
        return s;
    }
    uint64_t begin = clock_now_us();
    s = is_artifact ? program_open_file(path, out, err)
                    : program_open_bytes(artifact.data, artifact.len, out, err);
    if (load_us)
        *load_us = clock_now_us() - begin;
    buf_fini(&artifact);
    /* program_open_file names the file itself. */
    return s == OK || is_artifact ? s : err_prefix(err, "%.100s", path);
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
