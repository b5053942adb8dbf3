/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost compile`: model file in, artifact out. The output is there whole or not at all. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/explain.h"
#include "cli/files.h"
#include "cli/local.h"
#include "cli/progress.h"
#include "cli/units.h"
#include "cli/verbs.h"

static const struct arg_option options[] = {
    {"output", 'o', "OUT.roost", "Where to write the artifact."},
    {"format", 0, "FORMAT", "auto, onnx, xgboost-json or xgboost-ubj (auto)."},
    {"explain", 0, NULL, "Print what each pass did, and what a run will cost."},
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

/* What the passes did, then what the artifact will cost. */
static enum status explain(const struct pass_log *log, const struct program *p, bool json,
                           struct buf *out)
{
    char a[UNITS_TEXT_MAX], b[UNITS_TEXT_MAX], c[UNITS_TEXT_MAX];
    const struct artifact_page0 *p0 = program_page0(p);
    enum status s = explain_passes(log, json, out);
    if (s == OK && json)
        s = buf_printf(out,
                       ", \"weights_bytes\": %" PRIu64 ", \"arena_fixed_bytes\": %" PRIu64
                       ", \"arena_per_item_bytes\": %" PRIu64,
                       p0->blob_bytes, p0->cost.arena_fixed, p0->cost.arena_per_item);
    else if (s == OK)
        s = buf_printf(out, "  %-10s %s\n  %-10s %s and %s more per item\n", "weights",
                       units_size_human(p0->blob_bytes, a), "arena",
                       units_size_human(p0->cost.arena_fixed, b),
                       units_size_human(p0->cost.arena_per_item, c));
    return s == OK ? explain_run(p, json, out) : s;
}

static enum status report_json(const char *in, const char *path, const struct sandbox_result *made,
                               bool bare, struct buf *out)
{
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
            made->artifact.len, program_instr_count(made->program),
            program_resident_bytes(made->program));
    return s == OK ? report_guards(&made->guards, bare, true, out) : s;
}

static enum status report_plain(const char *path, const struct sandbox_result *made, bool bare,
                                struct buf *out)
{
    char size[UNITS_TEXT_MAX], resident[UNITS_TEXT_MAX];
    uint32_t count = program_instr_count(made->program);
    enum status s =
        buf_printf(out, "%s: %s, %" PRIu32 " instruction%s, %s resident\n", path,
                   units_size_human(made->artifact.len, size), count, count == 1 ? "" : "s",
                   units_size_human(program_resident_bytes(made->program), resident));
    return s == OK ? report_guards(&made->guards, bare, false, out) : s;
}

static enum status number(const char *name, double v, struct buf *out)
{
    return isfinite(v) ? buf_printf(out, ", \"%s\": %.6g", name, v)
                       : buf_printf(out, ", \"%s\": null", name);
}

static enum status precision_json(const struct precision_report *r, struct buf *out)
{
    enum status s =
        buf_printf(out,
                   ", \"precision\": {\"type\": \"%s\", \"layers\": %" PRIu32
                   ", \"narrowed\": %" PRIu32 ", \"sets\": %" PRIu32,
                   precision_name((enum precision)r->precision), r->layers, r->narrowed, r->sets);
    if (s == OK && r->sets)
        s = number("error_max", r->error_max, out);
    if (s == OK && r->sets)
        s = number("error_mean", r->error_mean, out);
    if (s == OK && r->sets)
        s = number("largest", r->largest, out);
    if (s == OK && r->sets)
        s = buf_printf(out, ", \"rows\": %" PRIu64 ", \"agreed\": %" PRIu64, r->rows, r->agreed);
    return s == OK ? buf_char(out, '}') : s;
}

/* A part of the largest output; not a number where all outputs are 0. */
static double part_of(double v, const struct precision_report *r)
{
    return r->largest > 0 ? v / r->largest : v > 0 ? INFINITY : 0;
}

static enum status precision_plain(const struct precision_report *r, struct buf *out)
{
    enum status s = buf_printf(out, "  %-10s %s in %" PRIu32 " of %" PRIu32 " layers%s\n",
                               "precision", precision_name((enum precision)r->precision),
                               r->narrowed, r->layers, r->narrowed ? "" : ": all is as in fp32");
    if (s == OK && r->sets)
        s = buf_printf(out,
                       "  %-10s at most %.3g, %.3g on average (%.3g and %.3g of the largest "
                       "output), over %" PRIu32 " set%s\n",
                       "error", r->error_max, r->error_mean, part_of(r->error_max, r),
                       part_of(r->error_mean, r), r->sets, r->sets == 1 ? "" : "s");
    if (s == OK && r->rows)
        s = buf_printf(out, "  %-10s %" PRIu64 " of %" PRIu64 " rows\n", "top-1", r->agreed,
                       r->rows);
    return s;
}

static enum status report_precision(const struct precision_report *r, bool json, struct buf *out)
{
    if (r->precision == PRECISION_FP32)
        return OK;
    return json ? precision_json(r, out) : precision_plain(r, out);
}

static enum status report(const struct args *a, const struct sandbox_result *made, bool bare,
                          const struct local_log *log, struct buf *out)
{
    const char *in = a->operands[0], *path = args_get(a, "output");
    bool json = args_on(a, "json");
    enum status s =
        json ? report_json(in, path, made, bare, out) : report_plain(path, made, bare, out);
    if (s == OK)
        s = report_precision(&log->precision, json, out);
    if (s == OK && log->passes)
        s = explain(log->passes, made->program, json, out);
    return s == OK && json ? buf_str(out, "}\n") : s;
}

static int compile_run(const struct args *a)
{
    const char *in = a->operands[0], *path = args_get(a, "output");
    struct sandbox_result made = {.program = NULL};
    struct pass_log passes;
    struct local_log log = {.passes = args_on(a, "explain") ? &passes : NULL};
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
        s = local_compile(in, &how, &log, &made, &err);
    if (s == OK)
        s = file_write(path, made.artifact.data, made.artifact.len, &err);
    progress_stop(&bar);
    if (s == OK)
        s = report(a, &made, how.bare, &log, &out);
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
               "reach no file, no network\nand no other process, with bounded memory and time. "
               "Weights that an ONNX model keeps in other\n"
               "files are read from its own folder.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = compile_run,
};
