/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost run`: one answer of a model, from a file here or from a server. Standard output holds the
 * answer and nothing else. */
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/files.h"
#include "cli/local.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "codec/codec.h"

enum { ASK_MS = 10 * 60 * 1000 };

static const struct arg_option options[] = {
    {"input", 'i', "FILE", "The request; standard input by default."},
    {"json", 0, NULL, "The request is JSON (the default unless the file's name says else)."},
    {"csv", 0, NULL, "The request is CSV."},
    {"npy", 0, NULL, "The request is a .npy file."},
    {"accept", 0, "FORMAT", "The answer's form: json, csv or npy; else as the request."},
    {"times", 't', NULL, "Say on stderr where the time went (server only)."},
    LOCAL_COMPILE_OPTIONS,
    CLIENT_SERVER_OPTION,
    {NULL, 0, NULL, NULL}};

static const struct {
    const char *name, *ends, *media;
} formats[] = {[CODEC_JSON] = {"json", ".json", "application/json"},
               [CODEC_CSV] = {"csv", ".csv", "text/csv"},
               [CODEC_NPY] = {"npy", ".npy", "application/x-npy"}};

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n >= m && strcmp(path + n - m, end) == 0;
}

static enum codec_format input_format(const struct args *a, const char *path)
{
    for (size_t f = 0; f < ARRAY_COUNT(formats); f++)
        if (args_on(a, formats[f].name))
            return (enum codec_format)f;
    for (size_t f = 0; f < ARRAY_COUNT(formats); f++)
        if (ends_in(path, formats[f].ends))
            return (enum codec_format)f;
    return CODEC_JSON;
}

static enum status output_format(const struct args *a, enum codec_format as_input,
                                 enum codec_format *out, struct err *err)
{
    const char *text = args_get(a, "accept");
    *out = as_input;
    for (size_t f = 0; text && f < ARRAY_COUNT(formats); f++)
        if (strcmp(formats[f].name, text) == 0) {
            *out = (enum codec_format)f;
            return OK;
        }
    return text ? err_set(err, E_USAGE, "option --accept: '%.40s' is none of json, csv, npy", text)
                : OK;
}

static enum status run_program(const struct program *p, const struct codec_request *request,
                               enum codec_format f, const struct codec_options *o, struct buf *out,
                               struct err *err)
{
    static struct tensor outputs[SIGNATURE_PORTS_MAX];
    const struct run_limits none = {0};
    struct local_run run;
    enum status s = local_run_init(&run, err);
    if (s != OK)
        return s;
    s = session_run(run.session, p, request->inputs, outputs, &none, err);
    if (s == OK)
        s = codec_encode(f, program_signature(p), outputs, request, o, out, err);
    local_run_fini(&run);
    return s;
}

static enum status run_file(const struct args *a, const struct buf *body, enum codec_format in,
                            enum codec_format f, struct buf *out, struct err *err)
{
    const char *path = a->operands[0];
    const struct codec_options o = {.model_name = path, .model_version = ""};
    struct local_compile how;
    struct program *p = NULL;
    struct codec_request request;
    codec_request_init(&request, NULL, NULL);
    enum status s = local_compile_options(a, &how, err);
    if (s == OK)
        s = local_open(path, &how, &p, NULL, err);
    if (s == OK)
        s = codec_decode(in, body->data, body->len, program_signature(p), &o, &request, err);
    if (s == OK)
        s = run_program(p, &request, f, &o, out, err);
    codec_request_fini(&request);
    if (p)
        program_free(&p);
    return s;
}

static enum status run_model(const struct args *a, const struct buf *body, enum codec_format in,
                             enum codec_format f, struct buf *out, struct err *err)
{
    char path[600];
    struct client_reply reply;
    struct client_request r = {.server = client_server(a),
                               .method = "POST",
                               .path = path,
                               .content_type = formats[in].media,
                               .accept = formats[f].media,
                               .body = body->data ? body->data : (const void *)"",
                               .body_bytes = body->len,
                               .timeout_ms = ASK_MS};
    enum status s = client_model_path(a->operands[0], "/invoke", path, sizeof(path), err);
    if (s != OK)
        return s;
    s = client_call(&r, &reply, err);
    if (s == OK)
        s = client_check(&reply, err);
    if (s == OK && args_on(a, "times"))
        fprintf(stderr, "%s  %s\n", *reply.cache ? reply.cache : "-", reply.timing);
    if (s == OK)
        buf_move(out, &reply.body);
    client_reply_fini(&reply);
    return s;
}

static int run_run(const struct args *a)
{
    const char *what = a->operands[0], *path = args_get(a, "input");
    struct buf body, out = {0};
    struct progress bar;
    struct err err;
    path = path ? path : "-";
    enum codec_format in = input_format(a, path), f;
    buf_init(&body, LOCAL_FILE_MAX);
    enum status s = output_format(a, in, &f, &err);
    if (s == OK)
        s = file_read(path, &body, &err);
    progress_start(&bar, "running", 0);
    if (s == OK)
        s = local_is_file(what) ? run_file(a, &body, in, f, &out, &err)
                                : run_model(a, &body, in, f, &out, &err);
    progress_stop(&bar);
    buf_fini(&body);
    if (s == OK && f == CODEC_JSON && out.len && out.data[out.len - 1] != '\n')
        s = buf_char(&out, '\n') == OK ? OK : err_set(&err, E_NO_MEMORY, "out of memory");
    if (s == OK)
        return cli_print(s, &out);
    buf_fini(&out);
    return cli_fail_hint(&err, s == E_NOT_FOUND ? "`roost ls` lists what the store holds" : "");
}

const struct verb verb_run = {
    .name = "run",
    .operands = "FILE|MODEL",
    .summary = "Run a model once and print its answer.",
    .details = "A .roost file or a model file runs here; for any other name the server is asked. "
               "The request is\nwhat the HTTP API takes: {\"instances\": [...]}, rows of CSV, or a "
               ".npy file.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run_run,
};
