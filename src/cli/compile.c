/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost compile`: model file in, artifact out. The output is there whole or not at all. */
#include <inttypes.h>
#include <string.h>

#include "cli/files.h"
#include "cli/local.h"
#include "cli/progress.h"
#include "cli/units.h"
#include "cli/verbs.h"

static const struct arg_option options[] = {
    {"output", 'o', "OUT.roost", "Where to write the artifact."},
    {"format", 0, "FORMAT", "auto, onnx, xgboost-json or xgboost-ubj (auto)."},
    {"json", 0, NULL, "Print JSON."},
    {NULL, 0, NULL, NULL}};

static enum status report(const char *in, const char *path, const struct buf *artifact, bool json,
                          struct buf *out, struct err *err)
{
    struct artifact_page0 p0;
    char size[UNITS_TEXT_MAX], resident[UNITS_TEXT_MAX];
    enum status s = artifact_page0_read(artifact->data, artifact->len, &p0, err);
    if (s != OK)
        return s;
    uint64_t bytes = program_bytes(&p0);
    if (!json)
        return buf_printf(out, "%s: %s, %" PRIu32 " instruction%s, %s resident\n", path,
                          units_size_human(artifact->len, size), p0.n_instrs,
                          p0.n_instrs == 1 ? "" : "s", units_size_human(bytes, resident));
    s = buf_str(out, "{\"input\": ");
    if (s == OK)
        s = buf_json_str(out, in, strlen(in));
    if (s == OK)
        s = buf_str(out, ", \"output\": ");
    if (s == OK)
        s = buf_json_str(out, path, strlen(path));
    return s == OK ? buf_printf(out,
                                ", \"bytes\": %zu, \"instructions\": %" PRIu32
                                ", \"resident_bytes\": %" PRIu64 "}\n",
                                artifact->len, p0.n_instrs, bytes)
                   : s;
}

static int compile_run(const struct args *a)
{
    const char *in = a->operands[0], *path = args_get(a, "output");
    struct buf artifact = {0}, out = {0};
    struct progress bar;
    struct err err = {E_NO_MEMORY, "out of memory"};
    enum model_format format;
    if (!path) {
        err_set(&err, E_USAGE, "where to? `roost compile %.100s -o OUT.roost`", in);
        return cli_fail(&err);
    }
    enum status s = local_format(args_get(a, "format"), &format, &err);
    progress_start(&bar, "compiling", 0);
    if (s == OK)
        s = local_compile(in, format, &artifact, &err);
    if (s == OK)
        s = file_write(path, artifact.data, artifact.len, &err);
    progress_stop(&bar);
    if (s == OK)
        s = report(in, path, &artifact, args_on(a, "json"), &out, &err);
    buf_fini(&artifact);
    if (s == OK)
        return cli_print(s, &out);
    buf_fini(&out);
    return cli_fail(&err);
}

const struct verb verb_compile = {
    .name = "compile",
    .operands = "IN -o OUT.roost",
    .summary = "Compile a model file (ONNX, XGBoost JSON or UBJSON) into an artifact.",
    .details = "The same file gives the same artifact, byte for byte. What is not supported is "
               "named with\nits operator, node and opset.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = compile_run,
};
