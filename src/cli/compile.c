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
    LOCAL_COMPILE_OPTIONS,
    {"json", 0, NULL, "Print JSON."},
    {NULL, 0, NULL, NULL}};

/* What held the compiler; in plain text only when that is less than it should be. */
static enum status report_guards(const struct sandbox_guards *g, bool bare, bool json,
                                 struct buf *out)
{
    char text[SANDBOX_GUARDS_TEXT_MAX];
    if (json)
        return buf_printf(out, ", \"sandbox\": \"%s\"",
                          bare ? "off" : sandbox_guards_text(g, text));
    if (bare || sandbox_guards_whole(g))
        return OK;
    return buf_printf(out, "  sandbox: %s\n", sandbox_guards_text(g, text));
}

static enum status report(const char *in, const char *path, const struct sandbox_result *made,
                          const struct args *a, bool bare, struct buf *out)
{
    const struct artifact_page0 *p0 = program_page0(made->program);
    char size[UNITS_TEXT_MAX], resident[UNITS_TEXT_MAX];
    uint64_t bytes = program_resident_bytes(made->program);
    if (!args_on(a, "json")) {
        enum status s = buf_printf(out, "%s: %s, %" PRIu32 " instruction%s, %s resident\n", path,
                                   units_size_human(made->artifact.len, size), p0->n_instrs,
                                   p0->n_instrs == 1 ? "" : "s", units_size_human(bytes, resident));
        return s == OK ? report_guards(&made->guards, bare, false, out) : s;
    }
    enum status s = buf_str(out, "{\"input\": ");
    if (s == OK)
        s = buf_json_str(out, in, strlen(in));
    if (s == OK)
        s = buf_str(out, ", \"output\": ");
    if (s == OK)
        s = buf_json_str(out, path, strlen(path));
    if (s == OK)
        s = buf_printf(
            out, ", \"bytes\": %zu, \"instructions\": %" PRIu32 ", \"resident_bytes\": %" PRIu64,
            made->artifact.len, p0->n_instrs, bytes);
    if (s == OK)
        s = report_guards(&made->guards, bare, true, out);
    return s == OK ? buf_str(out, "}\n") : s;
}

static int compile_run(const struct args *a)
{
    const char *in = a->operands[0], *path = args_get(a, "output");
    struct sandbox_result made = {.program = NULL};
    struct local_compile how;
    struct buf out = {0};
    struct progress bar;
    struct err err = {E_NO_MEMORY, "out of memory"};
    if (!path) {
        err_set(&err, E_USAGE, "where to? `roost compile %.100s -o OUT.roost`", in);
        return cli_fail(&err);
    }
    enum status s = local_compile_options(a, &how, &err);
    progress_start(&bar, "compiling", 0);
    if (s == OK)
        s = local_compile(in, &how, &made, &err);
    if (s == OK)
        s = file_write(path, made.artifact.data, made.artifact.len, &err);
    progress_stop(&bar);
    if (s == OK)
        s = report(in, path, &made, a, how.bare, &out);
    sandbox_result_fini(&made);
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
               "named with\nits operator, node and opset. The compiler runs in a process that can "
               "reach no file, no network\nand no other process, with bounded memory and time.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = compile_run,
};
